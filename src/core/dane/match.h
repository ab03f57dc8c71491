/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chain of certificates held against TLSA records, without the certificates: by digests that
 * whoever saw the chain has taken of them. RFC 7671 section 5, RFC 7672 section 3.1.
 */
#pragma once

#include "core/dane/dane.h"

enum { GP_DANE_TEXT_MAX = 512 }; /* octets of a record's data that are written out */

struct gp_dane_digests {
	uint8_t sha256[32], sha512[64];
};

/* One certificate of a chain, as it was sent. */
struct gp_dane_link {
	struct gp_dane_digests certificate,
		spki;        /* of the whole, and of its SubjectPublicKeyInfo */
	bool signed_by_next; /* by the key of the certificate behind it, or its own if it is last */
};

/*
 * Does a usable record match the chain, the server's own certificate first? Usage 3: the first
 * one. Usage 2: one behind it, up to which each is signed by the next; the names and dates that
 * this usage wants besides are the caller's to look at.
 */
bool
gp_dane_matches(const struct gp_dns_record *record, const struct gp_dane_link *links, size_t len);

/* "3 1 1 0123ab...", as a zone file has it; data over the limit is cut. In the arena. */
struct gp_slice
gp_dane_record_text(const struct gp_dns_record *record, struct gp_arena *arena);

/* The other way round, of one that is whole: data in the arena. False: it is no such text. */
[[nodiscard]] bool
gp_dane_record_read(struct gp_slice text, struct gp_arena *arena, struct gp_dns_record *ret);
