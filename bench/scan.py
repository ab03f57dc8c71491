#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures `gatepost scan` beside nmap over a field of mail servers on loopback: see bench/README.md."""

import argparse
import collections
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("GATEPOST_BUILD") or ROOT / "build")
RESULTS = ROOT / "bench" / "results"

# argv: of scan_field; tls: whether each host has to have shown it; asked: times as fast as nmap, at least
Field = collections.namedtuple("Field", "title argv tls asked")
FIELDS = {
    "postfix": Field("as Postfix", ["--postfix"], True, 50),
    "late": Field("as Postfix, greeting after 5 s", ["--postfix", "--delay", "5000"], True, 50),
    "sink": Field("sinks without TLS", [], False, 10),
}
MEMORY_MAX_MIB = 200
FIRST_PORT = 2525


def say(text):
    print(text, file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="bench/scan.py", description=__doc__)
    parser.add_argument("--fields", default=",".join(FIELDS), help="which, with commas")
    parser.add_argument("--hosts", type=int, default=10000, help="that gatepost scans")
    parser.add_argument("--sample", type=int, default=128, help="of them, that nmap scans; 0: leave it out")
    parser.add_argument("--nmap-options", default="", help="more of them, such as -T4")
    parser.add_argument("--connections", type=int, default=1000, help="of gatepost, at once")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--name", default=datetime.datetime.now().strftime("scan-%Y%m%d-%H%M%S"))
    args = parser.parse_args()
    args.fields = args.fields.split(",")
    if not set(args.fields) <= set(FIELDS):
        parser.error(f"fields are {', '.join(FIELDS)}")
    return args


