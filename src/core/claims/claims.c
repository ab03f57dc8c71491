/* SPDX-License-Identifier: Apache-2.0 */
#include "core/claims/claims.h"

#include <errno.h>
#include <stdio.h>

#include "core/claims/parts.h"
#include "core/identity/visible.h"

static const struct gp_finding_kind
	forged_results = {"auth.forged_results", GP_SEVERITY_HIGH,
			  "authentication results in our name",
			  "they stand below the place where the message came in: the sender wrote "
			  "them (RFC 8601 section 5)"},
	spam_by_ours = {"filter.spam", GP_SEVERITY_MEDIUM, "a filter of ours takes it for spam",
			"the field stands above the place where the message came in"},
	one_click = {"list.one_click", GP_SEVERITY_LOW, "unsubscribing by one click does not work",
		     "List-Unsubscribe-Post needs an https URI in List-Unsubscribe (RFC 8058 "
		     "section 3.1)"},
	original_from = {
		"from.rewritten", GP_SEVERITY_INFO, "From was rewritten",
		"the account that sent it has put in another From than the one it is shown "
		"with"};

/* --- what the readers share --- */

/* A tab is as good as a space. */
static struct gp_slice
cut_item(struct gp_slice *list, char separator)
{
	struct gp_slice by_tab = *list, head = gp_slice_cut(list, separator);
	if (separator != ' ' || gp_slice_find(head, '\t') < 0)
		return head;
	head = gp_slice_cut(&by_tab, '\t');
	*list = by_tab;
	return head;
}

struct gp_slice
gp_claim_pair(struct gp_slice list, char separator, struct gp_slice key, char between)
{
	while (list.ptr && list.len > 0) {
		struct gp_slice item = gp_slice_trim(cut_item(&list, separator));
		if (item.len > key.len && item.ptr[key.len] == between &&
		    gp_slice_starts_nocase(item, key))
			return gp_slice_drop(item, key.len + 1);
	}
	return gp_slice("", 0);
}

void
gp_claim_put(struct gp_buf *out, const char *fmt, ...)
{
	char text[GP_CLAIM_TEXT_MAX + 1];
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	gp_assert(len >= 0);
	if (out->len > 0)
		gp_buf_put_str(out, "; ");
	gp_buf_put(out, gp_slice(text, GP_MIN((size_t)len, sizeof(text) - 1)));
}

/* --- the fields that are known --- */

