/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/wire.h"
#include "sys/log.h"
#include "sys/small_file.h"

enum {
	FRAME_HEADER = 8,
	FRAME_SPILLED = 1, /* flag: the payload is in the first descriptor */
	FDS_MAX = 2,
	BATCH = 16, /* packets a system call */
	PACKET_MAX = FRAME_HEADER + GP_CHANNEL_INLINE,
	/* What is taken before other channels get their turn, to the end of a batch. */
	TURN_PACKETS = 256,
	TURN_OCTETS = 16 * 1024 * 1024,
	ARENA_MAX = 64 * 1024 * 1024,
	SOCKET_BUFFER = 4 * 1024 * 1024,
};

struct packet {
	struct gp_list link;
	int fds[FDS_MAX];
	uint8_t fds_len;
	bool secret;
	size_t len;
	size_t cost; /* what it holds of our memory, beside the process or in it */
	char data[];
};

struct gp_channel {
	struct gp_loop *loop;
	int fd;
	gp_permit permit;
	struct gp_channel_owner owner;
	struct event *readable, *writable;
	struct gp_list queue;
	size_t queued;
	size_t queued_fds;
	struct gp_loop_hook flush;
	bool *freed; /* set by free while a handler of this channel runs */
};

/* Receive buffers and the arena are the process's: only one message is looked at at a time. */
static struct {
	char *packets[BATCH];
	struct gp_buf spilled;
	struct gp_arena arena;
	struct gp_buf encoded;
	uint64_t octets; /* decoded in this turn of a channel, and charged */
} scratch = {
	.spilled = {.max = 16 * 1024 * 1024},
	.arena = {.max = ARENA_MAX},
	.encoded = {.max = 16 * 1024 * 1024},
};

union control {
	struct cmsghdr header;
	char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

static bool
prepare_scratch(void)
{
	for (size_t i = 0; i < BATCH && !scratch.packets[BATCH - 1]; i++) {
		scratch.packets[i] = malloc(PACKET_MAX);
		if (!scratch.packets[i])
			return false;
	}
	return true;
}

static void
close_fds(const int *fds, size_t len)
{
	for (size_t i = 0; i < len; i++)
		close(fds[i]);
}

static void
drop_packet(struct packet *p)
{
	close_fds(p->fds, p->fds_len);
	if (p->secret)
		explicit_bzero(p->data, p->len);
	free(p);
}

static void
end(struct gp_channel *c, const char *why)
{
	c->owner.on_close(c->owner.ctx, c, why);
	gp_channel_free(c);
}

/* --- sending --- */

static void
fill_header(struct packet *p, struct msghdr *h, struct iovec *iov, union control *control)
{
	*iov = (struct iovec){.iov_base = p->data, .iov_len = p->len};
	*h = (struct msghdr){.msg_iov = iov, .msg_iovlen = 1};
	if (p->fds_len == 0)
		return;
	size_t len = p->fds_len * sizeof(int);
	h->msg_control = control->space;
	h->msg_controllen = CMSG_SPACE(len);
	struct cmsghdr *cm = CMSG_FIRSTHDR(h);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cm), p->fds, len);
}

/* Full for now: the socket, the kernel's memory, or what it lets a user have of descriptors on
   their way. */
static bool
passes(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM ||
	       error == ETOOMANYREFS;
}

/* Sends until the queue is empty or the socket is full. False: the channel is broken. */
static bool
send_queue(struct gp_channel *c)
{
	while (!gp_list_empty(&c->queue)) {
		struct mmsghdr headers[BATCH];
		struct iovec iovs[BATCH];
		union control controls[BATCH];
		unsigned n = 0;
		for (struct gp_list *it = c->queue.next; it != &c->queue && n < BATCH;
		     it = it->next) {
			struct packet *p = gp_container_of(it, struct packet, link);
			fill_header(p, &headers[n].msg_hdr, &iovs[n], &controls[n]);
			n++;
		}
		int sent = sendmmsg(c->fd, headers, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0)
			return passes(errno);
		for (int i = 0; i < sent; i++) {
			struct gp_list *first = gp_list_pop(&c->queue);
			gp_assert(first); /* `sent` counts packets of this queue */
			struct packet *p = gp_container_of(first, struct packet, link);
			c->queued -= p->cost;
			c->queued_fds -= p->fds_len;
			drop_packet(p);
		}
	}
	return true;
}

