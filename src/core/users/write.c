/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"
#include "core/users/line.h"
#include "core/users/users.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

struct gp_slice
gp_user_line_word(struct gp_slice *rest)
{
	size_t from = 0, to;
	while (from < rest->len && is_space(rest->ptr[from]))
		from++;
	for (to = from; to < rest->len && !is_space(rest->ptr[to]);)
		to++;
	struct gp_slice word = gp_slice_drop(gp_slice_take(*rest, to), from);
	*rest = gp_slice_drop(*rest, to);
	return word;
}

bool
gp_user_line_says_something(struct gp_slice line)
{
	struct gp_slice word = gp_user_line_word(&line);
	return word.len > 0 && word.ptr[0] != '#';
}

static void
write_keys(struct gp_buf *out, const struct gp_scram_keys *keys)
{
	gp_buf_printf(out, " {scram-sha-256}%u:", keys->iterations);
	gp_base64_put(out, keys->salt);
	gp_buf_put_char(out, ':');
	gp_base64_put(out, gp_sha256_slice(&keys->stored));
	gp_buf_put_char(out, ':');
	gp_base64_put(out, gp_sha256_slice(&keys->server));
}

/* The name alone is what a line without the field means. */
static bool
is_own_name(const struct gp_user *user)
{
	return user->from_len == 1 && gp_slice_eq(user->from[0], user->name);
}

const char *
gp_web_role_name(uint8_t role)
{
	static const char *const names[] = {
		[GP_WEB_NOBODY] = NULL, [GP_WEB_READ] = "read", [GP_WEB_ADMIN] = "admin"};
	return names[role];
}

void
gp_user_write(struct gp_buf *out, const struct gp_user *user)
{
	gp_buf_put(out, user->name);
	if (user->password.len > 0) {
		gp_buf_put_str(out, " {argon2id}");
		gp_buf_put(out, user->password);
	}
	if (user->keys.iterations > 0)
		write_keys(out, &user->keys);
	for (size_t i = 0; !is_own_name(user) && i < user->from_len; i++) {
		gp_buf_put_str(out, i == 0 ? " from=" : ",");
		gp_buf_put(out, user->from[i]);
	}
	if (user->dashboard != GP_WEB_NOBODY)
		gp_buf_printf(out, " dashboard=%s", gp_web_role_name(user->dashboard));
	if (user->hourly > 0)
		gp_buf_printf(out, " hourly=%u", user->hourly);
	if (user->daily > 0)
		gp_buf_printf(out, " daily=%u", user->daily);
	gp_buf_put_char(out, '\n');
}

void
gp_users_write_with(struct gp_buf *out, struct gp_slice text, const struct gp_user *user)
{
	bool written = false;
	while (text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n'), rest = line;
		bool its = gp_user_line_says_something(line) &&
			   gp_slice_eq_nocase(gp_user_line_word(&rest), user->name);
		if (!its) {
			gp_buf_put(out, line);
			gp_buf_put_char(out, '\n');
		} else if (!written) {
			gp_user_write(out, user);
			written = true;
		}
	}
	if (!written)
		gp_user_write(out, user);
}
