/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/failure.h"

#include <errno.h>

#include "base/buf.h"
#include "base/scan.h"
#include "core/identity/words.h"
#include "core/ingest/feedback.h"
#include "core/ingest/text.h"
#include "core/message/lone_mailbox.h"
#include "core/message/mailbox_list.h"
#include "core/trace/when.h"

enum { FLAWS_MAX = 8 }; /* more than can be told of one report */

struct reading {
	struct gp_feedback feedback;
	struct gp_slice original;     /* the failed message, or its header */
	struct gp_header header;      /* of that */
	const struct gp_header *mail; /* that the report came in, or NULL */
	struct gp_ingest_head head;
	struct gp_ingest_failure failure;
	const char *flaws[FLAWS_MAX];
	size_t flaws_len;
	bool lost; /* by the last flaw */
	struct gp_arena *arena;
};

static void
flaw(struct reading *r, const char *why)
{
	gp_assert(r->flaws_len < FLAWS_MAX);
	r->flaws[r->flaws_len++] = why;
}

static struct gp_slice
told(const struct reading *r, enum gp_feedback_name name)
{
	return r->feedback.values[name];
}

static struct gp_slice
text_of(struct reading *r, struct gp_slice s)
{
	return gp_ingest_text(s, GP_INGEST_TEXT_MAX, r->arena);
}

/* The first field of this name, on one line; empty: there is none. */
static struct gp_slice
field(struct reading *r, const struct gp_header *h, struct gp_slice name)
{
	size_t at = h ? gp_header_find(h, name, 0) : 0;
	if (!h || at == h->fields_len)
		return (struct gp_slice){};
	return gp_header_unfold(gp_header_value(h, at), r->arena);
}

/* Without the brackets that stand around it. */
static struct gp_slice
unbracket(struct gp_slice s)
{
	if (s.len >= 2 && s.ptr[0] == '<' && s.ptr[s.len - 1] == '>')
		return gp_slice(s.ptr + 1, s.len - 2);
	return s;
}

/* The first address in a field such as From; empty: none that all read alike. */
static struct gp_slice
mailbox_of(struct reading *r, struct gp_slice value)
{
	struct gp_mailbox_list list = {};
	struct gp_mailbox lone = {};
	const char *why;
	int found = gp_mailbox_list_parse(value, r->arena, &list, &why);
	if (found == 0 && list.len > 0)
		return list.items[0].text;
	if (found > 0 && gp_lone_mailbox_find(value, r->arena, &lone) == 0)
		return lone.text;
	return (struct gp_slice){};
}

/* --- what failed --- */

static void
read_kind(struct reading *r)
{
	struct gp_slice type = told(r, GP_FEEDBACK_FAILURE);
	if (type.len == 0)
		type = told(r, GP_FEEDBACK_TYPE);
	if (type.len == 0 && told(r, GP_FEEDBACK_DMARC_RESULTS).len > 0)
		type = GP_SLICE("dmarc");
	if (type.len == 0)
		flaw(r, "it does not say what failed");
	r->failure.type = text_of(r, type);
	for (size_t i = 0; i < r->failure.type.len; i++) { /* a copy */
		char *own = (char *)r->failure.type.ptr;
		own[i] = gp_ascii_lower(own[i]);
	}
	r->failure.delivery = text_of(r, told(r, GP_FEEDBACK_DELIVERY));
}

static bool
is_of_address(char c)
{
	return c > ' ' && !strchr("()[]<>,;\"", c);
}

/* "192.0.2.1", also behind or before a name in parentheses, or in brackets. */
static void
read_source(struct reading *r)
{
	struct gp_scan c = gp_scan(told(r, GP_FEEDBACK_SOURCE));
	if (c.all.len == 0)
		flaw(r, "it does not say where the message came from");
	while (!gp_scan_end(&c)) {
		if (gp_ingest_address(gp_scan_while(&c, is_of_address), r->failure.source))
			return;
		c.at++;
	}
	memset(r->failure.source, 0, sizeof(r->failure.source));
	if (c.all.len > 0)
		flaw(r, "its source address cannot be read");
}

static bool
is_of_name(char c)
{
	return c > ' ' && c != ',' && c != ';' && c != '<' && c != '>' && c != '"';
}

