/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "base/json.h"

static void
json_is_json(void **state)
{
	struct gp_buf out = GP_BUF_INIT(4096);
	struct gp_json j = {.out = &out};
	(void)state;
	gp_json_open(&j, NULL, '{');
	gp_json_text(&j, "a", GP_SLICE("\"\\\x01\x7f\n/<\u00fc\u2028\xff\xed\xa0\x80"));
	gp_json_number(&j, "b", INT64_MIN);
	gp_json_open(&j, "c", '[');
	gp_json_bool(&j, NULL, true);
	gp_json_null(&j, NULL);
	gp_json_open(&j, NULL, '{');
	gp_json_close(&j, '}');
	gp_json_str(&j, NULL, NULL);
	gp_json_close(&j, ']');
	gp_json_str(&j, "d", "");
	gp_json_close(&j, '}');
	assert_slice(gp_buf_slice(&out),
		     "{\"a\":\"\\\"\\\\\\u0001\\u007f\\u000a/<\u00fc\u2028\\ufffd\\ufffd\\ufffd"
		     "\\ufffd\",\"b\":-9223372036854775808,\"c\":[true,null,{},null],\"d\":\"\"}");
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_is_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
