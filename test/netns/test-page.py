#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The page of sampler-web in a real browser: against the real server, with a real recorder and known
traffic. What the page shows is what the API says; what is old looks old; and it heals by itself.
"""
import os
import signal

import frames
import lab as laboratory
from browser import CHROMIUM, Browser
from lab import Failure, scenario, wait_for
from web import ASSETS, PORT, SAMPLER_WEB, WebServer

ORIGIN = f"http://127.0.0.1:{PORT}/"

MIX = [
    frames.eth(frames.IPV4, frames.ipv4(frames.TCP, frames.tcp(dest=80, payload=b"x" * 400))),
    frames.eth(frames.IPV4, frames.ipv4(frames.TCP, frames.tcp(dest=443, payload=b"x" * 1200))),
    frames.eth(frames.IPV4, frames.ipv4(frames.UDP, frames.udp(payload=b"x" * 60))),
]
BURST = 10007

STATUS = "document.getElementById('status').textContent"
LIVE = f"{STATUS} === 'Live'"
OLD = "document.querySelector('main').classList.contains('old')"

# Each figure by its field, as the exact value that the page holds.
FIGURES = """
Object.fromEntries([...document.querySelectorAll('[data-field]')].map((element) =>
    [element.dataset.field,
        element.getAttribute(element.localName === 'time' ? 'datetime' : 'value')]))
"""
# The table of counters: group, name and exact values of each row.
ROWS = """
[...document.querySelectorAll('#counters tbody')].map((body) => [
    body.querySelector('.group')?.innerText ?? '',
    [...body.querySelectorAll('tr:not(.group)')].map((row) => [row.cells[0].innerText,
        ...[...row.querySelectorAll('data')].map((data) => data.getAttribute('value'))])])
"""
# How many pieces the line of the total is in.
BREAKS = "(document.querySelector('#chart .line-0')?.getAttribute('d').match(/M/g)?.length ?? 0)"
# Those of TCP, in the legend and in the chart.
COLOURS = """
['.legend .line-1', '#chart .line-1'].map((path) =>
    getComputedStyle(document.querySelector(path)).stroke)
"""
ZONE = "document.getElementById('zone').textContent"


def begin(lab, *names, recorded=None):
    """Links, a recorder on each or on some, the server. Return: links, recorders, server."""
    links = [lab.veth(name, f"p{name}") for name in names]
    recorders = [lab.record(name, interval="1s") for name in recorded or names]
    for recorder in recorders:
        recorder.wait_record()
    return links, recorders, WebServer(lab)


def at_rest(browser, expected):
    """Wait until the page has counted all that was sent, and its rates are those of silence."""
    browser.wait(f"{LIVE} && (({FIGURES}).total_packets === '{expected}') && "
                 f"(({FIGURES}).bandwidth_bps === '0')", f"{expected} packets, and silence")


def same_sample(browser, server, query=""):
    """Return: the page's figures and rows, and the API's answers, all of the same sample."""
    for _ in range(20):
        before = server.get(f"/api/metrics/realtime{query}").json()
        summary = server.get(f"/api/stats/summary{query}").json()
        browser.wait("document.getElementById('age').dataset.timestamp >= "
                     f"'{before['timestamp']}'", "the sample that the API has")
        shown, rows, at = browser.evaluate(
            f"[{FIGURES}, {ROWS}, document.getElementById('age').dataset.timestamp]")
        if at == before["timestamp"] == summary["timestamp"]:
            return shown, rows, before, summary
    raise Failure("the page never shows the sample that the API has")


def expected_rows(rx):
    """What the table has to hold, by the API: without the names that the page gives."""
    def values(count):
        fields = ("bits_per_s", "packets_per_s", "packets", "bytes")
        return [None if count is None else count.get(field) for field in fields]

    marks = [values(rx[name]) for name in ("vlan", "fragments", "malformed")]
    groups = [[values(count) for count in rx[name].values()]
              for name in ("l3", "l4", "services", "sizes", "tcp_flags")]
    return [[values(rx)], *groups[:3], marks, *groups[3:]]


def numbers(rows):
    """The table's values as numbers, like those of expected_rows()."""
    return [[[None if value is None else float(value) for value in row[1:]] for row in body]
            for _, body in rows]


