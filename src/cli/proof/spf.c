/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost spf: may this client send mail as this domain, and why. core/spf decides. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/lookup.h"
#include "cli/options.h"
#include "cli/proof/spf_json.h"
#include "core/spf/spf.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	/* When the last round begins (RFC 7208 section 4.6.4: 20 s at least for all of them). */
	TIME_MAX_MS = 20'000,
};

static const char usage[] =
	"usage: gatepost spf --ip ADDRESS [--helo NAME] [--mail-from SENDER] [options]\n\n"
	"May the client at ADDRESS send mail as the domain of SENDER ('' or '<>': null, which is\n"
	"postmaster's at the HELO name)? Without --mail-from: may it say HELO NAME?\n\n"
	"  --json             one JSON object\n"
	"  --trace, -v        what became of each term of the records\n"
	"  -c FILE            the configuration, for its key dns\n"
	"  --dns FILE         answers from this file; nobody is asked\n"
	"  --resolver ADDR    the DNS server to ask\n"
	"  --time EPOCH       the time, for explanations that tell it\n\n"
	"Exit codes: 0 pass, neutral, none; 1 fail, softfail, permerror; 2 usage; 3 temperror.\n";

struct spf_run {
	struct gp_spf_query query;
	bool json;
	const char *ip, *helo, *sender; /* of the options; NULL: not given */
	const char *dns, *resolver, *config_file;
	struct gp_lookup lookup;
	struct gp_arena arena;
	struct gp_spf_result result;
};

static int
fail(int error)
{
	fprintf(stderr, "gatepost spf: %s\n", strerror(-error));
	return GP_EXIT_ERROR;
}

/* --- the check --- */

/* Too long is as if the DNS had not answered. */
static void
give_up(struct spf_run *run)
{
	run->result.verdict = GP_SPF_TEMPERROR;
	run->result.reason = GP_SLICE("the DNS took more than 20 s (RFC 7208 section 4.6.4)");
}

static int
check(struct spf_run *run)
{
	uint64_t end_ms = gp_clock_monotonic_ms() + TIME_MAX_MS;
	struct gp_spf_result *r = &run->result;
	int rc;
	while ((rc = gp_spf_eval(&run->query, run->lookup.answers, &run->arena, r)) ==
	       GP_SPF_NEED) {
		if (gp_clock_monotonic_ms() > end_ms) {
			give_up(run);
			return 0;
		}
		if (!gp_lookup_ask(&run->lookup, r->need, r->need_len))
			return -ENOMEM;
	}
	return rc;
}

/* --- the answer --- */

static int
print_object(const struct spf_run *run)
{
	json_t *object = gp_spf_json(&run->result, run->query.scope, run->query.trail);
	bool good = object && json_dumpf(object, stdout, JSON_COMPACT) == 0 &&
		    putchar('\n') != EOF && fflush(stdout) == 0;
	json_decref(object);
	return good ? GP_EXIT_OK : fail(-EIO);
}

static int
print_text(const struct spf_run *run)
{
	const struct gp_spf_result *r = &run->result;
	printf("%s\n", gp_spf_verdict_name(r->verdict));
	printf("  domain       %.*s, by %s\n", GP_SLICE_FMT(r->domain),
	       run->query.scope == GP_SPF_HELO ? "HELO" : "MAIL FROM");
	printf("  reason       %.*s\n", GP_SLICE_FMT(r->reason));
	printf("  lookups      %u of %d, %u of %d with nothing to find\n", r->lookups,
	       GP_SPF_LOOKUPS_MAX, r->void_lookups, GP_SPF_VOID_MAX);
	if (r->explanation.len > 0)
		printf("  explanation  \"%.*s\"\n", GP_SLICE_FMT(r->explanation));
	for (size_t i = 0; i < r->trail_len; i++)
		printf("  %s        %.*s\n", i == 0 ? "trace" : "     ", GP_SLICE_FMT(r->trail[i]));
	return fflush(stdout) == 0 ? GP_EXIT_OK : fail(-EIO);
}

static int
exit_code(uint8_t verdict)
{
	switch (verdict) {
	case GP_SPF_FAIL:
	case GP_SPF_SOFTFAIL:
	case GP_SPF_PERMERROR:
		return GP_EXIT_BAD;
	case GP_SPF_TEMPERROR:
		return GP_EXIT_UNKNOWN;
	default:
		return GP_EXIT_OK;
	}
}

/* --- options --- */

static bool
read_time(const char *value, struct spf_run *run)
{
	struct gp_arg arg = {"spf", "time", value};
	return gp_arg_u64(&arg, 0, INT64_MAX, &run->query.now_s);
}

