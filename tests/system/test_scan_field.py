# SPDX-License-Identifier: Apache-2.0
"""One scan of a field of real servers finds every fault that was planted, and invents none.

docs/scan-field.md is made of what these tests saw: GATEPOST_WRITE_DOCS=1 writes it anew.
"""

import json
import os

import field as field_module
import gateway
import peers as peers_module
import pytest
from field import RECIPIENT, ROWS

DOCUMENT = gateway.ROOT / "docs/scan-field.md"
SCAN = ["--private", "--rate", "0", "--mx", "--helo", "scanner.test", "--authorised", "the tests' owner"]
SCAN += ["--recipient", RECIPIENT, "--canary", "--canary-wait", "3", "--vrfy", "--inject", "--smuggle", "--ntlm"]
TALKATIVE = [row for row in ROWS if row.server != "ours" and "smtp.no_answer" not in row.found]


@pytest.fixture(scope="module")
def field(module_scratch):
    try:
        root = peers_module.peer_root("server")
    except peers_module.Unavailable as why:
        pytest.skip(str(why))
    with field_module.Field(peers_module.Peers(root, module_scratch), module_scratch, ROWS) as made:
        yield made


@pytest.fixture(scope="module")
def scanned(field):
    """What one scan has to say of each row."""
    where = ["--dns", field.zone, "--ca", field.authority.path, "--canary-list", field.canaries]
    done = gateway.run("scan", *SCAN, *where, "--json", *field.targets(), timeout_s=200)
    assert done.returncode == 0, done.stderr
    told = {(line["address"], line["port"]): line for line in map(json.loads, done.stdout.splitlines())}
    return {row: told[field.address(row), row.port] for row in field.rows}


def found(told):
    return {f["id"]: f["severity"] for f in told["findings"] if f["state"] == "fail"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_what_was_planted_is_found_and_nothing_else(scanned, row):
    seen = found(scanned[row])
    told = {f["id"]: f["evidence"] for f in scanned[row]["findings"] if f["id"] in seen.keys() ^ row.found.keys()}
    assert seen == row.found, told


@pytest.mark.parametrize("row", TALKATIVE, ids=lambda row: row.key)
def test_who_hides_his_name_is_recognised(scanned, row):
    likeliest = scanned[row]["software"][0]
    assert likeliest["name"] == row.server and likeliest["weight"] >= 0.9


def test_what_to_do_is_said_in_the_words_of_what_a_product_is_built_on(scanned):
    (told,) = [told for row, told in scanned.items() if (row.server, row.config) == ("postscreen", "open relay")]
    (fix,) = [f["fix"] for f in told["findings"] if f["id"] == "smtp.open_relay"]
    assert "main.cf: smtpd_relay_restrictions" in json.dumps(fix)


BEGINNING = """\
# A field of mail servers, and what scan finds in it

Made by tests/system/test_scan_field.py of what it saw; do not edit. Servers of Debian 12, Gatepost, and one of the
tests' own ("ours") for what no server of Debian does, each in several configurations with a fault planted in it, or
none ("safe"). One run of `gatepost scan` looks at all of them, with every test that wants consent. What it must find
stands in tests/system/field.py, with the severity of each finding; the test fails where something is missed, and where
something is found that was not planted.

Greetings name no product, but where the table says so. Relays pass mail on to a `gatepost sink --canary`, so that
`smtp.open_relay` of severity critical is one that was proven. "MX of the scanner's domain": those take its recipient,
so false ends of data (`smtp.smuggling`) can be tried, and relaying cannot.

| server | port | planted | found | recognised as |
| --- | --- | --- | --- | --- |
"""


def line_of(row, told):
    planted = row.config + ("; MX of the scanner's domain" if row.own else "")
    listed = ", ".join(f"{severity} `{id_}`" for id_, severity in sorted(found(told).items()))
    likeliest = told["software"][0] if told["software"] else {"name": "–", "version": None}
    software = " ".join(filter(None, [likeliest["name"], likeliest["version"]]))
    return f"| {row.server} | {row.port} | {planted} | {listed or '–'} | {software} |\n"


def test_the_document_tells_what_was_seen(scanned):
    text = BEGINNING + "".join(line_of(row, told) for row, told in scanned.items())
    if os.environ.get("GATEPOST_WRITE_DOCS"):
        DOCUMENT.write_text(text, encoding="utf-8")
    written = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    assert written == text, f"{DOCUMENT.name} is not what was seen; GATEPOST_WRITE_DOCS=1 writes it anew"
