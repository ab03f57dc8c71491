/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same octets for expat and for our reader: where expat reads them, and nothing was mended,
 * both must tell of the same elements and texts.
 */
#include <expat.h>

#include "core/ingest/xml.h"

enum { EVENTS_MAX = 8 << 20 };

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was told: texts are kept back until the next tag, as those that are blank say nothing. */
struct record {
	struct gp_buf events, text;
	bool outside; /* there is text outside of all elements */
	size_t depth, roots;
};

#define RECORD_INIT                                                                \
	{                                                                          \
		.events = GP_BUF_INIT(EVENTS_MAX), .text = GP_BUF_INIT(EVENTS_MAX) \
	}

static bool
is_blank(struct gp_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != ' ' && s.ptr[i] != '\t' && s.ptr[i] != '\n')
			return false;
	}
	return true;
}

static void
put_tag(struct record *r, char mark, struct gp_slice name)
{
	struct gp_slice text = gp_buf_slice(&r->text);
	if (!is_blank(text)) {
		gp_buf_put(&r->events, text);
		r->outside |= r->depth == 0;
	}
	gp_buf_clear(&r->text);
	gp_buf_put_char(&r->events, mark);
	gp_buf_put(&r->events, gp_slice_drop(name, (size_t)(gp_slice_rfind(name, ':') + 1)));
	gp_buf_put_char(&r->events, '\0');
	r->roots += mark == '<' && r->depth == 0;
	r->depth += mark == '<' ? 1 : -1;
}

static void XMLCALL
on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
	(void)attributes;
	put_tag(context, '<', gp_slice_str(name));
}

static void XMLCALL
on_end(void *context, const XML_Char *name)
{
	(void)name;
	put_tag(context, '/', GP_SLICE(""));
}

static void XMLCALL
on_text(void *context, const XML_Char *text, int len)
{
	gp_buf_put(&((struct record *)context)->text, gp_slice(text, (size_t)len));
}

static bool
read_by_expat(struct gp_slice xml, struct record *ret)
{
	XML_Parser parser = XML_ParserCreate("UTF-8");
	gp_assert(parser != NULL);
	XML_SetHashSalt(parser, 1);
	XML_SetUserData(parser, ret);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	bool good = XML_Parse(parser, xml.ptr, (int)xml.len, XML_TRUE) == XML_STATUS_OK;
	XML_ParserFree(parser);
	return good;
}

static enum gp_xml_result
read_by_us(struct gp_xml *x, struct gp_slice xml, size_t step, struct record *ret)
{
	struct gp_xml_event e;
	enum gp_xml_result r = GP_XML_MORE;
	for (; r == GP_XML_MORE && xml.len > 0; xml = gp_slice_drop(xml, step)) {
		int rc = gp_xml_feed(x, gp_slice_take(xml, step));
		gp_assert(rc == 0);
		while ((r = gp_xml_next(x, &e)) == GP_XML_EVENT) {
			if (e.kind == GP_XML_TEXT)
				gp_buf_put(&ret->text, e.text);
			else
				put_tag(ret, e.kind == GP_XML_START ? '<' : '/', e.text);
		}
	}
	ret->outside |= !is_blank(gp_buf_slice(&ret->text)) && ret->depth == 0;
	return r;
}

/* expat makes one end of line of two octets. */
static bool
is_comparable(const struct gp_xml *x, struct gp_slice xml)
{
	return x->octets.form == 1 && gp_slice_find(xml, '\r') < 0;
}

static void
check(struct gp_slice xml, size_t step)
{
	struct record theirs = RECORD_INIT, ours = RECORD_INIT;
	struct gp_xml x;
	gp_xml_init(&x);
	enum gp_xml_result r = read_by_us(&x, xml, step, &ours);
	bool good = read_by_expat(xml, &theirs), odd = x.odd != 0 || x.octets.mended;
	bool capped =
		r == GP_XML_DOCTYPE || r == GP_XML_LONG || r == GP_XML_MANY || r == GP_XML_DEEP;
	if (good && !odd && !capped && is_comparable(&x, xml)) {
		gp_assert(r == GP_XML_MORE && ours.depth == 0 && ours.roots == 1 && !ours.outside);
		gp_assert(gp_slice_eq(gp_buf_slice(&theirs.events), gp_buf_slice(&ours.events)));
	}
	gp_xml_free(&x);
	gp_buf_free(&theirs.events);
	gp_buf_free(&theirs.text);
	gp_buf_free(&ours.events);
	gp_buf_free(&ours.text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		check(gp_slice((const char *)data + 1, size - 1), 1 + data[0] * 8);
	return 0;
}
