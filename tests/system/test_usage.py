# SPDX-License-Identifier: Apache-2.0
"""What each command says of itself, and of an option that it does not have."""

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
