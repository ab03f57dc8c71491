/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost sink: a receiver that takes everything, keeps nothing and counts: messages, recipients,
 * octets, and each mark of `gatepost load` once. At the end it names what is missing or doubled.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/traffic/ledger.h"
#include "cli/traffic/sink_server.h"
#include "cli/traffic/tool_report.h"
#include "cli/traffic/wire.h"

enum {
	NAMED_MAX = 1000,    /* numbers that one list of the report names */
	NAMED_TEXT_MAX = 20, /* the same in the text form */
};

struct sink {
	struct gp_sink_options options;
	struct gp_sink_stats stats;
	struct gp_mark_book book;
	const char *ledger; /* path; NULL: none */
	const char *canary; /* path; NULL: none */
	struct gp_ledger_result owed;
	bool tls;
	const char *certificate, *key; /* paths; NULL: one is made */
	bool json, quiet, help;
};

static const char usage[] =
	"usage: gatepost sink --listen ADDR:PORT [options]\n"
	"\n"
	"Takes mail over SMTP, throws it away and counts it. Ends on SIGINT or SIGTERM, with a "
	"summary.\n"
	"\n"
	"  -l, --listen ADDR:PORT   where to listen: 127.0.0.1:2525, [::1]:2525 or unix:/path\n"
	"      --lmtp               speak LMTP\n"
	"  -n, --count N            end after N messages, when all clients have said QUIT or 1 s "
	"later\n"
	"      --settle MS          end MS after the last of them instead, for what comes twice\n"
	"      --time S             end after S seconds\n"
	"      --delay MS           answer everything MS later, as a server far away\n"
	"      --reply-rcpt CODE:SHARE   refuse a share (0 to 1) of recipients with 450 or 550\n"
	"      --per-connection N   take N messages in a session, and say so (LIMITS MAILMAX)\n"
	"      --tls starttls|implicit   TLS, begun by STARTTLS or with the connection\n"
	"      --certificate FILE, --key FILE   in PEM; without them a certificate is made\n"
	"      --expect RUN:N       the marks 1 to N of that run are to come (again for more "
	"runs)\n"
	"      --ledger FILE        what this ledger of `gatepost load` calls accepted is to come\n"
	"      --marks              print each mark as it arrives\n"
	"      --canary FILE        append the tokens of `gatepost scan` that arrive to FILE\n"
	"      --progress           a line a second (on a terminal it is on)\n"
	"      --json               the summary as one JSON object\n"
	"  -q, --quiet              no progress, no summary\n"
	"\n"
	"Exit code: 0; 1 when a mark is doubled, or one of --expect or --ledger is missing; 2 "
	"usage;\n"
	"4 cannot listen.\n";

enum {
	OPT_LMTP = 256,
	OPT_SETTLE,
	OPT_TIME,
	OPT_DELAY,
	OPT_REPLY_RCPT,
	OPT_PER_CONNECTION,
	OPT_TLS,
	OPT_CERTIFICATE,
	OPT_KEY,
	OPT_EXPECT,
	OPT_LEDGER,
	OPT_MARKS,
	OPT_CANARY,
	OPT_PROGRESS,
	OPT_JSON,
};

static const struct option long_options[] = {
	{"listen", required_argument, NULL, 'l'},
	{"count", required_argument, NULL, 'n'},
	{"lmtp", no_argument, NULL, OPT_LMTP},
	{"settle", required_argument, NULL, OPT_SETTLE},
	{"time", required_argument, NULL, OPT_TIME},
	{"delay", required_argument, NULL, OPT_DELAY},
	{"reply-rcpt", required_argument, NULL, OPT_REPLY_RCPT},
	{"per-connection", required_argument, NULL, OPT_PER_CONNECTION},
	{"tls", required_argument, NULL, OPT_TLS},
	{"certificate", required_argument, NULL, OPT_CERTIFICATE},
	{"key", required_argument, NULL, OPT_KEY},
	{"expect", required_argument, NULL, OPT_EXPECT},
	{"ledger", required_argument, NULL, OPT_LEDGER},
	{"marks", no_argument, NULL, OPT_MARKS},
	{"canary", required_argument, NULL, OPT_CANARY},
	{"progress", no_argument, NULL, OPT_PROGRESS},
	{"json", no_argument, NULL, OPT_JSON},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{},
};

