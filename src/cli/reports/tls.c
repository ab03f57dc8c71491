/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports tls`: which sessions failed, and whether they would fail now. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/reports/reports.h"
#include "cli/reports/tls_look.h"
#include "cli/reports/told.h"
#include "cli/reports/words.h"

enum {
	ARENA_MAX = 256 << 20,
	CONFIG_ARENA_MAX = 64 << 20,
	VERDICTS_ARENA_MAX = 16 << 20,
	REPORTERS_SHOWN = 3,
};

/* One server and result, of all reporters: they stand beside each other, from `first` on. */
struct group {
	size_t first, len; /* in the domain's list */
	uint64_t sessions;
	int64_t first_day, last_day;
};

struct domain {
	struct gp_slice name;
	uint64_t sessions, failed;
	const struct gp_reportdb_tls_failure *list;
	struct group *groups; /* those of most sessions first */
	size_t groups_len;
	bool ours; /* to be looked at */
};

struct telling {
	const struct reports_options *o;
	const struct gp_config *config; /* NULL: there is none */
	struct gp_arena arena;
	struct domain *domains; /* with failures */
	size_t domains_len;
	struct tls_look look;
	bool looked;
};

/* --- asking --- */

static int
compare_failures(const void *a, const void *b)
{
	const struct gp_reportdb_tls_failure *x = a, *y = b;
	int order = gp_slice_cmp(x->receiving_mx, y->receiving_mx);
	if (order == 0)
		order = gp_slice_cmp(x->result, y->result);
	return order != 0 ? order : (x->sessions < y->sessions) - (x->sessions > y->sessions);
}

static int
compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	int order = (x->sessions < y->sessions) - (x->sessions > y->sessions);
	return order != 0 ? order : (x->first > y->first) - (x->first < y->first);
}

static bool
is_alike(const struct gp_reportdb_tls_failure *a, const struct gp_reportdb_tls_failure *b)
{
	return gp_slice_eq(a->receiving_mx, b->receiving_mx) && gp_slice_eq(a->result, b->result);
}

static int
group(struct domain *d, size_t len, struct gp_arena *arena)
{
	d->groups = gp_arena_array(arena, len + 1, sizeof(*d->groups));
	if (!d->groups)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		const struct gp_reportdb_tls_failure *f = &d->list[i];
		if (i == 0 || !is_alike(f, f - 1))
			d->groups[d->groups_len++] = (struct group){
				.first = i, .first_day = f->first_day, .last_day = f->last_day};
		struct group *g = &d->groups[d->groups_len - 1];
		g->len++;
		g->sessions += f->sessions;
		g->first_day = GP_MIN(g->first_day, f->first_day);
		g->last_day = GP_MAX(g->last_day, f->last_day);
	}
	if (d->groups_len > 0)
		qsort(d->groups, d->groups_len, sizeof(*d->groups), compare_groups);
	return 0;
}

static int
ask_domain(struct telling *t, struct gp_reportdb *db, struct gp_slice name, struct domain *d)
{
	const struct gp_reportdb_range range = {name, t->o->from_day, t->o->to_day,
						t->o->unauthenticated};
	struct gp_reportdb_tls_failure *list;
	struct gp_reportdb_tls_day *days;
	size_t len, days_len;
	*d = (struct domain){.name = name};
	int r = gp_reportdb_tls_days(db, &range, &t->arena, &days, &days_len);
	for (size_t i = 0; r == 0 && i < days_len; i++) {
		d->sessions += days[i].successful + days[i].failed;
		d->failed += days[i].failed;
	}
	if (r == 0)
		r = gp_reportdb_tls_failures(db, &range, &t->arena, &list, &len);
	if (r != 0)
		return r;
	if (len > 0)
		qsort(list, len, sizeof(*list), compare_failures);
	d->list = list;
	return group(d, len, &t->arena);
}

static int
ask(struct telling *t, struct gp_reportdb *db)
{
	const struct gp_reportdb_range range = {t->o->domain, t->o->from_day, t->o->to_day,
						t->o->unauthenticated};
	struct gp_slice *names;
	size_t len;
	int r = gp_reportdb_tls_domains(db, &range, &t->arena, &names, &len);
	if (r != 0)
		return r;
	t->domains = gp_arena_array(&t->arena, len + 1, sizeof(*t->domains));
	if (!t->domains)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < len; i++) {
		struct domain *d = &t->domains[t->domains_len];
		bool meant = t->o->domain.len == 0 || gp_slice_eq(t->o->domain, names[i]);
		r = meant ? ask_domain(t, db, names[i], d) : 0;
		t->domains_len += meant && d->sessions > 0;
	}
	return r;
}

/* --- looking --- */

/* A stranger may report of any domain. */
static bool
is_ours(const struct telling *t, struct gp_slice name)
{
	if (t->o->domain.len > 0)
		return gp_slice_eq(t->o->domain, name);
	for (size_t i = 0; i < t->config->domains_len; i++) {
		if (gp_slice_eq_nocase(t->config->domains[i].name, name))
			return true;
	}
	return false;
}

static int
look(struct telling *t)
{
	struct gp_slice names[TLS_LOOK_DOMAINS_MAX];
	size_t len = 0;
	for (size_t i = 0; i < t->domains_len && len < GP_ARRAY_LEN(names); i++) {
		struct domain *d = &t->domains[i];
		d->ours = d->groups_len > 0 && is_ours(t, d->name);
		if (d->ours)
			names[len++] = d->name;
	}
	t->looked = len > 0;
	return t->looked ? tls_look(&t->look, t->o, t->config, names, len) : GP_EXIT_OK;
}

static struct tls_verdict
judge(const struct telling *t, const struct domain *d, const struct group *g,
      struct gp_arena *arena)
{
	const struct gp_reportdb_tls_failure *f = &d->list[g->first];
	if (!t->looked || !d->ours)
		return (struct tls_verdict){};
	return tls_look_judge(&t->look, d->name, f->result, f->receiving_mx, arena);
}

/* --- JSON --- */

static json_t *
group_json(const struct telling *t, const struct domain *d, const struct group *g,
	   struct gp_arena *arena)
{
	const struct gp_reportdb_tls_failure *f = &d->list[g->first];
	struct tls_verdict v = judge(t, d, g, arena);
	json_t *reporters = json_array();
	for (size_t i = 0; i < g->len; i++)
		json_array_append_new(reporters, json_pack("{s:o, s:I}", "org", told_text(f[i].org),
							   "sessions", (json_int_t)f[i].sessions));
	json_t *now = json_null();
	if (v.words.len > 0)
		now = json_pack("{s:s, s:o}", "state", tls_now_name(v.now), "words",
				told_text(v.words));
	return json_pack("{s:o, s:o, s:I, s:s, s:s, s:o, s:o}", "mx", told_text(f->receiving_mx),
			 "result", told_text(f->result), "sessions", (json_int_t)g->sessions,
			 "first", reports_day_text(g->first_day).s, "last",
			 reports_day_text(g->last_day).s, "reporters", reporters, "now", now);
}

static int
print_json(const struct telling *t, struct gp_arena *arena)
{
	json_t *domains = json_array();
	for (size_t i = 0; i < t->domains_len; i++) {
		const struct domain *d = &t->domains[i];
		json_t *failures = json_array();
		for (size_t k = 0; k < d->groups_len; k++)
			json_array_append_new(failures, group_json(t, d, &d->groups[k], arena));
		json_array_append_new(
			domains, json_pack("{s:o, s:I, s:I, s:o}", "domain", told_text(d->name),
					   "sessions", (json_int_t)d->sessions, "failed",
					   (json_int_t)d->failed, "failures", failures));
	}
	json_t *all = json_pack("{s:o}", "domains", domains);
	int r = all ? json_dumpf(all, stdout, JSON_COMPACT) : -1;
	json_decref(all);
	putchar('\n');
	return r == 0 ? GP_EXIT_OK : GP_EXIT_ERROR;
}

/* --- text --- */

static void
print_reporters(const struct gp_reportdb_tls_failure *f, size_t len)
{
	for (size_t i = 0; i < GP_MIN(len, (size_t)REPORTERS_SHOWN); i++)
		printf("%s%.*s", i == 0 ? "              reported by " : ", ",
		       GP_SLICE_FMT(f[i].org));
	if (len > REPORTERS_SHOWN)
		printf(" and %zu more", len - REPORTERS_SHOWN);
	putchar('\n');
}

static void
print_group(const struct telling *t, const struct domain *d, const struct group *g,
	    struct gp_arena *arena)
{
	const struct gp_reportdb_tls_failure *f = &d->list[g->first];
	struct tls_verdict v = judge(t, d, g, arena);
	printf("%12" PRIu64 "  %.*s%s%.*s, %s to %s\n", g->sessions, GP_SLICE_FMT(f->result),
	       f->receiving_mx.len > 0 ? " at " : "", GP_SLICE_FMT(f->receiving_mx),
	       reports_day_text(g->first_day).s, reports_day_text(g->last_day).s);
	print_reporters(f, g->len);
	if (v.words.len > 0)
		printf("              %s: %.*s\n", tls_now_name(v.now), GP_SLICE_FMT(v.words));
}

static int
print_text(const struct telling *t, struct gp_arena *arena)
{
	if (t->domains_len == 0)
		puts("no sessions are reported in these days: --since and --until tell of others");
	for (size_t i = 0; i < t->domains_len; i++) {
		const struct domain *d = &t->domains[i];
		printf("%.*s: %" PRIu64 " of %" PRIu64 " sessions failed\n", GP_SLICE_FMT(d->name),
		       d->failed, d->sessions);
		for (size_t k = 0; k < GP_MIN(d->groups_len, t->o->max); k++)
			print_group(t, d, &d->groups[k], arena);
	}
	return GP_EXIT_OK;
}

/* --- all of it --- */

/* The database is closed before anybody is looked at: what is connected to is a stranger. */
static int
read_database(struct telling *t)
{
	struct gp_reportdb *db;
	int code = reports_open(t->o, GP_REPORTDB_READ, &db);
	int r = code == GP_EXIT_OK ? ask(t, db) : 0;
	if (r != 0)
		code = reports_fail(db, r);
	gp_reportdb_close(db);
	return code;
}

static int
tell(struct telling *t)
{
	struct gp_arena arena = GP_ARENA_INIT(VERDICTS_ARENA_MAX);
	int code = t->o->look ? look(t) : GP_EXIT_OK;
	if (code == GP_EXIT_OK)
		code = t->o->json ? print_json(t, &arena) : print_text(t, &arena);
	if (t->looked)
		tls_look_end(&t->look);
	gp_arena_free(&arena);
	return fflush(stdout) == 0 ? code : GP_EXIT_ERROR;
}

int
reports_tls(const struct reports_options *o)
{
	static struct telling t; /* the options of a look are large */
	struct gp_arena arena = GP_ARENA_INIT(CONFIG_ARENA_MAX);
	t = (struct telling){.o = o, .arena = GP_ARENA_INIT(ARENA_MAX)};
	int code = reports_config(o, &arena, &t.config);
	if (code == GP_EXIT_OK)
		code = read_database(&t);
	if (code == GP_EXIT_OK)
		code = tell(&t);
	gp_arena_free(&t.arena);
	gp_arena_free(&arena);
	return code;
}
