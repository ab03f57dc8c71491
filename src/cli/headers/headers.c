/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost headers: the header analyser. Options, messages in and the answer out; what there is to
 * say is found by core/headers, and shown by text.c, json.c and html.c.
 */
#include "cli/headers/headers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/message_file.h"
#include "cli/options.h"
#include "cli/proof/trust.h"
#include "cli/terminal.h"
#include "core/dns/idn.h"
#include "core/smtp/address.h"
#include "sys/clock.h"
#include "sys/log.h"

static const char usage[] =
	"usage: gatepost headers [options] [MESSAGE...]\n\n"
	"Analyses the header of each message (standard input when there is none, or for -): its "
	"way,\n"
	"who it is from, whether that holds, what others say of it, and a verdict.\n\n"
	"  --trust HOST|NET   a host or network of ours, whose trace fields are believed; .NAME "
	"for\n"
	"                     all below it; may be given more than once\n"
	"  --own DOMAIN       a domain of ours: forged, imitated and misused names are told by it\n"
	"  -c FILE            the configuration, for both and for its dns (" GP_CONFIG_DEFAULT ",\n"
	"                     if it is there); the journal of its gateway tells what came under\n"
	"                     ids that the message claims\n"
	"  --dns FILE         verifies SPF, DKIM, DMARC and ARC by the answers in this file\n"
	"  --resolver ADDR    the same by asking this DNS server\n"
	"  --format FORMAT    text, json (one object a message) or html (one self-contained page)\n"
	"  --json, --html     short for these\n"
	"  -o FILE            writes there instead of standard output\n"
	"  --time EPOCH       what counts as now\n"
	"  --no-colour        no colours (NO_COLOR does the same); never but on a terminal\n";

enum format { TEXT, JSON, HTML };

enum {
	OWN_MAX = 1000, /* of --own */
	ANSWER_MAX = 64 << 20,
};

struct run {
	enum format format;
	const char *config_file;
	const char *output; /* of -o; NULL: standard output */
	bool no_colour;
	int64_t now_s;
	struct gp_config config;      /* all zero: there is none */
	struct gp_lookup_options dns; /* whom to ask */
	struct gp_lookup lookup;      /* when anybody is asked */
	bool asks;
	struct gp_arena arena; /* what was given: options and configuration */
	struct gp_slice *own;
	size_t own_len;
	struct gp_trust_list trust;
	struct gp_buf answer;
	struct gp_records *journal; /* of the running gateway, once it was asked */
	bool journal_asked;
	bool no_journal; /* it was needed, and not to be had */
	bool bad;        /* a verdict says that it is not what it seems */
	bool unsure;     /* the DNS kept one from being known */
};

static int
fail(const char *name, int error)
{
	fprintf(stderr, "gatepost headers: %s: %s\n", name, strerror(-error));
	return GP_EXIT_ERROR;
}

/* --- what is ours --- */

static bool
add_own(struct run *run, const char *text)
{
	struct gp_arg arg = {"headers", "own", text};
	struct gp_slice given = gp_slice_str(text);
	if (run->own_len == OWN_MAX)
		return gp_arg_wrong(&arg, "is one domain too many");
	if (!gp_domain_valid(given) ||
	    gp_idn_to_ascii(given, &run->arena, &run->own[run->own_len]) != 0)
		return gp_arg_wrong(&arg, "is not a domain name");
	run->own_len++;
	return true;
}

static void
add_config(struct run *run)
{
	const struct gp_config *cfg = &run->config;
	struct gp_trust_list *trust = &run->trust;
	if (cfg->hostname.len > 0 && trust->hosts_len < GP_TRUST_MAX)
		trust->hosts[trust->hosts_len++] = cfg->hostname;
	for (size_t i = 0; i < cfg->domains_len && run->own_len < OWN_MAX; i++)
		run->own[run->own_len++] = cfg->domains[i].name;
	for (size_t i = 0; i < cfg->relay_networks_len && trust->networks_len < GP_TRUST_MAX; i++)
		trust->networks[trust->networks_len++] = cfg->relay_networks[i];
}

