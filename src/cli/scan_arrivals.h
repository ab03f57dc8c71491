/* SPDX-License-Identifier: Apache-2.0 */
/* Judges what was sent by what arrived. */
#pragma once

#include "core/probe/probe.h"

/* list: a file of canary.h's lines. Where it is not there yet, nothing has arrived. Returns 0 or
   -errno. */
[[nodiscard]] int
scan_arrivals_judge(const char *list, struct gp_probe *probe);
