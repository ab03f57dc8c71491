/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and mappings: listen, relay_networks, routes, destinations, domains, and those of
 * authentication. */
#include <errno.h>

#include "base/map.h"
#include "core/config/reading.h"
#include "core/config/value.h"

enum {
	LISTENS_MAX = 64,
	NETWORKS_MAX = 1000, /* each connection is compared with all of them */
	FINGERPRINT_DIGITS = 64,
};

/* The configuration is the operator's own: no seed has to be secret. */
static const uint64_t no_seed[2];

static bool
too_many(struct reading *r, const yaml_node_t *node, const struct gp_key *key, size_t max)
{
	if (reading_count(node) <= max)
		return false;
	reading_complain(r, reading_place(r, node), "%s has more than %zu entries", key->name, max);
	return true;
}

/* An array for the entries of a list or mapping; NULL and a complaint when the node is neither. */
static void *
start_list(struct reading *r, const yaml_node_t *node, yaml_node_type_t type,
	   const struct gp_key *key, size_t size)
{
	if (reading_is_empty(node) || node->type == type)
		return gp_arena_array(r->arena, reading_count(node), size);
	reading_complain(r, reading_place(r, node), "%s takes a %s, as in `%s: %s`", key->name,
			 type == YAML_SEQUENCE_NODE ? "list" : "mapping", key->name, key->example);
	return NULL;
}

void
reading_listens(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_config *cfg = at;
	struct gp_listen *items = start_list(r, node, YAML_SEQUENCE_NODE, key, sizeof(*items));
	size_t len = reading_count(node);
	if (!items || too_many(r, node, key, LISTENS_MAX))
		return;
	if (len == 0)
		reading_complain(r, reading_place(r, node), "listen is empty. %s", key->doc);
	for (size_t i = 0; i < len; i++) {
		const yaml_node_t *item = reading_item(r, node, i);
		items[i].place = reading_place(r, item);
		reading_group(r, item, items[i].place, key, key->group, &items[i]);
		for (size_t j = 0; j < i && items[i].address.len > 0; j++) {
			if (gp_slice_eq(items[i].address, items[j].address))
				reading_complain(r, reading_place(r, item),
						 "'%.*s' is already listened at",
						 GP_SLICE_FMT(items[i].address));
		}
	}
	cfg->listens = items;
	cfg->listens_len = len;
}

/* relays: what would let half the Internet relay is a mistake. */
static void
read_network(struct reading *r, const yaml_node_t *node, bool relays, struct gp_network *ret)
{
	struct gp_slice text;
	struct gp_buf meant = GP_BUF_INIT(64);
	if (!reading_scalar(r, node, "a network", &text))
		return;
	const char *why = gp_network_parse(text, ret);
	struct gp_slice shown = reading_shown(text);
	if (why && ret->address_len > 0) {
		gp_network_write(&meant, ret);
		reading_complain(r, reading_place(r, node), "'%.*s' %s; did you mean '%.*s'?",
				 GP_SLICE_FMT(shown), why, GP_SLICE_FMT(gp_buf_slice(&meant)));
	} else if (why) {
		reading_complain(r, reading_place(r, node), "'%.*s' %s", GP_SLICE_FMT(shown), why);
	} else if (relays && (why = reading_world(ret))) {
		reading_complain(r, reading_place(r, node), "'%.*s' %s", GP_SLICE_FMT(shown), why);
	}
	gp_buf_free(&meant);
}

/* False: it was complained of. */
static bool
read_networks(struct reading *r, const yaml_node_t *node, const struct gp_key *key,
	      const struct gp_network **ret, size_t *ret_len)
{
	bool relays = key->type == GP_KEY_NETWORKS;
	struct gp_network *items = start_list(r, node, YAML_SEQUENCE_NODE, key, sizeof(*items));
	size_t len = reading_count(node);
	if (!items || too_many(r, node, key, NETWORKS_MAX))
		return false;
	for (size_t i = 0; i < len; i++)
		read_network(r, reading_item(r, node, i), relays, &items[i]);
	*ret = items;
	*ret_len = len;
	return true;
}

void
reading_networks(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_config *cfg = at;
	if (read_networks(r, node, key, &cfg->relay_networks, &cfg->relay_networks_len))
		reading_check_networks(r, reading_place(r, node));
}

