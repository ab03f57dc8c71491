/* SPDX-License-Identifier: Apache-2.0 */
/* What to do, as the lines of each server's own configuration. */
#include "core/finding/fix.h"
#include "core/probe/findings.h"

static const struct gp_finding_fix fixes[] = {
	{"smtp.open_relay", "Postfix",
	 "main.cf: smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, "
	 "defer_unauth_destination\n"
	 "main.cf: mynetworks = 127.0.0.0/8 [::1]/128"},
	{"smtp.open_relay", "Exim",
	 "main section: hostlist relay_from_hosts = 127.0.0.1 : ::1\n"
	 "acl_smtp_rcpt, before its last accept: require message = relay not permitted\n"
	 "                                       domains = +local_domains : +relay_to_domains"},
	{"smtp.open_relay", "OpenSMTPD",
	 "smtpd.conf: match from any for domain <domains> action \"local\"\n"
	 "smtpd.conf: match auth from any for any action \"relay\"\n"
	 "and no other rule from any for any"},
	{"smtp.open_relay", "Sendmail",
	 "sendmail.mc: take out FEATURE(`promiscuous_relay') and FEATURE(`relay_local_from')\n"
	 "access: RELAY for addresses of your own networks alone"},
	{"smtp.open_relay", "Exchange",
	 "Get-ADPermission \"CONNECTOR\" | Where-Object { $_.ExtendedRights -like "
	 "\"ms-Exch-SMTP-Accept-Any-Recipient\" -and $_.User -like \"*ANONYMOUS*\" } | "
	 "Remove-ADPermission"},
	{"smtp.open_relay", NULL,
	 "take mail from strangers for your own domains only; let others send after AUTH, and "
	 "check "
	 "that a proxy or NAT before the server does not make all of them look like neighbours"},

	{"tls.absent", "Postfix",
	 "main.cf: smtpd_tls_security_level = may\n"
	 "main.cf: smtpd_tls_chain_files = /etc/ssl/private/KEY_AND_CHAIN.pem"},
	{"tls.absent", "Exim",
	 "main section: tls_advertise_hosts = *\n"
	 "main section: tls_certificate = /etc/exim4/exim.crt\n"
	 "main section: tls_privatekey = /etc/exim4/exim.key"},
	{"tls.absent", "OpenSMTPD",
	 "smtpd.conf: pki NAME cert \"/etc/ssl/NAME.crt\"\n"
	 "smtpd.conf: pki NAME key \"/etc/ssl/private/NAME.key\"\n"
	 "smtpd.conf: listen on ADDRESS tls pki NAME"},
	{"tls.absent", "Sendmail",
	 "sendmail.mc: define(`confCACERT_PATH', `/etc/ssl/certs')dnl\n"
	 "sendmail.mc: define(`confSERVER_CERT', `/etc/mail/tls/server.crt')dnl\n"
	 "sendmail.mc: define(`confSERVER_KEY', `/etc/mail/tls/server.key')dnl"},
	{"tls.absent", "Exchange",
	 "Enable-ExchangeCertificate -Thumbprint THUMBPRINT -Services SMTP"},
	{"tls.absent", NULL, "give the server a certificate and let it offer STARTTLS"},
	{"tls.broken", NULL,
	 "read the server's log about the handshake: a key that it cannot read, one that does not "
	 "fit the certificate, or nothing but old versions"},

	{"auth.in_clear", "Postfix", "main.cf: smtpd_tls_auth_only = yes"},
	{"auth.in_clear", "Exim",
	 "main section: auth_advertise_hosts = ${if def:tls_in_cipher {*}{}}"},
	{"auth.in_clear", "OpenSMTPD", "smtpd.conf: listen on ADDRESS tls-require pki NAME auth"},
	{"auth.in_clear", "Sendmail", "sendmail.mc: define(`confAUTH_OPTIONS', `A p y')dnl"},
	{"auth.in_clear", "Dovecot",
	 "dovecot.conf: disable_plaintext_auth = yes (auth_allow_cleartext = no from 2.4 on)\n"
	 "dovecot.conf: ssl = required"},
	{"auth.in_clear", "Exchange",
	 "Set-ReceiveConnector \"CONNECTOR\" -AuthMechanism Tls,BasicAuth,BasicAuthRequireTLS"},
	{"auth.in_clear", NULL, "offer AUTH inside TLS only"},
	{"auth.on_relay_port", "Postfix",
	 "main.cf: smtpd_sasl_auth_enable = no\n"
	 "master.cf, below submission and submissions: -o smtpd_sasl_auth_enable=yes"},
	{"auth.on_relay_port", "Exim",
	 "main section: auth_advertise_hosts = ${if eq{$received_port}{25} {}{*}}"},
	{"auth.on_relay_port", "OpenSMTPD", "smtpd.conf: no `auth` in the listen line of port 25"},
	{"auth.on_relay_port", NULL, "offer AUTH on 587 and 465 only"},
	{"auth.ntlm_leak", "Exchange",
	 "Set-ReceiveConnector \"CONNECTOR\" -AuthMechanism Tls,BasicAuth,BasicAuthRequireTLS"},
	{"auth.ntlm_leak", NULL, "take NTLM out of the mechanisms that strangers are offered"},

	{"starttls.injection", NULL,
	 "update the server: what was read in clear must be thrown away before the handshake "
	 "(Postfix 2.7.3, Exim 4.95, Dovecot 2.3.14.1 and their like)"},
	{"starttls.again", NULL, "update the server; RFC 3207 section 4.2 forbids it"},

	{"smtp.vrfy", "Postfix", "main.cf: disable_vrfy_command = yes"},
	{"smtp.vrfy", "Exim", "take acl_smtp_vrfy and acl_smtp_expn out, or let them deny"},
	{"smtp.vrfy", "Sendmail", "sendmail.mc: define(`confPRIVACY_FLAGS', `goaway')dnl"},
	{"smtp.vrfy", NULL, "answer VRFY and EXPN by 252, or not at all (RFC 5321 section 7.3)"},
	{"smtp.smuggling", "Postfix",
	 "main.cf: smtpd_forbid_bare_newline = normalize (3.5.24, 3.6.14, 3.7.10, 3.8.5 and "
	 "newer)"},
	{"smtp.smuggling", "Exim", "update to 4.97.1 or newer"},
	{"smtp.smuggling", "Sendmail", "update to 8.18.1 or newer"},
	{"smtp.smuggling", NULL,
	 "take nothing but CRLF.CRLF for an end of data; update the server"},
	{"smtp.xclient", "Postfix", "main.cf: smtpd_authorized_xclient_hosts ="},
	{"smtp.xclient", NULL, "offer XCLIENT and XFORWARD to your own proxies alone"},
	{"smtp.name", "Postfix", "main.cf: myhostname = NAME"},
	{"smtp.name", "Exim", "main section: primary_hostname = NAME"},
	{"smtp.name", "OpenSMTPD", "smtpd.conf: listen on ADDRESS hostname NAME"},
	{"smtp.name", "Sendmail", "sendmail.mc: define(`confDOMAIN_NAME', `NAME')dnl"},
	{"smtp.name", "Exchange", "Set-ReceiveConnector \"CONNECTOR\" -Fqdn NAME"},
	{"smtp.name", NULL, "let the server greet with the name that its address has in the DNS"},
	{"smtp.rewritten", NULL,
	 "turn off the inspection of SMTP in the firewall (Cisco: no inspect esmtp, or no fixup "
	 "protocol smtp 25)"},
	{"smtp.size_absent", "Postfix", "main.cf: message_size_limit = BYTES"},
	{"smtp.size_absent", "Exim", "main section: message_size_limit = SIZE"},
	{"smtp.size_absent", "Sendmail", "sendmail.mc: define(`confMAX_MESSAGE_SIZE', `BYTES')dnl"},
	{"smtp.size_absent", NULL, "offer SIZE, with the limit that you have"},
	{"smtp.unasked", NULL, "find out what else answers on this connection"},
	{"dns.fcrdns", NULL,
	 "have whoever the address belongs to enter a PTR record with the server's name, and give "
	 "that name an A or AAAA record with the address"},
	{"smtp.sees_private", NULL,
	 "let the proxy or NAT before the server keep the client's address (PROXY protocol, "
	 "externalTrafficPolicy: Local), or trust no address that it uses"},
};

const char *
gp_probe_fix(const char *kind_id, const char *software)
{
	return gp_finding_fix(fixes, GP_ARRAY_LEN(fixes), kind_id, software);
}
