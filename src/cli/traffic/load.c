/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost load: a load generator for any mail server. Each message carries a mark, by which
 * `gatepost sink` counts it once.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/message_file.h"
#include "cli/traffic/load_engine.h"
#include "cli/traffic/tool_report.h"
#include "cli/traffic/wire.h"

enum {
	SESSIONS_MAX = 100'000,
	SIZE_MAX_OCTETS = 1 << 30,
	LINE = 78, /* octets of a body's line with CRLF: RFC 5322 section 2.1.1 */
	RUN_LEN = 8,
};

struct load {
	struct gp_load_options options;
	struct gp_load_stats stats;
	struct gp_buf body;
	char run[GP_MARK_RUN_MAX + 1];
	uint64_t size;
	const char *message; /* path; NULL: one of `size` is made */
	const char *ledger;  /* path; NULL: none */
	bool json, quiet, help;
};

static const char usage[] =
	"usage: gatepost load --server ADDR:PORT -n COUNT [options]\n"
	"\n"
	"Sends COUNT messages over SMTP, each with a mark of its own, and measures.\n"
	"\n"
	"  -S, --server ADDR:PORT   127.0.0.1:2525, [::1]:2525 or unix:/path\n"
	"  -n, --count N            messages (1000)\n"
	"  -s, --sessions N         connections at once (50)\n"
	"      --size N             octets of a body (4096)\n"
	"      --message FILE       send this below the mark, instead of a body of that size\n"
	"      --rcpts N            recipients of a message (1)\n"
	"      --per-connection N   messages on a connection (1); 0: no bound\n"
	"      --no-mail            say QUIT where a message would begin: COUNT connections\n"
	"      --rate N             messages begun a second; without it as fast as it goes\n"
	"      --from A, --to A     addresses; %d in them is a number below --users\n"
	"      --users N            how many numbers %d takes (100)\n"
	"      --helo NAME          the name in EHLO\n"
	"      --lmtp               speak LMTP\n"
	"      --pipeline           send MAIL, RCPT and DATA at once where the server offers it\n"
	"      --tls starttls|implicit  TLS, begun by STARTTLS or with the connection; nobody's\n"
	"                           certificate is looked at\n"
	"      --resume             by TLS: take up the session of the connection before\n"
	"      --run NAME           the run's name in the marks, instead of a random one\n"
	"      --ledger FILE        append a line for each message when its outcome is known\n"
	"      --reconnect S        ask a server that is away again, up to S seconds\n"
	"      --time S             begin no message after S seconds\n"
	"      --idle N             instead: open N connections, read the greeting, hold them;\n"
	"                           with --tls when EHLO was answered within it\n"
	"      --hold S             with --idle: hold them S seconds; without it till a signal\n"
	"      --progress           a line a second (on a terminal it is on)\n"
	"      --json               the report as one JSON object\n"
	"  -q, --quiet              no progress, no report\n"
	"\n"
	"Exit code: 0; 1 when a message was not accepted; 2 usage; 3 the server was not reached;\n"
	"4 internal or I/O error.\n";

enum {
	OPT_SIZE = 256,
	OPT_MESSAGE,
	OPT_RCPTS,
	OPT_PER_CONNECTION,
	OPT_NO_MAIL,
	OPT_RATE,
	OPT_FROM,
	OPT_TO,
	OPT_USERS,
	OPT_HELO,
	OPT_LMTP,
	OPT_PIPELINE,
	OPT_TLS,
	OPT_RESUME,
	OPT_RUN,
	OPT_LEDGER,
	OPT_RECONNECT,
	OPT_TIME,
	OPT_IDLE,
	OPT_HOLD,
	OPT_PROGRESS,
	OPT_JSON,
};

