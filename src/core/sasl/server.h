/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's side of a SASL exchange (RFC 4422): PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 with and
 * without channel binding (RFC 5802, RFC 7677), OAUTHBEARER (RFC 7628) and XOAUTH2. It is fed the
 * client's responses, already out of base64, and says what comes next; who may log in is for its
 * owner to know, who is asked in between.
 *
 *     event = gp_sasl_begin(&s, &setup, initial, &arena)
 *     CHALLENGE           send s.challenge; event = gp_sasl_step(&s, response)
 *     CHECK_PASSWORD      is s.secret the password of s.user?           gp_sasl_verdict
 *     CHECK_TOKEN         is s.secret a token, and whose?               gp_sasl_verdict
 *     FETCH_KEYS          the keys of s.user, or made-up ones           gp_sasl_use_keys
 *     DONE                it is s.user
 *     FAILED              s.reason; s.malformed tells a mistake from a wrong password
 *
 * An identity to act as (authzid) must be the user itself: nobody acts for another here. Names are
 * those of names.h; what else a client calls itself fails as malformed.
 */
#pragma once

#include "core/sasl/names.h"
#include "core/sasl/scram.h"

enum gp_sasl_mechanism {
	GP_SASL_PLAIN = 1,
	GP_SASL_LOGIN,
	GP_SASL_SCRAM_SHA_256,
	GP_SASL_SCRAM_SHA_256_PLUS,
	GP_SASL_OAUTHBEARER,
	GP_SASL_XOAUTH2,
};

enum {
	GP_SASL_RESPONSE_MAX = 9 * 1024, /* 12,288 octets in base64, as RFC 4954 section 4 has it */
	GP_SASL_NONCE_MAX = 128,         /* either side's */
	GP_SASL_ARENA_MAX = 128 * 1024,  /* an arena that any exchange fits in */
};

/* In either case of letters. 0: there is no such mechanism. */
uint8_t
gp_sasl_mechanism(struct gp_slice name);
const char *
gp_sasl_mechanism_name(enum gp_sasl_mechanism m);

enum gp_sasl_event {
	GP_SASL_CHALLENGE = 1,
	GP_SASL_CHECK_PASSWORD,
	GP_SASL_CHECK_TOKEN,
	GP_SASL_FETCH_KEYS,
	GP_SASL_DONE,
	GP_SASL_FAILED,
};

/* The slices are copied where they are kept. */
struct gp_sasl_setup {
	enum gp_sasl_mechanism mechanism;
	struct gp_slice nonce; /* our share of SCRAM's: 18 random octets or more, printed without
				  commas */
	/* The connection's channel bindings, empty where there is none: tls-exporter (RFC 9266) and
	   tls-server-end-point (RFC 5929 section 4). Where there is one, SCRAM-SHA-256-PLUS was
	   offered, and a client that believes it was not is being deceived. */
	struct gp_slice tls_exporter, tls_server_end_point;
};

struct gp_sasl_scram;

/* An exchange. Its slices live in the arena that it was begun with. */
struct gp_sasl {
	struct gp_slice challenge;
	struct gp_slice user; /* canonical; CHECK_TOKEN: who the client says it is, or empty */
	struct gp_slice secret;
	const char *reason; /* static */
	bool malformed;

	struct gp_arena *arena;
	struct gp_sasl_setup setup;
	uint8_t at; /* the mechanism's own count of steps */
	struct gp_sasl_scram *scram;
};

/* initial: NULL where the client sent none. Returns an event or -ENOMEM. */
[[nodiscard]] int
gp_sasl_begin(struct gp_sasl *s, const struct gp_sasl_setup *setup, const struct gp_slice *initial,
	      struct gp_arena *arena);

/* After CHALLENGE: what the client answered. Returns an event or -ENOMEM. */
[[nodiscard]] int
gp_sasl_step(struct gp_sasl *s, struct gp_slice response);

/*
 * After CHECK_PASSWORD and CHECK_TOKEN. user: whose token it is, canonical; for a password s->user;
 * NULL: it is not right. Returns DONE, FAILED, or CHALLENGE with the reason that OAUTHBEARER and
 * XOAUTH2 give before they fail; or -ENOMEM.
 */
[[nodiscard]] int
gp_sasl_verdict(struct gp_sasl *s, const struct gp_slice *user);

/*
 * After FETCH_KEYS. For users who are unknown or have none the owner makes some up, the same each
 * time: the exchange then goes on, and fails at the proof as it does for a wrong password. Returns
 * CHALLENGE or -ENOMEM.
 */
[[nodiscard]] int
gp_sasl_use_keys(struct gp_sasl *s, const struct gp_scram_keys *keys);
