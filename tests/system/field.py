# SPDX-License-Identifier: Apache-2.0
"""A field of real mail servers with planted faults, for gatepost scan to find: each row of ROWS is a server in one
configuration, at an address of its own in 127.44.0.0/16, with the severity of each finding that is there to be made.

    with Field(peers, folder, ROWS) as field:
        field.zone, field.authority, field.canaries  # for the command line of a scan
        field.targets()

Every row is MX of a domain of its own (unless told otherwise), and knows postmaster there. Rows of OWN are MX of the
scanner's own domain, and take its recipient, so that what they make of a false end of data can be told; where they pass
mail on to is the canaries' list in all cases. Names, reverse names and MX records are a --dns file.
"""

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import json
import os
import re
import ssl
import subprocess
import threading

import faulty
import gateway
import servers
from gateway import free_port
from httpsrig import Authority
from peers import wait_for_port

OWN = "own.test"
RECIPIENT = f"canary@{OWN}"
STARTS_AT_ONCE = 4
NETWORK, SCANNER = "127.44", "127.43.0.1"

# What openssl's part that signs is told of a certificate that is not as it should be.
CERTIFICATES = {
    "good": {},
    "rsa": {"rsa_bits": 2048},
    "expired": {"span": (-90, -1)},
    "early": {"span": (1, 90)},
    "soon": {"span": (-80, 5)},
    "wrong name": {},
    "self-signed": {"self_signed": True},
    "short key": {"rsa_bits": 1024},
    "SHA-1": {"digest": "sha1"},
}


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    server: str
    config: str  # what was planted, in words
    found: dict  # finding -> severity: all that is wrong here
    how: object = None  # for the server's own function in STARTERS
    tls: str = "good"  # of CERTIFICATES; None: there is none
    port: int = 25
    own: bool = False  # of the scanner's own domain
    reverse: str = ""  # the name of its address, where that is not its own
    bare: bool = False  # scanned by its address
    elsewhere: bool = False  # its domain has its mail with others
    tlsa: str = ""  # there is a TLSA record: "match", of its key, or "other"

    @property
    def key(self):
        words = f"{self.server} {self.config} {self.port}{' own' if self.own else ''}"
        return re.sub(r"[^a-z0-9]+", "-", words.lower())

    @property
    def host(self):
        return f"mx.{self.key}.test"

    @property
    def known(self):
        """The one recipient that it takes."""
        return RECIPIENT if self.own else f"postmaster@{self.domain}"

    @property
    def domain(self):
        return OWN if self.own else f"{self.key}.test"


UNTRUSTED = {"cert.untrusted": "info"}
VERSION = {"software.version": "info"}
RELAY = {"smtp.open_relay": "critical"}
SMUGGLED = {"smtp.smuggling": "high"}
IN_CLEAR = {"auth.in_clear": "medium", "auth.on_relay_port": "low"}

