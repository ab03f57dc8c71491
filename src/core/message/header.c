/* SPDX-License-Identifier: Apache-2.0 */
#include "core/message/header.h"

#include <errno.h>

#include "base/scan.h"

/* ftext of RFC 5322 section 3.6.8 */
static bool
is_name_char(char c)
{
	return c > 32 && c < 127 && c != ':';
}

static bool
is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* A line with its CRLF, or what is left of the message. */
static struct gp_slice
take_line(struct gp_slice *rest)
{
	size_t len = 0;
	struct gp_slice s = *rest;
	for (;;) {
		ptrdiff_t lf = gp_slice_find(gp_slice_drop(s, len), '\n');
		if (lf < 0) {
			len = s.len;
			break;
		}
		len += (size_t)lf + 1;
		if (len >= 2 && s.ptr[len - 2] == '\r')
			break;
	}
	*rest = gp_slice_drop(s, len);
	return gp_slice_take(s, len);
}

static struct gp_header_field
parse_name(struct gp_slice line, size_t at)
{
	struct gp_header_field field = {.at = at, .len = line.len, .value_at = at};
	struct gp_scan c = gp_scan(line);
	struct gp_slice name = gp_scan_while(&c, is_name_char);
	gp_scan_wsp(&c); /* obs-fields of RFC 5322 section 4.5 */
	if (name.len > 0 && gp_scan_char(&c, ':')) {
		field.name_len = name.len;
		field.value_at = at + c.at;
	}
	return field;
}

/* The header while it is being split: room for more fields is made by doubling. */
struct split {
	struct gp_header *header;
	struct gp_header_field *fields;
	size_t cap;
	struct gp_arena *arena;
};

static int
add_field(struct split *split, struct gp_header_field field)
{
	struct gp_header *h = split->header;
	if (h->fields_len == GP_HEADER_FIELDS_MAX)
		return 1;
	gp_assert(h->fields_len <= split->cap);
	if (h->fields_len == split->cap) {
		size_t cap = split->cap > 0 ? 2 * split->cap : 32;
		struct gp_header_field *grown = gp_arena_array(split->arena, cap, sizeof(field));
		if (!grown)
			return -ENOMEM;
		for (size_t i = 0; i < split->cap; i++)
			grown[i] = split->fields[i];
		h->fields = split->fields = grown;
		split->cap = cap;
	}
	split->fields[h->fields_len++] = field;
	return 0;
}

static int
add_line(struct split *split, struct gp_slice line)
{
	struct gp_header *h = split->header;
	size_t at = h->len;
	h->len += line.len;
	if (h->len > GP_HEADER_SIZE_MAX)
		return 1;
	if (!is_wsp(line.ptr[0]) || h->fields_len == 0)
		return add_field(split, parse_name(line, at));
	gp_assert(h->fields_len <= split->cap);
	split->fields[h->fields_len - 1].len += line.len;
	return 0;
}

int
gp_header_split(struct gp_slice message, struct gp_arena *arena, struct gp_header *ret)
{
	struct split split = {.header = ret, .arena = arena};
	struct gp_slice rest = message;
	*ret = (struct gp_header){.message = message, .body_at = message.len};
	while (rest.len > 0) {
		struct gp_slice line = take_line(&rest);
		if (gp_slice_eq(line, GP_SLICE("\r\n"))) {
			ret->body_at = ret->len + line.len;
			break;
		}
		int r = add_line(&split, line);
		if (r != 0)
			return r;
	}
	return 0;
}

struct gp_slice
gp_header_raw(const struct gp_header *h, size_t i)
{
	gp_assert(i < h->fields_len);
	return gp_slice_take(gp_slice_drop(h->message, h->fields[i].at), h->fields[i].len);
}

struct gp_slice
gp_header_name(const struct gp_header *h, size_t i)
{
	return gp_slice_take(gp_header_raw(h, i), h->fields[i].name_len);
}

struct gp_slice
gp_header_value(const struct gp_header *h, size_t i)
{
	struct gp_slice value =
		gp_slice_drop(gp_header_raw(h, i), h->fields[i].value_at - h->fields[i].at);
	return gp_slice_ends_nocase(value, GP_SLICE("\r\n")) ? gp_slice_take(value, value.len - 2)
							     : value;
}

