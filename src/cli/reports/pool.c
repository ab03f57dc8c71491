/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wire.h"

enum { PIECE = 64 << 10 };

void
pool_init(struct pool *p, int (*run)(int socket, const struct reader_limits *limits),
	  const struct reader_limits *limits, const struct pool_listener *listener)
{
	*p = (struct pool){.run = run,
			   .limits = limits,
			   .listener = listener,
			   .socket = -1,
			   .in = GP_BUF_INIT(POOL_IN_MAX)};
}

/* --- the reader --- */

static int
start_reader(struct pool *p)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		/* Nothing that this process has open is its business, but where it complains. */
		if (dup2(pair[1], STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
			_exit(EXIT_FAILURE);
		closefrom(STDERR_FILENO + 1);
		_exit(p->run(STDIN_FILENO, p->limits));
	}
	int r = pid < 0 ? -errno : 0;
	close(pair[1]);
	if (r < 0) {
		close(pair[0]);
		return r;
	}
	p->reader = pid;
	p->socket = pair[0];
	return 0;
}

/* Returns how it ended, as waitpid() says it. */
static int
end_reader(struct pool *p, bool by_force)
{
	int status = 0;
	if (p->reader == 0)
		return 0;
	close(p->socket);
	p->socket = -1;
	if (by_force)
		kill(p->reader, SIGKILL);
	while (waitpid(p->reader, &status, 0) < 0 && errno == EINTR) {
	}
	p->reader = 0;
	p->handed = 0;
	p->spent = false;
	gp_buf_clear(&p->in);
	return status;
}

