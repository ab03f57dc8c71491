/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "procs/reports/tables.h"
#include "sys/address.h"

/* --- counting --- */

static struct gp_slice
address_text(struct gp_slice octets, struct gp_sockaddr_text *buffer)
{
	if (octets.len == 0)
		return octets;
	struct gp_sockaddr a = gp_sockaddr_from_octets((const uint8_t *)octets.ptr, octets.len, 0);
	*buffer = gp_sockaddr_text(&a, false);
	return gp_slice_str(buffer->s);
}

/* The policy's row. 1: it would be one too many. */
static int
find_policy(struct store *s, const struct store_period *p, struct gp_slice domain,
	    const struct gp_tls_count *c, uint64_t *ret)
{
	const struct value v[] = {
		N(p->start_s), T(domain),
		N(p->end_s),   T(gp_slice_str(gp_tlsrpt_policy_name(c->type))),
		T(c->domain),  T(c->strings),
		T(c->mx),
	};
	uint64_t len = 0;
	int r = table_number(s, FIND_POLICY, v, GP_ARRAY_LEN(v), ret);
	if (r != 0)
		return r < 0 ? r : 0;
	r = table_number(s, COUNT_POLICIES, v, 3, &len);
	if (r < 0 || len >= STORE_POLICIES_MAX)
		return r < 0 ? r : 1;
	r = table_run_with(s, ADD_POLICY, v, GP_ARRAY_LEN(v));
	*ret = (uint64_t)sqlite3_last_insert_rowid(s->db);
	return r;
}

static int
count_failure(struct store *s, uint64_t policy, const struct gp_msg_tls_result *m,
	      const struct gp_tls_count *c)
{
	struct gp_sockaddr_text sending, receiving;
	struct value v[] = {
		N(policy),
		T(gp_slice_str(gp_tlsrpt_result_name(c->result))),
		T(address_text(m->sending, &sending)),
		T(m->mx_host),
		T(address_text(m->receiving, &receiving)),
		T(c->reason),
	};
	uint64_t known = 0, len = 0;
	int r = table_number(s, FIND_FAILURE, v, GP_ARRAY_LEN(v), &known);
	if (r >= 0)
		r = table_number(s, COUNT_FAILURES, v, 1, &len);
	if (known == 0 && len >= STORE_FAILURES_MAX) {
		for (size_t i = 2; i < GP_ARRAY_LEN(v); i++)
			v[i].text = gp_slice("", 0);
	}
	return r < 0 ? r : table_run_with(s, BUMP_FAILURE, v, GP_ARRAY_LEN(v));
}

static int
count_one(struct store *s, const struct store_period *period, const struct gp_msg_tls_result *m,
	  const struct gp_tls_count *c)
{
	uint64_t policy = 0, failed = c->result > GP_TLSRPT_SUCCESS;
	int r = find_policy(s, period, m->domain, c, &policy);
	if (r != 0)
		return r;
	r = table_run(s, BUMP_POLICY, N(policy), N(1 - failed), N(failed));
	return r == 0 && failed ? count_failure(s, policy, m, c) : r;
}

int
store_count_tls(struct store *s, const struct store_period *period,
		const struct gp_msg_tls_result *m)
{
	int lost = 0, r = table_begin(s);
	for (size_t i = 0; r >= 0 && i < m->counts_len; i++) {
		r = count_one(s, period, m, &m->counts[i]);
		lost |= r == 1;
	}
	return r < 0 ? r : lost;
}

/* --- and back --- */

static const struct gp_slice *
split(struct gp_slice lines, struct gp_arena *arena, size_t *ret_len)
{
	size_t len = lines.len > 0;
	*ret_len = 0;
	for (size_t i = 0; i < lines.len; i++)
		len += lines.ptr[i] == '\n';
	struct gp_slice *list = gp_arena_array(arena, len, sizeof(*list));
	struct gp_slice rest = gp_arena_dup(arena, lines);
	while (list && rest.ptr && *ret_len < len)
		list[(*ret_len)++] = gp_slice_cut(&rest, '\n');
	return list;
}

