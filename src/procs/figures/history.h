/* SPDX-License-Identifier: Apache-2.0 */
/* The history of audits, as this role was given it to read, and web's questions about it. */
#pragma once

#include "base/buf.h"

/* The history from now on, in place of one before; fd stays the caller's. One that is empty is as
   if nothing had been audited yet; -1: there is none. */
void
history_take(int fd);

/* domain: empty: all of them. Returns enum gp_figures_result. */
uint8_t
history_answer(struct gp_slice domain, struct gp_buf *json);
