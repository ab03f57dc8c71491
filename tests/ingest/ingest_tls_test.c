/* SPDX-License-Identifier: Apache-2.0 */
#include "told.h"

#include <malloc.h>
#include <sys/resource.h>

#include "core/ingest/tls.h"

static const char base[] =
	"{\"organization-name\": \"Reporter\", \"date-range\": {"
	"\"start-datetime\": \"2026-03-02T00:00:00Z\", \"end-datetime\": \"2026-03-02T23:59:59Z\"},"
	"\"contact-info\": \"tls@reporter.example\", \"report-id\": \"t1\", \"policies\": [{"
	"\"policy\": {\"policy-type\": \"sts\", \"policy-string\": [\"version: STSv1\", \"mode: "
	"enforce\"],"
	"\"policy-domain\": \"example.com\", \"mx-host\": [\"*.example.com\"]}, \"summary\": {"
	"\"total-successful-session-count\": 10, \"total-failure-session-count\": 2},"
	"\"failure-details\": [{\"result-type\": \"certificate-expired\", \"sending-mta-ip\": "
	"\"192.0.2.9\", \"receiving-mx-hostname\": \"mx.example.com\", \"failed-session-count\": "
	"2}]}]}\n";
#define WHO "org=Reporter email=tls@reporter.example id=t1 "
#define WHEN "domain=example.com 1772409600-1772495999\n"
#define POLICY                                                                         \
	"policy 1 type=sts domain=example.com line=version: STSv1 line=mode: enforce " \
	"mx=*.example.com 10+2\n"
#define FAILURE "failure 2 result=certificate-expired from=192.0.2.9 mx=mx.example.com\n"
#define PLAIN "head 2 " WHO WHEN POLICY FAILURE

#define S(lit) GP_SLICE(lit)

