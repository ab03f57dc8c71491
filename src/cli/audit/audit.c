/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost audit: the mail posture of domains, many at once, told in the order they were named. */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli/asks.h"
#include "cli/audit/baselines.h"
#include "cli/audit/child.h"
#include "cli/audit/diff.h"
#include "cli/audit/domains.h"
#include "cli/audit/evidence.h"
#include "cli/audit/follow.h"
#include "cli/audit/hosts.h"
#include "cli/audit/listed.h"
#include "cli/audit/octodns.h"
#include "cli/audit/patch.h"
#include "cli/audit/pdf.h"
#include "cli/audit/progress.h"
#include "cli/audit/report.h"
#include "cli/audit/resume.h"
#include "cli/audit/samples.h"
#include "cli/audit/selectors.h"
#include "cli/audit/sent.h"
#include "cli/audit/store.h"
#include "cli/audit/summary.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/traffic/tool_report.h"
#include "procs/resolver/network.h"
#include "sys/tls.h"

enum {
	NAMES_ARENA_MAX = 1 << 30,
	SET_ARENA_MAX = 32 << 20, /* answers of one domain: no zone makes them larger */
	TEXT_MAX = 64 << 20,      /* of one domain's report */
	TELLING_MAX = 64 << 20,   /* octets, to tell it in, beside what it was evaluated in */
	OUT_BUFFER = 64 * 1024,
	SAID = 1, /* an error, of which standard error was told */
	/* Domains that are done and wait for one before them, some 100 KB each: one whose servers
	   are silent for half a minute shall not hold up the others. */
	WAITING_MAX = 2000,
	TICK_S = 1, /* between the progress that is told, and kept */
	/* With what was published in between, and what that made be asked. */
	ANSWERS_MAX = 2 * GP_POSTURE_QUESTIONS_MAX,
};

/* One domain under way. */
struct job {
	struct audit *audit;
	struct gp_ask ask;
	struct gp_arena set;    /* answers */
	struct gp_arena arena;  /* of the evaluation */
	struct audit_seen seen; /* with --evidence */
	struct gp_posture_query query;
	struct gp_posture_stage stage; /* of what is published, with --zone */
	struct gp_posture_result result;
	struct gp_answers *answers; /* of the ask; with --zone its own */
	struct audit_patch patch;   /* with --zone */
	struct audit_followed followed;
	bool counted, done;
};

struct audit {
	int argc; /* the command line */
	char **argv;
	struct audit_options o;
	struct gp_arena names;
	struct audit_domains domains;
	struct gp_config config;
	struct event_base *base;
	struct gp_asks dns;
	struct audit_baselines baselines;
	struct gp_posture_query query; /* the same for all, but for the domain and its policy */
	struct audit_hosts hosts;
	struct audit_follow follow;
	struct audit_samples samples;
	struct audit_sent sent; /* with --reports, or a configuration */
	struct job **jobs;      /* begun and not told of: that of domain N at N modulo jobs_max */
	size_t jobs_max;
	size_t first;       /* domain that no earlier run told of */
	size_t begun, told; /* domains, with those of an earlier run */
	size_t under_way;   /* of those that are begun: not done */
	struct audit_progress progress;
	struct event tick, interrupt, terminate;
	struct findings_writer writer;
	struct gp_buf text;
	struct audit_summary summary; /* with --summary */
	struct audit_store *store;    /* NULL: nothing is kept */
	struct audit_listed *listed;  /* NULL: no block list is asked */
	struct audit_evidence_run evidence_run;
	struct audit_evidence *evidence; /* NULL: none is wanted */
	struct audit_pdf pdf;            /* with --pdf */
	struct audit_seen lists_seen;    /* what block lists said, until it is told */
	FILE *out;
	char out_buffer[OUT_BUFFER];
	int error;      /* 0, SAID or -errno, which end it */
	bool stopped;   /* by a signal, which ends it too */
	bool whole;     /* it came to its end */
	bool terminal;  /* standard error is one; */
	bool shared;    /* it has results and the progress */
	bool bad;       /* something as grave as --fail-on, or a baseline's rule failed */
	size_t unknown; /* domains of which the DNS said nothing */
};

