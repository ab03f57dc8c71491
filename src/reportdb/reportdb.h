/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reports that others sent about mail in our domains' names, and what they add up to: a
 * database of SQLite, STATE/reports/received.db. schema.c has its tables, README.md draws them.
 *
 * A report is here once: it is another one where its kind, organisation, id, domain, first or
 * last second differs, and told again it is a duplicate, which changes nothing. A report whose
 * sender nobody has authenticated is one of a world of its own: it is in no figure of the others,
 * and cannot take the place of one of them.
 *
 * Figures are added up as reports come in, by the day in UTC (counted from 1970), so that a page
 * is a range of few rows, however many messages stand behind it. A report of several days is
 * shared out over them in proportion to their seconds, exactly: the days' sum is the report's.
 * What was shared out is counted in `estimated` too.
 *
 * Writing: gp_reportdb_begin(), what a reader says to gp_reportdb_listener(), gp_reportdb_end();
 * then the next one; gp_reportdb_sync() makes them durable, each with its figures or not at all.
 * Memory does not grow with a report. One process writes; others read meanwhile (a write-ahead
 * log).
 *
 * Functions that return int: 0 or -errno, where nothing else is said; gp_reportdb_why() then has
 * it in words. Lists have at most GP_REPORTDB_LIST_MAX entries, the largest ones, unless they say
 * otherwise. Kinds, policies, dispositions, reasons and results are numbers of
 * core/ingest/report.h.
 */
#pragma once

#include "base/arena.h"
#include "core/ingest/report.h"

enum gp_reportdb_limits {
	GP_REPORTDB_DAYS_MAX = 32,       /* that one report may touch; RFC 9990: one, mostly */
	GP_REPORTDB_FLAWS_MAX = 100,     /* told of one report; others are counted */
	GP_REPORTDB_REFUSED_MAX = 10000, /* documents in quarantine; the oldest go */
	GP_REPORTDB_LIST_MAX = 10000,
	GP_REPORTDB_SOURCE_MAX = 3000,        /* reports that are read for one source */
	GP_REPORTDB_REPORTER_MAX = 255,       /* octets of the name of one over his limit */
	GP_REPORTDB_FUTURE_S = 2 * 24 * 3600, /* a report may end so far ahead: clocks, zones */
	GP_REPORTDB_WAIT_MS = 10000,          /* for another who writes */
};

struct gp_reportdb;

enum gp_reportdb_mode {
	GP_REPORTDB_READ, /* what is there */
	GP_REPORTDB_WRITE,
	GP_REPORTDB_MAKE, /* write, also where there is none */
	/* The same, of much at once: until a new file's first sync, who reads it may have to wait
	   for as long as that takes. */
	GP_REPORTDB_FILL,
};

/*
 * path: a file of SQLite's, or a server's URL (server.h). Brings an older one's tables up to date
 * when it writes. 0; -ENOENT; -EPROTO: of another version; -ENODATA: a file without any tables, to
 * be read; -EBUSY; -errno. After a failure *ret is NULL, or there to ask why, and to be closed.
 */
[[nodiscard]] int
gp_reportdb_open(const char *path, enum gp_reportdb_mode mode, struct gp_reportdb **ret);
/* What was not synced is as if it had never been told. Accepts NULL, returns NULL. */
struct gp_reportdb *
gp_reportdb_close(struct gp_reportdb *db);
/* What a negative result of a function here means; until the next call. */
const char *
gp_reportdb_why(const struct gp_reportdb *db, int error);

/* --- write --- */

/* Where a document comes from. */
struct gp_reportdb_origin {
	struct gp_slice file; /* as people know it: a path, a message's id */
	bool authenticated;   /* somebody answers for its sender: DKIM, SPF, or who imports it */
	int64_t received_s;
};

enum gp_reportdb_outcome {
	GP_REPORTDB_KEPT = 0,
	GP_REPORTDB_DUPLICATE,
	GP_REPORTDB_OLD,     /* all of it is of days that were forgotten */
	GP_REPORTDB_REFUSED, /* in quarantine, with its reason */
};

struct gp_reportdb_result {
	enum gp_reportdb_outcome outcome;
	uint64_t report;  /* KEPT, DUPLICATE: its number here */
	uint64_t records; /* kept: rows, policies, failures */
	uint64_t lost;    /* records that were not */
	char reason[256]; /* REFUSED */
};

