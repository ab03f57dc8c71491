/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of options, read strictly. Each function says on standard error what is wrong, naming the
 * option, and returns false; the command then returns GP_EXIT_USAGE.
 */
#pragma once

#include <getopt.h>

#include "base/slice.h"
#include "sys/address.h"

/* Who asks, for the messages: "gatepost load: --size: ...". */
struct gp_arg {
	const char *command;
	const char *option; /* without the dashes */
	const char *value;
};

/*
 * getopt_long(), which complains as "gatepost COMMAND: ..." and says where the options stand: where
 * it returns '?' all is told, and the command returns GP_EXIT_USAGE. command: with its verb, where
 * that has options of its own.
 *
 * Where the command does not know them itself, it sees to what means the same everywhere: -o FILE,
 * where standard output goes from the end of the options on; -q, nowhere; --no-colour, as NO_COLOR;
 * and -v, which has no more to say then.
 */
int
gp_arg_next(const char *command, int argc, char **argv, const char *letters,
	    const struct option *options);

/* Standard output goes to this file from now on, which must be none of the operands, a list with
 * NULL at its end. False: it cannot, and that was said. */
[[nodiscard]] bool
gp_arg_output(const char *command, const char *file, char **operands);

/* What a command has returned, or GP_EXIT_ERROR where a file could not be opened for output. */
int
gp_arg_exit_code(int code);

/* The option that getopt_long() has returned as c, with its value. */
struct gp_arg
gp_arg_of(const char *command, const struct option *options, int c);

/* A whole number from min to max. */
[[nodiscard]] bool
gp_arg_u64(const struct gp_arg *arg, uint64_t min, uint64_t max, uint64_t *ret);
[[nodiscard]] bool
gp_arg_u32(const struct gp_arg *arg, uint32_t min, uint32_t max, uint32_t *ret);

/* A number that may have a fraction, from min to max: digits with at most one point. */
[[nodiscard]] bool
gp_arg_number(const struct gp_arg *arg, double min, double max, double *ret);

/* Seconds, from min to max, that may have a fraction: in milliseconds. */
[[nodiscard]] bool
gp_arg_seconds(const struct gp_arg *arg, double min, double max, uint64_t *ret_ms);

/* "192.0.2.1:25", "[2001:db8::1]:25" or "unix:/path": numbers only, no name is looked up. */
[[nodiscard]] bool
gp_arg_address(const struct gp_arg *arg, struct gp_sockaddr *ret);

/* A text that is not empty, as an unset variable of a script would have it be. */
[[nodiscard]] bool
gp_arg_text(const struct gp_arg *arg, const char **ret);

/* The path of a file in whose place another is put: what is there, if anything, is a regular file,
   and not a device, say, that would be gone then. */
[[nodiscard]] bool
gp_arg_replaced(const struct gp_arg *arg, const char **ret);

/* Says that the value is wrong, and why. Returns false. */
bool
gp_arg_wrong(const struct gp_arg *arg, const char *why);
