/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation from inside, for this folder alone.
 *
 *     probe.c     the functions of probe.h: pulls and pushes, budgets, what is said and kept
 *     opening.c   from the greeting to the task, which is the same in every connection
 *     talk.c      the task without consent, VRFY and NTLM
 *     resume.c    the session of the first connection, once more
 *     inject.c    STARTTLS with a command behind it
 *     relay.c     the relay matrix
 *     smuggle.c   messages with false ends
 *
 * Tasks follow upon each other; each has as many connections as it wants:
 *
 *              wants()                  opening               answer() ...
 *     (task) ------> ASKING, CONNECTING -------------> ready() -----------> leave(): QUIT
 *       ^                     | unreachable     | 4yz, 5yz, eof, time  |         |
 *       +---------------------+-----------------+----------------------+---------+  lost()
 *
 * Each reply goes to the answer function of its step, which says the next command or leaves.
 */
#pragma once

#include "core/probe/probe.h"
#include "core/probe/reader.h"

enum {
	PROBE_QUIT_MS = 3'000,
	PROBE_ARENA_MAX = 384 * 1024,
	PROBE_OUTPUT_MAX = 64 * 1024,
};

enum probe_state {
	PROBE_ASKING, /* for a connection */
	PROBE_CONNECTING,
	PROBE_SHAKING, /* hands: the driver is at it */
	PROBE_TALKING,
	PROBE_OVER,
};

enum probe_step {
	PROBE_AT_GREETING,
	PROBE_AT_EHLO,
	PROBE_AT_HELO, /* EHLO was not understood (RFC 5321 section 3.2) */
	PROBE_AT_STARTTLS,
	PROBE_AT_TASK,
	PROBE_AT_QUIT,
};

enum probe_task_id {
	PROBE_TALK,
	PROBE_RESUMPTION,
	PROBE_INJECTION,
	PROBE_MATRIX,
	PROBE_SMUGGLING,
	PROBE_TASKS,
};

struct probe_task {
	/* Once, when those before it are through; NULL: nothing to be done. */
	void (*begin)(struct gp_probe *p);
	/* A connection, or a further one? */
	bool (*wants)(const struct gp_probe *p);
	/* Shall it be inside TLS, where that is offered? */
	bool (*wants_tls)(const struct gp_probe *p);
	/* The opening is over: say the first command, or leave. */
	void (*ready)(struct gp_probe *p);
	void (*answer)(struct gp_probe *p, const struct gp_probe_reply *r);
	/* The connection is over, in whatever way; `why` is static. */
	void (*lost)(struct gp_probe *p, enum gp_probe_end end, const char *why);
};

extern const struct probe_task gp_probe_talk, gp_probe_resumption, gp_probe_injection,
	gp_probe_matrix, gp_probe_smuggling;

struct probe_injecting {
	bool tried;
	uint8_t unasked; /* of the connection, before */
};

/* Where relay.c is. */
struct probe_matrix {
	size_t at;           /* the form in work */
	uint8_t stage;       /* enum matrix_stage */
	uint8_t hello;       /* enum gp_probe_form_hello: what was said last, or none of them */
	uint8_t errors;      /* of this connection */
	uint8_t tries;       /* of this form */
	uint8_t barren;      /* connections in a row that tested nothing */
	uint8_t connections; /* so far */
	bool tls;            /* the server wants it: 530 in clear */
	bool plain_sender;   /* the form's own was refused, and is not what it is about */
	bool said;           /* this connection tested something */
	bool tainted;        /* by XCLIENT: it is for that form alone */
};

/* Where smuggle.c is. */
struct probe_smuggler {
	size_t at;     /* the variant in work */
	uint8_t stage; /* enum smuggle_stage */
	uint8_t extra; /* answers behind the first one */
	uint8_t barren;
	uint8_t unasked; /* of the connection, before */
};

struct gp_probe {
	struct gp_probe_options o;
	struct gp_arena arena; /* texts of options and record */
	struct gp_probe_record record;
	struct gp_probe_turn *last_turn;
	size_t turns;
	uint64_t logged;

	uint64_t now_ms; /* of the call that is running */
	uint64_t begun_ms, asked_ms, connected_ms;
	uint64_t end_ms;      /* of all of it */
	uint64_t deadline_ms; /* of what is waited for */

	uint8_t task;  /* enum probe_task_id */
	uint8_t state; /* enum probe_state */
	uint8_t step;  /* enum probe_step */
	uint8_t ask;   /* in talk: enum gp_probe_ask, what is waited for */
	bool want_due;
	uint8_t turned_away; /* how often the server sent us away */
	uint32_t pause_ms;   /* before the next connection */
	bool in_tls;
	bool served;     /* this connection has told what it was for: how it ends says nothing */
	bool early;      /* the reply that is coming in began before its command was sent */
	bool exhausted;  /* no more connections, whatever a task wants */
	uint8_t unasked; /* replies to nothing, of this connection */
	uint8_t leave_end;
	const char *leave_why;

	struct probe_reader reader;
	struct gp_buf out;
	uint32_t sent_ms; /* since connected */
	struct gp_buf ehlo_text;
	struct gp_probe_reply ehlo; /* the last one, its text in ehlo_text */

	bool talked; /* talk.c: is through, */
	bool no_tls; /* or asks the rest in clear */
	struct probe_injecting injection;
	struct probe_matrix matrix;
	struct probe_smuggler smuggler;
};

/* --- probe.c --- */

/* What is at work. */
const struct probe_task *
gp_probe_task(const struct gp_probe *p);

/* Says a line. consent: the flag of enum gp_probe_consents that it wants; 0: none. Every command
   passes here or the next one. */
GP_PRINTF(3, 4)
void
gp_probe_say(struct gp_probe *p, uint32_t consent, const char *fmt, ...);
/* The same for octets as they are. */
void
gp_probe_say_octets(struct gp_probe *p, uint32_t consent, struct gp_slice octets);

/* Says QUIT; then the connection is over, for this reason. */
void
gp_probe_leave(struct gp_probe *p, enum gp_probe_end end, const char *why);
/* It is over now. */
void
gp_probe_end_connection(struct gp_probe *p, enum gp_probe_end end, const char *why);

/* The driver is to shake hands. */
void
gp_probe_want_tls(struct gp_probe *p);

/* Puts a reply where its ask belongs, with its own copy of the text. */
void
gp_probe_store(struct gp_probe *p, enum gp_probe_ask ask, const struct gp_probe_reply *r);

/* A copy of a reply's text for a test: GP_PROBE_BRIEF_MAX octets of it. */
struct gp_slice
gp_probe_brief(struct gp_probe *p, const struct gp_probe_reply *r);

/* --- opening.c --- */

void
gp_probe_say_hello(struct gp_probe *p);
void
gp_probe_answer_opening(struct gp_probe *p, const struct gp_probe_reply *r);

/* --- resume.c --- */

/* What came of its handshake. */
void
gp_probe_note_resumption(struct gp_probe *p, bool resumed);

/* --- inject.c --- */

/* STARTTLS, and what must not be obeyed. */
void
gp_probe_say_injection(struct gp_probe *p);
