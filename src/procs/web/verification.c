/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/verification.h"

#include <errno.h>

#include "procs/web/allowance.h"
#include "sys/clock.h"

enum {
	QUESTIONS_MAX = VERIFICATIONS_MAX * GP_VERIFY_QUESTIONS_MAX, /* under way at once */
};

static struct {
	struct gp_role_env *env; /* NULL: there has been no resolver yet */
	struct allowance allowance;
	unsigned under_way;
} self;

void
verification_connect(struct gp_role_env *env, int fd)
{
	const struct ask_setup setup = {env->loop, env->seed, GP_PERMIT_RESOLVER_TO_WEB,
					QUESTIONS_MAX};
	self.env = env;
	ask_connect(&setup, fd);
}

/* Asks for what is needed. True: something could not be asked, and is answered. */
static bool
ask(struct verification *v, const struct gp_verify_need *need)
{
	bool answered = false;
	allowance_use(&self.allowance, v->user, (unsigned)need->len);
	for (size_t i = 0; i < need->len; i++) {
		const struct gp_dns_question *q = &need->questions[i];
		const struct gp_dns_answer none = ask_failure(q);
		if (ask_resolver(&v->asker, q))
			continue;
		gp_verify_answer(v->verify, &none);
		answered = true;
	}
	return answered;
}

static void
run(struct verification *v)
{
	struct gp_verify_need need;
	do
		v->outcome = gp_verify_run(v->verify, &need);
	while (ask(v, &need));
}

static void
settle(struct verification *v)
{
	if (v->outcome == GP_VERIFY_WAITS)
		return;
	ask_forget(&v->asker);
	event_del(v->deadline);
	v->on_done(v);
}

static void
on_answer(struct asker *a, const struct gp_dns_answer *answer)
{
	struct verification *v = gp_container_of(a, struct verification, asker);
	gp_verify_answer(v->verify, answer);
	run(v);
	settle(v);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct verification *v = arg;
	(void)fd, (void)what;
	ask_forget(&v->asker);
	gp_verify_expire(v->verify);
	run(v);
	gp_assert(v->outcome != GP_VERIFY_WAITS);
	settle(v);
}

static void
release(struct verification *v)
{
	if (v->deadline)
		event_free(v->deadline);
	v->deadline = NULL;
	v->verify = gp_verify_free(v->verify);
}

enum verification_begun
verification_begin(struct verification *v, struct gp_slice user,
		   const struct gp_verify_query *query, struct gp_slice message)
{
	if (!self.env || self.under_way == VERIFICATIONS_MAX)
		return VERIFICATION_BUSY;
	if (!allowance_has(&self.allowance, user, GP_VERIFY_QUESTIONS_MAX, gp_clock_monotonic_ms(),
			   &v->user))
		return VERIFICATION_TOO_MANY;
	v->verify = gp_verify_new(query, self.env->seed);
	v->deadline = evtimer_new(gp_loop_base(self.env->loop), on_deadline, v);
	if (!v->verify || !v->deadline) {
		release(v);
		return VERIFICATION_BUSY;
	}
	self.under_way++;
	ask_init(&v->asker, on_answer);
	gp_timer_set(v->deadline, VERIFICATION_TIME_MS);
	gp_verify_feed(v->verify, message);
	gp_verify_end(v->verify);
	run(v);
	return VERIFICATION_BEGUN;
}

void
verification_end(struct verification *v)
{
	if (!v->verify)
		return;
	ask_forget(&v->asker);
	release(v);
	self.under_way--;
}
