/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration as a value: what gatepost.yaml says, checked, defaults filled in, the files
 * that it names read in. Everything lives in one arena. Roles get it as text again
 * (gp_config_print) and parse it with the same parser: one form, one reader.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "core/config/config_reports.h"

enum gp_service {
	GP_SERVICE_INBOUND = 1,
	GP_SERVICE_SUBMISSION = 2,
	GP_SERVICE_POLICIES = 3,  /* those of MTA-STS, by HTTPS */
	GP_SERVICE_DASHBOARD = 4, /* by HTTPS, or on loopback by HTTP */
};

/* On the dashboard: READ sees figures, ADMIN single messages too, with addresses and subjects. */
enum gp_web_role { GP_WEB_NOBODY, GP_WEB_READ, GP_WEB_ADMIN };

enum gp_listen_tls {
	GP_LISTEN_STARTTLS, /* where there is a certificate */
	GP_LISTEN_IMPLICIT,
	GP_LISTEN_CLEAR, /* never */
};

/* Where something was written, for complaints; lines and columns count from 1, 0: unknown. */
struct gp_place {
	struct gp_slice file;
	uint32_t line, column;
};

struct gp_listen {
	struct gp_slice address; /* "192.0.2.1:25", "[::]:25" */
	uint8_t service;         /* enum gp_service */
	uint8_t tls;             /* enum gp_listen_tls */
	struct gp_place place;   /* of the list's entry */
};

/* A network: address of 4 or 16 octets, prefix length. IPv4-mapped IPv6 is stored as IPv4. */
struct gp_network {
	uint8_t address[16];
	uint8_t address_len; /* 4 or 16 */
	uint8_t prefix_len;
};

/* Limits on one session or source; times in ms. The schema table has each one's default and reason.
 */
struct gp_limits {
	uint64_t message_size; /* octets, also announced as SIZE */
	uint64_t header_size;  /* octets of all header fields */
	uint32_t header_fields;
	uint32_t recipients;              /* a transaction */
	uint32_t messages;                /* a connection */
	uint32_t errors;                  /* 4xx and 5xx answers before the session is closed */
	uint32_t useless_commands;        /* NOOP, RSET, VRFY, HELP, repeated EHLO without a message
					     between */
	uint32_t hops;                    /* Received fields: loop */
	uint32_t command_length;          /* octets of a command line with CRLF */
	uint64_t command_time;            /* for a whole command line */
	uint64_t body_rate;               /* octets a second at least, over the whole body */
	uint32_t connections;             /* open at once, this server */
	uint32_t connections_per_source;  /* a /32 (IPv6: /64) */
	uint32_t connections_per_network; /* a /24 (IPv6: /48) */
	uint32_t handshakes_per_source;   /* of TLS, begun in a minute */
	uint32_t handshakes_per_network;
};

enum gp_deliver_kind {
	GP_DELIVER_MAILDIR = 1,
	GP_DELIVER_LMTP,
	GP_DELIVER_RELAY, /* a fixed host */
	GP_DELIVER_DISCARD,
};

struct gp_deliver {
	uint8_t kind;           /* enum gp_deliver_kind */
	struct gp_slice target; /* maildir: path with {domain} {local}; lmtp: "unix:/path" or
				   host:port; relay: host:port. Canonical: gp_endpoint_parse() of
				   value.h takes host and port apart */
};

struct gp_alias {
	struct gp_slice name;           /* local-part, canonical, lower case */
	const struct gp_slice *targets; /* full addresses; a bare local-part got the domain added */
	size_t targets_len;
	struct gp_place place;
};

enum gp_own_policy {
	GP_OWN_POLICY_OFF, /* there is no policy */
	GP_OWN_POLICY_NONE,
	GP_OWN_POLICY_TESTING,
	GP_OWN_POLICY_ENFORCE,
};

/* What we say to those who send to us: the policy of RFC 8461. */
struct gp_own_mta_sts {
	uint8_t mode;              /* enum gp_own_policy */
	uint64_t max_age;          /* ms */
	const struct gp_slice *mx; /* patterns, canonical; none: the hostname */
	size_t mx_len;
};

