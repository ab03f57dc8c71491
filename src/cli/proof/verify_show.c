/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost verify: what it came to, for people and for programs. */
#include <errno.h>
#include <stdio.h>

#include "cli/proof/arc_json.h"
#include "cli/proof/dkim_json.h"
#include "cli/proof/dmarc.h"
#include "cli/proof/spf_json.h"
#include "cli/proof/verify.h"
#include "core/verify/results.h"

enum { RESULTS_MAX = 64 * 1024 }; /* octets of the Authentication-Results */

/* The field's body, folded. ptr NULL: no memory. */
static struct gp_slice
results_of(const struct verify_view *view)
{
	struct gp_authres results;
	struct gp_buf text = GP_BUF_INIT(RESULTS_MAX);
	struct gp_slice out = {};
	if (gp_verify_results(view->query, view->facts, view->id, view->arena, &results) == 0)
		gp_authres_write(&text, &results);
	if (!text.failed)
		out = gp_arena_dup(view->arena, gp_buf_slice(&text));
	gp_buf_free(&text);
	return out;
}

/* The same on one line. */
static struct gp_slice
results_line(const struct verify_view *view)
{
	struct gp_slice line = gp_header_unfold(results_of(view), view->arena);
	char *copy = gp_arena_str(view->arena, line);
	for (size_t i = 0; copy && i < line.len; i++)
		copy[i] = copy[i] == '\t' ? ' ' : copy[i];
	return gp_slice(copy, copy ? line.len : 0);
}

/* --- JSON --- */

static json_t *
spf_or_null(const struct gp_spf_result *r, uint8_t scope, bool trace)
{
	return r ? gp_spf_json(r, scope, trace) : json_null();
}

json_t *
verify_json(const struct verify_view *view)
{
	const struct gp_verify_facts *f = view->facts;
	struct gp_slice results = results_line(view);
	if (!results.ptr)
		return NULL;
	struct gp_slice file = gp_dkim_clean(gp_slice_str(view->file), view->arena);
	return json_pack("{s:s%, s:o, s:o, s:o, s:o, s:o, s:b, s:s?, s:s%}", "file", file.ptr,
			 file.len, "spf", spf_or_null(f->mail_from, GP_SPF_MFROM, view->trace),
			 "spf_helo", spf_or_null(f->helo, GP_SPF_HELO, view->trace), "dkim",
			 gp_dkim_json_list(f->dkim, f->dkim_len, view->trace), "arc",
			 gp_arc_json(f->arc, view->trace), "dmarc",
			 gp_dmarc_json(f->dmarc, view->trace), "from_broken", f->author.broken,
			 "from_trick", f->from_trick, "authentication_results", results.ptr,
			 results.len);
}

/* --- text --- */

static void
print_trail(const struct verify_view *view, const struct gp_slice *trail, size_t len)
{
	for (size_t i = 0; view->trace && i < len; i++)
		printf("                   %.*s\n",
		       GP_SLICE_FMT(gp_dkim_clean(trail[i], view->arena)));
}

static void
print_spf(const struct verify_view *view, const struct gp_spf_result *r, const char *identity)
{
	if (!r)
		return;
	printf("spf      %-9s %s; %.*s\n", gp_spf_verdict_name(r->verdict), identity,
	       GP_SLICE_FMT(r->reason));
	if (r->explanation.len > 0)
		printf("                   they say: \"%.*s\"\n", GP_SLICE_FMT(r->explanation));
	print_trail(view, r->trail, r->trail_len);
}

static void
print_signature(const struct verify_view *view, const struct gp_dkim_verdict *v)
{
	const struct gp_dkim_signature *s = v->signature;
	printf("dkim     %-9s", gp_dkim_result_name(v->result));
	if (s->domain.len > 0)
		printf(" d=%.*s", GP_SLICE_FMT(s->domain));
	if (s->selector.len > 0)
		printf(" s=%.*s", GP_SLICE_FMT(s->selector));
	if (v->key_bits > 0)
		printf(" (%s, %u bits)", gp_dkim_algorithm_name(s->algorithm), v->key_bits);
	printf("%s%s%s%s\n", v->reason ? "; " : "", v->reason ? v->reason : "",
	       v->partial ? "; only a part of the body is signed" : "",
	       v->testing ? "; its domain is only trying" : "");
	print_trail(view, v->trail, v->trail_len);
}

static void
print_arc(const struct verify_view *view, const struct gp_arc_verdict *v)
{
	printf("arc      %-9s", gp_arc_result_name(v->result));
	if (v->sealers_len > 0)
		printf(" i=%zu by %.*s", v->sealers_len,
		       GP_SLICE_FMT(v->sealers[v->sealers_len - 1]));
	if (v->reason.len > 0)
		printf(" %.*s", GP_SLICE_FMT(v->reason));
	puts(v->result == GP_ARC_PASS && v->loose ? "; it leaves From or a part of the body open"
						  : "");
	print_trail(view, v->trail, v->trail_len);
}

static void
print_dmarc(const struct verify_view *view, const struct gp_dmarc_result *r)
{
	printf("dmarc    %-9s %.*s; %.*s\n", gp_dmarc_verdict_name(r->verdict),
	       GP_SLICE_FMT(r->from_domain), GP_SLICE_FMT(r->reason));
	if (r->record)
		printf("                   policy %s of %.*s, wished for this message: %s\n",
		       gp_dmarc_policy_name(r->policy), GP_SLICE_FMT(r->policy_domain),
		       gp_dmarc_policy_name(r->disposition));
	print_trail(view, r->trail, r->trail_len);
}

/* The field as it would stand in a message, with line ends of a file. */
static void
print_results(struct gp_slice results)
{
	printf("Authentication-Results: ");
	for (size_t i = 0; i < results.len; i++) {
		if (results.ptr[i] != '\r')
			putchar(results.ptr[i]);
	}
	putchar('\n');
}

int
verify_print(const struct verify_view *view)
{
	const struct gp_verify_facts *f = view->facts;
	struct gp_slice results = results_of(view);
	if (!results.ptr)
		return -ENOMEM;
	if (!f->mail_from)
		puts("spf      -         not asked: who sent it is not told");
	print_spf(view, f->mail_from, "MAIL FROM");
	print_spf(view, f->helo, "HELO");
	if (f->dkim_len == 0)
		puts("dkim     none");
	for (size_t i = 0; i < f->dkim_len; i++)
		print_signature(view, &f->dkim[i]);
	print_arc(view, f->arc);
	print_dmarc(view, f->dmarc);
	if (f->from_trick)
		printf("from     misleads  %s\n", f->from_trick);
	else if (f->author.broken)
		puts("from     malformed there is one address in it alone");
	print_results(results);
	return 0;
}
