#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures `gatepost audit` over many domains on loopback, beside itself one domain at a time, and beside what the
resolver alone can answer: see bench/README.md."""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "system"))
BUILD = pathlib.Path(os.environ.get("GATEPOST_BUILD") or ROOT / "build")
RESULTS = ROOT / "bench" / "results"

import dnsrig  # noqa: E402
import peers  # noqa: E402

NSD, UNBOUND, DELAY = ("127.0.0.1", 53053), ("127.0.0.1", 53054), ("127.0.0.1", 53055)
DNSPERF = ["dnsperf", "libldns3"]
TIMES_SEQUENTIAL, OF_RESOLVER = 50, 0.7  # what is asked for
PROVIDERS = 8
# A server that is far away is asked more at once than one that is near.
WIDE = ["--at-once", "400", "--questions", "1024"]
KEY = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
SERVER = """
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
zone:
  name: "."
  zonefile: zone
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="bench/audit.py", description=__doc__)
    parser.add_argument("--domains", type=int, default=10000)
    parser.add_argument("--sample", type=int, default=200, help="of them, one at a time")
    parser.add_argument("--delay", type=int, default=20, help="ms that each answer takes longer")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--name", default=datetime.datetime.now().strftime("audit-%Y%m%d-%H%M%S"))
    return parser.parse_args()


def enter_network():
    """Starts this program again in a network of its own, where ports are free."""
    if os.environ.get("AUDIT_BENCH_INSIDE"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    peers.peer_root(), dnsrig.unbound(), dnsrig.unpacked(DNSPERF)  # what is downloaded is so before
    env = os.environ | {"AUDIT_BENCH_INSIDE": "1"}
    os.execvpe("unshare", ["unshare", "-n", sys.executable, *sys.argv], env)


# --- the world ---


def domain(i):
    return f"d{i:05}.test"


def provider_names(i):
    """Who has mail for others: hosts, and an SPF record in two parts."""
    name, net = f"provider{i}.test", f"20.{i}.0"
    yield f"spf.{name}", {"TXT": [f"v=spf1 include:a.{name} include:b.{name} -all"]}
    yield f"a.{name}", {"TXT": [f"v=spf1 ip4:{net}.0/24 -all"]}
    yield f"b.{name}", {"TXT": [f"v=spf1 ip4:21.{i}.0.0/24 a:mx1.{name} -all"]}
    for host in (1, 2):
        yield f"mx{host}.{name}", {"A": [f"{net}.{host}"]}
        yield f"{host}.0.{i}.20.in-addr.arpa", {"PTR": [f"mx{host}.{name}"]}


def domain_names(i):
    """Six of ten have their mail at a provider, two at home, one is locked down, and one is left as it was bought."""
    name, provider, kind = domain(i), f"provider{i % PROVIDERS}.test", i % 10
    if kind == 9:
        yield name, {"A": ["20.255.0.1"]}
        return
    if kind == 8:
        yield name, {"MX": [[0, "."]], "TXT": ["v=spf1 -all"]}
        yield f"_dmarc.{name}", {"TXT": ["v=DMARC1; p=reject; sp=reject; adkim=s; aspf=s"]}
        yield f"*._domainkey.{name}", {"TXT": ["v=DKIM1; p="]}
        return
    if kind < 6:
        yield name, {
            "MX": [[10, f"mx1.{provider}"], [20, f"mx2.{provider}"]],
            "TXT": [f"v=spf1 include:spf.{provider} -all"],
        }
    else:
        yield name, {"MX": [[10, f"mx.{name}"]], "TXT": ["v=spf1 mx ~all"]}
        yield f"mx.{name}", {"A": [f"22.{i >> 16}.{i >> 8 & 255}.{i & 255}"]}
        yield f"{i & 255}.{i >> 8 & 255}.{i >> 16}.22.in-addr.arpa", {"PTR": [f"mx.{name}"]}
    yield f"selector1._domainkey.{name}", {"TXT": [KEY]}
    if kind % 2:
        yield f"_dmarc.{name}", {"TXT": [f"v=DMARC1; p={'none' if kind == 1 else 'reject'}; rua=mailto:r@{name}"]}
    if kind == 3:
        yield f"_mta-sts.{name}", {"TXT": ["v=STSv1; id=1"]}
        yield f"_smtp._tls.{name}", {"TXT": [f"v=TLSRPTv1; rua=mailto:r@{name}"]}


def world(count):
    names = {}
    for i in range(PROVIDERS):
        names.update(provider_names(i))
    for i in range(count):
        names.update(domain_names(i))
    return names


# --- who answers ---


def wait_for(server):
    end = time.monotonic() + 60
    while dnsrig.ask(server, "d00000.test", 16, 0.5) is None:
        if time.monotonic() > end:
            sys.exit(f"nobody answers at {server}")
        time.sleep(0.05)


def start_nsd(rig, count):
    """All of the world is in one zone, the root's."""
    work = rig.folder("nsd")
    (work / "zone").write_text(dnsrig.zone(world(count)), encoding="ascii")
    (work / "nsd.conf").write_text(SERVER.format(address=NSD[0], port=NSD[1]), encoding="ascii")
    rig.start(work, "nsd", "-d", "-c", "/own/nsd.conf")
    wait_for(NSD)


@contextlib.contextmanager
def delayed(server, delay_ms, log=None):
    """The forwarder before a server; a list, of which the one item will be how many questions there were."""
    argv = [BUILD / "dns_delay", str(DELAY[1]), str(server[1]), str(delay_ms), *([log] if log else [])]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    questions = []
    try:
        if process.stdout.readline() != "ready\n":
            sys.exit("dns_delay does not run: ninja -C build dns_delay")
        yield questions
    finally:
        process.send_signal(signal.SIGTERM)
        questions.append(int(process.communicate()[0].split()[0]))


@contextlib.contextmanager
def resolver():
    """An unbound that knows nothing yet."""
    with dnsrig.DnsRig({}, UNBOUND[0], UNBOUND[1], forward=f"{NSD[0]}:{NSD[1]}"):
        yield UNBOUND


# --- what is measured ---


def timed(argv, out):
    """Wall seconds, CPU seconds and peak memory of a program that has to succeed."""
    began = time.monotonic()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "code": process.returncode,
        "s": time.monotonic() - began,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }


