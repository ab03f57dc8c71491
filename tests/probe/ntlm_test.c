/* SPDX-License-Identifier: Apache-2.0 */
/* Challenges of NTLM: what they tell, and what tries to be one. */
#include "../unit.h"

#include <string.h>

#include "base/base64.h"
#include "base/wire.h"
#include "core/probe/ntlm.h"

struct pair {
	uint16_t id;
	const char *text;
};

static void
put_wide(struct gp_buf *to, const char *text)
{
	for (; *text; text++)
		gp_write_u16(to, (uint8_t)*text);
}

/* A challenge as a server makes it; base64 in `to`. */
static void
make(struct gp_buf *to, const char *target, const struct pair *pairs, size_t n)
{
	struct gp_buf b = GP_BUF_INIT(4096), info = GP_BUF_INIT(2048), name = GP_BUF_INIT(512);
	for (size_t i = 0; i < n; i++) {
		gp_write_u16(&info, pairs[i].id);
		gp_write_u16(&info, (uint16_t)(2 * strlen(pairs[i].text)));
		put_wide(&info, pairs[i].text);
	}
	gp_write_u32(&info, 0);
	put_wide(&name, target);
	gp_buf_put(&b, gp_slice("NTLMSSP", 8));
	gp_write_u32(&b, 2);
	gp_write_u16(&b, (uint16_t)name.len);
	gp_write_u16(&b, (uint16_t)name.len);
	gp_write_u32(&b, 56);
	gp_write_u32(&b, 0xa2898205);
	gp_write_u64(&b, 0x0123456789abcdef);
	gp_write_u64(&b, 0);
	gp_write_u16(&b, (uint16_t)info.len);
	gp_write_u16(&b, (uint16_t)info.len);
	gp_write_u32(&b, (uint32_t)(56 + name.len));
	gp_write_u8(&b, 10);
	gp_write_u8(&b, 0);
	gp_write_u16(&b, 17763);
	gp_write_u32(&b, 0x0f000000);
	gp_buf_put(&b, gp_buf_slice(&name));
	gp_buf_put(&b, gp_buf_slice(&info));
	assert_true(gp_base64_put(to, gp_buf_slice(&b)));
	gp_buf_free(&b);
	gp_buf_free(&info);
	gp_buf_free(&name);
}

static void
what_a_server_tells(void **state)
{
	static const struct pair pairs[] = {
		{2, "CORP"},    {1, "MAIL01"},   {4, "corp.example"}, {3, "mail01.corp.example"},
		{5, "example"}, {77, "unknown"},
	};
	struct gp_buf text = GP_BUF_INIT(8192);
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	struct gp_ntlm_challenge c;
	(void)state;
	make(&text, "CO\x1bRP", pairs, GP_ARRAY_LEN(pairs));
	assert_int_equal(gp_ntlm_challenge_read(gp_buf_slice(&text), &arena, &c), 0);
	assert_slice(c.target, "CO?RP");
	assert_slice(c.netbios_domain, "CORP");
	assert_slice(c.netbios_computer, "MAIL01");
	assert_slice(c.dns_domain, "corp.example");
	assert_slice(c.dns_computer, "mail01.corp.example");
	assert_slice(c.dns_tree, "example");
	assert_true(c.has_version);
	assert_int_equal(c.major, 10);
	assert_int_equal(c.build, 17763);
	gp_buf_free(&text);
	gp_arena_free(&arena);
}

static void
characters(void **state)
{
	static const struct pair pairs[] = {{3, "m\xfcller\x85"}};
	struct gp_buf text = GP_BUF_INIT(8192);
	struct gp_arena arena = GP_ARENA_INIT(1 << 16);
	struct gp_ntlm_challenge c;
	(void)state;
	make(&text, "", pairs, 1);
	assert_int_equal(gp_ntlm_challenge_read(gp_buf_slice(&text), &arena, &c), 0);
	assert_slice(c.dns_computer, "m\xc3\xbcller?");
	assert_int_equal(c.target.len, 0);
	gp_buf_free(&text);
	gp_arena_free(&arena);
}

/* Cut anywhere: what is there is read, and nothing behind it. */
static void
broken_ones(void **state)
{
	static const struct pair pairs[] = {{1, "MAIL01"}, {3, "mail01.example"}};
	struct gp_buf text = GP_BUF_INIT(8192), cut = GP_BUF_INIT(8192);
	struct gp_arena whole = GP_ARENA_INIT(1 << 16), arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice all;
	struct gp_ntlm_challenge c;
	(void)state;
	make(&text, "X", pairs, GP_ARRAY_LEN(pairs));
	assert_int_equal(gp_base64_decode(gp_buf_slice(&text), GP_BASE64, &whole, &all), 0);
	for (size_t len = 0; len <= all.len; len++) {
		gp_buf_clear(&cut);
		gp_base64_put(&cut, gp_slice_take(all, len));
		int r = gp_ntlm_challenge_read(gp_buf_slice(&cut), &arena, &c);
		assert_int_equal(r, len < 40 ? 1 : 0);
		assert_int_equal(c.has_version, len >= 52);
		gp_arena_reset(&arena);
	}
	assert_int_equal(gp_ntlm_challenge_read(GP_SLICE("ntlm supported"), &arena, &c), 1);
	assert_int_equal(gp_ntlm_challenge_read(GP_SLICE(""), &arena, &c), 1);
	gp_buf_free(&text);
	gp_buf_free(&cut);
	gp_arena_free(&whole);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_server_tells),
		cmocka_unit_test(characters),
		cmocka_unit_test(broken_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
