# SPDX-License-Identifier: Apache-2.0
"""gatepost arc: chains of ours that dkimpy verifies, chains of dkimpy's that we verify, and what is refused."""

import json

import dkim
import pytest
from gateway import run

OK, BAD, USAGE, UNKNOWN, ERROR = 0, 1, 2, 3, 4
NOW = 1_700_000_000
RESULTS = "mx.a.test; spf=pass smtp.mailfrom=joe@b.test"
MESSAGE = """From: Joe <joe@b.test>
To: list@a.test
Subject:  Is dinner   ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700
Message-ID: <1@b.test>

Hi.  We lost the game.
"""


class Desk:
    """A folder with keys of a.test, their records, and messages."""

    def __init__(self, folder):
        self.folder = folder
        self.names = {}

    def path(self, name, content=None):
        path = self.folder / name
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def keygen(self, selector, algorithm="rsa-sha256"):
        argv = ["--domain", "a.test", "--selector", selector, "--algorithm", algorithm, "--json"]
        done = run("dkim", "keygen", *argv, "-o", self.path(selector))
        assert done.returncode == OK, done.stderr
        record = json.loads(done.stdout)
        self.names[record["name"]] = {"TXT": [record["value"]]}

    def dns(self):
        return self.path("names.json", json.dumps(self.names))

    def try_seal(self, message, *argv, selector="s", results=RESULTS):
        key = ["--key", self.path(selector), "--domain", "a.test", "--selector", selector]
        argv = [*key, "--auth-results", results, "--dns", self.dns(), "--time", str(NOW), *argv]
        return run("arc", "seal", "-o", self.path("sealed"), *argv, self.path("message", message))

    def seal(self, message, *argv, **how):
        done = self.try_seal(message, *argv, **how)
        assert done.returncode == OK, done.stderr
        return self.path("sealed").read_bytes()

    def verify(self, message, *argv):
        """The exit code, and the verdict."""
        path = self.path("message", message)
        done = run("arc", "verify", "--dns", self.dns(), "--time", str(NOW), "--json", *argv, path)
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)

    def txt(self, name, timeout=5):  # pylint: disable=unused-argument
        return self.names[name.decode().rstrip(".")]["TXT"][0].encode()

    def dkimpy(self, message):
        """What dkimpy says of the chain, in our words."""
        cv, _, _ = dkim.ARC(message).verify(dnsfunc=self.txt)
        return {dkim.CV_Pass: "pass", dkim.CV_Fail: "fail", dkim.CV_None: "none", None: "fail"}[cv]

    def dkimpy_seal(self, message, cv):
        results = b"Authentication-Results: dkimpy.test; arc=" + cv + b"\r\n"
        key = self.path("s").read_bytes()
        fields = dkim.arc_sign(
            results + message, b"s", b"a.test", key, b"dkimpy.test", timestamp=NOW
        )
        return b"".join(fields) + message


@pytest.fixture(name="desk")
def a_desk(tmp_path):
    desk = Desk(tmp_path)
    desk.keygen("s")
    return desk


def crlf(message):
    return message.replace("\n", "\r\n").encode()


def test_a_message_without_a_chain(desk):
    code, verdict = desk.verify(MESSAGE)
    assert code == OK
    assert verdict == {
        "result": "none",
        "instances": 0,
        "reason": None,
        "sealers": [],
        "oldest_pass": None,
        "partial": False,
    }


# --- ours and theirs ---


def test_dkimpy_verifies_our_chain(desk):
    message = crlf(MESSAGE)
    for length in 1, 2, 3:
        message = desk.seal(message)
        assert desk.dkimpy(message) == "pass"
        code, verdict = desk.verify(message)
        assert (code, verdict["result"], verdict["instances"]) == (OK, "pass", length)
        assert verdict["sealers"] == ["a.test"] * length
        assert (verdict["oldest_pass"], verdict["partial"], verdict["reason"]) == (0, False, None)
    broken = message.replace(b"game", b"Game")
    assert desk.dkimpy(broken) == "fail"
    code, verdict = desk.verify(broken)
    assert (code, verdict["result"]) == (BAD, "fail")
    assert verdict["reason"] == "ARC-Message-Signature of i=3: the body is not the one that was signed"


def test_we_verify_the_chain_of_dkimpy(desk):
    message = crlf(MESSAGE)
    for length, cv in (1, b"none"), (2, b"pass"), (3, b"pass"):
        message = desk.dkimpy_seal(message, cv)
        code, verdict = desk.verify(message)
        assert (code, verdict["result"], verdict["instances"]) == (OK, "pass", length)


def test_a_chain_of_both(desk):
    message = crlf(MESSAGE)
    for cv in b"none", b"pass":
        message = desk.dkimpy_seal(message, cv)
        message = desk.seal(message)
    assert desk.dkimpy(message) == "pass"
    assert desk.verify(message)[1]["instances"] == 4


