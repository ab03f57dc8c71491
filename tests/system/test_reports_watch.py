# SPDX-License-Identifier: Apache-2.0
"""gatepost reports watch: one morning after the other, and who is told what of them, by mail, webhook or a terminal."""

import datetime
import email
import email.policy
import json
import os
import stat

import httpsrig
import mmdb
import pytest
import reports_field
from gateway import run

DAY_S = 86400
START = datetime.date(2026, 6, 1)
START_S = 1780272000
DOMAIN = "ours.example"
OURS = reports_field.Sender("ours", "192.0.2.1", True, True, DOMAIN, "s1")
BROKEN = reports_field.Sender("threat", "192.0.2.1", False, False, "bounce.example", "")
FORGER = reports_field.Sender("threat", "198.51.100.9", False, False, "spam.example", "")
PAST = 33  # days of the quiet world; the last of them is the day that watch looks at first
HOOKS = {"hooks.test": {"A": ["127.0.7.1"]}}


def day(number):
    return (START + datetime.timedelta(days=number)).isoformat()


class World:
    """A database, filled day by day."""

    def __init__(self, folder):
        self.database, self.state = folder / "received.db", folder / "watch.json"
        self.folder = folder / "reports"
        self.folder.mkdir()
        self.count = 0

    def put(self, text, name):
        self.count += 1
        (self.folder / f"{self.count}.{name}").write_text(text, encoding="utf-8")

    def dmarc(self, number, *rows, domain=DOMAIN, policy="none", org="reporter.example"):
        begin = START_S + number * DAY_S
        text = reports_field.head(org, f"{domain}.{number}", domain, begin, begin + DAY_S - 1, policy, "")
        text += "".join(reports_field.record(sender, domain, count, "none", False, False) for sender, count in rows)
        self.put(text + "</feedback>\n", "xml")

    def tls(self, number, good, bad, mx="mx.ours.example", domain=DOMAIN, org="sender.example", **more):
        result = more.get("result", "certificate-expired")
        failure = {"result-type": result, "receiving-mx-hostname": mx, "failed-session-count": bad}
        policy = {
            "policy": {"policy-type": "no-policy-found", "policy-domain": domain},
            "summary": {"total-successful-session-count": good, "total-failure-session-count": bad},
            "failure-details": [failure] if bad else [],
        }
        when = {"start-datetime": f"{day(number)}T00:00:00Z", "end-datetime": f"{day(number)}T23:59:59Z"}
        text = {"organization-name": org, "date-range": when, "contact-info": "tls@sender.example",
                "report-id": f"tls-{domain}-{number}", "policies": [policy]}
        self.put(json.dumps(text), "json")

    def quiet(self, days=PAST):
        for number in range(days):
            self.dmarc(number, (OURS, 100))
            self.tls(number, 100, 0)

    def load(self):
        done = run("reports", "import", "-q", "--database", self.database, self.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        for path in self.folder.iterdir():
            path.unlink()

    def watch(self, today, *argv, code=0, **options):
        done = run("reports", "watch", "--database", self.database, "--until", day(today), *argv, **options)
        assert done.returncode == code, done.stdout + done.stderr
        return done


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def told(done, sign="!"):
    return [line[4:] for line in done.stdout.splitlines() if line.startswith(f"  {sign} ")]


def test_a_quiet_world_is_no_news(world):
    world.quiet()
    world.load()
    assert world.watch(PAST).stdout == ""
    assert json.loads(world.state.read_text()) == {"version": 1, "channels": {"output": []}}
    assert stat.S_IMODE(os.stat(world.state).st_mode) == 0o600


def test_a_fall_in_alignment_is_told_once_and_when_it_is_over(world):
    world.quiet()
    for number in range(PAST, PAST + 3):
        world.dmarc(number, (OURS, 20), (BROKEN, 80))
        world.tls(number, 100, 0)
    world.load()
    assert told(world.watch(PAST + 4)) == [
        "ours.example: 20.0 % of 300 messages align, where 100.0 % of 2800 did in the four weeks before",
        "ours.example: 192.0.2.1 (ours): 20.0 % of 300 messages align, where 100.0 % of 2800 did in the four weeks"
        " before; no signature; SPF passes for bounce.example, not for ours.example: forged, or a sender of yours that"
        " does not sign",
    ]
    for number in range(PAST + 3, PAST + 6):
        world.dmarc(number, (OURS, 20), (BROKEN, 80))
        world.tls(number, 100, 0)
    world.load()
    assert world.watch(PAST + 7).stdout == ""
    for number in range(PAST + 6, PAST + 9):
        world.dmarc(number, (OURS, 100))
        world.tls(number, 100, 0)
    world.load()
    over = world.watch(PAST + 10)
    assert told(over, "-")[0] == "ours.example: 100.0 % of 300 messages align; it had fallen from 100.0 % to 20.0 %"
    assert not told(over)
    assert world.watch(PAST + 10).stdout == ""


def test_a_new_source_is_told_once(world):
    world.quiet()
    world.dmarc(PAST - 1, (FORGER, 19), org="other.example")
    world.load()
    assert world.watch(PAST).stdout == ""
    world.dmarc(PAST, (OURS, 100), (FORGER, 1))
    world.load()
    argv = ["--min-messages", "1000"]
    assert told(world.watch(PAST + 1, *argv)) == [
        f"ours.example: 198.51.100.9 (threat) sends since {day(PAST - 1)}: 20 messages, of which 0.0 % align;"
        " no signature; SPF passes for spam.example, not for ours.example: forged, or a sender of yours that does not"
        " sign"]
    assert world.watch(PAST + 1, *argv).stdout == ""


def test_a_new_source_has_its_network(forged, tmp_path):
    networks = tmp_path / "asn.mmdb"
    networks.write_bytes(mmdb.database({"198.51.100.0/24": (64500, "Example Networks")}))
    (line,) = told(forged.watch(PAST, "--asn-database", networks))
    assert line.startswith("ours.example: 198.51.100.9 (Example Networks, threat) sends since")


def test_new_forwarders_and_trifles_are_no_news(world):
    forwarder = reports_field.Sender("forwarder", "203.0.113.5", True, False, DOMAIN, "s1")
    world.quiet()
    for number in range(PAST - 7, PAST):
        world.dmarc(number, (OURS, 7000), (forwarder, 100), (FORGER, 6), org="other.example")
    world.load()
    assert world.watch(PAST).stdout == ""
    world.dmarc(PAST, (FORGER, 40), org="other.example")
    world.load()
    assert [line.split()[1] for line in told(world.watch(PAST))] == ["198.51.100.9"]


def test_bursts_as_there_were_before_are_no_fall(world):
    for number in range(PAST + 3):
        bad = 30 if number % 9 in (0, 1, 2) else 2
        world.dmarc(number, (OURS, 100), (FORGER, bad))
    world.load()
    assert world.watch(PAST + 4).stdout == ""
    for number in range(PAST + 3, PAST + 6):
        world.dmarc(number, (OURS, 100), (FORGER, 60))
    world.load()
    assert [line.split()[1] for line in told(world.watch(PAST + 7))] == ["62.5"]


def test_all_sources_of_a_new_domain_are_no_news(world):
    world.quiet()
    for number in range(PAST - 3, PAST):
        world.dmarc(number, (FORGER, 1000), domain="new.example")
    world.load()
    assert world.watch(PAST).stdout == ""


def test_failures_of_tls(world):
    world.quiet(PAST - 3)
    for number in range(PAST - 3, PAST):
        world.dmarc(number, (OURS, 100))
        world.tls(number, 90, 10)
    world.load()
    assert told(world.watch(PAST + 1)) == [
        "ours.example: certificate-expired at mx.ours.example: 30 of 300 sessions failed, where 0 of 2800 did in the"
        " four weeks before"]
    assert world.watch(PAST + 1).stdout == ""
    for number in range(PAST, PAST + 3):
        world.dmarc(number, (OURS, 100))
        world.tls(number, 100, 0)
    world.load()
    assert told(world.watch(PAST + 4), "-") == [
        "ours.example: certificate-expired at mx.ours.example: 0 of 300 sessions failed; it had been 30 of 300"]


def test_reports_that_stay_away(world):
    world.quiet()
    for number in range(PAST + 6):
        world.dmarc(number, (OURS, 100), domain="other.example")
    world.load()
    # Of the last day two days' reports may still come.
    assert world.watch(PAST + 3).stdout == ""
    assert told(world.watch(PAST + 4)) == [
        f"ours.example: no DMARC report of a day after {day(PAST - 1)}: 3 days, where the longest pause was of 0",
        f"ours.example: no TLS report of a day after {day(PAST - 1)}: 3 days, where the longest pause was of 0",
    ]
    assert told(world.watch(PAST + 6)) == [
        f"ours.example: no report of reporter.example after {day(PAST - 1)}, for 5 days; it sent 33 in 33 days"]
    world.dmarc(PAST + 4, (OURS, 100))
    world.load()
    assert told(world.watch(PAST + 6), "-") == [
        f"ours.example: DMARC reports come again, the last of {day(PAST + 4)}",
        f"ours.example: reporter.example reports again, last of {day(PAST + 4)}",
    ]


def test_a_silence_of_all_is_told_once_for_all(world):
    world.quiet()
    for number in range(PAST):
        world.dmarc(number, (OURS, 100), domain="other.example")
    world.load()
    (line,) = told(world.watch(PAST + 9))
    since = day(PAST - 1)
    assert line == f"all domains: no DMARC report of a day after {since}: 8 days, where the longest pause was of 0"


def test_another_policy(world):
    world.quiet()
    world.dmarc(PAST, (OURS, 100), policy="reject")
    world.load()
    assert world.watch(PAST + 2).stdout == ""  # one report may be wrong
    world.dmarc(PAST + 1, (OURS, 100), policy="reject")
    world.load()
    assert told(world.watch(PAST + 3)) == [
        "ours.example: reporters find p=reject sp=reject adkim=r aspf=r, where it was p=none sp=none adkim=r aspf=r;"
        f" 2 reports since {day(PAST)}"]
    assert world.watch(PAST + 3).stdout == ""


def test_what_nobody_answers_for_is_no_news(world):
    world.quiet()
    world.load()
    world.dmarc(PAST - 1, (FORGER, 5000), org="forged.example")
    done = run("reports", "import", "--unauthenticated", "--database", world.database, world.folder)
    assert done.returncode == 0
    assert world.watch(PAST).stdout == ""


def mail_argv(server, *to):
    argv = [w for address in to for w in ("--mail-to", address)]
    return [*argv, "--mail-from", "reports@gatepost.test", "--mail-server", f"127.0.0.1:{server.port}"]


@pytest.fixture
def forged(world):
    world.quiet()
    world.dmarc(PAST - 1, (FORGER, 500), org="other.example")
    world.load()
    return world


def test_mail_is_told_until_it_is_taken(forged, sink):
    deaf = sink({"RCPT": lambda line: "451 4.3.0 later" if "a@" in line else "250 2.1.5 ok"})
    done = forged.watch(PAST, *mail_argv(deaf, "a@ours.example", "b@ours.example"), code=4)
    assert "gatepost reports: mail to a@ours.example" in done.stderr
    assert done.stdout == "mail:b@ours.example: told of 1\n"
    server = sink()
    forged.watch(PAST, *mail_argv(server, "a@ours.example", "b@ours.example"))
    forged.watch(PAST, *mail_argv(server, "a@ours.example", "b@ours.example"))
    ((_, rcpts, octets),) = server.messages
    assert "<a@ours.example>" in rcpts[0]
    message = email.message_from_bytes(octets, policy=email.policy.default)
    assert message["Subject"] == "Reports of mail: ours.example: 1 new as sources"
    assert "198.51.100.9 (threat) sends since" in message.get_content()
    assert set(json.loads(forged.state.read_text())["channels"]) == {"mail:a@ours.example", "mail:b@ours.example"}


@pytest.fixture
def authority(tmp_path):
    return httpsrig.Authority(tmp_path)


def test_a_webhook_is_told_until_it_takes_it(forged, authority, tmp_path):
    names = tmp_path / "names.dns"
    names.write_text(json.dumps(HOOKS), encoding="utf-8")
    with httpsrig.HttpsRig(authority.issue("hooks.test"), httpsrig.answer(status="500 No")) as rig:
        argv = ["--webhook", f"https://hooks.test:{rig.port}/t/0123secret", "--ca", authority.path, "--dns", names]
        refused = forged.watch(PAST, *argv, code=4, env={"GATEPOST_WEBHOOK_SECRET": "correct horse"})
        assert "gatepost reports: webhook at hooks.test: status 500" in refused.stderr
        assert "0123secret" not in refused.stdout + refused.stderr
        rig.script = httpsrig.answer(status="204 No Content", length=False)
        forged.watch(PAST, *argv)
        forged.watch(PAST, *argv)
        first, second = rig.requests
    head, _, body = second.partition(b"\r\n\r\n")
    assert b"Gatepost-Signature: t=" in first and b"Gatepost-Signature" not in head
    alert = json.loads(body)
    assert (alert["day"], [c["kind"] for c in alert["came"]], alert["over"]) == (day(PAST), ["source"], [])
    # The URL may be a secret.
    assert "hooks.test" not in forged.state.read_text()


def test_a_dry_run_remembers_nothing(forged, sink):
    server = sink()
    argv = [*mail_argv(server, "a@ours.example"), "--dry-run"]
    done = forged.watch(PAST, *argv, code=1)
    assert done.stdout.startswith("mail:a@ours.example would be told:\n") and len(told(done)) == 1
    assert told(forged.watch(PAST, *argv, code=1)) == told(done)
    assert not server.messages and not forged.state.exists()
    item = json.loads(forged.watch(PAST, *argv, "--json", code=1).stdout)
    assert item["channel"] == "mail:a@ours.example" and item["left_out"] == 0 and item["over"] == []
    (came,) = item["came"]
    assert (came["kind"], came["domain"], came["object"]) == ("source", DOMAIN, "198.51.100.9")
    assert came["now"] == {"part": 0, "whole": 500} and came["words"].startswith("198.51.100.9 (threat) sends")
    forged.watch(PAST)
    assert forged.watch(PAST, "--dry-run").stdout == ""


def test_a_flood_of_sources_leaves_room_for_others(world):
    world.quiet()
    flood = [reports_field.Sender("threat", f"203.0.113.{i}", False, False, "spam.example", "") for i in range(200)]
    world.dmarc(PAST - 1, *((sender, 30) for sender in flood), org="other.example")
    for number in range(PAST):
        world.dmarc(number, (OURS, 10), domain="two.example")
    world.dmarc(PAST - 1, (FORGER, 25), domain="two.example", org="other.example")
    world.load()
    done = world.watch(PAST)
    assert len([line for line in told(done) if line.startswith("ours.example: 203.0.113.")]) == 10
    assert any(line.startswith("two.example: 198.51.100.9") for line in told(done))
    assert "\nAnd 190 more: " in done.stdout
    assert world.watch(PAST).stdout == ""


def test_a_strangers_words_are_no_lines_of_ours(world, sink):
    world.quiet()
    evil = "mx\x1b[2J\nBcc: x@y.example\n" + 3000 * "m"
    world.tls(PAST - 4, 50, 50, mx=evil, org="evil.example")
    world.tls(PAST - 4, 50, 50, domain="b\u00fccher.example")
    world.load()
    server = sink()
    world.watch(PAST, *mail_argv(server, "a@ours.example"))
    ((_, _, octets),) = server.messages
    message = email.message_from_bytes(octets, policy=email.policy.default)
    text = message.get_content()
    assert "Bcc" not in message and "\x1b" not in text and "b\u00fccher.example: certificate" in text
    assert message["Subject"] == "Reports of mail: 2 failing in TLS" and len(text) < 3000


def test_a_servers_database(world, postgresql):
    world.database = postgresql.url()
    world.quiet()
    world.dmarc(PAST - 1, (FORGER, 500), org="other.example")
    world.tls(PAST - 2, 50, 50, org="other.example")
    world.load()
    done = world.watch(PAST, "--state", world.state)
    assert [line.split()[1] for line in told(done)] == ["certificate-expired", "198.51.100.9"]
    assert "no signature; SPF passes for spam.example" in told(done)[1]
    assert world.watch(PAST, "--state", world.state).stdout == ""


def test_a_state_that_is_none_is_left_alone(forged):
    for text in ("", "[]", '{"version": 2, "channels": {}}', '{"version": 1, "channels": {"output": [{"kind": "x"}]}}'):
        forged.state.write_text(text, encoding="utf-8")
        done = forged.watch(PAST, code=4)
        assert "watch.json: " in done.stderr and done.stdout == ""
        assert forged.state.read_text() == text


def test_the_configurations_state_has_what_was_told(forged, tmp_path):
    state = tmp_path / "state"
    (state / "reports").mkdir(parents=True)
    forged.database.rename(state / "reports" / "received.db")
    config = tmp_path / "gatepost.yaml"
    settings = {"hostname": "mx.test", "listen": [{"address": "127.0.0.1:2525"}], "state": str(state)}
    config.write_text(json.dumps(settings), encoding="utf-8")
    argv = ["reports", "watch", "-c", config, "--until", day(PAST)]
    assert len(told(run(*argv))) == 1
    assert (state / "reports" / "watch.json").exists() and run(*argv).stdout == ""


def test_a_state_that_cannot_be_written_is_said(forged):
    state = forged.folder / "there-is-no-such-folder" / "watch.json"
    assert "there-is-no-such-folder" in forged.watch(PAST, "--state", state, code=4).stderr


MISUSE = [
    (["watch", "--mail-to", "a@b.test"], "wants a --mail-from"),
    (["watch", "--webhook", "http://hooks.test/"], "no https URL"),
    (["watch", "--webhook-secret-file", "/dev/null"], "is for a --webhook"),
    (["watch", "--since", "7d"], "it has no --since"),
    (["watch", "--unauthenticated"], "no ground for an alert"),
    (["watch", "--fall", "101"], "--fall"),
    (["watch", "--database", "postgresql://localhost/reports"], "--state names one"),
    (["weekly", "--webhook", "https://hooks.test/"], "is for gatepost reports watch"),
    (["summary", "--dry-run"], "is for gatepost reports weekly and watch"),
]


@pytest.mark.parametrize(("argv", "why"), MISUSE)
def test_misuse(argv, why):
    done = run("reports", *argv)
    assert done.returncode == 2
    assert why in done.stderr
