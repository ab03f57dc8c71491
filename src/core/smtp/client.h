/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SMTP or LMTP session seen from the client (RFC 5321, RFC 2033), without I/O: it is fed the
 * bytes that came, pulled for events, output and the next deadline, and calls nobody. The driver
 * has connected already.
 *
 *     for (;;) {
 *             event = gp_smtp_client_next(c, &input, now);       consumes from input
 *             write out what gp_smtp_client_output() has, tell by gp_smtp_client_output_sent()
 *             WAIT:  wait for input, for the socket to take output, or for the deadline
 *             READY: gp_smtp_client_start(), or gp_smtp_client_quit(), or keep the connection
 *             STARTTLS: shake hands on the socket, then gp_smtp_client_tls_started(), or _failed()
 *             BODY:  gp_smtp_client_body() until it takes less than it is given, or _body_end()
 *             DONE:  a transaction is over: fetch gp_smtp_client_outcomes()
 *             CLOSE: the session is over: write out what is left if the socket takes it, close
 *     }
 *
 *            greeting        EHLO 2yz (AUTH 235)             start           354
 *     GREETING ---> HELLO -------------------------> READY -----> ENVELOPE ------> BODY
 *                ^    | 5yz                          ^   ^          |               | end
 *                |    +-> HELO ----------------------+   |          | no recipient  v
 *                |    | TLS is wished and offered    |   +- RSET <--+------------ ENDED
 *                |    v         220                  +-- DONE, all was well ---------+
 *                |  STARTTLS --------> handshake
 *                +------- _tls_started() --+
 *
 *     any state: 421, end of input, deadline, reply that makes no sense ---> CLOSE
 *
 * Invariants:
 *  - Each start is followed by exactly one DONE, whatever happens; it comes before CLOSE. Then
 *    there is one outcome for each recipient of the envelope, in its order, with codes set.
 *  - A recipient is RELAYED (DELIVERED for LMTP) only if the server took MAIL, took that RCPT, said
 *    354 to DATA, got the body with the end that the driver gave, and then answered 2yz. All else
 *    is DEFERRED or FAILED. FAILED comes from a 5yz reply to a command of this transaction, or from
 *    what the server lacks (below), never from a broken connection or dialogue.
 *  - No reply is taken for a command that is not wholly sent: bytes that come before it are an
 *    error of the protocol, which ends the session. One exception: a 4yz or 5yz reply in the midst
 *    of the body is the server giving up; it answers the body, and the session ends.
 *  - What is sent after DATA has CRLF line ends only and its leading dots doubled (RFC 5321 section
 *    4.5.2), whatever the driver hands over, so that no body can hold an end of data.
 *
 * BDAT (RFC 3030) replaces DATA for a binary body, and for others where `chunking` is set, the
 * server offers it and the size is known. The message is one chunk of that size, octet by octet as
 * it is given; with PIPELINING a small one (GP_CLIENT_AHEAD_MAX) follows MAIL and RCPT without
 * waiting for their answers: one round trip for a message, where DATA takes two and the lock-step
 * three and more. BODY then comes before anybody was accepted. A larger one waits, as what nobody
 * is accepted for must be sent to its end all the same (section 4.1); so does any over LMTP.
 * DATA is the default: it stops before the body when nobody is left, repairs line ends that are
 * not CRLF, and is what every server has been tried with.
 *
 * TLS (RFC 3207) is the driver's: the session says when, and begins anew inside it, with EHLO and
 * without memory of what was said in clear (section 4.2).
 *  - Bytes behind the 220 were put in by somebody who could not have put them into TLS: the session
 *    ends. At STARTTLS the driver has given all that it had read; should it have more, it feeds
 *    that, too, before it shakes hands.
 *  - `tls` required: nothing but QUIT follows in clear when it is not offered, or refused.
 *  - `tls` if offered: the session goes on in clear when it is not offered or refused by 4yz or 5yz
 *    (RFC 7435 section 3), never after bytes behind the 220 or a failed handshake. A driver that
 *    then wants clear text makes a new connection with `tls` off.
 *
 * AUTH (RFC 4954) comes before READY, where there is a login. It is said inside TLS only, unless
 * the login says otherwise. Whatever comes of it but 235 ends the session as DEFERRED, 5yz too, in
 * the server's words: a password that has expired at home must not bounce mail. So does 451 4.7.4
 * where no mechanism fits, 451 4.7.8 where the login cannot be said, 451 4.7.11 outside TLS.
 *
 * What a server lacks, decided without sending the message:
 *  - SIZE smaller than the message: 552 5.3.4 for all (RFC 1870 section 6.1).
 *  - no SMTPUTF8, but an address needs it: 553 5.6.7 for that recipient, or for all if it is the
 *    sender's; the header section needs it: 554 5.6.9 for all (RFC 6531 section 3.2). Where nothing
 *    needs it the message goes without, whatever its envelope says.
 *  - no 8BITMIME, 8-bit body: it is sent as it is, without BODY=. RFC 6152 section 3 wants it
 *    converted or returned; converting breaks DKIM signatures, hosts that clear the eighth bit are
 *    extinct, and Exim and qmail have sent as it is for decades. `strict_8bit` returns it instead,
 *    554 5.6.3.
 *  - no BINARYMIME or no CHUNKING, binary body: 554 5.6.1 for all (RFC 3030 section 3 wants it
 *    converted or returned). A driver that can convert it asks gp_smtp_client_ehlo first.
 *  - no DSN: RET, ENVID, NOTIFY, ORCPT are left out, and `remote_dsn` of the outcome says so.
 *  - no REQUIRETLS inside TLS, but the envelope demands it (RFC 8689 section 4.2.1): 550 5.7.30
 *    for all, or 5.7.10 where the session is not even inside TLS. The driver asks the
 *    destination's other hosts before it takes that for the last word. Whether the certificate and
 *    the MX record are proven is the driver's to know before it starts. A message from the null
 *    reverse-path goes without (section 5: a bounce should not vanish), and so does one over LMTP,
 *    which is the end of its way (section 4.4); both say REQUIRETLS where it is offered.
 *
 * Memory: under 16 KB idle; in a transaction 100 octets a recipient and what was said about it
 * (GP_CLIENT_TEXT_MAX at most each); output up to GP_CLIENT_OUTPUT_MAX.
 */
