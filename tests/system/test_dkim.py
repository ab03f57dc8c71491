# SPDX-License-Identifier: Apache-2.0
"""gatepost dkim: keys, signatures of ours that others verify, and those of others that we verify."""

import base64
import json
import shutil
import stat
import subprocess

import dkim
import dnsrig
import opendkim
import pytest
from gateway import run

OK, BAD, USAGE, UNKNOWN = 0, 1, 2, 3
NOW = 1_700_000_000
MESSAGE = """From: Joe <joe@a.test>
To: suzie@b.test
Cc: a@c.test,
\tb@c.test
Subject:  Is dinner   ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700
Message-ID: <1@a.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Hi.  \t

We lost the game.  Are you hungry\u0020
yet?
.
From here on

\t

"""


class Desk:
    """A folder with keys, their records, and messages."""

    def __init__(self, folder):
        self.folder = folder
        self.names = {}

    def path(self, name, content=None):
        path = self.folder / name
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def keygen(self, selector, *argv):
        argv = ["--domain", "a.test", "--selector", selector, "--json", "-o", self.path(selector), *argv]
        done = run("dkim", "keygen", *argv)
        assert done.returncode == OK, done.stderr
        record = json.loads(done.stdout)
        self.names[record["name"]] = {"TXT": [record["value"]]}
        return record

    def sign(self, selector, message, *argv):
        """The signed message, as octets."""
        path = self.path("message", message)
        argv = ["--key", self.path(selector), "--domain", "a.test", "--selector", selector, *argv]
        done = run("dkim", "sign", "-o", self.path("signed"), *argv, path)
        assert done.returncode == OK, done.stderr
        return self.path("signed").read_bytes()

    def verify(self, message, *argv):
        """The exit code, and the list of verdicts."""
        dns = self.path("names.json", json.dumps(self.names))
        done = run("dkim", "verify", "--dns", dns, "--json", *argv, self.path("message", message))
        return done.returncode, json.loads(done.stdout)["dkim"]

    def dkimpy(self, message, index=0):
        def txt(name, timeout=5):  # pylint: disable=unused-argument
            return self.names[name.decode().rstrip(".")]["TXT"][0].encode()

        try:
            return dkim.DKIM(message).verify(idx=index, dnsfunc=txt)
        except dkim.ValidationError:
            return False


@pytest.fixture(name="desk")
def a_desk(tmp_path):
    return Desk(tmp_path)


# --- keys ---


def test_a_key_is_made_with_its_record(desk):
    rsa = desk.keygen("r")
    assert (rsa["name"], rsa["type"]) == ("r._domainkey.a.test", "TXT")
    assert (rsa["algorithm"], rsa["key_bits"]) == ("rsa-sha256", 2048)
    assert rsa["value"].startswith("v=DKIM1; k=rsa; p=MII")
    assert stat.S_IMODE(desk.path("r").stat().st_mode) == 0o600
    ed25519 = desk.keygen("e", "--algorithm", "ed25519-sha256")
    assert ed25519["key_bits"] == 256 and len(ed25519["value"]) == len("v=DKIM1; k=ed25519; p=") + 44
    assert desk.keygen("small", "--bits", "1024")["key_bits"] == 1024


def test_the_record_is_a_line_of_a_master_file(desk):
    done = run("dkim", "keygen", "--domain", "A.Test", "--selector", "s", "-o", desk.path("s"))
    name, ttl, *rest = done.stdout.split(" ", 4)
    assert (name, ttl, rest[:2]) == ("s._domainkey.a.test.", "3600", ["IN", "TXT"])
    first, second = rest[2].strip().strip('"').split('" "')
    assert len(first) == 255
    desk.names["s._domainkey.a.test"] = {"TXT": [[first, second]]}
    assert desk.verify(desk.sign("s", MESSAGE))[0] == OK


