/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost scan: triage of mail servers, from one to a million. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/scan_engine.h"
#include "cli/scan_report.h"
#include "cli/scan_targets.h"
#include "cli/tool_report.h"
#include "cli/wire.h"
#include "core/smtp/address.h"

enum {
	ARENA_MAX = 1 << 30,        /* a million targets are 100 MB */
	REPORT_ARENA_MAX = 4 << 20, /* of one host */
	CONNECTIONS_MAX = 60'000,
	SHARDS_MAX = 1'000'000,
};

enum {
	OPT_HELP = 256,
	OPT_PORT,
	OPT_FILE,
	OPT_PRIVATE,
	OPT_OPT_OUT,
	OPT_SEED,
	OPT_SHARD,
	OPT_RESUME,
	OPT_RATE,
	OPT_CONNECTIONS,
	OPT_PER_ADDRESS,
	OPT_PER_NETWORK,
	OPT_PER_OPERATOR,
	OPT_HELO,
	OPT_MODE,
	OPT_MX,
	OPT_DNS,
	OPT_RESOLVER,
	OPT_NO_DNS,
	OPT_JSON,
	OPT_DRY_RUN,
};

static const char usage[] =
	"usage: gatepost scan [options] TARGET...\n"
	"\n"
	"Looks at mail servers: what runs there, how its TLS is, what it offers to whom.\n";

static const struct option long_options[] = {
	{"port", required_argument, NULL, OPT_PORT},
	{"file", required_argument, NULL, OPT_FILE},
	{"private", no_argument, NULL, OPT_PRIVATE},
	{"opt-out", required_argument, NULL, OPT_OPT_OUT},
	{"seed", required_argument, NULL, OPT_SEED},
	{"shard", required_argument, NULL, OPT_SHARD},
	{"resume", required_argument, NULL, OPT_RESUME},
	{"rate", required_argument, NULL, OPT_RATE},
	{"connections", required_argument, NULL, OPT_CONNECTIONS},
	{"per-address", required_argument, NULL, OPT_PER_ADDRESS},
	{"per-network", required_argument, NULL, OPT_PER_NETWORK},
	{"per-operator", required_argument, NULL, OPT_PER_OPERATOR},
	{"helo", required_argument, NULL, OPT_HELO},
	{"mode", required_argument, NULL, OPT_MODE},
	{"mx", no_argument, NULL, OPT_MX},
	{"dns", required_argument, NULL, OPT_DNS},
	{"resolver", required_argument, NULL, OPT_RESOLVER},
	{"no-dns", no_argument, NULL, OPT_NO_DNS},
	{"json", no_argument, NULL, OPT_JSON},
	{"dry-run", no_argument, NULL, OPT_DRY_RUN},
	{"help", no_argument, NULL, 'h'},
	{},
};

struct scan {
	struct scan_engine_options engine;
	struct scan_target_options targets;
	struct gp_arena arena;
	struct gp_arena report_arena;
	struct gp_progress progress;
	struct gp_buf out;
	uint64_t seed;
	bool has_seed;
	uint32_t shard, shards;
	bool json, dry_run, help;
	char hostname[256];
};

/* --- options --- */

