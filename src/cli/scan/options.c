/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"

enum {
	CONNECTIONS_MAX = 60'000,
	SHARDS_MAX = 1'000'000,
	CANARY_WAIT_S = 10,
	SURVEY_MAX = 1000, /* connections: more than there are suites in all versions */
};

enum {
	OPT_PORT = 256,
	OPT_FILE,
	OPT_MX,
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
	OPT_CA,
	OPT_DNS,
	OPT_RESOLVER,
	OPT_NO_DNS,
	OPT_AUTHORISED,
	OPT_RECIPIENT,
	OPT_RELAY_TEST,
	OPT_CANARY,
	OPT_CANARY_LIST,
	OPT_CANARY_WAIT,
	OPT_VRFY,
	OPT_INJECT,
	OPT_SMUGGLE,
	OPT_NTLM,
	OPT_DRY_RUN,
	OPT_FORMAT,
	OPT_JSON,
	OPT_FAIL_ON,
	OPT_PROGRESS,
	OPT_NO_COLOUR,
	OPT_METRICS,
	OPT_LOG,
	OPT_TLS_SURVEY,
	OPT_MTA_STS,
	OPT_DNSBL,
	OPT_LOG_KEY,
	OPT_REPLAY,
};

const char scan_usage[] =
	"usage: gatepost scan [options] TARGET...\n"
	"\n"
	"Looks at mail servers: what runs there, how its TLS is, what it offers to strangers. A\n"
	"TARGET is an address, a network, or a name, with :PORT or without; - reads standard "
	"input.\n"
	"\n"
	"      --port LIST          25 unless told: 25,587,465,2525\n"
	"      --file FILE          more targets, some a line\n"
	"      --mx                 names are domains: their MX hosts are meant\n"
	"      --private            loopback, private and other special addresses too\n"
	"      --opt-out FILE       who is to be left out, beside " SCAN_OPT_OUT "\n"
	"      --seed N, --shard K/N   the order; a part of it\n"
	"      --resume FILE        go on where an interrupted run stopped\n"
	"      --rate N             connections a second; 10 unless told, 0 for no limit\n"
	"      --connections N      at once; 1000\n"
	"      --per-address N, --per-network N, --per-operator N   at once; 2, 8, 16\n"
	"      --helo NAME          our name in EHLO\n"
	"      --mode starttls|tls|clear   how connections begin; by the port unless told\n"
	"      --ca FILE            who is believed, in PEM; without it the system's authorities\n"
	"      --tls-survey[=N]     which versions, suites and groups it takes, by N connections; "
	"60\n"
	"      --mta-sts            with --mx: what the domains' MTA-STS policies say\n"
	"      --dnsbl ZONE         is the address in this block list?\n"
	"      --dns FILE, --resolver ADDR[:PORT], --no-dns   where names are looked up, or not\n"
	"\n"
	"What wants consent, since it goes further than strangers should:\n"
	"      --authorised TEXT    who permitted it; stands in the log\n"
	"      --recipient ADDRESS  a mailbox of a domain of your own\n"
	"      --relay-test         MAIL and RCPT in all forms that relays have fallen for\n"
	"      --canary             and DATA, to prove it by what arrives\n"
	"      --canary-list FILE   of `gatepost sink --canary FILE` (--canary-wait S: for how "
	"long)\n"
	"      --vrfy --inject --smuggle --ntlm   further tests\n"
	"      --dry-run            print what would be said, and connect to nobody\n"
	"\n"
	"      --format text|json|csv|markdown|sarif|junit|html   (--json)\n"
	"  -o, --output FILE        there instead of to standard output\n"
	"      --fail-on SEVERITY   exit 1 where something as grave was found\n"
	"      --progress, -q       a line that tells how far it is, or none; on a terminal it is "
	"on\n"
	"      --metrics FILE       the same for Prometheus\n"
	"      --no-colour          (NO_COLOR does the same); never but on a terminal\n"
	"      --log FILE           all that was said, signed (--log-key FILE)\n"
	"      --replay FILE        the same results from such a log, without a network\n";

