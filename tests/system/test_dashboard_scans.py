# SPDX-License-Identifier: Apache-2.0
"""Results of a scan on the dashboard: what `gatepost scan --json` wrote is read from a file that is not ours."""

import json
import os
import subprocess

import pytest
from dashrig import Dashboard
from gateway import BUILD, eventually, free_port
from test_dashboard_audits import enter, is_fit, main_text
from test_dashboard_pages import driver, heading

try:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    By = Keys = None

__all__ = ["driver"]

MARKUP = "<script>window.acted=1</script><img src=x onerror=window.acted=1>"
MAX = 16 << 20


def finding(id, severity, evidence, state="fail"):
    return {"id": id, "severity": severity, "state": state, "title": f"The title of {id}", "evidence": evidence}


def host(target, *findings, **more):
    return {"target": target, "address": "192.0.2.1", "port": 25, "host": None, "findings": list(findings), **more}


HOSTS = [
    host("good.test", finding("tls.absent", "medium", "", "pass")),
    host("low.test", finding("smtp.name", "low", "names differ"), software=[{"name": "Exim", "version": "4.96"}]),
    host(
        "hostile.test",
        finding("smtp.relay", "critical", MARKUP),
        finding("smtp.banner", "info", MARKUP),
        address="2001:db8::7",
        host=MARKUP,
        software=[{"name": MARKUP, "version": MARKUP}],
        starttls={"state": "ok", "version": "TLSv1.2"},
    ),
    {"target": "gone.test", "address": None, "port": 25, "host": None, "unresolved": "no such name", "findings": []},
]


@pytest.fixture
def results(tmp_path):
    return tmp_path / "scan.json"


@pytest.fixture
def dashboard(gatepost, scratch, results):
    """The file is that of root, where we are root, and nobody else's: the roles are not."""
    dashboard = Dashboard(gatepost, scratch, web={"scan_results": str(results)})
    dashboard.is_ready()
    return dashboard


def write(results, *lines):
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    results.write_text(text, encoding="utf-8")
    os.chmod(results, 0o600)


def scans(dashboard):
    answer = dashboard.get("/api/v1/scans")
    assert answer.status == 200, answer.body
    return answer.json


def wait_for(dashboard, number):
    def seen():
        found = scans(dashboard)
        return len(found.get("hosts", [])) == number and found

    return eventually(seen, what="a scan on the dashboard")


def test_nothing_yet(dashboard):
    assert dashboard.get("/api/v1/scans").status == 401
    dashboard.sign_in("reader")
    assert scans(dashboard) == {"configured": True}
    dashboard.reload(web={"listen": f"127.0.0.1:{dashboard.port}"})
    eventually(lambda: scans(dashboard) == {"configured": False}, what="the reload")


def test_a_scan_of_our_own(dashboard, results):
    """What the command writes is what the page reads."""
    port = free_port()
    command = ["scan", "--json", "--private", "--no-dns", "-o", results, f"127.0.0.1:{port}"]
    # Nobody answers there.
    assert subprocess.run([BUILD / "gatepost", *command], check=False, timeout=60).returncode == 3
    dashboard.sign_in("reader")
    (found,) = wait_for(dashboard, 1)["hosts"]
    (told,) = map(json.loads, results.read_text(encoding="utf-8").splitlines())
    assert (found["target"], found["address"], found["port"]) == (told["target"], "127.0.0.1", port)
    assert [f["id"] for f in found["findings"]] == [f["id"] for f in told["findings"] if f["state"] == "fail"] != []
    assert found["counts"]["unmeasured"] == sum(f["state"] == "not_measured" for f in told["findings"]) > 0
    assert abs(scans(dashboard)["time"] - results.stat().st_mtime) < 2
    assert scans(dashboard)["scanned_from"] == scans(dashboard)["scanned_to"] == told["time"]
    assert abs(told["time"] - results.stat().st_mtime) < 60


def test_a_newer_one_counts(dashboard, results):
    dashboard.sign_in("reader")
    write(results, *HOSTS, "half a li")
    found = wait_for(dashboard, 4)
    assert [h["target"] for h in found["hosts"]][:2] == ["hostile.test", "low.test"] and found["unread"] == 1
    write(results, HOSTS[0])
    assert wait_for(dashboard, 1)["counts"]["critical"] == 0
    with results.open("wb") as file:
        file.truncate(MAX + 1)
    eventually(lambda: dashboard.get("/api/v1/scans").status == 503, what="no answer")
    assert "scan_results_not_read" in dashboard.server.log_text()
    results.unlink()
    eventually(lambda: dashboard.get("/api/v1/scans").status == 200, what="an answer")
    assert scans(dashboard) == {"configured": True}


