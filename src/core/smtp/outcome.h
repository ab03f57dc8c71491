/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one attempt to deliver to one recipient came to.
 */
#pragma once

#include "core/smtp/reply.h"

enum gp_outcome_kind {
	GP_OUTCOME_DELIVERED =
		1, /* final: in the mailbox, discarded as configured, or taken by an LMTP server */
	GP_OUTCOME_RELAYED = 2,  /* final: the next server took it on */
	GP_OUTCOME_DEFERRED = 3, /* to be tried again */
	GP_OUTCOME_FAILED = 4,   /* final: the sender hears of it */
};

struct gp_outcome {
	uint8_t kind; /* enum gp_outcome_kind */
	struct gp_reply
		reply; /* the remote's words where `remote` is set, else ours; codes always set */
	struct gp_slice remote; /* "mx.example.net [192.0.2.1]:25", or empty when no server spoke */
	bool remote_said; /* the reply is the remote server's: "smtp;" diagnostic of RFC 3464 */
	bool remote_dsn;  /* the remote took RET, NOTIFY and so on: it will report, we do not */
};
