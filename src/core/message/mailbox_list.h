/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who stands in a field such as From, Sender or To: the mailbox-list and address-list of RFC 5322
 * section 3.4, with UTF-8 as RFC 6532 section 3.2; groups are taken in every field, as RFC 6854
 * has it for From and Sender.
 *
 * There is one reading of a field, or none. Of the obsolete syntax (section 4.4) only a dot within
 * a display name is taken, since many write "John Q. Public" without quotes. Many also write the
 * address for a name, "a@b.test <a@b.test>", without the quotes that it wants: it is taken where
 * both are the same but for case, in apostrophes too, since all readers see one address then; and
 * "[" and "]" in a name, which separate nothing. Empty elements, source routes, spaces around the
 * dots of an address, and control characters but the tab are refused.
 * Encoded words (RFC 2047) are words like others: never decoded, so nothing in them is an address.
 */
#pragma once

#include "base/arena.h"

enum gp_mailbox_list_limits {
	GP_MAILBOXES_MAX = 100,        /* of a field */
	GP_MAILBOX_COMMENTS_MAX = 100, /* within each other */
};

struct gp_mailbox {
	/* As written, less comments and spaces around it: a dot-atom or a quoted string with its
	   quotes; a name, or a literal with its brackets. Both are slices of the value. */
	struct gp_slice local, domain;
	/* local@domain, for gp_address_parse of core/smtp/address.h, which knows more of what an
	   address may be and of equal spellings. */
	struct gp_slice text;
	/* The display name as written: words with quotes, comments and all; empty: none. */
	struct gp_slice name;
};

struct gp_mailbox_list {
	const struct gp_mailbox *items;
	size_t len; /* 0: only empty groups, "undisclosed-recipients:;" */
};

/*
 * value: unfolded (gp_header_unfold). Returns 0; 1 when it is no such list or has over
 * GP_MAILBOXES_MAX (*ret_why: a short reason, static); -ENOMEM. The value must outlive the list.
 */
[[nodiscard]] int
gp_mailbox_list_parse(struct gp_slice value, struct gp_arena *arena, struct gp_mailbox_list *ret,
		      const char **ret_why);
