# SPDX-License-Identifier: Apache-2.0
"""TLS as clients meet it: by STARTTLS and from the first octet, with certificates that change, a signer that is slow or
dies, and clients that mean no good."""

import hashlib
import os
import pathlib
import re
import signal
import smtplib
import socket
import ssl
import subprocess
import time

import pytest
import tlsrig
from gateway import eventually, free_port

MESSAGE = b"From: me@example.com\r\nSubject: hello\r\n\r\nhello\r\n"
NAME = "mx.gatepost.test"


@pytest.fixture
def secure(gatepost, scratch):
    """secure(...) starts a gateway with STARTTLS on .port and TLS from the first octet on .tls_port."""

    def start(certificates=None, **settings):
        pairs = certificates or [tlsrig.make(scratch)]
        port, tls_port = free_port(), free_port()
        server = gatepost(
            listen=[
                {"address": f"127.0.0.1:{port}", "service": "inbound"},
                {"address": f"127.0.0.1:{tls_port}", "service": "inbound", "tls": "implicit"},
            ],
            tls={"certificate": [str(c) for c, _ in pairs], "key": [str(k) for _, k in pairs]},
            workers=1,
            **settings,
        )
        server.tls_port = tls_port
        server.pairs = pairs
        return server

    return start


def logged(server, event):
    return [line for line in server.log_lines() if line["event"] == event]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_mail_comes_in_by_starttls(secure, scratch, kind, version):
    server = secure([tlsrig.make(scratch, kind=kind)])
    context = tlsrig.context(server.pairs[0][0], minimum_version=version, maximum_version=version)
    with smtplib.SMTP("127.0.0.1", server.port, timeout=20) as client:
        client._host = NAME
        client.ehlo("client.example.com")
        assert client.has_extn("starttls")
        assert client.starttls(context=context)[0] == 220
        client.ehlo("client.example.com")
        assert not client.has_extn("starttls")
        client.sendmail("me@example.com", ["alice@demo.test"], MESSAGE)
    (mail,) = server.wait_for_mails("alice")
    protocol = "TLSv1.2" if version == ssl.TLSVersion.TLSv1_2 else "TLSv1.3"
    assert re.search(rf"with ESMTPS\s+\({protocol} [A-Z0-9_-]+\) id ", mail["Received"]), mail["Received"]
    (accepted,) = logged(server, "accepted")
    assert accepted["tls_version"] == protocol
    assert accepted["tls_cipher"].startswith("TLS_" if protocol == "TLSv1.3" else "ECDHE-")


def test_mail_comes_in_by_tls_from_the_first_octet(secure):
    server = secure()
    with smtplib.SMTP_SSL("127.0.0.1", server.tls_port, timeout=20, context=tlsrig.context()) as client:
        client.ehlo("client.example.com")
        assert not client.has_extn("starttls")
        client.sendmail("me@example.com", ["alice@demo.test"], MESSAGE + b"x" * 700000 + b"\r\n")
    (mail,) = server.wait_for_mails("alice")
    assert "with ESMTPS" in mail["Received"]


def test_mail_in_clear_is_as_before(secure):
    server = secure()
    server.send(MESSAGE)
    (mail,) = server.wait_for_mails("alice")
    assert "with ESMTP id" in mail["Received"]
    assert "tls_version" not in logged(server, "accepted")[0]


def test_without_a_certificate_there_is_no_starttls(gatepost):
    with gatepost().client() as client:
        client.ehlo("client.example.com")
        assert not client.has_extn("starttls")
        assert client.docmd("STARTTLS")[0] == 502


@pytest.mark.parametrize("tls", ["-tls1_2", "-tls1_3"])
def test_openssl_s_client(secure, tls):
    server = secure()
    said = subprocess.run(
        ["openssl", "s_client", "-starttls", "smtp", "-connect", f"127.0.0.1:{server.port}", tls, "-servername", NAME,
         "-CAfile", server.pairs[0][0], "-verify_return_error", "-verify_hostname", NAME],
        input="QUIT\r\n", capture_output=True, text=True, timeout=20, check=False,
    )
    assert "Verify return code: 0 (ok)" in said.stdout, said.stdout + said.stderr


