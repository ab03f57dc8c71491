# SPDX-License-Identifier: Apache-2.0
"""The messages of the suites, verified by us, by dkimpy and by OpenDKIM: each difference is listed with its reason.

SPF is compared with pyspf and Mail::SPF in test_spf.py.
"""

import json
import os
import pathlib
import re

import dkim
import opendkim
import pytest
import yaml
from gateway import ROOT, run

SUITES = pathlib.Path(os.environ.get("GATEPOST_SUITES") or ROOT.parent / "shared" / "suites")

# (message, which signature): what we say, what dkimpy says, why.
DKIM_DIFFERENCES = {
    ("multiple_2.txt", 1): ("permerror", "pass", "rsa-sha1: RFC 8301 section 3.1 lets nobody accept it"),
}
# Messages of which one of us alone finds a signature that passes.
OPENDKIM_DIFFERENCES = {
    "good_83176.txt": ("permerror", "pass", "rsa-sha1: RFC 8301 section 3.1 lets nobody accept it"),
}
# Messages whose chain passes for one of us alone.
ARC_DIFFERENCES = {}


def of_suite(path):
    path = SUITES / path
    if not path.exists():
        pytest.skip(f"{path} is not there: set GATEPOST_SUITES")
    return path


def crlf(message):
    return re.sub(rb"\r?\n", b"\r\n", message)


def txt_of(names):
    """What dkimpy asks: the record, None where there is none, an exception where nobody answers."""

    def txt(name, timeout=5):  # pylint: disable=unused-argument
        found = names.get(name.decode().rstrip(".").lower())
        if isinstance(found, str):
            raise dkim.DnsTimeoutError(found)
        return found["TXT"][0].encode() if found else None

    return txt


class Desk:
    """Ours: messages and names go through files."""

    def __init__(self, folder, names):
        self.message = folder / "message"
        self.names = folder / "names.json"
        self.names.write_text(json.dumps(names), encoding="utf-8")

    def verify(self, command, message):
        self.message.write_bytes(message)
        return json.loads(run(command, "verify", "--json", "--dns", self.names, self.message).stdout)


# --- DKIM: the messages of Mail::DKIM ---


def names_of_mail_dkim():
    """Lines "name text"; what is in tildes does not answer."""
    names = {}
    for line in of_suite("dkim-mailperl/FAKE_DNS.dat").read_text(encoding="utf-8").splitlines():
        name, _, text = line.partition(" ")
        text = text.strip()
        if not name or name.startswith("#") or text == "NXDOMAIN":
            continue
        silent = {"~~SERVFAIL~~": "SERVFAIL"}.get(text, "TIMEOUT")
        names[name.lower()] = silent if text.startswith("~~") else {"TXT": [text.strip('"')]}
    return names


def dkimpy_says(message, index, txt):
    try:
        return "pass" if dkim.DKIM(message).verify(idx=index, dnsfunc=txt) else "fail"
    except Exception as why:  # pylint: disable=broad-except
        return f"error: {why}"


def test_dkimpy_agrees_about_signatures(tmp_path):
    names = names_of_mail_dkim()
    desk, txt = Desk(tmp_path, names), txt_of(names)
    differ, signatures = {}, 0
    for case in json.loads(of_suite("dkim-mailperl/expected.json").read_text(encoding="utf-8")):
        message = crlf(of_suite("dkim-mailperl/corpus/" + case["file"]).read_bytes())
        for i, verdict in enumerate(desk.verify("dkim", message)["dkim"]):
            ours, theirs = verdict["result"], dkimpy_says(message, i, txt)
            signatures += 1
            if (ours == "pass") != (theirs == "pass"):
                differ[case["file"], i] = (ours, theirs)
    assert signatures == 68
    assert differ == {key: known[:2] for key, known in DKIM_DIFFERENCES.items()}


def test_opendkim_agrees_about_messages(tmp_path):
    names = names_of_mail_dkim()
    desk, ours, files = Desk(tmp_path, names), [], []
    for i, case in enumerate(json.loads(of_suite("dkim-mailperl/expected.json").read_text(encoding="utf-8"))):
        message = crlf(of_suite("dkim-mailperl/corpus/" + case["file"]).read_bytes())
        (tmp_path / str(i)).write_bytes(message)
        files.append(case["file"])
        ours.append(any(v["result"] == "pass" for v in desk.verify("dkim", message)["dkim"]))
    theirs = opendkim.verdicts(tmp_path, names, [str(i) for i in range(len(files))])
    differ = {name for name, a, b in zip(files, ours, theirs) if a != b}
    assert any(theirs) and differ == set(OPENDKIM_DIFFERENCES)


# --- ARC: the messages of ValiMail ---


def test_dkimpy_agrees_about_chains(tmp_path):
    differ, chains = {}, 0
    path = of_suite("arc-valimail/arc-draft-validation-tests.yml")
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        records = {n.lower(): {"TXT": [t.replace("\n", " ")]} for n, t in document["txt-records"].items()}
        desk, txt = Desk(tmp_path, records), txt_of(records)
        for name, test in document["tests"].items():
            message = crlf(test["message"].encode())
            ours = desk.verify("arc", message)["result"]
            cv, _, _ = dkim.ARC(message).verify(dnsfunc=txt)
            theirs = (cv or b"fail").decode()
            chains += 1
            if ours != theirs:
                differ[name] = (ours, theirs)
    assert chains == 171
    assert differ == {key: known[:2] for key, known in ARC_DIFFERENCES.items()}
