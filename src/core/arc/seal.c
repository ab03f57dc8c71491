/* SPDX-License-Identifier: Apache-2.0 */
#include "core/arc/seal.h"

#include <errno.h>
#include <inttypes.h>

#include "core/dns/idn.h"

enum { SEAL_MAX = 2048 }; /* two names, and the rest */

/* --- the order --- */

/* May this stand in a field? Printable octets, and line ends that fold (RFC 5322 section 2.2.3). */
static bool
is_field_body(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		struct gp_slice rest = gp_slice_drop(s, i);
		if (gp_slice_starts(rest, GP_SLICE("\r\n ")) ||
		    gp_slice_starts(rest, GP_SLICE("\r\n\t")))
			i += 2;
		else if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return s.len > 0;
}

const char *
gp_arc_results_fault(struct gp_slice results)
{
	if (results.len > GP_ARC_RESULTS_SIZE_MAX)
		return "the results are too long";
	if (!is_field_body(results))
		return "the results are none that a field can hold";
	return NULL;
}

/* NULL, or why there is to be no set. */
static const char *
refuse(const struct gp_arc_order *o)
{
	if (o->chain->closed)
		return "the newest seal says that the chain was broken: nobody adds to it";
	if (o->chain->len == GP_ARC_SETS_MAX)
		return "the chain has 50 sets, or claims to: there can be no more";
	return gp_arc_results_fault(o->results);
}

/* DKIM's choice, and the DKIM-Signatures. Results as gp_dkim_default_names. */
static int
choose_names(const struct gp_header *header, struct gp_arena *arena, const struct gp_slice **ret,
	     size_t *ret_len)
{
	struct gp_slice signature = GP_SLICE("dkim-signature");
	const struct gp_slice *chosen;
	int r = gp_dkim_default_names(header, arena, &chosen, ret_len);
	if (r != 0)
		return r;
	size_t signatures = gp_header_count(header, signature), len = *ret_len;
	if (signatures > GP_DKIM_NAMES_MAX - len)
		return 1;
	struct gp_slice *names = gp_arena_array(arena, len + signatures, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < len + signatures; i++)
		names[i] = i < len ? chosen[i] : signature;
	*ret = names;
	*ret_len = len + signatures;
	return 0;
}

/* --- the three fields --- */

int
gp_arc_draft(const struct gp_arc_order *order, const struct gp_header *header,
	     struct gp_arena *arena, struct gp_arc_draft *ret, const char **ret_why)
{
	unsigned instance = order->chain->len + 1;
	struct gp_dkim_order o = {
		.kind = GP_DKIM_ARC_MESSAGE,
		.instance = instance,
		.domain = order->domain,
		.selector = order->selector,
		.algorithm = order->algorithm,
		.header_canon = GP_DKIM_RELAXED,
		.body_canon = GP_DKIM_RELAXED,
		.time_s = order->time_s,
		.body_hash = order->body_hash,
	};
	*ret = (struct gp_arc_draft){.order = order};
	*ret_why = refuse(order);
	if (*ret_why)
		return 1;
	*ret_why = "too many fields are to be signed";
	int r = choose_names(header, arena, &o.names, &o.names_len);
	if (r == 0)
		r = gp_dkim_draft(&o, header, arena, &ret->message, ret_why);
	if (r != 0)
		return r;
	/* The draft has found that they are names. */
	r = gp_idn_to_ascii(order->domain, arena, &ret->domain);
	if (r == 0)
		r = gp_idn_to_ascii(order->selector, arena, &ret->selector);
	ret->results_field = gp_arena_printf(arena, "%.*s: i=%u; %.*s\r\n",
					     GP_SLICE_FMT(gp_arc_part_name(GP_ARC_RESULTS)),
					     instance, GP_SLICE_FMT(order->results));
	return r != 0 || arena->failed ? -ENOMEM : 0;
}

/* Section 5.1.2: the seal says what the chain was on arrival. One that was broken it does not
 * cover, so that nothing in that can make this seal unreadable; and one that is not whole was never
 * any better, whoever said so. */
static uint8_t
arrived(const struct gp_arc_order *o)
{
	if (o->chain->fault || o->arrival == GP_ARC_FAIL)
		return GP_ARC_FAIL;
	gp_assert((o->arrival == GP_ARC_NONE) == (o->chain->len == 0));
	return o->arrival;
}

static void
put_seal_field(const struct gp_arc_draft *d, struct gp_buf *out)
{
	const struct gp_arc_order *o = d->order;
	gp_buf_printf(out, "ARC-Seal: i=%u; a=%s; cv=%s; t=%" PRIu64 ";", o->chain->len + 1,
		      gp_dkim_algorithm_name(o->algorithm), gp_arc_result_name(arrived(o)),
		      o->time_s);
	gp_buf_printf(out, "\r\n\td=%.*s;\r\n\ts=%.*s;\r\n\tb=", GP_SLICE_FMT(d->domain),
		      GP_SLICE_FMT(d->selector));
}

int
gp_arc_draft_seal(struct gp_arc_draft *draft, struct gp_slice signature, struct gp_arena *arena)
{
	const struct gp_arc_chain *chain = draft->order->chain;
	struct gp_buf field = GP_BUF_INIT(SEAL_MAX), input = GP_BUF_INIT(GP_DKIM_INPUT_MAX);
	int r = gp_dkim_finish(&draft->message, signature, arena, &draft->message_field);
	put_seal_field(draft, &field);
	for (unsigned i = 1; i <= chain->len && arrived(draft->order) != GP_ARC_FAIL; i++)
		gp_arc_put_set(chain, i, &input);
	gp_dkim_canon_field(draft->results_field, GP_DKIM_RELAXED, &input);
	gp_dkim_canon_field(draft->message_field, GP_DKIM_RELAXED, &input);
	if (r == 0)
		r = gp_dkim_put_own(gp_buf_slice(&field), gp_slice(NULL, 0), GP_DKIM_RELAXED, arena,
				    &input);
	draft->seal.field = gp_arena_dup(arena, gp_buf_slice(&field));
	draft->seal.input = gp_arena_dup(arena, gp_buf_slice(&input));
	bool failed = field.failed || input.failed || arena->failed;
	gp_buf_free(&field);
	gp_buf_free(&input);
	if (r == 0 && !failed)
		r = gp_dkim_digest(draft->seal.input, &draft->seal.digest);
	return failed ? -ENOMEM : r;
}

int
gp_arc_finish(const struct gp_arc_draft *draft, struct gp_slice signature, struct gp_arena *arena,
	      struct gp_slice *ret)
{
	struct gp_slice seal;
	int r = gp_dkim_finish(&draft->seal, signature, arena, &seal);
	if (r != 0)
		return r;
	*ret = gp_arena_printf(arena, "%.*s%.*s%.*s", GP_SLICE_FMT(seal),
			       GP_SLICE_FMT(draft->message_field),
			       GP_SLICE_FMT(draft->results_field));
	return arena->failed ? -ENOMEM : 0;
}
