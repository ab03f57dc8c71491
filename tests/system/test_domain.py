# SPDX-License-Identifier: Apache-2.0
"""gatepost domain: explain, show and check, with answers from a file, from a name server, and a policy by HTTPS."""

import hashlib
import json
import subprocess

import dnsrig
import pytest
import signedrig
from gateway import run
from httpsrig import Authority, HttpsRig, answer

POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx.gatepost.test\r\nmax_age: 604800\r\n"
ID = hashlib.sha256(POLICY.encode()).hexdigest()[:20]
STS = f"v=STSv1; id={ID};"
RPT = "v=TLSRPTv1; rua=mailto:tls@demo.test"
OTHER_KEY = [3, 1, 1, "ab" * 32]
OK, BAD, USAGE, UNKNOWN = 0, 1, 2, 3

DANE = {
    "d.test": {"MX": [[10, "mx.d.test"]], "secure": True},
    "mx.d.test": {"A": ["192.0.2.1"], "secure": True},
    "_25._tcp.mx.d.test": {"TLSA": [OTHER_KEY], "secure": True},
}
STS_WORLD = {
    "d.test": {"MX": [[10, "mx.d.test"], [20, "other.test"]]},
    "mx.d.test": {"A": ["192.0.2.1"]},
    "other.test": {"A": ["192.0.2.2"]},
    "_mta-sts.d.test": {"TXT": ["v=STSv1; id=7"]},
    "mta-sts.d.test": {"A": ["127.0.7.1"]},
}


class Desk:
    """A folder with what the command reads."""

    def __init__(self, folder):
        self.folder = folder
        self.key = self.openssl("mx", "req -x509 -subj /CN=mx -addext subjectAltName=DNS:mx.gatepost.test -days 9")
        self.settings = {
            "hostname": "mx.gatepost.test",
            "listen": [{"address": "127.0.0.1:2525"}],
            "tls": {"certificate": "mx.pem", "key": "mx.key"},
            "web": {"policy_listen": "127.0.0.1:8443"},
            "domains": {
                "demo.test": {
                    "recipients": "any",
                    "deliver": "discard",
                    "mta_sts": {"mode": "enforce"},
                    "tls_rpt": "mailto:tls@demo.test",
                },
                "plain.test": {"recipients": "any", "deliver": "discard"},
            },
        }

    def openssl(self, name, request):
        """Makes a key, and perhaps a certificate for it; the digest of the key as TLSA has it."""
        argv = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key"]
        subprocess.run(argv, cwd=self.folder, check=True)
        if request:
            argv = ["openssl", *request.split(), "-key", f"{name}.key", "-out", f"{name}.pem"]
            subprocess.run(argv, cwd=self.folder, check=True, capture_output=True)
        argv = ["openssl", "pkey", "-in", f"{name}.key", "-pubout", "-outform", "DER"]
        return hashlib.sha256(subprocess.run(argv, cwd=self.folder, check=True, capture_output=True).stdout).hexdigest()

    def run(self, verb, domain, *argv, names=None, policy=None):
        (self.folder / "gatepost.yaml").write_text(json.dumps(self.settings), encoding="utf-8")
        argv = [verb, domain, "-c", self.folder / "gatepost.yaml", *argv]
        if names is not None:
            (self.folder / "names.json").write_text(json.dumps(names), encoding="utf-8")
            argv += ["--dns", self.folder / "names.json"]
        if policy is not None:
            (self.folder / "policy.txt").write_bytes(policy.encode())
            argv += ["--policy", self.folder / "policy.txt"]
        return run("domain", *argv)

    def ask(self, *argv, **more):
        """The exit code, and the object that was printed."""
        done = self.run(*argv, "--json", **more)
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_dane_is_explained(desk):
    code, found = desk.ask("explain", "D.test.", names=DANE)
    assert code == OK
    assert (found["domain"], found["mx"], found["secure"], found["ours"]) == ("d.test", True, True, False)
    (host,) = found["hosts"]
    assert (host["host"], host["address"], host["port"]) == ("mx.d.test", "192.0.2.1", 25)
    assert (host["level"], host["binding"], host["tlsa"]) == ("dane", True, [OTHER_KEY])
    assert any("RFC 7672" in line for line in host["trail"])
    text = desk.run("explain", "d.test", names=DANE).stdout
    assert "MX       there, validated by DNSSEC" in text
    assert "verdict  dane: TLS and the proof, or no delivery" in text
    assert "TLSA     3 1 1 " + "ab" * 32 in text


