/* SPDX-License-Identifier: Apache-2.0 */
#include "rig.h"

#include <errno.h>

#define FROM(domain) "From: A <a@" domain ">\r\nTo: b@b.test\r\nSubject: x\r\n\r\nhello\r\n"
#define TXT(name, text) "\"" name "\": {\"TXT\": [\"" text "\"]}"
#define NEVER "v=spf1 -all"
#define ALWAYS "v=spf1 ip4:192.0.2.1 -all"
#define REJECT "v=DMARC1; p=reject"

/* What comes of a message, whenever answers come and however it is cut. */
static const struct {
	const char *zone, *sender, *message, *want;
} cases[] = {
	{"{}", "me@sender.test", FROM("a.test"), "spf=none spf=none dkim=none dmarc=none"},
	{"{" TXT("_dmarc.a.test", REJECT) "}", "me@sender.test", FROM("a.test"),
	 "spf=none spf=none dkim=none dmarc=fail"},
	{"{" TXT("sender.test", ALWAYS) "," TXT("_dmarc.sender.test", REJECT) "}", "me@sender.test",
	 FROM("sender.test"), "spf=pass spf=none dkim=none dmarc=pass"},
	{"{" TXT("sender.test", NEVER) "," TXT("_dmarc.sender.test", REJECT) "}", "me@sender.test",
	 FROM("sender.test"), "spf=fail spf=none dkim=none dmarc=fail"},
	/* aligned by the organisational domain */
	{"{" TXT("sender.test", ALWAYS) "," TXT("_dmarc.sender.test", REJECT) "}", "me@sender.test",
	 FROM("news.sender.test"), "spf=pass spf=none dkim=none dmarc=pass"},
	/* HELO proves nothing beside a reverse-path, and everything without one */
	{"{" TXT("helo.test", ALWAYS) "," TXT("_dmarc.helo.test", REJECT) "}", "me@sender.test",
	 FROM("helo.test"), "spf=none spf=pass dkim=none dmarc=fail"},
	{"{" TXT("helo.test", ALWAYS) "," TXT("_dmarc.helo.test", REJECT) "}", "",
	 FROM("helo.test"), "spf=pass dkim=none dmarc=pass"},
	{"{\"_dmarc.a.test\": \"SERVFAIL\"}", "me@sender.test", FROM("a.test"),
	 "spf=none spf=none dkim=none dmarc=temperror"},
	{"{\"sender.test\": \"TIMEOUT\"," TXT("_dmarc.a.test", REJECT) "}", "me@sender.test",
	 FROM("a.test"), "spf=temperror spf=none dkim=none dmarc=fail"},
	{"{}", "me@sender.test", "Subject: x\r\n\r\n",
	 "spf=none spf=none dkim=none dmarc=permerror"},
	{"{}", "me@sender.test", "From: a@a.test\r\n", "spf=none spf=none dkim=none dmarc=none"},
	{"{}", "me@sender.test", "", "spf=none spf=none dkim=none dmarc=permerror"},
	{"{}", "me@sender.test", "\r\nFrom: a@a.test\r\n",
	 "spf=none spf=none dkim=none dmarc=permerror"},
	{"{}", "me@sender.test",
	 "From: a@a.test\r\nDKIM-Signature: v=1; a=rsa-sha256\r\nDKIM-Signature: x\r\n\r\n",
	 "spf=none spf=none dkim=permerror dkim=permerror dmarc=none"},
};

static void
results(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct drive d;
		drive_open(&d, cases[i].zone);
		d.query.sender = gp_slice_str(cases[i].sender);
		for (enum way way = 0; way < WAYS; way++) {
			drive_through(&d, gp_slice_str(cases[i].message), way);
			assert_int_equal(d.outcome, GP_VERIFY_DONE);
			assert_slice(drive_show(&d), cases[i].want);
		}
		drive_close(&d);
	}
}

/* --- signatures --- */

