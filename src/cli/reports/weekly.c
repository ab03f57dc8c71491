/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports weekly`: a week for those who do not read reports, by mail or printed. */
#include "cli/reports/weekly.h"

#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/reports/networks.h"
#include "cli/reports/reports.h"
#include "core/senders/senders.h"
#include "sys/clock.h"

enum {
	ARENA_MAX = 256 << 20,
	TEXT_MAX = 4 << 20, /* octets, which so many domains never reach */
};

struct asking {
	struct gp_reportdb *db;
	struct gp_arena *arena;
	struct gp_reportdb_range week, before;
	const struct gp_mmdb *networks;
};

enum gp_reportdb_class
weekly_class(const struct gp_reportdb_source *s, const struct gp_mmdb *networks)
{
	struct gp_sender sender;
	struct gp_asn asn;
	(void)gp_asn_find(networks, s->address, &asn);
	bool known = gp_sender_find(s->name, asn.number, &sender);
	return gp_reportdb_classify_source(s, known ? &sender : NULL);
}

/* --- a domain --- */

/* What came in though nothing aligned: the class of a source tells what that was. */
static void
add_let_in(const struct asking *a, struct weekly_domain *d, const struct gp_reportdb_source *s)
{
	const struct gp_reportdb_figures *f = &s->figures;
	uint64_t kept_off = f->aligned + f->quarantined + f->rejected;
	if (f->messages > kept_off)
		d->let_in[weekly_class(s, a->networks)] += f->messages - kept_off;
}

/* By those that do not align: what is let in, and who is new. */
static int
ask_unaligned(const struct asking *a, const struct gp_reportdb_range *range,
	      struct weekly_domain *d)
{
	struct gp_reportdb_source *all;
	size_t len;
	int r = gp_reportdb_sources(a->db, range, GP_REPORTDB_BY_UNALIGNED, GP_REPORTDB_LIST_MAX,
				    a->arena, &all, &len);
	d->fresh = gp_arena_array(a->arena, WEEKLY_SOURCES_MAX, sizeof(*d->fresh));
	if (r < 0 || !d->fresh)
		return r < 0 ? r : -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		const struct gp_reportdb_figures *f = &all[i].figures;
		bool fresh = all[i].first_day >= range->from_day && f->aligned < f->messages;
		add_let_in(a, d, &all[i]);
		if (fresh && d->fresh_len < WEEKLY_SOURCES_MAX)
			d->fresh[d->fresh_len++] = all[i];
	}
	return 0;
}

static int
ask_domain(const struct asking *a, const struct gp_reportdb_domain *from, struct weekly_domain *d)
{
	struct gp_reportdb_range week = a->week, before = a->before;
	struct gp_reportdb_policy *policies;
	size_t policies_len;
	week.domain = before.domain = from->domain;
	*d = (struct weekly_domain){.name = from->domain, .now = from->figures};
	int r = gp_reportdb_total(a->db, &before, &d->before);
	if (r == 0)
		r = gp_reportdb_policies(a->db, &week, a->arena, &policies, &policies_len);
	if (r == 0)
		d->policy = policies_len > 0 ? policies[0].p : GP_INGEST_POLICY_ABSENT;
	if (r == 0)
		r = gp_reportdb_sources(a->db, &week, GP_REPORTDB_BY_MESSAGES, WEEKLY_SOURCES_MAX,
					a->arena, &d->sources, &d->sources_len);
	if (r == 0)
		r = gp_reportdb_new_sources(a->db, &week, &d->new_sources);
	return r == 0 ? ask_unaligned(a, &week, d) : r;
}

static int
ask_domains(const struct asking *a, struct weekly *w)
{
	struct gp_reportdb_domain one = {.domain = w->domain, .figures = w->now}, *all = &one;
	size_t len = w->now.messages > 0;
	int r = 0;
	if (w->domain.len == 0)
		r = gp_reportdb_domains(a->db, &a->week, a->arena, &all, &len);
	w->domains = gp_arena_array(a->arena, WEEKLY_DOMAINS_MAX, sizeof(*w->domains));
	if (r == 0 && !w->domains)
		r = -ENOMEM;
	for (; r == 0 && w->domains_len < GP_MIN(len, WEEKLY_DOMAINS_MAX); w->domains_len++)
		r = ask_domain(a, &all[w->domains_len], &w->domains[w->domains_len]);
	w->domains_left = len - w->domains_len;
	return r;
}

/* --- TLS --- */

static int
ask_sessions(const struct asking *a, const struct gp_reportdb_range *range, uint64_t *ret_sessions,
	     uint64_t *ret_failed)
{
	struct gp_reportdb_tls_day *days;
	size_t len;
	int r = gp_reportdb_tls_days(a->db, range, a->arena, &days, &len);
	for (size_t i = 0; r == 0 && i < len; i++) {
		*ret_sessions += days[i].successful + days[i].failed;
		*ret_failed += days[i].failed;
	}
	return r;
}

static int
ask_tls(const struct asking *a, struct weekly *w)
{
	int r = ask_sessions(a, &a->week, &w->sessions, &w->failed);
	if (r == 0)
		r = ask_sessions(a, &a->before, &w->sessions_before, &w->failed_before);
	if (r == 0)
		r = gp_reportdb_tls_failures(a->db, &a->week, a->arena, &w->failures,
					     &w->failures_len);
	w->failures_len = r == 0 ? GP_MIN(w->failures_len, WEEKLY_SOURCES_MAX) : 0;
	return r;
}

static int
ask(const struct reports_options *o, struct gp_reportdb *db, const struct gp_mmdb *networks,
    struct gp_arena *arena, struct weekly *ret)
{
	struct asking a = {
		.db = db,
		.arena = arena,
		.week = {o->domain, o->from_day, o->to_day, o->unauthenticated},
		.before = {o->domain, o->from_day - WEEKLY_DAYS, o->from_day - 1,
			   o->unauthenticated},
		.networks = networks,
	};
	*ret = (struct weekly){.domain = o->domain,
			       .from_day = o->from_day,
			       .to_day = o->to_day,
			       .networks = networks};
	int r = gp_reportdb_total(db, &a.week, &ret->now);
	if (r == 0)
		r = gp_reportdb_total(db, &a.before, &ret->before);
	if (r == 0)
		r = ask_domains(&a, ret);
	if (r == 0)
		r = ask_tls(&a, ret);
	return r == 0 && arena->failed ? -ENOMEM : r;
}

/* --- told --- */

static bool
mail(const struct reports_options *o, const char *to, const struct weekly *w, struct gp_slice text,
     struct gp_arena *arena)
{
	struct gp_buf subject = GP_BUF_INIT(TEXT_MAX), html = GP_BUF_INIT(TEXT_MAX);
	weekly_subject(w, &subject);
	weekly_put(w, true, &html);
	struct gp_slice key = gp_arena_printf(arena, "weekly\n%s\n%.*s", to, GP_SLICE_FMT(text));
	bool good = key.ptr && !subject.failed && !html.failed;
	if (!good)
		fputs("gatepost reports: no memory\n", stderr);
	good = good && alert_mail_send(&o->mail, &(struct alert_mail_text){
							 .to = gp_slice_str(to),
							 .subject = gp_buf_slice(&subject),
							 .text = text,
							 .html = gp_buf_slice(&html),
							 .key = key,
							 .now_s = gp_clock_wall_ms() / 1000,
						 });
	gp_buf_free(&subject);
	gp_buf_free(&html);
	return good;
}

/* One who is not told does not keep it from the others. */
static int
tell(const struct reports_options *o, const struct weekly *w, struct gp_arena *arena)
{
	struct gp_buf text = GP_BUF_INIT(TEXT_MAX);
	weekly_put(w, false, &text);
	struct gp_slice s = gp_buf_slice(&text);
	bool good = !text.failed;
	if (good && o->mail.to_len == 0)
		good = fwrite(s.ptr, 1, s.len, stdout) == s.len && fflush(stdout) == 0;
	for (size_t i = 0; !text.failed && i < o->mail.to_len; i++)
		good &= mail(o, o->mail.to[i], w, s, arena);
	gp_buf_free(&text);
	return good ? GP_EXIT_OK : GP_EXIT_ERROR;
}

int
reports_weekly(const struct reports_options *o, struct gp_reportdb *db)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct asn_file networks;
	struct weekly w;
	int code = networks_open(o, &networks);
	int r = code == GP_EXIT_OK ? ask(o, db, asn_file_db(&networks), &arena, &w) : 0;
	if (r < 0)
		code = reports_fail(db, r);
	if (code == GP_EXIT_OK)
		code = tell(o, &w, &arena);
	asn_file_free(&networks);
	gp_arena_free(&arena);
	return code;
}
