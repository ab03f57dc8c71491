/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost verify: who sent a stored message, by SPF, DKIM, DMARC and ARC. Options and messages are
 * here; core/verify decides.
 */
#include "cli/proof/verify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/message_file.h"
#include "cli/options.h"
#include "cli/proof/verifier.h"
#include "cli/trace/message_records.h"
#include "cli/traffic/tool_report.h"
#include "core/headers/headers.h"
#include "core/smtp/address.h"
#include "sys/clock.h"
#include "sys/log.h"

enum { MESSAGE_ARENA_MAX = 64 << 20, HOST_NAME_SIZE = 256 };

static const char usage[] =
	"usage: gatepost verify [options] [MESSAGE...]\n\n"
	"Who sent each message (standard input when there is none, or for -), by SPF, DKIM, DMARC\n"
	"and ARC.\n\n"
	"  --ip ADDRESS       the client's, when it handed the message over; without it SPF is\n"
	"                     left out\n"
	"  --helo NAME        what it called itself\n"
	"  --mail-from SENDER the reverse-path; '' or '<>': null\n"
	"  --trust HOST|NET   instead of these three: a server or network of ours, whose trace\n"
	"                     fields tell them; .NAME for all below it; may be given again\n"
	"  --stored           instead of all these: by the answers of the DNS that our gateway "
	"kept\n"
	"                     when the message came to it, as of then; wants -c FILE, and the\n"
	"                     gateway running\n"
	"  --id NAME          our name in Authentication-Results (this host's)\n"
	"  --json             one JSON object a message\n"
	"  --trace            with the reasoning\n"
	"  -q                 nothing but the exit code\n"
	"  -c FILE            the configuration, for its keys dns and hostname\n"
	"  --dns FILE         answers from this file; nobody is asked\n"
	"  --resolver ADDR    the DNS server to ask\n"
	"  --time EPOCH       the time that it is\n\n"
	"Exit codes: 0 DMARC passes, or does not apply and SPF or a signature passes; 1 not so;\n"
	"2 usage; 3 the DNS did not answer, or nothing is stored; 4 a file cannot be read.\n";

struct verify_run {
	struct gp_verify_query query;
	const char *ip, *helo, *sender; /* NULL: not given */
	const char *id, *dns, *resolver, *config_file;
	bool json, quiet;
	bool stored;
	struct gp_records *journal; /* with `stored` */
	struct gp_trust_list trust;
	struct gp_config config;
	struct gp_arena arena; /* of options and configuration */
	struct gp_lookup_options how;
	struct gp_lookup lookup;
	char host_name[HOST_NAME_SIZE];
};

static int
fail(const char *what, int error)
{
	fprintf(stderr, "gatepost verify: %s: %s\n", what, strerror(-error));
	return GP_EXIT_ERROR;
}

/* --- one message --- */

struct verify_message {
	const char *file;
	struct gp_slice text; /* with CRLF */
	struct gp_arena *arena;
};

/* What is not proven counts against a message only when the DNS has told all that there is. */
static int
exit_code(const struct gp_verify_facts *f)
{
	bool spf = f->mail_from && f->mail_from->verdict == GP_SPF_PASS;
	bool trouble = f->mail_from && f->mail_from->verdict == GP_SPF_TEMPERROR;
	bool dkim = false;
	for (size_t i = 0; i < f->dkim_len; i++) {
		dkim = dkim || (f->dkim[i].result == GP_DKIM_PASS && !f->dkim[i].partial);
		trouble = trouble || f->dkim[i].result == GP_DKIM_TEMPERROR;
	}
	switch (f->dmarc->verdict) {
	case GP_DMARC_PASS:
		return GP_EXIT_OK;
	case GP_DMARC_TEMPERROR:
		return GP_EXIT_UNKNOWN;
	case GP_DMARC_NONE:
		if (spf || dkim)
			return GP_EXIT_OK;
		return trouble ? GP_EXIT_UNKNOWN : GP_EXIT_BAD;
	default:
		return GP_EXIT_BAD;
	}
}

static int
show(const struct verify_run *run, const struct verify_view *view)
{
	int r = 0;
	if (run->json && !run->quiet)
		r = gp_tool_json_print(verify_json(view)) ? 0 : -EIO;
	else if (!run->quiet)
		r = verify_print(view);
	if (r == 0 && fflush(stdout) != 0)
		r = -errno;
	return r < 0 ? fail("standard output", r) : exit_code(view->facts);
}

