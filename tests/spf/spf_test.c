/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluations as dialogues: a world, who comes, and what is said about it. */
#include "world.h"

#include <errno.h>

#include "base/buf.h"

enum { ARENA_MAX = 64 << 20 };

struct visit {
	const char *world;  /* make_world() reads it */
	const char *client; /* "ADDRESS SENDER"; without a sender: null */
	const char *want;   /* "VERDICT MECHANISM LOOKUPS/VOIDS", "-" for no mechanism */
	const char *reason; /* a part of it; NULL: whatever */
};

static struct gp_spf_query
query_of(const char *client)
{
	struct gp_slice sender = gp_slice_str(client), address = gp_slice_cut(&sender, ' ');
	struct gp_spf_query q = {.helo = GP_SLICE("helo.test"),
				 .sender = sender,
				 .receiver = GP_SLICE("us.test"),
				 .explain = true};
	set_client(&q, address);
	return q;
}

static bool
contains(struct gp_slice s, const char *part)
{
	return memmem(s.ptr, s.len, part, strlen(part)) != NULL;
}

static void
visit(const struct visit *v)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = make_world(v->world, &arena);
	struct gp_spf_query q = query_of(v->client);
	struct gp_spf_result r;
	run_both(&q, world, &arena, &r);
	struct gp_slice mechanism = r.mechanism.len > 0 ? r.mechanism : GP_SLICE("-");
	struct gp_slice got =
		gp_arena_printf(&arena, "%s %.*s %u/%u", gp_spf_verdict_name(r.verdict),
				GP_SLICE_FMT(mechanism), r.lookups, r.void_lookups);
	if (!gp_slice_eq(got, gp_slice_str(v->want)) ||
	    (v->reason && !contains(r.reason, v->reason)))
		fail_msg("%s\n  %s\n  got '%.*s' for '%.*s', wanted '%s'", v->world, v->client,
			 GP_SLICE_FMT(got), GP_SLICE_FMT(r.reason), v->want);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

static void
visit_all(const struct visit *visits, size_t len)
{
	for (size_t i = 0; i < len; i++)
		visit(&visits[i]);
}

static void
identities(void **state)
{
	static const struct visit visits[] = {
		{"d.test TXT v=spf1 ip4:192.0.2.1 -all", "192.0.2.1 a@d.test",
		 "pass ip4:192.0.2.1 0/0", "d.test: ip4:192.0.2.1: match (RFC 7208"},
		{"d.test TXT v=spf1 -all", "192.0.2.1 a@D.TEST.", "fail all 0/0", NULL},
		{"d.test TXT v=spf1 -all", "192.0.2.1 \"a@b\"@d.test", "fail all 0/0", NULL},
		/* section 4.3: without a local-part it is postmaster's */
		{"d.test TXT v=spf1 exists:%{l}.d.test -all | postmaster.d.test A 127.0.0.1",
		 "192.0.2.1 @d.test", "pass exists:%{l}.d.test 1/0", NULL},
		{"d.test TXT v=spf1 exists:%{l}.d.test -all | postmaster.d.test A 127.0.0.1",
		 "192.0.2.1 d.test", "pass exists:%{l}.d.test 1/0", NULL},
		{"d.test TXT v=spf1 exists:%{s}.x.test -all | postmaster@d.test.x.test A 127.0.0.1",
		 "192.0.2.1 @d.test", "pass exists:%{s}.x.test 1/0", NULL},
		/* section 2.4: the null reverse-path is postmaster's at the HELO name */
		{"helo.test TXT v=spf1 -exists:%{l}.%{o}.%{h} +all | "
		 "postmaster.helo.test.helo.test A 127.0.0.1",
		 "192.0.2.1", "fail exists:%{l}.%{o}.%{h} 1/0", NULL},
		{"helo.test TXT v=spf1 exists:%{s}.x.test -all | "
		 "postmaster@helo.test.x.test A 127.0.0.1",
		 "192.0.2.1", "pass exists:%{s}.x.test 1/0", NULL},
		/* section 4.3: what has no policy */
		{"d.test TXT v=spf1 -all", "192.0.2.1 a@[192.0.2.1]", "none - 0/0",
		 "not a domain name"},
		{"d.test TXT v=spf1 -all", "192.0.2.1 a@d..test", "none - 0/0",
		 "not a domain name"},
		{"d.test TXT v=spf1 -all", "192.0.2.1 a@", "none - 0/0", "not a domain name"},
		{"d.test TXT v=spf1 -all", "192.0.2.1 a@test", "none - 0/0", "one label"},
		/* sections 4.4 and 4.5 */
		{"e.test A 192.0.2.1", "192.0.2.1 a@d.test", "none - 0/0",
		 "no SPF record (RFC 7208 section 4.5)"},
		{"d.test TXT v=spf10", "192.0.2.1 a@d.test", "none - 0/0", "no SPF record"},
		{"d.test TIMEOUT", "192.0.2.1 a@d.test", "temperror - 0/0", "section 4.4"},
		{"d.test TXT v=spf1 -all | d.test TXT v=spf1 +all | d.test TXT x",
		 "192.0.2.1 a@d.test", "permerror - 0/0", "more than one SPF record"},
		/* RFC 8616: U-labels are A-labels to SPF; a local-part in UTF-8 matches nothing */
		{"xn--bcher-kva.test TXT v=spf1 exists:%{l}.%{d} -all | a.xn--bcher-kva.test A "
		 "127.0.0.1",
		 "192.0.2.1 a@b\303\274cher.test", "pass exists:%{l}.%{d} 1/0", NULL},
		{"d.test TXT v=spf1 -all", "192.0.2.1 a@\377\376.test", "none - 0/0",
		 "not a domain name"},
		{"d.test TXT v=spf1 exists:%{l}.d.test include:%{s}.d.test a -all",
		 "192.0.2.1 \303\251@d.test", "fail all 3/1", NULL},
		{"d.test TXT v=spf1 exists:%{L}.d.test -all | %C3%A9.d.test A 127.0.0.1",
		 "192.0.2.1 \303\251@d.test", "fail all 1/0", NULL},
		{"d.test TXT v=spf1 redirect=%{l}.d.test", "192.0.2.1 \303\251@d.test",
		 "permerror - 1/0", "section 6.1"},
	};
	(void)state;
	visit_all(visits, GP_ARRAY_LEN(visits));
}

