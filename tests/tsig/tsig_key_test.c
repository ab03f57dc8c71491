/* SPDX-License-Identifier: Apache-2.0 */
/* Files with a key of TSIG, as the tools of name servers write them, and as people do. */
#include "../unit.h"

#include "base/buf.h"
#include "core/tsig/key.h"

#define SECRET "c2VjcmV0IG9mIGV4YW1wbGVz" /* "secret of examples" */
#define KEY "key \"k.test\" { algorithm hmac-sha256; secret \"" SECRET "\"; };"

static void
keys_are_read(void **state)
{
	static const struct {
		const char *text;
		uint8_t algorithm;
		const char *secret;
	} cases[] = {
		/* tsig-keygen, keymgr -t */
		{"key \"k.test\" {\n\talgorithm hmac-sha256;\n\tsecret \"" SECRET "\";\n};\n",
		 GP_TSIG_SHA256, "secret of examples"},
		{"key k.test. { secret " SECRET "; algorithm HMAC-SHA512; };", GP_TSIG_SHA512,
		 "secret of examples"},
		{"key K.Test{algorithm hmac-sha384;secret " SECRET ";};", GP_TSIG_SHA384,
		 "secret of examples"},
		{"# one\n// two\n/* three { \" */ key k.test /**/ { algorithm \"hmac-sha256\"; "
		 "secret \"YQ==\" /* a; */ ; } # end\n ; // of it",
		 GP_TSIG_SHA256, "a"},
		{"key k.test { algorithm hmac-sha256; secret YWI=; };", GP_TSIG_SHA256, "ab"},
		/* what begins a comment begins none within a word */
		{"key k.test { algorithm hmac-sha256; secret a//b; };", GP_TSIG_SHA256,
		 "\x6b\xff\xdb"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_tsig_key key;
		struct gp_name name;
		const char *why = gp_tsig_key_read(gp_slice_str(cases[i].text), &key);
		if (why)
			fail_msg("%s: %s", cases[i].text, why);
		assert_true(gp_name_from_text(GP_SLICE("k.test"), &name));
		assert_true(gp_name_eq(&key.name, &name));
		assert_int_equal(key.algorithm, cases[i].algorithm);
		assert_slice(gp_slice((const char *)key.secret, key.secret_len), cases[i].secret);
	}
}

static void
what_is_no_key_is_told(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "it has no clause that begins with key"},
		{"options { };", "it has no clause that begins with key"},
		{"Private-key-format: v1.3\nAlgorithm: 163 (HMAC_SHA256)\nKey: " SECRET,
		 "it has no clause that begins with key"},
		{"key { };", "the key has no name that is one"},
		{"key \".\" { };", "the key has no name that is one"},
		{"key \"a..b\" { };", "the key has no name that is one"},
		{"key k.test algorithm", "a brace is missing behind the key's name"},
		{"key k.test { algorithm hmac-md5; secret YQ==; };",
		 "its algorithm is none of hmac-sha256, hmac-sha384 and hmac-sha512"},
		{"key k.test { algorithm hmac-sha256; };",
		 "its algorithm or its secret is missing"},
		{"key k.test { secret YQ==; };", "its algorithm or its secret is missing"},
		{"key k.test { algorithm hmac-sha256; secret ; };", "its secret is no base64"},
		{"key k.test { algorithm hmac-sha256; secret YQ=; };", "its secret is no base64"},
		{"key k.test { algorithm hmac-sha256; secret Y===; };", "its secret is no base64"},
		{"key k.test { algorithm hmac-sha256; secret YQ==YQ==; };",
		 "its secret is no base64"},
		{"key k.test { algorithm hmac-sha256; secret \"YQ= \"; };",
		 "its secret is no base64"},
		{"key k.test { algorithm hmac-sha256; secret Y*==; };", "its secret is no base64"},
		{"key k.test { algorithm hmac-sha256; secret \"YQ==; };",
		 "its secret is no base64"},
		{"key k.test { algorithm hmac-sha256 secret YQ==; };", "a semicolon is missing"},
		{"key k.test { algorithm hmac-sha256; secret YQ==; secret Yg==; };",
		 "it has something but one algorithm and one secret"},
		{"key k.test { algorithm hmac-sha256; secret YQ==; owner me; };",
		 "it has something but one algorithm and one secret"},
		{"key k.test { algorithm hmac-sha256; secret YQ==; /* };",
		 "it has something but one algorithm and one secret"},
		{"key k.test { algorithm hmac-sha256; secret YQ==; }",
		 "a semicolon is missing behind the key"},
		{KEY KEY, "there is something behind the key"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_tsig_key key;
		const char *why = gp_tsig_key_read(gp_slice_str(cases[i].text), &key);
		if (!why)
			fail_msg("%s: it was read", cases[i].text);
		assert_string_equal(why, cases[i].why);
	}
}

static void
keys_have_an_end(void **state)
{
	static char text[2 * GP_TSIG_FILE_MAX];
	struct gp_tsig_key key;
	(void)state;
	for (size_t octets = GP_TSIG_SECRET_MAX - 2; octets <= GP_TSIG_SECRET_MAX + 1;
	     octets += 3) {
		struct gp_buf out = GP_BUF_INIT(sizeof(text));
		gp_buf_put_str(&out, "key k.test { algorithm hmac-sha256; secret ");
		for (size_t i = 0; i < octets / 3; i++)
			gp_buf_put_str(&out, "YWFh");
		gp_buf_put_str(&out, "; };");
		const char *why = gp_tsig_key_read(gp_buf_slice(&out), &key);
		if (octets > GP_TSIG_SECRET_MAX)
			assert_string_equal(why, "its secret is longer than 512 octets");
		else
			assert_null(why);
		gp_buf_free(&out);
	}
	memset(text, ' ', sizeof(text));
	memcpy(text, KEY, sizeof(KEY) - 1);
	assert_null(gp_tsig_key_read(gp_slice(text, GP_TSIG_FILE_MAX), &key));
	assert_string_equal(gp_tsig_key_read(gp_slice(text, GP_TSIG_FILE_MAX + 1), &key),
			    "it is too long for a key");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_read),
		cmocka_unit_test(what_is_no_key_is_told),
		cmocka_unit_test(keys_have_an_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