EXPECTED = {8: "parked", 9: "parked"}


def is_good(number, line):
    """Was it understood as what it is, with no answer lost?"""
    found = json.loads(line)
    kind = number % 10
    words = ("no answer in time", "SERVFAIL")
    lost = [f for f in found["findings"] if any(word in f["evidence"] for word in words)]
    return found["domain"] == domain(number) and found["class"] == EXPECTED.get(kind, "sending") and not lost


def audit(server, count, limits, scratch):
    names, out = scratch / "domains", scratch / "out"
    names.write_text("".join(f"{domain(i)}\n" for i in range(count)), encoding="ascii")
    argv = [BUILD / "gatepost", "audit", "-c", scratch / "config", "--json", "--no-probe", "--file", names]
    argv += ["--resolver", f"{server[0]}:{server[1]}", "--rate", "0", "-q", *limits]
    with out.open("wb") as file:
        row = timed(argv, file)
    with out.open(encoding="utf-8") as lines:
        good = sum(is_good(number, line) for number, line in enumerate(lines))
    row |= {"domains": count, "per_s": count / row["s"], "good": good == count and row["code"] == 0}
    if not row["good"]:
        say(f"  failed: {good} of {count} domains, exit code {row['code']}")
    return row


def dnsperf(names, scratch):
    """What the resolver alone answers a second, of the same questions."""
    folder, env = dnsrig.unpacked(DNSPERF)
    argv = [folder / "usr/bin/dnsperf", "-s", UNBOUND[0], "-p", str(UNBOUND[1]), "-d", names, "-n", "1"]
    done = subprocess.run([*argv, "-q", "1000"], env=env, capture_output=True, text=True, check=True)
    (scratch / "dnsperf").write_text(done.stdout, encoding="utf-8")
    lost = int(re.search(r"Queries lost:\s+(\d+)", done.stdout)[1])
    return {
        "per_s": float(re.search(r"Queries per second:\s+([\d.]+)", done.stdout)[1]),
        "asked": int(re.search(r"Queries sent:\s+(\d+)", done.stdout)[1]),
        "good": lost == 0,
    }


