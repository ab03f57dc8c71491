/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share: a database that is open, and the document that comes
 * in. */
#pragma once

#include "base/map.h"
#include "reportdb/apportion.h"
#include "reportdb/block.h"
#include "reportdb/cells.h"
#include "reportdb/sql.h"

enum gp_reportdb_parts {
	GP_DETAILS_MAX = 4096,           /* of one document, in memory at a time */
	GP_DETAILS_MEMORY_MAX = 4 << 20, /* octets; at half of it they are forgotten */
	GP_ROWS_MAX = 32 << 10,          /* of one document, in memory at a time; 40 octets each */
	GP_KNOWN = 64,                /* details that are found by the number they were told with */
	GP_LINES_MAX = 64 << 10,      /* octets of a list of texts, as lines */
	GP_TOLD_MEMORY_MAX = 1 << 30, /* octets, of a report's rows when it is told again */
	GP_FIGURES = 9,
	GP_BLOCKS_MEMORY = 1 << 20, /* octets of blocks that are put; then they are written */
};

enum gp_reportdb_statement {
	ST_ADD_REPORT = 0,
	ST_FIND_REPORT,
	ST_SET_REPORT,
	ST_ADD_BLOCK,
	ST_ADD_TLS_POLICY,
	ST_ADD_TLS_FAILURE,
	ST_ADD_FAILURE,
	ST_ADD_FLAW,
	ST_DROP_FLAW,
	ST_PRUNE_FLAWS,
	ST_TOTAL,
	ST_DAYS,
	ST_DOMAINS,
	ST_SOURCES_DOMAIN,
	ST_SOURCES_TOP,
	ST_SOURCE_WEEKS,
	ST_BOUNDS,
	ST_SOURCE_SEEN,
	ST_SOURCE_DAYS,
	ST_NEW_SOURCES,
	ST_UNNAMED,
	ST_NAME,
	ST_KEEP_NAME,
	ST_LOOKED_SINCE,
	ST_SELECTORS,
	ST_SPF,
	ST_OVERRIDES,
	ST_REPORTERS,
	ST_POLICIES,
	ST_TLS_DOMAINS,
	ST_TLS_DAYS,
	ST_TLS_FAILURES,
	ST_LIST,
	ST_LIST_OF_DOMAIN,
	ST_LIST_OF_FEW,
	ST_REPORT,
	ST_HEAD,
	ST_RECORDS,
	ST_BLOCKS,
	ST_SOURCE_BLOCKS,
	ST_TLS_POLICIES,
	ST_FAILURES_OF_POLICY,
	ST_FAILURE,
	ST_FLAWS_OF_REPORT,
	ST_SOURCE_REPORTS,
	ST_SOURCE_RECORDS,
	ST_FAILURE_REPORTS,
	ST_FLAWS,
	ST_TALLY,
	ST_KINDS,
	ST_OVER_LIMIT,
	STATEMENTS,
};

/* A flaw that was told. */
struct gp_flaw {
	uint64_t record;
	bool lost;
	const char *why;
};

/*
 * The document that is being told. Most are small: they are in memory until their end, when all of
 * them goes to the database, and nothing needs to be undone. One that is larger enters the database
 * before its end, within a savepoint, and its figures are added up apart.
 */
struct gp_document {
	bool open, told; /* begun; has a head */
	bool entered;
	int error; /* negative: it cannot be kept */
	bool authenticated;
	int64_t received_s;
	enum gp_reportdb_outcome outcome; /* KEPT until something else is known */
	char reason[256];                 /* REFUSED */
	struct gp_slice file;             /* this and other texts are in `arena` */

	/* From its head on. */
	struct gp_ingest_head head;
	int64_t report; /* its id, once it has entered, or ends */
	struct gp_apportion days;
	struct gp_reportdb_figures *figures; /* by day */
	uint64_t records, lost, flaws_told, messages;
	uint64_t last_number; /* of its records */
	struct gp_flaw flaws[GP_REPORTDB_FLAWS_MAX];
	size_t flaws_len;
	struct gp_arena arena;

	struct gp_map details; /* by `packed` */
	struct gp_arena details_arena;
	struct {
		uint64_t number; /* 0: none */
		struct gp_detail *detail;
	} known[GP_KNOWN]; /* by their number (struct gp_ingest_row) */
	size_t rows_len;   /* that are not in the database yet */
	int64_t blocks;    /* that are */

	struct gp_slice tls_domain; /* of the policy that was told last */
	uint64_t tls_policy, tls_failures;
};

/* A key of a table of figures: without its day, or without its source. */
struct gp_forget_place {
	int64_t trusted, day;
	struct gp_buf domain;
	uint8_t source[17]; /* one more than an address has */
	size_t source_len;
};

enum { GP_FORGET_STATEMENTS = 47 };