/* A document begins. The texts are copied. */
[[nodiscard]] int
gp_reportdb_begin(struct gp_reportdb *db, const struct gp_reportdb_origin *origin);
/* It is kept apart, as one that nobody answers for. Without effect once its head was told. */
void
gp_reportdb_distrust(struct gp_reportdb *db);
/* Takes what a reader says of it. Its functions return 0; 1: the reading may end, the outcome is
 * known; or -errno. */
struct gp_ingest_listener
gp_reportdb_listener(struct gp_reportdb *db);
/*
 * It ends. refused: why it cannot be read, as a sentence without its full stop; NULL: it could.
 * What was told of a refused one is forgotten; one that was told out of turn is refused. After
 * any other failure, of the listener's or of this function's, all is forgotten that was told
 * since the last sync.
 */
[[nodiscard]] int
gp_reportdb_end(struct gp_reportdb *db, const char *refused, struct gp_reportdb_result *ret);
/* Or it is as if it had never begun, if it had. 0, or -errno as above. */
[[nodiscard]] int
gp_reportdb_drop(struct gp_reportdb *db);

/* A report of so many octets was not taken that day, as its reporter had sent too many; also while
 * a document is open. The name is text without controls, GP_REPORTDB_REPORTER_MAX octets at most;
 * empty: some other. How many names there are is the caller's to bound. */
[[nodiscard]] int
gp_reportdb_add_over_limit(struct gp_reportdb *db, int64_t day, struct gp_slice reporter,
			   uint64_t octets);

/* Makes all that was told durable: between documents. */
[[nodiscard]] int
gp_reportdb_sync(struct gp_reportdb *db);
/* Forgets reports that ended before that day, figures of days before it, and says OLD to those
 * that come again. The day never goes back. Syncs. Others may write between its transactions, of
 * which each is short. */
[[nodiscard]] int
gp_reportdb_forget(struct gp_reportdb *db, int64_t before_day);
/* The first of those transactions, or the next one: some thousand rows. OLD is said from the first
 * one on. 1: there is more of it; 0: it is over; -errno, and then it begins again. */
[[nodiscard]] int
gp_reportdb_forget_some(struct gp_reportdb *db, int64_t before_day);

/* --- read: figures of DMARC --- */

/* Which figures. */
struct gp_reportdb_range {
	struct gp_slice domain;   /* the policy's; empty: all */
	int64_t from_day, to_day; /* both belong to it */
	bool unauthenticated;     /* those, and no others */
};

/* Of messages. Those that neither DKIM nor SPF aligned for are messages - aligned. */
struct gp_reportdb_figures {
	uint64_t messages;
	uint64_t aligned;   /* by DKIM or SPF: what DMARC passes */
	uint64_t dkim, spf; /* aligned by this one; not told counts as no */
	uint64_t quarantined, rejected;
	uint64_t forwarded; /* a reason says so: forwarded, mailing_list, trusted_forwarder */
	uint64_t foreign;   /* SPF, or DKIM where it did not align, passed for some other domain */
	uint64_t estimated; /* from reports of several days */
};

struct gp_reportdb_day {
	int64_t day;
	struct gp_reportdb_figures figures;
};

struct gp_reportdb_domain {
	struct gp_slice domain;
	int64_t first_day, last_day; /* with messages, within the range */
	struct gp_reportdb_figures figures;
};

struct gp_reportdb_source {
	uint8_t address[16];         /* IPv6, or IPv4 mapped */
	struct gp_slice name;        /* its confirmed host name; empty: none is known */
	int64_t first_day, last_day; /* ever, of this domain or all */
	struct gp_reportdb_figures figures;
};

enum gp_reportdb_order {
	GP_REPORTDB_BY_MESSAGES = 0,
	GP_REPORTDB_BY_UNALIGNED,
};

/* What a mechanism said, aligned or not. */
struct gp_reportdb_auth {
	struct gp_slice domain;
	struct gp_slice selector; /* DKIM; of SPF its scope */
	uint8_t result;
	uint64_t messages;
	uint64_t aligned; /* of these, those that it aligned for */
};

struct gp_reportdb_override {
	uint8_t reason, disposition;
	uint64_t messages;
};

