/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where in a mail reports may be: its attachments, its body, and what was forwarded in it, as a
 * message or as a file (mime.h), by what the parts begin with (form.h). How they are named, and
 * what type they claim to be, says nothing, but for two: pages of HTML are not looked at, and
 * message/feedback-report is a failure report (RFC 5965 section 2).
 *
 * The message that a failure report, a bounce or a receipt is about is never looked into: a forged
 * mail that has a report in it would otherwise be read as a report that was sent to us, and so
 * would one of ours that came back.
 */
#pragma once

#include "core/ingest/form.h"
#include "core/message/mime.h"

/* Octets, as encoded, of a failure report or a text, and of each part beside it, that are looked
 * at. */
enum { GP_INGEST_NOTICE_MAX = 256 * 1024 };

enum gp_ingest_candidate_kind {
	GP_INGEST_DOCUMENT = 1, /* XML, JSON, gzip, zip */
	GP_INGEST_FEEDBACK,     /* message/feedback-report */
	GP_INGEST_TEXT,         /* text that may tell of a failure without being of that type */
	GP_INGEST_UNREADABLE,   /* what a report may be in, but not for us */
};

/* Octets are as decoded; those that were not lie in the mail. */
struct gp_ingest_candidate {
	uint8_t kind; /* enum gp_ingest_candidate_kind */
	uint8_t form; /* enum gp_form, of DOCUMENT and UNREADABLE */
	struct gp_slice octets;
	/* Of FEEDBACK and TEXT, as far as they were sent; empty: not. */
	struct gp_slice text;     /* for people: the text beside it */
	struct gp_slice original; /* the message, or its header */
};

struct gp_ingest_mail {
	const struct gp_header *header;
	/* In their order; TEXT alone where there is nothing else. Many texts are none. */
	const struct gp_ingest_candidate *candidates;
	size_t len; /* GP_MIME_PARTS_MAX at most */
	bool more;  /* it has more parts than are looked at, or deeper ones */
};

/* Takes some three times the mail's size of the arena at most, mostly less than once. Returns 0 or
 * -ENOMEM. */
[[nodiscard]] int
gp_ingest_mail_read(struct gp_slice mail, struct gp_arena *arena, struct gp_ingest_mail *ret);
