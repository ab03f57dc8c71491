/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zones as master files have them: RFC 1035 section 5, and $TTL of RFC 2308 section 4.
 *
 *     $ORIGIN example.org.
 *     $TTL 1h
 *     @       IN MX 10 mx            ; relative names end in the origin
 *             IN TXT "v=spf1 mx -all"
 *     mx 3600 IN A  192.0.2.1        ; TTL and class in any order, or not there
 *     www     IN TXT ( "in"          ; a record goes on over lines within parentheses
 *                      "parts" )
 *
 * A record comes as its words: what they mean is its reader's to know. TTLs are checked and not
 * kept; they may have units, as most servers let them: "1h30m". $INCLUDE is refused, since only who
 * runs us knows what files there are, and so are directives that no RFC has. Only class IN is read.
 */
#pragma once

#include "base/buf.h"
#include "base/scan.h"
#include "core/dns/name.h"

enum gp_zone_limits {
	GP_ZONE_WORDS_MAX = 1024, /* of one record */
	GP_ZONE_TYPE_MAX = 16,    /* octets of a type's name */
};

/* As in the text, escapes too; without the quotes. */
struct gp_zone_word {
	struct gp_slice text;
	bool quoted;
};

struct gp_zone_record {
	struct gp_name owner;
	struct gp_slice type;             /* "MX", in any case */
	const struct gp_zone_word *words; /* its data, until the next record is read */
	size_t words_len;
};

struct gp_zone_reader {
	struct gp_scan text;
	struct gp_name origin, owner; /* owner: of the last record */
	bool has_origin, has_owner;
	unsigned depth; /* open parentheses */
	uint64_t line;  /* under the cursor, from 1 on */
	/* GP_ZONE_WRONG: what is wrong in that line, static; and the word that is, part of the text
	   or empty. */
	const char *why;
	struct gp_slice wrong;
	struct gp_zone_word words[GP_ZONE_WORDS_MAX]; /* of the entry that was read */
	size_t words_len;
	bool owned; /* its first word stands at the line's beginning */
};

enum gp_zone_outcome {
	GP_ZONE_RECORD = 0,
	GP_ZONE_END = 1,
	GP_ZONE_WRONG = 2, /* nothing more is to be read */
};

/* origin: what relative names end in before the first $ORIGIN; NULL: they are wrong there. The text
   must live as long as the reader. */
void
gp_zone_reader_init(struct gp_zone_reader *r, struct gp_slice text, const struct gp_name *origin);

/* The next record; directives are obeyed meanwhile. Returns enum gp_zone_outcome. */
[[nodiscard]] int
gp_zone_next(struct gp_zone_reader *r, struct gp_zone_record *ret);

/* Appends the octets that the words, character-strings, stand for, without anything between. False:
   an escape is malformed, a string has more than 255 octets, or the buffer failed. */
[[nodiscard]] bool
gp_zone_text(const struct gp_zone_record *record, struct gp_buf *out);

/*
 * The domain that a record shows to be one that mail may be from or go to: its owner, of MX, A,
 * AAAA and a TXT record of SPF; and of a TXT record of DMARC the name that it is for. No domains
 * are wildcards, names that are no host's, and what is at or below a label with an underscore. The
 * form is that of gp_dmarc_domain, in the arena. type: enum gp_dns_type, or any other; text: of
 * TXT, its strings joined. 0; 1: it shows none; -ENOMEM.
 */
[[nodiscard]] int
gp_zone_shown(const struct gp_name *owner, uint16_t type, struct gp_slice text,
	      struct gp_arena *arena, struct gp_slice *ret);

/* The same of a record of a file. */
[[nodiscard]] int
gp_zone_domain(const struct gp_zone_record *record, struct gp_arena *arena, struct gp_slice *ret);
