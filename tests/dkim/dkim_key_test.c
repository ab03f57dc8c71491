/* SPDX-License-Identifier: Apache-2.0 */
/* Key records, the keys in them, and what a signature comes to under each. */
#include "signer.h"

#include <errno.h>

#include "core/dkim/der.h"

#define MESSAGE "From: joe@a.test\r\nSubject: x\r\n\r\nHi.\r\n"
#define MALFORMED "permerror: the key record is malformed"

/* --- what a record allows --- */

/* $R, $E: the octets of the RSA key and of the Ed25519 key in base64. NULL: there is no record. */
static const struct {
	const char *rsa, *want; /* for a signature by RSA, i= at d= itself */
	bool testing;
} records[] = {
	{"v=DKIM1; k=rsa; p=$R", "pass", false},
	{"p=$R", "pass", false},
	{"v=DKIM1; p=$R;", "pass", false},
	{" v = DKIM1 ; p = $R", "pass", false},
	{"k=rsa; t=y; p=$R", "pass", true},
	{"k=rsa; t=s; p=$R", "pass", false},
	{"t=s:y; p=$R", "pass", true},
	{"s=email; p=$R", "pass", false},
	{"s=*; p=$R", "pass", false},
	{"s=tlsrpt : email; p=$R", "pass", false},
	{"h=sha256; p=$R", "pass", false},
	{"h=sha1:sha256; p=$R", "pass", false},
	{"g=other; n=some notes; x=y; p=$R", "pass", false},

	{NULL, "permerror: there is no key", false},
	{"", MALFORMED, false},
	{"v=spf1 -all", MALFORMED, false},
	{"v=DKIM1", MALFORMED, false},
	{"v=DKIM2; p=$R", MALFORMED, false},
	{"v=dkim1; p=$R", MALFORMED, false},
	{"k=rsa; v=DKIM1; p=$R", MALFORMED, false},
	{"v=DKIM1; p=$R; p=$R", MALFORMED, false},
	{"v=DKIM1; k=dsa; p=$R", MALFORMED, false},
	{"v=DKIM1; p=*", MALFORMED, false},
	{"v=DKIM1; p=Zm9v", MALFORMED, false},
	{"v=DKIM1; p=$RAAAA", MALFORMED, false},
	{"v=DKIM1; p=$E", MALFORMED, false},
	{"v=DKIM1; k=ed25519; p=$R", MALFORMED, false},
	{"v=DKIM1; k=ed25519; p=$E", "permerror: the key is of another type", false},
	{"v=DKIM1; p=", "permerror: the key is revoked", false},
	{"v=DKIM1; t=y; p=;", "permerror: the key is revoked", true},
	{"v=DKIM1; s=tlsrpt; p=$R", "permerror: the key is not for mail", false},
	{"v=DKIM1; s=; p=$R", "permerror: the key is not for mail", false},
	{"v=DKIM1; h=sha1; p=$R", "permerror: the key is not for SHA-256", false},
};

/* The text with the keys in it. */
static struct gp_slice
fill(const char *text, const struct signer *rsa, const struct signer *ed, struct gp_arena *arena)
{
	struct gp_buf out = GP_BUF_INIT(1 << 16);
	for (; *text; text++) {
		if (*text != '$')
			gp_buf_put_char(&out, *text);
		else
			gp_buf_put(&out,
				   signer_base64(*++text == 'R' ? rsa->octets : ed->octets, arena));
	}
	struct gp_slice filled = gp_arena_dup(arena, gp_buf_slice(&out));
	gp_buf_free(&out);
	return filled;
}

static void
a_record_says_what_its_key_is_for(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(RIG_ARENA_MAX);
	struct signer rsa, ed;
	signer_open(&rsa, 1024, &arena);
	signer_open(&ed, 0, &arena);
	for (size_t i = 0; i < GP_ARRAY_LEN(records); i++) {
		struct rig r;
		rig_open(&r);
		if (records[i].rsa)
			rig_add_txt(&r, GP_SLICE("s._domainkey.a.test"),
				    fill(records[i].rsa, &rsa, &ed, &r.arena));
		rig_verify(&r,
			   signer_message(&rsa, signer_order(&rsa, "s"), GP_SLICE(MESSAGE), &r));
		if (!gp_slice_eq(rig_show(&r), gp_slice_str(records[i].want)))
			print_error("of '%s':\n", records[i].rsa);
		assert_slice(rig_show(&r), records[i].want);
		assert_int_equal(r.result.verdicts[0].testing, records[i].testing);
		rig_close(&r);
	}
	signer_close(&rsa);
	signer_close(&ed);
	gp_arena_free(&arena);
}

