/* SPDX-License-Identifier: Apache-2.0 */
#include "core/probe/canary.h"

void
gp_probe_put_token(struct gp_buf *out, const struct gp_probe_options *o, char kind, unsigned number,
		   char letter)
{
	gp_buf_printf(out, "%.*s-%c%u", GP_SLICE_FMT(o->token), kind, number);
	if (letter)
		gp_buf_put_char(out, letter);
}

void
gp_probe_put_canary(struct gp_buf *out, const struct gp_probe_options *o, char kind,
		    unsigned number, char letter)
{
	struct gp_buf token = GP_BUF_INIT(64);
	gp_probe_put_token(&token, o, kind, number, letter);
	struct gp_slice t = gp_buf_slice(&token), to = o->recipient;
	gp_buf_printf(out,
		      "Date: %.*s\r\n"
		      "From: <%.*s>\r\n"
		      "To: <%.*s>\r\n"
		      "Subject: Gatepost test %.*s\r\n"
		      "Message-ID: <%.*s@%.*s>\r\n"
		      "Auto-Submitted: auto-generated\r\n"
		      "X-Gatepost-Canary: %.*s\r\n"
		      "\r\n"
		      "A test of a mail server, by somebody who was authorised to make it.\r\n",
		      GP_SLICE_FMT(o->date), GP_SLICE_FMT(to), GP_SLICE_FMT(to), GP_SLICE_FMT(t),
		      GP_SLICE_FMT(t), GP_SLICE_FMT(o->helo), GP_SLICE_FMT(t));
	out->failed |= token.failed;
	gp_buf_free(&token);
}
