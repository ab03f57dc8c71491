/* SPDX-License-Identifier: Apache-2.0 */
/* The header analyser for a message that somebody pasted or uploaded: what core/headers finds, as
 * JSON (docs/api.md). Nobody is asked for anything: what it says of SPF, DKIM and DMARC is what our
 * own gateway wrote when the message came in. */
#pragma once

#include "base/buf.h"
#include "core/config/config.h"

/* text: of the message, or its header alone. Returns 0; 1: it is no message, and *ret_why says so,
 * static. No memory latches out->failed. */
[[nodiscard]] int
analysis_write(struct gp_slice text, const struct gp_config *config, int64_t now_s,
	       struct gp_buf *out, const char **ret_why);
