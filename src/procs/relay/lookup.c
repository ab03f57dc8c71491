/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the resolver, in rounds: a delivery waits until the last of its questions is
 * answered. One that cannot be answered counts as SERVFAIL: the mail waits, and is tried again
 * later.
 */
#include <errno.h>
#include <stdlib.h>

#include "procs/ask/ask.h"
#include "procs/relay/relay.h"

enum { OPEN_MAX = 100'000 }; /* questions at once */

/* The questions of one delivery that were asked together. */
struct round {
	struct asker asker;
	struct delivery *delivery;
	struct gp_answers *set;
};

/* The answer is in, whatever it was. */
static void
on_answer(struct asker *a, const struct gp_dns_answer *answer)
{
	struct round *round = gp_container_of(a, struct round, asker);
	/* A set that is full, or out of memory, makes the evaluator ask again: the delivery counts
	 * the rounds. */
	(void)gp_answers_add(round->set, answer);
	if (ask_waits(a))
		return;
	struct delivery *d = round->delivery;
	free(round);
	delivery_answered(d);
}

void
lookup_connect(struct gp_role_env *env, int fd)
{
	const struct ask_setup setup = {env->loop, env->seed, GP_PERMIT_RESOLVER_TO_RELAY,
					OPEN_MAX};
	ask_connect(&setup, fd);
}

int
lookup_ask(struct delivery *d, struct gp_answers *set, const struct gp_dns_question *questions,
	   size_t questions_len)
{
	struct round *round = calloc(1, sizeof(*round));
	if (!round)
		return -ENOMEM;
	ask_init(&round->asker, on_answer);
	round->delivery = d;
	round->set = set;
	for (size_t i = 0; i < questions_len && ask_resolver(&round->asker, &questions[i]);)
		i++;
	/* What was asked is waited for, even if the rest could not be: the evaluator asks again. */
	if (ask_waits(&round->asker))
		return 0;
	free(round);
	return -ENOTCONN;
}
