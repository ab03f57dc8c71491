/* SPDX-License-Identifier: Apache-2.0 */
/* The network, played by the test in the place of procs/fetch/https.c: what was started, and what
 * the test makes of it. */
#pragma once

#include "unit.h"

#include "procs/fetch/queue.h"

static struct {
	struct https_request *started[QUEUE_MAX + 1]; /* NULL: ended or cancelled */
	size_t started_len, cancelled;
	int refuse; /* what https_start returns */
} network;

int
https_start(struct https *h, struct https_request *q)
{
	(void)h;
	if (network.refuse == 0)
		network.started[network.started_len++] = q;
	return network.refuse;
}

void
https_cancel(struct https *h, struct https_request *q)
{
	(void)h;
	for (size_t i = 0; i < network.started_len; i++) {
		if (network.started[i] != q)
			continue;
		network.started[i] = NULL;
		network.cancelled++;
		return;
	}
	fail_msg("cancelled what was not under way");
}

/* The i-th request that was started ends with this. */
static inline void
network_end(size_t i, enum gp_fetch_result result, const char *body)
{
	struct https_request *q = network.started[i];
	struct https_answer answer = {
		.result = result, .status = 200, .body = gp_slice_str(body), .reason = ""};
	assert_non_null(q);
	network.started[i] = NULL;
	q->done(q, &answer);
}

static inline void
network_stop_loop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	gp_loop_stop(arg);
}

/* Turns the loop for so long. */
static inline void
network_run(struct gp_loop *loop, unsigned ms)
{
	struct event *timer = evtimer_new(gp_loop_base(loop), network_stop_loop, loop);
	gp_timer_set(timer, ms);
	assert_true(gp_loop_run(loop) >= 0);
	event_free(timer);
}
