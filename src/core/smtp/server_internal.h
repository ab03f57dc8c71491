/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the server's session share: its struct, and the few functions that change its
 * state. server.c has the diagram of the states and the driver's side, server_command.c the command
 * lines, server_body.c the message, server_tls.c STARTTLS, server_auth.c AUTH, server_chunk.c BDAT.
 */
#pragma once

#include "core/message/header.h"
#include "core/smtp/command.h"
#include "core/smtp/dot_reader.h"
#include "core/smtp/server.h"

enum {
	FLOOD_FACTOR = 4,        /* reading stops at this many times a limit */
	AUTH_COMMAND_MAX = 4096, /* an AUTH line with its initial response, where it is offered */
	AUTH_LINE_MAX = 12288,   /* RFC 4954 section 4: sufficient for all mechanisms */
	HELO_MAX = GP_DOMAIN_MAX,
};

/* Beside the events of server.h: go on with the next step. */
enum { AGAIN = -1 };

enum state {
	STATE_GREET,
	STATE_COMMAND,
	STATE_DECIDE,
	STATE_AUTH, /* within an exchange: a response is due */
	STATE_BODY,
	STATE_CHUNK, /* the octets of a BDAT, to be taken or refused at their end */
	STATE_POISONED,
	STATE_STARTTLS,  /* it was answered yes: nothing may follow */
	STATE_TLS_READY, /* 220 was said, and is not taken yet */
	STATE_HANDSHAKE, /* the driver's */
	STATE_CLOSING,
	STATE_CLOSED,
	STATES,
};

struct transaction {
	bool accepted; /* the driver said yes to MAIL: it will hear of the end */
	struct gp_smtp_mail mail;
	struct gp_smtp_rcpt rcpt; /* the one that is being decided on */
	struct gp_envelope envelope;
	struct gp_rcpt *rcpts;
	size_t rcpts_cap;
	uint32_t overshoot; /* RCPTs over the limit */
	struct gp_dot_reader dots;
	char gathered[512]; /* pieces of the body that are handed out as one */
	struct gp_header_meter header;
	uint64_t body_size; /* octets of the message, without stuffed dots (RFC 1870 section 5) */
	uint64_t body_read; /* octets off the wire */
	uint64_t since_ms;  /* when the body began; UINT64_MAX: it has not */
	uint64_t chunks;    /* BDATs so far */
};

struct chunk {
	uint64_t size, read; /* octets */
	bool last;
	struct gp_reply refusal; /* code 0: it is taken */
};

struct auth {
	struct gp_slice mechanism; /* a word of the setup's list */
	struct gp_slice response;  /* decoded; NULL ptr: none */
	struct gp_arena arena;     /* the response's */
	struct gp_buf identity;    /* empty: nobody has authenticated */
};

struct gp_smtp_server {
	struct gp_smtp_server_setup setup; /* points to what follows this struct and to `limits` */
	struct gp_limits limits;
	uint8_t state; /* enum state */
	uint8_t asked; /* DECIDE: the event that waits for its answer */
	bool esmtp;
	bool in_tls;
	bool eof;
	bool tx_over;   /* the transaction is kept until next() for the driver to look at */
	bool line_over; /* the same for `line` */
	bool stressed;
	bool clock_stale; /* since_ms is to be set by the next next() */
	uint32_t errors, useless, messages;
	uint64_t greet_ms; /* when the greeting is due */
	uint64_t since_ms; /* when we began to wait for this command line, or this body */
	uint64_t heard_ms; /* when input last came */
	struct gp_arena arena;
	struct transaction *tx;
	struct gp_slice body; /* the piece at BODY */
	struct gp_buf line;   /* a command line that comes in pieces */
	struct gp_buf helo;
	struct gp_buf output;
	struct gp_reply refusal;
	struct gp_slice refused_command;
	struct gp_reply farewell; /* a shutdown that waits for the driver's answer */
	bool quit;                /* the client said so */
	struct auth auth;
	struct chunk chunk;
	struct gp_reply failed_chunks; /* what those hear that follow a refused one, up to LAST */
	uint64_t swallowed; /* octets of chunks that were read only to be refused, and their cost */
};