def test_hosts_are_asked_for(dashboard, results):
    write(results, *HOSTS)
    assert dashboard.get("/api/v1/scans").status == 401
    dashboard.sign_in("reader")
    wait_for(dashboard, 4)

    def targets(query):
        return [h["target"] for h in dashboard.get(f"/api/v1/scans?{query}").json["hosts"]]

    assert targets("severity=low") == ["hostile.test", "low.test"]
    assert targets("severity=low&start=1") == ["low.test"] == targets("text=EXIM")
    assert targets("text=%5B2001:db8::7%5D:25") == ["hostile.test"]
    for query in ("severity=dire", "start=x", "start=-1", "start=4294967296", "text=" + "x" * 129):
        assert dashboard.get(f"/api/v1/scans?{query}").status == 400, query


# --- the page ---


def rows(driver):
    """All at once: the page may be drawn anew between two elements."""
    script = "return [...document.querySelectorAll('main tbody tr')].map((e) => e.innerText)"
    return driver.execute_script(script)


def test_the_page(driver, dashboard, results):
    write(results, *HOSTS, "half a li")
    dashboard.sign_in()
    wait_for(dashboard, 4)
    enter(driver, dashboard, "/scans")
    assert heading(driver) == "Scans" and len(rows(driver)) == 4
    text = main_text(driver)
    assert "<script>window.acted=1</script>" in text and "[2001:db8::7]:25" in text and "TLSv1.2" in text
    assert "no such name" in text and "could not be read: 1." in text
    for summary in driver.find_elements(By.CSS_SELECTOR, "main summary"):
        summary.click()
    assert "The title of smtp.relay" in main_text(driver)
    is_fit(driver, "dashboard-scans")

    driver.find_element(By.CSS_SELECTOR, "#scan-severity option[value=low]").click()
    eventually(lambda: len(rows(driver)) == 2, what="the graver ones")
    assert "severity=low" in driver.current_url
    driver.find_element(By.ID, "scan-text").send_keys("exim" + Keys.ENTER)
    eventually(lambda: len(rows(driver)) == 1, what="the one with the text")
    assert "text=exim" in driver.current_url and "low.test" in rows(driver)[0]
    driver.get(dashboard.url + "/scans?severity=critical&text=exim")
    eventually(lambda: "No host is so" in main_text(driver), what="none")
    is_fit(driver, "dashboard-scans-no-match")


def test_all_hosts_are_on_pages(driver, dashboard, results):
    noon = 1_795_003_200
    write(results, *(host(f"{i}.test", time=noon + i) for i in range(230)))
    dashboard.sign_in()
    wait_for(dashboard, 100)
    enter(driver, dashboard, "/scans")
    assert "1 to 100 of 230" in main_text(driver) and "12:00:00 to 12:03:49" in main_text(driver)
    is_fit(driver, "dashboard-scans-pages")
    for first, last in ((101, 200), (201, 230)):
        driver.find_element(By.PARTIAL_LINK_TEXT, "Those behind").click()
        eventually(lambda f=first, e=last: f"{f} to {e} of 230" in main_text(driver), what="the next page")
        assert len(rows(driver)) == last - first + 1
    assert "start=200" in driver.current_url
    driver.find_element(By.PARTIAL_LINK_TEXT, "Those before").click()
    eventually(lambda: "101 to 200 of 230" in main_text(driver), what="the page before")
    driver.find_element(By.ID, "scan-text").send_keys("229.test" + Keys.ENTER)
    eventually(lambda: len(rows(driver)) == 1, what="the one with the text")
    assert "start" not in driver.current_url
    driver.get(dashboard.url + "/scans?start=900")
    eventually(lambda: "There are no more." in main_text(driver), what="no host")


def test_empty_pages_say_what_to_do(driver, dashboard):
    enter(driver, dashboard, "/scans")
    assert "gatepost scan --json -o FILE TARGET" in main_text(driver)
    is_fit(driver, "dashboard-scans-none")
    dashboard.reload(web={"listen": f"127.0.0.1:{dashboard.port}"})

    def is_hinted():
        driver.refresh()
        eventually(lambda: heading(driver) == "Scans", what="the page")
        return "scan_results: /var/lib/gatepost-audit/scan.json" in main_text(driver)

    eventually(is_hinted, what="a hint")
    is_fit(driver, "dashboard-scans-unconfigured")
