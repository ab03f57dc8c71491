/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the client says in AUTH (RFC 4954): the choice of a mechanism, and its responses. Without
 * state: responses are numbered, 0 being the one that may stand in the command itself. For
 * client*.c alone.
 */
#pragma once

#include "core/sasl/scram_client.h"
#include "core/smtp/client.h"

/* Can this be said at all? Not with control characters in user or token, a NUL in the password, or
   more octets than any server must take (RFC 4954 section 4). */
bool
gp_client_login_sane(const struct gp_client_login *login);

/* One of enum gp_ehlo_mechanisms that is offered, permitted, and for which we have the secret, and
   the channel its binding (bound); 0: there is none. */
uint32_t
gp_client_choose_mechanism(const struct gp_client_login *login, uint32_t offered, bool bound);

/* As it stands behind AUTH. */
const char *
gp_client_mechanism_name(uint32_t mechanism);

/* Does the mechanism begin with our word, so that response 0 may stand in the command? */
bool
gp_client_mechanism_begins(uint32_t mechanism);

/* Whether it is one of SCRAM's, whose responses depend on what the server says. */
bool
gp_client_is_scram(uint32_t mechanism);

/* Appends SCRAM's response in base64: the first one, which begins the exchange in the arena, and
   each that follows upon what the server said, in base64. Both return 0; 1 and s->why, when the
   server must not be answered; -ENOMEM, which latches in out. */
[[nodiscard]] int
gp_client_begin_scram(struct gp_buf *out, struct gp_scram_client *s,
		      const struct gp_scram_login *login, struct gp_arena *arena);
[[nodiscard]] int
gp_client_step_scram(struct gp_buf *out, struct gp_scram_client *s, struct gp_slice challenge);

/* Appends the response in base64. False: the mechanism has none of that number, and the server asks
   too much. Failure of memory latches in out. */
bool
gp_client_put_response(struct gp_buf *out, const struct gp_client_login *login, uint32_t mechanism,
		       unsigned number);

/* Overwrites the buffer's memory and frees it. */
void
gp_client_wipe(struct gp_buf *b);
