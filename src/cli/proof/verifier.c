/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/proof/verifier.h"

#include <errno.h>
#include <sys/random.h>

#include "sys/clock.h"

enum { TIME_MAX_MS = 60'000 };

/* False: no memory. */
static bool
answer(struct gp_lookup *l, struct gp_verify *v, const struct gp_verify_need *need)
{
	if (l->network && !gp_lookup_ask(l, need->questions, need->len))
		return false;
	for (size_t i = 0; i < need->len; i++) {
		const struct gp_dns_question *q = &need->questions[i];
		struct gp_dns_answer a;
		if (gp_answers_find(l->answers, q->name, q->type, &a)) {
			gp_verify_answer(v, &a);
			continue;
		}
		if (l->network)
			return false;
		/* Of answers that were kept: nobody asked it then. */
		a = (struct gp_dns_answer){q->name, q->name, q->type, GP_DNS_SERVFAIL};
		gp_verify_answer(v, &a);
	}
	return true;
}

static int
drive(struct gp_lookup *l, struct gp_verify *v, struct gp_slice message)
{
	uint64_t end_ms = gp_clock_monotonic_ms() + TIME_MAX_MS;
	struct gp_verify_need need;
	int r;
	gp_verify_feed(v, message);
	gp_verify_end(v);
	while ((r = gp_verify_run(v, &need)) == GP_VERIFY_WAITS) {
		if (!answer(l, v, &need))
			return -ENOMEM;
		if (gp_clock_monotonic_ms() > end_ms)
			gp_verify_expire(v);
	}
	if (r < 0)
		return r;
	return r == GP_VERIFY_DONE ? 0 : 1;
}

int
gp_verifier_run(struct gp_lookup *l, const struct gp_verify_query *query, struct gp_slice message,
		struct gp_verify **ret)
{
	uint64_t seed[2];
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	*ret = gp_verify_new(query, seed);
	if (!*ret)
		return -ENOMEM;
	int r = drive(l, *ret, message);
	if (r != 0)
		*ret = gp_verify_free(*ret);
	return r;
}
