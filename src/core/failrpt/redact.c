/* SPDX-License-Identifier: Apache-2.0 */
#include "core/failrpt/redact.h"

#include <errno.h>

#include "base/base64.h"
#include "base/scan.h"
#include "core/message/header.h"
#include "core/taglist/taglist.h"

enum {
	TOKEN_OCTETS = GP_REDACT_TOKEN_LEN / 4 * 3,
	FOLD_AT = 78,     /* columns (RFC 5322 section 2.1.1) */
	WORD_MAX = 900,   /* octets without a space; a longer word is cut */
	DOMAIN_MAX = 253, /* octets of a domain that is shown */
	/* For each octet of a field a token, an "@" and what stands between two of them. */
	TOLD_MAX = GP_REDACT_HEADER_MAX * (GP_REDACT_TOKEN_LEN + 4),
};

/* --- tokens --- */

int
gp_redact_key(struct gp_slice master, struct gp_slice domain, struct gp_slice source,
	      struct gp_sha256 *ret)
{
	struct gp_sha256 own;
	int r = gp_hmac_sha256(master, domain, &own);
	return r == 0 ? gp_hmac_sha256(gp_sha256_slice(&own), source, ret) : r;
}

void
gp_redact_token(struct gp_buf *out, struct gp_slice key, struct gp_slice text)
{
	struct gp_sha256 mac;
	if (gp_hmac_sha256(key, text, &mac) < 0)
		out->failed = true;
	else
		gp_base64_put(out, gp_slice_take(gp_sha256_slice(&mac), TOKEN_OCTETS));
}

static bool
is_domain_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '.' || c == '-';
}

/* As much of it as can be a domain. */
static void
put_domain(struct gp_buf *out, struct gp_slice s)
{
	struct gp_scan c = gp_scan(gp_slice_take(s, DOMAIN_MAX));
	gp_buf_put(out, gp_scan_while(&c, is_domain_octet));
}

void
gp_redact_address(struct gp_buf *out, struct gp_slice key, struct gp_slice address)
{
	ptrdiff_t at = gp_slice_rfind(address, '@');
	gp_redact_token(out, key, at < 0 ? address : gp_slice_take(address, (size_t)at));
	if (at < 0)
		return;
	gp_buf_put_char(out, '@');
	put_domain(out, gp_slice_drop(address, (size_t)at + 1));
}

/* --- words --- */

/* What may stand between two words of a field, as far as addresses are concerned. "=" and ":" may
 * be parts of one: rather too much is hidden than too little. */
static bool
is_between(char c)
{
	return gp_slice_find(GP_SLICE(" \t()<>,;[]"), c) >= 0;
}

/* Behind its first quote; without a second one it goes on until the end. */
static void
skip_quoted(struct gp_scan *c)
{
	while (!gp_scan_end(c) && !gp_scan_char(c, '"')) {
		gp_scan_char(c, '\\');
		c->at += !gp_scan_end(c);
	}
}

/* Empty: none begins here. Quoted strings are parts of words. */
static struct gp_slice
take_word(struct gp_scan *c)
{
	size_t from = c->at;
	while (!gp_scan_end(c) && !is_between((char)gp_scan_peek(c))) {
		if (gp_scan_char(c, '"'))
			skip_quoted(c);
		else
			c->at++;
	}
	return gp_scan_since(c, from);
}

/* The addresses of a list, without anything else of it. */
static void
hide_mailboxes(struct gp_buf *out, struct gp_slice key, struct gp_slice value)
{
	bool first = true;
	for (struct gp_scan c = gp_scan(value); !gp_scan_end(&c);) {
		struct gp_slice word = take_word(&c);
		if (word.len == 0) {
			c.at++;
			continue;
		}
		if (gp_slice_find(word, '@') < 0)
			continue;
		gp_buf_put_str(out, first ? "" : ", ");
		gp_redact_address(out, key, word);
		first = false;
	}
}

/* Behind these stands who it is for, or who has logged in: "(Authenticated sender: alice)". */
static bool
leads_to_user(struct gp_slice word)
{
	static const struct gp_slice words[] = {GP_SLICE("for"), GP_SLICE("sender:"),
						GP_SLICE("auth-user:"), GP_SLICE("as")};
	for (size_t i = 0; i < GP_ARRAY_LEN(words); i++) {
		if (gp_slice_eq_nocase(word, words[i]))
			return true;
	}
	return false;
}

/* A trace field with its addresses hidden, and users whatever they look like. */
static void
hide_in_trace(struct gp_buf *out, struct gp_slice key, struct gp_slice value)
{
	bool is_user = false;
	for (struct gp_scan c = gp_scan(value); !gp_scan_end(&c);) {
		struct gp_slice word = take_word(&c);
		if (word.len == 0) {
			gp_buf_put_char(out, value.ptr[c.at++]);
			continue;
		}
		if (is_user || gp_slice_find(word, '@') >= 0)
			gp_redact_address(out, key, word);
		else
			gp_buf_put(out, word);
		is_user = leads_to_user(word);
	}
}

/* --- which field is what --- */

enum treatment { HIDDEN = 0, SHOWN, TRACE, MAILBOXES, SIGNATURE };

