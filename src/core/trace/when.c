/* SPDX-License-Identifier: Apache-2.0 */
#include "core/trace/when.h"

#include "base/scan.h"

enum { WORDS_MAX = 12, ZONE_MIN_MAX = 14 * 60, YEAR_FIRST = 1970, YEAR_LAST = 9999 };

/* What was read so far; -1: not yet. */
struct parts {
	struct gp_scan scan;
	int day, month, year, hour, minute, second;
	bool zone, weekday;
	struct gp_slice comment; /* the last one: it may name the zone */
	struct gp_when when;
};

static bool
is_digit(char c)
{
	return gp_ascii_is_digit(c);
}

static bool
is_alpha(char c)
{
	return gp_ascii_is_alpha(c);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',';
}

/* A comment, brackets within it included; without an end it goes to the end of the text. */
static void
skip_comment(struct parts *p)
{
	size_t from = p->scan.at, depth = 0;
	do {
		int c = gp_scan_peek(&p->scan);
		depth += c == '(';
		depth -= c == ')';
		p->scan.at++;
	} while (depth > 0 && !gp_scan_end(&p->scan));
	p->comment = gp_scan_since(&p->scan, from);
}

static void
skip_space(struct parts *p)
{
	for (;;) {
		gp_scan_while(&p->scan, is_space);
		if (gp_scan_peek(&p->scan) != '(')
			return;
		skip_comment(p);
	}
}

static int
to_int(struct gp_slice digits)
{
	uint64_t n = 0;
	return gp_slice_u64(digits, 99999, &n) ? (int)n : -1;
}

/* --- zones --- */

/* RFC 5322 section 4.3 has the first ten; the others are what people write. */
static const struct {
	struct gp_slice name;
	int16_t min;
} zones[] = {
	{GP_SLICE("UT"), 0},      {GP_SLICE("GMT"), 0},     {GP_SLICE("EST"), -300},
	{GP_SLICE("EDT"), -240},  {GP_SLICE("CST"), -360},  {GP_SLICE("CDT"), -300},
	{GP_SLICE("MST"), -420},  {GP_SLICE("MDT"), -360},  {GP_SLICE("PST"), -480},
	{GP_SLICE("PDT"), -420},  {GP_SLICE("Z"), 0},       {GP_SLICE("UTC"), 0},
	{GP_SLICE("WET"), 0},     {GP_SLICE("WEST"), 60},   {GP_SLICE("BST"), 60},
	{GP_SLICE("CET"), 60},    {GP_SLICE("MET"), 60},    {GP_SLICE("CEST"), 120},
	{GP_SLICE("MEST"), 120},  {GP_SLICE("MESZ"), 120},  {GP_SLICE("MEZ"), 60},
	{GP_SLICE("EET"), 120},   {GP_SLICE("EEST"), 180},  {GP_SLICE("MSK"), 180},
	{GP_SLICE("JST"), 540},   {GP_SLICE("KST"), 540},   {GP_SLICE("AEST"), 600},
	{GP_SLICE("AEDT"), 660},  {GP_SLICE("NZST"), 720},  {GP_SLICE("NZDT"), 780},
	{GP_SLICE("AKST"), -540}, {GP_SLICE("AKDT"), -480}, {GP_SLICE("HST"), -600},
};

static bool
find_zone(struct gp_slice name, int16_t *ret_min)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(zones); i++) {
		if (gp_slice_eq_nocase(zones[i].name, name)) {
			*ret_min = zones[i].min;
			return true;
		}
	}
	return false;
}

static void
set_zone(struct parts *p, int min)
{
	if (p->zone) /* "+0000 UTC": the first one counts */
		return;
	p->zone = true;
	if (min < -ZONE_MIN_MAX || min > ZONE_MIN_MAX)
		p->when.odd |= GP_WHEN_ODD_ZONE;
	else
		p->when.zone_min = (int16_t)min;
}

