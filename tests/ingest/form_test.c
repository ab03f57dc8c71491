/* SPDX-License-Identifier: Apache-2.0 */
/* What octets are, told by how they begin. */
#include "../unit.h"

#include "core/ingest/form.h"

#define S GP_SLICE

static const struct {
	struct gp_slice octets;
	enum gp_form form;
} cases[] = {
	{S(""), GP_FORM_NONE},
	{S(" \r\n\t"), GP_FORM_NONE},
	{S("\xEF\xBB\xBF"), GP_FORM_NONE},
	{S("<?xml version=\"1.0\"?>"), GP_FORM_XML},
	{S("<feedback>"), GP_FORM_XML},
	{S("\r\n <feedback>"), GP_FORM_XML},
	{S("\xEF\xBB\xBF<!-- --><feedback>"), GP_FORM_XML},
	{S("\xFF\xFE<\0f\0"), GP_FORM_XML},
	{S("\xFE\xFF\0<\0f"), GP_FORM_XML},
	{S("<html>"), GP_FORM_OTHER},
	{S("<!DOCTYPE HTML PUBLIC"), GP_FORM_OTHER},
	{S("<a@example.org>"), GP_FORM_OTHER},
	{S("<div>"), GP_FORM_OTHER},
	{S("<dmarc:feedback xmlns"), GP_FORM_XML},
	{S("<a:b:feedback>"), GP_FORM_XML},
	{S("<FEEDBACK>"), GP_FORM_XML},
	{S("<feedbacks>"), GP_FORM_OTHER},
	{S("<feed:back>"), GP_FORM_OTHER},
	{S("< a"), GP_FORM_OTHER},
	{S("<"), GP_FORM_OTHER},
	{S("{\"a\":1}"), GP_FORM_JSON},
	{S("\n{"), GP_FORM_JSON},
	{S("[1]"), GP_FORM_OTHER},
	{S("\x1F\x8B\x08"), GP_FORM_GZIP},
	{S("\x1F"), GP_FORM_OTHER},
	{S("PK\x03\x04"), GP_FORM_ZIP},
	{S("PK\x05\x06"), GP_FORM_ZIP},
	{S("PK"), GP_FORM_OTHER},
	{S("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), GP_FORM_OUTLOOK},
	{S("\x78\x9F\x3E\x22"), GP_FORM_OUTLOOK},
	{S("From a@example.org Mon\n"), GP_FORM_MAIL},
	{S("Received: from x\n"), GP_FORM_MAIL},
	{S("Subject : x\n"), GP_FORM_MAIL},
	{S(": x\n"), GP_FORM_OTHER},
	{S("unused\n"), GP_FORM_OTHER},
	{S("A message: it failed\n"), GP_FORM_OTHER},
};

#undef S

static void
forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		enum gp_form got = gp_form_of(cases[i].octets);
		if (got != cases[i].form)
			fail_msg("'%.*s' is %d, not %d", GP_SLICE_FMT(cases[i].octets), got,
				 cases[i].form);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(forms)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
