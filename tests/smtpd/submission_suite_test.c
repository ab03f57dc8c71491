/* SPDX-License-Identifier: Apache-2.0 */
/* Tricks with From that others have played: a user of attack.example gets none of them through. */
#include "../suite.h"

#include <jansson.h>
#include <string.h>

#include "procs/smtpd/submission.h"

enum { ARENA_MAX = 4 << 20 };

/* Those in which every reader finds an address of attack.example, and none else. */
static const char *const fine[] = {"XA-02", "XA-03", "XA-05", "XA-24", "XA-26", "XA-27", "XA-28"};

static bool
is_fine(const char *id)
{
	bool found = false;
	for (size_t i = 0; i < GP_ARRAY_LEN(fine); i++)
		found = found || strcmp(fine[i], id) == 0;
	return found;
}

/* A bare LF does not get so far. */
static bool
has_bare_lf(const char *text)
{
	for (const char *lf = strchr(text, '\n'); lf; lf = strchr(lf + 1, '\n')) {
		if (lf == text || lf[-1] != '\r')
			return true;
	}
	return false;
}

static bool
is_taken(const char *from_fields)
{
	static const struct gp_slice own[] = {GP_SLICE("@attack.example")};
	const struct submission s = {
		.from = own, .from_len = 1, .hostname = GP_SLICE("mx"), .id = GP_SLICE("id")};
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf head = GP_BUF_INIT(4096);
	struct gp_slice message = gp_arena_printf(&arena, "%s\r\nhello\r\n", from_fields);
	struct gp_reply r = submission_take(&s, message, &arena, &head);
	assert_true(r.code == 0 || r.code == 550 || r.code == 554);
	gp_buf_free(&head);
	gp_arena_free(&arena);
	return r.code == 0;
}

static void
nobody_gets_through(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice text = gp_suite_read("attack-auth/cases.json", &arena);
	json_t *cases = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL), *one;
	size_t i, ran = 0;
	(void)state;
	assert_true(json_array_size(cases) > 30);
	json_array_foreach(cases, i, one)
	{
		const char *id = json_string_value(json_object_get(one, "id"));
		const char *from = json_string_value(json_object_get(one, "from_fields"));
		ran += from && !has_bare_lf(from);
		if (from && !has_bare_lf(from) && is_taken(from) != is_fine(id))
			fail_msg("%s: %s", id, from);
	}
	gp_suite_tell("attack-auth", "submission", ran, json_array_size(cases));
	json_decref(cases);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(nobody_gets_through)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
