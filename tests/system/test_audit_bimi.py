# SPDX-License-Identifier: Apache-2.0
"""gatepost audit of BIMI: logos and mark certificates that an HTTPS server serves, good ones and with one fault each.

The addresses are this test's alone, in a network of its own.
"""

import base64
import gzip
import json
import os
import socket
import subprocess

import httpsrig
import pytest
from gateway import run

WEB = "20.0.0.200"
LOGO = b"""<svg xmlns="http://www.w3.org/2000/svg" version="1.2" baseProfile="tiny-ps" viewBox="0 0 64 64">
<title>A test</title><circle cx="32" cy="32" r="30" fill="#c00"/></svg>
"""
ENTITY = b"<!DOCTYPE svg [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"


def is_alone():
    """In a network that nobody else is in, and to be changed?"""
    return os.geteuid() == 0 and [name for _, name in socket.if_nameindex()] == ["lo"]


pytestmark = pytest.mark.skipif(not is_alone(), reason="it gives itself addresses, in a network of its own")


def der(tag, *parts):
    body = b"".join(parts)
    length = bytes([len(body)]) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes([tag]) + length + body


def logotype(logo):
    """LogotypeExtn of RFC 9399 section 4.1, with a subject's logo in a URI."""
    uri = b"data:image/svg+xml;base64," + base64.b64encode(gzip.compress(logo))
    sha256 = der(0x30, der(0x06, bytes.fromhex("608648016503040201")))
    digest = der(0x30, der(0x30, sha256, der(0x04, bytes(32))))
    details = der(0x30, der(0x16, b"image/svg+xml"), digest, der(0x30, der(0x16, uri)))
    direct = der(0xA0, der(0x30, der(0x30, details)))
    return der(0x30, der(0xA2, direct))


class Marks:
    """An authority for marks, which is not the one of the web."""

    def __init__(self, folder):
        self.authority = httpsrig.Authority(folder, "marks")

    def issue(self, *names, logo=LOGO, mark=True, chain=True, days=30):
        folder, name = self.authority.folder, f"mark-{os.urandom(4).hex()}"
        key = self.authority.make_key(name)
        extensions = ["subjectAltName=" + ",".join(f"DNS:{n}" for n in names)]
        if mark:
            extensions.append("extendedKeyUsage=1.3.6.1.5.5.7.3.31")
        if logo:
            extensions.append("1.3.6.1.5.5.7.1.12=DER:" + logotype(logo).hex(":"))
        argv = [word for extension in extensions for word in ("-addext", extension)]
        argv += ["-CA", self.authority.path.name, "-CAkey", self.authority.key] if chain else []
        httpsrig.openssl(
            "req", "-x509", "-key", key, "-out", f"{name}.pem", "-subj", "/CN=A test", "-days", str(days), *argv,
            folder=folder,
        )  # fmt: skip
        return (folder / f"{name}.pem").read_bytes() + (self.authority.pem.encode() if chain else b"")


class World:
    def __init__(self):
        self.names, self.files = {"web.test": {"A": [WEB]}}, {}

    def domain(self, name, logo=None, mark=None, record=None):
        """logo, mark: answers of the web server."""
        self.files[f"/{name}/logo.svg"], self.files[f"/{name}/mark.pem"] = logo, mark
        at = f"https://web.test/{name}"
        parts = [f"l={at}/logo.svg" if logo is not None else "l=", f"a={at}/mark.pem" if mark is not None else ""]
        self.names[name] = {"TXT": ["v=spf1 -all"]}
        self.names[f"_dmarc.{name}"] = {"TXT": ["v=DMARC1; p=reject"]}
        self.names[f"default._bimi.{name}"] = {"TXT": [record or "v=BIMI1; " + "; ".join(parts)]}

    def serve(self, tls):
        path = tls.requested.split(b" ")[1].decode()
        tls.sendall(self.files.get(path) or httpsrig.answer(b"", "404 Not Found"))


def svg(text=LOGO, kind="image/svg+xml"):
    return httpsrig.answer(text, fields=[f"Content-Type: {kind}"])


def pem(octets):
    return httpsrig.answer(octets, fields=["Content-Type: application/x-pem-file"])


def told(domain, state="fail"):
    return {f["id"]: f["evidence"] for f in domain["findings"] if f["state"] == state and f["id"].startswith("bimi.")}


def audit(tmp_path, world, authority, *domains, more=()):
    names = tmp_path / "names.json"
    names.write_text(json.dumps(world.names), encoding="utf-8")
    argv = ["--dns", names, "--probe", "--probe-ca", authority.path, "--helo", "a.test", "--json", *more]
    done = run("audit", *argv, *domains)
    assert (done.returncode, done.stderr) == (0, "")
    return {one["domain"]: one for one in map(json.loads, done.stdout.splitlines())}