static bool
read_u32(const struct gp_arg *arg, uint64_t min, uint64_t max, uint32_t *ret)
{
	uint64_t value;
	if (!gp_arg_u64(arg, min, max, &value))
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* "10", "10/s", "0" */
static bool
read_rate(struct gp_arg arg, double *ret)
{
	char text[32];
	struct gp_slice s = gp_slice_str(arg.value);
	if (gp_slice_ends_nocase(s, GP_SLICE("/s")) && s.len - 2 < sizeof(text)) {
		memcpy(text, s.ptr, s.len - 2);
		text[s.len - 2] = '\0';
		arg.value = text;
		return gp_arg_number(&arg, 0, 1e6, ret);
	}
	return gp_arg_number(&arg, 0, 1e6, ret);
}

static bool
read_shard(const struct gp_arg *arg, struct scan *scan)
{
	struct gp_slice rest = gp_slice_str(arg->value), first = gp_slice_cut(&rest, '/');
	uint64_t k, n;
	if (!gp_slice_u64(rest, SHARDS_MAX, &n) || n == 0 || !gp_slice_u64(first, n, &k) || k == 0)
		return gp_arg_wrong(arg, "is not K/N with K from 1 to N");
	scan->shard = (uint32_t)(k - 1);
	scan->shards = (uint32_t)n;
	return true;
}

static bool
read_mode(const struct gp_arg *arg, int *ret)
{
	static const char *const names[] = {
		[GP_PROBE_MODE_STARTTLS] = "starttls",
		[GP_PROBE_MODE_TLS] = "tls",
		[GP_PROBE_MODE_CLEAR] = "clear",
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (strcmp(arg->value, names[i]) == 0) {
			*ret = (int)i;
			return true;
		}
	}
	return gp_arg_wrong(arg, "is none of starttls, tls and clear");
}

static bool
read_ports(const struct gp_arg *arg, struct scan_target_options *to)
{
	to->ports_len = gp_target_ports_parse(gp_slice_str(arg->value), to->ports);
	return to->ports_len > 0 ||
	       gp_arg_wrong(arg, "is no list of ports from 1 to 65535, each once");
}

static bool
add_file(const struct gp_arg *arg, const char **list, size_t *len)
{
	if (*len == SCAN_FILES_MAX)
		return gp_arg_wrong(arg, "is one file too many");
	list[(*len)++] = arg->value;
	return true;
}

static bool
read_limit(struct scan *scan, int c, const struct gp_arg *arg)
{
	struct scan_limits *limits = &scan->engine.limits;
	scan->engine.keep_budgets = true;
	switch (c) {
	case OPT_PER_ADDRESS:
		return read_u32(arg, 0, CONNECTIONS_MAX, &limits->per_address);
	case OPT_PER_NETWORK:
		return read_u32(arg, 0, CONNECTIONS_MAX, &limits->per_network);
	default:
		return read_u32(arg, 0, CONNECTIONS_MAX, &limits->per_operator);
	}
}

static bool
read_switch(struct scan *scan, int c)
{
	switch (c) {
	case OPT_PRIVATE:
		scan->engine.private = true;
		return true;
	case OPT_MX:
		scan->engine.mx = true;
		return true;
	case OPT_NO_DNS:
		scan->engine.no_dns = true;
		return true;
	case OPT_JSON:
		scan->json = true;
		return true;
	case OPT_DRY_RUN:
		scan->dry_run = true;
		return true;
	case 'h':
		scan->help = true;
		return true;
	default: /* getopt_long has said what is wrong */
		return false;
	}
}

static bool
read_option(struct scan *scan, int c, const char *name)
{
	struct gp_arg arg = {"scan", name, optarg};
	switch (c) {
	case OPT_PORT:
		return read_ports(&arg, &scan->targets);
	case OPT_FILE:
		return add_file(&arg, scan->targets.files, &scan->targets.files_len);
	case OPT_OPT_OUT:
		return add_file(&arg, scan->targets.optouts, &scan->targets.optouts_len);
	case OPT_SEED:
		scan->has_seed = true;
		return gp_arg_u64(&arg, 0, UINT64_MAX, &scan->seed);
	case OPT_SHARD:
		return read_shard(&arg, scan);
	case OPT_RATE:
		return read_rate(arg, &scan->engine.limits.per_s);
	case OPT_CONNECTIONS:
		return read_u32(&arg, 1, CONNECTIONS_MAX, &scan->engine.connections);
	case OPT_PER_ADDRESS:
	case OPT_PER_NETWORK:
	case OPT_PER_OPERATOR:
		return read_limit(scan, c, &arg);
	case OPT_HELO:
		scan->engine.probe.helo = gp_slice_str(optarg);
		return gp_domain_valid(scan->engine.probe.helo) ||
		       gp_arg_wrong(&arg, "is no host name");
	case OPT_MODE:
		return read_mode(&arg, &scan->engine.mode);
	case OPT_DNS:
		scan->engine.dns = optarg;
		return true;
	case OPT_RESOLVER:
		scan->engine.resolver = optarg;
		return true;
	default:
		return read_switch(scan, c);
	}
}

static const char *
option_name(int c)
{
	for (const struct option *o = long_options; o->name; o++) {
		if (o->val == c)
			return o->name;
	}
	return "?";
}

static bool
read_options(struct scan *scan, int argc, char **argv)
{
	int c;
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (!read_option(scan, c, option_name(c)))
			return false;
	}
	scan->targets.operands = (const char *const *)argv + optind;
	scan->targets.operands_len = (size_t)(argc - optind);
	if (scan->help)
		return true;
	if (optind == argc && scan->targets.files_len == 0) {
		fprintf(stderr, "gatepost scan: no target; `gatepost scan -h` says what one is\n");
		return false;
	}
	if (scan->shards > 1 && !scan->has_seed) {
		fprintf(stderr, "gatepost scan: --shard needs --seed, the same for all shards\n");
		return false;
	}
	return true;
}