def test_a_key_is_never_overwritten(desk):
    desk.keygen("r")
    before = desk.path("r").read_bytes()
    done = run("dkim", "keygen", "--domain", "a.test", "--selector", "r", "-o", desk.path("r"))
    assert done.returncode == USAGE and "is there already" in done.stderr and done.stdout == ""
    assert desk.path("r").read_bytes() == before


# --- ours, verified by others and by us ---

CANONS = ["relaxed/relaxed", "simple/simple", "relaxed/simple", "simple/relaxed", "simple"]


@pytest.mark.parametrize("canon", CANONS)
@pytest.mark.parametrize("algorithm", ["rsa-sha256", "ed25519-sha256"])
def test_dkimpy_verifies_what_we_sign(desk, algorithm, canon):
    desk.keygen("s", "--algorithm", algorithm)
    signed = desk.sign("s", MESSAGE, "--canon", canon)
    assert signed.endswith(MESSAGE.encode()) and b"\r" not in signed
    assert desk.dkimpy(signed)
    code, (verdict,) = desk.verify(signed)
    assert (code, verdict["result"], verdict["domain"], verdict["selector"]) == (OK, "pass", "a.test", "s")
    assert (verdict["identity"], verdict["algorithm"], verdict["reason"]) == ("@a.test", algorithm, None)
    assert (verdict["body_length"], verdict["partial"], verdict["testing"]) == (None, False, False)
    assert not desk.dkimpy(signed.replace(b"game", b"Game"))
    code, (verdict,) = desk.verify(signed.replace(b"game", b"Game"))
    assert (code, verdict["result"]) == (BAD, "fail")


def test_line_ends_stay_as_they_were(desk):
    desk.keygen("s")
    crlf = MESSAGE.replace("\n", "\r\n")
    signed = desk.sign("s", crlf)
    assert signed.endswith(crlf.encode()) and signed.count(b"\n") == signed.count(b"\r\n")
    assert desk.dkimpy(signed)
    assert desk.verify(signed.replace(b"\r\n", b"\n"))[0] == OK


def test_a_message_may_be_signed_twice(desk):
    desk.keygen("r")
    desk.keygen("e", "--algorithm", "ed25519-sha256")
    signed = desk.sign("e", desk.sign("r", MESSAGE))
    assert desk.dkimpy(signed, 0) and desk.dkimpy(signed, 1)
    code, verdicts = desk.verify(signed)
    assert (code, [v["selector"] for v in verdicts]) == (OK, ["e", "r"])
    code, verdicts = desk.verify(signed.replace(b"s=e;", b"s=x;"))
    assert (code, [v["result"] for v in verdicts]) == (OK, ["permerror", "pass"])


def test_fields_that_are_signed_may_be_chosen(desk):
    desk.keygen("s")
    signed = desk.sign("s", MESSAGE, "--headers", "From:subject:from")
    assert b"h=From:subject:from;" in signed
    assert desk.dkimpy(signed)
    assert desk.verify(signed.replace(b"suzie@", b"other@"))[0] == OK
    assert desk.verify(b"From: x@c.test\n" + signed)[0] == BAD


def test_signatures_expire(desk):
    desk.keygen("s")
    signed = desk.sign("s", MESSAGE, "--time", NOW, "--expire", 1000)
    assert desk.verify(signed, "--time", NOW + 1000)[0] == OK
    code, (verdict,) = desk.verify(signed, "--time", NOW + 2000)
    assert (code, verdict["result"], verdict["reason"]) == (BAD, "fail", "it has expired")


def test_opendkim_verifies_what_we_sign(desk):
    desk.keygen("s")
    signed = desk.sign("s", MESSAGE)
    desk.path("signed.txt", signed.replace(b"\n", b"\r\n"))
    desk.path("other.txt", signed.replace(b"game", b"Game").replace(b"\n", b"\r\n"))
    assert opendkim.verdicts(desk.folder, desk.names, ["signed.txt", "other.txt"]) == [True, False]


