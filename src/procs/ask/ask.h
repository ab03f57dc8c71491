/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation with resolver, of a role that asks it:
 *
 *     ask_connect      a resolver is there
 *     ask_resolver     a question goes to it; the loop runs on
 *     on_answer        what it says, once for each question ...
 *     ask_forget       ... unless the one who asked has gone
 *
 * There is always an answer: resolver keeps the deadlines (procs/resolver), and what cannot be
 * answered, since resolver is gone or says nonsense or memory is short, is SERVFAIL. So an asker
 * needs no timer, and no way of its own for a resolver that died.
 */
#pragma once

#include "base/list.h"
#include "core/dns/answers.h"
#include "ipc/messages.h"
#include "sys/loop.h"

/* Who asks; embedded in what waits for the answers. Stays where it is while it waits for some. */
struct asker {
	/* An answer, valid until the function returns. Never from within ask_resolver. It may ask
	   and forget, and free the asker; ask_waits() says whether it was the last one. */
	void (*on_answer)(struct asker *a, const struct gp_dns_answer *answer);
	struct gp_list open; /* its questions without an answer */
};

struct ask_setup {
	struct gp_loop *loop;
	const uint64_t *seed; /* two, of hashes */
	gp_permit permit;     /* of what resolver may say to this role */
	size_t open_max;      /* questions of all askers at once; the first setup's counts */
};

/* Takes fd over: the channel to resolver, in place of one before, whose questions fail. */
void
ask_connect(const struct ask_setup *setup, int fd);
/* Ends the channel and frees everything; nobody waits. */
void
ask_disconnect(void);

void
ask_init(struct asker *a, void (*on_answer)(struct asker *a, const struct gp_dns_answer *answer));
/* The name is copied. False: it cannot be asked now, and there will be no answer. */
[[nodiscard]] bool
ask_resolver(struct asker *a, const struct gp_dns_question *question);
bool
ask_waits(const struct asker *a);
/* Nothing is waited for any more. */
void
ask_forget(struct asker *a);

/* What a question comes to that cannot be asked. Its names are the question's. */
struct gp_dns_answer
ask_failure(const struct gp_dns_question *question);