static enum treatment
treatment_of(struct gp_slice name)
{
	static const struct {
		const char *name;
		enum treatment treatment;
	} table[] = {
		{"From", SHOWN},
		{"Date", SHOWN},
		{"Message-ID", SHOWN},
		{"MIME-Version", SHOWN},
		{"List-Id", SHOWN},
		{"User-Agent", SHOWN},
		{"X-Mailer", SHOWN},
		{"Received", TRACE},
		{"To", MAILBOXES},
		{"Cc", MAILBOXES},
		{"Bcc", MAILBOXES},
		{"Sender", MAILBOXES},
		{"Reply-To", MAILBOXES},
		{"Return-Path", MAILBOXES},
		{"Resent-From", MAILBOXES},
		{"Resent-Sender", MAILBOXES},
		{"Resent-To", MAILBOXES},
		{"Resent-Cc", MAILBOXES},
		{"Resent-Bcc", MAILBOXES},
		{"Delivered-To", MAILBOXES},
		{"Envelope-To", MAILBOXES},
		{"X-Original-To", MAILBOXES},
		{"DKIM-Signature", SIGNATURE},
		{"ARC-Seal", SIGNATURE},
		{"ARC-Message-Signature", SIGNATURE},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(table); i++) {
		if (gp_slice_eq_nocase(name, gp_slice_str(table[i].name)))
			return table[i].treatment;
	}
	return HIDDEN;
}

/* z= has other fields in it, Subject and To among them, and i= may name a user, who is the
 * recipient where a forwarder has signed (RFC 6376 section 3.5). "@d" names nobody. */
static bool
tells_more(struct gp_slice value)
{
	struct gp_taglist list;
	if (gp_taglist_read(value, &list) != GP_TAGLIST_OK ||
	    gp_taglist_find(&list, GP_SLICE("z")) != NULL)
		return true;
	for (size_t i = 0; i < list.len; i++) {
		if (gp_slice_find(list.tags[i].value, '@') > 0)
			return true;
	}
	return false;
}

static void
hide(struct gp_buf *out, struct gp_slice key, struct gp_slice name, struct gp_slice value)
{
	enum treatment how = treatment_of(name);
	if (key.len == 0 || how == SHOWN || (how == SIGNATURE && !tells_more(value)))
		gp_buf_put(out, value);
	else if (how == TRACE)
		hide_in_trace(out, key, value);
	else if (how == MAILBOXES && gp_slice_find(value, '@') >= 0)
		hide_mailboxes(out, key, value);
	else if (value.len > 0)
		gp_redact_token(out, key, value);
}

/* --- fields --- */

static bool
is_name(struct gp_slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!gp_ascii_is_alnum(c) && (i == 0 || (c != '-' && c != '_')))
			return false;
	}
	return name.len > 0 && name.len <= GP_REDACT_NAME_MAX;
}

static bool
is_no_space(char c)
{
	return c != ' ' && c != '\t';
}

static bool
is_link(struct gp_slice s)
{
	return gp_slice_starts_nocase(s, GP_SLICE("http:")) ||
	       gp_slice_starts_nocase(s, GP_SLICE("https:"));
}

static void
put_word(struct gp_buf *out, struct gp_slice word)
{
	for (; word.len > 0 && !out->failed; word = gp_slice_drop(word, 1)) {
		char c = word.ptr[0];
		if (is_link(word)) {
			gp_buf_put_str(out, "hxx");
			word = gp_slice_drop(word, 3);
			c = 'p';
		}
		gp_buf_put_char(out, c > ' ' && c < 127 ? c : '?');
	}
}

/* The field, in lines that end before FOLD_AT where they can. */
static void
put_folded(struct gp_buf *out, struct gp_slice name, struct gp_slice value)
{
	size_t column = name.len + 1;
	struct gp_scan c = gp_scan(value);
	gp_buf_put(out, name);
	gp_buf_put_char(out, ':');
	for (gp_scan_wsp(&c); !gp_scan_end(&c) && !out->failed; gp_scan_wsp(&c)) {
		struct gp_slice word = gp_slice_take(gp_scan_rest(&c), WORD_MAX);
		struct gp_scan w = gp_scan(word);
		word = gp_scan_while(&w, is_no_space);
		c.at += word.len;
		if (column + 1 + word.len >= FOLD_AT) {
			gp_buf_put_str(out, "\r\n");
			column = 0;
		}
		gp_buf_put_char(out, ' ');
		put_word(out, word);
		column += 1 + word.len;
	}
	gp_buf_put_str(out, "\r\n");
}

/* Octets that a field may come to: two lines one after the other hold FOLD_AT octets at least. */
static size_t
folded_max(struct gp_slice name, struct gp_slice value)
{
	return name.len + value.len + value.len / 16 + sizeof(": \r\n\r\n");
}

int
gp_redact_header(struct gp_buf *out, struct gp_slice key, struct gp_slice header,
		 struct gp_arena *arena)
{
	struct gp_header h;
	struct gp_buf told = GP_BUF_INIT(TOLD_MAX);
	gp_assert(header.len <= GP_REDACT_HEADER_MAX);
	int r = GP_MIN(gp_header_split(header, arena, &h), 0);
	for (size_t i = 0; r == 0 && i < h.fields_len; i++) {
		struct gp_slice name = gp_header_name(&h, i);
		struct gp_slice value = gp_header_unfold(gp_header_value(&h, i), arena);
		gp_buf_clear(&told);
		hide(&told, key, name, value);
		if (!value.ptr || told.failed)
			r = -ENOMEM;
		else if (is_name(name) &&
			 folded_max(name, gp_buf_slice(&told)) <= out->max - out->len)
			put_folded(out, name, gp_buf_slice(&told));
	}
	gp_buf_free(&told);
	return out->failed ? -ENOMEM : r;
}
