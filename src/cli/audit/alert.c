/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/alert.h"

#include <errno.h>

#include "core/message/date.h"

struct audit_alert
audit_alert(uint64_t run, uint64_t time_s, size_t looked_at)
{
	return (struct audit_alert){
		.run = run,
		.time_s = time_s,
		.looked_at = looked_at,
		.body = GP_BUF_INIT(AUDIT_ALERT_TEXT_MAX),
		.list = json_array(),
	};
}

void
audit_alert_free(struct audit_alert *a)
{
	gp_buf_free(&a->body);
	json_decref(a->list);
	a->list = NULL;
}

/* --- one piece of news --- */

enum {
	VALUE_MAX = 1000, /* octets told of a fact, before and now, and of evidence */
	MEND_MAX = 5000,  /* and of what mends it: whole lines */
};

static_assert((2 * VALUE_MAX + MEND_MAX) * AUDIT_ALERT_ITEMS_MAX < AUDIT_ALERT_TEXT_MAX);

/* Strangers' texts are as long as these like; the news of others need room, too. Characters stay
   whole. */
static struct gp_slice
cut(struct gp_slice text, size_t max)
{
	size_t len = GP_MIN(text.len, max);
	while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	return gp_slice_take(text, len);
}

static struct gp_slice
mend_of(const struct audit_kept *k)
{
	struct gp_slice mend = cut(k->mend, MEND_MAX);
	ptrdiff_t end = gp_slice_rfind(mend, '\n');
	return mend.len < k->mend.len && end > 0 ? gp_slice_take(mend, (size_t)end) : mend;
}

static void
count(struct audit_alert *a, const struct audit_change *c)
{
	switch (c->kind) {
	case AUDIT_CAME:
		a->came++;
		break;
	case AUDIT_WENT:
		a->went++;
		break;
	case AUDIT_CHANGED:
		*(c->now->severity > c->before->severity ? &a->graver : &a->milder) += 1;
		break;
	default:
		a->facts++;
	}
}

static void
put_mend(struct gp_buf *out, struct gp_slice mend)
{
	while (mend.len > 0) {
		struct gp_slice line = gp_slice_cut(&mend, '\n');
		gp_buf_printf(out, "      > %.*s\n", GP_SLICE_FMT(line));
	}
}

static struct gp_slice
said(struct gp_slice value)
{
	return value.len > 0 ? cut(value, VALUE_MAX) : GP_SLICE("not known");
}

static void
put_change(struct gp_buf *out, const struct audit_change *c)
{
	static const char signs[] = {[AUDIT_CAME] = '+', [AUDIT_WENT] = '-', [AUDIT_CHANGED] = '~'};
	const struct audit_kept *k = c->now ? c->now : c->before;
	if (c->kind == AUDIT_FACT) {
		gp_buf_printf(out, "  = %.*s: %.*s (was %.*s)\n", GP_SLICE_FMT(c->fact.name),
			      GP_SLICE_FMT(said(c->fact.value)),
			      GP_SLICE_FMT(said(c->fact_before.value)));
		return;
	}
	gp_buf_printf(out, "  %c %s %.*s: %.*s\n", signs[c->kind], gp_severity_name(k->severity),
		      GP_SLICE_FMT(k->id), GP_SLICE_FMT(cut(k->evidence, VALUE_MAX)));
	if (c->kind == AUDIT_CHANGED)
		gp_buf_printf(out, "      was %s\n", gp_severity_name(c->before->severity));
	if (c->now)
		put_mend(out, mend_of(k));
}

static json_t *
text_json(struct gp_slice text)
{
	return json_stringn(text.ptr ? text.ptr : "", text.len);
}

static json_t *
mend_json(struct gp_slice mend)
{
	json_t *list = json_array();
	while (mend.len > 0)
		json_array_append_new(list, text_json(gp_slice_cut(&mend, '\n')));
	return list;
}

static json_t *
change_json(const struct audit_change *c)
{
	const char *what = audit_change_name(c->kind);
	const struct audit_kept *k = c->now ? c->now : c->before;
	if (c->kind == AUDIT_FACT)
		return json_pack("{s:s, s:o, s:o, s:o}", "change", what, "fact",
				 text_json(c->fact.name), "before",
				 text_json(cut(c->fact_before.value, VALUE_MAX)), "now",
				 text_json(cut(c->fact.value, VALUE_MAX)));
	return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o}", "change", what, "id", text_json(k->id),
			 "severity", gp_severity_name(k->severity), "was",
			 c->kind == AUDIT_CHANGED
				 ? json_string(gp_severity_name(c->before->severity))
				 : json_null(),
			 "evidence", text_json(cut(k->evidence, VALUE_MAX)), "mend",
			 mend_json(c->now ? mend_of(k) : GP_SLICE("")));
}

static void
put_expiry(struct gp_buf *out, const struct audit_expiry *e)
{
	if (e->days < 0)
		gp_buf_printf(out, "  ! %.*s has ended: %.*s\n", GP_SLICE_FMT(e->what),
			      GP_SLICE_FMT(e->time));
	else
		gp_buf_printf(out, "  ! %.*s ends in %lld days: %.*s\n", GP_SLICE_FMT(e->what),
			      (long long)e->days, GP_SLICE_FMT(e->time));
}

