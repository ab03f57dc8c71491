/* SPDX-License-Identifier: Apache-2.0 */
/* Files on their way through readers that end, hang, lie: the one to blame is found, and no other
 * loses by it. */
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/wire.h"
#include "cli/reports/pool.h"

enum { FILES = 40 };

static const struct reader_limits limits = {1 << 20, 1000};

/* --- what is heard --- */

static char heard[64 << 10];
static int open_reports, drops;

static void
put(const char *name, const char *why)
{
	size_t len = strlen(heard);
	snprintf(heard + len, sizeof(heard) - len, "%s%s%s\n", name, why ? ": " : "",
		 why ? why : "");
}

static int
begin(void *context, const char *name)
{
	(void)context;
	(void)name;
	assert_int_equal(open_reports++, 0);
	return 0;
}

static int
end(void *context)
{
	(void)context;
	assert_int_equal(open_reports--, 1);
	return 0;
}

static int
drop(void *context)
{
	drops++;
	return end(context);
}

static int
done(void *context, const char *name, const char *why)
{
	(void)context;
	if (!why)
		assert_int_equal(open_reports, 0);
	open_reports = 0;
	put(name, why);
	return 0;
}

static int
flaw(void *context, uint64_t record, bool lost, const char *why)
{
	(void)context;
	(void)record;
	(void)lost;
	put("flaw", why);
	return 0;
}

static const struct pool_listener listener = {
	.begin = begin, .told = {.flaw = flaw}, .end = end, .drop = drop, .done = done};

/* --- a reader: each file says by its octet what it does to it --- */

static int
empty(struct gp_told_writer *w)
{
	struct gp_slice s = gp_buf_slice(&w->out);
	bool good = write(STDIN_FILENO, s.ptr, s.len) == (ssize_t)s.len;
	gp_buf_clear(&w->out);
	return good ? 0 : -1;
}

static struct gp_told_writer told;

static void
tell(uint8_t kind)
{
	assert_int_equal(gp_told_end(&told, gp_told_begin(&told, kind)), 0);
}

static void
tell_done(enum reader_done state, const char *why)
{
	size_t begun = gp_told_begin(&told, READER_DONE);
	gp_write_u8(&told.out, (uint8_t)state);
	gp_write_bytes(&told.out, gp_slice_str(why));
	assert_int_equal(gp_told_end(&told, begun), 0);
}

static void
spin(void)
{
	const struct itimerval timer = {.it_value.tv_usec = 20'000};
	volatile uint64_t n = 0;
	setitimer(ITIMER_PROF, &timer, NULL);
	while (true)
		n++;
}

static int
act(char what)
{
	struct gp_ingest_listener l = gp_told_listener(&told);
	if (what != 'D' && what != 'B')
		tell(READER_BEGIN);
	switch (what) {
	case 'g': /* good */
		l.flaw(l.context, 0, false, "odd");
		tell(READER_END);
		tell_done(READER_WHOLE, "");
		return 0;
	case 'f': /* fails in the middle */
		tell_done(READER_FAILED, "it breaks off");
		return 0;
	case 'm': /* no memory */
		tell_done(READER_ENDS, "no memory");
		(void)empty(&told);
		return 1;
	case 's':
		(void)empty(&told);
		spin();
		return 0;
	case 'c': /* crashes */
		signal(SIGABRT, SIG_DFL);
		(void)empty(&told);
		abort();
	case 'e':
		return 1; /* ends, and says nothing */
	case 'd':         /* done before its end */
		tell_done(READER_WHOLE, "");
		return 0;
	case 'D': /* done twice */
		tell_done(READER_WHOLE, "");
		tell_done(READER_WHOLE, "");
		return 0;
	case 'b':
		tell(READER_BEGIN);
		return 0;
	case 'B': /* never began */
		tell(READER_END);
		return 0;
	case 't': /* controls in a text */
		l.flaw(l.context, 0, false, "\033[2J");
		return 0;
	default: /* a frame that is too long */
		gp_buf_put(&told.out, GP_SLICE("\377\377\377\377"));
		return 0;
	}
}

static int
read_badly(int socket, const char *shared, const struct reader_limits *l)
{
	struct reader_task task;
	int r = 0;
	(void)l;
	while (r == 0) {
		if (read(socket, &task, sizeof(task)) != sizeof(task))
			return 0;
		assert_true(task.shared && task.request.length == 1);
		r = act(shared[task.request.offset]);
		if (r == 0)
			r = empty(&told);
	}
	return r;
}

/* --- files --- */

static int
file_of(const char *octets)
{
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, strlen(octets)), (ssize_t)strlen(octets));
	return fd;
}

