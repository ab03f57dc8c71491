/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/reader.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/wire.h"
#include "cli/command.h"
#include "cli/reports/sandbox.h"
#include "core/ingest/intake.h"
#include "sys/log.h"

enum {
	OUT_FULL = 48 << 10,
	OUT_MAX = OUT_FULL + 2 * GP_TOLD_FRAME_MAX,
	SMALL = 128 << 10, /* octets of a file that is read, not mapped */
	ARENA_TIMES = 5,   /* octets of an arena for each of a mail; core/ingest/intake.h */
};

struct reader {
	struct gp_told_writer told; /* first: its `empty` is given this alone */
	struct gp_intake intake;
	struct gp_ingest_listener listener;
	const struct reader_limits *limits;
	struct gp_arena arena;
	int socket;
	char small[SMALL];
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
	bool good = f && fscanf(f, "%*u %*u %*u %*u %*u %lu", &pages) == 1;
	if (f)
		fclose(f);
	if (!good)
		return -EIO;
	rlim_t max = pages * (rlim_t)sysconf(_SC_PAGESIZE) + memory_max(limits);
	return setrlimit(RLIMIT_DATA, &(struct rlimit){max, max}) < 0 ? -errno : 0;
}

/* The processor's time from now on, after which SIGPROF ends the process; 0: without end. */
static void
limit_time(uint64_t seconds)
{
	const struct itimerval timer = {.it_value.tv_sec = (time_t)seconds};
	(void)setitimer(ITIMER_PROF, &timer, NULL);
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
	limit_time(reader_cpu_s(r->limits));
	int code = gp_intake_read(&r->intake, octets, &r->arena, &got);
	limit_time(0);
	gp_arena_reset(&r->arena);
	if (code == 0)
		return done(r, got.reports == 0 ? READER_FAILED : READER_WHOLE, got.why);
	if (code != -ENOMEM || r->told.out.failed)
		return code;
	code = done(r, READER_ENDS, "reading it takes more memory than it may");
	return code == 0 ? 1 : code;
}

static int
read_small(struct reader *r, int fd, const struct reader_request *q)
{
	size_t len = 0;
	while (len < q->length) {
		ssize_t n = pread(fd, r->small + len, q->length - len, (off_t)(q->offset + len));
		if (n < 0)
			return done(r, READER_FAILED, "it cannot be read");
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return read_octets(r, gp_slice(r->small, len));
}

static int
read_large(struct reader *r, int fd, const struct reader_request *q)
{
	size_t skip = q->offset % (size_t)sysconf(_SC_PAGESIZE), len = q->length + skip;
	const char *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, (off_t)(q->offset - skip));
	if (p == MAP_FAILED)
		return done(r, READER_FAILED, "it cannot be read");
	int code = read_octets(r, gp_slice_drop(gp_slice(p, len), skip));
	munmap((void *)p, len);
	return code;
}

/* The next request. 1; 0: there is none, for ever, or with MSG_DONTWAIT for now. */
static int
next_request(struct reader *r, int flags, struct reader_request *ret, int *ret_fd)
{
	union {
		struct cmsghdr header;
		char octets[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {ret, sizeof(*ret)};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t n;
	do
		n = recvmsg(r->socket, &m, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	const struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	if (n != sizeof(*ret) || !c || c->cmsg_type != SCM_RIGHTS)
		return 0;
	memcpy(ret_fd, CMSG_DATA(c), sizeof(*ret_fd));
	return 1;
}

static int
read_all(struct reader *r)
{
	struct reader_request q;
	int fd, code = 0;
	while (code == 0) {
		/* What is told waits for more, but never for more work. */
		if (!next_request(r, MSG_DONTWAIT, &q, &fd)) {
			code = empty(&r->told);
			if (code != 0 || !next_request(r, 0, &q, &fd))
				break;
		}
		code = q.length <= SMALL ? read_small(r, fd, &q) : read_large(r, fd, &q);
		close(fd);
	}
	return code > 0 ? empty(&r->told) : code;
}

int
reader_run(int socket, const struct reader_limits *limits)
{
	static struct reader r;
	r.socket = socket;
	r.limits = limits;
	r.told = (struct gp_told_writer){GP_BUF_INIT(OUT_MAX), OUT_FULL, empty};
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
