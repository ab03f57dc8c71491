/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arg.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"

/* --- options that mean the same with every command --- */

enum { OPTIONS_MAX = 128, LETTERS_MAX = 64, NO_COLOUR = 1 << 16 };

static const struct option everywhere[] = {
	{"output", required_argument, NULL, 'o'},
	{"quiet", no_argument, NULL, 'q'},
	{"verbose", no_argument, NULL, 'v'},
	{"no-colour", no_argument, NULL, NO_COLOUR},
};

/* The command's options, and those of everywhere that it does not know itself. */
struct all_options {
	char letters[LETTERS_MAX];
	struct option options[OPTIONS_MAX];
	size_t own; /* how many of the options are the command's */
};

static bool
has_name(const struct option *options, const char *name)
{
	while (options->name && strcmp(options->name, name) != 0)
		options++;
	return options->name;
}

static void
list_all(struct all_options *all, const char *letters, const struct option *own)
{
	*all = (struct all_options){};
	while (own[all->own].name)
		all->own++;
	gp_assert(all->own + GP_ARRAY_LEN(everywhere) < OPTIONS_MAX);
	memcpy(all->options, own, all->own * sizeof(*own));
	struct option *end = all->options + all->own;
	for (size_t i = 0; i < GP_ARRAY_LEN(everywhere); i++) {
		if (!has_name(own, everywhere[i].name))
			*end++ = everywhere[i];
	}
	snprintf(all->letters, sizeof(all->letters), "%s%s%s%s", letters,
		 strchr(letters, 'o') ? "" : "o:", strchr(letters, 'q') ? "" : "q",
		 strchr(letters, 'v') ? "" : "v");
}

static struct {
	const char *output;
	bool quiet;
	bool failed; /* output cannot be written */
} given;

/* at: the place of a long option; -1: it was a letter. */
static bool
is_own(const struct all_options *all, const char *letters, int c, int at)
{
	if (at >= 0)
		return (size_t)at < all->own;
	return (c != 'o' && c != 'q' && c != 'v') || strchr(letters, c);
}

static void
take_common(int c)
{
	if (c == 'o')
		given.output = optarg;
	else if (c == 'q')
		given.quiet = true;
	else if (c == NO_COLOUR)
		setenv("NO_COLOR", "1", 1);
}

/* Whether what is to be written is one of those that are to be read. */
static bool
is_operand(const char *file, char **operands)
{
	struct stat st, other;
	bool there = stat(file, &st) == 0 && S_ISREG(st.st_mode);
	while (there && *operands &&
	       (stat(*operands, &other) < 0 || other.st_dev != st.st_dev ||
		other.st_ino != st.st_ino))
		operands++;
	return there && *operands;
}

bool
gp_arg_output(const char *command, const char *file, char **operands)
{
	const struct gp_arg arg = {command, "output", file};
	if (is_operand(file, operands))
		return gp_arg_wrong(&arg, "is to be read, too");
	given.failed = !freopen(file, "we", stdout);
	return !given.failed || gp_arg_wrong(&arg, strerror(errno));
}

int
gp_arg_exit_code(int code)
{
	return given.failed ? GP_EXIT_ERROR : code;
}

int
gp_arg_next(const char *command, int argc, char **argv, const char *letters,
	    const struct option *options)
{
	struct all_options all;
	char name[64], *own_name = argv[0];
	int c, at;
	list_all(&all, letters, options);
	snprintf(name, sizeof(name), "gatepost %s", command);
	argv[0] = name; /* by which getopt_long() complains */
	do {
		at = -1;
		c = getopt_long(argc, argv, all.letters, all.options, &at);
		if (c == -1 || c == '?' || is_own(&all, letters, c, at))
			break;
		take_common(c);
	} while (true);
	argv[0] = own_name;
	if (c == '?')
		fprintf(stderr, "`%s -h` shows the options\n", name);
	const char *to = given.quiet ? "/dev/null" : given.output;
	return c != -1 || !to || gp_arg_output(command, to, argv + optind) ? c : '?';
}

/* --- values --- */

bool
gp_arg_wrong(const struct gp_arg *arg, const char *why)
{
	fprintf(stderr, "gatepost %s: --%s: '%s' %s\n", arg->command, arg->option, arg->value, why);
	return false;
}

struct gp_arg
gp_arg_of(const char *command, const struct option *options, int c)
{
	while (options->name && options->val != c)
		options++;
	return (struct gp_arg){command, options->name ? options->name : "?", optarg};
}

bool
gp_arg_u64(const struct gp_arg *arg, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value;
	if (gp_slice_u64(gp_slice_str(arg->value), max, &value) && value >= min) {
		*ret = value;
		return true;
	}
	fprintf(stderr, "gatepost %s: --%s: '%s' is not a whole number from %llu to %llu\n",
		arg->command, arg->option, arg->value, (unsigned long long)min,
		(unsigned long long)max);
	return false;
}

bool
gp_arg_u32(const struct gp_arg *arg, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t value;
	if (!gp_arg_u64(arg, min, max, &value))
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* Digits behind the point as a fraction; they are few enough to be exact in 64 bits. */
static bool
fraction_of(struct gp_slice digits, double *ret)
{
	uint64_t value;
	double unit = 1;
	if (digits.len > 15 || !gp_slice_u64(digits, UINT64_MAX, &value))
		return false;
	for (size_t i = 0; i < digits.len; i++)
		unit /= 10;
	*ret = (double)value * unit;
	return true;
}

bool
gp_arg_number(const struct gp_arg *arg, double min, double max, double *ret)
{
	struct gp_slice rest = gp_slice_str(arg->value);
	bool has_point = gp_slice_find(rest, '.') >= 0;
	struct gp_slice whole_digits = gp_slice_cut(&rest, '.');
	uint64_t whole = 0;
	double fraction = 0;
	if (gp_slice_u64(whole_digits, UINT32_MAX, &whole) &&
	    (!has_point || fraction_of(rest, &fraction))) {
		double value = (double)whole + fraction;
		if (value >= min && value <= max) {
			*ret = value;
			return true;
		}
	}
	fprintf(stderr, "gatepost %s: --%s: '%s' is not a number from %g to %g\n", arg->command,
		arg->option, arg->value, min, max);
	return false;
}

bool
gp_arg_seconds(const struct gp_arg *arg, double min, double max, uint64_t *ret_ms)
{
	double seconds;
	if (!gp_arg_number(arg, min, max, &seconds))
		return false;
	*ret_ms = (uint64_t)(seconds * 1000);
	return true;
}

bool
gp_arg_text(const struct gp_arg *arg, const char **ret)
{
	*ret = arg->value;
	return arg->value[0] != '\0' || gp_arg_wrong(arg, "is empty");
}

bool
gp_arg_replaced(const struct gp_arg *arg, const char **ret)
{
	struct stat st;
	if (!gp_arg_text(arg, ret))
		return false;
	return lstat(arg->value, &st) < 0 || S_ISREG(st.st_mode) ||
	       gp_arg_wrong(arg, "is no regular file, and would be replaced by one");
}

bool
gp_arg_address(const struct gp_arg *arg, struct gp_sockaddr *ret)
{
	if (gp_sockaddr_parse(gp_slice_str(arg->value), 0, ret) == 0)
		return true;
	return gp_arg_wrong(arg, "is not an address and port, as in 127.0.0.1:25, [::1]:25 or "
				 "unix:/path");
}
