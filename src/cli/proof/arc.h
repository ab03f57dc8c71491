/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of `gatepost arc` share. */
#pragma once

#include "cli/proof/signing.h"
#include "core/arc/arc.h"

struct arc_run {
	struct gp_signing signing;     /* the message; seal: the key too */
	const char *results, *arrival; /* of --auth-results, --cv */
	struct gp_arena arena;
	struct gp_dkim_body body;
	struct gp_arc_chain chain; /* of the message, when it was collected */
};

/* Judges run->chain, with as many questions as that takes. 0 or -errno. */
[[nodiscard]] int
arc_judge(struct arc_run *run, struct gp_arc_verdict *ret);

/* Each returns an exit code, after saying to standard error what is wrong; the message was read. */
int
arc_seal(struct arc_run *run);
int
arc_verify(struct arc_run *run);
