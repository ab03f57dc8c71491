/* SPDX-License-Identifier: Apache-2.0 */
/* TSIG (RFC 8945): a server of the test's own, which signs by the section's formulas and another
   HMAC than the checker's. */
#include "../unit.h"

#include "core/sasl/crypto.h"
#include "core/tsig/tsig.h"

enum {
	NOW_S = 1'800'000'000,
	ID = 0x1234,
	OCTETS_MAX = 4096,
	MESSAGES_MAX = 128,
	DIGEST = GP_SHA256_SIZE,
	SIGNED_TAIL = 8 + 10 + 13 + 10 + DIGEST + 6, /* octets of a record with key "k.test" */
};

#define KEY "key k.test { algorithm hmac-sha256; secret \"c2VjcmV0IG9mIGV4YW1wbGVz\"; };"
#define WIRE_KEY "\1k\4test\0"
#define WIRE_ALGORITHM "\13hmac-sha256\0"

/* --- a server --- */

struct message {
	char octets[OCTETS_MAX];
	size_t len;
};

struct server {
	struct gp_sha256 digest; /* the last one */
	struct gp_buf said;      /* since then */
	bool answered;
	uint64_t time_s;
	unsigned fudge_s, error, original_id;
	const char *key, *algorithm; /* of the records, on the wire, with their lengths: */
	size_t key_len, algorithm_len;
	struct gp_slice secret;
};

static void
put_u16(struct gp_buf *b, unsigned v)
{
	gp_buf_put_char(b, (char)(v >> 8));
	gp_buf_put_char(b, (char)v);
}

static void
put_time(struct gp_buf *b, uint64_t v)
{
	for (int i = 5; i >= 0; i--)
		gp_buf_put_char(b, (char)(v >> 8 * i));
}

static struct gp_slice
slice_of(const struct message *m)
{
	return gp_slice(m->octets, m->len);
}

static void
set(struct message *m, struct gp_buf *from)
{
	struct gp_slice s = gp_buf_slice(from);
	assert_true(!from->failed && s.len <= OCTETS_MAX);
	memcpy(m->octets, s.ptr, s.len);
	m->len = s.len;
	gp_buf_free(from);
}

/* A response with one question, one record, and some more that is not looked at. */
static void
make(struct message *m, char mark)
{
	struct gp_buf b = GP_BUF_INIT(OCTETS_MAX);
	put_u16(&b, ID);
	gp_buf_put(&b, gp_slice("\x84\0\0\1\0\1\0\0\0\0", 10));
	gp_buf_put(&b, gp_slice("\1z\4test\0\0\xfc\0\1", 12));
	gp_buf_put(&b, gp_slice("\xc0\x0c\0\x10\0\1\0\0\0\x3c\0\2\1", 13));
	gp_buf_put_char(&b, mark);
	set(m, &b);
}

static struct server
server(void)
{
	return (struct server){
		.said = GP_BUF_INIT(MESSAGES_MAX * OCTETS_MAX),
		.time_s = NOW_S,
		.fudge_s = 300,
		.original_id = ID,
		.key = WIRE_KEY,
		.key_len = 8,
		.algorithm = WIRE_ALGORITHM,
		.algorithm_len = 13,
		.secret = GP_SLICE("secret of examples"),
	};
}

/* Sections 4.3.3 and 5.3. */
static void
put_digested(struct server *s, struct gp_buf *b)
{
	put_u16(b, DIGEST);
	gp_buf_put(b, gp_sha256_slice(&s->digest));
	gp_buf_put(b, gp_buf_slice(&s->said));
	if (!s->answered) {
		gp_buf_put(b, gp_slice(s->key, s->key_len));
		gp_buf_put(b, gp_slice("\0\xff\0\0\0\0", 6));
		gp_buf_put(b, gp_slice(s->algorithm, s->algorithm_len));
	}
	put_time(b, s->time_s);
	put_u16(b, s->fudge_s);
	if (!s->answered) {
		put_u16(b, s->error);
		put_u16(b, 0);
	}
}

