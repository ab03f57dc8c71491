/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_test.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/buf.h"
#include "core/dns/message.h"

#define BYTES(lit)                      \
	{                               \
		"" lit, sizeof(lit) - 1 \
	}

enum { ARENA_MAX = 1 << 20 };

static struct gp_slice
show_address(const struct gp_dns_record *r, struct gp_arena *arena)
{
	char text[INET6_ADDRSTRLEN];
	inet_ntop(r->type == GP_DNS_A ? AF_INET : AF_INET6, r->address, text, sizeof(text));
	return gp_arena_dup(arena, gp_slice_str(text));
}

static struct gp_slice
show_tlsa(const struct gp_dns_record *r, struct gp_arena *arena)
{
	struct gp_buf out = GP_BUF_INIT(4096);
	gp_buf_printf(&out, "%d %d %d ", r->usage, r->selector, r->matching);
	for (size_t i = 0; i < r->data.len; i++)
		gp_buf_printf(&out, "%02x", (unsigned char)r->data.ptr[i]);
	struct gp_slice text = gp_arena_dup(arena, gp_buf_slice(&out));
	gp_buf_free(&out);
	return text;
}

/* DS, DNSKEY, CAA: numbers and words, then the data. */
static struct gp_slice
show_more(const struct gp_dns_record *r, struct gp_arena *arena)
{
	int len = (int)r->data.len;
	if (r->type == GP_DNS_CAA)
		return gp_arena_printf(arena, "%d %.*s %.*s", r->flags, GP_SLICE_FMT(r->tag), len,
				       r->data.ptr);
	if (r->type == GP_DNS_DS)
		return gp_arena_printf(arena, "%d %d %d %.*s", r->key_tag, r->algorithm,
				       r->digest_type, len, r->data.ptr);
	return gp_arena_printf(arena, "%d 3 %d %.*s", r->key_flags, r->algorithm, len, r->data.ptr);
}

/* A record's data as in a zone file. */
static struct gp_slice
show(const struct gp_dns_record *r, struct gp_arena *arena)
{
	switch (r->type) {
	case GP_DNS_A:
	case GP_DNS_AAAA:
		return show_address(r, arena);
	case GP_DNS_MX:
		return gp_arena_printf(arena, "%d %.*s", r->preference, GP_SLICE_FMT(r->name));
	case GP_DNS_TXT:
	case GP_DNS_SPF:
		return r->data;
	case GP_DNS_TLSA:
		return show_tlsa(r, arena);
	case GP_DNS_DS:
	case GP_DNS_DNSKEY:
	case GP_DNS_CAA:
		return show_more(r, arena);
	default:
		return r->name;
	}
}

