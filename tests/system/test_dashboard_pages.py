# SPDX-License-Identifier: Apache-2.0
"""The dashboard's pages in Chromium: each is opened, by eye's and keyboard's rules, and nothing of a stranger acts."""

import os
import pathlib
import time
import urllib.parse

import browser as browser_module
import mmdb
import pytest
import reports_field
from dashrig import PASSWORD, Dashboard
from gateway import eventually, run

try:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
except ImportError:
    By = Keys = None

PAGES = (
    "/", "/domains", "/sources", "/policy", "/reporters", "/tls", "/failures",
    "/audits", "/scans", "/queue", "/headers", "/health",
)
MARKUP = "<script>window.acted=1</script><img src=x onerror=window.acted=1>"
NETWORKS = {
    "192.0.2.0/24": (64500, "Example Networks"),
    "198.51.100.0/24": (14618, "AMAZON-AES"),
    "2001:db8::/32": (64510, MARKUP),
}
MESSAGE = f"""Received: from {MARKUP} (h.test [192.0.2.1]) by mx.gatepost.test with ESMTPS id 1
 for <alice@demo.test>; Mon, 30 Nov 2026 10:00:00 +0000
Received: from a.test (a.test [198.51.100.7]) by h.test with SMTP; Mon, 30 Nov 2026 08:59:00 +0000
From: "{MARKUP}'" <a@a.test>
Reply-To: b@b.test
Subject: {MARKUP}
X-Mailer: {MARKUP}
Date: Mon, 30 Nov 2026 08:00:00 +0000

body
"""


@pytest.fixture(scope="module")
def driver():
    driver = browser_module.start()
    yield driver
    driver.quit()


@pytest.fixture
def dashboard(gatepost, scratch):
    networks = scratch / "asn.mmdb"
    networks.write_bytes(mmdb.database(NETWORKS))
    dashboard = Dashboard(gatepost, scratch, filled=True, reports={"asn_database": str(networks)})
    dashboard.is_ready()
    return dashboard


@pytest.fixture
def page(driver, dashboard):
    """Signed in, at the first page."""
    browser_module.resize(driver, 1280, 900)
    browser_module.colours(driver, "light")
    driver.get("about:blank")
    driver.get_log("browser")
    driver.delete_all_cookies()
    driver.get(dashboard.url)
    driver.delete_all_cookies()
    driver.get(dashboard.url)
    sign_in(driver)
    eventually(lambda: heading(driver) == "Overview", what="the first page")
    return driver


def heading(driver):
    return driver.execute_script("return document.querySelector('h1')?.textContent ?? ''")


def sign_in(driver, user="root", password=PASSWORD):
    eventually(lambda: heading(driver) == "Sign in", what="the page for signing in")
    driver.find_element(By.ID, "user").send_keys(user)
    driver.find_element(By.ID, "password").send_keys(password + Keys.ENTER)


def show(driver, dashboard, path):
    """Opens a page by its address, and waits until it is there."""
    driver.get(dashboard.url + path)
    eventually(lambda: heading(driver) not in ("", "Sign in"), what=path)


def analyse(driver, dashboard, message=MESSAGE):
    show(driver, dashboard, "/headers")
    driver.execute_script("document.getElementById('message').value = arguments[0]", message)
    driver.find_element(By.CSS_SELECTOR, "main button[type=submit]").click()
    return eventually(lambda: driver.find_elements(By.ID, "verdict"), what="a verdict")[0]


def log(driver):
    return [entry["message"] for entry in driver.get_log("browser")]


def test_each_page_is_fit_to_be_seen(page, dashboard):
    assert log(page) == []
    for scheme in ("light", "dark"):
        browser_module.colours(page, scheme)
        for path in PAGES:
            show(page, dashboard, path)
            assert browser_module.faults(page) == [], (scheme, path)
            assert log(page) == [], path


def test_a_telephone_shows_all_of_them(page, dashboard):
    browser_module.resize(page, 390, 844, phone=True)
    for path in PAGES:
        show(page, dashboard, path)
        assert page.execute_script("return document.documentElement.scrollWidth") <= 390, path
        assert browser_module.faults(page) == [], path
    analyse(page, dashboard)
    assert page.execute_script("return document.documentElement.scrollWidth") <= 390