/* A message that a.test signed, and a world that has the key, where DMARC asks for reject. */
static struct gp_slice
sign(struct drive *d, struct gp_slice text)
{
	struct rig rig;
	struct signer signer;
	rig_open(&rig);
	signer_open(&signer, 0, &rig.arena);
	struct gp_slice message = signer_message(&signer, signer_order(&signer, "s"), text, &rig);
	struct gp_slice record = signer_record(&signer, "v=DKIM1;", &rig.arena);
	struct gp_slice zone = gp_arena_printf(
		&rig.arena,
		"{" TXT("s._domainkey.a.test", "%.*s") "," TXT("_dmarc.a.test", REJECT) "}",
		GP_SLICE_FMT(record));
	drive_open(d, zone.ptr);
	message = gp_arena_dup(&d->arena, message);
	signer_close(&signer);
	rig_close(&rig);
	return message;
}

static void
a_signature_proves_in_any_pieces(void **state)
{
	(void)state;
	struct drive d;
	struct gp_slice message = sign(&d, GP_SLICE(FROM("a.test")));
	for (enum way way = 0; way < WAYS; way++) {
		drive_through(&d, message, way);
		assert_slice(drive_show(&d), "spf=none spf=none dkim=pass dmarc=pass");
	}
	((char *)message.ptr)[message.len - 4] ^= 1;
	for (enum way way = 0; way < WAYS; way++) {
		drive_through(&d, message, way);
		assert_slice(drive_show(&d), "spf=none spf=none dkim=fail dmarc=fail");
	}
	drive_close(&d);
}

static void
the_field_tells_all(void **state)
{
	(void)state;
	struct drive d;
	struct gp_authres results;
	struct gp_buf out = GP_BUF_INIT(10000);
	struct gp_slice message = sign(&d, GP_SLICE(FROM("a.test")));
	d.query.sender = GP_SLICE("\"x y\"@sender.test");
	drive_through(&d, message, WAY_LAST);
	struct gp_verify_facts facts = gp_verify_facts(d.v);
	assert_int_equal(
		gp_verify_results(&d.query, &facts, GP_SLICE("mx.test"), &d.arena, &results), 0);
	gp_authres_write(&out, &results);
	struct gp_slice got = gp_buf_slice(&out);
	/* b= is another one each time */
	const char *b = memmem(got.ptr, got.len, "header.b=", 9);
	assert_non_null(b);
	size_t before = (size_t)(b - got.ptr) + 9;
	assert_slice(gp_slice_take(got, before),
		     "mx.test;\r\n"
		     "\tspf=none smtp.mailfrom=\"\\\"x y\\\"@sender.test\";\r\n"
		     "\tspf=none smtp.helo=helo.test;\r\n"
		     "\tdkim=pass header.d=a.test header.i=@a.test header.s=s\r\n"
		     "\theader.a=ed25519-sha256 header.b=");
	struct gp_slice rest = gp_slice_drop(got, before);
	gp_slice_cut(&rest, ';');
	assert_slice(rest, "\r\n\tdmarc=pass header.from=a.test policy.dmarc=reject");
	gp_buf_free(&out);
	drive_close(&d);
}

/* Who signs may be named in UTF-8 (RFC 8616 section 5), in a message that has none elsewhere. */
static void
the_field_is_ascii_unless_the_message_need_not_be(void **state)
{
	static const char message[] =
		"DKIM-Signature: v=1; a=rsa-sha256; d=a.test; s=s; i=\xc3\xbc@a.test; h=from;\r\n"
		" bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AA==\r\n"
		"From: a@a.test\r\n\r\n";
	(void)state;
	for (int utf8 = 0; utf8 < 2; utf8++) {
		struct drive d;
		struct gp_authres results;
		struct gp_buf out = GP_BUF_INIT(10000);
		size_t high = 0;
		drive_open(&d, "{}");
		d.query.utf8 = utf8;
		drive_through(&d, gp_slice_str(message), WAY_LAST);
		struct gp_verify_facts facts = gp_verify_facts(d.v);
		assert_int_equal(gp_verify_results(&d.query, &facts, GP_SLICE("mx.test"), &d.arena,
						   &results),
				 0);
		gp_authres_write(&out, &results);
		for (size_t i = 0; i < out.len; i++)
			high += (unsigned char)gp_buf_slice(&out).ptr[i] >= 128;
		assert_int_equal(high > 0, utf8);
		gp_buf_free(&out);
		drive_close(&d);
	}
}

/* --- what can be left out --- */

