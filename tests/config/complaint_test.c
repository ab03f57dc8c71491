/* SPDX-License-Identifier: Apache-2.0 */
/* Every mistake has a place, and words that help: yaml, and what is said about it. */
#include "config_test.h"

#define DOMAIN(rest) BASE "domains:\n  example.org:\n    recipients: [alice]\n" rest
#define DISCARD "    deliver: discard\n"

/* All octets of a digest but the last; as many of them as are shown. */
#define F28 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define F30 F28 "ffff"
#define F31 F30 "ff"
#define NO_DIGEST " is not a SHA-256 digest: 64 hexadecimal digits\n"

static const struct test_file files[] = {
	{"/etc/g/aliases", "# comment\n\nsales: alice,\n\tnobody@example.org\nbroken line\n"
			   "root: |/bin/sh\nall: :include:/etc/list, /var/tmp/x\nsales: alice\n"},
	{"/etc/g/recipients", "alice\n bob \n#carol\ndave@example.net\ne e\n\xff\n"},
	{"/etc/g/zone", "{\"\xff\": 1}"},
	{"/etc/g/good.pem", "-----BEGIN CERTIFICATE-----\n"},
	{"/etc/g/latin.pem", "friendlyName: M\xfcller\n-----BEGIN CERTIFICATE-----\n"},
	{"/etc/g/key.pem", "-----BEGIN PRIVATE KEY-----\n"},
	{"/etc/g/both.pem", "-----BEGIN CERTIFICATE-----\n-----BEGIN EC PRIVATE KEY-----\n"},
	{},
};

struct complaint_case {
	const char *yaml;
	const char *said; /* lines with their line feed */
};

static const struct complaint_case form[] = {
	{"",
	 "1:1: 'hostname' is missing. The full name of this server, as in its MX record: in the "
	 "greeting, EHLO and trace fields.\n"
	 "1:1: 'listen' is missing. Where clients connect to.\n"},
	{"[]", "1:1: the file takes keys of its own, as in `hostname: {hostname: ...}`\n"},
	{"[{a: b}]", "1:1: the file takes keys of its own, as in `hostname: {hostname: ...}`\n"},
	{"a: b: c", "1:5: not YAML: mapping values are not allowed in this context\n"},
	{BASE "log: {level: info\nuser: x", "4:5: not YAML: did not find expected ',' or '}' "
					    "(while parsing a flow mapping that begins in "
					    "line 3)\n"},
	{"a: \xff", "1:4: not YAML: invalid leading UTF-8 octet\n"},
	{"# \u00e4\nuser: \u00e4\xff", "2:8: not YAML: invalid leading UTF-8 octet\n"},
	{"\xef\xbb\xbfuser: \x01", "1:7: not YAML: control characters are not allowed\n"},
	{BASE "user: &x gatepost\n", "3:7: anchors (&), aliases (*) and tags (!) are not taken "
				     "here; text that begins with one of "
				     "these needs quotes\n"},
	{BASE "user: *x\n", "3:7: anchors (&), aliases (*) and tags (!) are not taken here; text "
			    "that begins with one of "
			    "these needs quotes\n"},
	{BASE "user: !!str x\n", "3:7: anchors (&), aliases (*) and tags (!) are not taken here; "
				 "text that begins with one of "
				 "these needs quotes\n"},
	{BASE "log:\n\tlevel: info\n",
	 "4:1: not YAML: found character that cannot start any token (while scanning for the next "
	 "token that begins in line 4); indent by spaces and not by tabs, and quote what begins "
	 "with @, ` or %\n"},
	{"\xef\xbb\xbf" BASE "quux: 1\n", "3:1: unknown key 'quux'\n"},
	{BASE "---\nuser: x\n", "3:1: a second document begins here; there can be only one\n"},
	{BASE "log: [[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]\n",
	 "3:21: nested more than 16 deep\n"},
};