static int
fail(int error)
{
	fprintf(stderr, "gatepost audit: %s\n", strerror(-error));
	return GP_EXIT_ERROR;
}

/* --- telling --- */

static void
count(struct audit *a, const struct gp_findings *findings)
{
	for (size_t i = 0; i < findings->len; i++) {
		const struct gp_finding *f = &findings->items[i];
		if (f->state != GP_FINDING_FAIL)
			continue;
		a->bad |= f->severity >= a->o.fail_on;
		a->progress.findings[f->severity]++;
	}
}

static int
write_text(struct audit *a)
{
	struct gp_slice text = gp_buf_slice(&a->text);
	if (a->text.failed)
		return -ENOMEM;
	if (a->shared && text.len > 0)
		gp_progress_line_hide(&a->progress.shown);
	bool good = fwrite(text.ptr, 1, text.len, a->out) == text.len && fflush(a->out) == 0;
	gp_buf_clear(&a->text);
	return good ? 0 : -EIO;
}

/* The first that a receiver would take: what is wrong with several is a finding. */
static struct gp_slice
spf_record_of(const struct job *job)
{
	struct gp_dns_answer answer;
	struct gp_slice domain = job->result.facts.domain;
	if (!gp_answers_find(job->answers, domain, GP_DNS_TXT, &answer))
		return GP_SLICE("");
	for (size_t i = 0; i < answer.records_len; i++) {
		if (gp_slice_starts_nocase(answer.records[i].data, GP_SLICE("v=spf1")))
			return answer.records[i].data;
	}
	return GP_SLICE("");
}

static int
tell_findings(struct audit *a, struct job *job)
{
	struct audit_judged judged;
	int r = audit_baselines_judge(&a->baselines, &job->query, &job->result, &job->arena,
				      &judged);
	if (r < 0)
		return r;
	a->bad |= judged.failed;
	if (a->evidence &&
	    !(audit_evidence_answers(a->evidence, job->query.domain, &job->seen) &&
	      audit_evidence_domain(a->evidence, &job->result, &judged, &job->arena)))
		return SAID;
	if (a->o.pdf)
		r = audit_copy_domain(&a->pdf.copy, &job->result, &judged, &job->arena);
	if (r < 0)
		return r;
	if (a->o.summary != AUDIT_SUMMARY_NONE)
		r = audit_summary_add(&a->summary, &job->result, spf_record_of(job));
	if (r < 0 || a->o.summary == AUDIT_SUMMARY_ALONE)
		return r;
	return audit_report_write(&a->writer, &job->result, &judged, &job->arena);
}

/* For block lists, which are asked when all domains are done. */
static int
note_addresses(struct audit *a, struct job *job)
{
	const struct gp_posture_facts *f = &job->result.facts;
	int r = 0;
	for (size_t i = 0; i < f->own.len && r == 0; i++)
		r = audit_listed_add(a->listed, f->own.list[i].octets, f->own.list[i].len,
				     job->query.domain);
	audit_listed_note(&job->result.findings, f->own.left_out);
	return r;
}

static void
see_list(void *context, const struct gp_ask_seen *seen)
{
	struct audit *a = context;
	audit_seen_add(&a->lists_seen, seen);
}

static bool
put_evidence(struct audit *a, struct gp_slice address, const struct gp_findings *findings,
	     struct gp_arena *arena)
{
	bool good = audit_evidence_answers(a->evidence, GP_SLICE("block lists"), &a->lists_seen) &&
		    audit_evidence_address(a->evidence, address, findings, arena);
	audit_seen_free(&a->lists_seen);
	a->lists_seen = audit_seen();
	return good;
}

static int
tell_address(void *context, struct gp_slice address, const struct gp_findings *findings,
	     struct gp_arena *arena)
{
	struct audit *a = context;
	const char *key = a->writer.key;
	count(a, findings);
	if (a->evidence && !put_evidence(a, address, findings, arena))
		return SAID;
	if (a->o.pdf && audit_copy_address(&a->pdf.copy, address, findings, arena) < 0)
		return -EIO;
	if (a->store && !audit_store_add_address(a->store, address, findings, arena))
		return SAID;
	a->writer.key = "address";
	int r = findings_write(&a->writer, address, findings, arena);
	a->writer.key = key;
	return r < 0 ? r : write_text(a);
}

