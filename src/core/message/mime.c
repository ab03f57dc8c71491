/* SPDX-License-Identifier: Apache-2.0 */
#include "core/message/mime.h"

#include <errno.h>

#include "base/buf.h"
#include "base/scan.h"

enum { PEEK = 4096 }; /* octets of a file, as encoded, by which it is known */

struct walk {
	struct gp_mime_part *parts;
	size_t len;
	bool more;
	bool decoded; /* within a message that was encoded: one that is encoded again is left out */
	struct gp_arena *arena;
};

/* A line without its end, which is CRLF or LF, taken off the front. */
static struct gp_slice
take_line(struct gp_slice *s)
{
	struct gp_slice line = gp_slice_cut(s, '\n');
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* In the form that gp_header_split() reads: each line ends in CRLF. NULL ptr: no memory. */
static struct gp_slice
with_crlf(struct gp_slice lines, struct gp_arena *arena)
{
	size_t bare = 0, len = 0;
	for (size_t i = 0; i < lines.len; i++)
		bare += lines.ptr[i] == '\n' && (i == 0 || lines.ptr[i - 1] != '\r');
	if (bare == 0)
		return lines.ptr ? lines : GP_SLICE("");
	char *to = gp_arena_alloc(arena, lines.len + bare);
	if (!to)
		return (struct gp_slice){};
	for (size_t i = 0; i < lines.len; i++) {
		if (lines.ptr[i] == '\n' && (i == 0 || lines.ptr[i - 1] != '\r'))
			to[len++] = '\r';
		to[len++] = lines.ptr[i];
	}
	return gp_slice(to, len);
}

/* What names of fields are made of; RFC 5322 section 3.6.8 allows more, with which XML and JSON
 * begin. */
static bool
is_name_char(char c)
{
	return gp_ascii_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

/* A line of an mbox may stand before the first field, or a byte order mark. */
static bool
begins_with_header(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	if (gp_scan_word(&c, GP_SLICE("From ")) || gp_scan_word(&c, GP_SLICE(">From ")))
		return true;
	gp_scan_word(&c, GP_SLICE("\xEF\xBB\xBF"));
	bool named = gp_scan_while(&c, is_name_char).len > 0;
	gp_scan_wsp(&c);
	return named ? gp_scan_char(&c, ':') : gp_scan_peek(&c) == '\r' || gp_scan_peek(&c) == '\n';
}

/* Cuts the header off, and the empty line behind it. Where neither is, all is body: some forget the
 * empty line. */
static struct gp_slice
take_header(struct gp_slice *s)
{
	struct gp_slice whole = *s;
	if (!begins_with_header(whole))
		return GP_SLICE("");
	struct gp_slice line = take_line(s);
	while (s->ptr && line.len > 0)
		line = take_line(s);
	return s->ptr ? gp_slice_take(whole, (size_t)(s->ptr - whole.ptr)) : whole;
}

static int
read_entity(struct walk *w, struct gp_slice entity, size_t within, uint32_t depth);

/* 0: no delimiter of this multipart; 1: one; 2: the last (RFC 2046 section 5.1.1). */
static int
delimiter(struct gp_slice line, struct gp_slice boundary)
{
	struct gp_scan c = gp_scan(line);
	if (!gp_slice_starts(line, GP_SLICE("--")))
		return 0;
	c.at += 2;
	if (!gp_slice_starts(gp_scan_rest(&c), boundary))
		return 0;
	c.at += boundary.len;
	bool last = gp_slice_starts(gp_scan_rest(&c), GP_SLICE("--"));
	c.at += last ? 2 : 0;
	gp_scan_wsp(&c);
	return !gp_scan_end(&c) ? 0 : last ? 2 : 1;
}

/* What stands before the delimiter, without the line end that belongs to it. */
static struct gp_slice
before(struct gp_slice from, struct gp_slice line)
{
	struct gp_slice part = gp_slice_take(from, (size_t)(line.ptr - from.ptr));
	if (part.len > 0)
		part.len--;
	if (part.len > 0 && part.ptr[part.len - 1] == '\r')
		part.len--;
	return part;
}

static int
read_multipart(struct walk *w, const struct gp_mime_part *multipart)
{
	size_t within = (size_t)(multipart - w->parts);
	struct gp_slice boundary =
		gp_slice(multipart->content.boundary, multipart->content.boundary_len);
	struct gp_slice rest = multipart->body, part = {};
	int r = 0, found = 0;
	while (r == 0 && found < 2 && rest.ptr && !w->more) {
		struct gp_slice line = take_line(&rest);
		found = delimiter(line, boundary);
		if (found == 0)
			continue;
		if (part.ptr)
			r = read_entity(w, before(part, line), within, multipart->depth + 1);
		part = rest;
	}
	/* The last delimiter is missing: the part goes on to the end. */
	if (r == 0 && found < 2 && part.ptr && !w->more)
		r = read_entity(w, part, within, multipart->depth + 1);
	return r;
}

/* Names of fields that a mail has above its first 4 KiB, whoever wrote or kept it. */
static const struct gp_slice mail_fields[] = {
	GP_SLICE("From:"),         GP_SLICE("Received:"), GP_SLICE("Return-Path:"),
	GP_SLICE("Delivered-To:"), GP_SLICE("Date:"),     GP_SLICE("Message-ID:"),
	GP_SLICE("Subject:"),
};

/* Does it begin with a header that can only be a mail's? */
static bool
is_mail(struct gp_slice s)
{
	if (!begins_with_header(s))
		return false;
	for (struct gp_slice line = take_line(&s); line.len > 0; line = take_line(&s)) {
		for (size_t i = 0; i < GP_ARRAY_LEN(mail_fields); i++) {
			if (gp_slice_starts_nocase(line, mail_fields[i]))
				return true;
		}
	}
	return false;
}

/* A mail that was attached as a file, as some programs forward it: as "application/octet-stream"
 * mostly, so its octets say what it is. Texts are left alone: they may quote a header. */
static bool
is_file_of_mail(const struct gp_mime_part *part, struct gp_arena *arena)
{
	return gp_slice_eq_nocase(part->content.type, GP_SLICE("application")) &&
	       is_mail(gp_transfer_decode(part->content.transfer, gp_slice_take(part->body, PEEK),
					  arena));
}

/* message/rfc822 in an encoding, as some hosts forward it: OPAQUE to those who are strict. */
static bool
is_message(const struct gp_mime_part *part, struct gp_arena *arena)
{
	return part->content.kind == GP_CONTENT_MESSAGE ||
	       gp_mime_is(part, GP_SLICE("message"), GP_SLICE("rfc822")) ||
	       gp_mime_is(part, GP_SLICE("message"), GP_SLICE("global")) ||
	       is_file_of_mail(part, arena);
}

static int
read_message(struct walk *w, const struct gp_mime_part *part)
{
	bool encoded = part->content.transfer != GP_TRANSFER_NONE;
	if (encoded && w->decoded) {
		w->more = true;
		return 0;
	}
	struct gp_slice message = gp_mime_octets(part, w->arena);
	if (!message.ptr)
		return -ENOMEM;
	w->decoded |= encoded;
	int r = read_entity(w, message, (size_t)(part - w->parts), part->depth + 1);
	w->decoded &= !encoded;
	return r;
}

static int
read_entity(struct walk *w, struct gp_slice entity, size_t within, uint32_t depth)
{
	if (w->len == GP_MIME_PARTS_MAX || depth > GP_MIME_DEPTH_MAX) {
		w->more = true;
		return 0;
	}
	struct gp_mime_part *part = &w->parts[w->len];
	bool in_digest = w->len > 0 && w->parts[within].content.digest;
	*part = (struct gp_mime_part){.within = within, .depth = depth};
	struct gp_slice header =
		with_crlf(gp_slice_take(take_header(&entity), GP_HEADER_SIZE_MAX), w->arena);
	if (!header.ptr || gp_header_split(header, w->arena, &part->header) < 0)
		return -ENOMEM;
	part->content = gp_content_read(&part->header, in_digest, w->arena);
	part->body = entity.ptr ? entity : GP_SLICE("");
	w->len++;
	if (part->content.boundary_len > 0)
		return read_multipart(w, part);
	part->message = is_message(part, w->arena);
	if (w->arena->failed)
		return -ENOMEM;
	return part->message ? read_message(w, part) : 0;
}

int
gp_mime_read(struct gp_slice message, struct gp_arena *arena, struct gp_mime *ret)
{
	struct walk w = {
		.parts = gp_arena_array(arena, GP_MIME_PARTS_MAX, sizeof(struct gp_mime_part)),
		.arena = arena,
	};
	*ret = (struct gp_mime){};
	int r = w.parts ? read_entity(&w, message, 0, 0) : -ENOMEM;
	if (r == 0)
		*ret = (struct gp_mime){w.parts, w.len, w.more};
	return r;
}

struct gp_slice
gp_mime_octets(const struct gp_mime_part *part, struct gp_arena *arena)
{
	return gp_transfer_decode(part->content.transfer, part->body, arena);
}

bool
gp_mime_is(const struct gp_mime_part *part, struct gp_slice type, struct gp_slice subtype)
{
	return gp_slice_eq_nocase(part->content.type, type) &&
	       gp_slice_eq_nocase(part->content.subtype, subtype);
}
