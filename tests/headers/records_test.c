/* SPDX-License-Identifier: Apache-2.0 */
/* Trace fields in our name, held against what our journal knows of their ids. */
#include "../unit.h"

#include "core/headers/records.h"

enum { ARENA_MAX = 8 << 20, NOW_S = 1795315607 };

static const struct gp_slice our_hosts[] = {GP_SLICE("mx.our.test")};
static const struct gp_slice our_domains[] = {GP_SLICE("gatepost.test")};

#define AT "; Sun, 22 Nov 2026 02:46:40 +0000\r\n"
#define STRANGER                                                                     \
	"Received: from a.far.test (a.far.test [198.51.100.7]) by mx.our.test with " \
	"ESMTPS id 0Jx6Yk3ZqAa" AT
#define LOGIN "Received: from pc ([198.51.100.9]) by mx.our.test with ESMTPSA id 0Jx6Yk3ZqAb" AT
#define THEIRS "Received: from mx.our.test by mx.far.test with ESMTPS id 77" AT
#define OURS "From: Al <al@gatepost.test>\r\nMessage-ID: <1@pc>\r\n"
#define ABUSE "Reply-To: x@else.test\r\n"

#define FOUND_USER                                          \
	{                                                   \
		.state = GP_RECORD_FOUND, .came = {         \
			.kind = GP_JOURNAL_ARRIVED,         \
			.origin = GP_JOURNAL_USER,          \
			.client = GP_SLICE("198.51.100.9"), \
			.user = GP_SLICE("al"),             \
			.message_id = GP_SLICE("<1@pc>")    \
		}                                           \
	}
#define FOUND_STRANGER                                      \
	{                                                   \
		.state = GP_RECORD_FOUND, .came = {         \
			.kind = GP_JOURNAL_ARRIVED,         \
			.origin = GP_JOURNAL_STRANGER,      \
			.client = GP_SLICE("198.51.100.9"), \
			.message_id = GP_SLICE("<1@pc>")    \
		}                                           \
	}

static const struct {
	const char *message;
	struct gp_headers_record record; /* of the hop with a login */
	uint8_t dkim;                    /* enum gp_verified_result; NOT: nothing is verified */
	uint8_t verdict;
	const char *first;
} cases[] = {
	/* What came in is borne out. */
	{LOGIN OURS, FOUND_USER, 0, GP_VERDICT_AUTHENTIC,
	 "it was submitted with a login at mx.our.test, queue id 0Jx6Yk3ZqAb, from [198.51.100.9] "
	 "as al; our gateway's journal has it"},
	{LOGIN OURS ABUSE, FOUND_USER, 0, GP_VERDICT_COMPROMISED, "it was submitted with a login"},
	/* It came back to somebody else: only the journal can tell. */
	{THEIRS LOGIN OURS, FOUND_USER, 0, GP_VERDICT_AUTHENTIC, "it was submitted with a login"},
	{THEIRS LOGIN OURS ABUSE, FOUND_USER, 0, GP_VERDICT_COMPROMISED,
	 "it was submitted with a login"},
	{THEIRS LOGIN OURS ABUSE, FOUND_USER, GP_VERIFIED_PASS, GP_VERDICT_COMPROMISED,
	 "it was submitted with a login"},
	/* Its trace field on another content, as far as a signature tells. */
	{THEIRS LOGIN OURS ABUSE, FOUND_USER, GP_VERIFIED_FAIL, GP_VERDICT_UNAUTHENTICATED,
	 "nothing passes"},
	/* Never given, or given to another message. */
	{LOGIN OURS, {.state = GP_RECORD_NONE}, 0, GP_VERDICT_SPOOFED, "our gateway knows nothing"},
	{LOGIN OURS ABUSE,
	 {.state = GP_RECORD_NONE},
	 0,
	 GP_VERDICT_SPOOFED,
	 "our gateway knows nothing"},
	{LOGIN OURS, FOUND_STRANGER, 0, GP_VERDICT_SPOOFED,
	 "our queue id, of another message: hop 1, id 0Jx6Yk3ZqAb: it came without a login"},
	{LOGIN "From: al@gatepost.test\r\nMessage-ID: <2@pc>\r\n", FOUND_USER, 0,
	 GP_VERDICT_SPOOFED,
	 "our queue id, of another message: hop 1, id 0Jx6Yk3ZqAb: its Message-ID was another"},
	{LOGIN "From: al@gatepost.test\r\n", FOUND_USER, 0, GP_VERDICT_SPOOFED,
	 "our queue id, of another message"},
	{THEIRS LOGIN OURS ABUSE,
	 {.state = GP_RECORD_NONE},
	 0,
	 GP_VERDICT_SPOOFED,
	 "our gateway knows nothing"},
	/* The journal does not reach so far. */
	{LOGIN OURS,
	 {.state = GP_RECORD_UNKNOWN},
	 0,
	 GP_VERDICT_AUTHENTIC,
	 "it was submitted with a login at mx.our.test, queue id 0Jx6Yk3ZqAb, from "
	 "[198.51.100.9]"},
	{STRANGER LOGIN OURS,
	 {.state = GP_RECORD_UNKNOWN},
	 0,
	 GP_VERDICT_SPOOFED,
	 "a trace field in our name"},
};

