/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A DMARC aggregate report as XML: RFC 9990, its schema urn:ietf:params:xml:ns:dmarc-2.0, and what
 * is its own of the mail that carries it.
 *
 * Whatever stands in a text comes out as UTF-8 that XML can have, escaped, cut at
 * GP_REPORT_TEXT_MAX. report_id is the report's `unique` alone, so that it is the same in the XML,
 * in the subject and in the file's name, which has letters and digits only.
 */
#pragma once

#include "core/dmarcrpt/row.h"
#include "core/report/mail.h"

struct gp_dmarcrpt_report {
	struct gp_report head;
	struct gp_dmarcrpt_policy policy; /* the last one that was seen */
	const struct gp_dmarcrpt_row *rows;
	size_t rows_len;   /* 1 at least */
	uint64_t left_out; /* messages that are in no row, as they were of too many kinds */
};

/* Appends the report. False: the buffer's cap, or memory. */
[[nodiscard]] bool
gp_dmarcrpt_write_xml(const struct gp_dmarcrpt_report *report, struct gp_buf *out);

/* The mail must pass DMARC itself, so it wants a signature of the submitter's domain. */
extern const struct gp_report_form gp_dmarcrpt_form;
