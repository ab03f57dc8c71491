#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What a message of 10 MB costs Gatepost by its shape: CPU of all its processes, beside an honest one of that size."""

import pathlib
import socket
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import measure

SIZE = 10_000_000
PASSES = 5
EACH = 4  # messages of a shape in a pass
FACTOR_MAX = 3

SHAPES = {
    "honest": b"Some words of a letter, as long as lines of such a text usually are: 78 octets\r\n",
    "CRLF": b"\r\n",
    "an octet a line": b"x\r\n",
    "three octets a line": b"abc\r\n",
    "a stuffed dot a line": b"..\r\n",
    "stuffed dots and text": b"..x\r\n",
    "stuffed dots and CRLF": b"..\r\n\r\n",
    "a space a line": b" \r\n",
    "spaces and tabs": b" \t",
    "lines of 998": b"x" * 998 + b"\r\n",
}
DIALOGUE = (
    (b"HELO a.test", b"250"),
    (b"MAIL FROM:<a@a.test>", b"250"),
    (b"RCPT TO:<user1@sink.test>", b"250"),
    (b"DATA", b"354"),
)


def send(port, body):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        replies = s.makefile("rb")
        assert replies.readline().startswith(b"220")
        for line, code in DIALOGUE:
            s.sendall(line + b"\r\n")
            assert replies.readline().startswith(code)
        s.sendall(b"From: a@a.test\r\n\r\n" + body + b".\r\n")
        assert replies.readline().startswith(b"250")
        s.sendall(b"QUIT\r\n")
        replies.readline()


def cost_ms(bench, body):
    before = bench.group.cpu_s()
    for _ in range(EACH):
        send(bench.server.port, body)
    assert bench.wait_until(lambda: bench.server.pending() == 0)
    return (bench.group.cpu_s() - before) / EACH * 1000


def main():
    bodies = {name: unit * (SIZE // len(unit)) + b"\r\n" for name, unit in SHAPES.items()}
    costs = {name: [] for name in SHAPES}
    with measure.Bench("gatepost", "discard") as bench:
        for number in range(1 + PASSES):  # the first warms up
            for name, body in bodies.items():
                cost = cost_ms(bench, body)
                if number > 0:
                    costs[name].append(cost)
    ratios = {name: statistics.median(c / h for c, h in zip(costs[name], costs["honest"])) for name in SHAPES}
    print("| shape, 10 MB | CPU ms | times honest |\n|---|---|---|")
    for name in SHAPES:
        print(f"| {name} | {statistics.median(costs[name]):.1f} | {ratios[name]:.2f} |")
    return max(ratios.values()) > FACTOR_MAX


if __name__ == "__main__":
    sys.exit(main())
