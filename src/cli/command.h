/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of `gatepost`: one file a command, one line in the table of main.c. A command parses
 * its own options with getopt_long, writes what it found to standard output and what is wrong to
 * standard error, and returns an exit code of the list below; it never calls exit().
 */
#pragma once

enum gp_exit {
	GP_EXIT_OK = 0,      /* done, and nothing to report */
	GP_EXIT_BAD = 1,     /* done, and the answer is bad */
	GP_EXIT_USAGE = 2,   /* usage or configuration error */
	GP_EXIT_UNKNOWN = 3, /* could not tell: DNS or network failed */
	GP_EXIT_ERROR = 4,   /* internal or I/O error */
};

struct gp_command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
	const char *summary;               /* one line for the list of commands */
};

/* Whether the table of main.c has this command. */
bool
gp_command_exists(const char *name);