def test_swaks(secure):
    server = secure()
    said = subprocess.run(
        ["swaks", "--server", f"127.0.0.1:{server.port}", "-tls", "--from", "me@example.com", "--to", "bob@demo.test"],
        capture_output=True, text=True, timeout=30, check=False,
    )
    if "requires Net::SSLeay" in said.stdout + said.stderr:
        pytest.skip("swaks has no TLS here: libnet-ssleay-perl is missing")
    assert said.returncode == 0, said.stdout + said.stderr
    assert server.wait_for_mails("bob")


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_postfix_sends_by_tls(secure, scratch, peers, kind):
    server = secure([tlsrig.make(scratch, kind=kind)])
    port = free_port()
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(server.pairs[0][0].read_text())).hexdigest().upper()
    peers.postfix(
        port,
        server.port,
        smtp_tls_security_level="fingerprint",
        smtp_tls_fingerprint_digest="sha256",
        smtp_tls_fingerprint_cert_match=":".join(digest[i : i + 2] for i in range(0, 64, 2)),
    )
    peers.smtp_source(port, 20, "-t", "alice@demo.test")
    for mail in server.wait_for_mails("alice", 20):
        assert "with ESMTPS" in mail["Received"]


def test_sni_chooses_the_certificate(secure, scratch):
    names = [NAME, "mail.other.test"]
    pairs = [tlsrig.make(scratch, name) for name in names]
    server = secure(pairs)
    for asked, shown in [*zip(names, names, strict=True), ("nobody.test", NAME)]:
        assert tlsrig.fingerprint(server.tls_port, asked) == (scratch / f"{shown}-ec.pem").read_text()


# --- tickets ---


def resumed(port, context, session):
    with tlsrig.connect(port, context, session=session) as s:
        assert s.recv(4) == b"220 "  # the ticket has come before it
        return s.session_reused, s.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_ticket_is_good_where_it_was_given(secure, version):
    server = secure()
    context = tlsrig.context(maximum_version=version)
    reused, session = resumed(server.tls_port, context, None)
    assert not reused
    assert resumed(server.tls_port, context, session)[0]
    # At another listener it is nothing.
    with smtplib.SMTP("127.0.0.1", server.port, timeout=20) as client:
        client.ehlo("client.example.com")
        client.docmd("STARTTLS")
        with context.wrap_socket(client.sock, server_hostname=NAME, session=session) as s:
            assert not s.session_reused
            client.sock = None
    # It outlives the process that gave it.
    os.kill(server.pid_of("smtpd"), signal.SIGKILL)
    eventually(server.answers, what="the greeting")
    assert resumed(server.tls_port, context, session)[0]
    server.crash_is_expected = True


# --- certificates that change ---


def replace(pair, fresh):
    for old, new in zip(pair, fresh, strict=True):
        os.replace(new, old)


def test_a_reload_takes_the_new_certificate_and_drops_nobody(secure, scratch):
    server = secure()
    with tlsrig.connect(server.tls_port) as old:
        assert old.recv(4) == b"220 "
        replace(server.pairs[0], tlsrig.make(scratch, stem="fresh"))
        wanted = server.pairs[0][0].read_text()
        assert tlsrig.fingerprint(server.tls_port) != wanted
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: tlsrig.fingerprint(server.tls_port) == wanted, what="the new certificate")
        old.sendall(b"NOOP\r\n")
        assert b"250" in old.recv(1000) + old.recv(1000)
    assert not logged(server, "role_died")


def test_half_a_renewal_leaves_the_old_certificate(secure, scratch):
    server = secure()
    before = server.pairs[0][0].read_text()
    fresh = tlsrig.make(scratch, stem="fresh")
    os.replace(fresh[0], server.pairs[0][0])
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: logged(server, "certificate_unused"), what="the complaint")
    assert tlsrig.fingerprint(server.tls_port) == before
    os.replace(fresh[1], server.pairs[0][1])
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: tlsrig.fingerprint(server.tls_port) != before, what="the new certificate")


def reload(server):
    """To its end: signer has the keys, and whoever shakes hands has done with what it has."""
    before = len(logged(server, "reloaded"))
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(logged(server, "reloaded")) > before, what="the reload")
    server.settle("signer", "smtpd")


@pytest.mark.parametrize("mistaken", [0, 1], ids=["certificate", "key"])
def test_half_a_renewal_may_be_reloaded_again(secure, scratch, mistaken):
    server = secure()
    before = server.pairs[0][0].read_text()
    fresh = tlsrig.make(scratch, stem="fresh")
    os.replace(fresh[mistaken], server.pairs[0][mistaken])
    for complaints in (1, 2, 3):
        os.utime(server.pairs[0][mistaken])
        reload(server)
        unused = "certificate_unused"
        if mistaken == 0:
            eventually(lambda n=complaints: len(logged(server, unused)) >= n, what="the complaint")
        assert tlsrig.fingerprint(server.tls_port) == before
    os.replace(fresh[1 - mistaken], server.pairs[0][1 - mistaken])
    reload(server)
    eventually(lambda: tlsrig.fingerprint(server.tls_port) != before, what="the new certificate")


