/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of `gatepost load`: what became of each marked message, by the client's knowledge. One
 * line a message, written with one write() before the next answer is looked at, so it is complete
 * up to the last answer even when `load` is killed:
 *
 *	RUN-NUMBER-TIME OUTCOME TEXT
 *
 * `accepted`: the dot was answered 2xx; TEXT is the reply. `refused`: 4xx or 5xx, and so for every
 * recipient; TEXT is the reply. `partial`: LMTP took it for some recipients. `doubtful`: the dot
 * was sent and no answer came, so the server may have it or not. `failed`: the connection ended
 * before the dot was sent, so the server cannot have it.
 */
#pragma once

#include "cli/traffic/mark.h"

enum gp_load_outcome {
	GP_LOAD_ACCEPTED = 0,
	GP_LOAD_REFUSED,
	GP_LOAD_PARTIAL,
	GP_LOAD_DOUBTFUL,
	GP_LOAD_FAILED,
	GP_LOAD_OUTCOMES,
};

/* The word that stands for it in ledgers and reports. */
const char *
gp_load_outcome_name(enum gp_load_outcome outcome);

enum { GP_LEDGER_LINE_MAX = 1024 };

/* Writes a line; a text that does not fit is cut. 0, or -errno. */
[[nodiscard]] int
gp_ledger_write(int fd, const struct gp_mark *mark, enum gp_load_outcome outcome,
		struct gp_slice text);

/* A line without its LF. False: it is none, such as one that a crash cut off. */
[[nodiscard]] bool
gp_ledger_parse(struct gp_slice line, struct gp_mark *ret_mark, enum gp_load_outcome *ret_outcome);

struct gp_ledger_result {
	uint64_t accepted;
	uint64_t missing; /* accepted, but not in the book */
	char first_missing[GP_MARK_TEXT_MAX + 1];
};

/* Compares what a ledger calls accepted with what arrived. 0, or -errno of reading the file. */
[[nodiscard]] int
gp_ledger_audit(const char *path, struct gp_mark_book *book, struct gp_ledger_result *ret);
