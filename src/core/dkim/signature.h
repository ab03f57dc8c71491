/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DKIM-Signature says (RFC 6376 section 3.5), read and judged as far as it can be by itself
 * (section 6.1.1). ARC's two signed fields have the same tags, some of them with other rules (RFC
 * 8617 sections 4.1.2 and 4.1.3).
 */
#pragma once

#include "base/arena.h"
#include "core/dkim/canon.h"
#include "core/dkim/crypto.h"

enum gp_dkim_result {
	GP_DKIM_PASS = 1,
	GP_DKIM_FAIL,      /* it was well made, and does not fit the message, or its time is over */
	GP_DKIM_NEUTRAL,   /* made in a way that we do not know */
	GP_DKIM_POLICY,    /* we do not accept it, whether it fits or not */
	GP_DKIM_TEMPERROR, /* the DNS did not answer; another time it may */
	GP_DKIM_PERMERROR, /* malformed, or its key is missing, malformed or for something else */
};

/* The words of RFC 8601 section 2.7.1. */
const char *
gp_dkim_result_name(uint8_t result);

enum gp_dkim_signature_limits {
	GP_DKIM_NAMES_MAX = 256, /* names in h=; some signers name 60 */
};

enum gp_dkim_algorithm {
	GP_DKIM_UNKNOWN = 0,
	GP_DKIM_RSA_SHA256 = 1,
	GP_DKIM_ED25519_SHA256 = 2,
};

/* "rsa-sha256", "ed25519-sha256" */
const char *
gp_dkim_algorithm_name(uint8_t algorithm);

/* The number of that name, or GP_DKIM_UNKNOWN. */
uint8_t
gp_dkim_algorithm_number(struct gp_slice name);

/* Which field it stands in. */
enum gp_dkim_kind {
	GP_DKIM_FIELD,       /* DKIM-Signature: all rules */
	GP_DKIM_ARC_MESSAGE, /* ARC-Message-Signature: v= is nothing, i= is none of ours */
	GP_DKIM_ARC_SEAL,    /* ARC-Seal: only a, b, d, s, t; i= is none of ours */
};

/* Slices are in the arena, or parts of the field. Whatever could be read is there even when the
 * rest is at fault. */
struct gp_dkim_signature {
	uint8_t result;                   /* 0: well formed; else NEUTRAL or PERMERROR, for good */
	const char *reason;               /* then: why, static */
	uint8_t algorithm;                /* enum gp_dkim_algorithm */
	uint8_t header_canon, body_canon; /* enum gp_dkim_canon */
	struct gp_slice algorithm_name;   /* a= as it stands */
	struct gp_slice domain;           /* d=, A-labels in lower case */
	struct gp_slice selector;         /* s=, alike */
	struct gp_slice identity;         /* DKIM: i= decoded, or "@d"; any octets (section 2.11) */
	struct gp_slice
		identity_domain;      /* of it, A-labels in lower case: d= or below it; ARC: d= */
	const struct gp_slice *names; /* h= */
	size_t names_len;
	struct gp_slice signature; /* b= decoded */
	struct gp_slice raw;       /* b= as it stands: what is left out when it is hashed */
	struct gp_slice body_hash; /* bh= decoded */
	uint64_t length;           /* l=, or GP_DKIM_BODY_ALL of body.h */
	bool timed, expires;       /* t= and x= are there */
	uint64_t time_s, expiry_s; /* t= and x=, since 1970 */
};

/*
 * Reads a field's value, as gp_header_value gives it. Returns 0, and *ret says whether it is well
 * formed; or -ENOMEM.
 */
[[nodiscard]] int
gp_dkim_signature_read(struct gp_slice value, enum gp_dkim_kind kind, struct gp_arena *arena,
		       struct gp_dkim_signature *ret);

/* Is the name that domain, or below it? Both A-labels in lower case. */
bool
gp_dkim_is_below(struct gp_slice name, struct gp_slice domain);
