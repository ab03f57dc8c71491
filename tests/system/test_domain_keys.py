# SPDX-License-Identifier: Apache-2.0
"""gatepost domain add and rotate: a domain's DKIM keys, from the first pair to the end of the next."""

import json
import os
import stat
import subprocess
import threading

import pytest
from gateway import run

DAY = 24 * 3600
NOW = 1_796_000_000  # 30 November 2026
OVERLAP = 7 * DAY
OK, BAD, USAGE, UNKNOWN = 0, 1, 2, 3


class Desk:
    def __init__(self, folder):
        self.folder = folder
        self.keys = folder / "state/dkim/demo.test.keys"
        self.now = NOW
        self.names = {}  # the DNS
        self.settings = {
            "hostname": "mx.demo.test",
            "state": "state",
            "listen": [{"address": "127.0.0.1:2525"}],
            "domains": {name: {"recipients": "any", "deliver": "discard"} for name in ("demo.test", "other.test")},
        }

    def write(self, name, value):
        """Whole or not at all, as others may run at the same time."""
        new = self.folder / f"{name}.{threading.get_ident()}"
        new.write_text(json.dumps(value), encoding="utf-8")
        new.rename(self.folder / name)

    def run(self, verb, *argv, domain="demo.test"):
        self.write("gatepost.yaml", self.settings)
        self.write("names.json", self.names)
        argv = [verb, domain, "-c", self.folder / "gatepost.yaml", *argv]
        if verb in ("rotate", "check"):
            argv += ["--dns", self.folder / "names.json"]
        if verb in ("rotate", "add"):
            argv += ["--time", self.now]
        return run("domain", *argv)

    def ask(self, *argv, **more):
        done = self.run(*argv, "--json", **more)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def step(self, *argv):
        """A run of rotate: its exit code, the states of all keys, and what it prints."""
        code, said = self.ask("rotate", *argv)
        return code, sorted(key["state"] for key in said["keys"]), said

    def publish(self, records):
        for record in records:
            if record["type"] == "TXT":
                self.names[record["name"]] = {"TXT": [text_of(record)]}


def text_of(record):
    """The text of a TXT record in the form of a master file."""
    return "".join(record["value"].strip('"').split('" "'))


def dkim(records):
    return [r for r in records if "._domainkey." in r["name"]]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_the_first_keys(desk):
    code, shown = desk.ask("add")
    assert code == OK
    names = [r["name"] for r in dkim(shown["records"])]
    assert names == ["20261130r._domainkey.demo.test", "20261130e._domainkey.demo.test"]
    rsa, ed25519 = (text_of(r) for r in dkim(shown["records"]))
    assert rsa.startswith("v=DKIM1; k=rsa; p=MIIBIjAN") and ed25519.startswith("v=DKIM1; k=ed25519; p=")
    assert len(ed25519) == len("v=DKIM1; k=ed25519; p=") + 44
    assert all(r["next"] for r in dkim(shown["records"]))
    assert {r["type"] for r in shown["records"]} >= {"MX", "TXT"}, "all records are printed"
    assert stat.S_IMODE(desk.keys.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.keys.parent.stat().st_mode) == 0o700
    assert desk.ask("show") == (OK, shown)
    private = [line.split()[-1] for line in desk.keys.read_text().splitlines() if line.startswith("key ")]
    assert len(private) == 2 and not any(half in json.dumps(shown) for half in private)


def test_the_halves_belong_together(desk):
    _, shown = desk.ask("add")
    for line, record in zip([x for x in desk.keys.read_text().splitlines() if x.startswith("key ")],
                            dkim(shown["records"]), strict=True):
        pem = f"-----BEGIN PRIVATE KEY-----\n{line.split()[-1]}\n-----END PRIVATE KEY-----\n"
        argv = ["openssl", "pkey", "-pubout", "-outform", "DER"]
        der = subprocess.run(argv, input=pem.encode(), capture_output=True, check=True).stdout
        published = subprocess.run(["base64", "-d"], input=text_of(record).split("p=")[1].encode(),
                                   capture_output=True, check=True).stdout
        assert der.endswith(published) and len(published) in (len(der), 32)


