/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/reply_parser.h"

#include <errno.h>

#include "base/scan.h"

struct gp_reply_parser
gp_reply_parser(void)
{
	return (struct gp_reply_parser){
		.line = GP_BUF_INIT(GP_REPLY_LINE_MAX),
		/* Each line's text is shorter than the line was, and LF takes the place of CRLF. */
		.text = GP_BUF_INIT(GP_REPLY_SIZE_MAX),
	};
}

void
gp_reply_parser_free(struct gp_reply_parser *p)
{
	gp_buf_free(&p->line);
	gp_buf_free(&p->text);
}

static void
begin_reply(struct gp_reply_parser *p)
{
	enum { KEEP = 1024 }; /* an idle session holds no more for the sake of one long reply */
	if (p->text.cap > KEEP)
		gp_buf_free(&p->text);
	if (p->line.cap > KEEP)
		gp_buf_free(&p->line);
	gp_buf_clear(&p->text);
	gp_buf_clear(&p->line);
	p->reply = (struct gp_reply){};
	p->lines = 0;
	p->octets = 0;
	p->complete = false;
}

static int
bad(struct gp_reply_parser *p, const char *why)
{
	p->why = why;
	return GP_REPLY_BAD;
}

/* 1*3DIGIT of RFC 2034 section 4. */
static bool
scan_number(struct gp_scan *c, uint16_t *ret)
{
	uint64_t value;
	if (!gp_slice_u64(gp_scan_while(c, gp_ascii_is_digit), 999, &value))
		return gp_scan_fail(c);
	*ret = (uint16_t)value;
	return true;
}

/* Takes an enhanced code of the given class, and the space behind it, off the front of *text. */
static bool
take_enhanced(struct gp_slice *text, uint8_t class, uint16_t *ret_subject, uint16_t *ret_detail)
{
	struct gp_scan c = gp_scan(*text);
	if (!gp_scan_char(&c, (char)('0' + class)) || !gp_scan_char(&c, '.') ||
	    !scan_number(&c, ret_subject) || !gp_scan_char(&c, '.') || !scan_number(&c, ret_detail))
		return false;
	if (!gp_scan_char(&c, ' ') && !gp_scan_end(&c))
		return false;
	*text = gp_scan_rest(&c);
	return true;
}

/* RFC 2034 section 4 wants the code in each line; it is text where it differs from the first's. */
static struct gp_slice
strip_enhanced(struct gp_reply_parser *p, struct gp_slice text)
{
	struct gp_reply *r = &p->reply;
	struct gp_slice rest = text;
	uint8_t class = (uint8_t)(r->code / 100);
	uint16_t subject = 0, detail = 0;
	if (class == 3 || !take_enhanced(&rest, class, &subject, &detail))
		return text;
	if (p->lines == 0) {
		r->enhanced_class = class;
		r->enhanced_subject = subject;
		r->enhanced_detail = detail;
	} else if (r->enhanced_class == 0 || r->enhanced_subject != subject ||
		   r->enhanced_detail != detail) {
		return text;
	}
	return rest;
}

static bool
put_printable(struct gp_buf *to, struct gp_slice text)
{
	char *out = gp_buf_reserve(to, text.len);
	if (!out)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char ch = text.ptr[i] == '\t' ? ' ' : text.ptr[i];
		out[i] = ch >= ' ' && ch <= '~' ? ch : '?';
	}
	gp_buf_advance(to, text.len);
	return true;
}

/* Reply-line of RFC 5321 section 4.2, with any second and third digit. */
static bool
scan_code(struct gp_scan *c, uint16_t *ret_code)
{
	uint64_t code;
	if (!gp_slice_u64(gp_slice_take(c->all, 3), 599, &code) || code < 200)
		return false;
	c->at = 3;
	*ret_code = (uint16_t)code;
	return true;
}

static int
end_line(struct gp_reply_parser *p)
{
	struct gp_slice line = gp_buf_slice(&p->line);
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	struct gp_scan c = gp_scan(line);
	uint16_t code;
	if (!scan_code(&c, &code))
		return bad(p, "a line without a reply code");
	if (p->lines > 0 && code != p->reply.code)
		return bad(p, "two codes in one reply");
	p->reply.code = code;
	bool more = gp_scan_char(&c, '-');
	if (!more && !gp_scan_char(&c, ' ') && !gp_scan_end(&c))
		return bad(p, "a reply code that does not end");
	struct gp_slice text = strip_enhanced(p, gp_slice_trim(gp_scan_rest(&c)));
	if ((p->lines > 0 && !gp_buf_put_char(&p->text, '\n')) || !put_printable(&p->text, text))
		return -ENOMEM;
	gp_buf_clear(&p->line);
	if (++p->lines == GP_REPLY_LINES_MAX && more)
		return bad(p, "a reply of too many lines");
	return more ? GP_REPLY_MORE : GP_REPLY_COMPLETE;
}

/* Keeps of a piece of line what fits. */
static bool
put_line(struct gp_reply_parser *p, struct gp_slice piece)
{
	return gp_buf_put(&p->line, gp_slice_take(piece, GP_REPLY_LINE_MAX - p->line.len));
}

int
gp_reply_parser_feed(struct gp_reply_parser *p, struct gp_slice *input, struct gp_reply *ret)
{
	if (p->complete)
		begin_reply(p);
	while (input->len > 0) {
		ptrdiff_t lf = gp_slice_find(*input, '\n');
		size_t n = lf >= 0 ? (size_t)lf + 1 : input->len;
		struct gp_slice piece = gp_slice_take(*input, lf >= 0 ? n - 1 : n);
		if (n > GP_REPLY_SIZE_MAX - p->octets)
			return bad(p, "a reply without end");
		p->octets += n;
		*input = gp_slice_drop(*input, n);
		if (!put_line(p, piece))
			return -ENOMEM;
		int r = lf >= 0 ? end_line(p) : GP_REPLY_MORE;
		if (r == GP_REPLY_MORE)
			continue;
		p->complete = r == GP_REPLY_COMPLETE;
		p->reply.text = gp_buf_slice(&p->text);
		*ret = p->reply;
		return r;
	}
	return GP_REPLY_MORE;
}