POSTFIX_LOGIN = {"smtpd_sasl_auth_enable": "yes"}
POSTFIX_USERS = {**POSTFIX_LOGIN, "smtpd_tls_security_level": "encrypt", "smtpd_tls_auth_only": "yes"}
POSTFIX = [
    Row("Postfix", "safe", {}),
    Row("Postfix", "open relay", RELAY, {"mynetworks": "0.0.0.0/0"}),
    Row("Postfix", "relays for senders of its domain", RELAY,
        {"smtpd_relay_restrictions": "check_sender_access inline:{$domain=OK},reject_unauth_destination"}),
    Row("Postfix", "relays for who greets with its name", RELAY,
        {"smtpd_relay_restrictions": "check_helo_access inline:{$host=OK},reject_unauth_destination"}),
    Row("Postfix", "lets strangers choose their address", {"smtp.xclient": "high"},
        {"smtpd_authorized_xclient_hosts": "127.0.0.0/8"}),
    Row("Postfix", "no TLS", {"tls.absent": "medium"}, tls=None),
    Row("Postfix", "TLS that fails", {"tls.broken": "high"}, {"smtpd_tls_key_file": "/own/conf/none.pem"}),
    Row("Postfix", "expired certificate", {"cert.expired": "medium"}, tls="expired"),
    Row("Postfix", "certificate of the future", {"cert.not_yet_valid": "medium"}, tls="early"),
    Row("Postfix", "certificate that ends soon", {"cert.expires_soon": "low"}, tls="soon"),
    Row("Postfix", "certificate for another name", {"cert.name": "low"}, tls="wrong name"),
    Row("Postfix", "self-signed certificate", UNTRUSTED, tls="self-signed"),
    Row("Postfix", "TLS 1.0 and 1.1 alone", {"tls.version_old": "medium"},
        {"smtpd_tls_protocols": "TLSv1,TLSv1.1", "tls_medium_cipherlist": "ALL:@SECLEVEL=0"}),
    Row("Postfix", "RSA key exchange alone", {"tls.cipher_weak": "medium"},
        {"smtpd_tls_protocols": "TLSv1.2", "tls_medium_cipherlist": "AES128-SHA"}, tls="rsa"),
    Row("Postfix", "AUTH in clear", IN_CLEAR, POSTFIX_LOGIN),
    Row("Postfix", "AUTH in clear, no TLS", IN_CLEAR | {"auth.in_clear": "high", "tls.absent": "medium"},
        POSTFIX_LOGIN, tls=None),
    Row("Postfix", "tells who exists", {"smtp.vrfy": "low"}, {"disable_vrfy_command": "no"}),
    Row("Postfix", "bare newlines end messages", SMUGGLED | {"software.weakness": "high"},
        {"smtpd_forbid_bare_newline": "no"}, own=True),
    Row("Postfix", "safe", {}, own=True),
    Row("Postfix", "safe", {}, POSTFIX_USERS, port=587),
    Row("Postfix", "no AUTH", {"auth.absent": "medium"}, {"smtpd_tls_security_level": "encrypt"}, port=587),
    Row("Postfix", "AUTH in clear", {"auth.in_clear": "high"}, POSTFIX_LOGIN, port=587),
    Row("Postfix", "safe", {}, {**POSTFIX_USERS, "smtpd_tls_wrappermode": "yes"}, port=465),
    Row("Postfix", "expired certificate", {"cert.expired": "high"},
        {**POSTFIX_USERS, "smtpd_tls_wrappermode": "yes"}, tls="expired", port=465),
    Row("Postfix", "no name in the DNS", {"dns.fcrdns": "medium"}, reverse="none"),
    Row("Postfix", "a name that leads elsewhere", {"dns.fcrdns": "medium"}, reverse="mx.elsewhere.test"),
    Row("Postfix", "greets by no full name", {"smtp.name": "low"}, {"myhostname": "localhost"}),
    Row("Postfix", "TLSA record of its key", {}, tlsa="match"),
    Row("Postfix", "TLSA record of another key", {"dane.mismatch": "high"}, tlsa="other"),
    Row("Postfix", "TLSA record, no TLS", {"dane.no_tls": "high", "tls.absent": "medium"}, tls=None, tlsa="other"),
    Row("Postfix", "safe, scanned by its address", {}, bare=True),
    Row("Postfix", "no MX leads here", {"smtp.no_mx": "info"}, bare=True, elsewhere=True),
]  # fmt: skip


def postfix(field, rows):
    """All rows are one Postfix, each a listener with settings of its own; those of the scanner's domain are another."""
    for own in (False, True):
        some = [row for row in rows if row.own == own]
        if some:
            one_postfix(field, some)


