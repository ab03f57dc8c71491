# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --axfr: zones that Debian's nsd transfers, and servers that do not give a whole one."""

import base64
import contextlib
import hashlib
import hmac
import json
import shutil
import socket
import struct
import subprocess
import threading
import time

import dnsrig
import pytest
from gateway import eventually, free_port, run
from knotrig import Knot
from signedrig import CONFIG, ZONE

# More than one message holds.
MANY = {f"h{i}.many.test": {"A": ["192.0.2.1"]} for i in range(3000)}
# More than a hundred do, so that not each is signed.
KEYED = {f"h{i}.keyed.test": {"MX": [[10, "mx"]]} for i in range(20)}
MANY_KEYED = {f"_{i}.keyed.test": {"TXT": ["x" * 250, "y" * 250, "z" * 250]} for i in range(10_000)} | KEYED
NAMES = {
    "few.test": {"MX": [[10, "mx.few.test"]], "TXT": [["v=spf1 ", "mx -all"], "something else"]},
    "mx.few.test": {"AAAA": ["2001:db8::1"]},
    "*.few.test": {"MX": [[10, "mx.few.test"]]},
    "_dmarc.news.few.test": {"TXT": ["v=DMARC1; p=reject"]},
    "s1._domainkey.few.test": {"TXT": ["v=DKIM1; p="]},
    "alias.few.test": {"CNAME": ["mx.few.test"]},
}
FEW = ["few.test", "mx.few.test", "news.few.test"]
KEYS = {  # by algorithm; of each the server knows the name and the secret
    "hmac-sha256": ("k256.test", base64.b64encode(b"a secret of 32 octets, or nearly").decode()),
    "hmac-sha384": ("k384.test", base64.b64encode(b"one that is shorter").decode()),
    "hmac-sha512": ("k512.test", base64.b64encode(bytes(range(200))).decode()),
}
NSD_KEY = """key:
  name: "{name}"
  algorithm: {algorithm}
  secret: "{secret}"
"""


@pytest.fixture
def nsd(peers):
    """Its address; the zone closed.test is not transferred."""
    address, port = "127.0.53.2", free_port()
    work = peers.folder("nsd")
    text = CONFIG.format(address=address, port=port)
    for algorithm, (name, secret) in KEYS.items():
        text += NSD_KEY.format(name=name, algorithm=algorithm, secret=secret)
    for apex, names in (("few.test", NAMES), ("many.test", MANY), ("closed.test", {}), ("keyed.test", MANY_KEYED)):
        (work / apex).write_text(dnsrig.zone(names, apex), encoding="ascii")
        text += ZONE.format(name=apex, file=apex)
        if apex == "keyed.test":
            text += "".join(f"  provide-xfr: 127.0.0.0/8 {name}\n" for name, _ in KEYS.values())
        elif apex != "closed.test":
            text += "  provide-xfr: 127.0.0.0/8 NOKEY\n"
    (work / "nsd.conf").write_text(text, encoding="ascii")
    peer = peers.start(work, "nsd", "-d", "-c", "/own/nsd.conf")
    eventually(lambda: dnsrig.ask((address, port), "few.test", 6, 0.2) == 0, what="nsd: " + peer.output())
    return f"{address}:{port}"


@pytest.fixture
def nothing(tmp_path):
    """A world without names: it is the domains that count."""
    path = tmp_path / "nothing.json"
    path.write_text("{}", encoding="utf-8")
    return path


def audit(nothing, *transfers):
    argv = [word for transfer in transfers for word in ("--axfr", transfer)]
    done = run("audit", "--dns", nothing, "--json", *argv)
    return [json.loads(line)["domain"] for line in done.stdout.splitlines()], done.stderr


def test_zones_of_a_server(nsd, nothing):
    found, said = audit(nothing, f"few.test@{nsd}")
    assert said == ""
    assert sorted(found) == FEW
    found, said = audit(nothing, f"many.test@{nsd}", f"few.test@{nsd}")
    assert said == ""
    assert set(found) == {*MANY, *FEW}


