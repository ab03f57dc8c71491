# SPDX-License-Identifier: Apache-2.0
"""A world of signed names for tests: Debian's nsd, with the root's zone and the key that signs it made anew each time.

    zones = SignedZones(peers, {"example.test": {"MX": [[10, "mx.example.test"]]}, ...},
                        bogus=["_25._tcp.mx.example.test"], broken=["_tcp.mx2.example.test"])
    ...  # ask zones.server; zones.anchor is the file with the root's key

Names are given in the form of --dns (dnsrig.py). TLSA records of the names in `bogus` are changed after they were
signed. `broken` are zones below the root that the server knows of and has not: SERVFAIL is all that it says of them.
`unsigned` is one that it has, without signatures.
"""

import re

import dnsrig
from gateway import eventually

SOA, RCODE_OK = 6, 0

SIGN = """
set -e
cd /own
ksk=$(ldns-keygen -k -a ECDSAP256SHA256 .)
zsk=$(ldns-keygen -a ECDSAP256SHA256 .)
ldns-signzone -o . -f signed zone "$ksk" "$zsk"
mv "$ksk.key" root.key
"""

CONFIG = """
server:
  ip-address: {address}@{port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: /own
  database: ""
  pidfile: ""
  zonelistfile: /own/zone.list
  xfrdfile: /own/xfrd.state
  xfrdir: /own
  rrl-ratelimit: 0
remote-control:
  control-enable: no
"""
ZONE = """zone:
  name: "{name}"
  zonefile: {file}
"""


def forge(zone, name):
    """The zone with another digest in the name's TLSA records; their signatures stay."""
    pattern = re.compile(rf"^({re.escape(dnsrig.name_of(name))}\s.*\sTLSA\s+\d+ \d+ \d+ )([0-9a-f]+)$", re.M)
    zone, count = pattern.subn(lambda m: m[1] + m[2][::-1], zone)
    assert count > 0, f"{name} has no TLSA record to forge"
    return zone


class SignedZones:
    def __init__(self, peers, names, bogus=(), broken=(), unsigned="unsigned", address="127.0.53.1"):
        self.address, self.port = address, dnsrig.free_port(address)
        self.server = f"{address}:{self.port}"
        self.work = peers.folder("nsd")
        self.anchor = self.work / "root.key"
        apart = {name for name in names if name.endswith("." + unsigned)}
        self.write("zone", ".", {name: names[name] for name in names.keys() - apart}, [*broken, unsigned])
        self.write("unsigned", unsigned, {name: names[name] for name in apart})
        peers.run("sh", "-c", SIGN, work=self.work)
        self.rewrite(bogus)
        self.configure({".": "signed", unsigned: "unsigned", **dict.fromkeys(broken, "absent")})
        self.peer = peers.start(self.work, "nsd", "-d", "-c", "/own/nsd.conf")
        eventually(self.answers, what="the name server's answer")

    def write(self, file, apex, names, children=()):
        text = dnsrig.zone(names, apex) + "".join(f"{dnsrig.name_of(name)} 60 IN NS ns.invalid.\n" for name in children)
        (self.work / file).write_text(text, encoding="ascii")

    def configure(self, files):
        text = CONFIG.format(address=self.address, port=self.port)
        text += "".join(ZONE.format(name=name, file=file) for name, file in files.items())
        (self.work / "nsd.conf").write_text(text, encoding="ascii")

    def rewrite(self, bogus):
        signed = self.work / "signed"
        text = signed.read_text(encoding="ascii")
        for name in bogus:
            text = forge(text, name)
        signed.write_text(text, encoding="ascii")

    def answers(self):
        assert self.peer.process.poll() is None, self.peer.output()
        return dnsrig.ask((self.address, self.port), ".", SOA, timeout_s=0.2) == RCODE_OK