def check_figures(t, shown, realtime, summary, name):
    wrong = {}
    for field, value in {**summary, **realtime}.items():
        if field in shown and shown[field] != (None if value is None else str(value)):
            if not isinstance(value, float) or float(shown[field]) != value:
                wrong[field] = (shown[field], value)
    t.equal(wrong, {}, f"{name}: every figure is the API's")
    t.ok(len(set(shown) & {*realtime, *summary}) >= 18, f"{name}: which are all of them", shown)


def check_peace(t, browser):
    t.equal(browser.console, [], "no error, and nothing else, on the console")
    foreign = [url for url in browser.requests if not url.startswith((ORIGIN, "about:"))]
    t.equal(foreign, [], "no request but to the server that the page came from")
    # What the browser or the page gives up (it goes elsewhere, another interface is chosen) has not failed.
    failed = {key: why for key, why in browser.failed.items() if why != "net::ERR_ABORTED"}
    t.equal(failed, {}, "and none of those failed")


@scenario("figures", 90)
def test_figures(t, lab):
    (link,), _, server = begin(lab, "v0")
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait(LIVE, "the page is live")
        link.send(MIX[n % len(MIX)] for n in range(BURST))
        at_rest(browser, BURST)
        t.ok(True, "10,007 frames are 10,007 on the page")
        shown, rows, realtime, summary = same_sample(browser, server)
        check_figures(t, shown, realtime, summary, "at rest")
        t.equal(numbers(rows), expected_rows(realtime["rx"]), "at rest: every row of the table")
        t.equal(browser.text("[data-field=total_packets]"), "10,007", "written with groups")

        traffic = laboratory.Traffic(link, MIX, rate=3000)
        browser.wait(f"Number(({FIGURES}).bandwidth_bps) > 1e6", "traffic shows")
        shown, rows, realtime, summary = same_sample(browser, server)
        check_figures(t, shown, realtime, summary, "under traffic")
        t.equal(numbers(rows), expected_rows(realtime["rx"]), "under traffic: every row")
        t.match(browser.text("[data-field=bandwidth_bps]"), r"^\d[\d.]{2,3} Mbit/s$", "in SI units")
        sent, _ = traffic.stop()
        at_rest(browser, BURST + sent)
        t.ok(True, "all of it is counted on the page")
        path = browser.evaluate("document.querySelector('#chart .line-0').getAttribute('d')")
        t.ok(path.count("L") >= 3, "the chart has a line", path)
        check_peace(t, browser)


@scenario("nobody looks", 60)
def test_hidden(t, lab):
    begin(lab, "v0")
    hide = ("(hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: "
            "true}); document.dispatchEvent(new Event('visibilitychange')); })(%s)")
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait(LIVE, "the page is live")
        browser.evaluate(hide % "true")
        browser.listen(0.5)
        before = len(browser.requests)
        browser.listen(3)
        t.equal(len(browser.requests), before, "a hidden page asks for nothing")
        browser.evaluate(hide % "false")
        wait_for(lambda: browser.listen(0.1) or len(browser.requests) > before, "a request")
        t.ok(True, "one that is seen again asks again")
        t.equal(browser.console, [], "no error on the console")


