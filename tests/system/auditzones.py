# SPDX-License-Identifier: Apache-2.0
"""Zones for the faults that tests/posture plants: Debian's nsd serves them, signed by ldns, below a root of their own.

Each row of the table has a domain of its own, whose names are those of the row's world with the row's number: d.test
becomes dx7.test, 20.0.0.1 becomes 20.7.0.1. All lies in one zone, the root's, but for what must be apart: zones without
signatures, zones with keys of their own (weak ones, or with another key's DS record: bogus), and zones that the server
knows of and has not (SERVFAIL).
"""

import copy
import json
import re

import dnsrig
from gateway import eventually

SOA, RCODE_OK = 6, 0
APEX = "{apex} 60 IN SOA ns.root. host.root. 1 60 60 60 60\n{apex} 60 IN NS ns.root.\n"

CONFIG = """
server:
  ip-address: {address}@53
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

ALGORITHMS = {5: "RSASHA1", 7: "RSASHA1-NSEC3-SHA1", 13: "ECDSAP256SHA256"}
# $1: the zone's file, $2: its name, $3: the key that the DS record is of, own or other, $4: its digest; then algorithms
# of keys. The first is that of the key that signs the others.
SIGN = """
set -e
cd /own
sign() {
    file=$1 name=$2 whose=$3 digest=$4 keys=
    shift 4
    ksk=$(ldns-keygen -k -a "$1" -b 2048 "$name")
    for algorithm; do keys="$keys $(ldns-keygen -a "$algorithm" -b 2048 "$name")"; done
    ldns-signzone -o "$name" -f "$file.signed" "$file" "$ksk" $keys
    [ "$whose" = own ] || ksk=$(ldns-keygen -k -a "$1" -b 2048 "$name")
    ldns-key2ds -n "-$digest" "$ksk.key" >> zone.root
    last=$ksk
}
"""


def numbered(world, number):
    """The world's names and addresses, so that no other row has them."""
    text = json.dumps(world)
    text = re.sub(r"([a-z0-9-]+)\.test\b", rf"\1x{number}.test", text)
    text = re.sub(r"(\d+\.\d+)\.0\.20\.in-addr", rf"\1.{number}.20.in-addr", text)
    return json.loads(re.sub(r"\b20\.0\.", f"20.{number}.", text))


def is_below(name, apex):
    return name == apex or name.endswith("." + apex)


class Row:
    """A fault, and the zones by which it is planted."""

    def __init__(self, number, row):
        self.id, self.parked = row["id"], row["parked"]
        self.domain = f"dx{number}.test"
        self.names = numbered(row["world"], number)
        self.unsigned, self.broken, self.bogus, self.forged, self.keyed = [], [], [], [], {}
        for name, types in list(self.names.items()):
            self.plant(name, types)
        self.settle()

    def plant(self, name, types):
        own = name == self.domain
        if types == "BOGUS":
            self.bogus.append(name)
            self.names[name] = {"MX": [[10, f"mx1.{self.domain}"]], "TXT": ["v=spf1 -all"], "A": ["20.255.0.1"]}
            return
        keys = [types.pop(kind, []) for kind in ("DS", "DNSKEY")]
        algorithms = [key[2] for key in keys[1]]
        if own and keys[0] and (algorithms != [13] or keys[0][0][2] != 2):
            self.keyed[name] = (keys[0][0][2], algorithms)
        if ("TLSA" in types or own) and not types.get("secure"):
            self.unsigned.append(name)
        if "SERVFAIL" in types.values():
            self.broken.append(name)
            self.names[name] = {}
            self.keyed[self.domain] = (2, [13])  # a zone of its own, so that there are name servers to tell of
        for kind in [kind for kind, values in types.items() if values == "BOGUS"]:
            types[kind] = {"MX": [[10, f"mx1.{self.domain}"]], "TLSA": [[3, 1, 1, "ab" * 32]]}[kind]
            self.forged.append((name, kind))

    def settle(self):
        """A name that is not there has none below, or it would be; below a cut all is as its zone is."""
        absent = [domain for domain in (self.domain, self.domain.replace("d", "gone")) if domain not in self.names]
        self.names = {
            name: types for name, types in self.names.items() if not any(is_below(name, domain) for domain in absent)
        }
        for name, types in self.names.items():
            if any(is_below(name, apex) for apex in self.unsigned):
                types.pop("secure", None)

    def world(self):
        """The same as a file of --dns."""
        names = copy.deepcopy(self.names)
        for name, kind in self.forged:
            names[name][kind] = "BOGUS"
        for name in names:
            if any(is_below(name, apex) for apex in self.bogus):
                names[name] = "BOGUS"
        for name in self.broken:
            names[name] = {"TLSA": "SERVFAIL", "secure": True}
        for apex, (digest, algorithms) in self.keyed.items():
            names[apex]["DS"] = [[1, algorithms[0], digest, "00"]]
            names[apex]["DNSKEY"] = [[257, 3, algorithm, "YQ=="] for algorithm in algorithms]
        return names