def test_ed25519(desk):
    desk.keygen("e", "ed25519-sha256")
    code, verdict = desk.verify(desk.seal(desk.seal(MESSAGE), selector="e"))
    assert (code, verdict["result"], verdict["instances"]) == (OK, "pass", 2)


def test_line_ends_stay_as_they_were(desk):
    sealed = desk.seal(MESSAGE)
    assert sealed.endswith(MESSAGE.encode()) and b"\r" not in sealed
    sealed = desk.seal(crlf(MESSAGE))
    assert sealed.endswith(crlf(MESSAGE)) and sealed.count(b"\n") == sealed.count(b"\r\n")


# --- what the chain was on arrival ---


def test_a_list_that_changes_the_subject(desk):
    """What was told on arrival counts, not what the change has made of it (RFC 8617 section 5.1.2)."""
    arrived = desk.seal(crlf(MESSAGE))
    changed = arrived.replace(b"Subject:", b"Subject: [list]")
    sealed = desk.seal(changed, results="mx.a.test; arc=pass")
    assert (desk.verify(sealed)[1]["result"], desk.verify(sealed)[1]["oldest_pass"]) == ("pass", 2)
    assert desk.dkimpy(sealed) == "pass"
    sealed = desk.seal(changed, "--cv", "pass")
    assert desk.verify(sealed)[1]["result"] == "pass"
    # Nobody told, so it is looked at as it is now.
    sealed = desk.seal(changed)
    assert b"cv=fail" in sealed
    code, verdict = desk.verify(sealed)
    assert (code, verdict["reason"]) == (BAD, "the newest seal says that the chain was broken")
    assert desk.dkimpy(sealed) == "fail"


def test_nobody_adds_to_a_closed_chain(desk):
    closed = desk.seal(desk.seal(crlf(MESSAGE)), "--cv", "fail")
    done = desk.try_seal(closed)
    assert done.returncode == BAD
    assert "the newest seal says that the chain was broken" in done.stderr


def test_there_are_50_sets(desk):
    desk.keygen("e", "ed25519-sha256")
    message = crlf(MESSAGE)
    for i in range(50):
        message = desk.seal(message, "--cv", "pass" if i else "none", selector="e")
    code, verdict = desk.verify(message)
    assert (code, verdict["result"], verdict["instances"]) == (OK, "pass", 50)
    done = desk.try_seal(message, "--cv", "pass", selector="e")
    assert done.returncode == BAD and "50 sets" in done.stderr


@pytest.mark.parametrize(
    "argv, results, told",
    [
        (["--cv", "pass"], RESULTS, "--cv: says more than none, and there is no chain"),
        (["--cv", "maybe"], RESULTS, "--cv: takes none, pass or fail"),
        ([], "mx.a.test; arc=pass", "--auth-results: says more than none, and there is no chain"),
        ([], "", "--auth-results: "),
        ([], "; spf=pass", "--auth-results: "),
        (["--key", "/nowhere"], RESULTS, "/nowhere: No such file"),
        (["--time", "soon"], RESULTS, "time"),
    ],
)
def test_misuse(desk, argv, results, told):
    done = desk.try_seal(MESSAGE, *argv, results=results)
    assert done.returncode == USAGE and told in done.stderr


def test_results_bring_no_field(desk):
    done = desk.try_seal(MESSAGE, results="mx.a.test; none\r\nBcc: everybody@a.test")
    assert done.returncode == USAGE
    assert not desk.folder.joinpath("sealed").exists()


# --- the rest ---


def test_the_dns_is_silent(desk):
    message = desk.seal(crlf(MESSAGE))
    desk.names = {"s._domainkey.a.test": "TIMEOUT"}
    code, verdict = desk.verify(message)
    assert (code, verdict["result"]) == (UNKNOWN, "fail")
    done = desk.try_seal(message)
    assert done.returncode == UNKNOWN and "--cv" in done.stderr


def test_the_reasoning_is_told(desk):
    message = desk.seal(crlf(MESSAGE))
    trace = desk.verify(message, "-v")[1]["trace"]
    assert "RFC 8617 section 5.2, step 7" in trace[-1]
    done = run("arc", "verify", "--dns", desk.dns(), "--time", str(NOW), "-v", desk.path("message"))
    assert done.stdout.startswith("pass, 1 set\n  i=1  sealed by a.test\n")
    assert "RFC 8617" in done.stdout
    done = run("arc", "verify", "--dns", desk.dns(), "--time", str(NOW), "-q", desk.path("message"))
    assert (done.returncode, done.stdout) == (OK, "")


@pytest.mark.parametrize("argv", [["--domain", "a test"], ["--selector", "s;x"]])
def test_names_that_are_none(desk, argv):
    assert desk.try_seal(MESSAGE, *argv).returncode == USAGE


def test_usage():
    assert run("arc").returncode == USAGE
    assert run("arc", "dance").returncode == USAGE
    assert run("arc", "-h").stdout.startswith("usage: gatepost arc")
    assert run("arc", "verify", "/nowhere").returncode == ERROR