static const struct complaint_case keys[] = {
	{BASE "relay_network: []\n", "3:1: unknown key 'relay_network'; did you mean "
				     "'relay_networks'?\n"},
	{BASE "limit:\n  hop: 50\n  hops: few\n",
	 "3:1: unknown key 'limit'; did you mean 'limits'?\n"
	 "4:3: unknown key 'hop'; did you mean 'hops'?\n"
	 "5:3: 'hops' was already given in line 4\n"},
	{BASE "quux: 1\n", "3:1: unknown key 'quux'\n"},
	{BASE "message_size: 1MB\n",
	 "3:1: 'message_size' does not belong here but below 'limits'\n"},
	{BASE "log:\n  workers: 3\n",
	 "4:3: 'workers' does not belong here but at the left margin\n"},
	{BASE "hostname: b\n", "3:1: 'hostname' was already given in line 1\n"},
	{BASE "log: verbose\n", "3:6: log takes keys of its own, as in `log: {format: ...}`\n"},
	{BASE "user: [a]\n", "3:7: user takes one value, not a list\n"},
	{BASE "user: {a: b}\n", "3:7: user takes one value, not a mapping\n"},
	{BASE "user:\n", "3:6: user has no value\n"},
	{BASE "? [a]\n: b\n", "3:3: a key takes one value, not a list\n"},
	{BASE "milters: []\nproxy: {}\ngreylist: {}\n",
	 "3:1: 'milters' is not supported by this version\n"
	 "4:1: 'proxy' is not supported by this version\n"
	 "5:1: 'greylist' is not supported by this version\n"},
	{BASE "web: {listen: \"[::]:80\"}\n",
	 "3:1: web: listen is not on loopback, so it needs a certificate below 'tls'\n"},
	{BASE "web: {listen: \"127.0.0.1:80\", policy_listen: \"127.0.0.1:80\"}\n",
	 "3:1: web: listen and policy_listen are the same\n"},
	{BASE "domains: {a.test: {recipients: any, deliver: discard, tls_rpt_https: true}}\n",
	 "3:1: domain 'a.test': what tls_rpt_https takes comes in on web.policy_listen, which is "
	 "not set\n"},
	{BASE "web: {proxied_role: root}\n",
	 "3:21: proxied_role: 'root' is not one of: read, admin\n"},
};

