/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Macros: RFC 7208 section 7. A text is checked when its record is read, and expanded when its term
 * is reached; expansion cannot fail. What it writes goes through one place that knows its bounds.
 */
#pragma once

#include "base/arena.h"
#include "core/dns/record.h"

/* What has to be known before a text can be expanded. */
enum gp_spf_macro_use {
	GP_SPF_USES_LOCAL = 1,     /* %{s} or %{l} */
	GP_SPF_USES_VALIDATED = 2, /* %{p} */
};

/* What the letters stand for (section 7.2). Octets may be any. */
struct gp_spf_values {
	struct gp_slice sender, local, sender_domain; /* s, l, o */
	struct gp_slice domain;                       /* d */
	struct gp_slice validated;                    /* p */
	struct gp_slice helo, receiver;               /* h, r */
	uint8_t address[GP_DNS_ADDRESS_MAX];          /* i, c, v */
	uint8_t address_len;                          /* 4 or 16 */
	uint64_t now_s;                               /* t */
};

/* A macro-string as it stands in a modifier; *ret_uses: enum gp_spf_macro_use, or'ed. */
[[nodiscard]] bool
gp_spf_macro_string_valid(struct gp_slice s, uint8_t *ret_uses);

/* A domain-spec: a macro-string that ends in a macro or a top label, a dot behind it perhaps. */
[[nodiscard]] bool
gp_spf_domain_spec_valid(struct gp_slice s, uint8_t *ret_uses);

/* An explanation's text: macro-strings and spaces, with c, r and t among the letters. */
[[nodiscard]] bool
gp_spf_explanation_valid(struct gp_slice s, uint8_t *ret_uses);

/* A domain name in two forms, which are the same text as a rule. */
struct gp_spf_name {
	struct gp_slice text; /* raw, no final dot: what %{d} stands for */
	struct gp_slice name; /* as questions have it: unusual octets escaped (core/dns/record.h) */
};

/*
 * Expands a valid domain-spec, cuts labels off the left of what is over 253 octets (section 7.3),
 * and makes a name of it. *work grows by the octets that were written. Returns 0; 1 when the result
 * is no name (an empty label, one over 63 octets); -ENOMEM. Slices are of the spec or in the arena.
 */
[[nodiscard]] int
gp_spf_expand_name(struct gp_slice spec, const struct gp_spf_values *values, struct gp_arena *arena,
		   size_t *work, struct gp_spf_name *ret);

/* The same of a text that has no macros. */
[[nodiscard]] int
gp_spf_make_name(struct gp_slice text, struct gp_arena *arena, struct gp_spf_name *ret);

/*
 * Expands a valid explanation into the arena; what is over size_max octets (512 at most) is cut.
 * Returns 0; 1 when what came out is not printable ASCII (section 6.2), or is empty; -ENOMEM.
 */
[[nodiscard]] int
gp_spf_expand_explanation(struct gp_slice text, const struct gp_spf_values *values, size_t size_max,
			  struct gp_arena *arena, struct gp_slice *ret);
