/* SPDX-License-Identifier: Apache-2.0 */
#include "../unit.h"

#include "core/ingest/markup.h"

struct mend_case {
	struct gp_slice in;
	const char *out;
	int result;
	uint8_t odd;
	bool mended; /* octets */
};

#define S(lit) GP_SLICE(lit)

static const struct mend_case cases[] = {
	{S("<a>b</a>"), "<a>b</a>"},
	{S("<?xml version=\"1.0\"?><a/>"), "<a/>"},
	{S("\xEF\xBB\xBF\n <?xml version=\"1.0\"?>\n<a x='1>2'/>"), "<a x='1>2'/>"},
	{S("<a><!-- - -- <b> & --->c<?pi > ?>d</a>"), "<a>cd</a>"},
	{S("<a><![CDATA[x & <y> ]] ]]]></a>"), "<a>x &amp; &lt;y&gt; ]] ]</a>"},
	{S("<![CDATA[x]]><a/>"), "<a/>"},
	{S("<a>]]></a>"), "<a>]]&gt;</a>"},
	/* what is no tag */
	{S("<a>x<y.net</a>"), "<a>x&lt;y.net</a>", 0, GP_MARKUP_BRACKETS},
	{S("<a><b@c.net></a>"), "<a>&lt;b@c.net&gt;</a>", 0, GP_MARKUP_BRACKETS},
	{S("<a><c.net></c.net></a>"), "<a>&lt;c.net&gt;&lt;/c.net&gt;</a>", 0, GP_MARKUP_BRACKETS},
	{S("<a><John Smith></a>"), "<a>&lt;John Smith&gt;</a>", 0, GP_MARKUP_BRACKETS},
	{S("<a>1 < 2 <> <!- </a>"), "<a>1 &lt; 2 &lt;&gt; &lt;!- </a>", 0, GP_MARKUP_BRACKETS},
	{S("<a b = '>' c=\">'\">d</a>"), "<a b = '>' c=\">'\">d</a>"},
	{S("<a ></a ><b / >"), "<a ></a ><b / >"},
	{S("<\xC3\xA9:x-1_y>"), "<\xC3\xA9:x-1_y>"},
	/* references */
	{S("<a>&amp;&lt;&gt;&quot;&apos;&#38;&#x3c;</a>"),
	 "<a>&amp;&lt;&gt;&quot;&apos;&#38;&#x3c;</a>"},
	{S("<a>a & b &c; &#x; &#; &#12345678901; &&amp</a>"),
	 "<a>a &amp; b &amp;c; &amp;#x; &amp;#; &amp;#12345678901; &amp;&amp;amp</a>", 0,
	 GP_MARKUP_AMPERSANDS},
	/* before the first tag */
	{S("  \n<a/>"), "<a/>"},
	{S("HTTP & so > on<a/>"), "<a/>", 0, GP_MARKUP_PREAMBLE},
	{S("no XML at all"), "", 0, GP_MARKUP_PREAMBLE},
	/* refused at once */
	{S("<!DOCTYPE a><a/>"), "", GP_MARKUP_DOCTYPE},
	{S("<a>x<!ENTITY b \"c\"></a>"), "<a>x", GP_MARKUP_DOCTYPE},
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

static void
feed(const struct mend_case *c, size_t step)
{
	struct gp_markup m;
	struct gp_buf out = GP_BUF_INIT(1 << 20);
	int r = 0;
	gp_markup_init(&m);
	for (size_t at = 0; r == 0 && at < c->in.len; at += step)
		r = gp_markup_feed(&m, gp_slice_take(gp_slice_drop(c->in, at), step), &out);
	assert_slice(gp_buf_slice(&out), c->out);
	assert_int_equal(r, c->result);
	assert_int_equal(m.odd, c->odd);
	assert_int_equal(m.octets.mended, c->mended);
	gp_markup_free(&m);
	gp_buf_free(&out);
}

/* Whatever the pieces, the same comes out. */
static void
mends(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		for (size_t step = 1; step < 5; step++)
			feed(&cases[i], step);
		feed(&cases[i], 1000);
	}
}

/* A tag up to the cap passes, a longer one does not, and nothing waits for its end. */
static void
long_tags(void **state)
{
	(void)state;
	for (size_t len = GP_MARKUP_TAG_MAX - 1; len <= GP_MARKUP_TAG_MAX + 1; len++) {
		struct gp_markup m;
		struct gp_buf in = GP_BUF_INIT(1 << 16), out = GP_BUF_INIT(1 << 16);
		gp_markup_init(&m);
		gp_buf_put_str(&in, "<a b=\"");
		while (in.len < len - 2)
			gp_buf_put_char(&in, 'x');
		gp_buf_put_str(&in, "\">");
		bool fits = len <= GP_MARKUP_TAG_MAX;
		assert_int_equal(gp_markup_feed(&m, gp_buf_slice(&in), &out),
				 fits ? GP_MARKUP_OK : GP_MARKUP_LONG);
		assert_int_equal(out.len, fits ? len : 0);
		gp_markup_free(&m);

		gp_markup_init(&m);
		gp_buf_truncate(&in, in.len - 1);
		assert_int_equal(gp_markup_feed(&m, gp_buf_slice(&in), &out), 0);
		assert_int_equal(gp_markup_feed(&m, GP_SLICE("xx"), &out),
				 len < GP_MARKUP_TAG_MAX ? GP_MARKUP_OK : GP_MARKUP_LONG);
		gp_markup_free(&m);
		gp_buf_free(&in);
		gp_buf_free(&out);
	}
}

/* The cap on what comes out holds for the worst that a piece can hold. */
static void
growth(void **state)
{
	(void)state;
	static char piece[GP_MARKUP_PIECE_MAX];
	struct gp_markup m;
	struct gp_buf out = GP_BUF_INIT(GP_MARKUP_OUT_MAX);
	for (int octet = 1; octet < 256; octet++) {
		gp_markup_init(&m);
		assert_int_equal(gp_markup_feed(&m, GP_SLICE("<a>"), &out), 0);
		memset(piece, octet, sizeof(piece));
		for (int i = 0; i < 3; i++) {
			gp_buf_clear(&out);
			int r = gp_markup_feed(&m, gp_slice(piece, sizeof(piece)), &out);
			assert_true(r == 0);
		}
		gp_markup_free(&m);
	}
	gp_buf_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mends),
		cmocka_unit_test(long_tags),
		cmocka_unit_test(growth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