/* Each octet a file of its name; returns what was heard. */
static const char *
run(const char *octets)
{
	struct pool pool;
	int fd = file_of(octets);
	heard[0] = '\0';
	open_reports = drops = 0;
	pool_init(&pool, read_badly, &limits, &listener);
	for (size_t i = 0; octets[i]; i++) {
		const struct reader_request request = {i, 1};
		const char name[] = {octets[i], '\0'};
		assert_int_equal(pool_put(&pool, dup(fd), &request, name), 0);
	}
	assert_int_equal(pool_finish(&pool), 0);
	pool_free(&pool);
	close(fd);
	return heard;
}

static void
one_reader_for_many_files(void **state)
{
	char octets[FILES + 1] = {};
	size_t lines = 0;
	(void)state;
	memset(octets, 'g', FILES);
	for (const char *c = run(octets); *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 2 * FILES);
	assert_int_equal(drops, 0);
}

static void
who_is_to_blame(void **state)
{
	static const char broken[] = "its reader was taken over, or is broken";
	static const struct {
		char what;
		const char *why;
	} cases[] = {
		{'f', "it breaks off"},
		{'m', "no memory"},
		{'s', "reading it takes more time than it may"},
		{'c', "its reader crashed"},
		{'e', "its reader ended"},
		{'d', broken},
		{'b', broken},
		{'B', broken},
		{'t', broken},
		{'x', broken},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		const char alone[] = {cases[i].what, '\0'};
		const char between[] = {'g', cases[i].what, 'g', '\0'};
		char want[512];
		snprintf(want, sizeof(want), "%c: %s\n", cases[i].what, cases[i].why);
		assert_string_equal(run(alone), want);
		snprintf(want, sizeof(want), "flaw: odd\ng\n%c: %s\nflaw: odd\ng\n", cases[i].what,
			 cases[i].why);
		/* A report that was heard before the blame was known is dropped, and told again. */
		const char *got = run(between);
		assert_non_null(strstr(got, strchr(want, '\n') + 1));
		assert_int_equal(open_reports, 0);
	}
}

/* Done twice: the second one is taken for the next file's, or for none. */
static void
no_file_is_done_with_twice(void **state)
{
	size_t lines = 0;
	(void)state;
	for (const char *c = run("Dgg"); *c; c++)
		lines += *c == '\n';
	assert_true(lines >= 3);
	assert_string_equal(run("D"), "D\n");
}

/* --- what they are handed --- */

enum { SIZES = 1000, WHOLE = 1 << 20 };