static void
addresses(void **state)
{
	static const struct visit visits[] = {
		/* section 5.6 */
		{"d.test TXT v=spf1 ip4:192.0.2.128/25 -all", "192.0.2.200 a@d.test",
		 "pass ip4:192.0.2.128/25 0/0", NULL},
		{"d.test TXT v=spf1 ip4:192.0.2.128/25 -all", "192.0.2.127 a@d.test",
		 "fail all 0/0", NULL},
		{"d.test TXT v=spf1 ip4:0.0.0.0/0 -all", "192.0.2.1 a@d.test",
		 "pass ip4:0.0.0.0/0 0/0", NULL},
		{"d.test TXT v=spf1 ip4:0.0.0.0/0 -all", "2001:db8::1 a@d.test", "fail all 0/0",
		 NULL},
		{"d.test TXT v=spf1 ip6::: ip6:2001:db8::/33 -all", "2001:db8:7fff::1 a@d.test",
		 "pass ip6:2001:db8::/33 0/0", NULL},
		{"d.test TXT v=spf1 ip6:2001:db8::/33 -all", "2001:db8:8000::1 a@d.test",
		 "fail all 0/0", NULL},
		/* section 5: an IPv4-mapped client is one by IPv4 */
		{"d.test TXT v=spf1 ip6:::ffff:192.0.2.1 ip4:192.0.2.1 -all",
		 "::ffff:192.0.2.1 a@d.test", "pass ip4:192.0.2.1 0/0", NULL},
		{"d.test TXT v=spf1 exists:%{ir}.%{v}.x.test -all | 1.2.0.192.in-addr.x.test A "
		 "127.0.0.1",
		 "::ffff:192.0.2.1 a@d.test", "pass exists:%{ir}.%{v}.x.test 1/0", NULL},
		/* section 5.3: the client's family alone, and its prefix */
		{"d.test A 192.0.2.9 | d.test AAAA 2001:db8::9 | d.test TXT v=spf1 a/24//64 -all",
		 "192.0.2.1 a@d.test", "pass a/24//64 1/0", NULL},
		{"d.test A 192.0.2.9 | d.test AAAA 2001:db8::9 | d.test TXT v=spf1 a/24//64 -all",
		 "2001:db8::1 a@d.test", "pass a/24//64 1/0", NULL},
		{"d.test A 192.0.2.9 | d.test AAAA 2001:db8::9 | d.test TXT v=spf1 a//64 -all",
		 "192.0.2.1 a@d.test", "fail all 1/0", NULL},
		{"d.test A 192.0.2.9 | d.test AAAA 2001:db8::9 | d.test TXT v=spf1 a/24 -all",
		 "2001:db8::1 a@d.test", "fail all 1/0", NULL},
		{"d.test AAAA 2001:db8::1 | d.test TXT v=spf1 a -all", "192.0.2.1 a@d.test",
		 "fail all 1/1", NULL},
		{"d.test A 192.0.2.1 | d.test TXT v=spf1 a -all", "2001:db8::1 a@d.test",
		 "fail all 1/1", NULL},
		{"d.test TXT v=spf1 a:e.test -all | e.test TIMEOUT", "192.0.2.1 a@d.test",
		 "temperror - 1/0", "d.test: a:e.test: the DNS did not answer"},
		/* section 5.7: exists asks for A, whoever comes */
		{"d.test TXT v=spf1 exists:%{i}.x.test -all | "
		 "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.x.test A "
		 "127.0.0.2",
		 "2001:db8::1 a@d.test", "pass exists:%{i}.x.test 1/0", NULL},
		{"d.test TXT v=spf1 exists:e.test -all | e.test AAAA 2001:db8::1",
		 "2001:db8::1 a@d.test", "fail all 1/1", NULL},
		{"d.test TXT v=spf1 exists:e.test -all | e.test TIMEOUT", "192.0.2.1 a@d.test",
		 "temperror - 1/0", "section 5)"},
	};
	(void)state;
	visit_all(visits, GP_ARRAY_LEN(visits));
}