static const struct option long_options[] = {
	{"server", required_argument, NULL, 'S'},
	{"count", required_argument, NULL, 'n'},
	{"sessions", required_argument, NULL, 's'},
	{"size", required_argument, NULL, OPT_SIZE},
	{"message", required_argument, NULL, OPT_MESSAGE},
	{"rcpts", required_argument, NULL, OPT_RCPTS},
	{"per-connection", required_argument, NULL, OPT_PER_CONNECTION},
	{"no-mail", no_argument, NULL, OPT_NO_MAIL},
	{"rate", required_argument, NULL, OPT_RATE},
	{"from", required_argument, NULL, OPT_FROM},
	{"to", required_argument, NULL, OPT_TO},
	{"users", required_argument, NULL, OPT_USERS},
	{"helo", required_argument, NULL, OPT_HELO},
	{"lmtp", no_argument, NULL, OPT_LMTP},
	{"pipeline", no_argument, NULL, OPT_PIPELINE},
	{"tls", required_argument, NULL, OPT_TLS},
	{"resume", no_argument, NULL, OPT_RESUME},
	{"run", required_argument, NULL, OPT_RUN},
	{"ledger", required_argument, NULL, OPT_LEDGER},
	{"reconnect", required_argument, NULL, OPT_RECONNECT},
	{"time", required_argument, NULL, OPT_TIME},
	{"idle", required_argument, NULL, OPT_IDLE},
	{"hold", required_argument, NULL, OPT_HOLD},
	{"progress", no_argument, NULL, OPT_PROGRESS},
	{"json", no_argument, NULL, OPT_JSON},
	{"quiet", no_argument, NULL, 'q'},
	{"help", no_argument, NULL, 'h'},
	{},
};

/* ---- options ---- */

/* What may stand in an envelope's line without breaking it: no control, no space, no bracket. */
static bool
read_word(const struct gp_arg *arg, struct gp_slice *ret)
{
	struct gp_slice s = gp_slice_str(arg->value);
	if (s.len > GP_LOAD_ADDRESS_MAX)
		return gp_arg_wrong(arg, "is longer than 254 octets");
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];
		if (c <= ' ' || c == 127 || c == '<' || c == '>')
			return gp_arg_wrong(arg, "holds a space, a control or a bracket");
	}
	*ret = s;
	return true;
}

static bool
read_run(const struct gp_arg *arg, char *ret)
{
	struct gp_slice s = gp_slice_str(arg->value);
	if (!gp_mark_run_valid(s))
		return gp_arg_wrong(arg, "is not 1 to 16 letters and digits");
	memcpy(ret, s.ptr, s.len + 1);
	return true;
}

static bool
read_tls(const struct gp_arg *arg, struct gp_load_options *options)
{
	struct gp_slice word = gp_slice_str(arg->value);
	options->plan.starttls = gp_slice_eq(word, GP_SLICE("starttls"));
	options->tls = options->plan.starttls ? GP_LOAD_BY_STARTTLS : GP_LOAD_TLS;
	return options->plan.starttls || gp_slice_eq(word, GP_SLICE("implicit")) ||
	       gp_arg_wrong(arg, "is neither starttls nor implicit");
}

static bool
read_switch(struct load *load, int c)
{
	switch (c) {
	case OPT_LMTP:
		load->options.plan.lmtp = true;
		return true;
	case OPT_PIPELINE:
		load->options.plan.pipeline = true;
		return true;
	case OPT_NO_MAIL:
		load->options.no_mail = true;
		return true;
	case OPT_RESUME:
		load->options.resume = true;
		return true;
	case OPT_PROGRESS:
		load->options.progress = true;
		return true;
	case OPT_JSON:
		load->json = true;
		return true;
	case 'q':
		load->quiet = true;
		return true;
	case 'h':
		load->help = true;
		return true;
	default: /* gp_arg_next() has said what is wrong */
		return false;
	}
}