def test_what_a_server_does_not_give(nsd, nothing):
    for zone, why in (("closed.test", "the server refuses"), ("other.test", "the server ")):
        found, said = audit(nothing, f"few.test@{nsd}", f"{zone}@{nsd}")
        assert found == []
        assert f"{zone}@{nsd}: {why}" in said
    for wrong in ("few.test", "few.test@", "@127.0.0.1", "few.test@ns.few.test"):
        assert "this is no " in audit(nothing, wrong)[1], wrong


SOA = b"\3few\4test\0" + struct.pack(">HHIH", 6, 1, 60, 22) + b"\0\0" + bytes(20)
HOST = b"\1h\3few\4test\0" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 1])


def signed(message, query, late_s):
    """By the first of the keys, as late: what a server says whose clock is another (RFC 8945 section 5.3)."""
    name = b"\4k256\4test\0"
    algorithm = b"\x0bhmac-sha256\0"
    times = struct.pack(">HIH", 0, int(time.time()) + late_s, 300)
    said = b"\0\x20" + query[-38:-6] + message + name + struct.pack(">HI", 255, 0) + algorithm + times + bytes(4)
    digest = hmac.digest(base64.b64decode(KEYS["hmac-sha256"][1]), said, hashlib.sha256)
    data = algorithm + times + b"\0\x20" + digest + message[:2] + bytes(4)
    return message[:10] + b"\0\1" + message[12:] + name + struct.pack(">HHIH", 250, 255, 0, len(data)) + data


