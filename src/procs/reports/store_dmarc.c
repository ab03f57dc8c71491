/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "core/dkim/signature.h"
#include "core/dmarc/record.h"
#include "core/spf/spf.h"
#include "procs/reports/tables.h"

enum {
	/* A line for each signature: a result's word, d=, s=, with a space between. */
	SIGNATURES_MAX = GP_DMARCRPT_SIGNATURES_MAX * (16 + 256 + 256),
};

/* --- counting --- */

/* May the period have so much more? */
static int
has_room(struct store *s, const struct store_period *p, uint64_t domains_max, bool *ret)
{
	int r = table_run(s, FIND_PERIOD, N(p->start_s), N(p->end_s));
	*ret = r == 0;
	if (r != 1)
		return r;
	*ret = table_number_at(s, FIND_PERIOD, 0) < domains_max &&
	       table_number_at(s, FIND_PERIOD, 1) < STORE_PERIOD_ROWS_MAX;
	table_done(s, FIND_PERIOD);
	return 0;
}

static int
find_domain(struct store *s, const struct store_period *p, struct gp_slice domain, uint64_t *ret_id,
	    uint64_t *ret_kinds)
{
	int r = table_run(s, FIND_DMARC, N(p->start_s), T(domain), N(p->end_s));
	if (r != 1)
		return r;
	*ret_id = table_number_at(s, FIND_DMARC, 0);
	*ret_kinds = table_number_at(s, FIND_DMARC, 1);
	table_done(s, FIND_DMARC);
	return 1;
}

static int
set_domain(struct store *s, const struct store_period *p, const struct gp_dmarcrpt_policy *policy)
{
	return table_run(s, SET_DMARC, N(p->start_s), T(policy->domain), N(p->end_s),
			 T(gp_slice_str(gp_dmarc_policy_name(policy->p))),
			 T(gp_slice_str(gp_dmarc_policy_name(policy->sp))),
			 T(gp_slice_str(gp_dmarc_policy_name(policy->np))), N(policy->adkim_strict),
			 N(policy->aspf_strict), N(policy->testing), N(policy->fo),
			 T(policy->flaw));
}

/* The domain, with the policy as it is now. 1: there would be one too many. */
static int
touch_domain(struct store *s, const struct store_period *p, const struct gp_dmarcrpt_policy *policy,
	     uint64_t *ret_id, uint64_t *ret_kinds)
{
	bool room = true;
	int found = find_domain(s, p, policy->domain, ret_id, ret_kinds);
	int r = found == 0 ? has_room(s, p, STORE_DOMAINS_MAX, &room) : GP_MIN(found, 0);
	if (r < 0 || !room)
		return r < 0 ? r : 1;
	r = set_domain(s, p, policy);
	if (r < 0 || found == 1)
		return r;
	r = table_run(s, BUMP_PERIOD, N(p->start_s), N(p->end_s), N(1), N(0));
	found = r == 0 ? find_domain(s, p, policy->domain, ret_id, ret_kinds) : r;
	return GP_MIN(found, 0);
}

static void
write_signatures(const struct gp_dmarcrpt_row *row, struct gp_buf *out)
{
	for (size_t i = 0; i < row->signatures_len; i++) {
		const struct gp_dmarcrpt_signature *one = &row->signatures[i];
		gp_buf_printf(out, "%s%s %.*s %.*s", i > 0 ? "\n" : "",
			      gp_dkim_result_name(one->result), GP_SLICE_FMT(one->domain),
			      GP_SLICE_FMT(one->selector));
	}
}

/* A row that is there already, or one more where there is room. 1: there is none. */
static int
count_row(struct store *s, const struct store_period *p, uint64_t domain, uint64_t kinds,
	  const struct gp_dmarcrpt_row *row, struct gp_slice signatures)
{
	const struct value v[] = {
		N(domain),
		T(row->header_from),
		T(row->source),
		T(gp_slice_str(gp_dmarcrpt_disposition_name(row->disposition))),
		T(gp_slice_str(gp_dmarcrpt_override_name(row->override))),
		N(row->dkim_aligned),
		N(row->spf_aligned),
		T(row->envelope_from),
		T(row->spf_domain),
		T(gp_slice_str(gp_spf_verdict_name(row->spf))),
		T(signatures),
	};
	uint64_t known = 0;
	bool room = true;
	int r = table_number(s, FIND_ROW, v, GP_ARRAY_LEN(v), &known);
	if (r == 0)
		r = has_room(s, p, UINT64_MAX, &room);
	if (r < 0)
		return r;
	if (known == 0 && (!room || kinds >= STORE_ROWS_MAX)) {
		r = table_run(s, BUMP_DMARC, N(domain), N(0), N(1));
		return r < 0 ? r : 1;
	}
	r = table_run_with(s, BUMP_ROW, v, GP_ARRAY_LEN(v));
	if (r == 0 && known == 0)
		r = table_run(s, BUMP_DMARC, N(domain), N(1), N(0));
	return r == 0 && known == 0
		       ? table_run(s, BUMP_PERIOD, N(p->start_s), N(p->end_s), N(0), N(1))
		       : r;
}

