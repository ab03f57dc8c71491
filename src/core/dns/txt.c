/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dns/txt.h"

#include <errno.h>

#include "base/scan.h"

size_t
gp_txt_select(const struct gp_dns_answer *answer, struct gp_slice version,
	      struct gp_slice *ret_fields)
{
	size_t found = 0;
	*ret_fields = GP_SLICE("");
	for (size_t i = 0; i < answer->records_len; i++) {
		struct gp_slice text = answer->records[i].data;
		if (!gp_slice_starts(text, version))
			continue;
		struct gp_scan c = gp_scan(gp_slice_drop(text, version.len));
		gp_scan_wsp(&c);
		if (!gp_scan_char(&c, ';'))
			continue;
		*ret_fields = gp_slice_trim(gp_scan_rest(&c));
		found++;
	}
	return found;
}

static bool
is_name_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '_' || c == '-' || c == '.';
}

int
gp_txt_next(struct gp_slice *fields, struct gp_txt_field *ret)
{
	if (fields->len == 0)
		return 1;
	struct gp_slice field = gp_slice_trim(gp_slice_cut(fields, ';'));
	*fields = gp_slice_trim(*fields);
	struct gp_scan c = gp_scan(field);
	bool starts_well = field.len > 0 && gp_ascii_is_alnum(field.ptr[0]);
	ret->name = gp_scan_while(&c, is_name_octet);
	if (!starts_well || ret->name.len > GP_TXT_NAME_MAX || !gp_scan_char(&c, '='))
		return -EINVAL;
	ret->value = gp_scan_rest(&c);
	return 0;
}

static bool
is_extension_octet(char c)
{
	return c > ' ' && c <= '~' && c != ';' && c != '=';
}

bool
gp_txt_extension_valid(struct gp_slice value)
{
	struct gp_scan c = gp_scan(value);
	return gp_scan_while(&c, is_extension_octet).len == value.len && value.len > 0;
}