static void
what_is_not_wanted_is_not_asked(void **state)
{
	(void)state;
	struct drive d;
	drive_open(&d, "{}");
	d.query.address_len = 0;
	d.query.dmarc = false;
	drive_through(&d, GP_SLICE(FROM("a.test")), WAY_AT_ONCE);
	assert_slice(drive_show(&d), "dkim=none");
	assert_int_equal(d.asked_len, 0);
	drive_close(&d);
}

/* --- bounds --- */

/* Each name leads to ten others, and nothing is ever found twice. */
static struct gp_dns_answer
answer_of_hostile(const struct gp_dns_question *q, struct gp_arena *arena)
{
	static unsigned n;
	struct gp_dns_record *record = gp_arena_new(arena, struct gp_dns_record);
	struct gp_dns_record *hosts = gp_arena_array(arena, 10, sizeof(*hosts));
	struct gp_dns_answer a = {
		.name = q->name, .canonical = q->name, .type = q->type, .status = GP_DNS_NODATA};
	if (q->type == GP_DNS_TXT) {
		struct gp_slice text = GP_SLICE("v=spf1");
		for (int i = 0; i < 10; i++, n++)
			text = gp_arena_printf(arena, "%.*s mx:m%u.test", GP_SLICE_FMT(text), n);
		*record = (struct gp_dns_record){.type = q->type, .data = text};
		a.status = GP_DNS_OK;
		a.records = record;
		a.records_len = 1;
	} else if (q->type == GP_DNS_MX) {
		for (int i = 0; i < 10; i++, n++)
			hosts[i] = (struct gp_dns_record){
				.type = q->type, .name = gp_arena_printf(arena, "h%u.test", n)};
		a.status = GP_DNS_OK;
		a.records = hosts;
		a.records_len = 10;
	}
	return a;
}

static void
a_hostile_zone_costs_so_many_questions(void **state)
{
	(void)state;
	struct drive d;
	size_t spf = 0;
	drive_open(&d, "{}");
	drive_begin(&d);
	assert_true(gp_verify_feed(d.v, GP_SLICE(FROM("a.b.c.d.e.f.g.a.test"))));
	gp_verify_end(d.v);
	drive_run(&d);
	while (d.open_len > 0) {
		const struct gp_dns_question *q = d.open[--d.open_len];
		bool dmarc = gp_slice_eq_nocase(gp_slice_take(q->name, 6), GP_SLICE("_dmarc"));
		struct gp_dns_answer a = answer_of_hostile(q, &d.arena);
		spf += !dmarc;
		if (dmarc)
			a = (struct gp_dns_answer){q->name, q->name, q->type, GP_DNS_NXDOMAIN};
		gp_verify_answer(d.v, &a);
		drive_run(&d);
	}
	assert_int_equal(d.outcome, GP_VERIFY_DONE);
	assert_int_equal(spf, GP_VERIFY_SPF_QUESTIONS_MAX);
	assert_slice(drive_show(&d), "spf=temperror spf=temperror dkim=none dmarc=none");
	drive_close(&d);
}

/* One fits, two do not. */
static void
answers_have_a_bound_together(void **state)
{
	enum { HALF = GP_VERIFY_ANSWERS_MAX / 2 };
	(void)state;
	struct drive d;
	char *big = malloc(HALF);
	memset(big, 'x', HALF);
	struct gp_dns_record record = {.type = GP_DNS_TXT, .data = gp_slice(big, HALF)};
	drive_open(&d, "{" TXT("_dmarc.a.test", REJECT) "}");
	drive_begin(&d);
	for (size_t i = 0; i < d.open_len; i++) {
		struct gp_dns_answer a = {.name = d.open[i]->name,
					  .canonical = d.open[i]->name,
					  .type = GP_DNS_TXT,
					  .status = GP_DNS_OK,
					  .records = &record,
					  .records_len = 1};
		gp_verify_answer(d.v, &a);
	}
	assert_int_equal(d.open_len, 2);
	d.open_len = 0;
	assert_true(gp_verify_memory(d.v) < GP_VERIFY_ANSWERS_MAX);
	assert_true(gp_verify_feed(d.v, GP_SLICE(FROM("a.test"))));
	gp_verify_end(d.v);
	drive_run(&d);
	while (drive_answer(&d))
		continue;
	assert_slice(drive_show(&d), "spf=none spf=temperror dkim=none dmarc=fail");
	free(big);
	drive_close(&d);
}

