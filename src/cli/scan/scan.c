/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost scan: triage of mail servers, from one to a million. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/scan/log.h"
#include "cli/scan/options.h"
#include "cli/scan/replay.h"
#include "cli/scan/report.h"
#include "cli/scan/resume.h"
#include "cli/scan/sandbox.h"
#include "cli/terminal.h"
#include "cli/traffic/tool_report.h"
#include "cli/traffic/wire.h"
#include "sys/clock.h"

enum {
	ARENA_MAX = 1 << 30,        /* a million targets are 100 MB */
	REPORT_ARENA_MAX = 4 << 20, /* of one host */
	OUT_BUFFER = 64 * 1024,
};

struct scan {
	struct scan_options o;
	struct gp_arena arena;
	struct gp_arena report_arena;
	struct scan_targets targets;
	struct gp_progress done;
	struct gp_targets_walk walk;
	struct scan_progress progress;
	struct findings_writer writer;
	struct gp_buf text;
	FILE *out;
	char out_buffer[OUT_BUFFER];
	uint64_t told, measured; /* views; those of which something is known */
	bool bad;                /* something as grave as --fail-on */
	bool shared;             /* the terminal has results and the progress */
};

static int
fail(int error)
{
	fprintf(stderr, "gatepost scan: %s\n", strerror(-error));
	return GP_EXIT_ERROR;
}

/* --- telling --- */

static void
count_findings(struct scan *scan, const struct gp_findings *findings)
{
	for (size_t i = 0; i < findings->len; i++) {
		const struct gp_finding *f = &findings->items[i];
		if (f->state != GP_FINDING_FAIL)
			continue;
		scan->progress.findings[f->severity]++;
		scan->bad |= f->severity >= scan->o.fail_on;
	}
}

static bool
is_measured(const struct scan_view *view)
{
	const struct scan_result *r = view->result;
	return r && r->probe && gp_probe_record(r->probe)->connections > 0;
}

static int
put_piece(const char *piece, size_t len, void *context)
{
	return gp_buf_put(context, gp_slice(piece, len)) ? 0 : -1;
}

static bool
put_json(struct gp_buf *out, const struct scan_report *report)
{
	json_t *object = scan_report_json(report);
	bool good = object && json_dump_callback(object, put_piece, out, JSON_COMPACT) == 0;
	json_decref(object);
	gp_buf_put_char(out, '\n');
	return good;
}

static int
put_text(struct scan *scan, const struct scan_report *report)
{
	const struct scan_result *r = report->view->result;
	scan_report_text(report, &scan->text);
	if (!r || !r->probe)
		return 0; /* a line has said all of it */
	return findings_write_lines(&scan->writer, &report->findings, report->arena);
}

/* As it was named; an address that a name led to is told beside it. */
static struct gp_slice
subject_of(const struct scan_view *view, struct gp_arena *arena)
{
	const struct scan_result *r = view->result;
	if (!r)
		return gp_arena_printf(arena, "%.*s port %u", GP_SLICE_FMT(view->target),
				       view->port);
	struct gp_sockaddr a = gp_sockaddr_from_octets(r->address, r->address_len, r->port);
	struct gp_sockaddr_text text = gp_sockaddr_text(&a, true);
	return view->host ? gp_arena_printf(arena, "%.*s %s", GP_SLICE_FMT(view->target), text.s)
			  : gp_arena_dup(arena, gp_slice_str(text.s));
}

static int
put_findings(struct scan *scan, const struct scan_report *report)
{
	return findings_write(&scan->writer, subject_of(report->view, report->arena),
			      &report->findings, report->arena);
}

/* With what the text tells. */
static int
put_page(struct scan *scan, const struct scan_report *report)
{
	struct gp_buf details = GP_BUF_INIT(REPORT_ARENA_MAX);
	scan_report_text(report, &details);
	scan->writer.details = gp_buf_slice(&details);
	int r = details.failed ? -ENOMEM : put_findings(scan, report);
	scan->writer.details = gp_slice("", 0);
	gp_buf_free(&details);
	return r;
}

/* Text and JSON tell of more than findings. */
static int
put_report(struct scan *scan, const struct scan_report *report)
{
	switch (scan->o.format) {
	case FINDINGS_TEXT:
		return put_text(scan, report);
	case FINDINGS_JSON:
		return put_json(&scan->text, report) ? 0 : -ENOMEM;
	case FINDINGS_HTML:
		return put_page(scan, report);
	default:
		return put_findings(scan, report);
	}
}

