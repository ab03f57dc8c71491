/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store on real files: the back end, memory for a queued message, the time to open again.
 *
 *     files_test          10,000 messages
 *     files_test long     100,000, as the limits are stated (needs 500 MB in TMPDIR)
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "spool/store.h"

enum {
	MEMORY_MAX = 400,     /* octets for a queued message */
	REOPEN_MAX_MS = 2000, /* for 100,000 messages of 4 KB */
	BATCH = 500,
};

static size_t messages = 10000;
static const uint64_t now_ms = 1700000000000;

struct place {
	char path[256];
	int dirfd;
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	const char *tmp = getenv("TMPDIR");
	snprintf(p->path, sizeof(p->path), "%s/spool_test.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(p->path));
	p->dirfd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p->dirfd >= 0);
	*state = p;
	return 0;
}

static int
remove_each(void *arg, const char *name)
{
	const struct place *p = arg;
	return unlinkat(p->dirfd, name, 0) < 0 && errno == EISDIR
		       ? unlinkat(p->dirfd, name, AT_REMOVEDIR)
		       : 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;
	struct gp_io io = gp_io_posix();
	io.ops->list(io.ctx, p->dirfd, remove_each, p);
	close(p->dirfd);
	rmdir(p->path);
	free(p);
	return 0;
}

static struct gp_store *
open_store(const struct place *p, struct gp_store_report *report)
{
	struct gp_store *s;
	struct gp_store_settings settings = {.seed = {1, 2}};
	assert_int_equal(gp_store_open(gp_io_posix(), p->dirfd, &settings, now_ms, &s, report), 0);
	return s;
}

static void
append_many(struct gp_store *s, size_t n)
{
	static const struct gp_rcpt rcpt = {.address = GP_SLICE("somebody@example.org")};
	struct gp_envelope e = {
		.sender = GP_SLICE("sender@example.com"),
		.arrival_ms = now_ms,
		.client_addr = GP_SLICE("192.0.2.1"),
		.client_helo = GP_SLICE("mail.example.com"),
		.rcpts = &rcpt,
		.rcpts_len = 1,
	};
	char body[4096];
	memset(body, 'x', sizeof(body));
	struct gp_slice slice = gp_slice(body, sizeof(body));
	struct gp_store_body b = {.slices = &slice, .slices_len = 1};
	for (size_t i = 0; i < n; i++) {
		uint64_t id;
		assert_int_equal(gp_store_ids(s, 1, now_ms, &id), 0);
		memcpy(body, &id, sizeof(id));
		assert_int_equal(gp_store_append(s, id, &e, &b, 0, NULL), 0);
		if (i % BATCH == BATCH - 1)
			assert_int_equal(gp_store_sync(s), 0);
	}
}

static uint64_t
milliseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void
memory_and_time_to_open(void **state)
{
	const struct place *p = *state;
	struct gp_store_report report;
	struct gp_store *s = open_store(p, &report);
	append_many(s, messages);
	assert_int_equal(gp_store_close(s), 0);

	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	uint64_t begin = milliseconds();
	s = open_store(p, &report);
	uint64_t took = milliseconds() - begin;
	size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
	assert_int_equal(report.messages, messages);
	assert_int_equal(report.damaged, 0);
	print_message("%zu messages: opened in %lu ms, %zu octets of memory each\n", messages,
		      (unsigned long)took, (after - before) / messages);
	assert_true((after - before) / messages <= MEMORY_MAX);
	assert_true(took <= REOPEN_MAX_MS);
	for (struct gp_queued *q = gp_store_next(s, NULL); q; q = gp_store_next(s, q)) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_stored m;
		assert_int_equal(gp_store_read(s, q, &arena, &m), 0);
		assert_int_equal(m.body.len, 4096);
		assert_memory_equal(m.body.ptr, &q->id, sizeof(q->id));
		gp_arena_free(&arena);
	}
	assert_int_equal(gp_store_close(s), 0);
}

static void
bodies_come_from_and_go_to_files(void **state)
{
	const struct place *p = *state;
	struct gp_store_report report;
	struct gp_store *s = open_store(p, &report);
	static const struct gp_rcpt rcpt = {.address = GP_SLICE("a@b")};
	struct gp_envelope e = {.arrival_ms = now_ms, .rcpts = &rcpt, .rcpts_len = 1};
	size_t len = (5 << 20) + 17;
	char *bytes = malloc(len), *back = malloc(len);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 31 + (i >> 12));
	int from = open(p->path, O_RDWR | O_TMPFILE, 0600),
	    to = open(p->path, O_RDWR | O_TMPFILE, 0600);
	assert_true(from >= 0 && to >= 0);
	assert_int_equal(pwrite(from, bytes, len, 0), len);
	struct gp_store_body b = {.fd = from, .fd_len = len};
	uint64_t id;
	struct gp_queued *q;
	assert_int_equal(gp_store_ids(s, 1, now_ms, &id), 0);
	assert_int_equal(gp_store_append(s, id, &e, &b, 0, &q), 0);
	assert_int_equal(gp_store_close(s), 0);
	s = open_store(p, &report);
	q = gp_store_find(s, id);
	assert_non_null(q);
	assert_int_equal(gp_store_copy_body(s, q, to, 0), 0);
	assert_int_equal(pread(to, back, len, 0), len);
	assert_memory_equal(bytes, back, len);
	assert_int_equal(gp_store_drop(s, q), 0);
	assert_int_equal(gp_store_close(s), 0);
	close(from);
	close(to);
	free(bytes);
	free(back);
}

static void
names_that_are_not_ours_are_left_alone(void **state)
{
	const struct place *p = *state;
	struct gp_store_report report;
	static const char *const names[] = {"README", "0000000000000001.bak", "000000000000000G"};
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++)
		close(openat(p->dirfd, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(gp_store_close(open_store(p, &report)), 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++)
		assert_int_equal(faccessat(p->dirfd, names[i], F_OK, 0), 0);
}

int
main(int argc, char **argv)
{
	if (argc > 1 && gp_slice_eq(gp_slice_str(argv[1]), GP_SLICE("long")))
		messages = 100000;
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(memory_and_time_to_open),
		T(bodies_come_from_and_go_to_files),
		T(names_that_are_not_ours_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
