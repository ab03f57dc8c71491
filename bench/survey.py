#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long a full survey of one host's TLS takes: gatepost scan --tls-survey beside testssl.sh, which lists versions
and suites alone. Postfix as Debian has it, with a certificate of RSA and one of ECDSA; both look at it in turns."""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "system"))

import peers
from gateway import PROGRAM, free_port

KEYS = {"": ("rsa:2048",), "ec": ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")}


def certificates(folder):
    """Postfix's settings for one of each kind."""
    settings = {}
    for prefix, key in KEYS.items():
        certificate, private = folder / f"{prefix}mx.crt", folder / f"{prefix}mx.key"
        argv = ["openssl", "req", "-x509", "-nodes", "-newkey", *key, "-subj", "/CN=mx.test", "-days", "90"]
        subprocess.run([*argv, "-keyout", private, "-out", certificate], check=True, capture_output=True)
        settings |= {f"smtpd_tls_{prefix}cert_file": certificate, f"smtpd_tls_{prefix}key_file": private}
    return settings


def timed(argv, **options):
    begun = time.monotonic()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options)
    return time.monotonic() - begun, done.stdout


def survey(target):
    """Seconds, and the suites of all versions."""
    argv = [PROGRAM, "scan", "--private", "--no-dns", "--helo", "bench.test", "--rate", "0", "--json"]
    took, out = timed([*argv, "--tls-survey=1000", target])
    found = json.loads(out)["starttls"]["survey"]
    assert found["cut"] is None, found["cut"]
    return took, {(v["version"], c) for v in found["versions"] for c in v["ciphers"]}, found["connections"]


def testssl(target, folder):
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    argv = [shutil.which("testssl"), "--quiet", "--warnings", "off", "--color", "0", "--openssl", "/usr/bin/openssl"]
    argv += ["--nodns", "none", "--protocols", "--cipher-per-proto", "--jsonfile", report, "--starttls", "smtp", target]
    took, _ = timed(argv, env={**os.environ, "HOME": str(folder), "TERM": "dumb"})
    lines = [line for line in json.loads(report.read_text()) if line["id"].startswith("cipher-tls1")]
    names = {"TLS 1": "TLS 1.0"}
    return took, {(names.get(v, v), f.split()[-1]) for f in (x["finding"] for x in lines) for v in [f[:8].strip()]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=5)
    passes = parser.parse_args().passes
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = pathlib.Path(name)
        servers = peers.Peers(peers.peer_root(), folder)
        port = free_port()
        target = f"127.0.0.1:{port}"
        try:
            servers.postfix(port, free_port(), smtpd_tls_security_level="may", **certificates(folder))
            rows = []
            for i in range(passes):
                theirs = testssl(target, folder)
                ours = survey(target)
                rows.append(theirs[0] / ours[0])
                print(
                    f"pass {i + 1}: gatepost {ours[0]:.2f} s, {ours[2]} connections, {len(ours[1])} suites; "
                    f"testssl.sh {theirs[0]:.1f} s, {len(theirs[1])} suites; {rows[-1]:.0f} times; "
                    f"{'the same suites' if ours[1] == theirs[1] else ours[1] ^ theirs[1]}",
                    flush=True,
                )
            print(f"median: {statistics.median(rows):.0f} times")
        finally:
            servers.stop()


if __name__ == "__main__":
    main()
