/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dmarc/record.h"

#include <errno.h>

#include "base/scan.h"
#include "core/smtp/uri.h"
#include "core/taglist/taglist.h"

/* A record while it is read. */
struct reading {
	struct gp_dmarc_record *record;
	struct gp_arena *arena;
	unsigned seen; /* bit of each known tag that stood there */
	bool broken;   /* a policy that is malformed */
};

static struct gp_scan
scan_version(struct gp_slice text)
{
	struct gp_scan c = gp_scan(text);
	struct gp_slice version = GP_SLICE("DMARC1");
	bool good = gp_scan_word(&c, GP_SLICE("v"));
	gp_scan_wsp(&c);
	good = good && gp_scan_char(&c, '=');
	gp_scan_wsp(&c);
	good = good && gp_slice_starts(gp_scan_rest(&c), version);
	if (!good) {
		(void)gp_scan_fail(&c);
		return c;
	}
	c.at += version.len;
	gp_scan_wsp(&c);
	if (!gp_scan_end(&c) && !gp_scan_char(&c, ';'))
		(void)gp_scan_fail(&c);
	return c;
}

bool
gp_dmarc_is_record(struct gp_slice text)
{
	return !scan_version(text).failed;
}

/* The place of the value in a list of words, or -1. */
static int
find_word(struct gp_slice value, const char *const *words, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (gp_slice_eq_nocase(value, gp_slice_str(words[i])))
			return (int)i;
	}
	return -1;
}

/* --- each kind of value; 1: malformed --- */

static const char *const policies[] = {
	[GP_DMARC_P_NONE] = "none",
	[GP_DMARC_P_QUARANTINE] = "quarantine",
	[GP_DMARC_P_REJECT] = "reject",
};

static int
read_policy(struct reading *r, struct gp_slice value, uint8_t *ret)
{
	int at = find_word(value, policies + 1, GP_ARRAY_LEN(policies) - 1);
	if (at < 0) {
		r->broken = true;
		return 1;
	}
	*ret = (uint8_t)(at + 1);
	return 0;
}

static int
read_flag(struct gp_slice value, const char *no, const char *yes, bool *ret)
{
	const char *words[] = {no, yes};
	int at = find_word(value, words, 2);
	if (at >= 0)
		*ret = at == 1;
	return at < 0;
}

static int
read_psd(struct gp_slice value, uint8_t *ret)
{
	static const char *const words[] = {"u", "y", "n"};
	int at = find_word(value, words, GP_ARRAY_LEN(words));
	if (at >= 0)
		*ret = (uint8_t)at;
	return at < 0;
}

/* Each letter once, and "0" beside "1" contradicts itself. */
static int
read_fo(struct gp_slice value, uint8_t *ret)
{
	static const char *const words[] = {"0", "1", "d", "s"};
	struct gp_slice item;
	unsigned fo = 0;
	while (gp_taglist_item(&value, ':', &item)) {
		int at = find_word(item, words, GP_ARRAY_LEN(words));
		if (at < 0 || (fo & 1U << at) != 0)
			return 1;
		fo |= 1U << at;
	}
	if ((fo & GP_DMARC_FO_ALL) != 0 && (fo & GP_DMARC_FO_ANY) != 0)
		return 1;
	*ret = (uint8_t)fo;
	return 0;
}

/* The size that RFC 7489 section 6.2 let stand behind a URI: digits and perhaps a unit. */
static bool
is_size(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	gp_scan_wsp(&c);
	bool good = gp_scan_while(&c, gp_ascii_is_digit).len > 0;
	gp_scan_wsp(&c);
	(void)(gp_scan_word(&c, GP_SLICE("k")) || gp_scan_word(&c, GP_SLICE("m")) ||
	       gp_scan_word(&c, GP_SLICE("g")) || gp_scan_word(&c, GP_SLICE("t")));
	return good && gp_scan_end(&c);
}

static int
read_uri(struct gp_slice text, struct gp_arena *arena, struct gp_dmarc_uri *ret)
{
	struct gp_slice scheme, rest;
	struct gp_address address = {};
	struct gp_slice uri = gp_slice_trim(gp_slice_cut(&text, '!'));
	int rc = 0;
	if ((text.ptr && !is_size(text)) || !gp_uri_split(uri, &scheme, &rest))
		return 1;
	if (gp_slice_eq_nocase(scheme, GP_SLICE("mailto")))
		rc = gp_uri_mailto(rest, arena, &address);
	*ret = (struct gp_dmarc_uri){uri, address.text, address.domain};
	return rc;
}