def one_postfix(field, rows):
    login = free_port()
    field.peers.dovecot(free_port(), free_port(), auth_port=login)
    settings = {
        "smtpd_relay_restrictions": "permit_mynetworks,reject_unauth_destination",
        "mynetworks": "192.0.2.0/24",
        "relay_domains": ",".join({row.domain for row in rows}),
        "smtpd_banner": "$myhostname ESMTP",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": f"inet:127.0.0.1:{login}",
        "smtpd_error_sleep_time": "0",
        "smtpd_forbid_bare_newline": "yes",
        "smtpd_forbid_bare_newline_exclusions": "",
        "disable_vrfy_command": "yes",
    }
    listeners = []
    for row in rows:
        own = {"myhostname": row.host, "relay_recipient_maps": f"inline:{{{row.known}=x}}", **field.filled(row)}
        if row.tls:
            own = {"smtpd_tls_security_level": "may", "smtpd_tls_cert_file": field.certificate(row), **own}
        listeners.append((field.place(row), own))
    field.peers.postfix(free_port(), field.canary_port, listeners, **settings)


EXIM = [
    Row("Exim", "safe", {}),
    Row("Exim", "open relay", RELAY, {"rcpt": "accept"}),
    Row("Exim", "relays for senders of its domain", RELAY, {"rcpt": "accept sender_domains = $domain"}),
    Row("Exim", "no TLS", {"tls.absent": "medium"}, tls=None),
    Row("Exim", "expired certificate", {"cert.expired": "medium"}, tls="expired"),
    Row("Exim", "certificate for another name", {"cert.name": "low"}, tls="wrong name"),
    Row("Exim", "self-signed certificate", UNTRUSTED, tls="self-signed"),
    Row("Exim", "RSA key of 1024 bits", {"cert.weak_key": "medium"}, tls="short key"),
    Row("Exim", "TLS 1.0 alone", {"tls.version_old": "medium"},
        {"tls_require_ciphers": "NORMAL:-VERS-ALL:+VERS-TLS1.0"}),
    Row("Exim", "signed by SHA-1", {"cert.weak_signature": "medium"}, tls="SHA-1"),
    Row("Exim", "AUTH in clear", IN_CLEAR, {"login": True}),
    Row("Exim", "AUTH in clear, no TLS", IN_CLEAR | {"auth.in_clear": "high", "tls.absent": "medium"},
        {"login": True}, tls=None),
    Row("Exim", "tells who exists", {"smtp.vrfy": "low"}, {"acl_smtp_vrfy": "accept"}),
    Row("Exim", "safe", {}, own=True),
    Row("Exim", "shows its version", VERSION | {"software.weakness_hint": "low"},
        {"smtp_banner": "$primary_hostname ESMTP Exim $version_number $tod_full"}),
]  # fmt: skip


EXIM_KNOWS = """\
strangers:
  driver = redirect
  verify_only
  local_parts = ! postmaster : ! canary
  allow_fail
  data = :fail: nobody of that name
"""


def exim(field, row):
    """An Exim for each row."""
    how = dict(field.filled(row))
    login, rcpt = how.pop("login", False), how.pop("rcpt", "")
    settings = {
        "primary_hostname": row.host,
        "smtp_banner": "$primary_hostname ESMTP",
        "acl_smtp_rcpt": "check_rcpt",
        "smtp_accept_max": 0,
        "smtp_max_synprot_errors": 1000,
        "smtp_max_unknown_commands": 100,
        "chunking_advertise_hosts": "*",
        **how,
    }
    if row.tls:
        settings |= {"tls_advertise_hosts": "*", "tls_certificate": field.certificate(row)}
    else:
        settings["tls_advertise_hosts"] = ""
    acl = f"check_rcpt:\n  {rcpt}\n  accept recipients = {row.known}\n  deny message = relay not permitted\n"
    server = {"server_prompts": ":", "server_condition": "false"} if login else None
    field.peers.exim(
        free_port(), ("127.0.0.1", field.canary_port), listeners=[(field.address(row), row.port)],
        acl=acl, authenticator=server, routers=EXIM_KNOWS, **settings,
    )  # fmt: skip


