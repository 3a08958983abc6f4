#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What a reader does with the charts, by mouse and by key, and that they tell the truth: values are the
API's to the last digit, gaps are gaps, restarts are marked.
"""
import contextlib
import json
import os
import re

from page import (FIGURES, LEGEND, LIVE, MIX, ORIGIN, PIXELS, ROWS, STATUS, answer_of, begin, check_peace, main, open_page,
                  saved_csv, while_recorded)
import frames
import lab as laboratory
from browser import Browser
from lab import BUILD, Failure, scenario
from web import WebServer, get

FILL = os.environ.get("SAMPLER_FILL_HISTORY", f"{BUILD}/test/bench/fill-history")

OPEN_TABLES = "document.querySelectorAll('.as-table').forEach((button) => button.click())"
HASH = "location.hash"
AT = "[...document.querySelectorAll('.panel .at')].map((element) => element.textContent)"
CHART = "#services .u-over"
SERVICES, PROTOCOLS = ROWS % "services", ROWS % "protocols"
CAPTION = "document.getElementById('services-caption').textContent"
# Coloured pixels of a chart above a share of its height, and below it.
HALVES = """
(() => {
    const canvas = document.querySelector('#%s canvas');
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {willReadFrequently: true});
    const over = document.querySelector('#services .u-over');
    const zero = (over.offsetTop + %s * over.offsetHeight) * devicePixelRatio;
    const found = [0, 0];
    copy.drawImage(canvas, 0, 0);
    const {data} = copy.getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < data.length; i += 4) {
        const [r, g, b, a] = data.subarray(i, i + 4);
        if (a > 0 && Math.max(r, g, b) - Math.min(r, g, b) > 40)
            found[Math.floor(i / 4 / canvas.width) < zero ? 0 : 1]++;
    }
    return found;
})()
"""
# Share and rate of each size of frame.
SIZES_SHOWN = """
[...document.querySelectorAll('#sizes tbody:not([hidden]) tr:not(.group)')].map((row) =>
    [...row.querySelectorAll('data')].map(({value}) => value === '' ? null : Number(value)))
"""
L4 = ("tcp", "udp", "icmp", "sctp", "l4_other")
FLAGS = ("syn", "syn_ack", "fin", "rst")
SIZES = ("0-60", "61-123", "124-251", "252-507", "508-1019", "1020-1514", "1515-")
PANELS = ("services", "protocols", "flags")

# Of each series of each chart something.
ALL_KINDS = [
    *MIX, frames.eth(frames.ARP, frames.arp()), frames.eth(frames.IPV4, frames.ipv4(frames.ICMP, frames.icmp())),
    *(frames.eth(frames.IPV4, frames.ipv4(frames.TCP, frames.tcp(flags=flags)))
      for flags in (frames.SYN, frames.SYN | frames.ACK, frames.FIN | frames.ACK, frames.RST)),
]


def history_of(server, start, end, direction, field):
    """Return: time in ms -> name without its direction -> value, as the API has it."""
    names = [field, *(f"services.{name}.{field}" for name in ("http", "https")), *(f"l4.{name}.{field}" for name in L4),
             *(f"l3.{name}.{field}" for name in ("arp", "l3_other")),
             *(f"tcp_flags.{name}.packets_per_s" for name in FLAGS), *(f"sizes.{size}.packets_per_s" for size in SIZES)]
    metrics = ",".join(f"{direction}.{name}" for name in names)
    data = get(server, f"/api/history?interface=v0&from={start}&to={end}&metrics={metrics}")["data"]
    return {time * 1000: dict(zip(names, values)) for time, *values in zip(*data)}


def chart_rows(history, field):
    """Return: chart -> time -> the values of its series, by the API's; nothing in a gap."""
    found = {panel: {} for panel in PANELS}
    for time, value in history.items():
        known = value[field] is not None
        http, https = (value[f"services.{name}.{field}"] for name in ("http", "https"))
        found["services"][time] = [http, https, max(0, value[field] - http - https) if known else None]
        found["protocols"][time] = [*(value[f"l4.{name}.{field}"] for name in L4),
                                    value[f"l3.arp.{field}"] + value[f"l3.l3_other.{field}"] if known else None]
        found["flags"][time] = [value[f"tcp_flags.{name}.packets_per_s"] for name in FLAGS]
    return found