/* ---- options ---- */

/* "450:0.1" */
static bool
read_reply_rcpt(const struct gp_arg *arg, struct gp_sink_plan *plan)
{
	struct gp_slice share = gp_slice_str(arg->value);
	struct gp_slice code = gp_slice_cut(&share, ':');
	if (!share.ptr ||
	    (!gp_slice_eq(code, GP_SLICE("450")) && !gp_slice_eq(code, GP_SLICE("550"))))
		return gp_arg_wrong(arg, "is not 450:SHARE or 550:SHARE");
	plan->refuse_code = code.ptr[0] == '4' ? 450 : 550;
	struct gp_arg share_arg = {arg->command, arg->option, share.ptr};
	return gp_arg_number(&share_arg, 0, 1, &plan->refuse_share);
}

static bool
read_tls(const struct gp_arg *arg, struct sink *sink)
{
	struct gp_slice word = gp_slice_str(arg->value);
	sink->tls = true;
	sink->options.plan.starttls = gp_slice_eq(word, GP_SLICE("starttls"));
	return sink->options.plan.starttls || gp_slice_eq(word, GP_SLICE("implicit")) ||
	       gp_arg_wrong(arg, "is neither starttls nor implicit");
}

/* "RUN:N" */
static bool
read_expect(const struct gp_arg *arg, struct gp_mark_book *book)
{
	struct gp_slice number = gp_slice_str(arg->value);
	struct gp_slice run = gp_slice_cut(&number, ':');
	uint64_t n;
	if (!number.ptr || !gp_mark_run_valid(run) || !gp_slice_u64(number, GP_MARK_NUMBER_MAX, &n))
		return gp_arg_wrong(arg, "is not RUN:N, as in k3f9a2bd:20000");
	if (gp_mark_book_expect(book, run, n) < 0)
		return gp_arg_wrong(arg, "is one run too many: 64 at most");
	return true;
}

static bool
read_option(struct sink *sink, int c)
{
	struct gp_sink_options *options = &sink->options;
	const struct gp_arg arg = gp_arg_of("sink", long_options, c);
	switch (c) {
	case 'l':
		return gp_arg_address(&arg, &options->listen);
	case 'n':
		return gp_arg_u64(&arg, 1, UINT32_MAX, &options->count);
	case OPT_LMTP:
		options->plan.lmtp = true;
		return true;
	case OPT_SETTLE:
		return gp_arg_u64(&arg, 1, 3600'000, &options->settle_ms);
	case OPT_TIME:
		return gp_arg_seconds(&arg, 0.001, 1e6, &options->time_ms);
	case OPT_DELAY:
		return gp_arg_u64(&arg, 0, 3600'000, &options->delay_ms);
	case OPT_REPLY_RCPT:
		return read_reply_rcpt(&arg, &options->plan);
	case OPT_PER_CONNECTION:
		return gp_arg_u32(&arg, 1, UINT32_MAX, &options->plan.mail_max);
	case OPT_TLS:
		return read_tls(&arg, sink);
	case OPT_CERTIFICATE:
		sink->certificate = optarg;
		return true;
	case OPT_KEY:
		sink->key = optarg;
		return true;
	case OPT_EXPECT:
		return read_expect(&arg, &sink->book);
	case OPT_LEDGER:
		sink->ledger = optarg;
		return true;
	case OPT_MARKS:
		options->print_marks = true;
		return true;
	case OPT_CANARY:
		options->plan.canaries = true;
		sink->canary = optarg;
		return true;
	case OPT_PROGRESS:
		options->progress = true;
		return true;
	case OPT_JSON:
		sink->json = true;
		return true;
	case 'q':
		sink->quiet = true;
		return true;
	case 'h':
		sink->help = true;
		return true;
	default: /* gp_arg_next() has said what is wrong */
		return false;
	}
}

static bool
read_options(struct sink *sink, int argc, char **argv)
{
	int c;
	sink->options.progress = isatty(STDERR_FILENO);
	while ((c = gp_arg_next("sink", argc, argv, "l:n:qh", long_options)) != -1) {
		if (!read_option(sink, c))
			return false;
	}
	if (sink->help)
		return true;
	if (optind < argc) {
		fprintf(stderr, "gatepost sink: what is '%s'? It takes options only\n",
			argv[optind]);
		return false;
	}
	const char *wrong = NULL;
	if (sink->options.listen.len == 0)
		wrong = "--listen ADDR:PORT is missing";
	else if (!sink->certificate != !sink->key)
		wrong = "--certificate and --key belong together";
	else if (sink->certificate && !sink->tls)
		wrong = "--certificate belongs to --tls";
	if (wrong) {
		fprintf(stderr, "gatepost sink: %s\n", wrong);
		return false;
	}
	sink->options.progress = sink->options.progress && !sink->quiet;
	return true;
}

/* ---- summary ---- */

static double
seconds_taken(const struct gp_sink_stats *stats)
{
	return stats->last_us > stats->first_us ? (double)(stats->last_us - stats->first_us) / 1e6
						: 0;
}

static double
rate_of(const struct gp_sink_stats *stats)
{
	double seconds = seconds_taken(stats);
	return seconds > 0 ? (double)stats->messages / seconds : 0;
}

typedef uint64_t
next_number_fn(const struct gp_mark_run *run, uint64_t from);

static json_t *
numbers_json(const struct gp_mark_run *run, next_number_fn *next)
{
	json_t *list = json_array();
	for (uint64_t n = next(run, 1); n > 0 && json_array_size(list) < NAMED_MAX;
	     n = next(run, n + 1))
		json_array_append_new(list, json_integer((json_int_t)n));
	return list;
}

static json_t *
run_json(const struct gp_mark_run *run)
{
	return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:o, s:o}", "run", run->name, "told",
			 run->told, "expected", (json_int_t)run->expected, "distinct",
			 (json_int_t)run->distinct, "missing", (json_int_t)gp_mark_run_missing(run),
			 "doubled", (json_int_t)run->repeats, "missing_numbers",
			 numbers_json(run, gp_mark_run_next_missing), "doubled_numbers",
			 numbers_json(run, gp_mark_run_next_doubled));
}

