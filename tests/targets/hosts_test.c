/* SPDX-License-Identifier: Apache-2.0 */
/* Names to addresses and back: on a world that is all known, and on one that is asked for. */
#include "../unit.h"

#include "core/config/value.h"
#include "core/targets/hosts.h"

static const uint64_t seed[2] = {1, 2};

static const char world[] =
	"{\"example.org\": {\"MX\": [[20, \"b.example.org\"], [10, \"a.example.org\"]], "
	"\"secure\": true},"
	" \"a.example.org\": {\"A\": [\"192.0.2.1\", \"192.0.2.2\"], \"AAAA\": [\"2001:db8::1\"], "
	"\"secure\": true},"
	" \"b.example.org\": {\"A\": [\"192.0.2.2\"]},"
	" \"plain.example\": {\"A\": [\"192.0.2.9\"]},"
	" \"alias.example\": {\"CNAME\": \"plain.example\"},"
	" \"null.example\": {\"MX\": [[0, \".\"]]},"
	" \"dead.example\": {\"MX\": [[10, \"gone.example\"]]},"
	" \"sick.example\": \"SERVFAIL\","
	" \"half.example\": {\"MX\": [[10, \"sick.example\"], [20, \"plain.example\"]]},"
	" \"1.2.0.192.in-addr.arpa\": {\"PTR\": [\"a.example.org\"]},"
	" \"2.2.0.192.in-addr.arpa\": {\"PTR\": [\"liar.example\", \"a.example.org\"]},"
	" \"3.2.0.192.in-addr.arpa\": {\"PTR\": [\"a.example.org\"]},"
	" \"4.2.0.192.in-addr.arpa\": \"TIMEOUT\","
	" \"5.2.0.192.in-addr.arpa\": {\"PTR\": [\"sick.example\"]},"
	" \"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa\":"
	"  {\"PTR\": [\"a.example.org\"]}}";

static struct gp_answers *
known(struct gp_arena *arena)
{
	struct gp_answers *answers;
	struct gp_slice why;
	assert_int_equal(gp_answers_from_json(gp_slice_str(world), arena, seed, &answers, &why), 0);
	return answers;
}

/* "HOST ADDRESS+" (+: secure), or why there is none. */
static void
put_hosts(struct gp_buf *out, const struct gp_hosts_result *r)
{
	for (size_t i = 0; i < r->addresses_len; i++) {
		const struct gp_host_address *a = &r->addresses[i];
		gp_buf_printf(out, "%s%.*s ", i > 0 ? ", " : "", GP_SLICE_FMT(a->host));
		gp_ip_write(out, a->address, a->address_len);
		gp_buf_put_str(out, a->secure ? "+" : "");
	}
	if (r->why)
		gp_buf_printf(out, "%s%s", r->why, r->temporary ? "?" : "");
}

static const struct {
	const char *name;
	bool mx;
	const char *is;
	bool each_name;
} names[] = {
	{"example.org", true,
	 "a.example.org 192.0.2.1+, a.example.org 192.0.2.2+, a.example.org 2001:db8::1+"},
	{"a.example.org", false,
	 "a.example.org 192.0.2.1+, a.example.org 192.0.2.2+, a.example.org 2001:db8::1+"},
	{"plain.example", true, "plain.example 192.0.2.9"},
	{"alias.example", false, "alias.example 192.0.2.9"},
	{"example.org", false, "no address"},
	{"null.example", true, "the domain takes no mail (null MX, RFC 7505)"},
	{"dead.example", true, "no address"},
	{"nowhere.example", true, "there is no such domain"},
	{"nowhere.example", false, "no address"},
	{"sick.example", true, "the DNS did not answer?"},
	{"sick.example", false, "the DNS did not answer?"},
	{"half.example", true, "plain.example 192.0.2.9"},
	{"example.org", true,
	 "a.example.org 192.0.2.1+, a.example.org 192.0.2.2+, a.example.org 2001:db8::1+, "
	 "b.example.org 192.0.2.2",
	 .each_name = true},
};

static void
names_lead_to_addresses(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_answers *answers = known(&arena);
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		struct gp_buf out = GP_BUF_INIT(1000);
		struct gp_hosts_result r;
		const struct gp_hosts_query q = {gp_slice_str(names[i].name), names[i].mx,
						 names[i].each_name};
		int got = gp_hosts_eval(&q, answers, &arena, &r);
		assert_true(got == (r.why ? GP_HOSTS_NONE : GP_HOSTS_DONE));
		put_hosts(&out, &r);
		assert_slice(gp_buf_slice(&out), names[i].is);
		gp_buf_free(&out);
	}
	gp_answers_free(answers);
	gp_arena_free(&arena);
}

