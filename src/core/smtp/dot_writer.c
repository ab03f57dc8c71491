/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/dot_writer.h"

/* The longest front of s without CR, LF and NUL. */
static struct gp_slice
plain_run(struct gp_slice s)
{
	static const char special[] = {'\n', '\r', '\0'};
	for (size_t i = 0; i < sizeof(special); i++) {
		ptrdiff_t at = gp_slice_find(s, special[i]);
		if (at >= 0)
			s = gp_slice_take(s, (size_t)at);
	}
	return s;
}

static bool
end_line(struct gp_dot_writer *w, struct gp_buf *out)
{
	w->cr = false;
	w->line_start = true;
	return gp_buf_put(out, GP_SLICE("\r\n"));
}

/* What stands in the way of a run: *s begins with CR, LF or NUL. */
static bool
write_special(struct gp_dot_writer *w, struct gp_slice *s, struct gp_buf *out)
{
	char ch = s->ptr[0];
	*s = gp_slice_drop(*s, 1);
	if (ch == '\n')
		return end_line(w, out);
	if (ch == '\r') {
		w->cr = true;
		return true;
	}
	w->line_start = false;
	return gp_buf_put_char(out, '?');
}

static bool
write_run(struct gp_dot_writer *w, struct gp_slice run, struct gp_buf *out)
{
	if (w->line_start && run.ptr[0] == '.' && !gp_buf_put_char(out, '.'))
		return false;
	w->line_start = false;
	return gp_buf_put(out, run);
}

size_t
gp_dot_write(struct gp_dot_writer *w, struct gp_slice piece, struct gp_buf *out, size_t out_max)
{
	enum { STEP_MAX = 3 }; /* octets that one step may add to those of its run */
	struct gp_slice rest = piece;
	bool ok = true;
	while (ok && rest.len > 0 && out->len + STEP_MAX < out_max) {
		if (w->cr) {
			ok = end_line(w, out);
			if (rest.ptr[0] == '\n')
				rest = gp_slice_drop(rest, 1);
			continue;
		}
		struct gp_slice run = plain_run(gp_slice_take(rest, out_max - out->len - STEP_MAX));
		if (run.len == 0) {
			ok = write_special(w, &rest, out);
			continue;
		}
		ok = write_run(w, run, out);
		rest = gp_slice_drop(rest, run.len);
	}
	return piece.len - rest.len;
}

bool
gp_dot_write_end(struct gp_dot_writer *w, struct gp_buf *out)
{
	if ((w->cr || !w->line_start) && !end_line(w, out))
		return false;
	return gp_buf_put(out, GP_SLICE(".\r\n"));
}