POSTSCREEN = [
    Row("postscreen", "safe", {}),
    Row("postscreen", "open relay", RELAY, {"mynetworks": "0.0.0.0/0"}),
]


def postscreen(field, row):
    settings = {
        "myhostname": row.host,
        "smtpd_banner": "$myhostname ESMTP",
        "mynetworks": "192.0.2.0/24",
        "smtpd_relay_restrictions": "permit_mynetworks,reject_unauth_destination",
        "relay_domains": row.domain,
        "relay_recipient_maps": f"inline:{{{row.known}=x}}",
        "relayhost": f"[127.0.0.1]:{field.canary_port}",
        "smtpd_forbid_bare_newline": "yes",
        "smtpd_forbid_bare_newline_exclusions": "",
        "smtpd_error_sleep_time": "0",
        "disable_vrfy_command": "yes",
        "smtpd_tls_security_level": "may",
        "smtpd_tls_cert_file": field.certificate(row),
        **field.filled(row),
    }
    servers.postscreen(field.peers, free_port(), field.place(row), **settings)


# Debian's breaks off every handshake: its key is in another process, which OpenSSL 3 does not ask.
NO_TLS = {"tls.absent": "medium"}
OPENSMTPD = [
    Row("OpenSMTPD", "no TLS", NO_TLS, tls=None),
    Row("OpenSMTPD", "open relay, no TLS", RELAY | NO_TLS, {"match": "from any for any"}, tls=None),
    Row("OpenSMTPD", "relays for senders of its domain, no TLS", RELAY | NO_TLS,
        {"match": 'from any mail-from "@$domain" for any'}, tls=None),
    Row("OpenSMTPD", "TLS that fails", {"tls.broken": "high"}, tls="rsa"),
    Row("OpenSMTPD", "TLS that fails", {"tls.broken": "high", "smtp.no_answer": "info"}, {"listen": "smtps auth"},
        tls="rsa", port=465),
    Row("OpenSMTPD", "no TLS", NO_TLS, tls=None, own=True),
]  # fmt: skip


def opensmtpd(field, rows):
    """One for all rows: its queue has a place that is compiled in."""
    lines, files = [f'action "onward" relay host "smtp://127.0.0.1:{field.canary_port}"'], {}
    for number, row in enumerate(rows):
        how, tag = field.filled(row), f"R{number}"
        listen = how.get("listen", "tls")
        if row.tls:
            halves = zip(("crt", "key"), field.halves(row), strict=True)
            files |= {f"{tag}.{suffix}": path.read_text(encoding="ascii") for suffix, path in halves}
            lines += [f'pki {tag} cert "/own/{tag}.crt"', f'pki {tag} key "/own/{tag}.key"']
        secure = f"{listen} pki {tag}" if row.tls else ""
        lines.append(f"listen on {field.address(row)} port {row.port} {secure} hostname {row.host} tag {tag}")
        for match in filter(None, [how.get("match"), f'from any for rcpt-to "{row.known}"']):
            lines.append(f'match tag {tag} {match} action "onward"')
    # What is listened to comes before what is done.
    order = ["pki", "listen", "action", "match"]
    lines.sort(key=lambda line: order.index(line.split()[0]))
    servers.opensmtpd(field.peers, 25, "\n".join(lines) + "\n", files)


