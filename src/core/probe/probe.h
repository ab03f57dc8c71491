/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner's conversation with a mail server, without I/O: it is fed the bytes that came and the
 * time, pulled for output and for what it wants next, and calls nobody.
 *
 *     p = gp_probe_new(&options, now);
 *     for (;;) {
 *             want = gp_probe_next(p, &input, now);              consumes all of input
 *             write out what gp_probe_output() has, tell by gp_probe_output_sent()
 *             READ:    wait for input, for the socket to take output, or for the deadline
 *             TLS:     shake hands on this connection, then gp_probe_tls_done()
 *             CONNECT: close the connection if there is one, wait gp_probe_pause_ms() and as long
 *                      as manners want, then say gp_probe_connecting(), and open another one
 *                      to the same address and port: gp_probe_connected(), or _unreachable()
 *             DONE:    close; the record is complete
 *     }
 *
 * What it says without any consent, in one connection:
 *
 *     (greeting) EHLO [STARTTLS, handshake, EHLO] HELP, XGATEPOST, EHLO without a name, HELO, QUIT
 *
 * That order is by worth: some servers hang up on the first word that they do not know. Where the
 * handshake fails, one connection more asks the rest in clear. Nothing is said before the greeting
 * is over, however long that takes within its time (a server that screens its clients takes who
 * does for a robot), and never a command before the last one was answered.
 *
 * A brief one says nothing behind the last EHLO but what has consent, and comes back for nothing
 * else.
 *
 * When it is asked for, a second connection with TLS, in whose handshake the driver offers the
 * session of the first, and which says no more than EHLO.
 *
 * With consent, each in connections of its own behind that, but for VRFY, NTLM and a mailbox, which
 * stand before HELO: an injection behind STARTTLS (inject.c), the relay matrix (relay.h), and
 * messages with false ends (smuggle.h). MAIL, RCPT, VRFY, EXPN, AUTH, DATA and BDAT are said with
 * consent only: every command passes one function, which holds it against the consents.
 *
 * A hostile server costs octets_max octets and total_ms, whatever it says: endless greetings, lines
 * and replies are cut, classed (enum gp_probe_end) and ended. Memory: some 10 KB, 384 KB at most.
 *
 * RFC 5321 sections 3.2 (opening), 4.1.1 (commands), 4.3.2 (replies); RFC 3207 (STARTTLS).
 */
#pragma once

#include "base/buf.h"
#include "core/probe/record.h"

enum gp_probe_mode {
	GP_PROBE_MODE_STARTTLS, /* in clear, and TLS where it is offered */
	GP_PROBE_MODE_TLS,   /* the connection begins with the handshake (RFC 8314 section 3.3) */
	GP_PROBE_MODE_CLEAR, /* STARTTLS is not said */
};

enum gp_probe_consents {
	GP_PROBE_RELAY = 1,   /* MAIL, RCPT and RSET */
	GP_PROBE_CANARY = 2,  /* DATA or BDAT, where RELAY found a RCPT that was accepted */
	GP_PROBE_VRFYING = 4, /* VRFY and EXPN */
	GP_PROBE_INJECT = 8,
	GP_PROBE_NTLMING = 16, /* AUTH NTLM, cancelled at the challenge */
	GP_PROBE_SMUGGLE = 32,
	GP_PROBE_ASK_MAILBOX = 64, /* MAIL and RCPT: whether the recipient gets its mail there */
};

/* The usual ones; 0 in the options means these. */
enum gp_probe_times {
	GP_PROBE_GREETING_MS = 30'000,
	GP_PROBE_REPLY_MS = 15'000, /* also of a handshake, and of a connection */
	GP_PROBE_TOTAL_MS = 60'000,
	GP_PROBE_CONSENTED_MS = 300'000, /* in place of that, where there is any consent */
	GP_PROBE_PATIENCE_MS = 5'000, /* before coming back to who said 421 or refused us, each time
					 longer by that much */
	GP_PROBE_OCTETS_MAX = 1'000'000,
};

