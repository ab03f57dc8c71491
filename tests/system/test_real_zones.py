# SPDX-License-Identifier: Apache-2.0
"""Who sent a mail, found out by zones as their owners write them: Debian's nsd serves master files below a root of its
own, unbound walks down from there, the gateway asks unbound, and swaks sends."""

import base64
import email
import email.policy
import re
import shutil
import subprocess

import dkim
import dnsrig
import pytest
from gateway import eventually

# Port 53, as resolvers follow no delegation to another.
NSD = "127.0.53.2"
CONFIG = f"""
server:
  ip-address: {NSD}@53
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
"""
TOP = f"""
$TTL 60
@  SOA ns hostmaster 1 60 60 60 60
@  NS  ns
ns A   {NSD}
"""

# Each but the root's begins with TOP; the root's delegation is glued alike.
ZONES = {
    ".": f"""
$TTL 60
.       SOA ns.root. hostmaster.root. 1 60 60 60 60
.       NS  ns.root.
ns.root. A  {NSD}
test.   NS  ns.test.
ns.test. A  {NSD}
""",
    # A public suffix, which wishes that nobody be from a domain that is not there.
    "test.": "_dmarc TXT \"v=DMARC1; p=none; np=reject; psd=y\"\n"
    + "".join(
        f"{name} NS ns.{name}\nns.{name} A {NSD}\n" for name in ("bank", "shop", "provider", "company", "deep")
    ),
    # Sends for others, and keeps their keys.
    "provider.test.": """
_spf     TXT "v=spf1 ip4:127.0.0.1 ip4:192.0.2." "0/24 -all"
mail     A   127.0.0.3
mail     TXT "v=spf1 a -all"
bank.keys TXT {key}
""",
    "bank.test.": """
@        TXT "v=spf1 include:_spf.provider.test -all"
@        TXT "another text that is none of ours"
_dmarc   TXT "v=DMARC1; p=reject"
s1._domainkey CNAME bank.keys.provider.test.
""",
    "shop.test.": """
@        MX  10 mail.provider.test.
@        TXT "v=spf1 mx -all"
; redirect, whose macros are those of the domain that it leads to; each address has its own hosts
news     TXT "v=spf1 redirect=_spf.shop.test"
_spf     TXT "v=spf1 exists:%{l}.%{ir}.hosts.%{d2} -all"
alice.1.0.0.127.hosts A 127.0.0.2
; one that asks without end, and one that cannot be read
loop     TXT "v=spf1 include:loop.shop.test -all"
twice    TXT "v=spf1 +all"
twice    TXT "v=spf1 -all"
""",
    "company.test.": """
_dmarc   TXT "v=DMARC1; p=reject; sp=quarantine; np=reject"
@        TXT "v=spf1 -all"
news     A   192.0.2.1
bounces  TXT "v=spf1 ip4:127.0.0.1 -all"
_dmarc.own TXT "v=DMARC1; p=none"
own      A   192.0.2.1
strict   A   192.0.2.1
_dmarc.strict TXT "v=DMARC1; p=reject; aspf=s"
""",
    # The walk passes over many labels.
    "deep.test.": """
_dmarc   TXT "v=DMARC1; p=none; sp=reject"
a.b.c.d.e.f.g.h.i.j A 192.0.2.1
""",
}


def texts(value):
    """A TXT record's character-strings, cut as a zone's owner cuts a long key."""
    return " ".join(f'"{value[i : i + 200]}"' for i in range(0, len(value), 200))


@pytest.fixture(scope="module")
def key(module_scratch):
    """A private key in PEM, and the text of its record."""
    pem = subprocess.run(["openssl", "genrsa", "-traditional", "2048"], capture_output=True, check=True).stdout
    argv = ["openssl", "rsa", "-pubout", "-outform", "DER"]
    der = subprocess.run(argv, input=pem, capture_output=True, check=True).stdout
    return pem, "v=DKIM1; k=rsa; p=" + base64.b64encode(der).decode()