def test_a_policy_from_a_file_is_explained(desk):
    policy = "version: STSv1\nmode: enforce\nmx: mx.d.test\nmax_age: 86400\n"
    code, found = desk.ask("explain", "d.test", names=STS_WORLD, policy=policy)
    assert code == OK
    sts = found["mta_sts"]
    assert (sts["record"], sts["id"], sts["fetched"]) == ("ok", "7", False)
    assert sts["policy"] == {"mode": "enforce", "max_age": 86400, "mx": ["mx.d.test"]}
    named, other = found["hosts"]
    assert (named["level"], named["binding"], named["skip"]) == ("sts", True, False)
    assert other["skip"] and other["reply"]["enhanced"] == "4.7.5"
    text = desk.run("explain", "d.test", names=STS_WORLD, policy=policy).stdout
    assert "policy from the file, not fetched: mode enforce" in text
    assert "verdict  not used" in text


def test_a_domain_whose_policy_names_none_of_its_hosts_is_bad(desk):
    policy = "version: STSv1\nmode: enforce\nmx: elsewhere.test\nmax_age: 86400\n"
    code, found = desk.ask("explain", "d.test", names=STS_WORLD, policy=policy)
    assert (code, found["reply"]["code"]) == (BAD, 451)


def test_a_policy_is_fetched(desk):
    authority = Authority(desk.folder)
    body = b"version: STSv1\nmode: testing\nmx: *.d.test\nmax_age: 86400\n"
    with HttpsRig(authority.issue("mta-sts.d.test"), answer(body)) as rig:
        desk.settings["fetch"] = {"ca_file": "authority.pem", "port": rig.port, "private_addresses": True}
        code, found = desk.ask("explain", "d.test", names=STS_WORLD)
        assert (code, found["mta_sts"]["fetched"]) == (OK, True)
        assert found["mta_sts"]["policy"]["mode"] == "testing"
        assert [h["binding"] for h in found["hosts"]] == [False, False]
    with HttpsRig(authority.issue("mta-sts.other.test"), answer(body), port=rig.port):
        code, found = desk.ask("explain", "d.test", names=STS_WORLD)
        assert (code, found["mta_sts"]["failure"], found["mta_sts"]["policy"]) == (OK, "certificate", None)
    desk.settings["fetch"]["private_addresses"] = False
    _, found = desk.ask("explain", "d.test", names=STS_WORLD)
    assert found["mta_sts"]["failure"] == "fetch" and "not dialled" in found["mta_sts"]["reason"]


def test_a_route_is_where_mail_goes(desk):
    desk.settings["routes"] = {"d.test": "next.test:2525"}
    code, found = desk.ask("explain", "d.test", names={"next.test": {"A": ["192.0.2.7"]}})
    (host,) = found["hosts"]
    assert (code, found["next_hop"], host["host"], host["port"]) == (OK, "next.test", "next.test", 2525)


def test_what_the_configuration_demands_counts(desk):
    names = {"d.test": {"MX": [[10, "mx.d.test"]]}, "mx.d.test": {"A": ["192.0.2.1"]}}
    assert desk.ask("explain", "d.test", names=names)[1]["demand"] == "may"
    desk.settings["destinations"] = {"d.test": {"tls": "verify"}}
    code, found = desk.ask("explain", "d.test", names=names)
    (host,) = found["hosts"]
    assert (code, found["demand"], host["level"], host["binding"]) == (OK, "verify", "verify", True)
    assert "demand   verify" in desk.run("explain", "d.test", names=names).stdout
    desk.settings["destinations"] = {"d.test": {"tls": "dane-only"}}
    code, found = desk.ask("explain", "d.test", names=names)
    assert (code, found["hosts"][0]["skip"]) == (BAD, True)


@pytest.mark.parametrize(
    ("domain", "code", "reply"),
    [("null.test", BAD, 556), ("nowhere.test", BAD, 550), ("broken.test", UNKNOWN, 451), ("a..b", USAGE, None)],
)
def test_what_cannot_be_reached(desk, domain, code, reply):
    names = {"null.test": {"MX": [[0, "."]]}, "broken.test": "SERVFAIL"}
    done = desk.run("explain", domain, "--json", names=names)
    assert done.returncode == code
    if reply:
        assert json.loads(done.stdout)["reply"]["code"] == reply


