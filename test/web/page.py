# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What the tests of the page share: a laboratory with a recorder on each link and the web service, and how to
read the page. Importing it makes test/netns's modules importable as well.
"""
import csv
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))

import frames  # noqa: E402
import lab as laboratory  # noqa: E402
from browser import CHROMIUM  # noqa: E402
from lab import RUN, Failure  # noqa: E402
from web import ASSETS, PORT, SAMPLER_WEB, WebServer  # noqa: E402

ORIGIN = f"http://127.0.0.1:{PORT}/"

MIX = [
    frames.eth(frames.IPV4, frames.ipv4(frames.TCP, frames.tcp(dest=80, payload=b"x" * 400))),
    frames.eth(frames.IPV4, frames.ipv4(frames.TCP, frames.tcp(dest=443, payload=b"x" * 1200))),
    frames.eth(frames.IPV4, frames.ipv4(frames.UDP, frames.udp(payload=b"x" * 60))),
]

STATUS = "document.getElementById('status').textContent"
LIVE = f"{STATUS} === 'Live'"
OLD = "document.querySelector('main').classList.contains('old')"
AT = "document.getElementById('age').dataset.timestamp"

# Each figure by its field, as the exact value that the page holds.
FIGURES = """
Object.fromEntries([...document.querySelectorAll('[data-field]')].map((element) =>
    [element.dataset.field,
        element.getAttribute(element.localName === 'time' ? 'datetime' : 'value')]))
"""
# The table of counters: group, name and exact values of each row.
COUNTERS = """
[...document.querySelectorAll('#counters tbody')].map((body) => [
    body.querySelector('.group')?.textContent ?? '',
    [...body.querySelectorAll('tr:not(.group)')].map((row) => [row.cells[0].textContent,
        ...[...row.querySelectorAll('data')].map((data) => data.getAttribute('value'))])])
"""
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


def holes(lab, name="v0"):
    """How often no record was taken for longer than a step: by the test's doing, or by a machine that stood still."""
    times = [record["boottime_ns"] / 1e9 for record in lab.history(name)]
    return sum(b - a > 1.5 for a, b in zip(times, times[1:]))


def open_page(browser, hash=""):
    browser.open(ORIGIN + hash)
    browser.wait(LIVE, "the page is live")


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


def expected_rows(rx):
    """What the table of counters has to hold, by the API: without the names that the page gives."""
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


def saved_csv(browser):
    """Press the key for it. Return: name and rows of the one file that the browser then has."""
    folder = tempfile.mkdtemp(dir=RUN)
    browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=folder)
    browser.key("s")
    laboratory.wait_for(lambda: browser.listen(0.1) or any(name.endswith(".csv") for name in os.listdir(folder)),
                        "a file")
    browser.listen(0.3)
    name, = os.listdir(folder)
    with open(f"{folder}/{name}", newline="", encoding="utf-8") as file:
        return name, list(csv.reader(file))


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