/* All are copied. What strangers say (server, hosted) is left out where it is no domain. */
struct gp_probe_options {
	struct gp_slice helo; /* our own name */
	uint8_t mode;         /* enum gp_probe_mode */
	bool brief;           /* for who wants to know about TLS, or of what has consent, alone */
	bool resume;          /* see whether TLS is resumed, by a connection more */
	uint32_t consents;    /* enum gp_probe_consents */
	uint32_t greeting_ms, reply_ms, total_ms;
	size_t octets_max;
	/* for what wants consent */
	struct gp_slice recipient;   /* of a domain of the user's own */
	struct gp_slice token;       /* 8 to 32 letters and digits, of this run and target alone */
	struct gp_slice date;        /* for messages, as RFC 5322 section 3.3 writes it */
	struct gp_slice server;      /* the name of the server's address; empty: none */
	struct gp_slice hosted;      /* a domain that it is MX of; empty: none known */
	struct gp_slice address;     /* the server's, "192.0.2.1" or "2001:db8::1" */
	struct gp_slice own_address; /* ours, as the server sees it; empty: not known */
};

enum gp_probe_want {
	GP_PROBE_WANT_READ,
	GP_PROBE_WANT_TLS,
	GP_PROBE_WANT_CONNECT,
	GP_PROBE_WANT_DONE,
};

struct gp_probe;

/* What is wrong with these options, static; NULL: nothing. */
const char *
gp_probe_options_wrong(const struct gp_probe_options *options);

/* Of options that nothing is wrong with. NULL: no memory. */
struct gp_probe *
gp_probe_new(const struct gp_probe_options *options, uint64_t now_ms);

/* Frees it, its record too; accepts NULL. Returns NULL. */
struct gp_probe *
gp_probe_free(struct gp_probe *p);

/* TLS and CONNECT come once each, and then READ until the driver has told what came of it. After
   DONE it gives DONE for ever. */
[[nodiscard]] enum gp_probe_want
gp_probe_next(struct gp_probe *p, struct gp_slice *input, uint64_t now_ms);

/* At CONNECT: how long to wait first, because the server has asked for patience. */
uint32_t
gp_probe_pause_ms(const struct gp_probe *p);

/* The driver begins to connect. From CONNECT to here no time counts, and there is no deadline. */
void
gp_probe_connecting(struct gp_probe *p, uint64_t now_ms);

void
gp_probe_connected(struct gp_probe *p, uint64_t now_ms);
void
gp_probe_unreachable(struct gp_probe *p, uint64_t now_ms);
/* The handshake is over, well or badly. */
void
gp_probe_tls_done(struct gp_probe *p, const struct gp_probe_tls *tls, uint64_t now_ms);
/* The server closed, or the connection broke; feed first what was read before. */
void
gp_probe_eof(struct gp_probe *p, uint64_t now_ms);

/* The server has sent more than octets_max in what is no part of its replies, as TLS lets it. */
void
gp_probe_overrun(struct gp_probe *p, uint64_t now_ms);

/* Bytes to be sent, and how many of them were. */
struct gp_slice
gp_probe_output(const struct gp_probe *p);
void
gp_probe_output_sent(struct gp_probe *p, size_t n, uint64_t now_ms);

/* When gp_probe_next() must be called even without input; UINT64_MAX: not by itself. */
uint64_t
gp_probe_deadline(const struct gp_probe *p);

/* At any time; complete at DONE. */
const struct gp_probe_record *
gp_probe_record(const struct gp_probe *p);

/*
 * The dialogue as it would be said, were the server to offer everything and say yes to everything:
 * "C: " and "S: " lines, and "-- " ones for connections and handshakes. What is sent and holds
 * control octets is shown with them as <CR>, <LF>, <NUL>. Appends to out, which may fail.
 */
void
gp_probe_rehearse(const struct gp_probe_options *options, struct gp_buf *out);
