/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/mail.h"

#include <errno.h>

enum { PEEK = 1024 }; /* octets of a part by which it is known, as they are encoded */

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
	return p->message || gp_mime_is(p, GP_SLICE("message"), GP_SLICE("global-headers")) ||
	       gp_mime_is(p, GP_SLICE("text"), GP_SLICE("rfc822-headers")) ||
	       gp_mime_is(p, GP_SLICE("text"), GP_SLICE("rfc822-header"));
}

/* What the first octets of a part stand for, as many as n are when encoded. NULL ptr: no memory. */
static struct gp_slice
first_octets(const struct search *s, const struct gp_mime_part *p, size_t n)
{
	return gp_transfer_decode(p->content.transfer, gp_slice_take(p->body, n), s->arena);
}

/* The first part beside `i`, from `from` on, that passes the test; 0: there is none. */
static size_t
find_beside(const struct gp_mime *mime, size_t i, size_t from,
	    bool (*test)(const struct gp_mime_part *))
{
	for (size_t j = from; i > 0 && j < mime->len; j++) {
		if (j != i && mime->parts[j].within == mime->parts[i].within &&
		    test(&mime->parts[j]))
			return j;
	}
	return 0;
}

static bool
is_any(const struct gp_mime_part *p)
{
	(void)p;
	return true;
}

static struct gp_slice
octets_beside(const struct search *s, size_t j)
{
	return j > 0 ? first_octets(s, &s->mime->parts[j], GP_INGEST_NOTICE_MAX)
		     : (struct gp_slice){};
}

/* What belongs to a failure. Each part is taken for one alone, so that many failures beside one
 * large part do not cost its size many times: a multipart has one feedback report (RFC 5965 section
 * 2), and behind a text its message follows at once. */
static void
add_parts(struct search *s, size_t i, struct gp_ingest_candidate *c)
{
	size_t next = find_beside(s->mime, i, i + 1, is_any);
	if (c->kind == GP_INGEST_FEEDBACK) {
		c->text = octets_beside(s, find_beside(s->mime, i, 1, is_text));
		c->original = octets_beside(s, find_beside(s->mime, i, 1, is_original));
	} else if (c->kind == GP_INGEST_TEXT && next > 0 && is_original(&s->mime->parts[next])) {
		c->original = octets_beside(s, next);
	}
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
	size_t feedback = find_beside(s->mime, i, 1, is_feedback);
	if (has_parts(s->mime, i) || is_reported(s->mime, i))
		return 0;
	if (is_feedback(p) && feedback > 0 && feedback < i)
		return 0; /* a second one */
	enum gp_form form = gp_form_of(first_octets(s, p, PEEK));
	enum gp_ingest_candidate_kind kind = kind_of(p, form);
	if (kind == 0)
		return s->arena->failed ? -ENOMEM : 0;
	struct gp_ingest_candidate *c = &s->found[s->len++];
	bool all = kind == GP_INGEST_DOCUMENT;
	*c = (struct gp_ingest_candidate){
		.kind = (uint8_t)kind,
		.form = (uint8_t)form,
		.octets = first_octets(s, p, all ? p->body.len : GP_INGEST_NOTICE_MAX),
	};
	add_parts(s, i, c);
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
