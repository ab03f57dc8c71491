/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The history of audits, read by whoever may not write it: the file that `gatepost audit --store`
 * keeps, whose tables cli/audit/store.h describes. It is read in a descriptor, while the next audit
 * may be writing it (sqlite/descriptor.h).
 *
 * All texts are of the domains that were looked at, made visible; all lists have a cap.
 */
#pragma once

#include "auditdb/changes.h"
#include "base/arena.h"

enum {
	GP_AUDITDB_DOMAINS_MAX = 2000, /* that are looked at */
	GP_AUDITDB_FACTS_MAX = 64,
	GP_AUDITDB_RUNS_MAX = 60,
	GP_AUDITDB_ROWS_MAX = 500'000, /* findings of all runs that are added up */
};

struct gp_auditdb;

/* fd: the caller's, and open for as long as this is. NULL: it is no such database, or there is no
 * memory. */
struct gp_auditdb *
gp_auditdb_open(int fd);
/* Accepts NULL, returns NULL. */
struct gp_auditdb *
gp_auditdb_close(struct gp_auditdb *db);

/* Whether the file has been written since it was opened: then nothing counts that was read. */
bool
gp_auditdb_is_torn(const struct gp_auditdb *db);

/* What was found, by severity; and what nobody could measure. */
struct gp_auditdb_counts {
	uint32_t faults[GP_SEVERITY_CRITICAL + 1];
	uint32_t unmeasured;
};

struct gp_auditdb_fact {
	struct gp_slice name, value, before; /* before: empty: it was never another */
	uint64_t since_s;                    /* 0: not known */
};

struct gp_auditdb_look {
	int64_t id;
	int64_t run;
	uint64_t time_s;
	struct gp_auditdb_counts counts;
};

struct gp_auditdb_domain {
	struct gp_slice name;
	struct gp_auditdb_look last, before;
	bool has_before;
};

struct gp_auditdb_run {
	int64_t id;
	uint64_t time_s;
	uint32_t looks;
	struct gp_auditdb_counts counts;
};

/* All lists are from the arena. 0; -EIO: the file is damaged, or is being written; -ENOMEM. */

/* Domains, and addresses whose block lists were asked, by their names. *ret_more: there are more
 * than GP_AUDITDB_DOMAINS_MAX. */
[[nodiscard]] int
gp_auditdb_domains(struct gp_auditdb *db, struct gp_arena *arena, struct gp_auditdb_domain **ret,
		   size_t *ret_len, bool *ret_more);

/* One of them; 1: it was never looked at. */
[[nodiscard]] int
gp_auditdb_domain(struct gp_auditdb *db, struct gp_slice name, struct gp_arena *arena,
		  struct gp_auditdb_domain *ret);

/* What a look found: all states, in the audit's order; AUDIT_KEPT_MAX at most. What ids stand for
 * is as the newest audit says it. */
[[nodiscard]] int
gp_auditdb_findings(struct gp_auditdb *db, int64_t look, struct gp_arena *arena,
		    struct audit_kept **ret, size_t *ret_len);

/* What the domain published then, by name, and since when. */
[[nodiscard]] int
gp_auditdb_facts(struct gp_auditdb *db, int64_t look, struct gp_arena *arena,
		 struct gp_auditdb_fact **ret, size_t *ret_len);

/* The newest runs, the newest first; name: of a domain alone; empty: of all. Older ones are left
 * out where there is too much to be added up. */
[[nodiscard]] int
gp_auditdb_runs(struct gp_auditdb *db, struct gp_slice name, struct gp_arena *arena,
		struct gp_auditdb_run **ret, size_t *ret_len);
