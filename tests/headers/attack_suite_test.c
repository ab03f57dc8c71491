/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Confusions about who a message is from, which others have collected: none of them makes it
 * authentic, and those that can be seen in the header alone are found by their names.
 */
#include "../suite.h"

#include <jansson.h>
#include <string.h>

#include "core/headers/headers.h"

enum { ARENA_MAX = 16 << 20, NOW_S = 1795315607 };

static const struct {
	const char *id, *finding;
} wanted[] = {
	{"ES-A8", "from.several_fields"},  {"ES-A11", "header.malformed"},
	{"ES-A12", "from.missing"},        {"ES-A14", "from.several_authors"},
	{"ES-A15", "from.unreadable"},     {"ES-A16", "from.unreadable"},
	{"ES-A17", "from.unreadable"},     {"ES-A18", "from.several_authors"},
	{"ES-A19", "from.unreadable"},     {"ES-C1", "from.several_fields"},
	{"ES-C2", "from.several_authors"}, {"XA-02", "name.address"},
	{"XA-03", "name.address"},         {"XA-04", "from.unreadable"},
	{"XA-05", "name.address"},         {"XA-06", "from.several_authors"},
	{"XA-08", "from.unreadable"},      {"XA-09", "from.no_domain"},
	{"XA-10", "from.unreadable"},      {"XA-17", "from.unreadable"},
	{"XA-19", "from.unreadable"},      {"XA-21", "from.several_fields"},
	{"XA-23", "header.control"},       {"XA-26", "auth.forged_results"},
	{"XA-27", "auth.forged_results"},  {"XA-28", "auth.forged_results"},
};

static const char *
wanted_of(const char *id)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(wanted); i++) {
		if (strcmp(wanted[i].id, id) == 0)
			return wanted[i].finding;
	}
	return NULL;
}

static struct gp_slice
message_of(const json_t *c, struct gp_arena *arena)
{
	const json_t *extra = json_object_get(c, "extra_header");
	return gp_arena_printf(
		arena,
		"Received: from attack.example (attack.example [198.51.100.7]) by mx.our.example "
		"with ESMTP id a; Sun, 22 Nov 2026 02:46:40 +0000\r\n%s%s\r\nbody\r\n",
		json_string_value(json_object_get(c, "from_fields")),
		json_is_string(extra) ? json_string_value(extra) : "");
}

static size_t
judge(const json_t *c, struct gp_arena *arena)
{
	static const struct gp_slice hosts[] = {GP_SLICE("mx.our.example")};
	static const struct gp_slice own[] = {GP_SLICE("legit.example")};
	struct gp_headers_query query = {.own = own,
					 .own_len = 1,
					 .trust = {.hosts = hosts, .hosts_len = 1},
					 .now_s = NOW_S};
	const char *id = json_string_value(json_object_get(c, "id"));
	const char *want = wanted_of(id);
	struct gp_headers h;
	assert_int_equal(gp_headers_read(message_of(c, arena), &query, arena, &h), 0);
	assert_int_equal(gp_headers_judge(&h, NULL, arena), 0);
	if (h.verdict == GP_VERDICT_AUTHENTIC || h.verdict == GP_VERDICT_AUTHENTIC_FORWARDED)
		fail_msg("%s is %s", id, gp_verdict_name(h.verdict));
	if (want && !gp_finding_of(&h.findings, want))
		fail_msg("%s: no %s", id, want);
	return want != NULL;
}

static void
confusions_about_from(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice text = gp_suite_read("attack-auth/cases.json", &arena);
	json_t *list = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
	size_t i, named = 0;
	const json_t *c;
	(void)state;
	assert_non_null(list);
	json_array_foreach(list, i, c) named += judge(c, &arena);
	gp_suite_tell("attack-auth", "the header analyser", json_array_size(list),
		      json_array_size(list));
	assert_int_equal(named, GP_ARRAY_LEN(wanted));
	json_decref(list);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(confusions_about_from),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
