# SPDX-License-Identifier: Apache-2.0
"""From a domain to its mail host, through a real name server: RFC 5321 section 5.1 and RFC 7505, end to end."""

import dnsrig
import pytest
from gateway import eventually

TRUSTED = ["127.0.0.0/8"]
MESSAGE = b"From: alice@demo.test\r\nSubject: hello\r\n\r\nhello\r\n"
# Mail hosts listen on port 25 of these; nobody does on SILENT.
FIRST, SECOND, SILENT = "127.0.9.1", "127.0.9.2", "127.0.9.9"

NAMES = {
    "far.test": {"MX": [[20, "second.test"], [10, "first.test"]]},
    "half.test": {"MX": [[10, "silent.test"], [20, "second.test"]]},
    "alias.test": {"CNAME": "far.test"},
    "plain.test": {"A": [FIRST]},
    "null.test": {"MX": [[0, "."]], "A": [FIRST]},
    "loop.test": {"MX": [[10, "mx.gatepost.test"], [20, "first.test"]]},
    "backup.test": {"MX": [[10, "first.test"], [20, "mx.gatepost.test"], [30, "second.test"]]},
    "homeless.test": {"MX": [[10, "nowhere.test"]]},
    "broken.test": "SERVFAIL",
    "first.test": {"A": [FIRST]},
    "second.test": {"A": [SECOND]},
    "silent.test": {"A": [SILENT]},
    "mx.gatepost.test": {"A": [SILENT]},
}
EQUALS = [f"equal{i}.test" for i in range(24)]
NAMES |= {name: {"MX": [[10, "second.test"], [10, "first.test"]]} for name in EQUALS}


@pytest.fixture
def world(gatepost, sink):
    """A gateway, and the two mail hosts that the names lead to."""
    try:
        hosts = [sink(address=(address, 25)) for address in (FIRST, SECOND)]
    except PermissionError:
        pytest.skip("mail hosts listen on port 25, which needs root")
    try:
        rig = dnsrig.DnsRig(NAMES).start()
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    server = gatepost(relay_networks=TRUSTED, dns={"server": rig.server, "trust_anchor": "none"})
    yield server, *hosts
    rig.stop()


def rcpts(host):
    return [rcpt for _, lines, _ in host.messages for rcpt in lines]


@pytest.mark.parametrize("domain, lands", [("far", 0), ("half", 1), ("alias", 0), ("plain", 0), ("backup", 0)])
def test_mail_lands_at_the_best_host_that_answers(world, domain, lands):
    server, *hosts = world
    server.send(MESSAGE, to=[f"you@{domain}.test"], sender="alice@demo.test")
    eventually(lambda: hosts[0].messages or hosts[1].messages, what="delivery")
    assert len(rcpts(hosts[lands])) == 1 and f"you@{domain}.test" in rcpts(hosts[lands])[0]
    assert not hosts[1 - lands].messages


def test_equals_share(world):
    """Domains of their own, so that no kept connection decides for the next message."""
    server, *hosts = world
    for name in EQUALS:
        server.send(MESSAGE, to=[f"you@{name}"], sender="alice@demo.test")
    eventually(lambda: sum(len(rcpts(host)) for host in hosts) == len(EQUALS), what="delivery")
    assert all(rcpts(host) for host in hosts)


@pytest.mark.parametrize(
    "domain, status",
    [("null", "5.1.10"), ("loop", "5.4.6"), ("homeless", "5.4.4"), ("nothing", "5.1.2")],
)
def test_what_cannot_be_delivered_comes_back(world, domain, status):
    server, *hosts = world
    server.send(MESSAGE, to=[f"you@{domain}.test"], sender="alice@demo.test")
    (bounce,) = server.wait_for_mails("alice")
    assert bounce.get_payload()[1].get_payload()[1]["Status"] == status
    assert not hosts[0].messages and not hosts[1].messages


def test_trouble_with_the_dns_bounces_nothing(world):
    server, *_ = world
    server.send(MESSAGE, to=["you@broken.test"], sender="alice@demo.test")
    eventually(lambda: "4.4.3" in server.log_text(), what="a first attempt")
    assert len(server.queued()) == 1
    assert server.mails("alice") == []
