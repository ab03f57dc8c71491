/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/reader.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/wire.h"
#include "cli/command.h"
#include "cli/reports/sandbox.h"
#include "core/ingest/intake.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	OUT_FULL = 48 << 10,
	OUT_MAX = OUT_FULL + 2 * GP_TOLD_FRAME_MAX,
	ARENA_TIMES = 5, /* octets of an arena for each of a mail; core/ingest/intake.h */
	TASKS = 64,      /* that are taken at once */
};

struct reader {
	struct gp_told_writer told; /* first: its `empty` is given this alone */
	struct gp_intake intake;
	struct gp_ingest_listener listener;
	const struct reader_limits *limits;
	struct gp_arena arena;
	int socket;
	const char *shared;
	uint64_t timed_ms; /* when the file's time was set last; 0: never */
	struct reader_task tasks[TASKS];
	size_t tasks_len;
	int fd; /* of the last one; -1: it needs none */
};

/* --- limits --- */

uint64_t
reader_cpu_s(const struct reader_limits *limits)
{
	return 1 + (limits->size_max - 1) / GP_ARCHIVE_STRANGERS_OCTETS;
}

static uint64_t
memory_max(const struct reader_limits *limits)
{
	uint64_t more = limits->size_max > GP_ARCHIVE_STRANGERS_OCTETS
				? limits->size_max - GP_ARCHIVE_STRANGERS_OCTETS
				: 0;
	return READER_MEMORY + more;
}

/* What it has already is what it was forked with, and not its doing. */
static int
limit_memory(const struct reader_limits *limits)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	/* NOLINTNEXTLINE(cert-err34-c): the kernel writes it, and what fits */
	bool good = f && fscanf(f, "%*u %*u %*u %*u %*u %lu", &pages) == 1;
	if (f)
		fclose(f);
	if (!good)
		return -EIO;
	uint64_t before = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return gp_sandbox_limit_memory(before + memory_max(limits));
}

/*
 * A file's time of the processor begins, at the end of which SIGPROF ends the process. Where hardly
 * any has gone by since the last file's began, this one has what is left: nine tenths at least.
 */
static void
limit_time(struct reader *r)
{
	uint64_t seconds = reader_cpu_s(r->limits), now_ms = gp_clock_monotonic_ms();
	if (r->timed_ms > 0 && now_ms - r->timed_ms < 100 * seconds)
		return;
	const struct itimerval timer = {.it_value.tv_sec = (time_t)seconds};
	(void)setitimer(ITIMER_PROF, &timer, NULL);
	r->timed_ms = now_ms;
}

/* --- what it tells --- */

static int
empty(struct gp_told_writer *w)
{
	struct reader *r = gp_container_of(w, struct reader, told);
	while (w->out.len > 0) {
		struct gp_slice s = gp_buf_slice(&w->out);
		ssize_t n = write(r->socket, s.ptr, s.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		gp_buf_consume(&w->out, (size_t)n);
	}
	return 0;
}

static int
begin(void *context)
{
	return gp_told_end(context, gp_told_begin(context, READER_BEGIN));
}

static int
end(void *context)
{
	return gp_told_end(context, gp_told_begin(context, READER_END));
}

static int
done(struct reader *r, enum reader_done state, const char *why)
{
	size_t begun = gp_told_begin(&r->told, READER_DONE);
	gp_write_u8(&r->told.out, (uint8_t)state);
	gp_write_bytes(&r->told.out, gp_slice_str(why));
	return gp_told_end(&r->told, begun);
}

/* --- a file --- */

/* 0; 1: the reader should end, as it is out of memory; -errno: nobody hears it. */
static int
read_octets(struct reader *r, struct gp_slice octets)
{
	struct gp_intake_result got;
	r->arena.max = ARENA_TIMES * octets.len + GP_INTAKE_ARENA_MAX;
	limit_time(r);
	int code = gp_intake_read(&r->intake, octets, &r->arena, &got);
	gp_arena_reset(&r->arena);
	if (code == 0)
		return done(r, got.reports == 0 ? READER_FAILED : READER_WHOLE, got.why);
	if (code != -ENOMEM || r->told.out.failed)
		return code;
	code = done(r, READER_ENDS, "reading it takes more memory than it may");
	return code == 0 ? 1 : code;
}

static int
read_mapped(struct reader *r, int fd, const struct reader_request *q)
{
	size_t skip = q->offset % (size_t)sysconf(_SC_PAGESIZE), len = q->length + skip;
	const char *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, (off_t)(q->offset - skip));
	if (p == MAP_FAILED)
		return done(r, READER_FAILED, "it cannot be read");
	int code = read_octets(r, gp_slice_drop(gp_slice(p, len), skip));
	munmap((void *)p, len);
	return code;
}

/* The next tasks. False: there are none, for ever, or with MSG_DONTWAIT for now. */
static bool
take_tasks(struct reader *r, int flags)
{
	union {
		struct cmsghdr header;
		char octets[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {r->tasks, sizeof(r->tasks)};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t n;
	do
		n = recvmsg(r->socket, &m, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	r->fd = -1;
	if (n <= 0 || n % (ssize_t)sizeof(*r->tasks) != 0)
		return false;
	r->tasks_len = (size_t)n / sizeof(*r->tasks);
	const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&r->fd, CMSG_DATA(c), sizeof(r->fd));
	return true;
}

static int
read_task(struct reader *r, const struct reader_task *t)
{
	if (t->shared)
		return read_octets(r, gp_slice(r->shared + t->request.offset, t->request.length));
	int code = read_mapped(r, r->fd, &t->request);
	close(r->fd);
	return code;
}

static int
read_all(struct reader *r)
{
	int code = 0;
	while (code == 0) {
		/* What is told waits for more, but never for more work. */
		if (!take_tasks(r, MSG_DONTWAIT)) {
			code = empty(&r->told);
			if (code != 0 || !take_tasks(r, 0))
				break;
		}
		for (size_t i = 0; code == 0 && i < r->tasks_len; i++)
			code = read_task(r, &r->tasks[i]);
	}
	return code > 0 ? empty(&r->told) : code;
}

int
reader_run(int socket, const char *shared, const struct reader_limits *limits)
{
	static struct reader r;
	r.socket = socket;
	r.shared = shared;
	r.limits = limits;
	r.told = gp_told_writer(OUT_MAX, OUT_FULL, empty);
	r.listener = gp_told_listener(&r.told);
	r.intake = (struct gp_intake){
		.caps = {{limits->size_max, GP_ARCHIVE_STRANGERS_RATIO}, limits->records_max},
		.listener = &r.listener,
		.begin = begin,
		.end = end,
	};
	int code = getrandom(&r.intake.seed, sizeof(r.intake.seed), 0) < 0 ? -errno : 0;
	if (code == 0)
		code = limit_memory(limits);
	gp_log_setup("reports", false, GP_LOG_ERROR);
	if (code == 0)
		code = gp_sandbox_enter(&reports_reader_sandbox, NULL, 0);
	if (code < 0) {
		fprintf(stderr, "gatepost reports: its reader: %s\n", strerror(-code));
		return GP_EXIT_ERROR;
	}
	return read_all(&r) == 0 ? GP_EXIT_OK : GP_EXIT_ERROR;
}
