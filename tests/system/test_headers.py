# SPDX-License-Identifier: Apache-2.0
"""gatepost headers: text, JSON and a page, of honest and of hostile messages, and of our own gateway's."""

import html.parser
import json
import resource

import pytest
from gateway import run

OK, BAD, USAGE, ERROR = 0, 1, 2, 4
NOW = "1795315607"  # 2026-11-22T02:46:47Z
OURS = ["--trust", "mx.our.test", "--trust", ".in.our.test", "--trust", "192.0.2.0/28", "--own", "our.test"]

HONEST = """\
Received: from filter ([192.0.2.3]) by mx.our.test with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384)
\tid 0Jx6Yk3ZqAb; Sun, 22 Nov 2026 02:46:40 +0000
Authentication-Results: filter.in.our.test; dmarc=pass header.from=far.test; dkim=pass header.d=far.test
Received: from mail.far.test (mail.far.test [198.51.100.7])
\tby filter.in.our.test with ESMTPS id bb; Sun, 22 Nov 2026 03:46:43 +0100
Received: from pc by mail.far.test with ESMTPSA id cc; Sun, 22 Nov 2026 02:46:33 +0000
From: =?utf-8?q?J=C3=BCrgen?= <j@far.test>
To: u@our.test
Date: Sun, 22 Nov 2026 02:46:30 +0000
Message-ID: <1@far.test>
Subject: hello

body
"""

HOSTILE = """\
Received: from x (unknown [198.51.100.7]) by mx.our.test with ESMTP id aa; Sun, 22 Nov 2026 02:46:40 +0000
Received: from pc ([198.51.100.8]) by mx.our.test with ESMTPSA id bb; tomorrow
Received: <script>alert(1)</script>
From: "<img src=x onerror=alert(1)> ceo@our.test" <ceo@0ur.test>
Reply-To: x@else.test
Subject: =?utf-8?b?4oCu?= \x1b[31m"'><svg onload=alert(1)>&amp;
X-Mailer: </style><script>alert(1)</script>
X-Forefront-Antispam-Report: SCL:9;SFV:SPM;H:<b>

body
"""


@pytest.fixture
def analyse(scratch):
    """analyse(message, options...) runs the command on a file."""

    def start(message, *options, code=OK, name="message.eml"):
        path = scratch / name
        path.write_bytes(message if isinstance(message, bytes) else message.encode())
        done = run("headers", "--time", NOW, *options, path)
        assert done.returncode == code, done.stderr or done.stdout
        return done.stdout

    return start


def findings(answer):
    return {f["id"] for f in answer["findings"]}


def test_an_honest_message(analyse):
    text = analyse(HONEST, *OURS)
    first, *_ = text.splitlines()
    assert first.startswith("authentic: DMARC passes for far.test, as our gateway found when it came in; ")
    assert "came in from mail.far.test [198.51.100.7]" in text
    assert "J\u00fcrgen" in text and "\x1b" not in text

    answer = json.loads(analyse(HONEST, "--json", *OURS))
    assert answer["verdict"] == "authentic" and len(answer["reasons"]) == 3
    hops = answer["hops"]
    assert [h["by"] for h in hops] == ["mail.far.test", "filter.in.our.test", "mx.our.test"]
    assert [h["trusted"] for h in hops] == [False, True, True]
    assert [h["delay_s"] for h in hops] == [None, 10, -3]
    assert hops[2]["tls"] == "TLSv1.3 TLS_AES_256_GCM_SHA384"
    assert hops[2]["time"] == "2026-11-22T02:46:40Z"
    assert hops[0]["from"] == "pc" and hops[0]["with"] == "ESMTPSA"
    assert answer["boundary"] == {
        "hop": 1,
        "assumed": False,
        "address": "198.51.100.7",
        "helo": "mail.far.test",
        "rdns": "mail.far.test",
    }
    assert answer["submission"] is None
    assert answer["identities"]["from"]["domain"] == "far.test"
    assert answer["identities"]["from"]["name"] == "J\u00fcrgen"
    assert answer["dmarc"] == {"result": "pass", "source": "authentication_results"}
    assert answer["dkim"]["aligned"] is True and answer["spf"] is None and answer["arc"] is None
    assert findings(answer) == {"path.skew"}