static int
tell(struct audit *a, struct job *job)
{
	/* A file's answers are a whole world, not a domain's. */
	const struct gp_answers *raw = a->dns.lookup.network ? job->answers : NULL;
	int r = 0;
	/* Whoever owns a domain chooses how much is left of the evaluation's memory: that is not to
	   end the run, which has others' domains to tell of. */
	job->arena.max += TELLING_MAX;
	a->unknown += job->result.facts.class == GP_POSTURE_UNKNOWN;
	if (a->listed)
		r = note_addresses(a, job);
	if (r < 0)
		return r;
	if (a->store && !audit_store_add(a->store, &job->result, raw, &job->arena))
		return SAID;
	if (a->o.zone && a->o.patch_form == AUDIT_PATCH_OCTODNS)
		audit_octodns_write(&job->patch, job->answers, &job->result, &job->arena, &a->text);
	else if (a->o.zone)
		audit_patch_write(&job->patch, a->o.patch_form, job->answers, &job->result,
				  &job->arena, &a->text);
	else
		r = tell_findings(a, job);
	return r < 0 ? r : write_text(a);
}

/* --- domains under way --- */

static struct job *
job_free(struct job *job)
{
	if (!job)
		return NULL;
	if (job->answers != job->ask.answers)
		gp_answers_free(job->answers);
	gp_ask_end(&job->ask);
	audit_follow_end(&job->followed);
	audit_seen_free(&job->seen);
	gp_arena_free(&job->set);
	gp_arena_free(&job->arena);
	free(job);
	return NULL;
}

static void
on_ready(struct gp_ask *ask);
static void
on_followed(struct audit_followed *followed);

static void
on_seen(struct gp_ask *ask, const struct gp_ask_seen *seen)
{
	struct job *job = gp_container_of(ask, struct job, ask);
	audit_seen_add(&job->seen, seen);
}

/* What a file says, for a set in which records are then changed. */
static int
copy_answers(struct job *job)
{
	const struct gp_posture_result *result = &job->result;
	int r = 0;
	for (size_t i = 0; i < result->need_len && r == 0; i++) {
		struct gp_dns_answer answer;
		bool known = gp_answers_find(job->ask.answers, result->need[i].name,
					     result->need[i].type, &answer);
		gp_assert(known); /* the file is a whole world */
		r = gp_answers_add(job->answers, &answer);
	}
	return r == 0 ? 0 : -ENOMEM;
}

static void
finish(struct job *job)
{
	job->done = true;
	job->audit->under_way--;
}

/* 0: go on at once. 1: it is done, or called when the answers are there. */
static int
take_step(struct job *job)
{
	struct audit *a = job->audit;
	gp_arena_reset(&job->arena);
	int r = gp_posture_eval(&job->query, job->answers, &job->arena, &job->result);
	gp_assert(r != GP_POSTURE_NO_NAME); /* it was read */
	if (r < 0 || job->set.failed)
		return -ENOMEM;
	if (r == GP_POSTURE_NEED && job->answers != job->ask.answers)
		return copy_answers(job);
	if (r == GP_POSTURE_NEED) {
		r = gp_ask_for(&job->ask, job->result.need, job->result.need_len);
		gp_arena_reset(&job->arena); /* many wait at once */
		return r < 0 ? r : 1;
	}
	r = audit_follow(&a->follow, &job->followed, &job->result.facts, job->answers, &job->set,
			 &job->query);
	if (r != AUDIT_FOLLOW_NOTHING)
		return r == AUDIT_FOLLOW_AGAIN ? 0 : r == AUDIT_FOLLOW_WAIT ? 1 : r;
	if (!job->counted)
		count(a, &job->result.findings);
	job->counted = true;
	if (a->o.zone && !job->query.stage) {
		job->stage = job->result.facts.dmarc.stage;
		job->query.stage = &job->stage;
	}
	if (a->o.zone)
		r = audit_patch_next(&job->patch, job->answers, &job->result.findings);
	if (a->o.zone && r <= 0)
		return r;
	finish(job);
	return 1;
}

