/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The survey of a mail server's TLS as conversations, without I/O: it is fed the bytes that came
 * and the time, pulled for output and for what it wants next, and calls nobody. Several lines
 * (connections) may be open beside each other; each comes to where TLS begins, sends one hello,
 * reads what is wanted of the answer, and takes leave. What is asked is core/hello's.
 *
 *     s = gp_surveyor_new(&options);
 *     for (;;) {
 *             switch (gp_surveyor_next(s, &line)) {
 *             CONNECT: when manners permit, gp_surveyor_connecting(s, line, now); open a connection
 *                      to the same address and port: _connected(), or _unreachable()
 *             WAIT:    for input of any open line, or for its deadline: gp_surveyor_tick()
 *             DONE:    close all; gp_surveyor_facts(s)
 *             }
 *             write out what gp_surveyor_output(s, line) has; a line that is OVER: write what it
 *             has without waiting, close it, gp_surveyor_closed()
 *     }
 *
 * One line at a time is wanted, so that what is asked next hangs on all that is known. What a line
 * says in all:
 *
 *     (greeting) EHLO, STARTTLS, ClientHello; then two alerts, user_canceled and close_notify,
 *     unless the server has ended it (RFC 8446 section 6.1); QUIT where it does not come to TLS
 *
 * A hostile server costs octets_max octets, and total_ms in which a line is open. Who says 421, or
 * greets by another 4yz, is asked by half as many lines from then on. Memory: some 60 KB, and 150
 * KB a line at most.
 *
 * RFC 5321 section 3.1 (opening), 4.1.1.1 (EHLO); RFC 3207 section 4 (STARTTLS); RFC 8314 section
 * 3.3 (TLS from the first octet on).
 */
#pragma once

#include "core/hello/survey.h"

enum gp_surveyor_limits {
	GP_SURVEYOR_LINES_MAX = GP_SURVEY_UNDER_WAY_MAX,
	GP_SURVEYOR_SEED = GP_HELLO_RANDOM, /* octets */
	GP_SURVEYOR_HELO_MAX = 255,
};

enum gp_surveyor_want {
	GP_SURVEYOR_CONNECT,
	GP_SURVEYOR_WAIT,
	GP_SURVEYOR_DONE,
};

enum gp_surveyor_state {
	GP_SURVEYOR_FREE,
	GP_SURVEYOR_WANTED,
	GP_SURVEYOR_CONNECTING,
	GP_SURVEYOR_OPEN,
	GP_SURVEYOR_OVER,
};

/* Texts are copied. */
struct gp_surveyor_options {
	struct gp_slice helo; /* our own name, 1 to GP_SURVEYOR_HELO_MAX octets without controls */
	struct gp_slice sni;  /* at most GP_HELLO_SNI_MAX; empty: none is sent */
	struct gp_slice seed; /* GP_SURVEYOR_SEED octets, need not be secret: hellos' randoms */
	bool tls_at_once;     /* no STARTTLS */
	bool brief;           /* versions alone, as gp_survey_options has it */
	uint32_t lines_max;   /* 1 to GP_SURVEYOR_LINES_MAX */
	uint32_t connections_max; /* as gp_survey_options has it */
	uint32_t greeting_ms, reply_ms, total_ms;
	size_t octets_max;
};

struct gp_surveyor;

/* What is wrong with these options, static; NULL: nothing. */
const char *
gp_surveyor_options_wrong(const struct gp_surveyor_options *options);

/* Of options that nothing is wrong with. NULL: no memory. */
struct gp_surveyor *
gp_surveyor_new(const struct gp_surveyor_options *options);
/* Accepts NULL, returns NULL. */
struct gp_surveyor *
gp_surveyor_free(struct gp_surveyor *s);

/* At CONNECT *ret_line is the line that is WANTED now. */
[[nodiscard]] enum gp_surveyor_want
gp_surveyor_next(struct gp_surveyor *s, unsigned *ret_line);

/* line: any number; what there is none of is FREE. */
enum gp_surveyor_state
gp_surveyor_state(const struct gp_surveyor *s, unsigned line);

/* Of a line that is WANTED, */
void
gp_surveyor_connecting(struct gp_surveyor *s, unsigned line, uint64_t now_ms);
/* CONNECTING, */
void
gp_surveyor_connected(struct gp_surveyor *s, unsigned line, uint64_t now_ms);
void
gp_surveyor_unreachable(struct gp_surveyor *s, unsigned line, uint64_t now_ms);
/* OPEN: bytes came; or the server closed, or the connection broke. */
void
gp_surveyor_feed(struct gp_surveyor *s, unsigned line, struct gp_slice input, uint64_t now_ms);
void
gp_surveyor_eof(struct gp_surveyor *s, unsigned line, uint64_t now_ms);
/* OVER. */
void
gp_surveyor_closed(struct gp_surveyor *s, unsigned line);

/* Of a line that is OPEN or OVER: bytes to be sent, and how many of them were. */
struct gp_slice
gp_surveyor_output(const struct gp_surveyor *s, unsigned line);
void
gp_surveyor_sent(struct gp_surveyor *s, unsigned line, size_t n);

/* OVER: did the server say that it is too much? */
bool
gp_surveyor_backed_off(const struct gp_surveyor *s, unsigned line);

/* When gp_surveyor_tick() must be called for this line even without input; UINT64_MAX: never. */
uint64_t
gp_surveyor_deadline(const struct gp_surveyor *s, unsigned line);
/* What is late by now is over, all lines if the survey is. */
void
gp_surveyor_tick(struct gp_surveyor *s, uint64_t now_ms);

/* At any time; complete at DONE. They live as long as the surveyor. */
const struct gp_survey_facts *
gp_surveyor_facts(const struct gp_surveyor *s);
/* That came, all lines. */
uint64_t
gp_surveyor_octets(const struct gp_surveyor *s);
