/* SPDX-License-Identifier: Apache-2.0 */
/* What a DKIM signature came to, for people and for programs. */
#pragma once

#include <jansson.h>

#include "core/dkim/dkim.h"

/*
 * An object of the list `dkim`: {"result","domain","selector","algorithm","identity","reason",
 * "key_bits","body_length","partial","testing"}, and "trace" where it is wanted. What is not known
 * is null; octets that are no printable UTF-8 are "?". NULL: no memory.
 */
json_t *
gp_dkim_json(const struct gp_dkim_verdict *v, bool trace);

/* The list `dkim`. NULL: no memory. */
json_t *
gp_dkim_json_list(const struct gp_dkim_verdict *verdicts, size_t len, bool trace);

/* The text with "?" for what no terminal should be given, in the arena; ptr NULL: no memory. */
struct gp_slice
gp_dkim_clean(struct gp_slice text, struct gp_arena *arena);
