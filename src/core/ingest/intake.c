/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/intake.h"

#include <errno.h>

#include "base/buf.h"
#include "core/ingest/failure.h"
#include "core/ingest/named.h"
#include "core/ingest/tls.h"

struct taking {
	struct gp_intake *intake;
	struct gp_arena *arena;
	struct gp_intake_result *result;
};

/* A document while its octets come. */
struct document {
	struct gp_intake *intake;
	const struct gp_ingest_listener *listener;
	enum gp_form form;  /* NONE: no octet has come yet */
	struct gp_buf json; /* is read as a whole */
	int stop;           /* not 0: nothing more is read */
};

static int
begin(const struct taking *t)
{
	t->result->reports++;
	return t->intake->begin(t->intake->listener->context);
}

static int
end(const struct taking *t)
{
	return t->intake->end(t->intake->listener->context);
}

static int
flaw(const struct taking *t, bool lost, const char *why)
{
	return t->intake->listener->flaw(t->intake->listener->context, 0, lost, why);
}

/* --- a document --- */

static int
open_document(struct document *d, struct gp_slice octets)
{
	struct gp_intake *intake = d->intake;
	d->form = gp_form_of(octets);
	if (d->form != GP_FORM_XML)
		return 0;
	if (intake->aggregate)
		gp_aggregate_again(intake->aggregate, d->listener, intake->caps.records_max);
	else
		intake->aggregate = gp_aggregate_new(d->listener, intake->caps.records_max);
	return intake->aggregate ? 0 : -ENOMEM;
}

static int
put(struct document *d, struct gp_slice octets)
{
	int stop = d->form == GP_FORM_NONE ? open_document(d, octets) : 0;
	if (stop != 0)
		return stop;
	if (d->form == GP_FORM_XML)
		return gp_aggregate_feed(d->intake->aggregate, octets);
	/* One octet more than the reader takes: it says what is too long. */
	if (d->form == GP_FORM_JSON)
		gp_buf_put(&d->json,
			   gp_slice_take(octets, GP_INGEST_TLS_JSON_MAX + 1 - d->json.len));
	return d->json.failed ? -ENOMEM : 0;
}

static int
finish(struct document *d, const struct taking *t)
{
	if (d->form == GP_FORM_XML)
		return gp_aggregate_end(d->intake->aggregate);
	if (d->form == GP_FORM_JSON)
		return gp_ingest_tls_read(gp_buf_slice(&d->json), t->intake->seed, d->listener);
	return flaw(t, true, d->form == GP_FORM_NONE ? "it is empty" : "it is no report");
}

static bool
put_piece(void *context, struct gp_slice piece)
{
	struct document *d = context;
	d->stop = put(d, piece);
	return d->stop == 0;
}

static int
put_archive(struct document *d, struct gp_slice octets, const struct taking *t)
{
	struct gp_archive_sink sink = {d, put_piece};
	struct gp_archive_result got;
	struct gp_arena arena = GP_ARENA_INIT(GP_ARCHIVE_ARENA_MAX);
	int r = gp_archive_read(octets, &t->intake->caps.archive, &sink, &arena, &got);
	gp_arena_free(&arena);
	if (r == GP_ARCHIVE_STOPPED)
		return d->stop;
	if (r == GP_ARCHIVE_REFUSED)
		return flaw(t, true, got.why);
	if (r == GP_ARCHIVE_READ && got.why)
		r = flaw(t, false, got.why);
	return r == 0 ? finish(d, t) : r;
}

static int
read_document(const struct taking *t, struct gp_slice octets, enum gp_form form,
	      const struct gp_ingest_listener *listener)
{
	struct document d = {.intake = t->intake,
			     .listener = listener,
			     .json = GP_BUF_INIT(GP_INGEST_TLS_JSON_MAX + 1)};
	int stop = begin(t);
	if (stop == 0 && (form == GP_FORM_GZIP || form == GP_FORM_ZIP))
		stop = put_archive(&d, octets, t);
	else if (stop == 0 && (stop = put(&d, octets)) == 0)
		stop = finish(&d, t);
	gp_buf_free(&d.json);
	return stop == 0 ? end(t) : stop;
}

/* --- a mail --- */

static int
read_attached(const struct taking *t, const struct gp_ingest_candidate *c,
	      const struct gp_header *mail)
{
	struct gp_ingest_named named = {.to = t->intake->listener};
	struct gp_ingest_listener listener = gp_ingest_named_listener(&named);
	int r = gp_ingest_named_read(mail, t->arena, &named.domain);
	return r == 0 ? read_document(t, c->octets, c->form, &listener) : r;
}

static int
read_failure(const struct taking *t, const struct gp_ingest_candidate *c,
	     const struct gp_header *mail)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_INGEST_FAILURE_ARENA_MAX);
	int stop = begin(t);
	if (stop == 0)
		stop = gp_ingest_failure_read(c, mail, t->intake->listener, &arena);
	gp_arena_free(&arena);
	return stop == 0 ? end(t) : stop;
}

static bool
tells(struct gp_slice text)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_INGEST_FAILURE_ARENA_MAX);
	bool does = gp_ingest_failure_tells(text, &arena);
	gp_arena_free(&arena);
	return does;
}

static int
read_outlook(const struct taking *t)
{
	int stop = begin(t);
	if (stop == 0)
		stop = flaw(t, true,
			    "it is within a file of Outlook's own form, which is not read: "
			    "have it forwarded as it came");
	return stop == 0 ? end(t) : stop;
}

static int
read_candidate(const struct taking *t, const struct gp_ingest_candidate *c,
	       const struct gp_header *mail)
{
	switch ((enum gp_ingest_candidate_kind)c->kind) {
	case GP_INGEST_DOCUMENT:
		return read_attached(t, c, mail);
	case GP_INGEST_FEEDBACK:
		return read_failure(t, c, mail);
	case GP_INGEST_TEXT:
		return tells(c->octets) ? read_failure(t, c, mail) : 0;
	case GP_INGEST_UNREADABLE:
		return read_outlook(t);
	}
	gp_unreachable("a candidate of no kind");
}

static int
read_mail(const struct taking *t, struct gp_slice octets)
{
	struct gp_ingest_mail mail;
	int stop = gp_ingest_mail_read(octets, t->arena, &mail);
	if (stop != 0)
		return stop;
	for (size_t i = 0; stop == 0 && i < mail.len; i++)
		stop = read_candidate(t, &mail.candidates[i], mail.header);
	if (t->result->reports == 0)
		t->result->why = "there is no report in this mail";
	else if (mail.more)
		t->result->why = "the mail has more parts than are looked at";
	return stop == 0 && t->arena->failed ? -ENOMEM : stop;
}

int
gp_intake_read(struct gp_intake *intake, struct gp_slice octets, struct gp_arena *arena,
	       struct gp_intake_result *ret)
{
	struct taking t = {intake, arena, ret};
	enum gp_form form = gp_form_of(octets);
	*ret = (struct gp_intake_result){};
	switch (form) {
	case GP_FORM_MAIL:
		return read_mail(&t, octets);
	case GP_FORM_XML:
	case GP_FORM_JSON:
	case GP_FORM_GZIP:
	case GP_FORM_ZIP:
		return read_document(&t, octets, form, intake->listener);
	case GP_FORM_OUTLOOK:
		return read_outlook(&t);
	case GP_FORM_NONE:
		ret->why = "it is empty";
		return 0;
	case GP_FORM_OTHER:
		ret->why = "it is neither a mail nor a report";
		return 0;
	}
	gp_unreachable("octets of no form");
}
