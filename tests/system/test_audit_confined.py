# SPDX-License-Identifier: Apache-2.0
"""gatepost audit hears hosts and name servers in a confined process, whatever it keeps; what it keeps is sealed by
another one, which hears nobody and is there when that one is gone."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import threading
import time

import pytest
from gateway import PROGRAM, eventually, run

WORLD = {"d.test": {"MX": [[10, "mx.d.test"]], "TXT": ["v=spf1 mx -all"]}, "mx.d.test": {"A": ["20.0.0.1"]}}
FILTERED = "2"  # of Seccomp in /proc/PID/status, by proc(5)


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        return dict(line.rstrip("\n").split(":\t", 1) for line in lines if ":\t" in line)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as text:
        return [int(word) for word in text.read().split()]


def sockets(pid):
    links = [os.stat(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
    return sum(stat.S_ISSOCK(link.st_mode) for link in links)


def is_confined(pid):
    now = status(pid)
    return now["Seccomp"] == FILTERED and now["NoNewPrivs"] == "1" and int(now["CapEff"], 16) == 0


@contextlib.contextmanager
def waiting(*argv):
    """An audit of which the name server is silent, and who speaks with it: the command itself, or its child."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{server.getsockname()[1]}"
        server.settimeout(20)
        argv = [PROGRAM, "audit", "--no-probe", "-q", "--resolver", place, *map(str, argv), "d.test"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            try:
                server.recv(512)  # it has asked
                yield process, (children(process.pid) or [process.pid])[0]
            finally:
                process.kill()


KEEPS = {
    "nothing": [],
    "metrics": ["--metrics", "metrics"],
    "a store": ["--store", "audits.db"],
    "a store and metrics": ["--store", "audits.db", "--metrics", "metrics"],
    "evidence": ["--evidence", "evidence"],
    "an archive": ["--evidence", "evidence.zip"],
    "all": ["--store", "audits.db", "--evidence", "evidence", "--metrics", "metrics"],
}


@pytest.mark.parametrize("keeps", KEEPS)
def test_who_hears_others_is_confined(tmp_path, monkeypatch, keeps):
    monkeypatch.chdir(tmp_path)
    with waiting(*KEEPS[keeps]) as (process, hearing):
        assert is_confined(hearing)
        if hearing != process.pid:
            assert sockets(hearing) > 0
            assert sockets(process.pid) == 0, "the parent hears nobody"


def test_hosts_are_heard_in_the_same_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with waiting("--probe", "--store", "audits.db", "--helo", "me.test") as (process, hearing):
        assert hearing != process.pid
        assert is_confined(hearing)
        assert sockets(process.pid) == 0


def test_a_zone_is_read_by_one_of_its_own():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transfer = f"d.test@127.0.0.1:{listener.getsockname()[1]}"
        with subprocess.Popen([PROGRAM, "audit", "--no-probe", "--axfr", transfer], stderr=subprocess.PIPE) as process:
            try:
                with listener.accept()[0] as peer:
                    assert peer.recv(512)
                    eventually(lambda: children(process.pid) and is_confined(children(process.pid)[0]), what="a child")
                    (reading,) = children(process.pid)
                    assert (sockets(reading), sockets(process.pid)) == (1, 0)
                    os.kill(reading, signal.SIGSYS)
                    _, complaint = process.communicate(timeout=20)
            finally:
                process.kill()
    assert process.returncode == 2
    assert complaint.decode() == f"gatepost audit: {transfer}: who reads it did not come to an end\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_handed_on(tmp_path, monkeypatch, number):
    monkeypatch.chdir(tmp_path)
    with waiting("--store", "audits.db", "--evidence", "evidence") as (process, _):
        process.send_signal(number)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 3, complaint
    assert not (tmp_path / "evidence/SHA256SUMS").exists()
    with contextlib.closing(sqlite3.connect("audits.db")) as db:
        assert db.execute("SELECT count(*) FROM run").fetchone() == (0,)


def test_the_child_ends_with_its_parent(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with waiting("--store", "audits.db") as (process, hearing):
        process.kill()
        process.wait()
        eventually(lambda: not os.path.exists(f"/proc/{hearing}"), what="the child's end")


def test_a_child_that_was_killed_is_told_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with waiting("--store", "audits.db", "--evidence", "evidence") as (process, hearing):
        os.kill(hearing, signal.SIGSYS)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 4
    assert complaint == "gatepost audit: what looks at the domains was killed by signal 31\n"
    assert not (tmp_path / "evidence/SHA256SUMS").exists()


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A store with a run in it, and how to make another."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names.json").write_text(json.dumps(WORLD), encoding="utf-8")

    def look():
        return run("audit", "--dns", "names.json", "--store", "audits.db", "--metrics", "metrics", "d.test")

    assert look().returncode == 0
    return look


@pytest.mark.parametrize("keeps", KEEPS)
def test_all_that_is_kept_is_whole(tmp_path, monkeypatch, keeps):
    """Of many domains: no buffer is so large that what a library does with a full one is not met."""
    monkeypatch.chdir(tmp_path)
    names = {name.replace("d.test", f"d{i}.test"): types for i in range(500) for name, types in WORLD.items()}
    (tmp_path / "names.json").write_text(json.dumps(names), encoding="utf-8")
    domains = [f"d{i}.test" for i in range(500)]
    argv = ["audit", "-q", "--dns", "names.json", "-o", "found", *KEEPS[keeps]]
    for _ in range(2 if "evidence" not in str(KEEPS[keeps]) else 1):
        done = run(*argv, *domains, timeout_s=120)
        assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "found").read_text(encoding="utf-8").count(" (sending)") == 500


def runs():
    with contextlib.closing(sqlite3.connect("audits.db")) as db:
        return db.execute("SELECT count(*) FROM run").fetchone()[0]


def test_nothing_stays_beside_a_store(kept, tmp_path):
    assert kept().returncode == 0
    assert sorted(os.listdir(tmp_path)) == ["audits.db", "metrics", "names.json"]
    assert runs() == 2


def test_it_waits_for_another_run(kept):
    with contextlib.closing(sqlite3.connect("audits.db", check_same_thread=False, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(1, lambda: db.execute("COMMIT"))
        begin = time.monotonic()
        timer.start()
        done = kept()
        timer.join()
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - begin >= 1


def test_others_read_a_store_meanwhile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with waiting("--store", "audits.db"):
        assert runs() == 0
