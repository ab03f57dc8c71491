/* SPDX-License-Identifier: Apache-2.0 */
/* Paths and addresses: what is accepted and in which spelling, and what is refused and why. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "core/smtp/address.h"

#define A16 "aaaaaaaaaaaaaaaa"
#define A63 A16 A16 A16 "aaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16

struct good {
	const char *path, *text;
	enum gp_domain_kind kind;
	bool utf8;
};

/* clang-format off */
static const struct good goods[] = {
	/* dot-strings */
	{"<a@b>", "a@b", GP_DOMAIN_NAME, false},
	{"<Jo.Doe@Example.ORG>", "Jo.Doe@example.org", GP_DOMAIN_NAME, false},
	{"<a.b.c.d@e.f>", "a.b.c.d@e.f", GP_DOMAIN_NAME, false},
	{"<!#$%&'*+-/=?^_`{|}~@b>", "!#$%&'*+-/=?^_`{|}~@b", GP_DOMAIN_NAME, false},
	{"<a+tag@b>", "a+tag@b", GP_DOMAIN_NAME, false},
	{"<user%other@b>", "user%other@b", GP_DOMAIN_NAME, false},
	{"<host!user@b>", "host!user@b", GP_DOMAIN_NAME, false},
	{"<-@b>", "-@b", GP_DOMAIN_NAME, false},
	{"<1@2>", "1@2", GP_DOMAIN_NAME, false},
	{"<" A64 "@b>", A64 "@b", GP_DOMAIN_NAME, false},
	/* quoted strings, written without quotes where that can be */
	{"<\"a\"@b>", "a@b", GP_DOMAIN_NAME, false},
	{"<\"a.b\"@b>", "a.b@b", GP_DOMAIN_NAME, false},
	{"<\"\\a\\b\"@b>", "ab@b", GP_DOMAIN_NAME, false},
	{"<\"\"@b>", "\"\"@b", GP_DOMAIN_NAME, false},
	{"<\" \"@b>", "\" \"@b", GP_DOMAIN_NAME, false},
	{"<\"a b\"@b>", "\"a b\"@b", GP_DOMAIN_NAME, false},
	{"<\"a\\ b\"@b>", "\"a b\"@b", GP_DOMAIN_NAME, false},
	{"<\"a@b\"@c>", "\"a@b\"@c", GP_DOMAIN_NAME, false},
	{"<\"a>b\"@c>", "\"a>b\"@c", GP_DOMAIN_NAME, false},
	{"<\"a\\\"b\"@c>", "\"a\\\"b\"@c", GP_DOMAIN_NAME, false},
	{"<\"a\\\\b\"@c>", "\"a\\\\b\"@c", GP_DOMAIN_NAME, false},
	{"<\".\"@b>", "\".\"@b", GP_DOMAIN_NAME, false},
	{"<\"a..b\"@b>", "\"a..b\"@b", GP_DOMAIN_NAME, false},
	{"<\".a\"@b>", "\".a\"@b", GP_DOMAIN_NAME, false},
	{"<\"a.\"@b>", "\"a.\"@b", GP_DOMAIN_NAME, false},
	{"<\"(),:;<>[]\"@b>", "\"(),:;<>[]\"@b", GP_DOMAIN_NAME, false},
	{"<\"../../etc\"@b>", "\"../../etc\"@b", GP_DOMAIN_NAME, false},
	{"<\"\\\\\xC3\xA9\"@b>", "\"\\\\\xC3\xA9\"@b", GP_DOMAIN_NAME, true},
	{"<\"" A16 A16 A16 "aaaaaaaaaaaaaa\"@b>", A16 A16 A16 "aaaaaaaaaaaaaa@b", GP_DOMAIN_NAME,
	 false},
	/* domains */
	{"<a@b-c.d>", "a@b-c.d", GP_DOMAIN_NAME, false},
	{"<a@b--c.d>", "a@b--c.d", GP_DOMAIN_NAME, false},
	{"<a@1.2.3.4>", "a@1.2.3.4", GP_DOMAIN_NAME, false},
	{"<a@_dmarc.b>", "a@_dmarc.b", GP_DOMAIN_NAME, false},
	{"<a@xn--bcher-kva.example>", "a@xn--bcher-kva.example", GP_DOMAIN_NAME, false},
	{"<a@" A63 ".b>", "a@" A63 ".b", GP_DOMAIN_NAME, false},
	{"<a@" A63 "." A63 "." A63 "." A16 A16 A16 "aaaaaaaaaaa>",
	 "a@" A63 "." A63 "." A63 "." A16 A16 A16 "aaaaaaaaaaa", GP_DOMAIN_NAME, false},
	/* literals */
	{"<a@[192.0.2.1]>", "a@[192.0.2.1]", GP_DOMAIN_IPV4, false},
	{"<a@[001.002.003.004]>", "a@[1.2.3.4]", GP_DOMAIN_IPV4, false},
	{"<a@[0.0.0.0]>", "a@[0.0.0.0]", GP_DOMAIN_IPV4, false},
	{"<a@[255.255.255.255]>", "a@[255.255.255.255]", GP_DOMAIN_IPV4, false},
	{"<a@[IPv6:2001:DB8::1]>", "a@[IPv6:2001:db8::1]", GP_DOMAIN_IPV6, false},
	{"<a@[ipv6:2001:db8:0:0:0:0:0:1]>", "a@[IPv6:2001:db8::1]", GP_DOMAIN_IPV6, false},
	{"<a@[IPv6:::]>", "a@[IPv6:::]", GP_DOMAIN_IPV6, false},
	{"<a@[IPv6:::1]>", "a@[IPv6:::1]", GP_DOMAIN_IPV6, false},
	{"<a@[IPv6:::ffff:192.0.2.1]>", "a@[IPv6:::ffff:192.0.2.1]", GP_DOMAIN_IPV6, false},
	{"<a@[X-Tag:what!ever~]>", "a@[x-tag:what!ever~]", GP_DOMAIN_GENERAL, false},
	{"<a@[tag:a:b]>", "a@[tag:a:b]", GP_DOMAIN_GENERAL, false},
	/* without "IPv6:" it is by the grammar a literal of an unknown kind */
	{"<a@[2001:db8::1]>", "a@[2001:db8::1]", GP_DOMAIN_GENERAL, false},
	/* source routes */
	{"<@x:a@b>", "a@b", GP_DOMAIN_NAME, false},
	{"<@x.example,@y.example:a@b>", "a@b", GP_DOMAIN_NAME, false},
	{"<@x:\"a b\"@[192.0.2.1]>", "\"a b\"@[192.0.2.1]", GP_DOMAIN_IPV4, false},
	/* UTF-8 (RFC 6531) */
	{"<j\xC3\xB8@b>", "j\xC3\xB8@b", GP_DOMAIN_NAME, true},
	{"<\xE7\x94\xA8\xE6\x88\xB7@\xE4\xBE\x8B.example>",
	 "\xE7\x94\xA8\xE6\x88\xB7@\xE4\xBE\x8B.example", GP_DOMAIN_NAME, true},
	{"<\xF0\x9F\x93\xA7@b>", "\xF0\x9F\x93\xA7@b", GP_DOMAIN_NAME, true},
	{"<\xF4\x8F\xBF\xBF@b>", "\xF4\x8F\xBF\xBF@b", GP_DOMAIN_NAME, true},
	{"<\xED\x9F\xBF@b>", "\xED\x9F\xBF@b", GP_DOMAIN_NAME, true},
	{"<\xEE\x80\x80@b>", "\xEE\x80\x80@b", GP_DOMAIN_NAME, true},
	{"<\xC2\xA0@b>", "\xC2\xA0@b", GP_DOMAIN_NAME, true},
	{"<\"\xC3\xB8\"@b>", "\xC3\xB8@b", GP_DOMAIN_NAME, true},
	{"<\"\xC3\xB8 x\"@b>", "\"\xC3\xB8 x\"@b", GP_DOMAIN_NAME, true},
	{"<a@B\xC3\x9C" "CHER.Example>", "a@b\xC3\x9C" "cher.example", GP_DOMAIN_NAME, true},
	/* without a domain, and without anything */
	{"<postmaster>", "postmaster", GP_DOMAIN_NONE, false},
	{"<PostMASTER>", "postmaster", GP_DOMAIN_NONE, false},
	{"<\"Postmaster\">", "postmaster", GP_DOMAIN_NONE, false},
	{"<>", "", GP_DOMAIN_NONE, false},
};

