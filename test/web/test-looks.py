#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
How the page looks, as far as a program can tell: no violation that axe-core finds, in light and dark, in each
state; nothing wider than a phone, nothing cut off, nothing that jumps; how much is transferred. Each look is
kept as a picture for people, in $SAMPLER_SCREENSHOTS.
"""
import os

from page import AT, FIGURES, LIVE, MIX, OLD, ORIGIN, STATUS, begin, check_peace, main, open_page, while_recorded
import frames
import lab as laboratory
from browser import Browser
from lab import BUILD, RUN, scenario
from web import WebServer

AXE = os.environ.get("SAMPLER_AXE", f"{BUILD}/test/web/axe.js")
SCREENSHOTS = os.environ.get("SAMPLER_SCREENSHOTS", f"{BUILD}/test/web/screenshots")
MAX_TRANSFER = 150000  # bytes, compressed, head lines too
MAX_SHIFT = 0.05  # of the window; half of what is held to be good
SMALLEST_TEXT = 12  # px

VIOLATIONS = """
axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}).then(
    ({violations}) => violations.map(({id, nodes}) => [id, nodes.slice(0, 3).map(({html, any}) =>
        [html.slice(0, 160), any.map(({message}) => message).join(' ')])]))
"""
# What holds text and has less room than that needs.
CUT_OFF = """
[...document.querySelectorAll('button, .chip, .figures dd, .figures dt, .totals dd, .legend data, .legend .name, h1, h2, h3, '
    + '.head span, #sizes th, #sizes td:not(.bars), .caption, #status')].filter((element) =>
    element.offsetParent && !element.classList.contains('unseen')
    && element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== 'inline'
    ).map((element) => element.outerHTML.slice(0, 120))
"""
# Pieces of text that lie on each other.
OVERLAPS = """
(() => {
    const boxes = [...document.querySelectorAll('button, .chip, .figures dd, .figures dt, .totals dd, '
        + '.totals dt, h1, h2, .head span, .state p, .legend .name, .legend data, #sizes th, #sizes data')]
        .filter((element) => element.offsetParent && element.textContent.trim()
            && !element.classList.contains('unseen'))
        .map((element) => {
            const range = document.createRange();
            range.selectNodeContents(element);
            return [element, range.getBoundingClientRect()];
        });
    const found = [];
    boxes.forEach(([a, p], i) => boxes.slice(i + 1).forEach(([b, q]) => {
        const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
        const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
        if (x > 1 && y > 4 && !a.contains(b) && !b.contains(a))
            found.push([a.outerHTML.slice(0, 80), b.outerHTML.slice(0, 80)]);
    }));
    return found;
})()
"""
# Where everything is that stands still.
PLACES = """
JSON.stringify([...document.querySelectorAll('section, .head > *, .figures > div, .figures dd, .legend data, .legend button, '
    + '.chart, .totals > div, .tools button, #sizes td, footer, details')].map((element) => {
        const {left, top, width, height} = element.getBoundingClientRect();
        return [left, top, width, height].map(Math.round);
    }))
"""


# Digits of which the ones are as wide as the noughts, and the smallest text that is shown.
UNEVEN = """
['.figure data', '.figures dd:nth-child(3) data', '.totals data', '.legend data', '#sizes data', '#age', '.head .at']
    .filter((path) => {
        const copy = document.querySelector(`#data ${path}, header ${path}`).cloneNode();
        copy.removeAttribute('id');
        document.querySelector(`#data ${path}, header ${path}`).after(copy);
        copy.style.cssText = 'display: inline-block; min-width: 0; position: absolute';
        const widths = ['0000000000', '1111111111'].map((text) => {
            copy.textContent = text;
            return copy.getBoundingClientRect().width;
        });
        copy.remove();
        return widths[0] < 10 || Math.abs(widths[0] - widths[1]) > 0.1
            || getComputedStyle(document.querySelector(`#data ${path}, header ${path}`)).fontVariantNumeric !== 'tabular-nums';
    })
