/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run of `gatepost audit`, as its parts see it: audit.c opens all that it needs and watches how
 * far it is, jobs.c has the domains under way, tell.c tells of each in its turn.
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "cli/asks.h"
#include "cli/audit/baselines.h"
#include "cli/audit/domains.h"
#include "cli/audit/evidence.h"
#include "cli/audit/follow.h"
#include "cli/audit/hosts.h"
#include "cli/audit/listed.h"
#include "cli/audit/options.h"
#include "cli/audit/patch.h"
#include "cli/audit/pdf.h"
#include "cli/audit/progress.h"
#include "cli/audit/samples.h"
#include "cli/audit/sent.h"
#include "cli/audit/store.h"
#include "cli/audit/summary.h"
#include "cli/findings/findings.h"

enum {
	AUDIT_SAID = 1, /* an error, of which standard error was told */
	AUDIT_OUT_BUFFER = 64 * 1024,
	/* Of one domain, with what was published in between, and what that made be asked. */
	AUDIT_ANSWERS_MAX = 2 * GP_POSTURE_QUESTIONS_MAX,
};

/* One domain under way. */
struct audit_job {
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
	struct audit_sent sent;  /* with --reports, or a configuration */
	struct audit_job **jobs; /* begun and not told of: that of domain N at N modulo jobs_max */
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
	char out_buffer[AUDIT_OUT_BUFFER];
	int error;      /* 0, AUDIT_SAID or -errno, which end it */
	bool stopped;   /* by a signal, which ends it too */
	bool whole;     /* it came to its end */
	bool terminal;  /* standard error is one; */
	bool shared;    /* it has results and the progress */
	bool bad;       /* something as grave as --fail-on, or a baseline's rule failed */
	size_t unknown; /* domains of which the DNS said nothing */
};

/* --- jobs.c --- */

/* Looks at all domains from the first one on, and tells of each; until it is stopped, or there is
   an error. Returns 0, AUDIT_SAID or -errno: the run's error. */
[[nodiscard]] int
audit_jobs_run(struct audit *a);

/* --- tell.c: each returns 0, AUDIT_SAID or -errno --- */

/* Counts those that failed. */
void
audit_count(struct audit *a, const struct gp_findings *findings);

/* A domain that is done: to the store, to what is kept of the run, and as it was asked for to the
   output. */
[[nodiscard]] int
audit_tell(struct audit *a, struct audit_job *job);

/* Asks block lists about the addresses of all domains, and tells of each address. */
[[nodiscard]] int
audit_tell_lists(struct audit *a);

/* Into the text. Text stands apart from what is above it; the page's sections end before its own
   end. */
[[nodiscard]] int
audit_tell_summary(struct audit *a);

/* The text to the output, all of it: it is empty then. */
[[nodiscard]] int
audit_write_text(struct audit *a);
