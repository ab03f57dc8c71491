/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads replies (RFC 5321 section 4.2) as they are: a fingerprint hangs on what a parser for the
 * sake of sending would make even. For probe*.c, and core/surveyor.
 *
 * A reply ends with the first line that has no hyphen behind its code. A line without a code, or
 * with another one than those before it, is no reply, nor is one of too many lines or octets; what
 * was read of it stands in the reply all the same, as evidence.
 */
#pragma once

#include "base/buf.h"
#include "core/probe/record.h"

enum probe_read {
	PROBE_READ_MORE, /* all input is used, the reply is not over */
	PROBE_READ_REPLY,
	PROBE_READ_GARBAGE, /* no reply; the reason is reply.none */
	PROBE_READ_ENDLESS, /* likewise */
};

struct probe_reader {
	struct gp_buf line, text;
	struct gp_probe_reply reply; /* its text only when it is given out */
	size_t octets;
};

struct probe_reader
gp_probe_reader(void);
void
gp_probe_reader_free(struct probe_reader *r);

/* Forgets what was read, for the next reply. */
void
gp_probe_reader_clear(struct probe_reader *r);

/* Was no octet of an unfinished reply read? */
static inline bool
gp_probe_reader_idle(const struct probe_reader *r)
{
	return r->octets == 0;
}

/* Consumes from *input up to the end of a reply. After anything but MORE *ret is what came, its
   text valid until the next call, which is to _clear(). */
enum probe_read
gp_probe_reader_feed(struct probe_reader *r, struct gp_slice *input, uint32_t now_ms,
		     struct gp_probe_reply *ret);

/* What there is of an unfinished reply; the same holds for its text. `why` is static. */
struct gp_probe_reply
gp_probe_reader_rest(struct probe_reader *r, const char *why);
