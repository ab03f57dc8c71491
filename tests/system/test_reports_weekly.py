# SPDX-License-Identifier: Apache-2.0
"""gatepost reports weekly: what a week was like, printed or mailed, for those who read no reports."""

import email
import email.policy
import html.parser
import json

import mmdb
import pytest
import reports_field
import tlsrig
from gateway import eventually, free_port, make_users, run

DAY_S = 86400
MONDAY_S = 1780272000  # 2026-06-01
DOMAIN = "ours.example"
WEEK = ["--until", "2026-06-07"]
EVIL = "<script>alert(1)</script>"

OURS = reports_field.Sender("ours", "192.0.2.1", True, True, DOMAIN, "s1")
FORWARDER = reports_field.Sender("forwarder", "203.0.113.5", False, False, "lists.example", "")
FORGER = reports_field.Sender("threat", "198.51.100.9", False, False, "spam.example", "")


def report(folder, day, *rows, policy="none", domain=DOMAIN):
    begin = MONDAY_S + day * DAY_S
    ident = f"{domain}.{day}"
    text = reports_field.head("reporter.example", ident, domain, begin, begin + DAY_S - 1, policy, "")
    text += "".join(reports_field.record(sender, domain, count, told, False, False) for sender, count, told in rows)
    (folder / f"{ident}.xml").write_text(text + "</feedback>\n", encoding="utf-8")


def tls_report(folder, day, good, bad, mx="mx.ours.example"):
    when = ["2026-06-%02dT%s" % (day + 1, t) for t in ("00:00:00Z", "23:59:59Z")]
    failure = {"result-type": "certificate-expired", "receiving-mx-hostname": mx, "failed-session-count": bad}
    policy = {
        "policy": {"policy-type": "no-policy-found", "policy-domain": DOMAIN},
        "summary": {"total-successful-session-count": good, "total-failure-session-count": bad},
        "failure-details": [failure],
    }
    text = {
        "organization-name": "sender.example",
        "date-range": {"start-datetime": when[0], "end-datetime": when[1]},
        "contact-info": "tls@sender.example",
        "report-id": f"tls-{day}",
        "policies": [policy],
    }
    (folder / f"tls-{day}.json").write_text(json.dumps(text), encoding="utf-8")


class Week:
    """A database with a week, and the one before."""

    def __init__(self, folder):
        self.database = folder / "received.db"
        self.folder = folder / "reports"
        self.folder.mkdir()

    def fill(self, mx="mx.ours.example"):
        report(self.folder, -3, (OURS, 100, "none"))
        report(self.folder, 0, (OURS, 90, "none"), (FORWARDER, 4, "none"))
        report(self.folder, 6, (FORGER, 5, "none"))
        report(self.folder, 7, (FORGER, 1000, "none"))  # of the next week
        report(self.folder, 1, (OURS, 7, "none"), (FORGER, 3, "reject"), policy="reject", domain="strict.example")
        tls_report(self.folder, 2, 40, 2, mx)
        done = run("reports", "import", "--database", self.database, self.folder)
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, *argv, code=0):
        done = run("reports", "weekly", "--database", self.database, *WEEK, *argv)
        assert done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture
def week(tmp_path):
    return Week(tmp_path)


