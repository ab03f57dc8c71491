/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is mended, beside the same octets as they are: XML that expat reads by itself, and in which
 * nothing was noted as odd, must give expat the same elements and texts.
 */
#include <expat.h>

#include "core/ingest/markup.h"

enum { EVENTS_MAX = 8 << 20 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put_slice(struct gp_buf *out, const char *text)
{
	gp_buf_put_str(out, text);
	gp_buf_put_char(out, '\0');
}

static void XMLCALL
on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
	gp_buf_put_char(context, '<');
	put_slice(context, name);
	for (; *attributes; attributes++)
		put_slice(context, *attributes);
}

static void XMLCALL
on_end(void *context, const XML_Char *name)
{
	gp_buf_put_char(context, '/');
	put_slice(context, name);
}

static void XMLCALL
on_text(void *context, const XML_Char *text, int len)
{
	gp_buf_put(context, gp_slice(text, (size_t)len));
}

static XML_Parser
new_parser(struct gp_buf *events)
{
	XML_Parser parser = XML_ParserCreate("UTF-8");
	gp_assert(parser != NULL);
	XML_SetHashSalt(parser, 1);
	XML_SetUserData(parser, events);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	return parser;
}

static bool
read_raw(struct gp_slice xml, struct gp_buf *events)
{
	XML_Parser parser = new_parser(events);
	bool good = XML_Parse(parser, xml.ptr, (int)xml.len, XML_TRUE) == XML_STATUS_OK;
	XML_ParserFree(parser);
	return good;
}

/* 1: it was mended, or refused; 0: it was not, and expat reads it; -1: expat does not. */
static int
read_mended(struct gp_slice xml, size_t step, struct gp_buf *events)
{
	struct gp_markup m;
	struct gp_buf out = GP_BUF_INIT(GP_MARKUP_OUT_MAX);
	XML_Parser parser = new_parser(events);
	bool good = true;
	int r = 0;
	gp_markup_init(&m);
	for (; r == 0 && xml.len > 0; xml = gp_slice_drop(xml, step)) {
		gp_buf_clear(&out);
		r = gp_markup_feed(&m, gp_slice_take(xml, step), &out);
		gp_assert(r >= 0);
		struct gp_slice piece = gp_buf_slice(&out);
		good = good &&
		       XML_Parse(parser, piece.ptr, (int)piece.len, XML_FALSE) == XML_STATUS_OK;
	}
	bool odd = r != 0 || m.odd != 0 || m.octets.mended || m.octets.form > 1;
	good = good && XML_Parse(parser, "", 0, XML_TRUE) == XML_STATUS_OK;
	XML_ParserFree(parser);
	gp_markup_free(&m);
	gp_buf_free(&out);
	return odd ? 1 : good ? 0 : -1;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	struct gp_slice xml = gp_slice((const char *)data + 1, size - 1);
	struct gp_buf raw = GP_BUF_INIT(EVENTS_MAX), mended = GP_BUF_INIT(EVENTS_MAX);
	int r = read_mended(xml, 1 + data[0] * 8, &mended);
	if (r <= 0 && read_raw(xml, &raw)) {
		gp_assert(r == 0);
		gp_assert(gp_slice_eq(gp_buf_slice(&raw), gp_buf_slice(&mended)));
	}
	gp_buf_free(&raw);
	gp_buf_free(&mended);
	return 0;
}
