# SPDX-License-Identifier: Apache-2.0
"""The pages of reports, opened in Chromium: what strangers wrote is text there, whatever it would like to be; nothing
is loaded, nothing runs; and a telephone shows all of it."""

import http.server
import shutil
import subprocess
import threading

import pytest
from gateway import BUILD, run

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
except ImportError:
    webdriver = None

MARKUP = "<script>window.acted=1</script><img src=x onerror=window.acted=1>"
HOSTILE = f"{MARKUP}<a href=javascript:window.acted=1>here</a>'\">&amp;"
# What is on no page of ours: each of them could load, run or lead away.
NEVER = "script, img, iframe, object, embed, link, a, form, base, [onerror], [onload], [onclick], [src], [href]"
MESSAGE = """Received: from a ({0}) by b.test with ESMTP id 1; Mon, 30 Nov 2026 10:00:00 +0000
From: {0} <{0}@a.test>
Subject: {0}
X-Mailer: {0}
Date: Mon, 30 Nov 2026 10:00:00 +0000

"""


@pytest.fixture(scope="module")
def browser():
    if not webdriver or not shutil.which("chromedriver"):
        pytest.skip("no Chromium with its driver and python3-selenium: tools/setup browser")
    options = webdriver.ChromeOptions()
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    yield driver
    driver.quit()


def scan_page(sink, folder):
    end = sink({"connect": f"220 {HOSTILE}", "EHLO": f"250-{HOSTILE} hello\r\n250 SIZE {HOSTILE}"})
    argv = ["scan", "--private", "--no-dns", "--helo", "a.test", "-q", "--format", "html"]
    done = run(*argv, f"127.0.0.1:{end.port}")
    assert done.returncode == 0, done.stderr
    return write(folder, done.stdout)


def findings_page(_sink, folder):
    """All that a page of findings can have: tests/cli/findings_test.c makes it."""
    return write(folder, subprocess.run([BUILD / "tests" / "findings_test", "html"], check=True, stdout=-1).stdout)


def headers_page(_sink, folder):
    done = run("headers", "--html", input=MESSAGE.format(HOSTILE))
    assert done.stdout.startswith("<!doctype html>"), done.stderr
    return write(folder, done.stdout)


def write(folder, page):
    path = folder / "page.html"
    path.write_bytes(page if isinstance(page, bytes) else page.encode())
    return path


PAGES = {"scan": scan_page, "findings": findings_page, "headers": headers_page}


@pytest.fixture(params=PAGES)
def page(request, browser, sink, tmp_path):
    """Each of them, open in a window of a telephone's size."""
    size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(PAGES[request.param](sink, tmp_path).as_uri())
    return browser


def test_nothing_of_a_stranger_acts(page):
    assert page.find_elements(By.CSS_SELECTOR, NEVER) == []
    assert page.execute_script("return window.acted") is None
    assert page.get_log("browser") == []


def test_it_is_shown_as_it_was_said(browser, sink, tmp_path):
    browser.get(findings_page(sink, tmp_path).as_uri())
    assert "=cmd('x')<script>alert(1)</script>" in browser.find_element(By.TAG_NAME, "main").text
    browser.get(scan_page(sink, tmp_path).as_uri())
    browser.find_element(By.TAG_NAME, "summary").click()
    assert MARKUP in browser.find_element(By.TAG_NAME, "pre").text  # the banner
    browser.get(headers_page(sink, tmp_path).as_uri())
    assert MARKUP in browser.find_element(By.TAG_NAME, "body").text


class Asked(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_its_policy_lets_nothing_load_or_run(page):
    """Were there a hole, what came in by it would find that the page's policy holds."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Asked) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page.execute_async_script(
            """
            const [port, done] = arguments, url = `http://127.0.0.1:${port}/`;
            const add = (name, values) => document.body.append(Object.assign(document.createElement(name), values));
            add('script', {textContent: 'window.acted = 1'});
            add('script', {src: url + 'script'});
            add('img', {src: url + 'img'});
            add('iframe', {src: url + 'frame'});
            add('link', {rel: 'stylesheet', href: url + 'style'});
            add('div', {innerHTML: '<b onclick="window.acted = 1">'});
            document.querySelector('div > b').click();
            fetch(url + 'fetch').catch(() => 0).then(() => setTimeout(done, 500));
            """,
            server.server_address[1],
        )
        server.shutdown()
    assert server.asked == []
    assert page.execute_script("return window.acted") is None


def test_a_telephone_shows_all_of_it(page):
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390
    beyond = "return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 391).length"
    assert page.execute_script(beyond) == 0


def test_what_is_not_ticked_is_not_shown(browser, sink, tmp_path):
    browser.get(findings_page(sink, tmp_path).as_uri())
    shown = {e.get_attribute("class") for e in browser.find_elements(By.TAG_NAME, "li") if e.is_displayed()}
    assert shown == {"critical", "info", "not_measured"}
    browser.find_element(By.ID, "critical").click()
    browser.find_element(By.ID, "pass").click()
    shown = {e.get_attribute("class") for e in browser.find_elements(By.TAG_NAME, "li") if e.is_displayed()}
    assert shown == {"pass", "info", "not_measured"}
