/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reports database, STATE/reports/reports.db: what sessions and messages came to, counted, and
 * which reports of it were sent. Times are seconds since the epoch.
 *
 *   tls_policy    a policy that sessions of a period towards a domain were counted for
 *   tls_failure   its failed sessions, those that failed alike as one row
 *   dmarc_policy  a domain whose DMARC record applied to messages of a period, as it was last
 *   dmarc_row     its messages, those of which the same is told as one row
 *   dmarc_period  how much there is of a period in these two
 *   failure       what is told of one message, as text, and how many others were like it
 *   redaction     the key that texts in it are hidden by: one row
 *   report        a period that is over, of one domain and kind: what became of its report; that of
 *                 a failure report is the second in which its message came
 *   place         where that report, or a part of it, has gone, or will never go
 *
 * SQLite opens files by name and whenever it likes; the sandbox has no files. So there is one
 * connection with the database for itself (locking_mode EXCLUSIVE), whose files, the database and
 * its write-ahead log, are opened before the sandbox and stay open; the log's index and all that is
 * temporary is in memory. What others read of a running gateway is a copy.
 *
 * Writes collect in a transaction until store_sync(). One that fails takes with it what was written
 * since the sync before.
 *
 * Strangers choose what their mail says of itself, and with names of their own how many domains it
 * is from; so what DMARC counts is bounded for a domain and for a period, and goes soon.
 */
#pragma once

#include "core/dmarcrpt/report.h"
#include "core/failrpt/report.h"
#include "core/tlsrpt/report.h"
#include "ipc/messages.h"

enum store_limits {
	STORE_POLICIES_MAX = 16,  /* of a domain in a period; those beyond are not counted */
	STORE_FAILURES_MAX = 100, /* kinds of failure of a policy; those beyond are one kind for
				     each result */
	STORE_ROWS_MAX = 5000,    /* of a domain in a period; messages beyond are only counted */
	STORE_DOMAINS_MAX = 5000, /* with a DMARC report of a period; those beyond get none */
	STORE_PERIOD_ROWS_MAX = 50'000, /* of all these; at most 4 KiB each */
	STORE_PAGES_MAX = 262'144,      /* of 4 KiB: the file */
	STORE_MEMORY_MAX = 160 << 20,   /* octets, all that SQLite has, for received.db too */
	STORE_KEEP_S = 90 * 24 * 3600,  /* then counts and reports go */
	STORE_KEEP_DMARC_S =
		3 * 24 * 3600, /* those of DMARC; texts of a failure until it is told */
	STORE_UNIQUE_LEN = 24,
	STORE_REDACTION_LEN = 64, /* octets of the key */
};

enum store_kind {
	STORE_TLS = 0,
	STORE_DMARC,
	STORE_COUNTED, /* those above are counted for a period */
	STORE_FAILURE = STORE_COUNTED,
	STORE_KINDS,
};

/* Its first and its last second. */
struct store_period {
	uint64_t start_s, end_s;
};

/* A report that is due. */
struct store_report {
	uint64_t id;
	uint8_t kind; /* enum store_kind */
	struct store_period period;
	struct gp_slice domain;
	struct gp_slice unique; /* that part of the report's id: the same at each attempt */
	uint64_t first_s;       /* of the first attempt */
};

/* What became of a report, or of a place that it goes to. */
enum store_state {
	STORE_OPEN = 0,
	STORE_SENT,
	STORE_FAILED,
	STORE_UNASKED, /* the domain wants none: of a report alone */
};

struct store;

/* Opens or makes it in the folder, and brings an older one's tables up to date. Before the sandbox.
 * 0; -EPROTO: written by a later version; -errno. */
[[nodiscard]] int
store_open(int folder, struct store **ret);
/* Syncs. Accepts NULL, returns NULL. */
struct store *
store_close(struct store *s);

/* Makes what was written since the last one durable. 0 or -errno: then it is as if that had never
   been written. */
[[nodiscard]] int
store_sync(struct store *s);

/* Counts a session, whose fields were checked. 0; 1: for a policy it was one too many; -errno. */
[[nodiscard]] int
store_count_tls(struct store *s, const struct store_period *period,
		const struct gp_msg_tls_result *result);