/* Data of one record behind the 5 octets "\1x\1y\0" that it may point to; NULL: malformed. */
static const struct {
	uint16_t type;
	struct gp_slice data;
	const char *shown;
} rdata[] = {
	{GP_DNS_A, BYTES("\xc0\0\2\1"), "192.0.2.1"},
	{GP_DNS_AAAA, BYTES("\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"), "2001:db8::1"},
	{GP_DNS_MX, BYTES("\0\x0a\2MX\xc0\0"), "10 mx.x.y"},
	{GP_DNS_MX, BYTES("\xff\xff\2mx\0"), "65535 mx"},
	{GP_DNS_MX, BYTES("\0\0\0"), "0 ."},
	{GP_DNS_CNAME, BYTES("\xc0\2"), "y"},
	{GP_DNS_PTR, BYTES("\1a\0"), "a"},
	{GP_DNS_TXT, BYTES("\0"), ""},
	{GP_DNS_TXT, BYTES("\3abc"), "abc"},
	{GP_DNS_TXT, BYTES("\3abc\0\2de"), "abcde"},
	{GP_DNS_SPF, BYTES("\3abc\0\2de"), "abcde"},
	{GP_DNS_TLSA, BYTES("\3\1\1\xab\xcd"), "3 1 1 abcd"},
	{GP_DNS_TLSA, BYTES("\3\1\1"), "3 1 1 "},
	{GP_DNS_NS, BYTES("\2ns\xc0\0"), "ns.x.y"},
	{GP_DNS_DS, BYTES("\x30\x39\x0d\2abcd"), "12345 13 2 abcd"},
	{GP_DNS_DNSKEY,
	 BYTES("\1\1\3\x0d"
	       "key"),
	 "257 3 13 key"},
	{GP_DNS_CAA, BYTES("\0\5issueca.test"), "0 issue ca.test"},
	{GP_DNS_CAA, BYTES("\x80\5ISSUE"), "128 ISSUE "},
	{GP_DNS_MX, BYTES("\0\x0a\2mx\0x"), NULL},  /* more than a name */
	{GP_DNS_MX, BYTES("\0\x0a\2mx"), NULL},     /* less */
	{GP_DNS_MX, BYTES("\0\x0a\xc0\x07"), NULL}, /* points to itself */
	{GP_DNS_CNAME, BYTES("\xc0"), NULL},
	{GP_DNS_CNAME, BYTES("\1a\0\0"), NULL},
	{GP_DNS_TXT, BYTES("\4abc"), NULL},
	{GP_DNS_TXT, BYTES("\1ab"), NULL},
	{GP_DNS_TXT, BYTES(""), NULL},
	{GP_DNS_TLSA, BYTES("\3\1"), NULL},
	{GP_DNS_DS, BYTES("\x30\x39\x0d"), NULL},
	{GP_DNS_DNSKEY, BYTES("\1\1\3"), NULL},
	{GP_DNS_DNSKEY,
	 BYTES("\1\1\2\x0d"
	       "key"),
	 NULL}, /* another protocol */
	{GP_DNS_CAA, BYTES("\0"), NULL},
	{GP_DNS_CAA, BYTES("\0\0;"), NULL},
	{GP_DNS_CAA, BYTES("\0\6issue"), NULL}, /* a tag that is longer than the data */
	{GP_DNS_CAA, BYTES("\0\5iss e;"), NULL},
	{258, BYTES("\3abc"), NULL}, /* a type that nobody asks for */
};

static void
rdata_of_each_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(rdata); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_dns_record r;
		/* Octets behind the data that would complete what is too short. */
		struct gp_slice m = gp_arena_printf(&arena, "\1x\1y%c%*s%s", 0,
						    (int)rdata[i].data.len, "", "\1b\1c");
		memcpy((char *)m.ptr + 5, rdata[i].data.ptr, rdata[i].data.len);
		int rc = gp_dns_rdata_parse(m, 5, rdata[i].data.len, rdata[i].type, &arena, &r);
		if (rc != (rdata[i].shown ? 0 : 1))
			fail_msg("case %zu: %d", i, rc);
		if (rc == 0)
			assert_slice(show(&r, &arena), rdata[i].shown);
		gp_arena_free(&arena);
	}
}

/* Lengths that a type allows for data of which every octet is `fill`. */
static bool
length_fits(uint16_t type, size_t len, uint8_t fill)
{
	switch (type) {
	case GP_DNS_A:
		return len == 4;
	case GP_DNS_AAAA:
		return len == 16;
	case GP_DNS_TLSA:
		return len >= 3;
	case GP_DNS_DS:
		return len >= 4;
	case GP_DNS_DNSKEY:
	case GP_DNS_CAA: /* no protocol 3, and no letter, among the fills */
		return false;
	case GP_DNS_MX:
		return fill == 0 && len == 3;
	case GP_DNS_SPF:
	case GP_DNS_TXT: /* strings of `fill` octets and their length */
		return len > 0 && len % (fill + 1u) == 0;
	default:
		return fill == 0 && len == 1;
	}
}

/*
 * The data ends where the memory does, so that a sanitizer sees each read too far; and once more
 * with octets behind it.
 */
