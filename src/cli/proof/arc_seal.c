/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost arc seal: the message with one set more on top. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/proof/arc.h"
#include "core/arc/seal.h"
#include "core/authres/authres.h"

/* --- what the chain was on arrival --- */

/* The result of that name, or 0. */
static uint8_t
result_number(struct gp_slice name)
{
	for (int i = GP_ARC_NONE; i <= GP_ARC_FAIL; i++) {
		if (gp_slice_eq_nocase(name, gp_slice_str(gp_arc_result_name((uint8_t)i))))
			return (uint8_t)i;
	}
	return 0;
}

/* arc= of the results; 0: they do not say. */
static uint8_t
result_told(const struct gp_authres *results)
{
	for (size_t i = 0; i < results->results_len; i++) {
		const struct gp_authres_result *r = &results->results[i];
		if (gp_slice_eq_nocase(r->method, GP_SLICE("arc")))
			return result_number(r->result);
	}
	return 0;
}

/* RFC 8617 section 5.1.2. What is told is what was seen on arrival; only where nothing is, the
 * chain is judged as it is now. Returns an exit code. */
static int
find_arrival(struct arc_run *run, const struct gp_authres *results, uint8_t *ret)
{
	const struct gp_signing *s = &run->signing;
	bool chained = run->chain.len > 0 || run->chain.fault;
	struct gp_arc_verdict v;
	*ret = run->arrival ? result_number(gp_slice_str(run->arrival)) : result_told(results);
	if (run->arrival && !*ret)
		return gp_signing_wrong(s, "--cv", "takes none, pass or fail");
	if (*ret && (*ret != GP_ARC_NONE) != chained)
		return gp_signing_wrong(s, run->arrival ? "--cv" : "--auth-results",
					chained ? "says none, and the message has a chain"
						: "says more than none, and there is no chain");
	if (*ret)
		return GP_EXIT_OK;
	int r = arc_judge(run, &v);
	*ret = v.result;
	if (r < 0)
		return gp_signing_fail(s, s->message, r);
	if (!v.trouble)
		return GP_EXIT_OK;
	fprintf(stderr, "gatepost arc: %s: %.*s: say by --cv what the chain is\n", s->message,
		GP_SLICE_FMT(v.reason));
	return GP_EXIT_UNKNOWN;
}

/* --- what the options say --- */

static int
check_options(const struct arc_run *run)
{
	const struct gp_signing *s = &run->signing;
	struct gp_dkim_order names = {.domain = gp_slice_str(s->domain),
				      .selector = gp_slice_str(s->selector)};
	const char *fault = gp_dkim_order_fault(&names, s->arena);
	if (!fault)
		fault = gp_arc_results_fault(gp_slice_str(run->results));
	return fault ? gp_signing_wrong(s, "seal", fault) : GP_EXIT_OK;
}

/* --- the set --- */

/* Returns 0, 1 (*ret_why: why there is no set) or -errno. */
static int
make_fields(struct arc_run *run, const struct gp_arc_order *order, struct gp_slice *ret,
	    const char **ret_why)
{
	const struct gp_signing *s = &run->signing;
	struct gp_dkim_digest digest;
	struct gp_arc_draft draft;
	struct gp_slice signature;
	struct gp_arc_order whole = *order;
	whole.body_hash = &digest;
	int r = gp_signing_hash_body(s, GP_DKIM_RELAXED, &digest);
	if (r == 0)
		r = gp_arc_draft(&whole, &s->header, s->arena, &draft, ret_why);
	if (r == 0)
		r = dkim_key_sign(&s->private, &draft.message, s->arena, &signature);
	if (r == 0)
		r = gp_arc_draft_seal(&draft, signature, s->arena);
	if (r == 0)
		r = dkim_key_sign(&s->private, &draft.seal, s->arena, &signature);
	return r == 0 ? gp_arc_finish(&draft, signature, s->arena, ret) : r;
}

static int
seal(struct arc_run *run, const struct gp_authres *results)
{
	struct gp_signing *s = &run->signing;
	struct gp_arc_order order = {.chain = &run->chain,
				     .results = gp_slice_str(run->results),
				     .domain = gp_slice_str(s->domain),
				     .selector = gp_slice_str(s->selector),
				     .algorithm = s->private.algorithm,
				     .time_s = s->now_s};
	struct gp_slice fields;
	const char *why = NULL;
	int code = find_arrival(run, results, &order.arrival);
	if (code != GP_EXIT_OK)
		return code;
	int r = make_fields(run, &order, &fields, &why);
	if (r < 0)
		return gp_signing_fail(s, s->message, r);
	if (r > 0) {
		fprintf(stderr, "gatepost arc: %s: %s\n", s->message, why);
		return GP_EXIT_BAD;
	}
	return gp_signing_print(s, fields);
}

int
arc_seal(struct arc_run *run)
{
	struct gp_signing *s = &run->signing;
	struct gp_authres results;
	const char *why = NULL;
	if (!s->key || !s->domain || !s->selector || !run->results)
		return gp_signing_wrong(s, "seal",
					"wants --key, --domain, --selector and --auth-results");
	int r = gp_authres_parse(gp_slice_str(run->results), s->arena, &results, &why);
	if (r < 0)
		return gp_signing_fail(s, "--auth-results", r);
	if (r > 0 || results.id.len == 0)
		return gp_signing_wrong(s, "--auth-results", why ? why : "our name is missing");
	int code = check_options(run);
	if (code == GP_EXIT_OK)
		code = gp_signing_read_key(s);
	if (code == GP_EXIT_OK)
		code = gp_signing_check_message(s);
	return code == GP_EXIT_OK ? seal(run, &results) : code;
}
