# SPDX-License-Identifier: Apache-2.0
"""One scan of a field of real servers finds every fault that was planted, and invents none."""

import json

import field as field_module
import peers as peers_module
import pytest
from field import RECIPIENT, ROWS
from gateway import run

SCAN = ["--private", "--rate", "0", "--mx", "--helo", "scanner.test", "--authorised", "the tests' owner"]
SCAN += ["--recipient", RECIPIENT, "--canary", "--canary-wait", "3", "--vrfy", "--inject", "--smuggle", "--ntlm"]


@pytest.fixture(scope="module")
def field(module_scratch):
    try:
        root = peers_module.peer_root("server")
    except peers_module.Unavailable as why:
        pytest.skip(str(why))
    with field_module.Field(peers_module.Peers(root, module_scratch), module_scratch, ROWS) as made:
        yield made


@pytest.fixture(scope="module")
def scanned(field):
    """What the scan has to say of each row."""
    where = ["--dns", field.zone, "--ca", field.authority.path, "--canary-list", field.canaries]
    done = run("scan", *SCAN, *where, "--json", *field.targets(), timeout_s=300)
    assert done.returncode == 0, done.stderr
    told = {(line["address"], line["port"]): line for line in map(json.loads, done.stdout.splitlines())}
    open("/tmp/wt/field.json","w").write(done.stdout)
    return {row: told[field.address(row), row.port] for row in field.rows}


def found(told):
    return {f["id"]: f["severity"] for f in told["findings"] if f["state"] == "fail"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_what_was_planted_is_found_and_nothing_else(scanned, row):
    wrong = {f["id"]: f["evidence"] for f in scanned[row]["findings"] if f["id"] in found(scanned[row]).keys() ^ row.found}
    assert found(scanned[row]) == row.found, wrong
