/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked of a message on a submission listener, and added to it (RFC 6409 section 8).
 *
 *  - Every line of the header is a field, or goes on with one: readers differ about others, and
 *    some would find a second From in them. Else 554 5.6.0.
 *  - There is one From field, and it names somebody; there is one Sender field at most, and it
 *    names one mailbox. Else 554 5.6.0.
 *  - Every address in them is one that the user may send as. Else 550 5.7.1, which says which one.
 *  - A Date or Message-ID that is missing is added.
 *
 * Nothing else is changed: Bcc stays for whoever put it there, and no Sender is added. Of fields
 * that come again with a resent message (RFC 5322 section 3.6.6) nothing is asked.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "core/smtp/reply.h"

struct submission {
	const struct gp_slice *from; /* what the user may send as: see core/users/users.h */
	size_t from_len;
	struct gp_slice hostname; /* ours */
	struct gp_slice id;       /* queue id */
	uint64_t now_ms;          /* since the epoch */
};

/*
 * start: the message, or as much of it as holds the largest header that is read
 * (SUBMISSION_START_MAX). Appends the missing fields to `head`, which goes on top, and gives a
 * reply without a code; or gives the refusal, whose text lives in the arena.
 */
enum { SUBMISSION_START_MAX = 256 * 1024 + 2 };
[[nodiscard]] struct gp_reply
submission_take(const struct submission *s, struct gp_slice start, struct gp_arena *arena,
		struct gp_buf *head);
