/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost audit: the mail posture of domains, many at once, told in the order they were named. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/audit/child.h"
#include "cli/audit/diff.h"
#include "cli/audit/resume.h"
#include "cli/audit/run.h"
#include "cli/audit/selectors.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/terminal.h"
#include "cli/traffic/tool_report.h"
#include "procs/resolver/network.h"
#include "sys/tls.h"

enum {
	NAMES_ARENA_MAX = 1 << 30,
	TEXT_MAX = 64 << 20, /* of one domain's report */
	TICK_S = 1,          /* between the progress that is told, and kept */
};

static int
fail(int error)
{
	fprintf(stderr, "gatepost audit: %s\n", strerror(-error));
	return GP_EXIT_ERROR;
}

/* --- how far it is --- */

/* What was told is in the output, on disk, before the file says that it was. */
static int
tell_progress(struct audit *a, bool last)
{
	int r = 0;
	a->progress.told = a->told;
	if (a->o.resume)
		r = audit_resume_write(a->o.resume, &a->domains, a->told, fileno(a->out));
	return r < 0 ? r : audit_progress_tell(&a->progress, &a->dns.counts, last);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct audit *a = arg;
	(void)fd, (void)what;
	int r = tell_progress(a, false);
	if (r < 0)
		a->error = r;
	if (r < 0)
		(void)event_base_loopbreak(a->base);
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct audit *a = arg;
	(void)fd, (void)what;
	a->stopped = true;
	(void)event_base_loopbreak(a->base);
}

static void
say_that_it_was_stopped(const struct audit *a)
{
	if (a->o.quiet)
		return;
	fprintf(stderr, "gatepost audit: stopped after %zu of %zu domains; %s\n", a->told,
		a->domains.len,
		a->o.resume  ? "the same command goes on from here"
		: a->o.store ? "the store keeps nothing of it"
			     : "with --resume FILE the same command would go on here");
}

static void
watch(struct audit *a)
{
	const struct timeval interval = {.tv_sec = TICK_S};
	event_assign(&a->tick, a->base, -1, EV_PERSIST, on_tick, a);
	evsignal_assign(&a->interrupt, a->base, SIGINT, on_signal, a);
	evsignal_assign(&a->terminate, a->base, SIGTERM, on_signal, a);
	event_add(&a->tick, &interval);
	event_add(&a->interrupt, NULL);
	event_add(&a->terminate, NULL);
	a->progress.metrics = a->o.metrics;
	a->progress.domains = a->domains.len;
	a->progress.shown = gp_progress_line(a->terminal, a->told);
	a->progress.line = !a->o.quiet &&
			   (a->o.progress || (a->progress.shown.terminal && a->domains.len > 1));
}

static void
unwatch(struct audit *a)
{
	event_del(&a->tick);
	event_del(&a->interrupt);
	event_del(&a->terminate);
}

/* --- a run --- */

static void
make_query(struct audit *a)
{
	struct gp_posture_query *q = &a->query;
	*q = (struct gp_posture_query){
		.now_s = a->o.time_s,
		.selectors = a->o.selectors,
		.selectors_len = a->o.selectors_len,
		.selectors_known = a->o.selectors_len > 0,
		.validated = !a->dns.lookup.network || network_validates(a->dns.lookup.network),
		.reporter = gp_slice_str(a->o.reports_to),
		.policy_wanted = a->o.policy,
		.hosts = a->o.hosts ? &a->hosts.seen : NULL,
	};
	if (!q->selectors_known)
		q->selectors = audit_selectors(&q->selectors_len);
}

static int
run(struct audit *a)
{
	uint64_t seed[2];
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	audit_summary_init(&a->summary, seed);
	make_query(a);
	a->begun = a->told = a->first;
	if (!a->o.zone)
		findings_begin(&a->writer);
	watch(a);
	int r = audit_jobs_run(a);
	unwatch(a);
	if (r == 0 && a->listed && !a->stopped)
		r = audit_tell_lists(a);
	if (r == 0)
		r = audit_tell_summary(a);
	if (r == 0 && !a->o.zone)
		r = findings_end(&a->writer);
	if (r == 0)
		r = audit_write_text(a);
	if (r == 0)
		r = tell_progress(a, true);
	if (a->stopped)
		say_that_it_was_stopped(a);
	return r;
}