static bool
read_option(struct load *load, int c)
{
	struct gp_load_options *options = &load->options;
	const struct gp_arg arg = gp_arg_of("load", long_options, c);
	switch (c) {
	case 'S':
		return gp_arg_address(&arg, &options->server);
	case 'n':
		return gp_arg_u64(&arg, 1, GP_MARK_NUMBER_MAX, &options->count);
	case 's':
		return gp_arg_u32(&arg, 1, SESSIONS_MAX, &options->sessions);
	case OPT_SIZE:
		return gp_arg_u64(&arg, 0, SIZE_MAX_OCTETS, &load->size);
	case OPT_MESSAGE:
		load->message = optarg;
		return true;
	case OPT_RCPTS:
		return gp_arg_u32(&arg, 1, GP_LOAD_RECIPIENTS_MAX, &options->plan.recipients);
	case OPT_PER_CONNECTION:
		return gp_arg_u64(&arg, 0, UINT32_MAX, &options->per_connection);
	case OPT_RATE:
		return gp_arg_number(&arg, 0.001, 1e9, &options->rate);
	case OPT_FROM:
		return read_word(&arg, &options->plan.from);
	case OPT_TO:
		return read_word(&arg, &options->plan.to);
	case OPT_USERS:
		return gp_arg_u32(&arg, 1, UINT32_MAX, &options->plan.users);
	case OPT_HELO:
		return read_word(&arg, &options->plan.helo);
	case OPT_TLS:
		return read_tls(&arg, options);
	case OPT_RUN:
		return read_run(&arg, load->run);
	case OPT_LEDGER:
		load->ledger = optarg;
		return true;
	case OPT_RECONNECT:
		return gp_arg_seconds(&arg, 0.001, 1e6, &options->reconnect_ms);
	case OPT_TIME:
		return gp_arg_seconds(&arg, 0.001, 1e6, &options->time_ms);
	case OPT_IDLE:
		return gp_arg_u32(&arg, 1, SESSIONS_MAX, &options->idle);
	case OPT_HOLD:
		return gp_arg_seconds(&arg, 0.001, 1e6, &options->hold_ms);
	default:
		return read_switch(load, c);
	}
}

static bool
has_number(struct gp_slice address)
{
	return address.len > 0 && memmem(address.ptr, address.len, "%d", 2) != NULL;
}

static bool
check_options(const struct load *load, int argc, char **argv)
{
	const struct gp_load_options *options = &load->options;
	const struct gp_load_plan *plan = &options->plan;
	const char *wrong = NULL;
	if (optind < argc) {
		fprintf(stderr, "gatepost load: what is '%s'? It takes options only\n",
			argv[optind]);
		return false;
	}
	if (options->server.len == 0)
		wrong = "--server ADDR:PORT is missing";
	else if (plan->to.len == 0)
		wrong = "--to needs an address";
	else if (plan->recipients > 1 && !has_number(plan->to))
		wrong = "--rcpts over 1 needs a %d in --to, as in user%d@example.org";
	else if (plan->recipients > plan->users)
		wrong = "--rcpts is over --users: a message would name a recipient twice";
	else if (options->hold_ms > 0 && options->idle == 0)
		wrong = "--hold belongs to --idle";
	else if (options->resume && options->tls == GP_LOAD_CLEAR)
		wrong = "--resume belongs to --tls";
	if (wrong)
		fprintf(stderr, "gatepost load: %s\n", wrong);
	return !wrong;
}

static bool
read_options(struct load *load, int argc, char **argv)
{
	int c;
	load->size = 4096;
	load->options = (struct gp_load_options){
		.count = 1000,
		.sessions = 50,
		.per_connection = 1,
		.ledger_fd = -1,
		.progress = isatty(STDERR_FILENO),
		.plan = {.run = load->run,
			 .helo = GP_SLICE("load.invalid"),
			 .from = GP_SLICE("load@load.invalid"),
			 .to = GP_SLICE("sink@sink.invalid"),
			 .users = 100,
			 .recipients = 1},
	};
	while ((c = gp_arg_next("load", argc, argv, "S:n:s:qh", long_options)) != -1) {
		if (!read_option(load, c))
			return false;
	}
	load->options.progress = load->options.progress && !load->quiet;
	return load->help || check_options(load, argc, argv);
}

