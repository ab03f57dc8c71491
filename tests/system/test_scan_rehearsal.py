# SPDX-License-Identifier: Apache-2.0
"""What a scan would say, without saying it."""

import pytest
from gateway import run


@pytest.mark.parametrize(
    ("targets", "begins"),
    [
        ([], ["C: EHLO"]),
        (["mx.example.org"], ["C: EHLO"]),
        (["mx.example.org:465"], ["-- the handshake"]),
        (["--port", "25,465"], ["C: EHLO", "-- the handshake"]),
        (["mx.example.org:465", "192.0.2.1"], ["C: EHLO", "-- the handshake"]),
    ],
)
def test_a_rehearsal_begins_as_the_ports_want(targets, begins):
    done = run("scan", "--dry-run", "--helo", "scanner.test", *targets)
    connections = [part.splitlines() for part in done.stdout.split("-- a connection\n")[1:]]
    assert len(connections) == len(begins)
    for lines, begin in zip(connections, begins, strict=True):
        first = next(line for line in lines if not line.startswith("S: "))
        assert first.startswith(begin), lines
