/* SPDX-License-Identifier: Apache-2.0 */
/* When something is worth telling, and when it is over. */
#include "../unit.h"

#include "cli/watch/rules.h"
#include "core/ingest/report.h"

static const struct watch_limits limits = {
	.messages = 100, .source = 20, .sessions = 10, .points = 10};

#define ADDRESS GP_SLICE("192.0.2.1")

static void
worth_telling(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct watch_reading r;
		bool fires;
	} cases[] = {
		{"all of it aligned, a fifth does not",
		 {WATCH_ALIGNMENT, .now = {80, 100}, .past = {1000, 1000}},
		 true},
		{"nine points are not ten",
		 {WATCH_ALIGNMENT, .now = {91, 100}, .past = {1000, 1000}},
		 false},
		{"ten are", {WATCH_ALIGNMENT, .now = {90, 100}, .past = {1000, 1000}}, true},
		{"of half, twelve points of a hundred messages are chance",
		 {WATCH_ALIGNMENT, .now = {38, 100}, .past = {500, 1000}},
		 false},
		{"of a thousand they are not",
		 {WATCH_ALIGNMENT, .now = {380, 1000}, .past = {5000, 10000}},
		 true},
		{"too little mail now",
		 {WATCH_ALIGNMENT, .now = {0, 99}, .past = {1000, 1000}},
		 false},
		{"too little before", {WATCH_ALIGNMENT, .now = {0, 1000}, .past = {99, 99}}, false},
		{"no worse than days that there were",
		 {WATCH_ALIGNMENT, .now = {800, 1000}, .past = {9000, 10000}, .worst = {80, 100}},
		 false},
		{"nor by little",
		 {WATCH_ALIGNMENT, .now = {760, 1000}, .past = {9000, 10000}, .worst = {80, 100}},
		 false},
		{"half as much again is",
		 {WATCH_ALIGNMENT, .now = {740, 1000}, .past = {9000, 10000}, .worst = {80, 100}},
		 true},
		{"it rose", {WATCH_ALIGNMENT, .now = {1000, 1000}, .past = {0, 1000}}, false},
		{"a source that was never ours",
		 {WATCH_ALIGNMENT, .object = ADDRESS, .now = {0, 1000}, .past = {400, 1000}},
		 false},
		{"one that was",
		 {WATCH_ALIGNMENT, .object = ADDRESS, .now = {0, 1000}, .past = {900, 1000}},
		 true},

		{"three silent days after daily reports",
		 {WATCH_SILENCE, .now.part = 3, .past = {0, 28}},
		 true},
		{"two", {WATCH_SILENCE, .now.part = 2, .past = {0, 28}}, false},
		{"a week after weekly reports",
		 {WATCH_SILENCE, .now.part = 7, .past = {6, 5}},
		 false},
		{"two weeks", {WATCH_SILENCE, .now.part = 13, .past = {6, 5}}, true},
		{"hardly ever a report", {WATCH_SILENCE, .now.part = 30, .past = {1, 4}}, false},

		{"a daily reporter, five days",
		 {WATCH_REPORTER, .now.part = 5, .past = {28, 28}},
		 true},
		{"four", {WATCH_REPORTER, .now.part = 4, .past = {28, 28}}, false},
		{"an hourly one, three", {WATCH_REPORTER, .now.part = 3, .past = {600, 28}}, true},
		{"an hourly one, two", {WATCH_REPORTER, .now.part = 2, .past = {600, 28}}, false},
		{"one of few reports", {WATCH_REPORTER, .now.part = 60, .past = {9, 9}}, false},

		{"a failure that there was not",
		 {WATCH_TLS, .now = {10, 1000}, .past = {0, 9000}},
		 true},
		{"nine of them", {WATCH_TLS, .now = {9, 9}, .past = {0, 9000}}, false},
		{"three times the share",
		 {WATCH_TLS, .now = {30, 1000}, .past = {100, 10000}},
		 true},
		{"twice the share", {WATCH_TLS, .now = {20, 1000}, .past = {100, 10000}}, false},
		{"first sessions ever", {WATCH_TLS, .now = {50, 50}, .past = {0, 0}}, true},

		{"a policy of one report", {WATCH_POLICY, .now.part = 1}, false},
		{"of two", {WATCH_POLICY, .now.part = 2}, true},
		{"a source of nineteen messages", {WATCH_SOURCE, .now = {19, 19}}, false},
		{"of twenty", {WATCH_SOURCE, .now = {0, 20}}, true},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (watch_fires(&cases[i].r, &limits) != cases[i].fires)
			fail_msg("%s", cases[i].what);
	}
}

