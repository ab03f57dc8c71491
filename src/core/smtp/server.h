/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SMTP session seen from the server (RFC 5321), without I/O: it is fed the bytes that came,
 * pulled for events, output and the next deadline, and calls nobody.
 *
 *     for (;;) {
 *             event = gp_smtp_server_next(s, &input, now);   consumes from input
 *             write out what gp_smtp_server_output() has, as soon as the socket takes it
 *             NEED_INPUT: input is used up; wait for more, or for gp_smtp_server_deadline()
 *             MAIL, RCPT, DATA, END: decide, answer with gp_smtp_server_answer(); nothing is
 *                     consumed until then, and next returns NEED_INPUT
 *             BODY: a piece of the message; END follows the last
 *             ABORT: the transaction is gone, forget what was kept for it
 *             REFUSED: the session itself said no: gp_smtp_server_refusal(), for the log
 *             AUTH, AUTH_STEP: ask who keeps the users, answer with
 *                     gp_smtp_server_auth_challenge(), _done(), or by a refusal with
 *                     gp_smtp_server_answer()
 *             STARTTLS: decide, answer with gp_smtp_server_answer()
 *             HANDSHAKE: the 220 was taken; shake hands, then gp_smtp_server_tls_started() or
 *                     gp_smtp_server_tls_failed()
 *             CLOSE: write out what is left, then close
 *     }
 *
 * Invariants:
 *  - A transaction object exists from an accepted MAIL to END's answer, ABORT or CLOSE. DATA
 * without it and at least one accepted recipient is refused: there is no other way to BODY.
 *  - What BODY hands out has CRLF line ends only, no NUL, and the dots of RFC 5321 section 4.5.2
 * are off. Only CRLF.CRLF ends it. A bare CR, bare LF or NUL is refused with 554 5.6.0 after the
 * end of data was seen, so the two sides never disagree about where it is; what follows such a
 * message in the session is answered 421.
 *  - By BDAT (RFC 3030) the same comes of it: BODY, then END behind LAST. Its octets are counted,
 * so that nothing in them is a command; a bare CR, bare LF or NUL is refused with 554 at the end of
 * its chunk, without any doubt about what follows. A message that does not end in CRLF gets one. A
 * chunk that is refused ends the transaction; up to LAST, RSET or EHLO, MAIL is refused and further
 * chunks hear the same.
 *  - After BODY=BINARYMIME none of that is looked at, and BODY hands out the octets as they came.
 *  - Either ABORT or END is told to the driver, exactly once for each MAIL that was accepted.
 *  - Between MAIL, RCPT, DATA, END, AUTH or STARTTLS and its answer nothing ends the session: a
 * lost connection or a shutdown takes effect behind the answer.
 *  - What the client sends, and how, is the same to us in whatever pieces it arrives. The one
 * exception is what comes behind STARTTLS, which is an attack: the session ends in any case, with
 * 554 in place of the 220 when the octets were there already, else in silence behind it.
 *  - Nothing that came in clear has an effect within TLS. The driver must not feed clear octets any
 * more once TLS has begun: a connection that ends, by close_notify or without, is
 * gp_smtp_server_eof(), and nothing is read behind it.
 *
 * A driver should stop reading from a client that does not read: over GP_SMTP_OUTPUT_MAX octets of
 * unsent output the session closes.
 */
#pragma once

#include "core/config/config.h"
#include "core/smtp/address.h"
#include "core/smtp/envelope.h"
#include "core/smtp/reply.h"

enum {
	GP_SMTP_OUTPUT_MAX = 1024 * 1024,
	GP_SMTP_MECHANISMS_MAX = 200, /* octets of the setup's list */
	GP_SMTP_CHALLENGE_MAX = 8192, /* octets of a challenge, before base64 */
	GP_SMTP_IDENTITY_MAX = 320,
};

