// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The web service's API, as this page uses it: the only file that knows addresses. They are
 * relative, so that the page also works below a path of a reverse proxy.
 *
 * Counters above 2^53 lose their last digits in JSON.parse(); the page shows no more than it keeps.
 */

/** How long an answer may take, in ms. */
const PATIENCE_MS = 4000;

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

async function send(path, parameters, signal) {
	const url = new URL(`api/${path}`, document.baseURI);

	for (const [name, value] of Object.entries(parameters))
		url.searchParams.set(name, value);
	const timeout = AbortSignal.timeout(PATIENCE_MS);
	try {
		const response = await fetch(url, {
			signal: AbortSignal.any([signal, timeout]),
			cache: "no-store",
		});
		return [response, await response.text()];
	} catch {
		signal.throwIfAborted();
		const late = `no answer in ${PATIENCE_MS / 1000} s`;
		throw new Lost(timeout.aborted ? late : "no connection");
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
	if (response.status === 401) // a login that has ended
		location.replace(`login.html${location.search}${location.hash}`);
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
 * The newest sample and the totals, of one interface or added up.
 *
 * @param {string} reference an interface, or "" for all
 * @param {AbortSignal} signal
 * @returns {Promise<{realtime: any, summary: any, servedAt: number}>} servedAt: the server's time
 *	in ms
 * @throws {Refusal|Lost}
 */
export async function getFigures(reference, signal) {
	const [[realtime, servedAt], [summary]] = await Promise.all([
		get("metrics/realtime", chosen(reference), signal),
		get("stats/summary", chosen(reference), signal),
	]);

	return { realtime, summary, servedAt };
}

/**
 * Each interface there is, or was.
 *
 * @param {AbortSignal} signal
 * @returns {Promise<any[]>}
 * @throws {Refusal|Lost}
 */
export async function getInterfaces(signal) {
	const [answer] = await get("interfaces", {}, signal);

	return answer.interfaces;
}

/**
 * What was recorded of one interface.
 *
 * @param {string} reference
 * @param {{seconds: number, step: number, metrics: string[]}} what the last seconds, one value a
 *	step (seconds), of these metrics
 * @param {AbortSignal} signal
 * @returns {Promise<{step_ms: number, columns: string[], data: (number|null)[][]}>}
 * @throws {Refusal|Lost}
 */
export async function getHistory(reference, what, signal) {
	const [answer] = await get("history", {
		interface: reference,
		from: String(-what.seconds),
		step: `${what.step}s`,
		metrics: what.metrics.join(","),
	}, signal);

	return answer;
}