static json_t *
expiry_json(const struct audit_expiry *e)
{
	return json_pack("{s:o, s:o, s:I}", "what", text_json(e->what), "time", text_json(e->time),
			 "days", (json_int_t)e->days);
}

/* --- a domain --- */

static bool
has_room(struct audit_alert *a, size_t told_of_domain)
{
	bool room =
		a->items < AUDIT_ALERT_ITEMS_MAX && told_of_domain < AUDIT_ALERT_DOMAIN_ITEMS_MAX;
	*(room ? &a->items : &a->left_out) += 1;
	return room;
}

int
audit_alert_add(struct audit_alert *a, struct gp_slice domain, bool first,
		const struct audit_news *news)
{
	json_t *changes = json_array(), *expiries = json_array();
	size_t told = 0, begin = a->body.len;
	bool good = changes && expiries;
	gp_buf_printf(&a->body, "\n%.*s%s\n", GP_SLICE_FMT(domain),
		      first ? " (looked at for the first time)" : "");
	/* What ends does so at a known time, so it stands first. */
	for (size_t i = 0; i < news->expiries_len && good; i++) {
		a->expiries++;
		if (!has_room(a, told))
			continue;
		told++;
		put_expiry(&a->body, &news->expiries[i]);
		good = json_array_append_new(expiries, expiry_json(&news->expiries[i])) == 0;
	}
	for (size_t i = 0; i < news->changes_len && good; i++) {
		count(a, &news->changes[i]);
		if (!has_room(a, told))
			continue;
		told++;
		put_change(&a->body, &news->changes[i]);
		good = json_array_append_new(changes, change_json(&news->changes[i])) == 0;
	}
	if (news->changes_len + news->expiries_len > 0 && a->domains++ == 0)
		a->first_domain = domain;
	json_t *o = json_pack("{s:o, s:b, s:b, s:o, s:o}", "domain", text_json(domain), "first",
			      (int)first, "worse", (int)news->worse, "expires", expiries, "changes",
			      changes);
	if (told == 0)
		gp_buf_truncate(&a->body, begin);
	else
		good = good && o && json_array_append(a->list, o) == 0;
	json_decref(o);
	return good && !a->body.failed ? 0 : -ENOMEM;
}

/* --- the whole --- */

static void
put_counts(const struct audit_alert *a, struct gp_buf *out)
{
	const struct {
		size_t n;
		const char *words;
	} counts[] = {
		{a->expiries, "about to end"}, {a->came, "came"}, {a->graver, "graver"},
		{a->milder, "milder"},         {a->went, "went"}, {a->facts, "facts changed"},
	};
	const char *before = "";
	for (size_t i = 0; i < GP_ARRAY_LEN(counts); i++) {
		if (counts[i].n == 0)
			continue;
		gp_buf_printf(out, "%s%zu %s", before, counts[i].n, counts[i].words);
		before = ", ";
	}
}

void
audit_alert_subject(const struct audit_alert *a, struct gp_buf *out)
{
	gp_buf_printf(out, "Mail posture: %.*s", GP_SLICE_FMT(a->first_domain));
	if (a->domains > 1)
		gp_buf_printf(out, " and %zu more", a->domains - 1);
	gp_buf_put_str(out, ": ");
	put_counts(a, out);
}

void
audit_alert_text(const struct audit_alert *a, struct gp_buf *out)
{
	gp_buf_printf(out, "Run %llu of gatepost audit, %s, of %zu domains and addresses:\n",
		      (unsigned long long)a->run, gp_date_stamp(a->time_s).s, a->looked_at);
	put_counts(a, out);
	gp_buf_printf(out, ", of %zu of them.\n", a->domains);
	gp_buf_put(out, gp_buf_slice(&a->body));
	if (a->left_out > 0)
		gp_buf_printf(out, "\nAnd %zu more: gatepost audit diff tells all of it.\n",
			      a->left_out);
	gp_buf_put_str(out, "\n+ came, - went, ~ graver or milder, = a fact changed, ! ends; "
			    "> is what mends it.\n");
}

static int
put_piece(const char *piece, size_t len, void *context)
{
	return gp_buf_put(context, gp_slice(piece, len)) ? 0 : -1;
}

int
audit_alert_json(const struct audit_alert *a, struct gp_buf *out)
{
	json_t *o = json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "run",
			      (json_int_t)a->run, "time", gp_date_stamp(a->time_s).s, "looked_at",
			      (json_int_t)a->looked_at, "came", (json_int_t)a->came, "went",
			      (json_int_t)a->went, "graver", (json_int_t)a->graver, "milder",
			      (json_int_t)a->milder, "facts", (json_int_t)a->facts, "expiring",
			      (json_int_t)a->expiries, "left_out", (json_int_t)a->left_out,
			      "domains", a->list);
	bool good = o && json_dump_callback(o, put_piece, out, JSON_COMPACT) == 0;
	json_decref(o);
	return good ? 0 : -ENOMEM;
}