/* Who handed the message to our servers: the client that the header analyser finds, so that both
 * commands give SPF the same one. Without any *query stays without. 0 or -ENOMEM. */
static int
find_client(struct gp_slice message, const struct gp_trust *trust, struct gp_arena *arena,
	    struct gp_verify_query *query)
{
	struct gp_headers_query how = {.trust = *trust, .now_s = (int64_t)query->now_s};
	struct gp_headers found;
	int r = gp_headers_read(message, &how, arena, &found);
	if (r == 0)
		gp_headers_client(&found, query);
	return r;
}

/* With the DNS, the client and the time of *query. */
static int
verify_with(struct verify_run *run, struct gp_lookup *lookup, const struct verify_message *m,
	    struct gp_verify_query query)
{
	struct gp_verify *v = NULL;
	const char *file = m->file;
	struct gp_arena *arena = m->arena;
	int r = gp_verifier_run(lookup, &query, m->text, &v);
	if (r > 0) {
		fprintf(stderr, "gatepost verify: %s: its header is too large\n", file);
		return GP_EXIT_BAD;
	}
	if (r < 0)
		return fail(file, r);
	struct gp_verify_facts facts = gp_verify_facts(v);
	struct verify_view view = {
		.file = file,
		.query = &query,
		.facts = &facts,
		.id = query.receiver,
		.trace = query.trail,
		.arena = arena,
	};
	int code = show(run, &view);
	gp_verify_free(v);
	return code;
}

/* What the journal has of it. 0; 1: nothing that it could be verified by; -errno. */
static int
find_stored(struct verify_run *run, const struct verify_message *m,
	    struct gp_message_records *records)
{
	struct gp_slice *host = &run->config.hostname;
	struct gp_headers_query how = {.trust = {.hosts = host, .hosts_len = 1},
				       .now_s = (int64_t)run->query.now_s};
	struct gp_headers found;
	*records = (struct gp_message_records){};
	int r = gp_headers_read(m->text, &how, m->arena, &found);
	if (r < 0)
		return r;
	records->len = gp_headers_claimed(&found, *host, records->items);
	r = gp_message_records_find(run->journal, &found, m->arena, records);
	return r == 0 && !records->verified ? 1 : r;
}

/* As our gateway verified it when it came. */
static int
verify_stored(struct verify_run *run, const struct verify_message *m)
{
	struct gp_verify_query query = run->query;
	struct gp_message_records records;
	struct gp_lookup kept = {};
	int code = GP_EXIT_UNKNOWN;
	int r = find_stored(run, m, &records);
	if (r == 0)
		r = gp_lookup_open_kept(&kept, records.answers);
	if (r == 0 && gp_message_records_client(records.verified, &query))
		code = verify_with(run, &kept, m, query);
	else if (r < 0)
		code = fail(m->file, r);
	else
		fprintf(stderr,
			"gatepost verify: %s: the gateway's journal has no answers of the DNS for "
			"it\n",
			m->file);
	gp_lookup_close(&kept);
	return code;
}

static int
verify_text(struct verify_run *run, const struct verify_message *m)
{
	struct gp_trust trust = gp_trust_of(&run->trust);
	struct gp_verify_query query = run->query;
	if (run->stored)
		return verify_stored(run, m);
	int r = 0;
	if (trust.hosts_len + trust.networks_len > 0)
		r = find_client(m->text, &trust, m->arena, &query);
	return r < 0 ? fail(m->file, r) : verify_with(run, &run->lookup, m, query);
}

static int
verify_file(struct verify_run *run, const char *file)
{
	struct gp_arena arena = GP_ARENA_INIT(MESSAGE_ARENA_MAX);
	/* A LF alone becomes two octets. */
	struct gp_buf message = GP_BUF_INIT(2 * (size_t)GP_MESSAGE_FILE_MAX);
	const char *why = NULL;
	int code = GP_EXIT_USAGE;
	int r = gp_message_file_read(file, &message, &why);
	if (r > 0)
		fprintf(stderr, "gatepost verify: %s: %s\n", file, why);
	else if (r < 0)
		code = fail(file, r);
	else
		code = verify_text(run,
				   &(struct verify_message){file, gp_buf_slice(&message), &arena});
	gp_buf_free(&message);
	gp_arena_free(&arena);
	return code;
}

