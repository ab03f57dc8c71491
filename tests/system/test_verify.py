# SPDX-License-Identifier: Apache-2.0
"""gatepost verify: the four mechanisms on stored messages, with answers from a file and from a name server."""

import json
import subprocess

import dnsrig
import pytest
from gateway import BUILD, run

OK, BAD, USAGE, UNKNOWN, ERROR = 0, 1, 2, 3, 4
NOW = 1_700_000_000
MESSAGE = b"""From: Joe <joe@a.test>
To: list@c.test
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700
Message-ID: <1@a.test>

Hi.  We lost the game.
"""
CLIENT = ["--ip", "192.0.2.1", "--helo", "h.test", "--mail-from", "<joe@b.test>"]
RECEIVED = (
    b"Return-Path: <joe@b.test>\n"
    b"Received: from mx.ours.test (mx.ours.test [10.0.0.1])\n"
    b"\tby store.ours.test (Postfix) with ESMTP id 2; Tue, 14 Nov 2023 22:13:21 +0000\n"
    b"Received: from h.test (unknown [192.0.2.1])\n"
    b"\tby mx.ours.test (Postfix) with ESMTP id 1; Tue, 14 Nov 2023 22:13:20 +0000\n"
    b"Received: from forged.test (forged.test [192.0.2.66])\n"
    b"\tby elsewhere.test with ESMTP id 0; Tue, 14 Nov 2023 22:13:19 +0000\n"
)


