/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's session from inside, for client*.c alone. client.h has the diagram.
 *
 *     client.c              pulls: replies, deadlines, events; the functions of client.h
 *     client_opening.c      from the greeting to READY, and what is between transactions
 *     client_auth.c         responses of AUTH
 *     client_transaction.c  from MAIL to the answer to the end of data
 *     client_ending.c       states, outcomes, and how a session ends
 *     client_command.c      the texts of MAIL and RCPT
 *
 * Each reply goes through read_reply() to the answer_ function of its state; each of these decides
 * and sets the next state by gp_client_set_state(). Whatever ends the session goes through
 * end_session().
 */
#pragma once

#include "base/arena.h"
#include "core/sasl/scram_client.h"
#include "core/smtp/client.h"
#include "core/smtp/dot_writer.h"
#include "core/smtp/reply_parser.h"

enum {
	IDLE_ARENA_MAX = 4 * GP_CLIENT_TEXT_MAX,
	SCRAM_ARENA_MAX = 128 * 1024,
	IDLE_OUTPUT_MAX = 8 * 1024, /* more is given back when the session becomes READY */
	COMMANDS_MAX = 16 * 1024,   /* octets of commands made ahead of the socket */
	OUTPUT_SLACK = 4096,        /* above OUTPUT_MAX: a command more, the end of data */
};

/* The times of RFC 5321 section 4.5.3.2, and ours, in milliseconds: what a limit of 0 means. */
enum {
	GREETING_MS = 300'000,
	MAIL_MS = 300'000,
	RCPT_MS = 300'000,
	DATA_MS = 120'000,
	BLOCK_MS = 180'000,
	END_MS = 600'000,
	QUIT_MS = 5'000,
	TLS_MS = 60'000,
};

enum client_state {
	AT_GREETING,
	AT_HELLO, /* EHLO or LHLO is said */
	AT_HELO,
	AT_STARTTLS,
	AT_AUTH,
	AT_HANDSHAKE, /* STARTTLS was answered by 220, the driver is at work */
	AT_REST,
	AT_ENVELOPE,
	AT_BODY,
	AT_END, /* the end of data is in the output, or sent */
	AT_RESET,
	AT_QUIT,
	AT_CLOSE,
};

/*
 * A transaction is a row of steps: 0 is MAIL, 1 to n the recipients, n + 1 DATA. Two cursors walk
 * over it: `made`, the next command to be made, and `answered`, the next one to be answered. With
 * PIPELINING (RFC 2920) the first runs ahead, without it by one step only. A recipient's outcome
 * has kind 0 as long as nothing has settled it; after its RCPT was answered that means "accepted".
 *
 * With BDAT the last step is the command and its octets: AT_BODY and AT_END begin when it is made,
 * and answers to the steps before it may come then.
 */
struct gp_smtp_client {
	struct gp_smtp_client_setup setup;
	struct gp_ehlo ehlo;
	uint8_t state;  /* enum client_state */
	bool ready_due; /* events that the driver has not pulled yet */
	bool done_due;
	bool starttls_due;
	bool in_tls;
	uint8_t tls_fault;  /* enum gp_client_tls_fault */
	uint32_t mechanism; /* at AT_AUTH: enum gp_ehlo_mechanisms, */
	unsigned responses; /* and how many of its responses were said */
	struct gp_scram_client scram;
	struct gp_arena scram_arena;
	const char *binding_type; /* NULL: there is none */
	uint8_t binding[GP_CLIENT_BINDING_MAX];
	size_t binding_len;
	char *secrets; /* what `setup.login` points to */
	size_t secrets_len;
	bool early;     /* the reply that is coming in began before its command was sent */
	uint32_t mails; /* MAIL commands so far, for MAILMAX */
	uint64_t deadline_ms;
	struct gp_reply_parser parser;
	struct gp_buf out;
	uint64_t sent;    /* octets sent since the session's start */
	uint64_t awaited; /* what `sent` must be before the state's command can be answered */
	struct gp_outcome failure;