static const struct {
	struct gp_slice field;
	const char *product;
	gp_claim_reader *read;
} known[] = {
	{GP_SLICE("X-Forefront-Antispam-Report"), "Microsoft", gp_claim_forefront},
	{GP_SLICE("X-Microsoft-Antispam"), "Microsoft", gp_claim_bulk},
	{GP_SLICE("X-MS-Exchange-Organization-SCL"), "Microsoft", gp_claim_scl},
	{GP_SLICE("X-MS-Exchange-Organization-AuthAs"), "Microsoft", gp_claim_auth_as},
	{GP_SLICE("X-MS-Exchange-CrossTenant-AuthAs"), "Microsoft", gp_claim_auth_as},
	{GP_SLICE("X-MS-Exchange-Organization-AuthSource"), "Microsoft", gp_claim_text},
	{GP_SLICE("X-Spam-Status"), "SpamAssassin", gp_claim_spam_status},
	{GP_SLICE("X-Spam-Flag"), "spam filter", gp_claim_yes_no},
	{GP_SLICE("X-Spamd-Result"), "Rspamd", gp_claim_rspamd},
	{GP_SLICE("X-Rspamd-Action"), "Rspamd", gp_claim_text},
	{GP_SLICE("X-Proofpoint-Spam-Details"), "Proofpoint", gp_claim_proofpoint},
	{GP_SLICE("X-Mimecast-Spam-Score"), "Mimecast", gp_claim_text},
	{GP_SLICE("X-Mimecast-Originator"), "Mimecast", gp_claim_text},
	{GP_SLICE("X-IronPort-Anti-Spam-Filtered"), "IronPort", gp_claim_text},
	{GP_SLICE("X-IronPort-AV"), "IronPort", gp_claim_text},
	{GP_SLICE("X-Barracuda-Spam-Status"), "Barracuda", gp_claim_spam_status},
	{GP_SLICE("X-Barracuda-Spam-Score"), "Barracuda", gp_claim_text},
	{GP_SLICE("X-VR-SPAMSTATE"), "OVH", gp_claim_yes_no},
	{GP_SLICE("X-VR-SPAMSCORE"), "OVH", gp_claim_text},
	{GP_SLICE("X-Ovh-Spam-Status"), "OVH", gp_claim_yes_no},
	{GP_SLICE("X-TM-AS-Result"), "Trend Micro", gp_claim_yes_no},
	{GP_SLICE("X-TMASE-Result"), "Trend Micro", gp_claim_text},
	{GP_SLICE("X-CMAE-Score"), "Cloudmark", gp_claim_text},
	{GP_SLICE("X-CMAE-Analysis"), "Cloudmark", gp_claim_text},
	{GP_SLICE("X-SES-Outgoing"), "Amazon SES", gp_claim_text},
	{GP_SLICE("X-Google-Original-From"), "Google", gp_claim_text},
	{GP_SLICE("X-Google-Smtp-Source"), "Google", gp_claim_text},
	{GP_SLICE("X-Originating-IP"), "client", gp_claim_text},
	{GP_SLICE("X-Mailer"), "client", gp_claim_text},
	{GP_SLICE("User-Agent"), "client", gp_claim_text},
	{GP_SLICE("List-Id"), "list", gp_claim_text},
	{GP_SLICE("List-Unsubscribe"), "list", gp_claim_text},
	{GP_SLICE("List-Unsubscribe-Post"), "list", gp_claim_text},
	{GP_SLICE("Precedence"), "list", gp_claim_text},
	{GP_SLICE("Feedback-ID"), "list", gp_claim_text},
	{GP_SLICE("Auto-Submitted"), "automaton", gp_claim_text},
};

struct reading {
	const struct gp_header *header;
	const struct gp_claims_query *query;
	struct gp_arena *arena;
	struct gp_findings *findings;
	struct gp_claims *ret;
	struct gp_claim *claims;
	struct gp_claimed_results *results;
};

static struct gp_slice
unfolded(struct reading *r, size_t field)
{
	return gp_header_unfold(gp_header_value(r->header, field), r->arena);
}

static void
add(struct reading *r, size_t field, const char *product, struct gp_slice text, uint8_t leaning)
{
	if (r->ret->len == GP_CLAIMS_MAX) {
		r->ret->dropped++;
		return;
	}
	struct gp_claim *c = &r->claims[r->ret->len++];
	*c = (struct gp_claim){
		.product = product,
		.field = gp_header_name(r->header, field),
		.text = gp_visible(gp_slice_take(text, GP_CLAIM_TEXT_MAX), r->arena),
		.leaning = leaning,
		.trusted = field < r->query->trusted_fields,
	};
}

static void
read_known(struct reading *r, size_t field)
{
	struct gp_slice name = gp_header_name(r->header, field);
	for (size_t i = 0; i < GP_ARRAY_LEN(known); i++) {
		if (!gp_slice_eq_nocase(known[i].field, name))
			continue;
		/* Room for all that a reader puts; what is over is not shown. */
		struct gp_buf text = GP_BUF_INIT(16 * GP_CLAIM_TEXT_MAX);
		uint8_t leaning = known[i].read(unfolded(r, field), &text);
		if (text.len > 0)
			add(r, field, known[i].product, gp_buf_slice(&text), leaning);
		if (leaning == GP_CLAIM_SPAM && field < r->query->trusted_fields)
			gp_finding_add(r->findings, &spam_by_ours, "%s: %.*s", known[i].product,
				       GP_SLICE_FMT(gp_visible(gp_buf_slice(&text), r->arena)));
		gp_buf_free(&text);
		return;
	}
}