SENDMAIL_LOGIN = ["TRUST_AUTH_MECH(`LOGIN PLAIN')", "define(`confAUTH_MECHANISMS', `LOGIN PLAIN')"]
SENDMAIL = [
    Row("Sendmail", "safe", {}),
    Row("Sendmail", "open relay", RELAY, ["FEATURE(`promiscuous_relay')"]),
    Row("Sendmail", "relays for senders of its domain", RELAY, ["FEATURE(`relay_local_from')"]),
    Row("Sendmail", "no TLS", {"tls.absent": "medium"}, tls=None),
    Row("Sendmail", "expired certificate", {"cert.expired": "medium"}, tls="expired"),
    Row("Sendmail", "certificate for another name", {"cert.name": "low"}, tls="wrong name"),
    Row("Sendmail", "self-signed certificate", UNTRUSTED, tls="self-signed"),
    Row("Sendmail", "TLS 1.0 and 1.1 alone", {"tls.version_old": "medium"},
        ["define(`confSERVER_SSL_OPTIONS', `+SSL_OP_NO_TLSv1_2 +SSL_OP_NO_TLSv1_3')",
         "define(`confCIPHER_LIST', `ALL:@SECLEVEL=0')"]),
    Row("Sendmail", "AUTH in clear", IN_CLEAR, SENDMAIL_LOGIN),
    Row("Sendmail", "AUTH in clear, no TLS", IN_CLEAR | {"auth.in_clear": "high", "tls.absent": "medium"},
        SENDMAIL_LOGIN, tls=None),
    Row("Sendmail", "tells who exists", {"smtp.vrfy": "medium"}, ["define(`confPRIVACY_FLAGS', `authwarnings')"]),
    Row("Sendmail", "shows its version", VERSION | {"software.weakness_faint": "info"},
        ["define(`confSMTP_LOGIN_MSG', `$j Sendmail $v/$Z; $b')"]),
    Row("Sendmail", "safe", {}, own=True),
]  # fmt: skip


def sendmail(field, row):
    lines = [f"define(`confDOMAIN_NAME', `{row.host}')", "define(`confSMTP_LOGIN_MSG', `$j')"]
    lines += ["define(`SMART_HOST', `relay:[127.0.0.1]')", f"define(`RELAY_MAILER_ARGS', `TCP $h {field.canary_port}')"]
    lines += ["define(`HELP_FILE', `/own/none')", "FEATURE(`accept_unresolvable_domains')", "FEATURE(`nocanonify')"]
    # Who takes mail for a domain of others passes on what is to anybody there; its own it knows.
    lines.append(f"RELAY_DOMAIN(`{OWN}')" if row.own else f"LOCAL_DOMAIN(`{row.domain}')")
    if row.tls:
        lines += [f"define(`conf{name}', `/own/server.pem')" for name in ("SERVER_CERT", "SERVER_KEY", "CACERT")]
        lines += ["define(`confCACERT_PATH', `/own')"]
    certificate = field.certificate(row) if row.tls else None
    lines += row.how or []
    servers.sendmail(field.peers, row.port, field.address(row), lines, certificate, row.how is SENDMAIL_LOGIN)


# Dovecot has a setting for the least version alone, OpenSSL's own file has one for the greatest.
OLD_TLS = {
    "ssl_min_protocol": "TLSv1",
    "ssl_cipher_list": "ALL:@SECLEVEL=0",
    "import_environment": "OPENSSL_CONF=/own/openssl.cnf",
}
SUBMISSION = [
    Row("Dovecot submission", "safe", {}, {"ssl": "required"}, port=587),
    Row("Dovecot submission", "safe", {}, {"ssl": "required"}, port=465),
    Row("Dovecot submission", "AUTH in clear", {"auth.in_clear": "high"},
        {"ssl": "yes", "disable_plaintext_auth": "no"}, port=587),
    Row("Dovecot submission", "AUTH in clear, no TLS", {"auth.in_clear": "high", "tls.absent": "high"},
        {"ssl": "no", "disable_plaintext_auth": "no"}, tls=None, port=587),
    Row("Dovecot submission", "expired certificate", {"cert.expired": "high"}, {"ssl": "required"},
        "expired", port=587),
    Row("Dovecot submission", "self-signed certificate", {"cert.untrusted": "medium"}, {"ssl": "required"},
        "self-signed", port=587),
    Row("Dovecot submission", "certificate for another name", {"cert.name": "high"}, {"ssl": "required"},
        "wrong name", port=587),
    Row("Dovecot submission", "TLS 1.0 and 1.1 alone", {"tls.version_old": "high"}, {"ssl": "required", **OLD_TLS},
        port=587),
]  # fmt: skip


