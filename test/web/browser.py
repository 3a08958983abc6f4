# SPDX-License-Identifier: MIT OR Apache-2.0
"""
A real Chromium without a window, driven through the DevTools protocol.

The protocol is spoken over a pair of pipes (--remote-debugging-pipe: JSON texts, each ended by a
NUL), so no port is open and nothing else is needed. A Browser has one page. It collects what the
page says on the console, each error, and each request, from before the page is loaded on.
"""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

import tap
from tap import Failure

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
PATIENCE_S = 20  # for one answer

OPTIONS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
    "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
    "--disable-default-apps", "--disable-extensions", "--disable-sync", "--disable-breakpad",
    "--disable-crash-reporter", "--no-zygote", "--mute-audio", "--hide-scrollbars",
    "--disable-features=OptimizationHints,MediaRouter,Translate",
]


# What a press of these keys needs besides their names.
CODES = {
    "Enter": {"code": "Enter", "windowsVirtualKeyCode": 13},
    "Escape": {"code": "Escape", "windowsVirtualKeyCode": 27},
    "Tab": {"code": "Tab", "windowsVirtualKeyCode": 9},
    "ArrowLeft": {"code": "ArrowLeft", "windowsVirtualKeyCode": 37},
    "ArrowRight": {"code": "ArrowRight", "windowsVirtualKeyCode": 39},
    " ": {"code": "Space", "windowsVirtualKeyCode": 32},
}