def test_without_a_word_about_us(analyse):
    """The results of a host that nobody trusts are a claim, and nothing else was verified."""
    answer = json.loads(analyse(HONEST, "--json", "--trust", "elsewhere.test"))
    assert answer["verdict"] == "unknown" and answer["boundary"] is None
    assert answer["reasons"][0].startswith("not verified: 0 DKIM signatures")
    assert "path.no_trusted_hop" in findings(answer)
    answer = json.loads(analyse(HONEST, "--json"))
    assert answer["boundary"]["assumed"] and "path.assumed" in findings(answer)


def test_a_hostile_message(analyse):
    answer = json.loads(analyse(HOSTILE, "--json", *OURS, code=BAD))
    assert answer["verdict"] == "lookalike"
    assert {"domain.lookalike", "name.address", "path.forged_own", "path.hop_unreadable", "text.hidden"} <= findings(
        answer
    )
    assert answer["hops"][0]["understood"] is False
    text = analyse(HOSTILE, *OURS, code=BAD)
    assert "\x1b" not in text and "\u202e" not in text
    assert "<U+202E>" in text and "<U+001B>[31m" in text


def test_an_account_of_ours_was_taken_over(analyse):
    login = "Received: from pc ([198.51.100.9]) by mx.our.test with ESMTPSA id 0Jx6Yk3ZqAb"
    login += "; Sun, 22 Nov 2026 02:46:40 +0000\n"
    honest = f"{login}From: Al <al@our.test>\n\n"
    abused = f"{login}From: Al <al@our.test>\nReply-To: al@else.test\n\n"
    answer = json.loads(analyse(honest, "--json", *OURS))
    assert answer["verdict"] == "authentic"
    assert answer["submission"] == {"hop": 0, "id": "0Jx6Yk3ZqAb", "login": None, "address": "198.51.100.9"}
    assert analyse(abused, *OURS, code=BAD).startswith(
        "compromised: it was submitted with a login at mx.our.test, queue id 0Jx6Yk3ZqAb, from [198.51.100.9]; "
    )
    # The same field where a stranger could write it is a forgery.
    edge = "Received: from x ([198.51.100.7]) by mx.our.test with ESMTP id a; Sun, 22 Nov 2026 02:46:40 +0000\n"
    assert analyse(edge + abused, *OURS, code=BAD).startswith("spoofed: a trace field in our name")