/* Without -c, and without the default file, there need be no configuration. */
static int
read_config(struct run *run)
{
	struct gp_complaints complaints;
	if (!run->config_file && access(GP_CONFIG_DEFAULT, R_OK) < 0) {
		/* Nothing here is made of DNSSEC, and servers without it are asked too. */
		run->config.dns.trust_anchor = GP_SLICE("none");
		return GP_EXIT_OK;
	}
	int code = gp_cli_config(run->config_file, &run->arena, &run->config, &complaints);
	gp_cli_print_complaints(&complaints);
	if (code == GP_EXIT_OK)
		add_config(run);
	return code;
}

/* Nobody is asked whom neither an option nor the configuration names. */
static int
open_lookup(struct run *run)
{
	const struct gp_lookup_options *o = &run->dns;
	run->asks = o->dns || o->resolver || run->config.dns.server.len > 0 ||
		    run->config.dns.answers.len > 0;
	return run->asks ? gp_lookup_open(&run->lookup, o) : GP_EXIT_OK;
}

static void
close_lookup(struct run *run)
{
	if (run->asks)
		gp_lookup_close(&run->lookup);
	run->asks = false;
}

/* What came over the network has room for one message. */
static int
renew_lookup(struct run *run)
{
	if (!run->asks || !run->lookup.network || run->lookup.rounds == 0)
		return GP_EXIT_OK;
	close_lookup(run);
	return open_lookup(run);
}

/* --- what our gateway remembers --- */

/* False: there is none to be had, which was said. */
static bool
open_journal(struct run *run)
{
	struct gp_slice why;
	if (!run->journal_asked &&
	    gp_records_open(&run->config, &run->arena, &run->journal, &why) < 0)
		fprintf(stderr, "gatepost headers: the journal was not asked: %.*s\n",
			GP_SLICE_FMT(why));
	run->journal_asked = true;
	run->no_journal = run->no_journal || !run->journal;
	return run->journal;
}

/* Holds trace fields in our gateway's name against its journal. */
static int
take_records(struct run *run, struct gp_headers *found, struct gp_arena *arena,
	     struct gp_message_records *records)
{
	*records = (struct gp_message_records){};
	records->len = gp_headers_claimed(found, run->config.hostname, records->items);
	if (records->len == 0 || !open_journal(run))
		return 0;
	int rc = gp_message_records_find(run->journal, found, arena, records);
	if (rc == 0)
		gp_headers_take_records(found, records->items, records->len);
	return rc;
}

/* By the answers that were kept, as far as nobody wishes others; else by those of now. */
static int
verify(struct run *run, struct headers_verification *hv, const struct gp_headers *found,
       struct gp_slice message, const struct gp_message_records *records)
{
	struct gp_lookup kept = {};
	struct headers_source source = {.lookup = run->asks ? &run->lookup : NULL,
					.now_s = (uint64_t)run->now_s};
	int rc = 1;
	if (records->verified && !run->dns.dns && !run->dns.resolver)
		rc = gp_lookup_open_kept(&kept, records->answers);
	if (rc == 0) {
		source.lookup = &kept;
		source.record = records->verified;
	}
	if (rc >= 0)
		rc = headers_verify(hv, &source, found, message);
	gp_lookup_close(&kept);
	return rc;
}

/* --- options --- */

enum {
	OPT_TRUST = 256,
	OPT_OWN,
	OPT_DNS,
	OPT_RESOLVER,
	OPT_JSON,
	OPT_HTML,
	OPT_FORMAT,
	OPT_TIME,
	OPT_NO_COLOUR
};

static bool
take_format(struct run *run, const char *name)
{
	static const char *const names[] = {[TEXT] = "text", [JSON] = "json", [HTML] = "html"};
	const struct gp_arg arg = {"headers", "format", name};
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0) {
			run->format = (enum format)i;
			return true;
		}
	}
	return gp_arg_wrong(&arg, "is none of text, json, html");
}

