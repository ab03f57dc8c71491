# SPDX-License-Identifier: Apache-2.0
"""The dashboard's queue: what waits and what goes on, who may see it, and what an admin does to it."""

import os
import signal

import browser as browser_module
import pytest
import test_dashboard_pages as pages
from dashrig import Dashboard
from gateway import eventually
from test_dashboard_pages import driver, heading, log, show, sign_in

try:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    By = Keys = None

__all__ = ["driver"]

MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
LATER = {"first": "1h", "max": "4h", "for": "5d"}
REASON = "451 4.3.0 <script>window.acted=1</script> not now, you@elsewhere.test"


@pytest.fixture
def dashboard(gatepost, scratch, sink):
    """Its next hop takes nothing for now."""
    end = sink({".": lambda _: REASON})
    return Dashboard(
        gatepost,
        scratch,
        relay_networks=["127.0.0.0/8"],
        smarthost={"address": f"127.0.0.1:{end.port}"},
        retry=LATER,
    )


def flow(dashboard):
    answer = dashboard.get("/api/v1/flow")
    assert answer.status == 200, answer.body
    return answer.json


def wait_for_deferrals(dashboard, n=1):
    return eventually(lambda: (f := flow(dashboard)) and len(f["deferrals"]) >= n and f, what="deferrals")


def total(found, name):
    return sum(moment[name] for moment in found["moments"])


def test_what_goes_on(dashboard):
    server = dashboard.server
    dashboard.sign_in()
    before = flow(dashboard)
    assert (before["messages"], before["oldest"], before["deferrals"]) == (0, None, [])
    assert len(before["moments"]) == 90 and before["moment_s"] == 10
    server.send(MESSAGE)  # to a mailbox of ours
    id = server.send(MESSAGE, to=["you@elsewhere.test"])
    with server.talk() as talk:
        talk.say("EHLO a")
        talk.say("MAIL FROM:<a@b.test>")
        assert talk.say("RCPT TO:<nobody@demo.test>").startswith("550")
        eventually(lambda: flow(dashboard)["connections"] == 1, what="a connection")
    found = wait_for_deferrals(dashboard)
    found = eventually(lambda: (f := flow(dashboard))["messages"] == 1 and f, what="one message left")
    assert (total(found, "accepted"), total(found, "delivered"), total(found, "deferred")) == (2, 1, 1)
    assert (total(found, "refused"), total(found, "failed")) == (1, 0)
    # The look at the queue may be two seconds old.
    found = eventually(lambda: (f := flow(dashboard))["ages"][0]["waiting"] == 1 and f, what="a look")
    (destination,) = found["destinations"]
    assert destination["destination"] == "smarthost" and destination["tasks"] == 1
    (deferral,) = found["deferrals"]
    assert deferral["id"] == id and deferral["recipient"] == "you@elsewhere.test"
    assert (deferral["code"], deferral["status"], deferral["attempts"]) == (451, "4.3.0", 1)
    assert deferral["reason"].endswith("not now, you@elsewhere.test") and "127.0.0.1" in deferral["remote"]
    eventually(lambda: flow(dashboard)["connections"] == 0, what="no connection")


def test_who_only_reads_sees_no_address(dashboard):
    dashboard.server.send(MESSAGE, to=["you@elsewhere.test"])
    dashboard.sign_in("reader")
    found = wait_for_deferrals(dashboard)
    answer = dashboard.get("/api/v1/flow").body
    assert b"you@" not in answer and b"me@" not in answer
    assert found["deferrals"][0]["domain"] == "elsewhere.test" and "id" not in found["deferrals"][0]
    assert dashboard.get("/api/v1/queue").status == 403
    assert dashboard.post("act", b"action=retry&id=00000000000").status == 403
    assert len(dashboard.server.queued()) == 1


def test_messages_are_found(dashboard):
    server = dashboard.server
    ids = [server.send(MESSAGE, to=[f"you{i}@{domain}"]) for i, domain in enumerate(("a.test", "b.test"))]
    dashboard.sign_in()
    wait_for_deferrals(dashboard, 2)

    def listed(query):
        answer = dashboard.get(f"/api/v1/queue?{query}")
        assert answer.status == 200, answer.body
        return [m["id"] for m in answer.json["messages"]]

    assert listed("") == ids
    assert listed("domain=B.test") == ids[1:]
    assert listed("recipient=you0%40a.test&sender=me%40example.com") == ids[:1]
    assert listed(f"id={ids[1]}") == ids[1:]
    assert listed("older=3600") == [] == listed("domain=c.test")
    (message,) = dashboard.get(f"/api/v1/queue?id={ids[0]}").json["messages"]
    assert (message["state"], message["sender"], message["client"]) == ("deferred", "me@example.com", "127.0.0.1")
    (recipient,) = message["recipients"]
    assert recipient["state"] == "deferred" and "not now" in recipient["reason"] and recipient["next"] > 0
    for query in ("id=x", "older=-1", "older=a", "id=1&id=2", "sender=" + "a" * 600, "domain=" + "a" * 1100):
        assert dashboard.get(f"/api/v1/queue?{query}").status == 400, query
    assert dashboard.get("/api/v1/queue?id=00000000001").status == 404