def enter_network():
    """Starts this program again in a network of its own, where all of 127.0.0.0/8 is free."""
    if os.environ.get("SCAN_BENCH_INSIDE"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        pathlib.Path("/proc/sys/net/core/somaxconn").write_text("65535", encoding="ascii")
        return
    env = os.environ | {"SCAN_BENCH_INSIDE": "1"}
    os.execvpe("unshare", ["unshare", "-n", sys.executable, *sys.argv], env)


def address(i):
    return f"127.{1 + i // 65536}.{i // 256 % 256}.{i % 256}"


# --- what is measured ---


def timed(argv, log):
    """Wall seconds, CPU seconds and peak memory of a program that has to succeed."""
    began = time.monotonic()
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {
        "code": process.returncode,
        "s": time.monotonic() - began,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }


def finish(row, hosts, good):
    row |= {"hosts": hosts, "per_s": hosts / row["s"], "good": good == hosts and row["code"] == 0}
    if not row["good"]:
        say(f"  failed: {good} of {hosts} hosts, exit code {row['code']}")
    return row


def is_good(found, field):
    """Was it understood as what it is?"""
    tls = (found["starttls"] or {}).get("version") == "TLSv1.3"
    failed = {f["id"] for f in found["findings"] if f["state"] == "fail"}
    return found["end"] == "quit" and tls == field.tls and failed == ({"cert.untrusted"} if tls else {"tls.absent"})


def run_gatepost(field, port, hosts, args, scratch):
    targets, out = scratch / "targets", scratch / "out"
    targets.write_text("".join(f"{address(i)}:{port}\n" for i in range(hosts)), encoding="ascii")
    argv = [BUILD / "gatepost", "scan", "--private", "--no-dns", "--helo", "bench.test", "--rate", "0", "-q", "--json"]
    argv += ["--connections", str(args.connections), "--file", targets, "-o", out]
    row = timed(argv, sys.stderr)
    good = sum(is_good(json.loads(line), field) for line in out.open(encoding="utf-8"))
    out.unlink()
    return finish(row, hosts, good)


def run_nmap(_field, port, hosts, args, scratch):
    targets, out = scratch / "targets", scratch / "out"
    targets.write_text("".join(f"{address(i)}\n" for i in range(hosts)), encoding="ascii")
    argv = ["nmap", "-n", "-Pn", "-sV", "--script", "smtp-commands,smtp-open-relay", "-p", str(port), "-iL", targets]
    with out.open("w", encoding="utf-8") as log:
        row = timed(argv + args.nmap_options.split(), log)
    return finish(row, hosts, out.read_text(encoding="utf-8").count("smtp-commands: mx-"))


TOOLS = {"gatepost": run_gatepost, "nmap": run_nmap}


def run_pass(field, port, number, args, scratch):
    """One tool after the other; the one that begins changes from pass to pass."""
    sizes = {"gatepost": args.hosts, "nmap": args.sample}
    names = [name for name in TOOLS if sizes[name] > 0]
    rows = {}
    for name in names if number % 2 == 0 else reversed(names):
        rows[name] = row = TOOLS[name](field, port, sizes[name], args, scratch)
        say(f"  {name}: {row['per_s']:.1f} hosts/s, {row['cpu_s']:.1f} s of CPU, {row['peak_mib']:.0f} MiB")
    return rows


def run_field(name, port, args, scratch):
    field = FIELDS[name]
    say(f"{field.title}:")
    server = subprocess.Popen([BUILD / "scan_field", str(port), *field.argv], stdout=subprocess.PIPE)
    try:
        if server.stdout.readline() != b"ready\n":
            sys.exit("scan_field does not run: ninja -C build scan_field")
        return [run_pass(field, port, i, args, scratch) for i in range(args.passes)]
    finally:
        server.terminate()
        server.wait()


# --- what is told ---


def median_row(rows):
    return {key: statistics.median(row[key] for row in rows) for key in ("per_s", "cpu_s", "peak_mib", "hosts")}


def table(results):
    lines = ["| field | tool | hosts | hosts/s | CPU ms a host | peak MiB | times nmap (asked) |", "|" + "---|" * 7]
    for name, passes in results["fields"].items():
        good = [rows for rows in passes if all(row["good"] for row in rows.values())]
        ratios = [rows["gatepost"]["per_s"] / rows["nmap"]["per_s"] for rows in good if "nmap" in rows]
        for tool in TOOLS:
            rows = [p[tool] for p in good if tool in p]
            if not rows:
                continue
            m = median_row(rows)
            times = ""
            if tool == "gatepost" and ratios:
                low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
                times = f"{middle:.0f} ({low:.0f} to {high:.0f}; {FIELDS[name].asked})"
            lines.append(
                f"| {FIELDS[name].title} | {tool} | {m['hosts']:.0f} | {m['per_s']:.1f} "
                f"| {m['cpu_s'] / m['hosts'] * 1000:.2f} | {m['peak_mib']:.0f} | {times} |"
            )
        if len(good) < len(passes):
            lines.append(f"| {FIELDS[name].title} | | | {len(passes) - len(good)} passes failed | | | |")
    return "\n".join(lines) + "\n"


def reached(results):
    """Whether every pass is good and what was asked for is there."""
    for name, passes in results["fields"].items():
        rows = [row for p in passes for row in p.values()]
        ratios = [p["gatepost"]["per_s"] / p["nmap"]["per_s"] for p in passes if "nmap" in p]
        if not all(row["good"] for row in rows) or (ratios and statistics.median(ratios) < FIELDS[name].asked):
            return False
        if any(p["gatepost"]["peak_mib"] > MEMORY_MAX_MIB for p in passes):
            return False
    return True


def main():
    args = arguments()
    enter_network()
    subprocess.run(["ninja", "-C", BUILD, "scan_field"], check=True, stdout=subprocess.DEVNULL)
    results = {"argv": sys.argv[1:], "load": os.getloadavg(), "fields": {}}
    with tempfile.TemporaryDirectory() as scratch:
        for i, name in enumerate(args.fields):
            results["fields"][name] = run_field(name, FIRST_PORT + i, args, pathlib.Path(scratch))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{args.name}.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{args.name}.md").write_text(table(results), encoding="utf-8")
    print(table(results), end="")
    return 0 if reached(results) else 1


if __name__ == "__main__":
    sys.exit(main())
