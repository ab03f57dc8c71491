# SPDX-License-Identifier: Apache-2.0
"""The history of audits on the dashboard: what `gatepost audit --store` wrote is read from a file that is not ours."""

import os
import sqlite3
import threading
import time

import browser as browser_module
import pytest
from dashrig import Dashboard
from gateway import eventually
from test_audit_diff import BEFORE, DAY_S, DOMAINS, NOW, Keeper
from test_dashboard_pages import driver, heading, log, sign_in

try:
    from selenium.webdriver.common.by import By
except ImportError:
    By = None

__all__ = ["driver"]

FIRST, SECOND = 20000 * DAY_S, 20001 * DAY_S
MARKUP = "<script>window.acted=1</script><img src=x onerror=window.acted=1>"
HOSTILE = {
    "hostile.test": {"MX": [[0, "."]], "TXT": [f"v=spf1 +all {MARKUP}"]},
    "_dmarc.hostile.test": {"TXT": [f"v=DMARC1; p=none; rua=mailto:{MARKUP}"]},
}


@pytest.fixture
def keeper(tmp_path):
    return Keeper(tmp_path)


@pytest.fixture
def dashboard(gatepost, scratch, keeper):
    """The history is that of root, where we are root, and nobody else's: the roles are not."""
    dashboard = Dashboard(gatepost, scratch, web={"audit_database": str(keeper.store)})
    dashboard.is_ready()
    return dashboard


def look(keeper, names, *domains, at):
    keeper.look({**names, **HOSTILE}, *domains, time=at)
    os.chmod(keeper.store, 0o600)


def audits(dashboard):
    answer = dashboard.get("/api/v1/audits")
    assert answer.status == 200, answer.body
    return answer.json


def wait_for_run(dashboard, at):
    def seen():
        found = audits(dashboard)
        return any(r["time"] == at for r in found.get("runs", [])) and found

    return eventually(seen, what="an audit on the dashboard")


def one(dashboard, domain):
    return dashboard.get(f"/api/v1/audit?domain={domain}").json


def test_nothing_yet(gatepost, scratch, dashboard):
    dashboard.sign_in("reader")
    assert audits(dashboard) == {"configured": True} == one(dashboard, "a.test")
    assert dashboard.get("/api/v1/audit").status == 400
    dashboard.reload(web={"listen": f"127.0.0.1:{dashboard.port}"})
    eventually(lambda: audits(dashboard) == {"configured": False} == one(dashboard, "a.test"), what="the reload")


def test_two_audits(dashboard, keeper):
    dashboard.sign_in("reader")
    look(keeper, BEFORE, *DOMAINS, at=FIRST)
    found = wait_for_run(dashboard, FIRST)
    assert {d["domain"] for d in found["domains"]} == set(DOMAINS)
    assert all(d["counts_before"] is None for d in found["domains"])
    look(keeper, NOW, *DOMAINS, at=SECOND)
    found = wait_for_run(dashboard, SECOND)
    assert [r["time"] for r in found["runs"]] == [FIRST, SECOND] and found["runs"][1]["looks"] == 4
    rows = keeper.sql(
        "SELECT severity, count(*) FROM finding JOIN look ON look = look.id WHERE state = 'fail' AND run = 2 GROUP BY 1"
    )
    told = found["runs"][1]["counts"]
    assert {k: n for k, n in told.items() if n and k != "unmeasured"} == dict(rows)
    by_name = {d["domain"]: d for d in found["domains"]}
    assert by_name["silent.test"]["counts"]["unmeasured"] > 0
    weights = [[d["counts"][s] for s in ("critical", "high", "medium", "low", "info")] for d in found["domains"]]
    assert weights == sorted(weights, reverse=True)


def test_what_is_new(dashboard, keeper):
    """As `gatepost audit diff` tells it."""
    look(keeper, BEFORE, *DOMAINS, at=FIRST)
    look(keeper, NOW, *DOMAINS, at=SECOND)
    dashboard.sign_in("reader")
    wait_for_run(dashboard, SECOND)
    for domain, told in keeper.objects(code=1).items():
        found = one(dashboard, domain)
        changes = [(c["change"], c["id"]) for c in told["changes"] if c["change"] != "fact"]
        ours = [(f["change"], f["id"]) for f in found["findings"] + found["gone"] if f["change"]]
        assert sorted(ours) == sorted(changes), domain
    found = one(dashboard, "worse.test")
    assert (found["time"], found["time_before"]) == (SECOND, FIRST)
    (spf,) = [f for f in found["findings"] if f["change"] == "came" and f["id"].startswith("spf.")][:1]
    assert spf["evidence"] and spf["mend"] and spf["title"] and spf["why"]
    assert {(f["id"], f["title"]) for f in found["findings"]} <= set(keeper.sql("SELECT id, title FROM kind"))
    facts = {f["name"]: f for f in found["facts"]}
    assert {k: facts["dmarc.p"][k] for k in ("value", "before", "since")} == {
        "value": "none",
        "before": "reject",
        "since": SECOND,
    }


def test_what_was_never_looked_at(dashboard, keeper):
    look(keeper, BEFORE, "same.test", at=FIRST)
    dashboard.sign_in("reader")
    wait_for_run(dashboard, FIRST)
    found = one(dashboard, "other.test")
    assert found["domain"] == "other.test" and "findings" not in found and found["runs"] == []


def test_nobody_without_a_session(dashboard):
    assert dashboard.get("/api/v1/audits").status == 401