static const struct complaint_case hops[] = {
	{BASE "smarthost: {address: a.example, user: x}\n",
	 "3:1: smarthost: a user needs a password_file, token_file or token_url, and these a "
	 "user\n"},
	{BASE "smarthost: {address: a.example, token_file: key.pem}\n",
	 "3:1: smarthost: a user needs a password_file, token_file or token_url, and these a "
	 "user\n"},
	{BASE "smarthost: {address: a.example, user: x, password_file: nothing}\n",
	 "3:57: cannot read /etc/g/nothing: No such file or directory\n"},
	{BASE "smarthost: {address: a.example, user: \"a\\nb\", password_file: key.pem}\n",
	 "3:39: user takes 1 to 512 octets without control characters\n"},
	{BASE "smarthost: {address: a.example, user: x, password_file: key.pem, tls: may}\n",
	 "3:1: smarthost: 'tls: may' would tell the user's secret to anybody; take verify, or at "
	 "least encrypt\n"},
	{BASE "smarthost: {address: a.example, user: x, password_file: key.pem, tls: none}\n",
	 "3:1: smarthost: 'tls: none' would tell the user's secret to anybody; take verify, or at "
	 "least encrypt\n"},
	{BASE "smarthost: {address: a.example, user: x, login: scram, token_file: secret}\n",
	 "3:1: smarthost: login is about a password, and there is none\n"
	 "3:68: cannot read /etc/g/secret: No such file or directory\n"},
	{BASE "smarthost: {address: a.example, user: x, token_url: \"https://b.example\"}\n",
	 "3:1: smarthost: token_url goes with client_id and client_secret_file\n"},
	{BASE "smarthost: {address: a.example, client_id: x}\n",
	 "3:1: smarthost: token_url goes with client_id and client_secret_file\n"},
	{BASE "smarthost: {address: a.example, user: x, password_file: key.pem,\n"
	      "  token_url: \"http://b.example/\"}\n",
	 "4:14: 'http://b.example/' is not a URL such as https://login.example.net/token\n"},
	{BASE "smarthost: {address: a.example, user: x, password_file: key.pem,\n"
	      "  token_url: \"https://b..example/\"}\n",
	 "4:14: 'b..example' is not a domain name\n"},
	{BASE "smarthost: {address: a.example, user: x, password_file: key.pem,\n"
	      "  token_url: \"https://b.example:444/\"}\n",
	 "4:14: 'b.example:444' is not a domain name\n"},
	{BASE "smarthost: {user: x, password_file: key.pem}\n",
	 "3:1: smarthost: 'address' is missing\n"},
	{DOMAIN(DISCARD) "srs: {domain: example.net, secret_file: key.pem}\n",
	 "7:1: srs: 'example.net' is none of 'domains', so bounces could not come back\n"},
	{DOMAIN(DISCARD) "arc: {seal: all}\n", "7:1: arc: seal needs a domain to seal as\n"},
	{DOMAIN(DISCARD) "arc: {seal: forwarded, domain: example.net}\n",
	 "7:1: arc: 'example.net' is none of 'domains', so it has no keys\n"},
	{DOMAIN(DISCARD) "arc: {seal: 1}\n",
	 "7:13: seal: '1' is not one of: none, forwarded, all\n"},
	{DOMAIN(DISCARD) "reports: {received_database: \"host=/run/postgresql\"}\n",
	 "7:1: reports: received_database is no postgresql://... URL\n"},
	{DOMAIN(DISCARD) "reports: {received_database: \"postgresql://gate:secret@db/reports\"}\n",
	 "7:1: reports: received_database has a password in it; it belongs into a file that "
	 "passfile= names\n"},
	{DOMAIN(DISCARD) "reports: {received_database: "
			 "\"postgres://gate@db:5432/reports?sslmode=verify-full&password=x\"}\n",
	 "7:1: reports: received_database has a password in it; it belongs into a file that "
	 "passfile= names\n"},
	{DOMAIN(DISCARD) "reports: {received_database: "
			 "\"postgres://gate@db/reports?sslkey=k.pem&sslpassword=x\"}\n",
	 "7:1: reports: received_database has a password in it; it belongs into a file that "
	 "passfile= names\n"},
	{DOMAIN(DISCARD) "srs: {domain: example.org}\n",
	 "7:1: srs: domain and secret_file go together\n"},
	{DOMAIN(DISCARD) "srs: {previous_file: key.pem}\n",
	 "7:1: srs: previous_file goes with secret_file\n"},
	{DOMAIN(DISCARD) "srs: {domain: example.org, secret_file: nothing}\n",
	 "7:41: cannot read /etc/g/nothing: No such file or directory\n"},
	{BASE "smarthost: {tls: implicit}\n", "3:1: smarthost: 'address' is missing\n"},
	{BASE "destinations: {a..b: {tls: verfy}, A.example: {tls: implicit}, a.example: x}\n",
	 "3:16: 'a..b' is not a domain name\n"
	 "3:28: tls: 'verfy' is not known; did you mean 'verify'?\n"
	 "3:53: tls: 'implicit' is not one of: may, none, encrypt, verify, dane-only\n"
	 "3:64: 'a.example' was already given in line 3\n"
	 "3:64: destinations takes keys of its own, as in `destinations: {tls: ...}`\n"},
	{BASE "destinations: {a.example: {fingerprints: [\"ab:cd\", \"" F31 "fg\", \"" F31
	      "f:f\", \"" F31 "ff0\", \"" F31 "ff:\", \"ab::" F31 "\"]}}\n",
	 "3:43: 'ab:cd'" NO_DIGEST "3:52: '" F30 "'" NO_DIGEST "3:120: '" F30 "'" NO_DIGEST
	 "3:189: '" F30 "'" NO_DIGEST "3:258: '" F30 "'" NO_DIGEST "3:327: 'ab::" F28
	 "'" NO_DIGEST},
	{BASE "destinations: {a.example: {tls: verify, fingerprints: [" F31 "ff]}}\n",
	 "3:16: fingerprints are the proof, and leave nothing for 'tls' to say\n"},
	{BASE "destinations: {a.example: {fingerprints: " F31 "ff}}\n",
	 "3:42: fingerprints takes a list, as in `fingerprints: [\"6f:70:...\"]`\n"},
	{BASE "authentication: {dmarc: reject, spf: on, from: refused, exempt: [a]}\n",
	 "3:25: dmarc: 'reject' is not one of: enforce, quarantine, tag, off\n"
	 "3:38: spf: 'on' is not one of: tag, enforce\n"
	 "3:48: from: 'refused' is not known; did you mean 'refuse'?\n"
	 "3:66: 'a' is not a network: write 192.0.2.0/24 or 2001:db8::/32\n"},
	{BASE "authentication: {overrides: {a.test: tag, A.test: {dmarc: tag}, b.test: {}, c..d: "
	      "{dmarc: x}}}\n",
	 "3:30: overrides takes keys of its own, as in `overrides: {dmarc: ...}`\n"
	 "3:43: 'a.test' was already given in line 3\n"
	 "3:65: 'dmarc' is missing. As `authentication.dmarc`.\n"
	 "3:77: 'c..d' is not a domain name\n"
	 "3:91: dmarc: 'x' is not one of: enforce, quarantine, tag, off\n"},
	{BASE "authentication: {exempt: 192.0.2.0/24}\n",
	 "3:26: exempt takes a list, as in `exempt: [\"192.0.2.0/24\"]`\n"},
	{BASE "authentication: {trusted_sealers: a.test}\n",
	 "3:35: trusted_sealers takes a list, as in `trusted_sealers: [\"lists.example\", "
	 "\".forwarder.example\"]`\n"},
	{BASE "authentication: {trusted_sealers: [a.test, \"\", A.test, .a.test]}\n",
	 "3:44: '' is not a domain name\n"
	 "3:48: 'a.test' was already given in line 3\n"},
	{BASE "limits: {header_size: 300KiB, header_fields: 1001}\n",
	 "3:23: header_size is out of bounds: 16KB to 256KiB are possible\n"
	 "3:46: header_fields is out of bounds: 50 to 1000 are possible\n"},
	/* a demand that a route would pass by */
	{BASE "routes: {.example: h.test}\ndestinations: {x.example: {tls: verify}}\n",
	 "4:1: destinations: mail to 'x.example' goes by a route to 'h.test'; say there what TLS "
	 "has "
	 "to be like\n"},
	{BASE "routes: {x.example: 192.0.2.7}\ndestinations: {x.example: {tls: verify}}\n",
	 "4:1: destinations: mail to 'x.example' goes by a route to '192.0.2.7'; say there what "
	 "TLS "
	 "has to be like\n"},
};

