/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which server software answers here? Judged by the texts of its replies. What it says of itself
 * (its greeting) is a line of a configuration and may be anything; what it says to a word that it
 * does not know, and the order in which it offers its extensions, are compiled in. So what a server
 * does outranks what it claims, and a claim that its behaviour belies is a finding.
 *
 * What is known of products is in prints/, a file each (README.md has the format), and of their
 * weaknesses in weaknesses.txt; tools/softgen.py compiles both into tables.
 *
 * How it is weighed, for each product by itself: of each reply the heaviest clue counts, and takes
 * its part of the doubt away that the others left: clues of 0.6 and 0.5 make 1 - 0.4 * 0.5 = 0.8.
 * A reply that the product would never have given takes its part of the weight away.
 *
 * A product that is built on another (postscreen on Postfix) takes over from it in the measure in
 * which it has shown itself.
 */
#pragma once

#include "core/finding/finding.h"

enum gp_software_limits {
	GP_SOFTWARE_CANDIDATES_MAX = 5,
	GP_SOFTWARE_TEXT_MAX = 4096,    /* octets of a reply that are looked at */
	GP_SOFTWARE_EVIDENCE_MAX = 600, /* octets */
	GP_SOFTWARE_QUOTE_MAX = 100,    /* octets of one reply in the evidence */
	GP_SOFTWARE_VERSION_MAX = 40,   /* octets; what is longer is no version */
	GP_SOFTWARE_WEIGHT_MIN = 150,   /* thousandths; below it, nobody is a candidate */
	GP_SOFTWARE_HINTS_MAX = 40,     /* weaknesses told of a server */
};

/* What a server was asked. softgen.py knows these names, in small letters. */
enum gp_software_field {
	GP_SOFTWARE_GREETING,
	GP_SOFTWARE_EHLO,
	GP_SOFTWARE_EHLO_TLS, /* the same within TLS; counts as the other where that is empty */
	GP_SOFTWARE_HELO,
	GP_SOFTWARE_HELP,
	GP_SOFTWARE_UNKNOWN,   /* a command that nobody has, without an argument */
	GP_SOFTWARE_MALFORMED, /* EHLO without an argument */
	GP_SOFTWARE_LONG, /* a line of over 2,000 octets (RFC 5321 section 4.5.3.1.4 has 512) */
	GP_SOFTWARE_NOOP, /* with an argument */
	GP_SOFTWARE_STARTTLS,
	GP_SOFTWARE_QUIT,
	/* these are asked with consent only */
	GP_SOFTWARE_VRFY,
	GP_SOFTWARE_EXPN,
	GP_SOFTWARE_RSET,
	GP_SOFTWARE_MAIL, /* MAIL FROM:<> */
	GP_SOFTWARE_RCPT, /* a recipient in a domain of which the server knows nothing */
	GP_SOFTWARE_FIELDS,
};

struct gp_software_observed {
	/* Each as it came: lines with their codes, LF between them, no CR. Empty: not asked, or no
	   answer. Any octets. */
	struct gp_slice replies[GP_SOFTWARE_FIELDS];
	/* From the end of the greeting's first line to the end of its last. */
	uint32_t greeting_pause_ms;
};

struct gp_software_candidate {
	const char *name;         /* "Exim", static */
	const char *base;         /* what it is built on, whose weaknesses it has; NULL: nothing */
	struct gp_slice version;  /* as the server says it, letters, digits and ".+~-_"; empty: it
				     does not */
	uint16_t weight;          /* thousandths, 1 to 1000 */
	struct gp_slice evidence; /* "unknown: 500 unrecognized command; …": gp_visible */
};

struct gp_software {
	const struct gp_software_candidate *items; /* the heaviest first */
	size_t len;
	const char *belied;    /* the product that it claims to be while its replies are those of
				  the first candidate; NULL: nothing is known to be a lie */
	struct gp_slice claim; /* the line that says so, gp_visible; empty: none */
};

/* The same input has the same answer. Texts are in the arena. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_software_find(const struct gp_software_observed *observed, struct gp_arena *arena,
		 struct gp_software *ret);

/* What live probes can tell about weaknesses (weaknesses.txt names them). */
enum gp_software_probe {
	GP_SOFTWARE_SMUGGLING = 1, /* a false end of data that was taken for one */
	GP_SOFTWARE_INJECTION =
		2, /* what was said in clear behind STARTTLS was obeyed within TLS */
};

struct gp_software_probed {
	uint32_t shown;   /* enum gp_software_probe: it is there */
	uint32_t refuted; /* looked for, and it is not */
};

/*
 * Adds what follows from the candidates: a greeting that lies, a version that strangers can read,
 * and weaknesses that the heaviest candidate's version may have. Those are hints: the precondition
 * was seen, the version is below the corrected one, and nothing was tried. Distributions correct
 * old versions without renaming them, and the hint says so. What a live probe has shown is no hint
 * and is told at its full severity; what it refuted is not told.
 * Returns 0 or -ENOMEM.
 */
[[nodiscard]] int
gp_software_findings(const struct gp_software_observed *observed,
		     const struct gp_software *software, const struct gp_software_probed *probed,
		     struct gp_findings *findings);

/* "greeting", "ehlo_tls" and so on, as in the files of prints/. */
const char *
gp_software_field_name(enum gp_software_field field);
