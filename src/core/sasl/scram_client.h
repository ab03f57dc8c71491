/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's side of SCRAM-SHA-256 (RFC 5802 section 5, RFC 7677): it proves that it knows the
 * password without telling it, and learns that the server knows it too.
 *
 *     begin                   C: n,,n=user,r=rOprNGfwEbeRWgbNEkqO
 *     step(S's first)         C: c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpW...,p=dHzb...
 *     step(S's last)          C: (nothing)                                 now it is trusted
 *
 * Until it is trusted, whatever else the server says is no success: who has no keys of the user
 * could have said it.
 */
#pragma once

#include "base/arena.h"
#include "core/sasl/scram.h"

/* The slices must stay until the exchange is over, but for `password`, which the first step is the
 * last to need. */
struct gp_scram_login {
	struct gp_slice user, password; /* as gp_scram_is_possible has them */
	struct gp_slice nonce;          /* 18 random octets or more, printed without commas */
	/* The TLS channel's binding, "tls-exporter" (RFC 9266) or "tls-server-end-point" (RFC 5929
	   section 4); empty where there is none. */
	struct gp_slice binding_type, binding;
	bool plus; /* it is bound to the channel: SCRAM-SHA-256-PLUS; needs `binding` */
};

struct gp_scram_client {
	struct gp_scram_login login;
	struct gp_arena *arena;
	struct gp_slice gs2_header, first_bare;
	struct gp_sha256 signature; /* the server's, as it has to be */
	uint8_t at;
	bool trusted;
	const char *why; /* static: what was wrong */
};

/* Whether the name and the password are those that SASLprep leaves as they are: printable ASCII. */
bool
gp_scram_is_possible(struct gp_slice user, struct gp_slice password);

/* *ret_first: what the client says first; it and all else lives in the arena. Returns 0 or -ENOMEM.
 */
[[nodiscard]] int
gp_scram_begin(struct gp_scram_client *s, const struct gp_scram_login *login,
	       struct gp_arena *arena, struct gp_slice *ret_first);

/* The server's next message, out of base64. Returns 0 and the response; 1 and s->why when it is
   none that may be answered; -ENOMEM. The first one costs as much as the server has chosen, some
   0.5 s for GP_SCRAM_ITERATIONS_MAX. */
[[nodiscard]] int
gp_scram_step(struct gp_scram_client *s, struct gp_slice message, struct gp_slice *ret_response);