#define OURS BASE "domains:\n  a.example:\n    recipients: any\n    deliver: discard\n"

static const struct complaint_case values[] = {
	{OURS "    mta_sts: {mode: enforced, max_age: 1s, mx: []}\n",
	 "7:21: mode: 'enforced' is not known; did you mean 'enforce'?\n"
	 "7:40: max_age is out of bounds: 1m to 8766h are possible\n"
	 "7:48: mx takes a list of 1 to 100 names\n"},
	{OURS "    mta_sts: {mx: [a.example, \"*.*.example\", \"*\", [x]]}\n",
	 "7:31: '*.example' is not a domain name\n7:46: '*' is not a domain name\n"
	 "7:51: a name takes one value, not a list\n"},
	{OURS "    tls_rpt: postmaster@a.example\n",
	 "7:14: 'postmaster@a.example' is not a list of mailto: and https: URIs\n"},
	{OURS "    tls_rpt: \"mailto:a@a.example; x=y\"\n",
	 "7:14: 'mailto:a@a.example; x=y' is not a list of mailto: and https: URIs\n"},
	{OURS "    reports: [a, b]\n", "7:14: reports takes one value, not a list\n"},
	{OURS "    reports: x@b.example\n", "7:14: 'x@b.example' is not in a.example\n"},
	{OURS "    reports: \"a b\"\n",
	 "7:14: 'a b' is not an address: something follows the address\n"},
	{BASE "limits: {message_size: 25MO}\n",
	 "3:24: message_size: '25MO' is not a size such as 4096, 25MB or 256KiB\n"},
	{BASE "limits: {message_size: -1}\n",
	 "3:24: message_size: '-1' is not a size such as 4096, 25MB or 256KiB\n"},
	{BASE "limits: {message_size: 99999999999GB}\n",
	 "3:24: message_size: '99999999999GB' is not a size such as 4096, 25MB or 256KiB\n"},
	{BASE "limits: {message_size: 5GB}\n",
	 "3:24: message_size is out of bounds: 64KB to 2GB are possible\n"},
	{BASE "limits: {recipients: 99}\n",
	 "3:22: recipients is out of bounds: 100 to 100000 are possible\n"},
	{BASE "limits: {hops: 50B}\n", "3:16: hops: '50B' is not a number\n"},
	{BASE "retry: {first: 5}\n",
	 "3:16: first: '5' is not a time such as 500ms, 30s, 5m, 4h or 5d\n"},
	{BASE "retry: {first: 5min}\n",
	 "3:16: first: '5min' is not a time such as 500ms, 30s, 5m, 4h or 5d\n"},
	{BASE "retry: {first: 5h}\n", "3:1: retry: first must not be over max, nor max over for\n"},
	{BASE "concurrency: {start: 30}\n", "3:1: concurrency: start must not be over max\n"},
	{BASE "greet_wait: 31s\n", "3:13: greet_wait is out of bounds: 0 to 30s are possible\n"},
	{BASE "log: {level: wraning, format: xml}\n",
	 "3:14: level: 'wraning' is not known; did you mean 'warning'?\n"
	 "3:31: format: 'xml' is not one of: text, json\n"},
	{BASE "log: {level: Info}\n", "3:14: level: 'Info' is not known; did you mean 'info'?\n"},
	{"hostname: 192.0.2.1\nlisten: [{address: \"192.0.2.1:25\"}]\n",
	 "1:11: '192.0.2.1' is an address, but this takes a name, such as mx.example.org\n"},
	{"hostname: mx..example.org\nlisten: [{address: \"192.0.2.1:25\"}]\n",
	 "1:11: 'mx..example.org' is not a domain name\n"},
	{BASE "auth: {dovecot: /run/x}\n", "3:17: dovecot takes \"unix:PATH\"\n"},
	{BASE "auth: {dovecot: \"unix:\"}\n",
	 "3:17: dovecot: a socket's path has 1 to 107 octets\n"},
	{BASE "auth: {failures: 0}\n", "3:18: failures is out of bounds: 1 to 1000 are possible\n"},
	{BASE "auth: {oauth: {jwks: {text: x}, issuer: i}}\n",
	 "3:1: auth: oauth needs issuer and audience beside jwks\n"},
	{BASE "auth: {oauth: {jwks: {text: x}, issuer: i, audience: a,\n"
	      "  introspection_url: \"https://b.example/\", client_id: me, client_secret_file: "
	      "secret}}\n",
	 "3:1: auth: oauth has jwks or introspection_url, not both\n"
	 "4:79: cannot read /etc/g/secret: No such file or directory\n"},
	{BASE "auth: {oauth: {introspection_url: \"https://b.example/\", client_id: me}}\n",
	 "3:1: auth: introspection_url goes with client_id and client_secret_file\n"},
	{BASE "auth: {oauth: {client_secret_file: secret}}\n",
	 "3:1: auth: introspection_url goes with client_id and client_secret_file\n"
	 "3:36: cannot read /etc/g/secret: No such file or directory\n"},
	{BASE "auth: {oauth: {issuer: \"a\\tb\"}}\n",
	 "3:24: issuer takes 1 to 512 octets without control characters\n"},
	{BASE "user: \"a b\"\n", "3:7: 'a b' is not a user name\n"},
	{BASE "reports: {from: tlsrpt}\n",
	 "3:17: 'tlsrpt' is not an address such as name@example.org\n"},
	{BASE "reports: {from: \"a@[192.0.2.1]\"}\n",
	 "3:17: 'a@[192.0.2.1]' is not an address such as name@example.org\n"},
	{BASE "reports: {organization: \"\"}\n",
	 "3:25: organization takes 1 to 512 octets without control characters\n"},
	{BASE "reports: {organization: \"a\\nb\"}\n",
	 "3:25: organization takes 1 to 512 octets without control characters\n"},
	{BASE "reports: {tls_interval: 2d}\n",
	 "3:25: tls_interval is out of bounds: 1s to 1d are possible\n"},
	{BASE "reports: {dmarc_interval: 2d}\n",
	 "3:27: dmarc_interval is out of bounds: 1s to 1d are possible\n"},
	{BASE "reports: {failure: true}\n", "3:20: failure: 'true' is not one of: off, on\n"},
	{BASE "reports: {failure_window: 2h}\n",
	 "3:27: failure_window is out of bounds: 1s to 1h are possible\n"},
	{BASE "reports: {failure_per_hour: 0}\n",
	 "3:29: failure_per_hour is out of bounds: 1 to 1000 are possible\n"},
	{BASE "reports: {dmarc_size: 2MB}\n",
	 "3:23: dmarc_size is out of bounds: 1KB to 1MB are possible\n"},
	{BASE "state: \"a\\tb\"\n",
	 "3:8: not a path: 1 to 1024 octets without control characters\n"},
	{"hostname: a.example\nlisten:\n  - {address: \"localhost:25\"}\n  - {address: \"[::1]\"}\n"
	 "  - {address: \"::1:25\", service: inbuond}\n  - {address: \"192.0.2.1:70000\"}\n"
	 "  - {address: \"192.0.2.1:25\", tls: implict}\n  - {address: \"192.0.2.1:25\"}\n  - x\n",
	 "3:15: 'localhost:25' is a name, but this takes an address, such as 192.0.2.1:25\n"
	 "4:15: '[::1]' has no port: write HOST:PORT\n"
	 "5:15: '::1:25' needs brackets around its IPv6 address: [2001:db8::1]:25\n"
	 "5:34: service: 'inbuond' is not known; did you mean 'inbound'?\n"
	 "6:15: '192.0.2.1:70000' has no port of 1 to 65535 behind its colon\n"
	 "7:36: tls: 'implict' is not known; did you mean 'implicit'?\n"
	 "8:5: '192.0.2.1:25' is already listened at\n"
	 "9:5: listen takes keys of its own, as in `listen: {address: ...}`\n"},
	{BASE "dns: {server: resolver.example}\n",
	 "3:15: 'resolver.example' is a name, but this takes an address, such as 192.0.2.1:25\n"},
	{BASE "dns: {answers: nothing}\n",
	 "3:16: cannot read /etc/g/nothing: No such file or directory\n"},
	{BASE "dns: {answers: zone}\n", "/etc/g/zone:1:1: not UTF-8\n"},
	{BASE "routes: {a..b: h, c.example: \"h:\", \".\": h, C.example: 300.1.1.1}\n",
	 "3:10: 'a..b' is not a domain name\n"
	 "3:30: 'h:' has no port of 1 to 65535 behind its colon\n"
	 "3:36: '' is not a domain name\n"
	 "3:44: 'c.example' was already given in line 3\n"
	 "3:55: '300.1.1.1' is neither a host name nor an address\n"},
};

