#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A field of reports: as many as wanted, as reporters send them, and the truth beside them.

Each domain has servers of its own, a provider that signs for it, forwarders, and forgers. Reporters see a part of the
mail, each in a form of its own: bare XML, gzip, zip, a mail; namespaces, odd words, days of another zone, a week at
once. Some reports come twice, some are damaged, some have a record that nobody can read.

    reports_field.py FOLDER [--domains N] [--days N] [--reporters N] [--sources N] [--seed N] [--plain]

writes FOLDER/reports/ and FOLDER/truth.json. --plain: bare XML of one form, without what is odd.
"""

import argparse
import base64
import datetime
import email.utils
import gzip
import io
import json
import pathlib
import random
import zipfile

DAY_S = 86400
FIGURES = ["messages", "aligned", "dkim", "spf", "quarantined", "rejected"]


class Sender:
    """An address that mail in a domain's name comes from, and what becomes of it."""

    def __init__(self, kind, address, dkim, spf, envelope, selector):
        self.kind, self.address, self.dkim, self.spf = kind, address, dkim, spf
        self.envelope, self.selector = envelope, selector


def senders_of(rng, domain, number, count):
    """What a domain's mail comes from; number: which domain it is."""
    def address(block, i):
        if i % 7 == 3:
            return f"2001:db8:{number:x}:{block:x}::{i + 1:x}"
        return f"{10 + block}.{number % 200}.{i // 250}.{1 + i % 250}"

    out = []
    for i in range(count):
        kind = "ours" if i < 3 else rng.choices(["provider", "forwarder", "threat"], [2, 3, 5])[0]
        where = address(["ours", "provider", "forwarder", "threat"].index(kind), i)
        if kind == "ours":
            out.append(Sender(kind, where, True, True, domain, f"s{1 + i % 2}"))
        elif kind == "provider":
            out.append(Sender(kind, where, True, False, "bounce.provider.example", "esp1"))
        elif kind == "forwarder":
            out.append(Sender(kind, where, True, False, domain, "s1"))
        else:
            out.append(Sender(kind, where, False, False, f"spam{i % 5}.example", ""))
    return out


class Truth:
    def __init__(self):
        self.imported = self.records = self.duplicates = self.refused = self.lost = 0
        self.domains, self.days, self.sources, self.estimated = {}, {}, {}, {}
        self.sessions, self.incidents = {}, 0  # of TLS reports: successful, failed

    def add(self, domain, day, sender, count, disposition):
        """day: None where it is one of several that a report is about."""
        figures = self.domains.setdefault(domain, dict.fromkeys(FIGURES, 0))
        aligned = sender.dkim or sender.spf
        for name, counts in [("messages", True), ("aligned", aligned), ("dkim", sender.dkim), ("spf", sender.spf),
                             ("quarantined", disposition == "quarantine"), ("rejected", disposition == "reject")]:
            figures[name] += count if counts else 0
        source = self.sources.setdefault(domain, {}).setdefault(sender.address, {"count": 0, "class": sender.kind})
        source["count"] += count
        if day is None:
            self.estimated[domain] = self.estimated.get(domain, 0) + count
        else:
            per_day = self.days.setdefault(domain, {})
            per_day[day] = per_day.get(day, 0) + count

    def as_json(self):
        return {name: getattr(self, name) for name in
                ["imported", "records", "duplicates", "refused", "lost", "domains", "days", "sources", "estimated",
                 "sessions", "incidents"]}


FORMS = [
    # name, container, namespace, odd words, hours that its day begins late, days of a report
    ("google.example", "zip", "", False, 0, 1),
    ("enterprise.protection.example", "gz", "", False, 0, 1),
    ("Yahoo-like", "mail", "", False, 0, 1),
    ("gmx.example", "gz", ' xmlns="http://dmarc.org/dmarc-xml/0.1"', False, 0, 1),
    ("odd.example", "xml", "", True, 0, 1),
    ("pacific.example", "xml", "", False, 8, 1),
    ("weekly.example", "mail", "", False, 0, 7),
    ("new.example", "mail", ' xmlns="urn:ietf:params:xml:ns:dmarc-2.0"', False, 0, 1),
]