@contextlib.contextmanager
def server(*records, late_s=None):
    """One that answers with these records in one message, and hangs up; signed, if it has a clock."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with listener.accept()[0] as peer:
                query = peer.recv(512)
                question = query[14 : 14 + len(b"\3few\4test\0") + 4]
                message = query[2:4] + struct.pack(">5H", 0x8400, 1, len(records), 0, 0) + question
                message += b"".join(records)
                message = message if late_s is None else signed(message, query, late_s)
                peer.sendall(struct.pack(">H", len(message)) + message)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"few.test@127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def test_a_zone_that_is_cut_is_none(nothing):
    with server(SOA, HOST, SOA) as transfer:
        assert audit(nothing, transfer) == (["h.few.test"], "")
    with server(SOA, HOST) as transfer:
        found, said = audit(nothing, transfer)
        assert (found, "the server hung up before the zone's end" in said) == ([], True)
    nobody = f"few.test@127.0.0.1:{free_port()}"
    assert "Connection refused" in audit(nothing, nobody)[1]


def key_file(folder, name, algorithm, secret):
    path = folder / f"{name}-{algorithm}.key"
    path.write_text(f'key "{name}" {{\n\talgorithm {algorithm};\n\tsecret "{secret}";\n}};\n', encoding="ascii")
    return path


def audit_by(nothing, key, *transfers):
    argv = [word for transfer in transfers for word in ("--axfr", transfer)]
    done = run("audit", "--dns", nothing, "--summary=only", "--json", "--tsig-key", key, *argv)
    domains = json.loads(done.stdout)["summary"]["domains"] if done.stdout else 0
    return domains, done.stderr


@pytest.mark.parametrize("algorithm", KEYS)
def test_a_large_zone_by_a_key(nsd, nothing, tmp_path, algorithm):
    name, secret = KEYS[algorithm]
    key = key_file(tmp_path, name, algorithm, secret)
    assert audit_by(nothing, key, f"keyed.test@{nsd}") == (len(KEYED), "")


def test_dig_reads_the_same_file(nsd, tmp_path):
    if not shutil.which("dig"):
        pytest.skip("dig is not installed")
    address, port = nsd.split(":")
    name, secret = KEYS["hmac-sha512"]
    key = key_file(tmp_path, name, "hmac-sha512", secret)
    argv = ["dig", "-k", key, "-p", port, f"@{address}", "keyed.test", "AXFR", "+noall", "+answer"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.count("\tTXT\t") == 3 * (len(MANY_KEYED) - len(KEYED))


UNKNOWN = "the server does not know the key, or not with this algorithm"
WRONG_KEYS = {
    "another secret": ("k256.test", "hmac-sha256", "another", "the server has another secret for the key"),
    "an unknown key": ("none.test", "hmac-sha256", "another", UNKNOWN),
    "another algorithm": ("k256.test", "hmac-sha512", "a secret of 32 octets, or nearly", "the server refuses"),
}


@pytest.mark.parametrize("kind", WRONG_KEYS)
def test_a_wrong_key_is_told(nsd, nothing, tmp_path, kind):
    name, algorithm, secret, why = WRONG_KEYS[kind]
    key = key_file(tmp_path, name, algorithm, base64.b64encode(secret.encode()).decode())
    domains, said = audit_by(nothing, key, f"keyed.test@{nsd}")
    assert domains == 0
    assert said.startswith(f"gatepost audit: keyed.test@{nsd}: {why}")


def test_a_server_that_does_not_sign(nsd, nothing, tmp_path):
    key = key_file(tmp_path, "k256.test", "hmac-sha256", KEYS["hmac-sha256"][1])
    with server(SOA, HOST, SOA) as transfer:
        domains, said = audit_by(nothing, key, transfer)
    assert (domains, said) == (0, f"gatepost audit: {transfer}: the answer is not signed\n")
    # A zone that is refused is told so, whoever says it.
    assert "the server refuses" in audit_by(nothing, key, f"closed.test@{nsd}")[1]


@pytest.mark.parametrize("late_s", [-1000, -200, 0, 200, 1000])
def test_a_signature_has_its_time(nothing, tmp_path, late_s):
    key = key_file(tmp_path, "k256.test", "hmac-sha256", KEYS["hmac-sha256"][1])
    with server(SOA, HOST, SOA, late_s=late_s) as transfer:
        domains, said = audit_by(nothing, key, transfer)
    late = f"gatepost audit: {transfer}: the answer was signed at another time than now\n"
    assert (domains, said) == ((1, "") if abs(late_s) <= 300 else (0, late))


def test_each_key_is_for_what_stands_behind_it(nsd, nothing, tmp_path):
    path = key_file(tmp_path, "k256.test", "hmac-sha256", KEYS["hmac-sha256"][1])
    argv = ["audit", "--dns", nothing, "--json", "--axfr", f"few.test@{nsd}"]
    done = run(*argv, "--tsig-key", path)
    assert (done.returncode, "stands before the --axfr" in done.stderr) == (2, True)
    done = run(*argv, "--tsig-key", path, "--axfr", f"keyed.test@{nsd}", "-o", "/dev/null")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_file_that_is_no_key(nsd, nothing, tmp_path):
    path = tmp_path / "key"
    assert "No such file" in audit_by(nothing, path, f"few.test@{nsd}")[1]
    path.write_text("key k { algorithm hmac-md5; secret YQ==; };", encoding="ascii")
    said = audit_by(nothing, path, f"few.test@{nsd}")[1]
    assert said.startswith(f"gatepost audit: {path}: its algorithm is none of hmac-sha256")


@pytest.fixture
def knot(tmp_path):
    folder = tmp_path / "knot"
    folder.mkdir()
    name, secret = KEYS["hmac-sha256"]
    zones = {apex: dnsrig.zone(names, apex) for apex, names in (("few.test", NAMES), ("keyed.test", MANY_KEYED))}
    try:
        with Knot(folder, zones, "127.0.53.15", (name, "hmac-sha256", secret)) as knot:
            yield knot
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))


def test_knot_transfers_the_same(knot, nothing, tmp_path):
    name, secret = KEYS["hmac-sha256"]
    key = key_file(tmp_path, name, "hmac-sha256", secret)
    where = [f"few.test@{knot.server}", f"keyed.test@{knot.server}"]
    assert audit_by(nothing, key, *where) == (len(FEW) + len(KEYED), "")
    other = key_file(tmp_path, name, "hmac-sha256", base64.b64encode(b"another").decode())
    assert audit_by(nothing, other, where[0])[1].endswith(": the server has another secret for the key\n")
    unknown = key_file(tmp_path, "none.test", "hmac-sha256", secret)
    assert audit_by(nothing, unknown, where[0])[1].endswith(f": {UNKNOWN}\n")
