/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client says in AUTH (RFC 4954): the choice of a mechanism, and its responses. Without
 * state: responses are numbered, 0 being the one that may stand in the command itself. For
 * client*.c alone.
 */
#pragma once

#include "core/smtp/client.h"

/* Can this be said at all? Not with control characters in user or token, a NUL in the password, or
   more octets than any server must take (RFC 4954 section 4). */
bool
gp_client_login_sane(const struct gp_client_login *login);

/* One of enum gp_ehlo_mechanisms that is offered, permitted, and for which we have the secret;
   0: there is none. */
uint32_t
gp_client_choose_mechanism(const struct gp_client_login *login, uint32_t offered);

/* As it stands behind AUTH. */
const char *
gp_client_mechanism_name(uint32_t mechanism);

/* Does the mechanism begin with our word, so that response 0 may stand in the command? */
bool
gp_client_mechanism_begins(uint32_t mechanism);

/* Appends the response in base64. False: the mechanism has none of that number, and the server asks
   too much. Failure of memory latches in out. */
bool
gp_client_put_response(struct gp_buf *out, const struct gp_client_login *login, uint32_t mechanism,
		       unsigned number);

/* Overwrites the buffer's memory and frees it. */
void
gp_client_wipe(struct gp_buf *b);