/* ---- what is sent ---- */

static void
name_run(char *ret)
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	unsigned char random[RUN_LEN];
	if (ret[0] != '\0')
		return;
	ssize_t n = getrandom(random, sizeof(random), 0);
	gp_assert(n == sizeof(random));
	for (size_t i = 0; i < RUN_LEN; i++)
		ret[i] = letters[random[i] % (sizeof(letters) - 1)];
	ret[RUN_LEN] = '\0';
}

/*
 * The rest of the header, which is the same for all messages, the body and the dot. No line of it
 * begins with a dot, so there is nothing to stuff. A rest of one octet, which no line can be, is
 * left out.
 */
static int
make_body(struct load *load)
{
	struct gp_buf *b = &load->body;
	char line[LINE];
	memset(line, 'x', sizeof(line));
	line[LINE - 2] = '\r';
	line[LINE - 1] = '\n';
	*b = GP_BUF_INIT(load->size + 1024);
	gp_buf_printf(b,
		      "From: <load@load.invalid>\r\nTo: <sink@sink.invalid>\r\n"
		      "Date: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
		      "Message-ID: <%s@load.invalid>\r\nSubject: load\r\n\r\n",
		      load->run);
	for (uint64_t left = load->size; left > 1; left -= GP_MIN(left, (uint64_t)LINE)) {
		size_t n = GP_MIN(left, (uint64_t)LINE);
		gp_buf_put(b, gp_slice_drop(gp_slice(line, LINE), LINE - n));
	}
	gp_buf_put_str(b, ".\r\n");
	return b->failed ? -ENOMEM : 0;
}

/* RFC 5321 section 4.5.2: a dot more where a line begins with one, and the end. */
static void
put_stuffed(struct gp_buf *out, struct gp_slice message)
{
	while (message.len > 0) {
		ptrdiff_t lf = gp_slice_find(message, '\n');
		size_t len = lf < 0 ? message.len : (size_t)lf + 1;
		if (message.ptr[0] == '.')
			gp_buf_put_str(out, ".");
		gp_buf_put(out, gp_slice_take(message, len));
		if (lf < 0)
			gp_buf_put_str(out, "\r\n");
		message = gp_slice_drop(message, len);
	}
	gp_buf_put_str(out, ".\r\n");
}

static int
read_body(struct load *load, const char **ret_why)
{
	/* A LF alone becomes two octets, and a line of a dot alone is one more. */
	struct gp_buf message = GP_BUF_INIT(2 * (size_t)GP_MESSAGE_FILE_MAX);
	load->body = GP_BUF_INIT(4 * (size_t)GP_MESSAGE_FILE_MAX);
	int r = gp_message_file_read(load->message, &message, ret_why);
	if (r == 0)
		put_stuffed(&load->body, gp_buf_slice(&message));
	gp_buf_free(&message);
	return r == 0 && load->body.failed ? -ENOMEM : r;
}

/* 0, or an exit code when it has said what is wrong. */
static int
prepare_body(struct load *load)
{
	const char *why = NULL;
	int r = load->message ? read_body(load, &why) : make_body(load);
	load->options.body = gp_buf_slice(&load->body);
	if (r == 0)
		return 0;
	if (load->message)
		fprintf(stderr, "gatepost load: %s: %s\n", load->message, why ? why : strerror(-r));
	else
		fprintf(stderr, "gatepost load: no memory for a body of that size\n");
	return why ? GP_EXIT_USAGE : GP_EXIT_ERROR;
}

/* ---- report ---- */

static double
seconds_taken(const struct gp_load_stats *stats)
{
	return stats->end_us > stats->start_us ? (double)(stats->end_us - stats->start_us) / 1e6
					       : 0;
}

static double
rate_of(const struct gp_load_stats *stats)
{
	double seconds = seconds_taken(stats);
	return seconds > 0 ? (double)stats->outcomes[GP_LOAD_ACCEPTED] / seconds : 0;
}

