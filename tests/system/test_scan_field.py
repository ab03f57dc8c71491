# SPDX-License-Identifier: Apache-2.0
"""One scan of a field of real servers finds every fault that was planted, and invents none.

docs/scan-field.md is made of what these tests saw: GATEPOST_WRITE_DOCS=1 writes it anew.
"""

import json
import os

import field as field_module
import gateway
import opinions as opinions_module
import peers as peers_module
import pytest
from field import RECIPIENT, ROWS

DOCUMENT = gateway.ROOT / "docs/scan-field.md"
SCAN = ["--private", "--rate", "0", "--mx", "--helo", "scanner.test", "--authorised", "the tests' owner"]
SCAN += ["--recipient", RECIPIENT, "--canary", "--canary-wait", "5", "--vrfy", "--inject", "--smuggle", "--ntlm"]
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
    where += ["--log", field.folder / "log"]
    done = gateway.run("scan", *SCAN, *where, "--json", *field.targets(), timeout_s=200, env=field.environment())
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


@pytest.mark.parametrize("config", ["safe", "safe, scanned by its address"])
def test_the_domain_that_a_server_takes_mail_for_is_tried(scanned, config):
    """By the DNS alone: the sender of form 19 is of that domain."""
    told = next(told for row, told in scanned.items() if (row.server, row.config) == ("Postfix", config))
    (form,) = [test for test in told["relay"]["tests"] if test["form"] == 19]
    assert form["state"] == "refused" and form["from"].startswith("postmaster@postfix-safe-")


def test_the_log_gives_the_same_again(field, scanned):
    done = gateway.run("scan", "--replay", field.folder / "log", "--json", timeout_s=100, env=field.environment())
    assert done.returncode == 0, done.stderr
    again = {(line["address"], line["port"]): line for line in map(json.loads, done.stdout.splitlines())}
    assert {row: again[field.address(row), row.port] for row in field.rows} == scanned


@pytest.mark.parametrize("row", TALKATIVE, ids=lambda row: row.key)
def test_who_hides_his_name_is_recognised(scanned, row):
    likeliest = scanned[row]["software"][0]
    assert likeliest["name"] == row.server and likeliest["weight"] >= 0.9


def test_what_to_do_is_said_in_the_words_of_what_a_product_is_built_on(scanned):
    (told,) = [told for row, told in scanned.items() if (row.server, row.config) == ("postscreen", "open relay")]
    (fix,) = [f["fix"] for f in told["findings"] if f["id"] == "smtp.open_relay"]
    assert "main.cf: smtpd_relay_restrictions" in json.dumps(fix)


# --- second opinions ---

# What nmap and swaks are asked about: postscreen's pause outlasts nmap's patience, and of replies that come in pieces,
# as aiosmtpd's, it reads the first.
ASKED = [row for row in ROWS if row.port == 25 and row.server not in ("postscreen", "aiosmtpd")]
ASKED = [row for row in ASKED if row.config.partition(",")[0] in (
    "safe", "open relay", "relays for senders of its domain", "relays for who greets with its name", "no TLS",
    "AUTH in clear", "TLS 1.0 and 1.1 alone", "TLS 1.0 alone", "RSA key exchange alone", "TLS that fails",
    "NTLM", "takes all mail and keeps it", "Diffie-Hellman of 1024 bits",
)]  # fmt: skip
FORMS = "none of its forms has a sender in the server's domain, or HELO by its name"
ONE_FORM = "it says one MAIL and one RCPT, as a stranger would"
# Where another tool knows something else: what it says, and why. Scan's answer is what was planted.
DIFFERENCES = {
    ("nmap", "relay", "postfix-relays-for-who-greets-with-its-name-25"): (False, FORMS),
    ("nmap", "relay", "opensmtpd-relays-for-senders-of-its-domain-no-tls-25"): (False, FORMS),
    ("swaks", "relay", "postfix-relays-for-senders-of-its-domain-25"): (False, ONE_FORM),
    ("swaks", "relay", "postfix-relays-for-who-greets-with-its-name-25"): (False, ONE_FORM),
    ("swaks", "relay", "exim-relays-for-senders-of-its-domain-25"): (False, ONE_FORM),
    ("swaks", "relay", "opensmtpd-relays-for-senders-of-its-domain-no-tls-25"): (False, ONE_FORM),
    ("swaks", "relay", "sendmail-relays-for-senders-of-its-domain-25"): (False, ONE_FORM),
}


def answers_of_scan(told, surveyed):
    """In the words of opinions.py."""
    survey = surveyed["starttls"].get("survey")
    verdict, starttls = told["relay"]["verdict"], told["starttls"]["state"]
    return {
        "relay": {"proven": True, "accepted_unproven": True, "refused": False}.get(verdict),
        "starttls": {"ok": True, "broken": True, "absent": False}.get(starttls),
        "auth_in_clear": bool(told["auth"]["before_tls"]),
        "ntlm": "auth.ntlm_leak" in found(told),
        "versions": sorted(v["version"] for v in survey["versions"] if v["spoken"]) if survey else None,
    }


