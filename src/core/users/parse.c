/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/base64.h"
#include "base/scan.h"
#include "core/sasl/names.h"
#include "core/smtp/address.h"
#include "core/users/line.h"
#include "core/users/users.h"

struct reading {
	struct gp_arena *arena;
	struct gp_slice file;
	uint32_t line;
	struct gp_complaint *complaints;
	size_t complaints_len;
	bool bad; /* this line has a mistake */
};

/* What stands in the file may be a secret that got into the wrong place, so it is not repeated. */
static void
complain(struct reading *r, const char *text)
{
	r->bad = true;
	if (r->complaints_len == GP_CONFIG_COMPLAINTS_MAX)
		return;
	r->complaints[r->complaints_len++] = (struct gp_complaint){
		.place = {.file = r->file, .line = r->line, .column = 1},
		.text = gp_slice_str(text),
	};
}

/* --- {argon2id} --- */

static bool
take_number(struct gp_scan *c, struct gp_slice label, uint64_t min, uint64_t max)
{
	uint64_t n;
	if (!gp_scan_word(c, label))
		return gp_scan_fail(c);
	struct gp_slice digits = gp_scan_while(c, gp_ascii_is_digit);
	return (gp_slice_u64(digits, max, &n) && n >= min) || gp_scan_fail(c);
}

static bool
is_base64(char c)
{
	return gp_ascii_is_alnum(c) || c == '+' || c == '/';
}

/* The form that libsodium reads, with a bound on the memory and the time that it asks for. */
static bool
is_argon2id(struct gp_slice text)
{
	struct gp_scan c = gp_scan(text);
	bool good = text.len <= GP_USER_ARGON2_MAX &&
		    gp_scan_word(&c, GP_SLICE("$argon2id$v=19$")) &&
		    take_number(&c, GP_SLICE("m="), 8, GP_USER_ARGON2_MEMORY_MAX) &&
		    take_number(&c, GP_SLICE(",t="), 1, 64) &&
		    take_number(&c, GP_SLICE(",p="), 1, 1) && gp_scan_char(&c, '$');
	good = good && gp_scan_while(&c, is_base64).len >= 11 && gp_scan_char(&c, '$') &&
	       gp_scan_while(&c, is_base64).len >= 22;
	return good && gp_scan_end(&c);
}

static void
take_password(struct reading *r, struct gp_slice text, struct gp_user *user)
{
	if (user->password.len > 0)
		complain(r, "two passwords");
	else if (!is_argon2id(text))
		complain(r, "{argon2id} is not followed by $argon2id$v=19$m=...,t=...,p=1$...$... "
			    "within bounds");
	else
		user->password = gp_arena_dup(r->arena, text);
}

/* --- {scram-sha-256} --- */

static bool
take_key(struct reading *r, struct gp_slice text, struct gp_sha256 *ret)
{
	struct gp_slice octets;
	int rc = gp_base64_decode(text, GP_BASE64, r->arena, &octets);
	if (rc != 0 || octets.len != sizeof(ret->octets))
		return false;
	for (size_t i = 0; i < octets.len; i++)
		ret->octets[i] = (uint8_t)octets.ptr[i];
	return true;
}

static void
take_keys(struct reading *r, struct gp_slice rest, struct gp_user *user)
{
	struct gp_scram_keys keys = {};
	uint64_t n = 0;
	struct gp_slice iterations = gp_slice_cut(&rest, ':'), salt = gp_slice_cut(&rest, ':');
	struct gp_slice stored = gp_slice_cut(&rest, ':');
	bool good = gp_slice_u64(iterations, GP_SCRAM_ITERATIONS_MAX, &n) &&
		    n >= GP_SCRAM_ITERATIONS_MIN &&
		    gp_base64_decode(salt, GP_BASE64, r->arena, &keys.salt) == 0 &&
		    keys.salt.len > 0 && keys.salt.len <= GP_SCRAM_SALT_MAX &&
		    take_key(r, stored, &keys.stored) && take_key(r, rest, &keys.server);
	keys.iterations = (uint32_t)n;
	if (user->keys.iterations > 0)
		complain(r, "two sets of SCRAM keys");
	else if (!good)
		complain(r,
			 "{scram-sha-256} is not followed by ITERATIONS:SALT:STOREDKEY:SERVERKEY "
			 "within bounds");
	else
		user->keys = keys;
}

