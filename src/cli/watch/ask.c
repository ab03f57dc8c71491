/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch/ask.h"

#include <errno.h>
#include <stdio.h>

#include "base/map.h"
#include "cli/reports/words.h"
#include "core/senders/senders.h"
#include "reportdb/cause.h"
#include "reportdb/classify.h"
#include "sys/password.h"

enum {
	SCRATCH_MAX = 512 << 20, /* octets, of one domain's lists */
	FIRST_ROOM = 64,
	PCT_MAX = 24, /* octets of its words */
	WHOLE_PCT = 100,
	SOURCE_TIMES = 1000, /* a source of less than a thousandth of the messages is not told */
	REPORTER_TIMES = 10, /* a reporter of less than a tenth of the messages is not missed */
};

struct asking {
	struct gp_reportdb *db;
	const struct watch_question *q;
	struct gp_arena *arena;
	struct gp_arena scratch; /* of one domain */
	struct watch_readings *ret;
	int64_t end; /* the last day whose reports are in */
};

static struct watch_reading *
add(struct asking *a, uint8_t kind, struct gp_slice domain)
{
	struct watch_readings *all = a->ret;
	if (all->len == all->room) {
		size_t room = GP_MAX(2 * all->room, (size_t)FIRST_ROOM);
		struct watch_reading *more = gp_arena_array(a->arena, room, sizeof(*more));
		if (!more)
			return NULL;
		if (all->len > 0)
			memcpy(more, all->items, all->len * sizeof(*more));
		all->items = more;
		all->room = room;
	}
	struct watch_reading *r = &all->items[all->len++];
	*r = (struct watch_reading){.kind = kind, .domain = domain};
	return r;
}

/* The days that count as now, and those before them. */
static struct gp_reportdb_range
range_now(const struct asking *a, struct gp_slice domain)
{
	return (struct gp_reportdb_range){domain, a->end - (WATCH_NOW_DAYS - 1), a->end, false};
}

static struct gp_reportdb_range
range_past(const struct asking *a, struct gp_slice domain)
{
	int64_t first = a->end - (WATCH_NOW_DAYS - 1);
	return (struct gp_reportdb_range){domain, first - WATCH_PAST_DAYS, first - 1, false};
}

static struct gp_reportdb_range
range_fresh(const struct asking *a, struct gp_slice domain)
{
	return (struct gp_reportdb_range){domain, a->q->today - (WATCH_FRESH_DAYS - 1), a->q->today,
					  false};
}

static struct watch_share
aligned(const struct gp_reportdb_figures *f)
{
	return (struct watch_share){GP_MIN(f->aligned, f->messages), f->messages};
}

/* --- silence --- */

static int
add_silence(struct asking *a, struct gp_slice domain, struct gp_slice object, const int64_t *days,
	    size_t len)
{
	struct watch_reading read = {};
	if (!watch_pause(days, len, a->end, &read))
		return 0;
	struct watch_reading *r = add(a, WATCH_SILENCE, domain);
	if (!r)
		return -ENOMEM;
	r->object = object;
	r->now = read.now;
	r->past = read.past;
	r->day = read.day;
	return 0;
}

/* Days of which reports may still come count when they have some. */
static struct gp_reportdb_range
range_history(const struct asking *a, struct gp_slice domain)
{
	return (struct gp_reportdb_range){domain, a->end - WATCH_HISTORY_DAYS, a->q->today, false};
}

static int
ask_silence(struct asking *a, struct gp_slice domain)
{
	struct gp_reportdb_range range = range_history(a, domain);
	struct gp_reportdb_day *list;
	size_t len;
	int r = gp_reportdb_days(a->db, &range, &a->scratch, &list, &len);
	int64_t *days = gp_arena_array(&a->scratch, len + 1, sizeof(*days));
	if (r < 0 || !days)
		return r < 0 ? r : -ENOMEM;
	for (size_t i = 0; i < len; i++)
		days[i] = list[i].day;
	return add_silence(a, domain, GP_SLICE(""), days, len);
}