static const struct complaint_case tls[] = {
	{BASE "tls: {certificate: no.pem, key: key.pem}\n",
	 "3:20: cannot read /etc/g/no.pem: No such file or directory\n"},
	{BASE "tls: {certificate: good.pem, key: [no.pem]}\n",
	 "3:36: cannot read /etc/g/no.pem: No such file or directory\n"},
	{BASE "tls: {certificate: zone, key: key.pem}\n",
	 "/etc/g/zone:1:1: holds no certificate in PEM\n"},
	{BASE "tls: {certificate: [{text: hello}], key: key.pem}\n",
	 "3:21: holds no certificate in PEM\n"},
	{BASE "tls: {certificate: both.pem, key: both.pem}\n",
	 "/etc/g/both.pem:1:1: holds a private key; certificate takes a file of certificates "
	 "alone, and key the other\n"},
	{BASE "tls: {certificate: latin.pem, key: key.pem}\n", "/etc/g/latin.pem:1:1: not UTF-8\n"},
	{BASE "tls: {certificate: good.pem}\n",
	 "3:1: tls: 1 certificates and 0 keys; each certificate needs its key\n"},
	{BASE "tls: {key: key.pem}\n",
	 "3:1: tls: 0 certificates and 1 keys; each certificate needs its key\n"},
	{BASE "tls: {certificate: [good.pem, good.pem], key: [key.pem]}\n",
	 "3:1: tls: 2 certificates and 1 keys; each certificate needs its key\n"},
	{BASE "tls: {certificate: {file: good.pem}, key: {file: key.pem}}\n",
	 "3:20: file takes one value, not a mapping\n"
	 "3:43: key takes one value, not a mapping\n"},
	{"hostname: a.example\nlisten: [{address: \"192.0.2.1:465\", tls: implicit}]\n",
	 "2:1: listen: 'tls: implicit' needs a certificate below 'tls'\n"},
};