struct bad {
	const char *path, *why;
};

static const struct bad bads[] = {
	/* brackets */
	{"", "path without its opening bracket"},
	{"a@b", "path without its opening bracket"},
	{" <a@b>", "path without its opening bracket"},
	{"<", "local part is not well formed"},
	{"<a@b", "path without its closing bracket"},
	{"<a@b >", "path without its closing bracket"},
	{"<a@b@c>", "path without its closing bracket"},
	{"<a@b,c@d>", "path without its closing bracket"},
	{"<a@b;c>", "path without its closing bracket"},
	{"<a@b.>", "domain is not well formed"},
	{"<<a@b>>", "local part is not well formed"},
	{"< a@b>", "local part is not well formed"},
	{"<a b@c>", "path without its closing bracket"},
	{"<(c)a@b>", "local part is not well formed"},
	{"<a(c)@b>", "path without its closing bracket"},
	{"<Jo <a@b>>", "path without its closing bracket"},
	/* local parts */
	{"<@>", "domain is not well formed"},
	{"<.a@b>", "local part is not well formed"},
	{"<a.@b>", "local part is not well formed"},
	{"<a..b@c>", "local part is not well formed"},
	{"<.@b>", "local part is not well formed"},
	{"<a\\b@c>", "path without its closing bracket"},
	{"<a\"b\"@c>", "path without its closing bracket"},
	{"<\"a\"b@c>", "path without its closing bracket"},
	{"<\"a\".\"b\"@c>", "path without its closing bracket"},
	{"<\"a@b>", "quoted local part without its end"},
	{"<\"a\\\"@b>", "quoted local part without its end"},
	{"<\"a\\", "quoted local part without its end"},
	{"<\"\\\xC3\xA9\"@b>", "backslash before UTF-8"},
	{"<" A64 "a@b>", "local part is too long"},
	{"<\"" A16 A16 A16 "aaaaaaaaaaaaaaa\"@b>", "local part is too long"},
	{"<\"" A64 A64 "\"@b>", "local part is too long"},
	{"<alice>", "address without a domain"},
	{"<postmaster@>", "domain is not well formed"},
	/* domains */
	{"<a@.b>", "domain is not well formed"},
	{"<a@b..c>", "domain is not well formed"},
	{"<a@-b>", "label of the domain begins or ends in a hyphen"},
	{"<a@b->", "label of the domain begins or ends in a hyphen"},
	{"<a@b-.c>", "label of the domain begins or ends in a hyphen"},
	{"<a@b/c>", "path without its closing bracket"},
	{"<a@b:25>", "path without its closing bracket"},
	{"<a@\"b\">", "domain is not well formed"},
	{"<a@b!c>", "path without its closing bracket"},
	{"<a@" A64 ">", "label of the domain is too long"},
	{"<a@" A63 "." A63 "." A63 "." A63 ".b>", "domain is too long"},
	{"<a@" A63 "." A63 "." A63 "." A16 A16 A16 "aaaaaaaaaaaaa>", "address is too long"},
	/* literals */
	{"<a@[]>", "address literal is not well formed"},
	{"<a@[192.0.2.1>", "address literal is not well formed"},
	{"<a@192.0.2.1]>", "path without its closing bracket"},
	{"<a@[192.0.2]>", "address literal is not well formed"},
	{"<a@[192.0.2.]>", "address literal is not well formed"},
	{"<a@[192.0.2.256]>", "address literal is not well formed"},
	{"<a@[192.0.2.0001]>", "address literal is not well formed"},
	{"<a@[192.0.2.1.5]>", "address literal is not well formed"},
	{"<a@[192.0.2.-1]>", "address literal is not well formed"},
	{"<a@[0x7f.0.0.1]>", "address literal is not well formed"},
	{"<a@[192.0.2.1 ]>", "address literal is not well formed"},
	{"<a@[192.0.2.1]x>", "path without its closing bracket"},
	{"<a@[IPv6:]>", "address literal is not well formed"},
	{"<a@[IPv6:192.0.2.1]>", "address literal is not well formed"},
	{"<a@[IPv6:2001:db8::1::2]>", "address literal is not well formed"},
	{"<a@[IPv6:1:2:3:4:5:6:7:8:9]>", "address literal is not well formed"},
	{"<a@[IPv6:12345::]>", "address literal is not well formed"},
	{"<a@[IPv6:fe80::1%eth0]>", "address literal is not well formed"},
	{"<a@[:x]>", "address literal is not well formed"},
	{"<a@[tag:]>", "address literal is not well formed"},
	{"<a@[tag-:x]>", "address literal is not well formed"},
	{"<a@[t_g:x]>", "address literal is not well formed"},
	{"<a@[tag:x y]>", "address literal is not well formed"},
	{"<a@[tag:x\\]>", "address literal is not well formed"},
	{"<a@[tag:\xC3\xA9]>", "address literal is not well formed"},
	/* source routes */
	{"<@x>", "source route is not well formed"},
	{"<@x,>", "source route is not well formed"},
	{"<@x,y:a@b>", "source route is not well formed"},
	{"<@x,:a@b>", "source route is not well formed"},
	{"<@x;a@b>", "source route is not well formed"},
	{"<@:a@b>", "domain is not well formed"},
	{"<@[192.0.2.1]:a@b>", "domain is not well formed"},
	{"<@x:>", "local part is not well formed"},
	{"<@x:@y:a@b>", "local part is not well formed"},
	{"<@x:alice>", "address without a domain"},
	/* UTF-8: long forms, surrogates, beyond U+10FFFF, cut short, out of place, controls */
	{"<\xC0\xAF@b>", "invalid UTF-8"},
	{"<\xC1\xBF@b>", "invalid UTF-8"},
	{"<\xE0\x80\xAF@b>", "invalid UTF-8"},
	{"<\xE0\x9F\xBF@b>", "invalid UTF-8"},
	{"<\xF0\x8F\xBF\xBF@b>", "invalid UTF-8"},
	{"<\xED\xA0\x80@b>", "invalid UTF-8"},
	{"<\xED\xBF\xBF@b>", "invalid UTF-8"},
	{"<\xF4\x90\x80\x80@b>", "invalid UTF-8"},
	{"<\xF5\x80\x80\x80@b>", "invalid UTF-8"},
	{"<\xFF@b>", "invalid UTF-8"},
	{"<\x80@b>", "invalid UTF-8"},
	{"<\xC3@b>", "invalid UTF-8"},
	{"<\xC3", "invalid UTF-8"},
	{"<\xE2\x82@b>", "invalid UTF-8"},
	{"<\"\xC3\"@b>", "invalid UTF-8"},
	{"<a@\xC3>", "invalid UTF-8"},
	{"<\xC2\x85@b>", "control character"},
	{"<\"\xC2\x9F\"@b>", "control character"},
	{"<a@b\xC2\x80>", "control character"},
	/* controls */
	{"<a\x01@b>", "path without its closing bracket"},
	{"<\x7F@b>", "control character"},
	{"<\ta@b>", "control character"},
	{"<\"\n\"@b>", "control character"},
	{"<\"\\\r\"@b>", "control character"},
	{"<\"\x7F\"@b>", "control character"},
	{"<a@\x01>", "control character"},
	{"<a@b\x7F>", "path without its closing bracket"},
	{"<a@[tag:\x07]>", "address literal is not well formed"},
};
/* clang-format on */

