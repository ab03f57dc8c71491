/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost dkim verify: the evaluator of core/dkim on a message that is all there. */
#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/proof/dkim.h"
#include "cli/proof/dkim_json.h"
#include "cli/traffic/tool_report.h"

struct checking {
	struct gp_signing *signing;
	struct gp_dkim_body body;
	struct gp_dkim_set set;
	struct gp_dkim_result_set result;
};

/* 0 or -errno; c->result is whole with 0. */
static int
evaluate(struct checking *c)
{
	struct gp_arena *arena = c->signing->arena;
	struct gp_dkim_world world = {.answers = c->signing->lookup.answers,
				      .now_s = c->signing->now_s,
				      .arena = arena,
				      .trail = true};
	int r = gp_dkim_collect(&c->signing->header, &c->body, arena, &c->set);
	if (r < 0)
		return r;
	gp_dkim_body_feed(&c->body, gp_header_body(&c->signing->header));
	r = gp_dkim_body_end(&c->body);
	if (r < 0)
		return r;
	do {
		r = gp_dkim_eval(&c->set, &c->body, &world, &c->result);
	} while (r == GP_DKIM_NEED &&
		 gp_lookup_ask(&c->signing->lookup, c->result.need, c->result.need_len));
	return r == GP_DKIM_NEED ? -ENOMEM : r;
}

/* One signature that passes is enough (RFC 6376 section 6.1). */
static int
exit_code(const struct gp_dkim_result_set *r)
{
	int code = GP_EXIT_BAD;
	for (size_t i = 0; i < r->len; i++) {
		if (r->verdicts[i].result == GP_DKIM_PASS)
			return GP_EXIT_OK;
		if (r->verdicts[i].result == GP_DKIM_TEMPERROR)
			code = GP_EXIT_UNKNOWN;
	}
	return code;
}

static void
print_verdict(struct checking *c, const struct gp_dkim_verdict *v)
{
	struct gp_arena *arena = c->signing->arena;
	const struct gp_dkim_signature *s = v->signature;
	printf("%-9s", gp_dkim_result_name(v->result));
	if (s->domain.len > 0)
		printf(" d=%.*s", GP_SLICE_FMT(s->domain));
	if (s->selector.len > 0)
		printf(" s=%.*s", GP_SLICE_FMT(s->selector));
	if (s->algorithm_name.len > 0)
		printf(" a=%.*s", GP_SLICE_FMT(gp_dkim_clean(s->algorithm_name, arena)));
	if (v->key_bits > 0)
		printf(" (%u bits)", v->key_bits);
	if (v->reason)
		printf(": %s", v->reason);
	printf("%s%s\n", v->partial ? "; only a part of the body is signed" : "",
	       v->testing ? "; its domain is only trying" : "");
	for (size_t i = 0; c->signing->verbose && i < v->trail_len; i++)
		printf("          %.*s\n", GP_SLICE_FMT(gp_dkim_clean(v->trail[i], arena)));
}

static int
print_text(struct checking *c)
{
	if (c->result.len == 0)
		puts("none      no DKIM-Signature");
	for (size_t i = 0; i < c->result.len; i++)
		print_verdict(c, &c->result.verdicts[i]);
	if (c->set.uncounted > 0)
		printf("%zu signatures more\n", c->set.uncounted);
	return fflush(stdout) == 0 ? exit_code(&c->result)
				   : gp_signing_fail(c->signing, "standard output", -errno);
}

static int
print_json(struct checking *c)
{
	json_t *list = gp_dkim_json_list(c->result.verdicts, c->result.len, c->signing->verbose);
	if (!gp_tool_json_print(json_pack("{s:o}", "dkim", list)))
		return gp_signing_fail(c->signing, "standard output", -EIO);
	return exit_code(&c->result);
}

static int
check(struct checking *c)
{
	struct gp_signing *s = c->signing;
	int code = gp_signing_read_message(s);
	if (code == GP_EXIT_OK)
		code = gp_signing_open_dns(s);
	if (code != GP_EXIT_OK)
		return code;
	int r = evaluate(c);
	if (r < 0)
		return gp_signing_fail(s, s->message, r);
	if (s->quiet)
		return exit_code(&c->result);
	return s->json ? print_json(c) : print_text(c);
}

int
dkim_verify(struct dkim_run *run)
{
	struct checking c = {.signing = &run->signing};
	gp_dkim_body_init(&c.body);
	int code = check(&c);
	gp_dkim_body_free(&c.body);
	return code;
}
