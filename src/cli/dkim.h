/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs of `gatepost dkim` share. */
#pragma once

#include "base/arena.h"

struct dkim_run {
	const char *key, *domain, *selector, *headers, *canon, *algorithm, *output;
	const char *dns, *resolver;
	const char *message; /* its file, or "-" */
	uint64_t bits;       /* 0: what is usual */
	uint64_t expire_s;   /* 0: never */
	uint64_t now_s;
	bool json, quiet, verbose;
	struct gp_arena arena;
};

/* Each returns an exit code, after saying to standard error what is wrong. */
int
dkim_keygen(struct dkim_run *run);
int
dkim_sign(struct dkim_run *run);
int
dkim_verify(struct dkim_run *run);

/* Complaints; each returns its exit code: GP_EXIT_ERROR, GP_EXIT_USAGE. */
int
dkim_fail(const char *what, int error);
int
dkim_wrong(const char *what, const char *why);