static void
good_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(goods); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_slice s = gp_slice_str(goods[i].path);
		struct gp_address a;
		const char *why = "";
		int r = gp_address_parse_path(&s, &arena, &a, &why);
		if (r != 0 || !gp_slice_eq(a.text, gp_slice_str(goods[i].text)) ||
		    a.domain_kind != goods[i].kind || a.utf8 != goods[i].utf8 || s.len != 0)
			fail_msg("%s: %s %.*s %d %d", goods[i].path, why, GP_SLICE_FMT(a.text),
				 a.domain_kind, a.utf8);
		/* The parts are those of the text. */
		size_t at = a.domain_kind == GP_DOMAIN_NONE ? 0 : 1;
		assert_int_equal(a.local.len + at + a.domain.len, a.text.len);
		assert_true(gp_slice_starts(a.text, a.local));
		assert_true(gp_slice_ends_nocase(a.text, a.domain));
		gp_arena_free(&arena);
	}
}

/* What we write we read again, to the same. */
static void
canonical_text_is_stable(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(goods); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_address a;
		const char *why = "";
		struct gp_slice text = gp_slice_str(goods[i].text);
		if (text.len > 0) {
			assert_int_equal(gp_address_parse(text, &arena, &a, &why), 0);
			assert_true(gp_slice_eq(a.text, text));
		}
		gp_arena_free(&arena);
	}
}