/* --- from=, dashboard=, hourly=, daily= --- */

static struct gp_slice
lower(struct gp_arena *arena, struct gp_slice s)
{
	char *copy = gp_arena_str(arena, s);
	for (size_t i = 0; copy && i < s.len; i++)
		copy[i] = gp_ascii_lower(copy[i]);
	return gp_slice(copy, copy ? s.len : 0);
}

/* One entry of the list in canonical form. NULL, or what is wrong. */
static const char *
parse_from_entry(struct gp_slice text, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_address address;
	const char *why;
	*ret = lower(arena, text);
	if (gp_slice_eq(text, GP_SLICE("*")))
		return NULL;
	if (gp_slice_starts(text, GP_SLICE("@")))
		return gp_domain_valid(gp_slice_drop(text, 1)) ? NULL : "is not @DOMAIN";
	if (gp_address_parse(text, arena, &address, &why) != 0 ||
	    address.domain_kind == GP_DOMAIN_NONE)
		return "is not an address, @DOMAIN or *";
	*ret = lower(arena, address.text);
	return NULL;
}

const char *
gp_user_parse_from(struct gp_slice list, struct gp_arena *arena, const struct gp_slice **ret,
		   size_t *ret_len)
{
	size_t len = 1, n = 0;
	for (size_t i = 0; i < list.len; i++)
		len += list.ptr[i] == ',';
	if (len > GP_USER_FROM_MAX)
		return "has more addresses than 100";
	struct gp_slice *items = gp_arena_array(arena, len, sizeof(*items));
	while (items && n < len) {
		const char *why = parse_from_entry(gp_slice_cut(&list, ','), arena, &items[n++]);
		if (why)
			return why;
	}
	*ret = items;
	*ret_len = n;
	return NULL;
}

static void
take_from(struct reading *r, struct gp_slice list, struct gp_user *user)
{
	if (user->from)
		complain(r, "two lists of from=");
	else if (gp_user_parse_from(list, r->arena, &user->from, &user->from_len))
		complain(r,
			 "from= takes addresses, @DOMAIN or *, with commas between, 100 at most");
}

uint8_t
gp_web_role_parse(struct gp_slice word)
{
	uint8_t role = GP_WEB_ADMIN;
	while (role > GP_WEB_NOBODY && !gp_slice_eq(word, gp_slice_str(gp_web_role_name(role))))
		role--;
	return role;
}

static void
take_dashboard(struct reading *r, struct gp_slice word, struct gp_user *user)
{
	if (user->dashboard != GP_WEB_NOBODY)
		complain(r, "two of dashboard=");
	user->dashboard = gp_web_role_parse(word);
	if (user->dashboard == GP_WEB_NOBODY)
		complain(r, "dashboard= takes read or admin");
}

static void
take_limit(struct reading *r, struct gp_slice text, uint32_t *limit)
{
	uint64_t n;
	if (*limit > 0)
		complain(r, "the same limit twice");
	else if (!gp_slice_u64(text, GP_USER_LIMIT_MAX, &n) || n == 0)
		complain(r, "hourly= and daily= take a number from 1 on");
	else
		*limit = (uint32_t)n;
}

/* --- a line --- */

