/* SPDX-License-Identifier: Apache-2.0 */
/* What is news to one who was told before: one look after the other. */
#include "../unit.h"

#include "base/buf.h"
#include "cli/watch/news.h"

enum { READINGS_MAX = 4, LOOKS_MAX = 4, DAY = 20000 };

static const struct watch_limits limits = {
	.messages = 100, .source = 20, .sessions = 10, .points = 10};

#define DOMAIN GP_SLICE("a.example")
#define OTHER GP_SLICE("b.example")
#define FINE                                                                     \
	{                                                                        \
		WATCH_ALIGNMENT, DOMAIN, .now = {100, 100}, .past = { 100, 100 } \
	}
#define BAD                                                                     \
	{                                                                       \
		WATCH_ALIGNMENT, DOMAIN, .now = {50, 100}, .past = { 100, 100 } \
	}
/* The bad weeks have become the past. */
#define STILL_BAD                                                              \
	{                                                                      \
		WATCH_ALIGNMENT, DOMAIN, .now = {50, 100}, .past = { 50, 100 } \
	}
#define SOURCE(last_)                                                                         \
	{                                                                                     \
		WATCH_SOURCE, DOMAIN, GP_SLICE("192.0.2." last_), .now = {0, 100}, .day = DAY \
	}
#define SILENT(domain_, day_)                                                                    \
	{                                                                                        \
		WATCH_SILENCE, domain_, .now.part = DAY - (day_), .past = {0, 28}, .day = (day_) \
	}

struct look {
	int64_t days; /* since the first one */
	struct watch_reading readings[READINGS_MAX];
	const char *told;
};

static void
write_news(struct gp_buf *out, const struct watch_news *news)
{
	for (size_t i = 0; i < news->came_len; i++)
		gp_buf_printf(out, "%s+%s %.*s", out->len > 0 ? " " : "",
			      watch_kind_name(news->came[i]->kind),
			      GP_SLICE_FMT(gp_slice_take(news->came[i]->domain, 1)));
	for (size_t i = 0; i < news->over_len; i++)
		gp_buf_printf(out, "%s-%s %.*s", out->len > 0 ? " " : "",
			      watch_kind_name(news->over[i].now->kind),
			      GP_SLICE_FMT(gp_slice_take(news->over[i].now->domain, 1)));
}

static void
look_once(const struct look *look, size_t number, struct gp_arena *arena, struct watch_news *news)
{
	struct gp_buf told = GP_BUF_INIT(1 << 12);
	struct watch_given given = {.readings = look->readings,
				    .known = news->known,
				    .known_len = news->known_len,
				    .today = DAY + look->days,
				    .limits = limits,
				    .seed = {1, 2}};
	while (given.readings_len < READINGS_MAX && look->readings[given.readings_len].kind != 0)
		given.readings_len++;
	assert_int_equal(watch_news_find(&given, arena, news), 0);
	write_news(&told, news);
	if (!gp_slice_eq(gp_buf_slice(&told), gp_slice_str(look->told)))
		fail_msg("look %zu: %.*s, not %s", number, GP_SLICE_FMT(gp_buf_slice(&told)),
			 look->told);
	gp_buf_free(&told);
}

static void
tell_all(const struct look *looks, size_t len)
{
	struct gp_arena arena = GP_ARENA_INIT(64 << 20);
	struct watch_news news = {};
	for (size_t i = 0; i < len; i++)
		look_once(&looks[i], i, &arena, &news);
	gp_arena_free(&arena);
}

static void
a_fall_is_told_once_and_when_it_is_over(void **state)
{
	(void)state;
	static const struct look looks[] = {
		{0, {FINE}, ""},
		{1, {BAD}, "+alignment a"},
		{2, {BAD}, ""},
		{30, {STILL_BAD}, ""},
		{31, {FINE}, "-alignment a"},
		{32, {FINE}, ""},
		{33, {BAD}, "+alignment a"},
	};
	tell_all(looks, GP_ARRAY_LEN(looks));
}

static void
what_is_not_measured_stays_known_for_a_while(void **state)
{
	(void)state;
	static const struct look looks[] = {
		{0, {BAD}, "+alignment a"},
		{1, {}, ""},
		{2, {BAD}, ""},
		{90, {}, ""},
		{91, {}, ""},
		{92, {BAD}, "+alignment a"},
	};
	tell_all(looks, GP_ARRAY_LEN(looks));
}

static void
a_source_is_told_once(void **state)
{
	(void)state;
	static const struct look looks[] = {
		{0, {SOURCE("1")}, "+source a"},
		{1, {SOURCE("1"), SOURCE("2")}, "+source a"},
		{2, {SOURCE("2")}, ""},
		{3, {}, ""},
	};
	tell_all(looks, GP_ARRAY_LEN(looks));
}

static void
what_is_gravest_stands_first(void **state)
{
	(void)state;
	static const struct look looks[] = {
		{0,
		 {SOURCE("1"), BAD, SILENT(OTHER, DAY - 9)},
		 "+silence b +alignment a +source a"},
	};
	tell_all(looks, GP_ARRAY_LEN(looks));
}

