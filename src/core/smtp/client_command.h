/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of the client's MAIL and RCPT, with the parameters that this server has offered and this
 * message needs; and what the server lacks for it. For client.c alone.
 */
#pragma once

#include "core/smtp/client.h"

/* Why the whole message cannot go to this server; code 0: it can. `in_tls`: the session is. */
struct gp_reply
gp_client_lacks(const struct gp_smtp_client_setup *setup, const struct gp_ehlo *ehlo, bool in_tls,
		const struct gp_smtp_client_mail *mail);
/* Why it cannot go to this recipient. */
struct gp_reply
gp_client_lacks_for(const struct gp_ehlo *ehlo, const struct gp_rcpt *rcpt);

/* Appends the command with CRLF; failure latches in out. */
void
gp_client_put_mail(struct gp_buf *out, const struct gp_ehlo *ehlo,
		   const struct gp_smtp_client_mail *mail);
void
gp_client_put_rcpt(struct gp_buf *out, const struct gp_ehlo *ehlo, const struct gp_rcpt *rcpt);
