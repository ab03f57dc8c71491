# SPDX-License-Identifier: Apache-2.0
"""`gatepost user`: who is in the file of users, and what is kept of a password."""

import base64
import hashlib
import hmac
import json
import os
import pty
import signal
import stat
import subprocess
import termios

import pytest
from gateway import PROGRAM, run


@pytest.fixture
def config(tmp_path):
    settings = {
        "hostname": "mx.gatepost.test",
        "state": "state",
        "listen": [{"address": "127.0.0.1:2525"}],
        "users": {"file": "users"},
    }
    path = tmp_path / "gatepost.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


def user(config, *argv, password=None):
    return run("user", argv[0], "-c", config, *argv[1:], input=password or "")


def listed(config):
    done = user(config, "list", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def line_of(config, name):
    lines = (config.parent / "users").read_text(encoding="utf-8").splitlines()
    (line,) = [line.split() for line in lines if line.split()[:1] == [name]]
    return line


def test_a_user_is_added(config):
    file = config.parent / "users"
    assert user(config, "add", "Alice@Example.org", password="secret\n").returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    name, password = line_of(config, "alice@example.org")
    assert password.startswith("{argon2id}$argon2id$v=19$m=65536,t=2,p=1$")
    assert "secret" not in file.read_text()
    again = user(config, "add", "alice@example.org", password="other\n")
    assert again.returncode == 1 and "there already" in again.stderr
    assert line_of(config, "alice@example.org") == [name, password]
    assert [f.name for f in config.parent.iterdir() if f.name.startswith("users")] == ["users"]


def test_the_others_stay_as_they_are(config):
    file = config.parent / "users"
    file.write_text("# ours\nbob@example.org   daily=3\n\nwrong\n", encoding="utf-8")
    file.chmod(0o640)
    added = user(config, "add", "--from", "a@b.test,@c.test", "--hourly", "5", "printer", password="secret\n")
    assert added.returncode == 0
    assert "users:4:1: the name is no address" in added.stderr
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# ours\nbob@example.org   daily=3\n\nwrong\nprinter {argon2id}$argon2id$")
    assert text.endswith(" from=a@b.test,@c.test hourly=5\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    done = user(config, "list", "--json")
    assert done.returncode == 1
    names = [json.loads(line) for line in done.stdout.splitlines()]
    assert [n["name"] for n in names] == ["bob@example.org", "printer"]
    assert names[1] == {
        "name": "printer",
        "password": True,
        "scram": False,
        "from": ["a@b.test", "@c.test"],
        "hourly": 5,
        "daily": None,
        "dashboard": None,
        "line": 5,
    }


def test_a_password_is_changed(config):
    assert user(config, "add", "--daily", "7", "alice@example.org", password="one\n").returncode == 0
    before = line_of(config, "alice@example.org")
    assert user(config, "passwd", "ALICE@example.org", password="two\n").returncode == 0
    after = line_of(config, "alice@example.org")
    assert after[0] == before[0] and after[1] != before[1] and after[2:] == ["daily=7"]
    assert user(config, "passwd", "nobody@example.org", password="two\n").returncode == 1


def scram_keys(password, salt, iterations):
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
    client = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256")


def test_scram_keys_are_kept_where_they_are_asked_for(config):
    def keys():
        (field,) = [f for f in line_of(config, "a@b.test") if f.startswith("{scram-sha-256}")]
        iterations, salt, *both = field.removeprefix("{scram-sha-256}").split(":")
        return int(iterations), base64.b64decode(salt), tuple(map(base64.b64decode, both))

    assert user(config, "add", "--scram", "a@b.test", password="pencil\n").returncode == 0
    iterations, salt, both = keys()
    assert iterations >= 4096 and len(salt) == 16
    assert both == scram_keys(b"pencil", salt, iterations)
    assert user(config, "passwd", "a@b.test", password="other\n").returncode == 0
    iterations, salt, both = keys()
    assert both == scram_keys(b"other", salt, iterations)
    refused = user(config, "passwd", "a@b.test", password="k\u00e4se\n")
    assert refused.returncode == 2 and "ASCII" in refused.stderr
    assert user(config, "passwd", "--no-scram", "a@b.test", password="k\u00e4se\n").returncode == 0
    assert listed(config)[0]["scram"] is False


BAD_NAMES = ["", "al ice", "a,b", "a:b", "#a", "{a}", "a\nb@c.test", "j\u00f6rg@b.test", "a" * 256]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused(config, name):
    done = user(config, "add", name, password="secret\n")
    assert done.returncode == 2
    assert not (config.parent / "users").exists()


@pytest.mark.parametrize("password", ["", "\n", "a\tb\n", "a\0b\n", "x" * 1025 + "\n", "x" * 5000])
def test_bad_passwords_are_refused(config, password):
    done = user(config, "add", "a@b.test", password=password)
    assert done.returncode == 2 and ("1,024 octets" if password else "no password") in done.stderr
    assert not (config.parent / "users").exists()


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["add"],
        ["remove", "a@b.test"],
        ["add", "a@b.test", "b@b.test"],
        ["add", "--no-scram", "a@b.test"],
        ["add", "--from", "nobody", "a@b.test"],
        ["add", "printer"],
        ["add", "--hourly", "0", "a@b.test"],
        ["passwd", "--daily", "3", "a@b.test"],
        ["list", "a@b.test"],
    ],
)
def test_misuse(config, argv):
    done = run("user", "-c", config, *argv, input="secret\n")
    assert done.returncode == 2 and done.stderr
    assert not (config.parent / "users").exists()