def value_of(kind, value):
    """A record's value in the form of --dns."""
    if kind == "TXT":
        return value
    words = value.split(" ", 2 if kind == "CAA" else 3)
    if kind == "MX":
        return [int(words[0]), words[1]]
    if kind == "CAA":
        return [int(words[0]), words[1], words[2].strip('"')]
    assert kind == "TLSA"
    return [*map(int, words[:3]), words[3]]


def publish(names, records):
    """The records in place of those of the same name and type; of TXT, of the same purpose."""
    for place in {(r["name"], r["type"]) for r in records}:
        name, kind = place
        there = names.setdefault(name, {}).get(kind, [])
        kept = [text for text in there if kind == "TXT" and "_" not in name and "spf1" not in text]
        new = [value_of(kind, r["value"]) for r in records if (r["name"], r["type"]) == place]
        names[name][kind] = kept + new


def forge(zone, name, kind):
    """The signed zone with another first number in the name's records of this type; their signatures stay."""
    pattern = re.compile(rf"^({re.escape(name)}\.\s.*\s{kind}\s+)(\d+)", re.M)
    zone, count = pattern.subn(lambda m: f"{m[1]}{int(m[2]) ^ 1}", zone)
    assert count > 0, f"{name} has no {kind} record to forge"
    return zone


class AuditZones:
    """All rows' zones by one server; `anchor` is the file with the root's key."""

    def __init__(self, peers, rows, address):
        self.peers, self.rows, self.address = peers, rows, address
        self.work = peers.folder("nsd")
        self.anchor = self.work / "root.key"
        self.files, self.script = {}, SIGN
        self.root = APEX.format(apex=".") + f"ns.root. 60 IN A {address}\n"
        for number, row in enumerate(rows):
            self.add(number, row)
        (self.work / "zone.root").write_text(self.root, encoding="ascii")
        self.script += "sign zone.root . own 2 ECDSAP256SHA256\nmv \"$last.key\" root.key\n"
        peers.run("sh", "-c", self.script, work=self.work, timeout_s=300)
        self.files["."] = "zone.root.signed"
        self.forge_records()
        self.serve()

    def add(self, number, row):
        left = dict(row.names)
        signed = {**dict.fromkeys(row.bogus, ("other", 2, [13])), **{a: ("own", *k) for a, k in row.keyed.items()}}
        # The longest names first: zones within zones.
        cuts = {*row.unsigned, *row.broken, *signed}
        for apex in sorted(cuts, key=len, reverse=True):
            inside = {name: left.pop(name) for name in list(left) if is_below(name, apex)}
            if any(apex != other and is_below(apex, other) for other in cuts):
                left[apex] = {"NS": ["ns.root"]}
            else:
                self.root += f"{apex}. 60 IN NS ns.root.\n"
            self.cut(f"zone{number}.{len(self.files)}", apex, inside, row, signed.get(apex))
        self.root += "".join(line + "\n" for name, types in left.items() for line in dnsrig.records(name, types))

    def cut(self, file, apex, names, row, keys):
        self.files[apex] = "absent" if apex in row.broken else file
        if apex in row.broken:
            return
        lines = [line for name, types in names.items() for line in dnsrig.records(name, types)]
        (self.work / file).write_text(APEX.format(apex=apex + ".") + "\n".join(lines) + "\n", encoding="ascii")
        if keys:
            whose, digest, algorithms = keys
            self.files[apex] = file + ".signed"
            self.script += f"sign {file} {apex}. {whose} {digest} {' '.join(ALGORITHMS[a] for a in algorithms)}\n"

    def forge_records(self):
        path = self.work / "zone.root.signed"
        text = path.read_text(encoding="ascii")
        for row in self.rows:
            for name, kind in row.forged:
                text = forge(text, name, kind)
        path.write_text(text, encoding="ascii")

    def serve(self):
        zones = "".join(f'zone:\n  name: "{name}"\n  zonefile: {file}\n' for name, file in self.files.items())
        (self.work / "nsd.conf").write_text(CONFIG.format(address=self.address) + zones, encoding="ascii")
        self.peer = self.peers.start(self.work, "nsd", "-d", "-c", "/own/nsd.conf")
        eventually(self.answers, what="the name server's answer")

    def answers(self):
        assert self.peer.process.poll() is None, self.peer.output()
        return dnsrig.ask((self.address, 53), ".", SOA, timeout_s=0.2) == RCODE_OK