/* The rate of one who came only lately is none yet. */
static int
add_reporter(struct asking *a, struct gp_slice domain, const struct gp_reportdb_reporter *from)
{
	struct watch_reading *r = add(a, WATCH_REPORTER, domain);
	if (!r)
		return -ENOMEM;
	r->object = gp_arena_dup(a->arena, from->org);
	r->day = from->last_day;
	r->now.part = (uint64_t)GP_MAX(a->end - from->last_day, INT64_C(0));
	int64_t span = from->last_day - from->first_day + 1;
	r->past.part = from->reports;
	r->past.whole = (uint64_t)GP_MAX(span, (int64_t)WATCH_FRESH_DAYS);
	return 0;
}

static int
ask_reporters(struct asking *a, struct gp_slice domain)
{
	struct gp_reportdb_range range = range_history(a, domain);
	struct gp_reportdb_reporter *list;
	size_t len;
	uint64_t messages = 0;
	int r = gp_reportdb_reporters(a->db, &range, GP_INGEST_AGGREGATE, &a->scratch, &list, &len);
	for (size_t i = 0; r == 0 && i < len; i++)
		messages += list[i].messages;
	for (size_t i = 0; r == 0 && i < len; i++) {
		if (list[i].messages >= messages / REPORTER_TIMES)
			r = add_reporter(a, domain, &list[i]);
	}
	return r;
}

/* --- alignment --- */

static struct watch_share
worst_of(struct asking *a, const struct gp_reportdb_day *list, size_t len)
{
	struct watch_day *days = gp_arena_array(&a->scratch, len + 1, sizeof(*days));
	if (!days)
		return (struct watch_share){};
	for (size_t i = 0; i < len; i++)
		days[i] = (struct watch_day){list[i].day, aligned(&list[i].figures)};
	return watch_worst(days, len, a->q->limits.messages);
}

static int
ask_alignment(struct asking *a, struct gp_slice domain)
{
	struct gp_reportdb_day *days;
	size_t len;
	struct gp_reportdb_range now = range_now(a, domain), past = range_past(a, domain);
	struct gp_reportdb_figures f, g;
	int r = gp_reportdb_total(a->db, &now, &f);
	if (r == 0)
		r = gp_reportdb_total(a->db, &past, &g);
	if (r == 0)
		r = gp_reportdb_days(a->db, &past, &a->scratch, &days, &len);
	struct watch_reading *reading = r == 0 ? add(a, WATCH_ALIGNMENT, domain) : NULL;
	if (r < 0 || !reading)
		return r < 0 ? r : -ENOMEM;
	reading->now = aligned(&f);
	reading->past = aligned(&g);
	reading->worst = worst_of(a, days, len);
	return a->scratch.failed ? -ENOMEM : 0;
}

static struct gp_slice
address_key(const struct gp_reportdb_source *s)
{
	return gp_slice((const char *)s->address, sizeof(s->address));
}

/* False: nobody who is known; *ret is empty, and *ret_network whose network it is in, if it is
   known. */
static bool
find_sender(const struct asking *a, const struct gp_reportdb_source *s, struct gp_sender *ret,
	    struct gp_slice *ret_network)
{
	struct gp_asn asn;
	(void)gp_asn_find(a->q->networks, s->address, &asn);
	*ret_network = asn.organization;
	return gp_sender_find(s->name, asn.number, ret);
}

static enum gp_reportdb_class
class_of(const struct asking *a, const struct gp_reportdb_source *s)
{
	struct gp_sender sender;
	struct gp_slice network;
	bool known = find_sender(a, s, &sender, &network);
	return gp_reportdb_classify_source(s, known ? &sender : NULL);
}

