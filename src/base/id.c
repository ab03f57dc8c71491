/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

enum { BASE = sizeof(digits) - 1 };

struct gp_id_text
gp_id_text(uint64_t id)
{
	struct gp_id_text text = {};
	for (int i = GP_ID_LEN - 1; i >= 0; i--) {
		text.s[i] = digits[id % BASE];
		id /= BASE;
	}
	return text;
}

static int
digit_value(char c)
{
	if (gp_ascii_is_digit(c))
		return c - '0';
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 36;
	return -1;
}

bool
gp_id_parse(struct gp_slice s, uint64_t *ret_id)
{
	uint64_t id = 0;
	if (s.len != GP_ID_LEN)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		int v = digit_value(s.ptr[i]);
		if (v < 0 || gp_mul_overflow(id, (uint64_t)BASE, &id) ||
		    gp_add_overflow(id, (uint64_t)v, &id))
			return false;
	}
	*ret_id = id;
	return true;
}

bool
gp_id_asked(struct gp_slice s, uint64_t *ret_id)
{
	size_t good = 0;
	while (good < s.len && digit_value(s.ptr[good]) >= 0)
		good++;
	if (good < s.len || s.len < GP_ID_LEN || s.len > GP_ID_LEN_MAX)
		return false;
	if (!gp_id_parse(s, ret_id) || *ret_id == 0)
		*ret_id = GP_ID_NOBODYS;
	return true;
}
