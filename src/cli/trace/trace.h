/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost trace: between its files. trace.c finds messages, trace_show.c shows them. */
#pragma once

#include "base/list.h"
#include "cli/trace/records.h"

/* An entry of the journal that tells of a message. */
struct trace_event {
	struct trace_event *next;
	struct gp_journal_entry e;
};

/* A message, or a refusal that led to none. */
struct traced {
	struct gp_list link;
	struct gp_journal_entry came; /* kind 0: it came before the journal began, or was cut off */
	struct trace_event *events, **last;
	bool chosen; /* else it still depends on a recipient that is not in `came` */
};

/* To standard output. arena: for what is made on the way. */
void
trace_print_text(const struct traced *t, struct gp_arena *arena);
/* One object on a line. False: it could not be printed. */
[[nodiscard]] bool
trace_print_json(const struct traced *t);