static void
bad_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(bads); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_slice s = gp_slice_str(bads[i].path);
		struct gp_address a;
		const char *why = "(accepted)";
		int r = gp_address_parse_path(&s, &arena, &a, &why);
		if (r != 1 || strcmp(why, bads[i].why) != 0)
			fail_msg("%s: %s", bads[i].path, why);
		assert_int_equal(a.text.len, 0);
		gp_arena_free(&arena);
	}
}

/* No control character passes, wherever it stands. */
static void
controls_never_pass(void **state)
{
	static const char frame[] = "<@x:\"a b\"@[tag:cd]>";
	(void)state;
	for (size_t at = 0; at < sizeof(frame) - 1; at++) {
		for (int c = 0; c < 128; c++) {
			char path[sizeof(frame)];
			struct gp_arena arena = GP_ARENA_INIT(4096);
			struct gp_slice s = gp_slice(path, sizeof(frame) - 1);
			struct gp_address a;
			const char *why;
			memcpy(path, frame, sizeof(frame));
			path[at] = (char)c;
			if (gp_address_parse_path(&s, &arena, &a, &why) == 0)
				assert_true(c >= 32 && c != 127);
			gp_arena_free(&arena);
		}
	}
}

static void
what_follows_a_path_is_left(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(4096);
	struct gp_slice s = GP_SLICE("<a@b> SIZE=1");
	struct gp_address a;
	const char *why;
	(void)state;
	assert_int_equal(gp_address_parse_path(&s, &arena, &a, &why), 0);
	assert_true(gp_slice_eq(s, GP_SLICE(" SIZE=1")));
	gp_arena_free(&arena);
}