@scenario("stale, disconnected, and well again", 120)
def test_troubles(t, lab):
    (link,), (recorder,), server = begin(lab, "v0")
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait(LIVE, "the page is live")
        link.send(MIX)
        at_rest(browser, len(MIX))
        t.ok(not browser.evaluate(OLD), "live figures are not grey")
        recorder.kill()
        browser.wait(f"{OLD} && {STATUS}.startsWith('Stale: ')", "stale without a recorder")
        t.equal(browser.text("[data-field=total_packets]"), "3", "stale: figures stay, grey")
        t.ok(browser.text("#status").endswith("is samplerd at work?"), "said in one sentence",
             browser.text("#status"))
        legend, line = browser.evaluate(COLOURS)
        t.equal(legend, line, "the legend is as grey as the lines")
        browser.wait(f"{BREAKS} >= 2", "a line that is broken where no recorder was")
        t.ok(True, "no line goes over the time that nobody recorded")
        t.match(browser.text("#age"), r"last recorded \d+ s ago", "and say how old")
        recorder = lab.record("v0", interval="1s")
        browser.wait(f"{LIVE} && !{OLD}", "live again")
        t.ok(True, "with a recorder it is live again")
        browser.wait(f"{BREAKS} >= 2", "a gap in the chart", 25)
        t.ok(True, "what was not recorded is a gap in the chart")
        check_peace(t, browser)

        server.kill()
        lost = f"{STATUS}.startsWith('Connection lost: ')"
        browser.wait(f"{OLD} && {lost}", "lost without a server")
        t.equal(browser.text("[data-field=total_packets]"), "3", "lost: figures stay, grey")
        t.match(browser.text("#age"), r" \d+ s old", "and say how old")
        server = WebServer(lab)
        browser.wait(f"{LIVE} && !{OLD}", "live again by itself")
        t.ok(True, "with a server it is live again by itself")
        server.send_signal(signal.SIGSTOP)
        browser.wait(f"{OLD} && {lost}", "lost with a server that hangs")
        t.match(browser.text("#status"), r"no answer in \d s", "a server that hangs is told apart")
        server.send_signal(signal.SIGCONT)
        browser.wait(f"{LIVE} && !{OLD}", "live again by itself")


@scenario("no interface, then one", 90)
def test_nothing(t, lab):
    lab.veth("v0")
    WebServer(lab)
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait("!document.getElementById('nothing').hidden", "it says what to do")
        t.ok("samplerd INTERFACE" in browser.text("#nothing"), "without interface: what to do")
        t.equal(browser.text("[data-field=total_packets]"), "–", "unknown is not 0")
        lab.record("v0", interval="1s")
        browser.wait(f"{LIVE} && document.getElementById('nothing').hidden", "live with one")
        browser.wait("document.querySelector('#interfaces tbody td') !== null", "it is in the list")
        t.match(browser.text("#interfaces tbody"), r"^v0\s+ok\s+native", "shows how it is counted")
        browser.evaluate("location.hash = '#interface=nope'")
        browser.wait(f"{STATUS}.includes('nope')", "refused")
        t.match(browser.text("#status"), "v0", "an unknown one: the names there are")


@scenario("a history without an interface", 60)
def test_history_only(t, lab):
    (_,), (recorder,), server = begin(lab, "v0")
    recorder.wait_record()
    recorder.stop()
    wait_for(lambda: server.get("/api/metrics/realtime").status == 503, "nothing is attached")
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait("!document.getElementById('recorded').hidden", "it says what there is")
        t.match(browser.text("#recorded"), r"v0, until (\S+ )?\d\d:\d\d:\d\d$", "all: a history, until")
        at = browser.evaluate("document.querySelector('#recorded time').dateTime")
        one, = server.get("/api/interfaces").json()["interfaces"]
        t.equal(at, one["history"]["to"], "when it ends")
        browser.evaluate("document.querySelector('#recorded a').click()")
        browser.wait(f"{STATUS}.includes('its history ends at')", "the interface's own")
        t.equal(browser.evaluate("location.hash"), "#interface=v0", "its link leads there")
        t.equal(browser.evaluate(ZONE), "Times in UTC", "the time zone is named")


@scenario("one of two without a history", 120)
def test_without_history(t, lab):
    """The burst is over before the page is opened: only the history can show it."""
    (link, _), (recorder,), server = begin(lab, "v0", "v1", recorded=["v0"])
    lab.attach("v1")
    recorder.wait_record()
    link.send(MIX * 100)
    for _ in range(3):
        recorder.wait_record()
    burst = ("document.querySelector('figcaption').textContent"
             ".match(/highest (?!0 )[\\d.]+ [kMG]?bit.s/) !== null")
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait(f"{STATUS}.includes('No history in the chart: v1: ')", "it is named")
        browser.wait(burst, "the other's history")
        t.ok(True, "what the other received is in the chart")
        lab.record("v1", interval="1s").wait_record()
        browser.wait(f"{LIVE} && {burst}", "live, with the minutes before", 30)
        t.ok(True, "as it still is when this one begins to be recorded")