def test_an_admin_acts(dashboard):
    server = dashboard.server
    id = server.send(MESSAGE, to=["you@elsewhere.test"])
    dashboard.sign_in()
    wait_for_deferrals(dashboard)

    def act(form, **more):
        return dashboard.post("act", form.encode(), **more)

    assert act(f"action=hold&id={id}").json == {"count": 1, "under_way": 0}
    assert server.queued()[0]["state"] == "held"
    assert act(f"action=release&id={id}").status == 200
    assert server.queued()[0]["state"] != "held"
    assert act(f"action=retry&id={id}").status == 200
    wait_for_deferrals(dashboard, 2)
    for form in (
        f"action=drop&id={id}",
        f"action=bounce&id={id}&again=",
        f"action=drop&id={id}&again=00000000001",
        "action=drop",
        f"action=cat&id={id}",
        f"id={id}",
        "action=retry&id=",
        "action=retry&all=1",
        "%",
    ):
        assert act(form).status == 400, form
    assert act(f"action=drop&id={id}&again={id}", token="0" * 32).status == 403
    assert act("action=retry&id=00000000001").status == 404
    assert len(server.queued()) == 1
    assert act(f"action=drop&id={id}&again={id}").status == 200
    assert server.queued() == []
    assert act(f"action=drop&id={id}&again={id}").status == 404
    acted = [line for line in server.log_text().splitlines() if "dashboard_acted" in line]
    assert len(acted) == 6 and all("root" in line for line in acted)


def test_long_lists_are_cut(dashboard):
    server = dashboard.server
    for _ in range(11):
        server.send(MESSAGE, to=[f"you{i}@elsewhere.test" for i in range(10)])
    many = server.send(MESSAGE, to=[f"you{i}@elsewhere.test" for i in range(50)])
    dashboard.sign_in()
    wait_for_deferrals(dashboard, 50)
    found = dashboard.get("/api/v1/queue").json
    assert len(found["messages"]) == 12 and (found["more"], found["partly"]) == (False, False)
    (message,) = dashboard.get(f"/api/v1/queue?id={many}").json["messages"]
    assert message["pending"] == 50 and len(message["recipients"]) == 20


def test_spool_falls_and_comes_back(dashboard):
    server = dashboard.server
    dashboard.sign_in()

    def states():
        return {r["state"] for r in dashboard.get("/api/v1/health").json["roles"]}

    # reports makes its databases meanwhile.
    eventually(lambda: states() == {"ready"}, what="every role")
    spool = server.pid_of("spool")
    server.crash_is_expected = True
    os.kill(spool, signal.SIGKILL)

    def started():
        roles = {r["role"]: r for r in dashboard.get("/api/v1/health").json["roles"]}
        return roles["spool"]["starts"] == 2 and roles["spool"]["state"] == "ready"

    eventually(started, what="news of spool")
    eventually(lambda: dashboard.get("/api/v1/flow").status == 200, what="the queue, again")


# --- the page ---


@pytest.fixture
def page(driver, dashboard):
    """Signed in as an admin, with a message that waits."""
    dashboard.id = dashboard.server.send(MESSAGE, to=["you@elsewhere.test"])
    dashboard.is_ready()
    enter(driver, dashboard, "root")
    eventually(lambda: "not now" in main_text(driver), what="a deferral")
    return driver


def enter(driver, dashboard, user, path="/queue"):
    browser_module.resize(driver, 1280, 900)
    browser_module.colours(driver, "light")
    driver.get(dashboard.url)
    driver.delete_all_cookies()
    driver.get("about:blank")
    driver.get_log("browser")
    driver.get(dashboard.url + path)
    sign_in(driver, user)
    eventually(lambda: heading(driver) == "Queue", what="the queue")


def main_text(driver):
    return driver.find_element(By.TAG_NAME, "main").text


