/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/fetch/reach.h"

#include "core/targets/special.h"

enum {
	HOST_MAX = 253,
	LABEL_MAX = 63,
};

bool
reach_is_global(struct gp_slice octets)
{
	return !gp_special_of((const uint8_t *)octets.ptr, octets.len);
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
