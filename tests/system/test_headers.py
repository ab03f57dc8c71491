# SPDX-License-Identifier: Apache-2.0
"""gatepost headers: text, JSON and a page, of honest and of hostile messages, and of our own gateway's."""

import html.parser
import json
import resource
import shutil
import subprocess

import dnsrig
import pytest
from gateway import PROGRAM, run

OK, BAD, USAGE, UNKNOWN, ERROR = 0, 1, 2, 3, 4
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
    nothing = "\nVerified\n  nothing: give --dns FILE, --resolver ADDRESS, or -c FILE with its key dns\n"
    assert nothing in analyse(HONEST)
    assert "Nothing: give --dns FILE" in Page(analyse(HONEST, "--html")).text
    text = analyse(HONEST, *OURS)
    assert "\nVerified by our gateway when it came in\n" in text and "  not verified now: give --dns FILE" in text


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
        if tag not in ("meta", "br", "wbr"):
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
        "html head meta title style body article p h1 h2 ol ul li dl dt dd "
        "table tr th td svg rect span b br wbr".split()
    )
    assert not {a for a in page.attributes if a.startswith("on")} and "href" not in page.attributes
    assert "src" not in page.attributes and "style" not in page.attributes
    assert "default-src 'none'" in text
    assert '<img src=x onerror=alert(1)> ceo@our.test' in page.text
    assert "lookalike" in page.text and "<script>alert(1)</script>" in page.text


# --- verified again ---


SENT = """\
From: Joe <joe@far.test>
To: u@our.test
Date: Sun, 22 Nov 2026 02:46:30 +0000
Message-ID: <1@far.test>
Subject: hello

We lost the game.
"""
CLAIM = "Authentication-Results: mx.else.test; dkim=pass header.d=far.test; dmarc=pass header.from=far.test\n"


class Desk:
    """Keys of far.test and of list.test, their records, and what they sent."""

    def __init__(self, folder):
        self.folder = folder
        self.names = {
            "far.test": {"TXT": ["v=spf1 ip4:198.51.100.7 -all"]},
            "_dmarc.far.test": {"TXT": ["v=DMARC1; p=reject"]},
        }
        for domain in ("far.test", "list.test"):
            argv = ["--domain", domain, "--selector", "s", "--json", "-o", folder / domain]
            record = json.loads(run("dkim", "keygen", *argv).stdout)
            self.names[record["name"]] = {"TXT": [record["value"]]}

    def dns(self):
        path = self.folder / "names.json"
        path.write_text(json.dumps(self.names))
        return path

    def by(self, *argv, domain="far.test", message=SENT):
        """The message with a signature or a seal of that domain's."""
        path, out = self.folder / "draft", self.folder / "done"
        path.write_text(message, newline="")
        argv = [*argv, "--key", self.folder / domain, "--domain", domain, "--selector", "s"]
        done = run(*argv, "--time", NOW, "-o", out, path)
        assert done.returncode == OK, done.stderr
        return out.read_bytes().decode()

    def signed(self):
        return self.by("dkim", "sign")

    def analyse(self, message, *options):
        """The exit code and the answer."""
        path = self.folder / "message.eml"
        path.write_text(message, newline="")
        done = run("headers", "--time", NOW, "--dns", self.dns(), *OURS, *options, path)
        assert done.stderr == ""
        return done.returncode, json.loads(done.stdout) if "--json" in options else done.stdout


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def came(address="198.51.100.7", sender="joe@far.test", helo="mail.far.test"):
    """What our server put on top of a message."""
    hop = f"Received: from {helo} ({helo} [{address}]) by mx.our.test with ESMTPS id bb"
    return f"Return-Path: <{sender}>\n{hop}; Sun, 22 Nov 2026 02:46:40 +0000\n"


def results(answer):
    signatures = [one["result"] for one in answer["dkim"]]
    return answer["spf"] and answer["spf"]["result"], signatures, answer["arc"]["result"], answer["dmarc"]["result"]