@scenario("a name that is no text", 60)
def test_bytes(t, lab):
    name = b"v\xff0".decode("utf-8", "surrogateescape")
    link = lab.veth(name, "p0")
    recorder = lab.record(name, interval="1s")
    recorder.wait_log("attached: native")
    WebServer(lab)
    link.send(MIX)
    key = lab.key(name)
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait(f"{LIVE} && (({FIGURES}).total_packets === '{len(MIX)}')", "counted")
        options = browser.evaluate("[...document.querySelectorAll('option')].map((o) => o.value)")
        t.equal(options, ["", key], "the switch has its key")
        browser.evaluate("document.querySelector('#interfaces tbody a').click()")
        browser.wait(f"location.hash !== '' && {LIVE} && "
                     f"(({FIGURES}).total_packets === '{len(MIX)}')", "its own figures")
        t.ok(True, "its link leads to it")
        browser.wait(f"{BREAKS} >= 1", "its chart")
        check_peace(t, browser)


@scenario("an interval that is changed live", 90)
def test_interval(t, lab):
    lab.configure("[sampler]\ninterval = 1s\n")
    lab.veth("v0")
    recorder = lab.record("v0", interval=None)
    recorder.wait_record()
    WebServer(lab)
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait(LIVE, "the page is live")
        browser.listen(6)
        lab.configure("[sampler]\ninterval = 2s\n")
        recorder.send_signal(signal.SIGHUP)
        recorder.wait_log("interval = 2s")
        said = set()
        for _ in range(26):  # meanwhile the history is read anew
            browser.listen(0.5)
            said.add(browser.evaluate(STATUS))
        path = "document.querySelector('#chart .line-0').getAttribute('d')"
        t.ok(browser.evaluate(path).count("L") >= 5, "with a line")
        times = [record["boottime_ns"] / 1e9 for record in lab.history("v0")]
        holes = sum(b - a > 2.5 for a, b in zip(times, times[1:]))  # of a machine that stood still
        if not holes:
            t.equal(said, {"Live"}, "it stays live")
        t.ok(1 <= browser.evaluate(BREAKS) <= 1 + 2 * holes,
             "in one line that is broken only where records are missing", times)


# What the page's modules make of what they are told: [what, expression, wanted].
PURE = [
    ["one time for the peak, in the figures and in words",
     """import('./caption.js').then((m) => m.captionOf(
         {lowest: 0, highest: 8000.4, at: 1795403485, span: 1},
         {peak_bandwidth_bps: 8000, peak_timestamp: '2026-11-23T03:11:24.680Z'}))
         .then((text) => text.match(/\\d\\d:\\d\\d:\\d\\d/)[0])""", "04:11:24"],
    ["another moment's highest has its own time",
     """import('./caption.js').then((m) => m.captionOf(
         {lowest: 0, highest: 700, at: 1795403485, span: 1},
         {peak_bandwidth_bps: 8000, peak_timestamp: '2026-11-23T03:11:24.680Z'}))
         .then((text) => text.match(/\\d\\d:\\d\\d:\\d\\d/)[0])""", "04:11:25"],
    ["samples three seconds apart at one a second: a break",
     """import('./series.js').then((m) => m.merge([{time: 10, span: 1, values: [5]}],
         [{time: 11, span: 1, values: [5]}, {time: 14, span: 3, values: [5]}], 1)
         .map((row) => row.values[0]))""", [5, 5, None, 5]],
    ["at one each two seconds: none",
     """import('./series.js').then((m) => m.merge([{time: 10, span: 1, values: [5]}],
         [{time: 12, span: 2, values: [5]}, {time: 16, span: 4, values: [5]}], 2)
         .map((row) => row.values[0]))""", [5, 5, 5]],
    ["steps of the history are as long as they are",
     """import('./series.js').then((m) => m.merge(
         [{time: 10, span: 10, values: [5]}, {time: 20, span: 10, values: [5]}],
         [{time: 26, span: 1, values: [5]}], 1).map((row) => row.values[0]))""", [5, 5, 5]],
    ["in a sum, before its first record one is absent, and then unknown where it is null",
     """import('./series.js').then((m) => m.sum([
         m.fromHistory({step_ms: 1000, data: [[3, 4, 5], [null, 1, 1]]}),
         m.fromHistory({step_ms: 1000, data: [[1, 2, 3, 4, 5], [null, 5, 6, 7, null]]})])
         .map((row) => row.values[0]))""", [None, 5, 6, 8, None]],
    ["a name that is no text is chosen by its key",
     """import('./interfaces.js').then((m) => m.listed([
         {interface: 'v?0', id: 'v%FF0@7', namespace: 7}, {interface: 'é', id: '%C3%A9@7'}])
         .map((one) => [one.reference, one.label]))""",
     [["v%FF0@7", "v?0 (v%FF0@7)"], ["é", "é"]]],
    ["a reason that is a sentence is not ended twice",
     """import('./status.js').then((m) => m.statusOf({trouble: null, shown: [], figures: {
         realtime: {stale: true, stale_reason: 'is it at work?', missing: [
             {interface: 'v0', reason: 'closed'}]}}}).text)""",
     "Stale: is it at work? Not added in: v0: closed."],
    ["a time zone has its name, and how far it is from UTC",
     "import('./format.js').then((m) => m.zone(new Date('2026-11-23T12:00:00Z')))",
     "Europe/Berlin (GMT+1)"],
]


