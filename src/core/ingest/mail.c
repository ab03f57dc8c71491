/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/mail.h"

#include <errno.h>

struct search {
	const struct gp_mime *mime;
	struct gp_ingest_candidate *found;
	size_t len;
	struct gp_arena *arena;
};

static bool
is_feedback(const struct gp_mime_part *p)
{
	return gp_mime_is(p, GP_SLICE("message"), GP_SLICE("feedback-report"));
}

/* RFC 2045 section 5.2: what says nothing is text. */
static bool
is_text(const struct gp_mime_part *p)
{
	return gp_mime_is(p, GP_SLICE("text"), GP_SLICE("plain")) || p->content.type.len == 0;
}

/* The message that failed, or its header (RFC 5965 section 2); "-header" is what some write. */
static bool
is_original(const struct gp_mime_part *p)
{
	return gp_mime_is(p, GP_SLICE("message"), GP_SLICE("rfc822")) ||
	       gp_mime_is(p, GP_SLICE("message"), GP_SLICE("global")) ||
	       gp_mime_is(p, GP_SLICE("message"), GP_SLICE("global-headers")) ||
	       gp_mime_is(p, GP_SLICE("text"), GP_SLICE("rfc822-headers")) ||
	       gp_mime_is(p, GP_SLICE("text"), GP_SLICE("rfc822-header"));
}

/* The first part beside `i` that passes the test, decoded; empty: there is none. */
static struct gp_slice
beside(const struct search *s, size_t i, bool (*test)(const struct gp_mime_part *))
{
	const struct gp_mime_part *parts = s->mime->parts;
	for (size_t j = 1; i > 0 && j < s->mime->len; j++) {
		if (j != i && parts[j].within == parts[i].within && test(&parts[j]))
			return gp_mime_octets(&parts[j], s->arena);
	}
	return (struct gp_slice){};
}

/* What tells about a message that stands beside it: failures, bounces (RFC 3464), receipts. */
static bool
is_notice(const struct gp_mime_part *p)
{
	return is_feedback(p) || gp_mime_is(p, GP_SLICE("message"), GP_SLICE("delivery-status")) ||
	       gp_mime_is(p, GP_SLICE("message"), GP_SLICE("global-delivery-status")) ||
	       gp_mime_is(p, GP_SLICE("message"), GP_SLICE("disposition-notification"));
}

static bool
has_notice(const struct gp_mime *mime, size_t within)
{
	for (size_t i = 1; i < mime->len; i++) {
		if (mime->parts[i].within == within && is_notice(&mime->parts[i]))
			return true;
	}
	return false;
}

/* Does the part belong to the message that such a notice is about? */
static bool
is_reported(const struct gp_mime *mime, size_t i)
{
	for (; i > 0; i = mime->parts[i].within) {
		size_t within = mime->parts[i].within;
		if (is_original(&mime->parts[i]) && has_notice(mime, within))
			return true;
	}
	return false;
}

/* Parts are made of others, or messages. */
static bool
has_parts(const struct gp_mime *mime, size_t i)
{
	return i + 1 < mime->len && mime->parts[i + 1].within == i;
}

/* What the octets of a part are; 0: none that is looked at. */
static enum gp_ingest_candidate_kind
kind_of(const struct gp_mime_part *p, enum gp_form form)
{
	if (is_feedback(p))
		return GP_INGEST_FEEDBACK;
	if (gp_mime_is(p, GP_SLICE("text"), GP_SLICE("html")))
		return 0;
	switch (form) {
	case GP_FORM_XML:
	case GP_FORM_JSON:
	case GP_FORM_GZIP:
	case GP_FORM_ZIP:
		return GP_INGEST_DOCUMENT;
	case GP_FORM_OUTLOOK:
		return GP_INGEST_UNREADABLE;
	default:
		return is_text(p) ? GP_INGEST_TEXT : 0;
	}
}

static int
look_at(struct search *s, size_t i)
{
	const struct gp_mime_part *p = &s->mime->parts[i];
	if (has_parts(s->mime, i) || is_reported(s->mime, i))
		return 0;
	struct gp_slice octets = gp_mime_octets(p, s->arena);
	enum gp_form form = gp_form_of(octets);
	enum gp_ingest_candidate_kind kind = kind_of(p, form);
	if (kind == 0)
		return octets.ptr ? 0 : -ENOMEM;
	struct gp_ingest_candidate *c = &s->found[s->len++];
	*c = (struct gp_ingest_candidate){.kind = kind, .form = form, .octets = octets};
	if (kind == GP_INGEST_FEEDBACK)
		c->text = beside(s, i, is_text);
	if (kind == GP_INGEST_FEEDBACK || kind == GP_INGEST_TEXT)
		c->original = beside(s, i, is_original);
	return s->arena->failed ? -ENOMEM : 0;
}

/* Texts go where there is anything else: beside a report they say what it is. */
static void
drop_texts(struct search *s)
{
	size_t others = 0;
	for (size_t i = 0; i < s->len; i++) {
		if (s->found[i].kind != GP_INGEST_TEXT)
			s->found[others++] = s->found[i];
	}
	if (others > 0)
		s->len = others;
}

int
gp_ingest_mail_read(struct gp_slice mail, struct gp_arena *arena, struct gp_ingest_mail *ret)
{
	struct gp_mime mime;
	struct search s = {
		.mime = &mime,
		.found = gp_arena_array(arena, GP_MIME_PARTS_MAX, sizeof(*s.found)),
		.arena = arena,
	};
	*ret = (struct gp_ingest_mail){};
	int r = s.found ? gp_mime_read(mail, arena, &mime) : -ENOMEM;
	for (size_t i = 0; r == 0 && i < mime.len; i++)
		r = look_at(&s, i);
	if (r != 0)
		return r;
	drop_texts(&s);
	*ret = (struct gp_ingest_mail){
		.header = &mime.parts[0].header,
		.candidates = s.found,
		.len = s.len,
		.more = mime.more,
	};
	return 0;
}
