# SPDX-License-Identifier: Apache-2.0
"""The dashboard's header analyser verifies a message again, by what the DNS says now, and within bounds."""

import os
import signal

import browser as browser_module
import pytest
from dashrig import Dashboard
from gateway import eventually
from test_dashboard_pages import driver, heading, log, sign_in
from test_headers import SENT, Desk

try:
    from selenium.webdriver.common.by import By
except ImportError:
    By = None

__all__ = ["driver"]

CAME = (
    "Return-Path: <joe@far.test>\n"
    "Received: from mail.far.test (mail.far.test [198.51.100.7]) by mx.gatepost.test with ESMTPS id bb;"
    " Sun, 22 Nov 2026 02:46:40 +0000\n"
)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


@pytest.fixture
def dashboard(gatepost, scratch, desk):
    dashboard = Dashboard(gatepost, scratch, names=desk.names)
    dashboard.sign_in("reader")
    return dashboard


def analyse(dashboard, message, query="?verify=1"):
    answer = dashboard.post(f"headers{query}", message.encode())
    assert answer.status == 200, answer.body
    return answer.json


def methods(found):
    return [(r["method"], r["result"], r["domain"]) for r in found["results"]]


def test_an_honest_message_is_verified(dashboard, desk):
    message = CAME + desk.signed()
    found = analyse(dashboard, message)
    assert found["verification"] == {"done": True, "why_not": None, "spf_left_out": None}
    assert (found["verdict"], found["verified_before"]) == ("authentic", False)
    assert found["verified"]["dkim"] == found["verified"]["spf"] == found["verified"]["dmarc"] == "pass"
    assert ("dkim", "pass", "far.test") in methods(found) and ("dmarc", "pass", "far.test") in methods(found)
    before = analyse(dashboard, message, "")
    assert before["verification"]["done"] is False and before["results"] == [] and before["verdict"] == "unknown"


def test_a_tampered_message(dashboard, desk):
    found = analyse(dashboard, CAME.replace("198.51.100.7", "203.0.113.9") + desk.signed().replace("lost", "won"))
    assert found["verified"]["dkim"] == "fail" and found["verified"]["spf"] == "fail"
    assert found["verdict"] == "spoofed"
    assert all(r["reason"] for r in found["results"] if r["method"] == "dkim")


def test_a_sealed_message(dashboard, desk):
    seal = ["arc", "seal", "--auth-results", "list.test; dmarc=pass header.from=far.test", "--cv", "none"]
    sealed = desk.by(*seal, domain="list.test", message=desk.signed())
    found = analyse(dashboard, CAME + sealed)
    assert found["verified"]["arc"] == "pass"


def test_a_header_alone_is_not_verified(dashboard, desk):
    header = (CAME + desk.signed()).split("\n\n")[0].split("\r\n\r\n")[0]
    found = analyse(dashboard, header)
    assert found["verification"]["done"] is False and "header alone" in found["verification"]["why_not"]
    assert found["verified"]["dkim"] is None


def test_whom_spf_is_about_may_be_unknown(dashboard, desk):
    found = analyse(dashboard, desk.signed())
    assert found["verification"]["done"] and found["verification"]["spf_left_out"]
    assert found["verified"]["dkim"] == "pass" and found["verified"]["spf"] is None


def test_the_resolver_is_away(dashboard, desk):
    """Then it is not known, and never a failure of the message."""
    server = dashboard.server
    server.crash_is_expected = True
    resolver = server.pid_of("resolver")
    os.kill(resolver, signal.SIGSTOP)
    try:
        found = analyse(dashboard, CAME + desk.signed())
    finally:
        os.kill(resolver, signal.SIGKILL)
    assert found["verification"]["done"] and found["verified"]["dkim"] == "temperror"
    assert found["verdict"] not in ("spoofed", "authentic")


def test_a_user_has_an_allowance(dashboard, desk):
    """Each message asks for a few names of its own; in the end there are no more for this one, but for others."""
    rest = "s=s; h=from; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA"
    many = "".join(f"DKIM-Signature: v=1; a=rsa-sha256; d=d{i}.test; {rest}\n" for i in range(8))
    message = CAME + many + SENT.replace("\r\n", "\n")
    for _ in range(100):
        why = analyse(dashboard, message)["verification"]["why_not"]
        if why:
            break
    assert why == "You have had many messages verified. Come again in a minute."
    assert analyse(dashboard, message, "")["verification"] == {"done": False, "why_not": None, "spf_left_out": None}
    dashboard.cookie = None
    dashboard.sign_in("root")
    assert analyse(dashboard, CAME + desk.signed())["verification"]["done"]


def open_page(driver, dashboard):
    browser_module.resize(driver, 1280, 900)
    browser_module.colours(driver, "light")
    driver.get(dashboard.url)
    driver.delete_all_cookies()
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get(dashboard.url + "/headers")
    sign_in(driver, "reader")
    eventually(lambda: heading(driver) == "Header analyser", what="the page")


def test_a_file_is_analysed_when_it_is_chosen_and_at_the_button(driver, dashboard, desk, scratch):
    open_page(driver, dashboard)
    (scratch / "sent.eml").write_text(CAME + desk.signed(), encoding="ascii")
    driver.find_element(By.ID, "file").send_keys(str(scratch / "sent.eml"))
    for _ in range(2):
        verdict = eventually(lambda: driver.find_elements(By.ID, "verdict"), what="a verdict")[0]
        assert verdict.text == "Authentic"
        driver.execute_script("arguments[0].remove()", verdict)
        driver.find_element(By.CSS_SELECTOR, "main button[type=submit]").click()
    assert log(driver) == []


def test_the_page(driver, dashboard, desk):
    open_page(driver, dashboard)

    def submit(message):
        driver.execute_script("document.getElementById('message').value = arguments[0]", message)
        driver.execute_script("document.getElementById('verdict')?.remove()")
        driver.find_element(By.CSS_SELECTOR, "main button[type=submit]").click()
        eventually(lambda: driver.find_elements(By.ID, "verdict"), what="a verdict")
        return driver.find_element(By.TAG_NAME, "main").text

    markup = "<script>window.acted=1</script>"
    hostile = f'DKIM-Signature: v=1; a=rsa-sha256; d={markup}; s=s; h=from; bh=; b=x\nX: {markup}\n'
    text = submit(CAME + hostile + desk.signed())
    assert "Authentic" in text and "Verified now" in text and "By the DNS as it is now" in text
    driver.execute_script("document.querySelectorAll('summary').forEach((e) => e.click())")
    assert driver.execute_script("return window.acted") is None
    for scheme in ("light", "dark"):
        browser_module.colours(driver, scheme)
        assert browser_module.faults(driver) == []
    browser_module.resize(driver, 390, 844, phone=True)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= 390
    folder = os.environ.get("GATEPOST_SCREENSHOTS")
    if folder:
        driver.save_screenshot(f"{folder}/dashboard-headers-phone.png")
        browser_module.resize(driver, 1280, 1500)
        driver.save_screenshot(f"{folder}/dashboard-verified.png")
    assert "a header alone" in submit(CAME + "From: a@b.test\n")
    assert "It is larger than 1 MiB" in submit(CAME + desk.signed() + "x" * (1 << 20))
    driver.find_element(By.ID, "verify").click()
    assert "Verified by our gateway when it came in" in submit(CAME + desk.signed())
    assert log(driver) == []
