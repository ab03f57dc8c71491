/* SPDX-License-Identifier: Apache-2.0 */
/* The journal on a disk that refuses, fills up and forgets: bounded, whole, and never a reason to
 * stop. */
#include "../unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "procs/spool/journal.h"
#include "simdisk.h"

enum { DAY_MS = 86'400'000, MB = 1024 * 1024, ENTRY_ARENA_MAX = 64 * 1024 };

/* What its files hold, by kind. */
struct read {
	struct gp_io io;
	uint64_t entries[GP_JOURNAL_ANSWERS + 1]; /* by enum gp_journal_kind */
	uint64_t lost, octets, files;
	uint64_t first_id; /* of the first entry that begins a file */
	uint64_t last_id;
};

static void
on_file(void *ctx, enum gp_journal_file_kind kind, int fd)
{
	struct read *read = ctx;
	struct gp_arena arena = GP_ARENA_INIT(ENTRY_ARENA_MAX);
	struct gp_journal_entry e;
	uint64_t size;
	(void)kind;
	assert_int_equal(read->io.ops->size(read->io.ctx, fd, &size), 0);
	char *text = malloc(size + 1);
	assert_int_equal(read->io.ops->pread(read->io.ctx, fd, text, size, 0), size);
	struct gp_slice file = gp_slice(text, size);
	for (; gp_journal_read(&file, &arena, &e) == 0; gp_arena_reset(&arena)) {
		read->entries[e.kind]++;
		read->lost += e.count;
		read->last_id = e.kind == GP_JOURNAL_BEGAN ? read->last_id : e.id;
		if (e.kind == GP_JOURNAL_BEGAN && read->first_id == 0)
			read->first_id = e.id;
	}
	assert_int_equal(file.len, 0);
	read->octets += size;
	read->files++;
	free(text);
	gp_arena_free(&arena);
	read->io.ops->close(read->io.ctx, fd);
}

static struct read
read_all(struct sim *d, struct journal *j)
{
	struct read read = {.io = sim_io(d)};
	journal_list(j, on_file, &read);
	return read;
}

static struct journal *
open_at(struct sim *d, uint64_t size, struct journal_now now)
{
	struct journal_settings settings = {size, 30ull * DAY_MS};
	struct journal *j;
	assert_int_equal(journal_open(sim_io(d), sim_root(d), &settings, now, &j), 0);
	return j;
}

static void
put(struct journal *j, enum gp_journal_file_kind kind, uint64_t id, uint64_t now_ms)
{
	static char text[GP_JOURNAL_TEXT_MAX];
	const struct gp_journal_entry arrived = {.kind = GP_JOURNAL_ARRIVED,
						 .id = id,
						 .origin = GP_JOURNAL_STRANGER,
						 .sender = GP_SLICE("a@example.org"),
						 .results = gp_slice(text, sizeof(text))};
	const struct gp_journal_entry refused = {.kind = GP_JOURNAL_REFUSED,
						 .origin = GP_JOURNAL_STRANGER,
						 .sender = arrived.results};
	memset(text, 'x', sizeof(text));
	journal_put(j, kind, kind == GP_JOURNAL_FILE_REFUSED ? &refused : &arrived, now_ms);
}

static void
what_was_synced_is_there_after_a_restart(void **state)
{
	(void)state;
	struct sim *d = sim_new();
	struct journal *j = open_at(d, 8 * MB, (struct journal_now){1000, 50});
	put(j, GP_JOURNAL_FILE_MAIL, 51, 1000);
	journal_run(j, true, (struct journal_now){1000, 60});
	assert_int_equal(read_all(d, j).entries[GP_JOURNAL_ARRIVED], 0);
	journal_synced(j, true);
	journal_run(j, true, (struct journal_now){1000, 60});
	for (int i = 0; i < 3; i++) {
		struct read r = read_all(d, j);
		assert_int_equal(r.entries[GP_JOURNAL_ARRIVED], 1 + i);
		assert_int_equal(r.first_id, 50);
		assert_int_equal(r.files, 1);
		journal_close(j);
		j = open_at(d, 8 * MB, (struct journal_now){2000, 70});
		put(j, GP_JOURNAL_FILE_MAIL, 71, 2000);
		journal_synced(j, true);
		journal_run(j, true, (struct journal_now){2000, 72});
	}
	journal_close(j);
	sim_free(d);
}