def test_nothing_of_a_report_acts(page, dashboard):
    """Whatever strangers wrote, and wherever it is shown, it is text."""
    seen = set()
    source = "/sources?domain=ours.example&address=203.0.113.30"
    for path in (*PAGES, source, "/policy?p=quarantine&domain=ours.example"):
        show(page, dashboard, path)
        text = page.find_element(By.TAG_NAME, "main").get_property("textContent")
        seen |= {path} if "<script>window.acted=1</script>" in text else set()
        assert page.execute_script("return window.acted") is None, path
        assert page.find_elements(By.CSS_SELECTOR, "main :is(script, img, iframe, object, [onerror])") == [], path
    assert {"/reporters", "/failures", "/health", source} <= seen
    assert browser_module.faults(page) == []
    assert log(page) == []


def test_sources_have_names(page, dashboard):
    """As they were looked up, and whose they are."""
    show(page, dashboard, "/sources")
    rows = [e.text for e in page.find_elements(By.CSS_SELECTOR, "main tbody tr")]
    named = {word: row for row in rows for word in ("mx.ours.example", "a8-31.smtp-out.amazonses.com") if word in row}
    assert "192.0.2.10" in named["mx.ours.example"]
    assert "Amazon SES" in named["a8-31.smtp-out.amazonses.com"]
    assert sum("Amazon" in row for row in rows) == 1


def test_a_source_has_the_cause_of_what_does_not_align(page, dashboard):
    show(page, dashboard, "/sources?domain=ours.example&address=2001:db8::bd")
    cause = page.find_element(By.CSS_SELECTOR, "main .cause").text
    envelope = "eu-west-1.amazonses.com (Amazon SES)"
    assert cause.startswith(f"no signature; SPF passes for {envelope}, not for ours.example: forged, or")
    show(page, dashboard, "/sources?domain=ours.example&address=203.0.113.30")
    assert page.find_elements(By.CSS_SELECTOR, "main .cause") == []


def test_sources_have_networks(page, dashboard):
    show(page, dashboard, "/sources")
    rows = [e.text for e in page.find_elements(By.CSS_SELECTOR, "main tbody tr")]
    (ours,) = [row for row in rows if "192.0.2.10" in row]
    assert "AS64500" in ours and "Example Networks" in ours
    (strange,) = [row for row in rows if "2001:db8::bd" in row]
    assert MARKUP in strange


def test_a_source_has_a_name(page, dashboard):
    def facts(ip):
        show(page, dashboard, f"/sources?domain=ours.example&address={ip}")
        return page.find_element(By.CSS_SELECTOR, "main dl.facts").text.split("\n")

    found = facts("198.51.100.20")
    assert found[:4] == ["Name", "a8-31.smtp-out.amazonses.com", "Provider", "Amazon SES"]
    assert found[4:6] == ["Network", "AS14618 AMAZON-AES"]
    assert found[6] == "Class" and found[7].startswith("provider ")
    # Nothing is known of it but its mail.
    found = facts("203.0.113.30")
    assert found[0] == "Name" and found[1].startswith("none that") and "Network" not in found
    assert browser_module.faults(page) == []


def test_forty_attacks_in_every_field(page, dashboard):
    """tests/figures/filling.h has them, for a domain of their own; a control of each kind is used, too."""
    show(page, dashboard, "/failures?domain=attacked.example")
    subjects = [e.text for e in page.find_elements(By.CSS_SELECTOR, "main h2")]
    assert len(subjects) == 40
    page.execute_script("document.querySelectorAll('summary').forEach((e) => e.click())")
    source = "/sources?domain=attacked.example&address=2001:db8::bd"
    for path in ("/", "/domains", "/sources", source, "/policy", "/reporters", "/tls", "/failures", "/health"):
        show(page, dashboard, path + ("" if "?" in path else "?domain=attacked.example"))
        page.execute_script(
            "document.querySelectorAll('main *').forEach((e) => {"
            "for (const name of ['mouseover', 'focus', 'click']) "
            "if (!e.closest('a, button, input, select')) e.dispatchEvent(new Event(name)); })"
        )
        assert page.execute_script("return window.acted") is None, path
        assert page.find_elements(By.CSS_SELECTOR, "main :is(script, img, iframe, object, embed, style)") == [], path
        strange = "main :is([onerror], [onload], [onfocus], [onmouseover], [href^='javascript'], [href^='data'])"
        assert page.find_elements(By.CSS_SELECTOR, strange) == [], path
    shown = page.execute_script(
        "return fetch('/api/v1/reporters?domain=attacked.example').then((r) => r.json())"
        ".then((r) => r.reporters.length)"
    )
    assert shown == 40
    assert log(page) == []