@scenario("what the modules make of it", 30)
def test_modules(t, lab):
    WebServer(lab)
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.call("Emulation.setTimezoneOverride", timezoneId="Europe/Berlin")
        for what, expression, wanted in PURE:
            t.equal(browser.evaluate(expression), wanted, what)


@scenario("several interfaces, on a phone", 90)
def test_switch(t, lab):
    links, _, server = begin(lab, "v0", "v1")
    with Browser() as browser:
        browser.call("Emulation.setDeviceMetricsOverride", width=360, height=740,
                     deviceScaleFactor=2, mobile=True)
        browser.open(ORIGIN)
        browser.wait(LIVE, "the page is live")
        for n, link in enumerate(links, 1):
            link.send(MIX * n)
        at_rest(browser, 3 * len(MIX))
        t.ok(True, "both, added up")
        options = browser.evaluate("[...document.querySelectorAll('option')].map((o) => o.value)")
        t.equal(options, ["", "v0", "v1"], "the switch has both")
        for n, name in enumerate(("v0", "v1"), 1):
            browser.evaluate("(() => { const select = document.getElementById('interface');"
                             f"select.value = '{name}';"
                             "select.dispatchEvent(new Event('change')); })()")
            at_rest(browser, n * len(MIX))
            shown, rows, realtime, summary = same_sample(browser, server, f"?interface={name}")
            check_figures(t, shown, realtime, summary, name)
            t.equal(numbers(rows), expected_rows(realtime["rx"]), f"{name}: every row")
            t.equal(browser.evaluate("location.hash"), f"#interface={name}", "it is in the address")
        width = browser.evaluate("document.documentElement.scrollWidth")
        t.ok(width <= 360, "nothing is wider than a phone", width)
        wide = browser.evaluate("[...document.querySelectorAll('.note, figcaption, caption')].filter("
                                "(note) => note.getBoundingClientRect().right > 360).length")
        t.equal(wide, 0, "nor is what is said of the tables, which can be scrolled")
        lines = browser.evaluate("(() => { const range = document.createRange();"
                                 "range.selectNodeContents(document.querySelector("
                                 "'#interfaces tbody td:nth-of-type(2)'));"
                                 "return [range.toString(), range.getClientRects().length]; })()")
        t.equal(lines, ["native", 1], "a word is not broken")
        t.match(browser.text(".wide"), r"(%|–)\s+of bytes now\s.*of all bytes", "shares of what")
        check_peace(t, browser)


if __name__ == "__main__":
    for needed in (SAMPLER_WEB, f"{ASSETS}/index.html"):
        if not os.path.exists(needed):
            raise SystemExit(f"no {needed}: build it, or set SAMPLER_BUILD")
    if not CHROMIUM:
        raise SystemExit("no chromium: apt-get install chromium")
    laboratory.main()
