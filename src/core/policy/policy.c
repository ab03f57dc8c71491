/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admission and routing. Admission follows aliases to their ends, so that what the queue holds is
 * final; routing then looks at one address at a time and knows nothing of who asked.
 */
#include "core/policy/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "core/config/directory.h"
#include "core/config/value.h"
#include "core/dns/idn.h"
#include "core/policy/mailbox.h"
#include "core/policy/suffix.h"

enum {
	ALIAS_DEPTH_MAX = 10,
	TARGETS_MAX = 1000,
};

struct gp_policy {
	const struct gp_config *cfg;
	struct gp_directory *directory;
	struct gp_map routes; /* domain, or with leading dot, to struct gp_route_config */
	uint64_t seed[2];
};

struct gp_policy *
gp_policy_new(const struct gp_config *cfg, const uint64_t seed[2])
{
	struct gp_policy *p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->cfg = cfg;
	p->seed[0] = seed[0];
	p->seed[1] = seed[1];
	p->routes = gp_map(cfg->routes_len, seed);
	p->directory = gp_directory_new(cfg, seed);
	if (!p->directory)
		return gp_policy_free(p);
	for (size_t i = 0; i < cfg->routes_len; i++) {
		if (!gp_map_set(&p->routes, cfg->routes[i].domain, (void *)&cfg->routes[i]))
			return gp_policy_free(p);
	}
	return p;
}

struct gp_policy *
gp_policy_free(struct gp_policy *p)
{
	if (!p)
		return NULL;
	gp_directory_free(p->directory);
	gp_map_free(&p->routes);
	free(p);
	return NULL;
}

bool
gp_policy_client_relays(const struct gp_policy *p, const struct gp_client *c)
{
	for (size_t i = 0; i < p->cfg->relay_networks_len; i++) {
		if (gp_network_contains(&p->cfg->relay_networks[i], c->address, c->address_len))
			return true;
	}
	return false;
}

/* Where an address is: the answer to "is it ours", found once. */
struct location {
	const struct gp_directory_domain *domain; /* NULL: not ours */
	struct gp_slice name;                     /* A-labels, lower case; NAME only */
};

/* Returns 0; 1 when the domain is no name that DNS could know; -ENOMEM. */
static int
locate(const struct gp_policy *p, const struct gp_address *a, struct gp_arena *arena,
       struct location *ret)
{
	*ret = (struct location){};
	if (a->domain_kind != GP_DOMAIN_NAME)
		return 0;
	int rc = gp_idn_to_ascii(a->domain, arena, &ret->name);
	if (rc == 0)
		ret->domain = gp_directory_find(p->directory, ret->name);
	return rc;
}

/* "<postmaster>" and postmaster@hostname are this server's own (RFC 5321 section 4.5.1); they live
 * in the first domain. */
static bool
is_servers_postmaster(const struct gp_policy *p, const struct gp_address *a,
		      const struct location *at)
{
	bool here = a->domain_kind == GP_DOMAIN_NONE ||
		    (a->domain_kind == GP_DOMAIN_NAME && !at->domain &&
		     gp_slice_eq(at->name, p->cfg->hostname));
	return here && p->cfg->domains_len > 0 &&
	       gp_slice_eq_nocase(a->local, GP_SLICE("postmaster"));
}

/* Octets of a literal's address, IPv4-mapped as 4; 0: GENERAL. */
static size_t
literal_address(const struct gp_address *a, uint8_t ret[16])
{
	const struct gp_slice tag = GP_SLICE("[IPv6:");
	struct gp_slice inside = a->domain;
	if (a->domain_kind != GP_DOMAIN_IPV4 && a->domain_kind != GP_DOMAIN_IPV6)
		return 0;
	inside = gp_slice_drop(inside, a->domain_kind == GP_DOMAIN_IPV6 ? tag.len : 1);
	inside = gp_slice_take(inside, inside.len - 1);
	return gp_ip_parse(inside, ret);
}

/* Addresses that mean this machine, or nobody. */
static const struct gp_network no_destinations[] = {
	{{0}, 4, 8},           /* this network: RFC 1122 section 3.2.1.3 */
	{{127}, 4, 8},         /* loopback: the same */
	{{224}, 4, 3},         /* multicast and reserved, broadcast: RFC 5771, RFC 1112 section 4 */
	{{}, 16, 127},         /* unspecified and loopback: RFC 4291 sections 2.5.2 and 2.5.3 */
	{{0xff}, 16, 8},       /* multicast: RFC 4291 section 2.7 */
	{{0xfe, 0x80}, 16, 10} /* link-local: RFC 4291 section 2.5.6; it would need a zone */
};

