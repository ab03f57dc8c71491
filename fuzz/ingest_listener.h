/* SPDX-License-Identifier: Apache-2.0 */
/* A listener that holds what it is told to the promises of core/ingest/report.h, and sums it up, so
 * that two readings can be compared. */
#pragma once

#include "base/crc32c.h"
#include "base/utf8.h"
#include "core/ingest/report.h"

struct told {
	uint32_t sum;
	uint64_t heads, lost, last; /* last: the record told last */
};

static inline void
told_octets(struct told *t, const void *octets, size_t len)
{
	t->sum = gp_crc32c(t->sum, gp_slice(octets, len));
}

static inline void
told_text(struct told *t, struct gp_slice s)
{
	gp_assert(s.len <= GP_INGEST_TEXT_MAX && gp_utf8_printable(s));
	told_octets(t, &s.len, sizeof(s.len));
	told_octets(t, s.ptr, s.len);
}

static inline void
told_name(struct told *t, struct gp_slice s)
{
	gp_assert(s.len <= GP_INGEST_NAME_MAX);
	for (size_t i = 0; i < s.len; i++)
		gp_assert(gp_ascii_is_alnum(s.ptr[i]) || (unsigned char)s.ptr[i] >= 0x80 ||
			  s.ptr[i] == '-' || s.ptr[i] == '_' || s.ptr[i] == '.');
	told_text(t, s);
}

static inline int
told_head(void *context, const struct gp_ingest_head *h)
{
	struct told *t = context;
	gp_assert(t->heads++ == 0 && t->lost == 0 && t->last == 0);
	const struct gp_slice texts[] = {h->org,     h->email,     h->contact, h->id,
					 h->version, h->generator, h->fo,      h->discovery};
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++)
		told_text(t, texts[i]);
	told_name(t, h->domain);
	gp_assert(h->kind == GP_INGEST_TLS || h->domain.len > 0);
	gp_assert(h->begin >= 0 && h->begin <= h->end && h->end <= 253402300799);
	gp_assert(h->end - h->begin <= GP_INGEST_RANGE_MAX);
	told_octets(t, &h->begin, sizeof(h->begin));
	told_octets(t, &h->pct, sizeof(h->pct));
	return 0;
}

static inline void
told_auth(struct told *t, const struct gp_ingest_auth *list, size_t len)
{
	gp_assert(len <= GP_INGEST_RESULTS_MAX);
	for (size_t i = 0; i < len; i++) {
		gp_assert(list[i].result <= GP_INGEST_RESULT_PERMERROR);
		told_name(t, list[i].domain);
		told_name(t, list[i].selector);
		told_text(t, list[i].scope);
		told_text(t, list[i].human);
	}
}

static inline int
told_row(void *context, const struct gp_ingest_row *r)
{
	struct told *t = context;
	gp_assert(t->heads == 1 && r->number > t->last && r->count <= GP_INGEST_COUNT_MAX);
	t->last = r->number;
	told_octets(t, r->source, sizeof(r->source));
	told_octets(t, &r->count, sizeof(r->count));
	told_octets(t, &r->disposition, sizeof(r->disposition));
	told_name(t, r->header_from);
	told_name(t, r->envelope_from);
	told_name(t, r->envelope_to);
	gp_assert(r->reasons_len <= GP_INGEST_REASONS_MAX);
	for (size_t i = 0; i < r->reasons_len; i++) {
		gp_assert(r->reasons[i].type > 0);
		told_text(t, r->reasons[i].comment);
	}
	told_auth(t, r->dkim_results, r->dkim_results_len);
	told_auth(t, r->spf_results, r->spf_results_len);
	return 0;
}

static inline void
told_list(struct told *t, const struct gp_slice *list, size_t len)
{
	gp_assert(len <= GP_INGEST_PATTERNS_MAX);
	for (size_t i = 0; i < len; i++)
		told_text(t, list[i]);
}

static inline int
told_tls_policy(void *context, const struct gp_ingest_tls_policy *p)
{
	struct told *t = context;
	gp_assert(t->heads == 1 && p->number > t->last);
	gp_assert(p->successful <= GP_INGEST_COUNT_MAX && p->failed <= GP_INGEST_COUNT_MAX);
	t->last = p->number;
	told_text(t, p->type);
	told_name(t, p->domain);
	told_list(t, p->lines, p->lines_len);
	told_list(t, p->mx, p->mx_len);
	return 0;
}

static inline int
told_tls_failure(void *context, const struct gp_ingest_tls_failure *f)
{
	struct told *t = context;
	gp_assert(t->last > 0 && f->sessions <= GP_INGEST_COUNT_MAX);
	const struct gp_slice texts[] = {f->result,       f->sending_ip,     f->receiving_mx,
					 f->receiving_ip, f->receiving_helo, f->reason_code,
					 f->info};
	told_list(t, texts, GP_ARRAY_LEN(texts));
	return 0;
}

static inline int
told_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	struct told *t = context;
	struct gp_slice text = gp_slice_str(why);
	gp_assert(t->lost == 0 && text.len > 0);
	told_octets(t, &record, sizeof(record));
	told_octets(t, &lost, sizeof(lost));
	told_text(t, text);
	t->lost += lost && record == 0;
	return 0;
}

static inline struct gp_ingest_listener
told_listener(struct told *t)
{
	return (struct gp_ingest_listener){.context = t,
					   .head = told_head,
					   .row = told_row,
					   .tls_policy = told_tls_policy,
					   .tls_failure = told_tls_failure,
					   .flaw = told_flaw};
}
