#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What goes wrong between a reader and the page: answers that come late or not at all, a browser that keeps nothing,
interfaces that go, and what was asked for meanwhile.
"""
import os
import signal

from page import CONTROLS, FIGURES, LIVE, MIX, ORIGIN, ROWS, STATUS, answer_of, begin, check_peace, left_out, main, open_page, while_recorded
from browser import Browser
from lab import BUILD, scenario, wait_for
from web import WebServer

FILL = os.environ.get("SAMPLER_FILL_HISTORY", f"{BUILD}/test/bench/fill-history")
SERVICES = ROWS % "services"
OPEN_TABLE = "document.querySelector('#services .as-table').click()"
AXIS = "document.querySelector('#services .axis').textContent"
CAPTION = "document.getElementById('services-caption').textContent"

FORBID_STORAGE = """
Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError'); }});
"""
# Answers to the first question for a history come when the test lets them.
HOLD_FIRST_HISTORY = """
(() => {
    const plain = window.fetch;
    const let_go = new Promise((resolve) => { window.letGo = resolve; });
    window.histories = 0;
    window.fetch = async (url, options) => {
        const first = String(url).includes('/api/history') && ++window.histories === 1;
        const response = await plain(url, options);
        if (first)
            await let_go;
        return response;
    };
})();
"""
# Questions for a history fail while the test wants that.
FAIL_HISTORIES = """
(() => {
    const plain = window.fetch;
    window.failing = false;
    window.asked = '';
    window.fetch = (url, options) => window.failing && String(url).includes('/api/history')
        ? Promise.reject(new TypeError('as if there were no connection'))
        : (window.asked += String(url), plain(url, options));
})();
"""
# A stream does not begin while the test wants that: no head line comes.
SILENT_STREAM = """
(() => {
    const plain = window.fetch;
    window.silent = true;
    window.tries = 0;
    window.fetch = (url, options) => window.silent && String(url).includes('/api/stream') && ++window.tries
        ? new Promise((_, reject) => {
            options.signal.addEventListener('abort', () => reject(options.signal.reason));
        }) : plain(url, options);
})();
"""


def change_list(browser, change):
    """The API's own list, but of each interface something is changed, in JavaScript."""
    browser.call("Page.addScriptToEvaluateOnNewDocument", source=f"""
        (() => {{
            const plain = Response.prototype.text;
            Response.prototype.text = async function () {{
                const text = await plain.call(this);
                if (!this.url.endsWith('/api/interfaces'))
                    return text;
                const answer = JSON.parse(text);
                for (const one of answer.interfaces)
                    {change};
                return JSON.stringify(answer);
            }};
        }})();""")


def fill(lab):
    """Two weeks of an interface that is gone, and a server."""
    lab.run(FILL, lab.state_dir, "v0", "v0", "14")
    os.chmod(f"{lab.state_dir}/v0.hist", 0o644)
    WebServer(lab)


def has_all(t, browser, server):
    """One point: of ten samples a second no more are left out than a service that is held up skips."""
    wait_for(lambda: len(left_out(server, browser.evaluate(SERVICES), 100)) < 3, "those ten have their rows")
    browser.wait(LIVE, "it to be live")
    t.ok(True, "those ten have their rows, and it is live")


@scenario("a history that is late", 60)
def test_late_history(t, lab):
    """Samples that come before it are behind its end, and none is left out."""
    _, _, server = begin(lab, "v0", interval="100ms")
    with Browser() as browser:
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=HOLD_FIRST_HISTORY)
        browser.open(ORIGIN + "#interface=v0&range=1m")
        browser.wait("window.histories > 0", "the first question")
        while_recorded(browser, lab, 10)
        browser.evaluate("window.letGo()")
        browser.wait(CONTROLS, "the page")
        browser.evaluate(OPEN_TABLE)
        browser.wait(f"({SERVICES}).length > 20", "rows")
        has_all(t, browser, server)


@scenario("a service that stands still", 60)
def test_still(t, lab):
    """It goes on with the newest sample; the history has those between."""
    _, _, server = begin(lab, "v0", interval="100ms")
    with Browser() as browser:
        open_page(browser, "#interface=v0&range=1m")
        browser.wait(CONTROLS, "the page")
        browser.evaluate(OPEN_TABLE)
        server.process.send_signal(signal.SIGSTOP)
        while_recorded(browser, lab, 10)
        server.process.send_signal(signal.SIGCONT)
        since = lab.last_record("v0")["realtime_ns"] // 1000000
        browser.wait(f"({SERVICES}).at(-1)[0] > {since}", "it goes on")
        has_all(t, browser, server)


@scenario("a late answer", 60)
def test_late(t, lab):
    """The answer to the range before comes after that to the one that is chosen."""
    fill(lab)
    steps = f"[...new Set(({SERVICES}).map((row) => row[0] % 300000))]"
    with Browser() as browser:
        browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=HOLD_FIRST_HISTORY)
        browser.open(ORIGIN + "#interface=v0&range=1m")
        browser.wait(f"window.histories === 1 && {CONTROLS}", "the first question, and what keys do")
        browser.evaluate(OPEN_TABLE)
        browser.key("8")
        browser.wait(f"({SERVICES}).length > 60", "two weeks")
        browser.evaluate("window.letGo()")
        seen = []
        for _ in range(8):
            browser.drawn()
            seen.append(browser.evaluate(steps))
        t.equal(seen, [[0]] * 8, "an answer that is late is not drawn")
        browser.key("c")
        browser.wait("document.getElementById('note').textContent.startsWith('Copied')", "copied")
        command = browser.evaluate("navigator.clipboard.readText()")
        answer = answer_of(command)
        t.ok(len(answer.get("data", [[]])[0]) > 3000, "the command gets what is shown, and asks for no time to come", command)


