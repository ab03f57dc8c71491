# SPDX-License-Identifier: Apache-2.0
"""What each command says of itself, of an option that it does not have, and what options mean with all of them."""

import json
import re
import subprocess

import pytest

from gateway import PROGRAM, run

USAGE = 2
COMMANDS = re.findall(r"^  (\w+) ", run("-h").stdout, re.MULTILINE)
# Those whose options stand behind a verb.
VERBS = {
    "queue": ["list"],
    "reports": ["import", "names", "summary", "list", "show", "export", "refused", "tls", "weekly", "watch"],
    "audit": ["diff", "watch"],
}


def test_there_are_commands():
    assert {"serve", "scan", "audit", "reports", "help"} <= set(COMMANDS)


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", COMMANDS)
def test_each_explains_itself(command, flag):
    done = run(command, flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: gatepost {command}")


@pytest.mark.parametrize("argv", [[c] for c in COMMANDS if c != "help"] + [[c, v] for c in VERBS for v in VERBS[c]])
def test_a_wrong_option_is_named_and_help_is_told_of(argv):
    if argv == ["queue"]:
        argv = ["queue", "list"]
    if argv == ["reports"]:
        argv = ["reports", "list"]
    done = run(*argv, "--frobnicate")
    assert (done.returncode, done.stdout) == (USAGE, "")
    complaint, hint = done.stderr.splitlines()
    name = re.fullmatch(r"(gatepost [a-z ]+): unrecognized option '--frobnicate'", complaint)[1]
    assert name.split()[1] == argv[0]
    assert hint == f"`{name} -h` shows the options"
    told = run(*name.split()[1:], "-h")
    assert (told.returncode, told.stderr) == (0, "") and told.stdout.startswith("usage: gatepost")


@pytest.mark.parametrize("argv", [[c, "-h"] for c in COMMANDS] + [["-h"], ["config", "show", "--documentation"]])
def test_what_cannot_be_written_is_told_of(argv):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, *argv], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 4 and done.stderr.count(b"cannot write all of it") == 1


def test_verbs_that_are_none():
    for command in ("queue", "config"):
        done = run(command, "lsit")
        assert done.returncode == USAGE and done.stderr.startswith(f"gatepost {command}:") and "'lsit'" in done.stderr


# --- options that mean the same with every command ---

DNS = {"a.test": {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}, "_dmarc.a.test": {"TXT": ["v=DMARC1; p=reject"]}}
MESSAGE = "From: joe@a.test\nTo: suzie@b.test\n\nhi\n"
ASKING = {
    "spf": ["--ip", "192.0.2.9", "--mail-from", "joe@a.test"],
    "dmarc": ["--from-domain", "a.test"],
    "verify": ["message"],
    "dkim": ["verify", "message"],
    "arc": ["verify", "message"],
    "headers": ["message"],
}


@pytest.fixture(name="desk")
def a_desk(tmp_path):
    (tmp_path / "dns").write_text(json.dumps(DNS), encoding="utf-8")
    (tmp_path / "message").write_text(MESSAGE, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("command", ASKING)
def test_options_that_mean_the_same_everywhere(command, desk):
    def ask(*options, **how):
        return run(command, *ASKING[command], "--dns", "dns", "--time", "1700000000", *options, cwd=desk, **how)

    plain = ask()
    code = plain.returncode
    assert code == (0 if command == "arc" else 1) and plain.stdout and not plain.stderr
    for options in (["--no-colour"], ["-v", "--no-colour"], ["--verbose"], ["--json", "-v"]):
        done = ask(*options)
        assert done.returncode == code and done.stdout and not done.stderr, options
    for options in (["-q"], ["--quiet", "--json"], ["-q", "-v"]):
        done = ask(*options)
        assert (done.returncode, done.stdout, done.stderr) == (code, "", ""), options
    for name in ("-o", "--output"):
        done = ask(name, "out")
        assert (done.returncode, done.stdout, (desk / "out").read_text()) == (code, "", plain.stdout)
    (desk / "pipe").symlink_to("/dev/stdin")
    for name in ("-", "pipe"):
        assert ask("--dns", name, input=json.dumps(DNS)).stdout == plain.stdout


@pytest.mark.parametrize("command", ASKING)
def test_an_answer_that_cannot_be_written(command, desk):
    argv = [command, *ASKING[command], "--dns", "dns"]
    for name, why in (("no/where", "No such file or directory"), (".", "Is a directory"), ("/dev/full", ": ")):
        done = run(*argv, "-o", name, cwd=desk)
        assert (done.returncode, done.stdout) == (4, "") and why in done.stderr
        assert len(done.stderr.splitlines()) <= 2


def test_no_message_is_overwritten_before_it_is_read(desk):
    for command in (["verify"], ["dkim", "verify"]):
        done = run(*command, "--dns", "dns", "-o", "message", "message", cwd=desk)
        assert done.returncode == USAGE and "is to be read" in done.stderr
    assert (desk / "message").read_text() == MESSAGE


def test_what_is_no_file(desk):
    for argv in (["spf", *ASKING["spf"], "--dns", "."], ["verify", "."]):
        done = run(*argv, cwd=desk)
        assert done.returncode in (USAGE, 4) and done.stderr.endswith(".: Is a directory\n")
