/* SPDX-License-Identifier: Apache-2.0 */
#include "told.h"

#include <sys/resource.h>

#include "core/ingest/aggregate.h"
#include "core/ingest/xml.h"

static const char base[] =
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	"<feedback><report_metadata><org_name>Reporter</org_name><email>d@reporter.example</email>"
	"<report_id>r1</report_id><date_range><begin>1772409600</begin><end>1772495999</end></"
	"date_range>"
	"</report_metadata><policy_published><domain>example.com</domain><p>reject</p></"
	"policy_published>"
	"<record><row><source_ip>192.0.2.1</source_ip><count>3</count><policy_evaluated>"
	"<disposition>none</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row>"
	"<identifiers><header_from>example.com</header_from></identifiers>"
	"<auth_results><dkim><domain>example.com</domain><selector>s1</selector><result>pass</"
	"result></dkim>"
	"<spf><domain>b.example</domain><result>softfail</result></spf></auth_results></record></"
	"feedback>\n";
#define HEAD                                                                     \
	"head 1 org=Reporter email=d@reporter.example id=r1 domain=example.com " \
	"1772409600-1772495999"
#define POLICY " p=r sp=- np=- adkim=r aspf=r t=n pct=-1\n"
#define ROW "row 1 ::ffff:192.0.2.1 3 none dkim=pass spf=fail from=example.com"
#define AUTH " (dkim pass d=example.com s=s1) (spf softfail d=b.example)\n"
#define PLAIN HEAD POLICY ROW AUTH

#define S(lit) GP_SLICE(lit)

