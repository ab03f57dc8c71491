/* SPDX-License-Identifier: Apache-2.0 */
/* The results of a scan, as this role was given them to read, and web's questions about them. */
#pragma once

#include "base/buf.h"
#include "ipc/messages.h"

/* The file from now on, in place of one before; fd stays the caller's. It is read when somebody
   asks. One that is empty is as if nothing had been scanned yet; -1: there is none. */
void
scan_file_take(int fd, uint64_t seed);

/* Returns enum gp_figures_result. */
uint8_t
scan_file_answer(const struct gp_msg_figures_wanted *q, struct gp_buf *json);
