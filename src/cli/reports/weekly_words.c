/* SPDX-License-Identifier: Apache-2.0 */
/* The week in words that need no knowledge of DMARC. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/reports/weekly.h"
#include "cli/reports/weekly_page.h"
#include "cli/reports/words.h"
#include "core/senders/senders.h"

enum {
	CELL_MAX = 32,
	NAME_MAX_OCTETS = 600, /* a host's name, and a network's */
	TITLE_MAX = 1024,
};

struct cell {
	char s[CELL_MAX];
};

static struct cell
number(uint64_t n)
{
	struct cell c;
	snprintf(c.s, sizeof(c.s), "%" PRIu64, n);
	return c;
}

static double
percent(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static struct cell
aligned_share(const struct gp_reportdb_figures *f)
{
	struct cell c = {"-"};
	if (f->messages > 0)
		snprintf(c.s, sizeof(c.s), "%.1f %%", percent(f->aligned, f->messages));
	return c;
}

/* In points of a hundred; a week without messages compares with nothing. */
static struct cell
change(const struct gp_reportdb_figures *now, const struct gp_reportdb_figures *before)
{
	struct cell c = {"-"};
	if (now->messages > 0 && before->messages > 0)
		snprintf(c.s, sizeof(c.s), "%+.1f",
			 percent(now->aligned, now->messages) -
				 percent(before->aligned, before->messages));
	return c;
}

static uint64_t
unaligned(const struct gp_reportdb_figures *f)
{
	return f->messages - GP_MIN(f->aligned, f->messages);
}

/* --- all --- */

static void
say_whole(struct weekly_page *p, const struct weekly *w)
{
	if (w->now.messages == 0) {
		weekly_page_say(p,
				"No report tells of any message in this week. Either no mail was "
				"sent, or reports do not arrive: look at the rua address of the "
				"DMARC record.");
	} else {
		weekly_page_say(p,
				"%" PRIu64 " messages were reported, and %s of them align "
				"(change: %s points). %" PRIu64 " do not.",
				w->now.messages, aligned_share(&w->now).s,
				change(&w->now, &w->before).s, unaligned(&w->now));
		weekly_page_say(p,
				"A message aligns when DKIM or SPF proves that it is of the domain "
				"that it names as its author's. Others are forged, were changed on "
				"their way, or come from a sender of ours that is not set up.");
	}
}

static void
put_domains(struct weekly_page *p, const struct weekly *w)
{
	static const char *const heads[] = {"domain", "messages",  "aligned",
					    "change", "unaligned", "policy"};
	if (w->domains_len == 0)
		return;
	weekly_page_table(p, heads, GP_ARRAY_LEN(heads));
	for (size_t i = 0; i < w->domains_len; i++) {
		const struct weekly_domain *d = &w->domains[i];
		struct cell messages = number(d->now.messages), aligned = aligned_share(&d->now);
		struct cell changed = change(&d->now, &d->before);
		struct cell bad = number(unaligned(&d->now));
		weekly_page_row(p,
				(struct gp_slice[]){d->name, gp_slice_str(messages.s),
						    gp_slice_str(aligned.s),
						    gp_slice_str(changed.s), gp_slice_str(bad.s),
						    gp_slice_str(reports_policy_word(d->policy))});
	}
	weekly_page_table_end(p);
	if (w->domains_left > 0)
		weekly_page_say(p, "And %zu more: gatepost reports summary tells of all.",
				w->domains_left);
}

/* --- one domain --- */

static void
say_stricter(struct weekly_page *p, const struct weekly_domain *d)
{
	const uint64_t *n = d->let_in;
	uint64_t sum = n[GP_REPORTDB_OURS] + n[GP_REPORTDB_PROVIDER] + n[GP_REPORTDB_FORWARDER] +
		       n[GP_REPORTDB_THREAT];
	bool strict = d->policy == GP_INGEST_POLICY_REJECT;
	if (sum == 0)
		weekly_page_say(p, "All that does not align was stopped: p=reject %s.",
				strict ? "is published" : "would hit nothing more");
	else
		weekly_page_say(p,
				"%s %" PRIu64 " messages that do not align and were delivered: "
				"%" PRIu64 " of sources that are mostly ours, %" PRIu64
				" of providers, %" PRIu64 " of forwarders, %" PRIu64
				" of sources that nothing of ours stands for.",
				strict ? "Receivers let in, against p=reject,"
				       : "p=reject would hit",
				sum, n[GP_REPORTDB_OURS], n[GP_REPORTDB_PROVIDER],
				n[GP_REPORTDB_FORWARDER], n[GP_REPORTDB_THREAT]);
}

struct name {
	char s[NAME_MAX_OCTETS];
};

/* "mail.example.net (Amazon SES)", "192.0.2.1 (Example Networks)"; its address where nothing is
   known of it. */
static struct name
name_of(const struct gp_reportdb_source *s, const struct gp_mmdb *networks)
{
	struct reports_text address = reports_address_text(s->address);
	struct gp_slice what = s->name.len > 0 ? s->name : gp_slice_str(address.s);
	struct gp_sender sender = {};
	struct gp_asn asn;
	struct name name;
	(void)gp_asn_find(networks, s->address, &asn);
	struct gp_slice whose =
		gp_sender_find(s->name, asn.number, &sender) ? sender.provider : asn.organization;
	snprintf(name.s, sizeof(name.s), "%.*s%s%.*s%s", GP_SLICE_FMT(what),
		 whose.len > 0 ? " (" : "", GP_SLICE_FMT(whose), whose.len > 0 ? ")" : "");
	return name;
}

static void
put_sources(struct weekly_page *p, const struct gp_mmdb *networks, const char *title,
	    const struct gp_reportdb_source *sources, size_t len)
{
	const char *const heads[] = {title, "messages", "aligned", "class", "first seen"};
	if (len == 0)
		return;
	weekly_page_table(p, heads, GP_ARRAY_LEN(heads));
	for (size_t i = 0; i < len; i++) {
		const struct gp_reportdb_source *s = &sources[i];
		struct cell messages = number(s->figures.messages);
		struct cell aligned = aligned_share(&s->figures);
		struct name name = name_of(s, networks);
		struct reports_text first = reports_day_text(s->first_day);
		const char *class = gp_reportdb_class_name(weekly_class(s, networks));
		weekly_page_row(p,
				(struct gp_slice[]){gp_slice_str(name.s), gp_slice_str(messages.s),
						    gp_slice_str(aligned.s), gp_slice_str(class),
						    gp_slice_str(first.s)});
	}
	weekly_page_table_end(p);
}

static void
put_domain(struct weekly_page *p, const struct weekly *w, const struct weekly_domain *d)
{
	weekly_page_heading(p, d->name);
	say_stricter(p, d);
	put_sources(p, w->networks, "most mail is from", d->sources, d->sources_len);
	if (d->new_sources > 0)
		weekly_page_say(p, "%" PRIu64 " sources were seen for the first time%s",
				d->new_sources,
				d->fresh_len > 0 ? ", and these have mail that does not align:"
						 : "; all of their mail aligns.");
	put_sources(p, w->networks, "new", d->fresh, d->fresh_len);
}

/* --- TLS --- */

static void
put_tls(struct weekly_page *p, const struct weekly *w)
{
	static const char *const heads[] = {"server", "sessions", "why"};
	if (w->sessions == 0 && w->sessions_before == 0)
		return;
	weekly_page_heading(p, GP_SLICE("Encryption of mail to us"));
	weekly_page_say(p,
			"%" PRIu64 " of %" PRIu64 " sessions failed to agree on TLS (in the week "
			"before %" PRIu64 " of %" PRIu64 ").",
			w->failed, w->sessions, w->failed_before, w->sessions_before);
	if (w->failures_len == 0)
		return;
	weekly_page_table(p, heads, GP_ARRAY_LEN(heads));
	for (size_t i = 0; i < w->failures_len; i++) {
		const struct gp_reportdb_tls_failure *f = &w->failures[i];
		struct cell sessions = number(f->sessions);
		weekly_page_row(p, (struct gp_slice[]){f->receiving_mx, gp_slice_str(sessions.s),
						       f->result});
	}
	weekly_page_table_end(p);
}

void
weekly_subject(const struct weekly *w, struct gp_buf *out)
{
	struct gp_slice whose = w->domain.len > 0 ? w->domain : GP_SLICE("our domains");
	gp_buf_printf(out, "Mail of %.*s, %s to %s: ", GP_SLICE_FMT(whose),
		      reports_day_text(w->from_day).s, reports_day_text(w->to_day).s);
	if (w->now.messages == 0)
		gp_buf_put_str(out, "no reports");
	else
		gp_buf_printf(out, "%s of %" PRIu64 " messages align", aligned_share(&w->now).s,
			      w->now.messages);
}

void
weekly_put(const struct weekly *w, bool html, struct gp_buf *out)
{
	struct gp_buf title = GP_BUF_INIT(TITLE_MAX);
	weekly_subject(w, &title);
	struct weekly_page p = weekly_page_begin(out, html, gp_buf_slice(&title));
	out->failed |= title.failed;
	gp_buf_free(&title);
	say_whole(&p, w);
	put_domains(&p, w);
	for (size_t i = 0; i < w->domains_len; i++)
		put_domain(&p, w, &w->domains[i]);
	put_tls(&p, w);
	weekly_page_end(&p);
}
