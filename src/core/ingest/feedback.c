/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/feedback.h"

#include <errno.h>

#include "base/buf.h"
#include "base/scan.h"
#include "core/message/transfer.h"

enum {
	TEXT_MAX = 32 * 1024, /* octets of a text for people that are looked at */
	LABEL_MAX = 40,
	SENTENCE_MAX = 160, /* octets that belong to "received from" */
};

/* Hyphens, underscores and spaces are the same, and so are cases. */
static const struct label {
	const char *text;
	uint8_t name;
	bool in_texts; /* words that a text for people may use; others would be found by chance */
} labels[] = {
	{"feedback type", GP_FEEDBACK_TYPE, true},
	{"auth failure", GP_FEEDBACK_FAILURE, true},
	{"delivery result", GP_FEEDBACK_DELIVERY, true},
	{"source ip", GP_FEEDBACK_SOURCE, true},
	{"source ip address", GP_FEEDBACK_SOURCE, true},
	{"sender ip address", GP_FEEDBACK_SOURCE, true},
	{"sender ip", GP_FEEDBACK_SOURCE, true},
	{"reported domain", GP_FEEDBACK_DOMAIN, true},
	{"sender domain", GP_FEEDBACK_DOMAIN, true},
	{"from domain", GP_FEEDBACK_DOMAIN, true},
	{"original mail from", GP_FEEDBACK_MAIL_FROM, true},
	{"original rcpt to", GP_FEEDBACK_RCPT_TO, true},
	{"arrival date", GP_FEEDBACK_ARRIVAL, true},
	{"received date", GP_FEEDBACK_ARRIVAL, true},
	{"authentication results", GP_FEEDBACK_RESULTS, true},
	{"dmarc results", GP_FEEDBACK_DMARC_RESULTS, true},
	{"dkim domain", GP_FEEDBACK_DKIM_DOMAIN, false},
	{"dkim selector", GP_FEEDBACK_DKIM_SELECTOR, false},
	{"spf dns", GP_FEEDBACK_SPF_DNS, false},
	{"incidents", GP_FEEDBACK_INCIDENTS, false},
	{"reporting mta", GP_FEEDBACK_MTA, false},
	{"message id", GP_FEEDBACK_MESSAGE_ID, false},
};

static bool
is_label(struct gp_slice s, const char *label)
{
	size_t len = strlen(label);
	for (size_t i = 0; i < s.len && i < len; i++) {
		char c = s.ptr[i] == '-' || s.ptr[i] == '_' ? ' ' : gp_ascii_lower(s.ptr[i]);
		if (c != label[i])
			return false;
	}
	return s.len == len;
}

static const struct label *
find_label(struct gp_slice s)
{
	s = gp_slice_trim(s);
	if (s.len > LABEL_MAX)
		return NULL;
	for (size_t i = 0; i < GP_ARRAY_LEN(labels); i++) {
		if (is_label(s, labels[i].text))
			return &labels[i];
	}
	return NULL;
}

