/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost arc: chains verified and gone on with, by hand. Options, and the verb verify; arc_seal.c
 * has the other.
 */
#include "cli/arc.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/arc_json.h"
#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/tool_report.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	ARENA_MAX = 64 * 1024 * 1024,
	TIME_MAX_S = UINT32_MAX,
};

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

static const struct {
	const char *name;
	int (*run)(struct arc_run *run);
} verbs[] = {
	{"verify", arc_verify},
	{"seal", arc_seal},
};

/* --- judging --- */

int
arc_judge(struct arc_run *run, struct gp_arc_verdict *ret)
{
	struct gp_dkim_world world = {run->lookup.answers, NULL, run->now_s, &run->arena};
	int r;
	do {
		r = gp_arc_eval(&run->chain, &run->body, &world, ret);
	} while (r == GP_DKIM_NEED && gp_lookup_ask(&run->lookup, ret->need, ret->need_len));
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
	if (run->json)
		good = gp_tool_json_print(gp_arc_json(&v, run->verbose));
	else if (!run->quiet)
		print_text(&v, run->verbose);
	good = good && fflush(stdout) == 0;
	return good ? exit_code(&v) : gp_signing_fail(&run->signing, "standard output", -EIO);
}

/* --- options --- */

enum { KEY = 256, DOMAIN, SELECTOR, RESULTS, ARRIVAL, JSON, DNS, RESOLVER, TIME };

static const struct option options[] = {
	{"key", required_argument, NULL, KEY},
	{"domain", required_argument, NULL, DOMAIN},
	{"selector", required_argument, NULL, SELECTOR},
	{"auth-results", required_argument, NULL, RESULTS},
	{"cv", required_argument, NULL, ARRIVAL},
	{"output", required_argument, NULL, 'o'},
	{"json", no_argument, NULL, JSON},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"trace", no_argument, NULL, 'v'},
	{"dns", required_argument, NULL, DNS},
	{"resolver", required_argument, NULL, RESOLVER},
	{"time", required_argument, NULL, TIME},
	{"help", no_argument, NULL, 'h'},
	{},
};

/* Where an option's text goes; NULL: it is none that has one. */
static const char **
text_of(struct arc_run *run, int c)
{
	switch (c) {
	case KEY:
		return &run->signing.key;
	case DOMAIN:
		return &run->domain;
	case SELECTOR:
		return &run->selector;
	case RESULTS:
		return &run->results;
	case ARRIVAL:
		return &run->arrival;
	case DNS:
		return &run->dns;
	case RESOLVER:
		return &run->resolver;
	case 'o':
		return &run->signing.output;
	default:
		return NULL;
	}
}

/* False: its value is wrong, which has been said, or there is no such option. */
static bool
take_option(struct arc_run *run, int c, const char *value)
{
	struct gp_arg arg = {"arc", "time", value};
	switch (c) {
	case TIME:
		return gp_arg_u64(&arg, 0, TIME_MAX_S, &run->now_s);
	case JSON:
		run->json = true;
		return true;
	case 'q':
		run->quiet = run->signing.quiet = true;
		return true;
	case 'v':
		run->verbose = true;
		return true;
	default:
		fputs(usage, stderr);
		return false;
	}
}

/* Returns 0, or an exit code + 1 when there is nothing left to do. */
static int
parse_options(int argc, char **argv, struct arc_run *run)
{
	int c;
	while ((c = getopt_long(argc, argv, "o:qvh", options, NULL)) != -1) {
		const char **text = text_of(run, c);
		if (text) {
			*text = optarg;
		} else if (c == 'h') {
			fputs(usage, stdout);
			return GP_EXIT_OK + 1;
		} else if (!take_option(run, c, optarg)) {
			return GP_EXIT_USAGE + 1;
		}
	}
	return 0;
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
	/* ARC makes nothing of DNSSEC, and servers without it are asked too. */
	static const struct gp_config config = {.dns.trust_anchor = {"none", 4}};
	struct gp_lookup_options o = {.command = "gatepost arc",
				      .dns = run->dns,
				      .resolver = run->resolver,
				      .config = &config};
	gp_dkim_body_init(&run->body);
	int code = open_message(run);
	if (code == GP_EXIT_OK)
		code = gp_lookup_open(&run->lookup, &o);
	if (code == GP_EXIT_OK)
		code = verb(run);
	gp_lookup_close(&run->lookup);
	gp_signing_close(&run->signing);
	gp_dkim_body_free(&run->body);
	return code;
}

int
gp_cmd_arc(int argc, char **argv)
{
	struct arc_run run = {.arena = GP_ARENA_INIT(ARENA_MAX),
			      .now_s = gp_clock_wall_ms() / 1000,
			      .signing = {.command = "gatepost arc", .message = "-"}};
	run.signing.arena = &run.arena;
	int code = parse_options(argc, argv, &run);
	if (code > 0)
		return code - 1;
	gp_log_setup("arc", false, GP_LOG_WARNING);
	int operands = argc - optind;
	for (size_t i = 0; i < GP_ARRAY_LEN(verbs) && operands > 0 && operands <= 2; i++) {
		if (strcmp(argv[optind], verbs[i].name) != 0)
			continue;
		if (operands == 2)
			run.signing.message = argv[optind + 1];
		code = run_verb(&run, verbs[i].run);
		gp_arena_free(&run.arena);
		gp_log_flush();
		return code;
	}
	fputs(usage, stderr);
	return GP_EXIT_USAGE;
}
