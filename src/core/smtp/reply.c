/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/reply.h"

/* RFC 5321 section 4.5.3.1.5: a reply line is at most 512 octets with codes and CRLF. */
enum { LINE_TEXT_MAX = 512 - (int)sizeof("550-5.777.777 \r\n") };

/* Cuts one line off the text: at LF, or where it would be too long, then best at a space. */
static struct gp_slice
take_line(struct gp_slice *text)
{
	ptrdiff_t lf = gp_slice_find(*text, '\n');
	size_t len = lf < 0 ? text->len : (size_t)lf;
	size_t skip = lf < 0 ? 0 : 1;
	if (len > LINE_TEXT_MAX) {
		ptrdiff_t space = gp_slice_rfind(gp_slice_take(*text, LINE_TEXT_MAX), ' ');
		len = space > 0 ? (size_t)space : LINE_TEXT_MAX;
		skip = space > 0 ? 1 : 0;
	}
	struct gp_slice line = gp_slice_take(*text, len);
	*text = gp_slice_drop(*text, len + skip);
	return line;
}

static void
put_sanitised(struct gp_buf *out, struct gp_slice line)
{
	char *to = gp_buf_reserve(out, line.len);
	if (!to)
		return;
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.ptr[i];
		to[i] = c < 32 || c == 127 ? '?' : (char)c;
	}
	gp_buf_advance(out, line.len);
}

/* RFC 2034 section 4: the enhanced code stands on every line of the reply. */
static void
put_codes(struct gp_buf *out, const struct gp_reply *r, char separator)
{
	gp_buf_put_u64(out, r->code);
	gp_buf_put_char(out, separator);
	if (r->enhanced_class == 0)
		return;
	gp_buf_put_u64(out, r->enhanced_class);
	gp_buf_put_char(out, '.');
	gp_buf_put_u64(out, r->enhanced_subject);
	gp_buf_put_char(out, '.');
	gp_buf_put_u64(out, r->enhanced_detail);
	gp_buf_put_char(out, ' ');
}

void
gp_reply_write(struct gp_buf *out, const struct gp_reply *r)
{
	struct gp_slice text = r->text;
	gp_assert(r->code >= 200 && r->code <= 599);
	do {
		struct gp_slice line = take_line(&text);
		put_codes(out, r, text.len > 0 ? '-' : ' ');
		put_sanitised(out, line);
		gp_buf_put(out, GP_SLICE("\r\n"));
	} while (text.len > 0);
}