static void
check_length(uint16_t type, size_t len, uint8_t fill, size_t behind)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_dns_record r;
	char *message = malloc(len + behind + 1);
	assert_non_null(message);
	memset(message, fill, len + behind + 1);
	memmove(message, message + 1, len + behind);
	char *exact = realloc(message, len + behind > 0 ? len + behind : 1);
	assert_non_null(exact);
	int rc = gp_dns_rdata_parse(gp_slice(exact, len + behind), 0, len, type, &arena, &r);
	if (rc != (length_fits(type, len, fill) ? 0 : 1))
		fail_msg("type %d, %zu octets of %d: %d", type, len, fill, rc);
	free(exact);
	gp_arena_free(&arena);
}

static void
every_length_of_every_type(void **state)
{
	(void)state;
	static const uint16_t types[] = {GP_DNS_A,   GP_DNS_AAAA, GP_DNS_CNAME,  GP_DNS_MX,
					 GP_DNS_PTR, GP_DNS_TXT,  GP_DNS_TLSA,   GP_DNS_SPF,
					 GP_DNS_NS,  GP_DNS_DS,   GP_DNS_DNSKEY, GP_DNS_CAA};
	static const uint8_t fills[] = {0, 1, 2, 63, 64, 192, 255};
	for (size_t t = 0; t < GP_ARRAY_LEN(types); t++) {
		for (size_t len = 0; len <= 64; len++) {
			for (size_t f = 0; f < GP_ARRAY_LEN(fills); f++) {
				check_length(types[t], len, fills[f], 0);
				check_length(types[t], len, fills[f], 3);
			}
		}
	}
}

/* Builds messages: names as "\1a\0", numbers in network order. */
#define HEADER(flags, answers) "\0\0" flags "\0\1" answers "\0\0\0\0"
#define OK "\x81\x80"
#define QUESTION(type) "\1q\0" type "\0\1" /* at offset 12 */
#define Q "\xc0\x0c"
#define RR(owner, type, len, data) owner type "\0\1\0\0\0\x3c" len data
#define T_A "\0\1"
#define T_CNAME "\0\5"
#define T_MX "\0\x0f"
#define T_RRSIG "\0\x2e"
#define A1 "\xc0\0\2\1"
#define A2 "\xc0\0\2\2"

