# SPDX-License-Identifier: Apache-2.0
"""What OpenDKIM's tool says of messages, in a network and with a name server of its own: it asks the one of
/etc/resolv.conf, and no other."""

import json
import os
import shutil
import subprocess
import sys

import dnsrig
import pytest

PROGRAM = "/usr/sbin/opendkim-testmsg"
SHELL = 'ip link set lo up && mount --bind resolv.conf /etc/resolv.conf && exec "$0" -c "$1"'


def is_missing():
    """Why it cannot be asked here, or None."""
    if os.geteuid() != 0 or not shutil.which(PROGRAM):
        return "needs root and opendkim-testmsg"
    if subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True, check=False).returncode != 0:
        return "this machine does not allow namespaces (unshare)"
    try:
        dnsrig.unbound()
    except dnsrig.Unavailable as why:
        return str(why)
    return None


def verdicts(folder, names, files):
    """Whether a signature passes, for each of these files in the folder. names: the DNS, in the form of --dns."""
    if why := is_missing():
        pytest.skip(why)
    (folder / "resolv.conf").write_text("nameserver 127.0.0.53\n", encoding="utf-8")
    (folder / "names.json").write_text(json.dumps(names), encoding="utf-8")
    script = f"""
import json, subprocess, sys
sys.path.insert(0, {os.path.dirname(dnsrig.__file__)!r})
import dnsrig
with dnsrig.DnsRig(json.load(open("names.json")), port=53):
    for name in {files!r}:
        print(subprocess.run(["{PROGRAM}"], stdin=open(name)).returncode)
"""
    argv = ["unshare", "-n", "-m", "sh", "-c", SHELL, sys.executable, script]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    codes = done.stdout.split()
    assert len(codes) == len(files), done.stderr
    return [code == "0" for code in codes]
