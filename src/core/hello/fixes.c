/* SPDX-License-Identifier: Apache-2.0 */
#include "core/finding/fix.h"
#include "core/hello/findings.h"

static const struct gp_finding_fix fixes[] = {
	{"tls.version.no_*", NULL,
	 "update the server and its TLS library, and take out what forbids the version"},
	{"tls.version.*", "Postfix",
	 "main.cf: smtpd_tls_protocols = >=TLSv1.2\n"
	 "main.cf: smtpd_tls_mandatory_protocols = >=TLSv1.2\n"
	 "before 3.6 both: !SSLv2, !SSLv3, !TLSv1, !TLSv1.1"},
	{"tls.version.*", "Exim",
	 "with OpenSSL, main section: openssl_options = +no_sslv2 +no_sslv3 +no_tlsv1 "
	 "+no_tlsv1_1\n"
	 "with GnuTLS, main section: tls_require_ciphers = "
	 "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
	{"tls.version.*", "Dovecot", "dovecot.conf: ssl_min_protocol = TLSv1.2"},
	{"tls.version.*", "Sendmail",
	 "sendmail.mc, below LOCAL_CONFIG: O ServerSSLOptions=+SSL_OP_NO_SSLv2 +SSL_OP_NO_SSLv3 "
	 "+SSL_OP_NO_TLSv1 +SSL_OP_NO_TLSv1_1"},
	{"tls.version.*", "Exchange",
	 "registry, below SecurityProviders\\SCHANNEL\\Protocols, VERSION\\Server: Enabled = 0, "
	 "DisabledByDefault = 1"},
	{"tls.version.*", "Haraka", "config/tls.ini: minVersion=TLSv1.2"},
	{"tls.version.*", NULL, "allow TLS 1.2 and TLS 1.3 only"},

	{"tls.cipher.anon", "Postfix", "main.cf: smtpd_tls_exclude_ciphers = aNULL"},
	{"tls.cipher.no_forward_secrecy", "Postfix",
	 "main.cf: smtpd_tls_exclude_ciphers = kRSA, kDH, kECDH"},
	{"tls.cipher.no_aead", NULL,
	 "update the TLS library, and allow suites with GCM or CHACHA20-POLY1305"},
	{"tls.cipher.*", "Postfix",
	 "main.cf: smtpd_tls_ciphers = medium\n"
	 "main.cf: smtpd_tls_mandatory_ciphers = medium\n"
	 "main.cf: smtpd_tls_exclude_ciphers = eNULL, EXPORT, RC4, RC2, DES, 3DES, IDEA, MD5"},
	{"tls.cipher.*", "Exim",
	 "with OpenSSL, main section: tls_require_ciphers = "
	 "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL\n"
	 "with GnuTLS, main section: tls_require_ciphers = SECURE192:+SECURE128:-RSA:-VERS-ALL:"
	 "+VERS-TLS1.3:+VERS-TLS1.2"},
	{"tls.cipher.*", "Dovecot",
	 "dovecot.conf: ssl_cipher_list = ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL"},
	{"tls.cipher.*", "OpenSMTPD",
	 "smtpd.conf: smtp ciphers \"ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL\""},
	{"tls.cipher.*", "Sendmail",
	 "sendmail.mc, below LOCAL_CONFIG: O "
	 "CipherList=ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL"},
	{"tls.cipher.*", "Exchange", "Disable-TlsCipherSuite -Name SUITE"},
	{"tls.cipher.*", "Haraka",
	 "config/tls.ini: ciphers=ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL"},
	{"tls.cipher.*", NULL,
	 "allow ECDHE and DHE with AES-GCM or CHACHA20-POLY1305 (RFC 9325 section 4.2)"},

	{"tls.dh.small", "Postfix",
	 "main.cf: smtpd_tls_dh1024_param_file = auto\n"
	 "before 3.7: a file made by openssl dhparam 2048"},
	{"tls.dh.small", "Exim", "main section: tls_dhparam = ffdhe2048"},
	{"tls.dh.small", "Dovecot",
	 "dovecot.conf: ssl_dh = </etc/dovecot/dh.pem, made by openssl dhparam 2048"},
	{"tls.dh.small", "Sendmail", "sendmail.mc: define(`confDH_PARAMETERS', `2')dnl"},
	{"tls.dh.small", "Haraka", "config/tls.ini: dhparam=FILE, made by openssl dhparam 2048"},
	{"tls.dh.small", NULL, "give it a group of 2048 bits, or leave DHE to ECDHE"},
	{"tls.curve.weak", "Postfix",
	 "main.cf: tls_eecdh_auto_curves = X25519 X448 prime256v1 secp384r1"},
	{"tls.curve.weak", "Exim", "main section: tls_eccurve = auto"},
	{"tls.curve.weak", "Dovecot", "dovecot.conf: ssl_curve_list = X25519:P-256:P-384"},
	{"tls.curve.weak", NULL, "allow X25519, P-256 and P-384"},

	{"tls.compression", "Postfix", "main.cf: tls_ssl_options = NO_COMPRESSION"},
	{"tls.compression", "Dovecot", "dovecot.conf: ssl_options without compression"},
	{"tls.compression", NULL, "turn TLS's compression off, or update the TLS library"},
	{"tls.order", "Postfix", "main.cf: tls_preempt_cipherlist = yes"},
	{"tls.order", "Exim",
	 "with OpenSSL, main section: openssl_options = +cipher_server_preference"},
	{"tls.order", "Dovecot", "dovecot.conf: ssl_prefer_server_ciphers = yes"},
	{"tls.order", "Sendmail",
	 "sendmail.mc, below LOCAL_CONFIG: O ServerSSLOptions=+SSL_OP_CIPHER_SERVER_PREFERENCE"},
	{"tls.renegotiation", NULL, "update the TLS library"},
	{"tls.fallback", NULL, "update the TLS library, or allow the newest version only"},
	{"tls.intolerant", NULL, "update the TLS library, or what stands before the server"},
};

const char *
gp_survey_fix(const char *kind_id, const char *software)
{
	return gp_finding_fix(fixes, GP_ARRAY_LEN(fixes), kind_id, software);
}