def test_what_is_no_history_is_told(dashboard, keeper):
    dashboard.sign_in()
    for content in (b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000):
        keeper.store.write_bytes(content)
        eventually(lambda: dashboard.get("/api/v1/audits").status == 503, what="no answer")
    assert "audits_not_read" in dashboard.server.log_text()
    keeper.store.unlink()
    with sqlite3.connect(keeper.store) as db:
        db.execute("CREATE TABLE look (x)")
    eventually(lambda: dashboard.get("/api/v1/audits").status == 503, what="no answer")
    keeper.store.unlink()
    look(keeper, BEFORE, "same.test", at=FIRST)
    eventually(lambda: dashboard.get("/api/v1/audits").status == 200, what="an answer")
    wait_for_run(dashboard, FIRST)


def test_it_is_read_while_it_is_written(dashboard, keeper):
    """Never nonsense: each answer is of a whole audit, or there is none for now."""
    look(keeper, BEFORE, *DOMAINS, at=FIRST)
    dashboard.sign_in()
    wait_for_run(dashboard, FIRST)
    ended = threading.Event()

    def write():
        for i in range(15):
            look(keeper, NOW if i % 2 else BEFORE, *DOMAINS, at=SECOND + i)
        ended.set()

    writer = threading.Thread(target=write)
    writer.start()
    good = 0
    while not ended.is_set():
        answer = dashboard.get("/api/v1/audits")
        assert answer.status in (200, 503)
        if answer.status == 200:
            good += 1
            assert all(r["looks"] == 4 for r in answer.json["runs"]), answer.json
            assert len(answer.json["domains"]) == 4
        time.sleep(0.02)
    writer.join()
    assert good > 2
    wait_for_run(dashboard, SECOND + 14)


# --- the page ---


def enter(driver, dashboard, path="/audits"):
    browser_module.resize(driver, 1280, 900)
    browser_module.colours(driver, "light")
    driver.get(dashboard.url)
    driver.delete_all_cookies()
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get(dashboard.url + path)
    sign_in(driver, "reader")
    eventually(lambda: heading(driver) not in ("", "Sign in"), what="a page")


def is_fit(driver, shot):
    """In both colours, on a telephone, with no word on the console."""
    assert driver.execute_script("return window.acted") is None
    assert driver.find_elements(By.CSS_SELECTOR, "main :is(script, img, iframe, [onerror])") == []
    folder = os.environ.get("GATEPOST_SCREENSHOTS")
    for scheme in ("dark", "light"):
        browser_module.colours(driver, scheme)
        assert browser_module.faults(driver) == [], scheme
    if folder:
        browser_module.resize(driver, 1280, 1400)
        time.sleep(0.4)
        driver.save_screenshot(f"{folder}/{shot}.png")
    browser_module.resize(driver, 390, 844, phone=True)
    # A chart follows a moment later.
    width = "return document.documentElement.scrollWidth"
    eventually(lambda: driver.execute_script(width) <= 390, what="a page that fits")
    if folder:
        driver.save_screenshot(f"{folder}/{shot}-phone.png")
    browser_module.resize(driver, 1280, 900)
    assert log(driver) == []


def main_text(driver):
    return driver.find_element(By.TAG_NAME, "main").text


def test_the_page(driver, dashboard, keeper):
    look(keeper, BEFORE, *DOMAINS, "hostile.test", at=FIRST)
    look(keeper, NOW, *DOMAINS, "hostile.test", at=SECOND)
    dashboard.sign_in()
    wait_for_run(dashboard, SECOND)
    enter(driver, dashboard)
    rows = [e.text for e in driver.find_elements(By.CSS_SELECTOR, "main tbody tr")]
    assert len(rows) == 5 and any("worse.test" in row and "more" in row for row in rows)
    is_fit(driver, "dashboard-audits")
    driver.find_element(By.LINK_TEXT, "worse.test").click()
    eventually(lambda: heading(driver) == "Audit of worse.test", what="one domain")
    assert "audit=worse.test" in driver.current_url
    text = main_text(driver)
    title_of = "SELECT DISTINCT title FROM kind JOIN finding USING (id) WHERE state = 'fail' AND id = 'dmarc.p.none'"
    (title,) = keeper.sql(title_of)[0]
    assert title in text and "dmarc.p.none" in text
    assert "What is new" in text and "What mends it" in text and "v=spf1" in text and "new" in text
    is_fit(driver, "dashboard-audit")
    driver.get(dashboard.url + "/audits?audit=hostile.test")
    eventually(lambda: heading(driver) == "Audit of hostile.test", what="the hostile one")
    assert "<script>window.acted=1</script>" in main_text(driver)
    is_fit(driver, "dashboard-audit-hostile")
    driver.find_element(By.LINK_TEXT, "All domains").click()
    eventually(lambda: heading(driver) == "Audits", what="the way back")


def test_empty_pages_say_what_to_do(driver, gatepost, scratch, dashboard, keeper):
    enter(driver, dashboard)
    assert "gatepost audit --store FILE DOMAIN" in main_text(driver)
    is_fit(driver, "dashboard-audits-none")
    dashboard.reload(web={"listen": f"127.0.0.1:{dashboard.port}"})

    def is_hinted():
        driver.refresh()
        eventually(lambda: heading(driver) == "Audits", what="the page")
        return "audit_database: /var/lib/gatepost-audit/audit.db" in main_text(driver)

    eventually(is_hinted, what="a hint")
    is_fit(driver, "dashboard-audits-unconfigured")
    look(keeper, BEFORE, "same.test", at=FIRST)
    dashboard.reload(web={"listen": f"127.0.0.1:{dashboard.port}", "audit_database": str(keeper.store)})
    dashboard.sign_in("reader")
    eventually(lambda: "runs" in one(dashboard, "other.test"), what="the history")
    driver.get(dashboard.url + "/audits?audit=other.test")
    eventually(lambda: "It was never looked at" in main_text(driver), what="a word about it")
    is_fit(driver, "dashboard-audit-never")