/* Answers of the DNS are kept for a message, as their number has a bound. */
static int
renew_lookup(struct verify_run *run)
{
	if (!run->lookup.network || run->lookup.rounds == 0)
		return GP_EXIT_OK;
	gp_lookup_close(&run->lookup);
	run->lookup = (struct gp_lookup){};
	return gp_lookup_open(&run->lookup, &run->how);
}

static int
verify_each(struct verify_run *run, int argc, char **argv)
{
	int worst = GP_EXIT_OK;
	for (int i = 0; i < GP_MAX(argc, 1); i++) {
		const char *file = argc > 0 ? argv[i] : "-";
		int code = renew_lookup(run);
		if (code != GP_EXIT_OK)
			return code;
		if (argc > 1 && !run->json && !run->quiet)
			printf("%s%s\n", i > 0 ? "\n" : "", file);
		code = verify_file(run, file);
		worst = GP_MAX(worst, code);
	}
	return worst;
}

/* --- options --- */

enum { IP = 256, HELO, MAIL_FROM, TRUST, STORED, ID, JSON, TRACE, DNS, RESOLVER, TIME };

static const struct option options[] = {
	{"ip", required_argument, NULL, IP},
	{"helo", required_argument, NULL, HELO},
	{"mail-from", required_argument, NULL, MAIL_FROM},
	{"trust", required_argument, NULL, TRUST},
	{"stored", no_argument, NULL, STORED},
	{"id", required_argument, NULL, ID},
	{"json", no_argument, NULL, JSON},
	{"trace", no_argument, NULL, TRACE},
	{"verbose", no_argument, NULL, TRACE},
	{"quiet", no_argument, NULL, 'q'},
	{"dns", required_argument, NULL, DNS},
	{"resolver", required_argument, NULL, RESOLVER},
	{"time", required_argument, NULL, TIME},
	{"help", no_argument, NULL, 'h'},
	{},
};

/* Where an option's text goes; NULL: it is none that is kept as it is. */
static const char **
text_of(struct verify_run *run, int c)
{
	switch (c) {
	case IP:
		return &run->ip;
	case HELO:
		return &run->helo;
	case MAIL_FROM:
		return &run->sender;
	case ID:
		return &run->id;
	case DNS:
		return &run->dns;
	case RESOLVER:
		return &run->resolver;
	case 'c':
		return &run->config_file;
	default:
		return NULL;
	}
}

/* False: its value is wrong, which has been said, or there is no such option. */
static bool
take_option(struct verify_run *run, int c)
{
	struct gp_arg time = {"verify", "time", optarg};
	switch (c) {
	case TIME:
		return gp_arg_u64(&time, 0, INT64_MAX, &run->query.now_s);
	case TRUST:
		return gp_trust_add(&run->trust, "verify", optarg);
	case STORED:
		run->stored = true;
		return true;
	case JSON:
		run->json = true;
		return true;
	case TRACE:
	case 'v':
		run->query.trail = true;
		return true;
	case 'q':
		run->quiet = true;
		return true;
	default:
		return false;
	}
}

/* Returns 0, or an exit code + 1 when there is nothing left to do. */
static int
parse_options(int argc, char **argv, struct verify_run *run)
{
	int c;
	while ((c = gp_arg_next("verify", argc, argv, "c:qvh", options)) != -1) {
		const char **text = text_of(run, c);
		if (text) {
			*text = optarg;
		} else if (c == 'h') {
			fputs(usage, stdout);
			return GP_EXIT_OK + 1;
		} else if (!take_option(run, c)) {
			return GP_EXIT_USAGE + 1;
		}
	}
	return 0;
}

/* --- what the options come to --- */

