/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/auth/accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/password.h"
#include "sys/small_file.h"

struct accounts {
	struct gp_arena arena; /* of users */
	struct gp_users users;
	uint64_t seed[2];
	struct gp_sha256 secret;             /* what is made up is made of it */
	char nobodys[GP_PASSWORD_TEXT_SIZE]; /* what is checked of those who are not there */
};

struct accounts *
accounts_new(const uint64_t seed[2])
{
	struct accounts *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->arena = GP_ARENA_INIT(GP_USERS_ARENA_MAX);
	memcpy(a->seed, seed, sizeof(a->seed));
	gp_random(&a->secret, sizeof(a->secret));
	gp_password_of_nobody(a->nobodys);
	return a;
}

struct accounts *
accounts_free(struct accounts *a)
{
	if (!a)
		return NULL;
	gp_users_free(&a->users);
	gp_arena_free(&a->arena);
	free(a);
	return NULL;
}

/* --- the file --- */

static int
read_text(int fd, struct gp_buf *text)
{
	struct stat st;
	if (gp_file_stat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (uint64_t)st.st_size > GP_USERS_TEXT_MAX)
		return -EFBIG;
	size_t size = (size_t)st.st_size, at = 0;
	char *to = gp_buf_reserve(text, size);
	if (!to)
		return -ENOMEM;
	while (at < size) {
		ssize_t n = pread(fd, to + at, size - at, (off_t)at);
		if (n <= 0)
			return -EIO;
		at += (size_t)n;
	}
	gp_buf_advance(text, size);
	return 0;
}

static void
log_complaints(const struct gp_complaints *list)
{
	for (size_t i = 0; i < list->len; i++)
		gp_error("users_mistake", GP_FN("line", list->items[i].place.line),
			 GP_F("reason", list->items[i].text));
}

void
accounts_read(struct accounts *a, int fd)
{
	struct gp_buf text = GP_BUF_INIT(GP_USERS_TEXT_MAX);
	struct gp_arena arena = GP_ARENA_INIT(GP_USERS_ARENA_MAX);
	struct gp_users users;
	struct gp_complaints complaints;
	int r = read_text(fd, &text);
	if (r == 0)
		r = gp_users_parse(gp_buf_slice(&text), GP_SLICE("users"), a->seed, &arena, &users,
				   &complaints);
	if (text.ptr)
		gp_wipe(text.ptr, text.cap);
	gp_buf_free(&text);
	if (r < 0) {
		gp_error("users_not_read", GP_FS("reason", strerror(-r)));
		gp_arena_free(&arena);
		return;
	}
	log_complaints(&complaints);
	gp_users_free(&a->users);
	gp_arena_free(&a->arena);
	a->users = users;
	a->arena = arena;
	gp_info("users_read", GP_FN("users", users.len), GP_FN("mistakes", complaints.len));
}

/* --- who they are --- */

const struct gp_users *
accounts_all(const struct accounts *a)
{
	return &a->users;
}

int
accounts_version(const struct accounts *a, const struct gp_user *user, struct gp_sha256 *ret)
{
	return gp_hmac_sha256(gp_sha256_slice(&a->secret), user->password, ret);
}

const struct gp_user *
accounts_find(const struct accounts *a, struct gp_slice name)
{
	return gp_users_find(&a->users, name);
}

bool
accounts_check(const struct accounts *a, struct gp_slice name, struct gp_slice password)
{
	const struct gp_user *user = accounts_find(a, name);
	bool known = user && user->password.len > 0;
	struct gp_slice text = known ? user->password : gp_slice_str(a->nobodys);
	bool right = gp_password_check(text, password) == 0;
	return known && right;
}

/* HMAC of the name with our secret: nobody can tell it from chance. */
static int
make_up(const struct accounts *a, const char *what, struct gp_slice name, struct gp_sha256 *ret)
{
	struct gp_buf text = GP_BUF_INIT(512);
	gp_buf_put_str(&text, what);
	gp_buf_put(&text, name);
	int r = text.failed ? -ENOMEM
			    : gp_hmac_sha256(gp_sha256_slice(&a->secret), gp_buf_slice(&text), ret);
	gp_buf_free(&text);
	return r;
}

int
accounts_keys(const struct accounts *a, struct gp_slice name, struct gp_arena *arena,
	      struct gp_scram_keys *ret)
{
	const struct gp_user *user = accounts_find(a, name);
	struct gp_sha256 salt;
	*ret = (struct gp_scram_keys){.iterations = GP_SCRAM_ITERATIONS};
	int r = make_up(a, "salt ", name, &salt);
	if (r == 0)
		r = make_up(a, "stored ", name, &ret->stored);
	if (r == 0)
		r = make_up(a, "server ", name, &ret->server);
	ret->salt = gp_arena_dup(arena, gp_slice_take(gp_sha256_slice(&salt), GP_SCRAM_SALT));
	if (user && user->keys.iterations > 0)
		*ret = user->keys;
	return r < 0 || arena->failed ? -ENOMEM : 0;
}
