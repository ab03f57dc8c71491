/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, keys and canonical forms that others made. */
#include "rig.h"

#include <jansson.h>

/* Lines "name text" of a zone; what is not in quotes or tildes is a TXT record. */
static void
read_zone(struct rig *r, struct gp_slice text)
{
	while (text.len > 0) {
		struct gp_slice rest = gp_slice_cut(&text, '\n');
		struct gp_slice name = gp_slice_cut(&rest, ' ');
		rest = gp_slice_trim(rest);
		if (name.len == 0 || name.ptr[0] == '#' || gp_slice_eq(rest, GP_SLICE("NXDOMAIN")))
			continue;
		if (gp_slice_starts(rest, GP_SLICE("~~")))
			rig_add_name(r, name,
				     gp_slice_eq(rest, GP_SLICE("~~SERVFAIL~~")) ? GP_DNS_SERVFAIL
										 : GP_DNS_TIMEOUT);
		else
			rig_add_txt(r, name,
				    gp_slice_eq(rest, GP_SLICE("\"\"")) ? GP_SLICE("") : rest);
	}
}

static bool
has(const struct rig *r, uint8_t result)
{
	for (size_t i = 0; i < r->result.len; i++) {
		if (r->result.verdicts[i].result == result)
			return true;
	}
	return false;
}

/* --- canonical forms --- */

struct collector {
	struct gp_dkim_sink sink;
	struct gp_buf out;
};

static void
collect(struct gp_dkim_sink *sink, struct gp_slice octets)
{
	gp_buf_put(&gp_container_of(sink, struct collector, sink)->out, octets);
}

static struct gp_slice
canonical(struct rig *r, struct gp_slice message, uint8_t canon)
{
	struct gp_header h;
	struct collector c = {{collect}, GP_BUF_INIT(1 << 20)};
	assert_int_equal(gp_header_split(message, &r->arena, &h), 0);
	for (size_t i = 0; i < h.fields_len; i++)
		gp_dkim_canon_field(gp_header_raw(&h, i), canon, &c.out);
	gp_buf_put_str(&c.out, "\r\n");
	struct gp_dkim_canon_body body;
	struct gp_slice rest = gp_header_body(&h);
	gp_dkim_canon_body_init(&body, canon, &c.sink);
	for (; rest.len > 0; rest = gp_slice_drop(rest, r->piece))
		gp_dkim_canon_body_feed(&body, gp_slice_take(rest, r->piece));
	gp_dkim_canon_body_end(&body);
	struct gp_slice out = gp_arena_dup(&r->arena, gp_buf_slice(&c.out));
	gp_buf_free(&c.out);
	return out;
}

static void
canonical_forms_of_flanker(void **state)
{
	(void)state;
	size_t cases = 0;
	for (int i = 1; i <= 25; i++) {
		struct rig r;
		char path[64];
		if (i >= 15 && i <= 18)
			continue;
		for (uint8_t canon = 0; canon < GP_DKIM_CANONS; canon++) {
			rig_open(&r);
			r.piece = 1 + (size_t)i % 7;
			snprintf(path, sizeof(path), "dkim-canon-flanker/email.%02d", i);
			struct gp_slice message = GP_SLICE(""); /* the first is empty */
			if (i > 1)
				message = rig_crlf(&r, gp_suite_read(path, &r.arena));
			snprintf(path, sizeof(path), "dkim-canon-flanker/%s.expected.%02d",
				 gp_dkim_canon_name(canon), i);
			struct gp_slice want = gp_suite_read(path, &r.arena);
			if (!gp_slice_eq(canonical(&r, message, canon), want))
				fail_msg("%s is another", path);
			rig_close(&r);
			cases++;
		}
	}
	gp_suite_tell("dkim-canon-flanker", "canonical forms", cases, cases);
}

/* --- Mail::DKIM's messages --- */

static bool
is_as_expected(const struct rig *r, const char *expect)
{
	if (strcmp(expect, "none") == 0)
		return r->result.len == 0;
	if (strcmp(expect, "pass") == 0)
		return has(r, GP_DKIM_PASS);
	if (strcmp(expect, "temperror-or-permerror") == 0)
		return has(r, GP_DKIM_TEMPERROR) || has(r, GP_DKIM_PERMERROR);
	assert_string_equal(expect, "not-pass");
	return !has(r, GP_DKIM_PASS);
}

