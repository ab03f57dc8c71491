# SPDX-License-Identifier: Apache-2.0
"""The dashboard as those see it who do not use a browser: who may ask for what, and what is refused."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import time

import pytest
from dashrig import PASSWORD, Dashboard
from gateway import eventually, free_port, run
from httpsrig import Authority

MESSAGE = (
    b"Received: from a.test (a.test [192.0.2.1]) by mx.gatepost.test with ESMTPS id 1;"
    b" Mon, 30 Nov 2026 10:00:00 +0000\n"
    b"From: \"<script>alert(1)</script>\" <a@a.test>\nSubject: hello\nDate: Mon, 30 Nov 2026 10:00:00 +0000\n\nbody\n"
)


DOCUMENTATION = pathlib.Path(__file__).parents[2] / "docs" / "api.md"
PAGES = ("session overview domains sources policy signers reporters tls failures store flow queue audits scans health "
         "source?domain=ours.example&address=192.0.2.10").split()
# What docs/api.md has as a list of objects, and where that list is.
LISTS = {"domains": "domains", "sources": "sources", "policies": "overview", "overrides": "policy",
         "reporters": "reporters", "flaws": "store"}


@pytest.fixture
def dashboard(gatepost, scratch):
    return Dashboard(gatepost, scratch)


def test_files_are_there_for_all_and_figures_for_nobody(dashboard):
    page = dashboard.get("/")
    assert page.status == 200 and page.fields["Content-Type"] == "text/html; charset=utf-8"
    policy = page.fields["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; ") and "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy and "frame-ancestors 'none'" in policy
    assert page.fields["X-Content-Type-Options"] == "nosniff" and page.fields["Cache-Control"] == "no-cache"
    assert b"<script" in page.body and b"onclick" not in page.body and b"style=" not in page.body
    again = dashboard.get("/", fields={"If-None-Match": page.fields["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert dashboard.get("/web/chart.js").fields["Content-Type"] == "text/javascript; charset=utf-8"
    for path in ("/web/", "/web/../etc/passwd", "/web/%2e%2e/x", "/x", "/web/index.htm", "/api/v1/nothing"):
        assert dashboard.get(path).status == 404, path
    health = dashboard.get("/api/v1/health")
    assert (health.status, health.json) == (401, {"error": "Sign in first."})
    assert health.fields["Cache-Control"] == "no-store" and "ETag" not in health.fields
    assert dashboard.post("headers", MESSAGE).status == 401


def test_who_signs_in(dashboard):
    said = dashboard.sign_in("reader").fields["Set-Cookie"]
    name, *attributes = said.split("; ")
    assert len(name) == len("gatepost=") + 32 and attributes == ["Path=/", "HttpOnly", "SameSite=Strict"]
    session = dashboard.session()
    assert (session["user"], session["role"], session["can_sign_out"]) == ("reader", "read", True)
    assert dashboard.get("/api/v1/health").json["sessions"] == 1
    assert dashboard.post("sign-out").fields["Set-Cookie"].startswith("gatepost=; ")
    assert dashboard.session()["user"] is None and dashboard.get("/api/v1/health").status == 401


def test_who_does_not(dashboard):
    dashboard.is_ready()
    # She may submit mail, and her password is right.
    answer = dashboard.try_password("alice@example.org")
    assert answer.status == 403 and "may not see" in answer.json["error"] and "Set-Cookie" not in answer.fields
    for user, password in (("root", "x"), ("nobody", PASSWORD), ("root\0x", PASSWORD), ("root", PASSWORD + "\0")):
        answer = dashboard.try_password(user, password)
        assert answer.status in (403, 429) and "Set-Cookie" not in answer.fields, user
    assert dashboard.try_password("", "").status == 400
    assert dashboard.session()["user"] is None


def test_guessing_is_slow_and_then_over(dashboard):
    dashboard.reload(auth={"delay": "1ms"})
    dashboard.is_ready()
    answers = [dashboard.try_password("root", "guess").status for _ in range(5)]
    assert answers == [403] * 5
    assert dashboard.try_password("root").status == 429  # the right one, too late
    assert dashboard.try_password("reader").status == 200


def test_a_request_of_another_site_changes_nothing(dashboard):
    dashboard.sign_in()
    for token in (None, "0" * 32, "", dashboard.session()["token"][:-1]):
        answer = dashboard.ask("POST", "/api/v1/sign-out", b"", {"Gatepost-Token": token})
        assert answer.status == 403, token
    stranger = Dashboard.__new__(Dashboard)
    stranger.port, stranger.cookie = dashboard.port, None
    assert dashboard.post("sign-out", token=stranger.session()["token"]).status == 403
    for site in ("cross-site", "same-site"):
        assert dashboard.post("sign-out", fields={"Sec-Fetch-Site": site}).status == 403
        assert dashboard.get("/api/v1/health", fields={"Sec-Fetch-Site": site}).status == 403
    assert dashboard.session()["user"] == "root"
    assert dashboard.post("sign-out", fields={"Sec-Fetch-Site": "same-origin"}).status == 200


def test_a_session_ends_with_its_user(dashboard):
    dashboard.sign_in("reader")
    first, dashboard.cookie = dashboard.cookie, None
    dashboard.sign_in("root")
    dashboard.write_users({"reader": "dashboard=admin", "root": "dashboard=admin"})

    def is_over():
        return dashboard.get("/api/v1/health", fields={"Cookie": first}).status == 401

    eventually(is_over, what="the end of a session whose user's role is another")
    assert dashboard.session()["user"] == "root"
    dashboard.write_users({})
    eventually(lambda: not dashboard.session()["has_users"], what="no users")
    assert dashboard.session()["user"] is None


def test_auth_falls_and_comes_back(dashboard):
    dashboard.sign_in()
    auth = dashboard.server.pid_of("auth")
    dashboard.server.crash_is_expected = True
    os.kill(auth, signal.SIGKILL)
    assert dashboard.get("/api/v1/health").status == 200
    eventually(lambda: dashboard.try_password("reader").status == 200, what="auth, back")
    # Its secret is another one, by which it tells passwords apart: everybody signs in again.
    assert dashboard.session()["user"] is None


@pytest.mark.parametrize("host", ["evil.test", "evil.test:8025", "", "127.0.0.1.evil.test", "[::1", "a:b:c", "::1"])
def test_another_name_is_none_of_ours(dashboard, host):
    answer = dashboard.get("/", host=host or ":1")
    assert answer.status in (400, 421) and b"<html" not in answer.body


def test_names_of_ours(dashboard):
    for host in ("localhost", "LOCALHOST:1", "mx.gatepost.test", "[::1]:8025", "192.0.2.1"):
        assert dashboard.get("/", host=host).status == 200, host


def raw(port, octets):
    with socket.create_connection(("127.0.0.1", port), timeout=40) as s:
        s.sendall(octets)
        data = b""
        while more := s.recv(65536):
            data += more
    return data


HEAD = b"POST /api/v1/sign-in HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\na=b\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\na=b\r\n0\r\n\r\n", b"400"),
        (HEAD + b"Content-Length: +3\r\n\r\na=b", b"400 of libmicrohttpd"),
        (HEAD + b"Content-Length: 99999999999999999999\r\n\r\n", b"413 of libmicrohttpd"),
        (HEAD + b"Content-Length: 4097\r\n\r\n", b"413"),
        (HEAD + b"Host: localhost\r\nContent-Length: 3\r\n\r\na=b", b"400"),
        (b"GET /api/v1/sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
        (b"DELETE / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"405"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n", b"413"),
        (b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n", b"404"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 20000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /web/app.js HTTP/1.1\r\nHost: localhost\r\n\r\n", b"200"),
    ],
)
def test_odd_requests(dashboard, octets, status):
    answer = raw(dashboard.port, octets)
    code, *others = status.split()
    assert answer.startswith(b"HTTP/1.1 " + code + b" "), answer[:200]
    # libmicrohttpd 0.9.75 writes the head of an error of its own twice; ours never.
    assert others or answer.count(b"HTTP/1.1 ") == 1, answer[:200]
    head = answer.partition(b"\r\n\r\n")[0]
    for name in (b"Content-Security-Policy", b"X-Content-Type-Options", b"X-Frame-Options", b"Referrer-Policy"):
        assert head.count(b"\r\n" + name + b": ") == 1, head


def test_an_interim_answer_is_none(dashboard):
    """What a browser is told stands in the answer, not in the word to go on."""
    dashboard.sign_in("reader")
    head = "POST /api/v1/headers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nExpect: 100-continue\r\n"
    head += f"Cookie: {dashboard.cookie}\r\nGatepost-Token: {dashboard.session()['token']}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", dashboard.port), timeout=40) as s:
        s.sendall(head.encode())
        assert s.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        s.sendall(b"A: b\r\n")
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\n")
    assert answer.count(b"X-Frame-Options: DENY\r\n") == 1


def test_a_proxy_says_who_it_is(gatepost, scratch):
    web = {"trusted_proxies": ["127.0.0.2/32"], "user_header": "X-Who", "name": "dash.test"}
    dashboard = Dashboard(gatepost, scratch, web=web)
    dashboard.is_ready()
    stranger = dashboard.get("/api/v1/session", fields={"X-Who": "root"})
    assert stranger.json["user"] is None

    def ask(*fields):
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        with socket.create_connection(("127.0.0.1", dashboard.port), 20, ("127.0.0.2", 0)) as s:
            s.sendall(f"GET /api/v1/session HTTP/1.1\r\nHost: dash.test\r\n{head}\r\n".encode())
            answer = b"".join(iter(lambda: s.recv(65536), b""))
        return json.loads(answer.split(b"\r\n\r\n", 1)[1])

    session = ask(("x-who", "carol"))
    assert (session["user"], session["role"], session["can_sign_out"]) == ("carol", "read", False)
    assert ask(("X-Who", " carol \t"))["user"] == "carol"
    assert ask(("X-Who", ""))["user"] is None and ask()["user"] is None
    assert ask(("X-Who", "carol"), ("X-Who", "root"))["user"] is None
    assert ask(("X-Who", "carol"))["token"] != ask(("X-Who", "dave"))["token"]


def test_a_message_is_analysed(dashboard):
    dashboard.sign_in("reader")
    answer = dashboard.post("headers", MESSAGE)
    assert answer.status == 200
    found = answer.json
    assert found["verdict"] == "unknown" or found["verdict"] == "unauthenticated"
    assert found["identities"]["from"]["domain"] == "a.test" and found["identities"]["subject"] == "hello"
    assert [h["address"] for h in found["hops"]] == ["192.0.2.1"] and found["boundary"] == 0
    assert dashboard.post("headers", b"PK\x03\x04zip").status == 422
    assert dashboard.post("headers", b"\xff\x00" * 500000).status == 200
    assert dashboard.post("headers", b"x" * (1024 * 1024 + 1)).status == 413


def test_figures_are_those_of_the_database(gatepost, scratch):
    dashboard = Dashboard(gatepost, scratch, filled=True)
    dashboard.sign_in("reader")
    overview = dashboard.get("/api/v1/overview?domain=Ours.example")
    assert overview.status == 200, overview.body
    found = overview.json
    assert found["total"]["messages"] == sum(d["figures"]["messages"] for d in found["days"]) > 0
    assert {s["class"] for s in found["sources"]} == {"ours", "provider", "forwarder", "threat"}
    for name in ("domains", "sources?order=unaligned", "policy", "signers", "reporters", "tls", "store"):
        assert dashboard.get(f"/api/v1/{name}").status == 200, name
    source = dashboard.get("/api/v1/source?domain=ours.example&address=203.0.113.30").json
    assert source["address"] == "203.0.113.30" and source["rows"]
    refused = ["from=x", "from=2026-11-30&to=2026-11-29", "from=1990-01-01", "order=x", "a=1&a=2"]
    refused.append("domain=" + "x" * 1100)
    for query in refused:
        answer = dashboard.get(f"/api/v1/overview?{query}")
        assert answer.status == 400 and answer.json["error"], query
    for query in ("address=203.0.113.30", "domain=a.test", "domain=a.test&address=x"):
        assert dashboard.get(f"/api/v1/source?{query}").status == 400, query
    # Addresses and subjects of single messages are not for everybody who may see figures.
    assert dashboard.get("/api/v1/failures").status == 403
    dashboard.cookie = None
    dashboard.sign_in("root")
    assert len(dashboard.get("/api/v1/failures?domain=ours.example").json["failures"]) == 1


def test_reports_falls_and_comes_back(gatepost, scratch):
    dashboard = Dashboard(gatepost, scratch, filled=True)
    dashboard.sign_in()
    reports = dashboard.server.pid_of("reports")
    dashboard.server.crash_is_expected = True
    os.kill(reports, signal.SIGKILL)
    eventually(lambda: dashboard.get("/api/v1/store").status == 200, what="figures, again")


REPORT = """<feedback><report_metadata><org_name>o.test</org_name><email>a@o.test</email><report_id>1</report_id>
<date_range><begin>{0}</begin><end>{1}</end></date_range></report_metadata>
<policy_published><domain>demo.test</domain><p>none</p></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>7</count><policy_evaluated><disposition>none</disposition>
<dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>demo.test</header_from></identifiers>
<auth_results><spf><domain>o.test</domain><result>pass</result></spf></auth_results></record></feedback>"""


def test_what_is_imported_is_there_at_once(dashboard, scratch):
    dashboard.sign_in()
    assert dashboard.get("/api/v1/overview").json["total"]["messages"] == 0
    midnight = int(time.time()) // 86400 * 86400
    (scratch / "report.xml").write_text(REPORT.format(midnight - 86400, midnight - 1), encoding="ascii")
    done = run("reports", "import", "-c", dashboard.server.config, scratch / "report.xml")
    assert done.returncode == 0, done.stderr
    found = dashboard.get("/api/v1/overview?domain=demo.test").json
    assert (found["total"]["messages"], found["total"]["aligned"], found["store"]["dmarc"]) == (7, 7, 1)


def test_beyond_loopback_it_is_https(gatepost, scratch):
    authority = Authority(scratch)
    both = authority.issue("mx.gatepost.test").read_text(encoding="ascii")
    at = both.index("-----BEGIN EC PRIVATE KEY")
    for name, text in (("key.pem", both[at:]), ("certificate.pem", both[:at])):
        (scratch / name).write_text(text, encoding="ascii")
    port = free_port()
    tls = {"certificate": str(scratch / "certificate.pem"), "key": str(scratch / "key.pem")}
    dashboard = Dashboard(gatepost, scratch, web={"listen": f"0.0.0.0:{port}"}, tls=tls)
    context = ssl.create_default_context(cafile=authority.path)

    def connect():
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
        connection.sock = context.wrap_socket(
            socket.create_connection(("127.0.0.1", port), 20), server_hostname="mx.gatepost.test"
        )
        return connection

    dashboard.port, dashboard.connect = port, connect
    attributes = dashboard.sign_in().fields["Set-Cookie"].split("; ")
    assert attributes[0].startswith("__Host-gatepost=") and attributes[-1] == "Secure"
    assert dashboard.get("/api/v1/health").status == 200
    # A name that only a clear connection sets is none.
    clear = dashboard.cookie.replace("__Host-", "")
    assert dashboard.get("/api/v1/health", fields={"Cookie": clear}).status == 401
    with socket.create_connection(("127.0.0.1", port), 20) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert b"html" not in s.recv(4096)


def test_an_empty_database_is_no_error(dashboard):
    dashboard.sign_in()
    found = dashboard.get("/api/v1/overview").json
    assert (found["total"]["messages"], found["days"], found["store"]["last_received"]) == (0, [], None)


def fields_of(answer):
    """The names of all fields, at any depth."""
    if isinstance(answer, list):
        return set().union(*map(fields_of, answer))
    return set(answer).union(*map(fields_of, answer.values())) if isinstance(answer, dict) else set()


def test_the_documentation_names_each_field(gatepost, scratch):
    dashboard = Dashboard(gatepost, scratch, filled=True)
    dashboard.sign_in()
    text = DOCUMENTATION.read_text(encoding="utf-8")
    named = set(re.findall(r'[`"]([a-z_0-9]+)[`"]', text))
    answers = {}
    for page in PAGES:
        answers[page] = eventually(lambda page=page: a.json if (a := dashboard.get(f"/api/v1/{page}")).status == 200
                                   else None, what=page)
        # `domains_more and so on` stands for all that a cut list has beside it.
        unnamed = {name for name in fields_of(answers[page]) if not name.endswith("_more")} - named
        assert not unnamed, page
    for name, page in LISTS.items():
        # The first: audits have domains too.
        row = re.search(rf'(?m)^\| `{name}` \| `\{{(.*?)\}}`', text)[1]
        rows = answers[page][name]
        assert rows and set(re.findall(r'"([a-z_]+)"', row)) == set(rows[0]), name
