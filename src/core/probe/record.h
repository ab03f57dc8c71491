/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a server said to the scanner, as probe.h had it say it; and what can be read off that.
 *
 * Texts are the server's own octets, NUL and escape codes included, without line ends: whoever
 * shows them makes them printable. Each is capped, and says so. Times are milliseconds since the
 * connection stood (for turns: since the probe began). Everything lives in the probe's arena, until
 * gp_probe_free().
 */
#pragma once

#include "base/arena.h"

enum gp_probe_limits {
	GP_PROBE_LINE_MAX = 1024, /* octets kept of a line */
	GP_PROBE_TEXT_MAX = 4096, /* octets kept of a reply, */
	GP_PROBE_BRIEF_MAX = 256, /* and of one in the relay matrix or to a smuggled message */
	GP_PROBE_LINES_MAX = 200, /* lines of a reply; more end the connection, */
	GP_PROBE_REPLY_MAX = 128 * 1024, /* and so do more octets */
	GP_PROBE_UNASKED_MAX = 5,        /* replies to nothing, in a connection, likewise */
	GP_PROBE_LOG_MAX = 48 * 1024,    /* octets kept in the turns, */
	GP_PROBE_TURNS_MAX = 1500,       /* and how many of them */
};

/* What is asked, or waited for, in a conversation: the places of gp_probe_record.replies. */
enum gp_probe_ask {
	GP_PROBE_GREETING,
	GP_PROBE_EHLO, /* in clear */
	GP_PROBE_STARTTLS,
	GP_PROBE_EHLO_TLS,
	GP_PROBE_HELP,
	GP_PROBE_UNKNOWN,   /* a command that nobody has */
	GP_PROBE_MALFORMED, /* EHLO without a name */
	GP_PROBE_VRFY,      /* postmaster; this and the next four want consent */
	GP_PROBE_VRFY_NOBODY,
	GP_PROBE_EXPN,
	GP_PROBE_NTLM,        /* the challenge to AUTH NTLM's first message */
	GP_PROBE_NTLM_CANCEL, /* "*" (RFC 4954 section 4) */
	GP_PROBE_MAIL, /* from nobody; this and the next want consent, and no message follows */
	GP_PROBE_RCPT, /* the options' recipient */
	GP_PROBE_HELO,
	GP_PROBE_QUIT,
	GP_PROBE_ASKS,
};

struct gp_probe_reply {
	uint16_t code;              /* 0: there is none, or what came is no reply */
	bool tls;                   /* said inside TLS */
	bool cut;                   /* text is not all of it */
	bool bare_lf;               /* a line ended in LF alone */
	uint32_t lines;             /* complete ones */
	uint32_t sent_ms;           /* the command was all sent; 0 for the greeting */
	uint32_t first_ms, last_ms; /* first octet, last line */
	uint32_t line_ms;           /* the end of the first line: a teaser is well before last_ms */
	struct gp_slice text;       /* its lines, codes and all, LF between them */
	const char *none;           /* code 0: why, static; never NULL then */
};

/* What the engine knows of a handshake. The texts are copied. */
struct gp_probe_tls {
	bool ok;
	struct gp_slice version; /* "TLSv1.3" */
	struct gp_slice cipher;
	struct gp_slice group;
	struct gp_slice chain; /* a summary in a line */
	struct gp_slice error; /* not ok: what went wrong; ok: what is wrong with the chain */
	bool stapled, resumed;
	uint32_t handshake_ms;
};

enum gp_probe_starttls {
	GP_PROBE_STARTTLS_NOT_MEASURED,
	GP_PROBE_STARTTLS_OK,
	GP_PROBE_STARTTLS_ABSENT, /* not in the reply to EHLO */
	GP_PROBE_STARTTLS_BROKEN, /* offered, and then refused, or no handshake came of it */
};

enum gp_probe_resumption {
	GP_PROBE_RESUMPTION_NOT_MEASURED,
	GP_PROBE_RESUMPTION_YES,
	GP_PROBE_RESUMPTION_NO, /* a whole handshake, or there was no session to offer */
};

/* How the conversation ended. */
enum gp_probe_end {
	GP_PROBE_END_NONE, /* it has not yet */
	GP_PROBE_END_QUIT, /* said all, and took leave */
	GP_PROBE_END_NO_CONNECTION,
	GP_PROBE_END_REFUSED, /* greeting or EHLO said no */
	GP_PROBE_END_421,     /* the server said that it closes */
	GP_PROBE_END_CLOSED,  /* it did without a word */
	GP_PROBE_END_TIME,    /* a reply, or all of it, took too long */
	GP_PROBE_END_NOT_SMTP,
	GP_PROBE_END_GARBAGE, /* a reply that is none, or many that nobody asked for */
	GP_PROBE_END_ENDLESS, /* more than a reply or a probe may cost */
	GP_PROBE_END_TLS,     /* no handshake, where a connection begins with one */
	GP_PROBE_END_MEMORY,
};