def record(sender, domain, count, disposition, odd, bad):
    aligned = {True: "pass", False: "fail"}
    spf_result = "pass" if sender.spf or sender.kind != "forwarder" else ("hardfail" if odd else "fail")
    envelope = sender.envelope
    reason = "<reason><type>forwarded</type><comment/></reason>" if sender.kind == "forwarder" else ""
    dkim = (f"<dkim><domain>{domain}</domain><selector>{sender.selector}</selector>"
            f"<result>{'Pass' if odd else 'pass'}</result></dkim>" if sender.dkim else "")
    return (f"<record><row><source_ip>{'not an address' if bad else sender.address}</source_ip><count>{count}</count>"
            f"<policy_evaluated><disposition>{disposition}</disposition><dkim>{aligned[sender.dkim]}</dkim>"
            f"<spf>{aligned[sender.spf]}</spf>{reason}</policy_evaluated></row>"
            f"<identifiers><header_from>{domain}</header_from></identifiers>"
            f"<auth_results>{dkim}<spf><domain>{envelope}</domain><result>{spf_result}</result></spf></auth_results>"
            "</record>\n")


def head(org, ident, domain, begin, end, policy, namespace):
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<feedback{namespace}><version>1.0</version><report_metadata>'
            f"<org_name>{org}</org_name><email>dmarc@{org}</email><report_id>{ident}</report_id>"
            f"<date_range><begin>{begin}</begin><end>{end}</end></date_range></report_metadata>"
            f"<policy_published><domain>{domain}</domain><adkim>r</adkim><aspf>r</aspf><p>{policy}</p><sp>{policy}</sp>"
            f"<pct>100</pct></policy_published>\n")


def packed(text, container, name):
    """The report as it travels: an extension, octets."""
    data = text.encode()
    if container == "xml":
        return "xml", data
    if container == "gz":
        return "xml.gz", gzip.compress(data, mtime=0)
    if container == "zip":
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
            z.writestr(f"{name}.xml", data)
        return "zip", out.getvalue()
    body = base64.encodebytes(gzip.compress(data, mtime=0)).decode()
    return "eml", (f"From: dmarc@reporter.example\r\nTo: rua@ours.example\r\nSubject: Report Domain: {name}\r\n"
                   f"MIME-Version: 1.0\r\nContent-Type: application/gzip; name=\"{name}.xml.gz\"\r\n"
                   "Content-Transfer-Encoding: base64\r\n\r\n" + body.replace("\n", "\r\n")).encode()


