/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables that tools/softgen.py writes of prints/ and weaknesses.txt, whose form is in
 * README.md. Weights are thousandths, patterns those of match.h.
 */
#pragma once

#include "core/software/software.h"

enum gp_print_clue_kind {
	GP_PRINT_CLAIM, /* a line of the reply matches the pattern; it may be configured */
	GP_PRINT_TRAIT, /* the same, of what is compiled in */
	GP_PRINT_ORDER, /* the keywords of the reply to EHLO are these, in this order */
	GP_PRINT_PAUSE, /* the greeting halts for at least `pause_ms` between its lines */
	GP_PRINT_OTHER, /* there was a reply, and no trait or order of that field matched */
};

struct gp_print_clue {
	uint8_t kind;  /* enum gp_print_clue_kind */
	uint8_t field; /* enum gp_software_field */
	uint16_t weight;
	uint32_t pause_ms;
	struct gp_slice pattern;
};

struct gp_print {
	const char *product;
	const char
		*base; /* the product that it is built on, whose replies it may give; NULL: none */
	const struct gp_print_clue *clues;
	size_t clues_len;
};

extern const struct gp_print gp_prints[];
extern const size_t gp_prints_len;

/* A line of the reply must match, or the weakness cannot be there. */
struct gp_weakness_sight {
	uint8_t field;
	struct gp_slice pattern;
};

struct gp_weakness {
	const char *id; /* "CVE-2023-51766" */
	const char *product;
	const char *since; /* the first version that has it; NULL: all before the corrected */
	const char *const *fixed; /* the first corrected one of each branch, the newest last */
	size_t fixed_len;
	const struct gp_weakness_sight *sights;
	size_t sights_len;
	uint16_t confidence; /* where all that can be seen is there */
	uint32_t probe;      /* enum gp_software_probe that settles it; 0: none does */
	const char *what;
};

extern const struct gp_weakness gp_weaknesses[];
extern const size_t gp_weaknesses_len;
