#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long it takes to import others' reports, beside `xmllint --stream` over the same files, which only parses them;
and how long the overview takes over a database of many rows.

    ninja -C build gatepost reports_bench
    bench/reports.py                            # import, small reports and large ones: some minutes
    bench/reports.py --overview 10000000        # a database of so many rows is filled, and asked
    bench/reports.py --dashboard 10000000       # the same by HTTP, of a gateway's dashboard

Both run on one core, each in its turn, in an order that changes from pass to pass; CPU seconds of all their processes
are compared, as they are what one core has to give, and the seconds that passed stand beside them. A run in which a
record is missing counts as failed.
"""

import argparse
import datetime
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/system"))
import dashrig  # noqa: E402
import gateway  # noqa: E402
import reports_field  # noqa: E402

GATEPOST = ROOT / "build/gatepost"
CORE = "0"
FIELDS = {  # a year of files of some 2 KB; so few of them that starting counts; files of 11 MB
    "small": {"domains": 5, "days": 365, "reporters": 25, "sources": 40, "records_max": 6},
    "few": {"domains": 5, "days": 100, "reporters": 10, "sources": 40, "records_max": 6},
    "large": {"domains": 2, "days": 1, "reporters": 1, "sources": 2000, "records_max": 60_000},
}
LAST_DAY = datetime.date.fromtimestamp(20787 * 86400)  # of the database that is filled


def timed(argv, **options):
    """CPU seconds and seconds of a command on one core."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(["taskset", "-c", CORE, *map(str, argv)], capture_output=True, check=False, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done, cpu, time.monotonic() - start


def xmllint(files, _records):
    names = "\0".join(map(str, files)).encode()
    done, *times = timed(["xargs", "-0", "xmllint", "--stream", "--noout"], input=names)
    return times if done.returncode == 0 else None


def gatepost(files, records):
    with tempfile.TemporaryDirectory() as folder:
        done, *times = timed([GATEPOST, "reports", "import", "--json", "--max-size", "1GB", "--max-records", "1000000",
                              "--database", f"{folder}/received.db", files[0].parent.parent])
    return times if done.returncode == 0 and json.loads(done.stdout)["records"] == records else None


def compare(name, passes):
    tools = [("gatepost", gatepost), ("xmllint", xmllint)]
    times, ratios = {tool: [] for tool, _ in tools}, []
    with tempfile.TemporaryDirectory() as folder:
        field = reports_field.Field(folder, plain=True, first_day=20_000)
        field.fill(**FIELDS[name])
        files = sorted(field.folder.glob("*/*.xml"))
        size = sum(f.stat().st_size for f in files)
        print(f"{name}: {len(files)} files, {field.truth.records} records, {size / 1e6:.1f} MB")
        for n in range(passes + 1):
            for tool, run in tools[:: 1 if n % 2 else -1]:
                got = run(files, field.truth.records)
                if got is None:
                    return print(f"{tool} failed")
                if n > 0:  # the first pass warms up
                    times[tool].append(got)
            if n > 0:
                ratios.append(times["gatepost"][-1][0] / times["xmllint"][-1][0])
    for tool, all_times in times.items():
        cpu, passed = (statistics.median(t[i] for t in all_times) for i in (0, 1))
        print(f"  {tool:10} {cpu:8.3f} s CPU, {passed:8.3f} s; {cpu / len(files) * 1e6:9.1f} us a file,"
              f" {cpu / field.truth.records * 1e6:6.2f} us a record, {size / cpu / 1e6:6.1f} MB/s")
    print(f"  CPU of gatepost / xmllint, median of {passes}: {statistics.median(ratios):.2f}")


def fill(rows, path):
    program = ROOT / "build/reports_bench"
    if not os.path.exists(path):
        subprocess.run([program, "fill", path, str(rows)], check=True)
    return program


def overview(rows, passes, path):
    """The page's questions, of 7, 30, 90 and 365 days."""
    program = fill(rows, path)
    argv = [program, "overview", path, str(passes + 1)]
    out = subprocess.run(argv, capture_output=True, text=True, check=True)
    per_range = {}
    for line in out.stdout.splitlines()[4:]:  # the first of each warms up
        days, messages, ms = line.split()
        per_range.setdefault((int(days), int(messages)), []).append(float(ms))
    print(f"overview of {rows} rows, {os.path.getsize(path) / 1e6:.0f} MB, median of {passes}:")
    for (days, messages), ms in per_range.items():
        print(f"  {days:4} days, {messages:10} messages: {statistics.median(ms):8.1f} ms, at most {max(ms):8.1f} ms")


PAGES = ("overview", "domains", "sources", "source", "policy", "signers", "reporters", "tls", "failures", "store")


def ask(board, page, days, passes, **query):
    """The answer, and the milliseconds of each pass; the first one warms up."""
    query = {"from": LAST_DAY - datetime.timedelta(days - 1), "to": LAST_DAY, **query}
    target = f"/api/v1/{page}?" + urllib.parse.urlencode(query)
    times = []
    for _ in range(passes + 1):
        start = time.monotonic()
        answer = board.get(target)
        times.append((time.monotonic() - start) * 1000)
        if answer.status != 200:
            sys.exit(f"{target}: {answer.status} {answer.body}")
    return answer.json, times


def ask_all(board, days, passes, **query):
    """What each page asks for: of a source, the one with most messages."""
    domain = query.get("domain", "domain0.example")
    sources, _ = ask(board, "sources", days, 1, domain=domain)
    source = {"domain": domain, "address": sources["sources"][0]["address"]}
    for page in PAGES:
        _, times = ask(board, page, days, passes, **(source if page == "source" else query))
        print(
            f"  {days:4} days, {query.get('domain', 'all domains'):16} {page:10}"
            f" {statistics.median(times[1:]):8.1f} ms, at most {max(times):8.1f} ms"
        )


def dashboard(rows, passes, path):
    """What the page waits for: a connection, a session, the roles between, the database, JSON."""
    fill(rows, path)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder, servers = pathlib.Path(name), []
        folder.chmod(0o755)

        def start(**settings):
            servers.append(gateway.Gateway(folder, {**settings, "reports": {"keep_received": "3650d"}}))
            return servers[0].start()

        try:
            board = dashrig.Dashboard(start, folder, filled=pathlib.Path(path))
            board.sign_in()
            print(f"the dashboard over {rows} rows, median of {passes}, and the most with the first:")
            for days in (7, 30, 90, 365):
                ask_all(board, days, passes)
                ask_all(board, days, passes, domain="domain3.example")
        finally:
            for server in servers:
                server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--overview", type=int, metavar="ROWS")
    parser.add_argument("--dashboard", type=int, metavar="ROWS")
    parser.add_argument("--database", help="of the overview: kept, and used again where it is there")
    parser.add_argument("--only", choices=FIELDS)
    args = parser.parse_args()
    if args.overview or args.dashboard:
        folder = tempfile.mkdtemp()
        path = args.database or f"{folder}/received.db"
        if args.overview:
            overview(args.overview, args.passes, path)
        if args.dashboard:
            dashboard(args.dashboard, args.passes, path)
        return shutil.rmtree(folder)
    for name in FIELDS:
        if args.only in (None, name):
            compare(name, args.passes)
    return None


if __name__ == "__main__":
    main()