struct gp_reportdb_reporter {
	struct gp_slice org;
	int64_t first_day, last_day; /* with reports, within the range */
	uint64_t reports, records, messages;
	uint64_t lost;   /* records that could not be kept */
	uint64_t flawed; /* reports with something odd */
};

/* A published policy, as reporters found it. */
struct gp_reportdb_policy {
	struct gp_slice domain;
	uint8_t p, sp, np;
	bool adkim_strict, aspf_strict, testing;
	int pct; /* -1: it does not say */
	int64_t first_day, last_day;
	uint64_t reports;
};

/* All in the range together. */
[[nodiscard]] int
gp_reportdb_total(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		  struct gp_reportdb_figures *ret);
/* Its days that have messages, in order. */
[[nodiscard]] int
gp_reportdb_days(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		 struct gp_arena *arena, struct gp_reportdb_day **ret, size_t *ret_len);
/* Domains that have messages in it; the range's domain is of no interest. */
[[nodiscard]] int
gp_reportdb_domains(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		    struct gp_arena *arena, struct gp_reportdb_domain **ret, size_t *ret_len);
/* The days that gp_reportdb_sources() counts: those of the range; of all domains, all of the weeks
 * that it touches, which begin at days that are divisible by 7. */
struct gp_reportdb_range
gp_reportdb_sources_range(const struct gp_reportdb_range *range);
/* The `max` first in that order. Of all domains, those sources count that had a thousandth of a
 * week's messages, or of those that do not align. */
[[nodiscard]] int
gp_reportdb_sources(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		    enum gp_reportdb_order order, size_t max, struct gp_arena *arena,
		    struct gp_reportdb_source **ret, size_t *ret_len);
/* One source, of one domain: its figures of the range. first_day -1: it was never seen. */
[[nodiscard]] int
gp_reportdb_source(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		   const uint8_t address[16], struct gp_arena *arena,
		   struct gp_reportdb_source *ret);
/* The last days of one source: figures by the day, of one domain. */
[[nodiscard]] int
gp_reportdb_source_days(struct gp_reportdb *db, const struct gp_reportdb_range *range,
			const uint8_t address[16], struct gp_arena *arena,
			struct gp_reportdb_day **ret, size_t *ret_len);
/* How many sources were seen for the first time in the range. */
[[nodiscard]] int
gp_reportdb_new_sources(struct gp_reportdb *db, const struct gp_reportdb_range *range,
			uint64_t *ret);

/* Signatures by signing domain, selector and result; SPF by domain, scope and result. */
[[nodiscard]] int
gp_reportdb_selectors(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		      struct gp_arena *arena, struct gp_reportdb_auth **ret, size_t *ret_len);
[[nodiscard]] int
gp_reportdb_spf(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		struct gp_arena *arena, struct gp_reportdb_auth **ret, size_t *ret_len);
[[nodiscard]] int
gp_reportdb_overrides(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		      struct gp_arena *arena, struct gp_reportdb_override **ret, size_t *ret_len);
/* Of all kinds of reports: kind 0, or one. */
[[nodiscard]] int
gp_reportdb_reporters(struct gp_reportdb *db, const struct gp_reportdb_range *range, uint8_t kind,
		      struct gp_arena *arena, struct gp_reportdb_reporter **ret, size_t *ret_len);
/* Those that were seen within the range, the last one first. */
[[nodiscard]] int
gp_reportdb_policies(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		     struct gp_arena *arena, struct gp_reportdb_policy **ret, size_t *ret_len);

/* --- read: figures of TLS --- */

struct gp_reportdb_tls_day {
	int64_t day;
	struct gp_slice type;        /* of the policy: "tlsa", "sts", "no-policy-found" */
	uint64_t successful, failed; /* sessions */
};

struct gp_reportdb_tls_failure {
	struct gp_slice result, receiving_mx, org;
	int64_t first_day, last_day; /* within the range */
	uint64_t sessions;
};

/* Domains with reports of sessions in it, by name; the range's domain is of no interest. */
[[nodiscard]] int
gp_reportdb_tls_domains(struct gp_reportdb *db, const struct gp_reportdb_range *range,
			struct gp_arena *arena, struct gp_slice **ret, size_t *ret_len);