/* --- server.c --- */

/* The only setter of the state. */
void
server_set_state(struct gp_smtp_server *s, enum state state);
/* What is left to do is to end the transaction, and CLOSE. */
void
server_close(struct gp_smtp_server *s);

/* Says r; output that is over its cap closes the session. Behind the 220 to STARTTLS it says
   nothing, as that would be in clear. */
void
server_reply(struct gp_smtp_server *s, struct gp_reply r);
/* For the log: gp_smtp_server_refusal(). */
void
server_note_refusal(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice command);
/* Refuses and goes on, unless the errors are too many. Returns REFUSED. */
int
server_refuse(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice command);
/* Refuses and closes. Returns REFUSED. */
int
server_dismiss(struct gp_smtp_server *s, struct gp_reply r, struct gp_slice command);

/* The limit that holds now. */
uint64_t
server_limit(const struct gp_smtp_server *s, uint64_t normal, uint64_t stressed);

/* Waits for the driver's answer to this event, which it returns. */
int
server_ask(struct gp_smtp_server *s, enum gp_smtp_event event);
/* The answer was given: what waited for it takes effect. */
void
server_decided(struct gp_smtp_server *s);

/* NULL: no memory. */
struct transaction *
server_tx_begin(struct gp_smtp_server *s);
/* Ends the transaction; it is still there to look at until next() is called. Returns ABORT where
   the driver has to hear of it, else AGAIN. */
int
server_tx_end(struct gp_smtp_server *s);

/* --- the steps: one a state. Each takes what it can from the input and returns an event or AGAIN.
   --- */

/* server_command.c: COMMAND and AUTH */
int
server_step_command(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms);
/* Takes the CRLF off a line that has its LF. False: there was none, or a bare CR or NUL is in it:
   the sender's idea of where lines end is not ours. */
bool
server_strip_line(struct gp_slice *line);

/* server_auth.c */
bool
server_auth_offered(const struct gp_smtp_server *s);
int
server_handle_auth(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line);
/* A line of an exchange, with its LF. */
int
server_auth_line(struct gp_smtp_server *s, struct gp_slice line);
/* The driver refused what it was asked about. */
void
server_auth_refused(struct gp_smtp_server *s);
void
server_auth_free(struct gp_smtp_server *s);

/* server_tls.c */
int
server_handle_starttls(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line);
int
server_step_starttls(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms);
int
server_step_tls_ready(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms);
int
server_step_handshake(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms);

/* server_body.c */
int
server_step_body(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms);
int
server_step_poisoned(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms);

/* The first octets of a message are there: it has been coming since now. */
void
server_body_begins(struct gp_smtp_server *s);
/* What is wrong with the body as far as it came, the gravest first, so that the answer does not
   depend on the pieces it came in. Code 0: nothing. */
struct gp_reply
server_body_verdict(const struct gp_smtp_server *s);
/* How many octets we are ready to read only to refuse them. */
uint64_t
server_flood_max(const struct gp_smtp_server *s);
/* When the message, or the chunk that is refused, has come too slowly. */
uint64_t
server_body_deadline(const struct gp_smtp_server *s);

/* server_chunk.c */
/* Whether something is under way that MAIL, AUTH and STARTTLS must not break into. */
bool
server_in_transaction(const struct gp_smtp_server *s);
int
server_handle_bdat(struct gp_smtp_server *s, struct gp_slice args, struct gp_slice line);
/* The driver's answer to DATA, where the first BDAT has asked. */
void
server_chunk_decided(struct gp_smtp_server *s, struct gp_reply r);
int
server_step_chunk(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms);
