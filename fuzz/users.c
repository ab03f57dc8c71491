/* SPDX-License-Identifier: Apache-2.0 */
/* The file of users: what is read is written to lines that read the same. */
#include "core/users/users.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t seed[2];

/* The user's line, read once more. */
static void
check_line(const struct gp_user *user)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_USERS_ARENA_MAX);
	struct gp_buf line = GP_BUF_INIT(1 << 20), again = GP_BUF_INIT(1 << 20);
	struct gp_users users;
	struct gp_complaints complaints;
	gp_user_write(&line, user);
	int r = gp_users_parse(gp_buf_slice(&line), GP_SLICE("line"), seed, &arena, &users,
			       &complaints);
	gp_assert(r == 0 && users.len == 1 && complaints.len == 0);
	gp_user_write(&again, &users.items[0]);
	gp_assert(gp_slice_eq(gp_buf_slice(&line), gp_buf_slice(&again)));
	gp_users_free(&users);
	gp_buf_free(&line);
	gp_buf_free(&again);
	gp_arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_slice text = gp_slice((const char *)data, size);
	struct gp_arena arena = GP_ARENA_INIT(GP_USERS_ARENA_MAX);
	struct gp_users users;
	struct gp_complaints complaints;
	if (gp_users_parse(text, GP_SLICE("users"), seed, &arena, &users, &complaints) == 0) {
		for (size_t i = 0; i < users.len; i++) {
			gp_assert(gp_users_find(&users, users.items[i].name) == &users.items[i]);
			check_line(&users.items[i]);
		}
		gp_users_free(&users);
	}
	gp_arena_free(&arena);
	return 0;
}
