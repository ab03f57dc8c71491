/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The survey of a server's TLS: which hello to send next, from what the answers have told so far.
 * It opens no connection itself; several of its questions may be under way at once.
 *
 *     for (;;)
 *             switch (gp_survey_next(s, &question)) {
 *             ASK:  connect, come to where TLS begins, send gp_hello_build(&question.hello), read
 *                   the flight as far as question.want, close, gp_survey_answer(s, question.id, ..)
 *             WAIT: nothing can be asked before an answer
 *             DONE: gp_survey_facts(s)
 *             }
 *
 * Each server agrees to one suite a connection, so that what it accepts costs a connection each,
 * and one more for the no at the end. Suites are asked for by class, broken ones first, the classes
 * beside each other and in turns: what a finding hangs on is known early, and a survey that ends at
 * its limit of connections lacks only further suites of classes that are known to be accepted. Then
 * `cut` says so. It always ends: an answer of something that was not offered ends its line of
 * questions.
 *
 * A brief survey asks for versions, and what is told on the way (compression among it): TLS 1.2 and
 * 1.1, and SSLv2; then for broken suites of the versions that are spoken. These are four
 * connections with most servers. TLS 1.3 is asked for where 1.2 is not spoken, and what is older
 * than 1.1 where a server does not say that 1.1 is too old.
 */
#pragma once

#include "base/arena.h"
#include "core/hello/cipher.h"
#include "core/hello/flight.h"

enum gp_survey_limits {
	GP_SURVEY_CONNECTIONS = 60,       /* unless told otherwise, */
	GP_SURVEY_BRIEF_CONNECTIONS = 12, /* and of a brief one */
	GP_SURVEY_UNDER_WAY_MAX = 16,
	GP_SURVEY_LOST_MAX = 4, /* connections that failed; then no more are tried */
	GP_SURVEY_VERSIONS = 6,
	GP_SURVEY_ARENA = 1 << 20, /* octets that are enough for any survey */
};

enum gp_survey_step {
	GP_SURVEY_ASK,
	GP_SURVEY_WAIT,
	GP_SURVEY_DONE,
};

enum gp_survey_known {
	GP_SURVEY_UNKNOWN,
	GP_SURVEY_NO,
	GP_SURVEY_YES,
};

struct gp_survey_options {
	struct gp_slice sni;      /* stays the caller's, who keeps it as long as the survey */
	uint32_t connections_max; /* 0: GP_SURVEY_CONNECTIONS, or those of a brief one */
	bool brief;
};

struct gp_survey_question {
	unsigned id;
	struct gp_hello hello; /* its lists live until the answer */
	enum gp_flight_want want;
};

struct gp_survey_version {
	uint16_t version;
	uint8_t spoken;               /* enum gp_survey_known */
	bool listed;                  /* all suites that it accepts are here */
	bool broken_listed;           /* all of GP_CLASS_BROKEN are, at least; not SSLv2's */
	uint16_t ciphers[GP_CIPHERS]; /* as they were found; SSLv2 has none here */
	size_t ciphers_len;
};

struct gp_survey_chain {
	const struct gp_slice *certificates; /* DER, the server's own first; in the arena */
	size_t len;
};

/* What is known by now; GP_SURVEY_UNKNOWN where it was not asked or the answer left it open. */
struct gp_survey_facts {
	struct gp_survey_version versions[GP_SURVEY_VERSIONS]; /* SSLv2 to TLS 1.3 */
	uint16_t curves[GP_HELLO_GROUPS_MAX];                  /* of TLS 1.2 and earlier */
	size_t curves_len;
	uint16_t groups[GP_HELLO_GROUPS_MAX]; /* of TLS 1.3 */
	size_t groups_len;
	uint16_t dh_bits;     /* the smallest prime that was seen; 0: none */
	const char *dh_prime; /* as struct gp_flight has it */
	uint16_t export_bits; /* of a temporary RSA key; 0: none */
	uint8_t server_order; /* the server chooses by its own order */
	uint8_t fallback;     /* it refuses TLS_FALLBACK_SCSV, as it should (RFC 7507) */
	uint8_t tolerant;     /* it passes over what it does not know (RFC 8701) */
	uint8_t renegotiation, master_secret, ticket, heartbeat, deflate, stapled;
	struct gp_survey_chain rsa, ecdsa; /* by TLS 1.2 and earlier */
	uint32_t connections, lost;
	bool cut;            /* there was more to be asked; then: */
	const char *cut_why; /* static */
};

struct gp_survey;

/* In the arena; NULL: no memory. */
struct gp_survey *
gp_survey_new(struct gp_arena *arena, const struct gp_survey_options *options);

[[nodiscard]] enum gp_survey_step
gp_survey_next(struct gp_survey *s, struct gp_survey_question *ret);

/* What came of a question that was asked and not yet answered, once. NULL: there was no connection,
 * or STARTTLS did not come about, so that nothing was asked; it is asked once more. */
void
gp_survey_answer(struct gp_survey *s, unsigned id, const struct gp_flight *answer);

/* Nothing more is asked, for that reason (static): once all is answered, it is done. */
void
gp_survey_stop(struct gp_survey *s, const char *why);

const struct gp_survey_facts *
gp_survey_facts(const struct gp_survey *s);