static void
a_silence_of_all_is_told_alone(void **state)
{
	(void)state;
	static const struct look looks[] = {
		{0,
		 {SILENT(DOMAIN, DAY - 9), SILENT({}, DAY - 8), SILENT(OTHER, DAY - 8), BAD},
		 "+silence  +alignment a"},
		/* reports come again, but for one domain */
		{1,
		 {SILENT({}, DAY), SILENT(DOMAIN, DAY - 9), SILENT(OTHER, DAY), BAD},
		 "+silence a -silence "},
		{2, {SILENT({}, DAY), SILENT(DOMAIN, DAY), SILENT(OTHER, DAY), BAD}, "-silence a"},
	};
	tell_all(looks, GP_ARRAY_LEN(looks));
}

/* More than can be remembered would be told each day. */
static void
what_cannot_be_remembered_is_not_told(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(256 << 20);
	size_t len = WATCH_KNOWN_DOMAIN_MAX + 1;
	struct watch_reading *all = gp_arena_array(&arena, len, sizeof(*all));
	struct watch_news news;
	assert_non_null(all);
	for (size_t i = 0; i < len; i++)
		all[i] = (struct watch_reading){.kind = WATCH_SOURCE,
						.domain = DOMAIN,
						.object = gp_arena_printf(&arena, "%zu", i),
						.now = {0, 100}};
	struct watch_given given = {
		.readings = all, .readings_len = len, .today = DAY, .limits = limits};
	assert_int_equal(watch_news_find(&given, &arena, &news), 0);
	assert_int_equal(news.came_len, WATCH_KNOWN_DOMAIN_MAX);
	given.known = news.known;
	given.known_len = news.known_len;
	assert_int_equal(watch_news_find(&given, &arena, &news), 0);
	assert_int_equal(news.came_len, 0);
	gp_arena_free(&arena);
}

/* Of TLS at so many servers of each of so many domains, in that order. */
static void
look_at_flood(size_t domains, size_t each, struct gp_arena *arena, struct watch_news *ret)
{
	size_t len = domains * each;
	struct watch_reading *all = gp_arena_array(arena, len, sizeof(*all));
	assert_non_null(all);
	for (size_t i = 0; i < len; i++)
		all[i] = (struct watch_reading){
			.kind = WATCH_TLS,
			.domain = gp_arena_printf(arena, "%zu.example", i / each),
			.object = gp_arena_printf(arena, "%zu", i),
			.now = {100, 100}};
	const struct watch_given given = {
		.readings = all, .readings_len = len, .today = DAY, .limits = limits};
	assert_int_equal(watch_news_find(&given, arena, ret), 0);
}

/* Of failures at one domain anybody can report as many as he likes: those of others are told. */
static void
a_flood_at_a_domain_leaves_room_for_others(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(256 << 20);
	struct watch_news news;
	look_at_flood(2, WATCH_KNOWN_ALIKE_MAX, &arena, &news);
	assert_int_equal(news.came_len, 2 * WATCH_KNOWN_DOMAIN_MAX);
	assert_true(gp_slice_eq(news.came[0]->domain, GP_SLICE("0.example")));
	assert_true(gp_slice_eq(news.came[news.came_len - 1]->domain, GP_SLICE("1.example")));
	/* Of many domains together there are as many as of one kind. */
	look_at_flood(100, WATCH_KNOWN_DOMAIN_MAX, &arena, &news);
	assert_int_equal(news.came_len, WATCH_KNOWN_ALIKE_MAX);
	gp_arena_free(&arena);
}

/* One who sends reports can make up as many failures of TLS as he likes. */
static void
a_flood_of_a_kind_leaves_room_for_others(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(256 << 20);
	size_t len = WATCH_KNOWN_MAX + 1;
	struct watch_reading *all = gp_arena_array(&arena, len, sizeof(*all));
	struct watch_news news;
	assert_non_null(all);
	for (size_t i = 0; i < len; i++)
		all[i] = (struct watch_reading){.kind = WATCH_TLS,
						.domain = gp_arena_printf(&arena, "%zu", i / 50),
						.object = gp_arena_printf(&arena, "%zu", i),
						.now = {100, 100}};
	all[len - 1] = (struct watch_reading){
		.kind = WATCH_SOURCE, .domain = DOMAIN, .object = GP_SLICE("new"), .now = {0, 100}};
	struct watch_given given = {
		.readings = all, .readings_len = len, .today = DAY, .limits = limits};
	assert_int_equal(watch_news_find(&given, &arena, &news), 0);
	assert_int_equal(news.came[news.came_len - 1]->kind, WATCH_SOURCE);
	assert_true(news.known_len < WATCH_KNOWN_MAX);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fall_is_told_once_and_when_it_is_over),
		cmocka_unit_test(what_is_not_measured_stays_known_for_a_while),
		cmocka_unit_test(a_source_is_told_once),
		cmocka_unit_test(what_is_gravest_stands_first),
		cmocka_unit_test(a_silence_of_all_is_told_alone),
		cmocka_unit_test(what_cannot_be_remembered_is_not_told),
		cmocka_unit_test(a_flood_at_a_domain_leaves_room_for_others),
		cmocka_unit_test(a_flood_of_a_kind_leaves_room_for_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