@pytest.fixture
def world(gatepost, peers, scratch, key):
    """A gateway within that DNS."""
    if not shutil.which("swaks"):
        pytest.skip("swaks is not installed")
    work = peers.folder("nsd")
    config = CONFIG
    for number, (name, text) in enumerate(ZONES.items()):
        text = text if name == "." else f"$ORIGIN {name}" + TOP + text.replace("{key}", texts(key[1]))
        (work / f"zone{number}").write_text(text, encoding="ascii")
        config += f'zone:\n  name: "{name}"\n  zonefile: zone{number}\n'
    (work / "nsd.conf").write_text(config, encoding="ascii")
    nsd = peers.start(work, "nsd", "-d", "-c", "/own/nsd.conf")
    eventually(lambda: nsd.process.poll() is not None or dnsrig.ask((NSD, 53), ".", 6, 0.2) == 0, what="nsd")
    assert nsd.process.poll() is None, nsd.output()
    try:
        unbound = dnsrig.DnsRig({}, root=NSD).start()
    except dnsrig.Unavailable as why:
        pytest.skip(str(why))
    dns = {"server": unbound.server, "trust_anchor": "none"}

    def start(**authentication):
        return gatepost(dns=dns, authentication={"from": "refuse", **authentication})

    yield start
    unbound.stop()


