/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose mail is signed, and with which keys: signer's list, as those hold it who send mail. Without
 * the list nobody knows whether a mail must be signed, so it is not sent.
 */
#pragma once

#include "ipc/messages.h"

/* All zeroes: not known yet. */
struct signers {
	struct gp_arena arena;
	const struct gp_dkim_signer *items; /* those of a domain together */
	size_t len;
	bool known;
};

/* A copy of what signer says, in place of what it said before. False: no memory; then nothing is
   known. */
[[nodiscard]] bool
signers_take(struct signers *s, const struct gp_msg_dkim_signers *m);

/* Those of the domain (lower case, A-labels); *ret_len 0: its mail is not signed. */
const struct gp_dkim_signer *
signers_of(const struct signers *s, struct gp_slice domain, size_t *ret_len);
/* Those of the nearest domain at or above this one that has some, as signers_of(). */
const struct gp_dkim_signer *
signers_above(const struct signers *s, struct gp_slice domain, size_t *ret_len);