/* Returns 0, or an exit code + 1 when there is nothing left to do. */
static int
parse_options(int argc, char **argv, struct spf_run *run)
{
	enum { IP = 256, HELO, MAIL_FROM, JSON, TRACE, DNS, RESOLVER, TIME };
	static const struct option options[] = {
		{"ip", required_argument, NULL, IP},
		{"helo", required_argument, NULL, HELO},
		{"mail-from", required_argument, NULL, MAIL_FROM},
		{"json", no_argument, NULL, JSON},
		{"trace", no_argument, NULL, TRACE},
		{"verbose", no_argument, NULL, TRACE},
		{"dns", required_argument, NULL, DNS},
		{"resolver", required_argument, NULL, RESOLVER},
		{"time", required_argument, NULL, TIME},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	int c;
	while ((c = gp_arg_next("spf", argc, argv, "c:vh", options)) != -1) {
		switch (c) {
		case IP:
			run->ip = optarg;
			break;
		case HELO:
			run->helo = optarg;
			break;
		case MAIL_FROM:
			run->sender = optarg;
			break;
		case JSON:
			run->json = true;
			break;
		case TRACE:
		case 'v':
			run->query.trail = true;
			break;
		case DNS:
			run->dns = optarg;
			break;
		case RESOLVER:
			run->resolver = optarg;
			break;
		case TIME:
			if (!read_time(optarg, run))
				return GP_EXIT_USAGE + 1;
			break;
		case 'c':
			run->config_file = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return GP_EXIT_OK + 1;
		default:
			return GP_EXIT_USAGE + 1;
		}
	}
	if (optind < argc)
		fprintf(stderr, "gatepost spf: what is '%s'? It takes options only\n",
			argv[optind]);
	else if (!run->ip)
		fprintf(stderr, "gatepost spf: --ip ADDRESS is missing\n");
	return optind == argc && run->ip ? 0 : GP_EXIT_USAGE + 1;
}

static bool
set_client(struct spf_run *run)
{
	struct gp_spf_query *q = &run->query;
	struct gp_arg arg = {"spf", "ip", run->ip};
	q->address_len = strchr(run->ip, ':') ? 16 : 4;
	return inet_pton(q->address_len == 16 ? AF_INET6 : AF_INET, run->ip, q->address) == 1 ||
	       gp_arg_wrong(&arg, "is not an IP address");
}

static struct gp_slice
without_brackets(struct gp_slice s)
{
	bool bracketed = s.len >= 2 && s.ptr[0] == '<' && s.ptr[s.len - 1] == '>';
	return bracketed ? gp_slice_take(gp_slice_drop(s, 1), s.len - 2) : s;
}

static bool
set_identity(struct spf_run *run)
{
	struct gp_spf_query *q = &run->query;
	q->helo = gp_slice_str(run->helo);
	q->sender = without_brackets(gp_slice_str(run->sender));
	q->scope = run->sender ? GP_SPF_MFROM : GP_SPF_HELO;
	if (q->sender.len > 0 || q->helo.len > 0)
		return true;
	fputs("gatepost spf: nothing to check: a sender, or else a HELO name, is needed\n", stderr);
	return false;
}

/* --- the command --- */

static int
open_lookup(struct spf_run *run)
{
	struct gp_config config = {0};
	struct gp_complaints complaints;
	struct gp_lookup_options o = {
		.command = "gatepost spf",
		.dns = run->dns,
		.resolver = run->resolver,
		.config = &config,
	};
	if (run->config_file) {
		int code = gp_cli_config(run->config_file, &run->arena, &config, &complaints);
		gp_cli_print_complaints(&complaints);
		if (code != GP_EXIT_OK)
			return code;
	}
	return gp_lookup_open(&run->lookup, &o);
}

int
gp_cmd_spf(int argc, char **argv)
{
	struct spf_run run = {.query = {.explain = true, .now_s = gp_clock_wall_ms() / 1000},
			      .arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX)};
	int code = parse_options(argc, argv, &run);
	if (code > 0)
		return code - 1;
	if (!set_client(&run) || !set_identity(&run))
		return GP_EXIT_USAGE;
	gp_log_setup("spf", false, GP_LOG_WARNING);
	code = open_lookup(&run);
	if (code == GP_EXIT_OK) {
		int rc = check(&run);
		if (rc < 0)
			code = fail(rc);
		else
			code = run.json ? print_object(&run) : print_text(&run);
		code = code == GP_EXIT_OK ? exit_code(run.result.verdict) : code;
	}
	gp_lookup_close(&run.lookup);
	gp_arena_free(&run.arena);
	gp_log_flush();
	return code;
}
