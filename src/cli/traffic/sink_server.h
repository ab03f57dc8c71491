/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drives the sessions of `sink`: one process, one loop, as many connections as there are
 * descriptors. All connections read into one buffer, so an idle one costs little more than its
 * struct, and a message costs no allocation.
 */
#pragma once

#include "cli/traffic/histogram.h"
#include "cli/traffic/mark.h"
#include "cli/traffic/sink_session.h"
#include "cli/traffic/sink_tls.h"
#include "sys/address.h"

struct gp_sink_options {
	struct gp_sockaddr listen;
	struct gp_sink_plan plan;
	/* NULL: none; else after STARTTLS, where the plan offers it, or from the first octet. */
	struct gp_sink_tls *tls;
	uint64_t count;     /* messages to end after; 0: no end */
	uint64_t time_ms;   /* to end after; 0: no end */
	uint64_t settle_ms; /* to go on after `count`, for what comes twice; 0: till all QUIT, a
			       second at most */
	uint64_t delay_ms;  /* what has arrived is answered this much later */
	int canary_fd;      /* where tokens are listed (canary.h), with O_APPEND; -1: nowhere */
	bool print_marks;   /* each mark as it arrives, a line on standard output */
	bool progress;      /* a line a second on standard error */
};

struct gp_sink_stats {
	uint64_t connections, messages, recipients, octets;
	uint64_t unmarked;            /* messages without a mark, or with one that no book takes */
	uint64_t first_us, last_us;   /* first connection, last message: microseconds since 1970 */
	uint64_t handshakes, resumed; /* TLS: done; those of them that took up an earlier one */
	struct gp_histogram latency_ns; /* from a mark's time to the message's end */
	struct gp_mark_book *book;      /* the caller's */
};

/*
 * Listens and takes mail until a bound of the options is reached or SIGINT or SIGTERM comes; fills
 * *stats, whose book the caller has set. Returns 0, or -errno when listening is not possible; what
 * happens to single connections is not an error.
 */
[[nodiscard]] int
gp_sink_serve(struct gp_sink_options *options, struct gp_sink_stats *stats);
