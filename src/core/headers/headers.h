/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header analyser: a message's way, its identities and what others say of it, brought together
 * in one verdict with the reasons that weigh most. Pure functions of the message, of what we know
 * of ourselves, and of what was verified:
 *
 *     gp_headers_read(message, &query, arena, &h);
 *     gp_headers_client(&h, &verify_query);                where it is verified: whom SPF is about
 *     gp_headers_verified(&facts, arena, &verified);
 *     gp_headers_take_records(&h, records, len);           where our journal was asked: records.h
 *     gp_headers_judge(&h, &verified, arena);              NULL in its place: it was not
 *
 *   verdict              in this order, the first that holds
 *   compromised          it was submitted with a login of ours, and has a sign of abuse
 *   lookalike            From's domain is made to look like one of ours
 *   unauthenticated      From has no single reading, so nothing could prove it
 *   authentic            it was submitted with a login of ours, in our name
 *   spoofed              DMARC fails; or From is ours and the trace is forged in our name
 *   authentic(_forwarded) DMARC passes, or where there is no policy an aligned identity does; by
 *                        the signature alone, while the envelope is another's: forwarded
 *   unauthenticated      it was verified, and nothing passes; or nothing can prove From: there is
 *                        no signature, and the envelope is another's
 *   unknown              nothing was verified, and something might be
 *
 * Whether it was submitted with a login of ours, our journal knows; where it was not asked, or does
 * not reach so far, a trace field above the boundary says. One below the boundary counts by the
 * journal alone, and only as long as nothing says that the message was changed on its way: whoever
 * has a message of ours can copy its trace fields onto another.
 *
 * Without verification of the caller's the results count that our own gateway wrote when the
 * message came in (RFC 8601): those with a trusted host as their authserv-id, above the boundary.
 */
#pragma once

#include "core/claims/claims.h"
#include "core/identity/identity.h"
#include "core/trace/path.h"
#include "core/verify/verify.h"

enum gp_headers_limits {
	GP_HEADERS_REASONS = 3,
	GP_HEADERS_RECORDS_MAX = 8,      /* hops that the journal is asked about */
	GP_HEADERS_ARENA_MAX = 64 << 20, /* more than any header within its limits needs */
};

/* Of one mechanism. */
enum gp_verified_result {
	GP_VERIFIED_NOT,  /* nobody looked */
	GP_VERIFIED_NONE, /* there is nothing to verify */
	GP_VERIFIED_PASS,
	GP_VERIFIED_FAIL,    /* softfail and neutral too */
	GP_VERIFIED_UNKNOWN, /* the DNS did not answer */
};

/* What verification came to. dkim: the best signature, an aligned one before others. */
struct gp_verified {
	uint8_t spf, dkim, dmarc, arc;  /* enum gp_verified_result */
	bool spf_aligned, dkim_aligned; /* with From, where it passes */
	const char *from_trick;         /* of core/verify/from.h; NULL: none */
	/* Each by itself, in the words of RFC 8601: methods may come more than once. */
	const struct gp_claimed_result *items;
	size_t items_len;
};

enum gp_verdict {
	GP_VERDICT_UNKNOWN,
	GP_VERDICT_AUTHENTIC,
	GP_VERDICT_AUTHENTIC_FORWARDED,
	GP_VERDICT_UNAUTHENTICATED,
	GP_VERDICT_SPOOFED,
	GP_VERDICT_LOOKALIKE,
	GP_VERDICT_COMPROMISED,
};

struct gp_headers_query {
	const struct gp_slice *own; /* our domains: A-labels, lower case */
	size_t own_len;
	struct gp_trust trust;
	int64_t now_s; /* seconds since 1970 */
};

struct gp_headers_record;

struct gp_headers {
	struct gp_header header;
	bool cut; /* the header is over the limits of core/message/header.h: the rest is not seen */
	struct gp_path path;
	struct gp_identities identities;
	struct gp_claims claims;
	struct gp_findings findings;
	/* By gp_headers_take_records. */
	const struct gp_headers_record *records;
	size_t records_len;
	/* By gp_headers_judge. */
	struct gp_verified verified; /* the caller's, or what our gateway wrote; else all NOT */
	bool verified_before;        /* what our gateway wrote */
	uint8_t verdict;             /* enum gp_verdict */
	struct gp_slice reasons[GP_HEADERS_REASONS]; /* the strongest first; at least one */
	size_t reasons_len;
};

/* All but the verdict. message: with CRLF. It must outlive the result, which is in the arena.
 * Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_headers_read(struct gp_slice message, const struct gp_headers_query *query,
		struct gp_arena *arena, struct gp_headers *ret);

/*
 * Sets address, helo and sender of *q: the client that handed the message to us, by the hop at the
 * boundary, and the reverse-path, by that hop or else by Return-Path (RFC 5321 section 4.4). NULL,
 * or why that cannot be known, static: then *q has no address, and SPF is left out.
 */
const char *
gp_headers_client(const struct gp_headers *h, struct gp_verify_query *q);

/* What the caller's own verification came to; lives as long as the facts do. 0 or -ENOMEM. */
[[nodiscard]] int
gp_headers_verified(const struct gp_verify_facts *facts, struct gp_arena *arena,
		    struct gp_verified *ret);

/* The verdict, once; and what others claim that verification does not bear out goes to the
 * findings. verified: NULL: nothing was, by the caller. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_headers_judge(struct gp_headers *h, const struct gp_verified *verified, struct gp_arena *arena);

/* "authentic" and so on: the words of --json. */
const char *
gp_verdict_name(uint8_t verdict);