static int
read_failures(struct store *s, uint64_t policy, struct gp_arena *arena,
	      struct gp_tlsrpt_counts *ret)
{
	/* Those beyond the limit are one for each result. */
	const size_t max = (size_t)STORE_FAILURES_MAX + GP_TLSRPT_RESULTS;
	static_assert(STORE_FAILURES_MAX + (int)GP_TLSRPT_RESULTS <= (int)GP_TLSRPT_FAILURES_MAX);
	struct gp_tlsrpt_failure *f = gp_arena_array(arena, max, sizeof(*f));
	int r = f ? table_run(s, READ_FAILURES, N(policy)) : -ENOMEM;
	ret->details = f;
	for (; r == 1 && ret->details_len < max; r = table_step(s, READ_FAILURES)) {
		struct gp_tlsrpt_failure *one = &f[ret->details_len];
		one->result = table_word(table_text_at(s, READ_FAILURES, 0), gp_tlsrpt_result_name,
					 GP_TLSRPT_SUCCESS + 1, GP_TLSRPT_RESULTS);
		one->sending_ip = gp_arena_dup(arena, table_text_at(s, READ_FAILURES, 1));
		one->mx_host = gp_arena_dup(arena, table_text_at(s, READ_FAILURES, 2));
		one->receiving_ip = gp_arena_dup(arena, table_text_at(s, READ_FAILURES, 3));
		one->reason = gp_arena_dup(arena, table_text_at(s, READ_FAILURES, 4));
		one->sessions = table_number_at(s, READ_FAILURES, 5);
		ret->details_len += one->result > 0;
	}
	table_done(s, READ_FAILURES);
	return r < 0 ? r : 0;
}

static int
read_policy(struct store *s, struct gp_arena *arena, struct gp_tlsrpt_counts *ret)
{
	uint64_t id = table_number_at(s, READ_POLICIES, 0);
	*ret = (struct gp_tlsrpt_counts){
		.policy = table_word(table_text_at(s, READ_POLICIES, 1), gp_tlsrpt_policy_name,
				     GP_TLSRPT_TLSA, GP_TLSRPT_POLICIES),
		.domain = gp_arena_dup(arena, table_text_at(s, READ_POLICIES, 2)),
		.successes = table_number_at(s, READ_POLICIES, 5),
		.failures = table_number_at(s, READ_POLICIES, 6),
	};
	ret->strings = split(table_text_at(s, READ_POLICIES, 3), arena, &ret->strings_len);
	ret->mx = split(table_text_at(s, READ_POLICIES, 4), arena, &ret->mx_len);
	return ret->policy == 0 ? -EIO : read_failures(s, id, arena, ret);
}

int
store_read_tls(struct store *s, const struct store_report *report, struct gp_arena *arena,
	       struct gp_tlsrpt_report *ret)
{
	const struct store_period *p = &report->period;
	struct gp_tlsrpt_counts *counts =
		gp_arena_array(arena, STORE_POLICIES_MAX, sizeof(*counts));
	int r = counts ? table_run(s, READ_POLICIES, N(p->start_s), T(report->domain), N(p->end_s))
		       : -ENOMEM;
	size_t len = 0;
	while (r == 1 && len < STORE_POLICIES_MAX) {
		r = read_policy(s, arena, &counts[len++]);
		if (r == 0)
			r = table_step(s, READ_POLICIES);
	}
	table_done(s, READ_POLICIES);
	ret->counts = counts;
	ret->counts_len = len;
	if (r >= 0 && arena->failed)
		r = -ENOMEM;
	/* What is counted is what a report is made of: without it somebody was at the file. */
	return r < 0 ? r : len == 0 ? -EIO : 0;
}