/* "+0100", "-08:00", "+01" */
static bool
take_offset(struct parts *p)
{
	bool west = gp_scan_peek(&p->scan) == '-';
	p->scan.at++;
	struct gp_slice hours = gp_scan_while(&p->scan, is_digit), minutes = GP_SLICE("0");
	if (hours.len == 4) {
		minutes = gp_slice_drop(hours, 2);
		hours = gp_slice_take(hours, 2);
	} else if (hours.len == 2 && gp_scan_char(&p->scan, ':')) {
		minutes = gp_scan_while(&p->scan, is_digit);
	}
	int h = to_int(hours), m = to_int(minutes);
	if (hours.len != 2 || h < 0 || m < 0)
		return false;
	set_zone(p, west ? -(h * 60 + m) : h * 60 + m);
	return true;
}

/* Letters behind the time: a name, or one that nobody knows. */
static bool
take_zone_name(struct parts *p, struct gp_slice word)
{
	int16_t min;
	if (find_zone(word, &min)) {
		set_zone(p, min);
		return true;
	}
	/* The military letters were once defined with the wrong sign, so they say nothing. */
	if (p->zone || word.len > 5 || (word.len != 1 && word.len < 3))
		return false;
	p->zone = true;
	p->when.odd |= GP_WHEN_ODD_ZONE;
	return true;
}

/* --- words --- */

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days[] = "SunMonTueWedThuFriSat";

/* The place of a name among names of three letters, or -1; longer spellings begin with them. */
static int
find_name(const char *names, size_t len, struct gp_slice word)
{
	if (word.len < 3)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (gp_slice_eq_nocase(gp_slice(names + 3 * i, 3), gp_slice_take(word, 3)))
			return (int)i;
	}
	return -1;
}

static bool
take_letters(struct parts *p)
{
	size_t from = p->scan.at;
	struct gp_slice word = gp_scan_while(&p->scan, is_alpha);
	int month = find_name(months, 12, word);
	bool good = true;
	(void)gp_scan_char(&p->scan, '.');
	if (month >= 0 && p->month < 0) {
		p->month = month;
		if (p->day < 0)
			p->when.odd |= GP_WHEN_OTHER_FORM;
	} else if (p->hour >= 0) {
		good = take_zone_name(p, word);
	} else {
		good = !p->weekday && p->day < 0 && p->month < 0 && find_name(days, 7, word) >= 0;
		p->weekday = good;
	}
	if (!good)
		p->scan.at = from;
	return good;
}

/* Behind "12:": minutes, and perhaps seconds with a fraction. */
static bool
take_time(struct parts *p, struct gp_slice hours)
{
	p->hour = to_int(hours);
	p->minute = to_int(gp_scan_while(&p->scan, is_digit));
	p->second = 0;
	if (gp_scan_char(&p->scan, ':'))
		p->second = to_int(gp_scan_while(&p->scan, is_digit));
	else
		p->when.odd |= GP_WHEN_NO_SECONDS;
	if (gp_scan_char(&p->scan, '.'))
		gp_scan_while(&p->scan, is_digit);
	return p->minute >= 0 && p->second >= 0;
}

/* RFC 5322 section 4.3 */
static void
set_year(struct parts *p, struct gp_slice digits)
{
	p->year = to_int(digits);
	if (digits.len > 3)
		return;
	p->when.odd |= GP_WHEN_SHORT_YEAR;
	p->year += digits.len == 2 && p->year < 50 ? 2000 : 1900;
}

static bool
take_number(struct parts *p)
{
	struct gp_slice digits = gp_scan_while(&p->scan, is_digit);
	if (p->hour < 0 && digits.len <= 2 && gp_scan_char(&p->scan, ':'))
		return take_time(p, digits);
	if (p->day < 0 && digits.len <= 2)
		p->day = to_int(digits);
	else if (p->year < 0 && p->month >= 0 && digits.len >= 2 && digits.len <= 5)
		set_year(p, digits);
	else
		return false;
	return true;
}

