/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the configuration demands of TLS on the way to a next hop: an index over `destinations`, and
 * what `smarthost` amounts to. Read only once it is made.
 */
#pragma once

#include "core/config/config.h"

struct gp_demand {
	uint8_t tls;   /* enum gp_tls_demand, MAY to DANE_ONLY; MAY with fingerprints */
	bool implicit; /* TLS from the first octet */
	const struct gp_slice *fingerprints; /* the certificate's or its key's, any of them does */
	size_t fingerprints_len;
};

struct gp_demands;

/* cfg must outlive it. seed: random, as strangers choose what is looked up. NULL: no memory. */
struct gp_demands *
gp_demands_new(const struct gp_config *cfg, const uint64_t seed[2]);
/* Accepts NULL, returns NULL. */
struct gp_demands *
gp_demands_free(struct gp_demands *d);

/*
 * By the next hop: the domain whose MX records are asked, or the host of a route, as it is named
 * there. In lower case and A-labels; addresses as gp_ip_write() has them. The name's own entry,
 * else the one with a leading dot that covers most of it, else GP_DEMAND_MAY.
 */
struct gp_demand
gp_demands_of_hop(const struct gp_demands *d, struct gp_slice name);

/* With GP_DEMAND_AUTO worked out. */
struct gp_demand
gp_demand_of_smarthost(const struct gp_config *cfg);
