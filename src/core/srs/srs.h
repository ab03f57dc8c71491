/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Sender Rewriting Scheme: a forwarded message leaves under a reverse-path of our own domain,
 * since the next host would otherwise find by SPF (RFC 7208) that we are not the sender's. No RFC
 * has it; this is the scheme that Mengwong and Cohn described in 2003, and that its other
 * implementations follow where hosts see each other's addresses:
 *
 *     SRS0=CODE=DAY=DOMAIN=LOCAL@ours           for LOCAL@DOMAIN
 *     SRS1=CODE=FIRST==CODE=DAY=DOMAIN=LOCAL@ours    for SRS0=CODE=DAY=DOMAIN=LOCAL@FIRST, and for
 *                                               the same as SRS1 of any other host: bounces go
 *                                               from us straight to the host that began
 *
 * CODE is ours to choose: 40 bits of HMAC-SHA-256 over the tag and all that stands behind the code,
 * in lower case, as eight characters of base32 (RFC 4648 section 6): hosts on the way may change
 * the case of letters. A code is as hard to guess as 2^39 recipients are to be tried, for one
 * address for three weeks, to which then notifications alone could be sent. DAY are the days since
 * the epoch modulo 1,024, two characters of base32.
 */
#pragma once

#include "base/arena.h"
#include "core/smtp/address.h"

enum {
	GP_SRS_KEYS_MAX = 2,
	GP_SRS_KEY_MIN = 16,    /* octets of a secret that cannot be guessed */
	GP_SRS_VALID_DAYS = 21, /* bounces take a queue's lifetime, 5 days; some are slow */
};

/* What addresses are made and read with. keys: secrets of GP_SRS_KEY_MIN octets and more; the first
   makes codes, all of them are believed. */
struct gp_srs {
	struct gp_slice keys[GP_SRS_KEYS_MAX];
	size_t keys_len;
	uint64_t now_ms; /* since the epoch */
};

/*
 * The reverse-path of domain, a name, for mail of this sender; srs has a key at least. With domain
 * in UTF-8, or a sender that needs SMTPUTF8, so does the path.
 *
 * Returns 0; 1: the sender stays as it is; -ENOMEM. It stays when it is the null reverse-path, when
 * it has no domain or a literal, of which SPF knows nothing (RFC 7208 section 4.3), and when the
 * local-part would be longer than GP_LOCAL_MAX octets (RFC 5321 section 4.5.3.1.1): many hosts, we
 * among them, refuse those, and mail whose sender's domain is strict about SPF is worth no more
 * than all the other that then could not be sent.
 */
[[nodiscard]] int
gp_srs_forward(const struct gp_srs *srs, const struct gp_address *sender, struct gp_slice domain,
	       struct gp_arena *arena, struct gp_slice *ret);

/* Whether the local-part of an address of ours is of this form, also when nobody made it. */
bool
gp_srs_is(struct gp_slice local);

enum gp_srs_back {
	GP_SRS_FORGED = 1, /* by no key of ours, or damaged on its way */
	GP_SRS_EXPIRED,    /* ours, and older than GP_SRS_VALID_DAYS */
};

/*
 * The way back: whom a local-part of this form stands for, canonical. SRS1 knows no day: the host
 * that it leads to does. Returns 0, enum gp_srs_back, or -ENOMEM.
 */
[[nodiscard]] int
gp_srs_back(const struct gp_srs *srs, struct gp_slice local, struct gp_arena *arena,
	    struct gp_address *ret);