/* "m=+0.123456789" and what Go puts behind it. */
static bool
take_go(struct parts *p)
{
	if (p->hour < 0 || !gp_scan_word(&p->scan, GP_SLICE("m=")))
		return false;
	while (!gp_scan_end(&p->scan) && !is_space((char)gp_scan_peek(&p->scan)))
		p->scan.at++;
	p->when.odd |= GP_WHEN_GO;
	return true;
}

/* One more word that belongs to a time; false: none is next. */
static bool
take_word(struct parts *p)
{
	int c = gp_scan_peek(&p->scan);
	if (c < 0)
		return false;
	if (is_digit((char)c))
		return take_number(p);
	if ((c == '+' || c == '-') && p->hour >= 0)
		return take_offset(p);
	if (c == '-' && p->day >= 0) /* 14-Nov-2003 */
		return gp_scan_char(&p->scan, '-');
	return take_go(p) || (c < 128 && is_alpha((char)c) && take_letters(p));
}

/* RFC 3339: "2026-11-22T02:46:47Z", with a space for the T too. */
static bool
take_stamp(struct parts *p)
{
	struct gp_scan *c = &p->scan;
	size_t from = c->at;
	struct gp_slice year = gp_scan_while(c, is_digit);
	if (year.len != 4 || !gp_scan_char(c, '-')) {
		c->at = from;
		return false;
	}
	p->year = to_int(year);
	p->month = to_int(gp_scan_while(c, is_digit)) - 1;
	(void)gp_scan_char(c, '-');
	p->day = to_int(gp_scan_while(c, is_digit));
	if (!gp_scan_word(c, GP_SLICE("T")))
		gp_scan_wsp(c);
	p->when.odd |= GP_WHEN_OTHER_FORM;
	return true;
}

/* --- the sum --- */

static int
month_days(int year, int month)
{
	static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return lengths[month] + (month == 1 && leap ? 1 : 0);
}

static bool
parts_exist(const struct parts *p)
{
	return p->year >= YEAR_FIRST && p->year <= YEAR_LAST && p->month >= 0 && p->month < 12 &&
	       p->day >= 1 && p->day <= month_days(p->year, p->month) && p->hour >= 0 &&
	       p->hour < 24 && p->minute >= 0 && p->minute < 60 && p->second >= 0 &&
	       p->second <= 60;
}

static int64_t
to_epoch(const struct parts *p)
{
	int64_t before = p->year - 1; /* whole years since the year 1 */
	int64_t day = before * 365 + before / 4 - before / 100 + before / 400;
	for (int month = 0; month < p->month; month++)
		day += month_days(p->year, month);
	day += p->day - 1;
	day -= 719162; /* 1 January 1970 */
	return day * 86400 + p->hour * 3600 + p->minute * 60 + p->second - p->when.zone_min * 60;
}

struct gp_when
gp_when_parse(struct gp_slice s)
{
	struct parts p = {.scan = gp_scan(s),
			  .day = -1,
			  .month = -1,
			  .year = -1,
			  .hour = -1,
			  .minute = -1,
			  .second = -1};
	skip_space(&p);
	bool more = take_stamp(&p) || take_word(&p);
	for (size_t words = 1; more && words < WORDS_MAX; words++) {
		p.when.len = p.scan.at;
		skip_space(&p);
		more = take_word(&p);
	}
	if (p.comment.len > 0 && !p.zone && p.hour >= 0 &&
	    find_zone(gp_slice_take(gp_slice_drop(p.comment, 1), p.comment.len - 2),
		      &p.when.zone_min))
		p.zone = true;
	if (!p.zone)
		p.when.odd |= GP_WHEN_NO_ZONE;
	p.when.known = parts_exist(&p);
	if (p.when.known)
		p.when.epoch_s = to_epoch(&p);
	return p.when;
}
