// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * When to ask: a session, and when it has ended, after a pause, another one; none while nobody looks. One
 * at a time.
 */

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 5000;

/**
 * Begin, with the first session at once.
 *
 * @param {(signal: AbortSignal, answered: () => void) => Promise<never>} session asks and listens until
 *	that fails; is to end without effect once the signal is aborted; answered() says that the server is
 *	there
 * @param {(error: Error) => void} failed is told why it ended
 * @returns {() => void} ends the session that runs, and begins one now
 */
export function keepConnected(session, failed) {
	let timer = 0;
	let failures = 0;
	let running = new AbortController();

	async function run(controller) {
		try {
			await session(controller.signal, () => { failures = 0; });
		} catch (error) {
			if (controller.signal.aborted)
				return;
			const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
			failures++;
			failed(error);
			timer = setTimeout(run, pause, controller);
		}
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