def submission(field, row):
    settings = {"login_greeting": "ESMTP", "hostname": row.host, **field.filled(row)}
    if row.tls:
        settings |= {"ssl_cert": "</own/server.pem", "ssl_key": "</own/server.pem"}
    certificate = field.certificate(row) if row.tls else None
    servers.submission(field.peers, row.port, field.address(row), settings, certificate)


AIOSMTPD = [
    Row("aiosmtpd", "safe", {}),
    Row("aiosmtpd", "safe, no TLS", NO_TLS, tls=None, own=True),
    Row("aiosmtpd", "takes anybody in its domain", {"smtp.open_relay": "low"}, {"known": "*@$domain"}),
    Row("aiosmtpd", "open relay, no TLS", RELAY | NO_TLS, {"known": "*"}, tls=None),
    Row("aiosmtpd", "AUTH in clear", IN_CLEAR, {"auth": True}),
    Row("aiosmtpd", "expired certificate", {"cert.expired": "medium"}, tls="expired"),
    Row("aiosmtpd", "certificate for another name", {"cert.name": "low"}, tls="wrong name"),
    Row("aiosmtpd", "self-signed certificate", UNTRUSTED, tls="self-signed"),
    Row("aiosmtpd", "TLS 1.0 and 1.1 alone", {"tls.version_old": "medium"}, {"old_tls": True}),
    Row("aiosmtpd", "AUTH in clear, no TLS", IN_CLEAR | {"auth.in_clear": "high", "tls.absent": "medium"},
        {"auth": True}, tls=None),
]


def aiosmtpd(field, rows):
    """One process for all rows."""
    told, files = [], []
    for row in rows:
        how = field.filled(row)
        known = how.get("known") or row.known
        files += [field.certificate(row)] if row.tls else []
        told.append(
            {
                "name": row.host,
                "address": field.address(row),
                "port": row.port,
                "known": known,
                "next_port": field.canary_port,
                "certificate": files[-1].name if row.tls else "",
                "auth": how.get("auth", False),
                "old_tls": how.get("old_tls", False),
            }
        )
    servers.aiosmtpd_rows(field.peers, json.dumps(told), files)


GATEPOST = [
    Row("Gatepost", "safe", {}),
    Row("Gatepost", "safe", {}, {"service": "submission"}, port=587),
    Row("Gatepost", "safe", {}, {"service": "submission", "tls": "implicit"}, port=465),
    Row("Gatepost", "expired certificate", {"cert.expired": "medium"}, tls="expired"),
    Row("Gatepost", "no TLS", NO_TLS, tls=None),
    Row("Gatepost", "safe", {}, own=True),
]


def gatepost(field, row):
    folder = field.folder / row.key
    folder.mkdir()
    local, domain = row.known.split("@")
    settings = {
        "hostname": row.host,
        "listen": [{"address": field.place(row), "service": "inbound", **field.filled(row)}],
        "domains": {domain: {"recipients": [local], "deliver": {"maildir": "mail/{domain}/{local}"}}},
        "users": {"file": gateway.make_users(folder, ("alice@demo.test", "secret"))},
    }
    if row.tls:
        certificate, key = field.halves(row)
        settings["tls"] = {"certificate": str(certificate), "key": str(key)}
    server = gateway.Gateway(folder, settings)
    field.cleanup.callback(server.stop)
    server.start(wait=False)


