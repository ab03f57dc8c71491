/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sasl/scram_message.h"

bool
scram_take_attribute(struct gp_slice *rest, char key, struct gp_slice *ret)
{
	if (rest->len < 2 || rest->ptr[0] != key || rest->ptr[1] != '=')
		return false;
	*ret = gp_slice_drop(gp_slice_cut(rest, ','), 2);
	return true;
}

bool
scram_is_nonce(struct gp_slice s, size_t max)
{
	bool good = s.len > 0 && s.len <= max;
	for (size_t i = 0; good && i < s.len; i++)
		good = s.ptr[i] > ' ' && s.ptr[i] < 127 && s.ptr[i] != ',';
	return good;
}

bool
scram_extensions_are_optional(struct gp_slice rest)
{
	while (rest.len > 0) {
		struct gp_slice one = gp_slice_cut(&rest, ',');
		if (one.len < 2 || !gp_ascii_is_alpha(one.ptr[0]) || one.ptr[1] != '=' ||
		    one.ptr[0] == 'm')
			return false;
	}
	return true;
}