static void
messages_of_mail_dkim(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(RIG_ARENA_MAX);
	struct gp_slice text = gp_suite_read("dkim-mailperl/expected.json", &arena);
	json_t *cases = json_loadb(text.ptr, text.len, 0, NULL), *one;
	size_t i, bad = 0;
	json_array_foreach(cases, i, one)
	{
		struct rig r;
		char path[128];
		const char *file = json_string_value(json_object_get(one, "file"));
		const char *expect = json_string_value(json_object_get(one, "expect"));
		rig_open(&r);
		read_zone(&r, gp_suite_read("dkim-mailperl/FAKE_DNS.dat", &r.arena));
		snprintf(path, sizeof(path), "dkim-mailperl/corpus/%s", file);
		rig_verify(&r, rig_crlf(&r, gp_suite_read(path, &r.arena)));
		if (!is_as_expected(&r, expect)) {
			print_error("%s: wanted %s, got %.*s\n", file, expect,
				    GP_SLICE_FMT(rig_show(&r)));
			bad++;
		}
		rig_close(&r);
	}
	json_decref(cases);
	gp_arena_free(&arena);
	assert_int_equal(bad, 0);
	gp_suite_tell("dkim-mailperl", "verification", i, i);
}

/* --- Stalwart's --- */

static void
messages_of_stalwart(void **state)
{
	(void)state;
	for (int i = 1; i <= 6; i++) {
		struct rig r;
		char path[64];
		rig_open(&r);
		r.now_s = 1667843664;
		snprintf(path, sizeof(path), "dkim-stalwart/%03d.txt", i);
		struct gp_slice text = gp_suite_read(path, &r.arena);
		const char *end = memmem(text.ptr, text.len, "\n\n", 2);
		assert_non_null(end);
		size_t zone = (size_t)(end - text.ptr) + 1;
		read_zone(&r, gp_slice_take(text, zone));
		rig_verify(&r, rig_crlf(&r, gp_slice_drop(text, zone + 1)));
		if (!has(&r, GP_DKIM_PASS) ||
		    r.result.verdicts[r.result.len - 1].result != GP_DKIM_PASS)
			fail_msg("%s: %.*s", path, GP_SLICE_FMT(rig_show(&r)));
		rig_close(&r);
	}
	gp_suite_tell("dkim-stalwart", "verification", 6, 6);
}

/* --- the RFCs' examples --- */

/* record: the file of the suite that has the key. RFC 8463's key is there always. */
static const struct {
	const char *message, *record, *name, *want;
} examples[] = {
	{"rfc6376.signed.msg", "test.txt", "test._domainkey.football.example.com", "pass, pass"},
	{"rfc6376.signed.msg", "test_bad.txt", "test._domainkey.football.example.com",
	 "pass, permerror: the key record is malformed"},
	{"rfc6376.signed.msg", "badversion.txt", "test._domainkey.football.example.com",
	 "pass, permerror: the key record is malformed"},
	{"rfc6376.signed.msg", "badk.txt", "test._domainkey.football.example.com",
	 "pass, permerror: the key record is malformed"},
	{"rfc6376.signed.msg", "test_tlsrpt.txt", "test._domainkey.football.example.com",
	 "pass, permerror: the key is not for mail"},
	{"ed25519test2.msg", "eximtest.dns", "sed._domainkey.test.ex", "pass"},
	{"ed25519test2.msg", "ed25519test.dns", "sed._domainkey.test.ex",
	 "fail: the header is not the one that was signed"},
	{"test.message", "test.txt", "test._domainkey.example.com", "none"},
};

static void
examples_of_rfcs(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(examples); i++) {
		struct rig r;
		char path[64];
		rig_open(&r);
		rig_add_txt(&r, GP_SLICE("brisbane._domainkey.football.example.com"),
			    GP_SLICE("v=DKIM1; k=ed25519; "
				     "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="));
		snprintf(path, sizeof(path), "dkim-rfc/%s", examples[i].record);
		struct gp_slice record = gp_suite_read(path, &r.arena);
		rig_add_txt(&r, gp_slice_str(examples[i].name), gp_slice_cut(&record, '\n'));
		snprintf(path, sizeof(path), "dkim-rfc/%s", examples[i].message);
		rig_verify(&r, rig_crlf(&r, gp_suite_read(path, &r.arena)));
		assert_slice(rig_show(&r), examples[i].want);
		rig_close(&r);
	}
	gp_suite_tell("dkim-rfc", "verification", GP_ARRAY_LEN(examples), GP_ARRAY_LEN(examples));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(canonical_forms_of_flanker),
		cmocka_unit_test(messages_of_mail_dkim),
		cmocka_unit_test(messages_of_stalwart),
		cmocka_unit_test(examples_of_rfcs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