static void
idle_ready(const struct gp_load_options *options, uint64_t held, double seconds)
{
	const struct load *load = gp_container_of(options, struct load, options);
	if (load->json)
		printf("{\"idle\":%" PRIu64 ",\"asked\":%" PRIu32 ",\"seconds\":%.3f}\n", held,
		       options->idle, seconds);
	else if (!load->quiet)
		printf("%" PRIu64 " of %" PRIu32 " connections held after %.3f s\n", held,
		       options->idle, seconds);
	fflush(stdout);
}

/* Text from outside: jansson takes UTF-8 only. */
static json_t *
text_json(const char *text)
{
	json_t *value = text[0] != '\0' ? json_string(text) : json_null();
	return value ? value : json_string("(not UTF-8)");
}

static json_t *
replies_json(const struct gp_load_stats *stats)
{
	const uint64_t *n = stats->reply_classes;
	return json_pack("{s:I, s:I, s:I, s:I, s:I}", "1xx", (json_int_t)n[0], "2xx",
			 (json_int_t)n[1], "3xx", (json_int_t)n[2], "4xx", (json_int_t)n[3], "5xx",
			 (json_int_t)n[4]);
}

static double
handshake_rate(const struct gp_load_stats *stats)
{
	double seconds = seconds_taken(stats);
	return seconds > 0 ? (double)stats->handshakes / seconds : 0;
}

static json_t *
tls_json(const struct gp_load_stats *stats)
{
	return json_pack("{s:s, s:I, s:I, s:f, s:o}", "session", stats->tls, "handshakes",
			 (json_int_t)stats->handshakes, "resumed", (json_int_t)stats->resumed,
			 "rate", handshake_rate(stats), "latency_ms",
			 gp_tool_latency_json(&stats->handshake_ns));
}

static json_t *
report_json(const struct load *load)
{
	const struct gp_load_stats *stats = &load->stats;
	json_t *all = json_pack("{s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:I, s:f}", "run",
				load->run, "asked", (json_int_t)load->options.count, "messages",
				(json_int_t)stats->begun, "start", (double)stats->start_us / 1e6,
				"end", (double)stats->end_us / 1e6, "seconds", seconds_taken(stats),
				"rate", rate_of(stats), "connections",
				(json_int_t)stats->connections, "connect_failures",
				(json_int_t)stats->connect_failures, "cpu_s", gp_tool_cpu_s());
	for (unsigned i = 0; i < GP_LOAD_OUTCOMES; i++)
		json_object_set_new(all, gp_load_outcome_name(i),
				    json_integer((json_int_t)stats->outcomes[i]));
	json_object_set_new(all, "replies", replies_json(stats));
	json_object_set_new(all, "latency_ms",
			    json_pack("{s:o, s:o, s:o}", "greeting",
				      gp_tool_latency_json(&stats->greeting_ns), "message",
				      gp_tool_latency_json(&stats->message_ns), "dot",
				      gp_tool_latency_json(&stats->dot_ns)));
	if (load->options.tls != GP_LOAD_CLEAR)
		json_object_set_new(all, "tls", tls_json(stats));
	json_object_set_new(all, "first_refusal", text_json(stats->first_refusal));
	json_object_set_new(all, "first_failure", text_json(stats->first_failure));
	return all;
}

/* A reply is text from outside: what could move the cursor is not shown. */
static void
print_text(const char *what, const char *text)
{
	if (text[0] == '\0')
		return;
	printf("%s", what);
	for (; *text; text++)
		putchar((unsigned char)*text < ' ' || *text == 127 ? '?' : *text);
	putchar('\n');
}

