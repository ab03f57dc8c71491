# SPDX-License-Identifier: Apache-2.0
"""testssl.sh, Debian's, looks at port 25 and 587 by STARTTLS and at 465: it finds nothing above LOW but what a test's
certificate is to blame for.

What takes it a second or two is always tried; all that it knows only with GATEPOST_SLOW_TESTS=1 (minutes a port).
"""

import json
import os
import shutil
import subprocess

import pytest
from gateway import free_port
from httpsrig import Authority

NAME = "localhost"
HARMLESS = {"DEBUG", "INFO", "OK", "LOW"}
# What a certificate that was made a moment ago by an authority of the test's own cannot have, and the tool not either.
OF_THE_TEST = {
    "engine_problem": "Debian's openssl knows no GOST",
    "cert_revocation": "neither CRL nor OCSP address",
    "cert_crlDistributionPoints": "no CRL address",
    "cert_ocspURL": "no OCSP address",
    "DNS_CAArecord": "no CAA record: localhost has no zone",
}
QUICK = ["--protocols", "--server-defaults"]
TIMEOUT_S = 900


@pytest.fixture
def server(gatepost, scratch):
    authority = Authority(scratch)
    issued = authority.issue(NAME, common_name=NAME, days=90)
    certificate, key = scratch / "certificate.pem", scratch / "key.pem"
    for path, text in zip((certificate, key), issued.read_text(encoding="ascii").split("-----BEGIN EC", 1), strict=True):
        path.write_text(text if path == certificate else "-----BEGIN EC" + text, encoding="ascii")
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
    assert "scanProblem" not in found and len(found) > 10, (found, done.stdout[-3000:], done.stderr[-3000:])
    return found


def complaints(found):
    return {name: f for name, f in found.items() if f[0] not in HARMLESS and name.split(" ")[0] not in OF_THE_TEST}


def test_protocols_and_certificate(server, scratch):
    found = look(server, "25", scratch, *QUICK)
    assert complaints(found) == {}
    offered = {name for name in ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3") if "not" not in found[name][1]}
    assert offered == {"TLS1_2", "TLS1_3"}
    assert found["cert_chain_of_trust"] == ("OK", "passed.")


@pytest.mark.skipif(not os.environ.get("GATEPOST_SLOW_TESTS"), reason="takes minutes; GATEPOST_SLOW_TESTS=1 runs it")
@pytest.mark.parametrize("service", ["25", "587", "465"])
def test_all_that_it_knows(server, scratch, service):
    found = look(server, service, scratch)
    print("\n".join(f"{name:30} {severity:8} {words}" for name, (severity, words) in found.items()))
    assert complaints(found) == {}
