# SPDX-License-Identifier: MIT OR Apache-2.0
"""
After how long the page has drawn its first chart, in a real Chromium that runs already, with nothing in its cache:
from the request on, as the page itself marks it.
"""

import pathlib
import sys

from common import progress, spread, verdict

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path += [str(TESTS / "web"), str(TESTS / "netns")]

from browser import Browser  # noqa: E402

BUDGET_FIRST_CHART_MS = 300
DRAWN = "performance.getEntriesByName('first chart')[0]?.startTime"


def load(browser, url):
    """From an empty page and cache, with what it does besides done, and not telling us of each request. Return: ms."""
    browser.open("about:blank")
    browser.call("Network.clearBrowserCache")
    browser.call("Network.disable")
    browser.listen(0.3)
    browser.open(url)
    took = browser.wait(DRAWN, "a chart")
    browser.call("Network.enable")
    browser.listen(0.5)
    return took


def measure_page(url, loads):
    progress(f"the page's first chart, {loads} loads")
    with Browser(1280, 1000) as browser:
        browser.listen(1)
        first, *others = [load(browser, url) for _ in range(loads)]
    ms = spread(others)
    return {
        "first_load_ms": first,
        "first_chart_ms": ms,
        "budget_ms": BUDGET_FIRST_CHART_MS,
        "ratio": ms["median"] / BUDGET_FIRST_CHART_MS,
    }


def tell_page(r):
    ms = r["first_chart_ms"]
    print(
        f"  first chart of the page {ms['median']:.0f} ms (min {ms['min']:.0f}, {ms['q1']:.0f} to {ms['q3']:.0f},"
        f" max {ms['max']:.0f}, n {ms['n']}; a browser's first page {r['first_load_ms']:.0f} ms; budget"
        f" {r['budget_ms']} ms) {verdict(r['ratio'])}"
    )