static const struct complaint_case networks[] = {
	{BASE "relay_networks: [10.0.0.1/8]\n",
	 "3:18: '10.0.0.1/8' has bits behind its prefix; did you mean '10.0.0.0/8'?\n"},
	{BASE "relay_networks: [10.0.0.0/33, \"2001:db8::/129\", 10.0.0/8]\n",
	 "3:18: '10.0.0.0/33' has no prefix length of 0 to 32\n"
	 "3:31: '2001:db8::/129' has no prefix length of 0 to 128\n"
	 "3:49: '10.0.0/8' is not a network: write 192.0.2.0/24 or 2001:db8::/32\n"},
	{BASE "relay_networks: {a: b}\n",
	 "3:17: relay_networks takes a list, as in `relay_networks: [\"127.0.0.0/8\", "
	 "\"::1/128\"]`\n"},
	{BASE "relay_networks: [0.0.0.0/2, 128.0.0.0/2]\n",
	 "3:17: relay_networks would together relay for half the Internet\n"},
	{BASE "relay_networks: [0.0.0.0/2, 64.0.0.0/3, 128.0.0.0/4, 144.0.0.0/4, 10.0.0.0/8]\n",
	 "3:17: relay_networks would together relay for half the Internet\n"},
};

static const struct complaint_case domains[] = {
	{BASE "domains: {example.org: }\n",
	 "3:11: 'recipients' is missing. The local parts that exist: a list, or {file: PATH} with "
	 "one a "
	 "line, or any. Whoever is not among them or the aliases is refused at the door. Case does "
	 "not "
	 "matter.\n"
	 "3:11: 'deliver' is missing. Where the mail goes: {maildir: PATH}, {lmtp: \"unix:PATH\" "
	 "or "
	 "\"HOST:PORT\"}, {relay: \"HOST:PORT\"}, or discard.\n"},
	{BASE "domains: {\"*\": {recipients: any, deliver: discard}}\n",
	 "3:11: '*': a pattern would make domains of others ours; name each one\n"},
	{BASE "domains: {\"b\\u00fccher.example\": {recipients: any, deliver: discard},\n"
	      "  XN--BCHER-KVA.example: {recipients: any, deliver: discard}}\n",
	 "4:3: 'xn--bcher-kva.example' was already given in line 3\n"},
	{BASE "domains: {a.example: {recipients: some, deliver: nowhere}}\n",
	 "3:35: recipients takes a list, {file: PATH} or any\n"
	 "3:50: deliver is {maildir: PATH}, {lmtp: TARGET}, {relay: \"HOST:PORT\"} or discard\n"},
	{BASE "domains: {a.example: {recipients: [b@c.example, \"x y\"], deliver: discrad}}\n",
	 "3:36: 'b@c.example' is not in a.example\n"
	 "3:49: 'x y' is not an address: something follows the address\n"
	 "3:66: unknown way 'discrad'; did you mean 'discard'?\n"},
	{BASE "domains: {a.example: {recipients: {file: recipients}, deliver: {madir: /x}}}\n",
	 "3:64: unknown way 'madir'; did you mean 'maildir'?\n"
	 "/etc/g/recipients:4:1: 'dave@example.net' is not in a.example\n"
	 "/etc/g/recipients:5:1: 'e e' is not an address: something follows the address\n"
	 "/etc/g/recipients:6:1: '?' is not an address: invalid UTF-8\n"},
	{DOMAIN("    subaddress: \"+a\"\n" DISCARD),
	 "6:17: subaddress takes characters of +-=_#~, or \"\" for none\n"},
	{DOMAIN("    deliver: {lmtp: \"localhost\"}\n"),
	 "6:21: 'localhost' has no port: write HOST:PORT\n"},
	{DOMAIN("    deliver: {lmtp: \"unix:\"}\n"),
	 "6:21: lmtp: a socket's path has 1 to 107 octets\n"},
	{DOMAIN(DISCARD "routes: {Example.org: \"192.0.2.9\"}\n"),
	 "7:1: routes: 'example.org' is one of your domains; say `deliver: {relay: ...}` there\n"},
};

