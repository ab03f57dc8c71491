/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of users who may submit mail: a line a user, its name first, then fields in any order,
 * with spaces or tabs between. Empty lines, and those that begin with "#", say nothing.
 *
 *     alice@example.org {argon2id}$argon2id$v=19$m=65536,t=2,p=1$SALT$HASH
 *     bob@example.org {argon2id}$... {scram-sha-256}ITERATIONS:SALT:STOREDKEY:SERVERKEY
 *     printer {argon2id}$... from=scans@example.org,@office.example.org hourly=50 daily=200
 *     chief {argon2id}$... dashboard=read
 *
 *     {argon2id}       the password, as crypto_pwhash_str of libsodium writes it
 *     {scram-sha-256}  SCRAM's keys (core/sasl/scram.h), the three texts in base64
 *     from=            what it may send as: addresses, "@DOMAIN" for all of a domain, "*" for all;
 *                      without it its own name, which must then be an address
 *     hourly=, daily=  recipients that it may send to in that time; without them as many as the
 *                      configuration's `submission` says
 *     dashboard=       read or admin: what it may see there (enum gp_web_role), without it nothing;
 *                      who has it needs no address to send from
 *
 * Reading complains and goes on: a line with a mistake is left out, the others count.
 */
#pragma once

#include "base/map.h"
#include "core/config/config.h"
#include "core/sasl/scram.h"

enum {
	GP_USERS_MAX = 100'000,
	GP_USERS_TEXT_MAX = 32 << 20,   /* octets of the file */
	GP_USERS_ARENA_MAX = 256 << 20, /* an arena that any such file fits in */
	GP_USER_FROM_MAX = 100,
	GP_USER_ARGON2_MAX = 127,              /* octets of its text */
	GP_USER_ARGON2_MEMORY_MAX = 256 << 10, /* KiB that checking a password may take */
	GP_USER_LIMIT_MAX = 1'000'000'000,
};

struct gp_user {
	struct gp_slice name;        /* as gp_user_name_parse of core/sasl/names.h gives it */
	struct gp_slice password;    /* from "$argon2id$" on, NUL behind it; empty: it has none */
	struct gp_scram_keys keys;   /* iterations 0: it has none */
	const struct gp_slice *from; /* addresses in lower case, "@domain", "*"; none: it sends
					nothing */
	size_t from_len;
	uint32_t hourly, daily; /* 0: not said */
	uint8_t dashboard;      /* enum gp_web_role */
	uint32_t line;          /* where it stands, from 1 */
};

/* Found by name; names are unique. */
struct gp_users {
	const struct gp_user *items;
	size_t len;
	struct gp_map by_name;
};

/*
 * Reads the file. file: its name for complaints. seed: random. Returns 0, also with complaints, at
 * most GP_CONFIG_COMPLAINTS_MAX of them; or -ENOMEM. All lives in the arena but for what
 * gp_users_free frees.
 */
[[nodiscard]] int
gp_users_parse(struct gp_slice text, struct gp_slice file, const uint64_t seed[2],
	       struct gp_arena *arena, struct gp_users *ret, struct gp_complaints *ret_complaints);
void
gp_users_free(struct gp_users *users);

/* name: canonical. NULL: there is none. */
const struct gp_user *
gp_users_find(const struct gp_users *users, struct gp_slice name);

/* Reads a list of from=. Returns NULL, or what is wrong: static, to be put behind the text. Memory
 * that ends latches arena->failed. */
[[nodiscard]] const char *
gp_user_parse_from(struct gp_slice list, struct gp_arena *arena, const struct gp_slice **ret,
		   size_t *ret_len);

/* "read", "admin"; NULL: GP_WEB_NOBODY. */
const char *
gp_web_role_name(uint8_t role);
/* GP_WEB_NOBODY: it is none of those words. */
uint8_t
gp_web_role_parse(struct gp_slice word);

/* Whether the list lets one send as the address, which is canonical (core/smtp/address.h). */
bool
gp_user_may_send_as(const struct gp_slice *from, size_t from_len, struct gp_slice address);

/* Writes the line, with its end. */
void
gp_user_write(struct gp_buf *out, const struct gp_user *user);

/* Writes the text with the user's line in place of that of its name, or behind all others; every
 * other line stays as it is. */
void
gp_users_write_with(struct gp_buf *out, struct gp_slice text, const struct gp_user *user);
