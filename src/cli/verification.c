/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verification.h"

#include <errno.h>
#include <sys/random.h>

#include "cli/arc_json.h"
#include "cli/dkim_json.h"
#include "cli/dmarc.h"
#include "cli/spf_json.h"
#include "sys/clock.h"

/* False: no memory, or questions without end. */
static bool
answer_all(struct gp_verify *v, struct gp_lookup *l, const struct gp_verify_need *need)
{
	struct gp_dns_answer answer;
	if (l->network && !gp_lookup_ask(l, need->questions, need->len))
		return false;
	for (size_t i = 0; i < need->len; i++) {
		const struct gp_dns_question *q = &need->questions[i];
		if (!gp_answers_find(l->answers, q->name, q->type, &answer))
			return false;
		gp_verify_answer(v, &answer);
	}
	return true;
}

static int
run(struct gp_verify *v, struct gp_lookup *l)
{
	uint64_t end_ms = gp_clock_monotonic_ms() + GP_VERIFICATION_TIME_MAX_MS;
	struct gp_verify_need need;
	int rc;
	while ((rc = gp_verify_run(v, &need)) == GP_VERIFY_WAITS) {
		if (gp_clock_monotonic_ms() > end_ms)
			gp_verify_expire(v);
		else if (!answer_all(v, l, &need))
			return -ENOMEM;
	}
	return rc;
}

int
gp_verification_run(struct gp_lookup *lookup, const struct gp_verify_query *query,
		    struct gp_slice message, struct gp_verify **ret)
{
	uint64_t seed[2];
	*ret = NULL;
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return -EIO;
	*ret = gp_verify_new(query, seed);
	if (!*ret)
		return -ENOMEM;
	gp_verify_feed(*ret, message);
	gp_verify_end(*ret);
	return run(*ret, lookup);
}

static json_t *
signatures(const struct gp_verify_facts *facts, bool trace)
{
	json_t *list = json_array();
	for (size_t i = 0; i < facts->dkim_len; i++)
		json_array_append_new(list, gp_dkim_json(&facts->dkim[i], trace));
	return list;
}

bool
gp_verification_json(const struct gp_verify_facts *facts, bool trace, json_t *object)
{
	const struct gp_spf_result *spf = facts->mail_from;
	const struct gp_dmarc_result *dmarc = facts->dmarc;
	json_t *spf_json = spf ? gp_spf_json(spf, GP_SPF_MFROM, trace) : json_null();
	json_t *dmarc_json = dmarc ? gp_dmarc_json(dmarc, trace) : json_null();
	json_t *arc_json = facts->arc ? gp_arc_json(facts->arc, trace) : json_null();
	/* A member that could not be made is refused, and so is all of it. */
	int failed = json_object_set_new(object, "spf", spf_json);
	failed |= json_object_set_new(object, "dkim", signatures(facts, trace));
	failed |= json_object_set_new(object, "arc", arc_json);
	failed |= json_object_set_new(object, "dmarc", dmarc_json);
	return failed == 0;
}