static const struct complaint_case aliases[] = {
	{DOMAIN("    aliases: {a: b, b: c, c: a}\n" DISCARD),
	 "6:27: alias 'c@example.org' goes in a circle by its target 'a@example.org'\n"},
	{DOMAIN("    aliases: {a: a}\n" DISCARD),
	 "6:15: alias 'a@example.org' goes in a circle by its target 'a@example.org'\n"},
	{DOMAIN("    aliases: {a: [alice, alic], A: alice}\n" DISCARD),
	 "6:33: 'a' was already given in line 6\n"},
	{DOMAIN("    aliases: {a: [alice, alic]}\n" DISCARD),
	 "6:15: alias 'a@example.org' leads to an unknown recipient: 'alic@example.org'\n"},
	{DOMAIN("    aliases: {a: \"|x\", b: /x, c: \":include:/x\", d: [], e: "
		"\"\\\"|x\\\"\"}\n" DISCARD),
	 "6:18: '|x': programs are not run; let them read a mailbox, or speak LMTP\n"
	 "6:27: '/x': files are not written to; name a mailbox\n"
	 "6:34: ':include:/x': other files are not included; write their addresses here\n"
	 "6:49: 'd' has no target\n"
	 "6:59: '\"|x\"': programs are not run; let them read a mailbox, or speak LMTP\n"},
	{DOMAIN("    aliases: {d: []}\n" DISCARD), "6:15: 'd' has no target\n"},
	{DOMAIN("    aliases: {x@example.net: alice}\n" DISCARD),
	 "6:15: 'x@example.net' is not in example.org\n"},
	{DOMAIN("    aliases: {file: aliases}\n" DISCARD),
	 "/etc/g/aliases:5:1: no `name: target` in this line\n"
	 "/etc/g/aliases:6:1: '|/bin/sh': programs are not run; let them read a mailbox, or speak "
	 "LMTP\n"
	 "/etc/g/aliases:7:1: ':include:/etc/list': other files are not included; write their "
	 "addresses "
	 "here\n"
	 "/etc/g/aliases:7:1: '/var/tmp/x': files are not written to; name a mailbox\n"
	 "/etc/g/aliases:8:1: 'sales' was already given in line 3\n"},
	{DOMAIN("    aliases: {a0: a1, a1: a2, a2: a3, a3: a4, a4: a5, a5: a6, a6: a7, a7: a8,\n"
		"      a8: a9, a9: a10, a10: alice}\n" DISCARD),
	 "6:15: alias 'a0@example.org' leads through more than 10 others\n"},
};

static void
check_cases(const struct complaint_case *cases, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct parsed p;
		struct gp_buf text = GP_BUF_INIT(1 << 16);
		parse(&p, cases[i].yaml, files);
		write_complaints(&p, &text);
		assert_int_equal(p.rc, 1);
		if (!gp_slice_eq(gp_buf_slice(&text), gp_slice_str(cases[i].said)))
			fail_msg("%s\nsays:\n%.*swanted:\n%s", cases[i].yaml,
				 GP_SLICE_FMT(gp_buf_slice(&text)), cases[i].said);
		gp_buf_free(&text);
		parsed_free(&p);
	}
}

#define TABLE_TEST(table)                                   \
	static void table##_are_complained_of(void **state) \
	{                                                   \
		(void)state;                                \
		check_cases(table, GP_ARRAY_LEN(table));    \
	}
TABLE_TEST(form)
TABLE_TEST(keys)
TABLE_TEST(values)
TABLE_TEST(networks)
TABLE_TEST(tls)
TABLE_TEST(hops)
TABLE_TEST(domains)
TABLE_TEST(aliases)