def test_a_certificate_may_go_back_to_one_whose_key_was_there(secure, scratch):
    server = secure()
    first = [path.read_bytes() for path in server.pairs[0]]
    replace(server.pairs[0], tlsrig.make(scratch, stem="fresh"))
    reload(server)
    eventually(lambda: tlsrig.fingerprint(server.tls_port).encode() != first[0], what="the new certificate")
    server.pairs[0][0].write_bytes(first[0])
    reload(server)
    eventually(lambda: tlsrig.fingerprint(server.tls_port).encode() == first[0], what="the one before")
    reload(server)
    assert tlsrig.fingerprint(server.tls_port).encode() == first[0]


def test_a_changed_file_is_noticed(secure, scratch):
    server = secure()
    replace(server.pairs[0], tlsrig.make(scratch, stem="fresh"))
    wanted = server.pairs[0][0].read_text()
    eventually(lambda: tlsrig.fingerprint(server.tls_port) == wanted, 75, "the new certificate")
    assert logged(server, "certificates_reloaded") and not logged(server, "reloaded")


def test_what_is_no_file_of_certificates_is_no_renewal(secure, scratch):
    server = secure()
    certificate, key = server.pairs[0]
    before = certificate.read_text()
    certificate.write_bytes(before.encode() + key.read_bytes())
    eventually(lambda: logged(server, "certificates_not_reloaded"), 75, "the complaint")
    assert not logged(server, "certificates_reloaded")
    assert tlsrig.fingerprint(server.tls_port) == before
    assert not logged(server, "role_died")


def test_a_certificate_without_its_key_costs_no_other(secure, scratch):
    good, other = tlsrig.make(scratch, kind="rsa"), tlsrig.make(scratch, stem="other")
    stranger = tlsrig.make(scratch, stem="stranger")
    server = secure([good, (other[0], stranger[1])])
    assert tlsrig.fingerprint(server.tls_port) == good[0].read_text()
    assert [line["number"] for line in logged(server, "certificate_unused")] == [2]
    # Nor its renewal.
    replace(good, tlsrig.make(scratch, kind="rsa", stem="fresh"))
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: tlsrig.fingerprint(server.tls_port) == good[0].read_text(), what="the new certificate")


def test_a_key_that_is_none_leaves_no_tls(secure, scratch):
    certificate, key = tlsrig.make(scratch)
    key.write_text("hello\n")
    server = secure([(certificate, key)])
    assert logged(server, "key_refused") and logged(server, "certificate_unused")
    with server.client() as client:
        client.ehlo("client.example.com")
        assert not client.has_extn("starttls")
    with pytest.raises(OSError):
        tlsrig.connect(server.tls_port)


# --- signer ---


def test_a_signer_that_dies_costs_its_handshakes_alone(secure):
    server = secure()
    with tlsrig.connect(server.tls_port) as old:
        assert old.recv(4) == b"220 "
        os.kill(server.pid_of("signer"), signal.SIGKILL)
        old.sendall(b"NOOP\r\n")
        assert b"250" in old.recv(1000) + old.recv(1000)

    def again():
        try:
            return tlsrig.fingerprint(server.tls_port)
        except OSError:
            return None

    eventually(again, what="a handshake")
    server.crash_is_expected = True


def test_a_signer_that_hangs_stalls_nobody(secure):
    server = secure()
    pid = server.pid_of("signer")
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        stuck = socket.create_connection(("127.0.0.1", server.tls_port), timeout=20)
        wrapped = tlsrig.context().wrap_socket(stuck, do_handshake_on_connect=False, server_hostname=NAME)
        wrapped.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            wrapped.do_handshake()
        # The same process goes on with others.
        for _ in range(20):
            server.send(MESSAGE)
        with pytest.raises(ssl.SSLWantReadError):
            wrapped.do_handshake()
        wrapped.setblocking(True)
        wrapped.settimeout(60)
        with pytest.raises(OSError):
            wrapped.do_handshake()
        assert 4 < time.monotonic() - began < 30
        eventually(lambda: logged(server, "tls_failed"), what="the log's line")
        assert logged(server, "tls_failed")[0]["reason"] == "signer does not answer"
    finally:
        os.kill(pid, signal.SIGCONT)
    assert tlsrig.fingerprint(server.tls_port)


# --- clients that mean no good ---