static int
hand(struct pool *p, const struct pool_file *f)
{
	union {
		struct cmsghdr header;
		char octets[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct reader_request request = f->request;
	struct iovec part = {&request, sizeof(request)};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &f->fd, sizeof(int));
	ssize_t n = sendmsg(p->socket, &m, MSG_NOSIGNAL);
	return n == sizeof(request) ? 0 : n < 0 ? -errno : -EIO;
}

/* --- what it says --- */

static int
next_file(struct pool *p, const char *why)
{
	struct pool_file *f = &p->files[0];
	int r = p->listener->done(p->listener->context, f->name, why);
	close(f->fd);
	free(f->name);
	p->len--;
	p->handed -= p->handed > 0;
	p->alone -= p->alone > 0;
	p->begun = p->solo = false;
	memmove(f, f + 1, p->len * sizeof(*f));
	return r;
}

static int
hear_done(struct pool *p, struct gp_slice fields)
{
	struct gp_reader r = gp_reader(fields);
	uint8_t state = gp_read_u8(&r);
	struct gp_slice why = gp_read_bytes(&r, GP_INGEST_TEXT_MAX);
	char text[GP_INGEST_TEXT_MAX + 1];
	if (!gp_read_end(&r) || !gp_told_is_text(why, GP_INGEST_TEXT_MAX, false) ||
	    state > READER_ENDS || (p->begun && state == READER_WHOLE))
		return -EPROTO;
	p->spent = state == READER_ENDS;
	snprintf(text, sizeof(text), "%.*s", GP_SLICE_FMT(why));
	return next_file(p, state != READER_WHOLE ? text : NULL);
}

/* -EPROTO: it says what it may not. */
static int
hear_frame(struct pool *p, uint8_t kind, struct gp_slice fields)
{
	const struct pool_listener *l = p->listener;
	if (p->handed == 0)
		return -EPROTO;
	if (kind == READER_DONE)
		return hear_done(p, fields);
	/* All but a beginning is of a report that has begun. */
	if (p->begun != (kind != READER_BEGIN))
		return -EPROTO;
	if (kind == READER_BEGIN || kind == READER_END) {
		p->begun = kind == READER_BEGIN;
		if (fields.len > 0)
			return -EPROTO;
		return p->begun ? l->begin(l->context, p->files[0].name) : l->end(l->context);
	}
	int r = gp_told_tell(kind, fields, &l->told);
	return r == 1 || r == -EINVAL ? 0 : r;
}

static int
hear_frames(struct pool *p)
{
	struct gp_slice all = gp_buf_slice(&p->in), rest = all;
	uint8_t kind = 0;
	struct gp_slice fields = {};
	int r;
	while ((r = gp_told_take(&rest, &kind, &fields)) == 0) {
		r = hear_frame(p, kind, fields);
		if (r < 0 || p->spent)
			return r;
	}
	gp_buf_consume(&p->in, all.len - rest.len);
	return r < 0 ? r : 0;
}

/* 1; 0: it has ended; -ETIME: it hangs; -EPROTO: it says what it may not; -errno. */
static int
hear(struct pool *p)
{
	uint64_t wait_ms = POOL_SILENT_MS + 10'000 * reader_cpu_s(p->limits);
	struct pollfd ready = {.fd = p->socket, .events = POLLIN};
	int n = poll(&ready, 1, (int)GP_MIN(wait_ms, (uint64_t)INT32_MAX));
	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	if (n == 0)
		return -ETIME;
	char *to = gp_buf_reserve(&p->in, PIECE);
	if (!to)
		return -EPROTO;
	ssize_t len = read(p->socket, to, PIECE);
	if (len <= 0)
		return 0;
	gp_buf_advance(&p->in, (size_t)len);
	int r = hear_frames(p);
	return r < 0 ? r : p->spent ? 0 : 1;
}

/* --- its end --- */

static const char *
why_ended(int status, int heard)
{
	if (heard == -ETIME)
		return "reading it comes to no end";
	if (heard == -EPROTO)
		return "its reader was taken over, or is broken";
	if (!WIFSIGNALED(status))
		return "its reader ended";
	return WTERMSIG(status) == SIGPROF ? "reading it takes more time than it may"
	       : WTERMSIG(status) == SIGSYS
		       ? "its reader was taken over, or is broken: it did what it may not"
		       : "its reader crashed";
}

/* The reader is gone. Whose fault that is is known where it had one file and nothing else to do. */
static int
replace_reader(struct pool *p, int heard)
{
	size_t handed = p->handed;
	bool solo = p->solo;
	int status = end_reader(p, heard != 0);
	if (handed == 0)
		return 0;
	if (solo)
		return next_file(p, why_ended(status, heard));
	p->alone = handed;
	bool begun = p->begun;
	p->begun = false;
	return begun ? p->listener->drop(p->listener->context) : 0;
}

/* Hands on what may be handed, and hears once. 0 or -errno. */
static int
turn(struct pool *p)
{
	int r = p->reader == 0 ? start_reader(p) : 0;
	while (r == 0 && p->handed < (p->alone > 0 ? 1 : p->len)) {
		r = hand(p, &p->files[p->handed]);
		p->solo = p->handed == 0;
		p->handed += r == 0;
	}
	if (r == -EPIPE || r == -ECONNRESET)
		return replace_reader(p, 0);
	if (r == 0)
		r = hear(p);
	if (r == 0 || r == -ETIME || r == -EPROTO)
		return replace_reader(p, r);
	return GP_MIN(r, 0);
}

int
pool_put(struct pool *p, int fd, const struct reader_request *request, const char *name)
{
	int r = 0;
	while (r == 0 && p->len == READER_AHEAD)
		r = turn(p);
	char *copy = r == 0 ? strdup(name) : NULL;
	if (!copy) {
		close(fd);
		return r < 0 ? r : -ENOMEM;
	}
	p->files[p->len++] = (struct pool_file){fd, *request, copy};
	return 0;
}

int
pool_finish(struct pool *p)
{
	int r = 0;
	while (r == 0 && p->len > 0)
		r = turn(p);
	return r;
}

void
pool_free(struct pool *p)
{
	(void)end_reader(p, true);
	for (; p->len > 0; p->len--) {
		close(p->files[p->len - 1].fd);
		free(p->files[p->len - 1].name);
	}
	gp_buf_free(&p->in);
}
