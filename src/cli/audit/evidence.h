/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evidence of an audit, as a folder or a ZIP archive:
 *
 *   run.json         the program's version and command line, begin and end, who was asked
 *   answers.jsonl    each question in the order of the domains, with its time, its TTL and the
 *                    response as it came; or world.json: the file of --dns that had them all
 *   findings.jsonl   as --format json tells them
 *   findings.html    the same for people
 *   baselines/       the files of rules that were held against
 *   SHA256SUMS       of all of these, for sha256sum -c
 *
 * A folder without SHA256SUMS is of a run that did not come to its end. Between opening and sealing
 * no file is opened, so that a confined child can do what is between. All functions say to standard
 * error what is wrong.
 */
#pragma once

#include "cli/asks.h"
#include "cli/audit/baselines.h"

enum { AUDIT_SEEN_MAX = 48 << 20 }; /* octets of what one domain's questions came to */

/* The answers that one domain was judged by. */
struct audit_seen {
	struct gp_arena arena;
	struct audit_seen_answer *first;
	size_t len;
};

struct audit_seen
audit_seen(void);
void
audit_seen_free(struct audit_seen *s);
/* What there is no room for is missed when it is told. */
void
audit_seen_add(struct audit_seen *s, const struct gp_ask_seen *seen);

struct audit_evidence;

struct audit_evidence_run {
	const char *path; /* of a folder that is made; of an archive where it ends in ".zip" */
	int argc;
	char **argv; /* the command line; o->watch.webhook is left out of it */
	const struct audit_options *o;
	const struct gp_config *config;
	const struct audit_baselines *baselines;
};

/* All that it is given lives as long as it. NULL: it cannot be made. */
struct audit_evidence *
audit_evidence_open(const struct audit_evidence_run *run);
/* What was not sealed is thrown away, but for the files of a folder. Accepts NULL, returns NULL. */
struct audit_evidence *
audit_evidence_close(struct audit_evidence *e);

/* Of a domain, or of what else `subject` names. seen may be NULL. */
[[nodiscard]] bool
audit_evidence_answers(struct audit_evidence *e, struct gp_slice subject,
		       const struct audit_seen *seen);
[[nodiscard]] bool
audit_evidence_domain(struct audit_evidence *e, const struct gp_posture_result *r,
		      const struct audit_judged *judged, struct gp_arena *arena);
[[nodiscard]] bool
audit_evidence_address(struct audit_evidence *e, struct gp_slice address,
		       const struct gp_findings *findings, struct gp_arena *arena);

/* All was told: ends the files. */
[[nodiscard]] bool
audit_evidence_end(struct audit_evidence *e);

/* Writes the sums of what was ended, by this process or a child of it, and the archive in place of
   the one that is there. */
[[nodiscard]] bool
audit_evidence_seal(struct audit_evidence *e);
