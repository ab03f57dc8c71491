/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "cli/audit/resume.h"

static struct gp_slice names[] = {GP_SLICE("a.test"), GP_SLICE("b.test"), GP_SLICE("c.test")};
static const struct audit_domains list = {.list = names, .len = 3};

static void
test_what_is_written_is_read(void **state)
{
	(void)state;
	for (size_t done = 0; done <= list.len; done++) {
		struct gp_buf out = GP_BUF_INIT(AUDIT_RESUME_TEXT_MAX);
		audit_resume_put(&list, done, &out);
		assert_int_equal(audit_resume_parse(gp_buf_slice(&out), &list), done);
		/* A part of it is nothing. */
		for (size_t len = 0; len < out.len - 1; len++) {
			ptrdiff_t part =
				audit_resume_parse(gp_slice_take(gp_buf_slice(&out), len), &list);
			assert_int_equal(part, -1);
		}
		gp_buf_free(&out);
	}
}

static void
test_what_is_not_of_this_list(void **state)
{
	(void)state;
	struct gp_slice others[] = {names[0], names[2], names[1]};
	const struct audit_domains turned = {.list = others, .len = 3};
	const struct audit_domains shorter = {.list = names, .len = 2};
	struct gp_buf out = GP_BUF_INIT(AUDIT_RESUME_TEXT_MAX);
	audit_resume_put(&list, 2, &out);
	assert_int_equal(audit_resume_parse(gp_buf_slice(&out), &turned), -1);
	assert_int_equal(audit_resume_parse(gp_buf_slice(&out), &shorter), -1);
	gp_buf_put_str(&out, "\n"); /* with something behind it */
	assert_int_equal(audit_resume_parse(gp_buf_slice(&out), &list), -1);
	gp_buf_clear(&out);
	audit_resume_put(&list, 4, &out); /* more than there are */
	assert_int_equal(audit_resume_parse(gp_buf_slice(&out), &list), -1);
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_written_is_read),
		cmocka_unit_test(test_what_is_not_of_this_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