/* Its answers are larger than any honest zone makes them: the others go on. */
static void
give_up(struct job *job)
{
	static const struct gp_finding_kind kind = {
		"audit.limits", GP_SEVERITY_INFO, "the domain is larger than is looked at",
		"what a zone can make whoever reads it keep has an end"};
	const struct gp_finding f = {
		.kind = &kind, .state = GP_FINDING_NOT_MEASURED, .evidence = job->query.domain};
	gp_arena_reset(&job->arena);
	job->result = (struct gp_posture_result){.findings = gp_findings(&job->arena),
						 .facts.domain = job->query.domain};
	gp_finding_put(&job->result.findings, &f);
	job->patch = (struct audit_patch){.arena = &job->set}; /* half of one mends nothing */
	finish(job);
}

/* Goes as far as it can with what is known. */
static void
step(struct job *job)
{
	int r;
	do
		r = take_step(job);
	while (r == 0);
	if (r == -ENOMEM)
		give_up(job);
	else if (r < 0)
		job->audit->error = r;
}

static bool
read_past(struct job *job)
{
	struct gp_posture_past *past = NULL;
	struct audit_store *store = job->audit->store;
	bool good = !store || audit_store_past(store, job->query.domain, &job->set, &past,
					       &job->query.past_len);
	job->query.past = past;
	return good;
}

/* Of a file, all domains have the same answers, which are not to be changed. */
static int
open_answers(struct job *job)
{
	static const uint64_t seed[2] = {}; /* nobody but who wrote the file chooses the names */
	int r = gp_ask_init(&job->ask, &job->audit->dns, &job->set, on_ready);
	if (r < 0)
		return r;
	job->answers = job->ask.answers;
	job->seen = audit_seen();
	if (job->audit->evidence)
		job->ask.seen = on_seen;
	job->patch.arena = &job->set;
	if (job->audit->o.zone && !job->audit->dns.lookup.network)
		job->answers = gp_answers_new(&job->set, ANSWERS_MAX, seed);
	return job->answers ? 0 : -ENOMEM;
}

static struct job *
begin(struct audit *a, size_t number)
{
	struct gp_slice domain = a->domains.list[number];
	struct job *job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->audit = a;
	job->set = GP_ARENA_INIT(SET_ARENA_MAX);
	job->arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
	job->followed.ready = on_followed;
	job->query = a->query;
	job->query.domain = domain;
	job->query.policy = audit_hosts_policy(&a->hosts, domain);
	job->query.sent = audit_sent_of(&a->sent, number);
	if (audit_samples_apply(&a->samples, &job->query, &job->set) < 0 || open_answers(job) < 0 ||
	    !read_past(job))
		return job_free(job);
	a->under_way++;
	step(job);
	return job;
}

static struct job **
place_of(struct audit *a, size_t number)
{
	return &a->jobs[number % a->jobs_max];
}

static bool
may_begin(const struct audit *a)
{
	return a->begun < a->domains.len && a->under_way < a->o.at_once &&
	       a->begun - a->told < a->jobs_max;
}

/* Tells of the first ones that are done, and takes up others in their place. */
static void
pump(struct audit *a)
{
	while (a->error == 0 && !a->stopped) {
		/* Nobody is waited for then, and the loop comes to its turn here alone. */
		if (!a->dns.lookup.network)
			(void)event_base_loop(a->base, EVLOOP_NONBLOCK);
		if (may_begin(a)) {
			struct job **place = place_of(a, a->begun);
			*place = begin(a, a->begun++);
			a->error = *place ? a->error : -ENOMEM;
			continue;
		}
		struct job **first = a->told < a->begun ? place_of(a, a->told) : NULL;
		if (!first || !(*first)->done)
			break;
		a->error = tell(a, *first);
		*first = job_free(*first);
		a->told++;
	}
	if (a->error != 0 || a->told == a->domains.len)
		(void)event_base_loopbreak(a->base);
}