enum gp_smtp_event {
	GP_SMTP_NEED_INPUT,
	GP_SMTP_MAIL, /* envelope so far: gp_smtp_server_envelope(); the path: gp_smtp_server_path()
		       */
	GP_SMTP_RCPT, /* the path and its parameters are parsed: gp_smtp_server_path() */
	GP_SMTP_DATA, /* somebody wants to send the body, by DATA or BDAT: yes or a refusal */
	GP_SMTP_BODY, /* gp_smtp_server_body() */
	GP_SMTP_END,  /* the body is complete and clean: 250 when it is safe, else why not */
	GP_SMTP_ABORT, /* transaction dropped: RSET, EHLO, QUIT, lost connection, or a body that was
			  refused, and then gp_smtp_server_refusal() has the reason */
	GP_SMTP_REFUSED,   /* a command was refused without asking the driver */
	GP_SMTP_AUTH,      /* an exchange begins: gp_smtp_server_auth_mechanism(), _response() */
	GP_SMTP_AUTH_STEP, /* it goes on: gp_smtp_server_auth_response() */
	GP_SMTP_STARTTLS,  /* somebody wants TLS: yes or a refusal */
	GP_SMTP_HANDSHAKE, /* the client waits for it; all output was taken */
	GP_SMTP_CLOSE,
};

/* The limits of a session under stress, where its own are not lower. */
enum gp_smtp_stress {
	GP_SMTP_STRESS_COMMAND_MS = 10'000, /* for a whole command line */
	GP_SMTP_STRESS_ERRORS = 1,
	GP_SMTP_STRESS_USELESS = 1,
};

/* What the session is told at its start, and copies: a configuration may change under it. */
struct gp_smtp_server_setup {
	struct gp_slice hostname;
	const struct gp_limits *limits;
	uint64_t greet_wait_ms; /* talk before the greeting is refused; 0: greet at once */
	bool tls;         /* the session is within TLS from its first octet (RFC 8314 section 3) */
	bool tls_offered; /* STARTTLS is in EHLO and accepted, once */
	bool require_tls; /* before it only what RFC 3207 section 4 allows, and RSET: else 530 */
	struct gp_slice auth_mechanisms; /* "PLAIN LOGIN": offered within TLS; empty: no AUTH */
	bool require_auth;               /* MAIL before AUTH is answered 530 */
	bool chunking;                   /* CHUNKING (RFC 3030) is in EHLO, and BDAT accepted */
	bool binarymime;                 /* and with it BINARYMIME, and BODY=BINARYMIME */
	bool requiretls_offered; /* REQUIRETLS (RFC 8689) is in EHLO within TLS, and taken */
};

struct gp_smtp_server;

/* now_ms here and below: a monotonic clock's milliseconds. NULL: no memory. Idle, a session holds
 * less than 2 KB. */
struct gp_smtp_server *
gp_smtp_server_new(const struct gp_smtp_server_setup *setup, uint64_t now_ms);
/* Accepts NULL, returns NULL. */
struct gp_smtp_server *
gp_smtp_server_free(struct gp_smtp_server *s);

[[nodiscard]] enum gp_smtp_event
gp_smtp_server_next(struct gp_smtp_server *s, struct gp_slice *input, uint64_t now_ms);

/* The client closed (the end of TCP, or a close_notify), or the connection broke: the next event is
 * ABORT where a transaction was, in the midst of a body too, then CLOSE. */
void
gp_smtp_server_eof(struct gp_smtp_server *s);

/* Ends the session from our side with this reply, a 421 (RFC 5321 section 3.8), whose text must
   outlive the session; ABORT and CLOSE follow. While a body is being read it waits for nothing. */
void
gp_smtp_server_shutdown(struct gp_smtp_server *s, const struct gp_reply *reply);

/* The driver's answer to MAIL, RCPT, DATA, END or STARTTLS. A positive reply accepts; to DATA and
   STARTTLS its text is always ours. A 421 closes the session. To AUTH and AUTH_STEP it is a
   refusal: 535, 454, 501. */
void
gp_smtp_server_answer(struct gp_smtp_server *s, const struct gp_reply *reply);

/* Whether connections are running short: while they do, who does not come to the point has to go
   soon. Holds from this moment on, for the deadline too; a body under way has its time. */
