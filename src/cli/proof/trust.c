/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proof/trust.h"

#include <errno.h>

#include "cli/arg.h"
#include "core/config/value.h"
#include "core/smtp/address.h"

int
gp_trust_init(struct gp_trust_list *list, struct gp_arena *arena)
{
	*list = (struct gp_trust_list){
		.hosts = gp_arena_array(arena, GP_TRUST_MAX, sizeof(*list->hosts)),
		.networks = gp_arena_array(arena, GP_TRUST_MAX, sizeof(*list->networks)),
	};
	return list->hosts && list->networks ? 0 : -ENOMEM;
}

bool
gp_trust_add(struct gp_trust_list *list, const char *command, const char *text)
{
	struct gp_arg arg = {command, "trust", text};
	struct gp_slice given = gp_slice_str(text);
	struct gp_slice name = gp_slice_drop(given, gp_slice_starts(given, GP_SLICE(".")));
	if (list->hosts_len + list->networks_len == GP_TRUST_MAX)
		return gp_arg_wrong(&arg, "is one too many");
	if (!gp_network_parse(given, &list->networks[list->networks_len])) {
		list->networks_len++;
		return true;
	}
	bool numbers = gp_slice_find(given, '/') >= 0 || gp_slice_find(given, ':') >= 0;
	if (numbers || !gp_domain_valid(name))
		return gp_arg_wrong(&arg, "is neither a host nor a network");
	list->hosts[list->hosts_len++] = given;
	return true;
}

struct gp_trust
gp_trust_of(const struct gp_trust_list *list)
{
	return (struct gp_trust){list->hosts, list->hosts_len, list->networks, list->networks_len};
}
