/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A channel to another process: a SOCK_SEQPACKET pair that carries one message a packet. What comes
 * in is checked against the permit of this end and decoded before the owner sees it; a message that
 * is malformed or not permitted ends the channel and nothing else.
 *
 * Frame: u16 type, u16 flags, u32 length of the payload, payload. A payload over GP_CHANNEL_INLINE
 * travels in a memfd that goes before the message's own descriptor.
 *
 * Sending never blocks: messages are queued and sent at the end of the loop's turn, many in a call.
 * The queue has a cap; a peer that does not read until it is reached loses the channel. Descriptors
 * that wait have a cap of their own, over which a message is refused: they are of the process's.
 */
#pragma once

#include "ipc/messages.h"
#include "sys/loop.h"

enum {
	GP_CHANNEL_INLINE = 60 * 1024,
	GP_CHANNEL_QUEUE_MAX = 256 * 1024 * 1024, /* octets waiting to be sent, overhead included */
	GP_CHANNEL_QUEUE_FDS_MAX = 512,           /* descriptors waiting to be sent */
};

struct gp_channel;

struct gp_channel_owner {
	/* A decoded message. Its slices and lists are valid until the function returns. It may take
	   m->fd by setting it to -1, and may free the channel. */
	void (*on_message)(void *ctx, struct gp_channel *c, struct gp_message *m);
	/* The other end is gone, or broke the rules (why: static text). The channel is freed right
	 * after. */
	void (*on_close)(void *ctx, struct gp_channel *c, const char *why);
	void *ctx;
};

/* Takes over fd, also on failure. permit: GP_PERMIT_PEER_TO_US, what may come in. NULL: no memory.
 */
struct gp_channel *
gp_channel_new(struct gp_loop *loop, int fd, gp_permit permit,
	       const struct gp_channel_owner *owner);
/* Tries once more to send what is queued. Accepts NULL, returns NULL. */
struct gp_channel *
gp_channel_free(struct gp_channel *c);

/* Changes what may come in, as the conversation goes on. */
void
gp_channel_permit(struct gp_channel *c, gp_permit permit);

/* What is heard on it is handled before all else that is there in a turn. To be said before the
 * loop runs. */
void
gp_channel_first(struct gp_channel *c);

/* While a message is handled: it makes us work as if it were so many octets larger. What is taken
   from a channel in a turn is bounded by octets too. */
void
gp_channel_charge(uint64_t octets);

/* Queues a message; m->fd goes along and is closed here in any case. False: over a cap or out of
   memory; then nothing was queued, and a message of that kind cannot be sent. */
[[nodiscard]] bool
gp_channel_send(struct gp_channel *c, const struct gp_message *m);

/* Sends what is queued now, as far as the kernel takes it, and not at the turn's end. */
void
gp_channel_flush(struct gp_channel *c);

/* Octets and descriptors queued and not yet taken by the kernel. A sender of many descriptors looks
 * here first. */
size_t
gp_channel_backlog(const struct gp_channel *c);
size_t
gp_channel_backlog_fds(const struct gp_channel *c);

/* A pair of connected ends, close-on-exec and non-blocking, with buffers as large as may be.
 * Returns 0 or -errno. */
int
gp_channel_pair(int ret_fds[2]);
