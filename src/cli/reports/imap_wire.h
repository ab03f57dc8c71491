/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to an IMAP server, from its login on: libcurl makes it, sees to TLS and signs in;
 * commands and responses are ours, each with its limits (RFC 3501). The certificate is verified,
 * and imap:// demands STARTTLS.
 *
 * Functions that return int: 0; 1: it failed, imap_wire_why() says how, and the connection is of no
 * use any more.
 */
#pragma once

#include "base/buf.h"

enum {
	IMAP_TEXT_MAX = 1 << 20,   /* octets of a response without its literals */
	IMAP_UNASKED_MAX = 10'000, /* responses that one command may have */
	IMAP_LOGIN_MS = 60'000,
	IMAP_SILENT_MS = 60'000,   /* a server that says nothing so long */
	IMAP_COMMAND_MS = 600'000, /* all of what one command makes it say */
	IMAP_WHY_MAX = 512,
};

struct imap_wire;

struct imap_login {
	const char *url; /* imaps://HOST:PORT/ or imap://HOST:PORT/ */
	const char *user, *password;
	const char *authorities; /* a file of certificates; NULL: the system's */
};

/* NULL: no memory. */
struct imap_wire *
imap_wire_new(void);
/* Accepts NULL, returns NULL. */
struct imap_wire *
imap_wire_free(struct imap_wire *w);
const char *
imap_wire_why(const struct imap_wire *w);
/* Says why it failed, for those above; returns 1. */
[[gnu::format(printf, 2, 3)]] int
imap_wire_fail(struct imap_wire *w, const char *format, ...);

[[nodiscard]] int
imap_wire_open(struct imap_wire *w, const struct imap_login *login);

/* What is heard of a command. */
struct imap_ear {
	void *context;
	/* An untagged response, without its "* " and its literal's octets. 0, or imap_wire_fail().
	   NULL: they are of no interest. */
	int (*untagged)(void *context, struct gp_slice rest);
	/* Where a literal's octets go; a second one, or one of more octets, is a fault. */
	int literal_fd; /* -1: none may come */
	uint32_t literal_max;
};

/* A command, without its tag and CRLF, and all that it makes the server say until its OK. NO is a
 * failure too. ear: NULL: all is passed over. */
[[nodiscard]] int
imap_wire_command(struct imap_wire *w, struct gp_slice command, const struct imap_ear *ear);