/* A run of the store ends with it; what was told before it is kept is told in any case. */
static int
run_and_keep(struct audit *a)
{
	if (a->store && !audit_store_begin(a->store, a->o.time_s))
		return AUDIT_SAID;
	int r = run(a);
	if (r != 0 || a->stopped)
		return r;
	bool good = !a->store ||
		    audit_store_end(a->store, a->o.time_s - GP_MIN(a->o.time_s, a->o.keep_s));
	good = good && (!a->evidence || audit_evidence_end(a->evidence));
	a->whole = good && (!a->o.pdf || audit_pdf_end(&a->pdf));
	return a->whole ? 0 : AUDIT_SAID;
}

static int
exit_code(const struct audit *a, int r)
{
	if (r != 0)
		return r == AUDIT_SAID ? GP_EXIT_ERROR : fail(r);
	if (a->bad)
		return GP_EXIT_BAD;
	bool nothing = a->told > a->first && a->unknown == a->told - a->first;
	return a->stopped || nothing ? GP_EXIT_UNKNOWN : GP_EXIT_OK;
}

/* Before whoever answers first is heard. */
static int
hear_nobody_unconfined(struct audit *a)
{
	if (a->o.hosts && a->domains.len > a->first)
		return audit_hosts_look(&a->hosts, &a->o, &a->config, a->domains.list + a->first,
					a->domains.len - a->first);
	return gp_tls_prepare() == 0 && audit_confine(&a->o) == 0 ? GP_EXIT_OK : GP_EXIT_ERROR;
}

static int
open_and_run(struct audit *a)
{
	const struct gp_asks_options dns = {.command = "gatepost audit",
					    .dns = a->o.dns,
					    .resolver = a->o.resolver,
					    .config = &a->config,
					    .answers_max = AUDIT_ANSWERS_MAX,
					    .under_way_max = a->o.questions,
					    .per_s = (double)a->o.rate};
	gp_tool_raise_files();
	a->base = event_base_new();
	if (!a->base)
		return fail(-ENOMEM);
	int code = gp_asks_open(&a->dns, a->base, &dns);
	if (code == GP_EXIT_OK)
		code = audit_follow_open(&a->follow, &a->o, a->base, &a->dns);
	if (code == GP_EXIT_OK)
		code = hear_nobody_unconfined(a);
	if (code == GP_EXIT_OK)
		code = exit_code(a, run_and_keep(a));
	audit_hosts_free(&a->hosts);
	audit_follow_close(&a->follow);
	gp_asks_close(&a->dns);
	event_base_free(a->base);
	return code;
}

/* The child, with all that it needs of files. */
static int
open_store_and_run(void *context)
{
	struct audit *a = context;
	a->store = a->o.store ? audit_store_open(a->o.store, true) : NULL;
	bool good = !a->o.store || (a->store && audit_store_hold(a->store));
	int code = good ? open_and_run(a) : GP_EXIT_ERROR;
	a->store = audit_store_close(a->store);
	return code | (a->whole ? AUDIT_CHILD_WHOLE : 0);
}

static bool
open_kept(struct audit *a)
{
	a->evidence_run = (struct audit_evidence_run){.path = a->o.evidence,
						      .argc = a->argc,
						      .argv = a->argv,
						      .o = &a->o,
						      .config = &a->config,
						      .baselines = &a->baselines};
	if (a->o.pdf && !audit_pdf_open(&a->pdf, a->o.pdf))
		return false;
	a->evidence = a->o.evidence ? audit_evidence_open(&a->evidence_run) : NULL;
	return !a->o.evidence || a->evidence;
}

/* SQLite's files beside a store, which the child may not remove. */
static bool
tidy_store(const struct audit *a)
{
	struct audit_store *store = audit_store_open(a->o.store, false);
	bool good = store;
	audit_store_close(store);
	return good;
}

/* What is kept is sealed, printed and put in its place by who has heard nobody. */
static int
run_in_child(struct audit *a)
{
	int code = GP_EXIT_ERROR;
	if (open_kept(a)) {
		int r = audit_child_run(open_store_and_run, a);
		bool whole = r & AUDIT_CHILD_WHOLE;
		code = r & ~AUDIT_CHILD_WHOLE;
		if ((whole && a->evidence && !audit_evidence_seal(a->evidence)) ||
		    (whole && a->o.pdf && !audit_pdf_print(&a->pdf)) ||
		    (whole && a->o.store && !tidy_store(a)))
			code = GP_EXIT_ERROR;
	}
	a->evidence = audit_evidence_close(a->evidence);
	audit_pdf_close(&a->pdf);
	return code;
}

