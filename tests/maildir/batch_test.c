/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch asks of the system, in which order, and what becomes of it when a call fails. */
#include "procs/maildir/sync.h"

#include "rig.h"

/* The log goes on with a line for each box, in their order: "VERB /BOX" and then `rest`. */
static void
expect_each(const char **at, const char *verb, const char *const *boxes, size_t len,
	    const char *rest)
{
	for (size_t i = 0; i < len; i++) {
		char line[128];
		snprintf(line, sizeof(line), "%s /%s%s", verb, boxes[i], rest);
		if (strncmp(*at, line, strlen(line)) != 0)
			fail_msg("wanted %s, not %.60s", line, *at);
		*at = strchr(*at, '\n') + 1;
	}
}

/* Two for one mailbox and one for another, as the system is asked for it. */
static void
test_order(void **state)
{
	(void)state;
	struct root r;
	root_open(&r, &spied_files);
	static const char *const boxes[] = {"d/bob", "d/eve", "d/bob"};
	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < GP_ARRAY_LEN(boxes); i++) {
			struct gp_maildir_delivery d = mail_for(&r, boxes[i]);
			assert_int_equal(gp_maildir_begin(r.md, &d, NOW_S * 1000000ULL), i);
		}
		if (turn == 0)
			assert_non_null(
				strstr(spy.log, "make_dir /d\nopen_dir /d\nmake_dir /d/bob\n"));
		else
			assert_null(strstr(spy.log, "make_dir"));
		spy.log_len = 0;
		gp_maildir_commit(r.md);
		/* Files first, then names, then folders: those above only while they are new. */
		const char *at = spy.log;
		expect_each(&at, "start", boxes, GP_ARRAY_LEN(boxes), "/tmp/");
		expect_each(&at, "sync", boxes, GP_ARRAY_LEN(boxes), "/tmp/");
		expect_each(&at, "publish", boxes, GP_ARRAY_LEN(boxes), "/new\n");
		static const char *const folders[] = {"sync /d/bob/new\n", "sync /d/eve/new\n",
						      "sync \n",           "sync /d\n",
						      "sync /d/bob\n",     "sync /d/eve\n"};
		size_t wanted = turn == 0 ? 6 : 2, lines = 0;
		for (size_t i = 0; i < wanted; i++)
			assert_non_null(strstr(at, folders[i]));
		for (const char *p = at; *p; p++)
			lines += *p == '\n';
		assert_int_equal(lines, wanted);
		for (size_t i = 0; i < GP_ARRAY_LEN(boxes); i++) {
			struct gp_outcome o = gp_maildir_outcome(r.md, i);
			assert_codes(&o, GP_OUTCOME_DELIVERED, 2, 0, 0);
		}
		gp_maildir_reset(r.md);
		memset(spy.log, 0, sizeof(spy.log));
		spy.log_len = 0;
	}
	assert_int_equal(count_files(&r, "d/bob/new", NULL), 4);
	assert_int_equal(count_files(&r, "d/eve/new", NULL), 2);
	root_close(&r);
}

enum { MANY = 12 };
static const char *const many[MANY] = {"a/0", "a/1", "a/2", "a/3", "a/4", "a/5",
				       "a/6", "a/7", "b/0", "b/1", "b/2", "b/3"};

/* A batch of `many`; how many of a/ and of b/ are delivered. The log holds the commit. */
static void
commit_batch(struct root *r, int ret_delivered[2])
{
	for (size_t i = 0; i < MANY; i++) {
		struct gp_maildir_delivery d = mail_for(r, many[i]);
		assert_int_equal(gp_maildir_begin(r->md, &d, NOW_S * 1000000ULL), i);
	}
	memset(spy.seen, 0, sizeof(spy.seen));
	memset(spy.log, 0, sizeof(spy.log));
	spy.log_len = 0;
	gp_maildir_commit(r->md);
	ret_delivered[0] = ret_delivered[1] = 0;
	for (size_t i = 0; i < MANY; i++) {
		struct gp_outcome o = gp_maildir_outcome(r->md, i);
		ret_delivered[many[i][0] == 'b'] += o.kind == GP_OUTCOME_DELIVERED;
	}
	gp_maildir_reset(r->md);
}