/* Counts a message, the same. 0; 1: it is of one domain, or of one kind, too many; -errno. */
[[nodiscard]] int
store_count_dmarc(struct store *s, const struct store_period *period,
		  const struct gp_msg_dmarc_result *result);

/* How many failure reports may be begun. */
struct store_failure_limits {
	uint32_t per_hour; /* of a domain */
	uint32_t per_day;  /* of all */
};

enum store_failure_outcome {
	STORE_FAILURE_KEPT = 0,
	STORE_FAILURE_DOMAIN, /* the domain has had enough: in this hour, or in this second */
	STORE_FAILURE_SHARE,  /* its organization has, or the client's network, today */
	STORE_FAILURE_ALL,    /* all together have, today */
};

/* Counts a message into a report that no attempt has been made at yet, of its domain, about another
 * one that came from the same address and failed by the same cause. 1; 0: there is no such report;
 * -errno. Its subdomain is no difference: who forges may choose a new one each time. */
[[nodiscard]] int
store_merge_failure(struct store *s, const struct gp_failrpt_incident *incident);

/*
 * May the domain be told of a message that comes now? Returns enum store_failure_outcome or -errno.
 * Whatever came of those before, they count.
 *
 * Of a day's reports an organization has a tenth, whatever names it has, and a network (/24, /48) a
 * twentieth, five at least; and the last quarter is for those who have had none. So who wants to
 * use them all up needs many of both.
 */
[[nodiscard]] int
store_failure_room(struct store *s, const struct gp_failrpt_incident *incident, uint64_t now_s,
		   const struct store_failure_limits *limits);

/* Keeps what is told of it in a report that is due then. 0 or -errno. Texts: printable ASCII and
 * line ends. */
[[nodiscard]] int
store_add_failure(struct store *s, const struct gp_failrpt_incident *incident, uint64_t now_s,
		  uint64_t due_s, const struct gp_failrpt_texts *texts);

/* What store_add_failure() was given, and how many were merged, in the arena. 0 or -errno. */
[[nodiscard]] int
store_read_failure(struct store *s, const struct store_report *report, struct gp_arena *arena,
		   struct gp_failrpt_texts *ret);

/* The key that texts are hidden by: the same for as long as the database lives. */
struct gp_slice
store_redaction(const struct store *s);

/* Makes a report of this kind, one that is counted, of each domain of each period that is over, due
   at some time in the `spread_s` seconds after its end, and forgets what is too old. 0 or
   -errno. */
[[nodiscard]] int
store_end_periods(struct store *s, enum store_kind kind, uint64_t now_s, uint64_t spread_s);

/*
 * The open report that has been due longest, for an attempt now. It is due again after a pause,
 * first_pause_s() of its kind, then twice as long each time: who starts again after a crash goes on
 * there. Texts live in the arena. 0; 1: none is due; -errno.
 */
[[nodiscard]] int
store_take(struct store *s, uint64_t now_s, uint64_t (*first_pause_s)(enum store_kind),
	   struct gp_arena *arena, struct store_report *ret);
/* "tls", "dmarc", "failure" */
const char *
store_kind_name(uint8_t kind);
/* When store_take() has one; UINT64_MAX: never. */
uint64_t
store_next_s(struct store *s);

/* What was counted: `counts` of ret, in the arena. 0 or -errno. */
[[nodiscard]] int
store_read_tls(struct store *s, const struct store_report *report, struct gp_arena *arena,
	       struct gp_tlsrpt_report *ret);

/*
 * The same: `policy`, `left_out` and at most `max` rows of ret, from the one with number `first`
 * on, counted from 0; always in the same order. 0; 1: there are no more; -errno.
 */
[[nodiscard]] int
store_read_dmarc(struct store *s, const struct store_report *report, uint64_t first, size_t max,
		 struct gp_arena *arena, struct gp_dmarcrpt_report *ret);

/* Writes down what became of the report, or of one place of a part of it; said: why, for people. 0
 * or -errno. */
[[nodiscard]] int
store_settle(struct store *s, uint64_t report, enum store_state state);
[[nodiscard]] int
store_settle_place(struct store *s, uint64_t report, uint64_t part, struct gp_slice uri,
		   enum store_state state, struct gp_slice said);
/* STORE_OPEN where nothing was written down. */
enum store_state
store_place(struct store *s, uint64_t report, uint64_t part, struct gp_slice uri);
