/* SPDX-License-Identifier: Apache-2.0 */
#include "dns_test.h"

#include <arpa/inet.h>
#include <errno.h>

#include "base/buf.h"
#include "core/mx/mx.h"

enum { ARENA_MAX = 1 << 22 };

/* Beyond this, rounds make no progress. */
enum { ROUNDS_MAX = 30 };

/* "We" are relay.test, at these addresses: port 25 on two of them, 2525 on all of 127.0.0.0/8. */
static const struct gp_slice own_names[] = {{"relay.test", 10}};
static const struct gp_mx_endpoint own_endpoints[] = {
	{{192, 0, 2, 99}, 4, 32, 25},
	{{0x20, 1, 0x0d, 0xb8, [15] = 0x99}, 16, 128, 25},
	{{127}, 4, 8, 2525},
	{{10, 1, 2, 0x80}, 4, 25, 25}, /* 10.1.2.128/25 */
};
static const struct gp_mx_self self = {own_names, GP_ARRAY_LEN(own_names), own_endpoints,
				       GP_ARRAY_LEN(own_endpoints)};

#define A(name, address) "\"" name "\": {\"A\": [\"" address "\"]}"
#define MX1(domain, host) "\"" domain "\": {\"MX\": [[10, \"" host "\"]]}"

/* want: "host[address]:preference ..." or "code enhanced". */
static const struct {
	const char *what, *dns, *domain, *want;
	const char *host; /* fixed next hop, or NULL */
	uint16_t port;
} cases[] = {
	{"one MX", "{" MX1("d.test", "mx.test") "," A("mx.test", "192.0.2.1") "}", "d.test",
	 "mx.test[192.0.2.1]:10"},
	{"the domain in any case and with U-labels",
	 "{" MX1("xn--bcher-kva.test", "MX.test") "," A("mx.test", "192.0.2.1") "}",
	 "B\xc3\xbc"
	 "cher.TEST",
	 "mx.test[192.0.2.1]:10"},
	{"by preference, whatever the order of the records",
	 "{\"d.test\": {\"MX\": [[30, \"c.test\"], [10, \"a.test\"], [20, \"b.test\"]]}," A(
		 "a.test", "192.0.2.1") "," A("b.test", "192.0.2.2") "," A("c.test",
									   "192.0.2.3") "}",
	 "d.test", "a.test[192.0.2.1]:10 b.test[192.0.2.2]:20 c.test[192.0.2.3]:30"},
	{"a host listed twice counts once, at its best",
	 "{\"d.test\": {\"MX\": [[20, \"a.test\"], [15, \"b.test\"], [10, \"A.test\"], [30, "
	 "\"b.test\"]]}," A("a.test", "192.0.2.1") "," A("b.test", "192.0.2.2") "}",
	 "d.test", "a.test[192.0.2.1]:10 b.test[192.0.2.2]:15"},
	{"IPv6 and IPv4 in turn",
	 "{" MX1("d.test", "mx.test") ", \"mx.test\": {\"A\": [\"192.0.2.1\"],"
				      " \"AAAA\": [\"2001:db8::1\"]}}",
	 "d.test", "mx.test[2001:db8::1]:10 mx.test[192.0.2.1]:10"},
	{"five addresses at most",
	 "{\"d.test\": {\"MX\": [[1, \"a.test\"], [2, \"b.test\"], [3, \"c.test\"], [4, "
	 "\"d.test\"],"
	 " [5, \"e.test\"], [6, \"f.test\"]]}, " A("a.test", "192.0.2.1") "," A(
		 "b.test",
		 "192.0.2.2") "," A("c.test",
				    "192.0.2.3") "," A("e.test",
						       "192.0.2.5") "," A("f.test",
									  "192.0.2.6") ", "
										       "\"g.test\":"
										       " {}}",
	 "d.test",
	 "a.test[192.0.2.1]:1 b.test[192.0.2.2]:2 c.test[192.0.2.3]:3 e.test[192.0.2.5]:5 "
	 "f.test[192.0.2.6]:6"},
	{"the MX name is an alias",
	 "{" MX1("d.test", "alias.test") ", \"alias.test\": {\"CNAME\": \"mx.test\"}," A(
		 "mx.test", "192.0.2.1") "}",
	 "d.test", "alias.test[192.0.2.1]:10"},
	{"the domain is an alias",
	 "{\"d.test\": {\"CNAME\": \"e.test\"}," MX1("e.test", "mx.test") "," A("mx.test",
										"192.0.2.1") "}",
	 "d.test", "mx.test[192.0.2.1]:10"},
	{"no MX: the domain itself (RFC 5321 section 5.1)", "{" A("d.test", "192.0.2.1") "}",
	 "d.test", "d.test[192.0.2.1]:0"},
	{"MX without address: no way back to the domain's own",
	 "{\"d.test\": {\"MX\": [[10, \"mx.test\"]], \"A\": [\"192.0.2.1\"]}, \"mx.test\": {}}",
	 "d.test", "550 5.4.4"},
	{"null MX (RFC 7505)", "{\"d.test\": {\"MX\": [[0, \".\"]], \"A\": [\"192.0.2.1\"]}}",
	 "d.test", "556 5.1.10"},
	{"null MX beside another",
	 "{\"d.test\": {\"MX\": [[0, \".\"], [10, \"mx.test\"]]}," A("mx.test", "192.0.2.1") "}",
	 "d.test", "mx.test[192.0.2.1]:10"},
	{"no such domain", "{}", "d.test", "550 5.1.2"},
	{"alias to no domain", "{\"d.test\": {\"CNAME\": \"e.test\"}}", "d.test", "550 5.1.2"},
	{"not a domain name", "{}", "d..test", "550 5.1.2"},
	{"the root", "{}", ".", "550 5.1.2"},
	{"a domain with nothing", "{\"d.test\": {}}", "d.test", "550 5.4.4"},
	{"MX that does not exist", "{" MX1("d.test", "mx.test") "}", "d.test", "550 5.4.4"},
	{"MX lookup fails", "{\"d.test\": {\"MX\": \"SERVFAIL\", \"A\": [\"192.0.2.1\"]}}",
	 "d.test", "451 4.4.3"},
	{"MX lookup takes too long", "{\"d.test\": \"TIMEOUT\"}", "d.test", "451 4.4.3"},
	{"no address but trouble",
	 "{" MX1("d.test", "mx.test") ", \"mx.test\": {\"A\": \"SERVFAIL\"}}", "d.test",
	 "451 4.4.3"},
	{"trouble with one of two families",
	 "{" MX1("d.test",
		 "mx.test") ", \"mx.test\": {\"A\": [\"192.0.2.1\"], \"AAAA\": \"TIMEOUT\"}}",
	 "d.test", "mx.test[192.0.2.1]:10"},
	{"trouble with one of two hosts",
	 "{\"d.test\": {\"MX\": [[10, \"a.test\"], [20, \"b.test\"]]}, \"a.test\": \"SERVFAIL\"," A(
		 "b.test", "192.0.2.2") "}",
	 "d.test", "b.test[192.0.2.2]:20"},
	{"addresses that are nobody's are passed over",
	 "{" MX1("d.test", "mx.test") ", \"mx.test\": {\"A\": [\"0.0.0.0\", \"224.0.0.1\","
				      " \"255.255.255.255\", \"0.1.2.3\"], \"AAAA\": [\"::\", "
				      "\"ff02::1\", \"::ffff:0.0.0.0\","
				      " \"::ffff:192.0.2.1\"]}}",
	 "d.test", "mx.test[192.0.2.1]:10"},
	{"no address but such", "{" MX1("d.test", "mx.test") "," A("mx.test", "0.0.0.0") "}",
	 "d.test", "550 5.4.4"},

	{"we are the only MX",
	 "{" MX1("d.test", "Relay.test") "," A("relay.test", "198.51.100.1") "}", "d.test",
	 "554 5.4.6"},
	{"we are the domain", "{" A("relay.test", "198.51.100.1") "}", "relay.test", "554 5.4.6"},
	{"we are the best MX",
	 "{\"d.test\": {\"MX\": [[20, \"b.test\"], [10, \"relay.test\"]]}," A("b.test",
									      "192.0.2.2") "}",
	 "d.test", "554 5.4.6"},
	{"equals of ours go too",
	 "{\"d.test\": {\"MX\": [[10, \"a.test\"], [20, \"b.test\"], [20, \"relay.test\"],"
	 " [30, \"c.test\"]]}," A("a.test", "192.0.2.1") "," A("b.test", "192.0.2.2") "," A(
		 "c.test", "192.0.2.3") "}",
	 "d.test", "a.test[192.0.2.1]:10"},
	{"we are found by address",
	 "{\"d.test\": {\"MX\": [[10, \"a.test\"], [20, \"b.test\"], [20, \"c.test\"]]}," A(
		 "a.test", "192.0.2.1") "," A("b.test", "192.0.2.2") "," A("c.test",
									   "192.0.2.99") "}",
	 "d.test", "a.test[192.0.2.1]:10"},
	{"by IPv6 address",
	 "{" MX1("d.test", "mx.test") ", \"mx.test\": {\"AAAA\": [\"2001:db8::99\"]}}", "d.test",
	 "554 5.4.6"},
	{"by network", "{" MX1("d.test", "mx.test") "," A("mx.test", "10.1.2.200") "}", "d.test",
	 "554 5.4.6"},
	{"beside the network", "{" MX1("d.test", "mx.test") "," A("mx.test", "10.1.2.100") "}",
	 "d.test", "mx.test[10.1.2.100]:10"},
	{"by an alias for us",
	 "{" MX1("d.test", "mx.test") ", \"mx.test\": {\"CNAME\": \"relay.test\"}," A(
		 "relay.test", "198.51.100.1") "}",
	 "d.test", "554 5.4.6"},
	{"our address, but another port",
	 "{" MX1("d.test", "mx.test") "," A("mx.test", "192.0.2.99") "}", "d.test",
	 "mx.test[192.0.2.99]:10", NULL, 26},
	{"we are backup and the better host has no address",
	 "{\"d.test\": {\"MX\": [[10, \"a.test\"], [20, \"relay.test\"]]}, \"a.test\": {}}",
	 "d.test", "451 4.4.4"},
	{"we are backup and the better host is not to be found now",
	 "{\"d.test\": {\"MX\": [[10, \"a.test\"], [20, \"relay.test\"]]}, \"a.test\": "
	 "\"TIMEOUT\"}",
	 "d.test", "451 4.4.3"},

	{"IPv4 literal", "{}", "[192.0.2.1]", "[192.0.2.1][192.0.2.1]:0"},
	{"IPv6 literal", "{}", "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1][2001:db8::1]:0"},
	{"mapped literal", "{}", "[IPv6:::ffff:192.0.2.1]", "[IPv6:::ffff:192.0.2.1][192.0.2.1]:0"},
	{"our own literal", "{}", "[192.0.2.99]", "554 5.4.6"},
	{"our own literal, mapped", "{}", "[IPv6:::ffff:192.0.2.99]", "554 5.4.6"},
	{"unspecified literal", "{}", "[0.0.0.0]", "550 5.4.4"},
	{"broken literal", "{}", "[192.0.2]", "550 5.1.2"},
	{"empty literal", "{}", "[]", "550 5.1.2"},
	{"general literal", "{}", "[x400:somewhere]", "550 5.1.2"},

	{"fixed next hop: its MX are not asked for",
	 "{\"hop.test\": {\"MX\": [[10, \"mx.test\"]], \"A\": [\"192.0.2.1\"]}}", "d.test",
	 "hop.test[192.0.2.1]:0", "Hop.test", 587},
	{"fixed address", "{}", "d.test", "192.0.2.1[192.0.2.1]:0", "192.0.2.1"},
	{"fixed IPv6 address", "{}", "d.test", "[2001:db8::1][2001:db8::1]:0", "[2001:db8::1]"},
	{"fixed next hop that is not there", "{}", "d.test", "451 4.4.4", "hop.test"},
	{"fixed next hop that is no name", "{}", "d.test", "451 4.4.4", "hop..test"},
	{"fixed next hop in trouble", "{\"hop.test\": \"SERVFAIL\"}", "d.test", "451 4.4.3",
	 "hop.test"},
	{"fixed next hop that is us", "{" A("hop.test", "192.0.2.99") "}", "d.test", "451 4.3.5",
	 "hop.test"},
	{"fixed address that is us", "{}", "d.test", "451 4.3.5", "127.3.4.5", 2525},
	{"fixed address beside us", "{}", "d.test", "127.3.4.5[127.3.4.5]:0", "127.3.4.5", 2526},
	{"fixed address of nobody", "{}", "d.test", "451 4.4.4", "0.0.0.0"},
	{"fixed next hop with our name, another address and port",
	 "{" A("relay.test", "198.51.100.1") "}", "d.test", "relay.test[198.51.100.1]:0",
	 "relay.test", 2526},
};

