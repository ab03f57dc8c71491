# SPDX-License-Identifier: Apache-2.0
"""A scan under way: how far it is, what is left when it is stopped, and where the next one goes on."""

import contextlib
import fcntl
import json
import os
import re
import signal
import struct
import subprocess
import termios
import time

from gateway import PROGRAM, free_port, run


def test_a_run_goes_on_where_it_stopped(tmp_path):
    out = tmp_path / "out"
    argv = [PROGRAM, "scan", "--private", "--no-dns", "--helo", "a.test", "--json", "--rate", "100", "-q"]
    argv += ["--resume", tmp_path / "state", "-o", out, f"127.9.0.0/24:{free_port()}"]
    with subprocess.Popen(argv) as first:
        time.sleep(1)
        first.send_signal(signal.SIGINT)
        assert first.wait(10) == 3
    assert 0 < len(out.read_text().splitlines()) < 256
    assert subprocess.run(argv, check=False, timeout=30).returncode == 3
    addresses = [json.loads(line)["address"] for line in out.read_text().splitlines()]
    assert sorted(addresses) == sorted(f"127.9.0.{i}" for i in range(256))
    argv[-1] = "127.9.1.0/24"
    assert subprocess.run(argv, check=False, capture_output=True).returncode == 2  # other targets


def test_what_says_how_far_it_is_is_on_disk_behind_what_it_speaks_of(tmp_path):
    """A power cut leaves no file that says more than was told, nor one with nothing in it."""
    out, state, trace = tmp_path / "out", tmp_path / "state", tmp_path / "trace"
    argv = ["strace", "-f", "-qq", "-y", "-e", "trace=fsync,rename", "-o", trace, PROGRAM, "scan", "--private"]
    argv += ["--no-dns", "--helo", "a.test", "--resume", state, "-o", out, f"127.0.0.1:{free_port()}"]
    assert subprocess.run(argv, check=False, timeout=30).returncode == 3
    calls = re.findall(r"(fsync|rename)\((?:\d+<)?\"?([^>\"]+)", trace.read_text())
    assert calls[-3:] == [("fsync", str(out)), ("fsync", f"{state}.new"), ("rename", f"{state}.new")]


def test_what_was_found_is_told_when_it_is_stopped():
    argv = [PROGRAM, "scan", "--private", "--no-dns", "--helo", "a.test", "--rate", "100", "-q"]
    argv += ["--format", "sarif", f"127.9.0.0/24:{free_port()}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=10)
    results = json.loads(out)["runs"][0]["results"]
    subjects = {r["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] for r in results}
    assert process.returncode == 3 and 0 < len(subjects) < 256


def terminal_of(*argv, columns=80):
    """What a command writes to a terminal that is both of its outputs."""
    ours, its = os.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen([PROGRAM, *map(str, argv)], stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        text = b""
        with contextlib.suppress(OSError):  # it is gone when its last user is
            while piece := os.read(ours, 65536):
                text += piece
        os.close(ours)
    return text.decode()


def test_a_terminal_shows_results_and_under_them_how_far_it_is():
    text = terminal_of(
        "scan", "--private", "--no-dns", "--helo", "a.test", "--rate", "2", f"127.9.0.0/29:{free_port()}"
    )
    steps = re.findall(r"\r\x1b\[K\x1b\[\?7l(\d of 8, [^\n]*?)\x1b\[\?7h(.*)", text)
    assert len(steps) > 3 and steps[-1][0].startswith("8 of 8") and steps[-1][1] == "\r"
    assert all("/s, 0:00:0" in step for step, _ in steps[:-1])
    # Nothing stands behind the line: it is taken away before a result comes.
    assert all(behind == "" or behind.startswith("\r\x1b[K") for _, behind in steps[:-1])


def test_a_file_has_no_lines_over_each_other():
    done = run(
        "scan", "--private", "--no-dns", "--helo", "a.test", "--progress", "--rate", "4", f"127.9.0.0/29:{free_port()}"
    )
    assert re.fullmatch(r"8 of 8, [0-9.]+/s; 0 answered, 0 refused, 8 silent, 0 left out\n", done.stderr)
