/* SPDX-License-Identifier: Apache-2.0 */
/* What no single value shows: whether all of them together make a gateway that is safe to run. */
#include <string.h>

#include "base/map.h"
#include "core/config/directory.h"
#include "core/config/reading.h"
#include "core/config/value.h"
#include "core/dns/idn.h"
#include "core/policy/suffix.h"
#include "core/smtp/address.h"

enum {
	ALIAS_DEPTH_MAX = 10,
	ALIAS_REACH_MAX = 1000,
	IPV6_PREFIX_MIN = 16,
};

/*
 * IPv6 networks that stand for every IPv4 address, or for everybody who cares to use them. At the
 * shown length or one bit more, half of the Internet would be in it.
 */
static const struct gp_network worlds[] = {
	{{[10] = 0xff, [11] = 0xff}, 16, 96},     /* mapped: RFC 4291 section 2.5.5.2 */
	{{}, 16, 96},                             /* compatible: RFC 4291 section 2.5.5.1 */
	{{0x00, 0x64, 0xff, 0x9b}, 16, 96},       /* NAT64: RFC 6052 section 2.1 */
	{{0x00, 0x64, 0xff, 0x9b, 0, 1}, 16, 48}, /* NAT64: RFC 8215 */
	{{0x20, 0x02}, 16, 16},                   /* 6to4: RFC 3056 section 2 */
	{{0x20, 0x01}, 16, 32},                   /* Teredo: RFC 4380 section 4 */
};

/* Large, but no part of the Internet: unique local (RFC 4193) and link-local addresses. */
static const struct gp_network local_worlds[] = {
	{{0xfc}, 16, 7},
	{{0xfe, 0x80}, 16, 10},
};

static bool
overlap(const struct gp_network *a, const struct gp_network *b)
{
	return a->prefix_len <= b->prefix_len ? gp_network_contains(a, b->address, b->address_len)
					      : gp_network_contains(b, a->address, a->address_len);
}

const char *
reading_world(const struct gp_network *n)
{
	const char *why = "would relay for half the Internet or more";
	if (n->address_len == 4)
		return n->prefix_len <= 1 ? why : NULL;
	for (size_t i = 0; i < GP_ARRAY_LEN(worlds); i++) {
		if (n->prefix_len <= worlds[i].prefix_len + 1 && overlap(n, &worlds[i]))
			return why;
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(local_worlds); i++) {
		if (n->prefix_len >= local_worlds[i].prefix_len && overlap(n, &local_worlds[i]))
			return NULL;
	}
	if (n->prefix_len >= IPV6_PREFIX_MIN)
		return NULL;
	return "is larger than any organisation's network; IPv6 networks here have /16 or longer";
}

/* How many addresses are in it, counted in the first 64 bits and less one, which fits when all are.
 */
static uint64_t
span_of(const struct gp_network *n)
{
	return n->prefix_len >= 64 ? 0 : UINT64_MAX >> n->prefix_len;
}

/* Prefixes of one family either hold one another or share nothing, so the union's size is the sum
   over those that no other holds. */
static uint64_t
union_of(const struct gp_network *items, size_t len, uint8_t address_len)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < len; i++) {
		bool held = items[i].address_len != address_len;
		for (size_t j = 0; j < len && !held; j++) {
			bool wider = items[j].prefix_len < items[i].prefix_len ||
				     (j < i && items[j].prefix_len == items[i].prefix_len);
			held = wider && items[j].address_len == address_len &&
			       overlap(&items[j], &items[i]);
		}
		if (!held && gp_add_overflow(sum, span_of(&items[i]) + 1, &sum))
			return UINT64_MAX;
	}
	return sum;
}

void
reading_check_networks(struct reading *r, struct gp_place at)
{
	const struct gp_network *items = r->cfg->relay_networks;
	size_t len = r->cfg->relay_networks_len;
	for (size_t i = 0; i < len; i++) {
		/* Those were complained of one by one. */
		if (items[i].address_len == 0 || reading_world(&items[i]))
			return;
	}
	/* Half of IPv4; half of 2000::/3, where global addresses are (RFC 4291 section 2.4). */
	if (union_of(items, len, 4) >= UINT64_C(1) << 63 ||
	    union_of(items, len, 16) >= UINT64_C(1) << 60)
		reading_complain(r, at,
				 "relay_networks would together relay for half the Internet");
}

