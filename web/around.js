// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What stands around the charts over time: state, tools, figures, sizes, tables, and all interfaces at once. The page
 * draws its charts without this file, and loads it behind the first of them.
 */
import { Refusal } from "./api.js";
import { control } from "./controls.js";
import { byId, setText } from "./dom.js";
import { showFigures, showSparks } from "./figures.js";
import { bits, time, zone } from "./format.js";
import { showHeader } from "./header.js";
import { showHistogram, sizesOf } from "./histogram.js";
import { selected, showRecorded, showSwitch } from "./interfaces.js";
import { Overview } from "./overview.js";
import { ageOf, statusOf } from "./status.js";
import { showCounters, showInterfaces } from "./tables.js";
import { theme } from "./theme.js";

/* The time that all figures are of; "" where totals and rates are of different samples. */
function sampleOf(figures) {
	const at = figures?.realtime.timestamp ?? "";

	return at === figures?.summary?.timestamp ? at : "";
}

export class Around {
	/** @param {object} page of app.js */
	constructor(page) {
		this.page = page;
		this.source = page.source;
		this.overview = new Overview(byId("all"), page.on);
		setText(byId("zone"), `Times in ${zone()}`);
		control(page);
	}

	get knowledge() {
		const { trouble, figures, left, list, reference } = this.source;

		return { trouble, figures, left, shown: selected(list ?? [], reference) };
	}

	/** What a pause does not hold still. */
	showState() {
		const { list, reference, one } = this.source;

		document.title = `${this.rate}${one?.label ?? (reference || "all interfaces")} – sampler`;
		if (list)
			showSwitch(byId("interface"), list, one?.reference ?? reference);
		showHeader(list ?? [], one);
		this.showStatus();
		this.showTools();
	}

	/* For a tab that is not in front; what is old is not told there. */
	get rate() {
		const { figures, trouble } = this.source;

		return figures && !trouble && !figures.realtime.stale && figures.realtime.interval_ms !== null
			? `${bits(figures.realtime.bandwidth_bps)} · ` : "";
	}

	showStatus() {
		const { list, trouble, reference } = this.source;
		const { text, level, old } = statusOf(this.knowledge);
		const none = !reference && !(list ?? []).some(({ data }) => data.attached);

		setText(byId("status"), this.page.paused ? `Paused. ${text}` : text);
		byId("status").dataset.level = level;
		document.querySelector("main").classList.toggle("old", old);
		byId("nothing").hidden = !(trouble instanceof Refusal && none);
		byId("data").hidden = !byId("nothing").hidden;
		showRecorded(byId("recorded"), none ? list ?? [] : []);
		this.showAge();
	}

	showAge() {
		setText(byId("age"), ageOf(this.knowledge, performance.now()));
		byId("age").dataset.timestamp = this.page.paused ? "" : sampleOf(this.source.figures);
	}

	showTools() {
		const press = (button, on) => button.setAttribute("aria-pressed", String(on));

		for (const button of document.querySelectorAll("[data-range]"))
			press(button, !this.page.view.fixed && button.dataset.range === this.page.view.range);
		for (const button of document.querySelectorAll("[data-unit]"))
			press(button, button.dataset.unit === this.page.view.unit);
		press(byId("pause"), this.page.paused);
		setText(byId("pause"), this.page.paused ? "Paused" : "Pause");
		byId("live").disabled = !this.page.view.fixed;
		setText(byId("theme"), `Theme: ${theme()}`);
		const { from, to } = this.page.range;
		setText(byId("stretch"), this.page.view.fixed
			? `${time(from * 1000)} to ${time(to * 1000)}` : "");
	}

	/** Figures and tables. */
	showData() {
		const { figures, one, targets } = this.source;

		showFigures(figures?.realtime ?? null, figures?.summary ?? null, one?.data.speed_mbps ?? null);
		showCounters(byId("counters"), figures?.realtime.rx ?? null);
		showCounters(byId("sent-counters"), figures?.realtime.tx ?? null);
		showInterfaces(byId("interfaces"), this.knowledge.shown);
		this.showDirections();
		byId("data").classList.toggle("several", one === null);
		byId("one").hidden = one === null;
		byId("all").hidden = one !== null || !targets.length;
	}

	/* What is sent has its place where it is counted; a sum has it where all count it. */
	showDirections() {
		const { figures, one } = this.source;
		const both = one ? this.source.directionsOf(one).length > 1 : Boolean(figures?.realtime.tx);

		byId("data").classList.toggle("both", both);
		for (const element of document.querySelectorAll(".sent"))
			element.hidden = !both;
	}

	/** What goes with the charts. */
	showCharts() {
		const { source: { one, targets, recordings }, page: { range, unit, drawn: { table } } } = this;

		showSparks(one && table.length ? table : null, range);
		if (one)
			this.showSizes();
		else
			this.overview.show(targets, recordings,
				{ unit, directionsOf: (target) => this.source.directionsOf(target), range });
	}

	showSizes() {
		const { range, pointed, drawn: { table } } = this.page;

		for (const body of byId("sizes").tBodies)
			showHistogram(body, sizesOf(table, range, pointed, body.dataset.direction));
		setText(byId("sizes-at"), pointed === null ? "mean of the shown time" : `at ${time(pointed * 1000)}`);
	}

	/** The pointer is at a time. */
	point(at) {
		if (!this.source.one)
			this.overview.point(at);
		this.showSizes();
	}

	/** Draw again, in the colours of now. */
	repaint() {
		this.overview.repaint();
		this.showTools();
	}
}
