/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/csv.h"

/* Would a spreadsheet calculate it? Blanks before do not keep one from it. The full-width signs
   (U+FF0B, FF0D, FF1D, FF20) count as their ASCII forms in some. */
static bool
is_formula(struct gp_slice s)
{
	static const char *const wide[] = {"\uff0b", "\uff0d", "\uff1d", "\uff20"};
	while (s.len > 0 &&
	       (s.ptr[0] == ' ' || s.ptr[0] == '\n' || s.ptr[0] == '\t' || s.ptr[0] == '\r'))
		s = gp_slice_drop(s, 1);
	for (size_t i = 0; i < GP_ARRAY_LEN(wide); i++) {
		if (gp_slice_starts(s, gp_slice_str(wide[i])))
			return true;
	}
	return s.len > 0 && gp_slice_find(GP_SLICE("=+-@"), s.ptr[0]) >= 0;
}

void
gp_csv_put(struct gp_buf *out, struct gp_slice s, const char *after)
{
	gp_buf_put_str(out, is_formula(s) ? "\"'" : "\"");
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '"')
			gp_buf_put_char(out, '"');
		gp_buf_put_char(out, s.ptr[i]);
	}
	gp_buf_printf(out, "\"%s", after);
}