/* A walk over the aliases, depth first, each seen once; the stack is ours, as a file may hold a
   chain of any length. */
enum visit {
	UNSEEN,
	ON_PATH,
	DONE,
};

struct walk_node {
	const struct gp_directory_domain *domain;
	const struct gp_alias *alias;
	bool own_mailbox;
	uint8_t visit; /* enum visit */
	size_t next;   /* target to look at */
	size_t depth;  /* aliases on the longest way from here, itself included */
	size_t reach;  /* addresses it may lead to */
	size_t parent; /* index + 1 of the one that led here; 0: none */
};

struct walk {
	struct reading *r;
	const struct gp_directory *directory;
	struct walk_node *nodes;
};

static void
complain_alias(struct walk *w, const struct walk_node *node, const char *what,
	       struct gp_slice target)
{
	struct gp_slice name = reading_shown(node->alias->name), shown = reading_shown(target);
	struct gp_slice domain = reading_shown(gp_directory_config(node->domain)->name);
	reading_complain(w->r, node->alias->place, "alias '%.*s@%.*s' %s%s%.*s%s",
			 GP_SLICE_FMT(name), GP_SLICE_FMT(domain), what, shown.len > 0 ? " '" : "",
			 GP_SLICE_FMT(shown), shown.len > 0 ? "'" : "");
}

/* What a target stands for; NONE also for what is not ours. */
static bool
look_up_target(struct walk *w, struct gp_slice target,
	       const struct gp_directory_domain **ret_domain, struct gp_directory_entry *ret)
{
	struct gp_address address;
	struct gp_slice name;
	const char *why;
	*ret_domain = NULL;
	*ret = (struct gp_directory_entry){};
	gp_arena_reset(&w->r->scratch);
	if (gp_address_parse(target, &w->r->scratch, &address, &why) != 0 ||
	    address.domain_kind != GP_DOMAIN_NAME ||
	    gp_idn_to_ascii(address.domain, &w->r->scratch, &name) != 0)
		return false;
	*ret_domain = gp_directory_find(w->directory, name);
	return *ret_domain &&
	       gp_directory_look_up(*ret_domain, address.local, &w->r->scratch, ret) == 0;
}

/* Looks at one target of the node; returns the index of a node to go down to, else its own. */
static size_t
step(struct walk *w, size_t at)
{
	struct walk_node *node = &w->nodes[at];
	struct gp_slice target = node->alias->targets[node->next++];
	const struct gp_directory_domain *domain;
	struct gp_directory_entry entry;
	bool ours = look_up_target(w, target, &domain, &entry);
	if (ours && entry.kind == GP_DIRECTORY_NONE)
		complain_alias(w, node, "leads to an unknown recipient:", target);
	if (!ours || entry.kind != GP_DIRECTORY_ALIAS || (entry.index == at && node->own_mailbox)) {
		node->reach++;
		return at;
	}
	struct walk_node *child = &w->nodes[entry.index];
	if (child->visit == ON_PATH) {
		complain_alias(w, node, "goes in a circle by its target", target);
	} else if (child->visit == DONE) {
		node->depth = GP_MAX(node->depth, child->depth + 1);
		node->reach += child->reach;
	} else {
		/* Come back to this target when the child is done. */
		node->next--;
		*child = (struct walk_node){.domain = domain,
					    .alias = entry.alias,
					    .own_mailbox = entry.own_mailbox,
					    .visit = ON_PATH,
					    .depth = 1,
					    .parent = at + 1};
		return entry.index;
	}
	return at;
}

/* Reports a limit where it is passed first, and not again all the way up. */
static void
finish_node(struct walk *w, struct walk_node *node)
{
	if (node->depth > ALIAS_DEPTH_MAX) {
		complain_alias(w, node, "leads through more than 10 others", gp_slice(NULL, 0));
		node->depth = 1;
	}
	if (node->reach > ALIAS_REACH_MAX) {
		complain_alias(w, node, "leads to more than 1,000 addresses", gp_slice(NULL, 0));
		node->reach = 1;
	}
	node->visit = DONE;
}

static void
walk_from(struct walk *w, size_t start)
{
	size_t at = start;
	while (!w->r->arena->failed) {
		struct walk_node *node = &w->nodes[at];
		if (node->next < node->alias->targets_len) {
			at = step(w, at);
			continue;
		}
		finish_node(w, node);
		if (node->parent == 0)
			return;
		at = node->parent - 1;
	}
}