static void
take_field(struct reading *r, struct gp_slice field, struct gp_user *user)
{
	static const struct {
		struct gp_slice prefix;
		void (*take)(struct reading *r, struct gp_slice value, struct gp_user *user);
	} fields[] = {
		{{"{argon2id}", 10}, take_password},
		{{"{scram-sha-256}", 15}, take_keys},
		{{"from=", 5}, take_from},
		{{"dashboard=", 10}, take_dashboard},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(fields); i++) {
		if (gp_slice_starts(field, fields[i].prefix)) {
			fields[i].take(r, gp_slice_drop(field, fields[i].prefix.len), user);
			return;
		}
	}
	if (gp_slice_starts(field, GP_SLICE("hourly=")))
		take_limit(r, gp_slice_drop(field, 7), &user->hourly);
	else if (gp_slice_starts(field, GP_SLICE("daily=")))
		take_limit(r, gp_slice_drop(field, 6), &user->daily);
	else
		complain(r, "a field is none of {argon2id}, {scram-sha-256}, from=, dashboard=, "
			    "hourly=, daily=");
}

/* What the fields together must say. */
static void
finish(struct reading *r, struct gp_user *user)
{
	if (user->from || r->bad)
		return;
	if (gp_user_parse_from(user->name, r->arena, &user->from, &user->from_len) &&
	    user->dashboard == GP_WEB_NOBODY)
		complain(r, "the name is no address, so from= must say what it may send as");
}

static void
take_line(struct reading *r, struct gp_slice line, struct gp_user *user)
{
	*user = (struct gp_user){.line = r->line};
	r->bad = false;
	if (gp_user_name_parse(gp_user_line_word(&line), r->arena, &user->name) == 1)
		complain(r, "the line does not begin with a user name");
	for (struct gp_slice field; (field = gp_user_line_word(&line)).len > 0;)
		take_field(r, field, user);
	finish(r, user);
}

static size_t
count_lines(struct gp_slice text)
{
	size_t n = 1;
	for (size_t i = 0; i < text.len; i++)
		n += text.ptr[i] == '\n';
	return n;
}

/* Enters the user; the first of a name counts. */
static bool
enter(struct reading *r, struct gp_users *users, struct gp_user *user)
{
	if (gp_map_get(&users->by_name, user->name))
		complain(r, "this name was given above already");
	else if (users->len == GP_USERS_MAX)
		complain(r, "more users than 100,000");
	else if (!gp_map_set(&users->by_name, user->name, user))
		r->arena->failed = true;
	return !r->bad;
}

int
gp_users_parse(struct gp_slice text, struct gp_slice file, const uint64_t seed[2],
	       struct gp_arena *arena, struct gp_users *ret, struct gp_complaints *ret_complaints)
{
	struct reading r = {.arena = arena, .file = file};
	size_t lines = GP_MIN(count_lines(text), (size_t)GP_USERS_MAX + 1);
	struct gp_user *items = gp_arena_array(arena, lines, sizeof(*items));
	r.complaints = gp_arena_array(arena, GP_CONFIG_COMPLAINTS_MAX, sizeof(*r.complaints));
	*ret = (struct gp_users){.items = items, .by_name = gp_map(GP_USERS_MAX, seed)};
	while (!arena->failed && text.len > 0) {
		struct gp_slice line = gp_slice_cut(&text, '\n');
		r.line++;
		if (!gp_user_line_says_something(line))
			continue;
		take_line(&r, line, &items[ret->len]);
		if (!arena->failed && !r.bad && enter(&r, ret, &items[ret->len]))
			ret->len++;
	}
	*ret_complaints = (struct gp_complaints){r.complaints, r.complaints_len};
	if (!arena->failed)
		return 0;
	gp_users_free(ret);
	return -ENOMEM;
}

void
gp_users_free(struct gp_users *users)
{
	gp_map_free(&users->by_name);
	*users = (struct gp_users){};
}

const struct gp_user *
gp_users_find(const struct gp_users *users, struct gp_slice name)
{
	return users->len > 0 ? gp_map_get(&users->by_name, name) : NULL;
}

bool
gp_user_may_send_as(const struct gp_slice *from, size_t from_len, struct gp_slice address)
{
	for (size_t i = 0; i < from_len; i++) {
		bool domain = from[i].len > 0 && from[i].ptr[0] == '@';
		if (gp_slice_eq(from[i], GP_SLICE("*")) || gp_slice_eq_nocase(from[i], address) ||
		    (domain && gp_slice_ends_nocase(address, from[i])))
			return true;
	}
	return false;
}
