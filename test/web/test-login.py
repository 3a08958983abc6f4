#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The page's login in a real browser: from the page to it and back, and out again.
"""
import signal

from page import CONTROLS, main
import web
from browser import Browser
from certificates import Pair, new_token, replace, token_file
from lab import scenario

HERE = "location.pathname + location.search"
LOGOUT = "document.getElementById('logout')?.hidden === false"
STATUS = "fetch('api/interfaces').then((response) => response.status)"


@scenario("login", 90)
def test_browser(t, lab):
    pair, token, other = Pair(lab), new_token(), new_token()
    tokens = token_file(token)
    server = web.WebServer(lab, *pair.options(), "--token-file", tokens)
    with Browser() as browser:
        browser.call("Security.setIgnoreCertificateErrors", ignore=True)
        browser.call("Page.navigate", url="https://localhost:3000/?x=1#y")
        browser.wait(f"{HERE} === '/login.html?x=1' && document.readyState === 'complete'", "the page leads to its login")
        t.equal(browser.evaluate("document.activeElement.id"), "token", "which waits for the token")

        def submit(word):
            browser.evaluate(f"document.getElementById('token').value = '{word}';"
                             "document.querySelector('#login button').click()")

        submit(other)
        browser.wait("document.getElementById('message').textContent.includes('none of those that let in')", "what is wrong")
        submit(token)
        browser.wait(f"{HERE} === '/?x=1' && location.hash === '#y' && document.readyState === 'complete'", "the page")
        t.ok(True, "a wrong token is told, the right one leads back to where one wanted to go")
        t.equal(browser.evaluate("document.cookie"), "", "scripts do not see the cookie")
        events = browser.evaluate("""new Promise((done) => {
            const source = new EventSource("api/stream");
            source.onopen = () => { source.close(); done("open"); };
            source.onerror = () => done("error");
        })""")
        t.equal(events, "open", "EventSource, which can have no header, comes with it")
        browser.call("Page.navigate", url="https://localhost:3000/login.html")
        browser.wait(f"{HERE} === '/'", "the page again")
        t.ok(True, "who is logged in has no business at the login")
        replace(tokens, f"{other}\n".encode())
        server.send_signal(signal.SIGHUP)
        browser.wait(f"{HERE} === '/login.html' && document.readyState === 'complete'", "the login")
        t.ok(True, "a page whose token is gone leads to the login by itself")
        submit(other)
        browser.wait(f"{HERE} === '/'", "the page")
        browser.wait(f"{LOGOUT} && document.readyState === 'complete'", "a way out")
        browser.click("#logout")
        browser.wait(f"{HERE} === '/login.html' && document.readyState === 'complete'", "the login")
        t.equal(browser.evaluate(STATUS), 401, "one press on the page logs out")
        submit(other)
        browser.wait(f"{HERE} === '/'", "the page")
        browser.call("Page.navigate", url="https://localhost:3000/login.html#logout")
        browser.wait("location.hash === '#logout' && document.readyState === 'complete'", "the logout")
        browser.evaluate("document.querySelector('form[action=logout] button').click()")
        browser.wait(f"{HERE} === '/login.html' && !location.hash", "the login")
        t.equal(browser.evaluate(STATUS), 401, "logged out, nothing is told")
        submit(other)
        browser.wait(f"{HERE} === '/' && {LOGOUT}", "the page")
        server.kill()
        web.WebServer(lab, *pair.options())
        browser.wait(LOGOUT, "still a way out")
        browser.evaluate("window.before = true")
        browser.click("#logout")
        browser.wait(f"{HERE} === '/' && !window.before && document.readyState === 'complete' && {CONTROLS}", "the page again")
        t.ok(browser.evaluate("document.getElementById('logout').hidden"),
             "where no login is needed any more, nothing offers to end it")


if __name__ == "__main__":
    main()
