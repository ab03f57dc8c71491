/* SPDX-License-Identifier: Apache-2.0 */
#include "core/report/clean.h"

#include "base/utf8.h"

static bool
is_name_octet(char c)
{
	return gp_ascii_is_alnum(c) || c == '.' || c == '-' || c == '_';
}

static void
put_json(struct gp_buf *out, struct gp_slice character)
{
	bool escaped = character.ptr[0] == '"' || character.ptr[0] == '\\';
	if (escaped)
		gp_buf_put_char(out, '\\');
	gp_buf_put(out, character);
}

/* U+FFFE and U+FFFF are no characters of XML 1.0 (section 2.2); ">" could be the end of "]]>". */
static void
put_xml(struct gp_buf *out, struct gp_slice character)
{
	bool outside = gp_slice_eq(character, GP_SLICE("\xef\xbf\xbe")) ||
		       gp_slice_eq(character, GP_SLICE("\xef\xbf\xbf"));
	if (character.ptr[0] == '&')
		gp_buf_put_str(out, "&amp;");
	else if (character.ptr[0] == '<')
		gp_buf_put_str(out, "&lt;");
	else if (character.ptr[0] == '>')
		gp_buf_put_str(out, "&gt;");
	else if (outside)
		gp_buf_put_char(out, '?');
	else
		gp_buf_put(out, character);
}

static void
put_character(struct gp_buf *out, struct gp_slice character, enum gp_report_clean form)
{
	bool printable = gp_utf8_printable(character);
	if (form == GP_REPORT_CLEAN_NAME)
		gp_buf_put_char(out, is_name_octet(character.ptr[0]) ? character.ptr[0] : '_');
	else if (!printable || (form == GP_REPORT_CLEAN_FIELD && character.len > 1))
		gp_buf_put_char(out, '?');
	else if (form == GP_REPORT_CLEAN_JSON)
		put_json(out, character);
	else if (form == GP_REPORT_CLEAN_XML)
		put_xml(out, character);
	else
		gp_buf_put(out, character);
}

void
gp_report_put_clean(struct gp_buf *out, struct gp_slice s, enum gp_report_clean form)
{
	size_t taken = 0, max = form == GP_REPORT_CLEAN_NAME ? (size_t)GP_REPORT_NAME_MAX
							     : (size_t)GP_REPORT_TEXT_MAX;
	while (s.len > 0) {
		size_t len = GP_MAX(gp_utf8_len(s), (size_t)1);
		taken += len;
		if (taken > max)
			return;
		put_character(out, gp_slice_take(s, len), form);
		s = gp_slice_drop(s, len);
	}
}