/* The record of the case for the hop with a login; of others nothing is known. */
static size_t
find(const struct gp_headers *h, const struct gp_headers_record *of_login,
     struct gp_headers_record *records)
{
	size_t len = gp_headers_claimed(h, our_hosts[0], records);
	for (size_t i = 0; i < len; i++) {
		if (!h->path.hops[records[i].hop].hop.authenticated)
			continue;
		records[i].state = of_login->state;
		records[i].came = of_login->came;
	}
	return len;
}

static void
verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_headers_record records[GP_HEADERS_RECORDS_MAX];
		struct gp_headers h;
		struct gp_headers_query query = {.own = our_domains,
						 .own_len = 1,
						 .trust = {.hosts = our_hosts, .hosts_len = 1},
						 .now_s = NOW_S};
		struct gp_verified verified = {.dkim = cases[i].dkim, .spf = GP_VERIFIED_NONE};
		struct gp_slice message = gp_arena_printf(&arena, "%s\r\n", cases[i].message);
		assert_int_equal(gp_headers_read(message, &query, &arena, &h), 0);
		gp_headers_take_records(&h, records, find(&h, &cases[i].record, records));
		assert_int_equal(gp_headers_judge(&h, cases[i].dkim ? &verified : NULL, &arena), 0);
		if (h.verdict != cases[i].verdict ||
		    !gp_slice_starts(h.reasons[0], gp_slice_str(cases[i].first)))
			fail_msg("case %zu: %s: %.*s", i, gp_verdict_name(h.verdict),
				 GP_SLICE_FMT(h.reasons[0]));
		gp_arena_free(&arena);
	}
}

static void
only_ids_of_ours_are_asked_about(void **state)
{
	static const struct {
		const char *message;
		size_t len;
	} messages[] = {
		{LOGIN OURS, 1},
		{STRANGER LOGIN OURS, 2},
		{THEIRS OURS, 0},
		{"Received: from a by mx.our.test with SMTP id 0Jx6" AT OURS, 0},
		{"Received: from a by MX.our.test. with SMTP id 0Jx6Yk3ZqAb" AT OURS, 1},
		{"Received: from a by not.mx.our.test with SMTP id 0Jx6Yk3ZqAb" AT OURS, 0},
		{LOGIN LOGIN LOGIN LOGIN LOGIN LOGIN LOGIN LOGIN LOGIN LOGIN OURS,
		 GP_HEADERS_RECORDS_MAX},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(messages); i++) {
		struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
		struct gp_headers_record records[GP_HEADERS_RECORDS_MAX];
		struct gp_headers_query query = {.now_s = NOW_S};
		struct gp_headers h;
		struct gp_slice message = gp_arena_printf(&arena, "%s\r\n", messages[i].message);
		assert_int_equal(gp_headers_read(message, &query, &arena, &h), 0);
		assert_int_equal(gp_headers_claimed(&h, our_hosts[0], records), messages[i].len);
		assert_int_equal(gp_headers_claimed(&h, GP_SLICE(""), records), 0);
		gp_arena_free(&arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(only_ids_of_ours_are_asked_about),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