static json_t *
summary_json(const struct sink *sink)
{
	const struct gp_sink_stats *stats = &sink->stats;
	json_t *runs = json_array();
	for (size_t i = 0; i < sink->book.runs_len; i++)
		json_array_append_new(runs, run_json(&sink->book.runs[i]));
	json_t *all = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:f, s:f, s:o, s:o}", "messages",
		(json_int_t)stats->messages, "recipients", (json_int_t)stats->recipients, "octets",
		(json_int_t)stats->octets, "connections", (json_int_t)stats->connections,
		"unmarked", (json_int_t)stats->unmarked, "refused_recipients",
		(json_int_t)sink->options.plan.refused, "first", (double)stats->first_us / 1e6,
		"last", (double)stats->last_us / 1e6, "seconds", seconds_taken(stats), "rate",
		rate_of(stats), "cpu_s", gp_tool_cpu_s(), "latency_ms",
		gp_tool_latency_json(&stats->latency_ns), "runs", runs);
	if (sink->tls)
		json_object_set_new(all, "tls",
				    json_pack("{s:I, s:I}", "handshakes",
					      (json_int_t)stats->handshakes, "resumed",
					      (json_int_t)stats->resumed));
	if (sink->ledger)
		json_object_set_new(all, "ledger",
				    json_pack("{s:I, s:I, s:s}", "accepted",
					      (json_int_t)sink->owed.accepted, "missing",
					      (json_int_t)sink->owed.missing, "first_missing",
					      sink->owed.first_missing));
	return all;
}

static void
print_numbers(const char *what, uint64_t count, const struct gp_mark_run *run, next_number_fn *next)
{
	uint64_t n = next(run, 1);
	if (count == 0)
		return;
	printf("  %s %" PRIu64 ":", what, count);
	for (int i = 0; i < NAMED_TEXT_MAX && n > 0; i++, n = next(run, n + 1))
		printf(" %" PRIu64, n);
	printf("%s\n", n > 0 ? " ..." : "");
}