/* Every round makes progress, and at most a few are needed. */
static void
what_is_missing_is_asked_for(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_answers *all = known(&arena);
	for (size_t i = 0; i < GP_ARRAY_LEN(names); i++) {
		struct gp_answers *open = gp_answers_new(&arena, 100, seed);
		struct gp_buf out = GP_BUF_INIT(1000);
		struct gp_hosts_result r;
		const struct gp_hosts_query q = {gp_slice_str(names[i].name), names[i].mx,
						 names[i].each_name};
		unsigned rounds = 0;
		while (gp_hosts_eval(&q, open, &arena, &r) == GP_HOSTS_NEED) {
			assert_true(r.need_len > 0 && rounds++ < 3);
			for (size_t j = 0; j < r.need_len; j++) {
				struct gp_dns_answer answer;
				assert_false(gp_answers_find(open, r.need[j].name, r.need[j].type,
							     &answer));
				assert_true(gp_answers_find(all, r.need[j].name, r.need[j].type,
							    &answer));
				assert_int_equal(gp_answers_add(open, &answer), 0);
			}
		}
		put_hosts(&out, &r);
		assert_slice(gp_buf_slice(&out), names[i].is);
		gp_buf_free(&out);
		gp_answers_free(open);
	}
	gp_answers_free(all);
	gp_arena_free(&arena);
}

static void
names_are_confirmed(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		uint8_t state;
		const char *name;
	} cases[] = {
		{"192.0.2.1", GP_REVERSE_CONFIRMED, "a.example.org"},
		{"192.0.2.2", GP_REVERSE_CONFIRMED, "a.example.org"},
		{"192.0.2.3", GP_REVERSE_UNCONFIRMED, "a.example.org"},
		{"192.0.2.4", GP_REVERSE_UNKNOWN, ""},
		{"192.0.2.5", GP_REVERSE_UNKNOWN, "sick.example"},
		{"192.0.2.6", GP_REVERSE_NONE, ""},
		{"2001:db8::1", GP_REVERSE_CONFIRMED, "a.example.org"},
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_answers *answers = known(&arena);
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		uint8_t octets[16];
		struct gp_reverse r;
		size_t len = gp_ip_parse(gp_slice_str(cases[i].address), octets);
		assert_int_equal(gp_reverse_eval(octets, len, answers, &arena, &r), GP_HOSTS_DONE);
		assert_int_equal(r.state, cases[i].state);
		assert_slice(r.name, cases[i].name);
	}
	gp_answers_free(answers);
	gp_arena_free(&arena);
}

/* A domain may have as many MX records as it likes. */
static void
many_hosts_are_cut(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_answers *open = gp_answers_new(&arena, 100, seed);
	struct gp_dns_record records[100];
	struct gp_hosts_result r;
	const struct gp_hosts_query q = {GP_SLICE("many.example"), true};
	/* Better ones and worse ones than all before, in turns. */
	for (unsigned i = 0; i < 100; i++)
		records[i] = (struct gp_dns_record){
			.type = GP_DNS_MX,
			.preference = (uint16_t)(i % 2 == 0 ? 1000 + i : 1000 - i),
			.name = gp_arena_printf(&arena, "mx%u.example", i)};
	const struct gp_dns_answer mx = {.name = q.name,
					 .canonical = q.name,
					 .type = GP_DNS_MX,
					 .status = GP_DNS_OK,
					 .records = records,
					 .records_len = 100};
	assert_int_equal(gp_answers_add(open, &mx), 0);
	assert_int_equal(gp_hosts_eval(&q, open, &arena, &r), GP_HOSTS_NEED);
	assert_int_equal(r.need_len, GP_HOSTS_NEED_MAX);
	assert_int_equal(r.dropped, 100 - GP_HOSTS_MAX);
	assert_slice(r.need[0].name, "mx99.example"); /* the most preferred */
	gp_answers_free(open);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_lead_to_addresses),
		cmocka_unit_test(what_is_missing_is_asked_for),
		cmocka_unit_test(names_are_confirmed),
		cmocka_unit_test(many_hosts_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
