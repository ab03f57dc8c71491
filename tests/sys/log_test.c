/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever stands in a field, an event is one line of printable ASCII that says what it said. */
#include "unit.h"

#include <string.h>
#include <sys/mman.h>

#include "prng.h"
#include "sys/log.h"

enum { CAPTURE_MAX = 1 << 20, LINE_MAX = 8192 };

static char captured[CAPTURE_MAX + 1];

/* What the log writes from here to `release` goes to a file in memory. */
static int
capture(int *ret_real)
{
	int fd = memfd_create("log", MFD_CLOEXEC);
	assert_true(fd >= 0);
	*ret_real = dup(STDERR_FILENO);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	return fd;
}

static struct gp_slice
release(int fd, int real)
{
	gp_log_flush();
	dup2(real, STDERR_FILENO);
	close(real);
	ssize_t n = pread(fd, captured, CAPTURE_MAX, 0);
	close(fd);
	assert_true(n >= 0);
	captured[n] = '\0';
	return gp_slice(captured, (size_t)n);
}

static struct gp_slice
line_of(bool json, struct gp_slice value)
{
	int real, fd = capture(&real);
	gp_log_setup("tester", json, GP_LOG_DEBUG);
	gp_info("happened", GP_F("key", value), GP_FN("n", 7));
	return release(fd, real);
}

#define S(text)                          \
	{                                \
		(text), sizeof(text) - 1 \
	}

static const struct {
	struct gp_slice value;
	const char *text, *json; /* as they stand behind key= and "key": */
} cases[] = {
	{S("plain"), "plain", "\"plain\""},
	{S(""), "\"\"", "\"\""},
	{S("two words"), "\"two words\"", "\"two words\""},
	{S("a=b"), "\"a=b\"", "\"a=b\""},
	{S("say \"hi\""), "\"say \\\"hi\\\"\"", "\"say \\\"hi\\\"\""},
	{S("back\\slash"), "\"back\\\\slash\"", "\"back\\\\slash\""},
	{S("x\nforged event"), "\"x\\x0aforged event\"", "\"x\\u000aforged event\""},
	{S("x\r\n"), "\"x\\x0d\\x0a\"", "\"x\\u000d\\u000a\""},
	{S("x\",\"event\":\"y"), "\"x\\\",\\\"event\\\":\\\"y\"", "\"x\\\",\\\"event\\\":\\\"y\""},
	{S("\x1b[2J\x1b]0;title\a"), "\"\\x1b[2J\\x1b]0;title\\x07\"",
	 "\"\\u001b[2J\\u001b]0;title\\u0007\""},
	{S("\x9b"
	   "31m"),
	 "\"\\x9b31m\"", "\"\\u009b31m\""},
	{S("nul\0l"), "\"nul\\x00l\"", "\"nul\\u0000l\""},
	{S("\x7f"), "\"\\x7f\"", "\"\\u007f\""},
	{S("m\xc3\xbcller"), "\"m\\xc3\\xbcller\"", "\"m\\u00c3\\u00bcller\""},
	{S("\xe2\x80\xae"
	   "evil"),
	 "\"\\xe2\\x80\\xaeevil\"", "\"\\u00e2\\u0080\\u00aeevil\""},
	{S("\xff\xfe"), "\"\\xff\\xfe\"", "\"\\u00ff\\u00fe\""},
};

static void
fields_are_escaped(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char want[256];
		snprintf(want, sizeof(want), " tester info happened key=%s n=7\n", cases[i].text);
		struct gp_slice line = line_of(false, cases[i].value);
		ptrdiff_t at = gp_slice_find(line, ' ');
		assert_true(at > 0);
		assert_slice(gp_slice_drop(line, (size_t)at), want);
		snprintf(want, sizeof(want),
			 "\",\"role\":\"tester\",\"level\":\"info\",\"event\":\"happened\",\"key\":"
			 "%s,\"n\":7}\n",
			 cases[i].json);
		line = line_of(true, cases[i].value);
		assert_true(gp_slice_starts(line, GP_SLICE("{\"time\":\"2")));
		assert_slice(gp_slice_drop(line, strlen("{\"time\":\"2026-01-01T00:00:00.000Z")),
			     want);
	}
}