/* The second batch, whose folders have all been made and synced by the first. */
static void
commit_many(struct root *r, int ret_delivered[2])
{
	commit_batch(r, ret_delivered);
	commit_batch(r, ret_delivered);
}

static int
count_lines(const char *text, const char *start)
{
	int n = 0;
	for (; *text; text = strchr(text, '\n') + 1)
		n += strncmp(text, start, strlen(start)) == 0;
	return n;
}

/* Many on one file system: one sync of it all a phase, and a file and a folder as its witness. */
static void
test_order_of_many(void **state)
{
	(void)state;
	struct root r;
	int delivered[2];
	root_open(&r, &spied_files);
	spy.whole = true;
	commit_many(&r, delivered);
	assert_int_equal(delivered[0] + delivered[1], MANY);
	const char *at = spy.log;
	expect_each(&at, "sync_whole", &many[0], 1, "/tmp/");
	expect_each(&at, "sync", &many[MANY - 1], 1, "/tmp/");
	expect_each(&at, "publish", many, MANY, "/new\n");
	assert_int_equal(count_lines(at, "sync_whole /"), 1);
	assert_int_equal(strncmp(at, "sync_whole /", 12), 0);
	assert_int_equal(count_lines(at, "sync /"), 1);
	assert_int_equal(count_lines(at, ""), 2);
	root_close(&r);
}

/* Where a sync of it all is not to be had, or too few are on one file system, or it took long, each
 * is synced alone. */
static void
test_whole_or_each(void **state)
{
	(void)state;
	static const struct {
		bool whole;
		uint64_t takes_ms;
		const char *other_device;
		bool no_device;
		int wholes, syncs, starts;
	} cases[] = {
		{.whole = true, .wholes = 2, .syncs = 2},
		{.whole = true, .takes_ms = GP_SYNC_SLOW_MS, .wholes = 2, .syncs = 2},
		/* The first batch's sync was the last one. */
		{.whole = true, .takes_ms = GP_SYNC_SLOW_MS + 1, .syncs = 24, .starts = 12},
		{.wholes = 2, .syncs = 24, .starts = 12},
		/* Eight on one, four on the other: those alone. */
		{.whole = true, .other_device = "/b/", .wholes = 2, .syncs = 10, .starts = 4},
		{.whole = true, .other_device = "/a/0", .wholes = 2, .syncs = 4, .starts = 1},
		/* Only the first phase could not tell. */
		{.whole = true, .no_device = true, .wholes = 1, .syncs = 13, .starts = 12},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct root r;
		int delivered[2];
		root_open(&r, &spied_files);
		spy.whole = cases[i].whole;
		spy.whole_takes_ms = cases[i].takes_ms;
		spy.other_device = cases[i].other_device;
		spy.fail_call = DEVICE;
		spy.fail_at = cases[i].no_device;
		spy.fail_error = -EIO;
		commit_many(&r, delivered);
		assert_int_equal(delivered[0] + delivered[1], MANY);
		assert_int_equal(count_lines(spy.log, "sync_whole /"), cases[i].wholes);
		assert_int_equal(count_lines(spy.log, "sync /"), cases[i].syncs);
		assert_int_equal(count_lines(spy.log, "start /"), cases[i].starts);
		root_close(&r);
	}
}

/* After a slow one each is synced alone for a while, and no longer. */
static void
test_slow_sync_rests(void **state)
{
	(void)state;
	struct root r;
	int delivered[2];
	root_open(&r, &spied_files);
	spy.whole = true;
	spy.whole_takes_ms = GP_SYNC_SLOW_MS + 1;
	commit_many(&r, delivered);
	assert_int_equal(count_lines(spy.log, "sync_whole /"), 0);
	spy.whole_takes_ms = 1;
	spy.now_ms += GP_SYNC_REST_MS;
	commit_many(&r, delivered);
	assert_int_equal(count_lines(spy.log, "sync_whole /"), 2);
	root_close(&r);
}