/* The question is "q" of the type; shown: status, end of the chain, records. NULL: malformed. */
static const struct {
	const char *what;
	uint16_t type;
	struct gp_slice message;
	const char *shown;
} messages[] = {
	{"one record", GP_DNS_A, BYTES(HEADER(OK, "\0\1") QUESTION(T_A) RR(Q, T_A, "\0\4", A1)),
	 "ok q 192.0.2.1"},
	{"two of four: other owners and types do not count", GP_DNS_A,
	 BYTES(HEADER(OK, "\0\4") QUESTION(T_A) RR(Q, T_A, "\0\4", A1) RR("\1x\0", T_A, "\0\4", A2)
		       RR(Q, T_RRSIG, "\0\1", "x") RR("\1Q\0", T_A, "\0\4", A2)),
	 "ok q 192.0.2.1 192.0.2.2"},
	{"nothing", GP_DNS_A, BYTES(HEADER(OK, "\0\0") QUESTION(T_A)), "nodata q"},
	{"no such name", GP_DNS_A, BYTES(HEADER("\x81\x83", "\0\0") QUESTION(T_A)), "nxdomain q"},
	{"server failure", GP_DNS_A, BYTES(HEADER("\x81\x82", "\0\0") QUESTION(T_A)), "servfail q"},
	{"refused", GP_DNS_A, BYTES(HEADER("\x81\x85", "\0\0") QUESTION(T_A)), "servfail q"},
	{"records beside an error are none", GP_DNS_A,
	 BYTES(HEADER("\x81\x83", "\0\1") QUESTION(T_A) RR(Q, T_A, "\0\4", A1)), "nxdomain q"},
	{"aliases, in any order", GP_DNS_A,
	 BYTES(HEADER(OK, "\0\3") QUESTION(T_A) RR("\1b\0", T_A, "\0\4", A1)
		       RR("\1a\0", T_CNAME, "\0\3", "\1b\0") RR(Q, T_CNAME, "\0\3", "\1a\0")),
	 "ok b 192.0.2.1"},
	{"alias to nowhere", GP_DNS_A,
	 BYTES(HEADER("\x81\x83", "\0\1") QUESTION(T_A) RR(Q, T_CNAME, "\0\3", "\1a\0")),
	 "nxdomain a"},
	{"asked for the alias itself", GP_DNS_CNAME,
	 BYTES(HEADER(OK, "\0\1") QUESTION(T_CNAME) RR(Q, T_CNAME, "\0\3", "\1a\0")), "ok q a"},
	{"aliases in a circle", GP_DNS_A,
	 BYTES(HEADER(OK, "\0\2") QUESTION(T_A) RR(Q, T_CNAME, "\0\3", "\1a\0")
		       RR("\1a\0", T_CNAME, "\0\2", Q)),
	 NULL},
	{"a count of 65535 and nothing behind it", GP_DNS_A,
	 BYTES(HEADER(OK, "\xff\xff") QUESTION(T_A)), NULL},
	{"data longer than the message", GP_DNS_A,
	 BYTES(HEADER(OK, "\0\1") QUESTION(T_A) RR(Q, T_A, "\0\5", A1)), NULL},
	{"an address of 3 octets", GP_DNS_A,
	 BYTES(HEADER(OK, "\0\1") QUESTION(T_A) RR(Q, T_A, "\0\3", "\xc0\0\2")), NULL},
	{"another name", GP_DNS_A, BYTES(HEADER(OK, "\0\0") "\1x\0" T_A "\0\1"), NULL},
	{"another type", GP_DNS_A, BYTES(HEADER(OK, "\0\0") QUESTION(T_MX)), NULL},
	{"another class", GP_DNS_A, BYTES(HEADER(OK, "\0\0") "\1q\0" T_A "\0\3"), NULL},
	{"a query", GP_DNS_A, BYTES(HEADER("\1\0", "\0\0") QUESTION(T_A)), NULL},
	{"truncated", GP_DNS_A, BYTES(HEADER("\x83\x80", "\0\0") QUESTION(T_A)), NULL},
	{"a notification", GP_DNS_A, BYTES(HEADER("\xa1\x80", "\0\0") QUESTION(T_A)), NULL},
	{"no question", GP_DNS_A, BYTES("\0\0\x81\x80\0\0\0\0\0\0\0\0"), NULL},
	{"half a header", GP_DNS_A, BYTES("\0\0\x81\x80\0"), NULL},
	{"nothing at all", GP_DNS_A, BYTES(""), NULL},
};

static struct gp_slice
show_answer(const struct gp_dns_answer *a, struct gp_arena *arena)
{
	static const char *const names[] = {"", "ok", "nodata", "nxdomain", "servfail", "timeout"};
	struct gp_slice out =
		gp_arena_printf(arena, "%s %.*s", names[a->status], GP_SLICE_FMT(a->canonical));
	for (size_t i = 0; i < a->records_len; i++) {
		struct gp_slice r = show(&a->records[i], arena);
		out = gp_arena_printf(arena, "%.*s %.*s", GP_SLICE_FMT(out), GP_SLICE_FMT(r));
	}
	return out;
}

static int
parse(struct gp_slice message, uint16_t type, struct gp_arena *arena, struct gp_dns_answer *ret)
{
	struct gp_dns_question question = {GP_SLICE("Q."), type};
	return gp_dns_message_parse(message, &question, arena, ret);
}

static void
messages_give_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(messages); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_dns_answer answer;
		int rc = parse(messages[i].message, messages[i].type, &arena, &answer);
		if (rc != (messages[i].shown ? 0 : 1))
			fail_msg("%s: %d", messages[i].what, rc);
		if (rc == 0) {
			assert_slice(show_answer(&answer, &arena), messages[i].shown);
			assert_slice(answer.name, "q");
			assert_false(answer.secure);
		}
		gp_arena_free(&arena);
	}
}

/* No prefix of a good message is a good message. */
/* TTL, owner q, an address. */
#define LIVES(ttl) Q T_A "\0\1" ttl "\0\4" A1