/* --- telling --- */

static int
tell(void *context, const struct scan_view *view)
{
	struct scan *scan = context;
	struct scan_report report;
	gp_arena_reset(&scan->report_arena);
	int r = scan_report_make(view, &scan->report_arena, &report);
	if (r < 0)
		return r;
	if (scan->json)
		return gp_tool_json_print(scan_report_json(&report)) ? 0 : -EIO;
	gp_buf_clear(&scan->out);
	scan_report_text(&report, &scan->out);
	struct gp_slice text = gp_buf_slice(&scan->out);
	return scan->out.failed || fwrite(text.ptr, 1, text.len, stdout) != text.len ? -EIO : 0;
}

static int
tick(void *context, const struct scan_counts *counts, bool last)
{
	(void)context, (void)counts, (void)last;
	return fflush(stdout) == 0 ? 0 : -errno;
}

/* --- the command --- */

static int
fail(int error)
{
	fprintf(stderr, "gatepost scan: %s\n", strerror(-error));
	return GP_EXIT_ERROR;
}

static int
print_rehearsal(struct scan *scan)
{
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	struct gp_probe_options options = scan->engine.probe;
	options.mode = (uint8_t)GP_MAX(scan->engine.mode, 0);
	gp_probe_rehearse(&options, &out);
	struct gp_slice text = gp_buf_slice(&out);
	bool good = !out.failed && fwrite(text.ptr, 1, text.len, stdout) == text.len;
	gp_buf_free(&out);
	return good ? GP_EXIT_OK : GP_EXIT_ERROR;
}

static int
run(struct scan *scan, const struct scan_targets *targets)
{
	struct scan_counts counts;
	struct gp_targets_walk walk =
		gp_targets_walk(&targets->list, scan->seed, scan->shard, scan->shards);
	scan->engine.walk = &walk;
	scan->engine.optout = &targets->optout;
	scan->engine.progress = &scan->progress;
	scan->engine.context = scan;
	scan->engine.tell = tell;
	scan->engine.tick = tick;
	if (gp_wire_prepare_tls() == 0)
		scan->engine.tls = gp_tls_client_new_tolerant(GP_TLS_AUTHORITIES);
	if (!scan->engine.tls)
		return fail(-ENOMEM);
	int r = scan_engine_run(&scan->engine, &counts);
	scan->engine.tls = gp_tls_client_free(scan->engine.tls);
	if (r < 0)
		return fail(r);
	return r == SCAN_END_USAGE ? GP_EXIT_USAGE : r > 0 ? GP_EXIT_UNKNOWN : GP_EXIT_OK;
}

static void
set_defaults(struct scan *scan)
{
	*scan = (struct scan){
		.engine = {.limits = {.per_s = 10,
				      .per_address = 2,
				      .per_network = 8,
				      .per_operator = 16},
			   .connections = 1000,
			   .mode = -1},
		.targets = {.ports = {25}, .ports_len = 1},
		.arena = GP_ARENA_INIT(ARENA_MAX),
		.report_arena = GP_ARENA_INIT(REPORT_ARENA_MAX),
		.out = GP_BUF_INIT(REPORT_ARENA_MAX),
		.shards = 1,
	};
	if (gethostname(scan->hostname, sizeof(scan->hostname) - 1) == 0)
		scan->engine.probe.helo = gp_slice_str(scan->hostname);
}

int
gp_cmd_scan(int argc, char **argv)
{
	static struct scan scan; /* a bitmap of 8 KB is in it */
	struct scan_targets targets = {};
	set_defaults(&scan);
	if (!read_options(&scan, argc, argv))
		return GP_EXIT_USAGE;
	if (scan.help) {
		fputs(usage, stdout);
		return GP_EXIT_OK;
	}
	if (!scan.has_seed && getrandom(&scan.seed, sizeof(scan.seed), 0) != sizeof(scan.seed))
		return fail(-EIO);
	const char *wrong = gp_probe_options_wrong(&scan.engine.probe);
	int code = GP_EXIT_USAGE;
	if (wrong)
		fprintf(stderr, "gatepost scan: %s\n", wrong);
	else if (scan.dry_run)
		code = print_rehearsal(&scan);
	else if ((code = scan_targets_read(&targets, &scan.targets, &scan.arena)) == GP_EXIT_OK)
		code = run(&scan, &targets);
	scan_targets_free(&targets);
	gp_buf_free(&scan.out);
	gp_arena_free(&scan.report_arena);
	gp_arena_free(&scan.arena);
	return code;
}
