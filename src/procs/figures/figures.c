/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/figures/figures.h"

#include <errno.h>

#include "base/day.h"
#include "ipc/values.h"

/* All of the range, and all of the one before that is as long: what has changed. */
static int
put_totals(struct figures *f)
{
	struct gp_reportdb_range before = f->range;
	struct gp_reportdb_figures total, earlier;
	int64_t days = f->range.to_day - f->range.from_day + 1;
	before.from_day -= days;
	before.to_day -= days;
	int r = gp_reportdb_total(f->db, &f->range, &total);
	if (r == 0)
		r = gp_reportdb_total(f->db, &before, &earlier);
	if (r < 0)
		return r;
	figures_put(f, "total", &total);
	figures_put(f, "before", &earlier);
	return 0;
}

static int
put_new_sources(struct figures *f)
{
	uint64_t n;
	int r = gp_reportdb_new_sources(f->db, &f->range, &n);
	if (r == 0)
		gp_json_number(&f->j, "new_sources", (int64_t)n);
	return r;
}

static int
put_failing_sources(struct figures *f)
{
	return figures_put_sources(f, GP_REPORTDB_BY_UNALIGNED, FIGURES_TOP);
}

static int
put_sources_by_unaligned(struct figures *f)
{
	return figures_put_sources(f, GP_REPORTDB_BY_UNALIGNED, FIGURES_ROWS_MAX);
}

static int
put_sources_by_messages(struct figures *f)
{
	return figures_put_sources(f, GP_REPORTDB_BY_MESSAGES, FIGURES_ROWS_MAX);
}

enum { TABLES_MAX = 6 };

/* What each question is answered by. */
static figures_table *const answers[][TABLES_MAX] = {
	[GP_FIGURES_OVERVIEW] = {put_totals, figures_put_days, put_new_sources, put_failing_sources,
				 figures_put_policies, figures_put_health},
	[GP_FIGURES_DOMAINS] = {figures_put_domains, figures_put_policies},
	[GP_FIGURES_SOURCES] = {put_sources_by_messages},
	[GP_FIGURES_SOURCE] = {NULL},
	[GP_FIGURES_POLICY] = {put_totals, figures_put_days, put_sources_by_unaligned,
			       figures_put_overrides, figures_put_policies},
	[GP_FIGURES_SIGNERS] = {figures_put_signers, figures_put_spf},
	[GP_FIGURES_REPORTERS] = {figures_put_reporters},
	[GP_FIGURES_TLS] = {figures_put_tls_days, figures_put_tls_failures},
	[GP_FIGURES_FAILURES] = {figures_put_failures},
	[GP_FIGURES_STORE] = {figures_put_health, figures_put_flaws, figures_put_over_limit},
};

/* web is another process: what it asks is looked at. */
static bool
is_question(const struct gp_msg_figures_wanted *q)
{
	bool of_source = q->kind == GP_FIGURES_SOURCE;
	return q->kind > 0 && q->kind < GP_ARRAY_LEN(answers) && q->from_day <= q->to_day &&
	       q->to_day <= GP_DAY_MAX && q->to_day - q->from_day < FIGURES_RANGE_MAX &&
	       q->source.len == (of_source ? 16 : 0) && (!of_source || q->domain.len > 0);
}

static int
put_answer(struct figures *f, const struct gp_msg_figures_wanted *q)
{
	if (q->kind == GP_FIGURES_SOURCE)
		return figures_put_source(f, (const uint8_t *)q->source.ptr);
	if (q->kind == GP_FIGURES_SOURCES && q->by_unaligned)
		return put_sources_by_unaligned(f);
	int r = 0;
	for (size_t i = 0; r == 0 && i < TABLES_MAX && answers[q->kind][i]; i++)
		r = answers[q->kind][i](f);
	return r;
}

int
figures_write(struct gp_reportdb *db, const struct gp_mmdb *asn,
	      const struct gp_msg_figures_wanted *q, struct gp_arena *arena, struct gp_buf *out)
{
	if (!is_question(q))
		return 1;
	struct figures f = {.db = db,
			    .asn = asn,
			    .range = {.domain = q->domain,
				      .from_day = q->from_day,
				      .to_day = q->to_day,
				      .unauthenticated = q->unauthenticated},
			    .arena = arena,
			    .j = {.out = out}};
	/* Sources are told beside all that there was: both are of the same days. */
	if (q->kind == GP_FIGURES_POLICY)
		f.range = gp_reportdb_sources_range(&f.range);
	gp_json_open(&f.j, NULL, '{');
	figures_put_day(&f, "from", f.range.from_day);
	figures_put_day(&f, "to", GP_MIN(f.range.to_day, GP_DAY_MAX));
	int r = put_answer(&f, q);
	gp_json_close(&f.j, '}');
	return r < 0 ? r : arena->failed ? -ENOMEM : 0;
}
