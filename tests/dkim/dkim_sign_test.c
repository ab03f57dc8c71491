/* SPDX-License-Identifier: Apache-2.0 */
#include "signer.h"

#include <errno.h>

static const struct gp_dkim_digest some_hash = {{1, 2, 3}};

static struct gp_dkim_order
some_order(void)
{
	return (struct gp_dkim_order){.domain = GP_SLICE("a.test"),
				      .selector = GP_SLICE("s"),
				      .algorithm = GP_DKIM_RSA_SHA256,
				      .header_canon = GP_DKIM_RELAXED,
				      .body_canon = GP_DKIM_SIMPLE,
				      .time_s = 7,
				      .body_hash = &some_hash};
}

static int
draft(const struct gp_dkim_order *o, const char *message, struct gp_arena *arena,
      struct gp_dkim_draft *ret, const char **ret_why)
{
	struct gp_header h;
	assert_int_equal(gp_header_split(gp_slice_str(message), arena, &h), 0);
	return gp_dkim_draft(o, &h, arena, ret, ret_why);
}

static void
a_field_is_drafted_and_finished(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	static const struct gp_slice names[] = {GP_SLICE("From"), GP_SLICE("Subject"),
						GP_SLICE("from")};
	struct gp_dkim_order o = some_order();
	struct gp_dkim_draft d;
	struct gp_slice field;
	const char *why;
	o.names = names;
	o.names_len = GP_ARRAY_LEN(names);
	o.expiry_s = 9;
	assert_int_equal(draft(&o, "Subject:  x\r\nFrom: j@a.test\r\n\r\n", &arena, &d, &why), 0);
	assert_slice(d.field, "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=a.test; s=s;"
			      " t=7;\r\n\tx=9; h=From:Subject:from;\r\n"
			      "\tbh=AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=;\r\n\tb=");
	assert_slice(d.input, "from:j@a.test\r\nsubject:x\r\n"
			      "dkim-signature:v=1; a=rsa-sha256; c=relaxed/simple; d=a.test; s=s;"
			      " t=7; x=9; h=From:Subject:from; "
			      "bh=AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=");
	assert_int_equal(gp_dkim_finish(&d, GP_SLICE("foo"), &arena, &field), 0);
	assert_true(gp_slice_starts(field, d.field));
	assert_slice(gp_slice_drop(field, d.field.len), "Zm9v\r\n");
	gp_arena_free(&arena);
}

/* RFC 5322 section 2.1.1: lines of at most 78 characters, tabs taken for 8. */
static void
lines_are_short(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	char octets[GP_DKIM_SIGNATURE_MAX] = {0};
	for (size_t len = 0; len <= sizeof(octets); len += 8) {
		struct gp_dkim_order o = some_order();
		struct gp_dkim_draft d;
		struct gp_slice field;
		const char *why;
		assert_int_equal(draft(&o, "From: j@a.test\r\n\r\n", &arena, &d, &why), 0);
		assert_int_equal(gp_dkim_finish(&d, gp_slice(octets, len), &arena, &field), 0);
		while (field.len > 0) {
			struct gp_slice line = gp_slice_cut(&field, '\n');
			assert_true(line.len > 1 && line.ptr[line.len - 1] == '\r');
			assert_true(line.len - 1 + (line.ptr[0] == '\t' ? 7 : 0) <= 78);
		}
		gp_arena_reset(&arena);
	}
	gp_arena_free(&arena);
}

static size_t
count(const struct gp_slice *names, size_t len, const char *name)
{
	size_t times = 0;
	for (size_t i = 0; i < len; i++)
		times += gp_slice_eq(names[i], gp_slice_str(name));
	return times;
}

static void
what_must_not_be_added_is_named_once_more(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_header h;
	const struct gp_slice *names;
	size_t len;
	struct gp_slice message = GP_SLICE("Received: x\r\nFrom: j@a.test\r\nCC: a@b.test\r\n"
					   "Sender: k@a.test\r\nList-Id: y\r\n\r\n");
	assert_int_equal(gp_header_split(message, &arena, &h), 0);
	assert_int_equal(gp_dkim_default_names(&h, &arena, &names, &len), 0);
	assert_int_equal(count(names, len, "from"), 2);
	assert_int_equal(count(names, len, "cc"), 2);
	assert_int_equal(count(names, len, "to"), 1);
	assert_int_equal(count(names, len, "content-type"), 1);
	assert_int_equal(count(names, len, "sender"), 1);
	assert_int_equal(count(names, len, "references"), 0);
	assert_int_equal(count(names, len, "list-id"), 0);
	assert_int_equal(count(names, len, "received"), 0);
	gp_arena_free(&arena);
}

static void
too_many_fields_are_not_signed(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_buf text = GP_BUF_INIT(1 << 16);
	struct gp_dkim_order o = some_order();
	struct gp_dkim_draft d;
	const char *why;
	gp_buf_put_str(&text, "From: j@a.test\r\n");
	for (int i = 0; i < GP_DKIM_NAMES_MAX; i++)
		gp_buf_put_str(&text, "To: x\r\n");
	gp_buf_put_char(&text, '\0');
	assert_int_equal(draft(&o, gp_buf_slice(&text).ptr, &arena, &d, &why), 1);
	assert_string_equal(why, "too many fields are to be signed");
	gp_buf_free(&text);
	gp_arena_free(&arena);
}

