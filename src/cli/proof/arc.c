/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost arc: chains verified and gone on with, by hand. The verb verify is here, arc_seal.c has
 * the other. */
#include "cli/proof/arc.h"

#include <errno.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/proof/arc_json.h"
#include "cli/proof/signing_options.h"
#include "cli/traffic/tool_report.h"
#include "sys/log.h"

enum { ARENA_MAX = 64 * 1024 * 1024 };

static const char usage[] =
	"usage: gatepost arc VERB [options] [MESSAGE]\n\n"
	"  verify                 what the chain of a message proves; exit code 1 when it fails\n"
	"  seal                   prints the message with one set more on top\n\n"
	"  MESSAGE                a file; - or nothing for standard input\n\n"
	"verify:\n"
	"  --json                 one JSON object\n"
	"  -v, -q                 the reasoning too; nothing at all\n"
	"seal:\n"
	"  --key FILE             the private key in PEM, or 32 octets in base64 for Ed25519\n"
	"  --domain D             who seals\n"
	"  --selector S           by which of its keys\n"
	"  --auth-results TEXT    what was found when the message came, our name first, as\n"
	"                         Authentication-Results has it\n"
	"  --cv RESULT            what the chain was then: none, pass or fail; else arc= of the\n"
	"                         results says it, else the chain is verified as it is\n"
	"  -o FILE                where the message goes, instead of standard output\n"
	"verify, seal:\n"
	"  --dns FILE             answers from this file; nobody is asked\n"
	"  --resolver ADDR        the DNS server to ask\n"
	"  --time EPOCH           the time that it is\n";

/* --- judging --- */

int
arc_judge(struct arc_run *run, struct gp_arc_verdict *ret)
{
	struct gp_dkim_world world = {.answers = run->signing.lookup.answers,
				      .now_s = run->signing.now_s,
				      .arena = &run->arena,
				      .trail = true};
	int r;
	do {
		r = gp_arc_eval(&run->chain, &run->body, &world, ret);
	} while (r == GP_DKIM_NEED &&
		 gp_lookup_ask(&run->signing.lookup, ret->need, ret->need_len));
	return r == GP_DKIM_NEED ? -ENOMEM : r;
}

static int
exit_code(const struct gp_arc_verdict *v)
{
	if (v->result != GP_ARC_FAIL)
		return GP_EXIT_OK;
	return v->trouble ? GP_EXIT_UNKNOWN : GP_EXIT_BAD;
}

static void
print_text(const struct gp_arc_verdict *v, bool trail)
{
	printf("%s", gp_arc_result_name(v->result));
	if (v->result != GP_ARC_NONE)
		printf(", %u set%s", v->instances, v->instances == 1 ? "" : "s");
	if (v->reason.len > 0)
		printf(": %.*s", GP_SLICE_FMT(v->reason));
	if (v->oldest_pass > 0)
		printf("; changed before i=%u", v->oldest_pass);
	puts(v->loose && v->result == GP_ARC_PASS ? "; it leaves From or a part of the body open"
						  : "");
	for (size_t i = 0; i < v->sealers_len; i++)
		printf("  i=%-2zu sealed by %.*s\n", i + 1, GP_SLICE_FMT(v->sealers[i]));
	for (size_t i = 0; trail && i < v->trail_len; i++)
		printf("  %.*s\n", GP_SLICE_FMT(v->trail[i]));
}

int
arc_verify(struct arc_run *run)
{
	struct gp_arc_verdict v;
	bool good = true;
	int r = arc_judge(run, &v);
	if (r < 0)
		return gp_signing_fail(&run->signing, run->signing.message, r);
	if (run->signing.json && !run->signing.quiet)
		good = gp_tool_json_print(gp_arc_json(&v, run->signing.verbose));
	else if (!run->signing.quiet)
		print_text(&v, run->signing.verbose);
	good = good && fflush(stdout) == 0;
	return good ? exit_code(&v) : gp_signing_fail(&run->signing, "standard output", -EIO);
}

/* --- the command --- */

/* Reads the message, finds its chain, and hashes the body as that wants it. */
static int
open_message(struct arc_run *run)
{
	struct gp_signing *s = &run->signing;
	int code = gp_signing_read_message(s);
	if (code != GP_EXIT_OK)
		return code;
	int r = gp_arc_collect(&s->header, &run->body, &run->arena, &run->chain);
	if (r == 0) {
		gp_dkim_body_feed(&run->body, gp_header_body(&s->header));
		r = gp_dkim_body_end(&run->body);
	}
	return r < 0 ? gp_signing_fail(s, s->message, r) : GP_EXIT_OK;
}

static int
run_verb(struct arc_run *run, int (*verb)(struct arc_run *run))
{
	gp_dkim_body_init(&run->body);
	int code = open_message(run);
	if (code == GP_EXIT_OK)
		code = gp_signing_open_dns(&run->signing);
	if (code == GP_EXIT_OK)
		code = verb(run);
	gp_signing_close(&run->signing);
	gp_dkim_body_free(&run->body);
	return code;
}

int
gp_cmd_arc(int argc, char **argv)
{
	enum { VERIFY, SEAL };
	static const struct gp_signing_verb verbs[] = {
		[VERIFY] = {"verify", .reads = true, .answers = true},
		[SEAL] = {"seal", .reads = true},
	};
	struct arc_run run = {.arena = GP_ARENA_INIT(ARENA_MAX),
			      .signing = {.command = "gatepost arc"}};
	const struct gp_signing_option own[] = {
		{"auth-results", .text = &run.results},
		{"cv", .text = &run.arrival},
	};
	const struct gp_signing_syntax syntax = {
		"arc", usage, verbs, GP_ARRAY_LEN(verbs), own, GP_ARRAY_LEN(own),
	};
	size_t verb = VERIFY;
	run.signing.arena = &run.arena;
	int code = gp_signing_options_read(&syntax, argc, argv, &run.signing, &verb);
	if (code > 0)
		return code - 1;
	gp_log_setup("arc", false, GP_LOG_WARNING);
	code = run_verb(&run, verb == SEAL ? arc_seal : arc_verify);
	gp_arena_free(&run.arena);
	gp_log_flush();
	return code;
}
