/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements as PostgreSQL knows them, made of those that are written for both: parameters are $1
 * in place of ?1 and ?, and some words are others. The tables are the same, column by column.
 */
#pragma once

#include "base/buf.h"

enum gp_dialect_form {
	GP_DIALECT_PLAIN = 0,
	GP_DIALECT_INSERT, /* tells the id of the row that it added */
	GP_DIALECT_ROWS,   /* its VALUES are arrays, one of each column: many rows at once */
};

/* Appends it. Returns how many parameters it has. ret_columns: so many of them, the first ones, are
 * arrays; may be NULL. */
int
gp_dialect_translate(struct gp_buf *to, const char *text, enum gp_dialect_form form,
		     int *ret_columns);
