# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What the tests of the page share: a laboratory with a recorder on each link and the web service, and how to
read the page. Importing it makes test/netns's modules importable as well.
"""
import csv
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))

import frames  # noqa: E402
import lab as laboratory  # noqa: E402
from browser import CHROMIUM  # noqa: E402
from lab import RUN, Failure  # noqa: E402
from web import ASSETS, PORT, SAMPLER_WEB, WebServer, get  # noqa: E402

ORIGIN = f"http://127.0.0.1:{PORT}/"

MIX = [
    frames.eth(frames.IPV4, frames.ipv4(frames.TCP, frames.tcp(dest=80, payload=b"x" * 400))),
    frames.eth(frames.IPV4, frames.ipv4(frames.TCP, frames.tcp(dest=443, payload=b"x" * 1200))),
    frames.eth(frames.IPV4, frames.ipv4(frames.UDP, frames.udp(payload=b"x" * 60))),
]

STATUS = "(document.getElementById('status')?.textContent ?? '')"  # also of a page that is about to come
LIVE = f"{STATUS} === 'Live'"
CONTROLS = "document.getElementById('zone').textContent !== ''"  # what they need is loaded behind the first chart
OLD = "document.querySelector('main').classList.contains('old')"
AT = "document.getElementById('age').dataset.timestamp"

# Each figure by its field, as the exact value that the page holds.
FIGURES = """
Object.fromEntries([...document.querySelectorAll('[data-field]')].map((element) =>
    [element.dataset.field,
        element.getAttribute(element.localName === 'time' ? 'datetime' : 'value')]))
"""
# The table of counters: group, name and exact values of each row.
COUNTERS_OF = """
[...document.querySelectorAll('#%s tbody')].map((body) => [
    body.querySelector('.group')?.textContent ?? '',
    [...body.querySelectorAll('tr:not(.group)')].map((row) => [row.cells[0].textContent,
        ...[...row.querySelectorAll('data')].map((data) => data.getAttribute('value'))])])
"""
COUNTERS, SENT_COUNTERS = COUNTERS_OF % "counters", COUNTERS_OF % "sent-counters"
# A chart as a table, the earliest first: time in ms, values.
ROWS = """
[...document.querySelectorAll('#%s .scroll tbody tr')].map((row) => [
    Date.parse(row.querySelector('time').dateTime),
    ...[...row.querySelectorAll('data')].map(({value}) => value === '' ? null : Number(value))]).reverse()
"""
# The legend of a chart: name, exact value, whether it is shown.
LEGEND = """
[...document.querySelectorAll('#%s .legend button')].map((button) => [
    button.querySelector('.name').textContent,
    button.querySelector('data').getAttribute('value') === null ? null
        : Number(button.querySelector('data').value),
    button.getAttribute('aria-pressed') === 'true'])
"""
# The pixels of a chart: PIXELS % (its name, a condition of r, g and b) is how many there are in each column.
PIXELS = """
(() => {
    const canvas = document.querySelector('#%s canvas');
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {willReadFrequently: true});
    copy.drawImage(canvas, 0, 0);
    const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);
    const columns = new Array(canvas.width).fill(0);
    for (let i = 0; i < data.length; i += 4) {
        const [r, g, b, a] = data.subarray(i, i + 4);
        if (a > 0 && (%s))
            columns[(i / 4) %% canvas.width]++;
    }
    return columns;
})()
"""


def begin(lab, *names, recorded=None, interval="1s"):
    """Links, a recorder on each or on some, the server. Return: links, recorders, server."""
    links = [lab.veth(name, f"p{name}") for name in names]
    recorders = [lab.record(name, interval=interval) for name in recorded or names]
    for recorder in recorders:
        recorder.wait_record()
    return links, recorders, WebServer(lab)


def while_recorded(browser, lab, n, name="v0"):
    """Take in what the page does until so many more records are taken."""
    wanted = lab.last_record(name)["record"] + n
    laboratory.wait_for(lambda: browser.listen(0.1) or lab.last_record(name)["record"] >= wanted, f"{n} more records")


def holes(lab, name="v0"):
    """How often no record was taken for longer than a step: by the test's doing, or by a machine that stood still."""
    times = [record["boottime_ns"] / 1e9 for record in lab.history(name)]
    return sum(b - a > 1.5 for a, b in zip(times, times[1:]))


def left_out(server, rows, step_ms, name="v0"):
    """
    Return: ends of steps, in ms, of which the history knows and no row of a table. A row of which nothing is known is
    about none; a line goes on over 2.5 intervals, so that the row may be that of the next or the last sample.
    """
    known = [row[0] for row in rows if row[1] is not None]
    answer = get(server, f"/api/history?interface={name}&metrics=rx.packets&step={step_ms}ms"
                         f"&from={known[0] // 1000}&to={known[-1] // 1000}")
    if answer["step_ms"] != step_ms:
        raise Failure(f"other steps: {answer}")
    taken = [round(time * 1000) for time, value in zip(*answer["data"]) if value is not None]
    return [time for time in taken if known[0] <= time and not any(abs(time - row) <= 1.5 * step_ms for row in known)]