static bool
is_listened_at(const struct gp_policy *p, const uint8_t *address, size_t len)
{
	for (size_t i = 0; i < p->cfg->listens_len; i++) {
		struct gp_slice text = p->cfg->listens[i].address;
		uint8_t own[16];
		ptrdiff_t colon = gp_slice_rfind(text, ':');
		struct gp_slice host = colon < 0 ? text : gp_slice_take(text, (size_t)colon);
		if (gp_slice_starts(host, GP_SLICE("[")))
			host = gp_slice_take(gp_slice_drop(host, 1), host.len - 2);
		if (gp_ip_parse(host, own) == len && memcmp(own, address, len) == 0)
			return true;
	}
	return false;
}

/* A literal that mail can be sent to: none of ours, and one that says where. */
static bool
literal_is_elsewhere(const struct gp_policy *p, const struct gp_address *a)
{
	uint8_t address[16];
	size_t len = literal_address(a, address);
	for (size_t i = 0; i < GP_ARRAY_LEN(no_destinations); i++) {
		if (gp_network_contains(&no_destinations[i], address, len))
			return false;
	}
	return len > 0 && !is_listened_at(p, address, len);
}

/* Alias expansion in progress. */
struct expansion {
	const struct gp_policy *p;
	struct gp_arena *arena;
	struct gp_target *targets;
	size_t targets_len;
	struct gp_map seen; /* targets, spelled so that equal ones are equal */
	const struct gp_alias *path[ALIAS_DEPTH_MAX];
	size_t depth;
};

/* 0; 1: the configuration is at fault; -ENOMEM */
static int
add_target(struct expansion *x, struct gp_slice text, struct gp_slice key, bool forwarded)
{
	static char present;
	if (gp_map_get(&x->seen, key))
		return 0;
	if (x->targets_len >= TARGETS_MAX)
		return 1;
	/* Most mail has one target: the array is made when there are more. */
	if (x->targets_len == 1) {
		struct gp_target *more = gp_arena_array(x->arena, TARGETS_MAX, sizeof(*more));
		if (!more)
			return -ENOMEM;
		more[0] = x->targets[0];
		x->targets = more;
	}
	if (!gp_map_set(&x->seen, key, &present))
		return -ENOMEM;
	x->targets[x->targets_len++] = (struct gp_target){text, forwarded};
	return 0;
}

static int
expand_alias(struct expansion *x, const struct gp_directory_entry *entry);

/* A mailbox of ours as it was addressed, for LMTP and the next host may look at the subaddress. */
static int
add_mailbox(struct expansion *x, const struct gp_address *a, const struct location *at)
{
	char *key = gp_arena_str(x->arena, a->local);
	if (!key)
		return -ENOMEM;
	for (size_t i = 0; i < a->local.len; i++)
		key[i] = gp_ascii_lower(key[i]);
	struct gp_slice name = gp_arena_printf(x->arena, "%s@%.*s", key, GP_SLICE_FMT(at->name));
	return name.ptr ? add_target(x, a->text, name, false) : -ENOMEM;
}

/* An alias's name among its own targets means the mailbox of that name. */
static bool
means_own_mailbox(const struct expansion *x, const struct gp_directory_entry *entry)
{
	return entry->own_mailbox && x->depth > 0 && x->path[x->depth - 1] == entry->alias;
}

static int
expand_target(struct expansion *x, struct gp_slice text)
{
	struct gp_address a;
	struct location at;
	struct gp_directory_entry entry;
	const char *why;
	int rc = gp_address_parse(text, x->arena, &a, &why);
	if (rc == 0)
		rc = locate(x->p, &a, x->arena, &at);
	if (rc != 0)
		return rc;
	if (!at.domain)
		return add_target(x, a.text, a.text, true);
	rc = gp_directory_look_up(at.domain, a.local, x->arena, &entry);
	if (rc != 0)
		return rc;
	if (entry.kind == GP_DIRECTORY_MAILBOX || means_own_mailbox(x, &entry))
		return add_mailbox(x, &a, &at);
	return entry.kind == GP_DIRECTORY_ALIAS ? expand_alias(x, &entry) : 1;
}

static int
expand_alias(struct expansion *x, const struct gp_directory_entry *entry)
{
	int rc = 0;
	for (size_t i = 0; i < x->depth; i++) {
		if (x->path[i] == entry->alias)
			return 1;
	}
	if (x->depth == ALIAS_DEPTH_MAX)
		return 1;
	x->path[x->depth++] = entry->alias;
	for (size_t i = 0; rc == 0 && i < entry->alias->targets_len; i++)
		rc = expand_target(x, entry->alias->targets[i]);
	x->depth--;
	return rc;
}

