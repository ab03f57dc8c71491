/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/wire.h"

#include <errno.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/utf8.h"
#include "base/wire.h"

/* --- frames --- */

size_t
gp_told_begin(struct gp_told_writer *w, uint8_t kind)
{
	size_t begun = w->out.len;
	gp_write_u32(&w->out, 0);
	gp_write_u8(&w->out, kind);
	return begun;
}

int
gp_told_end(struct gp_told_writer *w, size_t begun)
{
	struct gp_buf *out = &w->out;
	if (out->failed)
		return -ENOMEM;
	uint32_t len = (uint32_t)(out->len - begun - sizeof(len));
	char *at = out->ptr + out->head + begun;
	for (size_t i = 0; i < sizeof(len); i++)
		at[i] = (char)(len >> 8 * i);
	return out->len >= w->full ? w->empty(w) : 0;
}

int
gp_told_take(struct gp_slice *octets, uint8_t *ret_kind, struct gp_slice *ret_fields)
{
	struct gp_reader r = gp_reader(*octets);
	if (octets->len < sizeof(uint32_t))
		return 1;
	uint32_t len = gp_read_u32(&r);
	if (len == 0 || len > GP_TOLD_FRAME_MAX)
		return -EPROTO;
	if (r.rest.len < len)
		return 1;
	*ret_kind = gp_read_u8(&r);
	*ret_fields = gp_read_raw(&r, len - 1);
	*octets = r.rest;
	return *ret_kind == 0 ? -EPROTO : 0;
}

/* --- what is told, written --- */

static void
write_texts(struct gp_buf *out, const struct gp_slice *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		gp_write_bytes(out, list[i]);
}

static int
write_head(void *context, const struct gp_ingest_head *h)
{
	struct gp_told_writer *w = context;
	struct gp_buf *out = &w->out;
	const struct gp_slice texts[] = {h->org,       h->email,  h->contact,
					 h->id,        h->domain, h->version,
					 h->generator, h->fo,     h->discovery};
	size_t begun = gp_told_begin(w, GP_TOLD_HEAD);
	gp_write_u8(out, h->kind);
	write_texts(out, texts, GP_ARRAY_LEN(texts));
	gp_write_u64(out, (uint64_t)h->begin);
	gp_write_u64(out, (uint64_t)h->end);
	gp_write_u8(out, h->p);
	gp_write_u8(out, h->sp);
	gp_write_u8(out, h->np);
	gp_write_u8(out, h->adkim_strict);
	gp_write_u8(out, h->aspf_strict);
	gp_write_u8(out, h->testing);
	gp_write_u32(out, (uint32_t)h->pct);
	return gp_told_end(w, begun);
}

static void
write_auths(struct gp_buf *out, const struct gp_ingest_auth *list, size_t len)
{
	gp_write_u8(out, (uint8_t)len);
	for (size_t i = 0; i < len; i++) {
		const struct gp_slice texts[] = {list[i].domain, list[i].selector, list[i].scope,
						 list[i].human};
		gp_write_u8(out, list[i].result);
		write_texts(out, texts, GP_ARRAY_LEN(texts));
	}
}

/* All but its number, source and count. */
static struct gp_slice
write_common(struct gp_buf *out, const struct gp_ingest_row *row)
{
	const struct gp_slice texts[] = {row->header_from, row->envelope_from, row->envelope_to};
	gp_buf_clear(out);
	gp_write_u8(out, row->disposition);
	gp_write_u8(out, row->dkim);
	gp_write_u8(out, row->spf);
	write_texts(out, texts, GP_ARRAY_LEN(texts));
	gp_write_u8(out, (uint8_t)row->reasons_len);
	for (size_t i = 0; i < row->reasons_len; i++) {
		gp_write_u8(out, row->reasons[i].type);
		gp_write_bytes(out, row->reasons[i].comment);
	}
	write_auths(out, row->dkim_results, row->dkim_results_len);
	write_auths(out, row->spf_results, row->spf_results_len);
	return gp_buf_slice(out);
}