static void
put_record(struct server *s, struct gp_buf *b, struct gp_slice digest)
{
	gp_buf_put(b, gp_slice(s->key, s->key_len));
	gp_buf_put(b, gp_slice("\0\xfa\0\xff\0\0\0\0", 8));
	put_u16(b, (unsigned)(s->algorithm_len + 16 + digest.len));
	gp_buf_put(b, gp_slice(s->algorithm, s->algorithm_len));
	put_time(b, s->time_s);
	put_u16(b, s->fudge_s);
	put_u16(b, (unsigned)digest.len);
	gp_buf_put(b, digest);
	put_u16(b, s->original_id);
	put_u16(b, s->error);
	put_u16(b, 0);
}

/* It says this one without a signature. */
static void
say(struct server *s, const struct message *m)
{
	gp_buf_put(&s->said, slice_of(m));
}

static void
say_signed(struct server *s, struct message *m)
{
	struct gp_buf digested = GP_BUF_INIT(2 * MESSAGES_MAX * OCTETS_MAX);
	struct gp_buf b = GP_BUF_INIT(OCTETS_MAX);
	say(s, m);
	put_digested(s, &digested);
	assert_int_equal(gp_hmac_sha256(s->secret, gp_buf_slice(&digested), &s->digest), 0);
	gp_buf_put(&b, slice_of(m));
	put_record(s, &b, gp_sha256_slice(&s->digest));
	set(m, &b);
	m->octets[11]++;
	gp_buf_clear(&s->said);
	gp_buf_free(&digested);
	s->answered = true;
}

/* --- who asks --- */

static struct gp_tsig_key key;

