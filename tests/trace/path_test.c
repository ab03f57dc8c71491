/* SPDX-License-Identifier: Apache-2.0 */
/* The way of messages: who can be believed, how long it took, and what is made up. */
#include "../unit.h"

#include <string.h>

#include "core/trace/path.h"

enum { ARENA_MAX = 8 << 20, NOW_S = 1795315607 /* 2026-11-22T02:46:47Z */ };

struct rig {
	struct gp_arena arena;
	struct gp_header header;
	struct gp_findings findings;
	struct gp_path path;
};

static struct rig
read_path(const char *message, const struct gp_trust *trust)
{
	static const struct gp_trust nobody = {};
	struct rig r = {.arena = GP_ARENA_INIT(ARENA_MAX)};
	r.findings = gp_findings(&r.arena);
	assert_int_equal(gp_header_split(gp_slice_str(message), &r.arena, &r.header), 0);
	assert_int_equal(gp_path_read(&r.header, trust ? trust : &nobody, NOW_S, &r.arena,
				      &r.findings, &r.path),
			 0);
	return r;
}

static bool
found(const struct rig *r, const char *id)
{
	return gp_finding_of(&r->findings, id) != NULL;
}

static const struct gp_slice our_hosts[] = {GP_SLICE("mx.our.test"), GP_SLICE(".in.our.test")};
static const struct gp_network our_networks[] = {
	{.address = {192, 0, 2}, .address_len = 4, .prefix_len = 28}};
static const struct gp_trust ours = {our_hosts, 2, our_networks, 1};

#define TOP                                                                      \
	"Received: from filter (filter.in.our.test [192.0.2.3]) by mx.our.test " \
	"with ESMTPS id aa; Sun, 22 Nov 2026 02:46:40 +0000\r\n"
#define EDGE                                                              \
	"Received: from mail.far.test (mail.far.test [198.51.100.7]) by " \
	"filter.in.our.test with ESMTPS id bb; Sun, 22 Nov 2026 03:46:43 +0100\r\n"
#define FAR                                                                                   \
	"Received: from pc (pc.far.test [203.0.113.9]) by mail.far.test with ESMTPSA id cc; " \
	"Sun, 22 Nov 2026 02:46:30 +0000\r\n"
#define DATE "Date: Sun, 22 Nov 2026 02:46:25 +0000\r\n"

static void
the_boundary_is_where_it_came_in(void **state)
{
	struct rig r = read_path(TOP EDGE FAR DATE "\r\n", &ours);
	(void)state;
	assert_int_equal(r.path.len, 3);
	assert_slice(r.path.hops[0].hop.by, "mail.far.test");
	assert_int_equal(r.path.boundary, 1);
	assert_false(r.path.hops[0].trusted);
	assert_true(r.path.hops[1].trusted && r.path.hops[2].trusted);
	assert_false(r.path.assumed);
	/* The client that had authenticated is somebody else's. */
	assert_int_equal(r.path.submission, GP_PATH_NONE);
	assert_false(r.path.hops[0].has_delay);
	assert_int_equal(r.path.hops[1].delay_s, 13);
	assert_int_equal(r.path.hops[2].delay_s, -3);
	assert_true(r.path.has_total);
	assert_int_equal(r.path.total_s, 10);
	assert_true(found(&r, "path.skew"));
	assert_false(found(&r, "path.broken") || found(&r, "path.forged_own"));
	gp_arena_free(&r.arena);
}

static void
without_a_word_the_topmost_host_is_ours(void **state)
{
	struct rig r = read_path(TOP EDGE FAR DATE "\r\n", NULL);
	(void)state;
	assert_true(r.path.assumed);
	assert_slice(r.path.ours, "mx.our.test");
	assert_int_equal(r.path.boundary, 1);
	gp_arena_free(&r.arena);
	r = read_path("Received: by 2002:a05:6a00:1 with SMTP id x; Sun, 22 Nov 2026 02:46:40 "
		      "+0000\r\n"
		      "Received: from mail.far.test (mail.far.test. [198.51.100.7]) by "
		      "mx.google.com with ESMTPS id y; Sun, 22 Nov 2026 02:46:40 +0000\r\n" FAR
		      "\r\n",
		      NULL);
	assert_int_equal(r.path.boundary, 1);
	assert_slice(r.path.hops[1].hop.address, "198.51.100.7");
	gp_arena_free(&r.arena);
	/* What is assumed to be ours is not there to be forged. */
	r = read_path(TOP EDGE "Received: from x by mx.our.test id 1; Sun, 22 Nov 2026 02:46:30 "
			       "+0000\r\n\r\n",
		      NULL);
	assert_false(found(&r, "path.forged_own"));
	gp_arena_free(&r.arena);
}