static void
print_report(const struct load *load)
{
	const struct gp_load_stats *stats = &load->stats;
	printf("run %s: %" PRIu64 " of %" PRIu64 " accepted in %.3f s: %.0f a second, %.3f CPU s\n",
	       load->run, stats->outcomes[GP_LOAD_ACCEPTED], load->options.count,
	       seconds_taken(stats), rate_of(stats), gp_tool_cpu_s());
	for (unsigned i = GP_LOAD_ACCEPTED + 1; i < GP_LOAD_OUTCOMES; i++) {
		if (stats->outcomes[i] > 0)
			printf("  %" PRIu64 " %s\n", stats->outcomes[i], gp_load_outcome_name(i));
	}
	printf("%" PRIu64 " connections; replies 2xx %" PRIu64 ", 3xx %" PRIu64 ", 4xx %" PRIu64
	       ", 5xx %" PRIu64 "\n",
	       stats->connections, stats->reply_classes[1], stats->reply_classes[2],
	       stats->reply_classes[3], stats->reply_classes[4]);
	if (stats->handshakes > 0)
		printf("%s: %" PRIu64 " handshakes, %.0f a second, %.1f %% of them resumed\n",
		       stats->tls, stats->handshakes, handshake_rate(stats),
		       100 * (double)stats->resumed / (double)stats->handshakes);
	gp_tool_latency_print("TLS handshake", &stats->handshake_ns);
	gp_tool_latency_print("connect to greeting", &stats->greeting_ns);
	gp_tool_latency_print(load->options.per_connection == 1 ? "connect to accepted"
								: "MAIL to accepted",
			      &stats->message_ns);
	gp_tool_latency_print("dot to accepted", &stats->dot_ns);
	print_text("first refusal: ", stats->first_refusal);
	print_text("first failure: ", stats->first_failure);
}

static int
exit_code(const struct load *load, int end)
{
	const struct gp_load_stats *stats = &load->stats;
	if (end == GP_LOAD_END_GAVE_UP || (stats->begun > 0 && stats->connections == 0))
		return GP_EXIT_UNKNOWN;
	if (load->options.idle > 0)
		return stats->held == load->options.idle ? GP_EXIT_OK : GP_EXIT_BAD;
	return stats->outcomes[GP_LOAD_ACCEPTED] == stats->begun ? GP_EXIT_OK : GP_EXIT_BAD;
}

static int
run(struct load *load)
{
	int end = gp_load_run(&load->options, &load->stats);
	if (end < 0) {
		fprintf(stderr, "gatepost load: %s\n", strerror(-end));
		return GP_EXIT_ERROR;
	}
	bool printed = true;
	if (load->options.idle == 0 && !load->quiet) {
		if (load->json)
			printed = gp_tool_json_print(report_json(load));
		else
			print_report(load);
	}
	return printed ? exit_code(load, end) : GP_EXIT_ERROR;
}

static int
open_ledger(struct load *load)
{
	if (!load->ledger)
		return 0;
	load->options.ledger_fd =
		open(load->ledger, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (load->options.ledger_fd >= 0)
		return 0;
	fprintf(stderr, "gatepost load: %s: %s\n", load->ledger, strerror(errno));
	return -errno;
}

int
gp_cmd_load(int argc, char **argv)
{
	static struct load load; /* three histograms of 30 KB */
	if (!read_options(&load, argc, argv))
		return GP_EXIT_USAGE;
	if (load.help) {
		fputs(usage, stdout);
		return GP_EXIT_OK;
	}
	load.options.idle_ready = idle_ready;
	gp_tool_raise_files();
	name_run(load.run);
	int code = GP_EXIT_ERROR;
	if (load.options.tls != GP_LOAD_CLEAR && gp_wire_prepare_tls() < 0)
		fprintf(stderr, "gatepost load: no memory for TLS\n");
	else if ((code = prepare_body(&load)) == GP_EXIT_OK)
		code = open_ledger(&load) == 0 ? run(&load) : GP_EXIT_ERROR;
	if (load.options.ledger_fd >= 0)
		close(load.options.ledger_fd);
	gp_buf_free(&load.body);
	return code;
}
