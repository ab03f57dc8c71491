/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of `gatepost dkim` and `gatepost arc`: VERB [options] [MESSAGE]. Most options
 * are those of both, and are known here: --key, --domain, --selector, -o, --json, -q, -v, --dns,
 * --resolver, --time, --help. A command lists its verbs, and what it takes beside these.
 */
#pragma once

#include "cli/proof/signing.h"

enum { GP_SIGNING_OWN_MAX = 8 }; /* options of one command alone */

/* One with a value: a text, or a whole number. */
struct gp_signing_option {
	const char *name;
	const char **text; /* where it goes as it is; NULL: it is a number */
	uint64_t *number, min, max;
};

struct gp_signing_verb {
	const char *name;
	bool reads;   /* a message */
	bool answers; /* by nothing but what it prints, which -o is for then */
};

struct gp_signing_syntax {
	const char *name; /* "dkim" */
	const char *usage;
	const struct gp_signing_verb *verbs;
	size_t verbs_len;
	const struct gp_signing_option *own;
	size_t own_len;
};

/*
 * Reads the command line into *s, which has nothing but command and arena, and into the command's
 * own options; what is not given is NULL, 0 or false, but the message is "-" and the time is now.
 * *ret_verb: which of the verbs. Returns 0, or an exit code + 1 when there is nothing left to do:
 * help was asked for, or something is wrong, which has been said to standard error.
 */
[[nodiscard]] int
gp_signing_options_read(const struct gp_signing_syntax *syntax, int argc, char **argv,
			struct gp_signing *s, size_t *ret_verb);
