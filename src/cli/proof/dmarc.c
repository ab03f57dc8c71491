/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost dmarc: what DMARC says of a From domain, given what SPF and DKIM came to. */
#include "cli/proof/dmarc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/lookup.h"
#include "cli/options.h"
#include "sys/log.h"

enum { SIGNATURES_MAX = 100 };

static const char usage[] =
	"usage: gatepost dmarc --from-domain DOMAIN [options]\n\n"
	"  --from-domain DOMAIN  of the From field\n"
	"  --spf-domain DOMAIN   of MAIL FROM; of HELO when that was empty\n"
	"  --spf RESULT          what SPF said of it: pass (the default), fail, temperror, ...\n"
	"  --dkim-domain DOMAIN  d= of a signature that verified; may be given again\n\n"
	"  --json                one JSON object\n"
	"  --trace, -v           with the reasoning\n"
	"  --dns FILE            answers from this file; nobody is asked\n"
	"  --resolver ADDR       the DNS server to ask\n"
	"  -c FILE               the configuration, for its DNS server (" GP_CONFIG_DEFAULT ")\n";

struct run {
	const char *config_file;    /* of -c; NULL: the default one */
	const char *dns, *resolver; /* of --dns, --resolver */
	const char *from;
	const char *spf; /* of --spf; NULL: not given */
	struct gp_dmarc_proof dkim[SIGNATURES_MAX];
	struct gp_dmarc_query query;
	struct gp_config config;
	struct gp_arena arena; /* of the configuration */
	struct gp_lookup lookup;
	bool json, trace;
};

static int
fail(int error)
{
	fprintf(stderr, "gatepost dmarc: %s\n", strerror(-error));
	return GP_EXIT_ERROR;
}

static int
complain(const char *what, const char *why)
{
	fprintf(stderr, "gatepost dmarc: %s: %s\n", what, why);
	return GP_EXIT_USAGE;
}

/* --- options --- */

static bool
read_spf(const char *result, uint8_t *ret)
{
	static const struct {
		const char *name;
		uint8_t state;
	} results[] = {
		{"pass", GP_DMARC_PROVEN},        {"fail", GP_DMARC_UNPROVEN},
		{"softfail", GP_DMARC_UNPROVEN},  {"neutral", GP_DMARC_UNPROVEN},
		{"none", GP_DMARC_UNPROVEN},      {"temperror", GP_DMARC_TROUBLE},
		{"permerror", GP_DMARC_UNPROVEN},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(results); i++) {
		if (strcmp(result, results[i].name) == 0) {
			*ret = results[i].state;
			return true;
		}
	}
	return false;
}

/* A mistake in a domain would look like a domain that nothing speaks for. */
static int
check_domain(const char *option, struct gp_slice domain, struct gp_arena *arena)
{
	struct gp_slice canonical;
	int rc = gp_dmarc_domain(domain, arena, &canonical);
	if (rc < 0)
		return fail(rc);
	return rc > 0 ? complain(option, "not a domain name") : GP_EXIT_OK;
}

static int
check_query(struct run *run)
{
	struct gp_dmarc_query *q = &run->query;
	q->trail = run->trace;
	if (!run->from)
		return complain("--from-domain", "must be given");
	if (run->spf && q->spf.domain.len == 0)
		return complain("--spf", "needs --spf-domain");
	const char *spf = q->spf.domain.len > 0 ? "pass" : "none";
	if (!read_spf(run->spf ? run->spf : spf, &q->spf.state))
		return complain("--spf", "no result of SPF");
	int code = check_domain("--from-domain", gp_slice_str(run->from), &run->arena);
	if (code == GP_EXIT_OK && q->spf.domain.len > 0)
		code = check_domain("--spf-domain", q->spf.domain, &run->arena);
	for (size_t i = 0; code == GP_EXIT_OK && i < q->dkim_len; i++)
		code = check_domain("--dkim-domain", q->dkim[i].domain, &run->arena);
	if (code != GP_EXIT_OK)
		return code;
	int rc = gp_dmarc_author_of_domain(gp_slice_str(run->from), &run->arena, &q->author);
	return rc < 0 ? fail(rc) : GP_EXIT_OK;
}

static bool
add_signature(struct run *run, const char *domain)
{
	if (run->query.dkim_len == SIGNATURES_MAX) {
		(void)complain("--dkim-domain", "more than 100 of them");
		return false;
	}
	run->dkim[run->query.dkim_len++] =
		(struct gp_dmarc_proof){gp_slice_str(domain), GP_DMARC_PROVEN};
	return true;
}

enum { FROM = 256, SPF_DOMAIN, SPF, DKIM, JSON, TRACE, DNS, RESOLVER, TIME };

/* False: no such option, or too many of it. */
static bool
take_option(int c, struct run *run)
{
	const struct gp_arg time = {"dmarc", "time", optarg};
	uint64_t now_s;
	switch (c) {
	case 'c':
		run->config_file = optarg;
		return true;
	case FROM:
		run->from = optarg;
		return true;
	case SPF_DOMAIN:
		run->query.spf.domain = gp_slice_str(optarg);
		return true;
	case SPF:
		run->spf = optarg;
		return true;
	case DKIM:
		return add_signature(run, optarg);
	case JSON:
		run->json = true;
		return true;
	case TRACE:
	case 'v':
		run->trace = true;
		return true;
	case DNS:
		run->dns = optarg;
		return true;
	case RESOLVER:
		run->resolver = optarg;
		return true;
	case TIME: /* no part of DMARC asks for it */
		return gp_arg_u64(&time, 0, INT64_MAX, &now_s);
	default:
		return false;
	}
}