int
store_count_dmarc(struct store *s, const struct store_period *period,
		  const struct gp_msg_dmarc_result *m)
{
	struct gp_buf signatures = GP_BUF_INIT(SIGNATURES_MAX);
	uint64_t domain = 0, kinds = 0;
	int r = table_begin(s);
	if (r == 0)
		r = touch_domain(s, period, &m->policy, &domain, &kinds);
	write_signatures(&m->row, &signatures);
	if (r == 0 && signatures.failed)
		r = -ENOMEM;
	if (r == 0)
		r = count_row(s, period, domain, kinds, &m->row, gp_buf_slice(&signatures));
	gp_buf_free(&signatures);
	return r;
}

/* --- and back --- */

static uint8_t
policy_at(struct store *s, int column)
{
	return table_word(table_text_at(s, READ_DMARC, column), gp_dmarc_policy_name,
			  GP_DMARC_P_NONE, GP_DMARC_P_REJECT + 1);
}

static int
read_policy(struct store *s, const struct store_report *report, struct gp_arena *arena,
	    uint64_t *ret_id, struct gp_dmarcrpt_report *ret)
{
	const struct store_period *p = &report->period;
	int r = table_run(s, READ_DMARC, N(p->start_s), T(report->domain), N(p->end_s));
	if (r != 1)
		return r < 0 ? r : -EIO;
	*ret_id = table_number_at(s, READ_DMARC, 0);
	ret->policy = (struct gp_dmarcrpt_policy){
		.domain = report->domain,
		.p = policy_at(s, 1),
		.sp = policy_at(s, 2),
		.np = policy_at(s, 3),
		.adkim_strict = table_number_at(s, READ_DMARC, 4) > 0,
		.aspf_strict = table_number_at(s, READ_DMARC, 5) > 0,
		.testing = table_number_at(s, READ_DMARC, 6) > 0,
		.fo = (uint8_t)table_number_at(s, READ_DMARC, 7),
		.flaw = gp_arena_dup(arena, table_text_at(s, READ_DMARC, 8)),
	};
	ret->left_out = table_number_at(s, READ_DMARC, 9);
	table_done(s, READ_DMARC);
	return ret->policy.p == 0 || ret->policy.sp == 0 || ret->policy.np == 0 ? -EIO : 0;
}

static void
read_signatures(struct gp_slice lines, struct gp_arena *arena, struct gp_dmarcrpt_row *ret)
{
	struct gp_slice rest = gp_arena_dup(arena, lines);
	struct gp_dmarcrpt_signature *list =
		gp_arena_array(arena, GP_DMARCRPT_SIGNATURES_MAX, sizeof(*list));
	ret->signatures = list;
	while (list && rest.len > 0 && ret->signatures_len < GP_DMARCRPT_SIGNATURES_MAX) {
		struct gp_slice line = gp_slice_cut(&rest, '\n');
		struct gp_dmarcrpt_signature *one = &list[ret->signatures_len];
		one->result = table_word(gp_slice_cut(&line, ' '), gp_dkim_result_name,
					 GP_DKIM_PASS, GP_DKIM_PERMERROR + 1);
		one->domain = gp_slice_cut(&line, ' ');
		one->selector = line;
		ret->signatures_len += one->result > 0;
	}
}

static struct gp_dmarcrpt_row
read_row(struct store *s, struct gp_arena *arena)
{
	struct gp_dmarcrpt_row row = {
		.header_from = gp_arena_dup(arena, table_text_at(s, READ_ROWS, 0)),
		.source = gp_arena_dup(arena, table_text_at(s, READ_ROWS, 1)),
		.disposition =
			table_word(table_text_at(s, READ_ROWS, 2), gp_dmarcrpt_disposition_name,
				   GP_DMARCRPT_NONE, GP_DMARCRPT_DISPOSITIONS),
		.override = table_word(table_text_at(s, READ_ROWS, 3), gp_dmarcrpt_override_name,
				       GP_DMARCRPT_AS_PUBLISHED, GP_DMARCRPT_OVERRIDES),
		.dkim_aligned = table_number_at(s, READ_ROWS, 4) > 0,
		.spf_aligned = table_number_at(s, READ_ROWS, 5) > 0,
		.envelope_from = gp_arena_dup(arena, table_text_at(s, READ_ROWS, 6)),
		.spf_domain = gp_arena_dup(arena, table_text_at(s, READ_ROWS, 7)),
		.spf = table_word(table_text_at(s, READ_ROWS, 8), gp_spf_verdict_name, GP_SPF_NONE,
				  GP_SPF_PERMERROR + 1),
		.messages = table_number_at(s, READ_ROWS, 10),
	};
	read_signatures(table_text_at(s, READ_ROWS, 9), arena, &row);
	return row;
}

int
store_read_dmarc(struct store *s, const struct store_report *report, uint64_t first, size_t max,
		 struct gp_arena *arena, struct gp_dmarcrpt_report *ret)
{
	struct gp_dmarcrpt_row *rows = gp_arena_array(arena, max, sizeof(*rows));
	uint64_t id = 0;
	int r = rows ? read_policy(s, report, arena, &id, ret) : -ENOMEM;
	if (r < 0)
		return r;
	size_t len = 0;
	r = table_run(s, READ_ROWS, N(id), N(first), N(max));
	for (; r == 1 && len < max; r = table_step(s, READ_ROWS)) {
		rows[len] = read_row(s, arena);
		if (rows[len].disposition == 0) {
			r = -EIO;
			break;
		}
		len++;
	}
	table_done(s, READ_ROWS);
	ret->rows = rows;
	ret->rows_len = len;
	if (r >= 0 && arena->failed)
		r = -ENOMEM;
	return r < 0 ? r : len == 0;
}