/* Section 3.6.1, t=s: the signature need not fit to be told from one that may not be. */
static void
a_strict_key_is_for_its_domain_alone(void **state)
{
	(void)state;
	struct rig r;
	struct signer s;
	rig_open(&r);
	signer_open(&s, 0, &r.arena);
	rig_add_txt(&r, GP_SLICE("strict._domainkey.a.test"), signer_record(&s, "t=s;", &r.arena));
	rig_add_txt(&r, GP_SLICE("loose._domainkey.a.test"), signer_record(&s, "", &r.arena));
	static const char *const cases[][3] = {
		{"strict", "@b.a.test", "permerror: the key is not for i= below d="},
		{"strict", "@A.test", "fail: the body is not the one that was signed"},
		{"loose", "@b.a.test", "fail: the body is not the one that was signed"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		rig_verify(&r,
			   gp_arena_printf(
				   &r.arena,
				   "DKIM-Signature: v=1; a=ed25519-sha256; d=a.test; s=%s; "
				   "i=%s; h=from; b=Zm9v; "
				   "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n" MESSAGE,
				   cases[i][0], cases[i][1]));
		assert_slice(rig_show(&r), cases[i][2]);
	}
	signer_close(&s);
	rig_close(&r);
}

static void
trouble_is_told_from_absence(void **state)
{
	(void)state;
	struct rig r;
	struct signer s;
	rig_open(&r);
	signer_open(&s, 0, &r.arena);
	rig_add_name(&r, GP_SLICE("late._domainkey.a.test"), GP_DNS_TIMEOUT);
	rig_add_name(&r, GP_SLICE("bad._domainkey.a.test"), GP_DNS_SERVFAIL);
	rig_add_name(&r, GP_SLICE("bare._domainkey.a.test"), GP_DNS_OK);
	struct gp_dns_record two[2] = {{.type = GP_DNS_TXT}, {.type = GP_DNS_TXT}};
	two[0].data = two[1].data = signer_record(&s, "", &r.arena);
	struct gp_dns_answer a = {.name = GP_SLICE("two._domainkey.a.test"),
				  .canonical = GP_SLICE("two._domainkey.a.test"),
				  .type = GP_DNS_TXT,
				  .status = GP_DNS_OK,
				  .records = two,
				  .records_len = 2};
	rig_add_name(&r, a.name, GP_DNS_OK);
	assert_int_equal(gp_answers_add(r.answers, &a), 0);
	static const char *const cases[][2] = {
		{"late", "temperror: the DNS did not answer"},
		{"bad", "temperror: the DNS did not answer"},
		{"bare", "permerror: there is no key"},
		{"none", "permerror: there is no key"},
		{"two", "permerror: there is more than one key"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		rig_verify(&r, signer_message(&s, signer_order(&s, cases[i][0]), GP_SLICE(MESSAGE),
					      &r));
		assert_slice(rig_show(&r), cases[i][1]);
	}
	signer_close(&s);
	rig_close(&r);
}

/* --- sizes --- */

static void
short_and_long_rsa_keys_are_not_accepted(void **state)
{
	(void)state;
	static const struct {
		unsigned bits;
		const char *want;
	} sizes[] = {
		{512, "permerror: the key is shorter than 1024 bits"},
		{1016, "permerror: the key is shorter than 1024 bits"},
		{1024, "pass"},
		{1031, "pass"},
		{2048, "pass"},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(sizes); i++) {
		struct rig r;
		struct signer s;
		rig_open(&r);
		signer_open(&s, sizes[i].bits, &r.arena);
		rig_add_txt(&r, GP_SLICE("s._domainkey.a.test"), signer_record(&s, "", &r.arena));
		rig_verify(&r, signer_message(&s, signer_order(&s, "s"), GP_SLICE(MESSAGE), &r));
		assert_slice(rig_show(&r), sizes[i].want);
		assert_int_equal(r.result.verdicts[0].key_bits, sizes[i].bits);
		signer_close(&s);
		rig_close(&r);
	}
}

/* --- DER --- */

/* An RSAPublicKey: modulus of octets 0xc1 that ends in `last`, and an exponent. */
static struct gp_slice
public_key(size_t modulus_len, uint8_t last, struct gp_slice exponent, struct gp_arena *arena)
{
	size_t inner = 4 + 1 + modulus_len + 2 + exponent.len;
	uint8_t *to = gp_arena_alloc(arena, inner + 4), *p = to;
	*p++ = 0x30, *p++ = 0x82, *p++ = (uint8_t)(inner >> 8), *p++ = (uint8_t)inner;
	*p++ = 0x02, *p++ = 0x82, *p++ = (uint8_t)((modulus_len + 1) >> 8);
	*p++ = (uint8_t)(modulus_len + 1);
	*p++ = 0;
	memset(p, 0xc1, modulus_len);
	p[modulus_len - 1] = last;
	p += modulus_len;
	*p++ = 0x02, *p++ = (uint8_t)exponent.len;
	memcpy(p, exponent.ptr, exponent.len);
	return gp_slice((const char *)to, inner + 4);
}

static int
read_octets(struct gp_slice octets, const char *type, struct gp_arena *arena,
	    struct gp_dkim_key *ret, const char **ret_why)
{
	struct gp_slice p = signer_base64(octets, arena);
	struct gp_slice record = gp_arena_printf(arena, "k=%s; p=%.*s", type, GP_SLICE_FMT(p));
	return gp_dkim_key_read(record, arena, ret, ret_why);
}

static const struct {
	size_t modulus_len;
	uint8_t last;
	struct gp_slice exponent;
	unsigned bits; /* 0: it is none */
} rsa_keys[] = {
	{256, 0xc1, {"\1\0\1", 3}, 2048},
	{256, 0xc1, {"\3", 1}, 2048},
	{512, 0xc1, {"\1\0\1", 3}, 4096},
	{2048, 0xc1, {"\1\0\1", 3}, 16384},
	{256, 0xc1, {"\0\xff\xff\xff\xff\xff\xff\xff\xff", 9}, 2048},
	{256, 0xc1, {"\1", 1}, 0},
	{256, 0xc1, {"\2", 1}, 0},
	{256, 0xc1, {"\0", 1}, 0},
	{256, 0xc1, {"\xff", 1}, 0},
	{256, 0xc1, {"\0\1\0\1", 4}, 0},
	{256, 0xc1, {"", 0}, 0},
	{256, 0xc1, {"\1\0\0\0\0\0\0\0\1", 9}, 0},
	{256, 0xc0, {"\1\0\1", 3}, 0},
};

static void
rsa_keys_have_bounds(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rsa_keys); i++) {
		struct gp_arena arena = GP_ARENA_INIT(RIG_ARENA_MAX);
		struct gp_dkim_key key;
		const char *why;
		struct gp_slice der = public_key(rsa_keys[i].modulus_len, rsa_keys[i].last,
						 rsa_keys[i].exponent, &arena);
		int r = read_octets(der, "rsa", &arena, &key, &why);
		assert_int_equal(r, rsa_keys[i].bits == 0);
		if (r == 0)
			assert_int_equal(key.bits, rsa_keys[i].bits);
		gp_arena_free(&arena);
	}
}