/* The first name in a value that may list several. False: none. */
static bool
first_name(struct reading *r, struct gp_slice value, struct gp_slice *ret)
{
	struct gp_scan c = gp_scan(value);
	while (!gp_scan_end(&c)) {
		struct gp_slice word = gp_scan_while(&c, is_of_name);
		if (word.len > 0 && gp_ingest_name(word, r->arena, ret) && ret->len > 0)
			return true;
		c.at++;
	}
	*ret = GP_SLICE("");
	return false;
}

/* "header.from=example.org", of RFC 8601 section 2.7.2. */
static struct gp_slice
result_from(struct reading *r)
{
	static const struct gp_slice property = GP_SLICE("header.from=");
	struct gp_scan c = gp_scan(told(r, GP_FEEDBACK_RESULTS));
	while (!gp_scan_end(&c) && !gp_scan_word(&c, property))
		c.at++;
	return gp_scan_while(&c, is_of_name);
}

static void
read_domain(struct reading *r)
{
	struct gp_slice from = mailbox_of(r, field(r, &r->header, GP_SLICE("From")));
	if (from.len == 0)
		from = result_from(r);
	r->failure.header_from = text_of(r, from);
	if (first_name(r, told(r, GP_FEEDBACK_DOMAIN), &r->failure.domain))
		return;
	if (first_name(r, result_from(r), &r->failure.domain) ||
	    first_name(r, from, &r->failure.domain)) {
		flaw(r, "it does not name its domain, which is taken from the message");
		return;
	}
	flaw(r, "it names no domain");
	r->lost = true;
}

/* --- the message --- */

static void
read_envelope(struct reading *r)
{
	struct gp_ingest_failure *f = &r->failure;
	struct gp_slice id = field(r, &r->header, GP_SLICE("Message-ID")), subject;
	f->envelope_from = text_of(r, unbracket(told(r, GP_FEEDBACK_MAIL_FROM)));
	f->envelope_to = text_of(r, unbracket(told(r, GP_FEEDBACK_RCPT_TO)));
	f->message_id = text_of(r, unbracket(id.len > 0 ? id : told(r, GP_FEEDBACK_MESSAGE_ID)));
	gp_words_decode(field(r, &r->header, GP_SLICE("Subject")), r->arena, &subject);
	f->subject = text_of(r, subject);
}

/* "txt : example.org : "v=spf1 -all"" (RFC 6591 section 3.2.6); the record alone. */
static struct gp_slice
spf_record(struct gp_slice value)
{
	ptrdiff_t from = gp_slice_find(value, '"'), to = gp_slice_rfind(value, '"');
	if (from < 0 || to <= from)
		return value;
	return gp_slice_take(gp_slice_drop(value, (size_t)from + 1), (size_t)(to - from - 1));
}

static void
read_results(struct reading *r)
{
	struct gp_ingest_failure *f = &r->failure;
	struct gp_slice results = told(r, GP_FEEDBACK_RESULTS);
	uint64_t incidents = 1;
	if (results.len == 0)
		results = told(r, GP_FEEDBACK_DMARC_RESULTS);
	f->results = text_of(r, results);
	first_name(r, told(r, GP_FEEDBACK_DKIM_DOMAIN), &f->dkim_domain);
	first_name(r, told(r, GP_FEEDBACK_DKIM_SELECTOR), &f->dkim_selector);
	f->spf_record = text_of(r, spf_record(told(r, GP_FEEDBACK_SPF_DNS)));
	struct gp_slice count = told(r, GP_FEEDBACK_INCIDENTS);
	if (count.len > 0 && (!gp_ingest_count(count, &incidents) || incidents == 0)) {
		flaw(r, "how many incidents it tells of cannot be read");
		incidents = 1;
	}
	f->incidents = incidents;
}

static void
read_arrival(struct reading *r)
{
	struct gp_slice said = told(r, GP_FEEDBACK_ARRIVAL);
	struct gp_when when = gp_when_parse(said);
	if (!when.known) {
		flaw(r, said.len > 0 ? "when the message came cannot be read"
				     : "it does not say when the message came");
		when = gp_when_parse(field(r, r->mail, GP_SLICE("Date")));
	}
	r->failure.arrived = when.known ? when.epoch_s : 0;
}

