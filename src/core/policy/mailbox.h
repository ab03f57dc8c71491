/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of a mailbox: a template of the configuration with the domain and the local part filled
 * in, such that no local part leads out of the folder that the template gives it, and no two of
 * them lead to the same place.
 *
 * The encoding of a local part, in one piece of a path. It stays readable where it can:
 *
 *   a to z, 0 to 9, "-", "_", "+", and "." that is not the first octet    as they are
 *   every other octet                                                     "=" and two hex digits,
 *                                                                         lower case
 *   the empty local part                                                  "=" alone
 *
 * So "." and ".." and hidden names cannot come out, nor "/", NUL or anything that a shell or a log
 * minds; letters are lower case only, and nothing is over 127, so that file systems that fold case
 * or normalise Unicode keep names apart too. It is injective, because "=" is always followed by
 * what it stands for, and is undone by reading it from the left. A local part of 64 octets makes
 * 192 at most.
 */
#pragma once

#include "base/arena.h"

enum gp_mailbox_limits {
	GP_MAILBOX_NAME_MAX = 255,    /* octets of one name in a path (NAME_MAX of limits.h) */
	GP_MAILBOX_ENCODED_MAX = 192, /* octets of an encoded local part */
};

/*
 * Says whether a template is fit for a domain: absolute, its first folder without a placeholder, no
 * empty, "." or ".." names, only {domain} and {local} between braces, and no name over 255 octets
 * whatever the local part is. Returns NULL, or what is wrong: static, to be put behind "S ".
 */
const char *
gp_mailbox_template_check(struct gp_slice template, struct gp_slice domain);

/*
 * Fills in a template that was checked. local: the mailbox's name as octets, without quotes and
 * backslashes, already in lower case where case does not matter; domain: A-labels in lower case.
 * Returns 0; 1 when the local part has over 64 octets; -ENOMEM.
 */
[[nodiscard]] int
gp_mailbox_path(struct gp_slice template, struct gp_slice domain, struct gp_slice local,
		struct gp_arena *arena, struct gp_slice *ret);
