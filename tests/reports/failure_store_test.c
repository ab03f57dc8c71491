/* SPDX-License-Identifier: Apache-2.0 */
/* Failure reports in the database: how many there may be, what is kept of them, and how long. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "procs/reports/store.h"

enum { WINDOW_S = 10, HOUR_S = 3600, DAY_S = 24 * HOUR_S };
#define NOW UINT64_C(1800057600)

static char folder[] = "/tmp/gp-failures-XXXXXX";
static int folder_fd = -1;
static struct store *store;
static struct gp_arena arena = {.max = 1 << 20};

static void
open_again(void)
{
	store = store_close(store);
	assert_int_equal(store_open(folder_fd, &store), 0);
}

static int
set_up(void **state)
{
	(void)state;
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	assert_non_null(mkdtemp(folder));
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder_fd >= 0);
	open_again();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	store = store_close(store);
	(void)unlinkat(folder_fd, "reports.db-wal", 0);
	(void)unlinkat(folder_fd, "reports.db", 0);
	close(folder_fd);
	assert_int_equal(rmdir(folder), 0);
	gp_arena_free(&arena);
	return 0;
}

static uint64_t
first_pause_s(enum store_kind kind)
{
	assert_int_equal(kind, STORE_FAILURE);
	return 900;
}

static struct gp_failrpt_incident
incident(const char *domain, const char *source, uint8_t cause)
{
	return (struct gp_failrpt_incident){.policy_domain = gp_slice_str(domain),
					    .organization = gp_slice_str(domain),
					    .source = gp_slice_str(source),
					    .cause = cause};
}

/* What comes of a message that fails now, and is like no other. */
static int
add_of(const struct gp_failrpt_incident *i, uint64_t now_s, uint32_t per_hour, uint32_t per_day)
{
	const struct store_failure_limits limits = {per_hour, per_day};
	const struct gp_failrpt_texts texts = {.feedback = i->policy_domain,
					       .header = GP_SLICE("a: b\r\n"),
					       .redacted = true,
					       .incidents = 1};
	int room = store_failure_room(store, i, now_s, &limits);
	if (room == STORE_FAILURE_KEPT)
		assert_int_equal(store_add_failure(store, i, now_s, now_s + WINDOW_S, &texts), 0);
	return room;
}

static int
add(const char *domain, uint64_t now_s, uint32_t per_hour, uint32_t per_day)
{
	const struct gp_failrpt_incident i = incident(domain, "192.0.2.1", GP_FAILRPT_DMARC);
	return add_of(&i, now_s, per_hour, per_day);
}

/* How many of 1,000 messages are told of, each of another domain; empty: of as many organizations,
 * or networks. */
static unsigned
flood(const char *organization, const char *source, uint64_t now_s, uint32_t per_day)
{
	static unsigned number;
	unsigned told = 0;
	for (unsigned end = number + 1000; number < end; number++) {
		char domain[32], of[32], from[32];
		snprintf(domain, sizeof(domain), "d%u.test", number);
		snprintf(of, sizeof(of), "o%u.test", number);
		snprintf(from, sizeof(from), "10.%u.%u.1", number >> 8 & 0xff, number & 0xff);
		struct gp_failrpt_incident i =
			incident(domain, *source ? source : from, GP_FAILRPT_DMARC);
		i.organization = gp_slice_str(*organization ? organization : of);
		told += add_of(&i, now_s, 10, per_day) == STORE_FAILURE_KEPT;
	}
	return told;
}

