/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who sent a message: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989) and ARC (RFC 8617) of one
 * that passes by, over one set of DNS answers, without I/O.
 *
 *     v = gp_verify_new(&query, seed);             what is known when the client says MAIL
 *     gp_verify_feed(v, piece); ...                the message, as it comes
 *     gp_verify_end(v);
 *     gp_verify_answer(v, &answer);                whenever one is there
 *     gp_verify_run(v, &need)                      behind any of these: asks, waits, or is done
 *     gp_verify_facts(v)                           when it is done
 *     gp_verify_free(v);
 *
 * Everything is asked as soon as it is known that it will matter: SPF's questions at MAIL, those
 * for keys and DMARC records when the header is there. An answer moves on what waits for it, and
 * nothing else has to wait with it.
 *
 * What a message can cost is bounded: its questions, of which SPF's and ARC's may be a part only,
 * since they lead wherever a stranger's records and fields say; and the octets of their answers.
 * What is over a bound is SERVFAIL, as if the DNS had not said it: never a pass, and for SPF and
 * DMARC never a fail.
 */
#pragma once

#include "core/arc/arc.h"
#include "core/dkim/dkim.h"
#include "core/dmarc/dmarc.h"
#include "core/spf/spf.h"

enum gp_verify_limits {
	GP_VERIFY_QUESTIONS_MAX = 64,
	GP_VERIFY_SPF_QUESTIONS_MAX = 40,   /* of them; honest records need less than 30 */
	GP_VERIFY_ARC_QUESTIONS_MAX = 16,   /* alike; who seals often does so with one key */
	GP_VERIFY_ANSWERS_MAX = 128 * 1024, /* octets of all answers' records */
};

struct gp_verify_query {
	uint8_t address[GP_DNS_ADDRESS_MAX]; /* the client's */
	uint8_t address_len;                 /* 4 or 16; 0: not known, SPF is left out */
	bool dmarc;                          /* else DMARC is left out */
	bool arc;                            /* else ARC is left out */
	bool explain;                        /* ask for the explanation of SPF's fail */
	bool trail;                          /* write the trails, for people to read */
	bool utf8;                 /* the transaction had SMTPUTF8: results may be told in it */
	struct gp_slice helo;      /* as it was said */
	struct gp_slice sender;    /* reverse-path without brackets; empty: null */
	struct gp_slice receiver;  /* our name */
	uint64_t now_s;            /* since 1970 */
	struct gp_dkim_keys *keys; /* parsed keys that are kept, or NULL; outlives all */
};

struct gp_verify;

/* The query's texts are copied. seed: random, for keyed hashes. NULL: no memory. */
struct gp_verify *
gp_verify_new(const struct gp_verify_query *query, const uint64_t seed[2]);

/* Accepts NULL, returns NULL. */
struct gp_verify *
gp_verify_free(struct gp_verify *v);

/* The next octets of the message: CRLF line ends, dots taken off. Where it is cut makes no
 * difference. True: the header has become complete, so there is something to run() for. */
bool
gp_verify_feed(struct gp_verify *v, struct gp_slice piece);

/* The message has ended; once. */
void
gp_verify_end(struct gp_verify *v);

/* An answer to a question that was needed, which is copied. */
void
gp_verify_answer(struct gp_verify *v, const struct gp_dns_answer *answer);

/* What is not answered by now, or asked from now on, is GP_DNS_TIMEOUT: run() is done when the
 * message has ended. */
void
gp_verify_expire(struct gp_verify *v);

struct gp_verify_need {
	const struct gp_dns_question *questions; /* not asked before; valid until the next call */
	size_t len;
};

enum gp_verify_outcome {
	GP_VERIFY_DONE = 0,
	GP_VERIFY_WAITS = 1, /* for answers, or for the rest of the message */
	/* The header is over GP_HEADER_SIZE_MAX or GP_HEADER_FIELDS_MAX: nothing can be said. */
	GP_VERIFY_TOO_BIG = 2,
};

/* Returns enum gp_verify_outcome, or -ENOMEM, and then for ever. */
[[nodiscard]] int
gp_verify_run(struct gp_verify *v, struct gp_verify_need *ret_need);

/* What it came to; lives as long as v does. */
struct gp_verify_facts {
	const struct gp_header *header;
	const struct gp_spf_result *mail_from; /* NULL: left out. Null reverse-path: of
						  postmaster@HELO */
	const struct gp_spf_result *helo;      /* NULL: left out, or the one above already */
	const struct gp_dkim_verdict *dkim;
	size_t dkim_len;
	struct gp_dmarc_author author;
	const char *from_trick;              /* of from.h; NULL: none */
	const struct gp_dmarc_result *dmarc; /* NULL: left out */
	const struct gp_arc_verdict *arc;    /* NULL: left out */
	const struct gp_arc_chain *chain;    /* what it is about; NULL: the same */
};

/* When run() was DONE. */
struct gp_verify_facts
gp_verify_facts(const struct gp_verify *v);

/* All answers that it was given, to be kept; lives as long as v does. */
const struct gp_answers *
gp_verify_answers(const struct gp_verify *v);

/* Octets that it holds of the message, of answers, and of what it made of both: a header of many
 * fields is some times its size. For whoever bounds the sum over many. */
size_t
gp_verify_memory(const struct gp_verify *v);
