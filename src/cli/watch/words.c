/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/watch/words.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "cli/reports/words.h"

enum {
	NAME_MAX_OCTETS = 255, /* of a stranger's text */
	WORDS_MAX = 4096,      /* of one piece of news, which has few of these */
};

/* --- parts of sentences --- */

/* Characters stay whole. */
static struct gp_slice
cut(struct gp_slice text)
{
	size_t len = GP_MIN(text.len, (size_t)NAME_MAX_OCTETS);
	while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	return gp_slice_take(text, len);
}

static struct gp_slice
domain_words(struct gp_slice domain)
{
	return domain.len > 0 ? cut(domain) : GP_SLICE("all domains");
}

struct percent {
	char s[16];
};

static struct percent
percent(struct watch_share share)
{
	struct percent p;
	snprintf(p.s, sizeof(p.s), "%.1f %%",
		 share.whole > 0 ? 100.0 * (double)share.part / (double)share.whole : 0.0);
	return p;
}

/* --- what came --- */

static void
put_silence(struct gp_buf *out, const struct watch_reading *r)
{
	const char *kind = r->object.len > 0 ? "TLS" : "DMARC";
	gp_buf_printf(out,
		      "no %s report of a day after %s: %" PRIu64 " days, where the longest pause "
		      "was of %" PRIu64,
		      kind, reports_day_text(r->day).s, r->now.part, r->past.part);
}

static void
put_why(struct gp_buf *out, const struct watch_reading *r)
{
	if (r->why.len > 0)
		gp_buf_printf(out, "; %.*s", GP_SLICE_FMT(r->why));
}

static void
put_alignment(struct gp_buf *out, const struct watch_reading *r)
{
	if (r->object.len > 0)
		gp_buf_printf(out, "%.*s (%.*s): ", GP_SLICE_FMT(r->object),
			      GP_SLICE_FMT(cut(r->more)));
	gp_buf_printf(out,
		      "%s of %" PRIu64 " messages align, where %s of %" PRIu64
		      " did in the four weeks before",
		      percent(r->now).s, r->now.whole, percent(r->past).s, r->past.whole);
	put_why(out, r);
}

static void
put_came(struct gp_buf *out, const struct watch_reading *r)
{
	switch (r->kind) {
	case WATCH_SILENCE:
		put_silence(out, r);
		break;
	case WATCH_ALIGNMENT:
		put_alignment(out, r);
		break;
	case WATCH_TLS:
		gp_buf_printf(out,
			      "%.*s: %" PRIu64 " of %" PRIu64 " sessions failed, where %" PRIu64
			      " of %" PRIu64 " did in the four weeks before",
			      GP_SLICE_FMT(cut(r->object)), r->now.part, r->now.whole, r->past.part,
			      r->past.whole);
		break;
	case WATCH_POLICY:
		gp_buf_printf(
			out, "reporters find %.*s, where it was %.*s; %" PRIu64 " reports since %s",
			GP_SLICE_FMT(r->object), GP_SLICE_FMT(r->more), r->now.part,
			reports_day_text(r->day).s);
		break;
	case WATCH_REPORTER:
		gp_buf_printf(out,
			      "no report of %.*s after %s, for %" PRIu64 " days; it sent %" PRIu64
			      " in %" PRIu64 " days",
			      GP_SLICE_FMT(cut(r->object)), reports_day_text(r->day).s, r->now.part,
			      r->past.part, r->past.whole);
		break;
	default:
		gp_buf_printf(out,
			      "%.*s (%.*s) sends since %s: %" PRIu64 " messages, of which %s align",
			      GP_SLICE_FMT(r->object), GP_SLICE_FMT(cut(r->more)),
			      reports_day_text(r->day).s, r->now.whole, percent(r->now).s);
		put_why(out, r);
	}
}

/* --- what is over --- */

static void
put_over(struct gp_buf *out, const struct watch_over *o)
{
	const struct watch_reading *r = o->now;
	const struct watch_known *was = o->was;
	switch (r->kind) {
	case WATCH_SILENCE:
		gp_buf_printf(out, "%s reports come again, the last of %s",
			      r->object.len > 0 ? "TLS" : "DMARC", reports_day_text(r->day).s);
		break;
	case WATCH_REPORTER:
		gp_buf_printf(out, "%.*s reports again, last of %s", GP_SLICE_FMT(cut(r->object)),
			      reports_day_text(r->day).s);
		break;
	case WATCH_ALIGNMENT:
		if (r->object.len > 0)
			gp_buf_printf(out, "%.*s: ", GP_SLICE_FMT(r->object));
		gp_buf_printf(out, "%s of %" PRIu64 " messages align; it had fallen from %s to %s",
			      percent(r->now).s, r->now.whole, percent(was->past).s,
			      percent(was->now).s);
		break;
	default:
		gp_buf_printf(out,
			      "%.*s: %" PRIu64 " of %" PRIu64 " sessions failed; it had been "
			      "%" PRIu64 " of %" PRIu64,
			      GP_SLICE_FMT(cut(r->object)), r->now.part, r->now.whole,
			      was->now.part, was->now.whole);
	}
}

/* --- so many of a kind --- */

/* Of what is in order of kind and domain; told: those that were, of all. */
struct room {
	const struct watch_reading *before;
	size_t alike, told, left_out;
};

static bool
has_room(struct room *room, const struct watch_reading *r)
{
	const struct watch_reading *before = room->before;
	bool alike = before && before->kind == r->kind && gp_slice_eq(before->domain, r->domain);
	room->alike = alike ? room->alike + 1 : 1;
	room->before = r;
	bool good = room->alike <= WATCH_TOLD_ALIKE_MAX && room->told < WATCH_TOLD_MAX;
	*(good ? &room->told : &room->left_out) += 1;
	return good;
}

