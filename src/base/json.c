/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/utf8.h"

static void
put_character(struct gp_buf *out, struct gp_slice *rest)
{
	const char *at = rest->ptr;
	size_t before = rest->len;
	uint32_t c = gp_utf8_take(rest);
	if (c == GP_UTF8_INVALID)
		gp_buf_put_str(out, "\\ufffd");
	else if (c < 0x20 || c == 0x7f)
		gp_buf_printf(out, "\\u%04x", c);
	else if (c == '"' || c == '\\')
		gp_buf_printf(out, "\\%c", (char)c);
	else
		gp_buf_put(out, gp_slice(at, before - rest->len));
}

static void
put_text(struct gp_buf *out, struct gp_slice text)
{
	gp_buf_put_char(out, '"');
	while (text.len > 0 && !out->failed)
		put_character(out, &text);
	gp_buf_put_char(out, '"');
}

static void
begin(struct gp_json *j, const char *name)
{
	if (j->comma)
		gp_buf_put_char(j->out, ',');
	j->comma = true;
	if (!name)
		return;
	put_text(j->out, gp_slice_str(name));
	gp_buf_put_char(j->out, ':');
}

void
gp_json_open(struct gp_json *j, const char *name, char kind)
{
	begin(j, name);
	gp_buf_put_char(j->out, kind);
	j->comma = false;
}

void
gp_json_close(struct gp_json *j, char kind)
{
	gp_buf_put_char(j->out, kind);
	j->comma = true;
}

void
gp_json_text(struct gp_json *j, const char *name, struct gp_slice text)
{
	begin(j, name);
	put_text(j->out, text);
}

void
gp_json_str(struct gp_json *j, const char *name, const char *text)
{
	if (text)
		gp_json_text(j, name, gp_slice_str(text));
	else
		gp_json_null(j, name);
}

void
gp_json_number(struct gp_json *j, const char *name, int64_t value)
{
	begin(j, name);
	gp_buf_printf(j->out, "%lld", (long long)value);
}

void
gp_json_bool(struct gp_json *j, const char *name, bool value)
{
	begin(j, name);
	gp_buf_put_str(j->out, value ? "true" : "false");
}

void
gp_json_null(struct gp_json *j, const char *name)
{
	begin(j, name);
	gp_buf_put_str(j->out, "null");
}