/* Its lines, each as a text of report.h, but that those which begin with a blank still do. */
static void
read_header(struct reading *r)
{
	struct gp_slice rest = gp_slice_take(r->header.message, r->header.len);
	struct gp_buf out = GP_BUF_INIT(GP_INGEST_HEADER_MAX);
	while (rest.len > 0) {
		struct gp_slice line = gp_slice_cut(&rest, '\n');
		bool folded = line.len > 0 && (line.ptr[0] == ' ' || line.ptr[0] == '\t');
		struct gp_slice text = text_of(r, line);
		size_t whole = out.len;
		gp_buf_put_str(&out, folded ? " " : "");
		gp_buf_put(&out, text);
		gp_buf_put_char(&out, '\n');
		if (out.failed) {
			gp_buf_truncate(&out, whole);
			break;
		}
	}
	r->failure.header = gp_arena_dup(r->arena, gp_buf_slice(&out));
	gp_buf_free(&out);
}

/* --- the report --- */

/* "dns; mx.example.org" (RFC 6591 section 3.1); or else who mailed it. */
static struct gp_slice
organisation(struct reading *r, struct gp_slice email)
{
	struct gp_slice mta = told(r, GP_FEEDBACK_MTA), name;
	ptrdiff_t type = gp_slice_find(mta, ';');
	if (first_name(r, gp_slice_drop(mta, (size_t)(type + 1)), &name) ||
	    first_name(r, email, &name))
		return name;
	return GP_SLICE("");
}

static void
read_head(struct reading *r)
{
	struct gp_slice email = mailbox_of(r, field(r, r->mail, GP_SLICE("From")));
	r->head = (struct gp_ingest_head){
		.kind = GP_INGEST_FAILURE,
		.org = organisation(r, email),
		.email = text_of(r, email),
		.id = text_of(r, unbracket(field(r, r->mail, GP_SLICE("Message-ID")))),
		.domain = r->failure.domain,
		.begin = r->failure.arrived,
		.end = r->failure.arrived,
		.pct = -1,
	};
}

static int
tell(const struct reading *r, const struct gp_ingest_listener *l)
{
	int stop = 0;
	for (size_t i = 0; stop == 0 && i < r->flaws_len; i++)
		stop = l->flaw(l->context, 0, r->lost && i + 1 == r->flaws_len, r->flaws[i]);
	if (stop == 0 && !r->lost)
		stop = l->head(l->context, &r->head);
	if (stop == 0 && !r->lost)
		stop = l->failure(l->context, &r->failure);
	return stop;
}

/* Its fields, and where the message is. */
static int
read_parts(struct reading *r, const struct gp_ingest_candidate *c)
{
	struct gp_slice rest = {};
	struct gp_mime original = {};
	int e = 0;
	if (c->kind == GP_INGEST_FEEDBACK) {
		e = gp_feedback_read(c->octets, r->arena, &r->feedback);
		if (e == 0)
			e = gp_feedback_read_text(c->text, r->arena, &r->feedback, &rest);
	} else {
		e = gp_feedback_read_text(c->octets, r->arena, &r->feedback, &rest);
	}
	if (e == 0)
		e = gp_mime_read(c->original.len > 0 ? c->original : rest, r->arena, &original);
	if (e == 0)
		r->header = original.parts[0].header;
	return e;
}

int
gp_ingest_failure_read(const struct gp_ingest_candidate *candidate, const struct gp_header *mail,
		       const struct gp_ingest_listener *listener, struct gp_arena *arena)
{
	struct reading r = {.mail = mail, .arena = arena};
	int e = read_parts(&r, candidate);
	if (e != 0)
		return e;
	read_kind(&r);
	read_source(&r);
	read_envelope(&r);
	read_results(&r);
	read_arrival(&r);
	read_header(&r);
	read_domain(&r);
	read_head(&r);
	return arena->failed ? -ENOMEM : tell(&r, listener);
}

bool
gp_ingest_failure_tells(struct gp_slice text, struct gp_arena *arena)
{
	struct gp_feedback f = {};
	struct gp_slice rest;
	return gp_feedback_read_text(text, arena, &f, &rest) == 0 &&
	       f.values[GP_FEEDBACK_SOURCE].len > 0 && f.values[GP_FEEDBACK_DOMAIN].len > 0;
}
