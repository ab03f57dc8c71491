/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The users as the file has them, and what is made up for those who are not there, so that nobody
 * learns from an answer, or from how long it takes, who is.
 */
#pragma once

#include "core/users/users.h"

struct accounts;

/* Makes the hash that the passwords of unknown users are checked against: tens of milliseconds.
   Returns NULL: no memory. */
struct accounts *
accounts_new(const uint64_t seed[2]);
/* Accepts NULL, returns NULL. */
struct accounts *
accounts_free(struct accounts *a);

/* Reads the file from its descriptor, in place of the one before; lines with mistakes are logged
   and left out. Where it cannot be read the old one stays, which is logged, too. */
void
accounts_read(struct accounts *a, int fd);

/* NULL: there is none of that name. */
const struct gp_user *
accounts_find(const struct accounts *a, struct gp_slice name);

/* All of them, in the file's order; valid until the next accounts_read. */
const struct gp_users *
accounts_all(const struct accounts *a);

/* Tells a password from the one that it is changed to, and else says nothing of it: the same for
   this process alone. Returns 0 or -ENOMEM. */
[[nodiscard]] int
accounts_version(const struct accounts *a, const struct gp_user *user, struct gp_sha256 *ret);

/* Whether it is the user's password. Takes tens of milliseconds, as long for a user who is unknown
   or has none as for one whose hash `gatepost user` made. */
bool
accounts_check(const struct accounts *a, struct gp_slice name, struct gp_slice password);

/* The user's keys for SCRAM, or made-up ones, the same each time; the salt lives in the arena or as
   long as the file. Returns 0 or -ENOMEM. */
[[nodiscard]] int
accounts_keys(const struct accounts *a, struct gp_slice name, struct gp_arena *arena,
	      struct gp_scram_keys *ret);
