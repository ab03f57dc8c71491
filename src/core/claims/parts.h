/* SPDX-License-Identifier: Apache-2.0 */
/* Readers of single fields. Between the files of this folder. */
#pragma once

#include "base/buf.h"
#include "core/claims/claims.h"

/* Writes what the value says to `out`, and returns which way it leans. */
typedef uint8_t
gp_claim_reader(struct gp_slice value, struct gp_buf *out);

gp_claim_reader gp_claim_forefront;   /* X-Forefront-Antispam-Report */
gp_claim_reader gp_claim_bulk;        /* X-Microsoft-Antispam */
gp_claim_reader gp_claim_scl;         /* X-MS-Exchange-Organization-SCL */
gp_claim_reader gp_claim_auth_as;     /* X-MS-Exchange-*-AuthAs */
gp_claim_reader gp_claim_spam_status; /* X-Spam-Status, X-Barracuda-Spam-Status */
gp_claim_reader gp_claim_rspamd;      /* X-Spamd-Result */
gp_claim_reader gp_claim_proofpoint;  /* X-Proofpoint-Spam-Details */
gp_claim_reader gp_claim_yes_no;      /* YES, True, OK, No */
gp_claim_reader gp_claim_text;        /* the value as it is */

/* The value of "key:value" or "key=value" in a list with this separator; empty: not there. */
struct gp_slice
gp_claim_pair(struct gp_slice list, char separator, struct gp_slice key, char between);

/* Appends "; " when there is something already, then the text. */
GP_PRINTF(2, 3)
void
gp_claim_put(struct gp_buf *out, const char *fmt, ...);

/* The words for a Microsoft "compauth" reason code: "001"; NULL: none are known. */
const char *
gp_claim_compauth(struct gp_slice reason);