def test_what_a_record_leads_to_is_fetched_and_judged(tmp_path):
    subprocess.run(["ip", "addr", "replace", f"{WEB}/32", "dev", "lo"], check=True)
    authority, marks, world = httpsrig.Authority(tmp_path), Marks(tmp_path), World()
    world.domain("clean.test", svg(), pem(marks.issue("clean.test")))
    world.domain("both.test", svg(kind="image/svg+xml; charset=utf-8"), pem(marks.issue("default._bimi.both.test")))
    world.domain("alone.test", svg())
    world.domain("inside.test", None, pem(marks.issue("inside.test")))
    logos = {
        "html.test": (svg(kind="text/html"), "status 200: the content is of another media type"),
        "gone.test": (httpsrig.answer(b"", "404 Not Found"), "status 404: the status is not one of success"),
        "large.test": (svg(LOGO + b"\n" * 70_000), "status 200: larger than 64 KiB"),
        "long.test": (svg(LOGO + b"\n" * 40_000), "it has 40169 octets, and 32768 are taken"),
        "tiny.test": (svg(LOGO.replace(b"tiny-ps", b"tiny")), 'baseProfile is "tiny", not "tiny-ps"'),
        "wide.test": (svg(LOGO.replace(b"0 0 64 64", b"0 0 64 32")), 'viewBox "0 0 64 32" is no square'),
        "runs.test": (svg(LOGO.replace(b"<circle", b"<script/><circle")), "it has an element script"),
        "entity.test": (svg(ENTITY + LOGO), "it declares a document type"),
    }  # fmt: skip
    for name, (answer, _) in logos.items():
        world.domain(name, answer)
    certificates = {
        "web-only.test": (marks.issue("web-only.test", mark=False), "its extended key usage is not that of marks"),
        "no-logo.test": (marks.issue("no-logo.test", logo=None), "it holds no logotype (RFC 9399 section 4.1)"),
        "self.test": (marks.issue("self.test", chain=False), "it vouches for itself"),
        "name.test": (marks.issue("other.test"), "it is for other.test"),
        "else.test": (marks.issue("else.test", logo=LOGO + b" "), "it holds another logo than l= leads to"),
        "html-pem.test": (b"<html>", "it is no certificate in PEM"),
        "bomb.test": (marks.issue("bomb.test", logo=b" " * 9_000_000), None),
    }
    for name, (octets, _) in certificates.items():
        world.domain(name, svg(), pem(octets))
    rig = httpsrig.HttpsRig(authority.issue("web.test"), world.serve, WEB, 443)
    domains = [name for name in world.names if "_" not in name and name != "web.test"]
    with rig:
        found = audit(tmp_path, world, authority, *domains)
    assert {name: told(found[name]) for name in ("clean.test", "both.test", "alone.test", "inside.test")} == {
        "clean.test": {}, "both.test": {}, "alone.test": {}, "inside.test": {},
    }  # fmt: skip
    for name, (_, why) in logos.items():
        assert told(found[name]) == {"bimi.logo": f"https://web.test/{name}/logo.svg: {why}"}
    for name, (_, why) in certificates.items():
        expected = {"bimi.certificate": f"https://web.test/{name}/mark.pem: {why}"} if why else {}
        assert told(found[name]) == expected
    assert all(told(domain, "not_measured") == {} for domain in found.values())
    # Each file once.
    assert rig.connections == sum(answer is not None for answer in world.files.values())


def test_files_of_many_domains_are_fetched_once(tmp_path):
    subprocess.run(["ip", "addr", "replace", f"{WEB}/32", "dev", "lo"], check=True)
    authority, world = httpsrig.Authority(tmp_path), World()
    for n in range(300):
        world.domain(f"d{n}.test", record="v=BIMI1; l=https://web.test/logo.svg")
    world.domain("other.test", record="v=BIMI1; l=https://other-name.test/logo.svg")
    world.names["other-name.test"] = {"A": [WEB]}
    world.domain("private.test", record="v=BIMI1; l=https://private-web.test/logo.svg")
    world.names["private-web.test"] = {"A": ["127.0.0.1"]}
    world.files["/logo.svg"] = svg()
    rig = httpsrig.HttpsRig(authority.issue("web.test"), world.serve, WEB, 443)
    with rig:
        found = audit(tmp_path, world, authority, *(f"d{n}.test" for n in range(300)), "other.test", "private.test")
    assert told(found["d7.test"]) == {} and told(found["d7.test"], "not_measured") == {}
    assert "SSL" in told(found["other.test"])["bimi.logo"] or "certificate" in told(found["other.test"])["bimi.logo"]
    assert told(found["private.test"], "not_measured") == {
        "bimi.logo": "https://private-web.test/logo.svg was not fetched: its host has no address that may be asked"
    }
    assert rig.connections == 2


def test_nobody_is_asked_unless_hosts_are_looked_at(tmp_path):
    subprocess.run(["ip", "addr", "replace", f"{WEB}/32", "dev", "lo"], check=True)
    authority, world = httpsrig.Authority(tmp_path), World()
    world.domain("a.test", svg())
    rig = httpsrig.HttpsRig(authority.issue("web.test"), world.serve, WEB, 443)
    with rig:
        found = audit(tmp_path, world, authority, "a.test", more=["--no-probe"])
    assert told(found["a.test"], "not_measured") == {"bimi.logo": "https://web.test/a.test/logo.svg was not fetched"}
    assert rig.connections == 0
