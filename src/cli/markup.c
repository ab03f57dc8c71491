/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/markup.h"

#include "base/utf8.h"

/* U+FFFE and U+FFFF are no characters of XML (1.0, section 2.2); the visible are otherwise. */
void
gp_markup_put(struct gp_buf *out, struct gp_slice text)
{
	while (text.len > 0) {
		struct gp_slice from = text;
		uint32_t c = gp_utf8_take(&text);
		if (gp_slice_find(GP_SLICE("&<>\"'"), (char)c) >= 0 && c < 0x80)
			gp_buf_printf(out, "&#%u;", c);
		else if (c == 0xfffe || c == 0xffff || c == GP_UTF8_INVALID)
			gp_buf_put_str(out, "\ufffd");
		else
			gp_buf_put(out, gp_slice_take(from, from.len - text.len));
	}
}
