/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of DNS answers: what an evaluator is given and, when something is missing, is given again
 * with more in it. Two kinds:
 *
 * - open: what is not in it is not known yet. The driver adds what the resolver answered.
 * - closed: a whole world of names, read from a file; what is not in it does not exist. Aliases
 *   are followed inside it.
 *
 * Names that are looked up may be in any case and may end in a dot. Everything lives in the arena
 * given at creation, the index excepted: free the set.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "core/dns/record.h"

enum gp_answers_limits {
	GP_ANSWERS_MAX = 1024,           /* for open sets: all that one delivery may ever ask */
	GP_ANSWERS_FILE_MAX = 1'000'000, /* (name, type) pairs in a file */
};

struct gp_answers;

/* An empty set of at most max answers. seed: for the keyed hash, random. NULL: no memory. */
struct gp_answers *
gp_answers_new(struct gp_arena *arena, size_t max, const uint64_t seed[2]);
struct gp_answers *
gp_answers_new_closed(struct gp_arena *arena, size_t max, const uint64_t seed[2]);

/* Frees the index. Accepts NULL, returns NULL. */
struct gp_answers *
gp_answers_free(struct gp_answers *set);

/*
 * Copies the answer into the set; an older one to the same question gives way.
 * Returns 0; 1 when the set is full; -EINVAL when answer->name is not a name; -ENOMEM.
 */
[[nodiscard]] int
gp_answers_add(struct gp_answers *set, const struct gp_dns_answer *answer);

/*
 * Makes a name known to a closed set, which must happen before answers are added for it. status:
 * OK, or SERVFAIL or TIMEOUT as the answer to every question about it. secure goes for all its
 * answers. Results as above.
 */
[[nodiscard]] int
gp_answers_add_name(struct gp_answers *set, struct gp_slice name, uint8_t status, bool secure);
/* The same for one of which every answer is bogus. */
[[nodiscard]] int
gp_answers_add_bogus_name(struct gp_answers *set, struct gp_slice name);

/*
 * Looks a question up. False: not known, ask for it (never from a closed set). A text that cannot
 * be a name on the wire is answered with NXDOMAIN, as nobody could own it. ret->name is the
 * argument; other slices in *ret live as long as the set's arena, or are the argument.
 */
[[nodiscard]] bool
gp_answers_find(const struct gp_answers *set, struct gp_slice name, uint16_t type,
		struct gp_dns_answer *ret);

/*
 * Reads a closed set from JSON: owner name to type to list of values. Names may have U-labels; ""
 * and "." are the root. Types in capitals that are not in record.h are skipped. A TXT value is a
 * string, or a list of character-strings; a CNAME needs no list around it. "BOGUS" is the SERVFAIL
 * of a resolver that validates.
 *
 *     {"example.com": {"TXT": ["v=spf1 mx -all"], "MX": [[10, "mx.example.com"]],
 *                      "CAA": [[0, "issue", "ca.example"]], "DS": [[12345, 13, 2, "HEX"]],
 *                      "DNSKEY": [[257, 3, 13, "BASE64"]]},
 *      "mx.example.com": {"A": ["192.0.2.1"], "AAAA": "SERVFAIL", "secure": true},
 *      "gone.example": "TIMEOUT", "forged.example": "BOGUS"}
 *
 * Returns 0; 1 when the text is not of that form (*ret_why: what is wrong and where, in the arena);
 * -ENOMEM.
 */
[[nodiscard]] int
gp_answers_from_json(struct gp_slice json, struct gp_arena *arena, const uint64_t seed[2],
		     struct gp_answers **ret, struct gp_slice *ret_why);

/*
 * Whether the text is of that form: 0; 1 when it is not, with the place of the mistake, which is
 * the text's beginning where it is no mistake of JSON, and what it is, in the arena; -ENOMEM.
 */
[[nodiscard]] int
gp_answers_check(struct gp_slice json, struct gp_arena *arena, const uint64_t seed[2],
		 uint32_t *ret_line, uint32_t *ret_column, struct gp_slice *ret_why);

/* Walks an open set in no order: *at starts at 0; NULL at the end. No change in between. */
const struct gp_dns_answer *
gp_answers_next(const struct gp_answers *set, size_t *at);

/* Appends all answers of an open set in a form to be kept. False: the buffer's cap; what was
 * written is worth nothing. */
[[nodiscard]] bool
gp_answers_write(const struct gp_answers *set, struct gp_buf *out);

/*
 * Reads them back into an open set of GP_ANSWERS_MAX, so that what was not asked then is not known.
 * Returns 0; 1 when it is not of that form; -ENOMEM.
 */
[[nodiscard]] int
gp_answers_read(struct gp_slice kept, struct gp_arena *arena, const uint64_t seed[2],
		struct gp_answers **ret);