static int
write_detail(struct gp_told_writer *w, uint8_t place, struct gp_slice detail)
{
	size_t begun = gp_told_begin(w, GP_TOLD_DETAIL);
	gp_write_u8(&w->out, place);
	gp_buf_put(&w->out, detail);
	gp_buf_clear(&w->details[place]);
	if (detail.len <= GP_TOLD_DETAIL_MAX)
		gp_buf_put(&w->details[place], detail);
	return gp_told_end(w, begun);
}

/* The place is chosen by the detail: who has many that meet at one place has them told anew. */
static int
write_row(void *context, const struct gp_ingest_row *row)
{
	static const uint64_t seed[2];
	struct gp_told_writer *w = context;
	struct gp_slice detail = write_common(&w->detail, row);
	uint8_t place = gp_siphash13(seed, detail) % GP_TOLD_DETAILS;
	int r = w->detail.failed ? -ENOMEM : 0;
	if (r == 0 && !gp_slice_eq(gp_buf_slice(&w->details[place]), detail))
		r = write_detail(w, place, detail);
	if (r != 0)
		return r;
	size_t begun = gp_told_begin(w, GP_TOLD_ROW);
	gp_write_u8(&w->out, place);
	gp_write_u64(&w->out, row->number);
	gp_buf_put(&w->out, gp_slice((const char *)row->source, sizeof(row->source)));
	gp_write_u64(&w->out, row->count);
	return gp_told_end(w, begun);
}

static int
write_tls_policy(void *context, const struct gp_ingest_tls_policy *p)
{
	struct gp_told_writer *w = context;
	struct gp_buf *out = &w->out;
	size_t begun = gp_told_begin(w, GP_TOLD_TLS_POLICY);
	gp_write_u64(out, p->number);
	gp_write_bytes(out, p->type);
	gp_write_bytes(out, p->domain);
	gp_write_u8(out, (uint8_t)p->lines_len);
	write_texts(out, p->lines, p->lines_len);
	gp_write_u8(out, (uint8_t)p->mx_len);
	write_texts(out, p->mx, p->mx_len);
	gp_write_u64(out, p->successful);
	gp_write_u64(out, p->failed);
	return gp_told_end(w, begun);
}

static int
write_tls_failure(void *context, const struct gp_ingest_tls_failure *f)
{
	struct gp_told_writer *w = context;
	struct gp_buf *out = &w->out;
	const struct gp_slice texts[] = {f->result,       f->sending_ip,     f->receiving_mx,
					 f->receiving_ip, f->receiving_helo, f->reason_code,
					 f->info};
	size_t begun = gp_told_begin(w, GP_TOLD_TLS_FAILURE);
	write_texts(out, texts, GP_ARRAY_LEN(texts));
	gp_write_u64(out, f->sessions);
	return gp_told_end(w, begun);
}

static int
write_failure(void *context, const struct gp_ingest_failure *f)
{
	struct gp_told_writer *w = context;
	struct gp_buf *out = &w->out;
	const struct gp_slice texts[] = {f->type,        f->delivery,      f->domain,
					 f->header_from, f->envelope_from, f->envelope_to,
					 f->subject,     f->message_id,    f->results,
					 f->dkim_domain, f->dkim_selector, f->spf_record};
	size_t begun = gp_told_begin(w, GP_TOLD_FAILURE);
	write_texts(out, texts, GP_ARRAY_LEN(texts));
	gp_buf_put(out, gp_slice((const char *)f->source, sizeof(f->source)));
	gp_write_u64(out, (uint64_t)f->arrived);
	gp_write_u64(out, f->incidents);
	gp_write_bytes(out, f->header);
	return gp_told_end(w, begun);
}

