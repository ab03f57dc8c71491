/* SPDX-License-Identifier: Apache-2.0 */
#include "core/probe/reader.h"

struct probe_reader
gp_probe_reader(void)
{
	return (struct probe_reader){
		.line = GP_BUF_INIT(GP_PROBE_LINE_MAX),
		.text = GP_BUF_INIT(GP_PROBE_TEXT_MAX),
	};
}

void
gp_probe_reader_free(struct probe_reader *r)
{
	gp_buf_free(&r->line);
	gp_buf_free(&r->text);
}

void
gp_probe_reader_clear(struct probe_reader *r)
{
	gp_buf_clear(&r->line);
	gp_buf_clear(&r->text);
	r->reply = (struct gp_probe_reply){};
	r->octets = 0;
}

/* Keeps what fits; no memory is no room. */
static void
keep(struct probe_reader *r, struct gp_buf *to, struct gp_slice piece)
{
	struct gp_slice kept = gp_slice_take(piece, to->max - to->len);
	if (!gp_buf_put(to, kept) || kept.len < piece.len)
		r->reply.cut = true;
}

static void
keep_line(struct probe_reader *r)
{
	if (r->text.len > 0 || r->reply.lines > 0)
		keep(r, &r->text, GP_SLICE("\n"));
	keep(r, &r->text, gp_buf_slice(&r->line));
	gp_buf_clear(&r->line);
}

static enum probe_read
bad(struct probe_reader *r, enum probe_read how, const char *why)
{
	r->reply.code = 0;
	r->reply.none = why;
	return how;
}

/* Of the line that has just ended: its code and what stands behind it. */
static enum probe_read
end_line(struct probe_reader *r, uint32_t now_ms)
{
	struct gp_slice line = gp_buf_slice(&r->line);
	uint64_t code = 0;
	bool crlf = line.len > 0 && line.ptr[line.len - 1] == '\r';
	bool reply = gp_slice_u64(gp_slice_take(line, 3), 599, &code) && code >= 200;
	char behind = line.len > 3 ? line.ptr[3] : '\r';
	if (crlf)
		gp_buf_truncate(&r->line, line.len - 1);
	else if (!r->reply.cut)
		r->reply.bare_lf = true;
	keep_line(r);
	r->reply.last_ms = now_ms;
	if (r->reply.lines++ == 0)
		r->reply.line_ms = now_ms;
	if (!reply || (behind != ' ' && behind != '-' && behind != '\r'))
		return bad(r, PROBE_READ_GARBAGE, "a line without a reply code");
	if (r->reply.lines > 1 && code != r->reply.code)
		return bad(r, PROBE_READ_GARBAGE, "two codes in one reply");
	r->reply.code = (uint16_t)code;
	if (behind != '-')
		return PROBE_READ_REPLY;
	if (r->reply.lines == GP_PROBE_LINES_MAX)
		return bad(r, PROBE_READ_ENDLESS, "a reply of too many lines");
	return PROBE_READ_MORE;
}

enum probe_read
gp_probe_reader_feed(struct probe_reader *r, struct gp_slice *input, uint32_t now_ms,
		     struct gp_probe_reply *ret)
{
	enum probe_read got = PROBE_READ_MORE;
	if (r->octets == 0 && input->len > 0)
		r->reply.first_ms = now_ms;
	while (got == PROBE_READ_MORE && input->len > 0) {
		ptrdiff_t lf = gp_slice_find(*input, '\n');
		size_t n = lf >= 0 ? (size_t)lf + 1 : input->len;
		keep(r, &r->line, gp_slice_take(*input, lf >= 0 ? n - 1 : n));
		*input = gp_slice_drop(*input, n);
		r->octets += n;
		if (lf >= 0)
			got = end_line(r, now_ms);
		if (got == PROBE_READ_MORE && r->octets > GP_PROBE_REPLY_MAX)
			got = bad(r, PROBE_READ_ENDLESS, "a reply without end");
	}
	if (got != PROBE_READ_MORE) {
		*ret = r->reply;
		ret->text = gp_buf_slice(&r->text);
	}
	return got;
}

struct gp_probe_reply
gp_probe_reader_rest(struct probe_reader *r, const char *why)
{
	if (r->line.len > 0)
		keep_line(r);
	struct gp_probe_reply rest = r->reply;
	rest.code = 0;
	rest.none = why;
	rest.text = gp_buf_slice(&r->text);
	return rest;
}
