// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Server-Sent Events out of a response's body, as the HTML standard has them. Not the browser's own
 * EventSource, which tells neither why a server refuses nor that it has fallen silent, and forgets what it
 * has had when it gives up. Pure but for the reading.
 *
 * @typedef {{type: string, data: string, id: string|null}} Event id: null where the event has none
 */

/** Takes text as it comes, in pieces of any size, and gives whole events. */
export class Parser {
	constructor() {
		this.pending = "";
		this.begin();
	}

	begin() {
		this.event = { type: "message", data: [], id: null };
	}

	line(text, events) {
		const colon = text.indexOf(":");
		const name = colon < 0 ? text : text.slice(0, colon);
		const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");

		if (text === "") {
			if (this.event.data.length)
				events.push({ ...this.event, data: this.event.data.join("\n") });
			this.begin();
		} else if (name === "data") {
			this.event.data.push(value);
		} else if (name === "event") {
			this.event.type = value;
		} else if (name === "id") {
			this.event.id = value;
		}
	}

	/**
	 * @param {string} text
	 * @returns {Event[]} those that it completes
	 */
	take(text) {
		const lines = (this.pending + text).split("\n");
		const events = [];

		this.pending = lines.pop();
		for (const each of lines)
			this.line(each.replace(/\r$/, ""), events);
		return events;
	}
}

/**
 * Read a body to its end.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {(event: Event) => void} onEvent
 * @param {(error: Error) => never} broken it has no end
 */
export async function readEvents(body, onEvent, broken) {
	const reader = body.getReader();
	const decoder = new TextDecoder();
	const parser = new Parser();

	for (;;) {
		const { done, value } = await reader.read().catch(broken);

		if (done)
			return;
		parser.take(decoder.decode(value, { stream: true })).forEach(onEvent);
	}
}
