/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/named.h"

#include <errno.h>

#include "base/scan.h"
#include "core/ingest/text.h"

static struct gp_slice
field(const struct gp_header *h, struct gp_slice name, struct gp_arena *arena)
{
	size_t at = gp_header_find(h, name, 0);
	return at == h->fields_len ? GP_SLICE("") : gp_header_unfold(gp_header_value(h, at), arena);
}

static bool
is_word(char c)
{
	return c != ' ' && c != '\t';
}

/* "Report Domain: example.org ..." */
static struct gp_slice
subject_domain(struct gp_slice subject)
{
	struct gp_scan c = gp_scan(subject);
	if (!gp_scan_word(&c, GP_SLICE("Report Domain:")))
		return GP_SLICE("");
	gp_scan_wsp(&c);
	return gp_scan_while(&c, is_word);
}

int
gp_ingest_named_read(const struct gp_header *mail, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_slice said = field(mail, GP_SLICE("TLS-Report-Domain"), arena);
	if (said.len == 0)
		said = subject_domain(field(mail, GP_SLICE("Subject"), arena));
	if (!gp_ingest_name(said, arena, ret)) /* no name: nothing to compare with */
		*ret = GP_SLICE("");
	return arena->failed ? -ENOMEM : 0;
}

static int
compare_head(void *context, const struct gp_ingest_head *head)
{
	const struct gp_ingest_named *n = context;
	int stop = n->to->head(n->to->context, head);
	if (stop == 0 && n->domain.len > 0 && head->domain.len > 0 &&
	    !gp_slice_eq(n->domain, head->domain))
		stop = n->to->flaw(n->to->context, 0, false,
				   "its mail says that it is about another domain");
	return stop;
}

static int
pass_row(void *context, const struct gp_ingest_row *row)
{
	const struct gp_ingest_named *n = context;
	return n->to->row(n->to->context, row);
}

static int
pass_tls_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	const struct gp_ingest_named *n = context;
	return n->to->tls_policy(n->to->context, policy);
}

static int
pass_tls_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	const struct gp_ingest_named *n = context;
	return n->to->tls_failure(n->to->context, failure);
}

static int
pass_failure(void *context, const struct gp_ingest_failure *failure)
{
	const struct gp_ingest_named *n = context;
	return n->to->failure(n->to->context, failure);
}

static int
pass_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	const struct gp_ingest_named *n = context;
	return n->to->flaw(n->to->context, record, lost, why);
}

struct gp_ingest_listener
gp_ingest_named_listener(struct gp_ingest_named *n)
{
	return (struct gp_ingest_listener){
		.context = n,
		.head = compare_head,
		.row = pass_row,
		.tls_policy = pass_tls_policy,
		.tls_failure = pass_tls_failure,
		.failure = pass_failure,
		.flaw = pass_flaw,
	};
}