@pytest.mark.parametrize("hostile", ["\"><svg/onload=window.acted=1>", "javascript:window.acted=1", "</script>"])
def test_nothing_of_an_address_acts(page, dashboard, hostile):
    text = urllib.parse.quote(hostile)
    for query in (f"domain={text}", f"p={text}", f"order={text}", f"from={text}", f"domain=a.test&address={text}"):
        for path in ("/", "/sources", "/policy", f"/{text}"):
            page.get(f"{dashboard.url}{path}?{query}")
    eventually(lambda: page.execute_script("return document.readyState") == "complete", what="a page")
    assert page.execute_script("return window.acted") is None


def test_filters_stand_in_the_address(page, dashboard):
    choose(page, "filter-domain", "shop.example")
    eventually(lambda: "domain=shop.example" in page.current_url, what="the domain in the address")
    choose(page, "filter-range", "90")
    eventually(lambda: "days=90" in page.current_url, what="the days in the address")
    few = figure(page)
    page.find_element(By.LINK_TEXT, "Policy").click()
    eventually(lambda: heading(page) == "Policy simulator", what="the other page")
    assert "domain=shop.example" in page.current_url and "days=90" in page.current_url
    page.back()
    eventually(lambda: heading(page) == "Overview", what="the way back")
    assert figure(page) == few
    show(page, dashboard, "/")
    assert figure(page) > few


def test_days_are_chosen_by_keyboard(page, dashboard):
    """A browser tells of each digit; a day that is half written is none, and the page stays what it is."""
    show(page, dashboard, "/?from=2026-11-02&to=2026-11-20")
    day = page.find_element(By.ID, "filter-from")
    page.execute_script("arguments[0].focus()", day)
    for digit in "01152026":
        page.switch_to.active_element.send_keys(digit)
    assert (page.current_url.partition("?")[2], heading(page)) == ("from=2026-11-02&to=2026-11-20", "Overview")
    page.switch_to.active_element.send_keys(Keys.ENTER)
    eventually(lambda: "from=2026-01-15&to=2026-11-20" in page.current_url, what="the day in the address")
    eventually(lambda: page.execute_script("return document.activeElement.id") == "filter-from", what="the focus")
    # The other end goes along, so that there is a page.
    choose(page, "filter-to", "2026-01-03")
    eventually(lambda: "from=2026-01-03&to=2026-01-03" in page.current_url, what="a range of one day")
    eventually(lambda: day_of(page, "filter-from") == "2026-01-03", what="the page")
    choose(page, "filter-to", "2026-11-30")
    eventually(lambda: day_of(page, "filter-to") == "2026-11-30", what="the page")
    choose(page, "filter-from", "2001-01-01")
    eventually(lambda: "from=2001-01-01&to=2010-12-29" in page.current_url, what="ten years")
    eventually(lambda: day_of(page, "filter-to") == "2010-12-29", what="the page")
    assert heading(page) == "Overview" and log(page) == []


def day_of(driver, name):
    return driver.execute_script("return document.getElementById(arguments[0])?.value", name)


def test_what_was_used_keeps_the_focus(page, dashboard):
    for path, name, key in (("/", "filter-range", Keys.ARROW_DOWN), ("/policy", "policy-reject", Keys.ARROW_UP)):
        show(page, dashboard, path)
        before = page.current_url
        page.find_element(By.ID, name).send_keys(key)
        eventually(lambda before=before: page.current_url != before, what="another address")
        kept = name.replace("reject", "quarantine")
        eventually(lambda kept=kept: page.execute_script("return document.activeElement.id") == kept, what=kept)


def test_an_address_that_cannot_be_read_has_a_way_out(page, dashboard):
    page.get(dashboard.url + "/sources?from=2026-11-30&to=2026-11-29")
    eventually(lambda: "behind the last" in text_of(page, "main"), what="the reason")
    page.find_element(By.LINK_TEXT, "Without filters").click()
    eventually(lambda: heading(page) == "Sources", what="the page")
    page.get_log("browser")