/* Whatever octet of a good key's outline is another, it is none: no spelling but the one. */
static void
der_has_one_spelling(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(RIG_ARENA_MAX);
	struct signer s;
	struct gp_slice n, e, bare_n, bare_e;
	enum { OUTLINE = 32, WRAPPING = 24 };
	signer_open(&s, 2048, &arena);
	assert_true(gp_dkim_der_rsa(s.octets, &n, &e));
	assert_int_equal(n.len, 256);
	assert_true(gp_dkim_der_rsa(gp_slice_drop(s.octets, WRAPPING), &bare_n, &bare_e));
	assert_true(gp_slice_eq(n, bare_n) && gp_slice_eq(e, bare_e));
	for (size_t len = 0; len < s.octets.len; len++)
		assert_false(gp_dkim_der_rsa(gp_slice_take(s.octets, len), &n, &e));
	char *copy = gp_arena_str(&arena, s.octets);
	assert_false(gp_dkim_der_rsa(gp_slice(copy, s.octets.len + 1), &n, &e));
	for (size_t i = 0; i < OUTLINE; i++) {
		for (int bit = 0; bit < 8; bit++) {
			copy[i] = (char)(copy[i] ^ 1 << bit);
			assert_false(gp_dkim_der_rsa(gp_slice(copy, s.octets.len), &n, &e));
			copy[i] = (char)(copy[i] ^ 1 << bit);
		}
	}
	signer_close(&s);
	gp_arena_free(&arena);
}