/* What comes of the base with `at` replaced by `with`. */
static const struct {
	const char *at;
	struct gp_slice with;
	const char *flaws;
	const char *told; /* stands in what is told; NULL: nothing is */
} cases[] = {
	{"{\"org", S("\xEF\xBB\xBF\r\n{\"org"), "", PLAIN},

	/* the JSON itself */
	{"}]}\n", S("}]} x"), "0 lost: it is no JSON: end of file expected near 'x'\n", NULL},
	{"}]}]}\n", S(""), "0 lost: it is no JSON: '}' expected near end of file\n", NULL},
	{"}]}\n", S("}], \"report-id\": \"t2\"}"),
	 "0 lost: it is no JSON: duplicate object key near '\"report-id\"'\n", NULL},
	{"", S(""), "0 lost: it is no JSON: '[' or '{' expected near end of file\n", NULL},
	{"", S("[[\"\x1B\"]]"), "0 lost: it is no JSON: control character 0x1b near '\"'\n", NULL},
	{"", S("[]"), "0 lost: its JSON is no object\n", NULL},
	{"", S("{}"),
	 "0: it has no organization-name\n0: it has no report-id\n"
	 "0 lost: its start-datetime cannot be read: \"\"\n",
	 NULL},
	{"Reporter", S("R\\ud800"),
	 "0 lost: it is no JSON: invalid Unicode '\\uD800' near '\"R\\ud800\"'\n", NULL},
	{"Reporter", S("A\\u0000B\xFC\\u202Ec"),
	 "0: octets that are no UTF-8 are read as windows-1252\n", "org=A?B\xC3\xBC?c email"},

	/* the head */
	{"\"tls@reporter.example\"", S("null"), "", "head 2 org=Reporter id=t1 " WHEN POLICY},
	{"\"tls@reporter.example\"", S("7"), "0: its contact-info is no string\n",
	 "org=Reporter id=t1 "},
	{"report-id", S("report_id"), "0: it has no report-id\n", "example domain=example.com"},
	{"organization-name", S("Organization-Name"), "0: it has no organization-name\n",
	 "head 2 email=tls@reporter.example id=t1 " WHEN},
	{"2026-03-02T00:00:00Z", S("2026-03-02T02:00:00.123456789+02:00"), "", PLAIN},
	{"2026-03-02T00:00:00Z", S("2026-03-02T00:00:00"),
	 "0: its start-datetime has no zone that is known: it is read as UTC\n", PLAIN},
	{"2026-03-02T00:00:00Z", S("2026-02-30T00:00:00Z"),
	 "0 lost: its start-datetime cannot be read: \"2026-02-30T00:00:00Z\"\n", NULL},
	{"\"2026-03-02T23:59:59Z\"", S("1"),
	 "0: its end-datetime is no string\n0 lost: its end-datetime cannot be read: \"\"\n", NULL},
	{"2026-03-02T00:00:00Z", S("1999-01-01T00:00:00Z"),
	 "0: its range is over 31 days: only the last 31 are believed\n", "1769817599-1772495999"},

	/* policies */
	{"[{\"policy\"", S("null, \"x\": [{\"policy\""), "0: it has no policies\n",
	 "head 2 " WHO "1772409600-1772495999\n"},
	{"[{\"policy\"", S("[], \"x\": [{\"policy\""), "0: it has no policies\n",
	 "head 2 " WHO "1772409600-1772495999\n"},
	{"policy-domain", S("x"),
	 "0: it does not say what domain it is about\n1: it has no policy-domain\n",
	 WHO "1772409600-1772495999\npolicy 1 type=sts line=version"},
	{"[{\"policy\"",
	 S("[{\"policy\": {\"policy-type\": \"tlsa\", \"policy-string\": \"3 1 1 AB\"}, "
	   "\"summary\": {\"total-successful-session-count\": \"4\", "
	   "\"total-failure-session-count\": 1.0}}, {\"policy\""),
	 "1: it has no policy-domain\n",
	 WHEN "policy 1 type=tlsa domain=example.com line=3 1 1 AB 4+1\npolicy 2 type=sts domain="},
	{"example.com\", \"mx", S("Bad Domain\", \"mx"),
	 "0: it does not say what domain it is about\n1: its policy-domain cannot be read\n",
	 "policy 1 type=sts line="},
	{"\"sts\"", S("null"), "1: it has no policy-type\n", "policy 1 domain=example.com line="},
	{"\"sts\"", S("\"no-policy-found\""), "", "policy 1 type=no-policy-found domain="},
	{"[\"*.example.com\"]", S("\"*.example.com\""), "", PLAIN},
	{"[\"*.example.com\"]", S("[1, \"*.example.com\"]"),
	 "1: its mx-host has more than is kept: only its first 1 lines are\n", PLAIN},
	{": 10,", S(": -10,"), "1 lost: its total-successful-session-count cannot be read\n", WHEN},
	{": 10,", S(": 1.5,"), "1 lost: its total-successful-session-count cannot be read\n", WHEN},
	{": 10,", S(": 1e300,"), "1 lost: its total-successful-session-count cannot be read\n",
	 WHEN},
	{"\"total-failure-session-count\": 2", S("\"x\": 2"),
	 "1 lost: its total-failure-session-count cannot be read\n", WHEN},
	{"\"summary\"", S("\"x\""), "1: it has no summary: its failures are added up\n", " 0+2\n"},

	/* failures */
	{"certificate-expired", S("quantum-failure"), "", "failure 2 result=quantum-failure from="},
	{"\"sending-mta-ip\": \"192.0.2.9\", \"receiving-mx-hostname\": \"mx.example.com\", ",
	 S("\"receiving-mx-helo\": \"h\", \"receiving-ip\": \"::1\", \"failure-reason-code\": "
	   "\"c\","
	   "\"additional-information\": \"https://x.example/\","),
	 "",
	 POLICY
	 "failure 2 result=certificate-expired ip=::1 helo=h code=c info=https://x.example/\n"},
	{"[{\"result-type\"",
	 S("[{\"result-type\": \"x\"}, 7, {\"failed-session-count\": -1},"
	   "{\"result-type\""),
	 "1: 3 of its failures are left out, as their counts cannot be read\n", PLAIN},
};

static void
oddities(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_buf document = GP_BUF_INIT(1 << 16);
		struct told t = TOLD_INIT;
		struct gp_ingest_listener listener = told_listener(&t);
		told_vary(&document, base, cases[i].at, cases[i].with);
		assert_int_equal(gp_ingest_tls_read(gp_buf_slice(&document), 1, &listener), 0);
		assert_true(t.heads + t.lost == 1);
		gp_buf_put_char(&t.lines, '\0');
		gp_buf_put_char(&t.flaws, '\0');
		const char *lines = gp_buf_slice(&t.lines).ptr;
		const char *flaws = gp_buf_slice(&t.flaws).ptr;
		const char *want = cases[i].told;
		if (strcmp(flaws, cases[i].flaws) != 0)
			fail_msg("case %zu, %.*s: flaws\n%s", i, GP_SLICE_FMT(cases[i].with),
				 flaws);
		if (want ? !strstr(lines, want) : lines[0] != '\0')
			fail_msg("case %zu, %.*s: told\n%s", i, GP_SLICE_FMT(cases[i].with), lines);
		told_free(&t);
		gp_buf_free(&document);
	}
}

