/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of core/ingest/report.h as words; times, addresses and sentences as text. */
#pragma once

#include <stdio.h>

#include "base/slice.h"

enum { REPORTS_COLUMNS = 80 }; /* of a terminal, and of a mail */

/* "dmarc", "tls", "failure" */
const char *
reports_kind_word(uint8_t kind);
/* "none", "pass", "quarantine", "reject"; "unknown" */
const char *
reports_disposition_word(uint8_t disposition);
/* "none", "quarantine", "reject"; "" where it is absent */
const char *
reports_policy_word(uint8_t policy);
const char *
reports_reason_word(uint8_t reason);
/* "pass", "fail", ...; "unknown" */
const char *
reports_result_word(uint8_t result);

struct reports_text {
	char s[64];
};

/* "2026-01-31T00:00:00Z", "2026-01-31" */
struct reports_text
reports_time_text(int64_t time_s);
struct reports_text
reports_day_text(int64_t day);
/* IPv4 where it is mapped. */
struct reports_text
reports_address_text(const uint8_t address[16]);

/* How many characters a text of UTF-8 has. */
size_t
reports_columns(struct gp_slice text);
/* The width of printf's %-*.*s by which it takes so many columns: printf counts octets. */
int
reports_width(int columns, struct gp_slice text);
/* The name of a file, which may be of any octets, so that it does nothing to a terminal: what
 * cannot be seen is a question mark. */
void
reports_print_name(FILE *out, const char *name);
/* Cuts off what fits into so many columns, at a space if there is one: to be asked again until text
 * is empty. A word that is longer comes whole. */
struct gp_slice
reports_cut_line(struct gp_slice *text, size_t columns);
/* To standard output, in lines that a terminal has room for, each behind so many spaces. */
void
reports_print_folded(int indent, struct gp_slice text);