def test_a_name_server_is_asked(desk):
    desk.settings["dns"] = {"trust_anchor": "none"}
    names = {
        "d.test": {"MX": [[10, "mx.d.test"]]},
        "mx.d.test": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]},
        "broken.test": "SERVFAIL",
    }
    try:
        with dnsrig.DnsRig(names) as rig:
            code, found = desk.ask("explain", "d.test", "--resolver", rig.server)
            broken, _ = desk.ask("explain", "broken.test", "--resolver", rig.server)
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    assert code == OK
    assert {h["address"] for h in found["hosts"]} == {"192.0.2.1", "2001:db8::1"}
    assert broken == UNKNOWN


def test_what_to_publish_is_shown(desk):
    text = desk.run("show", "demo.test").stdout
    assert "\ndemo.test. 3600 IN MX 10 mx.gatepost.test.\n" in text
    assert f'\n_mta-sts.demo.test. 3600 IN TXT "{STS}"\n' in text
    assert ";     mode: enforce\n" in text and "served here" in text
    assert f'\n_smtp._tls.demo.test. 3600 IN TXT "{RPT}"\n' in text
    assert f"\n_25._tcp.mx.gatepost.test. 3600 IN TLSA 3 1 1 {desk.key}\n" in text
    assert "The next key" not in text
    code, found = desk.ask("show", "demo.test")
    assert (code, found["policy"]["text"], found["policy"]["id"]) == (OK, POLICY, ID)
    code, found = desk.ask("show", "plain.test")
    assert [r["type"] for r in found["records"]] == ["MX", "TLSA"] and found["policy"] is None


def test_the_next_key_comes_with_its_order(desk):
    digest = desk.openssl("next", None)
    text = desk.run("show", "demo.test", "--next", desk.folder / "next.key").stdout
    at = [text.index(piece) for piece in (desk.key, "1. publish", "2. wait two TTLs", "3. put the key", digest)]
    assert at == sorted(at)
    # The key of a renewal that keeps it is no other key.
    assert "The next key" not in desk.run("show", "demo.test", "--next", desk.folder / "mx.pem").stdout
    assert desk.run("show", "demo.test", "--next", desk.folder / "gatepost.yaml").returncode == USAGE


def published(desk):
    return {
        "demo.test": {"MX": [[5, "mx.gatepost.test"]]},
        "_mta-sts.demo.test": {"TXT": ["v=STSv1; id=" + ID]},
        "_smtp._tls.demo.test": {"TXT": ["v=TLSRPTv1;rua=mailto:tls@demo.test"]},
        "_25._tcp.mx.gatepost.test": {"TLSA": [[3, 1, 1, desk.key]], "secure": True},
    }


def states(found):
    return [f["state"] for f in found["findings"]]


def test_what_is_published_as_shown_is_good(desk):
    code, found = desk.ask("check", "demo.test", names=published(desk), policy=POLICY.replace("\r", ""))
    assert (code, found["ok"], set(states(found))) == (OK, True, {"ok"})
    assert [f["type"] for f in found["findings"]] == ["MX", "TXT", "policy", "TXT", "TLSA"]


@pytest.mark.parametrize(
    ("name", "value", "code", "state"),
    [
        ("demo.test", {}, BAD, "missing"),
        ("demo.test", {"MX": [[5, "elsewhere.test"]]}, BAD, "different"),
        ("demo.test", {"MX": [[5, "mx.gatepost.test"], [6, "b.test"]]}, BAD, "different"),
        ("demo.test", "SERVFAIL", UNKNOWN, "unknown"),
        ("_mta-sts.demo.test", {}, BAD, "missing"),
        ("_mta-sts.demo.test", {"TXT": ["v=STSv1; id=1"]}, BAD, "different"),
        ("_mta-sts.demo.test", {"TXT": [STS, STS]}, BAD, "different"),
        ("_mta-sts.demo.test", {"TXT": ["v=STSv1; id=-"]}, BAD, "different"),
        ("_mta-sts.demo.test", "TIMEOUT", UNKNOWN, "unknown"),
        ("_smtp._tls.demo.test", {}, BAD, "missing"),
        ("_smtp._tls.demo.test", {"TXT": [RPT + ",mailto:x@y.test"]}, BAD, "different"),
        ("_smtp._tls.demo.test", {"TXT": [RPT, RPT]}, BAD, "different"),
        ("_25._tcp.mx.gatepost.test", {"secure": True}, BAD, "missing"),
        ("_25._tcp.mx.gatepost.test", {"TLSA": [OTHER_KEY], "secure": True}, BAD, "different"),
        ("_25._tcp.mx.gatepost.test", {}, OK, "note"),
    ],
)
def test_what_is_not_as_shown_is_found(desk, name, value, code, state):
    got, found = desk.ask("check", "demo.test", names={**published(desk), name: value}, policy=POLICY)
    assert got == code
    assert [f for f in found["findings"] if f["state"] == state and f["name"] == name], found
    for f in found["findings"]:
        assert f["state"] != "missing" or f["publish"].startswith(name + ". 3600 IN ")