static int
write_text(struct scan *scan)
{
	struct gp_slice text = gp_buf_slice(&scan->text);
	if (scan->text.failed)
		return -ENOMEM;
	if (scan->shared && text.len > 0)
		gp_progress_line_hide(&scan->progress.shown);
	bool good = fwrite(text.ptr, 1, text.len, scan->out) == text.len;
	gp_buf_clear(&scan->text);
	return good ? 0 : -EIO;
}

static int
tell(void *context, const struct scan_view *view)
{
	struct scan *scan = context;
	struct scan_report report;
	gp_arena_reset(&scan->report_arena);
	int r = scan_report_make(view, &scan->report_arena, &report);
	if (r < 0)
		return r;
	scan->told++;
	scan->measured += is_measured(view);
	count_findings(scan, &report.findings);
	r = put_report(scan, &report);
	return r < 0 ? r : write_text(scan);
}

static int
confine(void *context)
{
	const struct scan *scan = context;
	const struct scan_files files = {.command = "gatepost scan",
					 .written = {scan->o.resume, scan->o.metrics},
					 .read = scan->o.engine.canary_list};
	return scan_sandbox_enter(&files);
}

static int
confine_replay(void *context)
{
	(void)context;
	return scan_sandbox_enter_replay();
}

/* What was told is in the output, on disk, before the file says that it was. */
static int
tick(void *context, const struct scan_counts *counts, bool last)
{
	struct scan *scan = context;
	int r = fflush(scan->out) == 0 ? 0 : -errno;
	if (r == 0 && scan->o.resume)
		r = scan_resume_write(scan->o.resume, &scan->walk, &scan->done, fileno(scan->out));
	if (r == 0)
		r = scan_progress_tell(&scan->progress, counts, last);
	return r;
}

/* --- the command --- */

/* It hangs on the answers what is offered; nothing else does. */
static void
put_survey(const struct scan_engine_options *engine, uint8_t mode, struct gp_buf *out)
{
	uint32_t most = engine->survey_connections;
	bool at_once = mode == GP_PROBE_MODE_TLS;
	gp_buf_printf(out, "-- a survey: %u connections at most, each:\n",
		      most > 0 ? most : (uint32_t)GP_SURVEY_CONNECTIONS);
	if (!at_once)
		gp_buf_printf(out,
			      "S: 220 server\nC: EHLO %.*s\nS: 250-server\nS: 250 STARTTLS\n"
			      "C: STARTTLS\nS: 220 yes\n",
			      GP_SLICE_FMT(engine->probe.helo));
	gp_buf_put_str(out, "-- a ClientHello; the answer is read, and two alerts take leave: "
			    "user_canceled, close_notify\n");
}

static void
put_rehearsal(const struct scan *scan, uint8_t mode, struct gp_buf *out)
{
	struct gp_probe_options options = scan->o.engine.probe;
	options.mode = mode;
	options.token = GP_SLICE("TOKEN000");
	options.date = GP_SLICE("DATE");
	gp_probe_rehearse(&options, out);
	if (scan->o.engine.tls_survey)
		put_survey(&scan->o.engine, mode, out);
}

/* The ways in which connections to the ports begin, and to the targets that have one of their own;
 * those of files are not looked for. */
static void
find_modes(struct scan *scan, bool ret[GP_PROBE_MODE_CLEAR + 1])
{
	const struct scan_target_options *o = &scan->o.targets;
	bool listed = o->operands_len == 0 || o->files_len > 0;
	for (size_t i = 0; i < o->operands_len; i++) {
		struct gp_scan_target target;
		const char *why;
		struct gp_slice text = gp_slice_str(o->operands[i]);
		bool own = gp_target_parse(text, GP_TARGET_OF_ANY_SIZE, &scan->arena, &target,
					   &why) == 0 &&
			   target.port != 0;
		if (own)
			ret[scan_mode_of(scan->o.engine.mode, target.port)] = true;
		listed = listed || !own;
	}
	for (size_t i = 0; listed && i < o->ports_len; i++)
		ret[scan_mode_of(scan->o.engine.mode, o->ports[i])] = true;
}

