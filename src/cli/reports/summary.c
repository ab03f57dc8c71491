/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports summary`: who sends in our names, and whether it aligns. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/reports/networks.h"
#include "cli/reports/reports.h"
#include "cli/reports/told.h"
#include "cli/reports/words.h"
#include "cli/terminal.h"
#include "core/senders/senders.h"
#include "reportdb/cause.h"
#include "reportdb/classify.h"

enum {
	ARENA_MAX = 64 << 20,
	BAR = 40,       /* columns, where there are so many */
	NAME = 39,      /* the same: an IPv6 address */
	BAR_MIN = 8,    /* columns, behind a name that is too long */
	CAUSE = 6,      /* in front of what stands below a source */
	BARS_MAX = 62,  /* lines; more days are shown by the week */
	DAYS_MAX = 800, /* of the JSON */
	/* Of all domains: in which a source's cause is looked for. */
	CAUSE_DOMAINS_MAX = 10,
};

struct summary {
	const struct reports_options *o;
	const struct gp_mmdb *networks;
	struct gp_reportdb_range range;
	struct gp_reportdb_figures all, apart; /* apart: the unauthenticated ones */
	int64_t newest;                        /* a day; -1: there are no messages at all */
	struct gp_reportdb_day *days;
	size_t days_len;
	struct gp_reportdb_domain *domains;
	size_t domains_len;
	struct gp_reportdb_source *sources;
	const struct gp_cause **causes; /* of each; NULL: none is known */
	size_t sources_len;
	struct gp_reportdb_reporter *reporters;
	size_t reporters_len;
	uint64_t sessions, failed; /* TLS */
	struct gp_reportdb_tls_failure *failures;
	size_t failures_len;
	struct gp_reportdb_over_limit *over;
	size_t over_len;
	bool colours;
};

/* --- asking --- */

/* Of a domain, or of the first of those with most messages in which it is known. */
static int
ask_cause(const struct summary *s, struct gp_reportdb *db, const struct gp_reportdb_source *source,
	  struct gp_arena *arena, const struct gp_cause **ret)
{
	struct gp_reportdb_range range = s->range;
	size_t len = range.domain.len > 0 ? 1 : GP_MIN(s->domains_len, (size_t)CAUSE_DOMAINS_MAX);
	struct gp_cause *cause = gp_arena_new(arena, struct gp_cause);
	int r = cause ? 1 : -ENOMEM;
	for (size_t i = 0; i < len && r == 1; i++) {
		if (s->range.domain.len == 0)
			range.domain = s->domains[i].domain;
		r = gp_reportdb_cause(db, &range, source, arena, cause);
	}
	*ret = r == 0 ? cause : NULL;
	return GP_MIN(r, 0);
}

static int
ask_causes(struct summary *s, struct gp_reportdb *db, struct gp_arena *arena)
{
	s->causes = gp_arena_array(arena, s->sources_len + 1, sizeof(*s->causes));
	int r = s->causes ? 0 : -ENOMEM;
	for (size_t i = 0; i < s->sources_len && r == 0; i++) {
		const struct gp_reportdb_figures *f = &s->sources[i].figures;
		s->causes[i] = NULL;
		if (f->aligned < f->messages)
			r = ask_cause(s, db, &s->sources[i], arena, &s->causes[i]);
	}
	return r;
}

static int
ask_tls(struct summary *s, struct gp_reportdb *db, struct gp_arena *arena)
{
	struct gp_reportdb_tls_day *days;
	size_t len;
	int r = gp_reportdb_tls_days(db, &s->range, arena, &days, &len);
	for (size_t i = 0; r == 0 && i < len; i++) {
		s->sessions += days[i].successful + days[i].failed;
		s->failed += days[i].failed;
	}
	return r == 0 ? gp_reportdb_tls_failures(db, &s->range, arena, &s->failures,
						 &s->failures_len)
		      : r;
}

/* Where messages are, if there are none in the range. */
static int
ask_newest(struct summary *s, struct gp_reportdb *db, struct gp_arena *arena)
{
	struct gp_reportdb_range ever = s->range;
	struct gp_reportdb_domain *list;
	size_t len;
	ever.from_day = 0;
	ever.to_day = INT64_MAX / 86400;
	int r = gp_reportdb_domains(db, &ever, arena, &list, &len);
	for (size_t i = 0; r == 0 && i < len; i++) {
		if (ever.domain.len == 0 || gp_slice_eq(ever.domain, list[i].domain))
			s->newest = GP_MAX(s->newest, list[i].last_day);
	}
	return r;
}

static int
ask(struct summary *s, struct gp_reportdb *db, struct gp_arena *arena)
{
	struct gp_reportdb_range apart = s->range;
	apart.unauthenticated = true;
	int r = gp_reportdb_total(db, &s->range, &s->all);
	s->newest = -1;
	if (r == 0 && s->all.messages == 0)
		r = ask_newest(s, db, arena);
	if (r == 0)
		r = gp_reportdb_total(db, &apart, &s->apart);
	if (r == 0)
		r = gp_reportdb_days(db, &s->range, arena, &s->days, &s->days_len);
	if (r == 0 && s->range.domain.len == 0)
		r = gp_reportdb_domains(db, &s->range, arena, &s->domains, &s->domains_len);
	if (r == 0)
		r = gp_reportdb_sources(db, &s->range, GP_REPORTDB_BY_MESSAGES, s->o->max, arena,
					&s->sources, &s->sources_len);
	if (r == 0)
		r = gp_reportdb_reporters(db, &s->range, GP_INGEST_AGGREGATE, arena, &s->reporters,
					  &s->reporters_len);
	if (r == 0)
		r = ask_causes(s, db, arena);
	if (r == 0)
		r = gp_reportdb_over_limit(db, &s->range, s->o->max, arena, &s->over, &s->over_len);
	return r == 0 ? ask_tls(s, db, arena) : r;
}

/* --- JSON --- */

static json_t *
figures_json(const struct gp_reportdb_figures *f)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "messages",
			 (json_int_t)f->messages, "aligned", (json_int_t)f->aligned, "dkim",
			 (json_int_t)f->dkim, "spf", (json_int_t)f->spf, "quarantined",
			 (json_int_t)f->quarantined, "rejected", (json_int_t)f->rejected,
			 "forwarded", (json_int_t)f->forwarded, "estimated",
			 (json_int_t)f->estimated);
}

/* False: nobody who is known; *ret is empty. */
static bool
find_sender(const struct summary *s, const struct gp_reportdb_source *source, struct gp_sender *ret)
{
	struct gp_asn asn;
	(void)gp_asn_find(s->networks, source->address, &asn);
	return gp_sender_find(source->name, asn.number, ret);
}

static const char *
class_of(const struct summary *s, const struct gp_reportdb_source *source)
{
	struct gp_sender sender;
	bool known = find_sender(s, source, &sender);
	return gp_reportdb_class_name(gp_reportdb_classify_source(source, known ? &sender : NULL));
}

static json_t *
cause_json(const struct gp_cause *c)
{
	struct gp_buf words = GP_BUF_INIT(GP_CAUSE_WORDS_MAX);
	if (!c)
		return json_null();
	gp_cause_put(c, &words);
	json_t *o = json_pack("{s:s, s:s, s:I}", "dkim", gp_cause_dkim_name(c->dkim), "spf",
			      gp_cause_spf_name(c->spf), "messages", (json_int_t)c->messages);
	json_object_set_new(o, "signer", told_text(c->signer));
	json_object_set_new(o, "selector", told_text(c->selector));
	json_object_set_new(o, "envelope", told_text(c->envelope));
	json_object_set_new(o, "words", told_text(gp_buf_slice(&words)));
	gp_buf_free(&words);
	return o;
}

static json_t *
source_json(const struct summary *s, const struct gp_reportdb_source *source,
	    const struct gp_cause *cause)
{
	json_t *o = figures_json(&source->figures);
	const struct gp_reportdb_figures *f = &source->figures;
	json_object_del(o, "messages");
	json_object_set_new(o, "ip", json_string(reports_address_text(source->address).s));
	struct gp_sender sender;
	bool known = find_sender(s, source, &sender);
	json_object_set_new(o, "name",
			    source->name.len > 0 ? told_text(source->name) : json_null());
	json_object_set_new(o, "provider", known ? told_text(sender.provider) : json_null());
	json_object_set_new(o, "class", json_string(class_of(s, source)));
	json_object_set_new(o, "count", json_integer((json_int_t)f->messages));
	json_object_set_new(o, "first", json_string(reports_day_text(source->first_day).s));
	json_object_set_new(o, "last", json_string(reports_day_text(source->last_day).s));
	json_object_set_new(o, "cause", cause_json(cause));
	networks_set(o, s->networks, source->address);
	return o;
}

static json_t *
days_json(const struct summary *s)
{
	json_t *all = json_array();
	size_t first = s->days_len > DAYS_MAX ? s->days_len - DAYS_MAX : 0;
	for (size_t i = first; i < s->days_len; i++) {
		json_t *o = figures_json(&s->days[i].figures);
		json_object_set_new(o, "day", json_string(reports_day_text(s->days[i].day).s));
		json_array_append_new(all, o);
	}
	return all;
}

static json_t *
domains_json(const struct summary *s)
{
	json_t *all = json_array();
	for (size_t i = 0; i < s->domains_len; i++) {
		json_t *o = figures_json(&s->domains[i].figures);
		json_object_set_new(o, "domain", told_text(s->domains[i].domain));
		json_array_append_new(all, o);
	}
	return all;
}

static json_t *
reporters_json(const struct summary *s)
{
	json_t *all = json_array();
	for (size_t i = 0; i < s->reporters_len; i++) {
		const struct gp_reportdb_reporter *r = &s->reporters[i];
		json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:s}", "reports",
				      (json_int_t)r->reports, "messages", (json_int_t)r->messages,
				      "lost", (json_int_t)r->lost, "flawed", (json_int_t)r->flawed,
				      "last", reports_day_text(r->last_day).s);
		json_object_set_new(o, "org", told_text(r->org));
		json_array_append_new(all, o);
	}
	return all;
}

static json_t *
tls_json(const struct summary *s)
{
	json_t *failures = json_array();
	for (size_t i = 0; i < GP_MIN(s->failures_len, s->o->max); i++) {
		const struct gp_reportdb_tls_failure *f = &s->failures[i];
		json_t *o = json_pack("{s:I, s:s, s:s}", "sessions", (json_int_t)f->sessions,
				      "first", reports_day_text(f->first_day).s, "last",
				      reports_day_text(f->last_day).s);
		json_object_set_new(o, "result", told_text(f->result));
		json_object_set_new(o, "mx", told_text(f->receiving_mx));
		json_object_set_new(o, "org", told_text(f->org));
		json_array_append_new(failures, o);
	}
	return json_pack("{s:I, s:I, s:o}", "sessions", (json_int_t)s->sessions, "failed",
			 (json_int_t)s->failed, "failures", failures);
}

static json_t *
over_json(const struct summary *s)
{
	json_t *all = json_array();
	for (size_t i = 0; i < s->over_len; i++) {
		const struct gp_reportdb_over_limit *e = &s->over[i];
		json_t *o =
			json_pack("{s:s, s:I, s:I}", "day", reports_day_text(e->day).s, "reports",
				  (json_int_t)e->reports, "octets", (json_int_t)e->octets);
		json_object_set_new(o, "reporter",
				    e->reporter.len > 0 ? told_text(e->reporter) : json_null());
		json_array_append_new(all, o);
	}
	return all;
}

static int
print_json(const struct summary *s)
{
	json_t *all = figures_json(&s->all), *sources = json_array();
	for (size_t i = 0; i < s->sources_len; i++)
		json_array_append_new(sources, source_json(s, &s->sources[i], s->causes[i]));
	json_object_set_new(all, "unauthenticated", json_integer((json_int_t)s->apart.messages));
	json_object_set_new(all, "sources", sources);
	json_object_set_new(all, "days", days_json(s));
	json_object_set_new(all, "reporters", reporters_json(s));
	json_object_set_new(all, "tls", tls_json(s));
	json_object_set_new(all, "over_limit", over_json(s));
	if (s->range.domain.len == 0)
		json_object_set_new(all, "domains", domains_json(s));
	int r = json_dumpf(all, stdout, JSON_COMPACT);
	json_decref(all);
	putchar('\n');
	return r == 0 ? GP_EXIT_OK : GP_EXIT_ERROR;
}

/* --- text --- */

static double
percent(const struct gp_reportdb_figures *f)
{
	return f->messages > 0 ? 100.0 * (double)f->aligned / (double)f->messages : 0;
}

/* A table's first column: what its longest name needs. */
static int
wider(int width, size_t len)
{
	return GP_MAX(width, (int)GP_MIN(len, (size_t)NAME));
}

/* Aligned, then what is not; what there is little of is seen all the same. */
static void
print_bar(const struct summary *s, int columns, const struct gp_reportdb_figures *f, uint64_t most)
{
	uint64_t bad = f->messages - GP_MIN(f->aligned, f->messages);
	double column = (double)GP_MAX(most, 1) / columns;
	int good_len = (int)((double)f->aligned / column + 0.5);
	int bad_len = (int)((double)bad / column + 0.5);
	good_len = f->aligned > 0 ? GP_MAX(good_len, 1) : 0;
	bad_len = bad > 0 ? GP_MAX(bad_len, 1) : 0;
	fputs(s->colours ? "\033[32m" : "", stdout);
	for (int i = 0; i < good_len; i++)
		putchar('#');
	fputs(s->colours ? "\033[31m" : "", stdout);
	for (int i = 0; i < bad_len; i++)
		putchar('-');
	fputs(s->colours ? "\033[0m\n" : "\n", stdout);
}

static void
print_line(const struct summary *s, int width, struct gp_slice name,
	   const struct gp_reportdb_figures *f, uint64_t most)
{
	int before = printf("  %-*.*s %11" PRIu64, reports_width(width, name), GP_SLICE_FMT(name),
			    f->messages) -
		     reports_width(0, name);
	if (f->messages == 0) {
		putchar('\n');
		return;
	}
	before += printf(" %5.1f %%  ", percent(f));
	/* One column is lost where both colours are rounded up. */
	int room = GP_MIN(REPORTS_COLUMNS - 1 - before, (int)BAR);
	print_bar(s, GP_MAX(room, (int)BAR_MIN), f, most);
}

/* All days, or weeks where there are many; those without messages as well. */
static void
print_days(const struct summary *s)
{
	if (s->days_len == 0)
		return;
	int64_t first = s->days[0].day, last = s->days[s->days_len - 1].day;
	int64_t step = last - first < BARS_MAX ? 1 : 7 * (1 + (last - first) / 7 / BARS_MAX);
	uint64_t most = 0;
	printf("\n  %-10s %11s %7s\n", step == 1 ? "day" : "days from", "messages", "aligned");
	for (int pass = 0; pass < 2; pass++) {
		size_t at = 0;
		for (int64_t day = first; day <= last; day += step) {
			struct gp_reportdb_figures sum = {};
			for (; at < s->days_len && s->days[at].day < day + step; at++) {
				sum.messages += s->days[at].figures.messages;
				sum.aligned += s->days[at].figures.aligned;
			}
			most = GP_MAX(most, sum.messages);
			if (pass == 1)
				print_line(s, 10, gp_slice_str(reports_day_text(day).s), &sum,
					   most);
		}
	}
}

static void
print_domains(const struct summary *s)
{
	size_t len = GP_MIN(s->domains_len, s->o->max);
	int width = 10;
	if (len == 0)
		return;
	for (size_t i = 0; i < len; i++)
		width = wider(width, reports_columns(s->domains[i].domain));
	printf("\n  %-*s %11s %7s\n", width, "domain", "messages", "aligned");
	for (size_t i = 0; i < len; i++)
		print_line(s, width, s->domains[i].domain, &s->domains[i].figures,
			   s->domains[0].figures.messages);
}

/* Below its source: of letters, digits and few signs (names.c). */
static void
print_name(const struct summary *s, const struct gp_reportdb_source *source)
{
	struct gp_sender sender;
	struct gp_asn asn;
	bool known = find_sender(s, source, &sender);
	if (source->name.len == 0 && !known && !gp_asn_find(s->networks, source->address, &asn))
		return;
	printf("%*s%.*s", source->name.len > 0 ? CAUSE : CAUSE - 1, "", GP_SLICE_FMT(source->name));
	if (known)
		printf(" (%.*s)", GP_SLICE_FMT(sender.provider));
	networks_print(s->networks, source->address);
	putchar('\n');
}

/* Below its source: what most of what does not align has in common. */
static void
print_cause(const struct gp_cause *cause)
{
	struct gp_buf words = GP_BUF_INIT(GP_CAUSE_WORDS_MAX);
	gp_cause_put(cause, &words);
	reports_print_folded(CAUSE, gp_buf_slice(&words));
	gp_buf_free(&words);
}

static void
print_sources(const struct summary *s)
{
	int width = 10;
	if (s->sources_len == 0)
		return;
	for (size_t i = 0; i < s->sources_len; i++)
		width = wider(width, strlen(reports_address_text(s->sources[i].address).s));
	printf("\n  %-*s %11s %7s  %-9s  %-10s %s\n", width, "source", "messages", "aligned",
	       "class", "first seen", "last seen");
	for (size_t i = 0; i < s->sources_len; i++) {
		const struct gp_reportdb_source *e = &s->sources[i];
		printf("  %-*s %11" PRIu64 " %5.1f %%  %-9s  %s %s\n", width,
		       reports_address_text(e->address).s, e->figures.messages,
		       percent(&e->figures), class_of(s, e), reports_day_text(e->first_day).s,
		       reports_day_text(e->last_day).s);
		print_name(s, e);
		if (s->causes[i])
			print_cause(s->causes[i]);
	}
}

static void
print_reporters(const struct summary *s)
{
	size_t len = GP_MIN(s->reporters_len, s->o->max);
	int width = 10;
	if (len == 0)
		return;
	for (size_t i = 0; i < len; i++)
		width = wider(width, reports_columns(s->reporters[i].org));
	printf("\n  %-*s %11s %8s  %s\n", width, "reporter", "messages", "reports", "last");
	for (size_t i = 0; i < len; i++) {
		const struct gp_reportdb_reporter *r = &s->reporters[i];
		printf("  %-*.*s %11" PRIu64 " %8" PRIu64 "  %s\n", reports_width(width, r->org),
		       GP_SLICE_FMT(r->org), r->messages, r->reports,
		       reports_day_text(r->last_day).s);
	}
}

static void
print_tls(const struct summary *s)
{
	if (s->sessions == 0)
		return;
	printf("\n  TLS: %" PRIu64 " of %" PRIu64 " sessions failed\n", s->failed, s->sessions);
	if (s->failures_len > 0)
		printf("  %-39s %12s  %-10s  %s\n", "receiving MX", "sessions", "last", "result");
	for (size_t i = 0; i < GP_MIN(s->failures_len, s->o->max); i++) {
		const struct gp_reportdb_tls_failure *f = &s->failures[i];
		printf("  %-39.*s %12" PRIu64 "  %s  %.*s, says %.*s\n",
		       GP_SLICE_FMT(f->receiving_mx), f->sessions, reports_day_text(f->last_day).s,
		       GP_SLICE_FMT(f->result), GP_SLICE_FMT(f->org));
	}
}

/* Of all domains, as nobody looked what these reports are about. */
static void
print_over(const struct summary *s)
{
	if (s->over_len == 0)
		return;
	puts("\n  reports that were not taken: their reporter had sent too many that day");
	printf("  %-39s %12s %12s  %s\n", "reporter", "reports", "octets", "day");
	for (size_t i = 0; i < s->over_len; i++) {
		const struct gp_reportdb_over_limit *e = &s->over[i];
		struct gp_slice name = e->reporter.len > 0 ? e->reporter : GP_SLICE("others");
		printf("  %-*.*s %12" PRIu64 " %12" PRIu64 "  %s\n", reports_width(39, name),
		       GP_SLICE_FMT(name), e->reports, e->octets, reports_day_text(e->day).s);
	}
}

/* A share of nothing would read as if nothing aligned. */
static void
print_figures(const struct summary *s)
{
	const struct gp_reportdb_figures *f = &s->all;
	if (f->messages == 0) {
		puts(s->newest >= 0 ? "  no messages are reported in these days"
				    : "  no messages were ever reported");
		if (s->newest >= 0)
			printf("  the newest ones are of %s: --until %s\n",
			       reports_day_text(s->newest).s, reports_day_text(s->newest).s);
		return;
	}
	printf("  %" PRIu64 " messages, %.1f %% aligned (DKIM %" PRIu64 ", SPF %" PRIu64
	       "); %" PRIu64 " quarantined, %" PRIu64 " rejected\n",
	       f->messages, percent(f), f->dkim, f->spf, f->quarantined, f->rejected);
	printf("  %" PRIu64 " messages do not align: what p=reject would hit\n",
	       f->messages - GP_MIN(f->aligned, f->messages));
	if (f->estimated > 0)
		printf("  %" PRIu64 " are from reports of several days; their days are estimated\n",
		       f->estimated);
}

static int
print_text(const struct summary *s)
{
	struct gp_slice name = s->range.domain.len > 0 ? s->range.domain : GP_SLICE("all domains");
	printf("%.*s, %s%s%s%s%s\n", GP_SLICE_FMT(name), s->o->until ? "" : "since ",
	       reports_day_text(s->range.from_day).s, s->o->until ? " to " : "",
	       s->o->until ? reports_day_text(s->range.to_day).s : "",
	       s->range.unauthenticated ? ", unauthenticated reports" : "");
	print_figures(s);
	if (s->apart.messages > 0 && !s->range.unauthenticated)
		printf("  %" PRIu64 " more are in unauthenticated reports, which count nowhere "
		       "here\n",
		       s->apart.messages);
	print_days(s);
	print_domains(s);
	print_sources(s);
	print_reporters(s);
	print_tls(s);
	print_over(s);
	return GP_EXIT_OK;
}

int
reports_summary(const struct reports_options *o, struct gp_reportdb *db)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct summary s = {
		.o = o,
		.range = {o->domain, o->from_day, o->to_day, o->unauthenticated},
		.colours = gp_terminal_colours(stdout, o->no_colour),
	};
	struct asn_file networks;
	int code = networks_open(o, &networks);
	s.networks = asn_file_db(&networks);
	int r = code == GP_EXIT_OK ? ask(&s, db, &arena) : 0;
	if (code == GP_EXIT_OK)
		code = r < 0 ? reports_fail(db, r) : o->json ? print_json(&s) : print_text(&s);
	asn_file_free(&networks);
	gp_arena_free(&arena);
	return fflush(stdout) == 0 ? code : GP_EXIT_ERROR;
}