static void
accept_targets(struct gp_admission *ret, const struct gp_target *targets, size_t len)
{
	ret->reply = GP_REPLY(250, 2, 1, 5, "recipient ok");
	ret->targets = targets;
	ret->targets_len = len;
}

/* Accepts the address itself. */
static int
accept_as_is(struct gp_arena *arena, struct gp_slice address, struct gp_admission *ret)
{
	struct gp_target *one = gp_arena_new(arena, struct gp_target);
	if (!one)
		return -ENOMEM;
	*one = (struct gp_target){.address = address};
	accept_targets(ret, one, 1);
	return 0;
}

static int
admit_alias(const struct gp_policy *p, const struct gp_directory_entry *entry,
	    struct gp_arena *arena, struct gp_admission *ret)
{
	struct gp_target *first = gp_arena_new(arena, struct gp_target);
	struct expansion x = {.p = p, .arena = arena, .targets = first};
	if (!first)
		return -ENOMEM;
	x.seen = gp_map(TARGETS_MAX, p->seed);
	int rc = expand_alias(&x, entry);
	gp_map_free(&x.seen);
	if (rc < 0)
		return rc;
	if (rc > 0 || x.targets_len == 0)
		ret->reply = GP_REPLY(451, 4, 3, 5, "this alias is misconfigured here");
	else
		accept_targets(ret, x.targets, x.targets_len);
	return 0;
}

static int
admit_ours(const struct gp_policy *p, const struct gp_directory_domain *domain,
	   const struct gp_address *rcpt, struct gp_arena *arena, struct gp_admission *ret)
{
	struct gp_directory_entry entry;
	int rc = gp_directory_look_up(domain, rcpt->local, arena, &entry);
	if (rc != 0)
		return rc;
	if (entry.kind == GP_DIRECTORY_ALIAS)
		return admit_alias(p, &entry, arena, ret);
	if (entry.kind == GP_DIRECTORY_MAILBOX)
		return accept_as_is(arena, rcpt->text, ret);
	ret->reply = GP_REPLY(550, 5, 1, 1, "no such recipient here");
	return 0;
}

static int
admit_others(const struct gp_policy *p, const struct gp_client *c, const struct gp_address *rcpt,
	     struct gp_arena *arena, struct gp_admission *ret)
{
	if (!c->relay)
		ret->reply = GP_REPLY(550, 5, 7, 1, "relaying denied: not a domain of this server");
	else if (rcpt->domain_kind == GP_DOMAIN_NONE)
		ret->reply = GP_REPLY(550, 5, 1, 3, "an address needs a domain");
	else if (rcpt->domain_kind != GP_DOMAIN_NAME && !literal_is_elsewhere(p, rcpt))
		ret->reply = GP_REPLY(550, 5, 1, 2, "mail cannot be sent to this literal");
	else
		return accept_as_is(arena, rcpt->text, ret);
	return 0;
}

/* Whether the address is one that only gp_srs_back() knows. */
static bool
is_srs(const struct gp_policy *p, const struct gp_address *a, const struct location *at)
{
	return p->cfg->srs.domain.len > 0 && at->domain &&
	       gp_slice_eq(at->name, p->cfg->srs.domain) && gp_srs_is(a->local);
}

/* Bounces of what was forwarded go back to who sent it. */
static int
admit_back(const struct gp_policy *p, const struct gp_client *c, const struct gp_address *rcpt,
	   struct gp_arena *arena, struct gp_admission *ret)
{
	struct gp_address sender = {};
	struct location at;
	const struct gp_client with_our_word = {.relay = true};
	if (!c->srs || c->srs->keys_len == 0) {
		ret->reply = GP_REPLY(451, 4, 3, 5, "cannot look at such addresses now");
		return 0;
	}
	int rc = gp_srs_back(c->srs, rcpt->local, arena, &sender);
	if (rc < 0)
		return rc;
	if (rc == GP_SRS_EXPIRED)
		ret->reply = GP_REPLY(550, 5, 1, 1, "this address is no longer in use");
	else if (rc > 0)
		ret->reply = GP_REPLY(550, 5, 1, 1, "not an address that was made here");
	else if (!c->null_sender)
		ret->reply =
			GP_REPLY(550, 5, 7, 1, "only bounces, from <>, may go to this address");
	if (rc > 0 || !c->null_sender)
		return 0;
	rc = locate(p, &sender, arena, &at);
	if (rc == 0 && at.domain)
		return admit_ours(p, at.domain, &sender, arena, ret);
	return rc < 0 ? rc : admit_others(p, &with_our_word, &sender, arena, ret);
}