def test_another_policy_is_found(desk):
    code, found = desk.ask("check", "demo.test", names=published(desk), policy=POLICY.replace("enforce", "testing"))
    assert (code, states(found)) == (BAD, ["ok", "ok", "different", "ok", "ok"])
    code, found = desk.ask("check", "demo.test", names=published(desk), policy="version: STSv1\n")
    assert (code, states(found)[2]) == (BAD, "different")
    code, found = desk.ask("check", "demo.test", names=published(desk))
    assert (code, states(found)[2]) == (BAD, "missing")


def test_the_policy_is_looked_at_before_its_record_is_published(desk):
    names = {n: v for n, v in published(desk).items() if not n.startswith("_mta-sts.")}
    code, found = desk.ask("check", "demo.test", names=names, policy=POLICY)
    assert (code, states(found)) == (BAD, ["ok", "missing", "ok", "ok", "ok"])
    code, found = desk.ask("check", "demo.test", names=names)
    assert (code, states(found)) == (BAD, ["ok", "missing", "missing", "ok", "ok"])


def test_a_rollover_wants_both_keys(desk):
    digest = desk.openssl("next", None)
    names = published(desk)
    code, found = desk.ask("check", "demo.test", "--next", desk.folder / "next.key", names=names, policy=POLICY)
    assert (code, states(found)[-1]) == (BAD, "different")
    names["_25._tcp.mx.gatepost.test"]["TLSA"] += [[3, 1, 1, digest], OTHER_KEY]
    code, found = desk.ask("check", "demo.test", "--next", desk.folder / "next.key", names=names, policy=POLICY)
    assert (code, states(found)[-3:]) == (OK, ["ok", "ok", "note"])


def test_other_peoples_octets_reach_no_terminal(desk):
    names = {**published(desk), "demo.test": {"MX": [[1, "\\027[2J.test"]]}}
    done = desk.run("check", "demo.test", names=names, policy=POLICY)
    assert done.returncode == BAD and "\x1b" not in done.stdout


def test_words_that_make_no_sense_are_refused(desk):
    for argv in (["show", "example.org"], ["show", "demo.test", "--dns", "x"], ["explain", "a.test", "--next", "x"]):
        assert desk.run(*argv).returncode == USAGE
    assert desk.run("explain", "a.test", "--resolver", "x", names={}).returncode == USAGE
    assert desk.run("explain", "a.test", "--resolver", "x").returncode == USAGE
    assert desk.run("explain", "a.test", "--dns", "/nowhere").returncode == USAGE
    done = desk.run("explain", "a.test", "--policy", "/nowhere", names={})  # a domain without such a record
    assert (done.returncode, done.stderr) == (USAGE, "gatepost domain: /nowhere: No such file or directory\n")
    for option, value in (("--overlap", "x"), ("--time", "now")):
        done = desk.run("rotate", "a.test", option, value)
        assert done.returncode == USAGE and done.stderr.startswith(f"gatepost domain: {option}: '{value}' is ")
    assert run("domain", "add", "a.test").returncode == USAGE
    assert run("domain", "-h").returncode == OK


def test_signatures_are_what_dane_needs(desk, peers):
    """From the signed zones of a real server, by the key that the configuration names."""
    names = {
        "d.test": {"MX": [[10, "mx.d.test"]]},
        "mx.d.test": {"A": ["192.0.2.1"]},
        "_25._tcp.mx.d.test": {"TLSA": [OTHER_KEY]},
        "d.plain": {"MX": [[10, "mx.d.test"]]},
    }
    zones = signedrig.SignedZones(peers, names, [], ["broken.test"], "plain", "127.0.53.3")
    desk.settings["dns"] = {"server": zones.server, "trust_anchor": str(zones.anchor)}
    code, found = desk.ask("explain", "d.test")
    (host,) = found["hosts"]
    assert (code, found["secure"], host["level"], host["tlsa"]) == (OK, True, "dane", [OTHER_KEY])
    code, found = desk.ask("explain", "d.plain")
    assert (code, found["secure"], found["hosts"][0]["level"]) == (OK, False, "dane")
    assert any("not validated" in line for line in found["hosts"][0]["trail"])
    assert desk.ask("explain", "mx.broken.test")[0] == UNKNOWN
