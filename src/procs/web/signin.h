/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is signed in to the dashboard: sessions, in memory alone, of users whom auth has told of. The
 * time is an argument, in ms of a clock that never goes back.
 *
 * A session's id has 128 random bits and is what the cookie holds. A request that changes something
 * also has a token, which no other site's page can know: made of the id by a secret of this
 * process, so that nothing more is kept.
 */
#pragma once

#include "ipc/messages.h"

enum {
	SIGNIN_ID_SIZE = 33,       /* 32 hexadecimal digits and a NUL; of a token too */
	SIGNIN_USERS_MAX = 200,    /* as many as auth tells of */
	SIGNIN_SESSIONS_MAX = 128, /* then the one that was used longest ago gives way */
	SIGNIN_IDLE_MS = 60 * 60 * 1000,
	SIGNIN_LIFETIME_MS = 12 * 60 * 60 * 1000,
};

struct signin;

/* Draws the secret. NULL: no memory. */
struct signin *
signin_new(void);
/* Accepts NULL, returns NULL. */
struct signin *
signin_free(struct signin *s);

/* All users from now on. Sessions end of those who are none of them, or whose role or version is
 * another. */
void
signin_know(struct signin *s, const struct gp_dashboard_user *users, size_t len);

/* Whether there is any user. */
bool
signin_possible(const struct signin *s);

/* Of somebody whose password was good. Returns 0; 1: it is none of the users. */
[[nodiscard]] int
signin_open(struct signin *s, struct gp_slice user, uint64_t now_ms, char ret_id[SIGNIN_ID_SIZE]);

/* Whose session it is, which was used now; the name is valid until the next call. Returns its role,
   GP_WEB_NOBODY: there is no such session. */
uint8_t
signin_find(struct signin *s, struct gp_slice id, uint64_t now_ms, struct gp_slice *ret_user);

/* Ends it, where there is one. */
void
signin_close(struct signin *s, struct gp_slice id);

size_t
signin_count(const struct signin *s);

/* The token of whoever `of` names: a session by its id, or another text that is none. Returns 0 or
   -ENOMEM. */
[[nodiscard]] int
signin_token(const struct signin *s, struct gp_slice of, char ret[SIGNIN_ID_SIZE]);