static void
hosts_and_names(void **state)
{
	static const struct visit visits[] = {
		/* section 5.4 */
		{"e.test MX a.test | e.test MX b.test | d.test TXT v=spf1 mx:e.test -all | b.test "
		 "A 192.0.2.1",
		 "192.0.2.1 a@d.test", "pass mx:e.test 1/0", NULL},
		{"d.test TXT v=spf1 mx/31 -all | d.test MX b.test | b.test A 192.0.2.0",
		 "192.0.2.1 a@d.test", "pass mx/31 1/0", NULL},
		{"e.test MX a.test | e.test MX b.test | d.test TXT v=spf1 mx:e.test -all | b.test "
		 "AAAA 2001:db8::1",
		 "2001:db8::1 a@d.test", "pass mx:e.test 1/0", NULL},
		/* no implicit MX; a null MX has no host */
		{"d.test TXT v=spf1 mx -all | d.test A 192.0.2.1", "192.0.2.1 a@d.test",
		 "fail all 1/1", NULL},
		{"d.test TXT v=spf1 mx -all | d.test MX .", "192.0.2.1 a@d.test", "fail all 1/0",
		 NULL},
		/* one void lookup for all hosts; none when one of them has an address */
		{"e.test MX a.test | e.test MX b.test | d.test TXT v=spf1 mx:e.test -all",
		 "192.0.2.1 a@d.test", "fail all 1/1", NULL},
		{"e.test MX a.test | e.test MX b.test | d.test TXT v=spf1 mx:e.test -all | b.test "
		 "A 192.0.2.9",
		 "192.0.2.1 a@d.test", "fail all 1/0", NULL},
		/* a host that matches counts before one that fails */
		{"d.test TXT v=spf1 mx -all | d.test TIMEOUT", "192.0.2.1 a@d.test",
		 "temperror - 0/0", NULL},
		{"d.test TXT v=spf1 mx:e.test -all | e.test TIMEOUT", "192.0.2.1 a@d.test",
		 "temperror - 1/0", "d.test: mx:e.test: the DNS did not answer"},
		{"e.test MX a.test | e.test MX b.test | d.test TXT v=spf1 mx:e.test -all | a.test "
		 "TIMEOUT",
		 "192.0.2.1 a@d.test", "temperror - 1/0", "for a host"},
		{"e.test MX a.test | e.test MX b.test | d.test TXT v=spf1 mx:e.test -all | a.test "
		 "TIMEOUT | b.test A 192.0.2.1",
		 "192.0.2.1 a@d.test", "pass mx:e.test 1/0", NULL},
		/* section 5.5: a name counts that resolves back, at or below the domain */
		{"d.test TXT v=spf1 ptr -all | 1.2.0.192.in-addr.arpa PTR x.test | "
		 "1.2.0.192.in-addr.arpa PTR m.d.test | m.d.test A 192.0.2.1",
		 "192.0.2.1 a@d.test", "pass ptr 1/0", NULL},
		{"d.test TXT v=spf1 ptr:E.test -all | 1.2.0.192.in-addr.arpa PTR e.test | e.test A "
		 "192.0.2.1",
		 "192.0.2.1 a@d.test", "pass ptr:E.test 1/0", NULL},
		{"d.test TXT v=spf1 ptr -all | "
		 "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR "
		 "d.test | d.test AAAA 2001:db8::1",
		 "2001:db8::1 a@d.test", "pass ptr 1/0", NULL},
		{"d.test TXT v=spf1 ptr -all | 1.2.0.192.in-addr.arpa PTR m.d.test | m.d.test A "
		 "192.0.2.2",
		 "192.0.2.1 a@d.test", "fail all 1/0", NULL},
		{"d.test TXT v=spf1 ptr -all | 1.2.0.192.in-addr.arpa PTR md.test | md.test A "
		 "192.0.2.1",
		 "192.0.2.1 a@d.test", "fail all 1/0", NULL},
		{"d.test TXT v=spf1 ptr -all", "192.0.2.1 a@d.test", "fail all 1/1", NULL},
		{"d.test TXT v=spf1 ptr -all | 1.2.0.192.in-addr.arpa PTR a.e.test | a.e.test A "
		 "192.0.2.1",
		 "192.0.2.1 a@d.test", "fail all 1/0", NULL},
		{"d.test TXT v=spf1 ptr ptr ptr ptr ptr ptr -all | 1.2.0.192.in-addr.arpa PTR "
		 "x.test",
		 "192.0.2.1 a@d.test", "fail all 6/0", NULL},
		/* trouble is no error here */
		{"d.test TXT v=spf1 ptr -all | 1.2.0.192.in-addr.arpa TIMEOUT",
		 "192.0.2.1 a@d.test", "fail all 1/0", NULL},
		{"d.test TXT v=spf1 ptr -all | 1.2.0.192.in-addr.arpa PTR a.d.test | "
		 "1.2.0.192.in-addr.arpa PTR b.d.test | a.d.test TIMEOUT | b.d.test A 192.0.2.1",
		 "192.0.2.1 a@d.test", "pass ptr 1/0", NULL},
		/* section 7.3: the client's name that is the domain, else one below it, else any */
		{"d.test TXT v=spf1 exists:%{p}.ok.test -all | 1.2.0.192.in-addr.arpa PTR x.test | "
		 "1.2.0.192.in-addr.arpa PTR b.d.test | 1.2.0.192.in-addr.arpa PTR d.test | x.test "
		 "A 192.0.2.1 | b.d.test A 192.0.2.1 | d.test A 192.0.2.1 | d.test.ok.test A "
		 "127.0.0.1",
		 "192.0.2.1 a@d.test", "pass exists:%{p}.ok.test 1/0", NULL},
		{"d.test TXT v=spf1 exists:%{p}.ok.test -all | 1.2.0.192.in-addr.arpa PTR x.test | "
		 "1.2.0.192.in-addr.arpa PTR b.d.test | 1.2.0.192.in-addr.arpa PTR d.test | x.test "
		 "A 192.0.2.1 | b.d.test A 192.0.2.1 | b.d.test.ok.test A 127.0.0.1",
		 "192.0.2.1 a@d.test", "pass exists:%{p}.ok.test 1/0", NULL},
		{"d.test TXT v=spf1 exists:%{p}.ok.test -all | 1.2.0.192.in-addr.arpa PTR x.test | "
		 "1.2.0.192.in-addr.arpa PTR b.d.test | x.test A 192.0.2.1 | x.test.ok.test A "
		 "127.0.0.1",
		 "192.0.2.1 a@d.test", "pass exists:%{p}.ok.test 1/0", NULL},
		{"d.test TXT v=spf1 exists:%{p}.ok.test -all | unknown.ok.test A 127.0.0.1",
		 "192.0.2.1 a@d.test", "pass exists:%{p}.ok.test 1/0", NULL},
		{"d.test TXT v=spf1 exists:%{p}.ok.test -all | 1.2.0.192.in-addr.arpa TIMEOUT | "
		 "unknown.ok.test A 127.0.0.1",
		 "192.0.2.1 a@d.test", "pass exists:%{p}.ok.test 1/0", NULL},
		/* section 4.8 leaves it open: what is no name does not match */
		{"d.test TXT v=spf1 a:a..test mx:a..test exists:a..test ptr:a..test -all",
		 "192.0.2.1 a@d.test", "fail all 4/0", NULL},
	};
	(void)state;
	visit_all(visits, GP_ARRAY_LEN(visits));
}