# --- those of others, verified by us ---


@pytest.mark.parametrize("canon", [(h, b) for h in (b"simple", b"relaxed") for b in (b"simple", b"relaxed")])
@pytest.mark.parametrize("algorithm", [b"rsa-sha256", b"ed25519-sha256"])
def test_we_verify_what_dkimpy_signs(desk, algorithm, canon):
    desk.keygen("s", "--algorithm", algorithm.decode())
    key = desk.path("s").read_bytes()
    if algorithm == b"ed25519-sha256":
        argv = ["openssl", "pkey", "-in", desk.path("s"), "-outform", "DER"]
        der = subprocess.run(argv, capture_output=True, check=True).stdout
        key = base64.b64encode(der[-32:])
    message = MESSAGE.replace("\n", "\r\n").encode()
    field = dkim.sign(message, b"s", b"a.test", key, canonicalize=canon, signature_algorithm=algorithm)
    code, (verdict,) = desk.verify(field + message)
    assert (code, verdict["result"], verdict["algorithm"]) == (OK, "pass", algorithm.decode())
    assert desk.verify(field + message.replace(b"dinner", b"supper"))[0] == BAD


def test_a_part_of_the_body_is_told(desk):
    desk.keygen("s")
    message = MESSAGE.replace("\n", "\r\n").encode()
    field = dkim.sign(message, b"s", b"a.test", desk.path("s").read_bytes(), length=True)
    length = len(message.split(b"\r\n\r\n", 1)[1].rstrip(b"\r\n")) + 2
    code, (verdict,) = desk.verify(field + message + b"Buy!\r\n")
    assert (code, verdict["result"], verdict["partial"]) == (OK, "pass", True)
    assert verdict["body_length"] <= length


def test_what_opendkim_signs_by_sha1_is_not_accepted(desk):
    """Its tool knows nothing else (RFC 8301 section 3.1)."""
    if not shutil.which("opendkim-testmsg", path="/usr/sbin"):
        pytest.skip("opendkim-testmsg is not there")
    desk.keygen("s")
    argv = ["/usr/sbin/opendkim-testmsg", "-C", "-d", "a.test", "-s", "s", "-k", desk.path("s")]
    message = MESSAGE.replace("\n", "\r\n").encode()
    done = subprocess.run(argv, input=message, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    code, (verdict,) = desk.verify(done.stdout)
    assert (code, verdict["result"], verdict["reason"]) == (BAD, "permerror", "rsa-sha1 is historic")


# --- what is wrong ---


def test_what_the_dns_does_not_say(desk):
    desk.keygen("s")
    signed = desk.sign("s", MESSAGE)
    desk.names["s._domainkey.a.test"] = "SERVFAIL"
    code, (verdict,) = desk.verify(signed)
    assert (code, verdict["result"], verdict["key_bits"]) == (UNKNOWN, "temperror", None)
    desk.names.clear()
    code, (verdict,) = desk.verify(signed)
    assert (code, verdict["result"], verdict["reason"]) == (BAD, "permerror", "there is no key")


def test_a_name_server_is_asked(desk):
    desk.keygen("s")
    signed = desk.path("signed", desk.sign("s", MESSAGE))
    try:
        with dnsrig.DnsRig(desk.names) as rig:
            done = run("dkim", "verify", "-v", "--resolver", rig.server, signed)
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    assert done.returncode == OK, done.stderr
    assert "pass      d=a.test s=s a=rsa-sha256 (2048 bits)" in done.stdout
    assert "its key is at s._domainkey.a.test" in done.stdout
    assert "RFC 6376 section 6.1.3" in done.stdout


def test_results_for_people(desk):
    dns = desk.path("names.json", "{}")
    done = run("dkim", "verify", "--dns", dns, input=MESSAGE)
    assert (done.returncode, done.stdout) == (BAD, "none      no DKIM-Signature\n")
    field = "DKIM-Signature: v=1; a=x\u00e4; d=a.test; s=s; i=\u001b[2J@b.test; h=from; b=eA==\n"
    done = run("dkim", "verify", "--dns", dns, input=field + MESSAGE)
    assert done.returncode == BAD and done.stdout.startswith("permerror")
    assert "\u001b" not in done.stdout
    done = run("dkim", "verify", "-q", "--dns", dns, input=field + MESSAGE)
    assert (done.returncode, done.stdout) == (BAD, "")


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("To: x\n\nhi\n", "no From"),
        ("From: x@a.test\n\na\rb\n", "a CR ends no line"),
        ("From: x@a.test\n\n" + "x" * 999 + "\n", "longer than 998"),
    ],
)
def test_what_is_not_signed(desk, message, why):
    desk.keygen("s")
    argv = ["dkim", "sign", "--key", desk.path("s"), "--domain", "a.test", "--selector", "s"]
    done = run(*argv, desk.path("message", message))
    assert (done.returncode, done.stdout) == (BAD, "") and why in done.stderr