static bool
set_client(struct verify_run *run)
{
	struct gp_verify_query *q = &run->query;
	struct gp_arg arg = {"verify", "ip", run->ip};
	struct gp_slice sender = gp_slice_str(run->sender);
	bool trusted = run->trust.hosts_len + run->trust.networks_len > 0;
	bool bracketed =
		sender.len >= 2 && sender.ptr[0] == '<' && sender.ptr[sender.len - 1] == '>';
	if (!run->ip && !run->helo && !run->sender)
		return true;
	arg.value = run->ip ? run->ip : "";
	if (!run->ip || trusted)
		return gp_arg_wrong(&arg, trusted ? "is not for --trust, which tells it"
						  : "must be given beside --helo and --mail-from");
	if (!run->helo && sender.len == 0)
		return gp_arg_wrong(&arg, "wants --helo, --mail-from or both");
	q->address_len = strchr(run->ip, ':') ? 16 : 4;
	q->helo = gp_slice_str(run->helo);
	q->sender = bracketed ? gp_slice_take(gp_slice_drop(sender, 1), sender.len - 2) : sender;
	return inet_pton(q->address_len == 16 ? AF_INET6 : AF_INET, run->ip, q->address) == 1 ||
	       gp_arg_wrong(&arg, "is not an IP address");
}

/* Our name: of --id, of the configuration, or this host's. */
static bool
set_name(struct verify_run *run)
{
	struct gp_arg arg = {"verify", "id", run->id};
	struct gp_slice *name = &run->query.receiver;
	*name = run->id ? gp_slice_str(run->id) : run->config.hostname;
	if (name->len == 0 && gethostname(run->host_name, sizeof(run->host_name) - 1) == 0)
		*name = gp_slice_str(run->host_name);
	if (gp_domain_valid(*name))
		return true;
	if (run->id)
		return gp_arg_wrong(&arg, "is not a host name");
	*name = GP_SLICE("localhost");
	return true;
}

static int
read_config(struct verify_run *run)
{
	struct gp_complaints complaints;
	if (!run->config_file)
		return GP_EXIT_OK;
	int code = gp_cli_config(run->config_file, &run->arena, &run->config, &complaints);
	gp_cli_print_complaints(&complaints);
	return code;
}

/* Nobody is asked but our gateway. */
static int
run_stored(struct verify_run *run, int argc, char **argv)
{
	struct gp_arg arg = {"verify", "stored", ""};
	struct gp_slice why;
	if (run->dns || run->resolver || run->ip || run->trust.hosts_len > 0 ||
	    run->trust.networks_len > 0 || !run->config_file) {
		(void)gp_arg_wrong(&arg, "wants -c, and none of --dns, --resolver, --ip, --trust");
		return GP_EXIT_USAGE;
	}
	if (gp_records_open(&run->config, &run->arena, &run->journal, &why) < 0) {
		fprintf(stderr, "gatepost verify: %.*s\n", GP_SLICE_FMT(why));
		return GP_EXIT_UNKNOWN;
	}
	return verify_each(run, argc, argv);
}

static int
run_all(struct verify_run *run, int argc, char **argv)
{
	if (gp_trust_init(&run->trust, &run->arena) < 0)
		return fail("options", -ENOMEM);
	int code = parse_options(argc, argv, run);
	if (code > 0)
		return code - 1;
	code = read_config(run);
	if (code != GP_EXIT_OK)
		return code;
	if (!set_client(run) || !set_name(run))
		return GP_EXIT_USAGE;
	if (run->stored)
		return run_stored(run, argc - optind, argv + optind);
	/* Nothing here is made of DNSSEC, and servers without it are asked too. */
	run->config.dns.trust_anchor = GP_SLICE("none");
	run->how = (struct gp_lookup_options){.command = "gatepost verify",
					      .dns = run->dns,
					      .resolver = run->resolver,
					      .config = &run->config};
	code = gp_lookup_open(&run->lookup, &run->how);
	return code == GP_EXIT_OK ? verify_each(run, argc - optind, argv + optind) : code;
}

int
gp_cmd_verify(int argc, char **argv)
{
	struct verify_run run = {
		.query = {.dmarc = true,
			  .arc = true,
			  .explain = true,
			  .now_s = gp_clock_wall_ms() / 1000},
		.arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX),
	};
	gp_log_setup("verify", false, GP_LOG_WARNING);
	int code = run_all(&run, argc, argv);
	gp_lookup_close(&run.lookup);
	gp_records_close(run.journal);
	gp_arena_free(&run.arena);
	gp_log_flush();
	return code;
}