/* Nobody who floods us takes the day from others. */
static void
who_floods_has_a_share(void **state)
{
	(void)state;
	assert_int_equal(flood("evil.test", "", NOW, 200), 20);
	assert_int_equal(flood("", "192.0.2.1", NOW, 200), 10);
	assert_int_equal(flood("", "2001:db8:1:2::3", NOW, 200), 10);
	assert_int_equal(flood("", "2001:db8:1:ffff::3", NOW, 200), 0);
	open_again();
	assert_int_equal(flood("evil.test", "", NOW + HOUR_S, 200), 0);
	assert_int_equal(flood("", "192.0.2.77", NOW + HOUR_S, 200), 0);
	/* Three more of the kind, until there are 150: the rest is for newcomers, one each. */
	assert_int_equal(flood("a.test", "", NOW, 200) + flood("b.test", "", NOW, 200) +
				 flood("c.test", "", NOW, 200) + flood("d.test", "", NOW, 200) +
				 flood("e.test", "", NOW, 200) + flood("f.test", "", NOW, 200),
			 110);
	assert_int_equal(flood("g.test", "", NOW, 200), 1);
	assert_int_equal(flood("", "198.51.100.1", NOW, 200), 1);
	assert_int_equal(flood("", "", NOW, 200), 48);
	assert_int_equal(flood("evil.test", "", NOW + DAY_S, 200), 20);
}

static int
merge(const char *domain, const char *source, uint8_t cause)
{
	const struct gp_failrpt_incident i = incident(domain, source, cause);
	return store_merge_failure(store, &i);
}

static void
a_domain_has_a_rate(void **state)
{
	(void)state;
	assert_int_equal(add("a.test", NOW, 2, 100), STORE_FAILURE_KEPT);
	/* the same second */
	assert_int_equal(add("a.test", NOW, 2, 100), STORE_FAILURE_DOMAIN);
	assert_int_equal(add("a.test", NOW + 1, 2, 100), STORE_FAILURE_KEPT);
	assert_int_equal(add("a.test", NOW + 2, 2, 100), STORE_FAILURE_DOMAIN);
	assert_int_equal(add("b.test", NOW + 2, 2, 100), STORE_FAILURE_KEPT);
	open_again();
	assert_int_equal(add("a.test", NOW + HOUR_S - 1, 2, 100), STORE_FAILURE_DOMAIN);
	assert_int_equal(add("a.test", NOW + HOUR_S, 2, 100), STORE_FAILURE_KEPT);
	assert_int_equal(add("a.test", NOW + HOUR_S + 1, 2, 100), STORE_FAILURE_KEPT);
	assert_int_equal(add("a.test", NOW + HOUR_S + 2, 2, 100), STORE_FAILURE_DOMAIN);
}

/* Whatever became of the reports. */
static void
and_all_together_have_one(void **state)
{
	struct store_report due;
	(void)state;
	assert_int_equal(add("a.test", NOW, 10, 3), STORE_FAILURE_KEPT);
	assert_int_equal(add("b.test", NOW, 10, 3), STORE_FAILURE_KEPT);
	assert_int_equal(add("c.test", NOW, 10, 3), STORE_FAILURE_KEPT);
	assert_int_equal(add("d.test", NOW, 10, 3), STORE_FAILURE_ALL);
	assert_int_equal(store_take(store, NOW + WINDOW_S, first_pause_s, &arena, &due), 0);
	assert_int_equal(store_settle(store, due.id, STORE_UNASKED), 0);
	assert_int_equal(add("d.test", NOW + DAY_S - 1, 10, 3), STORE_FAILURE_ALL);
	assert_int_equal(add("d.test", NOW + DAY_S, 10, 3), STORE_FAILURE_KEPT);
}

static void
texts_come_back_until_it_is_settled(void **state)
{
	struct gp_failrpt_texts texts;
	struct store_report due;
	(void)state;
	assert_int_equal(add("a.test", NOW, 10, 100), 0);
	assert_int_equal(store_next_s(store), NOW + WINDOW_S);
	open_again();
	assert_int_equal(store_take(store, NOW + WINDOW_S - 1, first_pause_s, &arena, &due), 1);
	assert_int_equal(store_take(store, NOW + WINDOW_S, first_pause_s, &arena, &due), 0);
	assert_int_equal(due.kind, STORE_FAILURE);
	assert_slice(due.domain, "a.test");
	assert_int_equal(due.unique.len, STORE_UNIQUE_LEN);
	assert_int_equal(due.period.start_s, NOW);
	assert_int_equal(store_read_failure(store, &due, &arena, &texts), 0);
	assert_slice(texts.feedback, "a.test");
	assert_slice(texts.header, "a: b\r\n");
	assert_true(texts.redacted);
	assert_int_equal(texts.incidents, 1);
	assert_int_equal(store_settle(store, due.id, STORE_SENT), 0);
	assert_true(store_read_failure(store, &due, &arena, &texts) < 0);
}