/* What comes of the base with `at` replaced by `with`. */
static const struct {
	const char *at;
	struct gp_slice with;
	const char *flaws;
	const char *told; /* stands in what is told; NULL: nothing is */
} cases[] = {
	{"</feedback>", S("</feedback>"), "", PLAIN},

	/* the XML itself */
	{"<?xml", S("\n \n<?xml"), "", PLAIN},
	{"?>\n", S("?>"), "", PLAIN},
	{"UTF-8", S("utf-16"), "", PLAIN},
	{"UTF-8", S("windows-1252"), "", PLAIN},
	{"version=\"1.0\"", S("version=\"1.1\""), "", PLAIN},
	{"<feedback>", S("<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">"), "", PLAIN},
	{"<feedback>", S("<feedback xmlns=\"http://dmarc.org/dmarc-xml/0.1\" xmlns:x='urn:x'>"), "",
	 PLAIN},
	{"<org_name>Reporter</org_name>", S("<d:org_name>Reporter</d:org_name>"), "", PLAIN},
	{"<feedback>", S("<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"><feedback>"),
	 "0: an element around it is not closed\n", PLAIN},
	{"<email>d@reporter.example", S("<email><d@reporter.example>"),
	 "0: a \"<\" stands in a text\n", "email=<d@reporter.example> "},
	{"Reporter", S("A & B &foo;"), "0: a \"&\" stands in a text\n", "org=A & B &foo; "},
	{"Reporter", S("M\xFCller \x96 S\xF6hne"),
	 "0: octets that are no UTF-8 are read as windows-1252\n",
	 "org=M\xC3\xBCller \xE2\x80\x93 S\xC3\xB6hne "},
	{"Reporter", S("<![CDATA[A & B]]><!-- c --><?pi x?>"), "", "org=A & B "},
	{"Reporter", S("a&#x9B;b&#8238;c"), "", "org=a?b?c "},
	{"Reporter", S("<b>x</b>Rep<i>y</i>orter"), "", PLAIN},
	{"<?xml", S("Here it is: <?xml"), "0: something stands before its first element\n", PLAIN},
	{"</feedback>\n", S("</feedback> garbage"), "0: something follows its end\n", PLAIN},
	/* What is behind its end is not read, and nothing said of it, however the pieces are. */
	{"</feedback>\n", S("</feedback> g\xE4rbage"), "0: something follows its end\n", PLAIN},
	{"</feedback>\n", S("</feedback><feedback/>"), "0: something follows its end\n", PLAIN},
	{"<?xml", S("<!DOCTYPE a [<!ENTITY b \"c\">]><?xml"),
	 "0 lost: the XML breaks off: it declares a document type, which is refused\n", NULL},
	{"</record>", S("</record><!DOCTYPE x>"),
	 "0: the XML breaks off: it declares a document type, which is refused\n", PLAIN},
	{"</record>", S("</record><record><row><count>1</count></ROW></record>"),
	 "2 lost: the XML breaks off in it\n0: the XML breaks off: a tag ends "
	 "another element than was begun\n",
	 PLAIN},
	{"</row>", S("</ROW>"),
	 "1 lost: the XML breaks off in it\n0 lost: the XML breaks off: a tag ends "
	 "another element than was begun\n",
	 NULL},
	{"</feedback>", S(""), "0: the XML breaks off: it is cut off\n", PLAIN},
	{"Reporter", S("Rep\0rter"),
	 "0 lost: the XML breaks off: a control character stands in it\n", NULL},
	{"Reporter", S("Rep&#1;rter"),
	 "0 lost: the XML breaks off: a control character stands in it\n", NULL},
	{"<feedback>", S("<feedback a='1' a='2'>"),
	 "0 lost: the XML breaks off: a tag has broken attributes, or one twice\n", NULL},
	{"", S(""), "0 lost: no feedback element is in it\n", NULL},
	{"", S("<html><body>sorry</body></html>"), "0 lost: no feedback element is in it\n", NULL},
	{"", S("{\"organization-name\":\"x\"}"), "0 lost: no feedback element is in it\n", NULL},

	/* the head */
	{"<feedback>", S("<feedback><version>1.0</version>"), "", " version=1.0 "},
	{"<report_id>r1", S("<report_id><a.b@c>"), "0: a \"<\" stands in a text\n", "id=<a.b@c> "},
	{"<report_id>r1</report_id>", S(""), "0: it has no report_id\n", "org=Reporter"},
	{"Reporter", S(""), "0: it has no org_name\n", "head 1 email="},
	{"Reporter", S("HASH(0x55d0c1)"),
	 "0: its org_name (report_metadata) cannot be read: \"HASH(0x55d0c1)\"\n"
	 "0: it has no org_name\n",
	 "head 1 email="},
	{"<date_range>",
	 S("<extra_contact_info lang=\"de\">x</extra_contact_info><generator>G 1</generator>"
	   "<error>no such\nrecord</error><error>again</error><date_range>"),
	 "0: its writer tells of an error: no such record\n0: its writer tells of an error: "
	 "again\n",
	 " contact=x id=r1 domain=example.com 1772409600-1772495999 generator=G 1 "},
	{"1772409600", S("1772409600.5"), "", PLAIN},
	{"1772409600", S("2026-03-02T00:00:00Z"), "", PLAIN},
	{"1772409600", S("1771891200"), "", " 1771891200-1772495999 "}, /* a week */
	{"1772409600", S("509500000"),
	 "0: its range is over 31 days: only the last 31 are believed\n",
	 " 1769817599-1772495999 "},
	{"1772409600", S("1772496000"),
	 "0: its range ends before it begins: it is read the other way round\n",
	 " 1772495999-1772496000 "},
	{"1772409600", S("-5"),
	 "0: its begin (date_range) cannot be read: \"-5\"\n"
	 "0 lost: it does not say what time it is about\n",
	 NULL},
	{"1772495999", S("253402300800"),
	 "0: its end (date_range) cannot be read: \"253402300800\"\n"
	 "0 lost: it does not say what time it is about\n",
	 NULL},
	{"1772495999", S(""), "0 lost: it does not say what time it is about\n", NULL},
	{"<p>reject</p>",
	 S("<p>Quarantine</p><sp></sp>11<np>none</np><adkim/><aspf>s</aspf><pct>50</pct>"
	   "<fo>1:d</fo><testing>y</testing><discovery_method>treewalk</discovery_method>"),
	 "", HEAD " p=q sp=- np=n adkim=r aspf=s t=y pct=50 fo=1:d discovery=treewalk\n"},
	{"<p>reject</p>", S("<p>discard</p><pct>101</pct><adkim>x</adkim><pct>7</pct>"),
	 "0: its p (policy_published) cannot be read: \"discard\"\n"
	 "0: its pct (policy_published) cannot be read: \"101\"\n"
	 "0: its adkim (policy_published) cannot be read: \"x\"\n"
	 "0: it has more pct (policy_published) than are kept\n",
	 " p=- sp=- np=- adkim=r aspf=r t=n pct=-1\n"},
	{"</policy_published>",
	 S("</policy_published><policy_published><domain>b.example</domain></policy_published>"),
	 "0: it has more policy_published (feedback) than are kept\n", PLAIN},
	{"<policy_published><domain>example.com</domain><p>reject</p></policy_published>", S(""),
	 "0: it has no policy_published\n", "domain=example.com 1772409600-1772495999 p=- "},
	{"<domain>example.com</domain><p>", S("<domain>bad domain</domain><p>"),
	 "0: its domain (policy_published) cannot be read: \"bad domain\"\n", PLAIN},
	{"<record>",
	 S("<extension><whatever><record><count>9</count></record></whatever></extension><record>"),
	 "", PLAIN},

	/* records */
	{"192.0.2.1", S("2001:DB8::1"), "", "row 1 2001:db8::1 3 "},
	{"192.0.2.1", S("mail.example.com"),
	 "1 lost: its source_ip (row) cannot be read: \"mail.example.com\"\n", HEAD POLICY},
	{"<source_ip>192.0.2.1</source_ip>", S(""), "1 lost: it has no source_ip\n", HEAD POLICY},
	{"<source_ip>192.0.2.1</source_ip><count>3</count>", S("<source_ip/><count>x</count>"),
	 "1 lost: its source_ip (row) cannot be read: \"\"\n", HEAD POLICY},
	{"<count>3", S("<count>-5"), "1 lost: its count (row) cannot be read: \"-5\"\n",
	 HEAD POLICY},
	{"<count>3", S("<count> 12\n"), "", "192.0.2.1 12 none"},
	{"<count>3", S("<count>0"), "1: its count is 0\n", "192.0.2.1 0 none"},
	{"<count>3", S("<count>3</count><count>4"), "1: it has more count (row) than are kept\n",
	 PLAIN},
	{">none<", S(">NONE<"), "", PLAIN},
	{">none<", S(">pass<"), "", " 3 pass dkim=pass"},
	{">none<", S("><"), "", " 3 - dkim=pass"},
	{">none<", S(">discard<"),
	 "1: its disposition (policy_evaluated) cannot be read: \"discard\"\n", " 3 - dkim=pass"},
	{"<dkim>pass</dkim><spf>fail", S("<dkim>Pass</dkim><spf>softfail"), "", PLAIN},
	{"<dkim>pass</dkim><spf>fail", S("<dkim>yes</dkim><spf>unknown"),
	 "1: its dkim (policy_evaluated) cannot be read: \"yes\"\n", " none dkim=- spf=fail "},
	{"<dkim>pass</dkim>", S(""), "1: its policy_evaluated has no dkim\n",
	 " none dkim=- spf=fail "},
	{"</spf></policy_evaluated>",
	 S("</spf><reason><type>forwarded</type><comment lang='en'>x</comment></reason>"
	   "<reason><type></type><comment></comment></reason><reason><type/><comment>y</comment></"
	   "reason>"
	   "<reason><type>arc</type></reason><reason><comment>z</comment><type>arc</type></reason>"
	   "<reason>mailing_list</reason><reason>\n<b/>was <i>very</i> odd</reason><reason/>"
	   "</policy_evaluated>"),
	 "",
	 ROW " [forwarded comment=x] [other comment=y] [other comment=arc] [other comment=arc: z]"
	     " [mailing_list] [other comment=was  odd] (dkim"},
	{"</spf></policy_evaluated>",
	 S("</spf><reason>other</reason><reason>other</reason><reason>other</reason>"
	   "<reason>other</reason><reason>other</reason><reason>other</reason><reason>other</"
	   "reason>"
	   "<reason>other</reason><reason>other</reason><reason>x</reason></policy_evaluated>"),
	 "1: it has more reason (policy_evaluated) than are kept\n", " [other] [other] (dkim pass"},
	{"<identifiers><header_from>example.com</header_from></identifiers>",
	 S("<identities><header_from>Example.com.</header_from></identities>"), "", PLAIN},
	{"<identifiers><header_from>example.com</header_from></identifiers>",
	 S("<identifiers><envelope_to>c.example</envelope_to><envelope_from>u@d.example</"
	   "envelope_from></identifiers>"),
	 "1: its identifiers have no header_from\n",
	 "spf=fail envelope_from=d.example envelope_to=c.example (dkim"},
	{"<identifiers><header_from>example.com<", S("<identifiers><header_from>bad<xml.net<"),
	 "1: its header_from (identifiers) cannot be read: \"bad<xml.net\"\n0: a \"<\" stands in a "
	 "text\n",
	 "spf=fail (dkim"},
	{"<result>pass</result></dkim>",
	 S("<result>PERMERROR</result><human_result>2048-bit</human_result></dkim>"
	   "<dkim><result>fail</result><domain></domain><selector></selector></dkim><dkim/>"),
	 "", " (dkim permerror d=example.com s=s1 human=2048-bit) (dkim fail) (dkim -) (spf"},
	{"<result>softfail", S("<scope>mfrom</scope><result>hardfail"), "",
	 " (spf fail d=b.example scope=mfrom)"},
	{"<result>softfail", S("<result>error"), "", " (spf temperror d=b.example)"},
	{"<result>softfail", S("<result>unknown"), "", " (spf permerror d=b.example)"},
	{"<result>softfail", S("<result>great"), "1: its result (spf) cannot be read: \"great\"\n",
	 " (spf - d=b.example)"},
	{"</spf></auth",
	 S("</spf><spf><domain>h.example</domain><scope>helo</scope><result>none</result></spf></"
	   "auth"),
	 "", " (spf softfail d=b.example) (spf none d=h.example scope=helo)"},
	/* Nothing is left of the record before: no comment, no human_result, no scope. */
	{"</policy_evaluated>",
	 S("<reason><type>forwarded</type><comment>old</comment></reason></policy_evaluated></row>"
	   "<identifiers><header_from>example.com</header_from></identifiers><auth_results>"
	   "<dkim><domain>o.example</domain><selector>old</selector><result>fail</result>"
	   "<human_result>old</human_result></dkim><spf><domain>o.example</domain>"
	   "<scope>helo</scope><result>pass</result></spf></auth_results></record><record><row>"
	   "<source_ip>192.0.2.2</source_ip><count>1</count><policy_evaluated>"
	   "<disposition>none</disposition><dkim>fail</dkim><spf>fail</spf>"
	   "<reason><type>local_policy</type></reason></policy_evaluated>"),
	 "",
	 "row 2 ::ffff:192.0.2.2 1 none dkim=fail spf=fail from=example.com [local_policy]" AUTH},
	{"</row>",
	 S("</row></record><record><row><source_ip>192.0.2.2</source_ip><count>1</count></row>"),
	 "1: it has no identifiers, auth_results\n2: it has no policy_evaluated\n",
	 "row 2 ::ffff:192.0.2.2 1 - dkim=- spf=- from=example.com"},
};

static void
read_in_steps(struct gp_slice document, size_t step, struct told *t)
{
	struct gp_ingest_listener listener = told_listener(t);
	struct gp_aggregate *a = gp_aggregate_new(&listener, 1000);
	for (size_t at = 0; at < document.len; at += step) {
		struct gp_slice piece = gp_slice_take(gp_slice_drop(document, at), step);
		assert_int_equal(gp_aggregate_feed(a, piece), 0);
	}
	assert_int_equal(gp_aggregate_end(a), 0);
	assert_null(gp_aggregate_free(a));
	assert_true(t->heads + t->lost == 1);
}

static void
check(size_t i, size_t step)
{
	struct gp_buf document = GP_BUF_INIT(1 << 16);
	struct told t = TOLD_INIT;
	told_vary(&document, base, cases[i].at, cases[i].with);
	read_in_steps(gp_buf_slice(&document), step, &t);
	gp_buf_put_char(&t.lines, '\0');
	gp_buf_put_char(&t.flaws, '\0');
	const char *lines = gp_buf_slice(&t.lines).ptr, *flaws = gp_buf_slice(&t.flaws).ptr;
	const char *want = cases[i].told;
	if (strcmp(flaws, cases[i].flaws) != 0)
		fail_msg("case %zu, %.*s: flaws\n%s", i, GP_SLICE_FMT(cases[i].with), flaws);
	if (want ? !strstr(lines, want) : lines[0] != '\0')
		fail_msg("case %zu, %.*s: told\n%s", i, GP_SLICE_FMT(cases[i].with), lines);
	told_free(&t);
	gp_buf_free(&document);
}

static void
oddities(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		check(i, 1 << 16);
		check(i, 1);
		check(i, 7);
	}
}

/* What stands before the records, and behind them. */
static const char before[] =
	"<feedback><report_metadata><org_name>R</org_name><report_id>r1</report_id><date_range>"
	"<begin>1</begin><end>2</end></date_range></report_metadata><policy_published>"
	"<domain>example.com</domain></policy_published>";
static const char record[] =
	"<record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated>"
	"<disposition>none</disposition><dkim>pass</dkim><spf>pass</spf></policy_evaluated></row>"
	"<identifiers><header_from>example.com</header_from></identifiers><auth_results/></record>";

static void
feed(struct gp_aggregate *a, const char *text)
{
	assert_int_equal(gp_aggregate_feed(a, gp_slice_str(text)), 0);
}

static void
repeat(struct gp_aggregate *a, const char *text, size_t times)
{
	for (size_t i = 0; i < times; i++)
		feed(a, text);
}

/* Ends a reader, of which these flaws are wanted. */
static void
finish(struct gp_aggregate *a, struct told *t, const char *flaws)
{
	assert_int_equal(gp_aggregate_end(a), 0);
	assert_null(gp_aggregate_free(a));
	assert_slice(gp_buf_slice(&t->flaws), flaws);
	told_free(t);
}

static void
deep(void **state)
{
	(void)state;
	for (size_t depth = GP_XML_DEPTH_MAX - 1; depth <= 100'000; depth *= 100) {
		struct told t = TOLD_INIT;
		struct gp_ingest_listener listener = told_listener(&t);
		struct gp_aggregate *a = gp_aggregate_new(&listener, 10);
		feed(a, before);
		feed(a, record);
		repeat(a, "<x>", depth);
		repeat(a, "</x>", depth);
		feed(a, "</feedback>");
		finish(a, &t,
		       depth < GP_XML_DEPTH_MAX
			       ? ""
			       : "0: the XML breaks off: elements stand too deep in each other\n");
	}
}

static void
attributes(void **state)
{
	(void)state;
	for (int n = GP_XML_ATTRIBUTES_MAX; n <= GP_XML_ATTRIBUTES_MAX + 1; n++) {
		struct told t = TOLD_INIT;
		struct gp_ingest_listener listener = told_listener(&t);
		struct gp_aggregate *a = gp_aggregate_new(&listener, 10);
		char attribute[32];
		feed(a, "<feedback");
		for (int i = 0; i < n; i++) {
			snprintf(attribute, sizeof(attribute), " a%d='1'", i);
			feed(a, attribute);
		}
		feed(a, ">");
		feed(a, before + strlen("<feedback>"));
		feed(a, "</feedback>");
		finish(a, &t,
		       n <= GP_XML_ATTRIBUTES_MAX
			       ? "0: it has no record\n"
			       : "0 lost: the XML breaks off: a tag has too many attributes\n");
	}
}

static void
long_tag(void **state)
{
	(void)state;
	struct told t = TOLD_INIT;
	struct gp_ingest_listener listener = told_listener(&t);
	struct gp_aggregate *a = gp_aggregate_new(&listener, 10);
	feed(a, before);
	feed(a, record);
	feed(a, "<x a='");
	repeat(a, "0123456789", 1000);
	finish(a, &t, "0: the XML breaks off: a tag is too long\n");
}

/* All that a row may hold, and more: nothing fails, and texts are cut. */
static void
full_row(void **state)
{
	(void)state;
	struct told t = TOLD_INIT;
	struct gp_ingest_listener listener = told_listener(&t);
	struct gp_aggregate *a = gp_aggregate_new(&listener, 10);
	char text[3000] = "";
	memset(text, 'x', sizeof(text) - 1);
	feed(a, before);
	feed(a, "<record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated>");
	for (int i = 0; i < GP_INGEST_REASONS_MAX + 1; i++) {
		feed(a, "<reason><type>");
		feed(a, text);
		feed(a, "</type><comment>");
		feed(a, text);
		feed(a, "</comment></reason>");
	}
	feed(a, "</policy_evaluated></row><identifiers><header_from>a</header_from></identifiers>");
	feed(a, "<auth_results>");
	for (int i = 0; i < 2 * (GP_INGEST_RESULTS_MAX + 1); i++) {
		const char *name = i % 2 ? "dkim" : "spf";
		const char *parts[] = {"<",
				       name,
				       "><human_result>",
				       text,
				       "</human_result><domain>",
				       text + 2800,
				       "</domain></",
				       name,
				       ">"};
		for (size_t j = 0; j < GP_ARRAY_LEN(parts); j++)
			feed(a, parts[j]);
	}
	feed(a, "</auth_results></record></feedback>");
	assert_int_equal(t.rows, 1);
	assert_in_range(t.lines.len, 40 * 1024, 50 * 1024);
	finish(a, &t,
	       "1: it has more reason (policy_evaluated) than are kept\n"
	       "1: it has more spf (auth_results) than are kept\n"
	       "1: it has more dkim (auth_results) than are kept\n"
	       "1: its policy_evaluated has no disposition, dkim, spf\n");
}

static void
many_records(void **state)
{
	(void)state;
	struct told t = TOLD_INIT;
	struct gp_ingest_listener listener = told_listener(&t);
	struct gp_aggregate *a = gp_aggregate_new(&listener, 10);
	feed(a, before);
	repeat(a, record, 11);
	feed(a, "</feedback>");
	assert_int_equal(t.rows, 10);
	finish(a, &t, "0 lost: it has more than 10 records\n");
}

/* Whatever the listener is told, it may end the reading. */
static void
ends_by_listener(void **state)
{
	(void)state;
	static const char *const documents[] = {"</feedback>", record, "<record/>"};
	for (size_t i = 0; i < GP_ARRAY_LEN(documents); i++) {
		struct told t = TOLD_INIT;
		struct gp_ingest_listener listener = told_listener(&t);
		struct gp_aggregate *a = gp_aggregate_new(&listener, 10);
		t.answer = -7;
		feed(a, before);
		int r = gp_aggregate_feed(a, gp_slice_str(documents[i]));
		assert_int_equal(r, i == 0 ? 0 : -7);
		assert_int_equal(gp_aggregate_end(a), -7);
		assert_int_equal(gp_aggregate_feed(a, gp_slice_str(record)), -7);
		assert_int_equal(t.heads + (t.flaws.len > 0), 1);
		gp_aggregate_free(a);
		told_free(&t);
	}
}

static int
count_row(void *context, const struct gp_ingest_row *row)
{
	*(uint64_t *)context += row->count;
	return 0;
}

static int
take_head(void *context, const struct gp_ingest_head *head)
{
	(void)context;
	(void)head;
	return 0;
}

static int
take_flaw(void *context, uint64_t n, bool lost, const char *why)
{
	(void)context;
	fail_msg("%llu %d %s", (unsigned long long)n, lost, why);
	return 0;
}

/* RFC 9990 sets no bound: a report of 900,000 records needs the memory of one of ten. */
static void
constant_memory(void **state)
{
	(void)state;
	enum { RECORDS = TOLD_SANITIZED ? 90'000 : 900'000 };
	uint64_t messages = 0;
	struct gp_ingest_listener listener = {
		.context = &messages, .head = take_head, .row = count_row, .flaw = take_flaw};
	struct gp_aggregate *a = gp_aggregate_new(&listener, RECORDS);
	feed(a, before);
	repeat(a, record, 10);
	struct rusage few, many;
	getrusage(RUSAGE_SELF, &few);
	repeat(a, record, RECORDS - 10);
	getrusage(RUSAGE_SELF, &many);
	feed(a, "</feedback>");
	assert_int_equal(gp_aggregate_end(a), 0);
	gp_aggregate_free(a);
	assert_int_equal(messages, RECORDS);
	assert_in_range(many.ru_maxrss - few.ru_maxrss, 0, 1024); /* KiB */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oddities),         cmocka_unit_test(deep),
		cmocka_unit_test(attributes),       cmocka_unit_test(long_tag),
		cmocka_unit_test(full_row),         cmocka_unit_test(many_records),
		cmocka_unit_test(ends_by_listener), cmocka_unit_test(constant_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
