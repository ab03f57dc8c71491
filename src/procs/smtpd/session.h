/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a connection share: session.c has its life and its bytes, commands.c what is
 * said to its commands, message.c what becomes of a message that is complete. */
#pragma once

#include <event2/event_struct.h>

#include "procs/smtpd/checks.h"
#include "procs/smtpd/smtpd.h"

enum session_state {
	SESSION_TALKS,
	SESSION_WAITS_STAGE,
	SESSION_WAITS_CHECKS,
	SESSION_WAITS_SIGNATURE,
	SESSION_WAITS_COMMIT,
	SESSION_WAITS_AUTH,
	SESSION_WAITS_COUNT,
	SESSION_SHAKES_HANDS,
	SESSION_LINGERS,
};

struct session {
	struct gp_list link;
	enum session_state state;
	int fd;
	const struct gp_role_listen *listen;
	struct gp_tls *tls; /* NULL: in clear */
	bool starttls;      /* was offered */
	bool signing;       /* the handshake waits for signer */
	uint64_t handshake_end_ms;
	uint64_t signature_end_ms; /* of the handshake, or of the message */
	bool reading, writing;     /* whether the event is registered */
	struct event readable, writable, timer;
	uint64_t timer_ms; /* when the timer fires; UINT64_MAX: not armed */
	struct gp_smtp_server *smtp;
	struct gp_buf held;
	size_t lingered;
	struct gp_client client;
	struct login login;
	struct gp_sockaddr_text client_text;
	/* the transaction */
	uint64_t id;
	struct targets targets;
	struct body body;
	struct checks *checks;  /* NULL: it is not looked at, or there was no memory */
	uint64_t checks_end_ms; /* WAITS_CHECKS */
	bool junk;              /* as they came to it */
	/* For the journal; in the transaction's arena. */
	struct gp_slice message_id, results;
	struct gp_buf head; /* what goes on top of the body */
	struct mail_signing signing_mail;
};

/* Whether it has authenticated. */
bool
session_is_user(const struct session *s);
/* What TLS came to; without it, texts of NULL. */
struct gp_tls_facts
session_tls(const struct session *s);
/* What the transaction holds beside its arena is given back. */
void
session_reset_transaction(struct session *s);

/* --- refusals.c --- */

/* By whom the client's mail is handed over: enum gp_journal_origin. */
uint8_t
session_origin(const struct session *s);
/* Logs what was refused last, unless it was logged already. */
void
session_log_refusal(struct session *s);
/* The same of a message that is complete, which the journal hears of too. */
void
session_log_refused_message(struct session *s);
/* The address of MAIL or RCPT (stage: "mail", "rcpt") is refused: to the log and the journal. */
void
session_log_refused_path(struct session *s, const char *stage, const struct gp_reply *r);

/* --- commands.c --- */

/* Runs the protocol over the input until it is used up, the session waits, or it is over: then
 * s->state says what follows. */
void
commands_run(struct session *s, struct gp_slice *input);
/* auth's word about the recipient that it was asked to count: answers. */
void
commands_take_count(struct session *s, enum gp_quota_result result);
/* The staging file of the body, or -1: the body has failed. */
void
commands_take_stage(struct session *s, int fd);

/* --- message.c --- */

/* The body is complete: goes on as soon as all is known of its sender. */
void
message_take_end(struct session *s);
/* It is known: has the message signed where it is a user's, hands it to spool and waits, or
   answers. */
void
message_finish(struct session *s);
/* signer's word; empty: there is no signature. True: the message was answered. */
bool
message_take_signature(struct session *s, struct gp_slice signature);
/* spool's word: answers. */
void
message_answer(struct session *s, enum gp_commit_result result);
