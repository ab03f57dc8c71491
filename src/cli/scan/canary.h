/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Canaries: messages that `scan` has a server pass on, and that prove by a token where they arrive.
 * `sink --canary FILE` finds the tokens in what it takes and lists them, a line each; `scan
 * --canary-list FILE` reads them.
 *
 *     MESSAGE TOKEN       1790000000123456 k3f9a2bd7x-r23b
 *
 * MESSAGE is a number that tells messages apart, since two tokens in one are a message within a
 * message.
 */
#pragma once

#include "core/probe/relay.h"

enum {
	GP_CANARY_TOKEN_MAX = 48,
	GP_CANARY_TOKENS_MAX = 8,      /* of one message */
	GP_CANARY_LIST_MAX = 64 << 20, /* octets of a list */
};

/* As it stands in a message, at the start of a line or of what somebody took for one. */
#define GP_CANARY_FIELD "X-Gatepost-Canary: "

/* Finds the tokens of one message, however its octets come. All zero is the start of one. */
struct gp_canaries {
	uint8_t matched; /* octets of the field's name, then all of it */
	uint8_t token_len;
	uint8_t len;
	char token[GP_CANARY_TOKEN_MAX + 1]; /* that is arriving */
	char tokens[GP_CANARY_TOKENS_MAX][GP_CANARY_TOKEN_MAX + 1];
};

void
gp_canaries_feed(struct gp_canaries *c, struct gp_slice octets);

/* Appends a line of a list for each. */
void
gp_canaries_write(struct gp_buf *out, const struct gp_canaries *c, uint64_t message);

/* Reads a list; lines that are none are passed over, the last one too if it is not whole yet. The
   tokens are slices of the text. Returns how many; they are in the arena; -ENOMEM. */
[[nodiscard]] ssize_t
gp_canary_list_parse(struct gp_slice text, struct gp_arena *arena, struct gp_probe_arrival **ret);