static const struct option long_options[] = {
	{"port", required_argument, NULL, OPT_PORT},
	{"file", required_argument, NULL, OPT_FILE},
	{"mx", no_argument, NULL, OPT_MX},
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
	{"ca", required_argument, NULL, OPT_CA},
	{"tls-survey", optional_argument, NULL, OPT_TLS_SURVEY},
	{"mta-sts", no_argument, NULL, OPT_MTA_STS},
	{"dnsbl", required_argument, NULL, OPT_DNSBL},
	{"dns", required_argument, NULL, OPT_DNS},
	{"resolver", required_argument, NULL, OPT_RESOLVER},
	{"no-dns", no_argument, NULL, OPT_NO_DNS},
	{"authorised", required_argument, NULL, OPT_AUTHORISED},
	{"recipient", required_argument, NULL, OPT_RECIPIENT},
	{"relay-test", no_argument, NULL, OPT_RELAY_TEST},
	{"canary", no_argument, NULL, OPT_CANARY},
	{"canary-list", required_argument, NULL, OPT_CANARY_LIST},
	{"canary-wait", required_argument, NULL, OPT_CANARY_WAIT},
	{"vrfy", no_argument, NULL, OPT_VRFY},
	{"inject", no_argument, NULL, OPT_INJECT},
	{"smuggle", no_argument, NULL, OPT_SMUGGLE},
	{"ntlm", no_argument, NULL, OPT_NTLM},
	{"dry-run", no_argument, NULL, OPT_DRY_RUN},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"json", no_argument, NULL, OPT_JSON},
	{"output", required_argument, NULL, 'o'},
	{"fail-on", required_argument, NULL, OPT_FAIL_ON},
	{"progress", no_argument, NULL, OPT_PROGRESS},
	{"quiet", no_argument, NULL, 'q'},
	{"no-colour", no_argument, NULL, OPT_NO_COLOUR},
	{"metrics", required_argument, NULL, OPT_METRICS},
	{"log", required_argument, NULL, OPT_LOG},
	{"log-key", required_argument, NULL, OPT_LOG_KEY},
	{"replay", required_argument, NULL, OPT_REPLAY},
	{"help", no_argument, NULL, 'h'},
	{},
};

/* --- values --- */

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
read_shard(const struct gp_arg *arg, struct scan_options *o)
{
	struct gp_slice rest = gp_slice_str(arg->value), first = gp_slice_cut(&rest, '/');
	uint64_t k, n;
	if (!gp_slice_u64(rest, SHARDS_MAX, &n) || n == 0 || !gp_slice_u64(first, n, &k) || k == 0)
		return gp_arg_wrong(arg, "is not K/N with K from 1 to N");
	o->shard = (uint32_t)(k - 1);
	o->shards = (uint32_t)n;
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
read_severity(const struct gp_arg *arg, int *ret)
{
	*ret = findings_fail_on_of(arg->value);
	return *ret >= 0 ||
	       gp_arg_wrong(arg, "is none of info, low, medium, high, critical and never");
}

static bool
read_ports(const struct gp_arg *arg, struct scan_target_options *to)
{
	to->ports_len = gp_target_ports_parse(gp_slice_str(arg->value), to->ports);
	return to->ports_len > 0 ||
	       gp_arg_wrong(arg, "is no list of ports from 1 to 65535, each once");
}

static bool
read_format(const struct gp_arg *arg, struct scan_options *o)
{
	int format = findings_format_of(arg->value);
	o->format = (uint8_t)GP_MAX(format, 0);
	return format >= 0 ||
	       gp_arg_wrong(arg, "is none of text, json, csv, markdown, sarif, junit and html");
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
add_blocklist(struct scan_engine_options *engine, const struct gp_arg *arg)
{
	struct gp_slice zone = gp_slice_str(arg->value);
	if (engine->blocklists_len == GP_BLOCKLISTS_MAX)
		return gp_arg_wrong(arg, "is one list too many");
	if (!gp_blocklist_is_zone(zone))
		return gp_arg_wrong(arg, "is no name, or too long a one");
	engine->blocklists[engine->blocklists_len++] = zone;
	return true;
}

/* It goes into a log as a line. */
static bool
read_authorised(const struct gp_arg *arg, struct scan_options *o)
{
	struct gp_slice s = gp_slice_str(arg->value);
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 127)
			return gp_arg_wrong(arg, "holds a control character");
	}
	if (gp_slice_trim(s).len == 0 || s.len > SCAN_AUTHORISED_MAX)
		return gp_arg_wrong(arg, "is empty, or too long");
	o->authorised = arg->value;
	return true;
}

