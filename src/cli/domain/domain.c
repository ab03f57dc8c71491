/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost domain: the DKIM keys of our domains, what they have to publish, whether that is
 * published, and how mail to anybody's domain would be secured. Options and what the verbs share;
 * each verb has a file.
 */
#include "cli/domain/domain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "core/config/value.h"
#include "core/dns/idn.h"
#include "core/mtasts/ours.h"
#include "core/smtp/address.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/small_file.h"

static const char usage[] =
	"usage: gatepost domain VERB DOMAIN [options]\n\n"
	"  add                makes the DKIM keys of a domain of ours, and prints all records to "
	"publish\n"
	"  rotate             changes them: takes the step that is due, and says what comes next\n"
	"  explain            how mail to the domain would be secured: its hosts, what proves "
	"them, "
	"and why\n"
	"  show               the DNS records to publish for a domain of ours, and its policy\n"
	"  check              compares them with what is published; exit code 1 when something is "
	"wrong\n\n"
	"  -c FILE            the configuration (" GP_CONFIG_DEFAULT ")\n"
	"  --json             one JSON object\n"
	"  --dns FILE         explain, check, rotate: answers from this file; nobody is asked\n"
	"  --resolver ADDR    explain, check, rotate: the DNS server to ask\n"
	"  --policy FILE      explain, check: the MTA-STS policy, instead of fetching it by HTTPS\n"
	"  --next FILE        show, check: the key or certificate that comes next, in PEM\n"
	"  --overlap TIME     rotate: how long old records stay at least (7d)\n"
	"  --after TIME       rotate: begins only when the keys were in use for so long\n"
	"  --time EPOCH       add, rotate: the time that it is\n";

/* Which options a verb has beside those that all have. */
enum takes {
	TAKES_DNS = 1, /* --dns, --resolver */
	TAKES_POLICY = 2,
	TAKES_NEXT = 4,
	TAKES_ROTATION = 8, /* --overlap, --after */
	TAKES_TIME = 16,
};

static const struct {
	const char *name;
	int (*run)(struct domain_run *run);
	bool needs_config; /* it is about a domain of ours */
	unsigned takes;    /* enum takes */
} verbs[] = {
	{"add", domain_add, true, TAKES_TIME},
	{"rotate", domain_rotate, true, TAKES_DNS | TAKES_ROTATION | TAKES_TIME},
	{"explain", domain_explain, false, TAKES_DNS | TAKES_POLICY},
	{"show", domain_show, true, TAKES_NEXT},
	{"check", domain_check, true, TAKES_DNS | TAKES_POLICY | TAKES_NEXT},
};

enum { OVERLAP_S = 7 * 24 * 3600 };

/* --- what the verbs share --- */

int
domain_fail(int error)
{
	fprintf(stderr, "gatepost domain: %s\n", strerror(-error));
	return GP_EXIT_ERROR;
}

int
domain_lookup(const struct domain_run *run, struct gp_lookup *ret)
{
	struct gp_lookup_options o = {
		.command = "gatepost domain",
		.dns = run->dns,
		.resolver = run->resolver,
		.config = run->config,
	};
	return gp_lookup_open(ret, &o);
}

int
domain_read_keys(struct domain_run *run)
{
	struct keyring_file file;
	int code = keyring_file_read(&file, run->config, run->name, &run->arena);
	run->ring = file.ring;
	return code;
}

struct gp_slice
domain_clean(struct domain_run *run, struct gp_slice text)
{
	char *copy = gp_arena_str(&run->arena, text);
	for (size_t i = 0; copy && i < text.len; i++) {
		if (copy[i] < 0x20 || copy[i] > 0x7e)
			copy[i] = '?';
	}
	return gp_slice(copy, copy ? text.len : 0);
}

json_t *
domain_json_text(struct domain_run *run, struct gp_slice text)
{
	struct gp_slice clean = domain_clean(run, text);
	return json_stringn(clean.ptr ? clean.ptr : "", clean.len);
}

int
domain_print_json(json_t *object)
{
	bool good = object && json_dumpf(object, stdout, JSON_COMPACT) == 0 &&
		    putchar('\n') != EOF && fflush(stdout) == 0;
	json_decref(object);
	return good ? GP_EXIT_OK : domain_fail(-EIO);
}

/* --- the configuration --- */

/* explain can do without one, unless somebody named it. */
static int
read_config(struct domain_run *run, bool needed)
{
	struct gp_complaints complaints;
	struct gp_config *cfg = gp_arena_new(&run->arena, struct gp_config);
	if (!cfg)
		return domain_fail(-ENOMEM);
	run->config = cfg;
	if (!needed && !run->config_file && access(GP_CONFIG_DEFAULT, R_OK) < 0)
		return GP_EXIT_OK;
	int code = gp_cli_config(run->config_file, &run->arena, cfg, &complaints);
	gp_cli_print_complaints(&complaints);
	return code;
}