/* What would relay for the world, and what only looks like it. */
static void
worlds_do_not_relay(void **state)
{
	static const struct {
		const char *network;
		int rc;
	} cases[] = {
		{"0.0.0.0/0", 1},
		{"0.0.0.0/1", 1},
		{"128.0.0.0/1", 1},
		{"0.0.0.0/2", 0},
		{"10.0.0.0/8", 0},
		{"192.0.2.7", 0},
		{"::/0", 1},
		{"::/1", 1},
		{"2000::/3", 1},
		{"2000::/8", 1},
		{"2a00::/12", 1},
		{"2001:db8::/32", 0},
		{"2001::/16", 1}, /* Teredo is in it */
		{"2001::/32", 1},
		{"2001::/33", 1},
		{"2001::/34", 0},
		{"::ffff:0:0/96", 1}, /* IPv4, mapped */
		{"::ffff:0:0/97", 1},
		{"::ffff:10.0.0.0/104", 0},
		{"::ffff:0:0/95", 1},
		{"::/64", 1},
		{"::/96", 1},
		{"::1", 0},
		{"::1/128", 0},
		{"64:ff9b::/96", 1}, /* IPv4, by NAT64 */
		{"64:ff9b::a00:0/104", 0},
		{"64:ff9b:1::/48", 1},
		{"2002::/16", 1}, /* IPv4, by 6to4 */
		{"2002:8000::/17", 1},
		{"2002:a00::/24", 0},
		{"fc00::/7", 0}, /* nobody's */
		{"fd00::/8", 0},
		{"fe80::/10", 0},
		{"fc00::/6", 1},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct parsed p;
		struct gp_buf yaml = GP_BUF_INIT(4096);
		gp_buf_printf(&yaml, BASE "relay_networks: [\"%s\"]\n", cases[i].network);
		parse_slice(&p, gp_buf_slice(&yaml), NULL);
		if (p.rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].network, p.rc);
		gp_buf_free(&yaml);
		parsed_free(&p);
	}
}

/* Mistakes without end: a hundred are told, and that there are more. */
static void
complaints_have_an_end(void **state)
{
	struct parsed p;
	struct gp_buf yaml = GP_BUF_INIT(1 << 16);
	(void)state;
	gp_buf_put_str(&yaml, BASE);
	for (size_t i = 0; i < 1000; i++)
		gp_buf_printf(&yaml, "zzz%zu: 1\n", i);
	parse_slice(&p, gp_buf_slice(&yaml), NULL);
	assert_int_equal(p.rc, 1);
	assert_int_equal(p.complaints.len, GP_CONFIG_COMPLAINTS_MAX + 1);
	assert_slice(p.complaints.items[GP_CONFIG_COMPLAINTS_MAX].text,
		     "there are more mistakes; mend these first");
	gp_buf_free(&yaml);
	parsed_free(&p);
}

/* What complaints show of a value cannot move a terminal's cursor. */
static void
complaints_are_printable(void **state)
{
	struct parsed p;
	(void)state;
	parse(&p, BASE "\"a\\e[2J\\nb\": 1\n", NULL);
	assert_int_equal(p.rc, 1);
	assert_slice(p.complaints.items[0].text, "unknown key 'a?[2J?b'");
	parsed_free(&p);
	parse(&p, BASE "\"\\u009b2J\u00e4\": 1\n", NULL);
	assert_int_equal(p.rc, 1);
	assert_slice(p.complaints.items[0].text, "unknown key '??2J\u00e4'");
	parsed_free(&p);
}

/* Paths that are relative could not come to the roles. */
static void
folders_are_utf8(void **state)
{
	struct parsed p = {.arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX)};
	(void)state;
	p.rc = gp_config_parse(GP_SLICE(BASE), GP_SLICE("/etc/M\xfcller/g.yaml"), NULL, &p.arena,
			       &p.cfg, &p.complaints);
	assert_int_equal(p.rc, 1);
	assert_int_equal(p.complaints.len, 1);
	assert_slice(p.complaints.items[0].text, "the name of its folder is not UTF-8");
	parsed_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(form_are_complained_of),
		cmocka_unit_test(keys_are_complained_of),
		cmocka_unit_test(values_are_complained_of),
		cmocka_unit_test(networks_are_complained_of),
		cmocka_unit_test(tls_are_complained_of),
		cmocka_unit_test(hops_are_complained_of),
		cmocka_unit_test(domains_are_complained_of),
		cmocka_unit_test(aliases_are_complained_of),
		cmocka_unit_test(worlds_do_not_relay),
		cmocka_unit_test(complaints_have_an_end),
		cmocka_unit_test(complaints_are_printable),
		cmocka_unit_test(folders_are_utf8),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