def test_the_text_is_a_master_file(desk):
    text = desk.run("add").stdout
    (line,) = [x for x in text.splitlines() if x.startswith("20261130r._domainkey.demo.test. 3600 IN TXT ")]
    strings = line.split(" TXT ")[1].strip('"').split('" "')
    assert [len(s) for s in strings][:-1] == [255] and len(strings) == 2
    assert "No DKIM keys" in desk.run("show", domain="other.test").stdout


def test_nothing_is_overwritten(desk):
    assert desk.run("add").returncode == OK
    before = desk.keys.read_bytes()
    again = desk.run("add")
    assert again.returncode == USAGE and "is there already" in again.stderr
    assert desk.keys.read_bytes() == before
    assert desk.run("add", domain="stranger.test").returncode == USAGE


def test_a_whole_change_of_keys(desk):
    _, shown = desk.ask("add")
    code, states, said = desk.step()
    assert (code, states) == (BAD, ["pending", "pending"]) and "is not there" in said["did"]
    assert [text_of(r) for r in said["publish"]] == [text_of(r) for r in dkim(shown["records"])]
    desk.publish(shown["records"])
    assert desk.step()[:2] == (OK, ["active", "active"])
    first = desk.names.copy()

    desk.now += 30 * DAY
    assert desk.step("--after", "60d")[:2] == (OK, ["active", "active"]), "the keys are young"
    code, states, said = desk.step("--after", "20d")
    assert (code, states) == (OK, ["active", "active", "pending", "pending"])
    assert len(said["publish"]) == 2 and not {r["name"] for r in said["publish"]} & set(first)
    for _ in range(3):  # by cron
        assert desk.step()[:2] == (BAD, ["active", "active", "pending", "pending"])
    desk.publish(said["publish"][:1])
    assert desk.step()[:2] == (BAD, ["active", "active", "pending", "pending"]), "half of it is not enough"
    desk.publish(said["publish"])
    code, states, said = desk.step()
    assert (code, states) == (OK, ["active", "active", "retiring", "retiring"])
    assert said["due"] == desk.now + OVERLAP and said["publish"] == []

    desk.now += OVERLAP - 1
    assert desk.step()[:2] == (OK, ["active", "active", "retiring", "retiring"])
    desk.now += 1
    code, states, said = desk.step()
    assert (code, states) == (OK, ["active", "active", "revoked", "revoked"])
    assert {r["name"] for r in said["publish"]} == set(first)
    assert all(text_of(r).endswith("p=") for r in said["publish"])
    assert desk.keys.read_text().count(" -\n") == 2, "their private halves are gone"
    desk.publish(said["publish"])

    desk.now += OVERLAP - 1
    assert desk.step()[:2] == (OK, ["active", "active", "revoked", "revoked"])
    desk.now += 1
    code, states, said = desk.step()
    assert {r["name"] for r in said["remove"]} == set(first)
    assert len(desk.ask("show")[1]["keys"]) == 2
    assert desk.step()[1] == ["active", "active", "pending", "pending"], "and the next one begins"


def test_the_overlap_is_no_shorter_than_mail_is_queued(desk):
    desk.settings["retry"] = {"for": "20d"}
    desk.publish(desk.ask("add")[1]["records"])
    desk.step()
    desk.publish(desk.step()[2]["publish"])
    assert desk.step("--overlap", "1h")[2]["due"] == NOW + 20 * DAY
    assert desk.ask("rotate", "--overlap", "30d")[1]["due"] == NOW + 30 * DAY