static void
other_records(void **state)
{
	static const struct visit visits[] = {
		/* section 5.2 */
		{"d.test TXT v=spf1 include:e.test -all | e.test TXT v=spf1 ip4:192.0.2.1",
		 "192.0.2.1 a@d.test", "pass include:e.test 1/0", "d.test: include:e.test: match"},
		{"d.test TXT v=spf1 ~include:e.test -all | e.test TXT v=spf1 +all",
		 "192.0.2.1 a@d.test", "softfail include:e.test 1/0", NULL},
		{"d.test TXT v=spf1 include:e.test ?all | e.test TXT v=spf1 -all",
		 "192.0.2.1 a@d.test", "neutral all 1/0", NULL},
		{"d.test TXT v=spf1 include:e.test ?all | e.test TXT v=spf1 ~all",
		 "192.0.2.1 a@d.test", "neutral all 1/0", NULL},
		{"d.test TXT v=spf1 include:e.test -all | e.test TXT v=spf1 ?all",
		 "192.0.2.1 a@d.test", "fail all 1/0", NULL},
		{"d.test TXT v=spf1 include:e.test -all | e.test TXT v=spf1", "192.0.2.1 a@d.test",
		 "fail all 1/0", NULL},
		/* no record there is an error here; an error keeps its reason */
		{"d.test TXT v=spf1 include:e.test ?all", "192.0.2.1 a@d.test", "permerror - 1/0",
		 "section 5.2"},
		{"d.test TXT v=spf1 include:a..test ?all", "192.0.2.1 a@d.test", "permerror - 1/0",
		 "section 5.2"},
		{"d.test TXT v=spf1 include:%{l}.d.test ?all", "192.0.2.1 a..b@d.test",
		 "permerror - 1/0", "section 5.2"},
		{"d.test TXT v=spf1 include:e.test ?all | e.test TXT v=spf1 moo",
		 "192.0.2.1 a@d.test", "permerror - 1/0", "e.test: moo: a syntax error"},
		{"d.test TXT v=spf1 include:e.test ?all | e.test TIMEOUT", "192.0.2.1 a@d.test",
		 "temperror - 1/0", "section 4.4"},
		/* section 6.1 */
		{"d.test TXT v=spf1 redirect=e.test a | e.test TXT v=spf1 -all",
		 "192.0.2.1 a@d.test", "fail all 2/1", "e.test: all"},
		{"d.test TXT v=spf1 ?all redirect=e.test | e.test TXT v=spf1 -all",
		 "192.0.2.1 a@d.test", "neutral all 0/0", NULL},
		{"d.test TXT v=spf1 redirect=e.test", "192.0.2.1 a@d.test", "permerror - 1/0",
		 "section 6.1"},
		{"d.test TXT v=spf1 redirect=a..test", "192.0.2.1 a@d.test", "permerror - 1/0",
		 "section 6.1"},
		{"d.test TXT v=spf1 redirect=e.test | e.test TXT v=spf1 a -all | d.test A "
		 "192.0.2.1",
		 "192.0.2.1 a@d.test", "fail all 2/1", NULL},
		{"d.test TXT v=spf1 redirect=e.test | e.test TXT v=spf1 a -all | e.test A "
		 "192.0.2.1",
		 "192.0.2.1 a@d.test", "pass a 2/0", NULL},
		{"d.test TXT v=spf1 redirect=e.test | e.test TXT v=spf1 a", "192.0.2.1 a@d.test",
		 "neutral - 2/1", "e.test: nothing matched"},
		{"d.test TXT v=spf1 include:e.test -all | e.test TXT v=spf1 redirect=f.test | "
		 "f.test TXT v=spf1 +all",
		 "192.0.2.1 a@d.test", "pass include:e.test 2/0", NULL},
		{"d.test TXT v=spf1 redirect=%{p}.e.test | unknown.e.test TXT v=spf1 +all",
		 "192.0.2.1 a@d.test", "pass all 1/0", NULL},
		{"d.test TXT v=spf1 include:%{p}.e.test -all | unknown.e.test TXT v=spf1 +all",
		 "192.0.2.1 a@d.test", "pass include:%{p}.e.test 1/0", NULL},
		/* section 4.7 */
		{"d.test TXT v=spf1", "192.0.2.1 a@d.test", "neutral - 0/0", "section 4.7"},
		/* section 4.6: an error anywhere in it, before any of it counts */
		{"d.test TXT v=spf1 +all moo", "192.0.2.1 a@d.test", "permerror - 0/0",
		 "d.test: moo: a syntax error"},
		{"d.test TXT v=spf1 +all x=%{y}", "192.0.2.1 a@d.test", "permerror - 0/0", NULL},
		{"d.test TXT v=spf1 +all exp=a.test exp=a.test", "192.0.2.1 a@d.test",
		 "permerror - 0/0", "twice"},
		{"d.test TXT v=spf1 +all redirect=a.test redirect=a.test", "192.0.2.1 a@d.test",
		 "permerror - 0/0", "twice"},
		{"d.test TXT v=spf1 x=y default=fail +all", "192.0.2.1 a@d.test", "pass all 0/0",
		 NULL},
	};
	(void)state;
	visit_all(visits, GP_ARRAY_LEN(visits));
}

