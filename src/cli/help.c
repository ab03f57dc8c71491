/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost help: opens the manual page of a command with man(1): the page that lies beside this
 * program, in the source tree or in an installation, else the one that man knows by name. Without
 * man the command's own -h has to do.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/slice.h"
#include "cli/command.h"
#include "cli/commands.h"

static const char usage[] = "usage: gatepost help [COMMAND]\n\n"
			    "Opens the manual page of a command, or of gatepost itself.\n";

/* Where pages may be, seen from this program's folder. */
static const char *const places[] = {"../docs/man", "../share/man/man1"};

enum { PAGE_PATH_MAX = PATH_MAX + 128 };

/* False: no page lies beside this program. */
static bool
find_page(const char *page, char path[PAGE_PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	ptrdiff_t slash = gp_slice_rfind(gp_slice(self, n > 0 ? (size_t)n : 0), '/');
	for (size_t i = 0; slash >= 0 && i < GP_ARRAY_LEN(places); i++) {
		snprintf(path, PAGE_PATH_MAX, "%.*s/%s/%s.1", (int)slash, self, places[i], page);
		if (access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/* The command's -h, said by this very program. Returns only when that cannot be. */
static int
print_summary(const char *command)
{
	if (command)
		execl("/proc/self/exe", "gatepost", command, "-h", (char *)NULL);
	else
		execl("/proc/self/exe", "gatepost", "-h", (char *)NULL);
	fprintf(stderr, "gatepost help: %s\n", strerror(errno));
	return GP_EXIT_ERROR;
}

int
gp_cmd_help(int argc, char **argv)
{
	char page[64] = "gatepost", path[PAGE_PATH_MAX];
	const char *command = argc > 1 ? argv[1] : NULL;
	if (command && (strcmp(command, "-h") == 0 || strcmp(command, "--help") == 0)) {
		fputs(usage, stdout);
		return GP_EXIT_OK;
	}
	if (argc > 2) {
		fputs(usage, stderr);
		return GP_EXIT_USAGE;
	}
	if (command && !gp_command_exists(command)) {
		fprintf(stderr,
			"gatepost help: there is no command '%s'; `gatepost -h` lists them\n",
			command);
		return GP_EXIT_USAGE;
	}
	/* This command's own page is that of gatepost. */
	if (command && strcmp(command, "help") != 0)
		snprintf(page, sizeof(page), "gatepost-%s", command);
	fflush(stdout);
	if (find_page(page, path))
		execlp("man", "man", "-l", path, (char *)NULL);
	else
		execlp("man", "man", "1", page, (char *)NULL);
	return print_summary(command);
}
