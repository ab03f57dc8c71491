# SPDX-License-Identifier: Apache-2.0
"""What was on the wire: tcpdump on the loopback interface, and the octets of each direction of each TCP connection.

    with Capture(folder, "tcp port 25") as capture:
        ...
    capture.streams()
"""

import collections
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

FILE_HEADER, PACKET_HEADER, ETHERNET_HEADER = 24, 16, 14
LINK_ETHERNET = 1  # which is what Linux's loopback calls itself
TCP = 6
BUFFER_KIB = 65536
STOP_S = 20
LAST_PORT = 9


class Unavailable(Exception):
    """Why nothing can be captured on this machine."""


class Capture:
    def __init__(self, folder, what):
        self.path = folder / "wire.pcap"
        self.what = what
        self.process = None

    def __enter__(self):
        program = shutil.which("tcpdump", path="/usr/bin:/usr/sbin:/sbin")
        if program is None or os.geteuid() != 0:
            raise Unavailable("captures are tcpdump's, and need root")
        argv = [program, "-i", "lo", "-n", "-U", "-s", "0", "-B", str(BUFFER_KIB), "-Z", "root", "-w", self.path]
        argv += [f"({self.what}) or (udp and dst port {LAST_PORT})"]
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        said = self.process.stderr.readline()
        if "listening on lo" not in said:
            said += self.process.communicate(timeout=STOP_S)[1]
            raise Unavailable("tcpdump does not capture here: " + said.strip()[-300:])
        return self

    def wait_for_all(self):
        """What is still on its way to the file would be lost at the end: until the last packet of all is there."""
        last, end = os.urandom(32), time.monotonic() + STOP_S
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(last, ("127.0.0.1", LAST_PORT))
        while last not in self.path.read_bytes():
            assert time.monotonic() < end, "the last packet is not in the capture"
            time.sleep(0.05)

    def __exit__(self, *_):
        self.wait_for_all()
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=STOP_S)[1]
        assert "\n0 packets dropped by kernel" in said, said

    def packets(self):
        """Each one from its IP header on."""
        octets = self.path.read_bytes()
        order = "<" if octets[:4] == b"\xd4\xc3\xb2\xa1" else ">"
        assert struct.unpack_from(order + "I", octets, 20)[0] == LINK_ETHERNET
        at = FILE_HEADER
        while at + PACKET_HEADER <= len(octets):
            (size,) = struct.unpack_from(order + "I", octets, at + 8)
            at += PACKET_HEADER
            yield octets[at + ETHERNET_HEADER : at + size]
            at += size

    def streams(self):
        """What one end sent to the other on one connection, in its order, as often as it was sent."""
        segments = collections.defaultdict(list)
        for packet in self.packets():
            assert packet[0] >> 4 == 4, "IPv4 is all that is read here"
            if packet[9] != TCP:
                continue
            tcp = packet[(packet[0] & 15) * 4 : struct.unpack_from(">H", packet, 2)[0]]
            sequence, payload = struct.unpack_from(">I", tcp, 4)[0], tcp[(tcp[12] >> 4) * 4 :]
            if payload:
                segments[packet[12:20] + tcp[:4]].append((sequence, payload))
        return [in_order(found) for found in segments.values()]


def in_order(segments):
    """Numbers go round."""
    first = segments[0][0]
    return b"".join(payload for _, payload in sorted(segments, key=lambda s: (s[0] - first + 2**31) % 2**32))