static void
over(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct watch_reading r;
		struct watch_known known;
		bool holds;
	} cases[] = {
		{"half of the fall is not made up for",
		 {WATCH_ALIGNMENT, .now = {899, 1000}},
		 {.past = {100, 100}, .now = {80, 100}},
		 true},
		{"it is",
		 {WATCH_ALIGNMENT, .now = {900, 1000}},
		 {.past = {100, 100}, .now = {80, 100}},
		 false},
		{"whatever the past has become",
		 {WATCH_ALIGNMENT, .now = {800, 1000}, .past = {800, 1000}},
		 {.past = {100, 100}, .now = {80, 100}},
		 true},
		{"too little mail proves nothing",
		 {WATCH_ALIGNMENT, .now = {99, 99}},
		 {.past = {100, 100}, .now = {80, 100}},
		 true},

		{"no report since", {WATCH_SILENCE, .day = 100}, {.day = 100}, true},
		{"one", {WATCH_SILENCE, .day = 101}, {.day = 100}, false},
		{"the reporter's, none since", {WATCH_REPORTER, .day = 100}, {.day = 100}, true},
		{"one", {WATCH_REPORTER, .day = 103}, {.day = 100}, false},

		{"failures go on",
		 {WATCH_TLS, .now = {5, 1000}},
		 {.past = {0, 9000}, .now = {50, 1000}},
		 true},
		{"hardly any",
		 {WATCH_TLS, .now = {4, 1000}},
		 {.past = {0, 9000}, .now = {50, 1000}},
		 false},
		{"nearly as rare as before",
		 {WATCH_TLS, .now = {14, 1000}},
		 {.past = {10, 1000}, .now = {50, 1000}},
		 false},
		{"not yet",
		 {WATCH_TLS, .now = {15, 1000}},
		 {.past = {10, 1000}, .now = {50, 1000}},
		 true},
		{"no session shows nothing",
		 {WATCH_TLS, .now = {0, 0}},
		 {.past = {10, 1000}, .now = {50, 1000}},
		 true},

		{"what is told once stays told",
		 {WATCH_SOURCE, .now = {0, 1}},
		 {.now = {0, 20}},
		 true},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (watch_holds(&cases[i].r, &cases[i].known, &limits) != cases[i].holds)
			fail_msg("%s", cases[i].what);
	}
}

static void
pauses(void **state)
{
	(void)state;
	static const struct {
		int64_t days[6];
		size_t len;
		int64_t until;
		uint64_t silent, longest, with_reports;
	} cases[] = {
		{{100}, 1, 100, 0, 0, 1},
		{{98, 99, 100}, 3, 103, 3, 0, 3},
		{{93, 100}, 2, 110, 10, 6, 2},
		/* what is more than four weeks before the last one is no past */
		{{1, 73, 80, 82, 100}, 5, 101, 1, 17, 4},
		{{1, 72, 80, 82, 100}, 5, 101, 1, 17, 3},
		/* of a day whose reports are not all in yet */
		{{99, 105}, 2, 103, 0, 5, 2},
	};
	struct watch_reading r = {};
	assert_false(watch_pause(NULL, 0, 100, &r));
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		assert_true(watch_pause(cases[i].days, cases[i].len, cases[i].until, &r));
		assert_int_equal(r.day, cases[i].days[cases[i].len - 1]);
		assert_int_equal(r.now.part, cases[i].silent);
		assert_int_equal(r.past.part, cases[i].longest);
		assert_int_equal(r.past.whole, cases[i].with_reports);
	}
}

