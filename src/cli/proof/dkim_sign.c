/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost dkim sign: the message with one field more on top. */
#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/proof/dkim.h"

/* --- what the options say --- */

/* "relaxed/simple"; one word is for both. */
static bool
read_canons(const char *text, struct gp_dkim_order *o)
{
	struct gp_slice body = gp_slice_str(text);
	struct gp_slice header = gp_slice_cut(&body, '/');
	return gp_dkim_canon_read(header, &o->header_canon) &&
	       gp_dkim_canon_read(body.ptr ? body : header, &o->body_canon);
}

static int
read_headers(struct dkim_run *run, struct gp_dkim_order *o)
{
	struct gp_slice rest = gp_slice_str(run->headers);
	struct gp_slice *names = gp_arena_array(&run->arena, GP_DKIM_NAMES_MAX, sizeof(*names));
	if (!names)
		return gp_signing_fail(&run->signing, "--headers", -ENOMEM);
	for (; rest.ptr; o->names_len++) {
		if (o->names_len == GP_DKIM_NAMES_MAX)
			return gp_signing_wrong(&run->signing, "--headers", "too many names");
		names[o->names_len] = gp_slice_cut(&rest, ':');
	}
	o->names = names;
	return GP_EXIT_OK;
}

static int
read_order(struct dkim_run *run, const struct dkim_key *key, struct gp_dkim_order *ret)
{
	*ret = (struct gp_dkim_order){.domain = gp_slice_str(run->signing.domain),
				      .selector = gp_slice_str(run->signing.selector),
				      .algorithm = key->algorithm,
				      .time_s = run->signing.now_s};
	if (run->expire_s > 0)
		ret->expiry_s = run->signing.now_s + run->expire_s;
	if (!read_canons(run->canon ? run->canon : "relaxed/relaxed", ret))
		return gp_signing_wrong(&run->signing, "--canon",
					"takes simple or relaxed, for header/body");
	int code = run->headers ? read_headers(run, ret) : GP_EXIT_OK;
	const char *fault = code == GP_EXIT_OK ? gp_dkim_order_fault(ret, &run->arena) : NULL;
	return fault ? gp_signing_wrong(&run->signing, "sign", fault) : code;
}

/* --- the message --- */

/* A message without them is given them by the first server, which breaks the signature. */
static void
warn(const struct dkim_run *run, const struct gp_header *h)
{
	static const char *const names[] = {"Date", "Message-ID"};
	for (size_t i = 0; i < GP_ARRAY_LEN(names) && !run->signing.quiet && !run->headers; i++) {
		if (gp_header_count(h, gp_slice_str(names[i])) == 0)
			fprintf(stderr,
				"gatepost dkim: %s: no %s: whoever adds one breaks the signature\n",
				run->signing.message, names[i]);
	}
}

/* The field that goes on top. 0, 1 (which has been said) or -errno. */
static int
make_field(const struct gp_signing *s, const struct gp_dkim_order *order, struct gp_slice *ret)
{
	struct gp_dkim_order o = *order;
	struct gp_dkim_digest digest;
	struct gp_dkim_draft draft;
	struct gp_slice signature;
	const char *why = NULL;
	o.body_hash = &digest;
	int r = gp_signing_hash_body(s, o.body_canon, &digest);
	if (r == 0)
		r = gp_dkim_draft(&o, &s->header, s->arena, &draft, &why);
	if (r > 0)
		fprintf(stderr, "gatepost dkim: %s: %s\n", s->message, why);
	if (r == 0)
		r = dkim_key_sign(&s->private, &draft, s->arena, &signature);
	return r == 0 ? gp_dkim_finish(&draft, signature, s->arena, ret) : r;
}

static int
sign(struct dkim_run *run)
{
	struct gp_signing *s = &run->signing;
	struct gp_dkim_order order;
	struct gp_slice field;
	int code = read_order(run, &s->private, &order);
	if (code == GP_EXIT_OK)
		code = gp_signing_read_message(s);
	if (code == GP_EXIT_OK)
		code = gp_signing_check_message(s);
	if (code != GP_EXIT_OK)
		return code;
	warn(run, &s->header);
	int r = make_field(s, &order, &field);
	if (r != 0)
		return r > 0 ? GP_EXIT_BAD : gp_signing_fail(s, s->message, r);
	return gp_signing_print(s, field);
}

int
dkim_sign(struct dkim_run *run)
{
	struct gp_signing *s = &run->signing;
	if (!s->key || !s->domain || !s->selector)
		return gp_signing_wrong(s, "sign", "wants --key, --domain and --selector");
	int code = gp_signing_read_key(s);
	if (code == GP_EXIT_OK && run->algorithm &&
	    gp_dkim_algorithm_number(gp_slice_str(run->algorithm)) != s->private.algorithm)
		code = gp_signing_wrong(s, "--algorithm", "the key is for another one");
	return code == GP_EXIT_OK ? sign(run) : code;
}
