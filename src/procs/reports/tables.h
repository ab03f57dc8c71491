/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The database's statements, between the files of store.h: store.c has their texts, and
 * store_tls.c, store_dmarc.c, store_failure.c and store_due.c run those of their tables.
 */
#pragma once

#include <sqlite3.h>

#include "procs/reports/store.h"

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	FIND_POLICY,
	COUNT_POLICIES,
	ADD_POLICY,
	BUMP_POLICY,
	FIND_FAILURE,
	COUNT_FAILURES,
	BUMP_FAILURE,
	READ_POLICIES,
	READ_FAILURES,
	FIND_PERIOD,
	BUMP_PERIOD,
	FIND_DMARC,
	SET_DMARC,
	BUMP_DMARC,
	FIND_ROW,
	BUMP_ROW,
	READ_DMARC,
	READ_ROWS,
	COUNT_REPORTS,
	ADD_REPORT,
	ADD_FAILURE_TEXTS,
	COUNT_SHARES,
	ADD_SHARE,
	FORGET_SHARES,
	MERGE_FAILURE,
	READ_FAILURE_TEXTS,
	FORGET_FAILURE_TEXTS,
	END_TLS,
	END_DMARC,
	FORGET_REPORTS,
	FORGET_POLICIES,
	FORGET_DMARC,
	FORGET_PERIODS,
	FIND_DUE,
	TAKE,
	NEXT_DUE,
	SETTLE,
	SETTLE_PLACE,
	FIND_PLACE,
	STATEMENTS,
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
	bool writing; /* a transaction is open */
	char redaction[STORE_REDACTION_LEN];
};

struct value {
	bool is_text;
	uint64_t number;
	struct gp_slice text;
};
#define N(n_) ((struct value){.number = (n_)})
#define T(text_) ((struct value){.is_text = true, .text = (text_)})

/* Begins a transaction, where none is open. 0 or -errno. */
[[nodiscard]] int
table_begin(struct store *s);

/* One step: 1 when there is a row, to be read before table_done(); else 0 or -errno. */
int
table_step(struct store *s, enum statement which);
void
table_done(struct store *s, enum statement which);

/* The first step with these values; texts must live until table_done(). */
int
table_run_with(struct store *s, enum statement which, const struct value *values, size_t len);
#define table_run(s, which, ...)                                      \
	table_run_with(s, which, (const struct value[]){__VA_ARGS__}, \
		       GP_ARRAY_LEN(((const struct value[]){__VA_ARGS__})))

/* The one number that a query gives; else as table_step. */
int
table_number(struct store *s, enum statement which, const struct value *values, size_t len,
	     uint64_t *ret);

uint64_t
table_number_at(struct store *s, enum statement which, int column);
/* Valid until the next step. */
struct gp_slice
table_text_at(struct store *s, enum statement which, int column);

/* A word of the tables as its number in an enum; 0: none of them. */
uint8_t
table_word(struct gp_slice word, const char *(*name)(uint8_t), uint8_t first, uint8_t end);
