/* SPDX-License-Identifier: Apache-2.0 */
/* New keys for a domain's mail. */
#pragma once

#include "base/arena.h"
#include "core/keyring/keyring.h"

/*
 * Adds two pending keys to the keyring: RSA of 2048 bits, which every verifier takes (RFC 8301
 * section 3.2), and Ed25519 (RFC 8463). Selectors are the day and a letter, "20261130r" and
 * "20261130e"; with a number where that one is taken. Texts live in the arena. Returns 0 or -errno.
 */
[[nodiscard]] int
dkim_pair_add(struct gp_keyring *ring, uint64_t now_s, struct gp_arena *arena);
