/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn: an address is sent to its host at once; a name is asked about first, and is sent to the
 * hosts of all its addresses, each with what its TLSA records demand.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/scan/log.h"
#include "cli/scan/policy.h"
#include "sys/clock.h"

enum {
	TURN_ARENA_MAX =
		4 << 20, /* a domain with all its hosts, their addresses and TLSA records */
};

static const char left_out[] = "is on the list of those who asked not to be scanned";

void
turn_free(struct turn *t)
{
	struct engine *e = t->engine;
	gp_ask_end(&t->ask);
	if (t->policy)
		scan_policy_end(t->policy);
	gp_list_remove(&t->link);
	gp_arena_free(&t->arena);
	free(t);
	e->open_turns--;
}

void
turn_tell(struct sight *s, const struct scan_result *result)
{
	struct turn *t = s->turn;
	struct engine *e = t->engine;
	s->view.result = result;
	e->counts.told++;
	scan_log_view(e->o->log, result ? result->number : 0, gp_clock_monotonic_ms(), &s->view);
	int r = e->o->tell(e->o->context, &s->view);
	if (r < 0)
		engine_finish(e, r);
	gp_assert(t->open > 0);
	if (--t->open > 0)
		return;
	/* What is cut off by the end of the run is not done. */
	if (!e->stop) {
		gp_progress_note(e->o->progress, t->number);
		e->counts.turns_done++;
	}
	turn_free(t);
}

static struct sight *
make_sights(struct turn *t, size_t len)
{
	t->sights = gp_arena_array(&t->arena, len, sizeof(*t->sights));
	t->open = len;
	for (size_t i = 0; t->sights && i < len; i++) {
		gp_list_init(&t->sights[i].link);
		t->sights[i].turn = t;
		t->sights[i].view =
			(struct scan_view){.target = t->what.name, .port = t->what.port};
	}
	return t->sights;
}

/* --- names --- */

static void
tell_unresolved(struct turn *t)
{
	struct sight *s = make_sights(t, 1);
	if (!s) {
		engine_finish(t->engine, -ENOMEM);
		return;
	}
	s->view.why = t->hosts.why;
	s->view.temporary = t->hosts.temporary;
	t->engine->counts.unresolved++;
	turn_tell(s, NULL);
}

/* Its owner had more to say than there is room for; the other targets go on. */
static void
give_up_name(struct turn *t)
{
	gp_ask_end(&t->ask);
	if (t->policy)
		scan_policy_end(t->policy);
	t->policy = NULL;
	gp_arena_reset(&t->arena);
	t->hosts.why = "the DNS says more of it than there is room for";
	tell_unresolved(t);
}

/* An MX record leads to hosts of others. */
static bool
wants_to_be_left_out(const struct engine *e, const struct gp_host_address *a)
{
	return gp_optout_has_name(e->o->optout, a->host) ||
	       gp_optout_has_name(e->o->optout, a->canonical);
}

static void
leave_out(struct sight *s)
{
	s->view.why = left_out;
	s->turn->engine->counts.left_out++;
	turn_tell(s, NULL);
}

static void
look_at_all(struct turn *t)
{
	const struct engine *e = t->engine;
	/* The last one may end the turn. */
	size_t len = t->hosts.addresses_len;
	struct sight *sights = t->sights;
	for (size_t i = 0; i < len; i++) {
		const struct gp_host_address *a = sights[i].view.host;
		if (wants_to_be_left_out(e, a))
			leave_out(&sights[i]);
		else
			host_look(&sights[i], a->address, a->address_len, true);
	}
}

/* What DANE has to say of each host. Returns as gp_dane_eval() does: NEED, or all is known. */
static int
find_dane(struct turn *t)
{
	for (; t->asked_dane < t->hosts.addresses_len; t->asked_dane++) {
		struct sight *s = &t->sights[t->asked_dane];
		const struct gp_host_address *a = &t->hosts.addresses[t->asked_dane];
		const struct gp_dane_host host = {.name = a->host,
						  .canonical = a->canonical,
						  .secure = a->secure,
						  .port = t->what.port};
		s->view.host = a;
		s->view.mx = t->engine->o->mx;
		int r = gp_dane_eval(&host, t->ask.answers, &t->arena, &s->dane);
		if (r < 0)
			return r;
		if (r == GP_DANE_NEED)
			return gp_ask_for(&t->ask, s->dane.need, s->dane.need_len) < 0
				       ? -ENOMEM
				       : GP_DANE_NEED;
		s->view.dane = &s->dane;
		s->view.dane_outcome = r;
	}
	return 0;
}