static void
ttl_is_the_least(void **state)
{
	(void)state;
	static const struct {
		struct gp_slice message;
		uint32_t ttl_s;
		bool known;
	} cases[] = {
		{BYTES(HEADER(OK, "\0\1") QUESTION(T_A) LIVES("\0\0\1\2")), 258, true},
		{BYTES(HEADER(OK, "\0\2") QUESTION(T_A) LIVES("\0\0\0\x3c") LIVES("\1\0\0\0")), 60,
		 true},
		{BYTES(HEADER(OK, "\0\2") QUESTION(T_A) LIVES("\1\0\0\0") LIVES("\0\0\0\x3c")), 60,
		 true},
		/* of the authority section, where there is no answer */
		{BYTES("\0\0" OK "\0\1\0\0\0\1\0\0" QUESTION(T_A) LIVES("\0\0\0\7")), 7, true},
		{BYTES(HEADER(OK, "\0\0") QUESTION(T_A)), 0, false},
		{BYTES(HEADER(OK, "\0\2") QUESTION(T_A) LIVES("\0\0\0\7")), 0, false},
		{BYTES(""), 0, false},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint32_t ttl_s;
		assert_int_equal(gp_dns_message_ttl(cases[i].message, &ttl_s), cases[i].known);
		if (cases[i].known)
			assert_int_equal(ttl_s, cases[i].ttl_s);
	}
}

static void
messages_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; messages[i].shown; i++) {
		for (size_t len = 0; len < messages[i].message.len; len++) {
			struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
			struct gp_dns_answer answer;
			char *exact = malloc(len + 1);
			assert_non_null(exact);
			memcpy(exact, messages[i].message.ptr, len);
			int rc = parse(gp_slice(exact, len), messages[i].type, &arena, &answer);
			assert_int_equal(rc, 1);
			free(exact);
			gp_arena_free(&arena);
		}
	}
}

static void
put(struct gp_buf *b, const char *bytes, size_t len)
{
	assert_true(gp_buf_put(b, gp_slice(bytes, len)));
}
#define PUT(b, lit) put((b), lit, sizeof(lit) - 1)

static void
records_and_aliases_are_capped(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf b = GP_BUF_INIT(65535);
	struct gp_dns_answer answer;
	PUT(&b, HEADER(OK, "\x04\0") QUESTION(T_A));
	for (size_t i = 0; i < 1024; i++)
		PUT(&b, RR(Q, T_A, "\0\4", A1));
	assert_int_equal(parse(gp_buf_slice(&b), GP_DNS_A, &arena, &answer), 0);
	assert_int_equal(answer.records_len, GP_DNS_RECORDS_MAX);

	for (char aliases = 8; aliases <= 9; aliases++) {
		gp_buf_clear(&b);
		PUT(&b, HEADER(OK, "\0\x0a") QUESTION(T_A));
		for (char i = 0; i < 10; i++) {
			char from = i == 0 ? 'q' : (char)('a' + i), to = (char)('b' + i);
			char rr[] = RR("\1_\0", T_CNAME, "\0\3", "\1_\0");
			rr[1] = i < aliases ? from : 'z';
			rr[14] = to;
			put(&b, rr, sizeof(rr) - 1);
		}
		assert_int_equal(parse(gp_buf_slice(&b), GP_DNS_A, &arena, &answer), aliases == 9);
	}
	gp_buf_free(&b);
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	for (size_t i = 0; messages[i].shown; i++) {
		int rc = -ENOMEM;
		for (size_t max = 0; rc != 0; max += 16) {
			struct gp_arena arena = GP_ARENA_INIT(max);
			struct gp_dns_answer answer;
			rc = parse(messages[i].message, messages[i].type, &arena, &answer);
			assert_true(rc == 0 || rc == -ENOMEM);
			gp_arena_free(&arena);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rdata_of_each_type),
		cmocka_unit_test(every_length_of_every_type),
		cmocka_unit_test(messages_give_answers),
		cmocka_unit_test(ttl_is_the_least),
		cmocka_unit_test(messages_cut_anywhere),
		cmocka_unit_test(records_and_aliases_are_capped),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