/* How far it is with what is forgotten slice by slice. */
struct gp_forgetting {
	bool under_way;
	int64_t before_day;
	size_t part;
	struct gp_forget_place at, to; /* behind what was looked at of it; what is looked at now */
	int64_t left;                  /* of what the slice may cost */
	struct gp_sql_statement *statements[GP_FORGET_STATEMENTS];
};

struct gp_reportdb {
	struct gp_sql *sql;
	bool writes, in_transaction;
	bool refused; /* something, since the last sync */
	bool copies;  /* what is told comes from another one, which has counted what it came to */
	struct gp_sql_statement *statements[STATEMENTS];
	struct gp_sql_statement *cell_statements[GP_CELL_STATEMENTS];
	struct gp_cells batch;   /* of documents that are told */
	struct gp_cells current; /* of the one that is being told, once it has entered */
	struct gp_document doc;
	struct gp_block_row *rows; /* the document's; GP_ROWS_MAX, or NULL */
	/* Of the source that is being counted, by day: here, as what is on a stack is cleared. */
	struct gp_reportdb_figures of_source[GP_REPORTDB_DAYS_MAX];
	struct gp_block block;
	struct gp_arena blocks; /* octets of those that are put, until they are in the database */
	struct gp_buf key, packed, lines;
	int64_t forgotten_before; /* a day; INT64_MIN: nothing was forgotten */
	struct gp_forgetting forgetting;
	uint64_t seed[2];
};

/* --- statements (db.c) --- */

/* The statement, prepared when it is needed first; NULL: it cannot be, gp_sql_error() says why. */
struct gp_sql_statement *
gp_statement(struct gp_reportdb *db, enum gp_reportdb_statement which);
/* As 4 octets or 16. */
void
gp_bind_source(struct gp_sql_statement *st, int column, const uint8_t address[16]);
/* Of a statement without rows, whose values are bound. 0 or -errno. */
[[nodiscard]] int
gp_finish(struct gp_reportdb *db, enum gp_reportdb_statement which);
/* The next row: 1; 0: there is none; -errno. But for 1 the statement is over. */
[[nodiscard]] int
gp_next_row(struct gp_reportdb *db, enum gp_reportdb_statement which);
/* It is of no more interest. */
void
gp_reset(struct gp_reportdb *db, enum gp_reportdb_statement which);
uint64_t
gp_count_at(struct gp_sql_statement *st, int column); /* no negative ones */
void
gp_source_at(struct gp_sql_statement *st, int column, uint8_t ret_address[16]);

/* The address as a slice of 4 octets or 16. */
struct gp_slice
gp_source_octets(const uint8_t address[16]);

/* --- transactions (write.c) --- */

/* Begins one where there is none. 0 or -errno. */
[[nodiscard]] int
gp_transaction(struct gp_reportdb *db);
/* All that was told since the last sync is forgotten. Returns the error. */
int
gp_give_up(struct gp_reportdb *db, int error);

/* --- rows of aggregate reports (rows.c) --- */

void
gp_figures_add(struct gp_reportdb_figures *to, const struct gp_reportdb_figures *f);
/* 0; 1: it is known to be a duplicate; -errno. */
[[nodiscard]] int
gp_document_row(struct gp_reportdb *db, const struct gp_ingest_row *row);
/* Its rows are in the database, and what they, its details and its days come to among its
 * figures. */
[[nodiscard]] int
gp_document_figures(struct gp_reportdb *db);
/* The document is in the database from now on. 0; 1: it is a duplicate; -errno. */
[[nodiscard]] int
gp_document_enter(struct gp_reportdb *db);
/* Adds to its cells: one whose key is in db->key. 0 or -ENOMEM. */
[[nodiscard]] int
gp_document_add(struct gp_reportdb *db, const int64_t *values);
/* Begins a key in db->key: table, trusted, domain. */
void
gp_document_key(struct gp_reportdb *db, enum gp_cell_table table, struct gp_slice domain);
/* Writes its cells, once they are many; it is in the database. */
[[nodiscard]] int
gp_document_spill(struct gp_reportdb *db);

/* --- other records (write.c) --- */

/* 0; 1: the document is refused by it; -errno. */
[[nodiscard]] int
gp_document_flaw(struct gp_reportdb *db, uint64_t record, bool lost, const char *why);

/* Whether the number of a record is one that may come now: they rise. */
bool
gp_document_number(struct gp_document *d, uint64_t number);

/* Adds to its messages. False: a report of more than GP_INGEST_COUNT_MAX is not true, and sums of
   such reports would not fit. */
[[nodiscard]] bool
gp_document_count(struct gp_document *d, uint64_t count);

/* --- retention (forget.c) --- */

void
gp_forgetting_free(struct gp_forgetting *f);

/* Texts as lines, in a buffer that is cleared first. */
struct gp_slice
gp_lines(struct gp_buf *to, const struct gp_slice *list, size_t len);
