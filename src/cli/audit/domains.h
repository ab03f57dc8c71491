/* SPDX-License-Identifier: Apache-2.0 */
/* The domains to look at: named, from files, from zones in files or from their servers, and from
   standard input; each once, in their order. */
#pragma once

#include "base/arena.h"
#include "cli/audit/options.h"

enum {
	AUDIT_DOMAINS_MAX = 1'000'000,
	AUDIT_LINE_MAX = 4096,      /* octets */
	AUDIT_ZONE_MAX = 256 << 20, /* octets of a master file */
};

struct audit_domains {
	struct gp_slice *list; /* lower case, A-labels */
	size_t len, room;
};

/* In files a line is a domain; what follows a # is not read. Of a zone those count that
   gp_zone_domain() sees. All lives in the arena but the list,
   which is to be freed. Returns an exit code, after saying to standard error what is wrong. */
[[nodiscard]] int
audit_domains_read(struct audit_domains *ret, const struct audit_options *o,
		   struct gp_arena *arena);
void
audit_domains_free(struct audit_domains *d);