def words(text):
    """Each line as its words, so that no width matters."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_week_in_words(week):
    week.fill()
    said = week.ask().stdout
    lines = words(said)
    whole = " ".join(lines)
    assert max(map(len, said.splitlines())) <= 78
    assert lines[0] == "Mail of our domains, 2026-06-01 to 2026-06-07: 89.0 % of 109 messages align"
    assert "109 messages were reported, and 89.0 % of them align (change: -11.0 points). 12 do not." in whole
    assert "ours.example 99 90.9 % -9.1 9 none" in lines
    assert "strict.example 10 70.0 % - 3 reject" in lines
    assert "p=reject would hit 9 messages that do not align and were delivered: 0 of sources" in whole
    assert "4 of forwarders, 5 of sources that nothing of ours stands for." in whole
    assert "All that does not align was stopped: p=reject is published." in lines
    assert "192.0.2.1 90 100.0 % ours 2026-05-29" in lines
    assert "2 sources were seen for the first time, and these have mail that does not align:" in whole
    assert lines.count("198.51.100.9 5 0.0 % threat 2026-06-07") == 2  # one of most mail, and a new one
    assert "2 of 42 sessions failed to agree on TLS (in the week before 0 of 0)." in lines
    assert "mx.ours.example 2 certificate-expired" in lines


def test_a_week_of_one_domain(week):
    week.fill()
    said = week.ask("--domain", "Strict.Example").stdout
    assert said.startswith("Mail of strict.example, 2026-06-01 to 2026-06-07: 70.0 % of 10 messages align\n")
    assert DOMAIN not in said


def test_sources_have_their_names(week, tmp_path):
    week.fill()
    world = {
        "1.2.0.192.in-addr.arpa": {"PTR": ["mx1.ours.example"]},
        "mx1.ours.example": {"A": ["192.0.2.1"]},
        "5.113.0.203.in-addr.arpa": {"PTR": ["out.groups.io"]},
        "out.groups.io": {"A": ["203.0.113.5"]},
        "9.100.51.198.in-addr.arpa": {},
    }
    (tmp_path / "dns.json").write_text(json.dumps(world), encoding="utf-8")
    argv = ["--dns", tmp_path / "dns.json", "--since", "2026-05-01"]
    assert run("reports", "names", "--database", week.database, *argv).returncode == 0
    networks = tmp_path / "asn.mmdb"
    networks.write_bytes(mmdb.database({"198.51.100.0/24": (64500, "Example Networks")}))
    lines = " ".join(words(week.ask("--domain", DOMAIN, "--asn-database", networks).stdout))
    assert "mx1.ours.example 90 100.0 % ours 2026-05-29" in lines
    assert "out.groups.io (Groups.io) 4 0.0 % forwarder 2026-06-01" in lines
    assert "198.51.100.9 (Example Networks) 5 0.0 % threat 2026-06-07" in lines


def test_a_summary_tells_of_tls(week):
    week.fill()
    argv = ["--database", week.database, "--since", "2026-06-01", "--until", "2026-06-07"]
    said = run("reports", "summary", *argv).stdout
    assert "\n  TLS: 2 of 42 sessions failed\n" in said
    assert "mx.ours.example 2 2026-06-03 certificate-expired, says sender.example" in words(said)
    tls = json.loads(run("reports", "summary", "--json", *argv).stdout)["tls"]
    assert (tls["sessions"], tls["failed"]) == (42, 2)
    (failure,) = tls["failures"]
    assert (failure["mx"], failure["sessions"], failure["org"]) == ("mx.ours.example", 2, "sender.example")


def test_a_week_without_reports_says_so(week):
    week.fill()
    said = week.ask("--until", "2026-04-01").stdout
    assert said.splitlines()[0].endswith(": no reports")
    assert "look at the rua address of the DMARC record" in said


def mail_argv(server, *to):
    argv = [w for address in to for w in ("--mail-to", address)]
    return [*argv, "--mail-from", "reports@gatepost.test", "--mail-server", f"127.0.0.1:{server.port}"]


def read(octets):
    return email.message_from_bytes(octets, policy=email.policy.default)


class Tags(html.parser.HTMLParser):
    """The names of a document's elements, its attributes' names, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], set(), ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def test_a_mail_has_text_and_html_of_the_same(week, sink):
    week.fill()
    server = sink()
    week.ask(*mail_argv(server, "boss@ours.example"))
    week.ask(*mail_argv(server, "boss@ours.example"))
    message, again = (read(octets) for _, _, octets in server.messages)
    assert message["Subject"] == "Mail of our domains, 2026-06-01 to 2026-06-07: 89.0 % of 109 messages align"
    assert (message["To"], message["Auto-Submitted"]) == ("boss@ours.example", "auto-generated")
    assert message["Message-ID"] == again["Message-ID"]  # the same, told again
    assert message.get_content_type() == "multipart/alternative"
    text, rich = message.iter_parts()
    assert (text.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r", "").rstrip() == week.ask().stdout.rstrip()
    assert [part.defects for part in (message, text, rich)] == [[], [], []]
    assert max(map(len, server.messages[0][2].split(b"\r\n"))) <= 78
    tags = Tags(rich.get_content())
    assert {"h1", "h2", "table", "th", "td", "p"} <= set(tags.tags)
    assert "p=reject would hit 9 messages" in tags.text


def test_what_a_stranger_wrote_is_no_markup(week, sink):
    week.fill(mx=EVIL)
    server = sink()
    week.ask(*mail_argv(server, "boss@ours.example"))
    _, rich = read(server.messages[0][2]).iter_parts()
    tags = Tags(rich.get_content())
    assert EVIL in tags.text
    assert set(tags.tags) <= {"html", "head", "meta", "title", "body", "h1", "h2", "p", "table", "tr", "th", "td"}
    assert tags.attributes <= {"lang", "charset", "style"}
    assert "url(" not in rich.get_content()


def test_nor_a_control(week):
    week.fill(mx="a\x1b[2J\nb")
    said = week.ask().stdout
    assert "\x1b" not in said and "\nb" not in said


def test_who_is_not_told_keeps_it_from_nobody(week, sink):
    week.fill()
    server = sink({"RCPT": lambda line: "550 5.1.1 nobody is here" if "a@" in line else "250 2.1.5 ok"})
    done = week.ask(*mail_argv(server, "a@ours.example", "b@ours.example"), code=4)
    assert "gatepost reports: mail to a@ours.example" in done.stderr and "nobody is here" in done.stderr
    ((_, rcpts, _),) = server.messages
    assert "<b@ours.example>" in rcpts[0]


def test_a_gateway_delivers_it(week, gatepost, scratch):
    week.fill()
    certificate, key = tlsrig.make(scratch, "localhost")
    port = free_port()
    server = gatepost(
        listen=[
            {"address": f"127.0.0.1:{free_port()}", "service": "inbound"},
            {"address": f"127.0.0.1:{port}", "service": "submission"},
        ],
        tls={"certificate": str(certificate), "key": str(key)},
        users={"file": make_users(scratch, ("alice@demo.test", "wonderland", "--scram"), ("bob@demo.test", "builder"))},
        smarthost={"address": f"127.0.0.1:{free_port()}"},
    )
    eventually(server.all_are_ready, what="every role")
    password = scratch / "password"
    password.write_text("wonderland\n", encoding="utf-8")
    argv = ["--mail-to", "bob@demo.test", "--mail-from", "alice@demo.test", "--mail-server", f"localhost:{port}"]
    argv += ["--mail-user", "alice@demo.test", "--mail-password-file", password]
    week.ask(*argv, "--ca", certificate)
    (mail,) = server.wait_for_mails("bob")
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


MISUSE = [
    (["weekly", "--mail-to", "a@b.test"], "wants a --mail-from"),
    (["weekly", "--mail-to", "a@b.test\nBcc: c@d.test", "--mail-from", "a@b.test"], "is no plain address"),
    (["weekly", "--mail-user", "a"], "belong together"),
    (["weekly", "--json"], "summary has --json"),
    (["weekly", "--since", "7d"], "seven days"),
    (["summary", "--mail-to", "a@b.test"], "is for gatepost reports weekly"),
]


@pytest.mark.parametrize(("argv", "why"), MISUSE)
def test_misuse(argv, why):
    done = run("reports", *argv)
    assert done.returncode == 2
    assert why in done.stderr
