# SPDX-License-Identifier: Apache-2.0
"""A DNS server whose every name leads to more addresses than anybody needs: `largedns.py ADDRESS` answers on port 53.

By UDP it only says that the answer is too large for that.
"""

import contextlib
import socket
import struct
import sys
import threading

A, PTR, MX, AAAA = 1, 12, 15, 28
HOSTS, ADDRESSES = 20, 512


def wire(name):
    return b"".join(bytes([len(label)]) + label for label in name.encode().split(b".")) + b"\0"


def records(kind):
    if kind == PTR:
        return [wire("mx.large.org")]
    if kind == MX:
        return [struct.pack(">H", 1) + wire(f"m{k}.large.org") for k in range(HOSTS)]
    if kind == A:
        return [struct.pack(">HH", 0xC633, k) for k in range(ADDRESSES)]
    if kind == AAAA:
        return [struct.pack(">8H", 0x2001, 0xDB9, 0, 0, 0, 0, 0, k) for k in range(ADDRESSES)]
    return []


def answer(query, udp):
    end = query.index(b"\0", 12) + 5
    kind = struct.unpack(">H", query[end - 4 : end - 2])[0]
    data = [] if udp else records(kind)
    head = query[:2] + (b"\x87\x80" if udp else b"\x85\x80") + struct.pack(">4H", 1, len(data), 0, 0)
    return head + query[12:end] + b"".join(b"\xc0\x0c" + struct.pack(">2HIH", kind, 1, 60, len(d)) + d for d in data)


def talk(connection):
    stream = connection.makefile("rb")
    with contextlib.suppress(OSError):
        while size := stream.read(2):
            said = answer(stream.read(struct.unpack(">H", size)[0]), udp=False)
            connection.sendall(struct.pack(">H", len(said)) + said)


def main(address):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((address, 53))
    tcp = socket.create_server((address, 53))

    def accept():
        while True:
            threading.Thread(target=talk, args=(tcp.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    while True:
        query, client = udp.recvfrom(4096)
        udp.sendto(answer(query, udp=True), client)


if __name__ == "__main__":
    main(sys.argv[1])
