/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "base/buf.h"
#include "core/ingest/xml.h"

struct xml_case {
	struct gp_slice in;
	const char *out; /* "<a", texts, "/a" */
	enum gp_xml_result result;
	uint8_t odd;
	bool mended; /* octets */
};

#define S(lit) GP_SLICE(lit)

static const struct xml_case cases[] = {
	{S("<a>b</a>"), "<a>b</a>"},
	{S("<x:a>b<y:c/></x:a>"), "<a>b<c></c></a>"},
	{S("<?xml version=\"1.0\"?><a/>"), "<a></a>"},
	{S("\xEF\xBB\xBF\n <?xml version=\"1.0\"?>\n<a x='1>2' y = \"'\"/>"), "<a></a>"},
	{S("<a><!-- - -- <b> & --->c<?pi > ?>d</a>"), "<a>cd</a>"},
	{S("<a><![CDATA[x & <y> ]] ]]]></a>"), "<a>x & <y> ]] ]</a>"},
	{S("<![CDATA[x]]><a/>"), "<a></a>"},
	{S("<a>]]></a>"), "<a>]]></a>"},
	{S("<a> <b> </b> &amp; <c/> x </a>"), "<a><b></b> & <c></c> x </a>"},
	{S("<a ></a >"), "<a></a>"},
	{S("<\xC3\xA9-1_y/>"), "<\xC3\xA9-1_y></\xC3\xA9-1_y>"},
	/* what is no tag */
	{S("<a>x<y.net</a>"), "<a>x<y.net</a>", 0, GP_XML_BRACKETS},
	{S("<a><b@c.net></a>"), "<a><b@c.net></a>", 0, GP_XML_BRACKETS},
	{S("<a><c.net></c.net></a>"), "<a><c.net></c.net></a>", 0, GP_XML_BRACKETS},
	{S("<a><John Smith></a>"), "<a><John Smith></a>", 0, GP_XML_BRACKETS},
	{S("<a>1 < 2 <> <!- <b / > </a/></a>"), "<a>1 < 2 <> <!- <b / > </a/></a>", 0,
	 GP_XML_BRACKETS},
	/* references */
	{S("<a>&amp;&lt;&gt;&quot;&apos;&#38;&#x3c;&#x20ac;</a>"), "<a>&<>\"'&<\xE2\x82\xAC</a>"},
	{S("<a>a & b &c; &#x; &#; &#12345678; &&amp</a>"),
	 "<a>a & b &c; &#x; &#; &#12345678; &&amp</a>", 0, GP_XML_AMPERSANDS},
	/* before the first tag */
	{S("  \n<a/>"), "<a></a>"},
	{S("HTTP & so > on<a/>"), "<a></a>", 0, GP_XML_PREAMBLE},
	{S("1 < 2 <a/>"), "<a></a>", 0, GP_XML_PREAMBLE},
	{S("no XML at all"), "", 0, GP_XML_PREAMBLE},
	/* what ends it */
	{S("<!DOCTYPE a><a/>"), "", GP_XML_DOCTYPE},
	{S("<a>x<!ENTITY b \"c\"></a>"), "<a>x", GP_XML_DOCTYPE},
	{S("<a>b</c>"), "<a>b", GP_XML_MISMATCH},
	{S("<ab></a>"), "<ab>", GP_XML_MISMATCH},
	{S("<ab></abc>"), "<ab>", GP_XML_MISMATCH},
	{S("<ab></ab\n></ab>"), "<ab></ab>", GP_XML_MISMATCH},
	{S("<x:a></y:a>"), "<a>", GP_XML_MISMATCH},
	{S("<a/></a>"), "<a></a>", GP_XML_MISMATCH},
	{S("<a b='1' b='2'>"), "", GP_XML_ATTRIBUTE},
	{S("<a b=1>"), "", GP_XML_ATTRIBUTE},
	{S("<a b='1'c='2'>"), "", GP_XML_ATTRIBUTE},
	{S("<a ='1'>"), "", GP_XML_ATTRIBUTE},
	{S("<a b='1' c>"), "", GP_XML_ATTRIBUTE},
	{S("<a></a b='1'>"), "<a>", GP_XML_ATTRIBUTE},
	{S("<a>b\1</a>"), "<a>b", GP_XML_CONTROL},
	{S("<a>b\0</a>"), "<a>b", GP_XML_CONTROL},
	{S("<a>b&#1;</a>"), "<a>b", GP_XML_CONTROL},
	{S("<a>b&#xD800;</a>"), "<a>b", GP_XML_CONTROL},
	{S("<a>b&#x110000;</a>"), "<a>b", GP_XML_CONTROL},
	{S("<a>&#9999999;</a>"), "<a>", GP_XML_CONTROL},
	{S("<a>b<![CDATA[\1]]></a>"), "<a>b", GP_XML_CONTROL},
	/* octets */
	{S("<a>\x80\xFC\x81\xC0\xBC\xF4\x90</a>"),
	 "<a>\xE2\x82\xAC\xC3\xBC\xEF\xBF\xBD\xC3\x80\xC2\xBC\xC3\xB4\xEF\xBF\xBD</a>", 0, 0, true},
	{S("<a>\xE2\x82\xAC \xF0\x9F\x98\x80</a>"), "<a>\xE2\x82\xAC \xF0\x9F\x98\x80</a>"},
	{S("\xFF\xFE<\0a\0>\0=\xD8\0\xDE\xAC <\0/\0a\0>\0"), "<a>\xF0\x9F\x98\x80\xE2\x82\xAC</a>"},
	{S("\0<\0a\0>\xD8=\0x\0<\0/\0a\0>"), "<a>\xEF\xBF\xBDx</a>", 0, 0, true},
	/* what is not whole waits */
	{S("<a>x<"), "<a>x"},
	{S("<a>x&am"), "<a>x"},
	{S("<a>x<b c='"), "<a>x"},
	{S(""), ""},
};