static void
what_cannot_be_signed_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *domain, *selector, *name, *message, *want;
		uint64_t expiry_s;
	} cases[] = {
		{"a.test", "s", "from", "To: x\r\n\r\nFrom: y\r\n", "the message has no From", 0},
		{"a..test", "s", "from", "From: x\r\n\r\n", "the domain is none", 0},
		{"a.test; x=y", "s", "from", "From: x\r\n\r\n", "the domain is none", 0},
		{"a.test", "s s", "from", "From: x\r\n\r\n", "the selector is none", 0},
		{"a.test", "", "from", "From: x\r\n\r\n", "the selector is none", 0},
		{"a.test", "s", "to", "From: x\r\n\r\n", "From must be among the names of fields",
		 0},
		{"a.test", "s", "from;", "From: x\r\n\r\n", "a name is none of a field", 0},
		{"a.test", "s", "", "From: x\r\n\r\n", "a name is none of a field", 0},
		{"a.test", "s", "from", "From: x\r\n\r\n", "it would have expired when it is made",
		 7},
	};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(1 << 20);
		struct gp_slice name = gp_slice_str(cases[i].name);
		struct gp_dkim_order o = some_order();
		struct gp_dkim_draft d;
		const char *why;
		o.domain = gp_slice_str(cases[i].domain);
		o.selector = gp_slice_str(cases[i].selector);
		o.names = &name;
		o.names_len = 1;
		o.expiry_s = cases[i].expiry_s;
		assert_int_equal(draft(&o, cases[i].message, &arena, &d, &why), 1);
		assert_string_equal(why, cases[i].want);
		gp_arena_free(&arena);
	}
}

static void
names_are_written_as_the_dns_has_them(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_dkim_order o = some_order();
	struct gp_dkim_draft d;
	const char *why;
	o.domain = GP_SLICE("B\xc3\xbc"
			    "cher.test");
	o.selector = GP_SLICE("\xc3\xbc.S");
	assert_int_equal(draft(&o, "From: x\r\n\r\n", &arena, &d, &why), 0);
	assert_non_null(memmem(d.field.ptr, d.field.len, "d=xn--bcher-kva.test;", 21));
	assert_non_null(memmem(d.field.ptr, d.field.len, "s=xn--tda.s;", 12));
	gp_arena_free(&arena);
}

static void
arc_has_an_instance_for_a_version(void **state)
{
	(void)state;
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_dkim_order o = some_order();
	struct gp_dkim_draft d;
	struct gp_dkim_signature s;
	struct gp_slice field;
	const char *why;
	o.kind = GP_DKIM_ARC_MESSAGE;
	o.instance = 3;
	assert_int_equal(draft(&o, "From: x\r\n\r\n", &arena, &d, &why), 0);
	assert_true(gp_slice_starts(d.field, GP_SLICE("ARC-Message-Signature: i=3; a=rsa-sha")));
	assert_int_equal(gp_dkim_finish(&d, GP_SLICE("x"), &arena, &field), 0);
	(void)gp_slice_cut(&field, ':');
	assert_int_equal(gp_dkim_signature_read(gp_slice_take(field, field.len - 2),
						GP_DKIM_ARC_MESSAGE, &arena, &s),
			 0);
	assert_int_equal(s.result, 0);
	gp_arena_free(&arena);
}

static void
memory_may_run_out(void **state)
{
	(void)state;
	struct gp_arena rest = GP_ARENA_INIT(1 << 16);
	struct gp_header h;
	struct gp_slice message = GP_SLICE("From: x\r\nTo: y\r\n\r\n");
	assert_int_equal(gp_header_split(message, &rest, &h), 0);
	int r = -ENOMEM;
	for (size_t max = 0; r != 0; max += 64) {
		struct gp_arena arena = GP_ARENA_INIT(max);
		struct gp_dkim_order o = some_order();
		struct gp_dkim_draft d;
		struct gp_slice field;
		const char *why;
		r = gp_dkim_draft(&o, &h, &arena, &d, &why);
		if (r == 0)
			r = gp_dkim_finish(&d, GP_SLICE("x"), &arena, &field);
		assert_true(r == 0 || r == -ENOMEM);
		gp_arena_free(&arena);
	}
	gp_arena_free(&rest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_is_drafted_and_finished),
		cmocka_unit_test(lines_are_short),
		cmocka_unit_test(what_must_not_be_added_is_named_once_more),
		cmocka_unit_test(too_many_fields_are_not_signed),
		cmocka_unit_test(what_cannot_be_signed_is_told),
		cmocka_unit_test(names_are_written_as_the_dns_has_them),
		cmocka_unit_test(arc_has_an_instance_for_a_version),
		cmocka_unit_test(memory_may_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