static int
print_rehearsal(struct scan *scan)
{
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	bool modes[GP_PROBE_MODE_CLEAR + 1] = {};
	find_modes(scan, modes);
	for (size_t mode = 0; mode <= GP_PROBE_MODE_CLEAR; mode++) {
		if (modes[mode])
			put_rehearsal(scan, (uint8_t)mode, &out);
	}
	struct gp_slice text = gp_buf_slice(&out);
	bool good = !out.failed && fwrite(text.ptr, 1, text.len, stdout) == text.len;
	gp_buf_free(&out);
	return good ? GP_EXIT_OK : GP_EXIT_ERROR;
}

static int
exit_code(const struct scan *scan, int end)
{
	if (end < 0)
		return fail(end);
	if (end == SCAN_END_USAGE)
		return GP_EXIT_USAGE;
	if (scan->bad)
		return GP_EXIT_BAD;
	bool nothing = scan->told > 0 && scan->measured == 0;
	return end == SCAN_END_STOPPED || nothing ? GP_EXIT_UNKNOWN : GP_EXIT_OK;
}

/* What is wrong with it has been said. */
static int
open_log(struct scan *scan)
{
	const struct scan_options *o = &scan->o;
	if (!o->log)
		return 0;
	int r = scan_log_open(o->log, o->log_key, o->authorised, gp_clock_monotonic_ms(),
			      &scan->o.engine.log);
	return r < 0 ? SCAN_END_USAGE : 0;
}

static int
close_log(struct scan *scan, int end)
{
	struct scan_log *log = scan->o.engine.log;
	int r = log ? scan_log_seal(log, true) : 0;
	scan->o.engine.log = scan_log_free(log);
	return r < 0 && end >= 0 ? r : end;
}

/* A log is one run's, and is not written over. */
static void
say_that_it_was_stopped(const struct scan *scan)
{
	if (scan->o.quiet)
		return;
	fprintf(stderr, "gatepost scan: stopped; %s%s\n",
		scan->o.resume ? "the same command goes on from here"
			       : "with --resume FILE the same command would go on here",
		scan->o.resume && scan->o.log ? ", with another file for --log" : "");
}

static int
run(struct scan *scan)
{
	const struct scan_targets *targets = &scan->targets;
	struct scan_counts counts;
	struct scan_engine_options *engine = &scan->o.engine;
	scan->walk = gp_targets_walk(&targets->list, scan->o.seed, scan->o.shard, scan->o.shards);
	engine->walk = &scan->walk;
	engine->optout = &targets->optout;
	engine->progress = &scan->done;
	engine->context = scan;
	engine->confine = confine;
	engine->tell = tell;
	engine->tick = tick;
	engine->authorities = scan->o.authorities;
	const char *authorities = scan->o.authorities ? scan->o.authorities : GP_TLS_AUTHORITIES;
	if (gp_wire_prepare_tls() == 0)
		engine->tls = gp_tls_client_new_tolerant(authorities);
	if (!engine->tls) {
		fprintf(stderr, "gatepost scan: %s has no certificates that can be read\n",
			authorities);
		return GP_EXIT_ERROR;
	}
	gp_tool_raise_files();
	scan_progress_begin(&scan->progress, gp_progress_count(&scan->done));
	int end = open_log(scan);
	if (end == 0)
		end = scan_engine_run(engine, &counts);
	if (end == SCAN_END_STOPPED)
		say_that_it_was_stopped(scan);
	end = close_log(scan, end);
	engine->tls = gp_tls_client_free(engine->tls);
	return exit_code(scan, end);
}

/* The sink makes it when it begins: one that is not there may be another's name, and then what
   arrives is never seen. */
static void
look_for_canaries(const struct scan *scan)
{
	const char *list = scan->o.engine.canary_list;
	if (list && access(list, F_OK) < 0)
		fprintf(stderr,
			"gatepost scan: --canary-list: %s: %s; nothing is proven until `gatepost "
			"sink --canary` writes it\n",
			list, strerror(errno));
}