/* "mail.example.net, Amazon SES, provider": what is known of it. */
static struct gp_slice
describe(const struct asking *a, const struct gp_reportdb_source *s)
{
	struct gp_sender sender;
	struct gp_slice network;
	struct gp_slice whose = find_sender(a, s, &sender, &network) ? sender.provider : network;
	return gp_arena_printf(a->arena, "%.*s%s%.*s%s%s", GP_SLICE_FMT(s->name),
			       s->name.len > 0 ? ", " : "", GP_SLICE_FMT(whose),
			       whose.len > 0 ? ", " : "", gp_reportdb_class_name(class_of(a, s)));
}

/* object and more are set. */
static struct watch_reading *
add_source(struct asking *a, uint8_t kind, struct gp_slice domain,
	   const struct gp_reportdb_source *s)
{
	struct reports_text address = reports_address_text(s->address);
	struct watch_reading *r = add(a, kind, domain);
	if (!r)
		return NULL;
	r->object = gp_arena_dup(a->arena, gp_slice_str(address.s));
	memcpy(r->address, s->address, sizeof(r->address));
	r->more = describe(a, s);
	r->now = aligned(&s->figures);
	return r;
}

static int
list_sources(struct asking *a, const struct gp_reportdb_range *range,
	     struct gp_reportdb_source **ret, size_t *ret_len)
{
	return gp_reportdb_sources(a->db, range, GP_REPORTDB_BY_MESSAGES, GP_REPORTDB_LIST_MAX,
				   &a->scratch, ret, ret_len);
}

/* Days are asked for where they may make a difference alone. */
static int
compare_source(struct asking *a, struct watch_reading *r, const struct gp_reportdb_source *before)
{
	const struct gp_reportdb_range past = range_past(a, r->domain);
	struct gp_reportdb_day *days;
	size_t len;
	r->past = aligned(&before->figures);
	/* What it was is what somebody knows it as. */
	r->more = describe(a, before);
	if (!watch_fires(r, &a->q->limits))
		return 0;
	int error = gp_reportdb_source_days(a->db, &past, r->address, &a->scratch, &days, &len);
	if (error == 0)
		r->worst = worst_of(a, days, len);
	return error;
}

/* Those of enough messages now; of the past what there is. */
static int
compare_sources(struct asking *a, struct gp_slice domain, const struct gp_map *past,
		const struct gp_reportdb_source *now, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const struct gp_reportdb_source *before = gp_map_get(past, address_key(&now[i]));
		if (now[i].figures.messages < a->q->limits.messages)
			break;
		struct watch_reading *r = add_source(a, WATCH_ALIGNMENT, domain, &now[i]);
		if (!r)
			return -ENOMEM;
		int error = before ? compare_source(a, r, before) : 0;
		if (error < 0)
			return error;
	}
	return a->scratch.failed ? -ENOMEM : 0;
}

static int
ask_sources(struct asking *a, struct gp_slice domain)
{
	struct gp_reportdb_range now = range_now(a, domain), past = range_past(a, domain);
	struct gp_reportdb_source *list, *before;
	size_t len, before_len;
	uint64_t seed[2];
	gp_random(seed, sizeof(seed));
	struct gp_map map = gp_map(GP_REPORTDB_LIST_MAX, seed);
	int r = list_sources(a, &past, &before, &before_len);
	for (size_t i = 0; r == 0 && i < before_len; i++) {
		if (!gp_map_set(&map, address_key(&before[i]), &before[i]))
			r = -ENOMEM;
	}
	if (r == 0)
		r = list_sources(a, &now, &list, &len);
	if (r == 0)
		r = compare_sources(a, domain, &map, list, len);
	gp_map_free(&map);
	return r;
}

/* --- what is new --- */

static bool
is_new(const struct asking *a, const struct gp_reportdb_source *s,
       const struct gp_reportdb_range *range, const struct gp_reportdb_domain *domain)
{
	return s->first_day >= range->from_day &&
	       s->first_day >= domain->first_day + WATCH_SETTLED_DAYS &&
	       class_of(a, s) != GP_REPORTDB_FORWARDER;
}