static bool
read_limit(struct scan_engine_options *engine, int c, const struct gp_arg *arg)
{
	struct scan_limits *limits = &engine->limits;
	engine->keep_budgets = true;
	switch (c) {
	case OPT_PER_ADDRESS:
		return gp_arg_u32(arg, 0, CONNECTIONS_MAX, &limits->per_address);
	case OPT_PER_NETWORK:
		return gp_arg_u32(arg, 0, CONNECTIONS_MAX, &limits->per_network);
	default:
		return gp_arg_u32(arg, 0, CONNECTIONS_MAX, &limits->per_operator);
	}
}

/* --- options --- */

static uint32_t
consent_of(int c)
{
	switch (c) {
	case OPT_RELAY_TEST:
		return GP_PROBE_RELAY;
	case OPT_CANARY:
		return GP_PROBE_RELAY | GP_PROBE_CANARY;
	case OPT_VRFY:
		return GP_PROBE_VRFYING;
	case OPT_INJECT:
		return GP_PROBE_INJECT;
	case OPT_SMUGGLE:
		return GP_PROBE_SMUGGLE;
	case OPT_NTLM:
		return GP_PROBE_NTLMING;
	default:
		return 0;
	}
}

static bool *
switch_of(struct scan_options *o, int c)
{
	switch (c) {
	case OPT_MX:
		return &o->engine.mx;
	case OPT_MTA_STS:
		return &o->engine.mta_sts;
	case OPT_PRIVATE:
		return &o->engine.private;
	case OPT_NO_DNS:
		return &o->engine.no_dns;
	case OPT_DRY_RUN:
		return &o->dry_run;
	case OPT_PROGRESS:
		return &o->progress;
	case OPT_NO_COLOUR:
		return &o->no_colour;
	case 'q':
		return &o->quiet;
	case 'h':
		return &o->help;
	default:
		return NULL;
	}
}

static const char **
text_of(struct scan_options *o, int c)
{
	switch (c) {
	case OPT_RESUME:
		return &o->resume;
	case OPT_DNS:
		return &o->engine.dns;
	case OPT_RESOLVER:
		return &o->engine.resolver;
	case OPT_CANARY_LIST:
		return &o->engine.canary_list;
	case OPT_CA:
		return &o->authorities;
	case OPT_METRICS:
		return &o->metrics;
	case OPT_LOG:
		return &o->log;
	case OPT_LOG_KEY:
		return &o->log_key;
	case OPT_REPLAY:
		return &o->replay;
	case 'o':
		return &o->output;
	default:
		return NULL;
	}
}

static bool
read_value(struct scan_options *o, int c, const struct gp_arg *arg)
{
	struct scan_engine_options *engine = &o->engine;
	switch (c) {
	case OPT_PORT:
		return read_ports(arg, &o->targets);
	case OPT_FILE:
		return add_file(arg, o->targets.files, &o->targets.files_len);
	case OPT_OPT_OUT:
		return add_file(arg, o->targets.optouts, &o->targets.optouts_len);
	case OPT_SEED:
		o->has_seed = true;
		return gp_arg_u64(arg, 0, UINT64_MAX, &o->seed);
	case OPT_SHARD:
		return read_shard(arg, o);
	case OPT_RATE:
		return read_rate(*arg, &engine->limits.per_s);
	case OPT_CONNECTIONS:
		return gp_arg_u32(arg, 1, CONNECTIONS_MAX, &engine->connections);
	case OPT_PER_ADDRESS:
	case OPT_PER_NETWORK:
	case OPT_PER_OPERATOR:
		return read_limit(engine, c, arg);
	case OPT_HELO:
		engine->probe.helo = gp_slice_str(arg->value);
		return true;
	case OPT_MODE:
		return read_mode(arg, &engine->mode);
	case OPT_DNSBL:
		return add_blocklist(engine, arg);
	case OPT_TLS_SURVEY:
		engine->tls_survey = engine->probe.resume = true;
		return !arg->value || gp_arg_u32(arg, 1, SURVEY_MAX, &engine->survey_connections);
	case OPT_AUTHORISED:
		return read_authorised(arg, o);
	case OPT_RECIPIENT:
		engine->probe.recipient = gp_slice_str(arg->value);
		return true;
	case OPT_CANARY_WAIT:
		return gp_arg_seconds(arg, 0, 3600, &engine->canary_wait_ms);
	case OPT_FORMAT:
		return read_format(arg, o);
	case OPT_JSON:
		o->format = FINDINGS_JSON;
		return true;
	case OPT_FAIL_ON:
		return read_severity(arg, &o->fail_on);
	default: /* gp_arg_next() has said what is wrong */
		return false;
	}
}