static void
on_ready(struct gp_ask *ask)
{
	struct job *job = gp_container_of(ask, struct job, ask);
	if (!job->done) /* it may have been given up with questions under way */
		step(job);
	pump(job->audit);
}

static void
on_followed(struct audit_followed *followed)
{
	step(gp_container_of(followed, struct job, followed));
}

/* --- the command --- */

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

/* What was told is in the output before the file says that it was. */
static int
tell_progress(struct audit *a, bool last)
{
	int r = 0;
	a->progress.told = a->told;
	if (a->o.resume)
		r = audit_resume_write(a->o.resume, &a->domains, a->told);
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

static void
look_at_all(struct audit *a)
{
	watch(a);
	pump(a);
	while (a->error == 0 && !a->stopped && a->told < a->domains.len) {
		(void)event_base_loop(a->base, EVLOOP_ONCE);
		pump(a);
	}
	unwatch(a);
	for (size_t i = 0; i < a->jobs_max; i++)
		a->jobs[i] = job_free(a->jobs[i]);
	free(a->jobs);
}

/* Text stands apart from what is above it; the page's sections end before its own end. */
static int
tell_summary(struct audit *a)
{
	if (a->o.summary == AUDIT_SUMMARY_NONE)
		return 0;
	audit_summary_sort(&a->summary);
	if (a->o.format == FINDINGS_JSON)
		return audit_summary_json(&a->summary, &a->text);
	if (a->o.format == FINDINGS_HTML) {
		audit_summary_html(&a->summary, &a->text);
		return 0;
	}
	gp_buf_put_str(&a->text, a->o.summary == AUDIT_SUMMARY_TOO ? "\n" : "");
	audit_summary_text(&a->summary, &a->text);
	return 0;
}

static int
ask_lists(struct audit *a)
{
	int r = 0;
	for (size_t i = 0; i < a->o.addresses_len && r == 0; i++)
		r = audit_listed_add(a->listed, a->o.addresses[i].octets, a->o.addresses[i].len,
				     GP_SLICE(""));
	if (audit_listed_left_out(a->listed) > 0)
		fprintf(stderr, "gatepost audit: %zu addresses are over %d, and not asked about\n",
			audit_listed_left_out(a->listed), AUDIT_LISTED_MAX);
	const struct audit_listed_reader reader = {
		.context = a, .tell = tell_address, .seen = a->evidence ? see_list : NULL};
	a->lists_seen = audit_seen();
	if (r == 0)
		r = audit_listed_ask(a->listed, &a->dns, &reader);
	audit_seen_free(&a->lists_seen);
	return r;
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
	a->jobs_max = a->o.at_once + WAITING_MAX;
	a->jobs = calloc(a->jobs_max, sizeof(*a->jobs));
	if (!a->jobs)
		return -ENOMEM;
	if (!a->o.zone)
		findings_begin(&a->writer);
	look_at_all(a);
	int r = a->error;
	if (r == 0 && a->listed && !a->stopped)
		r = ask_lists(a);
	if (r == 0)
		r = tell_summary(a);
	if (r == 0 && !a->o.zone)
		r = findings_end(&a->writer);
	if (r == 0)
		r = write_text(a);
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
		return SAID;
	int r = run(a);
	if (r != 0 || a->stopped)
		return r;
	bool good = !a->store ||
		    audit_store_end(a->store, a->o.time_s - GP_MIN(a->o.time_s, a->o.keep_s));
	good = good && (!a->evidence || audit_evidence_end(a->evidence));
	a->whole = good && (!a->o.pdf || audit_pdf_end(&a->pdf));
	return a->whole ? 0 : SAID;
}

static int
exit_code(const struct audit *a, int r)
{
	if (r != 0)
		return r == SAID ? GP_EXIT_ERROR : fail(r);
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
					    .answers_max = ANSWERS_MAX,
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
		.colour = !file && !a->o.no_colour && !getenv("NO_COLOR") && isatty(STDOUT_FILENO),
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
