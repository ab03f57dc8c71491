# SPDX-License-Identifier: Apache-2.0
"""testssl.sh, Debian's, looks at port 25 and 587 by STARTTLS and at 465: it finds nothing above LOW but what a test's
certificate is to blame for.

Protocols are always tried; all that it knows only with GATEPOST_SLOW_TESTS=1 (a minute a port).
"""

import json
import os
import shutil
import subprocess

import pytest
from gateway import free_port
from httpsrig import Authority

NAME = "localhost"
KEY_BEGINS = "-----BEGIN EC"
HARMLESS = {"DEBUG", "INFO", "OK", "LOW"}
# What is not ours: the certificate's, which an authority of the test's own made a moment ago, and the tool's.
OF_THE_TEST = {
    "cert_revocation": "HIGH: neither CRL nor OCSP address",
    "engine_problem": "WARN: Debian's openssl knows no GOST",
    "sessionresumption_ticket": "WARN at times: it goes before the ticket of TLS 1.3 has come",
}
TIMEOUT_S = 900


@pytest.fixture
def server(gatepost, scratch):
    authority = Authority(scratch)
    issued = authority.issue(NAME, common_name=NAME, days=90).read_text(encoding="ascii")
    certificate, key = scratch / "certificate.pem", scratch / "key.pem"
    certificate.write_text(issued[: issued.index(KEY_BEGINS)], encoding="ascii")
    key.write_text(issued[issued.index(KEY_BEGINS) :], encoding="ascii")
    ports = [free_port() for _ in range(3)]
    server = gatepost(
        listen=[
            {"address": f"127.0.0.1:{ports[0]}", "service": "inbound"},
            {"address": f"127.0.0.1:{ports[1]}", "service": "submission"},
            {"address": f"127.0.0.1:{ports[2]}", "service": "submission", "tls": "implicit"},
        ],
        tls={"certificate": str(certificate), "key": str(key)},
    )
    server.ports = dict(zip(("25", "587", "465"), ports, strict=True))
    server.authority = authority
    return server


def look(server, service, folder, *options):
    """What it found: severity and words by name."""
    program = shutil.which("testssl")
    if program is None:
        pytest.skip("testssl.sh is not installed")
    report = folder / "report.json"
    argv = [program, "--quiet", "--warnings", "off", "--color", "0", "--openssl", "/usr/bin/openssl", "--nodns", "none"]
    argv += ["--ip", "127.0.0.1", "--add-ca", server.authority.path, "--jsonfile", report, *options]
    argv += [] if service == "465" else ["--starttls", "smtp"]
    argv += [f"{NAME}:{server.ports[service]}"]
    done = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        env={**os.environ, "HOME": str(folder), "TERM": "dumb"},
    )  # fmt: skip
    found = {line["id"]: (line["severity"], line["finding"]) for line in json.loads(report.read_text(encoding="utf-8"))}
    assert "scanProblem" not in found and len(found) > 5, (found, done.stdout[-3000:], done.stderr[-3000:])
    return found


def complaints(found):
    return {name: f for name, f in found.items() if f[0] not in HARMLESS and name not in OF_THE_TEST}


def test_protocols(server, scratch):
    found = look(server, "25", scratch, "--protocols")
    assert complaints(found) == {}
    offered = {name for name in ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3") if "not" not in found[name][1]}
    assert offered == {"TLS1_2", "TLS1_3"}


@pytest.mark.skipif(not os.environ.get("GATEPOST_SLOW_TESTS"), reason="takes minutes; GATEPOST_SLOW_TESTS=1 runs it")
@pytest.mark.parametrize("service", ["25", "587", "465"])
def test_all_that_it_knows(server, scratch, service):
    found = look(server, service, scratch)
    print("\n".join(f"{name:30} {severity:8} {words}" for name, (severity, words) in found.items()))
    assert complaints(found) == {}
    assert found["cert_chain_of_trust"] == ("OK", "passed.")