/* --- fields with a standard of their own --- */

static uint8_t
leaning_of(const struct gp_claimed_result *result)
{
	bool fail = gp_slice_eq_nocase(result->result, GP_SLICE("fail"));
	bool decides = gp_slice_eq_nocase(result->method, GP_SLICE("dmarc")) ||
		       gp_slice_eq_nocase(result->method, GP_SLICE("compauth"));
	return fail && decides ? GP_CLAIM_SPAM : GP_CLAIM_NEUTRAL;
}

static void
write_results(struct gp_buf *text, const struct gp_claimed_results *results)
{
	bool named = results->authserv.len > 0;
	gp_buf_printf(text, "%.*s says",
		      GP_SLICE_FMT(named ? results->authserv : GP_SLICE("nobody named")));
	for (size_t i = 0; i < results->len; i++) {
		const struct gp_claimed_result *item = &results->items[i];
		bool compauth = gp_slice_eq_nocase(item->method, GP_SLICE("compauth"));
		const char *code = compauth ? gp_claim_compauth(item->reason) : NULL;
		gp_buf_printf(text, "%s %.*s=%.*s%s%.*s%s%s%s", i > 0 ? "," : "",
			      GP_SLICE_FMT(item->method), GP_SLICE_FMT(item->result),
			      item->domain.len > 0 ? " for " : "", GP_SLICE_FMT(item->domain),
			      code ? " (" : "", code ? code : "", code ? ")" : "");
	}
	if (results->why)
		gp_buf_printf(text, " what cannot be read: %s", results->why);
	else if (results->len == 0)
		gp_buf_put_str(text, " nothing");
}

static int
read_results(struct reading *r, size_t field)
{
	if (r->ret->results_len == GP_CLAIMS_RESULTS_MAX)
		return 0;
	struct gp_claimed_results *results = &r->results[r->ret->results_len++];
	int rc = gp_claimed_results_read(gp_header_value(r->header, field), r->arena, results);
	if (rc != 0)
		return rc;
	uint8_t leaning = GP_CLAIM_NEUTRAL;
	for (size_t i = 0; i < results->len; i++)
		leaning = GP_MAX(leaning, leaning_of(&results->items[i]));
	results->ours = gp_trust_names(r->query->trust, results->authserv);
	results->trusted = results->ours && field < r->query->trusted_fields;
	/* Room for all of a header. */
	struct gp_buf text = GP_BUF_INIT(4 * (size_t)GP_HEADER_SIZE_MAX);
	write_results(&text, results);
	add(r, field, "authentication", gp_buf_slice(&text), leaning);
	struct gp_slice start = gp_slice_take(gp_buf_slice(&text), GP_CLAIM_TEXT_MAX);
	if (results->ours && !results->trusted && !r->query->assumed)
		gp_finding_add(r->findings, &forged_results, "%.*s",
			       GP_SLICE_FMT(gp_visible(start, r->arena)));
	gp_buf_free(&text);
	return 0;
}

/* Only whose they are: what they are worth needs the key. */
static void
read_signature(struct reading *r, size_t field)
{
	struct gp_slice value = unfolded(r, field);
	struct gp_slice domain = gp_claim_pair(value, ';', GP_SLICE("d"), '=');
	struct gp_slice selector = gp_claim_pair(value, ';', GP_SLICE("s"), '=');
	struct gp_buf text = GP_BUF_INIT(2 * GP_CLAIM_TEXT_MAX);
	r->ret->signatures++;
	gp_claim_put(&text, "signed for %.*s, selector %.*s", GP_SLICE_FMT(domain),
		     GP_SLICE_FMT(selector));
	add(r, field, "DKIM", gp_buf_slice(&text), GP_CLAIM_NEUTRAL);
	gp_buf_free(&text);
}

