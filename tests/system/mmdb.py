# SPDX-License-Identifier: Apache-2.0
"""A writer of databases of autonomous systems in MaxMind's format, version 2.0.

mmdb.py FILE PREFIX=NUMBER:ORGANIZATION... writes one."""

import ipaddress
import sys
import time

MARKER = b"\xab\xcd\xefMaxMind.com"
UINT16, UINT32, UINT64 = 5, 6, 9


def head(kind, size):
    """The octets before a value: its type, and its size where that is below 285."""
    assert size < 285
    long = bytes([size - 29]) if size >= 29 else b""
    size = min(size, 29)
    return (bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])) + long


def text(value):
    octets = value.encode() if isinstance(value, str) else value
    return head(2, len(octets)) + octets


def number(kind, value):
    octets = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return head(kind, len(octets)) + octets


def members(**values):
    return head(7, len(values)) + b"".join(text(name) + value for name, value in values.items())


class Tree:
    """Nodes are pairs of None, the number of a node, or the octets of a value."""

    def __init__(self):
        self.nodes = [[None, None]]

    def put(self, prefix, value):
        network = ipaddress.ip_network(prefix)
        four = network.version == 4
        bits = f"{int(network.network_address):0{32 if four else 128}b}"[: network.prefixlen]
        bits = "0" * 96 + bits if four else bits
        node = 0
        for bit in bits[:-1]:
            if not isinstance(self.nodes[node][int(bit)], int):
                self.nodes.append([None, None])
                self.nodes[node][int(bit)] = len(self.nodes) - 1
            node = self.nodes[node][int(bit)]
        self.nodes[node][int(bits[-1])] = value

    def octets(self, record_size):
        data, places = b"", {}
        records = []
        for node in self.nodes:
            for to in node:
                if isinstance(to, bytes) and to not in places:
                    places[to] = len(data)
                    data += to
                place = len(self.nodes) if to is None else to
                records.append(len(self.nodes) + 16 + places[to] if isinstance(to, bytes) else place)
        pairs = zip(records[::2], records[1::2])
        return b"".join(pair(left, right, record_size) for left, right in pairs) + bytes(16) + data


def pair(left, right, record_size):
    if record_size == 28:
        middle = bytes([left >> 24 << 4 | right >> 24])
        return (left & 0xFFFFFF).to_bytes(3, "big") + middle + (right & 0xFFFFFF).to_bytes(3, "big")
    return left.to_bytes(record_size // 8, "big") + right.to_bytes(record_size // 8, "big")


def database(networks, record_size=24, kind="Test-ASN"):
    """networks: {prefix: (number, organization)}, those within others last."""
    tree = Tree()
    for prefix, (asn, organization) in networks.items():
        tree.put(
            prefix,
            members(
                autonomous_system_number=number(UINT32, asn),
                autonomous_system_organization=text(organization),
            ),
        )
    metadata = members(
        binary_format_major_version=number(UINT16, 2),
        binary_format_minor_version=number(UINT16, 0),
        build_epoch=number(UINT64, int(time.time())),
        database_type=text(kind),
        description=members(en=text("made up")),
        ip_version=number(UINT16, 6),
        languages=head(11, 1) + text("en"),
        node_count=number(UINT32, len(tree.nodes)),
        record_size=number(UINT16, record_size),
    )
    return tree.octets(record_size) + MARKER + metadata


def main(argv):
    networks = {}
    for word in argv[2:]:
        prefix, said = word.split("=", 1)
        asn, organization = said.split(":", 1)
        networks[prefix] = (int(asn), organization)
    with open(argv[1], "wb") as file:
        file.write(database(networks))


if __name__ == "__main__":
    main(sys.argv)
