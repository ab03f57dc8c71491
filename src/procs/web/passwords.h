/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation with auth: passwords, which it checks, with delays for those who guess; and who
 * may see the dashboard. There is always a result: what auth cannot answer, since it is gone, is
 * GP_AUTH_TEMPORARY.
 */
#pragma once

#include "ipc/role.h"

/* Who waits for a result; embedded in it, zero at first. */
struct password_check {
	struct gp_list link;
	uint64_t ticket; /* 0: it does not wait */
	/* result: enum gp_auth_result; user: when it is GP_AUTH_OK, valid until the function
	   returns. Never from within passwords_check. */
	void (*on_result)(struct password_check *c, uint8_t result, struct gp_slice user);
};

/* on_users: who may see the dashboard now; static. */
void
passwords_start(void (*on_users)(const struct gp_dashboard_user *users, size_t len));

/* Takes fd over: the channel to auth, in place of one before. */
void
passwords_connect(struct gp_role_env *env, int fd);

/* Asks. client: 4 or 16 octets. False: it cannot be asked now, and there will be no result. */
[[nodiscard]] bool
passwords_check(struct password_check *c, struct gp_slice user, struct gp_slice password,
		struct gp_slice client);

/* Its result is not wanted any more, if it waits for one. */
void
passwords_forget(struct password_check *c);
