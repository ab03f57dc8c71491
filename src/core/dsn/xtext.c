/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dsn/xtext.h"

#include "base/utf8.h"
#include "core/smtp/xtext.h"

bool
gp_dsn_decode_xtext(struct gp_slice s, struct gp_arena *arena, struct gp_slice *ret)
{
	struct gp_slice text;
	if (gp_xtext_decode(s, false, arena, &text) != 0)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			return false;
	}
	*ret = text;
	return true;
}

size_t
gp_utf8_char(struct gp_slice s, uint32_t *ret)
{
	size_t len = gp_utf8_len(s);
	if (len == 0)
		return 0;
	/* The first octet holds as many bits of the character as are left below its marks. */
	uint32_t c = (unsigned char)s.ptr[0] & (len == 1 ? 0x7f : 0xff >> (len + 1));
	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s.ptr[i] & 0x3f);
	*ret = c;
	return len;
}

/* QCHAR of RFC 6533 section 3. */
static bool
is_qchar(uint32_t c)
{
	return c >= '!' && c <= '~' && c != '+' && c != '=' && c != '\\';
}

void
gp_utf8_xtext_put(struct gp_buf *out, struct gp_slice address, bool embedded)
{
	while (address.len > 0) {
		uint32_t c;
		size_t len = gp_utf8_char(address, &c);
		if (len == 0) {
			gp_buf_put_char(out, '?');
			len = 1;
		} else if (is_qchar(c) || (embedded && c == '\\')) {
			gp_buf_put_char(out, (char)c);
		} else {
			gp_buf_printf(out, "\\x{%02X}", (unsigned)c);
		}
		address = gp_slice_drop(address, len);
	}
}
