/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests in line for https.h: few at once, one at a time to a host, each with its time limit from
 * the moment it was ordered. What may not be asked at all is refused here. Who was never its turn,
 * or had less than half of its time left and no answer within that, ends with GP_FETCH_NO_ROOM.
 */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "procs/fetch/https.h"
#include "sys/loop.h"

enum {
	QUEUE_RUNNING_MAX = 64,
	QUEUE_MAX = 1024, /* requests, those under way too */
	/* Octets of all bodies that wait to be sent. */
	QUEUE_OCTETS_MAX = 64 << 20,
	QUEUE_TIME_MAX_MS = 60 * 1000, /* RFC 8461 section 3.3 */
};

struct queue;

struct queue_job {
	struct gp_list link; /* in the line, or among those under way */
	struct queue *queue;
	struct gp_arena arena; /* of what the request points to */
	struct https_request request;
	uint32_t time_max_ms; /* for all of it, its wait in the line included */
	uint64_t deadline_ms;
	struct event *timer; /* ends its wait in the line */
	bool running;
	/* Once, never from within queue_add. The job is freed right after; the owner must forget it
	 * before it returns. */
	void (*done)(void *ctx, const struct https_answer *a);
	void *ctx;
};

/* private_addresses: connect to addresses that are not the Internet's too. */
struct queue *
queue_new(struct gp_loop *loop, struct https *https, bool private_addresses);
/* Cancels everything. Accepts NULL, returns NULL. */
struct queue *
queue_free(struct queue *q);

/* Copies the order. NULL: *ret_why says why not: GP_FETCH_REFUSED or GP_FETCH_NO_ROOM, and a static
 * reason. */
struct queue_job *
queue_add(struct queue *q, const struct gp_msg_fetch *order, struct https_answer *ret_why);
void
queue_cancel(struct queue_job *j);
