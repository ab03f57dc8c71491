/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A survey whose answers are octets of the input: what was asked for, something else, nothing, an
 * alert. It must end by itself, and findings can be made of what it knows.
 */
#include <stdlib.h>

#include "core/hello/findings.h"
#include "core/hello/survey.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 3000 };

struct input {
	const uint8_t *data;
	size_t size, at;
};

static uint8_t
draw(struct input *in)
{
	return in->data[in->at++ % in->size];
}

static void
answer(struct gp_survey *s, const struct gp_survey_question *q, struct input *in)
{
	uint8_t how = draw(in);
	struct gp_flight f = {.hello = how & 1, .version = q->hello.version};
	if (how & 2)
		f.version = (uint16_t)(GP_SSL_3 + (how >> 5));
	if (q->hello.ciphers_len > 0)
		f.cipher = q->hello.ciphers[draw(in) % q->hello.ciphers_len];
	if (how & 4)
		f.cipher = (uint16_t)(f.cipher ^ draw(in));
	if (q->hello.groups_len > 0)
		f.group = q->hello.groups[draw(in) % q->hello.groups_len];
	f.took = draw(in);
	f.alert = how & 8;
	f.description = how & 16 ? 86 : 40;
	f.dh_bits = (uint16_t)(draw(in) * 16);
	f.certificates[0] = GP_SLICE("DER");
	f.certificates_len = how >> 7;
	gp_survey_answer(s, q->id, how == 0 ? NULL : &f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct input in = {data, size, 0};
	struct gp_arena arena = GP_ARENA_INIT(GP_SURVEY_ARENA);
	const struct gp_survey_options options = {.connections_max = STEPS_MAX,
						  .brief = data[size - 1] & 1};
	struct gp_survey *s = gp_survey_new(&arena, &options);
	struct gp_survey_question q[GP_SURVEY_UNDER_WAY_MAX];
	size_t len = 0;
	while (s) {
		enum gp_survey_step step = gp_survey_next(s, &q[len]);
		if (step == GP_SURVEY_DONE)
			break;
		gp_assert(step == GP_SURVEY_ASK || len > 0);
		len += step == GP_SURVEY_ASK;
		/* Whatever is under way may be answered next. */
		if (step == GP_SURVEY_WAIT || draw(&in) & 1) {
			size_t i = draw(&in) % len;
			answer(s, &q[i], &in);
			q[i] = q[--len];
		}
	}
	if (s) {
		gp_assert(gp_survey_facts(s)->connections < STEPS_MAX);
		struct gp_findings list = gp_findings(&arena);
		gp_assert(gp_survey_findings(gp_survey_facts(s), 25, NULL, &list) == 0);
		gp_assert(list.len > 0 && list.dropped == 0);
	}
	gp_arena_free(&arena);
	return 0;
}
