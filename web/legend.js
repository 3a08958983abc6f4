// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The series of a chart by name, each with its value where the pointer is, or its newest; a press leaves
 * one out or takes it in again. Buttons, so that they are reached without a mouse.
 */
import { colourOf, dashOf } from "./chart.js";
import { make, setFigure } from "./dom.js";

function swatch(colour) {
	const kind = dashOf(colour).length ? "swatch dashed" : "swatch";
	const element = make("span", { class: kind, "aria-hidden": "true" });

	element.style.setProperty("--swatch", `var(${colourOf(colour)})`);
	return element;
}

export class Legend {
	/**
	 * @param {HTMLElement} list
	 * @param {(id: string) => void} onToggle
	 */
	constructor(list, onToggle) {
		this.list = list;
		this.onToggle = onToggle;
		this.kind = "";
	}

	item({ id, label, colour }) {
		const button = make("button", { type: "button" }, swatch(colour),
			make("span", { class: "name" }, label), make("data"));

		button.addEventListener("click", () => this.onToggle(id));
		return make("li", {}, button);
	}

	/**
	 * @param {import("./metrics.js").Series[]} series
	 * @param {string[]} hidden ids of those left out
	 */
	show(series, hidden) {
		const kind = JSON.stringify(series.map(({ id, label, colour }) => [id, label, colour]));

		if (kind !== this.kind)
			this.list.replaceChildren(...series.map((one) => this.item(one)));
		this.kind = kind;
		series.forEach(({ id }, i) => {
			const button = this.list.children[i].firstChild;
			button.setAttribute("aria-pressed", String(!hidden.includes(id)));
		});
	}

	/** @param {(number|null)[]} values one for each series */
	fill(values, format) {
		values.forEach((value, i) =>
			setFigure(this.list.children[i].firstChild.lastChild, value, format));
	}
}
