/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost: finds the command in the table and runs it. Each command's file is src/cli/COMMAND.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/arg.h"
#include "cli/command.h"
#include "cli/commands.h"

static const struct gp_command commands[] = {
	/* in the order of the manual */
	{"serve", gp_cmd_serve, "run the mail gateway"},
	{"init", gp_cmd_init, "write a commented starter configuration"},
	{"config", gp_cmd_config, "check the configuration, or show what it amounts to"},
	{"domain", gp_cmd_domain, "a domain's keys and records, and how mail to it is secured"},
	{"user", gp_cmd_user, "add submission users, change their passwords, list them"},
	{"queue", gp_cmd_queue, "look at the queue of a running gateway, and act on it"},
	{"trace", gp_cmd_trace, "what became of a message, of those refused too"},
	{"verify", gp_cmd_verify, "who sent a stored message, by SPF, DKIM, DMARC and ARC"},
	{"dmarc", gp_cmd_dmarc, "what DMARC says of a From domain, and why"},
	{"spf", gp_cmd_spf, "may this client send mail as this domain"},
	{"dkim", gp_cmd_dkim, "DKIM by hand: make keys, sign messages, verify them"},
	{"arc", gp_cmd_arc, "ARC by hand: verify chains, and go on with them"},
	{"headers", gp_cmd_headers, "a message's way, who it is from, a verdict"},
	{"scan", gp_cmd_scan, "look at mail servers, from one to a million"},
	{"audit", gp_cmd_audit, "the mail posture of domains, with the records that mend it"},
	{"reports", gp_cmd_reports, "what others report about mail in our domains' names"},
	{"send", gp_cmd_send, "hand one message to a server and show the dialogue"},
	{"load", gp_cmd_load, "a load generator for any mail server"},
	{"sink", gp_cmd_sink, "a receiver that counts and keeps nothing"},
	{"help", gp_cmd_help, "open the manual page of a command"},
};

static const struct gp_command *
find_command(const char *name)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(commands); i++) {
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	}
	return NULL;
}

bool
gp_command_exists(const char *name)
{
	return find_command(name) != NULL;
}

static void
print_usage(FILE *to)
{
	fprintf(to, "usage: gatepost COMMAND [options] [operands]\n\n");
	for (size_t i = 0; i < GP_ARRAY_LEN(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\n`gatepost COMMAND -h` prints a screenful about one of them, "
		    "`gatepost help COMMAND` opens its\nmanual page. With all of "
		    "them -o FILE is where the answer goes, -q leaves it out, -v says more\nwhere "
		    "there is more, and --no-colour is plain.\n");
}

/* What was printed may still be on its way, and fail: then nobody has it. */
static int
finish(const char *command, int code)
{
	bool failed = ferror(stdout);
	if (fflush(stdout) == 0 && !failed)
		return code;
	if (code == GP_EXIT_ERROR)
		return code; /* told of already */
	fprintf(stderr, "gatepost %s: cannot write all of it to standard output%s%s\n", command,
		failed ? "" : ": ", failed ? "" : strerror(errno));
	return GP_EXIT_ERROR;
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
		return finish("-h", GP_EXIT_OK);
	}
	const struct gp_command *command = find_command(argv[1]);
	if (command)
		return finish(command->name, gp_arg_exit_code(command->run(argc - 1, argv + 1)));
	fprintf(stderr, "gatepost: there is no command '%s'; `gatepost -h` lists them\n", argv[1]);
	return GP_EXIT_USAGE;
}