/* Of all sizes around those that matter: some fit the memory together, some go by themselves. */
static size_t
size_of(size_t i)
{
	static const size_t sizes[] = {0, 1, 700, 3000, READER_SMALL, READER_SMALL + 1, 40'000, 17};
	return sizes[i % GP_ARRAY_LEN(sizes)];
}

static size_t
offset_of(size_t i)
{
	return i * 897;
}

static void
tell_octets(struct gp_slice octets)
{
	struct gp_ingest_listener l = gp_told_listener(&told);
	char text[64];
	uint64_t sum = 0;
	for (size_t i = 0; i < octets.len; i++)
		sum = sum * 31 + (uint8_t)octets.ptr[i];
	snprintf(text, sizeof(text), "%zu %016lx", octets.len, (unsigned long)sum);
	tell(READER_BEGIN);
	l.flaw(l.context, 0, false, text);
	tell(READER_END);
	tell_done(READER_WHOLE, "");
}

static int
sum_up(int socket, const char *shared, const struct reader_limits *l)
{
	static char large[WHOLE];
	union {
		struct cmsghdr header;
		char octets[CMSG_SPACE(sizeof(int))];
	} control;
	struct reader_task task;
	struct iovec part = {&task, sizeof(task)};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
	(void)l;
	for (m.msg_controllen = sizeof(control); recvmsg(socket, &m, 0) == sizeof(task);
	     m.msg_controllen = sizeof(control)) {
		struct gp_slice octets =
			gp_slice(shared + task.request.offset, task.request.length);
		assert_int_equal(task.shared, task.request.length <= READER_SMALL);
		assert_int_equal(!task.shared, m.msg_controllen > 0);
		if (!task.shared) {
			int fd;
			memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
			ssize_t n =
				pread(fd, large, task.request.length, (off_t)task.request.offset);
			close(fd);
			octets = gp_slice(large, (size_t)n);
		}
		tell_octets(octets);
		(void)empty(&told);
	}
	return 0;
}

static struct gp_buf want = {.max = 1 << 20}, got = {.max = 1 << 20};

static int
hear_sum(void *context, uint64_t record, bool lost, const char *why)
{
	(void)context;
	(void)record;
	(void)lost;
	gp_buf_put_str(&got, why);
	return 0;
}

static int
done_well(void *context, const char *name, const char *why)
{
	(void)context;
	(void)name;
	assert_ptr_equal(why, NULL);
	return 0;
}

static void
all_sizes_arrive_as_they_are(void **state)
{
	static const struct pool_listener sums = {.begin = begin,
						  .told = {.flaw = hear_sum},
						  .end = end,
						  .drop = drop,
						  .done = done_well};
	struct pool pool;
	char *whole = malloc(WHOLE);
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	(void)state;
	open_reports = 0;
	for (size_t i = 0; i < WHOLE; i++)
		whole[i] = (char)(i * i >> 7);
	assert_int_equal(write(fd, whole, WHOLE), WHOLE);
	pool_init(&pool, sum_up, &limits, &sums);
	for (size_t i = 0; i < SIZES; i++) {
		const struct reader_request request = {offset_of(i), size_of(i)};
		uint64_t sum = 0;
		for (size_t k = 0; k < size_of(i); k++)
			sum = sum * 31 + (uint8_t)whole[offset_of(i) + k];
		gp_buf_printf(&want, "%zu %016lx", size_of(i), (unsigned long)sum);
		if (i % 3 > 0 || request.length > READER_SMALL)
			assert_int_equal(pool_put(&pool, dup(fd), &request, "file"), 0);
		else
			assert_int_equal(
				pool_put_octets(&pool,
						gp_slice(whole + request.offset, request.length),
						"file"),
				0);
	}
	assert_int_equal(pool_finish(&pool), 0);
	pool_free(&pool);
	assert_true(gp_slice_eq(gp_buf_slice(&got), gp_buf_slice(&want)));
	close(fd);
	free(whole);
	gp_buf_free(&want);
	gp_buf_free(&got);
}

/* What is in the memory is for the next reader too, if this one is taken over. */
static int
write_to_memory(int socket, const char *shared, const struct reader_limits *l)
{
	char task[sizeof(struct reader_task)];
	(void)l;
	assert_int_equal(read(socket, task, sizeof(task)), sizeof(task));
	signal(SIGSEGV, SIG_DFL);
	if (mprotect((void *)shared, READER_SHARED, PROT_READ | PROT_WRITE) == 0)
		return 0;
	*(volatile char *)shared = 'x';
	return 0;
}

static void
a_reader_cannot_write_to_the_memory(void **state)
{
	struct pool pool;
	const struct reader_request request = {0, 1};
	int fd = file_of("g");
	(void)state;
	heard[0] = '\0';
	open_reports = 0;
	pool_init(&pool, write_to_memory, &limits, &listener);
	assert_int_equal(pool_put(&pool, fd, &request, "g"), 0);
	assert_int_equal(pool_finish(&pool), 0);
	pool_free(&pool);
	assert_string_equal(heard, "g: its reader crashed\n");
}

int
main(void)
{
	told = gp_told_writer(1 << 20, SIZE_MAX, empty);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_reader_for_many_files),
		cmocka_unit_test(who_is_to_blame),
		cmocka_unit_test(no_file_is_done_with_twice),
		cmocka_unit_test(all_sizes_arrive_as_they_are),
		cmocka_unit_test(a_reader_cannot_write_to_the_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
