# SPDX-License-Identifier: Apache-2.0
"""gatepost audit --evidence: what an auditor is given, read by tools that are not ours."""

import base64
import hashlib
import json
import pathlib
import shutil
import subprocess
import zipfile

import dnsrig
import pytest
from gateway import run

NAMES = {
    "a.test": {"MX": [[10, "mx.a.test"]], "TXT": ["v=spf1 mx -all"]},
    "mx.a.test": {"A": ["20.0.0.1"]},
    "b.test": {"MX": [[0, "."]], "TXT": ["v=spf1 +all"]},
    "2.0.0.127.bl.test": {"A": ["127.0.0.2"]},
    "1.0.0.20.bl.test": {"A": ["127.0.0.4"]},
}
HELD = ["--baseline", "nl", "--baseline", "bsi", "--dnsbl", "bl.test"]
FILES = ["run.json", "world.json", "findings.jsonl", "findings.html", "baselines/nl.txt", "baselines/bsi.txt"]
TTL_S = 60  # of all records of dnsrig


@pytest.fixture
def world(tmp_path):
    path = tmp_path / "names.json"
    path.write_text(json.dumps(NAMES), encoding="utf-8")
    return path


def audit(*argv, code=1):
    done = run("audit", "--json", *argv)
    assert done.returncode == code, done.stderr
    return done


def check_sums(folder, files):
    sums = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    assert [line.split("  ")[1] for line in sums] == files
    done = subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_folder_has_all_that_was_found(tmp_path, world):
    folder = tmp_path / "pack"
    argv = ["--dns", world, *HELD, "--time", "1790000000"]
    done = audit(*argv, "--evidence", folder, "a.test", "b.test")
    check_sums(folder, FILES)
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*.*")) == sorted(FILES)
    assert (folder / "findings.jsonl").read_text(encoding="utf-8") == done.stdout
    assert (folder / "world.json").read_bytes() == world.read_bytes()
    html = run("audit", *argv, "--format", "html", "a.test", "b.test").stdout
    assert (folder / "findings.html").read_text(encoding="utf-8") == html
    about = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert about["command"] == ["gatepost", "audit", *map(str, done.args[2:])]
    assert (about["domains"], about["addresses"], about["resolvers"]) == (2, 1, None)
    assert about["baselines"] == ["nl", "bsi"]
    assert about["begin"] <= about["end"]


def test_an_archive_has_the_same_and_is_the_same_again(tmp_path, world):
    folder, archive, again = tmp_path / "pack", tmp_path / "pack.zip", tmp_path / "again.zip"
    for place in folder, archive, again:
        audit("--dns", world, *HELD, "--time", "1790000000", "--evidence", place, "a.test", "b.test")
    with zipfile.ZipFile(archive) as pack, zipfile.ZipFile(again) as other:
        assert pack.testzip() is None
        assert pack.namelist() == [*FILES, "SHA256SUMS"]
        for name in FILES[1:]:
            assert pack.read(name) == other.read(name) == (folder / name).read_bytes()
        assert {info.date_time for info in pack.infolist()} == {(2026, 9, 21, 14, 13, 20)}
        pack.extractall(tmp_path / "out")
    check_sums(tmp_path / "out", FILES)
    assert not (tmp_path / "pack.zip.new").exists()
    if shutil.which("unzip"):
        subprocess.run(["unzip", "-qt", archive], check=True)


def test_answers_are_kept_as_they_came(tmp_path):
    config, archive = tmp_path / "gatepost.yaml", tmp_path / "pack.zip"
    settings = {"hostname": "mx.test", "listen": [{"address": "127.0.0.1:2525"}], "dns": {"trust_anchor": "none"}}
    config.write_text(json.dumps(settings), encoding="utf-8")
    try:
        with dnsrig.DnsRig(NAMES | {"dead.test": "SERVFAIL"}) as rig:
            argv = ["--no-probe", "-c", config, "--resolver", rig.server, *HELD, "--evidence", archive]
            audit(*argv, "a.test", "b.test", "dead.test")
            server = rig.server
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    with zipfile.ZipFile(archive) as pack:
        assert "answers.jsonl" in pack.namelist()
        assert json.loads(pack.read("run.json"))["resolvers"] == [server]
        answers = [json.loads(line) for line in pack.read("answers.jsonl").splitlines()]
        assert json.loads(pack.read("run.json"))["answers"] == len(answers)
    places = list(dict.fromkeys(a["for"] for a in answers))
    assert places == ["a.test", "b.test", "dead.test", "block lists"]
    for place in places:
        keys = [(a["name"], a["type"]) for a in answers if a["for"] == place]
        assert len(keys) == len(set(keys))
        assert [name for name, _ in keys] == sorted(name for name, _ in keys)
    (mx,) = (a for a in answers if (a["for"], a["name"], a["type"]) == ("a.test", "a.test", "MX"))
    assert (mx["status"], 0 < mx["ttl"] <= TTL_S, mx["secure"]) == ("ok", True, False)
    assert b"\x02mx" in base64.b64decode(mx["packet"])
    (dead,) = (a for a in answers if (a["name"], a["type"]) == ("dead.test", "MX"))
    assert dead["status"] == "servfail"
    assert any(a["name"] == "1.0.0.20.bl.test" and a["status"] == "ok" for a in answers)


def test_what_is_there_is_not_written_over_by_half(tmp_path, world):
    folder, archive = tmp_path / "pack", tmp_path / "pack.zip"
    folder.mkdir()
    archive.write_bytes(b"old")
    audit("--dns", world, "--evidence", folder, "a.test", code=4)
    assert not list(folder.iterdir())
    # A store that cannot be written ends the run.
    audit("--dns", world, "--store", tmp_path, "--evidence", archive, "a.test", code=4)
    assert archive.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["names.json", "pack", "pack.zip"]
    audit("--dns", world, "--evidence", archive, "a.test", code=0)
    assert zipfile.is_zipfile(archive)


def test_a_webhook_is_no_evidence(tmp_path, world):
    argv = ["--dns", world, "--store", tmp_path / "audit.db", "--evidence", tmp_path / "pack"]
    for hook in ["--webhook=https://hooks.test/0123secret"], ["--webhook", "https://hooks.test/0123secret"]:
        run("audit", "watch", *argv, *hook, "b.test")
        command = json.loads((tmp_path / "pack/run.json").read_text(encoding="utf-8"))["command"]
        assert "0123secret" not in str(command)
        assert any(word.endswith("***") for word in command)
        shutil.rmtree(tmp_path / "pack")


def test_sums_are_those_of_the_files(tmp_path, world):
    audit("--dns", world, "--evidence", tmp_path / "pack", "a.test", code=0)
    for line in pathlib.Path(tmp_path / "pack/SHA256SUMS").read_text(encoding="ascii").splitlines():
        digest, name = line.split("  ")
        assert digest == hashlib.sha256((tmp_path / "pack" / name).read_bytes()).hexdigest()