FAILURE = """From: reports@strict.example
To: ruf@{domain}
Date: {when}
Subject: a message failed
Message-ID: <failure.{day}.{domain}@strict.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: text/plain

It failed.
--b
Content-Type: message/feedback-report

Feedback-Type: auth-failure
User-Agent: strict/1.0
Version: 1
Original-Mail-From: <x@spam.example>
Arrival-Date: {when}
Source-IP: 13.0.0.1
Reported-Domain: {domain}
Auth-Failure: dmarc
Delivery-Result: reject

--b
Content-Type: text/rfc822-headers

From: ceo@{domain}
Subject: =cmd|' /C calc'!A0
Message-ID: <{day}.{domain}@spam.example>

--b--
"""


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Field:
    def __init__(self, folder, seed=1, plain=False, first_day=20500):
        self.folder = pathlib.Path(folder) / "reports"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.rng, self.plain, self.first_day = random.Random(seed), plain, first_day
        self.truth, self.written = Truth(), 0

    def write(self, extension, data):
        part = self.folder / f"{self.written // 1000:03d}"
        part.mkdir(exist_ok=True)
        (part / f"{self.written:07d}.{extension}").write_bytes(data)
        self.written += 1

    def report(self, form, domain, senders, day, records):
        """One report, told of in the truth, in the form of its reporter."""
        org, container, namespace, odd, late, days = form
        rng, truth = self.rng, self.truth
        if self.plain:
            container, namespace, odd, late, days = "xml", "", False, 0, 1
        begin = (self.first_day + day) * DAY_S + late * 3600
        end = begin + days * DAY_S - (1 if rng.random() < 0.8 or late else 0)
        policy = ["none", "quarantine", "reject"][len(domain) % 3]
        bad = rng.randrange(records) if not self.plain and rng.random() < 0.03 else -1
        text = [head(org, f"{org}!{domain}!{begin}", domain, begin, end, policy, namespace)]
        for i in range(records):
            sender = senders[i % len(senders)] if records > 2 * len(senders) else rng.choice(senders)
            count = rng.choice([1, 1, 1, 2, 3, 7, rng.randrange(1, 500)])
            disposition = policy if sender.kind == "threat" else "none"
            text.append(record(sender, domain, count, disposition, odd, i == bad))
            if i == bad:
                truth.lost += 1
                continue
            truth.records += 1
            truth.add(domain, None if late or days > 1 else self.first_day + day, sender, count, disposition)
        truth.imported += 1
        extension, data = packed("".join(text) + "</feedback>\n", container, domain)
        self.write(extension, data)
        if not self.plain and rng.random() < 0.05:
            truth.duplicates += 1
            self.write(extension, data)
        elif not self.plain and rng.random() < 0.03:
            truth.refused += 1
            self.write(extension, data[:5])  # of any form, so little is none

    def tls_report(self, domain, day):
        begin = (self.first_day + day) * DAY_S
        good, bad = self.rng.randrange(1, 5000), self.rng.choice([0, 0, 3, 40])
        details = [{"result-type": "certificate-expired", "receiving-mx-hostname": f"mx.{domain}",
                    "failed-session-count": bad}]
        report = {
            "organization-name": "Sender, Inc.",
            "date-range": {"start-datetime": stamp(begin), "end-datetime": stamp(begin + DAY_S - 1)},
            "contact-info": None if self.rng.random() < 0.2 else "tls@sender.example",
            "report-id": f"{begin}_{domain}",
            "policies": [{"policy": {"policy-type": "sts", "policy-string": ["version: STSv1", "mode: enforce"],
                                     "policy-domain": domain},
                          "summary": {"total-successful-session-count": good, "total-failure-session-count": bad},
                          "failure-details": details if bad else []}],
        }
        sums = self.truth.sessions.setdefault(domain, [0, 0])
        sums[0], sums[1] = sums[0] + good, sums[1] + bad
        self.truth.imported += 1
        self.truth.records += 1
        data = json.dumps(report).encode()
        self.write(*(("json.gz", gzip.compress(data, mtime=0)) if self.rng.random() < 0.5 else ("json", data)))

    def failure(self, domain, day):
        begin = (self.first_day + day) * DAY_S
        self.truth.imported += 1
        self.truth.records += 1
        self.truth.incidents += 1
        mail = FAILURE.format(domain=domain, day=day, when=email.utils.formatdate(begin + 3600))
        self.write("eml", mail.replace("\n", "\r\n").encode())

    def fill(self, domains, days, reporters, sources, records_max=20):
        for number in range(domains):
            domain = f"d{number}.example" if number % 3 else f"longer{number}.example"
            senders = senders_of(self.rng, domain, number, sources)
            for day in range(days):
                for k in range(reporters):
                    form = FORMS[k % len(FORMS)]
                    if k >= len(FORMS):
                        form = (f"{k}.{form[0]}",) + form[1:]
                    if k == 0 and not self.plain:
                        self.tls_report(domain, day)
                        if day % 5 == 0:
                            self.failure(domain, day)
                    if form[5] == 1 or day % form[5] == 0:
                        self.report(form, domain, senders, day, self.rng.randrange(1, records_max + 1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    for name, value in [("domains", 3), ("days", 14), ("reporters", 8), ("sources", 20), ("seed", 1), ("records", 20)]:
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--plain", action="store_true")
    args = parser.parse_args()
    field = Field(args.folder, args.seed, args.plain)
    field.fill(args.domains, args.days, args.reporters, args.sources, args.records)
    (pathlib.Path(args.folder) / "truth.json").write_text(json.dumps(field.truth.as_json()))


if __name__ == "__main__":
    main()