/* The same numbers, with lengths that are longer than they need to be. */
static void
der_has_the_shortest_lengths(void **state)
{
	(void)state;
	static const struct {
		struct gp_slice der;
		bool good;
	} cases[] = {
		{GP_SLICE("\x30\x08\x02\x03\x01\x00\x01\x02\x01\x03"), true},
		{GP_SLICE("\x30\x81\x08\x02\x03\x01\x00\x01\x02\x01\x03"), false},
		{GP_SLICE("\x30\x09\x02\x81\x03\x01\x00\x01\x02\x01\x03"), false},
		{GP_SLICE("\x30\x0a\x02\x82\x00\x03\x01\x00\x01\x02\x01\x03"), false},
		{GP_SLICE("\x30\x09\x02\x04\x00\x01\x00\x01\x02\x01\x03"), false},
		{GP_SLICE("\x30\x80\x02\x03\x01\x00\x01\x02\x01\x03\x00\x00"), false},
	};
	struct gp_slice n, e;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++)
		assert_int_equal(gp_dkim_der_rsa(cases[i].der, &n, &e), cases[i].good);
}

/* rsaEncryption without the NULL behind it is written by some. */
static void
der_without_the_null_is_read(void **state)
{
	(void)state;
	static const char der[] = "\x30\x1a\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
				  "\x03\x0b\x00\x30\x08\x02\x03\x01\x00\x01\x02\x01\x03";
	struct gp_slice n, e;
	assert_true(gp_dkim_der_rsa(gp_slice(der, sizeof(der) - 1), &n, &e));
	assert_int_equal(n.len, 3);
	assert_int_equal(e.len, 1);
}

/* --- Ed25519 --- */

static void
ed25519_keys_are_32_octets(void **state)
{
	(void)state;
	static const size_t lens[] = {31, 32, 33, 44};
	for (size_t i = 0; i < GP_ARRAY_LEN(lens); i++) {
		struct gp_arena arena = GP_ARENA_INIT(RIG_ARENA_MAX);
		struct gp_dkim_key key;
		const char *why;
		char octets[64] = {7};
		int r = read_octets(gp_slice(octets, lens[i]), "ed25519", &arena, &key, &why);
		assert_int_equal(r, lens[i] != GP_DKIM_ED25519_SIZE);
		gp_arena_free(&arena);
	}
}

/* A key of order 1: R = S = 0 would fit any message. */
static void
ed25519_keys_of_small_order_verify_nothing(void **state)
{
	(void)state;
	for (int sign = 0; sign < 2; sign++) {
		struct rig r;
		char octets[GP_DKIM_ED25519_SIZE] = {1};
		octets[GP_DKIM_ED25519_SIZE - 1] = (char)(sign << 7);
		struct gp_slice key = gp_slice(octets, sizeof(octets));
		assert_null(gp_dkim_pkey_ed25519(key));
		rig_open(&r);
		struct signer s;
		signer_open(&s, 0, &r.arena);
		struct gp_slice m =
			signer_message(&s, signer_order(&s, "s"), GP_SLICE(MESSAGE), &r);
		s.octets = key;
		rig_add_txt(&r, GP_SLICE("s._domainkey.a.test"), signer_record(&s, "", &r.arena));
		rig_verify(&r, m);
		assert_slice(rig_show(&r), "permerror: the key is none that verifies");
		signer_close(&s);
		rig_close(&r);
	}
}

/* --- keys that are kept --- */