/* By day and type, in that order. */
[[nodiscard]] int
gp_reportdb_tls_days(struct gp_reportdb *db, const struct gp_reportdb_range *range,
		     struct gp_arena *arena, struct gp_reportdb_tls_day **ret, size_t *ret_len);
[[nodiscard]] int
gp_reportdb_tls_failures(struct gp_reportdb *db, const struct gp_reportdb_range *range,
			 struct gp_arena *arena, struct gp_reportdb_tls_failure **ret,
			 size_t *ret_len);

/* --- read: reports --- */

struct gp_reportdb_report {
	uint64_t number; /* here; never 0 */
	uint8_t kind;
	bool authenticated, estimated;
	struct gp_slice org, email, id, domain, file;
	int64_t begin, end, received_s;
	uint64_t records, lost, flaws;
	uint64_t messages; /* TLS: sessions; failure: incidents */
};

/* Those that end within the range's days, of a kind or (0) all: the last to end first, and of
 * those that end together the last to come. Page by page: those behind that one, which was the
 * last of the page before (NULL: from the first one on). */
[[nodiscard]] int
gp_reportdb_list(struct gp_reportdb *db, const struct gp_reportdb_range *range, uint8_t kind,
		 const struct gp_reportdb_report *behind, size_t max, struct gp_arena *arena,
		 struct gp_reportdb_report **ret, size_t *ret_len);
/* 0; 1: there is none of that number; -errno. */
[[nodiscard]] int
gp_reportdb_report(struct gp_reportdb *db, uint64_t number, struct gp_arena *arena,
		   struct gp_reportdb_report *ret);
/* Tells a report as its reader told it: head, rows by number, flaws. 0; 1: there is none; -errno;
 * or what the listener returned. */
[[nodiscard]] int
gp_reportdb_tell(struct gp_reportdb *db, uint64_t number,
		 const struct gp_ingest_listener *listener);
/* The same of the rows of one source in all DMARC reports of the range, which has a domain: by
 * report, each with its head, the last to end first; GP_REPORTDB_SOURCE_MAX reports are looked
 * through at most, whether they have such rows or not. Whoever listens returns not 0 when he has
 * seen enough. */
[[nodiscard]] int
gp_reportdb_tell_source(struct gp_reportdb *db, const struct gp_reportdb_range *range,
			const uint8_t address[16], const struct gp_ingest_listener *listener);
/* Failure reports of messages of the range's days, the newest first, at most `max`: each a head
 * and a failure. */
[[nodiscard]] int
gp_reportdb_tell_failures(struct gp_reportdb *db, const struct gp_reportdb_range *range, size_t max,
			  const struct gp_ingest_listener *listener);

/* --- read: health --- */

/* A document that was refused, or something odd in one that was kept. */
struct gp_reportdb_flaw {
	struct gp_slice file, why;
	uint64_t report; /* 0: the document was refused */
	uint64_t record; /* 0: the report as a whole */
	bool lost;       /* that record, or the document, is not kept */
	int64_t received_s;
};

/* A reporter on a day on which he was over the limit of what is taken. */
struct gp_reportdb_over_limit {
	int64_t day;
	struct gp_slice reporter; /* a domain or a network; empty: all others */
	uint64_t reports, octets; /* that were not taken */
};

struct gp_reportdb_health {
	uint64_t aggregates, tls, failures; /* reports that are kept */
	uint64_t unauthenticated;           /* of these */
	uint64_t duplicates, refused, old;  /* ever */
	uint64_t records, lost;             /* ever */
	int64_t last_received_s;            /* ever; 0: none yet */
	int64_t forgotten_before_day;       /* INT64_MIN: nothing was */
};

/* The newest first; refused_only: documents that were refused, else those and all that was
 * lost. */
[[nodiscard]] int
gp_reportdb_flaws(struct gp_reportdb *db, bool refused_only, size_t max, struct gp_arena *arena,
		  struct gp_reportdb_flaw **ret, size_t *ret_len);
[[nodiscard]] int
gp_reportdb_health(struct gp_reportdb *db, struct gp_reportdb_health *ret);
/* The newest day first, on each those with most reports; the range's domain is of no interest. */
[[nodiscard]] int
gp_reportdb_over_limit(struct gp_reportdb *db, const struct gp_reportdb_range *range, size_t max,
		       struct gp_arena *arena, struct gp_reportdb_over_limit **ret,
		       size_t *ret_len);
