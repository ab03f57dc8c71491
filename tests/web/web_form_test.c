/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include <errno.h>

#include "base/buf.h"
#include "procs/web/form.h"

/* What is sent, and each field with its value: "a=b|c=d"; NULL: it is refused. */
static const struct {
	const char *text, *read;
} cases[] = {
	{"", ""},
	{"a=b", "a=b"},
	{"a=b&c=d&", "a=b|c=d"},
	{"&&a=b&&", "a=b"},
	{"a", "a="},
	{"a=", "a="},
	{"=a", "=a"},
	{"a=b=c", "a=b=c"},
	{"a=+b%20c", "a= b c"},
	{"%61=%C3%bc", "a=\u00fc"},
	{"a=%26%3D%2b", "a=&=+"},
	{"a=1&a=2", NULL},
	{"a=1&%61=2", NULL},
	{"a=%", NULL},
	{"a=%4", NULL},
	{"a=%4g", NULL},
	{"%zz=1", NULL},
};

static void
forms_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(4096);
		struct gp_buf out = GP_BUF_INIT(4096);
		struct form form;
		int r = form_parse(gp_slice_str(cases[i].text), &arena, &form);
		if (r != (cases[i].read ? 0 : 1))
			fail_msg("%s: %d", cases[i].text, r);
		for (size_t f = 0; r == 0 && f < form.len; f++)
			gp_buf_printf(&out, "%s%.*s=%.*s", f ? "|" : "",
				      GP_SLICE_FMT(form.fields[f].name),
				      GP_SLICE_FMT(form.fields[f].value));
		if (r == 0)
			assert_slice(gp_buf_slice(&out), cases[i].read);
		gp_buf_free(&out);
		gp_arena_free(&arena);
	}
}

static void
limits_of_forms(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(64 * 1024), small = GP_ARENA_INIT(64);
	struct gp_buf text = GP_BUF_INIT(4096);
	struct form form;
	(void)state;
	for (int i = 0; i < FORM_FIELDS_MAX; i++)
		gp_buf_printf(&text, "&n%d=%d", i, i);
	assert_int_equal(form_parse(gp_buf_slice(&text), &arena, &form), 0);
	assert_slice(form_value(&form, "n31"), "31");
	assert_slice(form_value(&form, "n32"), "");
	assert_int_equal(form_parse(gp_buf_slice(&text), &small, &form), -ENOMEM);
	gp_buf_put_str(&text, "&one=more");
	assert_int_equal(form_parse(gp_buf_slice(&text), &arena, &form), 1);
	gp_buf_free(&text);
	gp_arena_free(&arena);
	gp_arena_free(&small);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_are_read),
		cmocka_unit_test(limits_of_forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