def open_page(browser, hash="", level="ok"):
    """@level: of its state, which is "Live" where all is well."""
    browser.open(ORIGIN + hash)
    browser.wait(LIVE if level == "ok" else f"document.getElementById('status').dataset.level === '{level}'",
                 f"the page is {level}")


def at_rest(browser, expected):
    """Wait until the page has counted all that was sent, and its rates are those of silence."""
    browser.wait(f"{LIVE} && (({FIGURES}).total_packets === '{expected}') && "
                 f"(({FIGURES}).bandwidth_bps === '0')", f"{expected} packets, and silence")


def same_sample(browser, server, query=""):
    """Return: the page's figures and counters, and the API's answers, all of the same sample."""
    for _ in range(20):
        before = server.get(f"/api/metrics/realtime{query}").json()
        summary = server.get(f"/api/stats/summary{query}").json()
        browser.wait(f"{AT} >= '{before['timestamp']}'", "the sample that the API has")
        shown, rows, at = browser.evaluate(f"[{FIGURES}, {COUNTERS}, {AT}]")
        if at == before["timestamp"] == summary["timestamp"]:
            return shown, rows, before, summary
    raise Failure("the page never shows the sample that the API has")


def expected_rows(counted):
    """What a table of counters has to hold, by the API's rx or tx: without the names that the page gives."""
    def values(count):
        fields = ("bits_per_s", "packets_per_s", "packets", "bytes")
        return [None if count is None else count.get(field) for field in fields]

    marks = [values(counted[name]) for name in ("vlan", "fragments", "malformed")]
    groups = [[values(count) for count in counted[name].values()]
              for name in ("l3", "l4", "services", "sizes", "tcp_flags")]
    return [[values(counted)], *groups[:3], marks, *groups[3:]]


def numbers(rows):
    """The table's values as numbers, like those of expected_rows()."""
    return [[[None if value is None else float(value) for value in row[1:]] for row in body]
            for _, body in rows]


def sent_of(realtime, summary):
    """What the page shows of what is sent, by its fields; nothing where it is not counted."""
    if realtime["tx"] is None:
        return {}
    tx = realtime["tx"]
    return {**{f"tx_{name}": value for name, value in summary["tx"].items()},
            "tx_bandwidth_bps": tx["bits_per_s"], "tx_packets_per_sec": tx["packets_per_s"],
            "tx_total_packets": tx["packets"], "tx_total_bytes": tx["bytes"]}


def check_figures(t, shown, realtime, summary, name):
    wrong = {}
    sent = sent_of(realtime, summary)
    t.equal({field for field, value in shown.items() if field.startswith("tx_") and value is not None} - set(sent), set(),
            f"{name}: nothing is shown as sent that is not counted")
    t.ok(not sent or len(set(shown) & set(sent)) == 8, f"{name}: all that is counted as sent is shown", shown)
    for field, value in {**summary, **realtime, **sent}.items():
        if field in shown and shown[field] != (None if value is None else str(value)):
            if not isinstance(value, float) or float(shown[field]) != value:
                wrong[field] = (shown[field], value)
    t.equal(wrong, {}, f"{name}: every figure is the API's")
    t.ok(len(set(shown) & {*realtime, *summary}) >= 18, f"{name}: which are all of them", shown)


def saved_csv(browser):
    """Press the key for it. Return: name and rows of the one file that the browser then has."""
    folder = tempfile.mkdtemp(dir=RUN)
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=folder)
    browser.key("s")

    def complete():
        browser.listen(0.1)
        return {os.path.splitext(name)[1] for name in os.listdir(folder)} == {".csv"}  # no other than that, as amid it

    laboratory.wait_for(complete, "a file")
    name, = os.listdir(folder)
    with open(f"{folder}/{name}", newline="", encoding="utf-8") as file:
        return name, list(csv.reader(file))


def answer_of(commands):
    """Return: what the commands get, which the page gives for one history, with the columns of all."""
    first, *others = [json.loads(subprocess.run(command, shell=True, check=True, stdout=subprocess.PIPE).stdout)
                      for command in commands.splitlines()]
    for other in others:
        if other["data"][0] != first["data"][0]:
            raise Failure("each gets other times")
        first["columns"] += other["columns"][1:]
        first["data"] += other["data"][1:]
    return first


def check_peace(t, browser):
    t.equal(browser.console, [], "no error, and nothing else, on the console")
    foreign = [url for url in browser.requests if not url.startswith((ORIGIN, "about:", f"blob:{ORIGIN}"))]
    t.equal(foreign, [], "no request but to the server that the page came from")
    # What the browser or the page gives up (it goes elsewhere, another interface is chosen) has not failed.
    failed = {key: why for key, why in browser.failed.items() if why != "net::ERR_ABORTED"}
    t.equal(failed, {}, "and none of those failed")


def main():
    """Run the scenarios, if there is all that they need. Never returns."""
    for needed in (SAMPLER_WEB, f"{ASSETS}/index.html"):
        if not os.path.exists(needed):
            raise SystemExit(f"no {needed}: build it, or set SAMPLER_BUILD")
    if not CHROMIUM:
        raise SystemExit("no chromium: apt-get install chromium")
    laboratory.main()
