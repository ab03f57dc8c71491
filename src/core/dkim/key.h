/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key records (RFC 6376 section 3.6.1, RFC 8463 section 4): what the DNS has at
 * SELECTOR._domainkey.DOMAIN, and the public key in it.
 */
#pragma once

#include "core/dkim/signature.h"
#include "core/dns/record.h"

enum gp_dkim_key_limits {
	/* RFC 8301 section 3.2: what is signed with less is never valid, as if the key were
	   malformed, which is PERMERROR. More may be good, and need not be verified by everybody: a
	   limit of ours, which RFC 8601 section 2.7.1 calls POLICY. */
	GP_DKIM_RSA_BITS_MIN = 1024,
	GP_DKIM_RSA_BITS_MAX = 4096,
	GP_DKIM_ED25519_BITS = 256,
	GP_DKIM_EXPONENT_MAX = 8, /* octets; a long one is work for us and no gain for anybody */
};

struct gp_dkim_key {
	uint8_t algorithm;      /* enum gp_dkim_algorithm: what its type signs with */
	bool revoked;           /* p= is empty */
	bool testing;           /* t=y */
	bool strict;            /* t=s: i= must be at d= itself */
	bool email;             /* s= is for mail */
	bool sha256;            /* h= allows it */
	struct gp_slice octets; /* p= decoded */
	unsigned bits;
	struct gp_slice modulus, exponent; /* RSA: parts of octets, without leading zeros */
};

/* "SELECTOR._domainkey.DOMAIN" TXT; the name is in the arena, its ptr is NULL without memory. */
struct gp_dns_question
gp_dkim_question(const struct gp_dkim_signature *sig, struct gp_arena *arena);

/*
 * Reads a record. Returns 0; 1 when it is no key record (*ret_why: static); -ENOMEM. A revoked key
 * is well formed, and without octets.
 */
[[nodiscard]] int
gp_dkim_key_read(struct gp_slice record, struct gp_arena *arena, struct gp_dkim_key *ret,
		 const char **ret_why);

/* The key, ready to verify; the caller frees it. NULL: no memory, or nobody can use such a key. */
struct gp_dkim_pkey *
gp_dkim_key_open(const struct gp_dkim_key *key);