WRONG = {
    "another key": (lambda text: text.replace("p=MII", "p=MIJ"), BAD, "is another one"),
    "one tag more": (lambda text: text + "; t=y", BAD, "is another one"),
    "revoked": (lambda text: text.split("p=")[0] + "p=", BAD, "is another one"),
    "two records": (lambda text: [text, "v=DKIM1; p=AAAA"], BAD, "is not alone"),
    "no answer": (lambda text: "SERVFAIL", UNKNOWN, "did not answer"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_the_record(desk, what):
    change, wanted, word = WRONG[what]
    desk.publish(desk.ask("add")[1]["records"])
    (name,) = [n for n in desk.names if n.startswith("20261130r.")]
    (text,) = desk.names[name]["TXT"]
    wrong = change(text)
    desk.names[name]["TXT"] = [wrong] if isinstance(wrong, str) and wrong != "SERVFAIL" else wrong
    code, states, said = desk.step()
    assert (code, states) == (wanted, ["pending", "pending"]) and word in said["did"]


def test_spaces_in_a_record_do_not_matter(desk):
    desk.publish(desk.ask("add")[1]["records"])
    for record in desk.names.values():
        record["TXT"] = [[text.replace("; ", " ;"), ";"] for text in record["TXT"]]
    assert desk.step()[:2] == (OK, ["active", "active"])


def test_check_compares(desk):
    _, shown = desk.ask("add")
    findings = lambda: {f["name"][:9]: (f["state"], f["found"]) for f in dkim(desk.ask("check")[1]["findings"])}
    assert {state for state, _ in findings().values()} == {"missing"}
    desk.publish(shown["records"])
    assert findings()["20261130r"] == ("ok", "not used yet: run `gatepost domain rotate`")
    desk.step()
    assert findings()["20261130r"] == ("ok", "")
    desk.names["20261130e._domainkey.demo.test"] = {"TXT": ["v=DKIM1; k=ed25519; p="]}
    assert findings()["20261130e"] == ("different", "another key, or other tags")


def test_what_is_no_file_of_keys_is_left_alone(desk):
    desk.run("add")
    desk.keys.write_text(desk.keys.read_text() + "key x\n")
    before = desk.keys.read_bytes()
    for verb in ("add", "rotate", "show", "check"):
        done = desk.run(verb)
        assert done.returncode == 4 and f"{desk.keys}:" in done.stderr
    assert desk.keys.read_bytes() == before


def test_what_a_crash_left_does_not_matter(desk):
    """A new file that was not whole lies beside the old one, which counts."""
    desk.publish(desk.ask("add")[1]["records"])
    before = desk.keys.read_bytes()
    beside = desk.keys.parent / "demo.test.keys.new"
    beside.write_bytes(before[:100])
    assert desk.step()[:2] == (OK, ["active", "active"])
    assert not beside.exists() and desk.keys.read_bytes() == before.replace(b" pending ", b" active ")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives folders away")
def test_the_files_are_whose_the_state_folder_is(desk):
    """root makes the keys of a gateway that runs as another user."""
    (desk.folder / "state").mkdir()
    os.chown(desk.folder / "state", 65534, 65534)
    assert desk.run("add").returncode == OK
    for path in (desk.keys, desk.keys.parent):
        assert (path.stat().st_uid, path.stat().st_gid) == (65534, 65534)


def test_rotate_without_keys(desk):
    done = desk.run("rotate")
    assert done.returncode == USAGE and "gatepost domain add" in done.stderr


@pytest.mark.parametrize("argv", [("add", "--dns", "x"), ("show", "--overlap", "1d"), ("rotate", "--next", "x"),
                                  ("rotate", "--overlap", "soon"), ("show", "--time", "1")])
def test_options_that_are_of_other_verbs(desk, argv):
    assert desk.run(*argv).returncode == USAGE


def test_runs_at_once_take_turns(desk):
    """However many there are, there is one next pair, and no file that is half written."""
    desk.publish(desk.ask("add")[1]["records"])
    desk.step()
    done = []
    threads = [threading.Thread(target=lambda: done.append(desk.run("rotate"))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(d.returncode for d in done) == [OK, BAD, BAD, BAD]
    assert desk.step()[1] == ["active", "active", "pending", "pending"]
    assert os.listdir(desk.keys.parent) == ["demo.test.keys"]
