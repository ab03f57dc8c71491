/* SPDX-License-Identifier: Apache-2.0 */
/* Times in all forms, against the one that RFC 3339 has of them. */
#include "../unit.h"

#include <string.h>

#include "core/message/date.h"
#include "core/trace/when.h"

enum {
	NONE = 0,
	ZONELESS = GP_WHEN_NO_ZONE,
	ODD = GP_WHEN_ODD_ZONE,
	SHORT = GP_WHEN_SHORT_YEAR,
	MINUTES = GP_WHEN_NO_SECONDS,
	OTHER = GP_WHEN_OTHER_FORM,
	GO = GP_WHEN_GO
};

static void
what_they_mean(void **state)
{
	static const struct {
		const char *text, *want;
		unsigned odd;
	} cases[] = {
		{"Fri, 21 Nov 1997 09:55:06 -0600", "1997-11-21T15:55:06Z", NONE},
		{"Sun, 22 Nov 2026 02:46:47 +0000", "2026-11-22T02:46:47Z", NONE},
		{"22 Nov 2026 02:46:47 +0530", "2026-11-21T21:16:47Z", NONE},
		{"  Thu,\r\n\t13 Feb 1969 23:32 -0330", NULL, MINUTES},
		{"Thu, 13 Feb 1997 23:32 -0330", "1997-02-14T03:02:00Z", MINUTES},
		{"Tue, 29 Feb 2000 00:00:00 +0000", "2000-02-29T00:00:00Z", NONE},
		{"Sat, 31 Dec 2016 23:59:60 +0000", "2017-01-01T00:00:00Z", NONE},
		{"Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59Z", NONE},
		/* zones */
		{"Mon, 8 Mar 2004 16:07:35 PST", "2004-03-09T00:07:35Z", NONE},
		{"Mon, 8 Mar 2004 16:07:35 -0800 (PST)", "2004-03-09T00:07:35Z", NONE},
		{"Mon, 8 Mar 2004 16:07:35 (PST)", "2004-03-09T00:07:35Z", NONE},
		{"Mon, 8 Mar 2004 16:07:35 GMT", "2004-03-08T16:07:35Z", NONE},
		{"Mon, 8 Mar 2004 16:07:35 Z", "2004-03-08T16:07:35Z", NONE},
		{"Mon, 8 Mar 2004 16:07:35 A", "2004-03-08T16:07:35Z", ODD},
		{"Mon, 8 Mar 2004 16:07:35 XYZT", "2004-03-08T16:07:35Z", ODD},
		{"Mon, 8 Mar 2004 16:07:35", "2004-03-08T16:07:35Z", ZONELESS},
		{"Mon, 8 Mar 2004 16:07:35-0500", "2004-03-08T21:07:35Z", NONE},
		{"Mon, 8 Mar 2004 16:07:35 +01:00", "2004-03-08T15:07:35Z", NONE},
		{"Mon, 8 Mar 2004 16:07:35 +01", "2004-03-08T15:07:35Z", NONE},
		{"Mon, 8 Mar 2004 16:07:35 +9959", "2004-03-08T16:07:35Z", ODD},
		{"Mon, 8 Mar 2004 16:07:35 +0000 UTC", "2004-03-08T16:07:35Z", NONE},
		/* comments */
		{"Mon (day), 8 (x (y)) Mar 2004 16:07:35 -0800 (PST)", "2004-03-09T00:07:35Z",
		 NONE},
		/* years */
		{"8 Mar 04 12:23:56 -0000", "2004-03-08T12:23:56Z", SHORT},
		{"8 Mar 97 12:23:56 -0000", "1997-03-08T12:23:56Z", SHORT},
		{"8 Mar 104 12:23:56 -0000", "2004-03-08T12:23:56Z", SHORT},
		/* other forms */
		{"Sun Nov 13 14:50:12 2005", "2005-11-13T14:50:12Z", OTHER | ZONELESS},
		{"Sun Nov 13 14:50:12 EST 2005", "2005-11-13T19:50:12Z", OTHER},
		{"14-Nov-2003 08:05:50 -0000", "2003-11-14T08:05:50Z", NONE},
		{"Friday, 14 November 2003 08:05:50 +0100", "2003-11-14T07:05:50Z", NONE},
		{"2026-11-22T02:46:47Z", "2026-11-22T02:46:47Z", OTHER},
		{"2026-11-22 02:46:47.123 +0100", "2026-11-22T01:46:47Z", OTHER},
		{"2026-11-22 02:46:47.1 +0000 UTC m=+0.000123", "2026-11-22T02:46:47Z", OTHER | GO},
		/* none */
		{"", NULL, ZONELESS},
		{"just after 10pm", NULL, ZONELESS},
		{"Mon, 30 Feb 2004 16:07:35 +0000", NULL, NONE},
		{"Mon, 29 Feb 2100 16:07:35 +0000", NULL, NONE},
		{"Mon, 0 Mar 2004 16:07:35 +0000", NULL, NONE},
		{"Mon, 8 Mar 2004 24:07:35 +0000", NULL, NONE},
		{"Mon, 8 Mar 2004 16:60:35 +0000", NULL, NONE},
		{"Mon, 8 Mar 2004", NULL, ZONELESS},
		{"Mon, 8 Mar 12004 16:07:35 +0000", NULL, NONE},
		{"2026-13-22T02:46:47Z", NULL, OTHER},
		{"(((((", NULL, ZONELESS},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_when w = gp_when_parse(gp_slice_str(cases[i].text));
		const char *got = w.known ? gp_date_stamp((uint64_t)w.epoch_s).s : "none";
		if (strcmp(got, cases[i].want ? cases[i].want : "none") != 0 ||
		    w.odd != cases[i].odd)
			fail_msg("%s: got %s, odd %u", cases[i].text, got, w.odd);
	}
}

/* What is not the time's is left: trace fields go on behind it. */
static void
where_they_end(void **state)
{
	static const char *const cases[][2] = {
		{"Thu, 10 Nov 2005 08:24:21 -0600 id 000000DB", " id 000000DB"},
		{"Sat, 16 Oct 2004 23:32:19 +0000 (UTC) (envelope-from a@b)",
		 " (UTC) (envelope-from a@b)"},
		{"by mail.example.org", "by mail.example.org"},
		{"Mon, 8 Mar 2004 16:07:35 +0000", ""},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_slice s = gp_slice_str(cases[i][0]);
		assert_slice(gp_slice_drop(s, gp_when_parse(s).len), cases[i][1]);
	}
}

/* What we write ourselves is read back to the same second. */
static void
ours_come_back(void **state)
{
	(void)state;
	for (uint64_t t = 0; t < 253402300799; t += 86400 * 13 + 4321) {
		struct gp_when w = gp_when_parse(gp_slice_str(gp_date_text(t).s));
		assert_true(w.known && w.odd == 0);
		assert_int_equal(w.epoch_s, t);
		assert_int_equal(gp_when_parse(gp_slice_str(gp_date_stamp(t).s)).epoch_s, t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_they_mean),
		cmocka_unit_test(where_they_end),
		cmocka_unit_test(ours_come_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