static struct gp_tsig *
ask(struct server *s)
{
	static const char question[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0\1z\4test\0\0\xfc\0\1";
	struct gp_buf out = GP_BUF_INIT(OCTETS_MAX);
	assert_null(gp_tsig_key_read(gp_slice_str(KEY), &key));
	struct gp_tsig *t = gp_tsig_new(&key);
	assert_non_null(t);
	assert_true(gp_tsig_sign(t, NOW_S, gp_slice(question, sizeof(question) - 1), &out));
	struct gp_slice text = gp_buf_slice(&out);
	/* The server takes the digest as it came; a test of its own is for its value. */
	memcpy(s->digest.octets, text.ptr + text.len - 6 - DIGEST, DIGEST);
	gp_buf_free(&out);
	return t;
}

static int
check_all(struct gp_tsig *t, const struct message *list, size_t len)
{
	int r = GP_TSIG_GOOD;
	for (size_t i = 0; i < len && r == GP_TSIG_GOOD; i++)
		r = gp_tsig_check(t, slice_of(&list[i]), NOW_S);
	return r == GP_TSIG_GOOD ? gp_tsig_end(t) : r;
}

/* --- the question --- */

static void
a_question_is_signed(void **state)
{
	static const char question[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0\1z\4test\0\0\xfc\0\1";
	struct gp_buf out = GP_BUF_INIT(OCTETS_MAX), want = GP_BUF_INIT(OCTETS_MAX);
	struct gp_buf digested = GP_BUF_INIT(OCTETS_MAX);
	struct gp_sha256 digest;
	struct server s = server();
	(void)state;
	assert_null(gp_tsig_key_read(gp_slice_str(KEY), &key));
	struct gp_tsig *t = gp_tsig_new(&key);
	assert_true(gp_tsig_sign(t, NOW_S, gp_slice(question, sizeof(question) - 1), &out));
	gp_tsig_free(t);
	/* By hand: there is no digest before it. */
	gp_buf_put(&s.said, gp_slice(question, sizeof(question) - 1));
	put_digested(&s, &digested);
	struct gp_slice from = gp_slice_drop(gp_buf_slice(&digested), 2 + DIGEST);
	assert_int_equal(gp_hmac_sha256(s.secret, from, &digest), 0);
	gp_buf_put(&want, gp_slice(question, sizeof(question) - 1));
	put_record(&s, &want, gp_sha256_slice(&digest));
	want.ptr[want.head + 11]++;
	assert_true(gp_slice_eq(gp_buf_slice(&out), gp_buf_slice(&want)));
	assert_int_equal(out.len, sizeof(question) - 1 + SIGNED_TAIL);
	gp_buf_free(&out);
	gp_buf_free(&want);
	gp_buf_free(&digested);
	gp_buf_free(&s.said);
}

/* --- the answer --- */

/* "s": a message that is signed; "-": one that is not. */
static int
transfer(const char *form, const char **ret_why)
{
	static struct message list[MESSAGES_MAX];
	struct server s = server();
	struct gp_tsig *t = ask(&s);
	size_t len = 0;
	for (const char *c = form; *c; c++, len++) {
		make(&list[len], *c);
		if (*c == 's')
			say_signed(&s, &list[len]);
		else
			say(&s, &list[len]);
	}
	int r = check_all(t, list, len);
	*ret_why = gp_tsig_why(t);
	gp_tsig_free(t);
	gp_buf_free(&s.said);
	return r;
}

static void
not_each_message_is_signed(void **state)
{
	static const char no_end[] = "the end of the answer is not signed";
	char most[GP_TSIG_UNSIGNED_MAX + 4] = "s";
	const char *why;
	(void)state;
	assert_int_equal(transfer("s", &why), GP_TSIG_GOOD);
	assert_int_equal(transfer("sss", &why), GP_TSIG_GOOD);
	assert_int_equal(transfer("s--s-s", &why), GP_TSIG_GOOD);
	assert_int_equal(transfer("-s", &why), GP_TSIG_BARE);
	assert_string_equal(why, "the answer is not signed");
	assert_int_equal(transfer("", &why), GP_TSIG_WRONG);
	assert_string_equal(why, no_end);
	assert_int_equal(transfer("s-s--", &why), GP_TSIG_WRONG);
	assert_string_equal(why, no_end);
	memset(most + 1, '-', GP_TSIG_UNSIGNED_MAX);
	most[GP_TSIG_UNSIGNED_MAX + 1] = 's';
	assert_int_equal(transfer(most, &why), GP_TSIG_GOOD);
	most[GP_TSIG_UNSIGNED_MAX + 1] = '-';
	most[GP_TSIG_UNSIGNED_MAX + 2] = 's';
	assert_int_equal(transfer(most, &why), GP_TSIG_WRONG);
	assert_string_equal(why, "more than 99 messages stand between two that are signed");
}

/* The letters of names may be in either case, and are digested in one. */
static bool
is_name(size_t message_len, size_t at)
{
	size_t begin = message_len - SIGNED_TAIL;
	return (at >= begin && at < begin + 8) || (at >= begin + 18 && at < begin + 31);
}

/* Each bit of an answer in three messages, of which the one in the middle is not signed. */
static void
nothing_can_be_changed(void **state)
{
	static struct message list[3], changed[3];
	struct server s = server();
	(void)state;
	gp_tsig_free(ask(&s));
	for (size_t i = 0; i < GP_ARRAY_LEN(list); i++) {
		make(&list[i], (char)('a' + i));
		if (i == 1)
			say(&s, &list[i]);
		else
			say_signed(&s, &list[i]);
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(list); i++) {
		/* Of a signed one the id is another's to check: the signature has the signer's. */
		for (size_t bit = i == 1 ? 0 : 16; bit < 8 * list[i].len; bit++) {
			struct server again = server();
			struct gp_tsig *t = ask(&again);
			memcpy(changed, list, sizeof(list));
			changed[i].octets[bit / 8] ^= (char)(1 << bit % 8);
			int r = check_all(t, changed, GP_ARRAY_LEN(changed));
			bool same = bit % 8 == 5 && i != 1 && is_name(list[i].len, bit / 8);
			if (r == GP_TSIG_GOOD && !same)
				fail_msg("message %zu, octet %zu, bit %zu", i, bit / 8, bit % 8);
			gp_tsig_free(t);
		}
	}
	gp_buf_free(&s.said);
}

static void
nothing_can_be_moved_or_left_out(void **state)
{
	static const unsigned char orders[][3] = {{0, 2, 1}, {1, 0, 2}, {0, 0, 2}, {0, 2, 2}};
	static struct message list[3], moved[3];
	struct server s = server();
	struct gp_tsig *t = ask(&s);
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(list); i++) {
		make(&list[i], (char)('a' + i));
		say_signed(&s, &list[i]);
	}
	assert_int_equal(check_all(t, list, 3), GP_TSIG_GOOD);
	gp_tsig_free(t);
	for (size_t i = 0; i < GP_ARRAY_LEN(orders); i++) {
		struct server again = server();
		t = ask(&again);
		for (size_t k = 0; k < 3; k++)
			moved[k] = list[orders[i][k]];
		assert_int_equal(check_all(t, moved, 3), GP_TSIG_WRONG);
		gp_tsig_free(t);
	}
	gp_buf_free(&s.said);
}

/* An answer to another question, which differs in nothing but its time. */
static void
nothing_is_said_again(void **state)
{
	static const char question[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0\1z\4test\0\0\xfc\0\1";
	struct gp_buf out = GP_BUF_INIT(OCTETS_MAX);
	struct message m;
	struct server s = server();
	(void)state;
	gp_tsig_free(ask(&s));
	make(&m, 'a');
	say_signed(&s, &m);
	struct gp_tsig *t = gp_tsig_new(&key);
	assert_true(gp_tsig_sign(t, NOW_S + 1, gp_slice(question, sizeof(question) - 1), &out));
	assert_int_equal(gp_tsig_check(t, slice_of(&m), NOW_S + 1), GP_TSIG_WRONG);
	gp_tsig_free(t);
	gp_buf_free(&out);
	gp_buf_free(&s.said);
}

static void
signatures_have_their_time(void **state)
{
	static const struct {
		int64_t apart_s;
		unsigned fudge_s;
		int outcome;
	} cases[] = {{300, 300, GP_TSIG_GOOD},    {301, 300, GP_TSIG_WRONG},
		     {-300, 300, GP_TSIG_GOOD},   {-301, 300, GP_TSIG_WRONG},
		     {1, 0, GP_TSIG_WRONG},       {0, 0, GP_TSIG_GOOD},
		     {-NOW_S, 300, GP_TSIG_WRONG}};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct message m;
		struct server s = server();
		struct gp_tsig *t = ask(&s);
		s.time_s = (uint64_t)(NOW_S + cases[i].apart_s);
		s.fudge_s = cases[i].fudge_s;
		make(&m, 'a');
		say_signed(&s, &m);
		assert_int_equal(gp_tsig_check(t, slice_of(&m), NOW_S), cases[i].outcome);
		if (cases[i].outcome != GP_TSIG_GOOD)
			assert_string_equal(gp_tsig_why(t),
					    "the answer was signed at another time than now");
		gp_tsig_free(t);
		gp_buf_free(&s.said);
	}
}

/* What a server says that has not signed: with an error, and a digest of no octets. */
static const char *
refuse(unsigned error, size_t digest_len)
{
	struct message m;
	struct server s = server();
	struct gp_tsig *t = ask(&s);
	struct gp_buf b = GP_BUF_INIT(OCTETS_MAX);
	make(&m, 'a');
	s.error = error;
	gp_buf_put(&b, slice_of(&m));
	put_record(&s, &b, gp_slice_take(gp_sha256_slice(&s.digest), digest_len));
	set(&m, &b);
	m.octets[11]++;
	assert_int_equal(gp_tsig_check(t, slice_of(&m), NOW_S), GP_TSIG_WRONG);
	const char *why = gp_tsig_why(t);
	gp_tsig_free(t);
	return why;
}

static void
errors_are_told(void **state)
{
	struct message m;
	struct server s = server();
	(void)state;
	assert_string_equal(refuse(16, 0), "the server has another secret for the key");
	assert_string_equal(refuse(17, 0),
			    "the server does not know the key, or not with this algorithm");
	assert_string_equal(refuse(22, 0),
			    "the server wants a longer signature than the key makes");
	assert_string_equal(refuse(0, 0), "the answer's signature is cut short");
	assert_string_equal(refuse(0, 16), "the answer's signature is cut short");
	assert_string_equal(refuse(0, DIGEST - 1), "the answer's signature is cut short");
	/* A clock: that is signed. */
	struct gp_tsig *t = ask(&s);
	s.error = 18;
	make(&m, 'a');
	say_signed(&s, &m);
	assert_int_equal(gp_tsig_check(t, slice_of(&m), NOW_S), GP_TSIG_WRONG);
	assert_string_equal(gp_tsig_why(t), "the server's clock and this one are too far apart");
	gp_tsig_free(t);
	gp_buf_free(&s.said);
}

static void
another_key_is_none(void **state)
{
	static const struct {
		const char *key, *algorithm, *secret, *why;
		size_t key_len, algorithm_len;
	} cases[] = {
		{"\1j\4test\0", WIRE_ALGORITHM, "secret of examples",
		 "the answer is signed with another key", 8, 13},
		{WIRE_KEY, "\13hmac-sha512\0", "secret of examples",
		 "the answer is signed with another key", 8, 13},
		{WIRE_KEY, WIRE_ALGORITHM, "secret of others",
		 "the answer's signature is false: the secret is another, or somebody has "
		 "changed what was said",
		 8, 13},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct message m;
		struct server s = server();
		struct gp_tsig *t = ask(&s);
		s.key = cases[i].key;
		s.key_len = cases[i].key_len;
		s.algorithm = cases[i].algorithm;
		s.algorithm_len = cases[i].algorithm_len;
		s.secret = gp_slice_str(cases[i].secret);
		make(&m, 'a');
		say_signed(&s, &m);
		assert_int_equal(gp_tsig_check(t, slice_of(&m), NOW_S), GP_TSIG_WRONG);
		assert_string_equal(gp_tsig_why(t), cases[i].why);
		gp_tsig_free(t);
		gp_buf_free(&s.said);
	}
}

/* It stands last, and behind it nothing that nobody has signed. */
static void
the_record_is_the_last(void **state)
{
	static const char more[] = "\0\0\1\0\1\0\0\0\0\0\0";
	struct message m;
	struct server s = server();
	(void)state;
	gp_tsig_free(ask(&s));
	make(&m, 'a');
	say_signed(&s, &m);
	for (int counted = 0; counted < 2; counted++) {
		struct server again = server();
		struct gp_tsig *t = ask(&again);
		struct message longer = m;
		memcpy(longer.octets + longer.len, more, sizeof(more) - 1);
		longer.len += sizeof(more) - 1;
		if (counted)
			longer.octets[11]++;
		assert_int_equal(gp_tsig_check(t, slice_of(&longer), NOW_S), GP_TSIG_WRONG);
		assert_string_equal(gp_tsig_why(t), "the answer, or its signature, is malformed");
		gp_tsig_free(t);
	}
	for (size_t len = 0; len < m.len; len++) {
		struct server again = server();
		struct gp_tsig *t = ask(&again);
		assert_int_equal(gp_tsig_check(t, gp_slice(m.octets, len), NOW_S), GP_TSIG_WRONG);
		gp_tsig_free(t);
	}
	gp_buf_free(&s.said);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_signed),
		cmocka_unit_test(not_each_message_is_signed),
		cmocka_unit_test(nothing_can_be_changed),
		cmocka_unit_test(nothing_can_be_moved_or_left_out),
		cmocka_unit_test(nothing_is_said_again),
		cmocka_unit_test(signatures_have_their_time),
		cmocka_unit_test(errors_are_told),
		cmocka_unit_test(another_key_is_none),
		cmocka_unit_test(the_record_is_the_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
