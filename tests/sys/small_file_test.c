/* SPDX-License-Identifier: Apache-2.0 */
/* The first line of a file, which is a secret. */
#include "../unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sys/small_file.h"

enum { SIZE = 8 };

static void
first_lines(void **state)
{
	static const struct {
		const char *content;
		int result;
		const char *line;
	} cases[] = {
		{"secret\n", 0, "secret"},
		{"secret", 0, "secret"},
		{"secret\r\n", 0, "secret"},
		{"a b\nsecond\n", 0, "a b"},
		{"seven77\nsecond\n", 0, "seven77"},
		{"seven77", 0, "seven77"},
		{"eight888\n", -EFBIG, NULL},
		{"eight888", -EFBIG, NULL},
		{"", -ENODATA, NULL},
		{"\nsecond\n", -ENODATA, NULL},
		{"\r\n", -ENODATA, NULL},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		char to[SIZE] = "xxxxxxx";
		size_t len = SIZE;
		ssize_t size = (ssize_t)strlen(cases[i].content);
		int fd = memfd_create("secret", MFD_CLOEXEC);
		assert_int_equal(write(fd, cases[i].content, (size_t)size), size);
		int r = gp_file_line(fd, to, sizeof(to), &len);
		close(fd);
		if (r != cases[i].result)
			fail_msg("%zu: %d", i, r);
		if (r != 0)
			continue;
		assert_slice(gp_slice(to, len), cases[i].line);
		/* Nothing of what follows stays. */
		for (size_t at = len; at < SIZE; at++)
			assert_int_equal(to[at], 0);
	}
}

static void
what_is_no_file_has_none(void **state)
{
	char to[SIZE];
	size_t len;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)state;
	assert_int_equal(gp_file_line(fd, to, sizeof(to), &len), -EINVAL);
	close(fd);
	assert_int_equal(gp_file_line(fd, to, sizeof(to), &len), -EBADF);
	assert_string_equal(gp_file_line_trouble(-EBADF), "Bad file descriptor");
	assert_string_equal(gp_file_line_trouble(-EFBIG), "its first line is too long");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_lines),
		cmocka_unit_test(what_is_no_file_has_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