static struct gp_slice
show(int rc, const struct gp_mx_result *r, struct gp_arena *arena)
{
	struct gp_slice out = GP_SLICE("");
	if (rc == GP_MX_FAILED)
		return gp_arena_printf(arena, "%d %d.%d.%d", r->reply.code, r->reply.enhanced_class,
				       r->reply.enhanced_subject, r->reply.enhanced_detail);
	for (size_t i = 0; i < r->targets_len; i++) {
		const struct gp_mx_target *t = &r->targets[i];
		char text[INET6_ADDRSTRLEN];
		inet_ntop(t->address_len == 4 ? AF_INET : AF_INET6, t->address, text, sizeof(text));
		out = gp_arena_printf(arena, "%.*s%s%.*s[%s]:%d", GP_SLICE_FMT(out),
				      i > 0 ? " " : "", GP_SLICE_FMT(t->host), text, t->preference);
	}
	return out;
}

static struct gp_answers *
load(const char *dns, struct gp_arena *arena)
{
	struct gp_answers *set = NULL;
	struct gp_slice why;
	int rc = gp_answers_from_json(gp_slice_str(dns), arena, test_seed, &set, &why);
	if (rc != 0)
		fail_msg("%s: %.*s", dns, GP_SLICE_FMT(why));
	return set;
}

