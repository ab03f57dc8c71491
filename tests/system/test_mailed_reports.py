# SPDX-License-Identifier: Apache-2.0
"""A domain's whole way from nothing: reports are mailed in by swaks, and the dashboard shows what they add up to."""

import ipaddress
import os
import pathlib
import shutil
import subprocess
import time

import browser as browser_module
import mmdb
import pytest
from dashrig import Dashboard
from gateway import eventually, free_port
from reports_field import FIGURES, Field

DAYS, DAY_S = 12, 86400
NAMES = {
    "reporter.example": {"TXT": ["v=spf1 ip4:127.0.0.1 -all"], "A": ["127.0.0.1"]},
    "_dmarc.reporter.example": {"TXT": ["v=DMARC1; p=none"]},
}
# Of the sources that reports tell of: those of reports_field.py have a block a kind.
HOSTS = {
    "10.0.0": "mx{}.longer0.example",
    "11.0.0": "a{}-31.smtp-out.amazonses.com",
    "12.0.0": "mx{}.forwardemail.net",
}
NETWORKS = {
    "10.0.0.0/8": (64500, "Longer Example AG"),
    "11.0.0.0/8": (14618, "AMAZON-AES"),
    "12.0.0.0/8": (64501, "Forward Email LLC"),
    "13.0.0.0/8": (64502, "Rented Servers Ltd."),
    "2001:db8:0:2::/64": (64503, "Another Network"),
}
TYPES = {".gz": "application/gzip", ".zip": "application/zip", ".xml": "text/xml", ".json": "application/tlsrpt+json"}


def host_of(address):
    """What forward and reverse DNS agree on."""
    block, _, last = address.rpartition(".")
    return HOSTS[block].format(last) if block in HOSTS else None


def names_of(addresses):
    found = dict(NAMES)
    for address in filter(host_of, addresses):
        found[ipaddress.ip_address(address).reverse_pointer] = {"PTR": [host_of(address)]}
        found[host_of(address)] = {"A": [address]}
    return found


def learn(dashboard, names):
    dashboard.server.names = names
    dashboard.reload()


def swaks(port, path):
    argv = ["swaks", "--silent", "2", "--server", f"127.0.0.1:{port}", "--to", "reports@demo.test"]
    argv += ["--from", "dmarc@reporter.example", "--h-From", "dmarc@reporter.example", "--helo", "reporter.example"]
    argv += ["--attach-type", TYPES[path.suffix], "--attach-name", path.name, "--attach", f"@{path}"]
    subprocess.run(argv, check=True, capture_output=True, timeout=60)


@pytest.fixture
def dashboard(gatepost, scratch):
    if not shutil.which("swaks"):
        pytest.skip("swaks is not installed")
    domains = {
        "demo.test": {
            "recipients": ["alice"],
            "deliver": {"maildir": "mail/{domain}/{local}"},
            "reports": "reports",
        },
        # The reports are about it: those about others would be kept apart.
        "longer0.example": {"recipients": "any", "deliver": "discard"},
    }
    networks = scratch / "asn.mmdb"
    networks.write_bytes(mmdb.database(NETWORKS))
    dashboard = Dashboard(gatepost, scratch, domains=domains, reports={"asn_database": str(networks)})
    learn(dashboard, NAMES)
    dashboard.sign_in()
    return dashboard


def test_what_is_mailed_in_is_shown(dashboard, scratch):
    first_day = int(time.time()) // DAY_S - DAYS
    field = Field(scratch / "field", seed=7, first_day=first_day)
    field.fill(domains=1, days=DAYS, reporters=3, sources=12)
    truth, server = field.truth, dashboard.server
    (domain,) = truth.domains
    learn(dashboard, names_of(truth.sources[domain]))
    # Failure reports and one reporter's reports are mails themselves.
    files = [path for path in sorted(field.folder.glob("*/*")) if path.suffix in TYPES]
    for path in files:
        swaks(server.port, path)
    for path in sorted(field.folder.glob("*/*.eml")):
        server.send(path.read_bytes().replace(b"@strict.example", b"@reporter.example"), to=["reports@demo.test"],
                    sender="dmarc@reporter.example")  # fmt: skip
    eventually(lambda: server.queued() == [], 60, what="an empty queue")
    days = f"from={day(first_day)}&to={day(first_day + DAYS)}"
    total = dashboard.get(f"/api/v1/overview?domain={domain}&{days}").json["total"]
    assert {name: total[name] for name in FIGURES} == truth.domains[domain]
    assert server.mails("alice") == []
    hosts = {address: host_of(address) for address in truth.sources[domain]}
    eventually(lambda: names(dashboard, domain, days) == hosts, 60, what="the sources' names")
    picture(dashboard, domain)


def test_what_postfix_delivers_is_kept(dashboard, scratch, peers):
    """A reporter whose mail goes by way of a queue and a relay, and comes again: the second time changes nothing."""
    first_day = int(time.time()) // DAY_S - DAYS
    field = Field(scratch / "field", seed=8, first_day=first_day)
    field.fill(domains=1, days=DAYS, reporters=1, sources=4)
    truth, server, port = field.truth, dashboard.server, free_port()
    peers.postfix(port, server.port)
    files = [path for path in sorted(field.folder.glob("*/*")) if path.suffix in TYPES]
    for path in (*files, files[0]):
        swaks(port, path)
    (domain,) = truth.domains
    url = f"/api/v1/overview?domain={domain}&from={day(first_day)}&to={day(first_day + DAYS)}"
    figures = truth.domains[domain]
    eventually(lambda: dashboard.get("/api/v1/store").json["store"]["duplicates"] == 1, 60, what="the duplicate")
    total = dashboard.get(url).json["total"]
    assert {name: total[name] for name in FIGURES} == figures


def names(dashboard, domain, days):
    sources = dashboard.get(f"/api/v1/sources?domain={domain}&{days}").json["sources"]
    return {s["address"]: s["name"] for s in sources}


def day(number):
    return time.strftime("%Y-%m-%d", time.gmtime(number * DAY_S))


def picture(dashboard, domain):
    """For docs/: GATEPOST_SCREENSHOTS names the folder."""
    folder = os.environ.get("GATEPOST_SCREENSHOTS")
    if not folder:
        return
    import test_dashboard_pages as pages

    driver = browser_module.start()
    browser_module.resize(driver, 1280, 900)
    driver.get(dashboard.url)
    pages.sign_in(driver)
    eventually(lambda: pages.heading(driver) == "Overview", what="the first page")
    for name, path in (("dashboard", "/"), ("dashboard-sources", "/sources")):
        pages.show(driver, dashboard, f"{path}?domain={domain}")
        time.sleep(1)  # charts
        driver.save_screenshot(str(pathlib.Path(folder) / f"{name}.png"))
    driver.quit()
