/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dovecot's protocol for those who want users authenticated, version 1
 * (https://doc.dovecot.org/2.3/developer_manual/design/auth_protocol/), as far as passwords go:
 * each is sent by PLAIN in one request, whatever mechanism the client used, and judged in one
 * answer.
 *
 *     we:      VERSION 1 1, CPID OURS
 *     Dovecot: VERSION 1 2, MECH..., SPID..., CUID..., COOKIE..., DONE
 *     we:      AUTH ID PLAIN service=smtp ... resp=BASE64
 *     Dovecot: OK ID user=NAME ..., or FAIL ID user=NAME ...
 *
 * Fields are separated by tabs; \001 begins an escape within one.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

enum {
	GP_DOVECOT_LINE_MAX = 8192,     /* of an answer; Dovecot's own bound */
	GP_DOVECOT_REQUEST_MAX = 16384, /* octets of a request, for any name and password */
};

enum gp_dovecot_kind {
	GP_DOVECOT_OTHER, /* nothing to us: a newer version may say more */
	GP_DOVECOT_VERSION,
	GP_DOVECOT_DONE, /* requests may be sent */
	GP_DOVECOT_OK,
	GP_DOVECOT_FAIL,
};

struct gp_dovecot_line {
	uint8_t kind;         /* enum gp_dovecot_kind */
	uint32_t major;       /* VERSION */
	uint32_t id;          /* OK, FAIL: of the request */
	struct gp_slice user; /* OK, FAIL: Dovecot's name for the user, or empty */
	bool temporary;       /* FAIL: Dovecot could not find out */
};

/* Reads a line, without its end, into the arena. Returns 0, 1 when it is none of this protocol, or
   -ENOMEM. */
[[nodiscard]] int
gp_dovecot_parse(struct gp_slice line, struct gp_arena *arena, struct gp_dovecot_line *ret);

/* What is said first. pid: ours, a number that no other connection of this process has. */
void
gp_dovecot_write_hello(struct gp_buf *out, uint32_t pid);

/* name and password: those of core/sasl/names.h; address: of the client, as text. */
void
gp_dovecot_write_request(struct gp_buf *out, uint32_t id, struct gp_slice name,
			 struct gp_slice password, struct gp_slice address);
