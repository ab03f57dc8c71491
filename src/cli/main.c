/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost: finds the command in the table and runs it. Each command's file is src/cli/COMMAND.c.
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/commands.h"

static const struct gp_command commands[] = {
	/* in the order of the manual */
	{"serve", gp_cmd_serve, "run the mail gateway"},
	{"init", gp_cmd_init, "write a commented starter configuration"},
	{"config", gp_cmd_config, "check the configuration, or show what it amounts to"},
	{"queue", gp_cmd_queue, "look at the queue of a running gateway, and act on it"},
	{"send", gp_cmd_send, "hand one message to a server and show the dialogue"},
	{"load", gp_cmd_load, "a load generator for any mail server"},
	{"sink", gp_cmd_sink, "a receiver that counts and keeps nothing"},
};

static void
print_usage(FILE *to)
{
	fprintf(to, "usage: gatepost COMMAND [options] [operands]\n\n");
	for (size_t i = 0; i < GP_ARRAY_LEN(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\n`gatepost COMMAND -h` prints a screenful about one of them.\n");
}

int
main(int argc, char **argv)
{
	if (argc < 2) {
		print_usage(stderr);
		return GP_EXIT_USAGE;
	}
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
		print_usage(stdout);
		return GP_EXIT_OK;
	}
	for (size_t i = 0; i < GP_ARRAY_LEN(commands); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "gatepost: there is no command '%s'; `gatepost -h` lists them\n", argv[1]);
	return GP_EXIT_USAGE;
}
