/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/dane/der.h"

#define BYTES(lit)                      \
	{                               \
		"" lit, sizeof(lit) - 1 \
	}

static const struct {
	const char *what;
	struct gp_slice data;
	bool certificate, key;
} cases[] = {
	{"the least certificate", BYTES("\x30\x06\x30\x00\x30\x00\x03\x00"), true, false},
	{"the least key", BYTES("\x30\x04\x30\x00\x03\x00"), false, true},
	{"a long length", BYTES("\x30\x81\x04\x30\x00\x03\x00"), false, true},
	{"a length in three octets", BYTES("\x30\x83\x00\x00\x04\x30\x00\x03\x00"), false, true},
	{"a length in four", BYTES("\x30\x84\x00\x00\x00\x04\x30\x00\x03\x00"), false, false},
	{"an indefinite length", BYTES("\x30\x80\x30\x00\x03\x00"), false, false},
	{"something behind", BYTES("\x30\x04\x30\x00\x03\x00\x00"), false, false},
	{"something behind, inside", BYTES("\x30\x06\x30\x00\x03\x00\x05\x00"), false, false},
	{"cut off", BYTES("\x30\x04\x30\x00\x03"), false, false},
	{"cut off in a length", BYTES("\x30\x82\x00"), false, false},
	{"a length over all", BYTES("\x30\x83\xff\xff\xff\x30"), false, false},
	{"another type", BYTES("\x31\x04\x30\x00\x03\x00"), false, false},
	{"another type inside", BYTES("\x30\x04\x30\x00\x04\x00"), false, false},
	{"nothing", BYTES(""), false, false},
};

static void
outlines(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		if (gp_der_is_certificate(cases[i].data) != cases[i].certificate ||
		    gp_der_is_key(cases[i].data) != cases[i].key)
			fail_msg("%s", cases[i].what);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outlines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
