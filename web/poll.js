// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * When to ask: once a period, never twice at once, not at all while nobody looks, and less often
 * while nobody answers.
 */

const PERIOD_MS = 1000;
const LONGEST_MS = 5000; // between two tries while there is no answer
const SHORTEST_MS = 200; // of rest, behind a server that needs long

function pause(failures, took) {
	if (failures)
		return Math.min(PERIOD_MS * 2 ** (failures - 1), LONGEST_MS);
	return Math.max(PERIOD_MS - took, SHORTEST_MS);
}

/**
 * Begin, with the first step at once.
 *
 * @param {(signal: AbortSignal) => Promise<boolean>} step asks, and tells whether there was an
 *	answer; is to end without effect once the signal is aborted
 * @returns {() => void} ends the step that runs, and begins one now
 */
export function poll(step) {
	let timer = 0;
	let failures = 0;
	let running = new AbortController();

	async function run(controller) {
		const start = performance.now();
		const answered = await step(controller.signal);

		if (controller.signal.aborted)
			return;
		failures = answered ? 0 : failures + 1;
		timer = setTimeout(run, pause(failures, performance.now() - start), controller);
	}

	function restart() {
		running.abort();
		clearTimeout(timer);
		failures = 0;
		running = new AbortController();
		if (!document.hidden)
			run(running);
	}

	document.addEventListener("visibilitychange", restart);
	window.addEventListener("online", restart);
	restart();
	return restart;
}
