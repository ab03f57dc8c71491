/* SPDX-License-Identifier: Apache-2.0 */
/* The values of --trust: which hosts are ours, and so believed. */
#pragma once

#include "core/trace/path.h"

enum { GP_TRUST_MAX = 1000 }; /* values */

struct gp_trust_list {
	struct gp_slice *hosts; /* GP_TRUST_MAX of each, in the arena */
	struct gp_network *networks;
	size_t hosts_len, networks_len;
};

/* 0 or -ENOMEM. */
[[nodiscard]] int
gp_trust_init(struct gp_trust_list *list, struct gp_arena *arena);

/* "mx.example.org", ".example.org" for all below it, or a network; text must outlive the list.
 * False: it is none of them, which has been said. */
[[nodiscard]] bool
gp_trust_add(struct gp_trust_list *list, const char *command, const char *text);

struct gp_trust
gp_trust_of(const struct gp_trust_list *list);