struct gp_domain_config {
	struct gp_slice name; /* lower case, A-labels */
	bool recipients_any;
	const struct gp_slice *recipients; /* local-parts, lower case */
	size_t recipients_len;
	const struct gp_alias *aliases;
	size_t aliases_len;
	struct gp_slice subaddress_separators; /* default "+" ; empty: off */
	struct gp_slice reports; /* the local part whose mail is read as reports; or empty */
	struct gp_deliver deliver;
	struct gp_own_mta_sts mta_sts;
	bool tls_rpt_https;      /* posted to web, they are taken */
	struct gp_slice tls_rpt; /* where TLS reports go: URIs (RFC 8460 section 3); or empty */
};

struct gp_route_config {
	struct gp_slice domain; /* "example.net", or ".example.net" for what is below it */
	struct gp_slice target; /* host:port, as gp_deliver's */
};

/* What is demanded of TLS on the way to a server, beside what its domain's policies say. */
enum gp_tls_demand {
	GP_DEMAND_AUTO = 0, /* smarthost only: IMPLICIT on port 465, VERIFY with a user, else MAY */
	GP_DEMAND_MAY,
	GP_DEMAND_NONE,
	GP_DEMAND_ENCRYPT,
	GP_DEMAND_VERIFY,
	GP_DEMAND_DANE_ONLY,
	GP_DEMAND_IMPLICIT, /* smarthost only: VERIFY, and TLS from the first octet */
};

/* How the smarthost is logged in to with a password. */
enum gp_login_choice {
	GP_LOGIN_ANY,        /* by what it offers, SCRAM first */
	GP_LOGIN_SCRAM,      /* by SCRAM, bound to the channel or not */
	GP_LOGIN_SCRAM_PLUS, /* bound to it */
	GP_LOGIN_PLAIN,      /* PLAIN or LOGIN */
};

struct gp_destination_config {
	struct gp_slice name; /* as a route's domain; or an address, without brackets */
	uint8_t tls;          /* enum gp_tls_demand, MAY to DANE_ONLY; MAY with fingerprints */
	const struct gp_slice
		*fingerprints; /* SHA-256, 64 digits in lower case; any of them does */
	size_t fingerprints_len;
};

struct gp_certificate {
	struct gp_slice path; /* empty: it came inlined */
	struct gp_slice pem;  /* the certificate, then its chain */
};

/* What is done about the DMARC policy of the domain that From names. */
enum gp_dmarc_mode {
	GP_DMARC_MODE_ENFORCE,    /* refused for p=reject, marked for p=quarantine */
	GP_DMARC_MODE_QUARANTINE, /* marked for both */
	GP_DMARC_MODE_TAG,        /* told of in Authentication-Results alone */
	GP_DMARC_MODE_OFF,        /* not looked at */
};

enum gp_spf_mode {
	GP_SPF_MODE_TAG,
	GP_SPF_MODE_ENFORCE, /* refused where the sender's domain says -all */
};

enum gp_from_mode {
	GP_FROM_MODE_REFUSE,
	GP_FROM_MODE_TAG,
};

/* For mail from one domain, by its From field. */
struct gp_override_config {
	struct gp_slice domain; /* as a route's */
	uint8_t dmarc;          /* enum gp_dmarc_mode */
};

/* What is done about strangers' mail whose sender is not proven. */
struct gp_authentication_config {
	uint8_t dmarc; /* enum gp_dmarc_mode */
	uint8_t spf;   /* enum gp_spf_mode */
	uint8_t from;  /* enum gp_from_mode: a From field that can be read in two ways */
	const struct gp_network *exempt; /* clients whose mail is not looked at */
	size_t exempt_len;
	const struct gp_override_config *overrides;
	size_t overrides_len;
	/* Whose ARC seals are believed: as a route's domain. */
	const struct gp_slice *trusted_sealers;
	size_t trusted_sealers_len;
};

/* To which mail of strangers an ARC seal is added. */
enum gp_seal_mode {
	GP_SEAL_NONE,
	GP_SEAL_FORWARDED, /* what an alias leads to a domain that is not ours */
	GP_SEAL_ALL,
};