static int
read_and_run(struct scan *scan)
{
	struct scan_targets *targets = &scan->targets;
	struct scan_options *o = &scan->o;
	int code = scan_targets_read(targets, &o->targets, &scan->arena);
	struct gp_progress_start start = {targets->list.digest, o->seed, o->shard, o->shards};
	if (code == GP_EXIT_OK && targets->list.turns == 0) {
		/* A list that somebody emptied is not to pass for hosts that are all well. */
		fputs("gatepost scan: there is no target in what was named\n", stderr);
		code = GP_EXIT_USAGE;
	}
	if (code == GP_EXIT_OK && o->resume)
		code = scan_resume_read(o->resume, o->has_seed, &start, &scan->done);
	o->seed = start.seed;
	look_for_canaries(scan);
	if (code == GP_EXIT_OK)
		code = run(scan);
	scan_targets_free(targets);
	return code;
}

static int
replay(struct scan *scan)
{
	const struct scan_replay_options options = {.path = scan->o.replay,
						    .key = scan->o.log_key,
						    .confine = confine_replay,
						    .tell = tell,
						    .context = scan};
	int code = scan_replay(&options);
	return code == GP_EXIT_OK ? exit_code(scan, SCAN_END_DONE) : code;
}

static int
open_output(struct scan *scan)
{
	const char *path = scan->o.output;
	/* What a run before this one said stays. */
	scan->out =
		path && strcmp(path, "-") != 0 ? fopen(path, scan->o.resume ? "ae" : "we") : stdout;
	if (!scan->out) {
		fprintf(stderr, "gatepost scan: %s: %s\n", path, strerror(errno));
		return GP_EXIT_ERROR;
	}
	/* libc would look what it is when it writes first, which the sandbox does not let it. */
	bool terminal = isatty(fileno(scan->out));
	int mode = terminal ? _IOLBF : _IOFBF;
	scan->shared = terminal && scan->progress.shown.terminal;
	if (setvbuf(scan->out, scan->out_buffer, mode, sizeof(scan->out_buffer)) != 0)
		return fail(-ENOMEM);
	return GP_EXIT_OK;
}

static bool
is_document(const struct scan *scan)
{
	return scan->o.format != FINDINGS_TEXT && scan->o.format != FINDINGS_JSON;
}

static void
begin_document(struct scan *scan)
{
	scan->writer = (struct findings_writer){
		.out = &scan->text,
		.command = "gatepost scan",
		.key = "target",
		.format = scan->o.format,
		.colour = gp_terminal_colours(scan->out, scan->o.no_colour)};
	if (is_document(scan))
		findings_begin(&scan->writer);
}

static int
end_document(struct scan *scan, int code)
{
	int r = is_document(scan) ? findings_end(&scan->writer) : 0;
	if (r == 0)
		r = write_text(scan);
	return r == 0 ? code : fail(r);
}

static int
close_output(struct scan *scan, int code)
{
	int r = scan->out == stdout ? fflush(stdout) : fclose(scan->out);
	return r == 0 ? code : fail(-errno);
}

static int
start(struct scan *scan)
{
	struct scan_options *o = &scan->o;
	if (!o->has_seed && getrandom(&o->seed, sizeof(o->seed), 0) != sizeof(o->seed))
		return fail(-EIO);
	if (o->dry_run)
		return print_rehearsal(scan);
	/* From /dev/urandom, which the sandbox will not have. */
	json_object_seed(0);
	scan->progress.shown.terminal = isatty(STDERR_FILENO);
	scan->progress.line = !o->quiet && (o->progress || scan->progress.shown.terminal);
	scan->progress.metrics = o->metrics;
	int code = open_output(scan);
	if (code != GP_EXIT_OK)
		return code;
	begin_document(scan);
	code = o->replay ? replay(scan) : read_and_run(scan);
	return close_output(scan, end_document(scan, code));
}

int
gp_cmd_scan(int argc, char **argv)
{
	static struct scan scan; /* a bitmap of 8 KB is in it */
	int code = scan_options_read(&scan.o, argc, argv);
	if (code != GP_EXIT_OK)
		return code;
	if (scan.o.help) {
		fputs(scan_usage, stdout);
		return GP_EXIT_OK;
	}
	scan.arena = GP_ARENA_INIT(ARENA_MAX);
	scan.report_arena = GP_ARENA_INIT(REPORT_ARENA_MAX);
	scan.text = GP_BUF_INIT(REPORT_ARENA_MAX);
	code = start(&scan);
	gp_buf_free(&scan.text);
	gp_arena_free(&scan.report_arena);
	gp_arena_free(&scan.arena);
	return code;
}