static int
write_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	struct gp_told_writer *w = context;
	struct gp_buf *out = &w->out;
	size_t begun = gp_told_begin(w, GP_TOLD_FLAW);
	gp_write_u64(out, record);
	gp_write_u8(out, lost);
	gp_write_bytes(out, gp_slice_str(why));
	return gp_told_end(w, begun);
}

struct gp_told_writer
gp_told_writer(size_t out_max, size_t full, int (*empty)(struct gp_told_writer *w))
{
	struct gp_told_writer w = {.out = GP_BUF_INIT(out_max),
				   .full = full,
				   .empty = empty,
				   .detail = GP_BUF_INIT(GP_TOLD_FRAME_MAX)};
	for (size_t i = 0; i < GP_TOLD_DETAILS; i++)
		w.details[i] = GP_BUF_INIT(GP_TOLD_DETAIL_MAX);
	return w;
}

void
gp_told_writer_free(struct gp_told_writer *w)
{
	gp_buf_free(&w->out);
	gp_buf_free(&w->detail);
	for (size_t i = 0; i < GP_TOLD_DETAILS; i++)
		gp_buf_free(&w->details[i]);
}

void
gp_told_writer_forget(struct gp_told_writer *w)
{
	for (size_t i = 0; i < GP_TOLD_DETAILS; i++)
		gp_buf_clear(&w->details[i]);
}

struct gp_ingest_listener
gp_told_listener(struct gp_told_writer *w)
{
	return (struct gp_ingest_listener){
		.context = w,
		.head = write_head,
		.row = write_row,
		.tls_policy = write_tls_policy,
		.tls_failure = write_tls_failure,
		.failure = write_failure,
		.flaw = write_flaw,
	};
}

/* --- and read --- */

/* A row whose texts are in `octets`. */
struct gp_told_detail {
	struct gp_buf octets;
	struct gp_ingest_row row; /* detail 0: what was told last is broken */
};

bool
gp_told_is_text(struct gp_slice s, size_t max, bool lines)
{
	if (s.len > max)
		return false;
	while (lines && s.len > 0) {
		if (!gp_utf8_printable(gp_slice_cut(&s, '\n')))
			return false;
	}
	return gp_utf8_printable(s);
}

static struct gp_slice
read_text(struct gp_reader *r)
{
	struct gp_slice s = gp_read_bytes(r, GP_INGEST_TEXT_MAX);
	if (!gp_told_is_text(s, GP_INGEST_TEXT_MAX, false))
		r->failed = true;
	return s;
}

static void
read_texts(struct gp_reader *r, struct gp_slice *const *list, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*list[i] = read_text(r);
}

/* A number of one octet, at most max. */
static uint8_t
read_small(struct gp_reader *r, uint8_t max)
{
	uint8_t n = gp_read_u8(r);
	if (n > max)
		r->failed = true;
	return r->failed ? 0 : n;
}

static void
read_source(struct gp_reader *r, uint8_t ret[16])
{
	struct gp_slice s = gp_read_raw(r, 16);
	if (!r->failed)
		memcpy(ret, s.ptr, 16);
}

static int
tell_head(struct gp_reader *r, const struct gp_ingest_listener *l)
{
	struct gp_ingest_head h = {.kind = read_small(r, GP_INGEST_FAILURE)};
	struct gp_slice *const texts[] = {&h.org,       &h.email,  &h.contact,
					  &h.id,        &h.domain, &h.version,
					  &h.generator, &h.fo,     &h.discovery};
	read_texts(r, texts, GP_ARRAY_LEN(texts));
	h.begin = (int64_t)gp_read_u64(r);
	h.end = (int64_t)gp_read_u64(r);
	h.p = read_small(r, GP_INGEST_POLICY_REJECT);
	h.sp = read_small(r, GP_INGEST_POLICY_REJECT);
	h.np = read_small(r, GP_INGEST_POLICY_REJECT);
	h.adkim_strict = read_small(r, 1);
	h.aspf_strict = read_small(r, 1);
	h.testing = read_small(r, 1);
	h.pct = (int32_t)gp_read_u32(r);
	if (!gp_read_end(r) || h.kind < GP_INGEST_AGGREGATE || h.domain.len > GP_INGEST_NAME_MAX)
		return -EPROTO;
	return l->head(l->context, &h);
}