def swaks(server, scratch, envelope, author, client="127.0.0.1", helo="mail.provider.test", text=None):
    """What swaks heard at the end of data."""
    path = scratch / "mail"
    path.write_bytes(text or message(author))
    argv = ["swaks", "--server", f"127.0.0.1:{server.port}", "--local-interface", client, "--helo", helo]
    argv += ["--from", envelope or "<>", "--to", "alice@demo.test", "--data", f"@{path}"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    replies = re.findall(r"^<[-*~]+ +(\d\d\d .*)$", done.stdout, re.M)
    assert done.returncode in (0, 26), done.stdout + done.stderr
    return [reply for reply in replies if not reply.startswith("221")][-1]


def message(author):
    return f"From: {author}\r\nTo: alice@demo.test\r\nSubject: x\r\n\r\nhello\r\n".encode()


def signed(author, key):
    text = message(author)
    names = [b"from", b"to", b"subject"]
    return dkim.sign(text, b"s1", b"bank.test", key[0], include_headers=names) + text


def results(mail):
    """Our Authentication-Results in one line."""
    mail = email.message_from_bytes(mail, policy=email.policy.SMTP)
    (field,) = mail.get_all("Authentication-Results")
    return " ".join(str(field).split())


def arrived(server, folder="new", count=1):
    """The results of the newest of so many mails."""
    place = server.mailbox("alice") / folder
    eventually(lambda: len(list(place.glob("*"))) == count, what="the mail")
    return results(max(place.glob("*"), key=lambda f: f.stat().st_mtime_ns).read_bytes())


def test_forged_mail_is_refused_with_the_reason(world, scratch):
    server = world()
    said = swaks(server, scratch, "mallory@shop.test", "ceo@bank.test")
    assert said.startswith("550 5.7.1 ") and "DMARC policy of bank.test" in said
    assert server.mails("alice") == [] and server.queued() == []


SPF = {
    "include, of a record in two strings": ("ceo@bank.test", "127.0.0.1", "pass"),
    "nobody it includes": ("ceo@bank.test", "127.0.0.2", "fail"),
    "mx": ("x@shop.test", "127.0.0.3", "pass"),
    "not its mx": ("x@shop.test", "127.0.0.1", "fail"),
    "redirect to macros": ("alice@news.shop.test", "127.0.0.1", "pass"),
    "macros of another sender": ("bob@news.shop.test", "127.0.0.1", "fail"),
    "macros of another address": ("alice@news.shop.test", "127.0.0.2", "fail"),
    "a loop": ("x@loop.shop.test", "127.0.0.1", "permerror"),
    "two records": ("x@twice.shop.test", "127.0.0.1", "permerror"),
    "no record": ("x@own.company.test", "127.0.0.1", "none"),
    "no domain": ("x@nowhere.shop.test", "127.0.0.1", "none"),
}


@pytest.fixture
def tagging(world):
    return world(dmarc="tag")


def test_spf(tagging, scratch):
    for count, (what, (sender, client, result)) in enumerate(SPF.items(), 1):
        assert swaks(tagging, scratch, sender, sender, client).startswith("250 "), what
        found = arrived(tagging, count=count)
        assert re.search(rf"\bspf={result}\b[^;]*smtp\.mailfrom={re.escape(sender)}", found), f"{what}: {found}"
        # of the name in HELO, mail.provider.test, which sends from one address
        helo = "pass" if client == "127.0.0.3" else "fail"
        assert re.search(rf"\bspf={helo}\b[^;]*smtp\.helo=mail\.provider\.test", found), f"{what}: {found}"


def test_spf_enforced_refuses_with_the_reason(world, scratch):
    server = world(spf="enforce")
    said = swaks(server, scratch, "bob@news.shop.test", "bob@news.shop.test")
    assert said.startswith("550 5.7.23 ") and "news.shop.test does not send mail from your address" in said
    assert swaks(server, scratch, "alice@news.shop.test", "alice@news.shop.test").startswith("250 ")


def test_a_key_that_another_keeps(world, scratch, key):
    server = world()
    good = signed("ceo@bank.test", key)
    assert swaks(server, scratch, "x@shop.test", None, text=good).startswith("250 ")
    found = arrived(server)
    assert re.search(r"\bdkim=pass\b[^;]*header\.d=bank\.test[^;]*header\.s=s1", found), found
    assert re.search(r"\bdmarc=pass\b[^;]*header\.from=bank\.test", found), found
    said = swaks(server, scratch, "x@shop.test", None, text=good.replace(b"hello", b"hallo"))
    assert said.startswith("550 5.7.1 ")
    other = good.replace(b"s=s1;", b"s=s2;")
    assert swaks(server, scratch, "x@shop.test", None, text=other).startswith("550 5.7.1 ")


# The author, the envelope's sender, and what becomes of it: refused, junk, or the result when it is taken.
REFUSED, JUNK = "refused", "junk"
WALKS = {
    "the organisation itself: p": ("x@company.test", "x@shop.test", REFUSED),
    "a domain below that is there: sp": ("x@news.company.test", "x@shop.test", JUNK),
    "one that is not: np": ("x@nowhere.company.test", "x@shop.test", REFUSED),
    "one with a record of its own": ("x@own.company.test", "x@shop.test", "fail"),
    "its sender is another part of the organisation": ("x@news.company.test", "x@bounces.company.test", "pass"),
    "where it must be the same": ("x@strict.company.test", "x@bounces.company.test", REFUSED),
    "ten labels below": ("x@a.b.c.d.e.f.g.h.i.j.deep.test", "x@shop.test", REFUSED),
    "a domain without records, below a public suffix": ("x@shop.test", "x@provider.test", "fail"),
    "no domain, below a public suffix": ("x@nowhere.test", "x@shop.test", REFUSED),
    "a top without anything": ("x@nowhere.example", "x@shop.test", "none"),
}


def test_dmarc_walks_up_the_tree(world, scratch):
    server = world()
    counts = {"new": 0, ".Junk/new": 0}
    for what, (author, sender, expected) in WALKS.items():
        said = swaks(server, scratch, sender, author)
        if expected == REFUSED:
            assert said.startswith("550 5.7.1 ") and "DMARC" in said, f"{what}: {said}"
            continue
        assert said.startswith("250 "), f"{what}: {said}"
        folder = ".Junk/new" if expected == JUNK else "new"
        counts[folder] += 1
        found = arrived(server, folder, counts[folder])
        result = "fail" if expected == JUNK else expected
        domain = author.split("@")[1]
        assert re.search(rf"\bdmarc={result}\b[^;]*header\.from={re.escape(domain)}", found), f"{what}: {found}"
