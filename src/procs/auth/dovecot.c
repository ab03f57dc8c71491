/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/auth/dovecot.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/sasl/dovecot.h"
#include "sys/address.h"
#include "sys/log.h"
#include "sys/password.h"

enum {
	OUT_MAX = 4 << 20, /* octets of requests that Dovecot has not taken */
	READ_SIZE = 16 * 1024,
	MAJOR = 1,
};

struct dovecot {
	struct gp_loop *loop;
	struct gp_arena arena; /* of the address */
	struct gp_slice address;
	struct dovecot_owner owner;
	int fd; /* -1: not connected */
	struct event readable, writable;
	bool ready;          /* Dovecot has said DONE */
	struct gp_buf hello; /* what goes before all requests */
	struct gp_buf out, in;
};

/* Forgets the connection, and the passwords that were on their way. */
static void
disconnect(struct dovecot *d)
{
	if (d->fd < 0)
		return;
	event_del(&d->readable);
	event_del(&d->writable);
	close(d->fd);
	d->fd = -1;
	d->ready = false;
	if (d->out.ptr)
		gp_wipe(d->out.ptr, d->out.cap);
	gp_buf_free(&d->hello);
	gp_buf_free(&d->out);
	gp_buf_free(&d->in);
}

struct dovecot *
dovecot_free(struct dovecot *d)
{
	if (!d)
		return NULL;
	disconnect(d);
	gp_arena_free(&d->arena);
	free(d);
	return NULL;
}

struct dovecot *
dovecot_new(struct gp_loop *loop, struct gp_slice address, const struct dovecot_owner *owner)
{
	struct dovecot *d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	*d = (struct dovecot){.loop = loop,
			      .arena = GP_ARENA_INIT(1024),
			      .owner = *owner,
			      .fd = -1,
			      .hello = GP_BUF_INIT(256),
			      .out = GP_BUF_INIT(OUT_MAX),
			      .in = GP_BUF_INIT(GP_DOVECOT_LINE_MAX + READ_SIZE)};
	d->address = gp_arena_dup(&d->arena, address);
	return d->address.ptr ? d : dovecot_free(d);
}

static void
lose(struct dovecot *d, const char *why)
{
	gp_warning("dovecot_lost", GP_F("address", d->address), GP_FS("reason", why));
	disconnect(d);
	d->owner.on_lost(d->owner.ctx);
}

/* --- out --- */

/* What is there and may go: the introduction at once, requests when Dovecot is ready. */
static void
flush(struct dovecot *d)
{
	struct gp_buf *buffers[] = {&d->hello, &d->out};
	for (size_t i = 0; i < GP_ARRAY_LEN(buffers); i++) {
		struct gp_slice text = gp_buf_slice(buffers[i]);
		if (text.len == 0 || (buffers[i] == &d->out && !d->ready))
			continue;
		ssize_t n = write(d->fd, text.ptr, text.len);
		if (n < 0 && errno != EAGAIN) {
			lose(d, strerror(errno));
			return;
		}
		if (n > 0) {
			gp_wipe((void *)text.ptr, (size_t)n);
			gp_buf_consume(buffers[i], (size_t)n);
		}
		if (n < (ssize_t)text.len) {
			event_add(&d->writable, NULL);
			return;
		}
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	flush(arg);
}

/* --- in --- */

/* False: the connection is of no use any more, or was given up by the owner. */
static bool
take_line(struct dovecot *d, struct gp_slice text)
{
	struct gp_arena arena = GP_ARENA_INIT(2 * GP_DOVECOT_LINE_MAX);
	struct gp_dovecot_line line;
	int r = gp_dovecot_parse(text, &arena, &line);
	bool good = r == 0 && !(line.kind == GP_DOVECOT_VERSION && line.major != MAJOR);
	if (good && line.kind == GP_DOVECOT_DONE)
		d->ready = true;
	if (good && line.kind == GP_DOVECOT_OK)
		d->owner.on_answer(d->owner.ctx, line.id, DOVECOT_YES, line.user);
	if (good && line.kind == GP_DOVECOT_FAIL)
		d->owner.on_answer(d->owner.ctx, line.id,
				   line.temporary ? DOVECOT_TROUBLE : DOVECOT_NO, line.user);
	gp_arena_free(&arena);
	if (!good)
		lose(d, "it does not speak this protocol");
	return good && d->fd >= 0;
}

/* The buffer is full at the latest when a line is longer than lines may be. */
static void
take_lines(struct dovecot *d)
{
	for (;;) {
		struct gp_slice all = gp_buf_slice(&d->in);
		ptrdiff_t end = gp_slice_find(all, '\n');
		if (end < 0)
			break;
		if (!take_line(d, gp_slice_take(all, (size_t)end)))
			return;
		gp_buf_consume(&d->in, (size_t)end + 1);
	}
	if (d->in.len > GP_DOVECOT_LINE_MAX)
		lose(d, "it says a line that is too long");
	else
		flush(d);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct dovecot *d = arg;
	char *to = gp_buf_reserve(&d->in, READ_SIZE);
	(void)what;
	ssize_t n = to ? read(fd, to, READ_SIZE) : -1;
	if (n > 0) {
		gp_buf_advance(&d->in, (size_t)n);
		take_lines(d);
	} else if (!to || n == 0 || errno != EAGAIN) {
		lose(d, !to ? "out of memory" : n == 0 ? "it has closed" : strerror(errno));
	}
}

/* --- the connection --- */

static int
dial(struct dovecot *d)
{
	struct gp_sockaddr a;
	if (gp_sockaddr_parse(d->address, 0, &a) < 0)
		return -EINVAL;
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return -errno;
	if (connect(d->fd, (const struct sockaddr *)&a.ss, a.len) == 0)
		return 0;
	int error = -errno;
	close(d->fd);
	d->fd = -1;
	return error;
}

static bool
connected(struct dovecot *d)
{
	struct event_base *base = gp_loop_base(d->loop);
	if (d->fd >= 0)
		return true;
	int r = dial(d);
	if (r < 0) {
		gp_warning("dovecot_unreachable", GP_F("address", d->address),
			   GP_FS("reason", strerror(-r)));
		return false;
	}
	event_assign(&d->readable, base, d->fd, EV_READ | EV_PERSIST, on_readable, d);
	event_assign(&d->writable, base, d->fd, EV_WRITE, on_writable, d);
	event_add(&d->readable, NULL);
	event_add(&d->writable, NULL);
	gp_dovecot_write_hello(&d->hello, (uint32_t)getpid());
	return true;
}

bool
dovecot_ask(struct dovecot *d, uint32_t id, struct gp_slice name, struct gp_slice password,
	    struct gp_slice client)
{
	if (!connected(d))
		return false;
	size_t before = d->out.len;
	gp_dovecot_write_request(&d->out, id, name, password, client);
	if (d->out.failed) {
		/* Half a request would be somebody else's. */
		gp_buf_truncate(&d->out, before);
		d->out.failed = false;
		return false;
	}
	if (d->ready)
		event_add(&d->writable, NULL);
	return true;
}
