/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One probe of core/probe over real sockets: connections, TLS, deadlines. It asks its owner before
 * each connection, and tells when one is over, so that a budget can be kept.
 *
 *     scan_talk_begin()  ->  asks  ->  scan_talk_connect()  ->  ...  ->  over  [-> asks ...]
 *     ->  done
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "core/probe/probe.h"
#include "sys/address.h"
#include "sys/tls_certificate.h"
#include "sys/tls_client.h"

struct scan_log;

/* What the first handshake of a probe showed. Texts live in the arena that was given. */
struct scan_tls {
	bool tried, ok;
	uint32_t handshake_ms;
	const char *error; /* not ok */
	const char *version, *cipher;
	uint8_t trust; /* enum gp_tls_trust: what the authorities say, names aside */
	const char *trust_text;
	struct gp_tls_shown shown;
	struct gp_tls_certificate certificate; /* of the first link, where there is one */
};

/* What all talks of a run share; the owner's. */
struct scan_talkers {
	struct event_base *base;
	struct gp_tls_client *tls;
	struct scan_log *log; /* NULL: none */
	uint64_t now_ms;      /* of this turn of the loop, monotonic */
	char input[16 * 1024];
};

struct scan_talk {
	struct scan_talkers *with;
	struct gp_sockaddr address;
	struct gp_slice sni; /* empty: none is sent */
	struct gp_arena *arena;
	struct gp_probe *probe;
	struct scan_tls tls; /* the result of it */
	int connect_error;   /* negative errno of a connection that did not come about; 0: none */
	uint64_t number;     /* in the log */
	uint64_t spent_ms;   /* with a connection, or in making one; all that are over */
	/* It wants a connection, now or later; NULL pointers are not allowed. */
	void (*asks)(struct scan_talk *t);
	/* The connection that was asked for is over, or is no longer wanted. Before `asks` for the
	   next one, and before `done`. backed_off: the server said that it is too much. */
	void (*over)(struct scan_talk *t, bool backed_off);
	/* The last call. */
	void (*done)(struct scan_talk *t);
	/* private */
	struct event event;
	struct gp_tls *connection;      /* by TLS; NULL: in clear */
	struct gp_tls_session *session; /* of the first one, to be resumed; NULL: none */
	uint64_t shake_ms, dialled_ms;
	uint64_t tls_octets; /* that came by TLS, in connections before this one */
	bool resume;         /* the session is wanted */
	int fd;              /* -1: none */
	uint8_t state;
	bool too_much; /* was said on this connection */
};

/* Of a talk whose public members are set but for tls, at with->now_ms. options as gp_probe_new
   takes them. Returns 0 or -ENOMEM; then nothing is called. May call `asks` before it returns. */
[[nodiscard]] int
scan_talk_begin(struct scan_talk *t, const struct gp_probe_options *options);

/* The answer to `asks`. */
void
scan_talk_connect(struct scan_talk *t);

/* Frees what it has, the probe aside, which the owner may keep. Nothing is called. */
void
scan_talk_end(struct scan_talk *t);