"""
SMALLEST = """
Math.min(...[...document.querySelectorAll('body *')].filter((element) => element.offsetParent
    && [...element.childNodes].some(({nodeType, data}) => nodeType === 3 && data.trim())
    && !element.closest('.unseen, svg')).map((element) => parseFloat(getComputedStyle(element).fontSize)))
"""
# How far what was seen was moved by what came later, as the browser tells it (0: nothing moved).
SHIFTED = """
new Promise((done) => {
    const moves = [];
    const observer = new PerformanceObserver((list) => {
        moves.push(...list.getEntriesByType('layout-shift').map(({value, sources}) =>
            [value, sources.map(({node}) => node?.id || node?.className || node?.nodeName)]));
        if (list.getEntriesByName('told').length)
            done(moves);
    });
    observer.observe({type: 'layout-shift', buffered: true});
    observer.observe({type: 'mark'});
    requestAnimationFrame(() => requestAnimationFrame(() => performance.mark('told')));  // behind all that moved before
})
"""


def take(t, browser, name, *, axe=True):
    """A picture, and what axe-core says."""
    browser.drawn()
    browser.screenshot(f"{SCREENSHOTS}/{name}.png")
    if axe:
        t.equal(browser.evaluate(VIOLATIONS), [], f"{name}: axe-core finds nothing")


def load_axe(browser):
    with open(AXE, encoding="utf-8") as file:
        browser.call("Runtime.evaluate", expression=file.read())


def fits(t, browser, name):
    width = browser.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    t.ok(width[0] <= width[1], f"{name}: nothing is wider than the window", width)
    t.equal(browser.evaluate(CUT_OFF), [], f"{name}: no text is cut off")
    t.equal(browser.evaluate(OVERLAPS), [], f"{name}: no text lies on another")
    t.ok(browser.evaluate(SMALLEST) >= SMALLEST_TEXT, f"{name}: no text is too small", browser.evaluate(SMALLEST))


def stands_still(t, browser, name):
    places = browser.evaluate(PLACES)
    moved = 0
    for _ in range(2):
        browser.wait(f"{AT} !== '{browser.evaluate(AT)}'", "the next sample")
        browser.drawn()
        moved += browser.evaluate(PLACES) != places
    t.equal(moved, 0, f"{name}: nothing moves while figures change")


SERVICES = {"dns": "udp/53", "quic": "udp/443", "ssh": "tcp/22", "ntp": "udp/123", "smtp": "tcp/25",
            "postgres": "tcp/5432", "redis": "tcp/6379", "kafka": "tcp/9092"}


def frame(port, size):
    """A frame to a port such as tcp/22."""
    kind, number = port.split("/")
    packet = (frames.tcp if kind == "tcp" else frames.udp)(dest=int(number), payload=b"x" * size)
    return frames.eth(frames.IPV4, frames.ipv4(frames.TCP if kind == "tcp" else frames.UDP, packet))


def busy_mix():
    """More services than there are colours, in all sizes; and what is no service and no IP."""
    syn = frames.eth(frames.IPV4, frames.ipv4(frames.TCP, frames.tcp(dest=80, flags=frames.SYN)))
    return [*(frame(port, 100 + 170 * n) for n, port in enumerate(SERVICES.values())), *MIX, *MIX, syn,
            frames.eth(frames.ARP, frames.arp())]


@scenario("busy, in all sizes and both themes", 120)
def test_busy(t, lab):
    lab.configure("[services]\nhttp = tcp/80\nhttps = tcp/443\n" +
                  "".join(f"{name} = {port}\n" for name, port in SERVICES.items()))
    (link,), (recorder,), _ = begin(lab, "v0")
    traffic = [laboratory.Traffic(link, busy_mix(), rate=3000), laboratory.Traffic(link.reversed(), busy_mix()[3:], rate=1000)]
    for _ in range(3):
        recorder.wait_record()
    with Browser(1280, 1000) as browser:
        browser.emulate(prefers_color_scheme="light")
        before = browser.received
        open_page(browser)
        browser.wait("performance.getEntriesByName('first chart').length > 0", "the first chart")
        transferred = browser.received - before
        drawn = browser.evaluate("performance.getEntriesByName('first chart')[0].startTime")
        t.note(f"first chart drawn after {drawn:.0f} ms; {transferred} bytes transferred")
        t.ok(30000 < transferred < MAX_TRANSFER, "all that it takes is less than 150 KB", transferred)
        moves = browser.evaluate(SHIFTED)
        t.note(f"moved while it was loaded: {moves}")
        t.ok(sum(value for value, _ in moves) < MAX_SHIFT, "nothing that is seen jumps when what is new comes", moves)
        t.equal(browser.evaluate("performance.getEntriesByType('resource').filter("
                                 "({encodedBodySize: a, decodedBodySize: b}) => b > 2000 && a >= b).length"), 0,
                "and compressed")
        load_axe(browser)
        take(t, browser, "light")
        fits(t, browser, "1280 px")
        t.equal(browser.evaluate(UNEVEN), [], "all digits are equally wide")
        browser.wait(f"Number(({FIGURES}).bandwidth_bps) > 1e6", "traffic")
        stands_still(t, browser, "1280 px")
        browser.emulate(prefers_color_scheme="dark")
        take(t, browser, "dark")
        browser.evaluate("document.getElementById('theme').click()")
        t.equal(browser.evaluate("[document.documentElement.dataset.theme,"
                                 "getComputedStyle(document.body).backgroundColor]"),
                ["light", "rgb(244, 246, 248)"], "the switch wins over the system")
        browser.evaluate("document.getElementById('theme').click()")
        browser.call("Page.reload")
        browser.wait(f"document.readyState === 'complete' && {LIVE}", "loaded again")
        t.equal(browser.evaluate("document.documentElement.dataset.theme"), "dark", "and is kept")
        load_axe(browser)
        browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        browser.evaluate("document.querySelectorAll('.as-table').forEach((button) => button.click())")
        take(t, browser, "tables")
        browser.key("?", shift=True)
        take(t, browser, "help")
        browser.key("Escape")
        browser.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
        browser.evaluate("document.querySelectorAll('.as-table').forEach((button) => button.click())")
        browser.size(360, 740, mobile=True)
        take(t, browser, "phone-dark")
        fits(t, browser, "360 px")
        stands_still(t, browser, "360 px")
        browser.evaluate("document.getElementById('theme').click()")
        browser.emulate(prefers_color_scheme="light")
        take(t, browser, "phone", axe=False)
        browser.size(2560, 1300)
        take(t, browser, "wide", axe=False)
        fits(t, browser, "2560 px")
        used = browser.evaluate("document.querySelector('main').clientWidth / innerWidth")
        t.ok(used > 0.85, "2560 px: they are used", used)
        browser.size(1280, 1000)
        browser.key("1")
        take(t, browser, "busy", axe=False)
        pictures = ["light", "dark", "tables", "help", "phone-dark", "phone", "wide", "busy"]
        t.equal([name for name in pictures if os.path.getsize(f"{SCREENSHOTS}/{name}.png") < 50000], [],
                "pictures of all are kept")
        for one in traffic:
            one.stop()
        check_peace(t, browser)


@scenario("stale, disconnected, empty", 120)
def test_states(t, lab):
    (link,), (recorder,), server = begin(lab, "v0")
    link.send(MIX * 100)
    recorder.wait_record()
    with Browser(1280, 1000) as browser:
        browser.emulate(prefers_color_scheme="light", prefers_reduced_motion="reduce")
        open_page(browser)
        browser.wait(f"({FIGURES}).total_packets === '300'", "traffic")
        load_axe(browser)
        t.equal(browser.evaluate("[...document.querySelectorAll('*')].filter((element) => {"
                                 "const style = getComputedStyle(element);"
                                 "return style.transitionDuration !== '0s' || style.animationName !== 'none';"
                                 "}).length"), 0, "reduced motion: nothing moves by itself")
        recorder.kill()
        browser.wait(f"{OLD} && {STATUS}.startsWith('Stale')", "stale")
        take(t, browser, "stale")
        browser.emulate(prefers_color_scheme="dark")
        take(t, browser, "stale-dark")
        server.kill()
        browser.wait(f"{STATUS}.startsWith('Connection lost')", "lost")
        take(t, browser, "disconnected-dark")
        browser.emulate(prefers_color_scheme="light")
        take(t, browser, "disconnected")
        lab.samplerd("--detach", "v0")
        lab.samplerd("--purge", "v0")
        WebServer(lab)
        browser.wait("!document.getElementById('nothing').hidden", "empty")
        take(t, browser, "empty")
        browser.emulate(prefers_color_scheme="dark")
        take(t, browser, "empty-dark")


@scenario("login", 60)
def test_login(t, lab):
    path = f"{RUN}/token"
    with open(path, "w", encoding="utf-8") as file:
        file.write("0123456789abcdef0123456789abcdef\n")
    begin(lab, "v0")[2].stop()
    WebServer(lab, "--token-file", path)
    with Browser(1280, 800) as browser:
        browser.open(f"{ORIGIN}login.html#range=1m")
        for theme in ("light", "dark"):
            browser.emulate(prefers_color_scheme=theme)
            load_axe(browser)
            take(t, browser, f"login-{theme}")
        browser.evaluate("document.getElementById('token').value = '0123456789abcdef0123456789abcdef';"
                         "document.querySelector('#login button').click()")
        browser.wait(f"location.pathname === '/' && location.hash === '#range=1m' && {LIVE}", "the page")
        browser.wait("performance.getEntriesByName('first chart').length > 0", "its charts")
        t.ok(True, "who is let in sees the page, its stream and its charts")


@scenario("all interfaces", 90)
def test_overview(t, lab):
    links, _, _ = begin(lab, *(f"v{n}" for n in range(5)))
    traffic = [laboratory.Traffic(link, MIX, rate=300 * (n + 1)) for n, link in enumerate(links)]
    with Browser(1280, 1000) as browser:
        browser.emulate(prefers_color_scheme="light")
        open_page(browser)
        browser.wait("document.querySelectorAll('.card canvas').length === 5", "five small charts")
        while_recorded(browser, lab, 4)
        load_axe(browser)
        browser.evaluate("document.querySelector('#all .as-table').click()")
        take(t, browser, "overview")
        rows = browser.evaluate("[...document.querySelectorAll('#all tbody tr')].map((row) => "
                                "[...row.cells].map((cell) => cell.textContent))")
        t.ok([row[0] for row in rows] == ["v0", "v1", "v2", "v3", "v4"]
             and all(row[2].endswith("bit/s") for row in rows), "as a table as well", rows)
        fits(t, browser, "1280 px")
        rates = browser.evaluate("[...document.querySelectorAll('.card .value > data')].map(({value}) => Number(value))")
        t.ok(rates[0] < rates[-1] and all(rate > 0 for rate in rates), "each has its own rate", rates)
        browser.size(360, 740, mobile=True)
        browser.emulate(prefers_color_scheme="dark")
        take(t, browser, "overview-phone-dark")
        fits(t, browser, "360 px")
        browser.size(1280, 1000)
        x, y = browser.place(".card .u-over", 0.98)
        browser.mouse("Moved", x, y)
        browser.wait("[...document.querySelectorAll('.card .at')].every(({textContent}) => "
                     "/\\d\\d:\\d\\d:\\d\\d/.test(textContent))", "the pointer is at one time in all charts")
        times = set(browser.evaluate("[...document.querySelectorAll('.card .at')].map((at) => at.textContent)"))
        t.ok(len(times) <= 2, "the pointer is at one time in all of them", times)
        browser.click(".card:nth-child(3) a")
        browser.wait(f"location.hash === '#interface=v2' && {LIVE}", "its name leads to it")
        browser.wait("document.querySelector('#services canvas') !== null", "its charts")
        t.ok(browser.evaluate("document.getElementById('all').hidden"), "a name leads to its interface")
        browser.press("[", f"location.hash === '#interface=v1' && {LIVE}", "the one before")
        browser.press("]", f"location.hash === '#interface=v2' && {LIVE}", "the one behind")
        browser.press("a", f"location.hash === '' && {LIVE} && !document.getElementById('all').hidden", "all")
        t.ok(True, "keys go from one to the other")
        check_peace(t, browser)
    for one in traffic:
        one.stop()


if __name__ == "__main__":
    main()