static void
limits(void **state)
{
	static const struct visit visits[] = {
		/* section 4.6.4: ten terms that ask; what is not reached costs nothing */
		{"d.test A 192.0.2.9 | d.test TXT v=spf1 a a a a a a a a a a -all",
		 "192.0.2.1 a@d.test", "fail all 10/0", NULL},
		{"d.test A 192.0.2.9 | d.test TXT v=spf1 a a a a a a a a a a a -all",
		 "192.0.2.1 a@d.test", "permerror - 11/0", "a: the eleventh term"},
		{"d.test TXT v=spf1 ip4:192.0.2.1 a a a a a a a a a a a -all", "192.0.2.1 a@d.test",
		 "pass ip4:192.0.2.1 0/0", NULL},
		{"d.test A 192.0.2.9 | d.test TXT v=spf1 a a a a a a a a a a redirect=e.test",
		 "192.0.2.1 a@d.test", "permerror - 11/0", "redirect=e.test: the eleventh"},
		{"d.test TXT v=spf1 redirect=d.test", "192.0.2.1 a@d.test", "permerror - 11/0",
		 NULL},
		{"d.test TXT v=spf1 include:e.test | e.test TXT v=spf1 include:d.test",
		 "192.0.2.1 a@d.test", "permerror - 11/0", NULL},
		/* two that find nothing */
		{"d.test TXT v=spf1 a:x.test exists:y.test -all", "192.0.2.1 a@d.test",
		 "fail all 2/2", NULL},
		{"d.test TXT v=spf1 a:x.test exists:y.test mx:z.test +all", "192.0.2.1 a@d.test",
		 "permerror - 3/3", "mx:z.test: the third void lookup"},
		{"d.test TXT v=spf1 include:e.test a:z.test -all | e.test TXT v=spf1 a:x.test "
		 "a:y.test",
		 "192.0.2.1 a@d.test", "permerror - 4/3", NULL},
		/* eleven hosts are too many, wherever the client is among them */
		{"d.test TXT v=spf1 mx:e.test | a.test A 192.0.2.1 | e.test MX a.test | e.test MX "
		 "b.test | e.test MX c.test | e.test MX d.test | e.test MX e.test | e.test MX "
		 "f.test | e.test MX g.test | e.test MX h.test | e.test MX i.test | e.test MX "
		 "j.test | e.test MX k.test",
		 "192.0.2.1 a@d.test", "permerror - 1/0", "more than 10 MX hosts"},
	};
	(void)state;
	visit_all(visits, GP_ARRAY_LEN(visits));
}