/* Answers what is needed from the world; every question is new. */
static void
answer_needs(const struct gp_mx_result *r, const struct gp_answers *world, struct gp_answers *set)
{
	assert_true(r->need_len > 0);
	for (size_t i = 0; i < r->need_len; i++) {
		struct gp_dns_answer a;
		assert_false(gp_answers_find(set, r->need[i].name, r->need[i].type, &a));
		assert_true(gp_answers_find(world, r->need[i].name, r->need[i].type, &a));
		assert_int_equal(gp_answers_add(set, &a), 0);
	}
}

/* Plays the driver: an open set that grows by what is asked. */
static int
drive(const struct gp_mx_query *q, const struct gp_answers *world, struct gp_arena *arena,
      struct gp_mx_result *ret, size_t *ret_rounds)
{
	struct gp_answers *set = gp_answers_new(arena, GP_ANSWERS_MAX, test_seed);
	int rc = GP_MX_NEED;
	for (*ret_rounds = 0; *ret_rounds < ROUNDS_MAX; (*ret_rounds)++) {
		rc = gp_mx_eval(q, set, arena, ret);
		if (rc != GP_MX_NEED)
			break;
		answer_needs(ret, world, set);
	}
	gp_answers_free(set);
	return rc;
}

static void
each_case(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_answers *world = load(cases[i].dns, &arena);
		struct gp_mx_query q = {.domain = gp_slice_str(cases[i].domain),
					.host = gp_slice_str(cases[i].host),
					.port = cases[i].port,
					.self = &self,
					.seed = i};
		struct gp_mx_result r;
		size_t rounds;
		int rc = drive(&q, world, &arena, &r, &rounds);
		struct gp_slice shown = show(rc, &r, &arena);
		if (!gp_slice_eq(shown, gp_slice_str(cases[i].want)))
			fail_msg("%s: %.*s", cases[i].what, GP_SLICE_FMT(shown));
		/* All at once gives the same as round by round. */
		rc = gp_mx_eval(&q, world, &arena, &r);
		assert_slice(show(rc, &r, &arena), cases[i].want);
		for (size_t t = 0; t < r.targets_len; t++)
			assert_int_equal(r.targets[t].port, cases[i].port ? cases[i].port : 25);
		gp_answers_free(world);
		gp_arena_free(&arena);
	}
}

