/* SPDX-License-Identifier: Apache-2.0 */
#include "core/config/directory.h"

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"

struct gp_directory_domain {
	const struct gp_domain_config *cfg;
	struct gp_map entries; /* local part to struct gp_directory_entry */
};

struct gp_directory {
	struct gp_map domains; /* name to struct gp_directory_domain */
	struct gp_directory_domain *items;
	size_t items_len;
	struct gp_arena arena;
	size_t aliases;
};

static struct gp_directory_entry *
add_entry(struct gp_directory *d, struct gp_directory_domain *domain, struct gp_slice name)
{
	struct gp_directory_entry *e = gp_map_get(&domain->entries, name);
	if (e)
		return e;
	e = gp_arena_new(&d->arena, struct gp_directory_entry);
	if (!e)
		return NULL;
	e->mailbox = name;
	return gp_map_set(&domain->entries, name, e) ? e : NULL;
}

static bool
add_mailbox(struct gp_directory *d, struct gp_directory_domain *domain, struct gp_slice name)
{
	struct gp_directory_entry *e = add_entry(d, domain, name);
	if (e)
		e->kind = GP_DIRECTORY_MAILBOX;
	return e;
}

static bool
add_domain(struct gp_directory *d, struct gp_directory_domain *domain,
	   const struct gp_domain_config *cfg, const uint64_t seed[2])
{
	domain->cfg = cfg;
	domain->entries = gp_map(cfg->recipients_len + cfg->aliases_len + 1, seed);
	if (cfg->reports.len > 0 && !add_mailbox(d, domain, cfg->reports))
		return false;
	for (size_t i = 0; i < cfg->recipients_len; i++) {
		if (!add_mailbox(d, domain, cfg->recipients[i]))
			return false;
	}
	for (size_t i = 0; i < cfg->aliases_len; i++) {
		struct gp_directory_entry *e = add_entry(d, domain, cfg->aliases[i].name);
		if (!e)
			return false;
		e->own_mailbox = e->kind == GP_DIRECTORY_MAILBOX || cfg->recipients_any;
		e->kind = GP_DIRECTORY_ALIAS;
		e->alias = &cfg->aliases[i];
		e->index = d->aliases++;
	}
	return gp_map_set(&d->domains, cfg->name, domain);
}

struct gp_directory *
gp_directory_new(const struct gp_config *cfg, const uint64_t seed[2])
{
	struct gp_directory *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX);
	d->domains = gp_map(cfg->domains_len, seed);
	d->items = gp_arena_array(&d->arena, cfg->domains_len, sizeof(*d->items));
	for (size_t i = 0; d->items && i < cfg->domains_len; i++) {
		d->items_len++;
		if (!add_domain(d, &d->items[i], &cfg->domains[i], seed))
			return gp_directory_free(d);
	}
	return d->items ? d : gp_directory_free(d);
}

struct gp_directory *
gp_directory_free(struct gp_directory *d)
{
	if (!d)
		return NULL;
	for (size_t i = 0; i < d->items_len; i++)
		gp_map_free(&d->items[i].entries);
	gp_map_free(&d->domains);
	gp_arena_free(&d->arena);
	free(d);
	return NULL;
}

const struct gp_directory_domain *
gp_directory_find(const struct gp_directory *d, struct gp_slice name)
{
	return gp_map_get(&d->domains, name);
}

const struct gp_domain_config *
gp_directory_config(const struct gp_directory_domain *domain)
{
	return domain->cfg;
}

size_t
gp_directory_aliases(const struct gp_directory *d)
{
	return d->aliases;
}

/* What stands before the first separator; all of it when there is none, or nothing before it. In a
   quoted string the quotes would have to be mended, and nobody separates there. */
static struct gp_slice
without_subaddress(const struct gp_domain_config *cfg, struct gp_slice local)
{
	if (local.len > 0 && local.ptr[0] == '"')
		return local;
	for (size_t i = 1; i < local.len; i++) {
		if (gp_slice_find(cfg->subaddress_separators, local.ptr[i]) >= 0)
			return gp_slice_take(local, i);
	}
	return local;
}

static bool
could_route(struct gp_slice local)
{
	return gp_slice_find(local, '@') >= 0 || gp_slice_find(local, '%') >= 0 ||
	       gp_slice_find(local, '!') >= 0;
}

int
gp_directory_look_up(const struct gp_directory_domain *domain, struct gp_slice local,
		     struct gp_arena *arena, struct gp_directory_entry *ret)
{
	char *copy = gp_arena_str(arena, local);
	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < local.len; i++)
		copy[i] = gp_ascii_lower(copy[i]);
	struct gp_slice name = gp_slice(copy, local.len);
	struct gp_slice base = without_subaddress(domain->cfg, name);
	const struct gp_directory_entry *e = gp_map_get(&domain->entries, name);
	bool open = !could_route(name);
	if (!e && open)
		e = gp_map_get(&domain->entries, base);
	*ret = e ? *e : (struct gp_directory_entry){.mailbox = base};
	if (!e && open &&
	    (domain->cfg->recipients_any || gp_slice_eq(base, GP_SLICE("postmaster"))))
		ret->kind = GP_DIRECTORY_MAILBOX;
	return 0;
}