/* The name of the element that has just ended, without its prefix. */
static struct gp_slice
ended(const struct gp_xml *x)
{
	struct gp_slice name = gp_slice(x->names + x->names_len, x->name_lens[x->depth]);
	return gp_slice_drop(name, (size_t)(gp_slice_rfind(name, ':') + 1));
}

/* Feeds a piece, and writes down what comes of it. */
static enum gp_xml_result
feed(struct gp_xml *x, struct gp_slice piece, struct gp_buf *out)
{
	struct gp_xml_event e;
	enum gp_xml_result r = gp_xml_next(x, &e);
	if (r != GP_XML_MORE)
		return r;
	assert_int_equal(gp_xml_feed(x, piece), 0);
	while ((r = gp_xml_next(x, &e)) == GP_XML_EVENT) {
		const char *const before[] = {"<", "</", ""}, *const after[] = {">", ">", ""};
		gp_buf_put_str(out, before[e.kind]);
		gp_buf_put(out, e.kind == GP_XML_END ? ended(x) : e.text);
		gp_buf_put_str(out, after[e.kind]);
	}
	return r;
}

/* Blanks between tags may be told where a piece ends in them. */
static void
drop_blanks(struct gp_buf *b)
{
	struct gp_buf kept = GP_BUF_INIT(1 << 16);
	struct gp_slice s = gp_buf_slice(b);
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != ' ')
			gp_buf_put_char(&kept, s.ptr[i]);
	}
	gp_buf_free(b);
	*b = kept;
}

static void
check(const struct xml_case *c, size_t step)
{
	struct gp_xml x;
	struct gp_buf out = GP_BUF_INIT(1 << 16), want = GP_BUF_INIT(1 << 16);
	enum gp_xml_result r = GP_XML_MORE;
	gp_xml_init(&x);
	for (size_t at = 0; at < c->in.len; at += step)
		r = feed(&x, gp_slice_take(gp_slice_drop(c->in, at), step), &out);
	gp_buf_put_str(&want, c->out);
	if (step < c->in.len) {
		drop_blanks(&out);
		drop_blanks(&want);
	}
	gp_buf_put_char(&want, '\0');
	assert_slice(gp_buf_slice(&out), gp_buf_slice(&want).ptr);
	assert_int_equal(r, c->result);
	assert_int_equal(x.odd, c->odd);
	assert_int_equal(x.octets.mended, c->mended);
	gp_xml_free(&x);
	gp_buf_free(&out);
	gp_buf_free(&want);
}

