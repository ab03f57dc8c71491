# SPDX-License-Identifier: Apache-2.0
"""Servers by aiosmtpd for the field, each as servers.json says beside this file; run where Debian's aiosmtpd is."""

import fnmatch
import json
import pathlib
import smtplib
import ssl
import threading

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

HERE = pathlib.Path(__file__).parent


class Handler:
    """Takes mail for one recipient, or all that match. It passes them on, but keeps what is for a whole domain."""

    def __init__(self, known, next_port):
        self.known, self.next_port = known, next_port

    async def handle_RCPT(self, server, session, envelope, address, options):
        if not fnmatch.fnmatchcase(address, self.known):
            return "550 5.7.1 relaying denied"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if not self.known.startswith("*@"):
            with smtplib.SMTP("127.0.0.1", self.next_port) as onward:
                onward.sendmail(envelope.mail_from, envelope.rcpt_tos, envelope.content)
        return "250 OK"


class Server(Controller):
    def __init__(self, row):
        tls, self.row = None, row
        if row["certificate"]:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(HERE / row["certificate"])
            if row["old_tls"]:
                tls.minimum_version, tls.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
                tls.set_ciphers("ALL:@SECLEVEL=0")
        self.options = {"tls_context": tls, "hostname": row["name"], "auth_require_tls": not row["auth"]}
        self.options["ident"] = "ESMTP"
        if not row["auth"]:
            self.options["auth_exclude_mechanism"] = ["LOGIN", "PLAIN"]
        handler = Handler(row["known"], row["next_port"])
        super().__init__(handler, hostname=row["address"], port=row["port"], ready_timeout=20)

    def factory(self):
        return SMTP(self.handler, loop=self.loop, **self.options)


for row in json.loads((HERE / "servers.json").read_text(encoding="utf-8")):
    Server(row).start()
threading.Event().wait()
