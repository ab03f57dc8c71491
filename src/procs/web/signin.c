/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/signin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config.h"
#include "core/sasl/crypto.h"
#include "sys/password.h"

enum { USER_OCTETS = 255, ID_OCTETS = 16 };

struct user {
	char name[USER_OCTETS + 1];
	uint8_t role;
	struct gp_sha256 version;
};

struct login {
	bool open;
	uint8_t id[ID_OCTETS];
	struct user user; /* as it was told when the session began */
	uint64_t began_ms, used_ms;
};

struct signin {
	struct gp_sha256 secret;
	struct user users[SIGNIN_USERS_MAX];
	size_t users_len;
	struct login sessions[SIGNIN_SESSIONS_MAX];
};

struct signin *
signin_new(void)
{
	struct signin *s = calloc(1, sizeof(*s));
	if (s)
		gp_random(&s->secret, sizeof(s->secret));
	return s;
}

struct signin *
signin_free(struct signin *s)
{
	if (s)
		gp_wipe(s, sizeof(*s));
	free(s);
	return NULL;
}

/* --- users --- */

static const struct user *
find_user(const struct signin *s, struct gp_slice name)
{
	for (size_t i = 0; i < s->users_len; i++) {
		if (gp_slice_eq(gp_slice_str(s->users[i].name), name))
			return &s->users[i];
	}
	return NULL;
}

static bool
is_same(const struct user *a, const struct user *b)
{
	return a->role == b->role && memcmp(&a->version, &b->version, sizeof(a->version)) == 0;
}

/* auth is believed, but not to keep to our arrays. */
static bool
take_user(const struct gp_dashboard_user *from, struct user *ret)
{
	bool good = from->name.len <= USER_OCTETS && from->version.len == sizeof(ret->version) &&
		    (from->role == GP_WEB_READ || from->role == GP_WEB_ADMIN);
	if (!good)
		return false;
	snprintf(ret->name, sizeof(ret->name), "%.*s", GP_SLICE_FMT(from->name));
	ret->role = from->role;
	memcpy(&ret->version, from->version.ptr, sizeof(ret->version));
	return true;
}

void
signin_know(struct signin *s, const struct gp_dashboard_user *users, size_t len)
{
	s->users_len = 0;
	for (size_t i = 0; i < len && s->users_len < SIGNIN_USERS_MAX; i++)
		s->users_len += take_user(&users[i], &s->users[s->users_len]);
	for (size_t i = 0; i < SIGNIN_SESSIONS_MAX; i++) {
		struct login *it = &s->sessions[i];
		const struct user *user = find_user(s, gp_slice_str(it->user.name));
		if (it->open && (!user || !is_same(user, &it->user)))
			it->open = false;
	}
}

bool
signin_possible(const struct signin *s)
{
	return s->users_len > 0;
}

/* --- sessions --- */

static bool
is_over(const struct login *it, uint64_t now_ms)
{
	return now_ms - it->used_ms >= SIGNIN_IDLE_MS ||
	       now_ms - it->began_ms >= SIGNIN_LIFETIME_MS;
}

/* A place for one more. */
static struct login *
make_room(struct signin *s)
{
	struct login *oldest = &s->sessions[0];
	for (size_t i = 0; i < SIGNIN_SESSIONS_MAX; i++) {
		struct login *it = &s->sessions[i];
		if (!it->open)
			return it;
		if (it->used_ms < oldest->used_ms)
			oldest = it;
	}
	return oldest;
}

static void
write_hex(const uint8_t octets[ID_OCTETS], char ret[SIGNIN_ID_SIZE])
{
	for (size_t i = 0; i < ID_OCTETS; i++)
		snprintf(ret + 2 * i, 3, "%02x", octets[i]);
}

static bool
read_hex(struct gp_slice text, uint8_t ret[ID_OCTETS])
{
	if (text.len != SIGNIN_ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < ID_OCTETS; i++) {
		int high = gp_ascii_hex(text.ptr[2 * i]), low = gp_ascii_hex(text.ptr[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

int
signin_open(struct signin *s, struct gp_slice user, uint64_t now_ms, char ret_id[SIGNIN_ID_SIZE])
{
	const struct user *known = find_user(s, user);
	if (!known)
		return 1;
	struct login *it = make_room(s);
	*it = (struct login){.open = true, .user = *known, .began_ms = now_ms, .used_ms = now_ms};
	gp_random(it->id, sizeof(it->id));
	write_hex(it->id, ret_id);
	return 0;
}

/* All are looked at, each in the same time, so that nobody finds an id octet by octet. */
static struct login *
find(struct signin *s, struct gp_slice id)
{
	uint8_t octets[ID_OCTETS];
	struct login *found = NULL;
	if (!read_hex(id, octets))
		return NULL;
	const struct gp_slice wanted = gp_slice((const char *)octets, sizeof(octets));
	for (size_t i = 0; i < SIGNIN_SESSIONS_MAX; i++) {
		struct login *it = &s->sessions[i];
		const struct gp_slice its = gp_slice((const char *)it->id, sizeof(it->id));
		if (gp_equal_secretly(wanted, its) && it->open)
			found = it;
	}
	return found;
}

uint8_t
signin_find(struct signin *s, struct gp_slice id, uint64_t now_ms, struct gp_slice *ret_user)
{
	struct login *it = find(s, id);
	*ret_user = gp_slice("", 0);
	if (it && is_over(it, now_ms))
		it->open = false;
	if (!it || !it->open)
		return GP_WEB_NOBODY;
	it->used_ms = now_ms;
	*ret_user = gp_slice_str(it->user.name);
	return it->user.role;
}

void
signin_close(struct signin *s, struct gp_slice id)
{
	struct login *it = find(s, id);
	if (it)
		*it = (struct login){};
}

size_t
signin_count(const struct signin *s)
{
	size_t n = 0;
	for (size_t i = 0; i < SIGNIN_SESSIONS_MAX; i++)
		n += s->sessions[i].open;
	return n;
}

int
signin_token(const struct signin *s, struct gp_slice of, char ret[SIGNIN_ID_SIZE])
{
	struct gp_sha256 sum;
	int r = gp_hmac_sha256(gp_sha256_slice(&s->secret), of, &sum);
	if (r == 0)
		write_hex(sum.octets, ret);
	return r;
}