static bool
read_option(struct scan_options *o, int c)
{
	const struct gp_arg arg = gp_arg_of("scan", long_options, c);
	bool *on = switch_of(o, c);
	const char **text = text_of(o, c);
	uint32_t consent = consent_of(c);
	o->engine.probe.consents |= consent;
	if (on)
		*on = true;
	else if (text)
		return c == OPT_RESUME || c == OPT_METRICS ? gp_arg_replaced(&arg, text)
							   : gp_arg_text(&arg, text);
	else if (consent == 0)
		return read_value(o, c, &arg);
	return true;
}

/* --- what must hold of all of them --- */

/* The token and the date are made for each target, later. */
static const char *
probe_wrong(const struct scan_options *o)
{
	struct gp_probe_options probe = o->engine.probe;
	probe.token = GP_SLICE("00000000");
	probe.date = GP_SLICE("-");
	return gp_probe_options_wrong(&probe);
}

static const char *
consents_wrong(const struct scan_options *o)
{
	const struct gp_probe_options *probe = &o->engine.probe;
	uint32_t mails = GP_PROBE_RELAY | GP_PROBE_CANARY | GP_PROBE_SMUGGLE;
	if (probe->consents != 0 && !o->authorised && !o->dry_run)
		return "these tests need --authorised TEXT: who permitted them";
	if ((probe->consents & mails) && probe->recipient.len == 0)
		return "these tests need --recipient, a mailbox of a domain of your own";
	return NULL;
}

static const char *
find_wrong(const struct scan_options *o)
{
	const char *wrong = consents_wrong(o);
	bool targets = o->targets.operands_len > 0 || o->targets.files_len > 0;
	if (wrong)
		return wrong;
	if (!targets && !o->dry_run && !o->replay)
		return "no target; `gatepost scan -h` says what one is";
	if (targets && o->replay)
		return "--replay has its targets in its log";
	if (o->replay && (o->log || o->resume || o->metrics))
		return "--replay makes no run: --log, --resume and --metrics are not for it";
	bool document = o->format != FINDINGS_TEXT && o->format != FINDINGS_JSON;
	if (o->resume && o->output && document)
		return "--resume goes on in a file of text or JSON; other formats have an end";
	if (o->shards > 1 && !o->has_seed)
		return "--shard needs --seed, the same for all shards";
	if (o->log_key && !o->log && !o->replay)
		return "--log-key belongs to --log or --replay";
	if (o->engine.mta_sts && !o->engine.mx)
		return "--mta-sts belongs to --mx: domains have such policies";
	if (o->engine.no_dns && o->engine.blocklists_len > 0)
		return "--dnsbl asks the DNS, which --no-dns forbids";
	if (o->engine.dns && o->engine.resolver)
		return "only one of --dns and --resolver can be given";
	return probe_wrong(o);
}

static void
set_defaults(struct scan_options *o)
{
	*o = (struct scan_options){
		.engine = {.command = "gatepost scan",
			   .limits = {.per_s = 10,
				      .per_address = 2,
				      .per_network = 8,
				      .per_operator = 16},
			   .connections = 1000,
			   .canary_wait_ms = CANARY_WAIT_S * 1000,
			   .mode = -1},
		.targets = {.command = "gatepost scan", .ports = {25}, .ports_len = 1},
		.shards = 1,
		.fail_on = FINDINGS_FAIL_NEVER,
	};
	if (gethostname(o->hostname, sizeof(o->hostname) - 1) == 0)
		o->engine.probe.helo = gp_slice_str(o->hostname);
}

int
scan_options_read(struct scan_options *ret, int argc, char **argv)
{
	int c;
	set_defaults(ret);
	while ((c = gp_arg_next("scan", argc, argv, "o:qh", long_options)) != -1) {
		if (!read_option(ret, c))
			return GP_EXIT_USAGE;
	}
	ret->targets.operands = (const char *const *)argv + optind;
	ret->targets.operands_len = (size_t)(argc - optind);
	const char *wrong = ret->help ? NULL : find_wrong(ret);
	if (wrong)
		fprintf(stderr, "gatepost scan: %s\n", wrong);
	return wrong ? GP_EXIT_USAGE : GP_EXIT_OK;
}
