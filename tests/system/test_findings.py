# SPDX-License-Identifier: Apache-2.0
"""Findings in each format, read by parsers that are not ours. The documents, with evidence that would
like to be more than text, come from the unit test (tests/cli/findings_test.c)."""

import csv
import html.parser
import io
import json
import subprocess
import xml.etree.ElementTree as xml

import pytest

from gateway import BUILD

SUBJECTS = ["-h.example:25", "<i><U+001B>"]
IDS = ["name.odd", "relay.open", "name.odd", "tls.none", "tls.none"]


@pytest.fixture
def document():
    def run(name):
        return subprocess.run([BUILD / "tests" / "findings_test", name], check=True,
                              stdout=subprocess.PIPE).stdout.decode("utf-8", "strict")
    return run


def test_json_lines(document):
    subjects = [json.loads(line) for line in document("json").splitlines()]
    assert [s["target"] for s in subjects] == SUBJECTS + ["<i><U+001B>"]
    assert [f["id"] for f in subjects[0]["findings"]] == IDS
    assert [f["state"] for f in subjects[0]["findings"]][-2:] == ["pass", "not_measured"]
    assert subjects[0]["findings"][1]["records"] == [
        {"name": "=a.example", "type": "TXT", "value": "v=<b><U+001B>"}]
    assert subjects[2]["findings"] == []


def test_csv(document):
    rows = list(csv.reader(io.StringIO(document("csv"), newline=""), strict=True))
    assert {len(row) for row in rows} == {8}
    assert [row[1] for row in rows[1:]] == IDS * 2
    for row in rows:
        for field in row:
            assert not field.lstrip().startswith(("=", "+", "-", "@")), field


def test_sarif(document):
    """What sections 3.13, 3.14, 3.19, 3.27 and 3.49 of the standard require."""
    log = json.loads(document("sarif"))
    assert log["version"] == "2.1.0" and len(log["runs"]) == 1
    run = log["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"]
    assert len({rule["id"] for rule in rules}) == len(rules) == 3
    prints = set()
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
        assert result["kind"] in ("fail", "pass", "open")
        assert (result["level"] == "none") == (result["kind"] != "fail")
        assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] in SUBJECTS
        prints.add(result["partialFingerprints"]["gatepost/v1"])
    assert len(prints) == len(run["results"]) == 10


def test_junit(document):
    text = document("junit")
    subprocess.run(["xmllint", "--noout", "--nonet", "-"], input=text.encode(), check=True)
    suites = list(xml.fromstring(text.encode()))
    assert [s.get("name") for s in suites] == SUBJECTS + ["<i><U+001B>"]
    for suite in suites:
        assert len(suite) == int(suite.get("tests"))
        assert len(suite.findall("testcase/failure")) == int(suite.get("failures"))
        assert len(suite.findall("testcase/skipped")) == int(suite.get("skipped"))


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen, self.open, self.text = [], [], ""

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html(document):
    page = Page()
    page.feed(document("html"))
    page.close()
    assert page.open == []
    assert {tag for tag, _ in page.seen} == {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "input", "label", "main",
        "section", "ul", "li", "span", "b", "p"}
    for _, attrs in page.seen:
        assert not [name for name in attrs if name.startswith("on") or name in ("src", "href", "style")]
    assert any("default-src 'none'" in attrs.get("content", "") for _, attrs in page.seen)
    assert "=cmd('x')<script>alert(1)</script>&amp;" in page.text


def test_markdown(document):
    rows = [line for line in document("markdown").splitlines() if line.startswith("|")]
    bare = [row.replace("\\\\", "").replace("\\|", "") for row in rows]
    assert {row.count("|") for row in bare} == {6}
    assert len(rows) == 2 + 2 * 4
    assert not [row for row in rows[2:] if "<" in row.replace("<br>", "") or "](" in row]
