/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The relay matrix: all known ways to write an address of somewhere else that servers have been
 * talked into taking. The first sixteen are those of nmap, in its order; then those of the lists
 * that MAPS and abuse.net kept, then some more.
 *
 * Each is MAIL and RCPT, then RSET. With consent to canaries a form that was accepted goes on with
 * a message to the user's own domain that carries a token of its own: taking RCPT proves nothing,
 * since many servers take what they cannot deliver and bounce it, or throw it away. Only a message
 * that arrives proves.
 *
 * Where a form is about its recipient and its sender is refused, it is said with a plain sender.
 *
 * 4yz, 421 and 530 say nothing about relaying: such a form was not tested. So it is with 500, 502,
 * 503, 504 and 555, which say that the command was not understood or out of place.
 */
#pragma once

#include "core/probe/probe.h"

enum gp_probe_form_hello {
	GP_PROBE_HELLO_OWN,
	GP_PROBE_HELLO_SERVER, /* HELO with the server's own name, */
	GP_PROBE_HELLO_HOSTED, /* or that of a domain that it takes mail for */
};

enum gp_probe_form_way {
	GP_PROBE_WAY_USUAL,
	GP_PROBE_WAY_TLS,     /* inside TLS, after STARTTLS */
	GP_PROBE_WAY_BARE,    /* the recipient without brackets */
	GP_PROBE_WAY_SPACE,   /* a space before them */
	GP_PROBE_WAY_XCLIENT, /* after XCLIENT ADDR=127.0.0.1, where that is offered */
	GP_PROBE_WAY_BDAT,    /* these two send the message, */
	GP_PROBE_WAY_PIPED,   /* the last one with MAIL, RCPT and DATA in one packet */
};

/*
 * A form. In its templates $u is the recipient's local part and $E its domain; $S the server's
 * name, $D a domain that it takes mail for, $I its address, $L ours, $H our name, $x the
 * recipient's address as RFC 3461 section 4 encodes it.
 */
struct gp_probe_form {
	uint8_t number;
	char letter;                         /* of the variant; 0: there is one only */
	uint8_t hello;                       /* enum gp_probe_form_hello */
	uint8_t way;                         /* enum gp_probe_form_way */
	const char *from, *to;               /* without brackets */
	const char *from_params, *to_params; /* NULL: none */
	const char *keyword;                 /* that the server must have offered; NULL: none */
	const char *finds;                   /* what it means when it is accepted */
};

enum gp_probe_verdict {
	GP_PROBE_VERDICT_NOT_MEASURED,
	GP_PROBE_VERDICT_REFUSED,  /* all that was tested, form 2 among it */
	GP_PROBE_VERDICT_ACCEPTED, /* some at RCPT, not proven */
	GP_PROBE_VERDICT_PROVEN,   /* a canary came back */
};

/* What has come in where canaries are expected. */
struct gp_probe_arrival {
	struct gp_slice token; /* "TOKEN-r23b" */
	uint64_t message;      /* two tokens in one message have the same */
};

/* All forms, in the order of gp_probe_record.relay. */
const struct gp_probe_form *
gp_probe_forms(size_t *ret_len);

enum gp_probe_verdict
gp_probe_relay_verdict(const struct gp_probe_record *record);

/* "not_measured", "refused", "accepted_unproven", "proven" */
const char *
gp_probe_verdict_name(enum gp_probe_verdict verdict);

/* Judges relay and smuggling tests anew by what has arrived. Tokens of others are passed over. */
void
gp_probe_arrived(struct gp_probe *p, const struct gp_probe_arrival *arrivals, size_t len);