static void
replies_say_about_what(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load("{}", &arena);
	struct gp_mx_query q = {.domain = GP_SLICE("d.test")};
	struct gp_mx_result r;
	assert_int_equal(gp_mx_eval(&q, world, &arena, &r), GP_MX_FAILED);
	assert_slice(r.reply.text, "d.test is not a domain that exists");
	gp_answers_free(world);
	gp_arena_free(&arena);
}

/* The first host in each of many deliveries, as a letter count. */
static void
count_first(const char *dns, size_t runs, unsigned counts[26])
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load(dns, &arena);
	for (size_t i = 0; i < runs; i++) {
		struct gp_mx_query q = {.domain = GP_SLICE("d.test"), .seed = i};
		struct gp_mx_result r, again;
		assert_int_equal(gp_mx_eval(&q, world, &arena, &r), GP_MX_DONE);
		assert_int_equal(gp_mx_eval(&q, world, &arena, &again), GP_MX_DONE);
		assert_memory_equal(r.targets, again.targets, r.targets_len * sizeof(*r.targets));
		counts[r.targets[0].host.ptr[0] - 'a']++;
	}
	gp_answers_free(world);
	gp_arena_free(&arena);
}

static void
equals_share_the_load(void **state)
{
	(void)state;
	unsigned counts[26] = {0};
	count_first(
		"{\"d.test\": {\"MX\": [[10, \"a.test\"], [10, \"b.test\"], [10, \"c.test\"],"
		" [20, \"z.test\"]]}," A("a.test", "192.0.2.1") "," A("b.test", "192.0.2.2") "," A(
			"c.test", "192.0.2.3") "," A("z.test", "192.0.2.26") "}",
		3000, counts);
	for (size_t i = 0; i < 3; i++)
		assert_in_range(counts[i], 850, 1150);
	assert_int_equal(counts[25], 0);
}

