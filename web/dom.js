// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The few things that every view does to the page. Text goes in as text, never as HTML. What does
 * not change is not touched: a selection stays, and a screen reader is not disturbed.
 */

/**
 * @param {string} id of an element that index.html has
 * @returns {HTMLElement}
 */
export function byId(id) {
	return document.getElementById(id);
}

/**
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {...(Node|string)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
	const element = document.createElement(tag);

	for (const [name, value] of Object.entries(attributes))
		element.setAttribute(name, value);
	element.append(...children);
	return element;
}

/**
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
	if (element.textContent !== text)
		element.textContent = text;
}

/**
 * Show a figure: as text, and as the exact value for programs.
 *
 * @param {HTMLDataElement|HTMLTimeElement} element
 * @param {number|string|null|undefined} value
 * @param {(value: any) => string} format
 */
export function setFigure(element, value, format) {
	const name = element.localName === "time" ? "datetime" : "value";

	if (value === null || value === undefined)
		element.removeAttribute(name);
	else if (element.getAttribute(name) !== String(value))
		element.setAttribute(name, String(value));
	setText(element, format(value));
}