/* Everything in order, for a log: one write, read, or event. */
enum gp_probe_turn_kind {
	GP_PROBE_TURN_CONNECT,
	GP_PROBE_TURN_IN,  /* octets of the server */
	GP_PROBE_TURN_OUT, /* octets of ours, as they were sent */
	GP_PROBE_TURN_TLS, /* the handshake ended; octets: version and cipher, or the error */
	GP_PROBE_TURN_END, /* octets: why the connection ended */
};

struct gp_probe_turn {
	const struct gp_probe_turn *next;
	uint32_t at_ms;
	uint16_t connection; /* 1 is the first */
	uint8_t kind;
	bool tls;
	struct gp_slice octets;
};

/* What became of one form of the relay matrix (relay.h has them, in this order). */
enum gp_probe_relay_state {
	GP_PROBE_RELAY_NOT_TESTED, /* `why` */
	GP_PROBE_RELAY_REFUSED,    /* 5yz to MAIL, RCPT, or what followed */
	GP_PROBE_RELAY_ACCEPTED, /* at RCPT, or the message with its token, which has not arrived */
	GP_PROBE_RELAY_PROVEN,   /* it arrived */
};

struct gp_probe_relay_test {
	uint8_t state;         /* enum gp_probe_relay_state */
	uint8_t number;        /* of the form */
	char letter;           /* of its variant; 0: there is one only */
	bool sent;             /* the message went out, and was taken */
	const char *why;       /* not tested: because, static */
	const char *at;        /* the command that was answered last, static; NULL: none */
	uint16_t code;         /* of the reply that decided, */
	struct gp_slice reply; /* and its text, GP_PROBE_BRIEF_MAX */
	struct gp_slice to;    /* the recipient as it was said, without brackets */
	struct gp_slice from;
};

/* What became of a message with an end that is none (smuggle.h has the variants, in this order). */
enum gp_probe_smuggle_state {
	GP_PROBE_SMUGGLE_NOT_TESTED,
	GP_PROBE_SMUGGLE_REFUSED,
	GP_PROBE_SMUGGLE_ONE,   /* taken as one message */
	GP_PROBE_SMUGGLE_SPLIT, /* a second one was taken out of it, by answers or by arrivals */
};

struct gp_probe_smuggle_test {
	uint8_t state; /* enum gp_probe_smuggle_state */
	const char *name;
	const char *why;
	uint16_t code; /* of the answer to the true end of data */
	struct gp_slice reply;
	uint16_t replies; /* how many came behind the 354 */
};

struct gp_probe_record {
	struct gp_probe_reply replies[GP_PROBE_ASKS];
	uint8_t mode;      /* enum gp_probe_mode */
	uint32_t consents; /* enum gp_probe_consents */
	uint8_t starttls;  /* enum gp_probe_starttls */
	bool tls_tried;
	struct gp_probe_tls tls; /* of the conversation, once tls_tried */
	uint8_t resumption;      /* enum gp_probe_resumption */
	const char *resume_why;  /* it was asked for and not measured: because, static */
	uint8_t end;             /* enum gp_probe_end, of the conversation, */
	const char *end_why;     /* and in words, static */
	uint32_t connections;
	uint64_t octets;              /* that came, all connections */
	uint32_t unasked;             /* replies in it that began before their command was sent; */
	struct gp_slice unasked_text; /* the first of them */
	bool clear_behind_220;        /* clear text behind the answer to STARTTLS */
	/* Was a NOOP in clear behind STARTTLS obeyed inside TLS? Or why nobody knows. */
	bool injected;
	const char *inject_why;
	struct gp_probe_relay_test *relay;
	size_t relay_len;
	struct gp_probe_smuggle_test *smuggle;
	size_t smuggle_len;
	const struct gp_probe_turn *turns;
	uint64_t log_dropped; /* octets that the turns do not have */
};

/* The lines of a reply, code and separator taken off each: cuts the next one off the front of
   *text, until it is empty. */
struct gp_slice
gp_probe_line(struct gp_slice *text);

/* Is the keyword in this reply to EHLO, in either case? Its parameters go to *ret where it is not
   NULL; "AUTH=LOGIN", as servers of old wrote it, counts as "AUTH LOGIN". */
bool
gp_probe_offers(const struct gp_probe_reply *ehlo, struct gp_slice keyword, struct gp_slice *ret);

/* The reply to EHLO that counts last: inside TLS where there is one. */
const struct gp_probe_reply *
gp_probe_last_ehlo(const struct gp_probe_record *record);