def size_rows(history):
    """Return: share and rate of each size, of all the time."""
    columns = [[value[f"sizes.{size}.packets_per_s"] for value in history.values()] for size in SIZES]
    known = [[value for value in column if value is not None] for column in columns]
    rates = [sum(column) / len(column) for column in known]
    return [[rate / sum(rates) * 100, rate] for rate in rates]


@contextlib.contextmanager
def page_with(t, lab, hash="", mix=MIX, sent=(), rate=1000):
    """
    Traffic received, and sent, and a page with some of it in its charts, which are tables as well; in peace.
    Yields: browser, server.
    """
    (link,), _, server = begin(lab, "v0")
    traffic = [laboratory.Traffic(link, mix, rate=rate)]
    if sent:
        traffic.append(laboratory.Traffic(link.reversed(), sent, rate=rate // 3))
    with Browser() as browser:
        open_page(browser, hash)
        browser.evaluate(OPEN_TABLES)
        browser.wait(f"{SERVICES}.length > 6", "rows")
        yield browser, server
        for one in traffic:
            one.stop()
        check_peace(t, browser)


def end_of_whole(server, seconds):
    """Return: the last second of the history, where it has no gap in so many before that; else None."""
    times, packets = get(server, "/api/history?interface=v0&metrics=rx.packets&step=1s")["data"]
    known = [int(time) for time, value in zip(times, packets) if value is not None][-1 - seconds:]
    return known[-1] if len(known) > seconds == known[-1] - known[0] else None


@scenario("values are the API's", 90)
def test_values(t, lab):
    with page_with(t, lab, mix=ALL_KINDS, sent=[*MIX, *ALL_KINDS], rate=2000) as (browser, server):
        end = laboratory.wait_for(lambda: end_of_whole(server, 4), "four seconds without a gap")
        for unit, field in (("bits", "bits_per_s"), ("packets", "packets_per_s")):
            browser.evaluate(f"location.hash = '#from={end - 4}&to={end}&unit={unit}'")
            browser.wait(f"{SERVICES}.length === 5 || {SERVICES}.length === 4", "the fixed stretch")
            browser.wait("document.querySelector('#services .axis').textContent.startsWith("
                         f"'{unit[:3]}')", "the unit")
            browser.settle()
            histories = [history_of(server, end - 4, end, direction, field) for direction in ("rx", "tx")]
            received, sent = (chart_rows(history, field) for history in histories)
            for panel in PANELS:
                rows = browser.evaluate(ROWS % panel)
                t.equal([row for row in rows if row[1:] != received[panel][row[0]] + sent[panel][row[0]]], [],
                        f"{unit}, {panel}: each value is the history's, to the last digit")
                t.ok(all(max(values) > 0 for values in zip(*(row[1:] for row in rows))) or panel == "protocols",
                     f"{unit}, {panel}: none is 0 all the time", rows)
            top, bottom = (max(sum(values) for values in some["services"].values()) for some in (received, sent))
            above, below = browser.evaluate(HALVES % ("services", top / (top + bottom)))
            t.ok(above > 1.5 * below > 150 and top > 1.5 * bottom,
                 f"{unit}: what is received is drawn upwards from 0, what is sent downwards", (above, below, top, bottom))
            sums = [[sum(row[1:]) for row in browser.evaluate(which)] for which in (SERVICES, PROTOCOLS)]
            t.ok(all(abs(a - b) < 1e-3 for a, b in zip(*sums)) and len(sums[0]) == len(sums[1]),
                 f"{unit}: services and protocols add up to the same", sums)
        times = [row[0] for row in rows]
        sizes = [size_rows({time: history[time] for time in times}) for history in histories]
        t.equal(browser.evaluate(SIZES_SHOWN), sizes[0] + sizes[1], "frame sizes are the means of the history")
        widths = browser.evaluate("[...document.querySelectorAll('#sizes tbody:not([hidden]) .bar')].map((bar) => parseFloat(bar.style.width))")
        rates = [[rate for _, rate in rows] for rows in sizes]
        wanted = [100 * rate / max(some) for some in rates for rate in some]
        t.ok(all(abs(a - b) < 0.1 for a, b in zip(widths, wanted)) and len(widths) == 14, "as are their bars", (widths, wanted))
        t.match(browser.evaluate(CAPTION), r"^Received: mean .*\. Sent: mean .*\.$", "both are told in words")
        browser.evaluate("location.hash = '#'")
        browser.wait(f"{LIVE} && {SERVICES}.length > 5", "live")
        realtime = browser.evaluate(
            f"[({FIGURES}).bandwidth_bps, ({FIGURES}).tx_bandwidth_bps, ({LEGEND % 'services'}).map((one) => one[1])]")
        t.ok(all(abs(float(figure) - sum(values)) <= 1 for figure, values in
                 zip(realtime[:2], (realtime[2][:3], realtime[2][3:]))), "live, the legend has the newest sample", realtime)


@scenario("ranges, unit, legend, address", 90)
def test_view(t, lab):
    with page_with(t, lab, rate=500) as (browser, _):
        pressed = ("[...document.querySelectorAll('.tools [aria-pressed=true]')].map("
                   "(button) => button.textContent)")
        t.equal(browser.evaluate(pressed), ["5 min", "bits/s"], "five minutes of bits/s at first")
        ranges = ("1m", "1 min"), ("5m", "5 min"), ("15m", "15 min"), ("1h", "1 h"), ("6h", "6 h"), ("24h", "24 h"), \
            ("7d", "7 d"), ("14d", "14 d")
        for key, (name, text) in enumerate(ranges, 1):
            browser.key(str(key))
            browser.wait(f"{HASH} === '{'' if name == '5m' else f'#range={name}'}'", f"{name} in the address")
            t.equal(browser.evaluate(pressed)[0], text, f"key {key}: {text}")
        browser.key("+")
        t.equal(browser.evaluate(HASH), "#range=7d", "+ is a shorter range")
        browser.key("-")
        t.equal(browser.evaluate(HASH), "#range=14d", "- a longer one")
        browser.click("[data-range='1h']")
        t.equal(browser.evaluate(HASH), "#range=1h", "as is a click")
        browser.key("2")
        browser.key("u")
        t.equal(browser.evaluate(HASH), "#unit=packets", "u: packets")
        browser.wait("document.querySelector('#services .axis').textContent === 'packets/s'", "its axis")
        browser.click("[data-unit=bits]")
        browser.wait("document.querySelector('#services .axis').textContent === 'bit/s'", "its axis")
        t.equal(browser.evaluate(HASH), "", "a click: bits again")

        legend = LEGEND % "services"
        names = [(name, shown) for name, _, shown in browser.evaluate(legend)]
        t.equal(names, [(f"{name} {way}", True) for way in ("in", "out") for name in ("http", "https", "other")],
                "the legend names all services, both ways")
        second = "#services .legend li:nth-child(2) button"
        orange = PIXELS % ("services", "r > g + 20 && g > b + 20")  # the second of the palette
        browser.wait(f"({orange}).reduce((a, b) => a + b) > 50", "the second is in the chart")
        browser.click(second)
        browser.wait(f"{HASH} === '#hide=services.rx.https'", "what is left out is in the address")
        browser.wait(f"({orange}).every((n) => n === 0)", "which is drawn")
        t.equal(sum(browser.evaluate(orange)), 0, "and not in the chart")
        t.equal([shown for _, _, shown in browser.evaluate(legend)], [True, False, True, True, True, True], "its button says so")
        browser.call("Page.reload")
        browser.wait(f"document.readyState === 'complete' && {LIVE}", "loaded again")
        browser.wait(f"({legend}).length === 6", "its legend")
        t.equal([shown for _, _, shown in browser.evaluate(legend)], [True, False, True, True, True, True],
                "a page that is loaded again is as it was")
        browser.evaluate(f"document.querySelector('{second}').focus()")
        browser.key("Enter")
        browser.wait(f"{HASH} === ''", "taken in again")
        browser.wait(f"({orange}).reduce((a, b) => a + b) > 50", "in the chart")
        t.ok(True, "by a key it is taken in again")


@scenario("two weeks", 90)
def test_long(t, lab):
    """Of an interface that is gone, so that nothing is added; as a recorder would have written it."""
    lab.run(FILL, lab.state_dir, "v0", "v0", "14")
    os.chmod(f"{lab.state_dir}/v0.hist", 0o644)
    server = WebServer(lab)
    with Browser() as browser:
        browser.open(f"{ORIGIN}#interface=v0")
        browser.wait("document.getElementById('status').textContent.includes('its history ends at')", "a history")
        browser.evaluate(OPEN_TABLES)
        for key, seconds, step in (("1", 60, 1), ("4", 3600, 1), ("5", 21600, 30), ("6", 86400, 30),
                                   ("7", 604800, 300), ("8", 1209600, 300)):
            browser.evaluate("document.querySelector('#services .scroll').replaceChildren()")
            browser.key(key)
            browser.wait(f"(({SERVICES})[0]?.[0] ?? Infinity) < ({SERVICES}).at(-1)?.[0] - {seconds * 800}",
                         f"{seconds} s")
            rows = browser.evaluate(SERVICES)
            answer = get(server, f"/api/history?interface=v0&from={rows[0][0] / 1000 - step}"
                         f"&step={step}s&metrics=rx.services.https.bits_per_s")
            wanted = dict(zip(*answer["data"]))
            wrong = [row for row in rows if wanted.get(row[0] / 1000, 0) != row[2]]
            t.equal(wrong, [], f"{seconds} s in steps of {step} s: the history's values")
            t.equal({(b[0] - a[0]) % (step * 1000) for a, b in zip(rows, rows[1:])}, {0}, "at its steps")
        t.equal(browser.evaluate(CAPTION)[:14], "Received: mean", "in words")


@scenario("zoom, live, pause", 90)
def test_zoom(t, lab):
    with page_with(t, lab, "#range=1m") as (browser, _):
        x, y = browser.place(CHART, 0.5)
        end, _ = browser.place(CHART, 0.95)
        browser.mouse("Moved", x, y)
        browser.mouse("Pressed", x, y, "left", 1)
        browser.mouse("Moved", (x + end) / 2, y, "left", 1)
        browser.mouse("Moved", end, y, "left", 1)
        browser.mouse("Released", end, y, "left")
        browser.wait(f"{HASH}.includes('from=')", "zoomed by dragging")
        start, stop = (float(n) for n in re.findall(r"(?:from|to)=([\d.]+)", browser.evaluate(HASH)))
        t.ok(20 < stop - start < 34, "to what was dragged over: 27 s of the minute", (start, stop))
        while_recorded(browser, lab, 2)
        rows = browser.evaluate(SERVICES)
        t.ok(all(start * 1000 <= row[0] <= stop * 1000 for row in rows), "its rows are of that time", rows)
        t.match(browser.text("#stretch"), r"\d\d:\d\d:\d\d to \d\d:\d\d:\d\d", "which is said")
        browser.click("#live")
        browser.wait(f"{HASH} === '#range=1m'", "back to live")
        browser.wait(f"{SERVICES}.length > {len(rows)}", "with all rows")
        t.ok(True, "a press: live again")

        browser.click("#pause")
        browser.wait(f"{STATUS}.startsWith('Paused')", "paused")
        while_recorded(browser, lab, 1)
        still = browser.evaluate(f"[{FIGURES}, {SERVICES}]")
        while_recorded(browser, lab, 3)
        t.equal(browser.evaluate(f"[{FIGURES}, {SERVICES}]"), still, "a pause holds all still")
        browser.key("l")
        browser.wait(f"{LIVE} && ({FIGURES}).total_packets !== '{still[0]['total_packets']}'", "it goes on")
        newest = still[1][-1][0]
        browser.wait(f"({SERVICES}).filter((row) => row[0] > {newest}).length >= 3", "what came meanwhile")
        gaps = browser.evaluate(f"({SERVICES}).filter((row) => row[0] > {newest} && row[1] === null).length")
        t.equal(gaps, 0, "and nothing is missing")

        zoomed = f"#range=1m&from={start:.17g}&to={stop:.17g}"
        paused = f"{STATUS}.startsWith('Paused')"
        browser.evaluate(f"location.hash = '{zoomed}'")
        browser.wait("!document.getElementById('live').disabled", "the zoom")
        for key in ("p", " "):
            browser.key(key)
            browser.wait(f"{paused} === {json.dumps(key == 'p')}", f"key {key!r}")
            t.equal(browser.evaluate(HASH), zoomed, f"key {key!r}: a pause begins and ends in a zoom, which stays")
        browser.key("l")
        for key, hash in (("p", "#range=1m&from="), ("p", "#range=1m")):
            browser.key(key)
            browser.wait(f"{HASH}.startsWith('{hash}') && {paused} === {json.dumps(hash[-1] == '=')}", hash)
        t.equal(browser.evaluate(HASH), "#range=1m", "one of what is live goes back to it")


@scenario("pointer and keys", 90)
def test_pointer(t, lab):
    with page_with(t, lab, "#range=1m") as (browser, _):
        x, y = browser.place(CHART, 0.97)
        browser.mouse("Moved", x, y)
        browser.wait(f"({AT})[3].startsWith('at ')", "the pointer is at a sample")
        at, rows, legends = browser.evaluate(
            f"[{AT}, {SERVICES}, {json.dumps(['services', 'protocols', 'flags'])}.map("
            "(id) => [...document.querySelectorAll(`#${id} .legend data`)].map((one) => Number(one.value)))]")
        t.equal(set(at[:3] + [at[3][3:]]), {at[0]}, "all charts have the pointer at the same time")
        shown = browser.evaluate("[...document.querySelectorAll('.u-cursor-x')].map((line) =>"
                                 "getComputedStyle(line).display !== 'none')")
        t.equal(shown, [True] * 3, "and a line there")
        values = [row[1:] for row in rows if browser.evaluate(
            f"new Date({row[0]}).toISOString().slice(11, 19)") == at[0]]
        t.ok(legends[0] in values, "the legend has the values of that time", (legends[0], values))
        browser.mouse("Moved", x, 5)
        browser.wait(f"({AT})[3] === 'mean of the shown time'", "the pointer has gone")

        browser.key("ArrowLeft")
        first = browser.evaluate(AT)
        browser.key("ArrowLeft")
        browser.key("ArrowLeft")
        third = browser.evaluate(AT)
        t.ok(third[0] < first[0] and third[0] == third[1], "arrow keys move it", (first, third))
        t.match(browser.text("#spoken"), r"^\d\d:\d\d:\d\d: http in .*, https in .*, other in .*, http out ",
                "and are spoken")
        browser.key("ArrowRight", shift=True)
        newest = browser.evaluate(AT)
        t.ok(newest[0] > first[0] or newest[0] == first[0] and newest[0] > third[0], "with Shift by ten", (first, newest))
        browser.key("ArrowLeft")
        browser.key("ArrowLeft")
        browser.key("z")
        browser.key("ArrowRight")
        browser.key("ArrowRight")
        browser.key("z")
        browser.wait(f"{HASH}.includes('from=')", "zoomed by keys")
        start, stop = (float(n) for n in re.findall(r"(?:from|to)=([\d.]+)", browser.evaluate(HASH)))
        t.ok(1.5 < stop - start < 3, "z at both ends: a zoom", (start, stop))
        browser.key("l")

        browser.key("?", shift=True)
        browser.wait("document.getElementById('help').open", "the help")
        t.match(browser.text("#help"), r"(?s)Space.*pause.*14 days|14 days.*Space.*pause", "? shows the keys")
        keys = set(browser.evaluate("[...document.querySelectorAll('#help kbd')].map((k) => k.textContent)"))
        t.ok(keys >= {"1", "8", "z", "u", "c", "s", "t", "l", "?"}, "all of them", keys)
        browser.evaluate("document.getElementById('keys-on').click()")
        browser.press("Escape", "!document.getElementById('help').open", "Esc closes it")
        browser.key("u")
        browser.drawn()
        t.equal(browser.evaluate(HASH), "#range=1m", "letters can be switched off")
        browser.evaluate("document.getElementById('keys-on').click()")
        browser.key("t")
        browser.key("t")
        t.equal(browser.evaluate("document.documentElement.dataset.theme"), "dark", "t: another theme")
        t.equal(browser.evaluate("getComputedStyle(document.documentElement).colorScheme"), "dark",
                "of which the style sheet knows")
        grid = PIXELS % ("services", "a < 80 && Math.abs(r - 0x9b) < 8 && Math.abs(b - 0xb0) < 8")
        t.ok(sum(browser.evaluate(grid)) > 100, "and the charts")

        browser.press("ArrowLeft", f"({AT})[3].startsWith('at ')", "the pointer")
        browser.press("Escape", f"({AT})[3] === 'mean of the shown time'", "no pointer")
        browser.press("p", f"{HASH}.includes('from=')", "a pause")
        browser.press("Escape", f"{HASH} === '#range=1m' && {LIVE}", "live")
        t.ok(True, "Esc takes the pointer away, then it is live")
        tables = "[...document.querySelectorAll('#one .scroll')].map((one) => one.hidden)"
        for hidden in (True, False):
            browser.key("d")
            t.equal(browser.evaluate(tables), [hidden] * 3, f"d: {'no ' * hidden}tables")
        browser.key("i")
        t.equal(browser.evaluate("document.activeElement.id"), "interface", "i: the switch")

        browser.evaluate("document.activeElement.blur()")
        reached = set()
        for _ in range(60):
            browser.key("Tab")
            reached.add(browser.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        t.ok(reached >= {"interface", "theme", "help-open", "pause", "curl", "csv", "1 min", "14 d", "Table"},
             "Tab reaches everything", reached)
        t.ok(any(one.startswith("https") for one in reached), "legends as well", reached)


@scenario("take along", 90)
def test_export(t, lab):
    with page_with(t, lab, "#range=1m") as (browser, server):
        browser.call("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        browser.press("p", f"{STATUS}.startsWith('Paused') && ({SERVICES}).every((row) => row[0] % 1000 === 0)",
                      "a pause, and rows of the history alone")
        browser.press("c", "document.getElementById('note').textContent.startsWith('Copied')", "copied")
        command = browser.evaluate("navigator.clipboard.readText()")
        t.match(command, r"^curl -s 'http://127\.0\.0\.1:3000/api/history\?interface=v0&from=\d+&to=\d+&metrics=rx",
                "a command for a shell")
        answer = answer_of(command)
        name, (head, *rows) = saved_csv(browser)
        t.match(name, r"^sampler-v0-\d{4}-\d\d-\d\dT\d{6}Z\.csv$", "a file of a telling name")
        t.equal(head, answer["columns"], "the CSV has the columns that the command asks for")
        api = {browser.evaluate(f"new Date({time} * 1000).toISOString()"): values
               for time, *values in zip(*answer["data"])}
        numbers = {time: [None if value == "" else float(value) for value in values] for time, *values in rows}
        shared = set(api) & set(numbers)
        t.ok(len(shared) >= 3, "and its rows", (sorted(api), sorted(numbers)))
        t.equal({time: numbers[time] for time in shared}, {time: api[time] for time in shared},
                "with the same values, to the last digit")
        browser.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('no'))")
        browser.key("c")
        browser.wait("document.getElementById('command').open", "where nothing can be copied it is shown")
        shown, copied = (re.sub(r"\b(from|to)=\d+", r"\1=", text) for text in (  # a sample may have come meanwhile
            browser.evaluate("document.querySelector('#command textarea').value"), command))
        t.equal(shown, copied, "where a browser lets no page copy, it is shown")
        t.ok(get(server, "/healthz")["status"] == "ok", "the server is well")


@scenario("a restart of the counters", 90)
def test_restart(t, lab):
    (link,), (recorder,), server = begin(lab, "v0")
    with Browser() as browser:
        open_page(browser, "#range=1m")
        browser.evaluate(OPEN_TABLES)
        link.send(MIX * 10)
        recorder.wait_record()
        recorder.stop()  # which detaches
        recorder = lab.record("v0", interval="1s")
        recorder.wait_record()
        link.send(MIX * 20)
        recorder.wait_record()
        browser.wait(f"{LIVE} && ({FIGURES}).total_packets === '60'", "new counters", 30)
        browser.wait(f"{CAPTION}.includes('counters began anew')", "that is told", 30)
        t.match(browser.evaluate(CAPTION), r"At \d\d:\d\d:\d\d counters began anew\.", "in words")
        epoch, = get(server, "/api/history?interface=v0&metrics=rx.packets")["epochs"]
        clock = epoch["from"][11:19]
        t.ok(f"At {clock} " in browser.evaluate(CAPTION), "at the time that the API has")
        rows = browser.evaluate(SERVICES)
        t.ok(any(row[1] is None for row in rows), "the line is broken there", rows)
        biggest = max(sum(value or 0 for value in row[1:]) for row in rows)
        t.ok(biggest < 8 * 20 * sum(map(len, MIX)) * 2, "and no rate is over both", biggest)
        height = browser.evaluate("document.querySelector('#services canvas').height")
        mark = max(browser.evaluate(PIXELS % ("services", "r === 0x7a && g === 0x43 && b === 0")))
        t.ok(mark > height / 4, "a dashed line is drawn from top to bottom", (mark, height))


@scenario("a server that was away", 120)
def test_away(t, lab):
    """All samples that were recorded meanwhile are there afterwards, each once."""
    (link,), (recorder,), server = begin(lab, "v0")
    traffic = laboratory.Traffic(link, MIX, rate=1000)
    with Browser() as browser:
        open_page(browser, "#range=1m")
        browser.evaluate(OPEN_TABLES)
        browser.wait(f"({SERVICES}).length >= 3", "rows")
        server.kill()
        browser.wait("document.getElementById('status').textContent.startsWith('Connection lost')", "lost")
        for _ in range(3):
            recorder.wait_record()
        server = WebServer(lab)
        browser.wait(LIVE, "live again by itself")
        while_recorded(browser, lab, 3)
        rows = browser.evaluate(SERVICES)
        while rows and rows[0][1] is None:  # before the second record there is no rate
            rows.pop(0)
        taken = [record["realtime_ns"] / 1e6 for record in lab.history("v0")]
        missing = [b - a for a, b in zip([row[0] for row in rows], [row[0] for row in rows][1:]) if b - a > 2100]
        longest = max(b - a for a, b in zip(taken, taken[1:]))
        t.ok(longest > 1900 or not missing, "no sample is missing", (rows, taken))
        t.ok(all(row[1] is not None for row in rows) or longest > 2400, "and there is no gap", rows)
        t.equal(len({row[0] for row in rows}), len(rows), "none is there twice")
        traffic.stop()


# Each event of the stream becomes so many: copies a second apart, as an hour would have brought.
FAST_FORWARD = """
(() => {
    const plain = window.fetch;
    let ahead = 0;
    window.times = 1;
    window.samples = 0;
    const multiplied = (text) => text.replace(/(?:id: .*\\n)?data: (.*)\\n\\n/g, (_, json) => {
        const sample = JSON.parse(json);
        const base = Date.parse(sample.timestamp);
        let all = '';
        for (let i = 0; i < window.times; i++) {
            sample.timestamp = new Date(base + 1000 * ahead).toISOString();
            all += `data: ${JSON.stringify(sample)}\\n\\n`;
            if (i + 1 < window.times)
                ahead++;
            window.samples++;
        }
        return all;
    });
    window.fetch = async (url, options) => {
        const response = await plain(url, options);
        if (!String(url).includes('/api/stream'))
            return response;
        let pending = '';
        const body = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new TransformStream({
            transform(text, controller) {
                pending += text;
                const end = pending.lastIndexOf('\\n\\n') + 2;
                if (end > 1) {
                    controller.enqueue(multiplied(pending.slice(0, end)));
                    pending = pending.slice(end);
                }
            }})).pipeThrough(new TextEncoderStream());
        return new Response(body, {headers: response.headers});
    };
})();
"""
HOUR = 3600
GROWTH = 400000  # bytes; the rows of an hour are twice as many


def heap_after(browser, samples):
    """Return: bytes and nodes, so many samples later and at rest: of some samples the one with the least in use."""
    begun = browser.evaluate("window.samples")
    browser.evaluate("window.times = 900")
    browser.wait(f"window.samples > {begun + samples}", f"{samples} samples", 60)
    browser.evaluate("window.times = 1")
    heaps = []
    for _ in range(4):
        begun = browser.evaluate("window.samples")
        browser.wait(f"window.samples > {begun}", "one more")
        browser.settle()
        browser.evaluate("new Promise((done) => requestIdleCallback(() => done(true)))")
        heaps.append(browser.heap())
    return min(heaps)


@scenario("an hour of samples", 120)
def test_memory(t, lab):
    (link,), _, _ = begin(lab, "v0")
    traffic = laboratory.Traffic(link, MIX, rate=1000)
    with Browser() as browser:
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=FAST_FORWARD)
        open_page(browser)
        browser.evaluate(OPEN_TABLES)
        browser.evaluate("window.times = 900")
        browser.wait("window.samples > 600", "ten minutes")
        browser.wait(f"({SERVICES}).length >= 100", "the chart is full")
        heaps = [heap_after(browser, HOUR) for _ in range(3)]
        t.note(f"heap and nodes, hour by hour: {heaps}")
        grown = [(after[0] - before[0], after[1] - before[1]) for before, after in zip(heaps, heaps[1:])]
        t.ok(min(size for size, _ in grown) < GROWTH, "the heap does not grow with each hour", heaps)
        t.ok(min(nodes for _, nodes in grown) < 500, "nor does the page", heaps)
        t.ok(browser.evaluate(f"({SERVICES}).length") <= 160, "old rows are gone")
        if not browser.evaluate(LIVE):
            raise Failure("it is not live any more")
        traffic.stop()


if __name__ == "__main__":
    main()