static void
check_aliases(struct reading *r)
{
	static const uint64_t no_seed[2];
	struct gp_directory *directory = gp_directory_new(r->cfg, no_seed);
	struct walk w = {.r = r, .directory = directory};
	size_t at = 0;
	if (directory)
		w.nodes =
			gp_arena_array(r->arena, gp_directory_aliases(directory), sizeof(*w.nodes));
	if (!w.nodes) {
		r->arena->failed = true;
		gp_directory_free(directory);
		return;
	}
	for (size_t i = 0; i < r->cfg->domains_len; i++) {
		const struct gp_domain_config *d = &r->cfg->domains[i];
		const struct gp_directory_domain *domain = gp_directory_find(directory, d->name);
		for (size_t j = 0; j < d->aliases_len; j++, at++) {
			struct gp_directory_entry e;
			gp_arena_reset(&r->scratch);
			if (w.nodes[at].visit == DONE ||
			    gp_directory_look_up(domain, d->aliases[j].name, &r->scratch, &e) != 0)
				continue;
			w.nodes[at] = (struct walk_node){.domain = domain,
							 .alias = e.alias,
							 .own_mailbox = e.own_mailbox,
							 .visit = ON_PATH,
							 .depth = 1};
			walk_from(&w, at);
		}
	}
	gp_directory_free(directory);
}

/* The place of a key of the top level, for complaints about how keys go together. */
static struct gp_place
place_of_key(const struct reading *r, const char *name)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->doc);
	bool keys = root && root->type == YAML_MAPPING_NODE;
	for (size_t i = 0; keys && i < reading_count(root); i++) {
		const yaml_node_t *value;
		const yaml_node_t *key = reading_pair(r, root, i, &value);
		if (gp_slice_eq(reading_text(key), gp_slice_str(name)))
			return reading_place(r, key);
	}
	return (struct gp_place){.file = r->file, .line = 1, .column = 1};
}

/* A value that was complained of is still 0, and these have no 0. */
static void
check_order(struct reading *r)
{
	const struct gp_config *c = r->cfg;
	if (c->retry.first == 0 || c->retry.max == 0 || c->retry.lifetime == 0 ||
	    c->concurrency.start == 0 || c->concurrency.max == 0)
		return;
	if (c->retry.first > c->retry.max || c->retry.max > c->retry.lifetime)
		reading_complain(r, place_of_key(r, "retry"),
				 "retry: first must not be over max, nor max over for");
	if (c->concurrency.start > c->concurrency.max)
		reading_complain(r, place_of_key(r, "concurrency"),
				 "concurrency: start must not be over max");
}

static void
check_routes(struct reading *r)
{
	for (size_t i = 0; i < r->cfg->routes_len; i++) {
		struct gp_slice name = r->cfg->routes[i].domain;
		for (size_t j = 0; j < r->cfg->domains_len; j++) {
			if (name.len > 0 && gp_slice_eq(name, r->cfg->domains[j].name))
				reading_complain(
					r, place_of_key(r, "routes"),
					"routes: '%.*s' is one of your domains; say `deliver: "
					"{relay: ...}` there",
					GP_SLICE_FMT(reading_shown(name)));
		}
	}
}

/* The host that a destination's mail goes to by a route; empty: it has none. */
static struct gp_slice
host_of_route(struct reading *r, const struct gp_map *routes, struct gp_slice name)
{
	const struct gp_route_config *route = gp_suffix_find(routes, name);
	struct gp_endpoint e = {};
	const char *why;
	if (route && gp_endpoint_parse(route->target, 0, &r->scratch, &e, &why) != 0)
		return (struct gp_slice){};
	return e.host;
}

/* Demands go by the next hop. One that a route makes void would be missed by nobody until it is too
   late. */