class Page(html.parser.HTMLParser):
    """Which elements and attributes there are; and the text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = set(), set(), "", []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_inert(analyse):
    text = analyse(HOSTILE, "--html", *OURS, code=BAD)
    page = Page(text)
    assert page.open == []
    assert page.tags <= set(
        "html head meta title style body article p h1 h2 ol ul li dl dt dd table tr th td svg rect span b br".split()
    )
    assert not {a for a in page.attributes if a.startswith("on")} and "href" not in page.attributes
    assert "src" not in page.attributes and "style" not in page.attributes
    assert "default-src 'none'" in text
    assert '<img src=x onerror=alert(1)> ceo@our.test' in page.text
    assert "lookalike" in page.text and "<script>alert(1)</script>" in page.text


def test_forms_of_files(analyse, scratch):
    forms = {
        "mbox": ("From j@far.test Sun Nov 22 02:46:30 2026\n" + HONEST).encode(),
        "crlf": HONEST.replace("\n", "\r\n").encode(),
        "cr": HONEST.replace("\n", "\r").encode(),
        "bom": b"\xef\xbb\xbf" + HONEST.encode(),
        "header only": HONEST.partition("\n\n")[0].encode(),
    }
    want = json.loads(analyse(HONEST, "--json", *OURS))
    for name, octets in forms.items():
        assert json.loads(analyse(octets, "--json", *OURS)) == want, name
    for octets in (b"", HONEST.encode("utf-16"), b"\xd0\xcf\x11\xe0\xa1\xb1"):
        analyse(octets, code=USAGE)
    assert json.loads(analyse("only a body\n", "--json"))["verdict"] == "unauthenticated"
    done = run("headers", "--json", *OURS, "--time", NOW, input=HONEST)
    assert json.loads(done.stdout) == {**want, "file": "-"}


def test_several_messages_and_an_output_file(scratch):
    for i in range(2):
        (scratch / f"m{i}").write_text(HONEST)
    both = [scratch / "m0", scratch / "m1"]
    lines = run("headers", "--json", *both).stdout.splitlines()
    assert [json.loads(line)["file"] for line in lines] == [str(name) for name in both]
    done = run("headers", "--html", "-o", scratch / "page.html", *both)
    assert done.returncode == OK and done.stdout == ""
    assert (scratch / "page.html").read_text().count("<article>") == 2
    assert run("headers", "-o", scratch / "no" / "where", scratch / "m0").returncode == ERROR
    # One that is missing does not keep the other back.
    done = run("headers", "--json", scratch / "gone", scratch / "m1")
    assert done.returncode == ERROR and len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    "options", [["--trust", "a b"], ["--trust", "10.0.0.0/33"], ["--own", "-"], ["--time", "now"], ["--nonsense"]]
)
def test_mistakes(options):
    done = run("headers", *options, input=HONEST)
    assert done.returncode == USAGE and done.stderr and not done.stdout


def test_a_message_of_our_own_gateway(gatepost, scratch):
    """What it wrote is understood whole, and its configuration says who is ours."""
    server = gatepost()
    id = server.send(b"From: me@example.com\r\nTo: alice@demo.test\r\nSubject: x\r\n\r\nbody\r\n")
    server.wait_for_mails("alice")
    (scratch / "mail").write_bytes(server.mails("alice")[0])
    done = run("headers", "--json", "-c", server.config, scratch / "mail")
    answer = json.loads(done.stdout)
    assert answer["verdict"] == "unknown"
    (hop,) = answer["hops"]
    assert hop["by"] == "mx.gatepost.test" and hop["id"] == id and hop["trusted"] and hop["understood"]
    assert hop["address"] == "127.0.0.1" and hop["for"] == "alice@demo.test"
    assert answer["identities"]["return_path"]["address"] == "me@example.com"


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_hostile_shapes_cost_no_more_than_thrice(scratch):
    start = b"From: a@b.test\r\n"
    body = b"\r\n" + (b"x" * 76 + b"\r\n") * (10 * 1024 * 1024 // 78)
    most = 250 * 1024
    shapes = {
        "comments": b"Received: " + b"(" * most,
        "semicolons": b"Received: " + b";1 Jan" * (most // 6),
        "clients": b"Received: from x (" + b"[(" * (most // 2),
        "no UTF-8": b"Received: " + b"\xff" * most,
        "words": b"Subject: " + b"=?" * (most // 2),
        "addresses": b"Sender: " + b"a@b.test," * (most // 9),
        "results": b"Authentication-Results: mx; " + b"dkim=pass; " * (most // 11),
        "directions": b"Subject: " + "\u202e".encode() * (most // 3),
        "hops": b"\r\n".join([b"Received: from a (b [192.0.2.1]) by c id 1; 1 Jan 26 00:00 +0000"] * 100_000),
        "a header of 10 MB": b"X: " + b"x" * len(body),
    }
    path = scratch / "message"

    def cost_s(message, *options):
        path.write_bytes(message)
        costs = []
        for _ in range(3):
            before = cpu_s()
            assert run("headers", *options, path).returncode == OK
            costs.append(cpu_s() - before)
        return min(costs)

    for options in ([], ["--json"], ["--html"]):
        honest_s = cost_s(start + body, *options)
        for name, field in shapes.items():
            assert cost_s(start + field + b"\r\n" + body, *options) <= 3 * honest_s + 0.02, (name, options)
