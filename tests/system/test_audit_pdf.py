# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --pdf: by the Chromium that is there, and by programs in its place that do what it never would."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess

import pytest
from gateway import run

NAMES = {f"d{i}.test": {"MX": [[10, f"mx.d{i}.test"]], "TXT": ["v=spf1 +all <b>\u202e"]} for i in range(12)}


@pytest.fixture
def world(tmp_path):
    path = tmp_path / "names.json"
    path.write_text(json.dumps(NAMES), encoding="utf-8")
    return path


def audit(world, pdf, code=0, path=None, domains=("d1.test",)):
    """path: the only folder of programs; TMPDIR is a folder of the test's own."""
    place = pdf.parent / "temporary"
    place.mkdir(exist_ok=True)
    for folder in [place, *list(place.parents)[:2]]:  # nobody must come this far
        folder.chmod(0o755)
    env = dict(os.environ, TMPDIR=str(place), **({"PATH": str(path)} if path else {}))
    done = run("audit", "--dns", world, "--pdf", pdf, *domains, env=env)
    assert done.returncode == code, done.stderr
    assert not list(place.iterdir())
    return done


def test_the_page_is_printed(tmp_path, world):
    if not shutil.which("chromium"):
        pytest.skip("no chromium on this machine")
    pdf = tmp_path / "audit.pdf"
    done = audit(world, pdf, domains=sorted(NAMES))
    assert "spf.all.plus" in done.stdout
    assert pdf.read_bytes().startswith(b"%PDF-")
    if not shutil.which("pdftotext"):
        pytest.skip("no pdftotext on this machine: what is in the PDF was not read")
    text = subprocess.run(["pdftotext", "-layout", pdf, "-"], capture_output=True, text=True, check=True).stdout
    pages = text.split("\f")[:-1]
    assert len(pages) > 1
    for number, page in enumerate(pages, 1):
        assert page.strip().endswith(f"{number} / {len(pages)}")
    assert set(NAMES) <= {line.strip() for line in text.splitlines()}
    assert "<b><U+202E>" in text
    # Boxes to tick are for the screen.
    assert "not measured\n" not in pages[0].split("\nd0.test\n")[0]


def test_without_chromium_it_says_so_before_it_looks(tmp_path, world):
    done = audit(world, tmp_path / "audit.pdf", code=4, path=tmp_path)
    assert "there is no chromium" in done.stderr
    assert done.stdout == ""


def fake(folder, script):
    program = folder / "bin" / "chromium"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return program.parent


@pytest.mark.parametrize(
    "script, why",
    [
        ("exit 3", "exit status 3"),
        ("kill -9 $$", "signal 9"),
        ("exit 0", "it made no PDF"),
        ("echo no PDF > page.pdf", "it made no PDF"),
        ("ln -s {secret} page.pdf", "it made no PDF"),
        ("mkfifo page.pdf", "it made no PDF"),
    ],
)
def test_what_is_no_pdf_is_not_taken(tmp_path, world, script, why):
    pdf = tmp_path / "audit.pdf"
    pdf.write_bytes(b"old")
    secret = tmp_path / "secret.pdf"
    secret.write_bytes(b"%PDF-1.7 of somebody else")
    done = audit(world, pdf, code=4, path=fake(tmp_path, script.format(secret=secret)))
    assert why in done.stderr
    assert pdf.read_bytes() == b"old"


def test_it_has_its_sandbox_and_nothing_of_ours(tmp_path, world):
    script = 'printf "%%PDF-\\n" > page.pdf; echo "$@" >> page.pdf; env >> page.pdf; id -u >> page.pdf'
    script += "; cat /proc/net/dev >> page.pdf; sleep 100731 &"
    pdf = tmp_path / "audit.pdf"
    audit(world, pdf, path=fake(tmp_path, script))
    text = pdf.read_text(encoding="utf-8")
    assert "--headless" in text
    assert "no-sandbox" not in text
    assert "TMPDIR" not in text
    if os.getuid() == 0:
        assert f"\n{os.stat('/proc/self').st_uid}\n" not in text
        devices = {line.split(":")[0].strip() for line in text.splitlines() if ":" in line and "|" not in line}
        assert "lo" in devices
        assert not any(name.startswith(("eth", "en", "wl")) for name in devices)
    assert not still_sleeping()


def still_sleeping():
    """Has the program left a process behind?"""
    for place in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if place.read_bytes() == b"sleep\x00100731\x00":
                return True
    return False
