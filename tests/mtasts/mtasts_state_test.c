/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/mtasts/state.h"

enum {
	SECOND = 1000,
	HOUR = 3600 * SECOND,
	T0 = 1'000'000'000,
	WEEK_S = 7 * 24 * 3600,
};

static const struct gp_mtasts_policy week = {.mode = GP_MTASTS_ENFORCE, .max_age_s = WEEK_S};

enum event { RECORD, KEPT, FAILED };

/* A domain's life, step by step: at that many ms after T0, what is seen and what is to be done. */
struct step {
	uint64_t at_ms;
	enum event event;
	const char *id;               /* "": none */
	enum gp_mtasts_record record; /* RECORD */
	enum gp_mtasts_action want;
	enum gp_mtasts_failure want_failure;
};

static void
play(const struct step *steps, size_t len)
{
	struct gp_mtasts_state s = {0};
	for (size_t i = 0; i < len; i++) {
		const struct step *p = &steps[i];
		struct gp_slice id = gp_slice_str(p->id);
		if (p->event == KEPT) {
			gp_mtasts_kept(&s, id, &week, T0 + p->at_ms);
			continue;
		}
		if (p->event == FAILED) {
			gp_mtasts_failed(&s, id, p->want_failure, T0 + p->at_ms);
			continue;
		}
		struct gp_mtasts_next n = gp_mtasts_decide(&s, p->record, id, T0 + p->at_ms);
		if (n.action != p->want || n.failure != p->want_failure)
			fail_msg("step %zu: action %d, failure %d", i, n.action, n.failure);
	}
}

#define PLAY(...)                                                  \
	do {                                                       \
		static const struct step steps_[] = {__VA_ARGS__}; \
		play(steps_, GP_ARRAY_LEN(steps_));                \
	} while (0)
#define SEES(at, id, record, want)                                                             \
	{                                                                                      \
		at, RECORD, id, GP_MTASTS_RECORD_##record, GP_MTASTS_##want, GP_MTASTS_FETCHED \
	}
#define SEES_REPORTED(at, id, want, why)                                               \
	{                                                                              \
		at, RECORD, id, GP_MTASTS_RECORD_OK, GP_MTASTS_##want, GP_MTASTS_##why \
	}
#define IS_KEPT(at, id)               \
	{                             \
		at, KEPT, id, 0, 0, 0 \
	}
#define FAILS(at, id, why)                            \
	{                                             \
		at, FAILED, id, 0, 0, GP_MTASTS_##why \
	}

static void
first_contact(void **state)
{
	(void)state;
	PLAY(SEES(0, "a", OK, FETCH), IS_KEPT(1, "a"), SEES(2, "a", OK, APPLY),
	     SEES(HOUR, "a", OK, APPLY));
	PLAY(SEES(0, "", NONE, DO_NOTHING), SEES(1, "", INVALID, DO_NOTHING),
	     SEES(2, "", SEVERAL, DO_NOTHING), SEES(3, "", UNKNOWN, DO_NOTHING));
}

static void
a_fetch_that_fails_is_not_tried_again_at_once(void **state)
{
	(void)state;
	PLAY(SEES(0, "a", OK, FETCH), FAILS(1, "a", WEBPKI_INVALID),
	     SEES_REPORTED(2, "a", DO_NOTHING, WEBPKI_INVALID),
	     SEES_REPORTED(300 * SECOND, "a", DO_NOTHING, WEBPKI_INVALID),
	     SEES(300 * SECOND + 1, "a", OK, FETCH), SEES(3, "b", OK, FETCH));
}

static void
a_new_id_is_fetched_and_the_old_policy_stays_until_then(void **state)
{
	(void)state;
	PLAY(IS_KEPT(0, "a"), SEES(HOUR, "b", OK, FETCH), FAILS(HOUR, "b", FETCH_ERROR),
	     SEES_REPORTED(HOUR + 1, "b", APPLY, FETCH_ERROR), SEES(2 * HOUR, "b", OK, FETCH),
	     IS_KEPT(2 * HOUR, "b"), SEES(3 * HOUR, "b", OK, APPLY));
}

static void
a_record_that_is_gone_ends_no_policy(void **state)
{
	(void)state;
	PLAY(IS_KEPT(0, "a"), SEES(HOUR, "", NONE, APPLY), SEES(48ull * HOUR, "", NONE, APPLY),
	     SEES(48ull * HOUR, "", INVALID, APPLY), SEES(48ull * HOUR, "", SEVERAL, APPLY),
	     SEES(WEEK_S * 1000ull - 1, "", NONE, APPLY),
	     SEES(WEEK_S * 1000ull, "", NONE, DO_NOTHING));
}

static void
it_is_fetched_anew_after_a_day(void **state)
{
	(void)state;
	PLAY(IS_KEPT(0, "a"), SEES(24ull * HOUR - 1, "a", OK, APPLY),
	     SEES(24ull * HOUR, "a", OK, REFRESH), SEES(24ull * HOUR, "", UNKNOWN, REFRESH),
	     FAILS(24ull * HOUR, "", FETCH_ERROR), SEES(24ull * HOUR + 1, "a", OK, APPLY),
	     SEES(25ull * HOUR, "a", OK, REFRESH), IS_KEPT(25ull * HOUR, ""),
	     SEES(26ull * HOUR, "a", OK, APPLY));
}

static void
a_clock_that_went_back(void **state)
{
	(void)state;
	PLAY(IS_KEPT(HOUR, "a"), SEES(0, "a", OK, APPLY), FAILS(HOUR, "b", FETCH_ERROR),
	     SEES(0, "b", OK, FETCH));
}

static void
max_age_0_and_short_ones(void **state)
{
	(void)state;
	struct gp_mtasts_policy p = {.mode = GP_MTASTS_ENFORCE};
	struct gp_mtasts_state s = {0};
	gp_mtasts_kept(&s, GP_SLICE("a"), &p, T0);
	assert_false(gp_mtasts_valid(&s, T0));
	p.max_age_s = 3600;
	gp_mtasts_kept(&s, GP_SLICE("a"), &p, T0);
	assert_true(gp_mtasts_valid(&s, T0));
	struct gp_mtasts_next n =
		gp_mtasts_decide(&s, GP_MTASTS_RECORD_OK, GP_SLICE("a"), T0 + HOUR / 2);
	assert_int_equal(n.action, GP_MTASTS_REFRESH);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_contact),
		cmocka_unit_test(a_fetch_that_fails_is_not_tried_again_at_once),
		cmocka_unit_test(a_new_id_is_fetched_and_the_old_policy_stays_until_then),
		cmocka_unit_test(a_record_that_is_gone_ends_no_policy),
		cmocka_unit_test(it_is_fetched_anew_after_a_day),
		cmocka_unit_test(a_clock_that_went_back),
		cmocka_unit_test(max_age_0_and_short_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
