/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes on, for the dashboard: counted as it happens, and looked together when somebody asks,
 * at most once in two seconds, over a bounded part of the queue. Nothing of it touches the disk.
 */
#pragma once

#include "core/smtp/outcome.h"
#include "ipc/messages.h"

/* A message came, and is in the queue. */
void
flow_accepted(void);
/* So many senders, recipients or messages were refused. */
void
flow_refused(uint32_t n);
/* What an attempt for a recipient came to. */
void
flow_outcome(uint64_t id, struct gp_slice rcpt, const struct gp_outcome *outcome,
	     uint32_t attempts);
/* So many connections of clients one smtpd has. */
void
flow_connections(unsigned worker, uint32_t open);

/* Lives until the next call, or the next outcome. */
const struct gp_msg_flow *
flow_look(void);