#pragma once

#include "core/smtp/ehlo.h"
#include "core/smtp/envelope.h"
#include "core/smtp/outcome.h"

enum gp_client_limits {
	GP_CLIENT_OUTPUT_MAX = 128 * 1024, /* octets waiting for the socket */
	GP_CLIENT_RCPTS_MAX = 10000,       /* recipients in a transaction */
	GP_CLIENT_RCPTS_USUAL = 100,       /* what any server must take (RFC 5321 4.5.3.1.8) */
	GP_CLIENT_AHEAD_MAX = 64 * 1024,   /* octets of a body sent before RCPT is answered */
	GP_CLIENT_TEXT_MAX = 2048,         /* octets kept of a reply's text in an outcome */
};

enum gp_client_event {
	GP_CLIENT_WAIT,
	GP_CLIENT_READY,
	GP_CLIENT_BODY,
	GP_CLIENT_DONE,
	GP_CLIENT_CLOSE,
	GP_CLIENT_STARTTLS, /* only with `tls` on */
};

/* What is wished of STARTTLS. Nothing is, where the connection began inside TLS. */
enum gp_client_tls {
	GP_CLIENT_TLS_OFF = 0,
	GP_CLIENT_TLS_IF_OFFERED,
	GP_CLIENT_TLS_REQUIRED,
};

/* Why a wish for TLS was not fulfilled. */
enum gp_client_tls_fault {
	GP_CLIENT_TLS_FINE = 0,    /* it was, or nothing is known yet */
	GP_CLIENT_TLS_NOT_OFFERED, /* by EHLO; so too where only HELO is known */
	GP_CLIENT_TLS_REFUSED,     /* STARTTLS got another answer than 220, or the end */
	GP_CLIENT_TLS_INJECTED,    /* clear text that was no answer to what we had said */
	GP_CLIENT_TLS_HANDSHAKE,   /* failed, timed out, or cut off */
};

/* Time limits in milliseconds, from the moment the command is made; 0: that of RFC 5321 section
   4.5.3.2, given here. */