void
reading_exempt(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_authentication_config *a = &((struct gp_config *)at)->authentication;
	(void)read_networks(r, node, key, &a->exempt, &a->exempt_len);
}

void
reading_proxies(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_config *cfg = at;
	(void)read_networks(r, node, key, &cfg->web.proxies, &cfg->web.proxies_len);
}

/* A domain name, or with a leading dot what is below one. */
static bool
read_route_name(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret)
{
	struct gp_slice name;
	if (text.len == 0 || text.ptr[0] != '.')
		return reading_domain(r, at, text, ret);
	if (!reading_domain(r, at, gp_slice_drop(text, 1), &name))
		return false;
	*ret = gp_arena_printf(r->arena, ".%.*s", GP_SLICE_FMT(name));
	return true;
}

/* Enters a name that may be there once; the key is in canonical form. */
static void
enter_name(struct reading *r, struct gp_map *names, struct gp_slice name, const yaml_node_t *node)
{
	const yaml_node_t *earlier = gp_map_get(names, name);
	if (earlier)
		reading_complain(r, reading_place(r, node), "'%.*s' was already given in line %zu",
				 GP_SLICE_FMT(reading_shown(name)), earlier->start_mark.line + 1);
	else if (!gp_map_set(names, name, (void *)node))
		r->arena->failed = true;
}

void
reading_routes(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_config *cfg = at;
	struct gp_route_config *items = start_list(r, node, YAML_MAPPING_NODE, key, sizeof(*items));
	size_t len = reading_count(node);
	struct gp_map names = gp_map(len, no_seed);
	for (size_t i = 0; items && i < len; i++) {
		const yaml_node_t *value;
		const yaml_node_t *name = reading_pair(r, node, i, &value);
		struct gp_slice text;
		if (reading_scalar(r, name, "a domain", &text) &&
		    read_route_name(r, reading_place(r, name), text, &items[i].domain))
			enter_name(r, &names, items[i].domain, name);
		if (reading_scalar(r, value, "a route", &text))
			reading_endpoint(r, reading_place(r, value), text, (uint16_t)key->min,
					 false, &items[i].target);
	}
	gp_map_free(&names);
	cfg->routes = items;
	cfg->routes_len = items ? len : 0;
}

/* What a next hop is called: a domain as in a route, or an address. */
static bool
read_hop_name(struct reading *r, struct gp_place at, struct gp_slice text, struct gp_slice *ret)
{
	uint8_t address[16];
	size_t len = gp_ip_parse(text, address);
	if (len == 0)
		return read_route_name(r, at, text, ret);
	struct gp_buf canonical = GP_BUF_INIT(64);
	gp_ip_write(&canonical, address, len);
	*ret = gp_arena_dup(r->arena, gp_buf_slice(&canonical));
	r->arena->failed = r->arena->failed || canonical.failed;
	gp_buf_free(&canonical);
	return true;
}

/* Digits in lower case. False: it is no SHA-256 digest. */
static bool
read_fingerprint(struct reading *r, struct gp_slice text, struct gp_slice *ret)
{
	char digits[FINGERPRINT_DIGITS];
	size_t len = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = gp_ascii_lower(text.ptr[i]);
		/* A colon stands between octets. */
		if (c == ':' && len > 0 && len % 2 == 0 && text.ptr[i - 1] != ':')
			continue;
		if (len == sizeof(digits) || !(gp_ascii_is_digit(c) || (c >= 'a' && c <= 'f')))
			return false;
		digits[len++] = c;
	}
	*ret = gp_arena_dup(r->arena, gp_slice(digits, len));
	return len == sizeof(digits) && text.ptr[text.len - 1] != ':';
}

void
reading_fingerprints(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_destination_config *d = at;
	size_t len = reading_count(node);
	struct gp_slice *items = start_list(r, node, YAML_SEQUENCE_NODE, key, sizeof(*items));
	if (!items || too_many(r, node, key, GP_CONFIG_FINGERPRINTS_MAX))
		return;
	for (size_t i = 0; i < len; i++) {
		const yaml_node_t *item = reading_item(r, node, i);
		struct gp_slice text;
		if (reading_scalar(r, item, "a fingerprint", &text) &&
		    !read_fingerprint(r, text, &items[i]))
			reading_complain(r, reading_place(r, item),
					 "'%.*s' is not a SHA-256 digest: 64 hexadecimal digits",
					 GP_SLICE_FMT(reading_shown(text)));
	}
	d->fingerprints = items;
	d->fingerprints_len = len;
}

