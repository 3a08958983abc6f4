// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The beginning: what the address names is asked for, and followed from then on. That needs few of the page's files,
 * so that answers come while those that show them are still on their way.
 */
import { keepConnected } from "./connection.js";
import { Source } from "./source.js";
import { viewOf } from "./view.js";

const SOON_MS = 500;
const { reference } = viewOf(location.hash);

/** All that is known. */
export const source = new Source(reference);

/** Begin anew, now: something else is chosen. */
export const again = keepConnected(
	(signal, answered) => source.session(() => viewOf(location.hash), signal, answered),
	(error) => source.fail(error));

/*
 * What draws takes a while to begin, in which no answer is heard: it does so when the first history has been asked for,
 * or there is nothing to ask.
 */
let timer = setTimeout(loadPage, SOON_MS);

function loadPage() {
	import("./app.js");
}

function loadNow() {
	clearTimeout(timer);
	timer = setTimeout(loadPage);
}

source.toldTo({ listed: loadNow, changed() {}, read() {}, failed: loadNow });