struct gp_client_times {
	uint64_t greeting_ms; /* 300,000; also EHLO, HELO, AUTH and RSET */
	uint64_t mail_ms;     /* 300,000 */
	uint64_t rcpt_ms;     /* 300,000 */
	uint64_t data_ms;     /* 120,000: for 354 */
	uint64_t block_ms;    /* 180,000: without the socket taking a byte of the body */
	uint64_t end_ms;      /* 600,000: for the answer to the end of data */
	uint64_t quit_ms;     /* 5,000: ours; the RFC has none, and nothing depends on the answer */
	uint64_t tls_ms; /* 60,000: ours; for the answer to STARTTLS, again for the handshake */
};

/* Who we are to a server that asks. Of the mechanisms that fit, the first is taken of OAUTHBEARER,
   XOAUTH2, SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN, LOGIN; no second one is tried, since it would
   fail by the same secret, and whoever made the first one fail might want to hear it. */
struct gp_client_login {
	struct gp_slice user;     /* empty: no AUTH */
	struct gp_slice password; /* for all but the first two */
	struct gp_slice token;    /* an OAuth 2 access token, for these */
	/* For SCRAM: 18 random octets or more, printed without commas, never used before; empty: it
	   is not spoken. Nor is it where user or password are not printable ASCII. */
	struct gp_slice nonce;
	uint32_t mechanisms; /* enum gp_ehlo_mechanisms that may be used; 0: all */
	bool in_clear;       /* outside TLS, too */
};

/* What the session is told at its start; copied, except for what `remote` points to, which must
   outlive the session. The copy of `login` is overwritten when AUTH has succeeded, or at the end.
 */
struct gp_smtp_client_setup {
	struct gp_slice hostname; /* what we call ourselves in EHLO: a name or a literal */
	struct gp_slice remote;   /* "mx.example.net [192.0.2.1]:25", for outcomes */
	bool lmtp;
	bool helo_only;     /* say HELO, try no EHLO */
	bool no_pipelining; /* even where it is offered */
	bool strict_8bit;
	bool chunking;     /* BDAT where it is offered, also for bodies that do not need it */
	uint8_t tls;       /* enum gp_client_tls */
	bool tls_implicit; /* the connection is inside TLS already (RFC 8314 section 3.3) */
	struct gp_client_login login;
	struct gp_client_times times;
};

enum { GP_CLIENT_BINDING_MAX = 64 };

/* How far a transaction goes. Short of END nothing is handed over: RELAYED then says only that the
   server would have gone on. */
enum gp_client_until {
	GP_CLIENT_UNTIL_END = 0, /* the whole message */
	GP_CLIENT_UNTIL_MAIL,    /* the answer to MAIL decides for all; then RSET */
	GP_CLIENT_UNTIL_RCPT,    /* each recipient by the answer to its RCPT; then RSET */
};

/* One transaction. The envelope and all that it points to must stay until DONE. */
struct gp_smtp_client_mail {
	const struct gp_envelope *envelope; /* its rcpts: those to be tried now, 1 to
					       GP_CLIENT_RCPTS_MAX */
	uint64_t size;                      /* octets of the message, for SIZE=; 0: unknown. Exact
					       where BDAT may be used; not 0 for a binary body */
	bool body_8bit;                     /* an octet over 127 is in it */
	bool body_binary;                   /* it is no lines of text: needs BINARYMIME */
	bool header_utf8;                   /* one is in a header field; counts only in an
					       envelope with GP_ENVELOPE_SMTPUTF8 */
	uint8_t until;                      /* enum gp_client_until */
};

struct gp_smtp_client;

/* now_ms here and below: a monotonic clock's milliseconds, the connection having just been made.
   NULL: no memory. */
struct gp_smtp_client *
gp_smtp_client_new(const struct gp_smtp_client_setup *setup, uint64_t now_ms);
/* Accepts NULL, returns NULL. */
struct gp_smtp_client *
gp_smtp_client_free(struct gp_smtp_client *c);

/* READY comes once after the greeting and once after each DONE, unless the session ends there.
   After CLOSE it gives CLOSE for ever. */
[[nodiscard]] enum gp_client_event
gp_smtp_client_next(struct gp_smtp_client *c, struct gp_slice *input, uint64_t now_ms);

/* After STARTTLS, and all its output was sent: TLS stands, and what is fed and sent from now on is
   inside it. EHLO is said again. */
void
gp_smtp_client_tls_started(struct gp_smtp_client *c, uint64_t now_ms);
/* Or it could not be made, which ends the session: 451 4.7.5 "WHY, at the TLS handshake". */
void
gp_smtp_client_tls_failed(struct gp_smtp_client *c, const char *why);