struct gp_slice
gp_header_body(const struct gp_header *h)
{
	return gp_slice_drop(h->message, h->body_at);
}

size_t
gp_header_find(const struct gp_header *h, struct gp_slice name, size_t from)
{
	for (size_t i = from; i < h->fields_len; i++) {
		if (h->fields[i].name_len > 0 && gp_slice_eq_nocase(gp_header_name(h, i), name))
			return i;
	}
	return h->fields_len;
}

size_t
gp_header_count(const struct gp_header *h, struct gp_slice name)
{
	size_t n = 0;
	for (size_t i = gp_header_find(h, name, 0); i < h->fields_len;
	     i = gp_header_find(h, name, i + 1))
		n++;
	return n;
}

struct gp_slice
gp_header_unfold(struct gp_slice value, struct gp_arena *arena)
{
	char *to = gp_arena_alloc(arena, value.len);
	size_t len = 0;
	if (!to)
		return gp_slice(NULL, 0);
	for (size_t i = 0; i < value.len; i++) {
		bool folding =
			value.ptr[i] == '\r' && i + 1 < value.len && value.ptr[i + 1] == '\n';
		if (folding)
			i++;
		else
			to[len++] = value.ptr[i];
	}
	return gp_slice_trim(gp_slice(to, len));
}

/* States of the meter. */
enum {
	LINE_START,
	EMPTY_CR,   /* CR at the start of a line: the empty line, if LF follows */
	FIELD_NAME, /* so far the line may be a field named Received */
	LINE,
	LINE_CR, /* behind a CR in a line */
};

static const struct gp_slice received = GP_SLICE("received");

static void
start_line(struct gp_header_meter *m, char c)
{
	if (c == '\r') {
		/* Counted as a field only if no LF follows. */
		m->state = EMPTY_CR;
		return;
	}
	if (!is_wsp(c) || m->fields == 0)
		m->fields++;
	m->matched = gp_ascii_lower(c) == received.ptr[0];
	m->state = m->matched ? FIELD_NAME : LINE;
}

static void
match_name(struct gp_header_meter *m, char c)
{
	if (m->matched < received.len && gp_ascii_lower(c) == received.ptr[m->matched]) {
		m->matched++;
	} else if (m->matched >= received.len && c == ':') {
		m->received++;
		m->state = LINE;
	} else if (m->matched >= received.len && is_wsp(c)) {
		m->matched = (uint8_t)(received.len + 1); /* only spaces and the colon now */
	} else {
		m->state = c == '\r' ? LINE_CR : LINE;
	}
}

/* To the end of the line, or of the piece; returns the octets passed. */
static size_t
skip_line(struct gp_header_meter *m, struct gp_slice s)
{
	ptrdiff_t lf = gp_slice_find(s, '\n');
	size_t len = lf < 0 ? s.len : (size_t)lf + 1;
	bool cr = len >= 2 ? s.ptr[len - 2] == '\r' : m->state == LINE_CR;
	if (lf < 0)
		m->state = s.ptr[len - 1] == '\r' ? LINE_CR : LINE;
	else
		m->state = cr ? LINE_START : LINE;
	return len;
}

static size_t
meter_step(struct gp_header_meter *m, struct gp_slice s)
{
	switch (m->state) {
	case LINE_START:
		start_line(m, s.ptr[0]);
		return 1;
	case EMPTY_CR:
		if (s.ptr[0] == '\n') {
			m->done = true;
			m->size--; /* the CR was none of the fields' octets */
			return 0;
		}
		m->fields++;
		m->state = LINE_CR;
		return 0;
	case FIELD_NAME:
		match_name(m, s.ptr[0]);
		return 1;
	default:
		return skip_line(m, s);
	}
}

void
gp_header_meter_feed(struct gp_header_meter *m, struct gp_slice piece)
{
	while (piece.len > 0 && !m->done) {
		size_t len = meter_step(m, piece);
		m->size += len;
		piece = gp_slice_drop(piece, len);
	}
}