def test_advice_on_what_breaks_signatures(desk):
    desk.keygen("s", "--bits", "1024")
    argv = ["dkim", "sign", "--key", desk.path("s"), "--domain", "a.test", "--selector", "s"]
    done = run(*argv, input="From: x@a.test\n\nhi\n")
    assert done.returncode == OK
    assert "no Date" in done.stderr and "no Message-ID" in done.stderr and "below 2048" in done.stderr
    assert run(*argv, "-q", input="From: x@a.test\n\nhi\n").stderr == ""


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["forge"],
        ["verify", "a", "b"],
        ["keygen", "x"],
        ["keygen", "--domain", "a.test"],
        ["keygen", "--domain", "a..test", "--selector", "s", "-o", "k"],
        ["keygen", "--domain", "a.test", "--selector", "s", "-o", "k", "--bits", "512"],
        ["keygen", "--domain", "a.test", "--selector", "s", "-o", "k", "--algorithm", "rsa-sha1"],
        ["keygen", "--domain", "a.test", "--selector", "s", "-o", "k", "--algorithm=ed25519-sha256", "--bits=2048"],
        ["sign", "--domain", "a.test"],
        ["sign", "--key", "none", "--domain", "a.test", "--selector", "s"],
        ["sign", "--key", "names", "--domain", "a.test", "--selector", "s"],
        ["sign", "--key", "key", "--domain", "a.test", "--selector", "s", "--algorithm", "rsa-sha256"],
        ["sign", "--key", "key", "--domain", "a.test", "--selector", "s", "--canon", "nowsp"],
        ["sign", "--key", "key", "--domain", "a test", "--selector", "s"],
        ["sign", "--key", "key", "--domain", "a.test", "--selector", "s;x=1"],
        ["sign", "--key", "key", "--domain", "a.test", "--selector", "s", "--headers", "to:subject"],
        ["sign", "--key", "key", "--domain", "a.test", "--selector", "s", "--headers", "from::to"],
        ["sign", "--key", "key", "--domain", "a.test", "--selector", "s", "--headers", ""],
        ["verify", "--dns", "names", "--resolver", "127.0.0.1"],
        ["verify", "--time", "now"],
    ],
)
def test_usage(desk, argv):
    desk.path("names", "{}")
    desk.path("key", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n")
    done = run("dkim", *argv, cwd=desk.folder, input=MESSAGE)
    assert done.returncode == USAGE and done.stderr and not done.stdout
    assert "gatepost gatepost" not in done.stderr
    assert not desk.path("k").exists()


def test_an_ed25519_key_may_be_bare_octets(desk):
    """RFC 8463 appendix A has its key so."""
    desk.path("s", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n")
    desk.names["s._domainkey.a.test"] = {"TXT": ["k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="]}
    assert desk.verify(desk.sign("s", MESSAGE))[0] == OK