OURS = [
    Row("ours", "safe", {}),
    Row("ours", "reads on behind STARTTLS", {"starttls.injection": "high"}, {"injection": True}),
    Row("ours", "clear text behind the 220", {"starttls.clear_text": "medium"}, {"clear_behind": b"250 evil\r\n"}),
    Row("ours", "STARTTLS inside TLS", {"starttls.again": "low"}, {"again": True}),
    Row("ours", "a firewall strikes out STARTTLS", NO_TLS | {"smtp.rewritten": "medium"}, {"struck_out": True}),
    Row("ours", "no EHLO", {"smtp.no_esmtp": "low"}, {"no_esmtp": True}, tls=None),
    Row("ours", "a slow greeting", {"smtp.slow_greeting": "info"}, {"wait_s": 11}),
    Row("ours", "answers what nobody said", {"smtp.unasked": "medium"}, {"unasked": True}),
    Row("ours", "NTLM", {"auth.ntlm_leak": "low", "auth.in_clear": "low", "auth.on_relay_port": "low"}, {"ntlm": True}),
    Row("ours", "takes all mail and keeps it", {"smtp.open_relay": "medium"}, {"takes": True}),
    Row("ours", "LF.LF ends messages", SMUGGLED, {"ends": [b"\n.\n"]}, own=True),
    Row("ours", "CR.CR ends messages", SMUGGLED, {"ends": [b"\r.\r"]}, own=True),
    Row("ours", "Diffie-Hellman of 1024 bits", {"tls.exchange_weak": "medium"}, {"dh": True}, tls="rsa"),
    Row("ours", "closes at once", {"smtp.no_answer": "info"}, {"greeting": "554 no service"}, tls=None),
]  # fmt: skip


def ours(field, row):
    how = field.filled(row)
    if how.pop("dh", False):
        how["tls"] = field.short_dh
    certificate = field.certificate(row) if row.tls else None
    server = faulty.start(field.address(row), row.port, row.host, certificate=certificate, known=row.known, **how)
    field.cleanup.callback(server.server_close)
    field.cleanup.callback(server.shutdown)


STARTERS = {
    "Postfix": postfix,
    "postscreen": postscreen,
    "Exim": exim,
    "OpenSMTPD": opensmtpd,
    "Sendmail": sendmail,
    "Dovecot submission": submission,
    "aiosmtpd": aiosmtpd,
    "Gatepost": gatepost,
    "ours": ours,
}
TOGETHER = {"Postfix", "OpenSMTPD", "aiosmtpd"}  # started once, with all its rows
ROWS = [*POSTFIX, *POSTSCREEN, *EXIM, *OPENSMTPD, *SENDMAIL, *SUBMISSION, *AIOSMTPD, *GATEPOST, *OURS]


def key_digest(certificate):
    """SHA-256 of the public key, as a TLSA record of selector 1 has it."""
    public = subprocess.run(["openssl", "pkey", "-in", certificate, "-pubout", "-outform", "DER"], check=True,
                            capture_output=True).stdout  # fmt: skip
    return hashlib.sha256(public).hexdigest()


