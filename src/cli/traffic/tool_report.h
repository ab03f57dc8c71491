/* SPDX-License-Identifier: Apache-2.0 */
/* What the reports of `load` and `sink` have in common. */
#pragma once

#include <jansson.h>

#include "cli/traffic/histogram.h"

/* Allows this process as many descriptors as its hard limit does. */
void
gp_tool_raise_files(void);

/* CPU seconds, user and system, that this process has spent. */
double
gp_tool_cpu_s(void);

/* Milliseconds: {"count","p50","p90","p99","p999","max"}; all 0 when nothing was counted. */
json_t *
gp_tool_latency_json(const struct gp_histogram *ns);

/* One line of text on standard output: "NAME  p50 1.2  p90 3.4  p99 5.6  max 7.8 ms". */
void
gp_tool_latency_print(const char *name, const struct gp_histogram *ns);

/* Prints the object on one line of standard output, and lets go of it. False: it could not. */
[[nodiscard]] bool
gp_tool_json_print(json_t *object);