static size_t
read_auths(struct gp_reader *r, struct gp_ingest_auth *list)
{
	size_t len = read_small(r, GP_INGEST_RESULTS_MAX);
	for (size_t i = 0; i < len && !r->failed; i++) {
		struct gp_slice *const texts[] = {&list[i].domain, &list[i].selector,
						  &list[i].scope, &list[i].human};
		list[i].result = read_small(r, GP_INGEST_RESULT_PERMERROR);
		read_texts(r, texts, GP_ARRAY_LEN(texts));
	}
	return len;
}

static bool
read_common(struct gp_reader *r, struct gp_ingest_row *row)
{
	row->disposition = read_small(r, GP_INGEST_DISPOSITION_REJECT);
	row->dkim = read_small(r, GP_INGEST_RESULT_PERMERROR);
	row->spf = read_small(r, GP_INGEST_RESULT_PERMERROR);
	struct gp_slice *const texts[] = {&row->header_from, &row->envelope_from,
					  &row->envelope_to};
	read_texts(r, texts, GP_ARRAY_LEN(texts));
	row->reasons_len = read_small(r, GP_INGEST_REASONS_MAX);
	for (size_t i = 0; i < row->reasons_len; i++) {
		row->reasons[i].type = read_small(r, GP_INGEST_REASON_TRUSTED_FORWARDER);
		row->reasons[i].comment = read_text(r);
	}
	row->dkim_results_len = read_auths(r, row->dkim_results);
	row->spf_results_len = read_auths(r, row->spf_results);
	return gp_read_end(r);
}

/* NULL: no memory. gp_told_hearer_free() frees it. */
static struct gp_told_detail *
detail_new(void)
{
	struct gp_told_detail *d = calloc(1, sizeof(*d));
	if (d)
		d->octets.max = GP_TOLD_FRAME_MAX;
	return d;
}

/* The octets are copied: they go when the next frames come. */
static int
tell_detail(struct gp_told_hearer *h, struct gp_reader *r)
{
	uint8_t place = read_small(r, GP_TOLD_DETAILS - 1);
	if (r->failed)
		return -EPROTO;
	struct gp_told_detail *d = h->details[place];
	if (!d)
		d = h->details[place] = detail_new();
	if (!d)
		return -ENOMEM;
	gp_buf_clear(&d->octets);
	gp_buf_put(&d->octets, r->rest);
	struct gp_reader own = gp_reader(gp_buf_slice(&d->octets));
	d->row.detail = 0;
	if (d->octets.failed)
		return -ENOMEM;
	if (!read_common(&own, &d->row))
		return -EPROTO;
	d->row.detail = ++h->heard;
	return 0;
}

static int
tell_row(struct gp_told_hearer *h, struct gp_reader *r, const struct gp_ingest_listener *l)
{
	struct gp_told_detail *d = h->details[read_small(r, GP_TOLD_DETAILS - 1)];
	if (r->failed || !d || d->row.detail == 0)
		return -EPROTO;
	d->row.number = gp_read_u64(r);
	read_source(r, d->row.source);
	d->row.count = gp_read_u64(r);
	return gp_read_end(r) && d->row.number > 0 ? l->row(l->context, &d->row) : -EPROTO;
}

void
gp_told_hearer_free(struct gp_told_hearer *h)
{
	for (size_t i = 0; i < GP_TOLD_DETAILS; i++) {
		if (h->details[i])
			gp_buf_free(&h->details[i]->octets);
		free(h->details[i]);
		h->details[i] = NULL;
	}
}

