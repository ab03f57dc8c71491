# SPDX-License-Identifier: Apache-2.0
"""DMARC reports from end to end: mail in the names of several domains, a restart, and what their owners hear."""

import gzip
import time
import xml.etree.ElementTree as ET

import pytest
from gateway import eventually
from test_authentication import message, send
from test_tls_reports import make_keys, signed_by

PERIOD_S = 12
NS = {"d": "urn:ietf:params:xml:ns:dmarc-2.0"}
RUA = "rua=mailto:owner@demo.test"

NAMES = {
    "bank.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]},
    "_dmarc.bank.test": {"TXT": [f"v=DMARC1; p=reject; {RUA}"]},
    "good.test": {"TXT": ["v=spf1 ip4:127.0.0.1 -all"]},
    "_dmarc.good.test": {"TXT": [f"v=DMARC1; p=quarantine; sp=none; aspf=s; fo=1:d; {RUA},https://good.test/"]},
    # Its reports would go to somebody who has not asked for them.
    "_dmarc.flood.test": {"TXT": ["v=DMARC1; p=none; rua=mailto:owner@demo.test,mailto:victim@victim.test"]},
    "_dmarc.victim-only.test": {"TXT": ["v=DMARC1; p=none; rua=mailto:victim@victim.test"]},
    "_dmarc.silent.test": {"TXT": ["v=DMARC1; p=none"]},
    **{
        f"{name}.test._report._dmarc.demo.test": {"TXT": ["v=DMARC1"]}
        for name in ("bank", "good", "flood")
    },
}


@pytest.fixture
def server(gatepost):
    return gatepost(
        names=NAMES,
        domains={
            "demo.test": {"recipients": ["alice", "owner"], "deliver": {"maildir": "mail/{domain}/{local}"}},
            "victim.test": {"recipients": ["victim"], "deliver": {"maildir": "mail/{domain}/{local}"}},
            "here.test": {"recipients": "any", "deliver": "discard"},
        },
        reports={"dmarc_interval": f"{PERIOD_S}s", "organization": "Example <&>", "from": "dmarc@here.test"},
    )


def mailed(server):
    """Domain to report, of those in the mailbox."""
    found = {}
    for mail in server.wait_for_mails("owner", 0):
        attachment = list(mail.iter_parts())[1]
        assert attachment.get_content_type() == "application/gzip"
        report = ET.fromstring(gzip.decompress(attachment.get_content()))
        meta = report.find("d:report_metadata", NS)
        domain = report.findtext("d:policy_published/d:domain", None, NS)
        unique = meta.findtext("d:report_id", None, NS)
        begin, end = (meta.findtext(f"d:date_range/d:{name}", None, NS) for name in ("begin", "end"))
        assert domain not in found, "a report came twice"
        assert mail["Return-Path"] == "<>"
        subject = f"Report Domain: {domain} Submitter: here.test Report-ID: <{unique}>"
        assert " ".join(mail["Subject"].split()) == subject
        assert attachment.get_filename() == f"here.test!{domain}!{begin}!{end}!{unique}.xml.gz"
        assert int(end) - int(begin) == PERIOD_S - 1
        assert meta.findtext("d:org_name", None, NS) == "Example <&>"
        found[domain] = report
    return found


def rows(report):
    """What each row says, and how many messages it counts."""
    found = {}
    for record in report.findall("d:record", NS):
        def text(path, record=record):
            return record.findtext("/".join("d:" + name for name in path.split("/")), None, NS)

        what = (
            text("row/source_ip"),
            *(text(f"row/policy_evaluated/{name}") for name in ("disposition", "dkim", "spf", "reason/type")),
            *(text(f"identifiers/{name}") for name in ("header_from", "envelope_from")),
            *(text(f"auth_results/spf/{name}") for name in ("domain", "result")),
        )
        found[what] = int(text("row/count"))
    return found


def test_owners_hear_once_of_mail_in_their_name(server):
    published = make_keys(server)
    time.sleep(PERIOD_S - time.time() % PERIOD_S + 0.1)
    for _ in range(2):
        assert send(server, message())[0] == 550
    assert send(server, message(sender="me@good.test"), sender="me@good.test")[0] == 250
    assert send(server, message(sender="me@good.test"), sender="me@else.good.test")[0] == 250
    assert send(server, message(sender="x@sub.good.test"), sender="")[0] == 250
    for name in ("flood", "victim-only", "silent"):
        assert send(server, message(sender=f"me@{name}.test"))[0] == 250
    time.sleep(1.5)  # they are on disk
    server.stop()
    server.start()
    eventually(lambda: len(mailed(server)) == 3, 3 * PERIOD_S, "the reports")
    found = mailed(server)
    assert found.keys() == {"bank.test", "good.test", "flood.test"}
    local, elsewhere = "127.0.0.1", "elsewhere.test"
    assert rows(found["bank.test"]) == {
        (local, "reject", "fail", "fail", None, "bank.test", elsewhere, elsewhere, "none"): 2
    }
    assert rows(found["flood.test"]) == {
        (local, "none", "fail", "fail", None, "flood.test", elsewhere, elsewhere, "none"): 1
    }
    helo = "client.example.com"
    assert rows(found["good.test"]) == {
        (local, "pass", "fail", "pass", None, "good.test", "good.test", "good.test", "pass"): 1,
        (local, "quarantine", "fail", "fail", None, "good.test", "else.good.test", "else.good.test", "none"): 1,
        (local, "none", "fail", "fail", None, "sub.good.test", "", helo, "none"): 1,
    }
    published_policy = found["good.test"].find("d:policy_published", NS)
    assert {e.tag.partition("}")[2]: e.text for e in published_policy} == {
        "domain": "good.test", "p": "quarantine", "sp": "none", "np": "none", "adkim": "r", "aspf": "s",
        "discovery_method": "treewalk", "fo": "1:d", "testing": "n",
    }  # fmt: skip
    for raw in server.mails("owner"):
        assert signed_by(raw, published) == ["here.test"] * 2
    # One more restart and period: nothing is told again, and who never asked has heard nothing.
    server.stop()
    server.start()
    time.sleep(2 * PERIOD_S)
    assert mailed(server).keys() == found.keys()
    assert not (server.folder / "mail/victim.test").exists()


def test_none_are_made_where_they_are_off(gatepost):
    server = gatepost(names=NAMES, reports={"dmarc_interval": "2s", "dmarc": "off"})
    assert send(server, message(sender="me@good.test"), sender="me@good.test")[0] == 250
    time.sleep(5)
    assert not [line for line in server.log_lines() if line["event"].startswith("report_")]
