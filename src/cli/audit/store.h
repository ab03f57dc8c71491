/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of audits: a file of SQLite that anybody may read with tools of its own.
 *
 *   run      an audit: its time, in seconds since 1970
 *   look     a domain, or an address, that it looked at, and the raw answers of the DNS
 *            (gp_answers_write); none where they came from a file
 *   fact     what it publishes, by name: class, mx, spf, dmarc.p, ...
 *   past     of each domain and fact the newest value, the one before, and since when it is so; it
 *            outlives the runs
 *   finding  in their order: id, state, severity, evidence as visible text, and the SHA-256 of the
 *            evidence as it was; mend: what to publish, a record a line, or what to do
 *   kind     of each id that was found its title and why it matters, in the newest words
 *   told     to whom audit watch has told of which domain, and of which look, by its time;
 *            told_fact, told_finding: what he knows by that
 *
 * Texts that are read are made visible, as the file may be anybody's.
 *
 * A run is one transaction, at its end: one that was interrupted is not there. Others may read
 * meanwhile (a write-ahead log), and a second run has to wait. All functions say to standard error
 * what is wrong.
 */
#pragma once

#include "auditdb/changes.h"
#include "core/dns/answers.h"
#include "core/posture/posture.h"

enum {
	AUDIT_STORE_WAIT_MS = 5000,         /* for another's run that ends */
	AUDIT_STORE_PAST_MAX = 256,         /* facts of a domain that are given back */
	AUDIT_STORE_ANSWERS_MAX = 64 << 20, /* octets of one domain's */
};

struct audit_store;

/* `make`: also where there is none. NULL: it cannot be used. */
struct audit_store *
audit_store_open(const char *path, bool make);
/* A run that was not ended is forgotten. Accepts NULL, returns NULL. */
struct audit_store *
audit_store_close(struct audit_store *s);

/* For a process that gives up opening and removing files: SQLite's are open, and stay beside the
   store until somebody else closes it. False: it cannot be held so. */
[[nodiscard]] bool
audit_store_hold(struct audit_store *s);

/* Begins a run. False: it cannot. */
[[nodiscard]] bool
audit_store_begin(struct audit_store *s, uint64_t time_s);
/* answers: an open set, or NULL. The arena holds texts. False: the run cannot be kept. */
[[nodiscard]] bool
audit_store_add(struct audit_store *s, const struct gp_posture_result *r,
		const struct gp_answers *answers, struct gp_arena *arena);
/* An address and what block lists say of it: a look without facts. */
[[nodiscard]] bool
audit_store_add_address(struct audit_store *s, struct gp_slice address,
			const struct gp_findings *findings, struct gp_arena *arena);
/* Of a domain, in a run under way: its facts as runs before saw them, sorted by name. False: the
   file is damaged, or there is no memory. */
[[nodiscard]] bool
audit_store_past(struct audit_store *s, struct gp_slice domain, struct gp_arena *arena,
		 struct gp_posture_past **ret, size_t *ret_len);
/* Ends the run and makes it durable; those before keep_from_s are forgotten. */
[[nodiscard]] bool
audit_store_end(struct audit_store *s, uint64_t keep_from_s);

/* The names of all domains that the last run, or one before, looked at, in order; from the arena.
   False: the file is damaged, or there is no memory. */
[[nodiscard]] bool
audit_store_domains(struct audit_store *s, struct gp_arena *arena, struct gp_slice **ret,
		    size_t *ret_len);

/* The newest run, and the names that it looked at, in its order. 0: there is none. Returns as
   above. */
[[nodiscard]] bool
audit_store_newest(struct audit_store *s, struct gp_arena *arena, uint64_t *ret_run,
		   struct gp_slice **ret, size_t *ret_len);

/*
 * The last look at the domain that a run up to this one took; run: UINT64_MAX for the newest. 1; 0:
 * there is none; -1: the file is damaged, or there is no memory.
 */
[[nodiscard]] int
audit_store_look(struct audit_store *s, struct gp_slice domain, uint64_t run,
		 struct gp_arena *arena, struct audit_look *ret);

/* --- what a channel was told; its name is the caller's --- */

/* What it knows of a domain: facts, and faults alone; the time is that of the look. Returns as
   above; 0: it was never told of it. */
int
audit_store_told(struct audit_store *s, struct gp_slice channel, struct gp_slice domain,
		 struct gp_arena *arena, struct audit_look *ret);

/* What channels know from now on, of many domains, in one transaction; without its end nothing of
   it is kept. `known` as above, at most what a look may have. False: it cannot be kept. */
[[nodiscard]] bool
audit_store_tell_begin(struct audit_store *s);
[[nodiscard]] bool
audit_store_tell(struct audit_store *s, struct gp_slice channel, struct gp_slice domain,
		 const struct audit_look *known);
[[nodiscard]] bool
audit_store_tell_end(struct audit_store *s);