/* A sync of it all, or its witness, fails: nothing on that file system is said to be delivered, and
 * nothing stays in new/. On the other one all is well. */
static void
test_whole_failure(void **state)
{
	(void)state;
	static const struct {
		enum call call;
		unsigned at; /* in the commit: of the files, of the folders */
		int a, b;
	} cases[] = {
		{SYNC_WHOLE, 1, 0, 4}, {SYNC_WHOLE, 2, 0, 4}, {SYNC, 1, 0, 4},
		{SYNC, 2, 8, 3},       {SYNC, 6, 0, 4},       {SYNC, 7, 8, 3},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct root r;
		int delivered[2], there = 0;
		root_open(&r, &spied_files);
		spy.whole = true;
		spy.other_device = "/b/";
		commit_many(&r, delivered);
		spy.fail_call = cases[i].call;
		spy.fail_error = -EIO;
		spy.fail_at = cases[i].at;
		commit_batch(&r, delivered);
		if (delivered[0] != cases[i].a || delivered[1] != cases[i].b)
			fail_msg("case %zu: %d and %d\n%s", i, delivered[0], delivered[1], spy.log);
		for (size_t k = 0; k < MANY; k++) {
			char folder[32];
			snprintf(folder, sizeof(folder), "%s/new", many[k]);
			there += count_files(&r, folder, NULL);
		}
		assert_int_equal(there, 2 * MANY + delivered[0] + delivered[1]);
		root_close(&r);
	}
}

/* Every call fails once, in turn: what is said to be delivered is there, what is not is gone, and
 * no descriptor is lost. */
static void
test_every_failure(void **state)
{
	(void)state;
	static const enum call calls[] = {OPEN_BELOW, OPEN_DIR, MAKE_DIR, CREATE,
					  WRITE,      SYNC,     PUBLISH};
	static const char *const boxes[] = {"d/bob", "d/eve", "d/bob"};
	unsigned failures = 0;
	for (size_t c = 0; c < GP_ARRAY_LEN(calls); c++) {
		for (unsigned n = 1; n < 20; n++) {
			struct root r;
			root_open(&r, &spied_files);
			struct gp_maildir_delivery first = mail_for(&r, "d/eve");
			(void)deliver(&r, &first);
			gp_maildir_reset(r.md);
			int fds = open_fds(), delivered = 1, deferred = 0;
			spy_reset(&r);
			spy.fail_call = calls[c];
			spy.fail_at = n;
			spy.fail_error = -EIO;
			for (size_t i = 0; i < GP_ARRAY_LEN(boxes); i++) {
				struct gp_maildir_delivery d = mail_for(&r, boxes[i]);
				assert_int_equal(gp_maildir_begin(r.md, &d, NOW_S * 1000000ULL), i);
			}
			gp_maildir_commit(r.md);
			for (size_t i = 0; i < GP_ARRAY_LEN(boxes); i++) {
				struct gp_outcome o = gp_maildir_outcome(r.md, i);
				delivered += o.kind == GP_OUTCOME_DELIVERED;
				deferred += o.kind == GP_OUTCOME_DEFERRED;
				assert_int_equal(gp_maildir_errno(r.md, i),
						 o.kind == GP_OUTCOME_DELIVERED ? 0 : EIO);
			}
			assert_int_equal(delivered + deferred, 4);
			assert_int_equal(deferred > 0, spy.seen[calls[c]] >= n);
			failures += deferred > 0;
			gp_maildir_reset(r.md);
			assert_int_equal(open_fds(), fds);
			assert_int_equal(GP_MAX(count_files(&r, "d/bob/new", NULL), 0) +
						 count_files(&r, "d/eve/new", NULL),
					 delivered);
			assert_true(count_files(&r, "d/bob/tmp", NULL) <= 0);
			assert_int_equal(count_files(&r, "d/eve/tmp", NULL), 0);
			root_close(&r);
		}
	}
	assert_true(failures > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),         cmocka_unit_test(test_order_of_many),
		cmocka_unit_test(test_whole_or_each), cmocka_unit_test(test_slow_sync_rests),
		cmocka_unit_test(test_whole_failure), cmocka_unit_test(test_every_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