/*
 * What tells the TLS connection from others, for SCRAM; before the answer to the EHLO inside it is
 * fed. type: "tls-exporter" or "tls-server-end-point", static. With it SCRAM-SHA-256-PLUS can be
 * spoken, and a server that offers it hears of it when it was taken out of the offer. data:
 * GP_CLIENT_BINDING_MAX octets at most, copied.
 */
void
gp_smtp_client_bind(struct gp_smtp_client *c, const char *type, struct gp_slice data);

/* The server closed, or the connection broke (feed first what was read before): DONE where a
   transaction was, then CLOSE. */
void
gp_smtp_client_eof(struct gp_smtp_client *c);

/* Begins a transaction; only after READY and before anything else. Returns 0 or -ENOMEM, after
   which the session is READY still. */
[[nodiscard]] int
gp_smtp_client_start(struct gp_smtp_client *c, const struct gp_smtp_client_mail *mail,
		     uint64_t now_ms);

/* Says QUIT; only after READY. CLOSE follows upon its answer, or the deadline. */
void
gp_smtp_client_quit(struct gp_smtp_client *c, uint64_t now_ms);

/* The next piece of the message, at BODY. Returns how many octets were taken, fewer than given when
   the output is full: write, pull for the next BODY and go on from there. Pieces may be cut
   anywhere; their line ends are CRLF by contract, and a bare CR or LF is sent as CRLF all the same,
   but by BDAT as it is. What is more than mail.size by BDAT ends the session, nobody having the
   message: DEFERRED, 451 4.3.0. */
size_t
gp_smtp_client_body(struct gp_smtp_client *c, struct gp_slice piece);
/* That was all of it: for DATA, adds CRLF where the last line has none, and the final dot. By BDAT
   the last octet is the end, so that no BODY follows it; fewer than mail.size end the session
   likewise. */
void
gp_smtp_client_body_end(struct gp_smtp_client *c, uint64_t now_ms);
/* The message cannot be read any further. DONE with this outcome for those not yet refused, then
   CLOSE, so that the server sees no end of data. `why` is static text. */
void
gp_smtp_client_body_abort(struct gp_smtp_client *c, const char *why);

/* Bytes to be sent, and how many of them were. */
struct gp_slice
gp_smtp_client_output(const struct gp_smtp_client *c);
void
gp_smtp_client_output_sent(struct gp_smtp_client *c, size_t n, uint64_t now_ms);

/* When gp_smtp_client_next must be called again even without input; UINT64_MAX: not by itself, as
   when READY. */
uint64_t
gp_smtp_client_deadline(const struct gp_smtp_client *c);

/* From DONE to the next start or free: an outcome for each recipient, in the envelope's order.
   Those with 452 (too many recipients, RFC 5321 section 4.5.3.1.10) may be tried at once in a
   further transaction of this session. */
const struct gp_outcome *
gp_smtp_client_outcomes(const struct gp_smtp_client *c, size_t *ret_len);

/* At CLOSE: why the session ended, as an outcome for those who would have been next. kind is 0 when
   it was we who said QUIT, or the server's MAILMAX was reached. Where TLS was required, 451 4.7.10
   says that it was not offered, 451 4.7.0 that bytes followed the 220; a refusal comes in the
   server's words. FAILED only for a 521 greeting (RFC
   7504: this host never takes mail); any other refusal of the session is about the host, not the
   message: DEFERRED. In both cases other hosts of the destination may be asked. */
struct gp_outcome
gp_smtp_client_failure(const struct gp_smtp_client *c);

/* What became of the wish for TLS, also where the session went on in clear; for reports. */
enum gp_client_tls_fault
gp_smtp_client_tls_fault(const struct gp_smtp_client *c);
/* Is the session inside TLS, be it implicit? */
bool
gp_smtp_client_in_tls(const struct gp_smtp_client *c);

/* From STARTTLS or READY on: what was offered by the last EHLO, and how many recipients to put in
   one transaction: RCPTMAX where the server said it, else GP_CLIENT_RCPTS_USUAL. */
const struct gp_ehlo *
gp_smtp_client_ehlo(const struct gp_smtp_client *c);
size_t
gp_smtp_client_rcpts_max(const struct gp_smtp_client *c);