@scenario("a browser that keeps nothing; no answer about a history", 60)
def test_unanswered(t, lab):
    begin(lab, "v0")
    with Browser() as browser:
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=FORBID_STORAGE + FAIL_HISTORIES)
        open_page(browser, "#range=1m")
        browser.evaluate("document.getElementById('theme').click()")
        browser.evaluate("document.getElementById('keys-on').click()")
        t.equal(browser.evaluate("document.documentElement.dataset.theme"), "light", "choices last on the page")
        browser.evaluate("document.getElementById('keys-on').click()")
        check_peace(t, browser)
        browser.evaluate("window.failing = true")
        browser.key("8")
        browser.wait(f"{STATUS}.startsWith('Connection lost')", "said")
        browser.evaluate("window.failing = false")
        browser.wait(f"{LIVE} && window.asked.includes('from=-1197504&')", "asked for two weeks")
        t.ok(True, "a question without an answer is asked again")


@scenario("a stream that does not begin", 60)
def test_silent(t, lab):
    begin(lab, "v0")
    with Browser() as browser:
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=SILENT_STREAM)
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=f"""
            window.said = [];
            setInterval(() => document.getElementById('status') && window.said.push({STATUS}), 20);""")
        browser.open(ORIGIN)
        browser.wait(f"{STATUS} === 'Connection lost: no answer in 4 s. Nothing to show yet; trying again.'", "given up, and said")
        browser.wait("window.tries > 1 && (window.enough ??= window.said.length + 25) < window.said.length", "another try")
        t.equal([text for text in browser.evaluate("window.said") if text.startswith("Live")], [],
                "what nothing follows is not live, nor when it is tried again")
        browser.evaluate("window.silent = false")
        browser.wait(LIVE, "the stream")
        t.ok(True, "it heals by itself")
        check_peace(t, browser)


@scenario("another unit in a pause, another interface without a server", 60)
def test_pause(t, lab):
    (link,), _, server = begin(lab, "v0")
    with Browser() as browser:
        open_page(browser, "#range=1m")
        browser.evaluate(OPEN_TABLE)
        browser.wait(f"{SERVICES}.length > 2", "rows")
        browser.key("p")
        still = browser.evaluate(FIGURES)
        link.send(MIX)
        while_recorded(browser, lab, 3)
        browser.press("u", f"{AXIS} === 'packets/s'", "packets")
        t.equal(browser.evaluate(FIGURES), still, "charts are in the unit that was chosen; figures hold still")
        browser.key("l")
        server.kill()
        browser.wait(f"{STATUS}.startsWith('Connection lost')", "lost")
        t.equal([line for line in browser.console if "TypeError" in line], [], "a stream that breaks is no mistake")
        browser.evaluate("location.hash = '#interface=v9'")
        browser.wait("document.getElementById('interface').value === 'v9'", "another one")
        browser.key("p")
        t.match(browser.evaluate("location.hash"), r"from=\d+(\.\d+)?&to=\d+(\.\d+)?$", "a pause has times")


@scenario("an interface that goes", 60)
def test_gone(t, lab):
    _, recorders, _ = begin(lab, "v0", "v1", "v2")
    values = "[...document.querySelectorAll('.card .value > data')].map((one) => one.textContent)"
    with Browser() as browser:
        open_page(browser)
        browser.wait("document.querySelectorAll('.card canvas').length === 3", "three charts")
        recorders[0].stop()
        browser.wait("document.querySelectorAll('.card').length === 2", "two charts")
        browser.key("u")
        browser.wait(f"({values}).every((one) => one.endsWith('pkt/s'))", "the others in another unit")
        t.ok(True, "the others go on as what is chosen")


@scenario("a history that ended long ago", 60)
def test_ended(t, lab):
    fill(lab)
    ahead = 7200000  # ms that the history is set back, by the list: the API's own words, but of an earlier end
    with Browser() as browser:
        change_list(browser, f"one.history.to = new Date(Date.parse(one.history.to) - {ahead}).toISOString()")
        browser.open(f"{ORIGIN}#interface=v0")
        browser.wait(CONTROLS, "its controls")
        browser.evaluate(OPEN_TABLE)
        browser.wait(f"({SERVICES}).length > 5", "the last five minutes of it")
        t.match(browser.evaluate(CAPTION), "^Received: mean ", "a history that ended has its last minutes")


@scenario("in a chain, in skb mode, without a link", 60)
def test_chips(t, lab):
    """Which no kernel and no link of a test has all at once: the API's list is changed on its way."""
    begin(lab, "v0")
    chips = "[...document.querySelectorAll('#chips .chip')].map((chip) => [chip.textContent, chip.title])"
    with Browser() as browser:
        change_list(browser, """Object.assign(one, {
            chained: true, chain: [{name: 'xdp_filter', priority: 10}, {name: 'sampler_rx', priority: 20}],
            mode: 'skb', mode_reason: 'the driver has no native mode', link_up: false, speed_mbps: null,
            health: {...one.health, state: 'degraded', reason: 'not all is well'}})""")
        open_page(browser, level="warning")
        t.equal(browser.evaluate(chips), [
            ["degraded", "not all is well"], ["Link down, MTU 1500", ""], ["skb", "the driver has no native mode"],
            ["chained", "XDP programs, in order: xdp_filter (10), sampler_rx (20)"]], "the header says so")
        t.equal(browser.text("#status"), "v0: degraded: not all is well.", "in words, too")
        check_peace(t, browser)


if __name__ == "__main__":
    main()