static bool
take_option(struct run *run, int c)
{
	struct gp_arg time = {"headers", "time", optarg};
	uint64_t now_s;
	switch (c) {
	case 'c':
		run->config_file = optarg;
		return true;
	case 'o':
		run->output = optarg;
		return true;
	case OPT_TRUST:
		return gp_trust_add(&run->trust, "headers", optarg);
	case OPT_OWN:
		return add_own(run, optarg);
	case OPT_DNS:
		run->dns.dns = optarg;
		return true;
	case OPT_RESOLVER:
		run->dns.resolver = optarg;
		return true;
	case OPT_JSON:
		run->format = JSON;
		return true;
	case OPT_HTML:
		run->format = HTML;
		return true;
	case OPT_FORMAT:
		return take_format(run, optarg);
	case OPT_NO_COLOUR:
		run->no_colour = true;
		return true;
	case OPT_TIME:
		if (!gp_arg_u64(&time, 0, INT64_MAX, &now_s))
			return false;
		run->now_s = (int64_t)now_s;
		return true;
	default:
		return false;
	}
}

/* Returns 0, or an exit code + 1 when there is nothing left to do. */
static int
parse_options(int argc, char **argv, struct run *run)
{
	static const struct option options[] = {
		{"trust", required_argument, NULL, OPT_TRUST},
		{"own", required_argument, NULL, OPT_OWN},
		{"dns", required_argument, NULL, OPT_DNS},
		{"resolver", required_argument, NULL, OPT_RESOLVER},
		{"json", no_argument, NULL, OPT_JSON},
		{"html", no_argument, NULL, OPT_HTML},
		{"format", required_argument, NULL, OPT_FORMAT},
		{"time", required_argument, NULL, OPT_TIME},
		{"no-colour", no_argument, NULL, OPT_NO_COLOUR},
		{"help", no_argument, NULL, 'h'},
		{},
	};
	int c;
	while ((c = gp_arg_next("headers", argc, argv, "c:o:h", options)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return GP_EXIT_OK + 1;
		}
		if (!take_option(run, c))
			return GP_EXIT_USAGE + 1;
	}
	return 0;
}

/* --- messages --- */

static bool
may_colour(const struct run *run)
{
	return !run->output && gp_terminal_colours(stdout, run->no_colour);
}

static bool
is_bad(uint8_t verdict)
{
	return verdict == GP_VERDICT_SPOOFED || verdict == GP_VERDICT_LOOKALIKE ||
	       verdict == GP_VERDICT_COMPROMISED;
}

static void
write_answer(struct run *run, const struct headers_view *view, bool first)
{
	if (run->format == JSON) {
		headers_write_json(&run->answer, view);
	} else if (run->format == HTML) {
		headers_write_html(&run->answer, view);
	} else {
		if (!first)
			gp_buf_put_str(&run->answer, "\n\n");
		headers_write_text(&run->answer, view);
	}
}

static void
conclude(struct run *run, const struct headers_view *view, bool first)
{
	uint8_t verdict = view->found->verdict;
	write_answer(run, view, first);
	run->bad |= is_bad(verdict);
	run->unsure |= view->verification->done && verdict == GP_VERDICT_UNKNOWN;
}

static int
analyse(struct run *run, const char *file, struct gp_slice message, bool first)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_HEADERS_ARENA_MAX);
	struct gp_headers found;
	struct headers_verification hv = {};
	struct headers_view view = {file, &found, &hv, &arena, may_colour(run)};
	struct gp_headers_query query = {
		.own = run->own,
		.own_len = run->own_len,
		.trust = gp_trust_of(&run->trust),
		.now_s = run->now_s,
	};
	struct gp_message_records records;
	int rc = gp_headers_read(message, &query, &arena, &found);
	if (rc == 0)
		rc = take_records(run, &found, &arena, &records);
	if (rc == 0)
		rc = verify(run, &hv, &found, message, &records);
	if (rc == 0)
		rc = gp_headers_judge(&found, hv.done ? &hv.verified : NULL, &arena);
	if (rc == 0)
		conclude(run, &view, first);
	if (arena.failed || run->answer.failed)
		rc = -ENOMEM;
	gp_verify_free(hv.verify);
	gp_arena_free(&arena);
	return rc;
}

