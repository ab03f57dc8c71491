/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a reader of reports gives up before its first octet: files, processes, network, all system
 * calls but few (sys/sandbox.h). Whoever takes it over by a hostile report can read that one's
 * octets, and tell about it.
 */
#pragma once

#include "sys/sandbox.h"

extern const struct gp_sandbox reports_reader_sandbox; /* docs/sandbox.md has it in full */