int
gp_policy_rcpt(const struct gp_policy *p, const struct gp_client *c, const struct gp_address *rcpt,
	       struct gp_arena *arena, struct gp_admission *ret)
{
	struct location at;
	struct gp_address postmaster;
	*ret = (struct gp_admission){};
	int rc = locate(p, rcpt, arena, &at);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		ret->reply = c->relay
				     ? GP_REPLY(550, 5, 1, 2, "not a domain name")
				     : GP_REPLY(550, 5, 7, 1, "relaying denied: not a domain name");
		return 0;
	}
	if (is_servers_postmaster(p, rcpt, &at)) {
		const char *why;
		struct gp_slice name = gp_arena_printf(arena, "postmaster@%.*s",
						       GP_SLICE_FMT(p->cfg->domains[0].name));
		rc = gp_address_parse(name, arena, &postmaster, &why);
		if (rc != 0)
			return -ENOMEM;
		rcpt = &postmaster;
		at.domain = gp_directory_find(p->directory, p->cfg->domains[0].name);
	}
	if (is_srs(p, rcpt, &at))
		return admit_back(p, c, rcpt, arena, ret);
	if (at.domain)
		return admit_ours(p, at.domain, rcpt, arena, ret);
	return admit_others(p, c, rcpt, arena, ret);
}

int
gp_policy_forward(const struct gp_policy *p, const struct gp_srs *srs, struct gp_slice sender,
		  struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_address a;
	struct location at;
	const char *why;
	if (!srs || srs->keys_len == 0 || p->cfg->srs.domain.len == 0 || sender.len == 0)
		return 1;
	int rc = gp_address_parse(sender, arena, &a, &why);
	if (rc == 0)
		rc = locate(p, &a, arena, &at);
	if (rc != 0)
		return rc;
	if (at.domain || gp_slice_eq(at.name, p->cfg->hostname))
		return 1;
	return gp_srs_forward(srs, &a, p->cfg->srs.domain, arena, ret);
}

int
gp_policy_forwarded_for(const struct gp_policy *p, const struct gp_srs *srs, struct gp_slice path,
			struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_address a, sender = {};
	struct location at;
	const char *why;
	if (!srs || srs->keys_len == 0 || path.len == 0)
		return 1;
	int rc = gp_address_parse(path, arena, &a, &why);
	if (rc == 0)
		rc = locate(p, &a, arena, &at);
	if (rc == 0)
		rc = is_srs(p, &a, &at) ? gp_srs_back(srs, a.local, arena, &sender) : 1;
	if (rc == 0)
		*ret = sender.text;
	return GP_MIN(rc, 1);
}

/* Routing below: each way fills in what is its own. */

/* 0, or -ENOMEM */
static int
set_key(struct gp_arena *arena, const char *prefix, struct gp_slice target, struct gp_route *ret)
{
	ret->destination = gp_arena_printf(arena, "%s%.*s", prefix, GP_SLICE_FMT(target));
	return ret->destination.ptr ? 0 : -ENOMEM;
}

/* target: canonical host:port */
static int
set_host(struct gp_arena *arena, struct gp_slice target, struct gp_route *ret)
{
	struct gp_endpoint e;
	const char *why;
	int rc = gp_endpoint_parse(target, 0, arena, &e, &why);
	gp_assert(rc <= 0);
	ret->host = e.host;
	ret->port = e.port;
	return rc;
}

static int
route_to_host(struct gp_arena *arena, struct gp_slice target, struct gp_route *ret)
{
	ret->transport = GP_TRANSPORT_SMTP;
	int rc = set_host(arena, target, ret);
	return rc == 0 ? set_key(arena, "smtp:", target, ret) : rc;
}

static int
route_to_lmtp(struct gp_arena *arena, struct gp_slice target, struct gp_route *ret)
{
	ret->transport = GP_TRANSPORT_LMTP;
	ret->host = target;
	if (!gp_slice_starts(target, GP_SLICE("unix:"))) {
		int rc = set_host(arena, target, ret);
		if (rc != 0)
			return rc;
	}
	return set_key(arena, "lmtp:", target, ret);
}