@pytest.fixture(scope="module")
def opinions(field, scanned):
    """Of each tool, of each row of ASKED: the answers to opinions.QUESTIONS."""
    if not opinions_module.are_there():
        pytest.skip("nmap or swaks is not installed")
    places = [(field.address(row), row.port) for row in ASKED]
    addresses = [field.place(row) for row in ASKED]
    argv = ["scan", "--private", "--rate", "0", "--no-dns", "--helo", "scanner.test", "--tls-survey", "--json"]
    done = gateway.run(*argv, *addresses, timeout_s=100)
    assert done.returncode == 0, done.stderr
    surveyed = {(line["address"], line["port"]): line for line in map(json.loads, done.stdout.splitlines())}
    own = {place: answers_of_scan(scanned[row], surveyed[place]) for row, place in zip(ASKED, places, strict=True)}
    told = {"scan": own}
    told["swaks"] = opinions_module.by_swaks(places, RECIPIENT)
    told["nmap"] = opinions_module.by_nmap(places, RECIPIENT)
    return {tool: dict(zip(ASKED, of.values(), strict=True)) for tool, of in told.items()}


def differ(own, other):
    """Versions that another tool has not may be answers that it lost; those that it alone has are not."""
    if None in (own, other):
        return False
    return not set(other) <= set(own) if isinstance(own, list) else own != other


def differences(opinions, tool):
    """(tool, question, row's key) -> the tool's answer, where both know one."""
    for row in ASKED:
        own, other = opinions["scan"][row], opinions[tool][row]
        for question in opinions_module.QUESTIONS:
            if differ(own[question], other[question]):
                yield (tool, question, row.key), other[question]


@pytest.mark.parametrize("tool", ["nmap", "swaks"])
def test_where_another_tool_differs_is_known_why(opinions, tool):
    explained = {key: answer for key, (answer, _) in DIFFERENCES.items() if key[0] == tool}
    seen = dict(differences(opinions, tool))
    assert {key: answer for key, answer in seen.items() if explained.get(key) != answer} == {}
    keys = {row.key: row for row in ASKED}
    for _, question, key in explained.keys() - seen.keys():
        assert opinions[tool][keys[key]][question] is None, f"{tool} does not differ about {question} of {key}"


@pytest.mark.parametrize(
    "key, versions",
    [
        ("postfix-tls-1-0-and-1-1-alone-25", ["TLS 1.0", "TLS 1.1"]),
        ("exim-tls-1-0-alone-25", ["TLS 1.0"]),
        ("postfix-rsa-key-exchange-alone-25", ["TLS 1.2"]),
        ("postfix-safe-25", ["TLS 1.0", "TLS 1.1", "TLS 1.2", "TLS 1.3"]),
        ("gatepost-safe-25", ["TLS 1.2", "TLS 1.3"]),
        ("postfix-no-tls-25", None),
    ],
)
def test_versions_are_those_that_were_planted(opinions, key, versions):
    (answers,) = [answers for row, answers in opinions["scan"].items() if row.key == key]
    assert answers["versions"] == versions


# --- the document ---

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


OPINIONS = """
## Second opinions

{hosts} hosts of this field, all on port 25, were shown to nmap (7.93, by its scripts smtp-commands,
smtp-open-relay, smtp-ntlm-info and ssl-enum-ciphers) and to swaks (one MAIL and RCPT, with TLS where it is offered).
Scan's versions of TLS are those of `--tls-survey`. An answer that a tool did not get is no difference: Exim hangs up on
nmap after ten of its RSETs, nmap loses a version of TLS now and then, and TLS that fails tells none. Not among them are
postscreen, whose pause outlasts nmap's patience, and aiosmtpd, since nmap reads the first piece of a reply alone.

| question | hosts that scan answers for | nmap differs | swaks differs |
| --- | --- | --- | --- |
"""
WHY = """
Each difference, and why:

| question | host | scan | the other | why |
| --- | --- | --- | --- | --- |
"""
AT_HOME = """
The hosts that take mail for the scanner's own domain both tools call open relays, as they accept its recipient. Scan
knows from the DNS that this is their job, and says that it could not be measured.
"""
WORDS = {
    "relay": "a relay?",
    "starttls": "is STARTTLS offered?",
    "auth_in_clear": "is AUTH offered in clear?",
    "ntlm": "does NTLM tell about the network?",
    "versions": "which versions of TLS?",
}


def opinion_lines(opinions):
    for question, words in WORDS.items():
        answered = sum(answers[question] is not None for answers in opinions["scan"].values())
        cells = [str(sum(key[:2] == (tool, question) for key in DIFFERENCES)) for tool in ("nmap", "swaks")]
        if question in ("ntlm", "versions"):
            cells[1] = "not asked"
        yield f"| {words} | {answered} | {' | '.join(cells)} |\n"


def difference_lines():
    rows = {row.key: row for row in ASKED}
    for (tool, question, key), (answer, why) in DIFFERENCES.items():
        own, other = ("no", "yes") if answer else ("yes", "no")
        yield f"| {WORDS[question]} | {rows[key].server}, {rows[key].config} | {own} | {tool}: {other} | {why} |\n"


def test_the_document_tells_what_was_seen(scanned, opinions):
    text = BEGINNING + "".join(line_of(row, told) for row, told in scanned.items())
    text += OPINIONS.format(hosts=len(ASKED)) + "".join(opinion_lines(opinions)) + WHY
    text += "".join(difference_lines()) + AT_HOME
    if os.environ.get("GATEPOST_WRITE_DOCS"):
        DOCUMENT.write_text(text, encoding="utf-8")
    written = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
    assert written == text, f"{DOCUMENT.name} is not what was seen; GATEPOST_WRITE_DOCS=1 writes it anew"
