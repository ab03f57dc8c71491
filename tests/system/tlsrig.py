# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates for tests, made by the openssl program; and gateways that have some."""

import socket
import ssl
import subprocess

KINDS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"]}


def make(folder, name="mx.gatepost.test", kind="ec", stem=None, owner=None):
    """A self-signed certificate and its key: their paths."""
    stem = stem or f"{name}-{kind}"
    certificate, key = folder / f"{stem}.pem", folder / f"{stem}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-days", "30", *KINDS[kind], "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )
    key.chmod(0o600)
    return certificate, key


def context(trusted=None, name=None, **attributes):
    """A client's: without a trusted certificate it takes any."""
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    c.check_hostname = trusted is not None
    c.verify_mode = ssl.CERT_REQUIRED if trusted else ssl.CERT_NONE
    if trusted:
        c.load_verify_locations(trusted)
    for key, value in attributes.items():
        setattr(c, key, value)
    return c


def connect(port, c=None, name="mx.gatepost.test", session=None, timeout=20):
    """TLS from the first octet."""
    s = socket.create_connection(("127.0.0.1", port), timeout=timeout)
    return (c or context()).wrap_socket(s, server_hostname=name, session=session)


def fingerprint(port, name="mx.gatepost.test"):
    """The certificate that is shown, in PEM."""
    with connect(port, name=name) as s:
        return ssl.DER_cert_to_PEM_cert(s.getpeercert(binary_form=True))
