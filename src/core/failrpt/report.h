/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The report of an incident: multipart/report of RFC 6522 in three parts: a text for people, the
 * fields of RFC 5965, 6591 and 9991, and the header of the message as far as it is told (redact.h).
 * Never its body, and never what was canonicalized of it.
 *
 * What stands in the second and third part is written once, and kept as text; the mail is written
 * for each place.
 */
#pragma once

#include "core/failrpt/incident.h"
#include "core/report/mail.h"

enum {
	GP_FAILRPT_FEEDBACK_MAX = 16 * 1024, /* octets; more than all limits come to */
	GP_FAILRPT_FIELDS_MAX = 64 * 1024,   /* the same of the third; what is beyond is left out */
};

/* Appends the fields of the second part. key: of redact.h; id: our authserv-id. Latches
 * out->failed. */
void
gp_failrpt_write_feedback(const struct gp_failrpt_incident *incident, struct gp_slice key,
			  struct gp_slice id, struct gp_buf *out);

/* What is kept: as gp_failrpt_write_feedback() and gp_redact_header() wrote it. */
struct gp_failrpt_texts {
	struct gp_slice feedback, header;
	bool redacted;      /* by a key */
	uint32_t incidents; /* messages that failed alike, this one with them; 1 or more */
};

struct gp_failrpt_mail {
	const struct gp_report *report; /* start_s: when the message came; domain: of the record */
	struct gp_slice to;             /* an address */
	struct gp_failrpt_texts texts;
	uint64_t now_s; /* since the epoch */
};

/* Appends the message: 7-bit lines of at most 998 octets with CRLF, not signed yet. False: the
 * buffer's cap, or memory. */
[[nodiscard]] bool
gp_failrpt_write_mail(const struct gp_failrpt_mail *mail, struct gp_buf *out);