static int
analyse_file(struct run *run, const char *file, bool first)
{
	/* A LF alone becomes two octets. */
	struct gp_buf message = GP_BUF_INIT(2 * (size_t)GP_MESSAGE_FILE_MAX);
	const char *why = NULL;
	int code = GP_EXIT_OK;
	int rc = gp_message_file_read(file, &message, &why);
	if (rc == 1) {
		fprintf(stderr, "gatepost headers: %s: %s\n", file, why);
		code = GP_EXIT_USAGE;
	} else if (rc == 0) {
		code = renew_lookup(run);
		if (code == GP_EXIT_OK)
			rc = analyse(run, file, gp_buf_slice(&message), first);
	}
	if (rc < 0)
		code = fail(file, rc);
	gp_buf_free(&message);
	return code;
}

/* 0 or -errno */
static int
put_answer(const struct run *run, FILE *to)
{
	struct gp_slice s = gp_buf_slice(&run->answer);
	return fwrite(s.ptr, 1, s.len, to) == s.len && fflush(to) == 0 ? 0 : -errno;
}

static int
print_answer(const struct run *run)
{
	if (!run->output) {
		int error = put_answer(run, stdout);
		return error == 0 ? GP_EXIT_OK : fail("standard output", error);
	}
	FILE *to = fopen(run->output, "we");
	if (!to)
		return fail(run->output, -errno);
	int error = put_answer(run, to);
	if (fclose(to) != 0 && error == 0)
		error = -errno;
	return error == 0 ? GP_EXIT_OK : fail(run->output, error);
}

static int
analyse_all(struct run *run, int argc, char **argv)
{
	int worst = GP_EXIT_OK;
	if (run->format == HTML)
		headers_begin_html(&run->answer);
	for (int i = 0; i < GP_MAX(argc, 1); i++) {
		int code = analyse_file(run, argc > 0 ? argv[i] : "-", i == 0);
		worst = GP_MAX(worst, code);
	}
	if (run->format == HTML)
		headers_end_html(&run->answer);
	int code = print_answer(run);
	worst = GP_MAX(worst, code);
	if (worst != GP_EXIT_OK)
		return worst;
	if (run->bad)
		return GP_EXIT_BAD;
	return run->unsure || run->no_journal ? GP_EXIT_UNKNOWN : GP_EXIT_OK;
}

static int
run_all(int argc, char **argv, struct run *run)
{
	run->own = gp_arena_array(&run->arena, OWN_MAX, sizeof(*run->own));
	if (!run->own || gp_trust_init(&run->trust, &run->arena) < 0)
		return fail("options", -ENOMEM);
	int code = parse_options(argc, argv, run);
	if (code > 0)
		return code - 1;
	code = read_config(run);
	if (code == GP_EXIT_OK)
		code = open_lookup(run);
	return code == GP_EXIT_OK ? analyse_all(run, argc - optind, argv + optind) : code;
}

int
gp_cmd_headers(int argc, char **argv)
{
	struct run run = {
		.arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX),
		.answer = GP_BUF_INIT(ANSWER_MAX),
		.now_s = (int64_t)(gp_clock_wall_ms() / 1000),
	};
	run.dns = (struct gp_lookup_options){.command = "gatepost headers", .config = &run.config};
	gp_log_setup("headers", false, GP_LOG_WARNING);
	int code = run_all(argc, argv, &run);
	close_lookup(&run);
	gp_records_close(run.journal);
	gp_log_flush();
	gp_buf_free(&run.answer);
	gp_arena_free(&run.arena);
	return code;
}