/* Reads so many times `unit` between what stands before and behind it. */
static void
read_many(const char *before, const char *unit, size_t times, const char *after, const char *flaws)
{
	struct gp_buf json = GP_BUF_INIT(16 << 20);
	struct told t = TOLD_INIT;
	struct gp_ingest_listener listener = told_listener(&t);
	gp_buf_put_str(&json, before);
	for (size_t i = 0; i < times; i++)
		gp_buf_put_str(&json, unit);
	gp_buf_put_str(&json, after);
	assert_false(json.failed);
	assert_int_equal(gp_ingest_tls_read(gp_buf_slice(&json), 1, &listener), 0);
	assert_slice(gp_buf_slice(&t.flaws), flaws);
	told_free(&t);
	gp_buf_free(&json);
}

static void
deep(void **state)
{
	(void)state;
	read_many("{\"x\":", "[", GP_INGEST_TLS_DEPTH_MAX, "",
		  "0 lost: its values stand too deep in each other\n");
	read_many("{\"x\":", "[", GP_INGEST_TLS_DEPTH_MAX - 1, "",
		  "0 lost: it is no JSON: ']' expected near end of file\n");
	read_many("{\"x\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[\"", "", 0, "",
		  "0 lost: it is no JSON: '}' expected near end of file\n");
}

/* No octets make jansson take more than the cap for its values, near enough. */
static void
bounded_memory(void **state)
{
	(void)state;
	static const struct {
		const char *before, *unit, *after;
		size_t times;
		bool fits;
	} worst[] = {
		{"[", "{},", "7]", 118'000, true},
		{"[", "{},", "7]", 3'000'000, false},
		{"[", "[],", "7]", 172'000, true},
		{"[", "[],", "7]", 3'000'000, false},
		{"[", "{\"\":1},", "7]", 86'000, true},
		{"[", "{\"\":\"\"},", "7]", 85'000, true},
		{"[", "[\"\"],", "7]", 171'000, true},
		{"[", "\"\",", "7]", 423'000, true},
		{"[", "7,", "7]", 427'000, true},
		{"[", "7,", "7]", 4'000'000, false},
		{"[\"", "0123456789", "\"]", 1'000'000, true},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(worst) && !TOLD_SANITIZED; i++) {
		pid_t child = fork();
		if (child == 0) {
			struct rusage now;
			mallopt(M_PERTURB, 0); /* meson's, which fills what nobody uses */
			getrusage(RUSAGE_SELF, &now);
			long base_kb = now.ru_maxrss;
			read_many(worst[i].before, worst[i].unit, worst[i].times, worst[i].after,
				  worst[i].fits ? "0 lost: its JSON is no object\n"
						: "0 lost: it has too many values\n");
			getrusage(RUSAGE_SELF, &now);
			_exit(now.ru_maxrss - base_kb > GP_INGEST_TLS_TREE_MAX / 1024);
		}
		int status = 0;
		assert_int_equal(waitpid(child, &status, 0), child);
		if (status != 0)
			fail_msg("case %zu: status %x", i, status);
	}
}

static void
too_long(void **state)
{
	(void)state;
	read_many("", "0123456789abcdef", GP_INGEST_TLS_JSON_MAX / 16, " ",
		  "0 lost: it is over 10 MiB long\n");
}

/* Whatever the listener is told, it may end the reading. */
static void
ends_by_listener(void **state)
{
	(void)state;
	static const char *const documents[] = {base, "{}", "["};
	for (size_t i = 0; i < GP_ARRAY_LEN(documents); i++) {
		struct told t = TOLD_INIT;
		struct gp_ingest_listener listener = told_listener(&t);
		t.answer = -7;
		assert_int_equal(gp_ingest_tls_read(gp_slice_str(documents[i]), 1, &listener), -7);
		assert_int_equal(t.heads + (t.flaws.len > 0), 1);
		assert_int_equal(t.policies, 0);
		told_free(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oddities),         cmocka_unit_test(deep),
		cmocka_unit_test(bounded_memory),   cmocka_unit_test(too_long),
		cmocka_unit_test(ends_by_listener),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
