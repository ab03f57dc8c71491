/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/arg.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

bool
gp_arg_wrong(const struct gp_arg *arg, const char *why)
{
	fprintf(stderr, "gatepost %s: --%s: '%s' %s\n", arg->command, arg->option, arg->value, why);
	return false;
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

static bool
unix_address(const struct gp_arg *arg, struct gp_slice path, struct gp_arg_address *ret)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&ret->addr;
	if (path.len == 0 || path.len >= sizeof(un->sun_path))
		return gp_arg_wrong(arg, "has no path, or one over 107 octets");
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, path.ptr, path.len);
	ret->len = sizeof(*un);
	return true;
}

static bool
inet_address(struct gp_slice host, uint16_t port, struct gp_arg_address *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->addr;
	bool bracketed = gp_slice_starts(host, GP_SLICE("[")) && host.ptr[host.len - 1] == ']';
	char text[INET6_ADDRSTRLEN] = "";
	if (bracketed)
		host = gp_slice_take(gp_slice_drop(host, 1), host.len - 2);
	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.ptr, host.len);
	if (bracketed && inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		ret->len = sizeof(*in6);
		return true;
	}
	if (!bracketed && inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		ret->len = sizeof(*in);
		return true;
	}
	return false;
}

bool
gp_arg_address(const struct gp_arg *arg, struct gp_arg_address *ret)
{
	struct gp_slice s = gp_slice_str(arg->value);
	ptrdiff_t colon = gp_slice_rfind(s, ':');
	uint64_t port;
	*ret = (struct gp_arg_address){};
	if (gp_slice_starts(s, GP_SLICE("unix:")))
		return unix_address(arg, gp_slice_drop(s, 5), ret);
	if (colon > 0 && gp_slice_u64(gp_slice_drop(s, (size_t)colon + 1), 65535, &port) &&
	    port > 0 && inet_address(gp_slice_take(s, (size_t)colon), (uint16_t)port, ret))
		return true;
	return gp_arg_wrong(arg, "is not an address and port, as in 127.0.0.1:25, [::1]:25 or "
				 "unix:/path");
}
