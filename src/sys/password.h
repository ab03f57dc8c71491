/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Passwords and randomness, by libsodium: argon2id (RFC 9106), whose cost is in the text that it
 * writes. Checking takes tens of milliseconds and the memory that the text says; that is its point.
 */
#pragma once

#include "base/slice.h"

enum { GP_PASSWORD_TEXT_SIZE = 128 }; /* octets of a hash as text, its NUL included */

/* Once a process, before the sandbox. Returns 0 or -EIO: no randomness. */
[[nodiscard]] int
gp_password_setup(void);

/* Writes "$argon2id$v=19$m=65536,t=2,p=1$...": 64 MiB. Returns 0 or -ENOMEM. */
[[nodiscard]] int
gp_password_hash(struct gp_slice password, char ret[GP_PASSWORD_TEXT_SIZE]);

/* Writes such a text whose hash is of chance: no password is known to be right for it, and
   checking one costs as much as against any other. */
void
gp_password_of_nobody(char ret[GP_PASSWORD_TEXT_SIZE]);

/* Whether the text was made of the password. Returns 0; 1 when it was not, when the text is none
   that libsodium reads, or when its memory is not to be had. */
[[nodiscard]] int
gp_password_check(struct gp_slice text, struct gp_slice password);

void
gp_random(void *ret, size_t size);

/* What was never said before, for SCRAM: 18 random octets in base64, and a NUL. */
enum { GP_NONCE_SIZE = 25 };
void
gp_nonce(char ret[GP_NONCE_SIZE]);

/* Overwrites a secret that is not needed any more; no compiler leaves it out. */
void
gp_wipe(void *at, size_t size);
