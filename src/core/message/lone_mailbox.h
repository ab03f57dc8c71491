/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one address of a field that is no list of mailboxes: of `Doe, John <a@b.test>`, of a name in
 * Latin-1, of a quote that nobody closed. Honest programs write such fields (RFC 7103 section 7.1),
 * and readers who make anything of them find the same address. What could lead one of them to
 * another is not taken:
 *
 *  - a field with more than one "@", whatever stands around it: a second address, a route, a quoted
 *    local part; or with brackets other than those of the address, doubled ones excepted;
 *  - an address that does not stand in its brackets alone, or has an encoded word in it; or that
 *    quotes or a comment enclose, as some then read no address at all;
 *  - a colon, which begins a group or ends a route;
 *  - a control character but the tab, NUL first of all;
 *  - words behind the brackets, which some read as more of the domain: there may be commas, dots
 *    and the like, and a comment, closed or not;
 *  - encoded words (RFC 2047) that hide any of these from who does not decode them, or that are not
 *    whole, or of a charset that could hide them.
 */
#pragma once

#include "core/message/mailbox_list.h"

/*
 * value: unfolded (gp_header_unfold), and refused by gp_mailbox_list_parse. Returns 0; 1 when there
 * is no such address; -ENOMEM. The value must outlive the mailbox. ret->name is what stands before
 * the brackets.
 */
[[nodiscard]] int
gp_lone_mailbox_find(struct gp_slice value, struct gp_arena *arena, struct gp_mailbox *ret);