def test_a_day_is_clean_when_all_of_it_aligns(page, dashboard, scratch):
    """What a reporter calls forwarded aligns or not: it does not make up for what fails."""
    midnight = int(time.time()) // 86400 * 86400
    senders = {"forwarder": (12, True), "threat": (5, False)}
    for ident, kinds in enumerate([["forwarder", "threat"], ["forwarder"]]):
        begin = midnight + (ident - 2) * 86400
        rows = [reports_field.record(reports_field.Sender(kind, f"192.0.2.{n}", dkim, False, "e.example", "s1"),
                                     "clean.example", n, "none", False, False)
                for kind in kinds for n, dkim in [senders[kind]]]  # fmt: skip
        text = reports_field.head("o.example", str(ident), "clean.example", begin, begin + 86399, "none", "")
        (scratch / f"{ident}.xml").write_text(text + "".join(rows) + "</feedback>\n", encoding="ascii")
        done = run("reports", "import", "-c", dashboard.server.config, scratch / f"{ident}.xml")
        assert done.returncode == 0, done.stderr
    show(page, dashboard, "/?domain=clean.example")
    cards = {c.find_element(By.TAG_NAME, "h2").text: c.text.split("\n")[1:] for c in
             page.find_elements(By.CSS_SELECTOR, ".cards .card")}  # fmt: skip
    assert (cards["Messages"][0], cards["Not aligned"][0], cards["Clean days"][0]) == ("29", "5", "1")


def choose(driver, name, value):
    driver.execute_script(
        "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
        "e.dispatchEvent(new Event('change'))",
        name,
        value,
    )


def figure(driver):
    """The first one of the page, which may be drawn anew meanwhile."""
    return int(eventually(lambda: text_of(driver, ".figure"), what="figures").replace(",", ""))


def text_of(driver, selector):
    return driver.execute_script("return document.querySelector(arguments[0])?.innerText ?? ''", selector)


def test_a_stricter_policy_is_tried(page, dashboard):
    show(page, dashboard, "/policy?domain=ours.example")
    assert "of sources that nothing of ours stands for" in text_of(page, ".notice")
    strict = figure(page)
    page.find_element(By.CSS_SELECTOR, "input[value=none]").click()
    eventually(lambda: "p=none changes nothing" in text_of(page, ".notice"), what="p=none")
    assert (strict > 0, figure(page)) == (True, 0)


def test_before_the_first_report_it_says_what_to_do(driver, gatepost, scratch):
    dashboard = Dashboard(gatepost, scratch)
    dashboard.is_ready()
    driver.get(dashboard.url)
    driver.delete_all_cookies()
    driver.get(dashboard.url)
    sign_in(driver)
    eventually(lambda: heading(driver) == "Overview", what="the first page")
    for path in PAGES:
        show(driver, dashboard, path)
        assert browser_module.faults(driver) == [], path
        if path in ("/", "/domains", "/sources", "/policy", "/reporters", "/tls"):
            assert "gatepost domain show" in driver.find_element(By.TAG_NAME, "main").text, path


def test_nothing_of_a_message_acts(page, dashboard):
    analyse(page, dashboard)
    text = page.find_element(By.TAG_NAME, "main").text
    assert MARKUP in text
    assert page.execute_script("return window.acted") is None
    assert page.find_elements(By.CSS_SELECTOR, "main script, main img, main iframe, main [onerror]") == []
    assert browser_module.faults(page) == []
    assert log(page) == []


def test_what_came_in_by_a_hole_would_be_stopped(page, dashboard):
    """Were there one: no code in the page, none from elsewhere, no markup made of text, no request to anybody else."""
    show(page, dashboard, "/health")
    stopped = page.execute_async_script(
        """
        const done = arguments[0], kinds = new Set();
        addEventListener('securitypolicyviolation', (e) => kinds.add(e.effectiveDirective));
        const add = (name, values) => document.body.append(Object.assign(document.createElement(name), values));
        const no = (f) => { try { f(); } catch { kinds.add('thrown'); } };
        no(() => add('script', {textContent: 'window.acted = 1'}));
        no(() => add('script', {src: 'http://127.0.0.1:9/script'}));
        no(() => { document.body.innerHTML = '<b>'; });
        no(() => setTimeout('window.acted = 1'));
        add('img', {src: 'http://127.0.0.1:9/img'});
        add('iframe', {src: 'http://127.0.0.1:9/frame'});
        add('link', {rel: 'stylesheet', href: 'http://127.0.0.1:9/style'});
        fetch('http://127.0.0.1:9/fetch').catch(() => 0).then(() => setTimeout(() => done([...kinds]), 300));
        """
    )
    assert page.execute_script("return window.acted") is None
    assert {"img-src", "frame-src", "style-src-elem", "connect-src", "thrown"} <= set(stopped)
    assert heading(page) == "Health"


