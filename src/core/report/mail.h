/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mail that a daily report goes in, and what reports of every kind have in common: who tells
 * whom, of which time. RFC 8460 section 5 and RFC 9990 name the file alike, and write the same
 * subject; what they do not share is a form.
 *
 * Texts from outside are cleaned (clean.h).
 */
#pragma once

#include "core/report/clean.h"

enum { GP_REPORT_UNIQUE_MAX = 64 }; /* letters and digits of a report's id */

struct gp_report {
	struct gp_slice organization; /* who we are, for people */
	struct gp_slice contact;      /* an address */
	struct gp_slice unique;       /* 1 to GP_REPORT_UNIQUE_MAX letters and digits, different for
					 every report ever made */
	struct gp_slice submitter;    /* our domain, A-labels: that of contact */
	struct gp_slice domain;       /* that the report is for, A-labels */
	uint64_t start_s, end_s;      /* since the epoch: first and last second of a UTC day */
};

/* What tells one kind from another. Static. */
struct gp_report_form {
	const char *extension;    /* of the file's name, with its dot */
	const char *media_type;   /* of the compressed report */
	const char *content_type; /* of the mail, up to its boundary */
	const char *text;         /* for people: what it is, "...about mail to" */
	bool id_has_submitter;    /* the subject's Report-ID is <unique@submitter>, else <unique> */
	void (*put_fields)(struct gp_buf *out, const struct gp_report *r); /* more; or NULL */
};

struct gp_report_mail {
	const struct gp_report_form *form;
	const struct gp_report *report;
	struct gp_slice from; /* addresses */
	struct gp_slice to;
	struct gp_slice gzip; /* the report, compressed by gzip */
	uint64_t now_s;       /* since the epoch */
};

/* The limits that are written above. */
void
gp_report_check(const struct gp_report *r);

/* Appends its file's name: "submitter!domain!start!end!unique.EXTENSION". */
void
gp_report_write_filename(const struct gp_report *r, const struct gp_report_form *form,
			 struct gp_buf *out);

/* A header field of ours, as `put_fields` appends them; name: with its colon and space. */
void
gp_report_put_field(struct gp_buf *out, const char *name, struct gp_slice value);

/* The fields that a mail with a report begins with: From, To, Date, Message-ID. now_s: since the
 * epoch. */
void
gp_report_put_origin(struct gp_buf *out, const struct gp_report *r, struct gp_slice from,
		     struct gp_slice to, uint64_t now_s);

/* Appends the message: 7-bit lines of at most 998 octets with CRLF, not signed yet. False: the
 * buffer's cap, or memory. */
[[nodiscard]] bool
gp_report_write_mail(const struct gp_report_mail *mail, struct gp_buf *out);