/* What is not known in time is no verdict. */
static void
time_is_over(void **state)
{
	(void)state;
	struct drive d;
	drive_open(&d, "{" TXT("_dmarc.a.test", REJECT) "}");
	for (size_t answers = 0; answers < 6; answers++) {
		drive_begin(&d);
		assert_true(gp_verify_feed(d.v, GP_SLICE(FROM("a.test"))));
		gp_verify_end(d.v);
		drive_run(&d);
		for (size_t i = 0; i < answers; i++)
			drive_answer(&d);
		gp_verify_expire(d.v);
		drive_run(&d);
		assert_int_equal(d.outcome, GP_VERIFY_DONE);
		struct gp_verify_facts f = gp_verify_facts(d.v);
		assert_int_equal(f.dmarc->verdict,
				 answers < 2 ? GP_DMARC_TEMPERROR : GP_DMARC_FAIL);
	}
	drive_close(&d);
}

static void
a_header_has_a_bound(void **state)
{
	(void)state;
	struct drive d;
	char line[80];
	memset(line, 'x', sizeof(line));
	memcpy(line, "From: ", 6);
	memcpy(line + 78, "\r\n", 2);
	drive_open(&d, "{}");
	for (int fields = 0; fields < 2; fields++) {
		drive_begin(&d);
		/* One long field; then short ones, more than there may be. */
		line[0] = fields ? 'F' : ' ';
		size_t lines = fields ? 1001 : 2 * GP_HEADER_SIZE_MAX / sizeof(line);
		for (size_t i = 0; i < lines; i++)
			gp_verify_feed(d.v, gp_slice(line, sizeof(line)));
		assert_true(gp_verify_memory(d.v) < 2 * GP_HEADER_SIZE_MAX);
		gp_verify_feed(d.v, GP_SLICE("\r\nhello\r\n"));
		gp_verify_end(d.v);
		drive_run(&d);
		assert_int_equal(d.outcome, GP_VERIFY_TOO_BIG);
	}
	drive_close(&d);
}

/* Many fields cost more than their octets, also where they are about addresses. */
static void
what_is_made_of_a_header_is_counted(void **state)
{
	enum { FIELDS = 900 };
	(void)state;
	struct drive d;
	drive_open(&d, "{}");
	drive_begin(&d);
	size_t before = gp_verify_memory(d.v);
	for (size_t i = 0; i < FIELDS; i++)
		gp_verify_feed(d.v, GP_SLICE("a:b\r\n"));
	assert_true(gp_verify_feed(d.v, GP_SLICE(FROM("a.test"))));
	assert_true(gp_verify_memory(d.v) - before > FIELDS * sizeof(struct gp_header_field));
	drive_close(&d);
}

/* As much as there may be in each of as many fields as there may be. */
static void
many_senders_cost_no_more_than_one(void **state)
{
	(void)state;
	struct drive d;
	drive_open(&d, "{}");
	drive_begin(&d);
	for (size_t i = 0; i < 900; i++)
		gp_verify_feed(d.v,
			       GP_SLICE("Sender: ,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"
					",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,\r\n"));
	gp_verify_feed(d.v, GP_SLICE("From: Doe, John <me@a.test>\r\n\r\n"));
	assert_true(gp_verify_memory(d.v) < 2 * GP_HEADER_SIZE_MAX);
	gp_verify_end(d.v);
	drive_run(&d);
	while (drive_answer(&d))
		continue;
	assert_int_equal(d.outcome, GP_VERIFY_DONE);
	assert_non_null(gp_verify_facts(d.v).from_trick);
	drive_close(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results),
		cmocka_unit_test(a_signature_proves_in_any_pieces),
		cmocka_unit_test(the_field_tells_all),
		cmocka_unit_test(the_field_is_ascii_unless_the_message_need_not_be),
		cmocka_unit_test(what_is_not_wanted_is_not_asked),
		cmocka_unit_test(a_hostile_zone_costs_so_many_questions),
		cmocka_unit_test(answers_have_a_bound_together),
		cmocka_unit_test(time_is_over),
		cmocka_unit_test(a_header_has_a_bound),
		cmocka_unit_test(what_is_made_of_a_header_is_counted),
		cmocka_unit_test(many_senders_cost_no_more_than_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
