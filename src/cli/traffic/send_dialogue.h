/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of `send`: dials, runs the client's session or a list of raw commands over it, in
 * clear or by TLS, and keeps each line that crosses the wire, with its time. Waits, unlike the
 * roles: it is one hand, one server.
 */
#pragma once

#include <jansson.h>

#include "base/arena.h"
#include "core/smtp/client.h"
#include "sys/tls_certificate.h"

enum gp_send_from {
	GP_SEND_FROM_SERVER,
	GP_SEND_FROM_CLIENT,
	GP_SEND_FROM_TLS, /* what is said of TLS, by nobody on the wire */
};

enum { GP_SEND_NAME_MAX = 255 };

struct gp_send_line {
	uint64_t at_us; /* since the connection was begun */
	enum gp_send_from from;
	struct gp_slice text; /* printable: all else as \xHH; without line end; a secret as *** */
};

struct gp_send_plan {
	const char *server;  /* "host", "host:port", "[2001:db8::1]:25", "unix:/path" */
	uint16_t port;       /* where `server` names none */
	int family;          /* AF_UNSPEC, AF_INET, AF_INET6 */
	uint64_t timeout_ms; /* for each step; 0: those of RFC 5321 */
	/* `remote` is filled in; `tls` says what STARTTLS is good for, `tls_implicit` begins with
	   TLS. Raw commands have TLS after a STARTTLS of theirs, unless `tls` is off. */
	struct gp_smtp_client_setup setup;
	struct gp_slice tls_name; /* the server's, for SNI and its certificate; empty: any */
	const char *authorities;  /* a file; NULL: Debian's, where they are there */
	bool verify;     /* a server that does not prove its name by them hears nothing in TLS */
	bool hello_only; /* QUIT as soon as the session is READY */
	struct gp_smtp_client_mail mail;
	struct gp_slice message;
	const char *const *raw; /* commands instead of a session */
	size_t raw_len;
	bool print; /* the dialogue on standard output, as it goes on */
	bool times; /* before each line, in seconds */
	bool body;  /* the lines of the message too, not only how much it is */
};

enum gp_send_end {
	GP_SEND_DONE = 0,
	GP_SEND_REFUSED = 1, /* the server said no; or to a raw command */
	GP_SEND_LOST = 2,    /* no connection, no answer, no sense in it: `why` */
	/* The server does not prove its name, or offers no TLS, and the plan wants it: `why`. */
	GP_SEND_UNPROVEN = 3,
};

/* Texts of the result's arena, or static ones. */
struct gp_send_tls {
	const char *version, *cipher; /* NULL: there was no TLS */
	bool proven;                  /* by the authorities, and for the name where there is one */
	const char *verdict;
	bool has_certificate;
	struct gp_tls_certificate certificate;
};

struct gp_send_result {
	struct gp_arena arena; /* the caller frees it */
	char address[160];     /* that was connected to */
	struct gp_slice why;
	struct gp_outcome *outcomes; /* one a recipient; NULL: it did not come to that */
	size_t outcomes_len;
	struct gp_reply failure; /* the session's; code 0: none */
	struct gp_ehlo ehlo;
	struct gp_send_tls tls;
	struct gp_send_line *lines;
	size_t lines_len, lines_cap;
};

/* Whether it is a host or unix:/path, with a port that may be one. No name is looked up. */
bool
gp_send_server_good(const char *server);

/* The host's name in `server`; empty where it has none, but an address or a path. */
struct gp_slice
gp_send_server_name(const char *server, char to[GP_SEND_NAME_MAX + 1]);

/* Returns enum gp_send_end, or -ENOMEM. *ret is filled in any case. */
[[nodiscard]] int
gp_send_run(const struct gp_send_plan *plan, struct gp_send_result *ret);
