/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The DNS for commands: answers from a file of --dns, or from libunbound within this process. A
 * command fills the set by what its evaluators ask for, and runs them again:
 *
 *     while ((r = gp_mx_eval(&query, lookup->answers, arena, &mx)) == GP_MX_NEED &&
 *            gp_lookup_ask(lookup, mx.need, mx.need_len))
 *             ;
 */
#pragma once

#include "core/config/config.h"
#include "core/dns/answers.h"

struct network;
struct event_base;
struct event;

struct gp_lookup {
	struct gp_arena arena;
	struct gp_answers *answers;
	struct network *network; /* NULL: nobody is asked */
	struct event_base *base; /* as long as there is a network */
	bool borrowed;           /* it is another's */
	struct event *timer;
	unsigned rounds;
};

struct gp_lookup_options {
	const char *command;  /* for complaints: "gatepost domain" */
	const char *dns;      /* file of --dns; NULL: none */
	const char *resolver; /* of --resolver; NULL: none */
	/* Where neither is given its `dns` counts; all zero without a configuration. */
	const struct gp_config *config;
	/* NULL, or what the network is to live on, for who asks it by network_ask() alone. */
	struct event_base *base;
	unsigned sockets; /* to ask from, one a question under way; 0: NETWORK_SOCKETS */
};

/* Returns an exit code, after saying to standard error what is wrong. To be closed in any case. */
[[nodiscard]] int
gp_lookup_open(struct gp_lookup *l, const struct gp_lookup_options *o);
void
gp_lookup_close(struct gp_lookup *l);

/* Opens it over answers that were kept (gp_answers_write): nobody is asked, and what is not among
 * them is not known. 0, 1: they are damaged, or -errno. To be closed in any case. */
[[nodiscard]] int
gp_lookup_open_kept(struct gp_lookup *l, struct gp_slice answers);

/*
 * Puts the answers to all of these questions into the set, waiting for them at most 30 s; what
 * nobody answers is SERVFAIL or TIMEOUT there. False: the questions go on without end, or memory
 * ran out.
 */
[[nodiscard]] bool
gp_lookup_ask(struct gp_lookup *l, const struct gp_dns_question *questions, size_t len);

/* One answer, asked for if need be. False: as above. */
[[nodiscard]] bool
gp_lookup_get(struct gp_lookup *l, struct gp_slice name, uint16_t type, struct gp_dns_answer *ret);
