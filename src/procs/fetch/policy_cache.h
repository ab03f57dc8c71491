/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The MTA-STS policies that are known, in memory, each with what core/mtasts/state.h remembers of
 * its domain. Bounded in number and octets: the domain that was asked about longest ago goes first.
 */
#pragma once

#include "base/list.h"
#include "core/mtasts/state.h"

enum {
	POLICY_DOMAIN_MAX = 245,            /* octets: "mta-sts." before it makes 253 */
	POLICY_CACHE_MAX = 65536,           /* domains */
	POLICY_CACHE_OCTETS_MAX = 64 << 20, /* of policies' texts */
};

/* One domain. */
struct policy {
	struct gp_list link;
	struct gp_mtasts_state state;
	struct gp_slice text; /* the body as it was fetched; empty: none was */
	uint8_t domain_len;
	char domain[];
};

struct policy_cache;

/* len_max, octets_max: the limits above, or less in tests. NULL: no memory. */
struct policy_cache *
policy_cache_new(const uint64_t seed[2], size_t len_max, size_t octets_max);
/* Accepts NULL, returns NULL. */
struct policy_cache *
policy_cache_free(struct policy_cache *c);

/* domain: lower case, A-labels; it is now the one asked about last. NULL: nothing is known. */
struct policy *
policy_cache_find(struct policy_cache *c, struct gp_slice domain);

/* The same, made where it is missing. Others may go, and pointers to them with them. NULL: no
   memory. */
struct policy *
policy_cache_make(struct policy_cache *c, struct gp_slice domain);

/* Copies the text. False: no memory, the old one stays. May let others go. */
[[nodiscard]] bool
policy_cache_set_text(struct policy_cache *c, struct policy *p, struct gp_slice text);

/* From the one asked about longest ago. at: NULL: the first. NULL: there is no further one. */
const struct policy *
policy_cache_next(const struct policy_cache *c, const struct policy *at);

static inline struct gp_slice
policy_domain(const struct policy *p)
{
	return gp_slice(p->domain, p->domain_len);
}
