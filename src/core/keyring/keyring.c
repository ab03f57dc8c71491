/* SPDX-License-Identifier: Apache-2.0 */
#include "core/keyring/keyring.h"

#include "base/scan.h"

#define MAGIC "gatepost-dkim 1"

static const char *const algorithms[] = {
	[GP_KEYRING_RSA] = "rsa-sha256",
	[GP_KEYRING_ED25519] = "ed25519-sha256",
};
/* k= of the record: RFC 6376 section 3.6.1, RFC 8463 section 4 */
static const char *const key_types[] = {
	[GP_KEYRING_RSA] = "rsa",
	[GP_KEYRING_ED25519] = "ed25519",
};
static const char *const states[] = {
	[GP_KEYRING_PENDING] = "pending",
	[GP_KEYRING_ACTIVE] = "active",
	[GP_KEYRING_RETIRING] = "retiring",
	[GP_KEYRING_REVOKED] = "revoked",
};

const char *
gp_keyring_algorithm_name(uint8_t algorithm)
{
	gp_assert(algorithm > 0 && algorithm < GP_ARRAY_LEN(algorithms));
	return algorithms[algorithm];
}

const char *
gp_keyring_state_name(uint8_t state)
{
	gp_assert(state > 0 && state < GP_ARRAY_LEN(states));
	return states[state];
}

/* --- reading --- */

/* The word's number in the table, which begins at 1; 0: it is not there. */
static uint8_t
find_word(struct gp_slice word, const char *const *table, size_t len)
{
	for (uint8_t i = 1; i < len; i++) {
		if (gp_slice_eq(word, gp_slice_str(table[i])))
			return i;
	}
	return 0;
}