static void
read_seal(struct reading *r, size_t field)
{
	struct gp_slice value = unfolded(r, field);
	struct gp_slice i = gp_claim_pair(value, ';', GP_SLICE("i"), '=');
	struct gp_slice cv = gp_claim_pair(value, ';', GP_SLICE("cv"), '=');
	struct gp_slice domain = gp_claim_pair(value, ';', GP_SLICE("d"), '=');
	struct gp_buf text = GP_BUF_INIT(2 * GP_CLAIM_TEXT_MAX);
	r->ret->arc_instances++;
	gp_claim_put(&text, "sealed by %.*s as instance %.*s, which found the chain %.*s",
		     GP_SLICE_FMT(domain), GP_SLICE_FMT(i), GP_SLICE_FMT(cv));
	add(r, field, "ARC", gp_buf_slice(&text), GP_CLAIM_NEUTRAL);
	gp_buf_free(&text);
}

static int
read_field(struct reading *r, size_t field)
{
	struct gp_slice name = gp_header_name(r->header, field);
	if (gp_slice_eq_nocase(name, GP_SLICE("Authentication-Results")))
		return read_results(r, field);
	if (gp_slice_eq_nocase(name, GP_SLICE("DKIM-Signature")))
		read_signature(r, field);
	else if (gp_slice_eq_nocase(name, GP_SLICE("ARC-Seal")))
		read_seal(r, field);
	else
		read_known(r, field);
	return 0;
}

static struct gp_slice
value_of(struct reading *r, struct gp_slice name)
{
	size_t field = gp_header_find(r->header, name, 0);
	return field < r->header->fields_len ? unfolded(r, field) : gp_slice(NULL, 0);
}

static bool
has_https(struct gp_slice value)
{
	for (; value.len > 0; value = gp_slice_drop(value, 1)) {
		if (gp_slice_starts_nocase(value, GP_SLICE("<https://")))
			return true;
	}
	return false;
}

static void
judge_list(struct reading *r)
{
	struct gp_slice post = value_of(r, GP_SLICE("List-Unsubscribe-Post"));
	struct gp_slice original = value_of(r, GP_SLICE("X-Google-Original-From"));
	if (original.ptr)
		gp_finding_add(r->findings, &original_from, "%.*s",
			       GP_SLICE_FMT(gp_visible(original, r->arena)));
	if (!post.ptr)
		return;
	bool https = has_https(value_of(r, GP_SLICE("List-Unsubscribe")));
	bool exact = gp_slice_eq_nocase(post, GP_SLICE("List-Unsubscribe=One-Click"));
	r->ret->one_click = https && exact;
	if (!https)
		gp_finding_add(r->findings, &one_click, "no https URI");
	else if (!exact)
		gp_finding_add(r->findings, &one_click,
			       "its value is not "
			       "List-Unsubscribe=One-Click");
}

int
gp_claims_read(const struct gp_header *header, const struct gp_claims_query *query,
	       struct gp_arena *arena, struct gp_findings *findings, struct gp_claims *ret)
{
	struct reading r = {
		.header = header, .query = query, .arena = arena, .findings = findings, .ret = ret};
	*ret = (struct gp_claims){};
	r.claims = gp_arena_array(arena, GP_CLAIMS_MAX, sizeof(*r.claims));
	r.results = gp_arena_array(arena, GP_CLAIMS_RESULTS_MAX, sizeof(*r.results));
	if (!r.claims || !r.results)
		return -ENOMEM;
	ret->items = r.claims;
	ret->results = r.results;
	int rc = 0;
	for (size_t i = 0; i < header->fields_len && rc == 0; i++)
		rc = read_field(&r, i);
	judge_list(&r);
	return arena->failed ? -ENOMEM : rc;
}