class Field:
    def __init__(self, peers, folder, rows):
        self.peers, self.folder, self.rows = peers, folder, rows
        self.authority = Authority(folder)
        self.canary_port, self.canaries = free_port(), folder / "arrived"
        self.key_digests, self.lock = {}, threading.Lock()
        self.cleanup = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            undo.callback(self.peers.stop)
            undo.callback(self.cleanup.close)
            self.start()
            undo.pop_all()
        return self

    def __exit__(self, *_):
        self.cleanup.close()
        self.peers.stop()

    def start(self):
        argv = [gateway.PROGRAM, "sink", "--listen", f"127.0.0.1:{self.canary_port}", "--canary", self.canaries, "-q"]
        sink = subprocess.Popen(argv)
        self.cleanup.callback(sink.wait)
        self.cleanup.callback(sink.terminate)
        wait_for_port(self.canary_port)
        self.leave_home()
        servers_here = dict.fromkeys(row.server for row in self.rows)
        with concurrent.futures.ThreadPoolExecutor(STARTS_AT_ONCE) as pool:
            list(pool.map(self.start_all_of, servers_here))
        for row in self.rows:
            if row.server == "ours":  # whose first connection counts
                continue
            try:
                wait_for_port(row.port, self.address(row))
            except OSError:
                raise AssertionError(f"{row.key} does not listen: {self.outputs()}") from None
        self.zone = self.write("zone.json", json.dumps(self.names()))

    def start_all_of(self, server):
        rows = [row for row in self.rows if row.server == server]
        if server in TOGETHER:
            STARTERS[server](self, rows)
            return
        for row in rows:
            STARTERS[server](self, row)

    def outputs(self):
        """The end of what each server has said."""
        return "\n".join(f"{peer.work.name}: {peer.output()[-500:]}" for peer in self.peers.running)

    def leave_home(self):
        """Some servers trust 127.0.0.1 whatever they are told: the scanner's address is another one."""
        route = ["local", f"{NETWORK}.0.0/16", "dev", "lo", "src", SCANNER]
        subprocess.run(["ip", "route", "replace", *route], check=True)
        self.cleanup.callback(subprocess.run, ["ip", "route", "del", *route], check=False)

    # --- what a server is given ---

    def address(self, row):
        return f"{NETWORK}.{row.port % 250}.{self.rows.index(row) + 1}"

    def place(self, row):
        return f"{self.address(row)}:{row.port}"

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def filled(self, row):
        """What the row has for its server, with its names in it."""
        names = {"$domain": row.domain, "$host": row.host}

        def fill(value):
            for name, text in names.items():
                value = value.replace(name, text) if isinstance(value, str) else value
            return value

        return {key: fill(value) for key, value in (row.how or {}).items()}

    def certificate(self, row):
        """A file with the certificate and its key."""
        name = "elsewhere.test" if row.tls == "wrong name" else row.host
        with self.lock:  # one request at a time
            path = self.authority.issue(name, **CERTIFICATES[row.tls])
        if row.tlsa == "match":
            self.key_digests[row] = key_digest(path)
        return path

    def halves(self, row):
        """A file with the certificate, and one with its key."""
        pem = self.certificate(row).read_text(encoding="ascii")
        at = re.search(r"-----BEGIN (\w+ )?PRIVATE KEY", pem).start()
        certificate, key = self.write(f"{row.key}.crt", pem[:at]), self.write(f"{row.key}.key", pem[at:])
        key.chmod(0o600)
        return certificate, key

    def short_dh(self, context):
        """Makes a context one whose key exchange is of 1024 bits."""
        path = self.folder / "dh.pem"
        argv = ["openssl", "genpkey", "-genparam", "-algorithm", "DHX", "-pkeyopt", "dh_rfc5114:1", "-out", path]
        subprocess.run(argv, check=True, capture_output=True)
        context.set_ciphers("DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_dh_params(path)

    # --- what the scanner is given ---

    def environment(self):
        """Its own keys stay in the folder."""
        return {**os.environ, "XDG_STATE_HOME": str(self.folder)}

    def names(self):
        world = {OWN: {"MX": [[10, row.host] for row in self.rows if row.own]}}
        world["elsewhere.test"] = {"MX": [[10, "mx.elsewhere.test"]]}
        world["mx.elsewhere.test"] = {"A": ["192.0.2.1"]}
        for row in self.rows:
            address = self.address(row)
            back = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
            world[row.host] = {"A": [address], "secure": True}
            if row.tlsa:
                digest = self.key_digests[row] if row.tlsa == "match" else "0123456789abcdef" * 4
                world[f"_{row.port}._tcp.{row.host}"] = {"TLSA": [[3, 1, 1, digest]], "secure": True}
            if row.reverse != "none":
                world[back] = {"PTR": [row.reverse or row.host]}
            if not row.own:
                mx = "mx.elsewhere.test" if row.elsewhere else row.host
                world[row.domain] = {"MX": [[10, mx]], "secure": True}
        return world

    def targets(self):
        named = [f"{row.domain}:{row.port}" for row in self.rows if not row.bare]
        return [*dict.fromkeys(named), *(self.place(row) for row in self.rows if row.bare)]

