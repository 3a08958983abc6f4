#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The page in a real browser: against the real server, with a real recorder and known traffic. What the page
shows is what the API says; what is old looks old; and it heals by itself.
"""
import signal

from page import (FIGURES, LEGEND, LIVE, MIX, OLD, ORIGIN, PIXELS, ROWS, SENT_COUNTERS, STATUS, at_rest, begin,
                  check_figures, check_peace, expected_rows, holes, left_out, main, numbers, open_page, same_sample,
                  saved_csv, while_recorded)
import lab as laboratory
from browser import Browser
from lab import scenario, wait_for
from web import WebServer, get

BURST = 10007

ZONE = "document.getElementById('zone').textContent"
SENT = "[...document.querySelectorAll('.sent')]"
OPEN_TABLE = "document.querySelector('#services .as-table').click()"
SERVICES = ROWS % "services"
# How often the chart's line is broken, as far as it is shown as a table.
GAPS = f"({SERVICES}).filter((row, i, all) => row[1] === null && i > 0 && all[i - 1][1] !== null).length"


@scenario("figures", 90)
def test_figures(t, lab):
    (link,), _, server = begin(lab, "v0")
    with Browser() as browser:
        open_page(browser)
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
        t.match(browser.text("[data-field=total_bytes]"), r"^\d[\d.]{2,3} MiB$", "bytes in IEC units")
        paths = browser.evaluate("[...document.querySelectorAll('[data-spark] path:last-child')].map("
                                 "(path) => path.getAttribute('d')?.length ?? 0)")
        t.equal([length > 10 for length in paths], [True] * 6, "each figure has its line")
        sent, _ = traffic.stop()
        at_rest(browser, BURST + sent)
        t.ok(True, "all of it is counted on the page")
        painted = browser.evaluate(PIXELS % ("services", "Math.max(r, g, b) - Math.min(r, g, b) > 40"))
        t.ok(sum(painted) > 500, "the chart is painted", sum(painted))
        t.ok(browser.evaluate("document.getElementById('logout').hidden"), "no login, no way out of it")
        t.equal([server.get("/api/flows").status, [url for url in browser.requests if "flows" in url],
                 browser.evaluate("/talker|flows/i.test(document.body.textContent)")], [404, [], False],
                "top talkers, which the API does not have, are not asked for and not shown")
        check_peace(t, browser)


@scenario("what is sent", 90)
def test_sent(t, lab):
    (link,), _, server = begin(lab, "v0")
    frames = [MIX[n % len(MIX)] for n in range(BURST)]
    sent_rows = f"({SENT_COUNTERS})"
    with Browser() as browser:
        open_page(browser)
        link.reversed().send(frames)
        browser.wait(f"({FIGURES}).tx_total_packets === '{BURST}' && ({FIGURES}).tx_bandwidth_bps === '0'",
                     "all that was sent, and silence")
        shown, _, realtime, summary = same_sample(browser, server)
        t.equal((shown["tx_total_bytes"], shown["total_packets"]), (str(sum(map(len, frames))), "0"),
                "10,007 frames are counted as sent, to the byte, and none as received")
        check_figures(t, shown, realtime, summary, "at rest")
        t.equal(numbers(browser.evaluate(sent_rows)), expected_rows(realtime["tx"]), "at rest: every row of its table")
        t.equal(browser.evaluate(f"[{SENT}.every((one) => !one.hidden), {SENT}.length]"), [True, 4],
                "it has its figure, its totals, its sizes and its table")
        t.match(browser.text(".figures"), r"(?s)Received.*Sent.*HTTP received", "the others say that they are not of it")

        traffic = [laboratory.Traffic(link.reversed(), MIX, rate=2000), laboratory.Traffic(link, MIX, rate=1000)]
        browser.wait(f"Number(({FIGURES}).tx_bandwidth_bps) > 1e6 && Number(({FIGURES}).bandwidth_bps) > 1e6", "traffic")
        shown, _, realtime, summary = same_sample(browser, server)
        check_figures(t, shown, realtime, summary, "both ways")
        for one in traffic:
            one.stop()
        name, (head, *lines) = saved_csv(browser)
        t.ok({"tx.bits_per_s", "tx.services.http.bits_per_s", "tx.sizes.0-60.packets_per_s"} <= set(head)
             and any(float(line[head.index("tx.bits_per_s")] or 0) > 1e6 for line in lines), "the CSV has it", head)
        check_peace(t, browser)


@scenario("what is sent is not counted", 90)
def test_not_sent(t, lab):
    """Of one interface alone, then beside one that counts it."""
    lab.configure("[attach]\ntx = no\n", name="v0")
    links, _, server = begin(lab, "v0", "v1")
    with Browser() as browser:
        open_page(browser, "#interface=v0")
        links[0].send(MIX)
        links[0].reversed().send(MIX)
        at_rest(browser, len(MIX))
        shown, _, realtime, summary = same_sample(browser, server, "?interface=v0")
        check_figures(t, shown, realtime, summary, "not counted")
        t.ok(realtime["tx"] is None and browser.evaluate(f"{SENT}.every((one) => one.hidden)"), "nothing of it is shown")
        t.equal(browser.evaluate(f"({LEGEND % 'services'}).map(([name]) => name)"), ["http", "https", "other"],
                "series need no direction")
        t.ok(" received" not in browser.text(".figures"), "nor do figures")
        reason, = {one["tx_reason"] for one in server.get("/api/interfaces").json()["interfaces"] if one["tx_reason"]}
        t.equal(browser.evaluate("[...document.querySelectorAll('#chips .chip')].slice(-1).map("
                                 "(chip) => [chip.textContent, chip.title])"),
                [["received only", f"Not what is sent: {reason}"]], "the header says so, and why")
        name, (head, *_) = saved_csv(browser)
        t.equal([column for column in head if column.startswith("tx.")], [], "no column of the CSV is of it")
        browser.key("a")
        browser.wait(f"location.hash === '' && {LIVE} && document.querySelectorAll('.card canvas').length === 2", "both")
        links[1].reversed().send(MIX * 100)
        cards = "[...document.querySelectorAll('.card .also')].map((one) => one.hidden)"
        browser.wait(f"JSON.stringify({cards}) === '[true,false]'", "one of them sends")
        t.ok(browser.evaluate("document.getElementById('sent').hidden"), "a sum of those of which one does not count it: none")
        browser.evaluate("document.querySelector('#all .as-table').click()")
        rows = browser.evaluate("[...document.querySelectorAll('#all tbody tr')].map((row) => "
                                "[...row.cells].slice(5).map((cell) => cell.textContent))")
        t.ok(rows[0] == ["–"] * 4 and rows[1][0].endswith("bit/s"), "as a table, too", rows)
        check_peace(t, browser)


@scenario("nobody looks", 60)
def test_hidden(t, lab):
    (link,), (recorder,), _ = begin(lab, "v0")
    hide = ("(hidden => { Object.defineProperty(document, 'hidden', {value: hidden, configurable: "
            "true}); document.dispatchEvent(new Event('visibilitychange')); })(%s)")
    with Browser() as browser:
        open_page(browser)
        browser.evaluate(hide % "true")
        while_recorded(browser, lab, 1)
        before = len(browser.requests)
        while_recorded(browser, lab, 3)
        t.equal(len(browser.requests), before, "a hidden page asks for nothing")
        link.send(MIX)
        recorder.wait_record()
        browser.evaluate(hide % "false")
        wait_for(lambda: browser.listen(0.1) or len(browser.requests) > before, "a request")
        t.ok(True, "one that is seen again asks again")
        at_rest(browser, len(MIX))
        browser.evaluate(OPEN_TABLE)
        t.ok(browser.evaluate(GAPS) <= holes(lab), "and has what came meanwhile")
        t.equal(browser.console, [], "no error on the console")


@scenario("stale, disconnected, and well again", 120)
def test_troubles(t, lab):
    (link,), (recorder,), server = begin(lab, "v0")
    with Browser() as browser:
        open_page(browser)
        browser.evaluate(OPEN_TABLE)
        link.send(MIX)
        at_rest(browser, len(MIX))
        t.ok(not browser.evaluate(OLD), "live figures are not grey")
        recorder.kill()
        browser.wait(f"{OLD} && {STATUS}.startsWith('Stale: ')", "stale without a recorder")
        t.equal(browser.text("[data-field=total_packets]"), "3", "stale: figures stay, grey")
        t.ok(browser.text("#status").endswith("is samplerd at work?"), "said in one sentence",
             browser.text("#status"))
        t.match(browser.text("#age"), r"last recorded \d+ s ago", "and say how old")
        filters = browser.evaluate("['canvas', '.swatch'].map((path) => getComputedStyle("
                                   "document.querySelector(`#services ${path}`)).filter)")
        t.equal(filters, ["grayscale(1)"] * 2, "chart and legend are grey as well")
        recorder = lab.record("v0", interval="1s")
        browser.wait(f"{LIVE} && !{OLD}", "live again")
        t.ok(True, "with a recorder it is live again")
        browser.wait(f"{GAPS} >= 1", "a gap in the chart", 25)
        t.ok(True, "what was not recorded is a gap in the chart")
        check_peace(t, browser)

        server.kill()
        lost = f"{STATUS}.startsWith('Connection lost: ')"
        browser.wait(f"{OLD} && {lost}", "lost without a server")
        t.equal(browser.text("[data-field=total_packets]"), "3", "lost: figures stay, grey")
        t.match(browser.text("#age"), r" \d+ s old", "and say how old")
        while_recorded(browser, lab, 1)
        server = WebServer(lab)
        browser.wait(f"{LIVE} && !{OLD}", "live again by itself")
        t.ok(True, "with a server it is live again by itself")
        browser.wait(f"{SERVICES}.length > 5", "its rows")
        t.ok(1 <= browser.evaluate(GAPS) <= holes(lab), "and the chart has all that was recorded meanwhile")
        server.send_signal(signal.SIGSTOP)
        browser.wait(f"{OLD} && {lost}", "lost with a server that hangs")
        t.match(browser.text("#status"), r"no answer in \d s", "a server that hangs is told apart")
        server.send_signal(signal.SIGCONT)
        browser.wait(f"{LIVE} && !{OLD}", "live again by itself")
        t.ok(1 <= browser.evaluate(GAPS) <= holes(lab), "without another gap")


@scenario("no interface, then one", 90)
def test_nothing(t, lab):
    lab.veth("v0")
    WebServer(lab)
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait("!document.getElementById('nothing').hidden", "it says what to do")
        t.ok("samplerd INTERFACE" in browser.text("#nothing"), "without interface: what to do")
        t.ok(browser.evaluate("document.getElementById('data').hidden"), "and no empty charts")
        t.equal(browser.evaluate("document.querySelector('[data-field=total_packets]').textContent"), "–",
                "unknown is not 0")
        lab.record("v0", interval="1s")
        browser.wait(f"{LIVE} && document.getElementById('nothing').hidden", "live with one")
        browser.wait("document.querySelector('#interfaces .health-ok') !== null", "it is in the list, and well")
        t.match(browser.evaluate("[...document.querySelectorAll('#interfaces tbody tr > *')].map("
                                 "(cell) => cell.textContent).join(' ')"), r"^v0 ok native", "how it is counted")
        t.equal(browser.evaluate("[...document.querySelectorAll('#chips .chip')].map("
                                 "(chip) => chip.textContent)")[:3],
                ["healthy", "Link up, 10 Gbit/s, MTU 1500", "native"], "in the header, too")
        browser.evaluate("location.hash = '#interface=nope'")
        browser.wait(f"{STATUS}.includes('nope')", "refused")
        t.match(browser.text("#status"), "v0", "an unknown one: the names there are")


@scenario("a history without an interface", 60)
def test_history_only(t, lab):
    (link,), (recorder,), server = begin(lab, "v0")
    recorder.wait_record()
    recorder.wait_record()
    link.send(MIX)
    recorder.wait_record()
    recorder.wait_record()
    recorder.stop()
    wait_for(lambda: server.get("/api/metrics/realtime").status == 503, "nothing is attached")
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait("['nothing', 'recorded'].every((id) => !document.getElementById(id).hidden)",
                     "it says what there is")
        t.match(browser.text("#recorded"), r"v0, until (\S+ )?\d\d:\d\d:\d\d$", "all: a history, until")
        at = browser.evaluate("document.querySelector('#recorded time').dateTime")
        one, = server.get("/api/interfaces").json()["interfaces"]
        t.equal(at, one["history"]["to"], "when it ends")
        browser.evaluate("document.querySelector('#recorded a').click()")
        browser.wait(f"{STATUS}.includes('its history ends at')", "the interface's own")
        t.equal(browser.evaluate("location.hash"), "#interface=v0", "its link leads there")
        browser.evaluate(OPEN_TABLE)
        browser.wait(f"({SERVICES}).some((row) => row[1] > 0)", "the end of its history is in the chart")
        t.ok(True, "its charts end with its history")
        t.equal(browser.evaluate(ZONE), "Times in UTC", "the time zone is named")


@scenario("one of two without a history", 120)
def test_without_history(t, lab):
    """The burst is over before the page is opened: only the history can show it."""
    (link, _), (recorder,), _ = begin(lab, "v0", "v1", recorded=["v0"])
    lab.attach("v1")
    recorder.wait_record()
    link.send(MIX * 100)
    for _ in range(3):
        recorder.wait_record()
    card = ("[...document.querySelectorAll('.card')].find((card) => card.querySelector('h3')"
            ".textContent === 'v0')?.querySelector('.chart').getAttribute('aria-label') ?? ''")
    burst = f"/highest (?!0 )[\\d.]+ [kMG]?bit.s/.test({card})"
    with Browser() as browser:
        browser.open(ORIGIN)
        browser.wait(f"{STATUS}.includes('No history in the chart: v1: ')", "it is named")
        browser.wait(burst, "the other's history")
        t.ok(True, "what the other received is in its chart")
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
        browser.evaluate(OPEN_TABLE)
        browser.wait(f"({SERVICES}).some((row) => row[1] !== null)", "its chart")
        check_peace(t, browser)


@scenario("an interval that is changed live", 90)
def test_interval(t, lab):
    lab.configure("[sampler]\ninterval = 1s\n")
    lab.veth("v0")
    recorder = lab.record("v0", interval=None)
    recorder.wait_record()
    WebServer(lab)
    with Browser() as browser:
        open_page(browser)
        browser.evaluate(OPEN_TABLE)
        while_recorded(browser, lab, 4)
        lab.configure("[sampler]\ninterval = 2s\n")
        recorder.send_signal(signal.SIGHUP)
        recorder.wait_log("interval = 2s")
        said, wanted = set(), lab.last_record("v0")["record"] + 4
        wait_for(lambda: said.add(browser.evaluate(STATUS)) or lab.last_record("v0")["record"] >= wanted, "records at 2 s", 20)
        times = [record["boottime_ns"] / 1e9 for record in lab.history("v0")]
        missing = sum(b - a > 2.5 for a, b in zip(times, times[1:]))  # of a machine that stood still
        rows = [row for row in browser.evaluate(SERVICES) if row[1] is not None]
        t.ok(len(rows) >= 4, "with a line", rows)
        if not missing:
            t.equal(said, {"Live"}, "it stays live")
        t.ok(browser.evaluate(GAPS) <= 2 * missing,
             "in one line that is broken only where records are missing", times)


@scenario("ten samples a second", 60)
def test_quick(t, lab):
    _, _, server = begin(lab, "v0", interval="100ms")
    with Browser() as browser:
        open_page(browser, "#range=1m")
        browser.evaluate(OPEN_TABLE)
        browser.wait(f"({SERVICES}).length > 40", "rows")
        wait_for(lambda: len(left_out(server, browser.evaluate(SERVICES), 100)) < 3, "each is a row")
        rows = browser.evaluate(SERVICES)
        t.ok(len(rows) <= (rows[-1][0] - rows[0][0]) / 100 + 2, "and no other", rows)
        while_recorded(browser, lab, 20)
        t.equal(browser.evaluate(STATUS), "Live", "and it stays live")
        check_peace(t, browser)


@scenario("several interfaces", 90)
def test_switch(t, lab):
    links, _, server = begin(lab, "v0", "v1")
    with Browser() as browser:
        browser.size(360, 740, mobile=True)
        open_page(browser)
        for n, link in enumerate(links, 1):
            link.send(MIX * n)
        at_rest(browser, 3 * len(MIX))
        t.ok(True, "both, added up")
        shown, rows, realtime, summary = same_sample(browser, server)
        check_figures(t, shown, realtime, summary, "all")
        t.equal(browser.evaluate("[...document.querySelectorAll('.card h3')].map((e) => e.textContent)"),
                ["v0", "v1"], "each has its small chart")
        t.equal(browser.text("#chips"), "2 interfaces\nhealthy", "the header says how many")
        browser.key("p")  # now all rows are the history's, at its times
        browser.settle()
        name, (head, *lines) = saved_csv(browser)
        t.match(name, r"^sampler-all-[\dTZ-]+\.csv$", "the CSV of all is one file")
        t.equal(head[:2], ["interface", "time"], "that says of which interface a row is")
        for name in ("v0", "v1"):
            answer = get(server, f"/api/history?interface={name}&metrics={','.join(head[2:])}")
            known = {round(time * 1000): values for time, *values in zip(*answer["data"])}
            rows = [line[1:] for line in lines if line[0] == name]
            wrong = [row for row in rows if [None if value == "" else float(value) for value in row[1:]] !=
                     known.get(browser.evaluate(f"Date.parse('{row[0]}')"))]
            t.ok(len(rows) >= 2 and not wrong, f"{name}: its rows are the history's", (rows, wrong, known))
        browser.key("p")
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
        browser.evaluate("history.back()")
        at_rest(browser, len(MIX))
        t.equal(browser.evaluate("location.hash"), "#interface=v0", "back is the one before")
        browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        lines = browser.evaluate("(() => { const range = document.createRange();"
                                 "range.selectNodeContents(document.querySelector("
                                 "'#interfaces tbody td:nth-of-type(2)'));"
                                 "return [range.toString(), range.getClientRects().length]; })()")
        t.equal(lines, ["native", 1], "a word is not broken")
        check_peace(t, browser)


if __name__ == "__main__":
    main()