static void
they_are_forgotten_with_dmarcs(void **state)
{
	struct store_report due;
	(void)state;
	assert_int_equal(add("a.test", NOW, 10, 100), 0);
	assert_int_equal(store_end_periods(store, STORE_DMARC, NOW + STORE_KEEP_DMARC_S, 1), 0);
	assert_int_equal(store_take(store, NOW + WINDOW_S, first_pause_s, &arena, &due), 0);
	assert_int_equal(store_end_periods(store, STORE_DMARC, NOW + STORE_KEEP_DMARC_S + 1, 1), 0);
	assert_int_equal(store_take(store, NOW + DAY_S, first_pause_s, &arena, &due), 1);
	assert_int_equal(add("a.test", NOW, 1, 1), 0);
}

static void
like_ones_are_one_report(void **state)
{
	struct gp_failrpt_texts texts;
	struct store_report due;
	(void)state;
	assert_int_equal(merge("a.test", "192.0.2.1", GP_FAILRPT_DMARC), 0);
	assert_int_equal(add("a.test", NOW, 1, 1), STORE_FAILURE_KEPT);
	assert_int_equal(merge("a.test", "192.0.2.1", GP_FAILRPT_DMARC), 1);
	assert_int_equal(merge("b.test", "192.0.2.1", GP_FAILRPT_DMARC), 0);
	assert_int_equal(merge("a.test", "192.0.2.2", GP_FAILRPT_DMARC), 0);
	assert_int_equal(merge("a.test", "192.0.2.1", GP_FAILRPT_SPF), 0);
	open_again();
	assert_int_equal(merge("a.test", "192.0.2.1", GP_FAILRPT_DMARC), 1);
	assert_int_equal(store_take(store, NOW + WINDOW_S, first_pause_s, &arena, &due), 0);
	/* What it says is the same at each attempt. */
	assert_int_equal(merge("a.test", "192.0.2.1", GP_FAILRPT_DMARC), 0);
	assert_int_equal(store_read_failure(store, &due, &arena, &texts), 0);
	assert_int_equal(texts.incidents, 3);
	assert_slice(texts.feedback, "a.test");
	assert_int_equal(store_take(store, NOW + WINDOW_S, first_pause_s, &arena, &due), 1);
	/* The next one begins another. */
	assert_int_equal(add("a.test", NOW + WINDOW_S, 2, 2), STORE_FAILURE_KEPT);
	assert_int_equal(merge("a.test", "192.0.2.1", GP_FAILRPT_DMARC), 1);
	assert_int_equal(store_settle(store, due.id, STORE_SENT), 0);
}

/* One for each database, and as long as it lives. */
static void
the_key_stays(void **state)
{
	char before[STORE_REDACTION_LEN];
	(void)state;
	assert_int_equal(store_redaction(store).len, sizeof(before));
	memcpy(before, store_redaction(store).ptr, sizeof(before));
	open_again();
	assert_memory_equal(store_redaction(store).ptr, before, sizeof(before));
	tear_down(state);
	set_up(state);
	assert_memory_not_equal(store_redaction(store).ptr, before, sizeof(before));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_domain_has_a_rate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(and_all_together_have_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_floods_has_a_share, set_up, tear_down),
		cmocka_unit_test_setup_teardown(texts_come_back_until_it_is_settled, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(like_ones_are_one_report, set_up, tear_down),
		cmocka_unit_test_setup_teardown(they_are_forgotten_with_dmarcs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_key_stays, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
