# SPDX-License-Identifier: Apache-2.0
"""What docs/reports-attacks.md promises: bombs that are mailed cost little, nothing in a report makes us ask anybody,
and each test that the page names is there."""

import gzip
import io
import json
import pathlib
import re
import socket
import threading
import time
import zipfile

from gateway import Gateway, eventually, run
from test_ingest import DAY, RECORD, REPORT, TLS, aggregate, mail, read

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CPU_S, MEMORY_MB = 1, 64
SINK = "sink.example"


def zipped(*files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for number, octets in enumerate(files):
            z.writestr(f"{number}.xml", octets)
    return out.getvalue()


def million_records():
    records = RECORD.format(last=1, count=1) * 1000
    head, _, tail = REPORT.format(id="million", begin=DAY, end=DAY + 86399, records="@").encode().partition(b"@")
    return gzip.compress(head + records.encode() * 1000 + tail)


def full():
    """As much as may come out of a mail: all of it is read."""
    records = "".join(RECORD.format(last=i % 256, count=i) for i in range(55_000))
    octets = REPORT.format(id="full", begin=DAY, end=DAY + 86399, records=records).encode()
    assert 16_000_000 < len(octets) < 20_000_000
    return gzip.compress(octets)


def packed_deep(pack, times):
    octets = aggregate()
    for _ in range(times):
        octets = pack(octets)
    return octets


def parts(number):
    part = b"--b\r\nContent-Type: application/gzip\r\n\r\nx\r\n"
    return (b"From: dmarc@reporter.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            + part * number + b"--b--\r\n")  # fmt: skip


def messages(deep):
    head = b"MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n\r\n"
    return b"From: dmarc@reporter.example\r\n" + head * deep + b"words\r\n"


LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 12))
BOMBS = {
    "blanks": mail(gzip.compress(b" " * 100_000_000)),
    "records": mail(million_records()),
    "full": mail(full()),
    "zips": mail(packed_deep(zipped, 20)),
    "gzips": mail(packed_deep(gzip.compress, 20)),
    "members": mail(gzip.compress(aggregate()) * 1000),
    "files": mail(zipped(*[aggregate(f"r{i}") for i in range(1000)])),
    "laughs": mail(gzip.compress(b"<!DOCTYPE f [<!ENTITY l0 'ha'>" + LAUGHS + b"]><feedback>&l11;</feedback>")),
    "deep": mail(gzip.compress(b"<feedback>" + b"<a>" * 100_000)),
    "attributes": mail(gzip.compress(b"<feedback " + b"".join(b"a%d='' " % i for i in range(1_000_000)) + b"/>")),
    "arrays": mail(gzip.compress(b'{"a":' + b"[" * 1_000_000)),
    "values": mail(gzip.compress(b'{"policies":[' + b"{}," * 1_000_000 + b"{}]}")),
    "parts": parts(20_000),
    "messages": messages(5000),
}


def cost_of(pid):
    """Seconds of the processor's time, and MB at most."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return (int(fields[11]) + int(fields[12])) / 100, int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1000


def gateway(folder):
    server = Gateway(folder)
    server.settings["domains"]["demo.test"]["reports"] = "reports"
    return server


def test_bombs_cost_little(tmp_path):
    server = gateway(tmp_path).start()
    try:
        pid = server.pid_of("ingest")
        before, _ = cost_of(pid)
        for number, (name, octets) in enumerate(BOMBS.items()):
            server.send(octets, to=["reports@demo.test"])
            read(server, number + 1)
            after, memory = cost_of(pid)  # of the same process: it has survived
            print(name, after - before, memory)
            assert after - before < CPU_S, name
            assert memory < MEMORY_MB, name
            before = after
        eventually(lambda: server.queued() == [], what="an empty queue")
        done = run("reports", "refused", "--unauthenticated", "--json", "-c", server.config)
        # A report that is cut off is kept as far as it goes; the others are there, and why.
        assert len(done.stdout.splitlines()) >= len(BOMBS) - 2, done.stdout
    finally:
        server.stop()


class Sink:
    """Who hears it when somebody asks: a name server and a web server, which answer nothing."""

    def __init__(self):
        self.names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.names.bind(("127.0.0.1", 0))
        self.pages = socket.create_server(("127.0.0.1", 0))
        self.asked, self.connected = [], 0
        for listen in (self.hear_names, self.hear_pages):
            threading.Thread(target=listen, daemon=True).start()

    def hear_names(self):
        while True:
            self.asked.append(self.names.recv(4096))

    def hear_pages(self):
        while True:
            self.pages.accept()[0].close()
            self.connected += 1


def test_nothing_in_a_report_makes_us_ask(tmp_path):
    """No name, address or URL of one, nor an entity; as it comes, and as the dashboard's figures are made."""
    sink = Sink()
    server = gateway(tmp_path)
    server.settings["relay_networks"] = ["127.0.0.0/8"]
    server.settings["dns"] = {"server": f"127.0.0.1:{sink.names.getsockname()[1]}", "trust_anchor": "none"}
    server.start()
    url = f"http://127.0.0.1:{sink.pages.getsockname()[1]}/x"
    try:
        whole = aggregate().decode().replace("reporter.example", SINK)
        whole = whole.replace("<header_from>demo.test", f"<header_from>{SINK}")
        outside = f'<!DOCTYPE feedback SYSTEM "{url}" [<!ENTITY a SYSTEM "{url}">]><feedback>&a;</feedback>'
        linked = whole.replace("<report_id>r1", f"<report_id>{url}").replace(
            "<feedback>", f'<feedback xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="{url}"/>')  # fmt: skip
        sheet = whole.replace("?>", f'?><?xml-stylesheet href="{url}"?>', 1).replace("<report_id>r1", "<report_id>r2")
        tls = json.dumps({**TLS, "contact-info": url, "organization-name": SINK}).encode()
        reports = [whole.encode(), outside.encode(), linked.encode(), sheet.encode(), tls]
        for octets in reports:
            server.send(mail(gzip.compress(octets)), to=["reports@demo.test"])
        lines = read(server, len(reports))
        assert sum(line["kept"] for line in lines) == len(reports) - 1
        done = run("reports", "summary", "--unauthenticated", "--since", "2020-01-01", "-c", server.config)
        assert done.returncode == 0 and "demo.test" in done.stdout
        time.sleep(1)
        assert sink.connected == 0
        assert [q for q in sink.asked if b"\4sink" in q or b"in-addr" in q] == []
    finally:
        server.stop()


def test_each_test_that_the_page_names_is_there():
    page = (ROOT / "docs/reports-attacks.md").read_text(encoding="utf-8")
    named = re.findall(r"`(\w+_test|test_\w+\.py)` (\w+)", page)
    assert len(named) > 40
    for file, test in named:
        if file.endswith(".py"):
            text = (ROOT / "tests/system" / file).read_text(encoding="utf-8")
            assert f"\ndef {test}(" in text, (file, test)
        else:
            (path,) = (ROOT / "tests").glob(f"*/{file}.c")
            assert f"\n{test}(void **state)" in path.read_text(encoding="utf-8"), (file, test)
