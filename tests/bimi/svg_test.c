/* SPDX-License-Identifier: Apache-2.0 */
/* Logos, good ones and those with one fault each; and XML that is none. */
#include "../unit.h"

#include "base/buf.h"
#include "core/bimi/svg.h"
#include "core/bimi/xml.h"

#define SPACE "xmlns=\"http://www.w3.org/2000/svg\" "
#define SVG SPACE "version=\"1.2\" baseProfile=\"tiny-ps\" viewBox=\"0 0 64 64\""
#define LOGO(inside) "<svg " SVG "><title>A test</title>" inside "</svg>"
#define ROOT(attributes) "<svg " attributes "><title>A test</title></svg>"

/* What is told, with " | " between; "": nothing. */
static const struct {
	const char *file, *faults;
} files[] = {
	{LOGO("<circle cx=\"32\" cy=\"32\" r=\"30\" fill=\"#c00\"/>"), ""},
	{"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- made by hand -->\n" LOGO(
		 "") "\n",
	 ""},
	{LOGO("<defs><linearGradient id=\"g\"/></defs><use xlink:href=\"#g\"/>"
	      "<path style=\"fill:url( '#g' )\" d=\"M0 0\"/><style>.a{fill:url(#g)}</style>"),
	 ""},
	{"<svg " SVG "><desc>x</desc><title><![CDATA[A & B]]></title></svg>", ""},
	{ROOT(SPACE "version='1.2' baseProfile='tiny-ps' viewBox='-10.5,-10.5 300.00,300'"), ""},

	/* the outermost element */
	{"<html><title>x</title></html>", "its outermost element is html, not svg"},
	{ROOT("version='1.2' baseProfile='tiny-ps' viewBox='0 0 1 1'"), "xmlns is not that of SVG"},
	{ROOT(SPACE "baseProfile='tiny-ps' viewBox='0 0 1 1'"), "version is \"\", not \"1.2\""},
	{ROOT(SPACE "version='1.2' baseProfile='tiny' viewBox='0 0 1 1'"),
	 "baseProfile is \"tiny\", not \"tiny-ps\""},
	{ROOT(SVG " x='1'"), "the outermost element has x or y"},
	{ROOT(SPACE "version='1.2' baseProfile='tiny-ps' viewBox='0 0 300 150'"),
	 "viewBox \"0 0 300 150\" is no square"},
	{ROOT(SPACE "version='1.2' baseProfile='tiny-ps' viewBox='0 0 1e2 1e2'"),
	 "viewBox \"0 0 1e2 1e2\" is no square"},
	{ROOT(SPACE "version='1.2' baseProfile='tiny-ps' viewBox='0 0 0 0'"),
	 "viewBox \"0 0 0 0\" is no square"},
	{ROOT(SPACE "version='1.2' baseProfile='tiny-ps'"), "viewBox \"\" is no square"},
	{"<svg " SVG "></svg>", "it has no title"},
	{"<svg " SVG "><title> \n</title></svg>", "it has no title"},
	{"<svg " SVG "><g><title>x</title></g></svg>", "it has no title"},

	/* what runs, moves or fetches */
	{LOGO("<script>x</script><script/>"), "it has an element script"},
	{LOGO("<s:Script xmlns:s='x'/>"), "it has an element s:Script"},
	{LOGO("<g onload='x()'/>"), "it has an attribute onload"},
	{LOGO("<animate attributeName='x'/><set/>"), "it has an element animate"},
	{LOGO("<image/><foreignObject/>"), "it has an element image"},
	{LOGO("<a xlink:href='https://a.test/'/>"),
	 "it has an element a | xlink:href=\"https://a.test/\" leads outside of the file"},
	{LOGO("<use href='data:image/png;base64,AA'/>"),
	 "href=\"data:image/png;base64,AA\" leads outside of the file"},
	{LOGO("<g style='fill:URL(https://a.test/)'/>"),
	 "style=\"fill:URL(https://a.test/)\" leads outside of the file"},
	{LOGO("<g fill='u&#114;l(https://a.test/)'/>"),
	 "fill=\"u&#114;l(https://a.test/)\" leads outside of the file"},
	{LOGO("<style>@import 'https://a.test/'</style>"), "its style leads outside of the file"},
	{LOGO("<style><g/>@import 'https://a.test/'</style>"),
	 "its style leads outside of the file"},
	{LOGO("<style>a{fill:\\75rl(x)}</style>"), "its style leads outside of the file"},
	/* who shows it reads the pieces as one text */
	{LOGO("<style>a{fill:u<!-- -->rl(https://a.test/)}</style>"),
	 "its style is in pieces, which may hide where it leads"},
	{LOGO("<style>a{fill:u<?x?><![CDATA[rl(https://a.test/)}]]></style>"),
	 "its style is in pieces, which may hide where it leads"},
	{LOGO("<style>\n<![CDATA[a{fill:url(#g)}]]>\n</style><style>b{}</style>"), ""},

	/* no XML, or XML that nobody should read */
	{"", "it is no well-formed XML"},
	{"\x89PNG\r\n", "it is no UTF-8, or has control characters"},
	{"<svg " SVG "><title>x</title>", "it is no well-formed XML"},
	{"<!DOCTYPE svg [<!ENTITY a 'b'>]>" LOGO(""), "it declares a document type"},
	{LOGO("&a;"), "it is no well-formed XML"},
	{LOGO("") "<svg/>", "it is no well-formed XML"},
	{"<?xml version='1.0' encoding='UTF-16'?>" LOGO(""), "its encoding is not UTF-8"},
	{"<a a='1' a='2'/>", "it is no well-formed XML"},
	/* more is wrong than one thing: each is told */
	{"<svg><script/><g onclick='x'/><set/>",
	 "xmlns is not that of SVG | version is \"\", not \"1.2\" | baseProfile is \"\", not "
	 "\"tiny-ps\" | viewBox \"\" is no square | it has an element script | it has an element "
	 "set | it is no well-formed XML"},
};