static int
ask_new_sources(struct asking *a, const struct gp_reportdb_domain *domain)
{
	struct gp_reportdb_range range = range_fresh(a, domain->domain);
	struct gp_reportdb_source *list;
	struct gp_reportdb_figures all;
	size_t len;
	int r = gp_reportdb_total(a->db, &range, &all);
	if (r == 0)
		r = list_sources(a, &range, &list, &len);
	for (size_t i = 0; r == 0 && i < len; i++) {
		const struct gp_reportdb_source *s = &list[i];
		uint64_t messages = s->figures.messages;
		if (messages < a->q->limits.source || messages < all.messages / SOURCE_TIMES)
			break;
		if (!is_new(a, s, &range, domain))
			continue;
		struct watch_reading *reading = add_source(a, WATCH_SOURCE, domain->domain, s);
		if (!reading)
			return -ENOMEM;
		reading->day = s->first_day;
	}
	return r;
}

/* "p=reject sp=none adkim=r aspf=s" */
static struct gp_slice
policy_words(struct gp_arena *arena, const struct watch_policy *p)
{
	const char *sp = reports_policy_word(p->sp), *np = reports_policy_word(p->np);
	char pct[PCT_MAX] = "";
	if (p->pct >= 0 && p->pct < WHOLE_PCT)
		snprintf(pct, sizeof(pct), " pct=%d", p->pct);
	return gp_arena_printf(arena, "p=%s%s%s%s%s adkim=%c aspf=%c%s%s",
			       reports_policy_word(p->p), *sp ? " sp=" : "", sp, *np ? " np=" : "",
			       np, p->adkim_strict ? 's' : 'r', p->aspf_strict ? 's' : 'r',
			       p->testing ? " t=y" : "", pct);
}

static struct watch_policy
policy_of(const struct gp_reportdb_policy *p)
{
	return (struct watch_policy){.p = p->p,
				     .sp = p->sp,
				     .np = p->np,
				     .adkim_strict = p->adkim_strict,
				     .aspf_strict = p->aspf_strict,
				     .testing = p->testing,
				     .pct = p->pct,
				     .first_day = p->first_day,
				     .last_day = p->last_day,
				     .reports = p->reports};
}

/* Two that differ in what is not told of one are one reading, that of the first. */
static bool
is_told_already(const struct watch_policy *list, size_t i, int64_t fresh_day)
{
	for (size_t k = 0; k < i; k++) {
		if (list[k].first_day >= fresh_day && watch_policy_same(&list[k], &list[i]))
			return true;
	}
	return false;
}

static int
add_policy(struct asking *a, struct gp_slice domain, const struct watch_policy *now,
	   const struct watch_policy *before)
{
	struct watch_reading *r = add(a, WATCH_POLICY, domain);
	if (!r)
		return -ENOMEM;
	r->object = policy_words(a->arena, now);
	r->more = policy_words(a->arena, before);
	r->now.part = now->reports;
	r->day = now->first_day;
	return 0;
}

static int
ask_policies(struct asking *a, struct gp_slice domain)
{
	struct gp_reportdb_range ever = {domain, 0, a->q->today, false};
	int64_t fresh = range_fresh(a, domain).from_day;
	struct gp_reportdb_policy *from;
	size_t len;
	int r = gp_reportdb_policies(a->db, &ever, &a->scratch, &from, &len);
	struct watch_policy *list =
		r == 0 ? gp_arena_array(&a->scratch, len + 1, sizeof(*list)) : NULL;
	if (r == 0 && !list)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < len; i++)
		list[i] = policy_of(&from[i]);
	for (size_t i = 0; r == 0 && i < len; i++) {
		ptrdiff_t before = watch_policy_before(list, len, i, fresh);
		if (before >= 0 && !is_told_already(list, i, fresh))
			r = add_policy(a, domain, &list[i], &list[before]);
	}
	return r;
}

/* --- TLS --- */

static int
ask_sessions(struct asking *a, const struct gp_reportdb_range *range, uint64_t *ret)
{
	struct gp_reportdb_tls_day *days;
	size_t len;
	int r = gp_reportdb_tls_days(a->db, range, &a->scratch, &days, &len);
	*ret = 0;
	for (size_t i = 0; r == 0 && i < len; i++)
		*ret += days[i].successful + days[i].failed;
	return r;
}

