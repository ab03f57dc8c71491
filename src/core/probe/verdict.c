/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests come to, and what arrivals prove. */
#include "core/probe/canary.h"
#include "core/probe/relay.h"
#include "core/probe/smuggle.h"

enum { PLAIN_FORM = 2 };

enum gp_probe_verdict
gp_probe_relay_verdict(const struct gp_probe_record *record)
{
	bool plain_refused = false, accepted = false;
	for (size_t i = 0; i < record->relay_len; i++) {
		const struct gp_probe_relay_test *t = &record->relay[i];
		if (t->state == GP_PROBE_RELAY_PROVEN)
			return GP_PROBE_VERDICT_PROVEN;
		accepted |= t->state == GP_PROBE_RELAY_ACCEPTED;
		plain_refused |= t->state == GP_PROBE_RELAY_REFUSED && t->number == PLAIN_FORM;
	}
	if (accepted)
		return GP_PROBE_VERDICT_ACCEPTED;
	return plain_refused ? GP_PROBE_VERDICT_REFUSED : GP_PROBE_VERDICT_NOT_MEASURED;
}

const char *
gp_probe_verdict_name(enum gp_probe_verdict verdict)
{
	static const char *const names[] = {
		[GP_PROBE_VERDICT_NOT_MEASURED] = "not_measured",
		[GP_PROBE_VERDICT_REFUSED] = "refused",
		[GP_PROBE_VERDICT_ACCEPTED] = "accepted_unproven",
		[GP_PROBE_VERDICT_PROVEN] = "proven",
	};
	return names[verdict];
}

enum gp_probe_smuggle_state
gp_probe_smuggle_verdict(const struct gp_probe_record *record)
{
	size_t len;
	const struct gp_probe_variant *v = gp_probe_variants(&len);
	enum gp_probe_smuggle_state verdict = GP_PROBE_SMUGGLE_NOT_TESTED;
	for (size_t i = 0; i < record->smuggle_len; i++) {
		if (v[i].control || record->smuggle[i].state == GP_PROBE_SMUGGLE_NOT_TESTED)
			continue;
		if (record->smuggle[i].state == GP_PROBE_SMUGGLE_SPLIT)
			return GP_PROBE_SMUGGLE_SPLIT;
		verdict = GP_PROBE_SMUGGLE_ONE;
	}
	return verdict;
}

/* The message in which a token arrived; NULL: none. */
static const struct gp_probe_arrival *
find_arrival(const struct gp_probe *p, char kind, unsigned number, char letter,
	     const struct gp_probe_arrival *arrivals, size_t len)
{
	struct gp_buf token = GP_BUF_INIT(64);
	const struct gp_probe_arrival *found = NULL;
	gp_probe_put_token(&token, &p->o, kind, number, letter);
	for (size_t i = 0; i < len && !found && !token.failed; i++) {
		if (gp_slice_eq(arrivals[i].token, gp_buf_slice(&token)))
			found = &arrivals[i];
	}
	gp_buf_free(&token);
	return found;
}

static void
prove_relay(struct gp_probe *p, const struct gp_probe_arrival *arrivals, size_t len)
{
	for (size_t i = 0; i < p->record.relay_len; i++) {
		struct gp_probe_relay_test *t = &p->record.relay[i];
		if (!find_arrival(p, 'r', t->number, t->letter, arrivals, len))
			continue;
		t->state = GP_PROBE_RELAY_PROVEN;
		t->why = NULL;
	}
}

/* The hidden message came on its own: then somebody on the way has split it. */
static void
prove_splits(struct gp_probe *p, const struct gp_probe_arrival *arrivals, size_t len)
{
	for (size_t i = 0; i < p->record.smuggle_len; i++) {
		struct gp_probe_smuggle_test *t = &p->record.smuggle[i];
		unsigned number = (unsigned)i + 1;
		const struct gp_probe_arrival *outer =
			find_arrival(p, 's', number, 0, arrivals, len);
		const struct gp_probe_arrival *hidden =
			find_arrival(p, 's', number, 'x', arrivals, len);
		if (!hidden || (outer && outer->message == hidden->message))
			continue;
		t->state = GP_PROBE_SMUGGLE_SPLIT;
		t->why = NULL;
	}
}

void
gp_probe_arrived(struct gp_probe *p, const struct gp_probe_arrival *arrivals, size_t len)
{
	prove_relay(p, arrivals, len);
	prove_splits(p, arrivals, len);
}