static void
check_destinations(struct reading *r)
{
	static const uint64_t no_seed[2];
	const struct gp_config *c = r->cfg;
	struct gp_map routes = gp_map(c->routes_len, no_seed);
	struct gp_map demands = gp_map(c->destinations_len, no_seed);
	bool ok = true;
	for (size_t i = 0; ok && i < c->routes_len; i++)
		ok = gp_map_set(&routes, c->routes[i].domain, (void *)&c->routes[i]);
	for (size_t i = 0; ok && i < c->destinations_len; i++)
		ok = gp_map_set(&demands, c->destinations[i].name, (void *)&c->destinations[i]);
	for (size_t i = 0; ok && i < c->destinations_len; i++) {
		struct gp_slice name = c->destinations[i].name;
		struct gp_slice host = host_of_route(r, &routes, name);
		if (host.len > 0 && !gp_suffix_find(&demands, host))
			reading_complain(
				r, place_of_key(r, "destinations"),
				"destinations: mail to '%.*s' goes by a route to '%.*s'; say "
				"there what TLS has to be like",
				GP_SLICE_FMT(reading_shown(name)),
				GP_SLICE_FMT(reading_shown(host)));
	}
	r->arena->failed = r->arena->failed || !ok;
	gp_map_free(&routes);
	gp_map_free(&demands);
}

/* Whoever listens at the smarthost's address must not be told a secret for the asking. */
static void
check_smarthost(struct reading *r)
{
	const struct gp_config *c = r->cfg;
	bool user = c->smarthost.user.len > 0;
	bool url = c->smarthost.token_url.len > 0;
	bool client = c->smarthost.client_id.len > 0 && c->smarthost.client_secret_file.len > 0;
	bool any_of_client = c->smarthost.client_id.len > 0 ||
			     c->smarthost.client_secret_file.len > 0 ||
			     c->smarthost.token_scope.len > 0;
	bool secret = c->smarthost.password_file.len > 0 || c->smarthost.token_file.len > 0 || url;
	struct gp_place at = place_of_key(r, "smarthost");
	if (user != secret)
		reading_complain(
			r, at,
			"smarthost: a user needs a password_file, token_file or token_url, and "
			"these a user");
	if (url ? !client : any_of_client)
		reading_complain(r, at,
				 "smarthost: token_url goes with client_id and client_secret_file");
	if (user && (c->smarthost.tls == GP_DEMAND_MAY || c->smarthost.tls == GP_DEMAND_NONE))
		reading_complain(
			r, at,
			"smarthost: 'tls: %s' would tell the user's secret to anybody; take "
			"verify, or at least encrypt",
			c->smarthost.tls == GP_DEMAND_MAY ? "may" : "none");
	if (c->smarthost.login != GP_LOGIN_ANY && c->smarthost.password_file.len == 0)
		reading_complain(r, at, "smarthost: login is about a password, and there is none");
	if (c->smarthost.address.len == 0 && (user || c->smarthost.tls != GP_DEMAND_AUTO))
		reading_complain(r, at, "smarthost: 'address' is missing");
}

/* A token that anybody's issuer made, or that was made for another server, proves nothing. */
static void
check_oauth(struct reading *r)
{
	const struct gp_config *c = r->cfg;
	bool complete = c->auth.oauth.issuer.len > 0 && c->auth.oauth.audience.len > 0;
	bool jwks = c->auth.oauth.jwks.len > 0, url = c->auth.oauth.introspection_url.len > 0;
	size_t id_len = c->auth.oauth.client_id.len,
	       secret_len = c->auth.oauth.client_secret_file.len;
	struct gp_place at = place_of_key(r, "auth");
	if (jwks && !complete)
		reading_complain(r, at, "auth: oauth needs issuer and audience beside jwks");
	if (jwks && url)
		reading_complain(r, at, "auth: oauth has jwks or introspection_url, not both");
	if (url ? id_len == 0 || secret_len == 0 : id_len + secret_len > 0)
		reading_complain(r, at,
				 "auth: introspection_url goes with client_id and "
				 "client_secret_file");
}

/* Bounces must come back to where they are understood, and postmaster be somebody there. */
static void
check_srs(struct reading *r)
{
	const struct gp_config *c = r->cfg;
	struct gp_place at = place_of_key(r, "srs");
	bool ours = false;
	if ((c->srs.domain.len > 0) != (c->srs.secret_file.len > 0))
		reading_complain(r, at, "srs: domain and secret_file go together");
	if (c->srs.previous_file.len > 0 && c->srs.secret_file.len == 0)
		reading_complain(r, at, "srs: previous_file goes with secret_file");
	for (size_t i = 0; i < c->domains_len; i++)
		ours = ours || gp_slice_eq(c->domains[i].name, c->srs.domain);
	if (c->srs.domain.len > 0 && r->domains_good && !ours)
		reading_complain(r, at,
				 "srs: '%.*s' is none of 'domains', so bounces could not "
				 "come back",
				 GP_SLICE_FMT(c->srs.domain));
}