static void
worst_days(void **state)
{
	(void)state;
	static const struct watch_day days[] = {
		{10, {90, 100}}, {11, {50, 100}}, {12, {90, 100}}, /* 230 of 300 */
		{20, {60, 100}}, {23, {99, 100}},                  /* alone, with a pause between */
		{30, {0, 9}},                                      /* too few */
	};
	struct watch_share worst = watch_worst(days, GP_ARRAY_LEN(days), 100);
	assert_int_equal(worst.part, 60);
	assert_int_equal(worst.whole, 100);
	worst = watch_worst(days, GP_ARRAY_LEN(days), 150);
	assert_int_equal(worst.part, 140); /* of days 11 and 12 */
	assert_int_equal(worst.whole, 200);
	assert_int_equal(watch_worst(days, GP_ARRAY_LEN(days), 1000).whole, 0);
	assert_int_equal(watch_worst(NULL, 0, 1).whole, 0);
}

enum {
	ABSENT = GP_INGEST_POLICY_ABSENT,
	NONE = GP_INGEST_POLICY_NONE,
	REJECT = GP_INGEST_POLICY_REJECT,
};

static void
policies(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct watch_policy a, b;
		bool same;
	} cases[] = {
		{"the same", {NONE, NONE, NONE, .pct = 100}, {NONE, NONE, NONE, .pct = 100}, true},
		{"sp is p where it is absent",
		 {NONE, ABSENT, .pct = -1},
		 {NONE, NONE, .pct = -1},
		 true},
		{"and not where it is not",
		 {NONE, ABSENT, .pct = -1},
		 {NONE, REJECT, .pct = -1},
		 false},
		{"who reports as of old tells nothing of np",
		 {REJECT, REJECT, ABSENT, .pct = 100},
		 {REJECT, REJECT, REJECT, .pct = -1},
		 true},
		{"two who tell",
		 {REJECT, REJECT, NONE, .pct = -1},
		 {REJECT, REJECT, REJECT, .pct = -1},
		 false},
		{"another p", {NONE, NONE, .pct = -1}, {REJECT, NONE, .pct = -1}, false},
		{"another share", {NONE, NONE, .pct = 50}, {NONE, NONE, .pct = 100}, false},
		{"strictness",
		 {NONE, NONE, .pct = -1, .adkim_strict = true},
		 {NONE, NONE, .pct = -1},
		 false},
		{"strictness of SPF",
		 {NONE, NONE, .pct = -1, .aspf_strict = true},
		 {NONE, NONE, .pct = -1},
		 false},
		{"a test",
		 {NONE, NONE, .pct = -1, .testing = true},
		 {NONE, NONE, .pct = -1},
		 false},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (watch_policy_same(&cases[i].a, &cases[i].b) != cases[i].same ||
		    watch_policy_same(&cases[i].b, &cases[i].a) != cases[i].same)
			fail_msg("%s", cases[i].what);
	}
}

static void
policy_before(void **state)
{
	(void)state;
	/* Some reporters hold on to the old one; others tell of the new one with more or less. */
	static const struct watch_policy list[] = {
		{REJECT, REJECT, ABSENT, .pct = 100, .first_day = 50, .last_day = 60},
		{REJECT, REJECT, REJECT, .pct = -1, .first_day = 51, .last_day = 60},
		{NONE, NONE, ABSENT, .pct = -1, .first_day = 10, .last_day = 52},
		{NONE, NONE, NONE, .pct = -1, .first_day = 20, .last_day = 55},
	};
	assert_int_equal(watch_policy_before(list, 4, 0, 48), 3);
	assert_int_equal(watch_policy_before(list, 4, 0, 51), -1); /* it is no news any more */
	assert_int_equal(watch_policy_before(list, 4, 1, 48), -1); /* it is the one of day 50 */
	assert_int_equal(watch_policy_before(list, 4, 3, 15), -1); /* it is the one of day 10 */
	assert_int_equal(watch_policy_before(list, 1, 0, 48), -1); /* there was none before */
}

static void
kinds_have_names(void **state)
{
	(void)state;
	for (uint8_t k = 1; k < WATCH_KINDS; k++)
		assert_int_equal(watch_kind_of(gp_slice_str(watch_kind_name(k))), k);
	assert_int_equal(watch_kind_of(GP_SLICE("")), 0);
	assert_int_equal(watch_kind_of(GP_SLICE("sources")), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worth_telling),    cmocka_unit_test(over),
		cmocka_unit_test(pauses),           cmocka_unit_test(policies),
		cmocka_unit_test(policy_before),    cmocka_unit_test(worst_days),
		cmocka_unit_test(kinds_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