static void
keys_are_kept_and_make_room(void **state)
{
	(void)state;
	enum { KEYS = 4, KEPT = 2 };
	struct gp_arena arena = GP_ARENA_INIT(RIG_ARENA_MAX);
	struct gp_dkim_keys *keys = gp_dkim_keys_new(KEPT, rig_seed);
	struct gp_dkim_key key[KEYS], found;
	struct gp_slice record[KEYS];
	const char *why;
	for (size_t i = 0; i < KEYS; i++) {
		struct signer s;
		signer_open(&s, i % 2 ? 1024 : 0, &arena);
		record[i] = signer_record(&s, "t=s;", &arena);
		assert_int_equal(gp_dkim_key_read(record[i], &arena, &key[i], &why), 0);
		signer_close(&s);
	}
	struct gp_dkim_pkey *first = gp_dkim_keys_open(keys, record[0], &key[0]);
	assert_non_null(first);
	assert_non_null(gp_dkim_keys_open(keys, record[1], &key[1]));
	assert_true(gp_dkim_keys_find(keys, record[1], &found));
	assert_true(found.strict && found.bits == 1024 && found.octets.len == 0);
	assert_ptr_equal(gp_dkim_keys_open(keys, record[0], &found), first);
	assert_non_null(gp_dkim_keys_open(keys, record[2], &key[2]));
	assert_false(gp_dkim_keys_find(keys, record[1], &found));
	assert_ptr_equal(gp_dkim_keys_open(keys, record[0], &found), first);
	for (size_t i = 0; i < 100; i++)
		assert_non_null(gp_dkim_keys_open(keys, record[i * i % KEYS], &key[i * i % KEYS]));
	char order_1[GP_DKIM_ED25519_SIZE] = {1};
	key[0].octets = gp_slice(order_1, sizeof(order_1));
	assert_null(gp_dkim_keys_open(keys, GP_SLICE("another"), &key[0]));
	assert_false(gp_dkim_keys_find(keys, GP_SLICE("another"), &found));
	assert_null(gp_dkim_keys_free(keys));
	assert_null(gp_dkim_keys_free(NULL));
	gp_arena_free(&arena);
}

/* One that is too long to be kept is used all the same. */
static void
long_records_are_not_kept(void **state)
{
	(void)state;
	struct rig r;
	struct signer s;
	struct gp_dkim_key found;
	rig_open(&r);
	r.keys = gp_dkim_keys_new(4, rig_seed);
	signer_open(&s, 0, &r.arena);
	char *notes = gp_arena_alloc(&r.arena, GP_DKIM_RECORD_KEPT_MAX + 1);
	memset(notes, 'x', GP_DKIM_RECORD_KEPT_MAX);
	struct gp_slice tags = gp_arena_printf(&r.arena, "n=%s;", notes);
	struct gp_slice record = signer_record(&s, tags.ptr, &r.arena);
	rig_add_txt(&r, GP_SLICE("s._domainkey.a.test"), record);
	rig_verify(&r, signer_message(&s, signer_order(&s, "s"), GP_SLICE(MESSAGE), &r));
	assert_slice(rig_show(&r), "pass");
	assert_false(gp_dkim_keys_find(r.keys, record, &found));
	signer_close(&s);
	rig_close(&r);
}

static void
kept_keys_verify_as_others_do(void **state)
{
	(void)state;
	struct rig r;
	struct signer s[2];
	rig_open(&r);
	r.keys = gp_dkim_keys_new(4, rig_seed);
	signer_open(&s[0], 1024, &r.arena);
	signer_open(&s[1], 0, &r.arena);
	rig_add_txt(&r, GP_SLICE("k0._domainkey.a.test"), signer_record(&s[0], "", &r.arena));
	rig_add_txt(&r, GP_SLICE("k1._domainkey.a.test"), signer_record(&s[1], "", &r.arena));
	struct gp_slice m = signer_message(&s[0], signer_order(&s[0], "k0"), GP_SLICE(MESSAGE), &r);
	m = signer_message(&s[1], signer_order(&s[1], "k1"), m, &r);
	for (int i = 0; i < 3; i++) {
		rig_verify(&r, m);
		assert_slice(rig_show(&r), "pass, pass");
		struct gp_slice other = gp_arena_printf(&r.arena, "%.*s", GP_SLICE_FMT(m));
		char *x = memmem(other.ptr, other.len, "Subject: x", 10);
		x[9] = 'y';
		rig_verify(&r, other);
		assert_slice(rig_show(&r), "fail: the header is not the one that was signed, "
					   "fail: the header is not the one that was signed");
	}
	signer_close(&s[0]);
	signer_close(&s[1]);
	rig_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_says_what_its_key_is_for),
		cmocka_unit_test(a_strict_key_is_for_its_domain_alone),
		cmocka_unit_test(trouble_is_told_from_absence),
		cmocka_unit_test(short_and_long_rsa_keys_are_not_accepted),
		cmocka_unit_test(rsa_keys_have_bounds),
		cmocka_unit_test(der_has_one_spelling),
		cmocka_unit_test(der_has_the_shortest_lengths),
		cmocka_unit_test(der_without_the_null_is_read),
		cmocka_unit_test(ed25519_keys_are_32_octets),
		cmocka_unit_test(ed25519_keys_of_small_order_verify_nothing),
		cmocka_unit_test(keys_are_kept_and_make_room),
		cmocka_unit_test(long_records_are_not_kept),
		cmocka_unit_test(kept_keys_verify_as_others_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