static int
route_to_maildir(const struct gp_domain_config *cfg, struct gp_slice mailbox,
		 struct gp_arena *arena, struct gp_route *ret, struct gp_reply *ret_reply)
{
	ret->transport = GP_TRANSPORT_MAILDIR;
	struct gp_slice local = gp_address_unquote(mailbox, arena);
	if (!local.ptr)
		return -ENOMEM;
	int rc = gp_mailbox_path(cfg->deliver.target, cfg->name, local, arena, &ret->mailbox);
	if (rc > 0)
		*ret_reply = GP_REPLY(550, 5, 1, 3, "local part is too long for a mailbox");
	return rc == 0 ? set_key(arena, "maildir:", ret->mailbox, ret) : rc;
}

static int
route_ours(const struct gp_directory_domain *domain, const struct gp_address *a,
	   struct gp_arena *arena, struct gp_route *ret, struct gp_reply *ret_reply)
{
	const struct gp_domain_config *cfg = gp_directory_config(domain);
	const struct gp_deliver *deliver = &cfg->deliver;
	struct gp_directory_entry entry;
	int rc = gp_directory_look_up(domain, a->local, arena, &entry);
	if (rc != 0)
		return rc;
	if (cfg->reports.len > 0 && gp_slice_eq(entry.mailbox, cfg->reports)) {
		ret->transport = GP_TRANSPORT_REPORTS;
		return set_key(arena, "reports", gp_slice(NULL, 0), ret);
	}
	switch ((enum gp_deliver_kind)deliver->kind) {
	case GP_DELIVER_MAILDIR:
		return route_to_maildir(cfg, entry.mailbox, arena, ret, ret_reply);
	case GP_DELIVER_LMTP:
		return route_to_lmtp(arena, deliver->target, ret);
	case GP_DELIVER_RELAY:
		return route_to_host(arena, deliver->target, ret);
	case GP_DELIVER_DISCARD:
		break;
	}
	ret->transport = GP_TRANSPORT_DISCARD;
	return set_key(arena, "discard", gp_slice(NULL, 0), ret);
}

static int
route_to_literal(const struct gp_address *a, struct gp_arena *arena, struct gp_route *ret)
{
	uint8_t address[16];
	size_t len = literal_address(a, address);
	struct gp_buf text = GP_BUF_INIT(64);
	gp_ip_write(&text, address, len);
	struct gp_endpoint e = {.host = gp_buf_slice(&text), .port = 25};
	struct gp_buf target = GP_BUF_INIT(64);
	gp_endpoint_write(&target, &e);
	struct gp_slice copy = gp_arena_dup(arena, gp_buf_slice(&target));
	bool failed = text.failed || target.failed || !copy.ptr;
	gp_buf_free(&text);
	gp_buf_free(&target);
	return failed ? -ENOMEM : route_to_host(arena, copy, ret);
}

static int
route_others(const struct gp_policy *p, const struct gp_address *a, struct gp_arena *arena,
	     struct gp_route *ret)
{
	bool name = a->domain_kind == GP_DOMAIN_NAME;
	const struct gp_route_config *route = name ? gp_suffix_find(&p->routes, ret->domain) : NULL;
	if (route)
		return route_to_host(arena, route->target, ret);
	if (p->cfg->smarthost.address.len > 0) {
		int rc = route_to_host(arena, p->cfg->smarthost.address, ret);
		return rc == 0 ? set_key(arena, "smarthost", gp_slice(NULL, 0), ret) : rc;
	}
	if (!name)
		return route_to_literal(a, arena, ret);
	ret->transport = GP_TRANSPORT_SMTP;
	return set_key(arena, "mx:", ret->domain, ret);
}

int
gp_policy_route(const struct gp_policy *p, struct gp_slice address, struct gp_arena *arena,
		struct gp_route *ret, struct gp_reply *ret_reply)
{
	struct gp_address a;
	struct location at;
	const char *why;
	*ret = (struct gp_route){};
	*ret_reply = GP_REPLY(550, 5, 1, 3, "not an address that mail can be sent to");
	int rc = gp_address_parse(address, arena, &a, &why);
	if (rc != 0)
		return rc;
	rc = locate(p, &a, arena, &at);
	if (rc != 0)
		return rc;
	ret->domain = a.domain_kind == GP_DOMAIN_NAME ? at.name : a.domain;
	if (at.domain)
		return route_ours(at.domain, &a, arena, ret, ret_reply);
	if (a.domain_kind == GP_DOMAIN_NONE ||
	    (a.domain_kind != GP_DOMAIN_NAME && !literal_is_elsewhere(p, &a)))
		return 1;
	return route_others(p, &a, arena, ret);
}