/* A message that ends right above the given fields came in by EDGE alone. */
static void
what_forgers_write(void **state)
{
	static const struct {
		const char *below, *id;
	} cases[] = {
		{"Received: from good.test ([198.51.100.1]) by mx.our.test with ESMTPSA id zz; "
		 "Sun, 22 Nov 2026 02:46:30 +0000\r\n",
		 "path.forged_own"},
		{"Received: from x.test ([198.51.100.1]) by bank.test with ESMTPS id zz; Sun, 22 "
		 "Nov 2026 02:46:30 +0000\r\n",
		 "path.broken"},
		{FAR FAR, "path.loop"},
		{"Received: gibberish\r\n", "path.hop_unreadable"},
		{"Received: from x by mail.far.test id 1; Sun, 22 Nov 2037 02:46:30 +0000\r\n",
		 "path.future"},
		{"Received: from x by mail.far.test id 1; tomorrow\r\n", "path.no_time"},
		{"Received: from x by mail.far.test id 1; 22 Nov 26 02:46:30\r\n", "path.odd_time"},
		{"Received: from x by mail.far.test id 1; Sat, 21 Nov 2026 02:46:30 +0000\r\n",
		 "path.gap"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char message[2048];
		snprintf(message, sizeof(message), TOP EDGE "%s" DATE "\r\n", cases[i].below);
		struct rig r = read_path(message, &ours);
		if (!found(&r, cases[i].id))
			fail_msg("no %s", cases[i].id);
		assert_int_equal(r.path.boundary, r.path.len - 2);
		gp_arena_free(&r.arena);
	}
}

/* The field below is only ours when the client above was: a name that it said is not enough. */
static void
a_helo_opens_no_door(void **state)
{
	static const char *const clients[] = {
		"filter.in.our.test ([198.51.100.9])",
		"filter.in.our.test (unknown [198.51.100.9])",
		"filter.in.our.test (filter.in.our.test [198.51.100.9] (may be forged))",
		"filter.in.our.test (HELO x) (198.51.100.9)",
		"filter.in.our.test (198.51.100.9)",
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(clients); i++) {
		char message[2048];
		snprintf(message, sizeof(message),
			 "Received: from %s by mx.our.test with SMTP id a; Sun, 22 Nov 2026 "
			 "02:46:47 +0000\r\n" EDGE "\r\n",
			 clients[i]);
		struct rig r = read_path(message, &ours);
		assert_int_equal(r.path.boundary, 1);
		assert_false(r.path.hops[0].trusted);
		assert_true(found(&r, "path.forged_own"));
		gp_arena_free(&r.arena);
	}
}

static void
a_login_of_ours_is_found(void **state)
{
	struct rig r = read_path(
		TOP "Received: from pc ([198.51.100.9]) by filter.in.our.test with ESMTPSA id "
		    "0Jx6Yk3ZqAb; Sun, 22 Nov 2026 02:46:40 +0000\r\n" FAR "\r\n",
		&ours);
	(void)state;
	assert_int_equal(r.path.submission, 1);
	assert_int_equal(r.path.boundary, 1);
	gp_arena_free(&r.arena);
	/* What a user sends from within our networks is the user's all the same. */
	r = read_path(
		"Received: from pc ([192.0.2.5]) by mx.our.test with ESMTPSA id x; Sun, 22 Nov "
		"2026 02:46:40 +0000\r\n" EDGE "\r\n",
		&ours);
	assert_int_equal(r.path.boundary, 1);
	assert_true(found(&r, "path.forged_own"));
	gp_arena_free(&r.arena);
}

/* qmail's own field has no name in it. */
static void
a_queue_without_a_name(void **state)
{
	struct rig r = read_path(
		"Received: (qmail 1 invoked from network); 22 Nov 2026 02:46:41 -0000\r\n"
		"Received: from unknown (HELO x) (198.51.100.9) by mx.our.test with SMTP; 22 Nov "
		"2026 02:46:40 -0000\r\n\r\n",
		&ours);
	(void)state;
	assert_int_equal(r.path.boundary, 0);
	assert_true(r.path.hops[0].trusted && r.path.hops[1].trusted);
	assert_slice(r.path.hops[0].hop.address, "198.51.100.9");
	gp_arena_free(&r.arena);
}

static void
the_top_is_not_ours(void **state)
{
	struct rig r = read_path(FAR EDGE DATE "\r\n", &ours);
	(void)state;
	assert_int_equal(r.path.boundary, GP_PATH_NONE);
	assert_true(found(&r, "path.no_trusted_hop"));
	gp_arena_free(&r.arena);
}

static void
there_may_be_no_way(void **state)
{
	struct rig r = read_path("Subject: x\r\n\r\n", &ours);
	(void)state;
	assert_int_equal(r.path.len, 0);
	assert_int_equal(r.path.boundary, GP_PATH_NONE);
	assert_true(found(&r, "path.none") && found(&r, "date.unreadable"));
	gp_arena_free(&r.arena);
}

static void
hops_have_a_limit(void **state)
{
	enum { MANY = 500 };
	static char message[MANY * (sizeof(FAR) + 1)];
	(void)state;
	for (size_t i = 0; i < MANY; i++)
		memcpy(message + i * (sizeof(FAR) - 1), FAR, sizeof(FAR));
	struct rig r = read_path(message, &ours);
	assert_int_equal(r.path.len, GP_PATH_HOPS_MAX);
	assert_int_equal(r.path.more, MANY - GP_PATH_HOPS_MAX);
	assert_true(found(&r, "path.many"));
	gp_arena_free(&r.arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_boundary_is_where_it_came_in),
		cmocka_unit_test(without_a_word_the_topmost_host_is_ours),
		cmocka_unit_test(what_forgers_write),
		cmocka_unit_test(a_helo_opens_no_door),
		cmocka_unit_test(a_login_of_ours_is_found),
		cmocka_unit_test(a_queue_without_a_name),
		cmocka_unit_test(the_top_is_not_ours),
		cmocka_unit_test(there_may_be_no_way),
		cmocka_unit_test(hops_have_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
