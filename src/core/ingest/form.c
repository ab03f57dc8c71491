/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ingest/form.h"

#include "base/scan.h"

static const struct magic {
	struct gp_slice octets;
	uint8_t form;
} magics[] = {
	{GP_SLICE("\x1F\x8B"), GP_FORM_GZIP},
	{GP_SLICE("PK\x03\x04"), GP_FORM_ZIP}, /* a file */
	{GP_SLICE("PK\x05\x06"), GP_FORM_ZIP}, /* the end of a directory without one */
	{GP_SLICE("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), GP_FORM_OUTLOOK}, /* compound file */
	{GP_SLICE("\x78\x9F\x3E\x22"), GP_FORM_OUTLOOK},                 /* TNEF */
	{GP_SLICE("\xFF\xFE<\0"), GP_FORM_XML},                          /* UTF-16 */
	{GP_SLICE("\xFE\xFF\0<"), GP_FORM_XML},
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_tag_char(char c)
{
	return gp_ascii_is_alnum(c) || c == ':' || c == '-' || c == '_' || c == '.';
}

/* "<?xml", "<!--", or a root "feedback" under whatever prefix. Other tags are HTML's mostly, or
 * addresses: many texts begin with "<". */
static bool
is_xml(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	if (!gp_scan_char(&c, '<'))
		return false;
	if (gp_scan_char(&c, '?') ||
	    (gp_scan_char(&c, '!') && !gp_scan_word(&c, GP_SLICE("doctype html"))))
		return true;
	struct gp_slice name = gp_scan_while(&c, is_tag_char);
	return gp_slice_eq_nocase(gp_slice_drop(name, (size_t)(gp_slice_rfind(name, ':') + 1)),
				  GP_SLICE("feedback"));
}

/* What names of fields are made of; RFC 5322 section 3.6.8 allows more. */
static bool
is_name_char(char c)
{
	return gp_ascii_is_alnum(c) || c == '-' || c == '_';
}

static bool
is_mail(struct gp_slice s)
{
	struct gp_scan c = gp_scan(s);
	if (gp_slice_starts(s, GP_SLICE("From ")))
		return true;
	struct gp_slice name = gp_scan_while(&c, is_name_char);
	gp_scan_wsp(&c);
	return name.len > 0 && gp_scan_char(&c, ':');
}

enum gp_form
gp_form_of(struct gp_slice octets)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(magics); i++) {
		if (gp_slice_starts(octets, magics[i].octets))
			return magics[i].form;
	}
	struct gp_scan c = gp_scan(octets);
	gp_scan_word(&c, GP_SLICE("\xEF\xBB\xBF"));
	gp_scan_while(&c, is_blank);
	struct gp_slice s = gp_scan_rest(&c);
	if (s.len == 0)
		return GP_FORM_NONE;
	if (s.ptr[0] == '{')
		return GP_FORM_JSON;
	if (is_xml(s))
		return GP_FORM_XML;
	return is_mail(octets) ? GP_FORM_MAIL : GP_FORM_OTHER;
}
