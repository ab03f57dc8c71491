/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a server besides its name: lies, versions, weaknesses that it may have. */
#include "../unit.h"

#include "core/software/print.h"
#include "recorded.h"

#define EXIM(version, keywords)                                                           \
	"greeting: 220 mx.test ESMTP Exim " version " Mon, 1 Jan 2024\n"                  \
	"ehlo: 250-mx.test Hello probe.example [192.0.2.1]\n" keywords "ehlo: 250 HELP\n" \
	"unknown: 500 unrecognized command\n"                                             \
	"malformed: 501 Syntactically invalid EHLO argument(s)\n"
#define CHUNKING "ehlo: 250-PIPELINING\nehlo: 250-CHUNKING\n"

struct told {
	struct gp_arena arena;
	struct gp_findings findings;
};

static struct told
tell(const char *text, struct gp_software_probed probed)
{
	struct told told = {.arena = GP_ARENA_INIT(1 << 20)};
	struct recorded record;
	struct gp_software software;
	assert_true(recorded_read(gp_slice_str(text), &told.arena, &record));
	assert_int_equal(gp_software_find(&record.observed, &told.arena, &software), 0);
	told.findings = gp_findings(&told.arena);
	assert_int_equal(gp_software_findings(&record.observed, &software, &probed, &told.findings),
			 0);
	return told;
}

/* The id of the finding that tells of this weakness; NULL: none does. */
static const char *
told_as(const struct told *told, const char *weakness)
{
	for (size_t i = 0; i < told->findings.len; i++) {
		const struct gp_finding *f = &told->findings.items[i];
		if (gp_slice_starts(f->evidence, gp_slice_str(weakness)))
			return f->kind->id;
	}
	return NULL;
}

static void
versions_are_compared(void **state)
{
	static const struct {
		const char *text;
		bool hinted;
	} cases[] = {
		{EXIM("4.96", CHUNKING), true},       {EXIM("4.97", CHUNKING), true},
		{EXIM("4.97.0.9", CHUNKING), true},   {EXIM("4.97.1", CHUNKING), false},
		{EXIM("4.97.1-RC1", CHUNKING), true}, {EXIM("4.97.1.1", CHUNKING), false},
		{EXIM("4.98", CHUNKING), false},      {EXIM("5", CHUNKING), false},
		{EXIM("3.9", CHUNKING), true},        {EXIM("4.96", ""), false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct told told = tell(cases[i].text, (struct gp_software_probed){});
		const char *id = told_as(&told, "CVE-2023-51766");
		if ((id != NULL) != cases[i].hinted)
			fail_msg("case %zu: %s", i, id ? id : "none");
		gp_arena_free(&told.arena);
	}
}

#define POSTFIX(version)                                      \
	"greeting: 220 mx.test ESMTP Postfix (" version ")\n" \
	"ehlo: 250-mx.test\nehlo: 250 PIPELINING\n"           \
	"unknown: 500 5.5.2 Error: command not recognized\n"

static void
branches_are_corrected_each(void **state)
{
	static const struct {
		const char *text;
		bool hinted;
	} cases[] = {
		{POSTFIX("3.5.22"), true},  {POSTFIX("3.5.23"), false}, {POSTFIX("3.5.24"), false},
		{POSTFIX("3.6.12"), true},  {POSTFIX("3.7.11"), false}, {POSTFIX("3.8.3"), true},
		{POSTFIX("3.8.4"), false},  {POSTFIX("3.9.0"), false},  {POSTFIX("2.11.0"), true},
		{POSTFIX("3.10.1"), false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct told told = tell(cases[i].text, (struct gp_software_probed){});
		if ((told_as(&told, "CVE-2023-51764") != NULL) != cases[i].hinted)
			fail_msg("case %zu", i);
		gp_arena_free(&told.arena);
	}
}

static void
probes_decide(void **state)
{
	struct gp_software_probed shown = {.shown = GP_SOFTWARE_SMUGGLING},
				  refuted = {.refuted = GP_SOFTWARE_SMUGGLING};
	struct told told = tell(EXIM("4.99", ""), shown);
	(void)state;
	assert_string_equal(told_as(&told, "CVE-2023-51766"), "software.weakness");
	gp_arena_free(&told.arena);
	told = tell(EXIM("4.96", CHUNKING), refuted);
	assert_null(told_as(&told, "CVE-2023-51766"));
	gp_arena_free(&told.arena);
}

static void
packages_make_hints_faint(void **state)
{
	struct told told = tell(EXIM("4.96", CHUNKING), (struct gp_software_probed){});
	(void)state;
	const struct gp_finding *f = gp_finding_of(&told.findings, "software.weakness_hint");
	assert_non_null(f);
	assert_int_equal(f->kind->severity, GP_SEVERITY_LOW);
	assert_null(gp_finding_of(&told.findings, "software.weakness_faint"));
	gp_arena_free(&told.arena);
	told = tell(EXIM("4.96 Debian", CHUNKING), (struct gp_software_probed){});
	assert_null(gp_finding_of(&told.findings, "software.weakness_hint"));
	f = gp_finding_of(&told.findings, "software.weakness_faint");
	assert_non_null(f);
	assert_int_equal(f->kind->severity, GP_SEVERITY_INFO);
	gp_arena_free(&told.arena);
}

static void
without_a_version_nothing_is_hinted(void **state)
{
	struct told told = tell("greeting: 220 mx.test ESMTP Postfix\n"
				"ehlo: 250-mx.test\nehlo: 250 PIPELINING\n"
				"unknown: 500 5.5.2 Error: command not recognized\n",
				(struct gp_software_probed){});
	(void)state;
	assert_int_equal(told.findings.len, 0);
	gp_arena_free(&told.arena);
	told = tell("", (struct gp_software_probed){.shown = UINT32_MAX});
	assert_int_equal(told.findings.len, 0);
	gp_arena_free(&told.arena);
}

static void
lies_are_told(void **state)
{
	struct told told = tell("greeting: 220 mx.test ESMTP Postfix\n"
				"unknown: 500 unrecognized command\n"
				"malformed: 501 Syntactically invalid EHLO argument(s)\n",
				(struct gp_software_probed){});
	(void)state;
	const struct gp_finding *f = gp_finding_of(&told.findings, "software.lie");
	assert_non_null(f);
	assert_slice(
		f->evidence,
		"it claims to be Postfix (\"220 mx.test ESMTP Postfix\"), and answers as Exim "
		"(unknown: 500 unrecognized command; malformed: 501 Syntactically invalid EHLO "
		"argument(s))");
	assert_int_equal(told.findings.len, 1);
	gp_arena_free(&told.arena);
}

static void
no_hint_calls_itself_certain(void **state)
{
	(void)state;
	for (size_t i = 0; i < gp_weaknesses_len; i++) {
		const struct gp_weakness *w = &gp_weaknesses[i];
		assert_true(w->confidence > 0 && w->confidence <= 500);
		assert_true(w->fixed_len > 0);
		assert_null(strstr(w->what, "vulnerable"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_are_compared),
		cmocka_unit_test(branches_are_corrected_each),
		cmocka_unit_test(probes_decide),
		cmocka_unit_test(packages_make_hints_faint),
		cmocka_unit_test(without_a_version_nothing_is_hinted),
		cmocka_unit_test(lies_are_told),
		cmocka_unit_test(no_hint_calls_itself_certain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
