/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/fetch/reach.h"

#include <string.h>

#include "core/config/value.h"

enum {
	HOST_MAX = 253,
	LABEL_MAX = 63,
};

/* RFC 6890 section 2.2.2, what its registry got since, multicast (RFC 5771) and class E. */
static const struct gp_network special_v4[] = {
	{{0}, 4, 8},
	{{10}, 4, 8},
	{{100, 64}, 4, 10},
	{{127}, 4, 8},
	{{169, 254}, 4, 16},
	{{172, 16}, 4, 12},
	{{192, 0, 0}, 4, 24},
	{{192, 0, 2}, 4, 24},
	{{192, 88, 99}, 4, 24},
	{{192, 168}, 4, 16},
	{{198, 18}, 4, 15},
	{{198, 51, 100}, 4, 24},
	{{203, 0, 113}, 4, 24},
	{{224}, 4, 3},
};

/* Global unicast addresses are in 2000::/3 (RFC 4291 section 2.4); these parts of it are not
   anybody's, or (6to4, Teredo) tunnels to an IPv4 address that would have to be looked at. */
static const struct gp_network global_v6 = {{0x20}, 16, 3};
static const struct gp_network special_v6[] = {
	{{0x20, 0x01}, 16, 23},
	{{0x20, 0x01, 0x0d, 0xb8}, 16, 32},
	{{0x20, 0x02}, 16, 16},
	{{0x3f, 0xff}, 16, 20},
};
/* A network without IPv4 reaches it so (RFC 6052 section 2.1): the last four octets are meant. */
static const struct gp_network nat64 = {{0x00, 0x64, 0xff, 0x9b}, 16, 96};

static bool
is_in(const struct gp_network *list, size_t len, const uint8_t *address, size_t address_len)
{
	for (size_t i = 0; i < len; i++) {
		if (gp_network_contains(&list[i], address, address_len))
			return true;
	}
	return false;
}

bool
reach_is_global(struct gp_slice octets)
{
	uint8_t a[16];
	if (octets.len != 4 && octets.len != 16)
		return false;
	memcpy(a, octets.ptr, octets.len);
	if (octets.len == 4)
		return !is_in(special_v4, GP_ARRAY_LEN(special_v4), a, 4);
	if (gp_network_contains(&nat64, a, 16))
		return reach_is_global(gp_slice_drop(octets, 12));
	return gp_network_contains(&global_v6, a, 16) &&
	       !is_in(special_v6, GP_ARRAY_LEN(special_v6), a, 16);
}

static bool
is_label(struct gp_slice label)
{
	if (label.len == 0 || label.len > LABEL_MAX)
		return false;
	for (size_t i = 0; i < label.len; i++) {
		char c = label.ptr[i];
		if (!gp_ascii_is_alnum(c) && c != '-' && c != '_')
			return false;
	}
	return true;
}

bool
reach_host_valid(struct gp_slice host)
{
	struct gp_slice rest = host, label = {};
	size_t labels = 0;
	if (host.len == 0 || host.len > HOST_MAX || host.ptr[host.len - 1] == '.')
		return false;
	while (rest.len > 0) {
		label = gp_slice_cut(&rest, '.');
		if (!is_label(label))
			return false;
		labels++;
	}
	/* "127.1" and "0x7f.1" are addresses to a reader of URLs; no top-level domain begins so. */
	return labels > 1 && !gp_ascii_is_digit(label.ptr[0]);
}

static bool
is_printable(struct gp_slice s, char first)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < first || s.ptr[i] > '~')
			return false;
	}
	return s.len > 0;
}

bool
reach_path_valid(struct gp_slice path)
{
	return is_printable(path, '!') && path.ptr[0] == '/' && gp_slice_find(path, '#') < 0;
}

bool
reach_media_type_valid(struct gp_slice value)
{
	return is_printable(value, ' ');
}