static int
find_domain(struct domain_run *run, const char *text, bool needed)
{
	struct gp_slice given = gp_slice_str(text);
	if (given.len > 1 && given.ptr[given.len - 1] == '.')
		given.len--;
	int r = gp_domain_valid(given) ? gp_idn_to_ascii(given, &run->arena, &run->name) : 1;
	if (r < 0)
		return domain_fail(r);
	if (r > 0) {
		fprintf(stderr, "gatepost domain: '%s' is not a domain name\n", text);
		return GP_EXIT_USAGE;
	}
	run->ours = gp_mtasts_own_domain(run->config, run->name);
	if (run->ours || !needed)
		return GP_EXIT_OK;
	fprintf(stderr, "gatepost domain: %s is not among the domains of the configuration\n",
		text);
	return GP_EXIT_USAGE;
}

/* --- the command --- */

static bool
read_time(const char *option, const char *text, uint64_t *ret_s)
{
	uint64_t ms;
	if (!gp_time_parse(gp_slice_str(text), &ms))
		return gp_arg_wrong(&(struct gp_arg){"domain", option, text},
				    "is no time, such as 7d");
	*ret_s = ms / 1000;
	return true;
}

enum { JSON = 256, DNS, RESOLVER, POLICY, NEXT, OVERLAP, AFTER, TIME };

static const struct option options[] = {
	{"json", no_argument, NULL, JSON},
	{"dns", required_argument, NULL, DNS},
	{"resolver", required_argument, NULL, RESOLVER},
	{"policy", required_argument, NULL, POLICY},
	{"next", required_argument, NULL, NEXT},
	{"overlap", required_argument, NULL, OVERLAP},
	{"after", required_argument, NULL, AFTER},
	{"time", required_argument, NULL, TIME},
	{"help", no_argument, NULL, 'h'},
	{},
};

/* *given: what of enum takes was. False: it is wrong, and that was told. */
static bool
take_option(int c, struct domain_run *run, unsigned *given)
{
	const struct gp_arg time_arg = {"domain", "time", optarg};
	switch (c) {
	case 'c':
		run->config_file = optarg;
		return true;
	case JSON:
		run->json = true;
		return true;
	case DNS:
		run->dns = optarg;
		*given |= TAKES_DNS;
		return true;
	case RESOLVER:
		run->resolver = optarg;
		*given |= TAKES_DNS;
		return true;
	case POLICY:
		run->policy = optarg;
		*given |= TAKES_POLICY;
		return true;
	case NEXT:
		run->next = optarg;
		*given |= TAKES_NEXT;
		return true;
	case OVERLAP:
		*given |= TAKES_ROTATION;
		return read_time("overlap", optarg, &run->overlap_s);
	case AFTER:
		*given |= TAKES_ROTATION;
		return read_time("after", optarg, &run->after_s);
	case TIME:
		*given |= TAKES_TIME;
		return gp_arg_u64(&time_arg, 0, INT64_MAX, &run->now_s);
	default:
		return false;
	}
}

/* Returns 0, or an exit code + 1 when there is nothing left to do. */
static int
parse_options(int argc, char **argv, struct domain_run *run, unsigned *ret_given)
{
	int c;
	while ((c = gp_arg_next("domain", argc, argv, "c:h", options)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return GP_EXIT_OK + 1;
		}
		if (!take_option(c, run, ret_given))
			return GP_EXIT_USAGE + 1;
	}
	return 0;
}

/* Whether or not the domain has a record that makes anybody look at its policy. */
static int
check_policy_file(const struct domain_run *run)
{
	int r = run->policy ? gp_file_look(gp_slice_str(run->policy)) : 0;
	if (r == 0)
		return GP_EXIT_OK;
	fprintf(stderr, "gatepost domain: %s: %s\n", run->policy, strerror(-r));
	return GP_EXIT_USAGE;
}

static int
run_verb(size_t verb, struct domain_run *run, unsigned given, const char *domain)
{
	static const char *const names[] = {"--dns or --resolver", "--policy", "--next",
					    "--overlap or --after", "--time"};
	bool needed = verbs[verb].needs_config;
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (!(given & ~verbs[verb].takes & 1u << i))
			continue;
		fprintf(stderr, "gatepost domain: %s has no %s\n", verbs[verb].name, names[i]);
		return GP_EXIT_USAGE;
	}
	int code = check_policy_file(run);
	if (code == GP_EXIT_OK)
		code = read_config(run, needed);
	if (code == GP_EXIT_OK)
		code = find_domain(run, domain, needed);
	return code == GP_EXIT_OK ? verbs[verb].run(run) : code;
}

int
gp_cmd_domain(int argc, char **argv)
{
	struct domain_run run = {
		.arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX),
		.overlap_s = OVERLAP_S,
		.now_s = gp_clock_wall_ms() / 1000,
	};
	unsigned given = 0;
	int code = parse_options(argc, argv, &run, &given);
	if (code > 0)
		return code - 1;
	gp_log_setup("domain", false, GP_LOG_WARNING);
	for (size_t i = 0; argc - optind == 2 && i < GP_ARRAY_LEN(verbs); i++) {
		if (strcmp(argv[optind], verbs[i].name) != 0)
			continue;
		code = run_verb(i, &run, given, argv[optind + 1]);
		gp_arena_free(&run.arena);
		gp_log_flush();
		return code;
	}
	fputs(usage, stderr);
	return GP_EXIT_USAGE;
}