/* A line without its end, taken off the front. */
static struct gp_slice
take_line(struct gp_slice *s)
{
	struct gp_slice line = gp_slice_cut(s, '\n');
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* Without the line ends of folding. */
static struct gp_slice
flatten(struct gp_slice s, struct gp_arena *arena)
{
	char *to = gp_arena_alloc(arena, s.len);
	size_t len = 0;
	for (size_t i = 0; to && i < s.len; i++) {
		if (s.ptr[i] != '\r' && s.ptr[i] != '\n')
			to[len++] = s.ptr[i];
	}
	return gp_slice_trim(gp_slice(to, len));
}

static void
keep(struct gp_feedback *f, uint8_t name, struct gp_slice value, struct gp_arena *arena)
{
	f->len++;
	if (f->values[name].len == 0)
		f->values[name] = flatten(value, arena);
}

/* The line, and those that belong to it as they begin with a blank (RFC 5322 section 2.2.3). */
static struct gp_slice
take_field(struct gp_slice *s)
{
	struct gp_slice all = *s, line = take_line(s);
	while (s->len > 0 && (s->ptr[0] == ' ' || s->ptr[0] == '\t') && line.len > 0) {
		struct gp_slice next = take_line(s);
		line = gp_slice_take(all, (size_t)(next.ptr + next.len - all.ptr));
	}
	return line;
}

static void
read_fields(struct gp_slice s, struct gp_arena *arena, struct gp_feedback *ret)
{
	while (s.len > 0) {
		struct gp_slice value = take_field(&s);
		const struct label *label = find_label(gp_slice_cut(&value, ':'));
		if (label && value.ptr)
			keep(ret, label->name, value, arena);
	}
}

/* Has it line ends spelt out, and none that are some? */
static bool
is_escaped(struct gp_slice s)
{
	struct gp_slice first = take_line(&s);
	bool one_line = gp_slice_trim(s).len == 0;
	for (size_t i = 0; one_line && i + 1 < first.len; i++) {
		if (first.ptr[i] == '\\' && first.ptr[i + 1] == 'n')
			return true;
	}
	return false;
}

static struct gp_slice
unescape(struct gp_slice s, struct gp_arena *arena)
{
	char *to = gp_arena_alloc(arena, s.len);
	size_t len = 0;
	for (size_t i = 0; to && i < s.len; i++) {
		char next = i + 1 < s.len && s.ptr[i] == '\\' ? s.ptr[i + 1] : '\0';
		if (next == 'r' || next == 'n' || next == 't')
			to[len++] = next == 'r' ? '\r' : next == 'n' ? '\n' : '\t';
		else
			to[len++] = s.ptr[i];
		i += next == 'r' || next == 'n' || next == 't';
	}
	return gp_slice(to, len);
}

int
gp_feedback_read(struct gp_slice s, struct gp_arena *arena, struct gp_feedback *ret)
{
	*ret = (struct gp_feedback){};
	if (is_escaped(s))
		s = unescape(s, arena);
	read_fields(s, arena, ret);
	if (ret->len == 0 && !arena->failed)
		read_fields(gp_transfer_decode(GP_TRANSFER_BASE64, s, arena), arena, ret);
	return arena->failed ? -ENOMEM : 0;
}

/* --- texts --- */

/* Steps behind the first of these words, wherever they stand. */
static bool
skip_behind(struct gp_scan *c, struct gp_slice words)
{
	while (!gp_scan_end(c)) {
		if (gp_scan_word(c, words))
			return true;
		c->at++;
	}
	return false;
}

static bool
is_word(char c)
{
	return c != ' ' && c != ',' && c != ';';
}

/* "... received from IP 192.0.2.1 on Mon, 1 Oct 2018 11:20:27 +0200." */
static void
read_sentence(struct gp_slice s, struct gp_arena *arena, struct gp_feedback *ret)
{
	struct gp_slice flat = gp_arena_dup(arena, s);
	for (size_t i = 0; flat.ptr && i < flat.len; i++) {
		if (flat.ptr[i] == '\r' || flat.ptr[i] == '\n')
			((char *)flat.ptr)[i] = ' ';
	}
	struct gp_scan c = gp_scan(flat);
	if (!skip_behind(&c, GP_SLICE("received from ")))
		return;
	c.all = gp_slice_take(c.all, c.at + SENTENCE_MAX);
	if (!skip_behind(&c, GP_SLICE("IP ")))
		return;
	gp_scan_word(&c, GP_SLICE("address "));
	gp_scan_wsp(&c);
	keep(ret, GP_FEEDBACK_SOURCE, gp_scan_while(&c, is_word), arena);
	if (skip_behind(&c, GP_SLICE(" on ")))
		keep(ret, GP_FEEDBACK_ARRIVAL, gp_scan_rest(&c), arena);
}

/* What follows on a line of hyphens, such as "------ This is a copy of the headers that were
 * received before the error was detected.", without the lines that still belong to that one, and
 * empty ones. */
static struct gp_slice
skip_hyphens(struct gp_slice rest)
{
	while (rest.len > 0 && strchr(" \t\r\n", rest.ptr[0]))
		take_line(&rest);
	return rest;
}

int
gp_feedback_read_text(struct gp_slice s, struct gp_arena *arena, struct gp_feedback *ret,
		      struct gp_slice *ret_rest)
{
	struct gp_slice rest = s, text = gp_slice_take(s, TEXT_MAX);
	*ret_rest = (struct gp_slice){};
	while (rest.len > 0 && s.len - rest.len < TEXT_MAX) {
		struct gp_slice line = take_line(&rest);
		if (gp_slice_starts(line, GP_SLICE("---"))) {
			text = gp_slice_take(text, (size_t)(line.ptr - s.ptr));
			*ret_rest = skip_hyphens(rest);
			break;
		}
		const struct label *label = find_label(gp_slice_cut(&line, ':'));
		if (label && label->in_texts && line.ptr)
			keep(ret, label->name, line, arena);
	}
	read_sentence(text, arena, ret);
	return arena->failed ? -ENOMEM : 0;
}