static bool
is_label_char(char c)
{
	return gp_ascii_is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

static bool
is_base64_char(char c)
{
	return gp_ascii_is_alnum(c) || c == '+' || c == '/' || c == '=';
}

/* All of it of that kind, and neither empty nor longer than max. */
static bool
is_all(struct gp_slice s, bool (*test)(char), size_t max)
{
	struct gp_scan c = gp_scan(s);
	return s.len > 0 && s.len <= max && gp_scan_while(&c, test).len == s.len;
}

static bool
is_domain(struct gp_slice s)
{
	bool good = s.len <= GP_KEYRING_DOMAIN_MAX;
	do {
		good = good &&
		       is_all(gp_slice_cut(&s, '.'), is_label_char, GP_KEYRING_SELECTOR_MAX);
	} while (good && s.ptr);
	return good;
}

/* key SELECTOR ALGORITHM STATE CREATED SINCE PUBLIC PRIVATE */
static bool
read_key(struct gp_slice rest, struct gp_keyring *k)
{
	if (k->len == GP_KEYRING_KEYS_MAX)
		return false;
	struct gp_keyring_key *key = &k->keys[k->len];
	*key = (struct gp_keyring_key){.selector = gp_slice_cut(&rest, ' ')};
	key->algorithm = find_word(gp_slice_cut(&rest, ' '), algorithms, GP_ARRAY_LEN(algorithms));
	key->state = find_word(gp_slice_cut(&rest, ' '), states, GP_ARRAY_LEN(states));
	bool good = is_all(key->selector, is_label_char, GP_KEYRING_SELECTOR_MAX) &&
		    !gp_keyring_find(k, key->selector) && key->algorithm > 0 && key->state > 0 &&
		    gp_slice_u64(gp_slice_cut(&rest, ' '), INT64_MAX, &key->created_s) &&
		    gp_slice_u64(gp_slice_cut(&rest, ' '), INT64_MAX, &key->since_s);
	key->public_half = gp_slice_cut(&rest, ' ');
	key->private_half = rest;
	if (key->state == GP_KEYRING_REVOKED) {
		good = good && gp_slice_eq(rest, GP_SLICE("-"));
		key->private_half = GP_SLICE("");
	} else {
		good = good && is_all(rest, is_base64_char, GP_KEYRING_BASE64_MAX);
	}
	k->len++;
	return good && is_all(key->public_half, is_base64_char, GP_KEYRING_BASE64_MAX);
}

static bool
read_line(struct gp_slice line, struct gp_keyring *k)
{
	struct gp_slice word = gp_slice_cut(&line, ' ');
	if (gp_slice_eq(word, GP_SLICE("domain"))) {
		bool first = k->domain.len == 0;
		k->domain = line;
		return first && is_domain(line);
	}
	return gp_slice_eq(word, GP_SLICE("key")) && k->domain.len > 0 && read_key(line, k);
}

int
gp_keyring_parse(struct gp_slice text, struct gp_keyring *ret, unsigned *ret_line)
{
	*ret = (struct gp_keyring){};
	*ret_line = 1;
	if (text.len > GP_KEYRING_TEXT_MAX ||
	    !gp_slice_eq(gp_slice_cut(&text, '\n'), GP_SLICE(MAGIC)))
		return 1;
	/* The last line has an end too: a file that was cut off is noticed. */
	while (text.len > 0) {
		bool ends = gp_slice_find(text, '\n') >= 0;
		struct gp_slice line = gp_slice_cut(&text, '\n');
		++*ret_line;
		if (!ends || (line.len > 0 && line.ptr[0] != '#' && !read_line(line, ret)))
			return 1;
	}
	return ret->domain.len > 0 ? 0 : 1;
}

/* --- writing --- */

void
gp_keyring_write(struct gp_buf *out, const struct gp_keyring *k)
{
	gp_buf_printf(out,
		      MAGIC "\n# Private keys. Written by `gatepost domain`; a line a key:\n"
			    "# key SELECTOR ALGORITHM STATE CREATED SINCE PUBLIC PRIVATE\n"
			    "domain %.*s\n",
		      GP_SLICE_FMT(k->domain));
	for (size_t i = 0; i < k->len; i++) {
		const struct gp_keyring_key *key = &k->keys[i];
		gp_buf_printf(out, "key %.*s %s %s ", GP_SLICE_FMT(key->selector),
			      gp_keyring_algorithm_name(key->algorithm),
			      gp_keyring_state_name(key->state));
		gp_buf_put_u64(out, key->created_s);
		gp_buf_put_char(out, ' ');
		gp_buf_put_u64(out, key->since_s);
		gp_buf_put_char(out, ' ');
		gp_buf_put(out, key->public_half);
		gp_buf_put_char(out, ' ');
		gp_buf_put(out, key->private_half.len > 0 ? key->private_half : GP_SLICE("-"));
		gp_buf_put_char(out, '\n');
	}
}

void
gp_keyring_write_record(struct gp_buf *out, const struct gp_keyring_key *key)
{
	gp_assert(key->algorithm > 0 && key->algorithm < GP_ARRAY_LEN(key_types));
	gp_buf_printf(out, "v=DKIM1; k=%s; p=", key_types[key->algorithm]);
	if (key->state != GP_KEYRING_REVOKED)
		gp_buf_put(out, key->public_half);
}

/* --- the record --- */

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next octet that counts; -1: the end. */
static int
next_octet(struct gp_scan *c)
{
	gp_scan_while(c, is_space);
	int octet = gp_scan_peek(c);
	c->at += octet >= 0;
	return octet;
}

bool
gp_keyring_record_is(const struct gp_keyring_key *key, struct gp_slice text)
{
	char own[GP_KEYRING_BASE64_MAX + 64];
	int len = snprintf(own, sizeof(own), "v=DKIM1;k=%s;p=%.*s", key_types[key->algorithm],
			   key->state == GP_KEYRING_REVOKED ? 0 : (int)key->public_half.len,
			   key->public_half.ptr);
	struct gp_scan found = gp_scan(text);
	for (int i = 0; i < len; i++) {
		if (next_octet(&found) != (unsigned char)own[i])
			return false;
	}
	int end = next_octet(&found);
	return end < 0 || (end == ';' && next_octet(&found) < 0);
}

/* --- the change of keys --- */

struct gp_keyring_key *
gp_keyring_find(struct gp_keyring *k, struct gp_slice selector)
{
	for (size_t i = 0; i < k->len; i++) {
		if (gp_slice_eq(k->keys[i].selector, selector))
			return &k->keys[i];
	}
	return NULL;
}

size_t
gp_keyring_count(const struct gp_keyring *k, enum gp_keyring_state state)
{
	size_t n = 0;
	for (size_t i = 0; i < k->len; i++)
		n += k->keys[i].state == state;
	return n;
}

uint64_t
gp_keyring_since_s(const struct gp_keyring *k, enum gp_keyring_state state)
{
	uint64_t since_s = 0;
	for (size_t i = 0; i < k->len; i++) {
		if (k->keys[i].state == state)
			since_s = GP_MAX(since_s, k->keys[i].since_s);
	}
	return since_s;
}

enum gp_keyring_step
gp_keyring_next(const struct gp_keyring *k)
{
	if (gp_keyring_count(k, GP_KEYRING_PENDING) > 0)
		return GP_KEYRING_ACTIVATE;
	if (gp_keyring_count(k, GP_KEYRING_RETIRING) > 0)
		return GP_KEYRING_REVOKE;
	return gp_keyring_count(k, GP_KEYRING_REVOKED) > 0 ? GP_KEYRING_FORGET : GP_KEYRING_ADD;
}

void
gp_keyring_add(struct gp_keyring *k, const struct gp_keyring_key *key, uint64_t now_s)
{
	gp_assert(k->len < GP_KEYRING_KEYS_MAX && !gp_keyring_find(k, key->selector));
	struct gp_keyring_key *fresh = &k->keys[k->len++];
	*fresh = *key;
	fresh->state = GP_KEYRING_PENDING;
	fresh->created_s = fresh->since_s = now_s;
}

static void
enter(struct gp_keyring_key *key, enum gp_keyring_state state, uint64_t now_s)
{
	key->state = (uint8_t)state;
	key->since_s = now_s;
}

void
gp_keyring_activate(struct gp_keyring *k, uint64_t now_s)
{
	for (size_t i = 0; i < k->len; i++) {
		struct gp_keyring_key *key = &k->keys[i];
		if (key->state == GP_KEYRING_ACTIVE)
			enter(key, GP_KEYRING_RETIRING, now_s);
		else if (key->state == GP_KEYRING_PENDING)
			enter(key, GP_KEYRING_ACTIVE, now_s);
	}
}

void
gp_keyring_revoke(struct gp_keyring *k, uint64_t now_s)
{
	for (size_t i = 0; i < k->len; i++) {
		if (k->keys[i].state != GP_KEYRING_RETIRING)
			continue;
		enter(&k->keys[i], GP_KEYRING_REVOKED, now_s);
		k->keys[i].private_half = GP_SLICE("");
	}
}

void
gp_keyring_forget(struct gp_keyring *k)
{
	size_t kept = 0;
	for (size_t i = 0; i < k->len; i++) {
		if (k->keys[i].state != GP_KEYRING_REVOKED)
			k->keys[kept++] = k->keys[i];
	}
	k->len = kept;
}
