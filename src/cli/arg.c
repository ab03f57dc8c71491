/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arg.h"

#include <stdio.h>
#include <sys/stat.h>

int
gp_arg_next(const char *command, int argc, char **argv, const char *letters,
	    const struct option *options)
{
	char name[64], *given = argv[0];
	snprintf(name, sizeof(name), "gatepost %s", command);
	argv[0] = name; /* by which getopt_long() complains */
	int c = getopt_long(argc, argv, letters, options, NULL);
	argv[0] = given;
	if (c == '?')
		fprintf(stderr, "`%s -h` shows the options\n", name);
	return c;
}

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
