# SPDX-License-Identifier: Apache-2.0
"""Mail whose sender can be proven: the message, the names in the DNS, and whether a server does look at them.

A server that does not verify is a fast one; so each is asked, before it is measured, to prove a good message and to
refuse a forged one.
"""

import base64
import email
import email.policy
import functools
import pathlib
import re
import smtplib
import subprocess
import time

import dkim

from servers import ROOT  # and where tests/system is

import dnsrig
import sink

RESOLVER = "127.53.0.1"  # port 53: the only one that resolv.conf knows
DOMAIN = "sender.example"
HELO = f"mail.{DOMAIN}"
SENDER = f"load@{DOMAIN}"
FORGER = "load@other.example"
METHODS = ("spf", "dkim", "dmarc")
PATIENCE_S = 20

HEADER = f"""\
From: Load <{SENDER}>
To: Sink <user@sink.test>
Subject: a message with a signature
Date: Mon, 06 Jan 2025 10:00:00 +0000
Message-ID: <signed.1@{DOMAIN}>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii

"""
LINE = "Some words of a letter, as long as lines of such a text usually are: 74.\r\n"


@functools.cache
def key():
    """A private key of RSA-2048 in PEM, and its record's p=."""
    openssl = functools.partial(subprocess.run, capture_output=True, check=True)
    pem = openssl(["openssl", "genrsa", "-traditional", "2048"]).stdout
    der = openssl(["openssl", "rsa", "-pubout", "-outform", "DER"], input=pem).stdout
    return pem, base64.b64encode(der).decode()


@functools.cache
def message(size):
    """One with a body of about so many octets, signed by somebody else's program."""
    text = HEADER.replace("\n", "\r\n").encode() + (LINE * (size // len(LINE))).encode()
    fields = [line.partition(":")[0].lower().encode() for line in HEADER.strip().splitlines()]
    canonical = (b"relaxed", b"relaxed")
    return dkim.sign(text, b"s1", DOMAIN.encode(), key()[0], canonicalize=canonical, include_headers=fields) + text


def names():
    return {
        DOMAIN: {"TXT": [f"v=spf1 include:_spf.{DOMAIN} -all"], "MX": [[10, HELO]]},
        f"_spf.{DOMAIN}": {"TXT": ["v=spf1 ip4:192.0.2.0/24 ip4:127.0.0.0/8 -all"]},
        f"s1._domainkey.{DOMAIN}": {"TXT": [f"v=DKIM1; k=rsa; p={key()[1]}"]},
        f"_dmarc.{DOMAIN}": {"TXT": ["v=DMARC1; p=reject"]},
        HELO: {"A": ["127.0.0.1"], "TXT": ["v=spf1 ip4:127.0.0.0/8 -all"]},
        "other.example": {"A": ["127.0.0.1"], "MX": [[10, "other.example"]]},
        "1.0.0.127.in-addr.arpa": {"PTR": [HELO]},
    }


def resolver():
    """A name server that knows them, at RESOLVER."""
    return dnsrig.DnsRig(names(), address=RESOLVER, port=53)


def send(port, sender, text):
    """Sends one message to check.test; returns the code of the last answer."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname=HELO, timeout=PATIENCE_S) as client:
        try:
            client.sendmail(sender, ["user@check.test"], text)
        except smtplib.SMTPRecipientsRefused as refused:
            return next(iter(refused.recipients.values()))[0]
        except smtplib.SMTPResponseException as refused:
            return refused.smtp_code
    return 250


def results(text):
    """What Authentication-Results fields say: a set of such as "spf=pass"."""
    fields = email.message_from_bytes(text, policy=email.policy.SMTP).get_all("Authentication-Results", [])
    return {found for field in fields for found in re.findall(r"\b(?:spf|dkim|dmarc)=\w+", str(field))}


def check(server):
    """Raises RuntimeError when the server, which has started in mode `verify`, does not verify."""
    there = sink.Sink(address=("127.0.0.1", server.sink_port))
    try:
        code = send(server.port, SENDER, message(4096))
        end = time.monotonic() + PATIENCE_S
        while code == 250 and not there.messages and time.monotonic() < end:
            time.sleep(0.05)
        found = results(there.messages[0][2]) if there.messages else set()
        missing = [f"{method}=pass" for method in METHODS if f"{method}=pass" not in found]
        if missing:
            raise RuntimeError(f"{server.name} does not say {', '.join(missing)} but {sorted(found)}, code {code}")
        code = send(server.port, FORGER, message(4096).replace(b"Some words", b"Same words"))
        if not 500 <= code < 600:
            raise RuntimeError(f"{server.name} answers {code} to a forged message")
    finally:
        there.stop()


def write_message(folder, size):
    path = pathlib.Path(folder) / f"signed-{size}.eml"
    path.write_bytes(message(size))
    return path