void
gp_channel_flush(struct gp_channel *c)
{
	if (!send_queue(c)) {
		/* The reader sees the end of the channel too, and tells the owner, from a place
		 * where that is safe. */
		shutdown(c->fd, SHUT_RDWR);
		return;
	}
	if (gp_list_empty(&c->queue))
		event_del(c->writable);
	else
		event_add(c->writable, NULL);
}

static void
on_turn_end(struct gp_loop_hook *hook)
{
	struct gp_channel *c = gp_container_of(hook, struct gp_channel, flush);
	if (!gp_list_empty(&c->queue) && !event_pending(c->writable, EV_WRITE, NULL))
		gp_channel_flush(c);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	gp_channel_flush(arg);
}

/* Puts the payload into an unnamed file in memory. Returns it or -1. */
static int
spill(struct gp_slice payload)
{
	int fd = memfd_create("message", MFD_CLOEXEC);
	while (fd >= 0 && payload.len > 0) {
		ssize_t n = write(fd, payload.ptr, payload.len);
		if (n <= 0) {
			close(fd);
			return -1;
		}
		payload = gp_slice_drop(payload, (size_t)n);
	}
	return fd;
}

static struct packet *
make_packet(const struct gp_message *m, struct gp_slice payload)
{
	bool inline_ok = payload.len <= GP_CHANNEL_INLINE;
	size_t inline_len = inline_ok ? payload.len : 0;
	struct packet *p = malloc(sizeof(*p) + FRAME_HEADER + inline_len);
	if (!p)
		return NULL;
	*p = (struct packet){.secret = gp_message_is_secret(m->type),
			     .len = FRAME_HEADER + inline_len,
			     .cost = sizeof(*p) + FRAME_HEADER + payload.len};
	gp_list_init(&p->link);
	uint16_t type = (uint16_t)m->type, flags = inline_ok ? 0 : FRAME_SPILLED;
	uint32_t len = (uint32_t)payload.len;
	memcpy(p->data, &type, 2);
	memcpy(p->data + 2, &flags, 2);
	memcpy(p->data + 4, &len, 4);
	memcpy(p->data + FRAME_HEADER, payload.ptr, inline_len);
	if (!inline_ok) {
		int fd = spill(payload);
		if (fd < 0) {
			free(p);
			return NULL;
		}
		p->fds[p->fds_len++] = fd;
	}
	return p;
}

/* NULL: no memory, or a message that cannot be. */
static struct packet *
encode(const struct gp_message *m)
{
	struct gp_buf *b = &scratch.encoded;
	bool secret = gp_message_is_secret(m->type);
	struct packet *p = NULL;
	gp_buf_clear(b);
	/* A buffer that grew would leave behind what it was. */
	if (secret && !gp_buf_reserve(b, gp_message_max(m->type)))
		return NULL;
	if (gp_message_encode(b, m))
		p = make_packet(m, gp_buf_slice(b));
	if (secret)
		explicit_bzero(b->ptr, b->len);
	if (b->cap > 1024 * 1024)
		gp_buf_free(b);
	return p;
}

/* A peer that leaves so much unread is not one that we can work with: its end is noticed by the
 * reader, like any other. */
static bool
over_cap(struct gp_channel *c, const struct packet *p)
{
	if (c->queued + p->cost <= GP_CHANNEL_QUEUE_MAX)
		return false;
	shutdown(c->fd, SHUT_RDWR);
	return true;
}

bool
gp_channel_send(struct gp_channel *c, const struct gp_message *m)
{
	struct packet *p = encode(m);
	if (p && m->fd >= 0)
		p->fds[p->fds_len++] = m->fd;
	if (!p && m->fd >= 0)
		close(m->fd);
	if (p && (over_cap(c, p) || c->queued_fds + p->fds_len > GP_CHANNEL_QUEUE_FDS_MAX)) {
		drop_packet(p);
		p = NULL;
	}
	if (!p)
		return false;
	gp_list_append(&c->queue, &p->link);
	c->queued += p->cost;
	c->queued_fds += p->fds_len;
	return true;
}

