/* SPDX-License-Identifier: Apache-2.0 */
#include "core/smtp/dot_reader.h"

enum {
	BLOCK = 64,
	BRIEF = 16, /* octets of a run before blocks are tried: lines with dots may be very short */
};

/*
 * Whether a block has nothing that must be looked at: each LF behind a CR and each CR before one
 * (but for the last octet), no NUL, no dot behind an LF. The octet before the block is looked at
 * too. It has no branches, so that compilers do many octets at a time, and short lines cost what
 * long ones do.
 */
static bool
is_clean(const char *block, bool plain)
{
	const char dot = plain ? '\n' : '.'; /* no LF stands behind an LF */
	uint8_t bad = 0;
	for (size_t i = 0; i < BLOCK; i++) {
		char before = block[(ptrdiff_t)i - 1], c = block[i];
		bad |= (uint8_t)((c == '\n') ^ (before == '\r'));
		bad |= (uint8_t)((c == dot) & (before == '\n'));
		bad |= (uint8_t)(c == '\0');
	}
	return bad == 0;
}

/* Clean blocks, behind at least one octet. Returns where they end; a CR there is left for later. */
static size_t
skip_blocks(struct gp_dot_reader *r, struct gp_slice s, size_t at)
{
	size_t from = at;
	gp_assert(at > 0);
	while (s.len - at >= BLOCK && is_clean(s.ptr + at, r->plain))
		at += BLOCK - (s.ptr[at + BLOCK - 1] == '\r');
	if (at > from)
		r->state = s.ptr[at - 1] == '\n' ? GP_DOT_START : GP_DOT_LINE;
	return at;
}

/*
 * A run of whole lines and at most one part of a line, up to a line that begins with a dot, a CR at
 * the very end, or a fault. The reader is at the start of a line or in one.
 */
static size_t
run_len(struct gp_dot_reader *r, struct gp_slice s)
{
	size_t at = 0, by_octets = BRIEF; /* up to where no block need be tried */
	while (at < s.len) {
		if (at >= by_octets) {
			at = skip_blocks(r, s, at);
			by_octets = at + BLOCK;
			if (at == s.len)
				break;
		}
		char c = s.ptr[at];
		if (r->state == GP_DOT_START && c == '.' && !r->plain)
			return at;
		if (c == '\r' && at + 1 == s.len) {
			r->state = GP_DOT_CR;
			return at;
		}
		if (c == '\r' && s.ptr[at + 1] == '\n') {
			r->state = GP_DOT_START;
			at += 2;
			continue;
		}
		r->state = GP_DOT_LINE;
		at++;
		if (c == '\r' || c == '\n' || c == '\0') {
			r->fault = true;
			return at;
		}
		/* Most octets are none of those. */
		size_t end = GP_MIN(s.len, by_octets);
		while (at < end && (unsigned char)s.ptr[at] > '\r')
			at++;
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