def test_signing_in_and_out_by_keyboard(driver, dashboard):
    browser_module.resize(driver, 1280, 900)
    driver.get(dashboard.url)
    driver.delete_all_cookies()
    driver.get(dashboard.url + "/health")
    eventually(lambda: heading(driver) == "Sign in", what="the page for signing in")
    assert browser_module.faults(driver) == []
    sign_in(driver, "reader", "wrong")
    eventually(
        lambda: "no user with this password" in driver.find_element(By.TAG_NAME, "main").text, what="a refusal"
    )
    driver.find_element(By.ID, "password").send_keys(PASSWORD + Keys.ENTER)
    eventually(lambda: heading(driver) == "Health", what="the page that was asked for")
    active = driver.switch_to.active_element
    for _ in range(30):
        if active.text == "Sign out":
            break
        active.send_keys(Keys.TAB)
        active = driver.switch_to.active_element
    active.send_keys(Keys.ENTER)
    eventually(lambda: heading(driver) == "Sign in", what="the end")
    assert dashboard.get("/api/v1/health").status == 401


def test_who_has_no_users_is_told_what_to_do(driver, gatepost, scratch):
    dashboard = Dashboard(gatepost, scratch, users={"alice@example.org": ""})
    driver.get(dashboard.url)
    driver.delete_all_cookies()
    driver.get(dashboard.url)
    eventually(lambda: heading(driver) == "Sign in", what="the page for signing in")
    text = driver.find_element(By.TAG_NAME, "main").text
    assert "Nobody can sign in yet" in text and "gatepost user add --dashboard admin NAME" in text
    assert driver.find_elements(By.ID, "password") == []


def test_screenshots(page, dashboard):
    """For docs/: GATEPOST_SCREENSHOTS names the folder."""
    folder = os.environ.get("GATEPOST_SCREENSHOTS")
    if not folder:
        pytest.skip("GATEPOST_SCREENSHOTS is not set")
    for name, path in (("dashboard", "/"), ("dashboard-sources", "/sources"), ("dashboard-tls", "/tls")):
        show(page, dashboard, f"{path}?domain=ours.example")
        time.sleep(0.5)  # charts
        page.save_screenshot(str(pathlib.Path(folder) / f"{name}.png"))
    analyse(page, dashboard, MESSAGE.replace(MARKUP, "invoice"))
    page.save_screenshot(str(pathlib.Path(folder) / "dashboard-headers.png"))
    browser_module.colours(page, "dark")
    show(page, dashboard, "/policy?domain=ours.example")
    time.sleep(0.5)
    page.save_screenshot(str(pathlib.Path(folder) / "dashboard-policy.png"))


def test_colours_times_and_paper(page, dashboard):
    show(page, dashboard, "/health")
    background = "return getComputedStyle(document.body).backgroundColor"
    light = page.execute_script(background)
    page.find_element(By.XPATH, "//button[starts-with(., 'Colours')]").click()
    eventually(lambda: page.execute_script(background) != light, what="dark colours")
    assert browser_module.faults(page) == []
    show(page, dashboard, "/failures?domain=ours.example")  # the choice outlives the page
    assert page.execute_script(background) != light
    page.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "Asia/Kathmandu"})
    utc = page.find_element(By.TAG_NAME, "main").text
    page.find_element(By.XPATH, "//button[starts-with(., 'Times')]").click()
    eventually(lambda: page.find_element(By.TAG_NAME, "main").text != utc, what="times of Nepal")
    assert "01:02:03" in utc and "06:47:03" in page.find_element(By.TAG_NAME, "main").text
    page.execute_script("localStorage.clear()")
    page.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": ""})
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert not page.find_element(By.TAG_NAME, "nav").is_displayed()
    assert page.find_element(By.TAG_NAME, "h1").is_displayed()
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
