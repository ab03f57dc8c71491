/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `dkim` and `arc` have in common: a stored message, a private key, the DNS, and the message
 * with more on top. Whatever returns an exit code has said to standard error what is wrong.
 */
#pragma once

#include "cli/lookup.h"
#include "cli/proof/dkim_key.h"
#include "core/message/header.h"

enum { GP_SIGNING_TIME_MAX_S = UINT32_MAX };

/* What the options say, and what was read by it. */
struct gp_signing {
	const char *command;           /* "gatepost dkim", for complaints */
	const char *message;           /* its file; "-": standard input */
	const char *key;               /* file of a private key */
	const char *output;            /* file; NULL: standard output */
	const char *domain, *selector; /* whose signature, by which key */
	const char *dns, *resolver;    /* as of struct gp_lookup_options */
	uint64_t now_s;
	bool quiet;         /* no warnings; of verification no result */
	bool json, verbose; /* as one object; with the reasoning */
	struct gp_arena *arena;
	struct dkim_key private; /* when it was read */
	struct gp_buf text;      /* the message with CRLF line ends, when it was read */
	struct gp_header header;
	bool lf;                 /* its lines ended in LF alone */
	struct gp_lookup lookup; /* when it was opened */
};

/* Accepts one of which nothing was read or opened. */
void
gp_signing_close(struct gp_signing *s);

/* Each returns its exit code: GP_EXIT_ERROR, GP_EXIT_USAGE. */
int
gp_signing_fail(const struct gp_signing *s, const char *what, int error);
int
gp_signing_wrong(const struct gp_signing *s, const char *what, const char *why);

/* Reads s->key into s->private. Returns an exit code. */
[[nodiscard]] int
gp_signing_read_key(struct gp_signing *s);

/* Reads s->message into s->text, s->header and s->lf. Returns an exit code. */
[[nodiscard]] int
gp_signing_read_message(struct gp_signing *s);

/* Opens s->lookup. Returns an exit code. */
[[nodiscard]] int
gp_signing_open_dns(struct gp_signing *s);

/* Nothing is in the message that would be mended on the way, and so break a signature (RFC 6376
 * section 5.3). Returns an exit code. */
[[nodiscard]] int
gp_signing_check_message(const struct gp_signing *s);

/* The hash of the whole body. canon: enum gp_dkim_canon. 0 or -errno. */
[[nodiscard]] int
gp_signing_hash_body(const struct gp_signing *s, uint8_t canon, struct gp_dkim_digest *ret);

/* The fields and the message below them, with the line ends that it came with. Returns an exit
 * code. */
[[nodiscard]] int
gp_signing_print(const struct gp_signing *s, struct gp_slice fields);
