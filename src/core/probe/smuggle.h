/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages with ends that are none (SMTP smuggling, VU#302671). Only CRLF.CRLF ends a message (RFC
 * 5321 section 4.1.1.4); a server that takes something else for it, or hands it on unchanged to one
 * that does, lets a stranger write whole messages in others' names.
 *
 * Each variant has a connection, a message and tokens of its own: TOKEN-sN stands in the message,
 * TOKEN-sNx in the one that is hidden in it. A server that answers more than once has split it; one
 * that answers once has taken it as one, and what it hands on, arrivals tell (gp_probe_arrived()):
 * two tokens in two messages are a split, though nothing could be seen of it here.
 *
 * All of it is mail to the user's own recipient, who should have a mailbox behind this server.
 */
#pragma once

#include "core/probe/probe.h"

struct gp_probe_variant {
	const char *name;       /* "LF.LF" */
	struct gp_slice before; /* stands behind the first message's text, */
	struct gp_slice after;  /* and behind this come the hidden commands */
	const char *header;     /* a field more in the message; NULL: none */
	bool bdat;              /* the message is a chunk (RFC 3030) */
	bool hides;             /* there is a second message in it */
	bool control;           /* a true end: it must be split, or splits cannot be seen */
};

/* All variants, in the order of gp_probe_record.smuggle. */
const struct gp_probe_variant *
gp_probe_variants(size_t *ret_len);

/* SPLIT where a false end was taken for a true one, NOT_TESTED where none was tried to its end;
   else ONE. */
enum gp_probe_smuggle_state
gp_probe_smuggle_verdict(const struct gp_probe_record *record);
