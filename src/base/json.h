/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON onto a capped buffer, in the order in which it is called:
 *
 *     gp_json_open(j, NULL, '{'); gp_json_text(j, "name", name); gp_json_open(j, "list", '['); ...
 *     gp_json_close(j, ']'); gp_json_close(j, '}');
 *
 * Whatever octets a text has, what comes out is UTF-8 and JSON: those that are none become U+FFFD.
 * The buffer latches its failure.
 */
#pragma once

#include "base/buf.h"

struct gp_json {
	struct gp_buf *out;
	bool comma; /* something stands before what comes */
};

/* kind: '{' or '['. name: NULL within a list, and for the whole. The same below. */
void
gp_json_open(struct gp_json *j, const char *name, char kind);
/* kind: '}' or ']' */
void
gp_json_close(struct gp_json *j, char kind);
void
gp_json_text(struct gp_json *j, const char *name, struct gp_slice text);
/* NULL: null. */
void
gp_json_str(struct gp_json *j, const char *name, const char *text);
void
gp_json_number(struct gp_json *j, const char *name, int64_t value);
void
gp_json_bool(struct gp_json *j, const char *name, bool value);
void
gp_json_null(struct gp_json *j, const char *name);
