/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of `gatepost dkim` share. */
#pragma once

#include "cli/proof/signing.h"

struct dkim_run {
	struct gp_signing signing; /* keygen: no message, and the key goes to output */
	const char *headers, *canon, *algorithm;
	uint64_t bits;     /* 0: what is usual */
	uint64_t expire_s; /* 0: never */
	struct gp_arena arena;
};

/* Each returns an exit code, after saying to standard error what is wrong. */
int
dkim_keygen(struct dkim_run *run);
int
dkim_sign(struct dkim_run *run);
int
dkim_verify(struct dkim_run *run);