/* What fails in a domain: of all reporters together, in the order in which it was found. */
struct failures {
	struct gp_map by_object; /* struct watch_reading */
	struct watch_reading **list;
	size_t len;
};

enum { FAILURES_MAX = 2 * GP_REPORTDB_LIST_MAX }; /* of now, and of the past */

/* "certificate-expired at mx.example.org"; NULL: no memory. */
static struct watch_reading *
find_failure(struct asking *a, struct gp_slice domain, struct failures *all,
	     const struct gp_reportdb_tls_failure *f)
{
	struct gp_slice object =
		gp_arena_printf(&a->scratch, "%.*s at %.*s", GP_SLICE_FMT(f->result),
				GP_SLICE_FMT(f->receiving_mx));
	struct watch_reading *r = object.ptr ? gp_map_get(&all->by_object, object) : NULL;
	if (r || !object.ptr)
		return r;
	r = gp_arena_new(&a->scratch, struct watch_reading);
	if (!r || !gp_map_set(&all->by_object, object, r))
		return NULL;
	*r = (struct watch_reading){.domain = domain, .object = object};
	all->list[all->len++] = r;
	return r;
}

static int
add_failures(struct asking *a, const struct gp_reportdb_range *range, struct failures *all,
	     bool now)
{
	struct gp_reportdb_tls_failure *list;
	size_t len;
	int r = gp_reportdb_tls_failures(a->db, range, &a->scratch, &list, &len);
	for (size_t i = 0; r == 0 && i < len; i++) {
		struct watch_reading *f = find_failure(a, range->domain, all, &list[i]);
		if (!f)
			return -ENOMEM;
		*(now ? &f->now.part : &f->past.part) += list[i].sessions;
	}
	return r;
}

/* now, past: sessions of all results. */
static int
keep_failures(struct asking *a, const struct failures *all, uint64_t now, uint64_t past)
{
	for (size_t i = 0; i < all->len; i++) {
		const struct watch_reading *from = all->list[i];
		struct watch_reading *r = add(a, WATCH_TLS, from->domain);
		if (!r)
			return -ENOMEM;
		r->object = gp_arena_dup(a->arena, from->object);
		/* A report may count failures that it does not sum up. */
		r->now = (struct watch_share){from->now.part, GP_MAX(now, from->now.part)};
		r->past = (struct watch_share){from->past.part, GP_MAX(past, from->past.part)};
	}
	return 0;
}

static int
ask_tls(struct asking *a, struct gp_slice domain)
{
	struct gp_reportdb_range now = range_now(a, domain), past = range_past(a, domain);
	uint64_t sessions, sessions_past, seed[2];
	gp_random(seed, sizeof(seed));
	struct failures all = {
		.by_object = gp_map(FAILURES_MAX, seed),
		.list = gp_arena_array(&a->scratch, FAILURES_MAX, sizeof(*all.list)),
	};
	int r = all.list ? ask_sessions(a, &now, &sessions) : -ENOMEM;
	if (r == 0)
		r = ask_sessions(a, &past, &sessions_past);
	if (r == 0)
		r = add_failures(a, &now, &all, true);
	if (r == 0)
		r = add_failures(a, &past, &all, false);
	if (r == 0)
		r = keep_failures(a, &all, sessions, sessions_past);
	gp_map_free(&all.by_object);
	return r;
}

static int
ask_tls_silence(struct asking *a, struct gp_slice domain)
{
	struct gp_reportdb_range range = range_history(a, domain);
	struct gp_reportdb_tls_day *list;
	size_t len, days_len = 0;
	int r = gp_reportdb_tls_days(a->db, &range, &a->scratch, &list, &len);
	int64_t *days = gp_arena_array(&a->scratch, len + 1, sizeof(*days));
	if (r < 0 || !days)
		return r < 0 ? r : -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		/* A day has a row for each type of policy. */
		if (days_len == 0 || days[days_len - 1] != list[i].day)
			days[days_len++] = list[i].day;
	}
	return add_silence(a, domain, GP_SLICE("TLS"), days, days_len);
}