static size_t
read_list(struct gp_reader *r, struct gp_slice list[GP_INGEST_PATTERNS_MAX])
{
	size_t len = read_small(r, GP_INGEST_PATTERNS_MAX);
	for (size_t i = 0; i < len; i++)
		list[i] = read_text(r);
	return len;
}

static int
tell_tls_policy(struct gp_reader *r, const struct gp_ingest_listener *l)
{
	struct gp_ingest_tls_policy p;
	p.number = gp_read_u64(r);
	p.type = read_text(r);
	p.domain = read_text(r);
	p.lines_len = read_list(r, p.lines);
	p.mx_len = read_list(r, p.mx);
	p.successful = gp_read_u64(r);
	p.failed = gp_read_u64(r);
	return gp_read_end(r) && p.number > 0 ? l->tls_policy(l->context, &p) : -EPROTO;
}

static int
tell_tls_failure(struct gp_reader *r, const struct gp_ingest_listener *l)
{
	struct gp_ingest_tls_failure f = {};
	struct gp_slice *const texts[] = {&f.result,       &f.sending_ip,     &f.receiving_mx,
					  &f.receiving_ip, &f.receiving_helo, &f.reason_code,
					  &f.info};
	read_texts(r, texts, GP_ARRAY_LEN(texts));
	f.sessions = gp_read_u64(r);
	return gp_read_end(r) ? l->tls_failure(l->context, &f) : -EPROTO;
}

static int
tell_failure(struct gp_reader *r, const struct gp_ingest_listener *l)
{
	struct gp_ingest_failure f = {};
	struct gp_slice *const texts[] = {&f.type,        &f.delivery,      &f.domain,
					  &f.header_from, &f.envelope_from, &f.envelope_to,
					  &f.subject,     &f.message_id,    &f.results,
					  &f.dkim_domain, &f.dkim_selector, &f.spf_record};
	read_texts(r, texts, GP_ARRAY_LEN(texts));
	read_source(r, f.source);
	f.arrived = (int64_t)gp_read_u64(r);
	f.incidents = gp_read_u64(r);
	f.header = gp_read_bytes(r, GP_TOLD_HEADER_MAX);
	if (!gp_read_end(r) || !gp_told_is_text(f.header, GP_TOLD_HEADER_MAX, true))
		return -EPROTO;
	return l->failure(l->context, &f);
}

static int
tell_flaw(struct gp_reader *r, const struct gp_ingest_listener *l)
{
	char why[GP_INGEST_TEXT_MAX + 1];
	uint64_t record = gp_read_u64(r);
	bool lost = read_small(r, 1);
	struct gp_slice s = read_text(r);
	if (!gp_read_end(r))
		return -EPROTO;
	if (s.len > 0)
		memcpy(why, s.ptr, s.len);
	why[s.len] = '\0';
	return l->flaw(l->context, record, lost, why);
}

int
gp_told_tell(struct gp_told_hearer *h, uint8_t kind, struct gp_slice fields,
	     const struct gp_ingest_listener *listener)
{
	static int (*const kinds[])(struct gp_reader *, const struct gp_ingest_listener *) = {
		[GP_TOLD_HEAD] = tell_head,
		[GP_TOLD_TLS_POLICY] = tell_tls_policy,
		[GP_TOLD_TLS_FAILURE] = tell_tls_failure,
		[GP_TOLD_FAILURE] = tell_failure,
		[GP_TOLD_FLAW] = tell_flaw,
	};
	struct gp_reader r = gp_reader(fields);
	if (kind == GP_TOLD_ROW)
		return tell_row(h, &r, listener);
	if (kind == GP_TOLD_DETAIL)
		return tell_detail(h, &r);
	if (kind >= GP_ARRAY_LEN(kinds) || !kinds[kind])
		return -EPROTO;
	return kinds[kind](&r, listener);
}