/* --- explanations: section 6.2 --- */

static void
explanations(void **state)
{
	static const struct {
		const char *world, *want;
	} cases[] = {
		{"d.test TXT v=spf1 -all exp=x.%{d} | x.d.test TXT %{i} is not %{o}'s.",
		 "192.0.2.1 is not d.test's."},
		{"d.test TXT v=spf1 -all exp=x.test | x.test TXT at %{r} by %{p}",
		 "at us.test by unknown"},
		/* of the record that decided */
		{"d.test TXT v=spf1 redirect=e.test exp=x.test | x.test TXT no | "
		 "e.test TXT v=spf1 -all exp=%{d}.x.test | e.test.x.test TXT %{d}",
		 "e.test"},
		{"d.test TXT v=spf1 redirect=e.test exp=x.test | x.test TXT no | "
		 "e.test TXT v=spf1 -all",
		 ""},
		{"d.test TXT v=spf1 include:e.test -all | x.test TXT no | "
		 "e.test TXT v=spf1 -all exp=x.test",
		 ""},
		/* whatever is wrong with it, there is none, and the verdict stays */
		{"d.test TXT v=spf1 -all exp=x.test", ""},
		{"d.test TXT v=spf1 -all exp=x.test | x.test TIMEOUT", ""},
		{"d.test TXT v=spf1 -all exp=x..test", ""},
		{"d.test TXT v=spf1 -all exp=x.test | x.test TXT a | x.test TXT b", ""},
		{"d.test TXT v=spf1 -all exp=x.test | x.test TXT %{x}", ""},
		{"d.test TXT v=spf1 -all exp=x.test | x.test TXT \303\251", ""},
		{"d.test TXT v=spf1 -all exp=x.test | x.test TXT a\r\n250 ok", ""},
		{"d.test TXT v=spf1 -all exp=x.test | x.test TXT", ""},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_answers *world = make_world(cases[i].world, &arena);
		struct gp_spf_query q = query_of("192.0.2.1 a@d.test");
		struct gp_spf_result r;
		run_both(&q, world, &arena, &r);
		assert_int_equal(r.verdict, GP_SPF_FAIL);
		assert_true(contains(r.reason, "all: match"));
		assert_slice(r.explanation, cases[i].want);
		q.explain = false;
		run_both(&q, world, &arena, &r);
		assert_int_equal(r.explanation.len, 0);
		gp_answers_free(world);
		gp_arena_free(&arena);
	}
}

