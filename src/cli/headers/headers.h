/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost headers: the parts of the command. headers.c has the options, and reads messages; then
 * one of three writers here shows what core/headers found.
 */
#pragma once

#include "base/buf.h"
#include "cli/trace/message_records.h"
#include "core/headers/headers.h"

/* --- verification: verify.c --- */

/* Of one message. */
struct headers_verification {
	bool done;           /* facts and verified count */
	const char *nothing; /* why nothing was verified; NULL: it was */
	const char *no_spf;  /* why SPF was left out; NULL: it was not */
	struct gp_verify_facts facts;
	struct gp_verified verified;
	bool by_journal;          /* as of when it came in, by the answers that were kept */
	struct gp_verify *verify; /* what they live in; to be freed in any case */
};

/* What a message is verified by. */
struct headers_source {
	struct gp_lookup *lookup; /* NULL: nobody may be asked, so nothing is verified */
	/* Whose kept answers they are; NULL: the DNS as it is now. */
	const struct gp_headers_record *record;
	uint64_t now_s;
};

/* Verifies a message that was read. Returns 0 or -errno. */
[[nodiscard]] int
headers_verify(struct headers_verification *hv, const struct headers_source *source,
	       const struct gp_headers *found, struct gp_slice message);

/* --- writers --- */

/* One message, analysed. */
struct headers_view {
	const char *file; /* as given, "-" for standard input */
	const struct gp_headers *found;
	const struct headers_verification *verification;
	struct gp_arena *arena; /* of this message */
	bool colour;            /* text: by escape sequences */
};

/* Each appends to out; when it fails, out or the arena has. */
void
headers_write_text(struct gp_buf *out, const struct headers_view *view);
void
headers_write_json(struct gp_buf *out, const struct headers_view *view);
/* One message's part of the page; begin and end are written once. */
void
headers_write_html(struct gp_buf *out, const struct headers_view *view);
void
headers_begin_html(struct gp_buf *out);
void
headers_end_html(struct gp_buf *out);

/* --- what they share: words.c --- */

struct headers_span {
	char s[32];
};

/* "+3 s", "-2 min 05 s", "+1 h 02 min", "+3 d 04 h" */
struct headers_span
headers_span(int64_t seconds);

/* From whom a hop came: "helo (rdns [192.0.2.1])", as far as it is said. gp_visible. */
struct gp_slice
headers_client(const struct headers_view *view, const struct gp_hop *hop);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384"; "TLS" when only the protocol says so; empty: in clear. */
struct gp_slice
headers_tls(const struct headers_view *view, const struct gp_hop *hop);

/* gp_visible in the view's arena. */
struct gp_slice
headers_visible(const struct headers_view *view, struct gp_slice text);

/* How long the bar of a delay is, 0 to HEADERS_BAR_MAX: it grows by one as the delay doubles. */
enum { HEADERS_BAR_MAX = 20 };
size_t
headers_bar(const struct gp_path_hop *hop);

/* "pass" and so on; NULL: nobody looked. */
const char *
headers_result(uint8_t result);

/* The title of the section on verification. */
const char *
headers_verified_title(const struct headers_view *view);

/* One line of it: a method's result, or why there is none. */
struct headers_verified_line {
	const char *method;      /* "SPF" */
	struct gp_slice result;  /* "pass"; empty: it was not verified */
	struct gp_slice because; /* "example.org: reason"; gp_visible */
};

/* The lines in order; NULL: no memory. */
const struct headers_verified_line *
headers_verified_lines(const struct headers_view *view, size_t *ret_len);
