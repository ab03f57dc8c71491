/* SPDX-License-Identifier: Apache-2.0 */
/* Mailboxes whose hosts were asked. */
#include "world.h"

static void
replies_tell_of_mailboxes(void **state)
{
	static const struct {
		unsigned code;
		const char *reply;
		uint8_t taken;
	} cases[] = {
		{250, "250 ok", GP_POSTURE_TAKEN},
		{251, "251 it is elsewhere", GP_POSTURE_TAKEN},
		{550, "550 5.1.1 nobody", GP_POSTURE_TAKEN_NOT},
		{550, "550-5.1.10 nobody\n550 5.1.10 really", GP_POSTURE_TAKEN_NOT},
		{550, "550 5.2.1 disabled", GP_POSTURE_TAKEN_NOT},
		{550, "550 nobody", GP_POSTURE_TAKEN_NOT},
		{553, "553", GP_POSTURE_TAKEN_NOT},
		{550, "550 5.7.1 not from you", GP_POSTURE_TAKEN_UNKNOWN},
		{552, "552 5.2.2 full", GP_POSTURE_TAKEN_UNKNOWN},
		{554, "554 no", GP_POSTURE_TAKEN_UNKNOWN},
		{450, "450 4.2.0 later", GP_POSTURE_TAKEN_UNKNOWN},
		{0, "", GP_POSTURE_TAKEN_UNKNOWN},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (gp_posture_taken_by(cases[i].code, gp_slice_str(cases[i].reply)) !=
		    cases[i].taken)
			fail_msg("%s", cases[i].reply);
	}
}

/* Which mailboxes are proposed where what is published counts for nothing. */
static void
mailboxes_are_those_that_were_meant(void **state)
{
	static const struct {
		const char *rua, *proposed;
	} cases[] = {
		{"r@d.test", "mailto:r@d.test"},
		{"mailto:r@d.test mailto:s@d.test", "mailto:r@d.test,mailto:s@d.test"},
		{"mailto: r@d.test", "mailto:r@d.test"},
		{"r@d.test, s@d.test", "mailto:r@d.test,mailto:s@d.test"},
		{"r@a.test", "mailto:dmarc-reports@d.test"}, /* another's, who has not agreed */
		{"", "mailto:dmarc-reports@d.test"},
		{"mailto:", "mailto:dmarc-reports@d.test"},
		{"@d.test r@", "mailto:dmarc-reports@d.test"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char text[256], want[256];
		const struct gp_posture_query q = {.domain = GP_SLICE("d.test"),
						   .now_s = 1'700'000'000};
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		struct gp_posture_result r;
		json_t *json = make_world(false, "{}");
		snprintf(text, sizeof(text), "v=DMARC1; p=reject; rua=%s", cases[i].rua);
		snprintf(want, sizeof(want), "v=DMARC1; p=reject; rua=%s", cases[i].proposed);
		json_object_set_new(json, "_dmarc.d.test", json_pack("{s:[s]}", "TXT", text));
		struct gp_answers *world = read_world(json, &arena);
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		const struct gp_finding *f = gp_finding_of(&r.findings, "dmarc.rua.none");
		if (!f || f->records_len == 0 ||
		    !gp_slice_eq(f->records[0].value, gp_slice_str(want)))
			fail_msg("%s", cases[i].rua);
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

static void
refused_mailboxes_are_found(void **state)
{
	static const struct {
		struct gp_posture_mailbox box;
		int state; /* of dmarc.rua.dead; -1: it is not there */
	} cases[] = {
		{{GP_SLICE("r@d.test"), GP_POSTURE_TAKEN, {}}, -1},
		{{GP_SLICE("other@d.test"), GP_POSTURE_TAKEN_NOT, {}}, -1},
		{{GP_SLICE("r@d.test"), GP_POSTURE_TAKEN_NOT, GP_SLICE("550 5.1.1 no")},
		 GP_FINDING_FAIL},
		{{GP_SLICE("r@d.test"), GP_POSTURE_TAKEN_UNKNOWN, GP_SLICE("550 5.1.1 no")},
		 GP_FINDING_NOT_MEASURED},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(GP_POSTURE_ARENA);
		const struct gp_posture_query q = {.domain = GP_SLICE("d.test"),
						   .now_s = 1'700'000'000,
						   .mailboxes = &cases[i].box,
						   .mailboxes_len = 1};
		struct gp_posture_result r;
		json_t *json = make_world(false, "{}");
		struct gp_answers *world = read_world(json, &arena);
		assert_int_equal(gp_posture_eval(&q, world, &arena, &r), GP_POSTURE_DONE);
		const struct gp_finding *f = gp_finding_of(&r.findings, "dmarc.rua.dead");
		assert_int_equal(f ? (int)f->state : -1, cases[i].state);
		if (f)
			assert_slice(f->evidence, "r@d.test: 550 5.1.1 no");
		gp_answers_free(world);
		gp_arena_free(&arena);
		json_decref(json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_tell_of_mailboxes),
		cmocka_unit_test(mailboxes_are_those_that_were_meant),
		cmocka_unit_test(refused_mailboxes_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