/* --- the command --- */

static int
read_config(struct audit *a)
{
	struct gp_complaints complaints;
	if (!a->o.config)
		return GP_EXIT_OK;
	int code = gp_cli_config(a->o.config, &a->names, &a->config, &complaints);
	gp_cli_print_complaints(&complaints);
	return code;
}

/* Without either there is none. */
static int
read_reports(struct audit *a)
{
	const char *path = a->o.reports;
	if (!path && a->o.config)
		path = gp_cli_received(&a->config, &a->names);
	if (!path)
		return a->names.failed ? fail(-ENOMEM) : GP_EXIT_OK;
	return audit_sent_read(&a->sent, path, !a->o.reports, a->domains.list, a->domains.len,
			       a->o.time_s);
}

static int
with_output(struct audit *a)
{
	const char *path = a->o.output;
	if (a->o.watch.on && !path)
		path = "/dev/null"; /* standard output is for what is news */
	bool file = path && strcmp(path, "-") != 0;
	/* What a run before this one said stays. */
	a->out = file ? fopen(path, a->o.resume ? "ae" : "we") : stdout;
	if (!a->out) {
		fprintf(stderr, "gatepost audit: %s: %s\n", path, strerror(errno));
		return GP_EXIT_ERROR;
	}
	/* What these files are can be looked at before the sandbox only, by libc too. */
	a->terminal = isatty(STDERR_FILENO);
	a->shared = a->terminal && isatty(fileno(a->out));
	if (setvbuf(a->out, a->out_buffer, _IOFBF, sizeof(a->out_buffer)) != 0)
		return fail(-ENOMEM);
	json_object_seed(0);
	a->writer = (struct findings_writer){
		.out = &a->text,
		.command = "gatepost audit",
		.key = "domain",
		.format = a->o.format,
		.colour = gp_terminal_colours(a->out, a->o.no_colour),
	};
	bool kept = a->o.store || a->o.evidence || a->o.pdf;
	int code = kept ? run_in_child(a) : open_and_run(a);
	if (file && fclose(a->out) != 0)
		code = fail(-errno);
	return code;
}

int
gp_cmd_audit(int argc, char **argv)
{
	static struct audit audit; /* a table of rules is in it */
	if (argc > 1 && strcmp(argv[1], "diff") == 0)
		return audit_diff(argc - 1, argv + 1);
	bool watching = argc > 1 && strcmp(argv[1], "watch") == 0;
	audit.argc = argc;
	audit.argv = argv;
	int code = audit_options_read(&audit.o, watching, argc - watching, argv + watching);
	if (code != GP_EXIT_OK)
		return code;
	if (audit.o.help) {
		fputs(audit_usage, stdout);
		return GP_EXIT_OK;
	}
	audit.names = GP_ARENA_INIT(NAMES_ARENA_MAX);
	audit.text = GP_BUF_INIT(TEXT_MAX);
	if (audit.o.lists_len > 0)
		audit.listed = audit_listed_new(audit.o.lists, audit.o.lists_len);
	if (audit.o.lists_len > 0 && !audit.listed)
		return fail(-ENOMEM);
	code = audit_domains_read(&audit.domains, &audit.o, &audit.names);
	if (code == GP_EXIT_OK && audit.o.resume)
		code = audit_resume_read(audit.o.resume, &audit.domains, &audit.first);
	if (code == GP_EXIT_OK)
		code = audit_baselines_read(&audit.baselines, &audit.o, &audit.names);
	if (code == GP_EXIT_OK)
		code = audit_samples_read(&audit.samples, &audit.o, &audit.names);
	if (code == GP_EXIT_OK)
		code = read_config(&audit);
	if (code == GP_EXIT_OK)
		code = read_reports(&audit);
	if (code == GP_EXIT_OK)
		code = with_output(&audit);
	bool looked = code == GP_EXIT_OK || code == GP_EXIT_BAD || code == GP_EXIT_UNKNOWN;
	if (watching && looked && audit_watch(&audit.o, &audit.config) != GP_EXIT_OK)
		code = GP_EXIT_ERROR;
	audit_listed_free(audit.listed);
	audit_domains_free(&audit.domains);
	audit_sent_free(&audit.sent);
	audit_summary_free(&audit.summary);
	gp_buf_free(&audit.text);
	gp_arena_free(&audit.names);
	return code;
}
