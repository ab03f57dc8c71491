/* SPDX-License-Identifier: Apache-2.0 */
/* Domains under way: asked about side by side, told of in their order. */
#include <errno.h>
#include <stdlib.h>

#include "cli/audit/run.h"

enum {
	SET_ARENA_MAX = 32 << 20, /* answers of one domain: no zone makes them larger */
	/* Domains that are done and wait for one before them, some 100 KB each: one whose servers
	   are silent for half a minute shall not hold up the others. */
	WAITING_MAX = 2000,
};

static struct audit_job *
job_free(struct audit_job *job)
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
	struct audit_job *job = gp_container_of(ask, struct audit_job, ask);
	audit_seen_add(&job->seen, seen);
}

/* What a file says, for a set in which records are then changed. */
static int
copy_answers(struct audit_job *job)
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
finish(struct audit_job *job)
{
	job->done = true;
	job->audit->under_way--;
}

/* 0: go on at once. 1: it is done, or called when the answers are there. */
static int
take_step(struct audit_job *job)
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
		audit_count(a, &job->result.findings);
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
give_up(struct audit_job *job)
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
step(struct audit_job *job)
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
read_past(struct audit_job *job)
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
open_answers(struct audit_job *job)
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
		job->answers = gp_answers_new(&job->set, AUDIT_ANSWERS_MAX, seed);
	return job->answers ? 0 : -ENOMEM;
}

static struct audit_job *
begin(struct audit *a, size_t number)
{
	struct gp_slice domain = a->domains.list[number];
	struct audit_job *job = calloc(1, sizeof(*job));
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

static struct audit_job **
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
			struct audit_job **place = place_of(a, a->begun);
			*place = begin(a, a->begun++);
			a->error = *place ? a->error : -ENOMEM;
			continue;
		}
		struct audit_job **first = a->told < a->begun ? place_of(a, a->told) : NULL;
		if (!first || !(*first)->done)
			break;
		a->error = audit_tell(a, *first);
		*first = job_free(*first);
		a->told++;
	}
	if (a->error != 0 || a->told == a->domains.len)
		(void)event_base_loopbreak(a->base);
}

static void
on_ready(struct gp_ask *ask)
{
	struct audit_job *job = gp_container_of(ask, struct audit_job, ask);
	if (!job->done) /* it may have been given up with questions under way */
		step(job);
	pump(job->audit);
}

static void
on_followed(struct audit_followed *followed)
{
	step(gp_container_of(followed, struct audit_job, followed));
}

int
audit_jobs_run(struct audit *a)
{
	a->jobs_max = a->o.at_once + WAITING_MAX;
	a->jobs = calloc(a->jobs_max, sizeof(struct audit_job *));
	if (!a->jobs)
		return -ENOMEM;
	pump(a);
	while (a->error == 0 && !a->stopped && a->told < a->domains.len) {
		(void)event_base_loop(a->base, EVLOOP_ONCE);
		pump(a);
	}
	for (size_t i = 0; i < a->jobs_max; i++)
		a->jobs[i] = job_free(a->jobs[i]);
	free(a->jobs);
	return a->error;
}
