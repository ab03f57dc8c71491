# SPDX-License-Identifier: Apache-2.0
"""Libraries that hardly any command needs are loaded by those that do, and missed by nobody else."""

import contextlib
import os
import re
import shutil
import subprocess

import pytest
import rolerig
from gateway import PROGRAM, run

# With them come Kerberos, LDAP, a second TLS library, a second libevent and more.
LOADED = {"libcurl", "libpq", "libunbound"}
THEIRS = {"libevent-2.1", "libgmp", "libgnutls", "libgssapi_krb5", "libhogweed", "libkrb5", "libldap-2.5", "libnettle",
          "libnghttp2", "librtmp", "libssh2"}
IMAP = ("reports", "import", "--imap", "imaps://me@localhost:1/")
# A name that libunbound answers by itself: nobody is asked.
DNS = ("dmarc", "--from-domain", "a.localhost", "--resolver", "127.0.0.1:1")
SETTINGS = {"hostname": "mx.test", "state": "/nowhere", "listen": [{"address": "127.0.0.1:2525", "service": "inbound"}]}


def ldd(program):
    return subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def without(tmp_path, monkeypatch):
    """Makes a library one that cannot be loaded, for all programs from now on."""

    def hide(name):
        (tmp_path / name).touch()
        monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))

    return hide


@pytest.mark.parametrize("name", ["gatepost", "gatepost-fetch", "gatepost-reports", "gatepost-resolver"])
def test_nobody_waits_for_what_he_does_not_need(name):
    libraries = set(re.findall(r"(?m)^\s*(\S+?)\.so", ldd(PROGRAM.parent / name)))
    assert "libc" in libraries
    assert not libraries & (LOADED | THEIRS)


@pytest.mark.parametrize("name", ["libcurl.so.4", "libpq.so.5", "libunbound.so.8"])
def test_who_does_not_need_one_does_not_miss_it(without, tmp_path, name):
    without(name)
    database, mails = tmp_path / "received.db", tmp_path / "mails"
    mails.mkdir()
    done = run("reports", "import", "--database", database, mails)
    assert (done.returncode, done.stderr) == (0, "")
    assert run("reports", "summary", "--database", database).returncode == 0


@pytest.mark.parametrize("name, package, argv, code", [
    ("libcurl.so.4", "libcurl4", IMAP, 2),
    ("libpq.so.5", "libpq5", ("reports", "summary", "--database", "postgresql://localhost:1/nothing"), 4),
    ("libunbound.so.8", "libunbound8", DNS, 2),
])
def test_who_needs_one_says_which_and_where_it_comes_from(without, name, package, argv, code):
    without(name)
    done = run(*argv)
    assert (done.returncode, len(done.stderr.splitlines())) == (code, 1)
    assert f"{name} cannot be loaded: " in done.stderr and f"Debian's package {package} has it" in done.stderr


def test_one_that_lacks_what_is_needed_is_none(without, tmp_path):
    another = re.search(r"libz\.so\S* => (\S+)", ldd(PROGRAM))[1]
    without("libcurl.so.4")
    os.replace(shutil.copy(another, tmp_path), tmp_path / "libcurl.so.4")
    done = run(*IMAP)
    assert done.returncode == 2
    assert "libcurl.so.4 cannot be loaded: " in done.stderr and "undefined symbol: curl_" in done.stderr


@pytest.mark.parametrize("name, library, package", [
    ("fetch", "libcurl.so.4", "libcurl4"),
    ("resolver", "libunbound.so.8", "libunbound8"),
])
def test_a_role_says_what_it_misses_and_ends(without, name, library, package):
    without(library)
    role = rolerig.Role(name, SETTINGS)
    # It may have ended before all was said.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        role.start()
    assert role.process.wait(60) != 0
    assert re.search(f"library_not_loaded.*Debian's package {package}", role.log())


def test_a_resolver_with_answers_of_a_file_needs_none(without):
    without("libunbound.so.8")
    answers = {"text": '{"a.test": {"A": ["127.0.0.9"]}}'}
    with rolerig.Role("resolver", {**SETTINGS, "dns": {"answers": answers}}) as role:
        peer = role.peer("relay")
        peer.say("resolve", ticket=1, type=1, name=b"a.test")
        name, answer = peer.hear()
        assert (name, [r["data"] for r in answer["records"]]) == ("answer", [b"\x7f\0\0\x09"])
        assert role.stop() == 0, role.log()


def test_libunbound_runs_on_the_libevent_that_we_are_linked_with():
    """It loads another copy, which must not touch our loop."""
    done = run(*DNS, env={**os.environ, "LD_DEBUG": "bindings"})
    assert done.returncode == 0
    used = re.findall(r"/libunbound\.so\.8 \[0\] to \S*/(\w+)\S* \[0\]: normal symbol `event_", done.stderr)
    assert set(used) == {"libevent_core"}
