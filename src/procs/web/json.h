/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON onto a capped buffer, in the order in which it is called:
 *
 *     json_open(j, NULL, '{'); json_text(j, "name", name); json_open(j, "list", '['); ...
 *     json_close(j, ']'); json_close(j, '}');
 *
 * Whatever octets a text has, what comes out is UTF-8 and JSON: those that are none become U+FFFD.
 * The buffer latches its failure.
 */
#pragma once

#include "base/buf.h"

struct json {
	struct gp_buf *out;
	bool comma; /* something stands before what comes */
};

/* kind: '{' or '['. name: NULL within a list, and for the whole. The same below. */
void
json_open(struct json *j, const char *name, char kind);
/* kind: '}' or ']' */
void
json_close(struct json *j, char kind);
void
json_text(struct json *j, const char *name, struct gp_slice text);
/* NULL: null. */
void
json_str(struct json *j, const char *name, const char *text);
void
json_number(struct json *j, const char *name, int64_t value);
void
json_bool(struct json *j, const char *name, bool value);
void
json_null(struct json *j, const char *name);
