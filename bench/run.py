#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Measures Gatepost beside other mail servers, in alternation: see bench/README.md."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import measure  # noqa: E402
import report  # noqa: E402

RESULTS = pathlib.Path(__file__).resolve().parent / "results"
CEILING_MESSAGES = {4096: 20000, 102400: 3000}
CEILING_TLS = 4  # times fewer


def say(text):
    print(text, file=sys.stderr, flush=True)


def machine():
    model = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{os.cpu_count()} cores, {model}, Linux {platform.release()}, load {os.getloadavg()[0]:.1f} at the start"


def arguments():
    names = [measure.workload_name(w) for w in measure.all_workloads()]
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description="Runs each workload against each server, alternating, and writes bench/results/NAME.{json,md,svg}.",
        epilog="workloads (MODE-SIZE-MESSAGES A CONNECTION-SESSIONS): " + " ".join(names),
    )
    parser.add_argument("--servers", default="gatepost,postfix", help="the first is set against each of the others")
    parser.add_argument("--workloads", default="", help="names, or beginnings of names, with commas; default all")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="about how long a measured run takes (5)")
    parser.add_argument("--count-max", type=int, default=100000, help="messages in a run at most")
    parser.add_argument("--calls", type=int, default=200, help="messages of the strace run; 0: none")
    parser.add_argument("--idle", type=int, default=1000, help="idle connections to hold; 0: leave it out")
    parser.add_argument("--handshakes", type=float, default=3, help="seconds of TLS handshakes; 0: leave them out")
    parser.add_argument("--no-ceiling", action="store_true", help="leave out generator to sink")
    parser.add_argument("--name", default=datetime.datetime.now().strftime("%Y%m%d-%H%M%S"))
    args = parser.parse_args()
    wanted = [word for word in args.workloads.split(",") if word]
    args.servers = args.servers.split(",")
    can = set.intersection(*(set(measure.server_class(name).modes) for name in args.servers))
    args.workloads = [w for w in measure.all_workloads() if w.mode in can and (not wanted or matches(w, wanted))]
    if not args.workloads:
        parser.error("no workload that all of these servers can do has such a name")
    args.idle = args.idle if "idle" in can else 0
    args.handshakes = args.handshakes if "idle" in can else 0
    return args


def matches(workload, wanted):
    """By its name, or by a beginning that is nobody's name."""
    name = measure.workload_name(workload)
    names = {measure.workload_name(w) for w in measure.all_workloads()}
    return any(name == word or (word not in names and name.startswith(word)) for word in wanted)


def save(results, name):
    """After each cell, so that an end before the last one loses nothing."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{name}.md").write_text(report.markdown(results), encoding="utf-8")
    (RESULTS / f"{name}.svg").write_text(report.svg(results), encoding="utf-8")
    cpu = report.svg(results, "cpu_s_per_1000", "CPU seconds per 1,000 messages", 2)
    (RESULTS / f"{name}-cpu.svg").write_text(cpu, encoding="utf-8")


def try_measure(name, workload, args):
    try:
        return measure.measure(name, workload, args.seconds, args.count_max)
    except RuntimeError as problem:
        say(f"    {name}: {problem}")
        return {"good": False, "problem": str(problem)}


def try_extra(store, key, what, measure_it):
    """One of the single figures; a server that fails leaves a gap, not a traceback."""
    say(f"{what}, {key}")
    try:
        store[key] = measure_it()
    except (RuntimeError, OSError, ValueError) as problem:
        say(f"    {problem}")


def run_passes(results, args):
    for number in range(args.passes):
        for workload in args.workloads:
            key = measure.workload_name(workload)
            passes = results["cells"].setdefault(key, [])
            passes.append({})
            # Whoever is first has a colder machine: take turns.
            for name in args.servers if number % 2 == 0 else args.servers[::-1]:
                row = passes[-1][name] = try_measure(name, workload, args)
                say(
                    f"pass {number + 1} {key} {name}: {row.get('per_s', 0):,.0f}/s,"
                    f" {row.get('cpu_s_per_1000', 0):.3f} CPU s/1000" + ("" if row["good"] else " FAILED")
                )
            save(results, args.name)


def run_tls_extras(results, args):
    for name in args.servers:
        held = min(args.idle, 90) if name == "postfix" else args.idle
        if held:
            key = f"{name} by TLS"
            measure_it = lambda n=name, h=held: measure.idle_memory(n, h, "tlsin")  # noqa: E731
            try_extra(results["idle"], key, "idle connections", measure_it)
        for tls, key in (("in", name), ("in-rsa", f"{name} with RSA-2048")) if args.handshakes else ():
            measure_it = lambda n=name, t=tls: measure.handshakes(n, args.handshakes, t)  # noqa: E731
            try_extra(results["handshakes"], key, "handshakes", measure_it)
    if args.handshakes:
        try_extra(results["crypto"], "one core", "openssl speed", measure.crypto_limit)


def run_extras(results, args):
    for workload in args.workloads if args.calls else []:
        if workload.per_connection == 1 and workload.sessions == 50 and workload.size == 4096 and not workload.tls:
            calls = results["calls"].setdefault(measure.workload_name(workload), {})
            for name in args.servers:
                what = f"system calls of {measure.workload_name(workload)}"
                try_extra(calls, name, what, lambda n=name, w=workload: measure.count_calls(n, w, args.calls))
    for name in args.servers if args.idle else []:
        # Postfix gives each connection a process, and has 100 of them by default.
        held = min(args.idle, 90) if name == "postfix" else args.idle
        try_extra(results["idle"], name, "idle connections", lambda n=name, h=held: measure.idle_memory(n, h))
    if any(w.tls for w in args.workloads):
        run_tls_extras(results, args)
    for workload in [] if args.no_ceiling else args.workloads:
        # load itself speaks no TLS when it is for the way out
        workload = workload._replace(tls="") if workload.tls in measure.SINK_TLS else workload
        key = measure.workload_name(workload._replace(mode="ceiling"))
        if key not in results["ceiling"]:
            count = CEILING_MESSAGES[workload.size] // (CEILING_TLS if workload.tls else 1)
            try_extra(results["ceiling"], key, "nothing between", lambda w=workload, n=count: measure.ceiling(w, n))


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    results = {
        "when": datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
        "machine": machine(),
        "servers": args.servers,
        "settings": [],
        "passes": args.passes,
        "cells": {},
        "calls": {},
        "idle": {},
        "handshakes": {},
        "crypto": {},
        "ceiling": {},
    }
    for name in args.servers:
        results["settings"] += measure.settings_of(name)
    run_passes(results, args)
    run_extras(results, args)
    save(results, args.name)
    print(report.markdown(results))
    good = all(row["good"] for passes in results["cells"].values() for one in passes for row in one.values())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