/* --- rounds, trail, memory --- */

static void
terms_are_asked_about_together(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = make_world(
		"d.test TXT v=spf1 a mx:m.test include:e.test exists:%{i}.x.test x=y ip6::: "
		"ip4:192.0.2.2 ptr ip4:192.0.2.1 a:never.test -all | e.test TXT v=spf1 a:x.test "
		"a:y.test | x.test A 192.0.2.8 | "
		"y.test A 192.0.2.9",
		&arena);
	struct gp_answers *set = gp_answers_new(&arena, GP_ANSWERS_MAX, test_seed);
	struct gp_spf_query q = query_of("192.0.2.1 a@d.test");
	struct gp_spf_result r;
	static const size_t rounds[] = {1, 5, 2};
	for (size_t i = 0; i < GP_ARRAY_LEN(rounds); i++) {
		assert_int_equal(gp_spf_eval(&q, set, &arena, &r), GP_SPF_NEED);
		assert_int_equal(r.need_len, rounds[i]);
		answer_needs(&r, world, set);
	}
	/* the exists is a third void lookup, after a and mx */
	assert_int_equal(gp_spf_eval(&q, set, &arena, &r), GP_SPF_DONE);
	assert_int_equal(r.verdict, GP_SPF_PERMERROR);
	gp_answers_free(set);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

static void
the_trail_tells_each_term(void **state)
{
	static const char *const lines[] = {
		"d.test: v=spf1 a include:e.test -all (RFC 7208 section 4.5)",
		"d.test: a: no match, nothing there: a void lookup (RFC 7208 section 5.3)",
		"  e.test: v=spf1 ip4:192.0.2.2 redirect=f.test (RFC 7208 section 4.5)",
		"  e.test: ip4:192.0.2.2: no match (RFC 7208 section 5.6)",
		"  e.test: redirect=f.test: its record decides (RFC 7208 section 6.1)",
		"  f.test: v=spf1 include:g.test ~all (RFC 7208 section 4.5)",
		"    g.test: v=spf1 (RFC 7208 section 4.5)",
		"    g.test: nothing matched: neutral (RFC 7208 section 4.7)",
		"  f.test: include:g.test: no match (RFC 7208 section 5.2)",
		"  f.test: all: match (RFC 7208 section 5.1)",
		"d.test: include:e.test: no match (RFC 7208 section 5.2)",
		"d.test: all: match (RFC 7208 section 5.1)",
	};
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = make_world(
		"d.test TXT v=spf1 a include:e.test -all | e.test TXT v=spf1 ip4:192.0.2.2 "
		"redirect=f.test | f.test TXT v=spf1 include:g.test ~all | g.test TXT v=spf1",
		&arena);
	struct gp_spf_query q = query_of("192.0.2.1 a@d.test");
	struct gp_spf_result r;
	q.trail = true;
	assert_int_equal(gp_spf_eval(&q, world, &arena, &r), GP_SPF_DONE);
	assert_int_equal(r.trail_len, GP_ARRAY_LEN(lines));
	for (size_t i = 0; i < r.trail_len; i++)
		assert_slice(r.trail[i], lines[i]);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

/* Whatever stands in the record and the sender, lines and reason are printable and bounded. */
static void
words_are_clean(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf world = GP_BUF_INIT(1 << 20);
	struct gp_slice why;
	struct gp_answers *set = NULL;
	gp_buf_put_str(&world, "{\"d.test\": {\"TXT\": [\"v=spf1 ");
	for (size_t i = 0; i < 200; i++)
		gp_buf_put_str(&world, "ip4:192.0.2.2 ");
	gp_buf_put_str(&world, "\"]}, \"e.test\": {\"TXT\": [\"v=spf1 \\u001b[31m");
	for (size_t i = 0; i < 500; i++)
		gp_buf_put_str(&world, "\\u00e9");
	gp_buf_put_str(&world, "\"]}}");
	assert_int_equal(gp_answers_from_json(gp_buf_slice(&world), &arena, test_seed, &set, &why),
			 0);
	static const char *const clients[] = {"192.0.2.1 a@d.test", "192.0.2.1 a@e.test",
					      "192.0.2.1 a@\x1b[31m\xff.test"};
	for (size_t i = 0; i < GP_ARRAY_LEN(clients); i++) {
		struct gp_spf_query q = query_of(clients[i]);
		struct gp_spf_result r;
		q.trail = true;
		assert_int_equal(gp_spf_eval(&q, set, &arena, &r), GP_SPF_DONE);
		assert_true(r.trail_len > 0 && r.trail_len <= GP_SPF_TRAIL_MAX);
		if (i == 0)
			assert_slice(r.trail[GP_SPF_TRAIL_MAX - 1], "and more");
		for (size_t n = 0; n <= r.trail_len; n++) {
			struct gp_slice line = n < r.trail_len ? r.trail[n] : r.reason;
			assert_true(line.len > 0 && line.len <= GP_SPF_LINE_MAX);
			for (size_t at = 0; at < line.len; at++)
				assert_true(line.ptr[at] >= ' ' && line.ptr[at] <= '~');
		}
	}
	gp_buf_free(&world);
	gp_answers_free(set);
	gp_arena_free(&arena);
}

/* With any amount of memory it answers, asks, or says that there was too little. */
static void
little_memory(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world = make_world(
		"d.test TXT v=spf1 exists:%{l}.%{p}.x.test ptr include:e.test -all exp=x.test | "
		"e.test TXT v=spf1 a | x.test TXT no %{s}",
		&arena);
	struct gp_spf_query q = query_of("192.0.2.1 a@d.test");
	size_t short_of = 0, needed = 0, done = 0;
	q.trail = true;
	for (size_t max = 0; max < 8192; max += 16) {
		struct gp_arena small = GP_ARENA_INIT(max);
		struct gp_answers *nothing = gp_answers_new(&arena, GP_ANSWERS_MAX, test_seed);
		struct gp_spf_result r;
		int rc = gp_spf_eval(&q, world, &small, &r);
		assert_true(rc == GP_SPF_DONE || rc == -ENOMEM);
		done += rc == GP_SPF_DONE;
		short_of += rc == -ENOMEM;
		gp_arena_free(&small);
		rc = gp_spf_eval(&q, nothing, &small, &r);
		assert_true(rc == GP_SPF_NEED || rc == -ENOMEM);
		needed += rc == GP_SPF_NEED;
		gp_arena_free(&small);
		gp_answers_free(nothing);
	}
	assert_true(short_of > 10 && needed > 10 && done > 10);
	gp_answers_free(world);
	gp_arena_free(&arena);
}

static void
scopes(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_answers *world =
		make_world("d.test TXT v=spf1 +all | helo.test TXT v=spf1 -all", &arena);
	struct gp_spf_query q = query_of("192.0.2.1 a@d.test");
	struct gp_spf_result r;
	run_both(&q, world, &arena, &r);
	assert_int_equal(r.verdict, GP_SPF_PASS);
	assert_slice(r.domain, "d.test");
	q.scope = GP_SPF_HELO;
	run_both(&q, world, &arena, &r);
	assert_int_equal(r.verdict, GP_SPF_FAIL);
	assert_slice(r.domain, "helo.test");
	q.helo = GP_SLICE("\377");
	run_both(&q, world, &arena, &r);
	assert_int_equal(r.verdict, GP_SPF_NONE);
	q.scope = GP_SPF_MFROM;
	run_both(&q, world, &arena, &r);
	assert_int_equal(r.verdict, GP_SPF_PASS);
	q.scope = GP_SPF_HELO;
	q.helo = GP_SLICE("HELO");
	run_both(&q, world, &arena, &r);
	assert_int_equal(r.verdict, GP_SPF_NONE);
	assert_string_equal(gp_spf_scope_name(GP_SPF_HELO), "helo");
	assert_string_equal(gp_spf_scope_name(GP_SPF_MFROM), "mfrom");
	gp_answers_free(world);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identities),
		cmocka_unit_test(addresses),
		cmocka_unit_test(hosts_and_names),
		cmocka_unit_test(other_records),
		cmocka_unit_test(limits),
		cmocka_unit_test(explanations),
		cmocka_unit_test(terms_are_asked_about_together),
		cmocka_unit_test(the_trail_tells_each_term),
		cmocka_unit_test(words_are_clean),
		cmocka_unit_test(little_memory),
		cmocka_unit_test(scopes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
