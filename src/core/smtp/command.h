/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Command lines of SMTP as values: verb and argument (RFC 5321 section 4.1.1), and the paths and
 * parameters of MAIL and RCPT decoded and checked. Nothing here knows about the session's state.
 */
#pragma once

#include "core/smtp/address.h"
#include "core/smtp/envelope.h"
#include "core/smtp/reply.h"

enum gp_smtp_verb {
	GP_VERB_UNKNOWN,
	GP_VERB_HELO,
	GP_VERB_EHLO,
	GP_VERB_MAIL,
	GP_VERB_RCPT,
	GP_VERB_DATA,
	GP_VERB_BDAT,
	GP_VERB_RSET,
	GP_VERB_NOOP,
	GP_VERB_VRFY,
	GP_VERB_EXPN,
	GP_VERB_HELP,
	GP_VERB_QUIT,
	GP_VERB_STARTTLS,
	GP_VERB_AUTH,
	GP_VERB_HTTP, /* GET, POST and so on: a browser was led here */
	GP_VERBS,
};

struct gp_smtp_command {
	enum gp_smtp_verb verb;
	struct gp_slice args; /* behind the verb, trimmed */
};

/* line: without CRLF. */
struct gp_smtp_command
gp_smtp_command_parse(struct gp_slice line);

struct gp_smtp_mail {
	struct gp_address path;
	uint64_t size;         /* SIZE=, 0 when it was not said (RFC 1870) */
	uint8_t flags;         /* enum gp_envelope_flags */
	uint8_t ret;           /* enum gp_ret */
	struct gp_slice envid; /* as it came; its xtext decodes to printable ASCII */
};

struct gp_smtp_rcpt {
	struct gp_address path;
	struct gp_rcpt rcpt; /* its orcpt decodes to printable text */
};

/* What the session offers a client that says MAIL. */
enum gp_smtp_offers {
	GP_OFFER_ESMTP = 1,      /* EHLO was said: there may be parameters */
	GP_OFFER_AUTH = 2,       /* AUTH= (RFC 4954 section 5), which is checked and passed over */
	GP_OFFER_BINARYMIME = 4, /* BODY=BINARYMIME (RFC 3030 section 3) */
	GP_OFFER_REQUIRETLS = 8, /* RFC 8689 */
};

/*
 * The arguments of MAIL and RCPT. offers: enum gp_smtp_offers; a parameter that is not among them
 * is not recognized. esmtp: parameters are allowed (EHLO was said). utf8: the MAIL of this
 * transaction had SMTPUTF8. What the results point to lives in the arena, nothing in args. Returns
 * 0; 1 with the refusal in *ret_refusal (static text); -ENOMEM.
 */
[[nodiscard]] int
gp_smtp_mail_parse(struct gp_slice args, unsigned offers, struct gp_arena *arena,
		   struct gp_smtp_mail *ret, struct gp_reply *ret_refusal);
[[nodiscard]] int
gp_smtp_rcpt_parse(struct gp_slice args, bool esmtp, bool utf8, struct gp_arena *arena,
		   struct gp_smtp_rcpt *ret, struct gp_reply *ret_refusal);

/* The arguments of BDAT: "octets" or "octets LAST" (RFC 3030 section 2). False: not well formed, or
   over 64 bits. */
[[nodiscard]] bool
gp_smtp_bdat_parse(struct gp_slice args, uint64_t *ret_size, bool *ret_last);