class Browser:
    """A browser with one page; to be used in a with statement, which ends it."""

    def __init__(self, width=1024, height=900):
        if not CHROMIUM:
            raise Failure("no chromium")
        self._profile = tempfile.mkdtemp(prefix="sampler-browser-")
        self._n, self._pending, self._session = 0, b"", None
        self.console, self.requests, self.failed, self.received = [], [], {}, 0
        self._awaited = set()  # requests that have no whole answer yet, but those that never end
        self._start(f"--window-size={width},{height}")

    def _start(self, *options):
        theirs_in, self._into = os.pipe()
        self._out, theirs_out = os.pipe()
        # Chromium takes descriptors 3 and 4, whatever the others are.
        shell = f'exec 8<&{theirs_in} 9>&{theirs_out}; exec 3<&8 4>&9 8<&- 9>&-; exec "$@"'
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", shell, "browser", CHROMIUM, *OPTIONS, *options,
             f"--user-data-dir={self._profile}", "about:blank"],
            pass_fds=(theirs_in, theirs_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True, preexec_fn=tap.die_with_parent,
            env={**os.environ, "HOME": self._profile, "TZ": "UTC"})
        os.close(theirs_in)
        os.close(theirs_out)

    def __enter__(self):
        try:
            pages = [target for target in self.call("Target.getTargets")["targetInfos"]
                     if target["type"] == "page"]
            self._session = self.call("Target.attachToTarget", targetId=pages[0]["targetId"],
                                      flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End it with all its processes, and remove its profile."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self._into)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    # ---- the protocol ----

    def _receive(self, deadline):
        """Return: the next message, None when there is none until then."""
        while b"\0" not in self._pending:
            left = max(0, deadline - time.monotonic())
            if not select.select([self._out], [], [], left)[0]:
                return None
            data = os.read(self._out, 1 << 16)
            if not data:
                raise Failure("the browser has ended")
            self._pending += data
        text, self._pending = self._pending.split(b"\0", 1)
        message = json.loads(text)
        self._note(message.get("method"), message.get("params"))
        return message

    def _note(self, method, params):
        if method == "Runtime.consoleAPICalled":
            words = [str(a.get("value", a.get("description"))) for a in params["args"]]
            self.console.append(f"{params['type']}: {' '.join(words)}")
        elif method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            what = details.get("exception", {}).get("description", details["text"])
            self.console.append(f"exception: {what}")
        elif method == "Log.entryAdded":
            entry = params["entry"]
            self.console.append(f"{entry['level']}: {entry['text']} {entry.get('url', '')}")
        elif method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
            if "/api/stream" not in params["request"]["url"]:
                self._awaited.add(params["requestId"])
        elif method == "Network.loadingFinished":
            self.received += int(params["encodedDataLength"])
            self._awaited.discard(params["requestId"])
        elif method == "Network.loadingFailed":
            self.failed[params["requestId"]] = params.get("errorText")
            self._awaited.discard(params["requestId"])

    def call(self, method, **params):
        """A command of the protocol. Return: its result."""
        self._n += 1
        message = {"id": self._n, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._into, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE_S * tap.SLOWNESS
        while (answer := self._receive(deadline)) is not None:
            if answer.get("id") == self._n:
                if "error" in answer:
                    raise Failure(f"{method}: {answer['error']}")
                return answer["result"]
        raise Failure(f"{method}: no answer of the browser")

    def listen(self, seconds):
        """Take in what the page does meanwhile."""
        deadline = time.monotonic() + seconds
        while self._receive(deadline) is not None:
            pass

    # ---- the page ----

    def open(self, url):
        """Load a page, and wait until all that it consists of is there."""
        self.call("Page.navigate", url=url)
        self.wait(f"document.readyState === 'complete' && location.href === {json.dumps(url)}",
                  f"{url} is loaded")

    def evaluate(self, expression):
        """Return: the value of a JavaScript expression; promises are waited for."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise Failure(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait(self, expression, what, seconds=15):
        """Wait until an expression is true. Return: its value."""
        value = tap.eventually(lambda: self.evaluate(expression), seconds)
        if not value:
            raise Failure(f"not within {seconds * tap.SLOWNESS:.0f} s: {what}; console: {self.console}; the page says:\n"
                          f"{self.text('body')}")
        return value

    def press(self, key, expression, what):
        """Press a key, and wait for what it does."""
        self.key(key)
        self.wait(expression, what)

    def drawn(self):
        """Wait until what has changed is drawn: two frames, and what moves has come to rest."""
        self.evaluate("""
            new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
                .then(() => Promise.all(document.getAnimations().map(({finished}) => finished))).then(() => true)""")

    def settle(self):
        """Wait until the page has what it asks for, and has drawn it."""
        if not tap.eventually(lambda: self.drawn() or not self._awaited, PATIENCE_S):
            raise Failure("a request has no answer")

    def text(self, selector):
        """Return: the text of an element as it is shown, None where there is none."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText")

    def size(self, width, height, mobile=False):
        """Of the window, in CSS pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=2 if mobile else 1, mobile=mobile)

    def emulate(self, **features):
        """What the reader's system prefers, e.g. prefers_color_scheme="dark"."""
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def screenshot(self, path):
        """All of the page, as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def key(self, key, shift=False):
        """Press a key, by its name in JavaScript."""
        text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
        common = {"key": key, "modifiers": 8 if shift else 0, **CODES.get(key, {})}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def mouse(self, kind, x, y, button="none", buttons=0):
        """kind: Moved, Pressed, Released."""
        self.call("Input.dispatchMouseEvent", type=f"mouse{kind}", x=x, y=y, button=button,
                  buttons=buttons, clickCount=0 if kind == "Moved" else 1)

    def click(self, selector):
        """With the mouse, where it is."""
        x, y = self.place(selector)
        self.mouse("Moved", x, y)
        self.mouse("Pressed", x, y, "left", 1)
        self.mouse("Released", x, y, "left")

    def place(self, selector, right=0.5, down=0.5):
        """Return: a point within an element, which is scrolled to first."""
        return self.evaluate(f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: 'center'}});
            const box = element.getBoundingClientRect();
            return [box.left + box.width * {right}, box.top + box.height * {down}];
        }})()""")

    def heap(self):
        """Return: bytes that JavaScript holds, and nodes of the page, after all garbage is gone."""
        for _ in range(2):
            self.call("HeapProfiler.collectGarbage")
        return (self.call("Runtime.getHeapUsage")["usedSize"],
                self.call("Memory.getDOMCounters")["nodes"])
