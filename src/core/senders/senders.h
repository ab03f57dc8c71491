/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who well-known senders and forwarders of mail are: by what the names of their hosts end in, by
 * their networks, and by the domains that they sign with and have bounces sent to. A host's name
 * counts only where forward and reverse DNS agree on it: a PTR record alone says what its owner
 * likes it to. A domain counts where DKIM or SPF passed for it, and says whose customer somebody
 * is, not whose host: a signature comes along when mail is forwarded.
 */
#pragma once

#include "base/slice.h"

enum gp_sender_kind {
	GP_SENDER_SERVICE = 1, /* sends what its customers hand in, and forwards nothing */
	GP_SENDER_MAILBOX,     /* has mailboxes: people write from it, and it forwards, too */
	GP_SENDER_FORWARDER,   /* forwards, or keeps mailing lists: others' mail passes it on */
};

struct gp_sender {
	struct gp_slice provider; /* "Amazon SES"; static */
	enum gp_sender_kind kind;
};

/* By a confirmed host name, in any case, without a final dot. False: not known. */
bool
gp_sender_of(struct gp_slice name, struct gp_sender *ret);
/* By a domain that DKIM or SPF passed for, in the same form. */
bool
gp_sender_of_domain(struct gp_slice domain, struct gp_sender *ret);
/* By the number of an autonomous system that is the sender's alone. */
bool
gp_sender_of_asn(uint32_t number, struct gp_sender *ret);
/* By the name, which may be empty, or else by the number, which may be 0. False: *ret is empty. */
bool
gp_sender_find(struct gp_slice name, uint32_t asn, struct gp_sender *ret);