void
reading_destinations(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_config *cfg = at;
	struct gp_destination_config *items =
		start_list(r, node, YAML_MAPPING_NODE, key, sizeof(*items));
	size_t len = reading_count(node);
	struct gp_map names = gp_map(len, no_seed);
	for (size_t i = 0; items && i < len; i++) {
		const yaml_node_t *value;
		const yaml_node_t *name = reading_pair(r, node, i, &value);
		struct gp_destination_config *d = &items[i];
		struct gp_slice text;
		if (reading_scalar(r, name, "a destination", &text) &&
		    read_hop_name(r, reading_place(r, name), text, &d->name))
			enter_name(r, &names, d->name, name);
		reading_group(r, value, reading_place(r, name), key, key->group, d);
		if (d->fingerprints_len > 0 && d->tls > GP_DEMAND_MAY)
			reading_complain(
				r, reading_place(r, name),
				"fingerprints are the proof, and leave nothing for 'tls' to say");
	}
	gp_map_free(&names);
	cfg->destinations = items;
	cfg->destinations_len = items ? len : 0;
}

void
reading_overrides(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_config *cfg = at;
	struct gp_override_config *items =
		start_list(r, node, YAML_MAPPING_NODE, key, sizeof(*items));
	size_t len = reading_count(node);
	struct gp_map names = gp_map(len, no_seed);
	for (size_t i = 0; items && i < len; i++) {
		const yaml_node_t *value;
		const yaml_node_t *name = reading_pair(r, node, i, &value);
		struct gp_slice text;
		if (reading_scalar(r, name, "a domain", &text) &&
		    read_route_name(r, reading_place(r, name), text, &items[i].domain))
			enter_name(r, &names, items[i].domain, name);
		reading_group(r, value, reading_place(r, name), key, key->group, &items[i]);
	}
	gp_map_free(&names);
	cfg->authentication.overrides = items;
	cfg->authentication.overrides_len = items ? len : 0;
}

void
reading_sealers(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_config *cfg = at;
	struct gp_slice *items = start_list(r, node, YAML_SEQUENCE_NODE, key, sizeof(*items));
	size_t len = reading_count(node);
	struct gp_map names = gp_map(len, no_seed);
	for (size_t i = 0; items && i < len; i++) {
		const yaml_node_t *item = reading_item(r, node, i);
		struct gp_slice text;
		if (reading_scalar(r, item, "a domain", &text) &&
		    read_route_name(r, reading_place(r, item), text, &items[i]))
			enter_name(r, &names, items[i], item);
	}
	gp_map_free(&names);
	cfg->authentication.trusted_sealers = items;
	cfg->authentication.trusted_sealers_len = items ? len : 0;
}

static void
read_domain_entry(struct reading *r, const yaml_node_t *name, const yaml_node_t *value,
		  const struct gp_key *key, struct gp_map *names, struct gp_domain_config *ret)
{
	struct gp_slice text;
	if (!reading_scalar(r, name, "a domain", &text))
		return;
	if (gp_slice_find(text, '*') >= 0)
		reading_complain(
			r, reading_place(r, name),
			"'%.*s': a pattern would make domains of others ours; name each one",
			GP_SLICE_FMT(reading_shown(text)));
	else if (reading_domain(r, reading_place(r, name), text, &ret->name))
		enter_name(r, names, ret->name, name);
	reading_group(r, value, reading_place(r, name), key, key->group, ret);
}

void
reading_domains(struct reading *r, const yaml_node_t *node, const struct gp_key *key, void *at)
{
	struct gp_config *cfg = at;
	size_t complaints_before = r->complaints_len;
	struct gp_domain_config *items =
		start_list(r, node, YAML_MAPPING_NODE, key, sizeof(*items));
	size_t len = reading_count(node);
	struct gp_map names = gp_map(len, no_seed);
	for (size_t i = 0; items && i < len; i++) {
		const yaml_node_t *value;
		const yaml_node_t *name = reading_pair(r, node, i, &value);
		read_domain_entry(r, name, value, key, &names, &items[i]);
	}
	gp_map_free(&names);
	cfg->domains = items;
	cfg->domains_len = items ? len : 0;
	r->domains_good = r->complaints_len == complaints_before;
}