def test_an_honest_message_is_verified(desk):
    message = came() + desk.signed()
    code, answer = desk.analyse(message, "--json")
    assert (code, answer["verdict"]) == (OK, "authentic")
    assert results(answer) == ("pass", ["pass"], "none", "pass")
    # They are the objects of the commands for one mechanism.
    alone = ["spf", "--dns", desk.dns(), "--json", "--ip", "198.51.100.7"]
    done = run(*alone, "--helo", "mail.far.test", "--mail-from", "joe@far.test")
    assert answer["spf"] == json.loads(done.stdout)
    signed = desk.folder / "message.eml"
    for command in ("dkim", "arc"):
        done = run(command, "verify", "--dns", desk.dns(), "--time", NOW, "--json", signed)
        told = json.loads(done.stdout)
        assert answer[command] == told.get("dkim", told)
    assert answer["dmarc"]["policy"] == "reject" and answer["dmarc"]["spf_aligned"]
    _, text = desk.analyse(message)
    assert text.startswith("authentic: DMARC passes for far.test; ")
    assert "\n  SPF    pass      far.test: ip4:198.51.100.7: match (RFC 7208" in text
    assert "\n  DKIM   pass      far.test: rsa-sha256, a key of 2048 bits at selector s\n" in text
    page = Page(desk.analyse(message, "--html")[1]).text
    assert "DMARCpass far.test: aligned with far.test: SPF and DKIM" in page


def test_a_tampered_message(desk):
    """Whoever changed it left a claim that it passes."""
    message = came("198.51.100.9") + CLAIM + desk.signed().replace("lost", "won")
    code, answer = desk.analyse(message, "--json")
    assert (code, answer["verdict"]) == (BAD, "spoofed")
    assert results(answer) == ("fail", ["fail"], "none", "fail")
    assert answer["dkim"][0]["reason"] == "the body is not the one that was signed"
    told = [f["evidence"] for f in answer["findings"] if f["id"] == "auth.claim_differs"]
    assert [text.partition(";")[0] for text in told] == [
        "mx.else.test says dkim=pass for far.test",
        "mx.else.test says dmarc=pass for far.test",
    ]
    _, text = desk.analyse(message)
    assert text.startswith("spoofed: DMARC fails for far.test: nothing that passed is aligned with far.test; ")
    assert text.partition("\n")[0].count("a claimed pass does not hold") == 1


def test_a_forged_from(desk):
    """The client may send for its own domain, and signs as that; From is somebody else's."""
    desk.names["list.test"] = {"TXT": ["v=spf1 ip4:192.0.2.77 -all"]}
    message = came("192.0.2.77", "x@list.test") + desk.by("dkim", "sign", domain="list.test")
    code, answer = desk.analyse(message, "--json")
    assert (code, answer["verdict"]) == (BAD, "spoofed")
    assert results(answer) == ("pass", ["pass"], "none", "fail")
    assert answer["dmarc"]["disposition"] == "reject" and not answer["dmarc"]["spf_aligned"]


def test_a_forwarded_message(desk):
    """Untouched it has its author's signature; changed by a list it has the list's word, which is no proof."""
    here = came("192.0.2.77", "x@list.test", "list.test")
    code, answer = desk.analyse(here + desk.signed(), "--json")
    assert (code, answer["verdict"]) == (OK, "authentic_forwarded")
    assert results(answer) == ("none", ["pass"], "none", "pass")
    seal = ["arc", "seal", "--auth-results", "list.test; dmarc=pass header.from=far.test", "--cv", "none"]
    changed = desk.signed().replace("Subject: hello", "Subject: [list] hello")
    sealed = desk.by(*seal, domain="list.test", message=changed)
    code, answer = desk.analyse(here + sealed, "--json")
    assert (code, answer["verdict"]) == (BAD, "spoofed")
    assert results(answer) == ("none", ["fail"], "pass", "fail")
    assert answer["arc"]["sealers"] == ["list.test"]
    assert answer["reasons"][1].startswith("a forwarder vouches for it by ARC")
    code, answer = desk.analyse(here + sealed.replace("lost", "won"), "--json")
    assert results(answer) == ("none", ["fail"], "fail", "fail")


def test_whom_spf_is_about(desk):
    """The client of the hop where it came in; a sender that nobody tells is not guessed."""
    inner = "Received: from mx.our.test ([192.0.2.3]) by store.in.our.test with LMTP id c; 22 Nov 2026 02:46:41 +0000\n"
    _, answer = desk.analyse(inner + came() + came("203.0.113.5") + SENT, "--json")
    assert answer["spf"]["result"] == "pass"
    for message, why in (
        (came().partition("\n")[2] + SENT, "tells the envelope's sender"),
        (came().replace("ESMTPS", "ESMTPSA") + SENT, "the client had logged in"),
        (SENT, "no trusted hop says which client"),
    ):
        assert desk.analyse(message, "--json")[1]["spf"] is None
        assert why in desk.analyse(message)[1]


def test_the_dns_does_not_answer(desk):
    desk.names.update({name: "TIMEOUT" for name in ("far.test", "_dmarc.far.test", "s._domainkey.far.test")})
    code, answer = desk.analyse(came() + desk.signed(), "--json")
    assert (code, answer["verdict"]) == (UNKNOWN, "unknown")
    assert results(answer) == ("temperror", ["temperror"], "none", "temperror")


