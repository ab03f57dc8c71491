/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question that is signed with a key, and its answer checked: TSIG, RFC 8945, as who asks. The
 * answer may be many messages over TCP, of which not each is signed (section 5.3.1):
 *
 *     t = gp_tsig_new(&key); gp_tsig_sign(t, now_s, question, &out); send it
 *     for each message, in order: gp_tsig_check(t, message, now_s) is GP_TSIG_GOOD
 *     behind the last one: gp_tsig_end(t)
 *
 * What a message says counts when a signature behind it was good, and all that was said when the
 * end was. A cut signature is none (section 5.2.2.1 lets us say so). Nothing but the digests is
 * kept of messages.
 */
#pragma once

#include "base/buf.h"
#include "core/tsig/key.h"

enum gp_tsig_limits {
	GP_TSIG_FUDGE_S = 300,     /* section 10 */
	GP_TSIG_UNSIGNED_MAX = 99, /* messages between two that are signed: section 5.3.1 */
	/* A name, ten octets, an algorithm's name, 16 octets and a digest. */
	GP_TSIG_RECORD_MAX = GP_DNS_NAME_MAX + 10 + GP_DNS_NAME_MAX + 16 + 64,
};

enum gp_tsig_outcome {
	GP_TSIG_GOOD = 0,
	GP_TSIG_BARE = 1, /* the first message is not signed: nothing is known of who said it */
	GP_TSIG_WRONG = 2,
};

struct gp_tsig;

/* The key is the caller's and outlives it. NULL: no memory, or libcrypto has no such HMAC. */
struct gp_tsig *
gp_tsig_new(const struct gp_tsig_key *key);
/* Accepts NULL, returns NULL. */
struct gp_tsig *
gp_tsig_free(struct gp_tsig *t);

/* Appends the message (without a length in front) to out, with its signature behind; once. False:
   the buffer's cap, or libcrypto failed. */
[[nodiscard]] bool
gp_tsig_sign(struct gp_tsig *t, uint64_t now_s, struct gp_slice message, struct gp_buf *out);

/* The next message of the answer, whatever it is; returns enum gp_tsig_outcome. After WRONG nothing
   more is to be given. */
[[nodiscard]] int
gp_tsig_check(struct gp_tsig *t, struct gp_slice message, uint64_t now_s);

/* Was that the last one? Its end must be signed. GP_TSIG_GOOD or GP_TSIG_WRONG. */
[[nodiscard]] int
gp_tsig_end(struct gp_tsig *t);

/* BARE or WRONG: why, static. */
const char *
gp_tsig_why(const struct gp_tsig *t);
