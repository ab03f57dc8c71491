/* SPDX-License-Identifier: Apache-2.0 */
/* Messages to the user's own domain, with a token that proves that they arrived. For this folder
   alone. */
#pragma once

#include "core/probe/session.h"

/* "TOKEN-r23b": the run's token, kind, number, letter (0: none). */
void
gp_probe_put_token(struct gp_buf *out, const struct gp_probe_options *o, char kind, unsigned number,
		   char letter);

/* A whole message with CRLF behind each line, without an end of data; failure latches in out. No
   line of it begins with a dot. */
void
gp_probe_put_canary(struct gp_buf *out, const struct gp_probe_options *o, char kind,
		    unsigned number, char letter);