/* Returns 0, or an exit code + 1 when there is nothing left to do. */
static int
parse_options(int argc, char **argv, struct run *run)
{
	static const struct option options[] = {
		{"from-domain", required_argument, NULL, FROM},
		{"spf-domain", required_argument, NULL, SPF_DOMAIN},
		{"spf", required_argument, NULL, SPF},
		{"dkim-domain", required_argument, NULL, DKIM},
		{"json", no_argument, NULL, JSON},
		{"trace", no_argument, NULL, TRACE},
		{"verbose", no_argument, NULL, TRACE},
		{"time", required_argument, NULL, TIME},
		{"dns", required_argument, NULL, DNS},
		{"resolver", required_argument, NULL, RESOLVER},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	int c;
	while ((c = gp_arg_next("dmarc", argc, argv, "c:vh", options)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return GP_EXIT_OK + 1;
		}
		if (!take_option(c, run))
			return GP_EXIT_USAGE + 1;
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "gatepost dmarc: what is '%s'? It takes options only\n", argv[optind]);
	return GP_EXIT_USAGE + 1;
}

/* The configuration says which DNS to ask, unless an option does; without one the system's is. */
static int
read_config(struct run *run)
{
	struct gp_complaints complaints;
	if (!run->config_file && (run->dns || access(GP_CONFIG_DEFAULT, R_OK) < 0))
		return GP_EXIT_OK;
	int code = gp_cli_config(run->config_file, &run->arena, &run->config, &complaints);
	gp_cli_print_complaints(&complaints);
	return code;
}

/* --- the answer --- */

static int
print_object(const struct run *run, const struct gp_dmarc_result *r)
{
	json_t *object = gp_dmarc_json(r, run->trace);
	bool good = object && json_dumpf(object, stdout, JSON_COMPACT) == 0 &&
		    putchar('\n') != EOF && fflush(stdout) == 0;
	json_decref(object);
	return good ? GP_EXIT_OK : fail(-EIO);
}

static int
print_text(const struct run *run, const struct gp_dmarc_result *r)
{
	printf("%s: %.*s\n", gp_dmarc_verdict_name(r->verdict), GP_SLICE_FMT(r->reason));
	if (r->record)
		printf("  policy       %s, by the record of %.*s\n",
		       gp_dmarc_policy_name(r->policy), GP_SLICE_FMT(r->policy_domain));
	printf("  disposition  %s\n", gp_dmarc_policy_name(r->disposition));
	printf("  aligned      SPF %s, DKIM %s\n", r->spf_aligned ? "yes" : "no",
	       r->dkim_aligned ? "yes" : "no");
	for (size_t i = 0; run->trace && i < r->trail_len; i++)
		printf("  %s %.*s\n", i == 0 ? "because     " : "            ",
		       GP_SLICE_FMT(r->trail[i]));
	return fflush(stdout) == 0 ? GP_EXIT_OK : fail(-EIO);
}

static int
evaluate(struct run *run)
{
	static const uint8_t codes[] = {
		[GP_DMARC_NONE] = GP_EXIT_OK,       [GP_DMARC_PASS] = GP_EXIT_OK,
		[GP_DMARC_FAIL] = GP_EXIT_BAD,      [GP_DMARC_TEMPERROR] = GP_EXIT_UNKNOWN,
		[GP_DMARC_PERMERROR] = GP_EXIT_BAD,
	};
	struct gp_lookup *l = &run->lookup;
	struct gp_dmarc_result result;
	int rc;
	while ((rc = gp_dmarc_eval(&run->query, l->answers, &l->arena, &result)) == GP_DMARC_NEED) {
		if (!gp_lookup_ask(l, result.need, result.need_len))
			return fail(-ENOMEM);
	}
	if (rc < 0)
		return fail(rc);
	int code = run->json ? print_object(run, &result) : print_text(run, &result);
	return code == GP_EXIT_OK ? codes[result.verdict] : code;
}

static int
look_up(struct run *run)
{
	struct gp_lookup_options o = {
		.command = "gatepost dmarc",
		.dns = run->dns,
		.resolver = run->resolver,
		.config = &run->config,
	};
	int code = gp_lookup_open(&run->lookup, &o);
	if (code == GP_EXIT_OK)
		code = evaluate(run);
	gp_lookup_close(&run->lookup);
	return code;
}

int
gp_cmd_dmarc(int argc, char **argv)
{
	struct run run = {.arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX)};
	run.query.dkim = run.dkim;
	int code = parse_options(argc, argv, &run);
	if (code > 0)
		return code - 1;
	gp_log_setup("dmarc", false, GP_LOG_WARNING);
	code = check_query(&run);
	if (code == GP_EXIT_OK)
		code = read_config(&run);
	if (code == GP_EXIT_OK)
		code = look_up(&run);
	gp_arena_free(&run.arena);
	gp_log_flush();
	return code;
}
