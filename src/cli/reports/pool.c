/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/wire.h"

enum { PIECE = 64 << 10 };

void
pool_init(struct pool *p, pool_run *run, const struct reader_limits *limits,
	  const struct pool_listener *listener)
{
	*p = (struct pool){.run = run,
			   .limits = limits,
			   .listener = listener,
			   .shared_fd = -1,
			   .socket = -1,
			   .in = GP_BUF_INIT(POOL_IN_MAX)};
}

static struct pool_file *
file_at(struct pool *p, size_t i)
{
	return &p->files[(p->first + i) % READER_AHEAD];
}

/* --- the memory --- */

/* Nobody but this process, and through this mapping alone, can write to it: a reader does not
 * inherit it, and maps the file anew. */
static int
make_shared(struct pool *p)
{
	p->shared_fd = memfd_create("reports", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (p->shared_fd < 0 || ftruncate(p->shared_fd, READER_SHARED) < 0)
		return -errno;
	void *memory =
		mmap(NULL, READER_SHARED, PROT_READ | PROT_WRITE, MAP_SHARED, p->shared_fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	p->shared = memory;
	if (madvise(memory, READER_SHARED, MADV_DONTFORK) < 0 ||
	    fcntl(p->shared_fd, F_ADD_SEALS,
		  F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	return 0;
}

/* Where so many octets may go; READER_SHARED: nowhere before some file is done with. */
static size_t
find_room(struct pool *p, size_t len)
{
	size_t at = p->shared_at, i = 0;
	while (i < p->len && file_at(p, i)->fd >= 0)
		i++;
	if (i == p->len)
		return 0;
	size_t oldest = (size_t)file_at(p, i)->request.offset;
	if (at < oldest)
		return at + len < oldest ? at : READER_SHARED;
	if (at + len <= READER_SHARED)
		return at;
	return len < oldest ? 0 : READER_SHARED;
}

/* Reads a small file to that place. One that cannot be read stays a descriptor: its reader finds
 * out, and says so in its turn. */
static void
read_to(struct pool *p, size_t at, struct pool_file *f)
{
	size_t len = 0;
	while (len < f->request.length) {
		ssize_t n = pread(f->fd, p->shared + at + len, f->request.length - len,
				  (off_t)(f->request.offset + len));
		if (n < 0)
			return;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	close(f->fd);
	*f = (struct pool_file){-1, {at, len}, f->name};
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
		const char *shared =
			mmap(NULL, READER_SHARED, PROT_READ, MAP_SHARED, p->shared_fd, 0);
		if (shared == MAP_FAILED || dup2(pair[1], STDIN_FILENO) < 0 ||
		    dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
			_exit(EXIT_FAILURE);
		closefrom(STDERR_FILENO + 1);
		_exit(p->run(STDIN_FILENO, shared, p->limits));
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
	gp_told_hearer_free(&p->hearer);
	return status;
}

/* fd: of the last one; -1: it needs none. */
static int
send_tasks(int socket, struct reader_task *tasks, size_t len, int fd)
{
	union {
		struct cmsghdr header;
		char octets[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec part = {tasks, len * sizeof(*tasks)};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	ssize_t n = sendmsg(socket, &m, MSG_NOSIGNAL);
	return n == (ssize_t)part.iov_len ? 0 : n < 0 ? -errno : -EIO;
}

/* Hands over what may be handed now: those in memory together, one with a descriptor by itself. */
static int
hand(struct pool *p)
{
	struct reader_task tasks[READER_AHEAD];
	size_t until = p->alone > 0 ? 1 : p->len;
	int r = 0;
	while (r == 0 && p->handed < until) {
		size_t len = 0;
		int fd = -1;
		while (fd < 0 && p->handed + len < until) {
			const struct pool_file *f = file_at(p, p->handed + len);
			if (f->fd >= 0 && len > 0)
				break;
			fd = f->fd;
			tasks[len++] = (struct reader_task){f->request, f->fd < 0};
		}
		r = send_tasks(p->socket, tasks, len, fd);
		p->solo = p->handed == 0 && len == 1;
		p->handed += r == 0 ? len : 0;
	}
	return r;
}

/* --- what it says --- */

static void
forget_first(struct pool *p)
{
	struct pool_file *f = file_at(p, 0);
	if (f->fd >= 0)
		close(f->fd);
	free(f->name);
	p->first = (p->first + 1) % READER_AHEAD;
	p->len--;
}

static int
next_file(struct pool *p, const char *why)
{
	int r = p->listener->done(p->listener->context, file_at(p, 0)->name, why);
	forget_first(p);
	p->handed -= p->handed > 0;
	p->alone -= p->alone > 0;
	p->begun = p->solo = false;
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
		return p->begun ? l->begin(l->context, file_at(p, 0)->name) : l->end(l->context);
	}
	int r = gp_told_tell(&p->hearer, kind, fields, &l->told);
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
	if (r == 0)
		r = hand(p);
	if (r == -EPIPE || r == -ECONNRESET)
		return replace_reader(p, 0);
	if (r == 0)
		r = hear(p);
	if (r == 0 || r == -ETIME || r == -EPROTO)
		return replace_reader(p, r);
	return GP_MIN(r, 0);
}

/* A place for one more, and for so many octets of it in the memory. 0 or -errno. */
static int
make_room(struct pool *p, size_t len, size_t *ret_at)
{
	int r = p->shared ? 0 : make_shared(p);
	while (r == 0 && (p->len == READER_AHEAD || (*ret_at = find_room(p, len)) == READER_SHARED))
		r = turn(p);
	return r;
}

static void
put_file(struct pool *p, const struct pool_file *f)
{
	*file_at(p, p->len++) = *f;
	if (f->fd < 0)
		p->shared_at = (size_t)(f->request.offset + f->request.length);
}

int
pool_put(struct pool *p, int fd, const struct reader_request *request, const char *name)
{
	struct pool_file f = {fd, *request, strdup(name)};
	bool small = request->length <= READER_SMALL;
	size_t at;
	int r = f.name ? make_room(p, small ? request->length : 0, &at) : -ENOMEM;
	if (r != 0) {
		close(fd);
		free(f.name);
		return r;
	}
	if (small)
		read_to(p, at, &f);
	put_file(p, &f);
	return 0;
}

int
pool_put_octets(struct pool *p, struct gp_slice octets, const char *name)
{
	size_t at;
	gp_assert(octets.len <= READER_SMALL);
	int r = make_room(p, octets.len, &at);
	if (r != 0)
		return r;
	struct pool_file f = {-1, {at, octets.len}, strdup(name)};
	if (!f.name)
		return -ENOMEM;
	if (octets.len > 0)
		memcpy(p->shared + at, octets.ptr, octets.len);
	put_file(p, &f);
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
	while (p->len > 0)
		forget_first(p);
	if (p->shared)
		munmap(p->shared, READER_SHARED);
	if (p->shared_fd >= 0)
		close(p->shared_fd);
	gp_buf_free(&p->in);
}
