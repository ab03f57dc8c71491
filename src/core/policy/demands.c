/* SPDX-License-Identifier: Apache-2.0 */
#include "core/policy/demands.h"

#include <stdlib.h>

#include "core/policy/suffix.h"

struct gp_demands {
	struct gp_map entries; /* name to struct gp_destination_config */
};

struct gp_demands *
gp_demands_new(const struct gp_config *cfg, const uint64_t seed[2])
{
	struct gp_demands *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->entries = gp_map(cfg->destinations_len, seed);
	for (size_t i = 0; i < cfg->destinations_len; i++) {
		const struct gp_destination_config *c = &cfg->destinations[i];
		if (!gp_map_set(&d->entries, c->name, (void *)c))
			return gp_demands_free(d);
	}
	return d;
}

struct gp_demands *
gp_demands_free(struct gp_demands *d)
{
	if (d)
		gp_map_free(&d->entries);
	free(d);
	return NULL;
}

struct gp_demand
gp_demands_of_hop(const struct gp_demands *d, struct gp_slice name)
{
	const struct gp_destination_config *c = gp_suffix_find(&d->entries, name);
	if (!c)
		return (struct gp_demand){.tls = GP_DEMAND_MAY};
	return (struct gp_demand){
		.tls = c->tls,
		.fingerprints = c->fingerprints,
		.fingerprints_len = c->fingerprints_len,
	};
}

struct gp_demand
gp_demand_of_smarthost(const struct gp_config *cfg)
{
	uint8_t tls = cfg->smarthost.tls;
	/* RFC 8314 section 7.3: the port's TLS begins with the connection. */
	if (tls == GP_DEMAND_AUTO && gp_slice_ends_nocase(cfg->smarthost.address, GP_SLICE(":465")))
		tls = GP_DEMAND_IMPLICIT;
	else if (tls == GP_DEMAND_AUTO)
		tls = cfg->smarthost.user.len > 0 ? GP_DEMAND_VERIFY : GP_DEMAND_MAY;
	bool implicit = tls == GP_DEMAND_IMPLICIT;
	return (struct gp_demand){.tls = implicit ? GP_DEMAND_VERIFY : tls, .implicit = implicit};
}