static void
addresses_of_a_host_share_the_load(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load("{\"d.test\": {\"A\": [\"192.0.2.0\", \"192.0.2.1\","
					" \"192.0.2.2\"]}}",
					&arena);
	unsigned counts[3] = {0};
	for (size_t i = 0; i < 3000; i++) {
		struct gp_mx_query q = {.domain = GP_SLICE("d.test"), .seed = i};
		struct gp_mx_result r;
		assert_int_equal(gp_mx_eval(&q, world, &arena, &r), GP_MX_DONE);
		assert_int_equal(r.targets_len, 3);
		assert_in_range(r.targets[0].address[3], 0, 2);
		counts[r.targets[0].address[3]]++;
	}
	for (size_t i = 0; i < 3; i++)
		assert_in_range(counts[i], 850, 1150);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

/* One host's, as those of several (the table has them). */
static void
no_more_addresses_than_there_is_room_for(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world =
		load("{\"d.test\": {\"A\": [\"192.0.2.1\", \"192.0.2.2\", \"192.0.2.3\","
		     " \"192.0.2.4\", \"192.0.2.5\", \"192.0.2.6\"]}}",
		     &arena);
	struct gp_mx_query q = {.domain = GP_SLICE("d.test")};
	struct gp_mx_result r;
	assert_int_equal(gp_mx_eval(&q, world, &arena, &r), GP_MX_DONE);
	assert_int_equal(r.targets_len, GP_MX_ADDRESSES_MAX);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

/* A domain with `hosts` MX records: all equal, or each one worse; only the last has an address. */
static struct gp_answers *
crowd(size_t hosts, bool equal, struct gp_arena *arena)
{
	struct gp_buf b = GP_BUF_INIT(1 << 20);
	gp_buf_put_str(&b, "{\"d.test\": {\"MX\": [");
	for (size_t i = 0; i < hosts; i++)
		gp_buf_printf(&b, "%s[%zu, \"h%zu.test\"]", i > 0 ? "," : "", equal ? 1 : i, i);
	gp_buf_printf(&b,
		      "]},"
		      "\"h%zu.test\": {\"A\": [\"192.0.2.1\"]}}",
		      hosts - 1);
	gp_buf_put_char(&b, '\0');
	struct gp_answers *world = load(gp_buf_slice(&b).ptr, arena);
	gp_buf_free(&b);
	return world;
}

static void
a_crowd_of_hosts_is_bounded(void **state)
{
	(void)state;
	static const struct {
		size_t hosts;
		bool equal;
		int outcome;
		size_t rounds;
	} crowds[] = {
		{100, true, GP_MX_DONE, 2},     /* MX, then all addresses at once */
		{500, false, GP_MX_FAILED, 21}, /* MX, then 100 hosts in batches of five */
		{100, false, GP_MX_DONE, 21},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(crowds); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_answers *world = crowd(crowds[i].hosts, crowds[i].equal, &arena);
		struct gp_mx_query q = {.domain = GP_SLICE("d.test"), .self = &self};
		struct gp_mx_result r;
		size_t rounds;
		assert_int_equal(drive(&q, world, &arena, &r, &rounds), crowds[i].outcome);
		assert_int_equal(rounds, crowds[i].rounds);
		gp_answers_free(world);
		gp_arena_free(&arena);
	}
}

#define MX_SECURE(domain, host) "\"" domain "\": {\"MX\": [[10, \"" host "\"]], \"secure\": true}"
#define ALIAS(name, to, secure) "\"" name "\": {\"CNAME\": \"" to "\", \"secure\": " secure "}"
#define A_SECURE(name) "\"" name "\": {\"A\": [\"192.0.2.1\"], \"secure\": true}"

/* want: "domain>canonical, by MX or not, secure or not; host>canonical, secure or not" */
static const struct {
	const char *what, *dns, *host, *want;
} ways[] = {
	{"all secure", "{" MX_SECURE("d.test", "mx.test") "," A_SECURE("mx.test") "}", NULL,
	 "d.test>d.test mx secure; mx.test>mx.test secure"},
	{"insecure MX", "{" MX1("d.test", "mx.test") "," A_SECURE("mx.test") "}", NULL,
	 "d.test>d.test mx -; mx.test>mx.test secure"},
	{"insecure address", "{" MX_SECURE("d.test", "mx.test") "," A("mx.test", "192.0.2.1") "}",
	 NULL, "d.test>d.test mx secure; mx.test>mx.test -"},
	{"aliases",
	 "{" ALIAS("d.test", "e.test", "true") "," MX_SECURE("e.test", "mx.test") "," ALIAS(
		 "mx.test", "h.test", "true") "," A_SECURE("h.test") "}",
	 NULL, "d.test>e.test mx secure; mx.test>h.test secure"},
	{"an insecure alias",
	 "{" ALIAS("d.test", "e.test", "false") "," MX_SECURE("e.test", "mx.test") "," ALIAS(
		 "mx.test", "h.test", "false") "," A_SECURE("h.test") "}",
	 NULL, "d.test>e.test mx -; mx.test>h.test -"},
	{"no MX", "{" A_SECURE("d.test") "}", NULL, "d.test>d.test - secure; d.test>d.test secure"},
	{"a fixed host", "{" ALIAS("hop.test", "h.test", "true") "," A_SECURE("h.test") "}",
	 "Hop.test", "hop.test>hop.test - secure; hop.test>h.test secure"},
	{"a fixed address", "{}", "192.0.2.1", "192.0.2.1>192.0.2.1 - secure; 192.0.2.1> -"},
};

static void
what_a_proof_can_stand_on(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(ways); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_answers *world = load(ways[i].dns, &arena);
		struct gp_mx_query q = {.domain = GP_SLICE("D.test"),
					.host = gp_slice_str(ways[i].host)};
		struct gp_mx_result r;
		assert_int_equal(gp_mx_eval(&q, world, &arena, &r), GP_MX_DONE);
		const struct gp_mx_target *t = &r.targets[0];
		struct gp_slice shown = gp_arena_printf(
			&arena, "%.*s>%.*s %s %s; %.*s>%.*s %s", GP_SLICE_FMT(r.way.domain),
			GP_SLICE_FMT(r.way.canonical), r.way.mx ? "mx" : "-",
			r.way.secure ? "secure" : "-", GP_SLICE_FMT(t->host),
			GP_SLICE_FMT(t->canonical), t->secure ? "secure" : "-");
		if (!gp_slice_eq(shown, gp_slice_str(ways[i].want)))
			fail_msg("%s: %.*s", ways[i].what, GP_SLICE_FMT(shown));
		gp_answers_free(world);
		gp_arena_free(&arena);
	}
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = load(cases[2].dns, &arena);
	struct gp_mx_query q = {.domain = gp_slice_str(cases[2].domain)};
	int rc = -ENOMEM;
	for (size_t max = 0; rc != GP_MX_DONE; max += 16) {
		struct gp_arena small = GP_ARENA_INIT(max);
		struct gp_mx_result r;
		rc = gp_mx_eval(&q, world, &small, &r);
		assert_true(rc == GP_MX_DONE || rc == -ENOMEM);
		gp_arena_free(&small);
	}
	gp_answers_free(world);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case),
		cmocka_unit_test(replies_say_about_what),
		cmocka_unit_test(equals_share_the_load),
		cmocka_unit_test(addresses_of_a_host_share_the_load),
		cmocka_unit_test(no_more_addresses_than_there_is_room_for),
		cmocka_unit_test(a_crowd_of_hosts_is_bounded),
		cmocka_unit_test(what_a_proof_can_stand_on),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
