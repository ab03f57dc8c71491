/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a failure report, of whatever form: message/feedback-report (RFC 5965 section 3,
 * RFC 6591 section 3, RFC 9991), or a text for people in which the same is told line by line, as
 * Exim, cPanel, SpamExperts and Baruwa write it ("Sender IP Address: 192.0.2.1"), or in a sentence
 * ("for an email message received from IP 192.0.2.1 on Mon, ..."). Between the files of this
 * folder.
 */
#pragma once

#include "base/arena.h"

enum gp_feedback_name {
	GP_FEEDBACK_TYPE,          /* Feedback-Type */
	GP_FEEDBACK_FAILURE,       /* Auth-Failure */
	GP_FEEDBACK_DELIVERY,      /* Delivery-Result */
	GP_FEEDBACK_SOURCE,        /* Source-IP */
	GP_FEEDBACK_DOMAIN,        /* Reported-Domain */
	GP_FEEDBACK_MAIL_FROM,     /* Original-Mail-From */
	GP_FEEDBACK_RCPT_TO,       /* Original-Rcpt-To */
	GP_FEEDBACK_ARRIVAL,       /* Arrival-Date, Received-Date */
	GP_FEEDBACK_RESULTS,       /* Authentication-Results */
	GP_FEEDBACK_DMARC_RESULTS, /* of texts for people */
	GP_FEEDBACK_DKIM_DOMAIN,
	GP_FEEDBACK_DKIM_SELECTOR,
	GP_FEEDBACK_SPF_DNS,
	GP_FEEDBACK_INCIDENTS,
	GP_FEEDBACK_MTA, /* Reporting-MTA */
	GP_FEEDBACK_MESSAGE_ID,
	GP_FEEDBACK_NAMES,
};

/* Each field's first value that is not empty, on one line; empty: there is none. In the arena. */
struct gp_feedback {
	struct gp_slice values[GP_FEEDBACK_NAMES];
	size_t len; /* how many fields were known, empty ones too */
};

/* Of message/feedback-report. One that is base64 without saying so, or has "\r\n" spelt out, is
 * mended. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_feedback_read(struct gp_slice s, struct gp_arena *arena, struct gp_feedback *ret);

/* Of a text for people; fields that *ret has already are kept. ret_rest: what stands behind a line
 * of hyphens, which begins the failed message's header in such a text; or empty. The same. */
[[nodiscard]] int
gp_feedback_read_text(struct gp_slice s, struct gp_arena *arena, struct gp_feedback *ret,
		      struct gp_slice *ret_rest);
