/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/auth/dashboard.h"

#include "sys/log.h"

enum { USERS_MAX = 200 }; /* as the schema has it */

void
dashboard_tell(const struct accounts *a, struct gp_channel *web)
{
	static struct gp_sha256 versions[USERS_MAX];
	static struct gp_dashboard_user list[USERS_MAX];
	const struct gp_users *users = accounts_all(a);
	size_t len = 0, more = 0;
	for (size_t i = 0; i < users->len; i++) {
		const struct gp_user *user = &users->items[i];
		if (user->dashboard == GP_WEB_NOBODY)
			continue;
		if (len == USERS_MAX || accounts_version(a, user, &versions[len]) < 0) {
			more++;
			continue;
		}
		list[len] = (struct gp_dashboard_user){.name = user->name,
						       .role = user->dashboard,
						       .version = gp_sha256_slice(&versions[len])};
		len++;
	}
	if (more > 0)
		gp_error("dashboard_users_dropped", GP_FN("users", more));
	const struct gp_message m = {.type = GP_MSG_DASHBOARD_USERS,
				     .fd = -1,
				     .dashboard_users = {.users = list, .users_len = len}};
	if (!gp_channel_send(web, &m))
		gp_error("answer_lost", GP_FS("reason", "a peer does not read"));
}
