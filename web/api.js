// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The web service's API, as this page uses it: the only file that knows addresses. They are
 * relative, so that the page also works below a path of a reverse proxy.
 *
 * Counters above 2^53 lose their last digits in JSON.parse(); the page shows no more than it keeps.
 */

/** How long an answer may take, in ms. */
const PATIENCE_MS = 4000;
const LATE = `no answer in ${PATIENCE_MS / 1000} s`;

/* Of one question for a history. */
const MAX_METRICS = 32;

/**
 * @typedef {object} Count
 * @property {number} packets since counting began
 * @property {number} [bytes]
 * @property {number|null} packets_per_s null before there are two samples
 * @property {number|null} [bits_per_s]
 */

/** The server answered, and says why it cannot give what was asked for (RFC 9457). */
export class Refusal extends Error {
	/** @param {{status: number, title: string, detail?: string}} problem */
	constructor(problem) {
		super(problem.detail || problem.title);
		this.status = problem.status;
	}
}

/** There was no answer of this API: no connection, no answer in time, or somebody else's. */
export class Lost extends Error {}

/* Commas stay as they are, for people who read the address. */
function addressOf(path, parameters) {
	const url = new URL(`api/${path}`, document.baseURI);

	for (const [name, value] of Object.entries(parameters))
		url.searchParams.set(name, value);
	url.search = url.search.replaceAll("%2C", ",");
	return url;
}

/* index.html asks for the list before there is any script: so that one is taken while it is new. */
function isEarly() {
	return performance.now() < PATIENCE_MS;
}

async function send(path, parameters, signal) {
	const url = addressOf(path, parameters);
	const timeout = AbortSignal.timeout(PATIENCE_MS);
	try {
		const response = await fetch(url, {
			signal: AbortSignal.any([signal, timeout]),
			cache: isEarly() ? "default" : "no-store",
		});
		return [response, await response.text()];
	} catch {
		signal.throwIfAborted();
		throw new Lost(timeout.aborted ? LATE : "no connection");
	}
}

function parse(response, text) {
	try {
		return JSON.parse(text);
	} catch {
		const status = `HTTP status ${response.status}`;
		throw new Lost(response.ok ? "the answer is not JSON" : status);
	}
}

/* A login that has ended, or there was none. */
function leaveIfLoggedOut(response) {
	if (response.status === 401)
		location.replace(`login.html${location.search}${location.hash}`);
}

function isProblem(response) {
	const type = response.headers.get("Content-Type") ?? "";

	return !response.ok && type.startsWith("application/problem+json");
}

/**
 * Ask, and check that it is this API that answers.
 *
 * @param {string} path below api/
 * @param {Record<string, string>} parameters
 * @param {AbortSignal} signal ends it; its reason is then thrown
 * @returns {Promise<[any, number]>} the answer, and the server's time in ms since 1970
 */
async function get(path, parameters, signal) {
	const [response, text] = await send(path, parameters, signal);
	leaveIfLoggedOut(response);
	const answer = parse(response, text);

	if (isProblem(response))
		throw new Refusal(answer);
	if (!response.ok)
		throw new Lost(`HTTP status ${response.status}`);
	if (answer.schema !== 1)
		throw new Lost(`the server speaks schema ${answer.schema}: load this page again`);
	const date = Date.parse(response.headers.get("Date") ?? "");
	return [answer, Number.isNaN(date) ? Date.now() : date];
}

function chosen(reference) {
	return reference ? { interface: reference } : {};
}

/**
 * The newest sample of one interface, or of all added up.
 *
 * @param {string} reference an interface, or "" for all
 * @param {AbortSignal} signal
 * @returns {Promise<[any, number]>} and the server's time in ms
 * @throws {Refusal|Lost}
 */
export function getRealtime(reference, signal) {
	return get("metrics/realtime", chosen(reference), signal);
}

/**
 * Totals, averages and peak.
 *
 * @param {string} reference
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 * @throws {Refusal|Lost}
 */
export async function getSummary(reference, signal) {
	const [answer] = await get("stats/summary", chosen(reference), signal);

	return answer;
}

/**
 * Each interface there is, or was.
 *
 * @param {AbortSignal} signal
 * @returns {Promise<[any[], number]>} and the server's time in ms
 * @throws {Refusal|Lost}
 */
export async function getInterfaces(signal) {
	const [answer, servedAt] = await get("interfaces", {}, signal);

	return [answer.interfaces, servedAt];
}

/**
 * @typedef {object} Stretch of a history
 * @property {number} from Unix seconds, or negative: seconds before now
 * @property {number} [to]
 * @property {number} [step] seconds of a row; the finest there is
 */

