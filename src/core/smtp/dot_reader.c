/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/dot_reader.h"

/*
 * A run of whole lines and at most one part of a line, up to a line that begins with a dot, a CR at
 * the very end, or a fault. The reader is at the start of a line or in one. Line by line with
 * memchr (in gp_slice_find), since lines are short and LF is what must be judged.
 */
static size_t
run_len(struct gp_dot_reader *r, struct gp_slice s)
{
	size_t at = 0;
	while (at < s.len) {
		struct gp_slice rest = gp_slice_drop(s, at);
		if (r->state == GP_DOT_START && rest.ptr[0] == '.' && !r->plain)
			return at;
		ptrdiff_t lf = gp_slice_find(rest, '\n');
		struct gp_slice line = gp_slice_take(rest, lf < 0 ? rest.len : (size_t)lf);
		ptrdiff_t cr = gp_slice_find(line, '\r');
		r->state = GP_DOT_LINE;
		if (cr >= 0 && (size_t)cr + 1 < line.len) {
			r->fault = true;
			return at + (size_t)cr + 1;
		}
		if (lf < 0) {
			if (cr >= 0)
				r->state = GP_DOT_CR;
			return at + (cr >= 0 ? (size_t)cr : line.len);
		}
		if (cr < 0) {
			r->fault = true;
			return at + (size_t)lf + 1;
		}
		r->state = GP_DOT_START;
		at += (size_t)lf + 1;
	}
	return at;
}

static struct gp_slice
take_run(struct gp_dot_reader *r, struct gp_slice *input)
{
	struct gp_slice s = *input;
	size_t len = run_len(r, s);
	struct gp_slice run = gp_slice_take(s, len);
	/* A CR that ends the input is held back in the state. */
	*input = gp_slice_drop(s, len + (r->state == GP_DOT_CR));
	if (gp_slice_find(run, '\0') >= 0)
		r->fault = true;
	return run;
}

/* One octet behind a CR or a dot, in the states that hold something back. */
static struct gp_slice
take_held(struct gp_dot_reader *r, struct gp_slice *input)
{
	char c = input->ptr[0];
	switch (r->state) {
	case GP_DOT_DOT:
		/* Another octet: the dot was stuffed, and this one goes on as the line. */
		r->state = c == '\r' ? GP_DOT_DOT_CR : GP_DOT_LINE;
		if (c == '\r')
			*input = gp_slice_drop(*input, 1);
		return gp_slice("", 0);
	case GP_DOT_DOT_CR:
		if (c != '\n')
			break;
		*input = gp_slice_drop(*input, 1);
		r->state = GP_DOT_END;
		return gp_slice("", 0);
	default:
		if (c != '\n')
			break;
		*input = gp_slice_drop(*input, 1);
		r->state = GP_DOT_START;
		return GP_SLICE("\r\n");
	}
	/* A bare CR. What follows it is in the line, and may be a CR again. */
	r->fault = true;
	r->state = GP_DOT_LINE;
	return gp_slice("", 0);
}

struct gp_slice
gp_dot_reader_next(struct gp_dot_reader *r, struct gp_slice *input)
{
	while (input->len > 0 && r->state != GP_DOT_END) {
		struct gp_slice piece = gp_slice("", 0);
		if (r->state == GP_DOT_START && input->ptr[0] == '.' && !r->plain) {
			*input = gp_slice_drop(*input, 1);
			r->state = GP_DOT_DOT;
		} else if (r->state == GP_DOT_START || r->state == GP_DOT_LINE) {
			piece = take_run(r, input);
		} else {
			piece = take_held(r, input);
		}
		if (piece.len > 0 && !r->fault)
			return piece;
	}
	return gp_slice("", 0);
}
