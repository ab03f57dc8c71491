/* SPDX-License-Identifier: Apache-2.0 */
/* A listener that writes down what it is told, a line each. */
#pragma once

#include "../unit.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "core/ingest/intake.h"

struct teller {
	struct gp_buf out;
	int stop; /* what it returns to the telling of a failure or a row */
};

static inline int
teller_head(void *context, const struct gp_ingest_head *h)
{
	struct teller *t = context;
	gp_buf_printf(&t->out, "head %d by '%.*s' <%.*s> id '%.*s' of %.*s at %lld-%lld\n", h->kind,
		      GP_SLICE_FMT(h->org), GP_SLICE_FMT(h->email), GP_SLICE_FMT(h->id),
		      GP_SLICE_FMT(h->domain), (long long)h->begin, (long long)h->end);
	return 0;
}

static inline int
teller_row(void *context, const struct gp_ingest_row *row)
{
	struct teller *t = context;
	gp_buf_printf(&t->out, "row %llu\n", (unsigned long long)row->number);
	return t->stop;
}

static inline int
teller_tls_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	struct teller *t = context;
	gp_buf_printf(&t->out, "policy %.*s\n", GP_SLICE_FMT(policy->domain));
	return 0;
}

static inline int
teller_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	struct teller *t = context;
	gp_buf_printf(&t->out, "tls failure %.*s\n", GP_SLICE_FMT(failure->result));
	return 0;
}

static inline void
teller_put(struct teller *t, const char *name, struct gp_slice value)
{
	if (value.len > 0)
		gp_buf_printf(&t->out, " %s='%.*s'", name, GP_SLICE_FMT(value));
}

static inline int
teller_failure(void *context, const struct gp_ingest_failure *f)
{
	struct teller *t = context;
	char source[INET6_ADDRSTRLEN] = "";
	assert_non_null(inet_ntop(AF_INET6, f->source, source, sizeof(source)));
	gp_buf_printf(&t->out, "failure %.*s from %s of %.*s at %lld, %llu:", GP_SLICE_FMT(f->type),
		      source, GP_SLICE_FMT(f->domain), (long long)f->arrived,
		      (unsigned long long)f->incidents);
	teller_put(t, "delivery", f->delivery);
	teller_put(t, "header_from", f->header_from);
	teller_put(t, "from", f->envelope_from);
	teller_put(t, "to", f->envelope_to);
	teller_put(t, "subject", f->subject);
	teller_put(t, "id", f->message_id);
	teller_put(t, "results", f->results);
	teller_put(t, "dkim", f->dkim_domain);
	teller_put(t, "selector", f->dkim_selector);
	teller_put(t, "spf", f->spf_record);
	teller_put(t, "header", f->header);
	gp_buf_put_str(&t->out, "\n");
	return t->stop;
}

static inline int
teller_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	struct teller *t = context;
	gp_buf_printf(&t->out, "%s %llu: %s\n", lost ? "lost" : "flaw", (unsigned long long)record,
		      why);
	return 0;
}

static inline int
teller_begin(void *context)
{
	struct teller *t = context;
	gp_buf_put_str(&t->out, "[\n");
	return 0;
}

static inline int
teller_end(void *context)
{
	struct teller *t = context;
	gp_buf_put_str(&t->out, "]\n");
	return 0;
}

static inline struct gp_ingest_listener
teller_listener(struct teller *t)
{
	t->out = GP_BUF_INIT(1 << 20);
	return (struct gp_ingest_listener){
		.context = t,
		.head = teller_head,
		.row = teller_row,
		.tls_policy = teller_tls_policy,
		.tls_failure = teller_tls_failure,
		.failure = teller_failure,
		.flaw = teller_flaw,
	};
}

/* For what strangers send, told to that listener, which is a teller's. */
static inline struct gp_intake
teller_intake(const struct gp_ingest_listener *listener)
{
	return (struct gp_intake){
		.caps = GP_INTAKE_CAPS_STRANGERS,
		.seed = 7,
		.listener = listener,
		.begin = teller_begin,
		.end = teller_end,
	};
}