struct gp_config {
	struct gp_slice hostname;
	struct gp_slice state;
	struct gp_slice user;
	const struct gp_listen *listens;
	size_t listens_len;
	const struct gp_network *relay_networks;
	size_t relay_networks_len;
	struct gp_limits limits;       /* of strangers */
	struct gp_limits relay_limits; /* of relay_networks: key `relay_limits` */
	struct {
		uint64_t first, max, lifetime; /* ms: `first`, `max`, `for` */
	} retry;
	struct {
		uint64_t lifetime; /* ms: key `for` */
		uint64_t size;     /* octets; 0: none is kept */
	} journal;
	uint64_t greet_wait; /* ms; 0: off. Default 0 */
	struct gp_authentication_config authentication;
	struct {
		uint32_t start, max; /* transactions at once to one destination: `concurrency:
					{start: 5, max: 20}` */
	} concurrency;
	const struct gp_domain_config *domains;
	size_t domains_len;
	struct {
		struct gp_slice address; /* host:port; empty: none */
		uint8_t tls;             /* enum gp_tls_demand */
		struct gp_slice user;    /* to log in with; empty: no login */
		uint8_t login;           /* enum gp_login_choice */
		/* Paths: what is in them no role but relay may know. Empty: none. */
		struct gp_slice password_file, token_file;
		/* Where tokens are had, and by what; empty: nowhere. */
		struct gp_slice token_url, client_id, client_secret_file, token_scope;
	} smarthost;
	struct {
		struct gp_slice domain; /* one of ours, as its name; empty: senders stay */
		/* Paths: what is in them no role but smtpd may know. Empty: none. */
		struct gp_slice secret_file, previous_file;
	} srs;
	struct {
		uint8_t seal;           /* enum gp_seal_mode */
		struct gp_slice domain; /* one of ours, as its name: by its keys; empty: none */
	} arc;
	const struct gp_route_config *routes;
	size_t routes_len;
	const struct gp_destination_config *destinations;
	size_t destinations_len;
	struct {
		struct gp_slice file;  /* path of the file of core/users/users.h; empty: none */
		struct gp_place place; /* of `users`: the file need not be there yet */
	} users;
	struct {
		struct gp_slice dovecot; /* "unix:/path"; empty: none */
		/* Failures until the lock: of an account, a source (a /32, IPv6: a /64), a network
		   (a /24, IPv6: a /48). */
		uint32_t failures, failures_per_source, failures_per_network;
		uint64_t delay, lock; /* ms */
		struct {
			struct gp_slice jwks; /* content of the file; empty: no tokens */
			struct gp_slice issuer, audience, user_claim;
			/* Whom tokens are shown to instead, and who we are there; empty: nobody.
			   client_secret_file: a path; what is in it no role but auth may know. */
			struct gp_slice introspection_url, client_id, client_secret_file;
		} oauth;
	} auth;
	struct {
		uint32_t hourly, daily; /* recipients of a user; 0: as many as it likes */
	} submission;
	struct {
		struct gp_slice server;  /* addr:port; empty: /etc/resolv.conf */
		struct gp_slice answers; /* content of the file in the form of --dns; empty: none */
		struct gp_slice trust_anchor; /* path; empty: the system's; "none" */
	} dns;
	struct {
		struct gp_slice ca; /* certificates, PEM; empty: the system's */
		bool private_addresses;
		uint32_t port;
	} fetch;
	struct gp_config_reports reports;
	struct {
		const struct gp_certificate *certificates;
		size_t certificates_len;
		/* As many paths of their keys, in any order: for signer alone. */
		const struct gp_slice *keys;
		size_t keys_len;
		struct gp_slice authorities; /* path; empty: the system's */
	} tls;
	struct {
		struct gp_slice listen;         /* addr:port; empty: there is no dashboard */
		struct gp_slice name;           /* of the dashboard's host; empty: none but ours */
		struct gp_slice audit_database; /* path; empty: none */
		struct gp_slice scan_results;   /* likewise */
		struct gp_slice policy_listen;  /* addr:port; empty: policies are not served */
		uint32_t posts_per_minute;      /* of an address or /64 */
		const struct gp_network *proxies; /* who may say who asks, by user_header */
		size_t proxies_len;
		struct gp_slice user_header;
		uint8_t proxied_role; /* enum gp_web_role, of whom they name */
	} web;
	struct {
		bool json;
		uint8_t level; /* 0 error, 1 warning, 2 info, 3 debug */
	} log;
	uint32_t workers; /* smtpd and relay processes each; 0: one a core */
};