void
gp_smtp_server_stress(struct gp_smtp_server *s, bool on);

/*
 * Answers to HANDSHAKE. Started: the client is where it was at the greeting, and must say EHLO
 * again (RFC 3207 section 4.2). Failed: CLOSE follows. While the handshake is under way, next() is
 * called at the deadline, as ever, and may bring CLOSE; then there is no answer any more.
 */
void
gp_smtp_server_tls_started(struct gp_smtp_server *s);
void
gp_smtp_server_tls_failed(struct gp_smtp_server *s);
bool
gp_smtp_server_in_tls(const struct gp_smtp_server *s);

/*
 * AUTH (RFC 4954). An exchange runs from AUTH to the driver's refusal or to
 * gp_smtp_server_auth_done(); REFUSED ends it too (the client gave up, or what it sent was not
 * base64), and so does CLOSE. Nothing else comes within. Each refusal counts as an error.
 *
 * Challenge: goes out by 334, at most GP_SMTP_CHALLENGE_MAX octets; AUTH_STEP brings the response.
 * Done: 235; the identity, 1 octet at least, is copied and stays until the session ends. False when
 * it is over GP_SMTP_IDENTITY_MAX or memory is short: then the client heard 454.
 */
void
gp_smtp_server_auth_challenge(struct gp_smtp_server *s, struct gp_slice challenge);
bool
gp_smtp_server_auth_done(struct gp_smtp_server *s, struct gp_slice identity);
/* The mechanism as the setup spells it, from AUTH on. What the client said, decoded; NULL ptr: AUTH
   came without an initial response. It is wiped by the answer. */
struct gp_slice
gp_smtp_server_auth_mechanism(const struct gp_smtp_server *s);
struct gp_slice
gp_smtp_server_auth_response(const struct gp_smtp_server *s);
/* Who has authenticated; empty: nobody. */
struct gp_slice
gp_smtp_server_identity(const struct gp_smtp_server *s);

/* Bytes to be sent, and how many of them were. */
struct gp_slice
gp_smtp_server_output(const struct gp_smtp_server *s);
void
gp_smtp_server_output_sent(struct gp_smtp_server *s, size_t n);

/* When gp_smtp_server_next must be called again even without input; UINT64_MAX: not by itself. To
   be asked again when output was sent: what waited for that may go on. */
uint64_t
gp_smtp_server_deadline(const struct gp_smtp_server *s);

/* At CLOSE: whether the client asked for it by QUIT, and so will send nothing more. */
bool
gp_smtp_server_quit(const struct gp_smtp_server *s);

/* From MAIL to the next() behind END's answer or ABORT; NULL when there is no transaction. At RCPT,
   it holds the recipients accepted before this one. The others below may only be asked from MAIL on
   as long. */
const struct gp_envelope *
gp_smtp_server_envelope(const struct gp_smtp_server *s);
/* At MAIL: the sender. At RCPT: the recipient. */
const struct gp_address *
gp_smtp_server_path(const struct gp_smtp_server *s);
/* At RCPT: its parameters, address included. */
const struct gp_rcpt *
gp_smtp_server_rcpt(const struct gp_smtp_server *s);
/* The transaction's arena: what the driver keeps for the transaction may live there too. */
struct gp_arena *
gp_smtp_server_arena(struct gp_smtp_server *s);
/* At BODY: the piece; valid until the next call. */
struct gp_slice
gp_smtp_server_body(const struct gp_smtp_server *s);

/* The name given in HELO or EHLO, empty before; whether it was EHLO. */
struct gp_slice
gp_smtp_server_helo(const struct gp_smtp_server *s);
bool
gp_smtp_server_esmtp(const struct gp_smtp_server *s);
/* What was refused by the last next() or the answer() behind it, for the log; code 0 when nothing
   was or it was asked for already. The command that earned it goes to *ret_command: the line at
   REFUSED, else the verb or "end of data". Both are valid until the next next(). */
struct gp_reply
gp_smtp_server_refusal(struct gp_smtp_server *s, struct gp_slice *ret_command);