/* --- all --- */

static int
ask_domain(struct asking *a, const struct gp_reportdb_domain *d)
{
	gp_arena_reset(&a->scratch);
	int r = ask_silence(a, d->domain);
	if (r == 0)
		r = ask_reporters(a, d->domain);
	if (r == 0)
		r = ask_alignment(a, d->domain);
	if (r == 0)
		r = ask_sources(a, d->domain);
	if (r == 0)
		r = ask_new_sources(a, d);
	return r == 0 ? ask_policies(a, d->domain) : r;
}

static int
ask_tls_domain(struct asking *a, struct gp_slice domain)
{
	gp_arena_reset(&a->scratch);
	int r = ask_tls(a, domain);
	return r == 0 ? ask_tls_silence(a, domain) : r;
}

static bool
is_meant(const struct watch_question *q, struct gp_slice domain)
{
	return q->domain.len == 0 || gp_slice_eq(q->domain, domain);
}

/* Since ever, as its first day tells whether it has a past. */
static int
ask_domains(struct asking *a)
{
	const struct gp_reportdb_range ever = {{}, 0, a->q->today, false};
	struct gp_reportdb_domain *domains;
	size_t len;
	int r = gp_reportdb_domains(a->db, &ever, a->arena, &domains, &len);
	for (size_t i = 0; r == 0 && i < len; i++) {
		if (is_meant(a->q, domains[i].domain))
			r = ask_domain(a, &domains[i]);
	}
	return r;
}

static int
ask_tls_domains(struct asking *a)
{
	const struct gp_reportdb_range range = range_history(a, GP_SLICE(""));
	struct gp_slice *domains;
	size_t len;
	int r = gp_reportdb_tls_domains(a->db, &range, a->arena, &domains, &len);
	for (size_t i = 0; r == 0 && i < len; i++) {
		if (is_meant(a->q, domains[i]))
			r = ask_tls_domain(a, domains[i]);
	}
	return r;
}

int
watch_ask(struct gp_reportdb *db, const struct watch_question *q, struct gp_arena *arena,
	  struct watch_readings *ret)
{
	struct asking a = {.db = db,
			   .q = q,
			   .arena = arena,
			   .scratch = GP_ARENA_INIT(SCRATCH_MAX),
			   .ret = ret,
			   .end = q->today - WATCH_LATE_DAYS};
	*ret = (struct watch_readings){};
	int r = q->domain.len == 0 ? ask_silence(&a, GP_SLICE("")) : 0;
	if (r == 0)
		r = ask_domains(&a);
	if (r == 0)
		r = ask_tls_domains(&a);
	gp_arena_free(&a.scratch);
	return r == 0 && arena->failed ? -ENOMEM : r;
}

int
watch_ask_why(struct gp_reportdb *db, const struct watch_question *q, struct watch_reading *r,
	      struct gp_arena *arena)
{
	bool source = r->kind == WATCH_SOURCE || (r->kind == WATCH_ALIGNMENT && r->object.len > 0);
	struct gp_reportdb_source s = {.last_day = q->today};
	struct gp_buf words = GP_BUF_INIT(GP_CAUSE_WORDS_MAX);
	struct gp_cause cause;
	if (!source || r->why.len > 0)
		return 0;
	memcpy(s.address, r->address, sizeof(s.address));
	const struct gp_reportdb_range range = {r->domain, q->today - WATCH_FRESH_DAYS, q->today,
						false};
	int error = gp_reportdb_cause(db, &range, &s, arena, &cause);
	if (error == 0) {
		gp_cause_put(&cause, &words);
		r->why = gp_arena_dup(arena, gp_buf_slice(&words));
	}
	gp_buf_free(&words);
	return GP_MIN(error, 0);
}