def test_without_a_file_of_users(tmp_path):
    path = tmp_path / "gatepost.yaml"
    path.write_text('{"hostname": "a.test", "listen": [{"address": "127.0.0.1:25"}]}', encoding="utf-8")
    done = user(path, "list")
    assert done.returncode == 2 and "users: {file: users}" in done.stderr


def on_terminal(config, *typed):
    """What is shown, and the exit code, of one who types these lines."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(PROGRAM, ["gatepost", "user", "add", "-c", str(config), "a@b.test"])
    shown = b""
    for prompt, line in zip((b"Password: ", b"Once more: "), typed):
        while not shown.endswith(prompt):
            shown += os.read(terminal, 1000)
        os.write(terminal, line)
    try:
        while piece := os.read(terminal, 1000):
            shown += piece
    except OSError:
        pass
    os.close(terminal)
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_terminal_shows_no_password(config):
    shown, code = on_terminal(config, b"secret\n", b"secret\n")
    assert code == 0 and b"secret" not in shown
    (config.parent / "users").unlink()
    shown, code = on_terminal(config, b"secret\n", b"sceret\n")
    assert code == 2 and b"two passwords" in shown
    assert not (config.parent / "users").exists()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_gives_up_has_a_terminal_that_shows_what_is_typed(config, end):
    ours, its = pty.openpty()

    def shows():
        return bool(termios.tcgetattr(its)[3] & termios.ECHO)

    argv = [PROGRAM, "user", "add", "-c", str(config), "a@b.test"]
    with subprocess.Popen(argv, stdin=its, stderr=subprocess.PIPE) as asking:
        assert asking.stderr.read(10) == b"Password: " and not shows()
        asking.send_signal(end)
        assert asking.wait(20) == -end and shows()
    os.close(ours)
    os.close(its)


def test_a_link_to_the_file_stays_one(config):
    target = config.parent / "elsewhere"
    target.write_text("b@b.test\n")
    (config.parent / "users").symlink_to(target)
    assert user(config, "add", "a@b.test", password="secret\n").returncode == 0
    assert (config.parent / "users").is_symlink()
    assert target.read_text().startswith("b@b.test\na@b.test {argon2id}")


def test_who_may_see_the_dashboard(config):
    assert user(config, "add", "--dashboard", "read", "auditor", password="secret\n").returncode == 0
    assert line_of(config, "auditor")[2:] == ["dashboard=read"]
    assert user(config, "add", "--dashboard", "admin", "alice@example.org", password="secret\n").returncode == 0
    assert user(config, "add", "--dashboard", "root", "eve", password="secret\n").returncode == 2
    assert user(config, "passwd", "auditor", password="another\n").returncode == 0
    assert [(u["name"], u["from"], u["dashboard"]) for u in listed(config)] == [
        ("auditor", [], "read"),
        ("alice@example.org", ["alice@example.org"], "admin"),
    ]