def press(driver, words):
    driver.find_element(By.XPATH, f"//main//button[starts-with(., '{words}')]").send_keys(Keys.ENTER)


def test_the_page(page, dashboard):
    text = main_text(page)
    assert "smarthost" in text and "you@elsewhere.test" in text and dashboard.id in text
    assert "<script>window.acted=1</script>" in text
    assert page.execute_script("return window.acted") is None
    for scheme in ("light", "dark"):
        browser_module.colours(page, scheme)
        assert browser_module.faults(page) == [], scheme
    browser_module.resize(page, 390, 844, phone=True)
    page.execute_script("document.querySelectorAll('summary').forEach((e) => e.click())")
    # The chart follows a moment later.
    width = "return document.documentElement.scrollWidth"
    eventually(lambda: page.execute_script(width) <= 390, what="a page that fits")
    assert log(page) == []
    folder = os.environ.get("GATEPOST_SCREENSHOTS")
    if folder:
        page.save_screenshot(f"{folder}/dashboard-queue-phone.png")
        enter(page, dashboard, "root")
        browser_module.resize(page, 1280, 1700)
        eventually(lambda: page.execute_script("return Object.keys(Chart.instances).length") == 1, what="a chart")
        page.save_screenshot(f"{folder}/dashboard-queue.png")


def test_it_goes_on_by_itself(page, dashboard):
    page.execute_script("document.querySelector('#filter-to').value = 'typed'")
    dashboard.server.send(MESSAGE, to=["other@later.test"])
    eventually(lambda: "other@later.test" in main_text(page), what="news")
    assert page.execute_script("return document.querySelector('#filter-to').value") == "typed"
    press(page, "Stop")
    eventually(lambda: "What is shown is older" in main_text(page), what="a stop")
    asked = "return performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/flow')).length"
    before = page.execute_script(asked)
    page.execute_script("document.querySelector('a[href^=\"/health\"]').click()")
    eventually(lambda: heading(page) == "Health", what="another page")
    show(page, dashboard, "/headers")
    assert page.execute_script(asked) == 0 < before


def test_it_rests_when_nobody_can_see_it(page, dashboard):
    asked = "return performance.getEntriesByType('resource').filter((e) => e.name.endsWith('/flow')).length"
    page.execute_script("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    before = page.execute_script(asked)
    page.set_script_timeout(20)
    page.execute_async_script("setTimeout(arguments[0], 6000)")
    assert page.execute_script(asked) == before
    page.execute_script("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    eventually(lambda: page.execute_script(asked) > before, what="a question")


def test_filters_and_what_is_done(page, dashboard):
    server = dashboard.server
    page.find_element(By.ID, "filter-to").send_keys("nowhere.test" + Keys.ENTER)
    eventually(lambda: "to=nowhere.test" in page.current_url, what="the filter in the address")
    eventually(lambda: "No message in the queue is so" in main_text(page), what="nothing")
    page.back()
    eventually(lambda: page.find_elements(By.XPATH, "//main//button[.='Hold']"), what="the message")
    press(page, "Hold")
    eventually(lambda: f"{dashboard.id} is held" in main_text(page), what="its being held")
    assert server.queued()[0]["state"] == "held"
    press(page, "Release")
    eventually(lambda: f"{dashboard.id} goes on" in main_text(page), what="its release")
    press(page, "Delete")
    assert page.switch_to.active_element.text == "No"
    page.switch_to.active_element.send_keys(Keys.ENTER)
    assert len(server.queued()) == 1
    press(page, "Delete")
    press(page, "Yes, delete")
    eventually(lambda: f"{dashboard.id} was deleted" in main_text(page), what="its end")
    assert server.queued() == []
    assert "gatepost trace" in main_text(page)
    assert browser_module.faults(page) == []
    assert log(page) == []


def test_who_only_reads(driver, dashboard):
    dashboard.server.send(MESSAGE, to=["you@elsewhere.test"])
    dashboard.is_ready()
    enter(driver, dashboard, "reader")
    eventually(lambda: "451 4.3.0" in main_text(driver), what="a deferral")
    text = main_text(driver)
    assert "elsewhere.test" in text and "you@" not in text and "Single messages are for admins" in text
    assert driver.find_elements(By.ID, "filter-to") == []
    assert browser_module.faults(driver) == []
    assert log(driver) == []


def test_before_any_mail_it_says_what_to_do(driver, dashboard):
    dashboard.is_ready()
    enter(driver, dashboard, "reader")
    assert "gatepost send" in main_text(driver)
    assert pages.log(driver) == []
