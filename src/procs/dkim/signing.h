/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mail of ours on its way to its signatures: by each of the keys of the domain that it is From,
 * one after the other.
 *
 *     signing_begin       what is to be signed; nothing, for mail that is from elsewhere
 *     signing_request     goes to signer ...
 *     signing_take        ... and what it answers comes here; then the next request
 *     signing_write       when there are no more: the fields for the top of the mail
 *
 * Signed is by relaxed/relaxed, the fields that core/dkim/sign.h chooses.
 */
#pragma once

#include "base/buf.h"
#include "core/dkim/crypto.h"
#include "ipc/messages.h"
#include "procs/dkim/signers.h"

struct signing_item;

/* All zeroes: nothing is under way. */
struct signing {
	struct gp_arena arena;
	struct signing_item *items;
	size_t len, at; /* at: whose signature is waited for */
};

struct signing_mail {
	struct gp_slice head;  /* fields of ours that go on top, each with its CRLF */
	struct gp_slice start; /* what came: all of its header at least */
	const struct gp_dkim_digest *body_hash; /* relaxed */
	uint64_t now_s;
	/* By us, in the name of this host: where its domain has no keys, the nearest above it that
	   has some signs, which is aligned with it as well (RFC 9989 section 4.10.2). */
	bool made_here;
};

enum signing_result {
	SIGNING_BEGUN,
	SIGNING_NOT_OURS,   /* goes as it is: the domain has no keys, or From is no one's */
	SIGNING_IMPOSSIBLE, /* never: too many fields */
	SIGNING_LATER,      /* not now: the keys cannot be read, or no memory */
};

/* Before the sandbox: libcrypto reads no file of the machine's, and has what it needs. 0 or
   -errno. */
[[nodiscard]] int
signing_prepare(void);

/* The two parts of it as one text. NULL ptr: no memory. */
struct gp_slice
signing_text(const struct signing_mail *mail, struct gp_arena *arena);

/* To be freed in any case. The mail is needed during the call only. */
[[nodiscard]] enum signing_result
signing_begin(struct signing *g, const struct signers *all, const struct signing_mail *mail);
/* The same for a mail that is all there, and was made here. */
[[nodiscard]] enum signing_result
signing_begin_whole(struct signing *g, const struct signers *all, struct gp_slice text,
		    uint64_t now_s);
void
signing_free(struct signing *g);

/* The next request, less its ticket; slices live in g. False: all is signed. */
[[nodiscard]] bool
signing_request(const struct signing *g, struct gp_msg_dkim_sign *ret);
/* False: no memory. */
[[nodiscard]] bool
signing_take(struct signing *g, struct gp_slice signature);

/* Appends the fields, each with its CRLF. Latches out->failed. */
void
signing_write(const struct signing *g, struct gp_buf *out);