static void
what_was_not_synced_is_taken_back(void **state)
{
	(void)state;
	struct sim *d = sim_new();
	struct journal *j = open_at(d, 8 * MB, (struct journal_now){1, 1});
	put(j, GP_JOURNAL_FILE_MAIL, 2, 1);
	journal_synced(j, true);
	put(j, GP_JOURNAL_FILE_MAIL, 3, 1);
	put(j, GP_JOURNAL_FILE_MAIL, 4, 1);
	journal_synced(j, false);
	put(j, GP_JOURNAL_FILE_MAIL, 5, 1);
	journal_synced(j, true);
	journal_run(j, true, (struct journal_now){1, 6});
	struct read r = read_all(d, j);
	assert_int_equal(r.entries[GP_JOURNAL_ARRIVED], 2);
	assert_int_equal(r.lost, 2);
	journal_close(j);
	sim_free(d);
}

/* Entries of the kind, each in a turn of its own, 10 a second. */
static void
flood(struct journal *j, enum gp_journal_file_kind kind, uint64_t n, uint64_t *now_ms)
{
	for (uint64_t i = 0; i < n; i++) {
		*now_ms += 100;
		put(j, kind, i, *now_ms);
		journal_synced(j, true);
		journal_run(j, i % 10 == 0, (struct journal_now){*now_ms, i});
	}
}

static void
a_share_is_kept_and_the_oldest_goes_first(void **state)
{
	(void)state;
	struct sim *d = sim_new();
	uint64_t now_ms = 1000;
	struct journal *j = open_at(d, 4 * MB, (struct journal_now){now_ms, 1});
	flood(j, GP_JOURNAL_FILE_MAIL, 100, &now_ms);
	flood(j, GP_JOURNAL_FILE_REFUSED, 10000, &now_ms);
	struct read r = read_all(d, j);
	assert_int_equal(r.entries[GP_JOURNAL_ARRIVED], 100);
	assert_true(r.entries[GP_JOURNAL_REFUSED] > 500 && r.entries[GP_JOURNAL_REFUSED] < 1000);
	assert_true(r.octets < 5 * MB / 8);
	flood(j, GP_JOURNAL_FILE_MAIL, 10000, &now_ms);
	r = read_all(d, j);
	assert_true(r.entries[GP_JOURNAL_ARRIVED] > 2500 && r.entries[GP_JOURNAL_ARRIVED] < 4000);
	assert_true(r.first_id > 1);
	assert_true(r.octets < 4 * MB);
	journal_close(j);
	sim_free(d);
}

static void
what_is_too_old_goes(void **state)
{
	(void)state;
	struct sim *d = sim_new();
	uint64_t now_ms = 1000;
	struct journal *j = open_at(d, 8 * MB, (struct journal_now){now_ms, 1});
	for (int day = 0; day < 60; day++) {
		flood(j, GP_JOURNAL_FILE_MAIL, 10, &now_ms);
		journal_run(j, true, (struct journal_now){now_ms, 1});
		now_ms += DAY_MS;
	}
	struct read r = read_all(d, j);
	assert_true(r.entries[GP_JOURNAL_ARRIVED] >= 290 && r.entries[GP_JOURNAL_ARRIVED] <= 340);
	assert_true(r.files < 20);
	journal_run(j, true, (struct journal_now){now_ms + 40ull * DAY_MS, 1});
	assert_int_equal(read_all(d, j).files, 0);
	journal_close(j);
	sim_free(d);
}

static void
memory_has_an_end_and_what_is_lost_is_counted(void **state)
{
	(void)state;
	struct sim *d = sim_new();
	const uint64_t n = 2 * JOURNAL_PENDING_MAX / GP_JOURNAL_TEXT_MAX;
	struct journal *j = open_at(d, 64 * MB, (struct journal_now){1, 1});
	for (uint64_t i = 0; i < n; i++)
		put(j, GP_JOURNAL_FILE_MAIL, i, 1);
	journal_synced(j, true);
	journal_run(j, true, (struct journal_now){1, n});
	put(j, GP_JOURNAL_FILE_MAIL, n, 1);
	journal_synced(j, true);
	journal_run(j, true, (struct journal_now){1, n});
	struct read r = read_all(d, j);
	assert_true(r.octets <= JOURNAL_PENDING_MAX + 4096);
	assert_int_equal(r.entries[GP_JOURNAL_ARRIVED] + r.lost, n + 1);
	journal_close(j);
	sim_free(d);
}

static void
a_disk_that_refuses_costs_entries_alone(void **state)
{
	static const enum sim_op ops[] = {SIM_OPEN, SIM_WRITE, SIM_UNLINK};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(ops); i++) {
		struct sim *d = sim_new();
		uint64_t now_ms = 1000;
		struct journal *j = open_at(d, MB, (struct journal_now){now_ms, 1});
		flood(j, GP_JOURNAL_FILE_MAIL, 100, &now_ms);
		sim_fail(d, ops[i], 1, EIO, false);
		flood(j, GP_JOURNAL_FILE_MAIL, 200, &now_ms);
		struct read r = read_all(d, j);
		assert_true(r.entries[GP_JOURNAL_ARRIVED] + r.lost >= 290);
		journal_close(j);
		sim_free(d);
	}
}

