/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of `gatepost verify`: verify.c has the options and the messages. */
#pragma once

#include <jansson.h>

#include "cli/proof/trust.h"
#include "core/verify/verify.h"

/* One message, verified. */
struct verify_view {
	const char *file; /* as given; "-": standard input */
	const struct gp_verify_query *query;
	const struct gp_verify_facts *facts;
	struct gp_slice id; /* our authserv-id */
	bool trace;
	struct gp_arena *arena;
};

/* NULL: no memory. */
json_t *
verify_json(const struct verify_view *view);

/* To standard output. 0 or -ENOMEM. */
[[nodiscard]] int
verify_print(const struct verify_view *view);
