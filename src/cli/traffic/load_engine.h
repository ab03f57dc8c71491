/* SPDX-License-Identifier: Apache-2.0 */
/* What drives the sessions of `load`: connections, their pace, and what they come to. */
#pragma once

#include "cli/traffic/histogram.h"
#include "cli/traffic/load_session.h"
#include "sys/address.h"

enum gp_load_tls {
	GP_LOAD_CLEAR = 0,
	GP_LOAD_BY_STARTTLS, /* the plan has it, too */
	GP_LOAD_TLS,         /* from the first octet */
};

struct gp_load_options {
	struct gp_sockaddr server;
	struct gp_load_plan plan;
	struct gp_slice body;    /* dot-stuffed, with the rest of the header before it and the dot's
				    line at its end; the caller's */
	uint64_t count;          /* messages */
	uint32_t sessions;       /* connections at once */
	uint64_t per_connection; /* messages; 0: no bound */
	bool no_mail;            /* QUIT stands where a message would; so many connections count */
	enum gp_load_tls tls;
	bool resume;           /* TLS: each session takes up that of its connection before */
	double rate;           /* messages begun a second; 0: as fast as it goes */
	uint64_t reconnect_ms; /* how long a server that does not answer is asked again */
	uint64_t time_ms;      /* to begin no more after; 0: no bound */
	uint32_t idle;         /* open so many connections, read the greeting, by TLS the
				    answer to EHLO too, and hold them */
	uint64_t hold_ms;      /* with idle: hold so long once all are open; 0: till a signal */
	int ledger_fd;         /* -1: none */
	bool progress;         /* a line a second on standard error */
	/* with idle: called once, when all connections are greeted or have failed */
	void (*idle_ready)(const struct gp_load_options *options, uint64_t held, double seconds);
};

enum gp_load_end {
	GP_LOAD_END_DONE = 0,    /* all messages have an outcome */
	GP_LOAD_END_STOPPED = 1, /* a signal, or time_ms */
	GP_LOAD_END_GAVE_UP = 2, /* the server could not be reached, or broke every dialogue */
};

struct gp_load_stats {
	uint64_t begun; /* messages that got a number */
	uint64_t outcomes[GP_LOAD_OUTCOMES];
	uint64_t reply_classes[5];    /* replies 1xx to 5xx */
	uint64_t connections;         /* greeted */
	uint64_t connect_failures;    /* ended before the greeting */
	uint64_t held;                /* with idle: when all were open */
	uint64_t handshakes, resumed; /* TLS: done; those of them that took up an earlier one */
	char tls[96];                 /* version and cipher of the first of them */
	uint64_t start_us, end_us;    /* microseconds since 1970; the end is the last outcome's */
	struct gp_histogram greeting_ns;  /* connect to greeting */
	struct gp_histogram message_ns;   /* connect, or MAIL where the connection was open, to the
					    answer to the dot; accepted messages */
	struct gp_histogram dot_ns;       /* the dot is sent to its answer; accepted messages */
	struct gp_histogram handshake_ns; /* of TLS, from the client's first octet on */
	char first_refusal[GP_LOAD_REPLY_MAX + 1];
	char first_failure[128];
};

/* Runs the load. Returns enum gp_load_end, or -errno: no memory, or the ledger cannot be written.
 */
[[nodiscard]] int
gp_load_run(const struct gp_load_options *options, struct gp_load_stats *stats);