static void
bare_addresses(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(4096);
	struct gp_address a;
	const char *why = NULL;
	(void)state;
	assert_int_equal(gp_address_parse(GP_SLICE("alice"), &arena, &a, &why), 0);
	assert_int_equal(a.domain_kind, GP_DOMAIN_NONE);
	assert_int_equal(gp_address_parse(GP_SLICE(""), &arena, &a, &why), 1);
	assert_int_equal(gp_address_parse(GP_SLICE("a@b c"), &arena, &a, &why), 1);
	assert_string_equal(why, "something follows the address");
	assert_int_equal(gp_address_parse(GP_SLICE("a@b\0"), &arena, &a, &why), 1);
	gp_arena_free(&arena);
}

static void
a_path_of_512_octets(void **state)
{
	struct gp_buf path = GP_BUF_INIT(1024);
	struct gp_arena arena = GP_ARENA_INIT(4096);
	struct gp_address a;
	const char *why = NULL;
	(void)state;
	/* "<", routes of 64 octets each, the last with its colon, "a@b>" */
	for (size_t extra = 0; extra < 2; extra++) {
		gp_buf_clear(&path);
		gp_buf_put_char(&path, '<');
		while (path.len + 65 < GP_PATH_MAX - 5)
			gp_buf_printf(&path, "@%.*s,", 40, A63);
		while (path.len < GP_PATH_MAX - 5 + extra)
			gp_buf_put_str(&path, path.ptr[path.len - 1] == ',' ? "@z" : "z");
		gp_buf_put_str(&path, ":a@b>");
		struct gp_slice s = gp_buf_slice(&path);
		size_t len = s.len;
		int r = gp_address_parse_path(&s, &arena, &a, &why);
		assert_int_equal(r, len > GP_PATH_MAX);
	}
	assert_string_equal(why, "path is too long");
	gp_buf_free(&path);
	gp_arena_free(&arena);
}

static void
no_memory(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(16);
	struct gp_slice s = GP_SLICE("<\"someone else\"@a.rather.long.example>");
	struct gp_address a;
	const char *why;
	(void)state;
	assert_int_equal(gp_address_parse_path(&s, &arena, &a, &why), -ENOMEM);
	gp_arena_free(&arena);
}

static void
domains(void **state)
{
	(void)state;
	assert_true(gp_domain_valid(GP_SLICE("mx.example.org")));
	assert_true(gp_domain_valid(GP_SLICE("localhost")));
	assert_true(gp_domain_valid(GP_SLICE("my_pc")));
	assert_true(gp_domain_valid(GP_SLICE("b\xC3\xBC"
					     "cher.example")));
	assert_false(gp_domain_valid(GP_SLICE("")));
	assert_false(gp_domain_valid(GP_SLICE("a.")));
	assert_false(gp_domain_valid(GP_SLICE("a b")));
	assert_false(gp_domain_valid(GP_SLICE("[192.0.2.1]")));
	assert_false(gp_domain_valid(GP_SLICE("a\0b")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_paths),
		cmocka_unit_test(canonical_text_is_stable),
		cmocka_unit_test(bad_paths),
		cmocka_unit_test(controls_never_pass),
		cmocka_unit_test(what_follows_a_path_is_left),
		cmocka_unit_test(bare_addresses),
		cmocka_unit_test(a_path_of_512_octets),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(domains),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
