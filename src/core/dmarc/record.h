/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TXT record at _dmarc.DOMAIN: RFC 9989 sections 4.7 and 4.8.
 *
 *     record = "v" eq "DMARC1" *( sep tag ) [ sep ]       sep = *WSP ";" *WSP, eq = *WSP "=" *WSP
 *
 * The version stands first, exactly; a string without is no such record. What else is malformed is
 * passed over, as if it were not there: a part that is no tag, a value that the tag does not have,
 * one URI among others, a tag that was there before. Unknown tags are ignored, and so are pct, rf
 * and ri, which RFC 7489 had. Names and values compare without case.
 */
#pragma once

#include "base/arena.h"

enum gp_dmarc_record_limits {
	GP_DMARC_URIS_MAX = 10, /* taken from one tag; more are passed over */
	GP_DMARC_FLAWS_MAX = 4, /* kept to be shown */
};

enum gp_dmarc_policy {
	GP_DMARC_P_ABSENT = 0,
	GP_DMARC_P_NONE = 1,
	GP_DMARC_P_QUARANTINE = 2,
	GP_DMARC_P_REJECT = 3,
};

enum gp_dmarc_psd {
	GP_DMARC_PSD_UNKNOWN = 0, /* "u": the tree walk tells */
	GP_DMARC_PSD_YES = 1,     /* a public suffix */
	GP_DMARC_PSD_NO = 2,      /* an organisational domain */
};

/* When a failure report is wished for; or'ed. */
enum gp_dmarc_fo {
	GP_DMARC_FO_ALL = 1,  /* "0": no mechanism gave an aligned pass */
	GP_DMARC_FO_ANY = 2,  /* "1": one of them did not */
	GP_DMARC_FO_DKIM = 4, /* "d": a signature failed, aligned or not */
	GP_DMARC_FO_SPF = 8,  /* "s": SPF failed, aligned or not */
};

/* Where a report goes. */
struct gp_dmarc_uri {
	struct gp_slice uri;     /* as it is written, without the "!10m" that RFC 7489 had */
	struct gp_slice address; /* mailto: local@host; empty: a scheme that we do not know */
	struct gp_slice host;    /* mailto: in lower case */
};

struct gp_dmarc_uris {
	struct gp_dmarc_uri list[GP_DMARC_URIS_MAX];
	size_t len;
};

struct gp_dmarc_record {
	struct gp_slice text;
	/*
	 * False: p is missing or malformed, or sp or np is malformed, and no URI of rua makes up
	 * for it: then nothing is done by this record (section 4.10.1).
	 */
	bool applies;
	bool monitors;     /* the same, but with such a URI: it counts as p=none and nothing else */
	uint8_t p, sp, np; /* enum gp_dmarc_policy */
	bool adkim_strict, aspf_strict;
	uint8_t psd; /* enum gp_dmarc_psd */
	bool testing;
	uint8_t fo; /* enum gp_dmarc_fo, or'ed */
	struct gp_dmarc_uris rua, ruf;
	struct gp_slice flaws[GP_DMARC_FLAWS_MAX]; /* what was passed over, as it is written; not
						      unknown tags */
	size_t flaws_len;
};

/* Does the text begin as such a record does? */
bool
gp_dmarc_is_record(struct gp_slice text);

/*
 * Reads one TXT record, its character-strings joined. Returns 0, 1 when it is not such a record, or
 * -ENOMEM. The record points into the text and the arena.
 */
[[nodiscard]] int
gp_dmarc_record_parse(struct gp_slice text, struct gp_arena *arena, struct gp_dmarc_record *ret);

/* "none", "quarantine", "reject"; NULL for GP_DMARC_P_ABSENT. */
const char *
gp_dmarc_policy_name(uint8_t policy);
