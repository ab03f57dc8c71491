/* SPDX-License-Identifier: Apache-2.0 */
/* A listener that writes down what it is told, a line each: flaws apart, as tests look at them
 * first. */
#pragma once

#include "../unit.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "core/ingest/report.h"

/* AddressSanitizer takes its time, and memory of its own, which is not to be measured. */
#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define TOLD_SANITIZED 1
#else
#define TOLD_SANITIZED 0
#endif

struct told {
	struct gp_buf lines;
	struct gp_buf flaws; /* "0 lost: why" */
	uint64_t heads, rows, policies, failures, lost;
	int answer; /* what the listener returns */
};

#define TOLD_INIT                                                            \
	{                                                                    \
		.lines = GP_BUF_INIT(1 << 20), .flaws = GP_BUF_INIT(1 << 20) \
	}

static inline void
told_free(struct told *t)
{
	gp_buf_free(&t->lines);
	gp_buf_free(&t->flaws);
}

static inline void
told_text(struct told *t, const char *name, struct gp_slice s)
{
	if (s.len > 0)
		gp_buf_printf(&t->lines, " %s=%.*s", name, GP_SLICE_FMT(s));
}

static inline int
told_head(void *context, const struct gp_ingest_head *h)
{
	static const char policies[] = "-nqr";
	struct told *t = context;
	t->heads++;
	gp_buf_printf(&t->lines, "head %d", h->kind);
	told_text(t, "org", h->org);
	told_text(t, "email", h->email);
	told_text(t, "contact", h->contact);
	told_text(t, "id", h->id);
	told_text(t, "domain", h->domain);
	gp_buf_printf(&t->lines, " %lld-%lld", (long long)h->begin, (long long)h->end);
	told_text(t, "version", h->version);
	told_text(t, "generator", h->generator);
	if (h->kind == GP_INGEST_AGGREGATE)
		gp_buf_printf(&t->lines, " p=%c sp=%c np=%c adkim=%c aspf=%c t=%c pct=%d",
			      policies[h->p], policies[h->sp], policies[h->np],
			      h->adkim_strict ? 's' : 'r', h->aspf_strict ? 's' : 'r',
			      h->testing ? 'y' : 'n', h->pct);
	told_text(t, "fo", h->fo);
	told_text(t, "discovery", h->discovery);
	gp_buf_put_str(&t->lines, "\n");
	return t->answer;
}

static const char *const told_results[] = {"-",       "none",   "pass",      "fail",     "softfail",
					   "neutral", "policy", "temperror", "permerror"};

static inline void
told_auth(struct told *t, const char *what, const struct gp_ingest_auth *list, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		gp_buf_printf(&t->lines, " (%s %s", what, told_results[list[i].result]);
		told_text(t, "d", list[i].domain);
		told_text(t, "s", list[i].selector);
		told_text(t, "scope", list[i].scope);
		told_text(t, "human", list[i].human);
		gp_buf_put_str(&t->lines, ")");
	}
}

static inline int
told_row(void *context, const struct gp_ingest_row *r)
{
	static const char *const dispositions[] = {"-", "none", "pass", "quarantine", "reject"};
	static const char *const reasons[] = {"-",
					      "other",
					      "forwarded",
					      "local_policy",
					      "mailing_list",
					      "policy_test_mode",
					      "sampled_out",
					      "trusted_forwarder"};
	struct told *t = context;
	char address[INET6_ADDRSTRLEN];
	t->rows++;
	inet_ntop(AF_INET6, r->source, address, sizeof(address));
	gp_buf_printf(&t->lines, "row %llu %s %llu %s dkim=%s spf=%s",
		      (unsigned long long)r->number, address, (unsigned long long)r->count,
		      dispositions[r->disposition], told_results[r->dkim], told_results[r->spf]);
	told_text(t, "from", r->header_from);
	told_text(t, "envelope_from", r->envelope_from);
	told_text(t, "envelope_to", r->envelope_to);
	for (size_t i = 0; i < r->reasons_len; i++) {
		gp_buf_printf(&t->lines, " [%s", reasons[r->reasons[i].type]);
		told_text(t, "comment", r->reasons[i].comment);
		gp_buf_put_str(&t->lines, "]");
	}
	told_auth(t, "dkim", r->dkim_results, r->dkim_results_len);
	told_auth(t, "spf", r->spf_results, r->spf_results_len);
	gp_buf_put_str(&t->lines, "\n");
	return t->answer;
}

static inline void
told_list(struct told *t, const char *name, const struct gp_slice *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		told_text(t, name, list[i]);
}

static inline int
told_tls_policy(void *context, const struct gp_ingest_tls_policy *p)
{
	struct told *t = context;
	t->policies++;
	gp_buf_printf(&t->lines, "policy %llu", (unsigned long long)p->number);
	told_text(t, "type", p->type);
	told_text(t, "domain", p->domain);
	told_list(t, "line", p->lines, p->lines_len);
	told_list(t, "mx", p->mx, p->mx_len);
	gp_buf_printf(&t->lines, " %llu+%llu\n", (unsigned long long)p->successful,
		      (unsigned long long)p->failed);
	return t->answer;
}

static inline int
told_tls_failure(void *context, const struct gp_ingest_tls_failure *f)
{
	struct told *t = context;
	t->failures++;
	gp_buf_printf(&t->lines, "failure %llu", (unsigned long long)f->sessions);
	told_text(t, "result", f->result);
	told_text(t, "from", f->sending_ip);
	told_text(t, "mx", f->receiving_mx);
	told_text(t, "ip", f->receiving_ip);
	told_text(t, "helo", f->receiving_helo);
	told_text(t, "code", f->reason_code);
	told_text(t, "info", f->info);
	gp_buf_put_str(&t->lines, "\n");
	return t->answer;
}

static inline int
told_failure(void *context, const struct gp_ingest_failure *failure)
{
	(void)failure;
	struct told *t = context;
	return t->answer;
}

static inline int
told_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	struct told *t = context;
	t->lost += lost && record == 0;
	gp_buf_printf(&t->flaws, "%llu%s: %s\n", (unsigned long long)record, lost ? " lost" : "",
		      why);
	return t->answer;
}

static inline struct gp_ingest_listener
told_listener(struct told *t)
{
	return (struct gp_ingest_listener){.context = t,
					   .head = told_head,
					   .row = told_row,
					   .tls_policy = told_tls_policy,
					   .tls_failure = told_tls_failure,
					   .failure = told_failure,
					   .flaw = told_flaw};
}

/* Of base, with the first `at` in it replaced; the whole is `with` where at is "". */
static inline void
told_vary(struct gp_buf *out, const char *base, const char *at, struct gp_slice with)
{
	const char *found = at[0] ? strstr(base, at) : base;
	assert_non_null(found);
	gp_buf_put(out, gp_slice(base, (size_t)(found - base)));
	gp_buf_put(out, with);
	gp_buf_put_str(out, at[0] ? found + strlen(at) : "");
	assert_false(out->failed);
}