static void
a_full_disk_is_left_to_the_queue(void **state)
{
	(void)state;
	struct sim *d = sim_new();
	uint64_t now_ms = 1000;
	struct journal *j = open_at(d, 64 * MB, (struct journal_now){now_ms, 1});
	sim_space(d, JOURNAL_SPACE_LEFT - 1);
	flood(j, GP_JOURNAL_FILE_MAIL, 10000, &now_ms);
	assert_int_equal(read_all(d, j).entries[GP_JOURNAL_ARRIVED], 0);
	/* What fitted in memory is there when there is room again; the rest is counted. */
	sim_space(d, UINT64_MAX);
	journal_run(j, true, (struct journal_now){now_ms, 1});
	flood(j, GP_JOURNAL_FILE_MAIL, 1, &now_ms);
	struct read r = read_all(d, j);
	assert_true(r.entries[GP_JOURNAL_ARRIVED] > 1000 && r.lost > 1000);
	assert_int_equal(r.entries[GP_JOURNAL_ARRIVED] + r.lost, 10001);
	journal_close(j);
	sim_free(d);
}

static void
an_end_that_was_torn_is_not_written_behind(void **state)
{
	(void)state;
	struct sim *d = sim_new();
	struct gp_io io = sim_io(d);
	uint64_t now_ms = 1000;
	struct journal *j = open_at(d, 8 * MB, (struct journal_now){now_ms, 1});
	flood(j, GP_JOURNAL_FILE_MAIL, 11, &now_ms);
	journal_close(j);
	int dir = io.ops->open_dir(io.ctx, sim_root(d), "journal");
	int fd = io.ops->open(io.ctx, dir, "mail-00000000000003e8", GP_IO_WRITE);
	uint64_t size;
	assert_true(fd >= 0);
	assert_int_equal(io.ops->size(io.ctx, fd, &size), 0);
	assert_int_equal(io.ops->ftruncate(io.ctx, fd, size - 1), 0);
	io.ops->close(io.ctx, fd);
	io.ops->close(io.ctx, dir);
	j = open_at(d, 8 * MB, (struct journal_now){now_ms, 1});
	put(j, GP_JOURNAL_FILE_MAIL, 1, now_ms);
	journal_synced(j, true);
	journal_run(j, true, (struct journal_now){now_ms, 1});
	/* The torn file stays as it is, and the new one is whole. */
	dir = io.ops->open_dir(io.ctx, sim_root(d), "journal");
	fd = io.ops->open(io.ctx, dir, "mail-00000000000003e8", GP_IO_READ);
	uint64_t now_size;
	assert_int_equal(io.ops->size(io.ctx, fd, &now_size), 0);
	assert_int_equal(now_size, size - 1);
	io.ops->close(io.ctx, fd);
	io.ops->close(io.ctx, dir);
	journal_close(j);
	sim_free(d);
}

static void
nothing_is_kept_of_size_0(void **state)
{
	(void)state;
	struct sim *d = sim_new();
	uint64_t now_ms = 1000;
	struct journal *j = open_at(d, 0, (struct journal_now){now_ms, 1});
	flood(j, GP_JOURNAL_FILE_MAIL, 100, &now_ms);
	assert_int_equal(read_all(d, j).files, 0);
	struct journal_settings on = {MB, DAY_MS}, off = {0, DAY_MS};
	journal_configure(j, &on);
	flood(j, GP_JOURNAL_FILE_MAIL, 11, &now_ms);
	assert_int_equal(read_all(d, j).files, 1);
	journal_configure(j, &off);
	journal_run(j, true, (struct journal_now){now_ms, 1});
	assert_int_equal(read_all(d, j).files, 0);
	journal_close(j);
	sim_free(d);
	/* Where none could be opened all of it does nothing. */
	put(NULL, GP_JOURNAL_FILE_MAIL, 1, 1);
	journal_synced(NULL, true);
	journal_run(NULL, true, (struct journal_now){1, 1});
	journal_list(NULL, NULL, NULL);
	journal_configure(NULL, &on);
	assert_null(journal_close(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_synced_is_there_after_a_restart),
		cmocka_unit_test(what_was_not_synced_is_taken_back),
		cmocka_unit_test(a_share_is_kept_and_the_oldest_goes_first),
		cmocka_unit_test(what_is_too_old_goes),
		cmocka_unit_test(memory_has_an_end_and_what_is_lost_is_counted),
		cmocka_unit_test(a_disk_that_refuses_costs_entries_alone),
		cmocka_unit_test(a_full_disk_is_left_to_the_queue),
		cmocka_unit_test(an_end_that_was_torn_is_not_written_behind),
		cmocka_unit_test(nothing_is_kept_of_size_0),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