static struct gp_slice
faults_of(struct gp_slice file, struct gp_arena *arena)
{
	struct gp_bimi_svg svg;
	struct gp_slice text = gp_slice("", 0);
	gp_bimi_svg_check(file, arena, &svg);
	for (size_t i = 0; i < svg.len; i++)
		text = gp_arena_printf(arena, "%.*s%s%.*s", GP_SLICE_FMT(text), i > 0 ? " | " : "",
				       GP_SLICE_FMT(svg.faults[i]));
	return text;
}

static void
faults_are_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(files); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		assert_slice(faults_of(gp_slice_str(files[i].file), &arena), files[i].faults);
		gp_arena_free(&arena);
	}
}

/* More octets, elements in each other, and attributes than are taken. */
static void
limits_are_told(void **state)
{
	static const struct {
		const char *head, *middle, *tail;
		size_t times;
		const char *faults;
		bool numbered;
	} cases[] = {
		{"<svg " SVG "><title>x</title>", " ", "</svg>", GP_BIMI_SVG_MAX,
		 "it has 32886 octets, and 32768 are taken"},
		{"<svg " SVG "><title>x</title>", "<g>", "", GP_BIMI_XML_DEPTH_MAX,
		 "its elements stand too deep in each other"},
		{"<svg " SVG "><title>x</title><g", " a", "/></svg>",
		 GP_BIMI_XML_ATTRIBUTES_MAX + 1, "a tag has more attributes than are looked at",
		 true},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_buf file = GP_BUF_INIT(2 * GP_BIMI_SVG_MAX);
		gp_buf_put_str(&file, cases[i].head);
		for (size_t k = 0; k < cases[i].times; k++) {
			gp_buf_put_str(&file, cases[i].middle);
			if (cases[i].numbered)
				gp_buf_printf(&file, "%zu='1'", k);
		}
		gp_buf_put_str(&file, cases[i].tail);
		assert_slice(faults_of(gp_buf_slice(&file), &arena), cases[i].faults);
		gp_buf_free(&file);
		gp_arena_free(&arena);
	}
}

/* --- XML --- */

/* As it is read: "<" and ">" for elements, texts between quotes; "!" where it is none. */
static const struct {
	const char *file, *read;
} documents[] = {
	{"<a/>", "<a>a"},
	{"<a>b<c d='e>f'/>&lt;&#x41;</a >", "<a'b'<c>c'&lt;&#x41;'>a"},
	{"<a><?b c?><!-- d -->e</a><!---->\n", "<a'e'>a'\n'"},
	{"<?xml version='1.0' standalone='yes'?><a/>", "<a>a"},
	{"<a><![CDATA[<&]]></a>", "<a'<&'>a"},
	{" <a/>", "' '<a>a"},

	{"<?xml?><a/>", "!"},
	{"<?xml encoding='UTF-8'?><a/>", "!"},
	{"<?xml version='1.0' standalone='yes' encoding='UTF-8'?><a/>", "!"},
	{"<?xml version='1.0' standalone='maybe'?><a/>", "!"},
	{"<a/><?xml version='1.0'?>", "<a>a!"},
	{"<a/><?b", "<a>a!"},
	{"<a/><?b?c?>", "<a>a!"},
	{"a", "!"},
	{"<a>", "<a!"},
	{"<a></b>", "<a!"},
	{"</a>", "!"},
	{"<a/>b", "<a>a!"},
	{"<a/><b/>", "<a>a!"},
	{"<a b/>", "!"},
	{"<a b=c/>", "!"},
	{"<a b='c/>", "!"},
	{"<a b='<'/>", "!"},
	{"<a b='c'd='e'/>", "!"},
	{"<a b='&x;'/>", "!"},
	{"<a>&</a>", "<a!"},
	{"<a>&#0;</a>", "<a!"},
	{"<a>&#x110000;</a>", "<a!"},
	{"<a>&#xd800;</a>", "<a!"},
	{"<a>&#4294967361;</a>", "<a!"},
	{"<a>]]></a>", "<a!"},
	{"<a><!-- -- --></a>", "<a!"},
	{"<![CDATA[a]]>", "!"},
	{"<a>\x01</a>", "!"},
	{"<a>\xed\xa0\x80</a>", "!"},
	{"<1/>", "!"},
};

static void
documents_are_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(documents); i++) {
		struct gp_buf out = GP_BUF_INIT(1 << 16);
		struct gp_bimi_xml x = gp_bimi_xml(gp_slice_str(documents[i].file));
		struct gp_bimi_xml_event e;
		while (gp_bimi_xml_next(&x, &e)) {
			if (e.kind == GP_BIMI_XML_TEXT)
				gp_buf_printf(&out, "'%.*s'", GP_SLICE_FMT(e.text));
			else
				gp_buf_printf(&out, "%c%.*s",
					      e.kind == GP_BIMI_XML_OPEN ? '<' : '>',
					      GP_SLICE_FMT(e.name));
		}
		gp_buf_put_str(&out, x.why ? "!" : "");
		assert_slice(gp_buf_slice(&out), documents[i].read);
		gp_buf_free(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_told),
		cmocka_unit_test(limits_are_told),
		cmocka_unit_test(documents_are_read_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
