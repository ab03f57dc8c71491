/* SPDX-License-Identifier: Apache-2.0 */
/* Mark certificates, those that the fuzzer begins with. */
#include "../unit.h"

#include <stdio.h>

#include "cli/audit/mark.h"

enum { FILE_MAX = 16 * 1024 };

static struct gp_slice
read_seed(const char *name, struct gp_arena *arena)
{
	char path[512];
	char *text = gp_arena_alloc(arena, FILE_MAX);
	snprintf(path, sizeof(path), GP_TESTS_DIR "/../fuzz/corpus/audit_mark/%s", name);
	FILE *f = fopen(path, "re");
	assert_true(f && text);
	size_t len = fread(text, 1, FILE_MAX, f);
	fclose(f);
	return gp_slice(text, len);
}

static const struct {
	const char *file, *names;
	bool is_mark, has_logotype, self_signed, chained;
	const char *logo;
} marks[] = {
	{"good", "d.test default._bimi.e.test", true, true, false, true,
	 "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"},
	{"alone", "d.test", false, false, true, false, ""},
	{"other_chain", "d.test", true, true, false, false, "x"},
};

static void
marks_say_what_they_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(marks); i++) {
		struct gp_arena arena = GP_ARENA_INIT(AUDIT_MARK_ARENA);
		struct gp_posture_mark m;
		assert_true(audit_mark_read(read_seed(marks[i].file, &arena), &arena, &m));
		assert_slice(m.names, marks[i].names);
		assert_slice(m.logo, marks[i].logo);
		assert_int_equal(m.is_mark, marks[i].is_mark);
		assert_int_equal(m.has_logotype, marks[i].has_logotype);
		assert_int_equal(m.self_signed, marks[i].self_signed);
		assert_int_equal(m.chained, marks[i].chained);
		assert_true(m.until_s - m.from_s == INT64_C(36500) * 86400);
		gp_arena_free(&arena);
	}
}

static void
what_is_no_certificate_is_none(void **state)
{
	static const char *const texts[] = {
		"", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN CERTIFICATE-----\nMII",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++) {
		struct gp_arena arena = GP_ARENA_INIT(AUDIT_MARK_ARENA);
		struct gp_posture_mark m;
		assert_false(audit_mark_read(gp_slice_str(texts[i]), &arena, &m));
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_say_what_they_are),
		cmocka_unit_test(what_is_no_certificate_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