enum gp_config_caps {
	GP_CONFIG_TEXT_MAX = 16 << 20,   /* octets of gatepost.yaml, and of each file it names */
	GP_CONFIG_IMAGE_MAX = 64 << 20,  /* octets of what gp_config_print may write, and that
					    gp_config_parse takes */
	GP_CONFIG_ARENA_MAX = 256 << 20, /* an arena that any such configuration fits in */
	GP_CONFIG_CERTIFICATES_MAX = 64,
	GP_CONFIG_FINGERPRINTS_MAX = 64, /* of one destination */
	GP_CONFIG_COMPLAINTS_MAX = 100,  /* after these, one more says that there are others */
};

struct gp_complaint {
	struct gp_place place;
	struct gp_slice text; /* what is wrong and how to mend it, one line, printable */
};

struct gp_complaints {
	const struct gp_complaint *items; /* in the order of their places within a file */
	size_t len;
};

/*
 * How the parser gets the files that the configuration names: recipients, aliases, answers. path
 * ends in a NUL behind its len. The content goes to the arena, at most GP_CONFIG_TEXT_MAX octets
 * (else -EFBIG). Returns 0 or -errno.
 */
struct gp_config_reader {
	int (*read)(void *context, struct gp_slice path, struct gp_arena *arena,
		    struct gp_slice *ret_content);
	/* Whether a file that the parser must not read (a private key, a password) is there and
	   could be read: 0 or -errno. NULL: it is not asked. */
	int (*look)(void *context, struct gp_slice path);
	/* What is wrong with the content of a file of DNS answers, as gp_answers_check() says it.
	   NULL: that is not asked; most who read a configuration have no use for its JSON. */
	int (*check_answers)(void *context, struct gp_slice content, struct gp_arena *arena,
			     uint32_t *ret_line, uint32_t *ret_column, struct gp_slice *ret_why);
	void *context;
};

/*
 * Reads the text of gatepost.yaml. file: its name for complaints; relative paths within it are
 * relative to the folder part of that name, and stay as they are when it has none. reader: NULL for
 * a text without files, which is what gp_config_print writes.
 *
 * Returns 0: *ret is complete and consistent. 1: it has mistakes, all of them in *ret_complaints,
 * and *ret is not to be used. -ENOMEM: memory, or the arena's cap. Everything lives in the arena.
 */
[[nodiscard]] int
gp_config_parse(struct gp_slice yaml, struct gp_slice file, const struct gp_config_reader *reader,
		struct gp_arena *arena, struct gp_config *ret,
		struct gp_complaints *ret_complaints);

/* Why what a file of certificates holds is not taken, static; NULL: it is. Its certificates are not
 * read. */
const char *
gp_config_certificate_wrong(struct gp_slice pem);

/* "file:line:column: text", without a line end. */
void
gp_complaint_write(struct gp_buf *out, const struct gp_complaint *c);

/*
 * Writes the effective configuration as YAML with every key, and what came from files inlined. It
 * is the canonical form: parsing it gives an equal value, printing that gives the same text. What
 * does not fit latches out->failed.
 */
void
gp_config_print(struct gp_buf *out, const struct gp_config *cfg);

/* What the starter file says outright; all the rest of it is commented defaults and examples. */
struct gp_config_start {
	struct gp_slice hostname, state;
	/* Paths of what `tls` names; empty: that stays an example. */
	struct gp_slice certificate, key;
	struct gp_slice mail_root; /* absolute: {maildir: "MAIL_ROOT/{domain}/{local}"} */
	const struct gp_slice *listens;
	size_t listens_len;
	const struct gp_slice *domains;
	size_t domains_len;
};

/* Writes a commented gatepost.yaml that passes gp_config_parse when the values given do. */
void
gp_config_write_starter(struct gp_buf *out, const struct gp_config_start *start);

/* Writes the reference of all keys as Markdown, from the same table. */
void
gp_config_write_reference(struct gp_buf *out);