@pytest.mark.parametrize("rest", [b"EHLO evil.example\r\n", b"\r\n", b"x", b"RSET\r\nMAIL FROM:<a@b.test>\r\n"])
def test_what_follows_starttls_ends_the_session(secure, rest):
    server = secure()
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        talk.write(b"STARTTLS\r\n" + rest)
        assert talk.reply().startswith("554")
        assert talk.closed()
    # A pause between them changes nothing but the reply: then it is no TLS.
    with server.talk() as talk:
        talk.say("EHLO client.example.com")
        assert talk.say("STARTTLS").startswith("220")
        talk.write(rest + b"\r\n" * 10)
        talk.socket.shutdown(socket.SHUT_WR)
        assert b"250" not in talk.file.read()
    eventually(lambda: logged(server, "tls_failed"), what="the log's line")


def test_ehlo_is_to_be_said_again(secure):
    server = secure()
    with smtplib.SMTP("127.0.0.1", server.port, timeout=20) as client:
        client.ehlo("client.example.com")
        client.starttls(context=tlsrig.context())
        assert client.docmd("MAIL", "FROM:<me@example.com>")[0] == 503


NONSENSE = {
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "an endless record": b"\x16\x03\x01" + b"\xff" * 70000,
    "zeroes": b"\0" * 70000,
}


@pytest.mark.parametrize("what", NONSENSE)
def test_nonsense_at_the_tls_port_ends_that_connection(secure, what):
    server = secure()
    octets = NONSENSE[what]
    with socket.create_connection(("127.0.0.1", server.tls_port), timeout=20) as s:
        try:
            s.sendall(octets)
            while s.recv(1000):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass
    assert tlsrig.fingerprint(server.tls_port)
    assert not logged(server, "role_died")


def test_a_large_client_hello_is_refused(secure):
    server = secure()
    with socket.create_connection(("127.0.0.1", server.tls_port), timeout=20) as s:
        record = b"\x16\x03\x01\x40\x00" + b"\x01\x10\x00\x00\x03\x03" + b"a" * (0x4000 - 6)
        try:
            for _ in range(70):
                s.sendall(record)
            while s.recv(1000):
                pass
        except (ConnectionResetError, BrokenPipeError):
            pass
    (line,) = eventually(lambda: logged(server, "tls_failed"), what="the log's line")
    assert "excessive" in line["reason"]


def test_a_body_ended_by_close_notify_is_dropped(secure):
    server = secure()
    context = tlsrig.context()
    with socket.create_connection(("127.0.0.1", server.tls_port), timeout=20) as s:
        tls = context.wrap_socket(s, server_hostname=NAME, suppress_ragged_eofs=True)
        reader = tls.makefile("rb")
        assert reader.readline().startswith(b"220")
        for line in (b"EHLO c.example", b"MAIL FROM:<a@b.test>", b"RCPT TO:<alice@demo.test>", b"DATA"):
            tls.sendall(line + b"\r\n")
            while reader.readline()[3:4] == b"-":
                pass
        tls.sendall(b"Subject: half\r\n\r\nhalf a")
        plain = tls.unwrap()
        # What comes in clear behind it is not the rest of the body.
        try:
            plain.sendall(b" body\r\n.\r\n")
            assert plain.recv(1000) == b""
        except OSError:
            pass
    assert not server.mails("alice") and not logged(server, "accepted")


# --- secrets ---


def key_octets(path):
    """The private number of an EC key, or a prime of an RSA key."""
    text = subprocess.run(
        ["openssl", "pkey", "-in", path, "-noout", "-text"], check=True, capture_output=True, text=True
    ).stdout
    part = re.search(r"(?:priv|prime1):\n((?:\s+[0-9a-f:]+\n)+)", text).group(1)
    return bytes.fromhex(re.sub(r"[^0-9a-f]", "", part)).lstrip(b"\0")


@pytest.mark.skipif(os.geteuid() != 0, reason="reading another's memory needs root")
def test_private_keys_are_in_signer_alone(secure, scratch):
    pairs = [tlsrig.make(scratch, kind=kind) for kind in ("ec", "rsa")]
    server = secure(pairs)
    for kind in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"):
        context = tlsrig.context(maximum_version=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers(kind)
        with tlsrig.connect(server.tls_port, context) as s:
            assert s.recv(4) == b"220 "
    needles = [key_octets(key) for _, key in pairs]
    needles += ["".join(key.read_text().splitlines()[1:2]).encode() for _, key in pairs]
    assert server.holders_of(needles) == {"gatepost-signer"}


def test_no_core_dump_and_no_descriptor_of_a_key_is_left(secure):
    server = secure()
    key = str(pathlib.Path(server.pairs[0][1]).resolve())
    for pid in [server.process.pid, *server.roles()]:
        for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
            assert os.readlink(fd) != key, (pid, fd)