/* One line end, at its end, and nothing but printable ASCII before it. */
static void
check_line(struct gp_slice line)
{
	assert_true(line.len > 0 && line.len <= LINE_MAX);
	assert_int_equal(line.ptr[line.len - 1], '\n');
	for (size_t i = 0; i + 1 < line.len; i++)
		assert_in_range((unsigned char)line.ptr[i], ' ', '~');
}

static void
any_octets_make_one_line(void **state)
{
	(void)state;
	struct prng random = {5};
	for (int i = 0; i < 2000; i++) {
		static char octets[4000];
		size_t len = prng_below(&random, i % 10 == 0 ? sizeof(octets) : 60);
		for (size_t k = 0; k < len; k++)
			octets[k] = (char)prng_next(&random);
		check_line(line_of(i % 2, gp_slice(octets, len)));
	}
}

static void
a_long_field_hides_no_other(void **state)
{
	(void)state;
	static char octets[100000];
	memset(octets, 1, sizeof(octets));
	for (int json = 0; json < 2; json++) {
		int real, fd = capture(&real);
		gp_log_setup("tester", json, GP_LOG_DEBUG);
		gp_info("refused", GP_F("reason", gp_slice(octets, sizeof(octets))),
			GP_FS("client", "192.0.2.1"), GP_F("helo", gp_slice(octets, 2000)));
		struct gp_slice line = release(fd, real);
		check_line(line);
		assert_non_null(strstr(line.ptr, "refused"));
		assert_non_null(strstr(line.ptr, "192.0.2.1"));
		assert_non_null(strstr(line.ptr, json ? "\\u0001\\u0001" : "\\x01\\x01"));
	}
}

static void
levels_below_the_threshold_are_silent(void **state)
{
	(void)state;
	int real, fd = capture(&real);
	gp_log_setup("tester", false, GP_LOG_WARNING);
	gp_info("unheard", GP_FN("n", 1));
	gp_debug("unheard", GP_FN("n", 1));
	gp_warning("heard", GP_FN("n", 1));
	struct gp_slice said = release(fd, real);
	assert_null(strstr(said.ptr, "unheard"));
	assert_non_null(strstr(said.ptr, "tester warning heard n=1\n"));
}

/* Info waits for the turn's end; a warning goes out at once, behind what waited. */
static void
a_warning_waits_for_nobody(void **state)
{
	(void)state;
	int real, fd = capture(&real);
	gp_log_setup("tester", false, GP_LOG_INFO);
	gp_info("first", GP_FN("n", 1));
	off_t waiting = lseek(fd, 0, SEEK_END);
	gp_warning("second", GP_FN("n", 2));
	off_t written = lseek(fd, 0, SEEK_END);
	struct gp_slice said = release(fd, real);
	assert_int_equal(waiting, 0);
	assert_int_equal(written, said.len);
	assert_true(strstr(said.ptr, "first") < strstr(said.ptr, "second"));
}

static void
many_lines_arrive_whole_and_in_order(void **state)
{
	(void)state;
	enum { LINES = 5000 };
	int real, fd = capture(&real);
	gp_log_setup("tester", false, GP_LOG_INFO);
	for (uint64_t i = 0; i < LINES; i++)
		gp_info("line", GP_FN("number", i));
	struct gp_slice rest = release(fd, real);
	for (size_t i = 0; i < LINES; i++) {
		char want[64];
		ptrdiff_t end = gp_slice_find(rest, '\n');
		assert_true(end > 0);
		snprintf(want, sizeof(want), "info line number=%zu", i);
		struct gp_slice line = gp_slice_take(rest, (size_t)end);
		assert_true(line.len > strlen(want));
		assert_slice(gp_slice_drop(line, line.len - strlen(want)), want);
		rest = gp_slice_drop(rest, (size_t)end + 1);
	}
	assert_int_equal(rest.len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_escaped),
		cmocka_unit_test(any_octets_make_one_line),
		cmocka_unit_test(a_long_field_hides_no_other),
		cmocka_unit_test(levels_below_the_threshold_are_silent),
		cmocka_unit_test(a_warning_waits_for_nobody),
		cmocka_unit_test(many_lines_arrive_whole_and_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