/* Whatever the pieces, the same comes out. */
static void
events(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		for (size_t step = 1; step < 5; step++)
			check(&cases[i], step);
		check(&cases[i], 1000);
	}
}

/* A tag up to the cap passes, a longer one does not, and nothing waits for its end. */
static void
long_tags(void **state)
{
	(void)state;
	for (size_t len = GP_XML_TAG_MAX - 1; len <= GP_XML_TAG_MAX + 1; len++) {
		struct gp_xml x;
		struct gp_buf in = GP_BUF_INIT(1 << 16), out = GP_BUF_INIT(1 << 16);
		gp_buf_put_str(&in, "<a b=\"");
		while (in.len < len - 2)
			gp_buf_put_char(&in, 'x');
		gp_buf_put_str(&in, "\">");
		gp_xml_init(&x);
		bool fits = len <= GP_XML_TAG_MAX;
		assert_int_equal(feed(&x, gp_buf_slice(&in), &out),
				 fits ? GP_XML_MORE : GP_XML_LONG);
		assert_slice(gp_buf_slice(&out), fits ? "<a>" : "");
		gp_xml_free(&x);

		gp_xml_init(&x);
		gp_buf_truncate(&in, in.len - 1);
		assert_int_equal(feed(&x, gp_buf_slice(&in), &out),
				 fits ? GP_XML_MORE : GP_XML_LONG);
		assert_int_equal(feed(&x, GP_SLICE("xx"), &out), GP_XML_LONG);
		gp_xml_free(&x);
		gp_buf_free(&in);
		gp_buf_free(&out);
	}
}

/* How many such tags, each in the one before, are read until it is too much. */
static size_t
nest(const char *tag, enum gp_xml_result want)
{
	struct gp_xml x;
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	size_t n = 0;
	enum gp_xml_result r;
	gp_xml_init(&x);
	while ((r = feed(&x, gp_slice_str(tag), &out)) == GP_XML_MORE && n < 100'000)
		n++;
	assert_int_equal(r, want);
	gp_xml_free(&x);
	gp_buf_free(&out);
	return n;
}

static void
deep(void **state)
{
	(void)state;
	char name[GP_XML_TAG_MAX] = "<";
	memset(name + 1, 'x', GP_XML_NAMES_MAX / 16 - 1);
	name[GP_XML_NAMES_MAX / 16] = '>';
	assert_int_equal(nest("<a>", GP_XML_DEEP), GP_XML_DEPTH_MAX);
	assert_int_equal(nest(name, GP_XML_DEEP), 16);
}

static void
many_attributes(void **state)
{
	(void)state;
	for (int n = GP_XML_ATTRIBUTES_MAX; n <= GP_XML_ATTRIBUTES_MAX + 1; n++) {
		struct gp_xml x;
		struct gp_buf in = GP_BUF_INIT(1 << 16), out = GP_BUF_INIT(1 << 16);
		gp_buf_put_str(&in, "<a");
		for (int i = 0; i < n; i++)
			gp_buf_printf(&in, " a%d='1'", i);
		gp_buf_put_str(&in, ">");
		gp_xml_init(&x);
		assert_int_equal(feed(&x, gp_buf_slice(&in), &out),
				 n <= GP_XML_ATTRIBUTES_MAX ? GP_XML_MORE : GP_XML_MANY);
		gp_xml_free(&x);
		gp_buf_free(&in);
		gp_buf_free(&out);
	}
}

/* Whatever is fed, there is room for it. */
static void
growth(void **state)
{
	(void)state;
	static char piece[GP_XML_PIECE_MAX];
	for (int octet = 1; octet < 256; octet++) {
		struct gp_xml x;
		struct gp_buf out = GP_BUF_INIT(1 << 20);
		gp_xml_init(&x);
		feed(&x, GP_SLICE("<a>"), &out);
		memset(piece, octet, sizeof(piece));
		for (int i = 0; i < 3; i++)
			feed(&x, gp_slice(piece, sizeof(piece)), &out);
		gp_xml_free(&x);
		gp_buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events), cmocka_unit_test(long_tags),
		cmocka_unit_test(deep),   cmocka_unit_test(many_attributes),
		cmocka_unit_test(growth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