class Desk:
    """A folder with a key of a.test, names, and messages."""

    def __init__(self, folder):
        self.folder = folder
        self.names = {
            "a.test": {"A": ["192.0.2.80"]},
            "_dmarc.a.test": {"TXT": ["v=DMARC1; p=reject"]},
            "b.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all exp=why.b.test"]},
            "why.b.test": {"TXT": ["%{i} is not ours"]},
            "h.test": {"TXT": ["v=spf1 a -all"], "A": ["192.0.2.1"]},
        }
        argv = ["--domain", "a.test", "--selector", "s", "--algorithm", "ed25519-sha256", "--json"]
        argv += ["-o", self.folder / "s"]
        record = json.loads(run("dkim", "keygen", *argv).stdout)
        self.names[record["name"]] = {"TXT": [record["value"]]}

    def path(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def add(self, message, verb, *argv):
        key = ["--key", self.folder / "s", "--domain", "a.test", "--selector", "s", "--time", str(NOW)]
        path = self.path("message", message)
        done = run(*verb, *key, *argv, "-o", self.folder / "more", path)
        assert done.returncode == OK, done.stderr
        return (self.folder / "more").read_bytes()

    def sign(self, message=MESSAGE):
        return self.add(message, ["dkim", "sign"])

    def seal(self, message):
        return self.add(message, ["arc", "seal"], "--cv", "none", "--auth-results", "mx.c.test; dkim=pass")

    def options(self):
        names = self.path("names.json", json.dumps(self.names))
        return ["--dns", names, "--time", str(NOW), "--id", "mx.ours.test"]

    def verify(self, message, *argv):
        """The exit code, and the object."""
        done = run("verify", "--json", *self.options(), *argv, self.path("message", message))
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(name="desk")
def a_desk(tmp_path):
    return Desk(tmp_path)


def results(found):
    spf = found["spf"]["result"] if found["spf"] else None
    return spf, [s["result"] for s in found["dkim"]], found["arc"]["result"], found["dmarc"]["result"]


def test_all_four(desk):
    code, found = desk.verify(desk.seal(desk.sign()), *CLIENT)
    assert (code, results(found)) == (OK, ("pass", ["pass"], "pass", "pass"))
    assert found["spf"] == {
        "result": "pass",
        "domain": "b.test",
        "scope": "mfrom",
        "mechanism": "ip4:192.0.2.1",
        "explanation": None,
        "lookups": 0,
        "void_lookups": 0,
        "reason": "b.test: ip4:192.0.2.1: match (RFC 7208 section 4.6.2)",
    }
    assert (found["spf_helo"]["result"], found["spf_helo"]["scope"]) == ("pass", "helo")
    assert found["dkim"][0]["domain"] == "a.test"
    assert found["arc"]["sealers"] == ["a.test"]
    assert (found["dmarc"]["spf_aligned"], found["dmarc"]["dkim_aligned"]) == (False, True)
    assert (found["dmarc"]["policy"], found["dmarc"]["disposition"]) == ("reject", "none")
    told = found["authentication_results"]
    assert told.startswith("mx.ours.test; spf=pass smtp.mailfrom=joe@b.test; spf=pass smtp.helo=h.test; dkim=pass ")
    assert told.endswith(
        "; dmarc=pass header.from=a.test policy.dmarc=reject;"
        " arc=pass smtp.remote-ip=192.0.2.1 header.oldest-pass=0"
    )


def test_a_forged_message(desk):
    code, found = desk.verify(MESSAGE, *CLIENT)
    assert (code, results(found)) == (BAD, ("pass", [], "none", "fail"))
    assert found["dmarc"]["disposition"] == "reject"


def test_a_changed_message(desk):
    code, found = desk.verify(desk.seal(desk.sign()).replace(b"game", b"Game"), *CLIENT)
    assert (code, results(found)) == (BAD, ("pass", ["fail"], "fail", "fail"))


def test_a_client_that_may_not(desk):
    code, found = desk.verify(MESSAGE, "--ip", "2001:db8::1", "--mail-from", "joe@b.test")
    assert (code, found["spf"]["result"], found["spf_helo"]) == (BAD, "fail", None)
    assert found["spf"]["explanation"] == "2.0.0.1.0.D.B.8." + "0." * 23 + "1 is not ours"


def test_null_sender_is_helos(desk):
    code, found = desk.verify(MESSAGE, "--ip", "192.0.2.1", "--helo", "h.test", "--mail-from", "<>")
    assert (code, found["spf"]["result"], found["spf"]["domain"]) == (BAD, "pass", "h.test")
    assert "spf=pass smtp.helo=h.test" in found["authentication_results"]


def test_dmarc_need_not_apply(desk):
    del desk.names["_dmarc.a.test"]
    assert results(desk.verify(desk.sign())[1]) == (None, ["pass"], "none", "none")
    assert desk.verify(desk.sign())[0] == OK
    assert desk.verify(MESSAGE)[0] == BAD
    assert desk.verify(MESSAGE, *CLIENT)[0] == OK


def test_the_dns_is_silent(desk):
    desk.names["s._domainkey.a.test"] = "TIMEOUT"
    code, found = desk.verify(desk.sign())
    assert (code, results(found)) == (UNKNOWN, (None, ["temperror"], "none", "temperror"))


def test_a_from_that_misleads_is_told(desk):
    code, found = desk.verify(b"From: x@a.test\n" + MESSAGE)
    assert code == BAD and found["dmarc"]["result"] == "permerror"
    assert "From" in found["from_trick"]


def test_a_from_that_is_malformed_is_told(desk):
    found = desk.verify(MESSAGE.replace(b"From: Joe", b"From: Doe, Joe", 1))[1]
    assert (found["from_broken"], found["from_trick"]) == (True, None)
    assert desk.verify(MESSAGE)[1]["from_broken"] is False


# --- who handed it over ---


def test_without_a_client_spf_is_left_out(desk):
    code, found = desk.verify(desk.sign())
    assert (code, found["spf"], found["spf_helo"]) == (OK, None, None)
    assert "spf=" not in found["authentication_results"]


def test_our_own_trace_fields_tell_the_client(desk):
    message = RECEIVED + MESSAGE
    assert desk.verify(message)[1]["spf"] is None
    found = desk.verify(message, "--trust", ".ours.test", "--trust", "10.0.0.0/8")[1]
    assert (found["spf"]["result"], found["spf"]["domain"]) == ("pass", "b.test")
    assert "smtp.helo=h.test" in found["authentication_results"]
    # Those of others do not, and without a sender there is nothing to ask for.
    assert desk.verify(message, "--trust", "other.test")[1]["spf"] is None
    assert desk.verify(message.replace(b"Return-Path", b"X-Path"), "--trust", ".ours.test")[1]["spf"] is None


@pytest.mark.parametrize(
    "old, new, result",
    [
        (b"", b"", "pass"),
        (b"joe@b.test", b"", "pass"),
        (b"Return-Path: <joe@b.test>\n", b"", None),
        # The field itself tells it, and is nearer to the envelope than Return-Path.
        (b"(unknown [192.0.2.1])", b"(unknown [192.0.2.1]) (envelope-from <joe@h.test>)", "pass"),
        (b"192.0.2.1", b"192.0.2.2", "fail"),
        # Who has logged in may send from anywhere.
        (b"ESMTP id 1", b"ESMTPSA id 1", None),
    ],
)
def test_the_analyser_finds_the_same_client(desk, old, new, result):
    message = RECEIVED.replace(old, new) + MESSAGE
    ours = ["--trust", ".ours.test", "--trust", "10.0.0.0/8"]
    spf = desk.verify(message, *ours)[1]["spf"]
    argv = ["--json", *desk.options()[:4], *ours, desk.path("message", message)]
    analysed = json.loads(run("headers", *argv).stdout)["spf"]
    # The analyser asks for no explanation.
    assert analysed == (spf and {**spf, "explanation": None})
    assert (spf and spf["result"]) == result


# --- many, text, and the rest ---


def test_several_messages(desk):
    good, bad = desk.path("good", desk.sign()), desk.path("bad", MESSAGE)
    done = run("verify", "--json", *desk.options(), good, bad, good)
    assert done.returncode == BAD
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [f["dmarc"]["result"] for f in found] == ["pass", "fail", "pass"]
    assert [f["file"] for f in found] == [str(good), str(bad), str(good)]
    done = run("verify", *desk.options(), good, bad)
    assert done.stdout.startswith(f"{good}\nspf ") and f"\n\n{bad}\n" in done.stdout


def test_the_reasoning_is_told(desk):
    message = desk.seal(desk.sign())
    found = desk.verify(message, *CLIENT, "--trace")[1]
    assert any("RFC 7208 section 5.6" in line for line in found["spf"]["trace"])
    assert any("RFC 6376 section 6.1.3" in line for line in found["dkim"][0]["trace"])
    assert any("RFC 8617 section 5.2" in line for line in found["arc"]["trace"])
    assert any("RFC 9989 section" in line for line in found["dmarc"]["trail"])
    done = run("verify", "--trace", *desk.options(), *CLIENT, desk.path("message", message))
    for section in "RFC 7208", "RFC 6376", "RFC 8617", "RFC 9989":
        assert section in done.stdout
    assert "\nAuthentication-Results: mx.ours.test;\n\tspf=pass" in done.stdout


def test_answers_of_a_file_need_no_socket(desk):
    argv = [*desk.options(), *CLIENT, desk.path("message", desk.seal(desk.sign()))]
    traced = ["strace", "-f", "-e", "trace=socket", BUILD / "gatepost", "verify", "--json", *argv]
    done = subprocess.run(traced, capture_output=True, text=True, check=False)
    assert done.returncode == OK and "socket(" not in done.stderr


def test_the_same_from_a_name_server(desk):
    message = desk.seal(desk.sign())
    expect = desk.verify(message, *CLIENT)
    message = desk.path("message", message)
    try:
        with dnsrig.DnsRig(desk.names) as rig:
            argv = ["--resolver", rig.server, "--time", str(NOW), "--id", "mx.ours.test", *CLIENT]
            done = run("verify", "--json", *argv, message)
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    assert (done.returncode, json.loads(done.stdout)) == expect


def test_messages_of_any_kind(desk):
    assert desk.verify(b"no header at all\n")[0] == BAD
    assert desk.verify(b"\n\nFrom: a@a.test\n\nbody")[0] == BAD
    done = run("verify", *desk.options(), "/nowhere")
    assert done.returncode == ERROR and "/nowhere" in done.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ["--ip", "x", "--helo", "h.test"],
        ["--ip", "192.0.2.1"],
        ["--helo", "h.test"],
        ["--ip", "192.0.2.1", "--helo", "h.test", "--trust", "a.test"],
        ["--trust", "a b"],
        ["--id", "a b"],
        ["--time", "now"],
        ["--colour"],
    ],
)
def test_misuse(desk, argv):
    assert run("verify", *desk.options(), *argv, desk.path("message", MESSAGE)).returncode == USAGE