static void
print_summary(const struct sink *sink)
{
	const struct gp_sink_stats *stats = &sink->stats;
	printf("%" PRIu64 " messages, %" PRIu64 " recipients, %" PRIu64 " octets over %" PRIu64
	       " connections in %.3f s: %.0f a second, %.3f CPU s\n",
	       stats->messages, stats->recipients, stats->octets, stats->connections,
	       seconds_taken(stats), rate_of(stats), gp_tool_cpu_s());
	gp_tool_latency_print("mark to arrival", &stats->latency_ns);
	if (sink->tls)
		printf("%" PRIu64 " handshakes, %" PRIu64 " of them resumed\n", stats->handshakes,
		       stats->resumed);
	if (stats->unmarked > 0)
		printf("%" PRIu64 " without a mark\n", stats->unmarked);
	for (size_t i = 0; i < sink->book.runs_len; i++) {
		const struct gp_mark_run *run = &sink->book.runs[i];
		uint64_t missing = gp_mark_run_missing(run);
		printf("run %s: %" PRIu64 " of %" PRIu64 "%s, %" PRIu64 " missing, %" PRIu64
		       " doubled\n",
		       run->name, run->distinct, run->expected,
		       run->told ? "" : " (the greatest number seen)", missing, run->repeats);
		print_numbers("missing", missing, run, gp_mark_run_next_missing);
		print_numbers("doubled", run->repeats, run, gp_mark_run_next_doubled);
	}
	if (sink->ledger)
		printf("ledger: %" PRIu64 " accepted, %" PRIu64 " of them missing%s%s\n",
		       sink->owed.accepted, sink->owed.missing,
		       sink->owed.missing > 0 ? ", the first " : "", sink->owed.first_missing);
}

static bool
marks_are_good(const struct sink *sink)
{
	for (size_t i = 0; i < sink->book.runs_len; i++) {
		const struct gp_mark_run *run = &sink->book.runs[i];
		if (run->repeats > 0 || (run->told && gp_mark_run_missing(run) > 0))
			return false;
	}
	return sink->owed.missing == 0;
}

static int
report(struct sink *sink)
{
	int r = sink->ledger ? gp_ledger_audit(sink->ledger, &sink->book, &sink->owed) : 0;
	if (r < 0) {
		fprintf(stderr, "gatepost sink: %s: %s\n", sink->ledger, strerror(-r));
		return GP_EXIT_ERROR;
	}
	if (sink->json && !sink->quiet) {
		if (!gp_tool_json_print(summary_json(sink)))
			return GP_EXIT_ERROR;
	} else if (!sink->quiet) {
		print_summary(sink);
	}
	return marks_are_good(sink) ? GP_EXIT_OK : GP_EXIT_BAD;
}

static bool
prepare_tls(struct sink *sink)
{
	const char *why = "out of memory";
	if (!sink->tls)
		return true;
	if (gp_wire_prepare_tls() == 0)
		sink->options.tls = gp_sink_tls_new(sink->certificate, sink->key, &why);
	if (!sink->options.tls)
		fprintf(stderr, "gatepost sink: --tls: %s\n", why);
	return sink->options.tls;
}

static bool
open_canary(struct sink *sink)
{
	sink->options.canary_fd = -1;
	if (!sink->canary)
		return true;
	sink->options.canary_fd =
		open(sink->canary, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (sink->options.canary_fd < 0)
		fprintf(stderr, "gatepost sink: %s: %s\n", sink->canary, strerror(errno));
	return sink->options.canary_fd >= 0;
}

static int
serve(struct sink *sink)
{
	gp_tool_raise_files();
	if (!prepare_tls(sink))
		return GP_EXIT_USAGE;
	if (!open_canary(sink))
		return GP_EXIT_ERROR;
	int r = gp_sink_serve(&sink->options, &sink->stats);
	gp_sink_tls_free(sink->options.tls);
	if (sink->options.canary_fd >= 0)
		close(sink->options.canary_fd);
	if (r < 0)
		fprintf(stderr, "gatepost sink: cannot listen there: %s\n", strerror(-r));
	return r < 0 ? GP_EXIT_ERROR : report(sink);
}

int
gp_cmd_sink(int argc, char **argv)
{
	static struct sink sink; /* the book alone is over 4 KB, the histogram 30 */
	sink.stats.book = &sink.book;
	int code = GP_EXIT_USAGE;
	if (read_options(&sink, argc, argv)) {
		if (sink.help) {
			fputs(usage, stdout);
			return GP_EXIT_OK;
		}
		code = serve(&sink);
	}
	gp_mark_book_free(&sink.book);
	return code;
}
