# SPDX-License-Identifier: Apache-2.0
"""Reads the sample reports with Python's mail parser: another reader must see what was meant."""
import email
import email.policy
import subprocess
import sys
import unittest

SAMPLE = sys.argv.pop()


def report(kind):
    raw = subprocess.run([SAMPLE, kind], check=True, capture_output=True).stdout
    return raw, email.message_from_bytes(raw, policy=email.policy.default.clone(utf8=True))


class Report(unittest.TestCase):
    def check_shape(self, kind, types):
        raw, message = report(kind)
        self.assertEqual(raw.count(b"\n"), raw.count(b"\r\n"))
        self.assertEqual(raw.count(b"\r"), raw.count(b"\r\n"))
        self.assertLessEqual(max(map(len, raw.split(b"\r\n"))), 998)
        for part in message.walk():
            self.assertEqual(part.defects, [])
        self.assertEqual(message.get_content_type(), "multipart/report")
        self.assertEqual(message.get_param("report-type"), "delivery-status")
        self.assertEqual(message["Auto-Submitted"], "auto-replied")
        self.assertEqual([p.get_content_type() for p in message.get_payload()], types)
        return raw, message

    def check_status(self, blocks, bob, joerg):
        self.assertEqual(len(blocks), 4)
        self.assertEqual(blocks[0]["Original-Envelope-Id"], "job+17")
        self.assertEqual(blocks[0]["Reporting-MTA"], "dns; mx.example.org")
        self.assertEqual([b["Action"] for b in blocks[1:]], ["failed", "relayed", "delayed"])
        self.assertEqual([b["Status"] for b in blocks[1:]], ["5.1.1", "2.0.0", "4.4.1"])
        self.assertEqual(blocks[1]["Final-Recipient"], bob)
        self.assertEqual(blocks[1]["Original-Recipient"], "rfc822; Bob+Home@example.com")
        self.assertEqual(blocks[1]["Diagnostic-Code"],
                         "smtp; 550 5.1.1 No such --=_Sample1_0-- user ?[31mred")
        self.assertEqual(blocks[2]["Final-Recipient"], joerg)
        self.assertEqual(blocks[3]["Final-Recipient"], 'rfc822; "odd one"@example.net')

    def test_classic(self):
        _, message = self.check_shape(
            "classic", ["text/plain", "message/delivery-status", "message/rfc822"])
        text, status, original = message.get_payload()
        self.assertIn("<jörg@example.net>", text.get_content())
        self.check_status(status.get_payload(), "rfc822; bob@example.net",
                          "utf-8; j\\x{F6}rg@example.net")
        inner = original.get_payload()[0]
        self.assertEqual(inner.get_content().splitlines(), ["--=_Sample1_0--", "Grüße"])

    def test_utf8(self):
        raw, message = self.check_shape(
            "utf8", ["text/plain", "message/global-delivery-status", "message/global"])
        text = message.get_payload()[0]
        self.assertIn("<jörg@example.net>", text.get_content())
        # Python leaves these two types as they are.
        self.assertIn("Final-Recipient: utf-8; jörg@example.net\r\n".encode(), raw)
        self.assertIn(b"\r\nGr=C3=BC=C3=9Fe\r\n", raw)
        self.assertIn("To: <åsa@example.org>\r\n".encode(), raw)


unittest.main()
