# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --axfr: zones that Debian's nsd transfers, and servers that do not give a whole one."""

import contextlib
import json
import socket
import struct
import threading

import dnsrig
import pytest
from gateway import eventually, free_port, run
from signedrig import CONFIG, ZONE

# More than one message holds.
MANY = {f"h{i}.many.test": {"A": ["192.0.2.1"]} for i in range(3000)}
NAMES = {
    "few.test": {"MX": [[10, "mx.few.test"]], "TXT": [["v=spf1 ", "mx -all"], "something else"]},
    "mx.few.test": {"AAAA": ["2001:db8::1"]},
    "*.few.test": {"MX": [[10, "mx.few.test"]]},
    "_dmarc.news.few.test": {"TXT": ["v=DMARC1; p=reject"]},
    "s1._domainkey.few.test": {"TXT": ["v=DKIM1; p="]},
    "alias.few.test": {"CNAME": ["mx.few.test"]},
}


@pytest.fixture
def nsd(peers):
    """Its address; the zone closed.test is not transferred."""
    address, port = "127.0.53.2", free_port()
    work = peers.folder("nsd")
    text = CONFIG.format(address=address, port=port)
    for apex, names in (("few.test", NAMES), ("many.test", MANY), ("closed.test", {})):
        (work / apex).write_text(dnsrig.zone(names, apex), encoding="ascii")
        text += ZONE.format(name=apex, file=apex)
        text += "" if apex == "closed.test" else "  provide-xfr: 127.0.0.0/8 NOKEY\n"
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
    assert sorted(found) == ["few.test", "mx.few.test", "news.few.test"]
    found, said = audit(nothing, f"many.test@{nsd}", f"few.test@{nsd}")
    assert said == ""
    assert set(found) == set(MANY) | {"few.test", "mx.few.test", "news.few.test"}


def test_what_a_server_does_not_give(nsd, nothing):
    for zone, why in (("closed.test", "the server refuses"), ("other.test", "the server ")):
        found, said = audit(nothing, f"few.test@{nsd}", f"{zone}@{nsd}")
        assert found == []
        assert f"{zone}@{nsd}: {why}" in said
    for wrong in ("few.test", "few.test@", "@127.0.0.1", "few.test@ns.few.test"):
        assert "this is no " in audit(nothing, wrong)[1], wrong


SOA = b"\3few\4test\0" + struct.pack(">HHIH", 6, 1, 60, 22) + b"\0\0" + bytes(20)
HOST = b"\1h\3few\4test\0" + struct.pack(">HHIH", 1, 1, 60, 4) + bytes([192, 0, 2, 1])


@contextlib.contextmanager
def server(*records):
    """One that answers with these records in one message, and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with listener.accept()[0] as peer:
                query = peer.recv(512)
                message = query[2:4] + struct.pack(">5H", 0x8400, 1, len(records), 0, 0) + query[14:]
                message += b"".join(records)
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