def test_a_file_of_answers_is_all_that_is_asked(desk):
    if not shutil.which("strace"):
        pytest.skip("no strace")
    (desk.folder / "m").write_text(came() + desk.signed(), newline="")
    trace = desk.folder / "calls"
    argv = ["strace", "-f", "-e", "trace=socket", "-o", trace]
    argv += [PROGRAM, "headers", "--dns", desk.dns(), desk.folder / "m"]
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    assert "socket(" not in trace.read_text()


def test_a_name_server_is_asked(desk):
    """More messages than one set of answers has room for, and the clock is the option's."""
    messages = []
    for i in range(3):
        messages.append(desk.folder / f"m{i}")
        messages[i].write_text(came() + desk.signed(), newline="")
    try:
        with dnsrig.DnsRig(desk.names) as rig:
            done = run("headers", "--json", "--time", NOW, "--resolver", rig.server, *OURS, *messages)
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    assert done.returncode == OK, done.stderr
    for line in done.stdout.splitlines():
        assert results(json.loads(line)) == ("pass", ["pass"], "none", "pass")


def test_the_configuration_says_whom_to_ask(desk):
    settings = {
        "hostname": "mx.our.test",
        "listen": [{"address": "127.0.0.1:2525"}],
        "dns": {"answers": "names.json"},
        "domains": {"our.test": {"recipients": "any", "deliver": "discard"}},
    }
    desk.dns()
    config, message = desk.folder / "gatepost.yaml", desk.folder / "m"
    message.write_text(came() + desk.signed(), newline="")
    config.write_text(json.dumps(settings))
    answer = json.loads(run("headers", "-c", config, "--json", "--time", NOW, message).stdout)
    assert results(answer) == ("pass", ["pass"], "none", "pass") and answer["verdict"] == "authentic"
    config.write_text(json.dumps({**settings, "dns": {}}))
    answer = json.loads(run("headers", "-c", config, "--json", "--time", NOW, message).stdout)
    assert answer["dmarc"] is None and answer["verdict"] == "unknown"


# --- messages and files ---


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


@pytest.mark.parametrize("name, start", [("text", "unknown: "), ("json", '{"file":"-",'), ("html", "<!doctype html>")])
def test_a_format_has_a_name(name, start):
    done = run("headers", "--format", name, input=HONEST)
    assert done.returncode == OK and done.stdout.startswith(start)


@pytest.mark.parametrize(
    "options",
    [
        ["--format", "xml"],
        ["--format", ""],
        ["--trust", "a b"],
        ["--trust", "10.0.0.0/33"],
        ["--own", "-"],
        ["--time", "now"],
        ["--dns", "/nowhere"],
        ["--dns", "/dev/null"],
        ["--dns", "/nowhere", "--resolver", "127.0.0.1"],
        ["--resolver", "nobody"],
        ["--nonsense"],
    ],
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
    # Its configuration's answers say nothing of the sender.
    assert answer["verdict"] == "unauthenticated" and results(answer) == ("none", [], "none", "none")
    (hop,) = answer["hops"]
    assert hop["by"] == "mx.gatepost.test" and hop["id"] == id and hop["trusted"] and hop["understood"]
    assert hop["address"] == "127.0.0.1" and hop["for"] == "alice@demo.test"
    assert answer["identities"]["return_path"]["address"] == "me@example.com"


def cpu_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def signature(i, begin):
    """One that wants a hash of its own of the body."""
    hashes = b"bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA"
    return b"%s; a=rsa-sha256; d=b.test; s=s; c=relaxed/relaxed; h=from; l=%d; %s\r\n" % (begin, 200_000 * i, hashes)


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
        "signatures": b"".join(signature(i, b"DKIM-Signature: v=1") for i in range(1, 900)),
        "a chain": b"".join(
            signature(i, b"ARC-Message-Signature: i=%d" % i)
            + b"ARC-Authentication-Results: i=%d; mx; none\r\n" % i
            + b"ARC-Seal: i=%d; cv=%s; a=rsa-sha256; d=b.test; s=s; b=AAAA\r\n" % (i, b"pass" if i > 1 else b"none")
            for i in range(1, 51)
        ),
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

    dns = scratch / "names.json"
    dns.write_text("{}")
    for options in ([], ["--json"], ["--html"], ["--dns", dns], ["--dns", dns, "--html"]):
        honest_s = cost_s(start + body, *options)
        for name, field in shapes.items():
            assert cost_s(start + field + b"\r\n" + body, *options) <= 3 * honest_s + 0.02, (name, options)
