/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an IMAP server says, as text: a response's lines, without the octets of its literals (RFC
 * 3501 section 7). Pure; nothing here trusts the server.
 */
#pragma once

#include "base/slice.h"

enum imap_reply_kind {
	IMAP_REPLY_UNTAGGED = 0, /* "* " */
	IMAP_REPLY_OK,           /* of the command with that tag */
	IMAP_REPLY_NO,
	IMAP_REPLY_STRANGE, /* BAD, or nothing that may stand here */
};

/* Without its CRLF; *ret_rest: behind the tag, and behind the condition of a tagged one. */
enum imap_reply_kind
imap_reply_kind(struct gp_slice text, struct gp_slice tag, struct gp_slice *ret_rest);
/* Whether the line announces a literal: "{345}" at its end (RFC 3501 section 4.3). */
bool
imap_reply_literal(struct gp_slice line, uint32_t *ret_octets);
/* The number of "OK [NAME 123]" (section 7.1), not 0; of an untagged one's rest. */
bool
imap_reply_code(struct gp_slice rest, struct gp_slice name, uint32_t *ret);
/* Whether "CAPABILITY A B C" has that word (section 7.2.1). */
bool
imap_reply_capable(struct gp_slice rest, struct gp_slice word);
/* The next number of "SEARCH 1 2 3" (section 7.2.5): first with the whole rest. 1; 0: no more;
 * -EPROTO: no number. */
int
imap_reply_search(struct gp_slice *rest, uint32_t *ret);
/* Whether it is "1 FETCH (... UID 5 ...)" (section 7.4.2), with that number. Texts in quotes are
 * passed over. */
bool
imap_reply_fetch(struct gp_slice rest, uint32_t *ret_uid);