/* What is empty, between two separators, is none. */
static void
note_flaw(struct gp_dmarc_record *record, struct gp_slice flaw)
{
	if (flaw.len > 0 && record->flaws_len < GP_DMARC_FLAWS_MAX)
		record->flaws[record->flaws_len++] = flaw;
}

/* Malformed ones go, the others stay. */
static int
read_uris(struct reading *r, struct gp_slice value, struct gp_dmarc_uris *ret)
{
	struct gp_slice item;
	while (gp_taglist_item(&value, ',', &item)) {
		struct gp_dmarc_uri uri;
		int rc = read_uri(item, r->arena, &uri);
		if (rc < 0)
			return rc;
		if (rc > 0)
			note_flaw(r->record, item);
		else if (ret->len < GP_DMARC_URIS_MAX)
			ret->list[ret->len++] = uri;
	}
	return 0;
}

/* --- tags --- */

enum tag { P, SP, NP, ADKIM, ASPF, PSD, T, FO, RUA, RUF };

static const char *const tags[] = {
	[P] = "p",     [SP] = "sp", [NP] = "np", [ADKIM] = "adkim", [ASPF] = "aspf",
	[PSD] = "psd", [T] = "t",   [FO] = "fo", [RUA] = "rua",     [RUF] = "ruf",
};

static int
read_value(struct reading *r, enum tag tag, struct gp_slice value)
{
	struct gp_dmarc_record *record = r->record;
	switch (tag) {
	case P:
		return read_policy(r, value, &record->p);
	case SP:
		return read_policy(r, value, &record->sp);
	case NP:
		return read_policy(r, value, &record->np);
	case ADKIM:
		return read_flag(value, "r", "s", &record->adkim_strict);
	case ASPF:
		return read_flag(value, "r", "s", &record->aspf_strict);
	case PSD:
		return read_psd(value, &record->psd);
	case T:
		return read_flag(value, "n", "y", &record->testing);
	case FO:
		return read_fo(value, &record->fo);
	case RUA:
		return read_uris(r, value, &record->rua);
	case RUF:
		return read_uris(r, value, &record->ruf);
	}
	gp_unreachable("every tag is read");
}

/* 1: passed over, and worth telling. */
static int
read_tag(struct reading *r, const struct gp_tag *tag)
{
	int at = find_word(tag->name, tags, GP_ARRAY_LEN(tags));
	if (at < 0)
		return 0;
	if ((r->seen & 1U << at) != 0)
		return 1;
	r->seen |= 1U << at;
	return read_value(r, (enum tag)at, tag->value);
}

/* Takes one tag off *rest. 0, -ENOMEM, or 1 when there are no more. */
static int
read_part(struct reading *r, struct gp_slice *rest)
{
	struct gp_slice ahead = *rest;
	struct gp_slice part = gp_slice_trim(gp_slice_cut(&ahead, ';'));
	struct gp_tag tag;
	int rc = gp_taglist_next(rest, &tag);
	if (rc > 0)
		return 1;
	bool flaw = rc < 0;
	if (rc == 0) {
		rc = read_tag(r, &tag);
		flaw = rc > 0;
	}
	if (flaw)
		note_flaw(r->record, part);
	return flaw ? 0 : rc;
}

static int
read_tags(struct reading *r, struct gp_slice rest)
{
	int rc;
	do
		rc = read_part(r, &rest);
	while (rc == 0);
	return GP_MIN(rc, 0);
}

/* Section 4.10.1: what is to be done without a policy that can be read. */
static void
settle_policy(struct reading *r)
{
	struct gp_dmarc_record *record = r->record;
	bool usable = record->p != GP_DMARC_P_ABSENT && !r->broken;
	record->applies = usable || record->rua.len > 0;
	record->monitors = !usable && record->applies;
	if (record->monitors) {
		record->p = GP_DMARC_P_NONE;
		record->sp = record->np = GP_DMARC_P_ABSENT;
	}
}

int
gp_dmarc_record_parse(struct gp_slice text, struct gp_arena *arena, struct gp_dmarc_record *ret)
{
	struct gp_scan c = scan_version(text);
	struct reading r = {.record = ret, .arena = arena};
	*ret = (struct gp_dmarc_record){.text = text, .fo = GP_DMARC_FO_ALL};
	if (c.failed)
		return 1;
	int rc = read_tags(&r, gp_scan_rest(&c));
	if (rc == 0)
		settle_policy(&r);
	return rc;
}

const char *
gp_dmarc_policy_name(uint8_t policy)
{
	gp_assert(policy < GP_ARRAY_LEN(policies));
	return policies[policy];
}