/* --- text --- */

static const char *
count_words(uint8_t kind)
{
	static const char *const words[WATCH_KINDS] = {
		[WATCH_SILENCE] = "silent",
		[WATCH_ALIGNMENT] = "fallen in alignment",
		[WATCH_TLS] = "failing in TLS",
		[WATCH_POLICY] = "with another policy",
		[WATCH_REPORTER] = "gone silent as reporters",
		[WATCH_SOURCE] = "new as sources",
	};
	return words[kind];
}

static void
put_counts(const struct watch_news *news, struct gp_buf *out)
{
	size_t counts[WATCH_KINDS] = {};
	const char *before = "";
	for (size_t i = 0; i < news->came_len; i++)
		counts[news->came[i]->kind]++;
	for (uint8_t k = 1; k < WATCH_KINDS; k++) {
		if (counts[k] == 0)
			continue;
		gp_buf_printf(out, "%s%zu %s", before, counts[k], count_words(k));
		before = ", ";
	}
	if (news->over_len > 0)
		gp_buf_printf(out, "%s%zu over", before, news->over_len);
}

static bool
is_ascii(struct gp_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	}
	return true;
}

void
watch_words_subject(const struct watch_news *news, struct gp_buf *out)
{
	struct gp_slice first = news->came_len > 0   ? news->came[0]->domain
				: news->over_len > 0 ? news->over[0].now->domain
						     : GP_SLICE("");
	/* Reports of strangers have names in UTF-8, too. */
	bool shown = first.len > 0 && is_ascii(first);
	gp_buf_printf(out, "Reports of mail: %.*s%s", GP_SLICE_FMT(shown ? first : GP_SLICE("")),
		      shown ? ": " : "");
	put_counts(news, out);
}

static void
put_line(struct gp_buf *out, char sign, struct gp_slice domain)
{
	gp_buf_printf(out, "  %c %.*s: ", sign, GP_SLICE_FMT(domain_words(domain)));
}

void
watch_words_text(const struct watch_news *news, int64_t today, struct gp_buf *out)
{
	struct room room = {};
	gp_buf_printf(out, "gatepost reports watch, %s: ", reports_day_text(today).s);
	put_counts(news, out);
	gp_buf_put_str(out, ".\n\n");
	for (size_t i = 0; i < news->came_len; i++) {
		const struct watch_reading *r = news->came[i];
		if (!has_room(&room, r))
			continue;
		put_line(out, '!', r->domain);
		put_came(out, r);
		gp_buf_put_str(out, "\n");
	}
	for (size_t i = 0; i < news->over_len; i++) {
		const struct watch_over *o = &news->over[i];
		if (!has_room(&room, o->now))
			continue;
		put_line(out, '-', o->now->domain);
		put_over(out, o);
		gp_buf_put_str(out, "\n");
	}
	if (room.left_out > 0)
		gp_buf_printf(out, "\nAnd %zu more: gatepost reports summary tells of all.\n",
			      room.left_out);
	gp_buf_put_str(out, "\n! came, - is over.\n");
}

/* --- JSON --- */

static json_t *
text_json(struct gp_slice text)
{
	return json_stringn(text.ptr ? text.ptr : "", text.len);
}

static json_t *
share_json(struct watch_share s)
{
	return json_pack("{s:I, s:I}", "part", (json_int_t)s.part, "whole", (json_int_t)s.whole);
}

static json_t *
item_json(const struct watch_reading *r, struct watch_share past, const struct gp_buf *words)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "kind", watch_kind_name(r->kind),
			 "domain", r->domain.len > 0 ? text_json(cut(r->domain)) : json_null(),
			 "object", r->object.len > 0 ? text_json(cut(r->object)) : json_null(),
			 "now", share_json(r->now), "past", share_json(past), "words",
			 text_json(gp_buf_slice(words)));
}

static bool
append(json_t *list, const struct watch_reading *r, struct watch_share past, struct gp_buf *words)
{
	bool good = !words->failed && json_array_append_new(list, item_json(r, past, words)) == 0;
	gp_buf_free(words);
	return good;
}

static bool
list_json(const struct watch_news *news, struct room *room, json_t *came, json_t *over)
{
	bool good = came && over;
	for (size_t i = 0; i < news->came_len && good; i++) {
		struct gp_buf words = GP_BUF_INIT(WORDS_MAX);
		if (!has_room(room, news->came[i]))
			continue;
		put_came(&words, news->came[i]);
		good = append(came, news->came[i], news->came[i]->past, &words);
	}
	for (size_t i = 0; i < news->over_len && good; i++) {
		struct gp_buf words = GP_BUF_INIT(WORDS_MAX);
		if (!has_room(room, news->over[i].now))
			continue;
		put_over(&words, &news->over[i]);
		good = append(over, news->over[i].now, news->over[i].was->past, &words);
	}
	return good;
}

static int
put_piece(const char *piece, size_t len, void *context)
{
	return gp_buf_put(context, gp_slice(piece, len)) ? 0 : -1;
}

int
watch_words_json(const struct watch_news *news, int64_t today, struct gp_slice channel,
		 struct gp_buf *out)
{
	struct room room = {};
	json_t *came = json_array(), *over = json_array();
	bool good = list_json(news, &room, came, over);
	json_t *all = json_pack("{s:s, s:o, s:o, s:I}", "day", reports_day_text(today).s, "came",
				came, "over", over, "left_out", (json_int_t)room.left_out);
	if (channel.len > 0)
		good = good && json_object_set_new(all, "channel", text_json(channel)) == 0;
	good = good && all && json_dump_callback(all, put_piece, out, JSON_COMPACT) == 0;
	json_decref(all);
	return good ? 0 : -ENOMEM;
}
