/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost domain: the parts of the command. domain.c has the options and reads the configuration;
 * then each verb is a function here that prints its answer and returns an exit code.
 */
#pragma once

#include <jansson.h>

#include "cli/domain/keyring_file.h"
#include "cli/lookup.h"

struct domain_run {
	struct gp_slice name; /* the domain: lower case, A-labels */
	bool json;
	const char *config_file;             /* of -c; NULL: the default one */
	const char *dns, *resolver;          /* of --dns, --resolver */
	const char *policy;                  /* explain: file of --policy */
	const char *next;                    /* show, check: file of --next */
	uint64_t overlap_s, after_s;         /* rotate: --overlap, --after */
	uint64_t now_s;                      /* since the epoch; --time */
	struct gp_arena arena;               /* of the configuration, and of what is found */
	const struct gp_config *config;      /* all zero where there is none */
	const struct gp_domain_config *ours; /* its entry there; NULL: not ours */
	struct gp_keyring ring;              /* its DKIM keys: domain_read_keys() */
};

int
domain_add(struct domain_run *run);
int
domain_rotate(struct domain_run *run);
int
domain_explain(struct domain_run *run);
int
domain_show(struct domain_run *run);
int
domain_check(struct domain_run *run);

/* --- domain.c: what they share --- */

/* Opens the DNS as the options say; an exit code. To be closed in any case. */
[[nodiscard]] int
domain_lookup(const struct domain_run *run, struct gp_lookup *ret);

/* Reads the domain's DKIM keys, if it has some, into run->ring; an exit code. */
[[nodiscard]] int
domain_read_keys(struct domain_run *run);

/* Outside text on its way to a terminal or into JSON: octets that are not printable ASCII become
   '?'. In the run's arena. */
struct gp_slice
domain_clean(struct domain_run *run, struct gp_slice text);

/* As a JSON string. */
json_t *
domain_json_text(struct domain_run *run, struct gp_slice text);

/* One object to standard output, and its end. Takes the object; an exit code. */
[[nodiscard]] int
domain_print_json(json_t *object);

/* "gatepost domain: " and why, to standard error. Returns the exit code for -errno. */
int
domain_fail(int error);