static bool
is_secret(struct gp_slice option)
{
	return gp_slice_starts(option, GP_SLICE("password=")) ||
	       gp_slice_starts(option, GP_SLICE("sslpassword="));
}

/* A password in the configuration would be told to all roles. */
static void
check_received(struct reading *r)
{
	struct gp_slice url = r->cfg->reports.received_database, rest = url;
	if (url.len == 0)
		return;
	struct gp_place at = place_of_key(r, "reports");
	if (!gp_slice_starts(url, GP_SLICE("postgresql://")) &&
	    !gp_slice_starts(url, GP_SLICE("postgres://"))) {
		reading_complain(r, at, "reports: received_database is no postgresql://... URL");
		return;
	}
	(void)gp_slice_cut(&rest, '/');
	rest = gp_slice_drop(rest, 1);
	struct gp_slice place = gp_slice_cut(&rest, '/');
	ptrdiff_t user = gp_slice_find(place, '@');
	bool secret = user >= 0 && gp_slice_find(gp_slice_take(place, (size_t)user), ':') >= 0;
	(void)gp_slice_cut(&rest, '?');
	while (rest.len > 0)
		secret |= is_secret(gp_slice_cut(&rest, '&'));
	if (secret)
		reading_complain(r, at,
				 "reports: received_database has a password in it; it belongs into "
				 "a file that passfile= names");
}

/* Keys are there for our domains alone. */
static void
check_arc(struct reading *r)
{
	const struct gp_config *c = r->cfg;
	struct gp_place at = place_of_key(r, "arc");
	bool ours = false;
	for (size_t i = 0; i < c->domains_len; i++)
		ours = ours || gp_slice_eq(c->domains[i].name, c->arc.domain);
	if (c->arc.seal != GP_SEAL_NONE && c->arc.domain.len == 0)
		reading_complain(r, at, "arc: seal needs a domain to seal as");
	if (c->arc.domain.len > 0 && r->domains_good && !ours)
		reading_complain(r, at, "arc: '%.*s' is none of 'domains', so it has no keys",
				 GP_SLICE_FMT(c->arc.domain));
}

/* Passwords and cookies go by HTTPS, or stay on this machine. */
static void
check_web(struct reading *r)
{
	const struct gp_config *c = r->cfg;
	bool local = c->web.listen.len == 0 || gp_endpoint_is_loopback(c->web.listen);
	if (!local && c->tls.certificates_len == 0)
		reading_complain(r, place_of_key(r, "web"),
				 "web: listen is not on loopback, so it needs a certificate below "
				 "'tls'");
	if (c->web.listen.len > 0 && gp_slice_eq(c->web.listen, c->web.policy_listen))
		reading_complain(r, place_of_key(r, "web"),
				 "web: listen and policy_listen are the same");
}

static void
check_posts(struct reading *r)
{
	const struct gp_config *c = r->cfg;
	for (size_t i = 0; i < c->domains_len && c->web.policy_listen.len == 0; i++) {
		if (c->domains[i].tls_rpt_https)
			reading_complain(r, place_of_key(r, "domains"),
					 "domain '%.*s': what tls_rpt_https takes comes in on "
					 "web.policy_listen, which is not set",
					 GP_SLICE_FMT(c->domains[i].name));
	}
}

/* Which key is whose is found out where they are read. */
static void
check_tls(struct reading *r)
{
	const struct gp_config *c = r->cfg;
	size_t certificates = c->tls.certificates_len, keys = c->tls.keys_len;
	if (certificates != keys)
		reading_complain(
			r, place_of_key(r, "tls"),
			"tls: %zu certificates and %zu keys; each certificate needs its key",
			certificates, keys);
	for (size_t i = 0; certificates == 0 && i < c->listens_len; i++) {
		if (c->listens[i].tls == GP_LISTEN_IMPLICIT)
			reading_complain(r, place_of_key(r, "listen"),
					 "listen: 'tls: implicit' needs a certificate below 'tls'");
	}
}

void
reading_check(struct reading *r)
{
	r->cfg->users.place = place_of_key(r, "users");
	check_oauth(r);
	check_order(r);
	check_routes(r);
	check_destinations(r);
	check_smarthost(r);
	check_srs(r);
	check_received(r);
	check_arc(r);
	check_tls(r);
	check_web(r);
	check_posts(r);
	if (r->domains_good)
		check_aliases(r);
}