function historyParameters(reference, { from, to, step }, metrics) {
	return {
		interface: reference,
		from: String(from),
		...(to === undefined ? {} : { to: String(to) }),
		...(step === undefined ? {} : { step: `${step}s` }),
		metrics: metrics.join(","),
	};
}

/* The API takes so many at once. */
function pieces(metrics) {
	const n = Math.ceil(metrics.length / MAX_METRICS);

	return Array.from({ length: n }, (_, i) =>
		metrics.slice(i * MAX_METRICS, (i + 1) * MAX_METRICS));
}

/**
 * What was recorded of one interface.
 *
 * @param {string} reference
 * @param {Stretch} stretch
 * @param {string[]} metrics
 * @param {AbortSignal} signal
 * @param {(answer: object) => void} [partly] is given the first columns, if the others have to be asked for then
 * @returns {Promise<{from: string, to: string, step_ms: number, epochs: any[], columns: string[],
 *	data: (number|null)[][]}>}
 * @throws {Refusal|Lost}
 */
export async function getHistory(reference, stretch, metrics, signal, partly) {
	const [first, ...others] = pieces(metrics);
	const [answer] = await get("history", historyParameters(reference, stretch, first), signal);
	const same = {
		from: Date.parse(answer.from) / 1000,
		to: Date.parse(answer.to) / 1000,
		step: answer.step_ms / 1000,
	};

	if (others.length)
		partly?.(answer);
	for (const piece of answer.data[0].length ? others : []) {
		const [more] = await get("history", historyParameters(reference, same, piece), signal);
		if (more.data[0].join() !== answer.data[0].join())
			throw new Lost("the history changed while it was read");
		answer.columns.push(...piece);
		answer.data.push(...more.data.slice(1));
	}
	if (!answer.data[0].length)
		others.flat().forEach((name) => answer.columns.push(name) && answer.data.push([]));
	return answer;
}

/**
 * @param {string} reference
 * @param {Stretch} stretch
 * @param {string[]} metrics
 * @returns {string} commands for a shell that get the same as JSON
 */
export function curlOf(reference, stretch, metrics) {
	return pieces(metrics).map((piece) => {
		const url = addressOf("history", historyParameters(reference, stretch, piece));
		return `curl -s '${url.href.replaceAll("'", "%27")}'`;
	}).join("\n");
}

/**
 * Follow the samples as they come.
 *
 * @param {string} reference an interface, or "" for all
 * @param {string} lastId of the last event that was had, "" for none: what came since then comes first
 * @param {AbortSignal} signal ends it
 * @returns {Promise<ReadableStream<Uint8Array>>} Server-Sent Events
 * @throws {Refusal|Lost}
 */
export async function openStream(reference, lastId, signal) {
	const late = new AbortController(); // a stream has no end, but it has to begin
	const timer = setTimeout(() => late.abort(), PATIENCE_MS);
	let response;

	try {
		response = await fetch(addressOf("stream", chosen(reference)), {
			signal: AbortSignal.any([signal, late.signal]),
			cache: "no-store",
			headers: lastId ? { "Last-Event-ID": lastId } : {},
		});
	} catch {
		signal.throwIfAborted();
		throw new Lost(late.signal.aborted ? LATE : "no connection");
	} finally {
		clearTimeout(timer);
	}
	leaveIfLoggedOut(response);
	if (isProblem(response))
		throw new Refusal(parse(response, await response.text()));
	if (!response.ok || !response.body)
		throw new Lost(`HTTP status ${response.status}`);
	return response.body;
}

// ---- the login ----

/**
 * @param {string} token
 * @returns {Promise<string>} what is wrong, as the server says it; "" where this browser is let in now
 */
export async function logIn(token) {
	const body = new URLSearchParams({ token });
	const response = await fetch("login", { method: "POST", body }).catch(() => null);

	if (!response)
		return "no connection";
	if (response.ok)
		return "";
	const wait = response.headers.get("Retry-After");
	const problem = await response.json().catch(() => ({}));
	return (problem.detail ?? `HTTP status ${response.status}`) + (wait ? ` (${wait} s)` : "");
}

/** @returns {Promise<boolean>} whether the server was there to hear it */
export function logOut() {
	return fetch("logout", { method: "POST" }).then(() => true, () => false);
}

/** @returns {Promise<boolean|null>} whether this browser is let in; null: nobody answers */
export function isLetIn() {
	return fetch(addressOf("interfaces", {}), { cache: "no-store" }).then(({ ok }) => ok, () => null);
}