static void
on_policy(struct scan_policy_fetch *f);

/* What MTA-STS has to say of the domain. Returns 0, a positive number when it is not yet known, or
   -ENOMEM. */
static int
find_policy(struct turn *t)
{
	if (!t->engine->o->mta_sts)
		return 0;
	if (!t->policy) {
		t->policy = gp_arena_new(&t->arena, struct scan_policy_fetch);
		if (!t->policy)
			return -ENOMEM;
		*t->policy = (struct scan_policy_fetch){.engine = t->engine,
							.turn = t,
							.arena = &t->arena,
							.domain = t->what.name,
							.done = on_policy};
	}
	struct scan_policy_fetch *f = t->policy;
	int r = scan_policy_look(f, t->ask.answers);
	if (r == SCAN_POLICY_NEED && gp_ask_for(&t->ask, f->need, f->need_len) < 0)
		return -ENOMEM;
	for (size_t i = 0; r == SCAN_POLICY_DONE && i < t->hosts.addresses_len; i++)
		t->sights[i].view.policy = &f->policy;
	return r;
}

static int
find_hosts(struct turn *t)
{
	const struct scan_engine_options *o = t->engine->o;
	const struct gp_hosts_query query = {t->what.name, o->mx, o->each_name};
	int r = gp_hosts_eval(&query, t->ask.answers, &t->arena, &t->hosts);
	if (r == GP_HOSTS_NEED && gp_ask_for(&t->ask, t->hosts.need, t->hosts.need_len) < 0)
		return -ENOMEM;
	if (r == GP_HOSTS_DONE && o->mx_only && !t->hosts.mx) {
		t->hosts.why = "has no MX record";
		return GP_HOSTS_NONE;
	}
	if (r == GP_HOSTS_DONE && !make_sights(t, t->hosts.addresses_len))
		return -ENOMEM;
	return r;
}

static void
step(struct turn *t)
{
	int r = t->sights ? GP_HOSTS_DONE : find_hosts(t);
	if (r == GP_HOSTS_NONE) {
		tell_unresolved(t);
		return;
	}
	if (r == GP_HOSTS_DONE)
		r = find_dane(t);
	if (r == 0)
		r = find_policy(t);
	if (r < 0 || t->arena.failed)
		give_up_name(t);
	else if (r == 0)
		look_at_all(t);
}

static void
on_policy(struct scan_policy_fetch *f)
{
	step(f->turn);
}

static void
on_ready(struct gp_ask *ask)
{
	step(gp_container_of(ask, struct turn, ask));
}

/* --- its beginning --- */

static void
begin_name(struct turn *t)
{
	struct engine *e = t->engine;
	if (gp_optout_has_name(e->o->optout, t->what.name)) {
		t->hosts.why = left_out;
		tell_unresolved(t);
		return;
	}
	if (gp_ask_init(&t->ask, &e->dns, &t->arena, on_ready) < 0)
		engine_finish(e, -ENOMEM);
	else
		step(t);
}

static void
begin_address(struct turn *t)
{
	struct sight *s = make_sights(t, 1);
	const struct gp_sockaddr a =
		gp_sockaddr_from_octets(t->what.address, t->what.address_len, t->what.port);
	if (s)
		s->view.target =
			gp_arena_dup(&t->arena, gp_slice_str(gp_sockaddr_text(&a, false).s));
	if (s && s->view.target.ptr)
		host_look(s, t->what.address, t->what.address_len, false);
	else
		engine_finish(t->engine, -ENOMEM);
}

void
turn_begin(struct engine *e, uint64_t number)
{
	struct turn *t = calloc(1, sizeof(*t));
	if (!t) {
		engine_finish(e, -ENOMEM);
		return;
	}
	*t = (struct turn){.engine = e, .number = number, .arena = GP_ARENA_INIT(TURN_ARENA_MAX)};
	gp_targets_at(e->o->walk, number, &t->what);
	gp_list_append(&e->turns, &t->link);
	e->open_turns++;
	if (t->what.name.len > 0)
		begin_name(t);
	else
		begin_address(t);
}