size_t
gp_channel_backlog(const struct gp_channel *c)
{
	return c->queued;
}

size_t
gp_channel_backlog_fds(const struct gp_channel *c)
{
	return c->queued_fds;
}

/* --- receiving --- */

struct incoming {
	struct gp_slice data;
	int fds[FDS_MAX];
	size_t fds_len;
};

/* Takes the descriptors out of a header. False: more of them than a message can have. */
static bool
take_fds(struct msghdr *h, struct incoming *in)
{
	bool ok = !(h->msg_flags & (MSG_CTRUNC | MSG_TRUNC));
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(h); cm; cm = CMSG_NXTHDR(h, cm)) {
		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
			if (in->fds_len < FDS_MAX) {
				in->fds[in->fds_len++] = fd;
			} else {
				close(fd);
				ok = false;
			}
		}
	}
	return ok;
}

/* Reads a spilled payload whole into the process's buffer. */
static bool
read_spilled(int fd, size_t len, struct gp_slice *ret)
{
	struct stat st;
	/* Nothing that could make us wait, and no reservation for what is not there. */
	if (gp_file_stat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != len)
		return false;
	gp_buf_clear(&scratch.spilled);
	char *to = gp_buf_reserve(&scratch.spilled, len);
	if (!to)
		return false;
	for (size_t at = 0; at < len;) {
		ssize_t n = pread(fd, to + at, len - at, (off_t)at);
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	gp_buf_advance(&scratch.spilled, len);
	*ret = gp_buf_slice(&scratch.spilled);
	return true;
}

/* Returns NULL, or why the packet is not a message that may come now. On success the descriptor of
 *ret is the caller's; all others are closed. */
static const char *
decode(const struct gp_channel *c, struct incoming *in, struct gp_message *ret)
{
	struct gp_reader r = gp_reader(in->data);
	unsigned type = gp_read_u16(&r), flags = gp_read_u16(&r);
	size_t len = gp_read_u32(&r);
	struct gp_slice payload = r.rest;
	bool spilled = flags == FRAME_SPILLED;
	if (r.failed || flags > FRAME_SPILLED || len > gp_message_max(type))
		return "malformed frame";
	if (type >= GP_MSG_COUNT || !(c->permit & GP_PERMIT(type)))
		return "message not permitted";
	if (spilled) {
		if (in->fds_len == 0 || payload.len != 0 || len <= GP_CHANNEL_INLINE ||
		    !read_spilled(in->fds[0], len, &payload))
			return "bad spilled payload";
		close(in->fds[0]);
		in->fds[0] = in->fds[--in->fds_len];
	}
	if (payload.len != len || in->fds_len > 1)
		return "malformed frame";
	gp_arena_reset(&scratch.arena);
	if (!gp_message_decode(type, payload, in->fds_len ? in->fds[0] : -1, &scratch.arena, ret))
		return "malformed message";
	in->fds_len = 0;
	scratch.octets += len;
	return NULL;
}

/* Hands one packet to the owner. False: the channel is gone. */
static bool
handle(struct gp_channel *c, struct incoming *in, bool frame_ok)
{
	struct gp_message m = {.fd = -1};
	bool freed = false;
	const char *why = frame_ok ? decode(c, in, &m) : "truncated frame";
	close_fds(in->fds, in->fds_len);
	in->fds_len = 0;
	if (why) {
		end(c, why);
		return false;
	}
	/* cppcheck-suppress autoVariables; it is taken away again below */
	c->freed = &freed;
	c->owner.on_message(c->owner.ctx, c, &m);
	if (gp_message_is_secret(m.type))
		explicit_bzero((char *)in->data.ptr, in->data.len);
	if (m.fd >= 0)
		close(m.fd);
	if (scratch.spilled.cap > 1024 * 1024)
		gp_buf_free(&scratch.spilled);
	if (freed)
		return false;
	c->freed = NULL;
	return true;
}

static int
receive_batch(struct gp_channel *c, struct mmsghdr headers[BATCH], struct iovec iovs[BATCH],
	      union control controls[BATCH])
{
	for (size_t i = 0; i < BATCH; i++) {
		iovs[i] = (struct iovec){.iov_base = scratch.packets[i], .iov_len = PACKET_MAX};
		headers[i].msg_hdr = (struct msghdr){
			.msg_iov = &iovs[i],
			.msg_iovlen = 1,
			.msg_control = controls[i].space,
			.msg_controllen = sizeof(controls[i].space),
		};
	}
	return recvmmsg(c->fd, headers, BATCH, MSG_DONTWAIT | MSG_CMSG_CLOEXEC, NULL);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct gp_channel *c = arg;
	struct mmsghdr headers[BATCH];
	struct iovec iovs[BATCH];
	union control controls[BATCH];
	(void)fd, (void)what;
	scratch.octets = 0;
	for (int done = 0; done < TURN_PACKETS && scratch.octets < TURN_OCTETS;) {
		int n = receive_batch(c, headers, iovs, controls);
		if (n < 0) {
			if (errno != EAGAIN && errno != EINTR)
				end(c, "receive failed");
			return;
		}
		bool alive = true;
		for (int i = 0; i < n; i++) {
			struct incoming in = {
				.data = gp_slice(iovs[i].iov_base, headers[i].msg_len)};
			bool ok = take_fds(&headers[i].msg_hdr, &in);
			if (!alive) {
				close_fds(in.fds, in.fds_len);
			} else if (in.data.len == 0) {
				/* No message is empty: the peer closed. */
				close_fds(in.fds, in.fds_len);
				end(c, "closed");
				alive = false;
			} else {
				alive = handle(c, &in, ok);
			}
		}
		if (!alive || n < BATCH)
			return;
		done += n;
	}
}

void
gp_channel_charge(uint64_t octets)
{
	scratch.octets += GP_MIN(octets, (uint64_t)TURN_OCTETS);
}

/* --- life --- */

struct gp_channel *
gp_channel_new(struct gp_loop *loop, int fd, gp_permit permit, const struct gp_channel_owner *owner)
{
	struct gp_channel *c = prepare_scratch() ? calloc(1, sizeof(*c)) : NULL;
	if (!c) {
		close(fd);
		return NULL;
	}
	*c = (struct gp_channel){.loop = loop, .fd = fd, .permit = permit, .owner = *owner};
	gp_list_init(&c->queue);
	c->flush.run = on_turn_end;
	gp_loop_at_end(loop, GP_LOOP_SEND, &c->flush);
	c->readable = event_new(gp_loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(gp_loop_base(loop), fd, EV_WRITE | EV_PERSIST, on_writable, c);
	if (!c->readable || !c->writable || event_add(c->readable, NULL) < 0)
		return gp_channel_free(c);
	return c;
}

struct gp_channel *
gp_channel_free(struct gp_channel *c)
{
	if (!c)
		return NULL;
	send_queue(c);
	if (c->freed)
		*c->freed = true;
	for (struct gp_list *it; (it = gp_list_pop(&c->queue));)
		drop_packet(gp_container_of(it, struct packet, link));
	if (c->readable)
		event_free(c->readable);
	if (c->writable)
		event_free(c->writable);
	gp_loop_at_end_remove(&c->flush);
	close(c->fd);
	free(c);
	return NULL;
}

void
gp_channel_permit(struct gp_channel *c, gp_permit permit)
{
	c->permit = permit;
}

void
gp_channel_first(struct gp_channel *c)
{
	event_priority_set(c->readable, GP_LOOP_FIRST);
}

int
gp_channel_pair(int ret_fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret_fds) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		int size = SOCKET_BUFFER;
		/* Beyond net.core.wmem_max only with CAP_NET_ADMIN; otherwise as much as is
		 * allowed. */
		if (setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
			setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	}
	return 0;
}