	/* the transaction; from start to the next start */
	struct gp_arena arena;
	struct gp_smtp_client_mail mail;
	struct gp_outcome *outcomes; /* one a recipient */
	uint64_t *ends;              /* one a step: `awaited` of it; 0: not made, or left out */
	size_t rcpts_len;
	size_t made, answered; /* steps */
	size_t ended;          /* AT_END of LMTP: recipients before this one have their answer */
	size_t accepted;       /* recipients, while MAIL stands */
	size_t strays;         /* recipients that were accepted although MAIL was not */
	bool mail_taken;
	bool bdat;     /* the last step is BDAT with the body, not DATA */
	uint64_t left; /* octets of its chunk that the driver has not given yet */
	struct gp_dot_writer dot;
};

/* States and deadlines. */

static inline uint64_t
client_deadline(uint64_t now_ms, uint64_t limit_ms, uint64_t default_ms)
{
	return now_ms + (limit_ms > 0 ? limit_ms : default_ms);
}

/* The step behind the recipients. */
static inline size_t
client_data_step(const struct gp_smtp_client *c)
{
	return c->rcpts_len + 1;
}

static inline bool
client_in_transaction(const struct gp_smtp_client *c)
{
	return c->state == AT_ENVELOPE || c->state == AT_BODY || c->state == AT_END;
}

void
gp_client_set_state(struct gp_smtp_client *c, enum client_state state, uint64_t deadline_ms);

/* Outcomes. */

/* With its own copy of the text; a reply without enhanced code gets the general one of its class.
 */
struct gp_outcome
gp_client_make_outcome(struct gp_smtp_client *c, uint8_t kind, const struct gp_reply *r,
		       bool remote_said);
/* What the server's reply means for those whom it concerns. */
struct gp_outcome
gp_client_remote_outcome(struct gp_smtp_client *c, const struct gp_reply *r);
/* Gives this outcome to all that have none; the text is shared. */
void
gp_client_settle_rest(struct gp_smtp_client *c, const struct gp_outcome *o);

/* Endings: each makes an outcome of it for all that have none, and closes. */

/* A reason of ours, X.SUBJECT.DETAIL, as "why, at STAGE". */
void
gp_client_break_off(struct gp_smtp_client *c, uint16_t subject, uint16_t detail, const char *why);
void
gp_client_protocol_error(struct gp_smtp_client *c, const char *why);
/* The same at a moment when QUIT may be said. */
void
gp_client_leave(struct gp_smtp_client *c, uint16_t subject, uint16_t detail, const char *why);
/* The server ends the session, or does not want one. */
void
gp_client_refused(struct gp_smtp_client *c, const struct gp_reply *r);

/* The opening. */

/* Overwrites the login, and the output with what it still has of it; nothing waits there. */
void
gp_client_forget_login(struct gp_smtp_client *c);
/* Says a command outside the transaction, and awaits its answer in this state. */
void
gp_client_say(struct gp_smtp_client *c, enum client_state state, uint64_t deadline_ms,
	      const char *command, struct gp_slice param);
void
gp_client_say_quit(struct gp_smtp_client *c, uint64_t now_ms);
void
gp_client_become_ready(struct gp_smtp_client *c);
/* Replies at AT_GREETING, AT_HELLO, AT_HELO, AT_STARTTLS, AT_AUTH and AT_RESET. */
void
gp_client_answer_opening(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms);

/* The transaction. */

/* Makes what may be made, and ends the transaction when nothing more can come of its envelope. */
void
gp_client_walk_envelope(struct gp_smtp_client *c, uint64_t now_ms);
/* The body by BDAT; as gp_smtp_client_body() and gp_smtp_client_body_end(). */
size_t
gp_client_put_chunk(struct gp_smtp_client *c, struct gp_slice piece);
void
gp_client_end_chunk(struct gp_smtp_client *c);
/* Replies at AT_ENVELOPE, AT_BODY and AT_END. */
void
gp_client_answer_transaction(struct gp_smtp_client *c, const struct gp_reply *r, uint64_t now_ms);