def run_pass(args, scratch):
    rows = {}
    runs = {
        "all": (args.domains, WIDE),
        "a domain at a time": (args.sample, ["--at-once", "1"]),
        "a question at a time": (args.sample // 10, ["--at-once", "1", "--questions", "1"]),
    }
    for name, (count, limits) in runs.items():
        with delayed(NSD, args.delay) as questions:
            rows[name] = audit(DELAY, count, limits, scratch)
        rows[name] |= {"questions": questions[0]}
        tell(name, rows[name])
    log = scratch / "names"
    if not log.exists():
        with delayed(NSD, 0, log):
            audit(DELAY, args.domains, WIDE, scratch)
    with resolver():
        rows["resolver alone"] = dnsperf(log, scratch)
    say(f"  resolver alone: {rows['resolver alone']['per_s']:.0f} questions/s")
    with resolver() as server:
        row = rows["by the resolver"] = audit(server, args.domains, [], scratch)
    row["questions"] = rows["resolver alone"]["asked"]
    tell("by the resolver", row)
    return rows


def tell(name, row):
    say(
        f"  {name}: {row['per_s']:.1f} domains/s, {row['questions'] / row['s']:.0f} questions/s, "
        f"{row['cpu_s']:.1f} s of CPU, {row['peak_mib']:.0f} MiB"
    )


# --- what is told ---


def ratios(rows):
    """Times a question at a time, times a domain at a time, and the part of what the resolver does alone."""
    asked = rows["by the resolver"]["questions"] / rows["by the resolver"]["s"]
    everything = rows["all"]["per_s"]
    return (
        everything / rows["a question at a time"]["per_s"],
        everything / rows["a domain at a time"]["per_s"],
        asked / rows["resolver alone"]["per_s"],
    )


def table(passes):
    lines = ["| run | domains | domains/s | questions/s | CPU ms a domain | peak MiB |", "|" + "---|" * 6]
    for name in ("a question at a time", "a domain at a time", "all", "by the resolver"):
        rows = [p[name] for p in passes]
        middle = {key: statistics.median(row[key] for row in rows) for key in ("per_s", "cpu_s", "peak_mib")}
        asked = statistics.median(row["questions"] / row["s"] for row in rows)
        count = rows[0]["domains"]
        cpu, mib = middle["cpu_s"] / count * 1000, middle["peak_mib"]
        lines.append(f"| {name} | {count} | {middle['per_s']:.1f} | {asked:.0f} | {cpu:.2f} | {mib:.0f} |")
    alone = statistics.median(p["resolver alone"]["per_s"] for p in passes)
    lines.append(f"| resolver alone (dnsperf) | | | {alone:.0f} | | |")
    by_question, by_domain, share = (statistics.median(column) for column in zip(*map(ratios, passes), strict=True))
    lines += ["", f"{by_question:.0f} times as fast as a question at a time (asked: {TIMES_SEQUENTIAL}), and"]
    lines += [f"{by_domain:.1f} times as a domain at a time; by the resolver {share:.2f} of what that answers"]
    lines += [f"alone (asked: {OF_RESOLVER})."]
    return "\n".join(lines) + "\n", by_question >= TIMES_SEQUENTIAL and share >= OF_RESOLVER


def main():
    args = arguments()
    enter_network()
    with tempfile.TemporaryDirectory(prefix="audit-bench-") as folder:
        scratch = pathlib.Path(folder)
        scratch.chmod(0o755)
        config = {"hostname": "mx.test", "listen": [{"address": "127.0.0.1:2525"}], "dns": {"trust_anchor": "none"}}
        (scratch / "config").write_text(json.dumps(config), encoding="utf-8")
        rig = peers.Peers(peers.peer_root(), scratch)
        try:
            start_nsd(rig, args.domains)
            passes = [run_pass(args, scratch) for _ in range(args.passes)]
        finally:
            rig.stop()
    text, reached = table(passes)
    RESULTS.mkdir(exist_ok=True)
    results = {"argv": sys.argv[1:], "load": os.getloadavg(), "passes": passes}
    (RESULTS / f"{args.name}.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{args.name}.md").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0 if reached and all(row["good"] for p in passes for row in p.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
