/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failure reports that others have collected: what each comes to. Those of sisimai are complaints
 * of readers mostly, in the same form; Hotmail's have none of its fields, and tell nothing.
 */
#include "../suite.h"

#include "core/ingest/failure.h"
#include "teller.h"

enum { ARENA_MAX = 8 << 20 };

/* "TYPE from ADDRESS of DOMAIN, N flaws", or "" */
static const struct outcome {
	const char *file, *told;
} failures[] = {
	{"DMARC Failure Report for domain.de (mail-from=sharepoint@domain.de, ip=10.10.10.10).eml",
	 "dmarc from ::ffff:10.10.10.10 of domain.de, 0 flaws"},
	{"[Netease DMARC Failure Report] Rent Reminder.eml",
	 "auth-failure from ::ffff:167.89.69.24 of cardinal.com, 0 flaws"},
	{"dmarc_ruf_report_linkedin.crlf.eml",
	 "dmarc from ::ffff:10.10.10.10 of example.com, 0 flaws"},
	{"dmarc_ruf_report_linkedin.eml", "dmarc from ::ffff:10.10.10.10 of example.com, 0 flaws"},
	{"exim_plain_text_only_no_arf_part.eml",
	 "dmarc from ::ffff:203.0.113.68 of example.com, 0 flaws"},
};

static const struct outcome complaints[] = {
	{"bsd/arf-01.eml", "abuse from ::ffff:192.0.2.89 of example.ed.jp, 0 flaws"},
	{"bsd/arf-02.eml", "abuse from :: of example.com, 1 flaws"},
	{"bsd/arf-11.eml", "abuse from ::ffff:192.0.2.2 of example.net, 1 flaws"},
	{"bsd/arf-12.eml", "opt-out from ::ffff:192.0.2.89 of example.net, 1 flaws"},
	{"bsd/arf-14.eml", "abuse from :: of amazonses.com, 1 flaws"},
	{"bsd/arf-15.eml", "abuse from ::ffff:192.0.2.222 of example.net, 1 flaws"},
	{"bsd/arf-16.eml", "abuse from ::ffff:192.0.2.1 of example.com, 0 flaws"},
	{"bsd/arf-17.eml", "abuse from ::ffff:192.0.2.3 of example.jp, 1 flaws"},
	{"bsd/arf-18.eml", "dmarc from ::ffff:192.0.2.222 of example.net, 0 flaws"},
	{"bsd/arf-19.eml", "auth-failure from ::ffff:203.0.113.2 of example.net, 0 flaws"},
	{"bsd/arf-20.eml", "dmarc from ::ffff:203.0.113.2 of example.net, 0 flaws"},
	{"bsd/arf-21.eml", "abuse from ::ffff:198.51.100.224 of example.net, 1 flaws"},
	{"bsd/arf-22.eml", ""},
	{"bsd/arf-23.eml", ""},
	{"bsd/arf-24.eml", ""},
	{"bsd/arf-25.eml", "abuse from ::ffff:10.0.0.1 of example.com, 0 flaws"},
	{"bsd/arf-26.eml", ""},
};

/* Beside the teller's failures, how many flaws there were. */
static size_t
count_flaws(struct gp_slice told)
{
	size_t flaws = 0;
	while (told.ptr)
		flaws += gp_slice_starts(gp_slice_cut(&told, '\n'), GP_SLICE("flaw "));
	return flaws;
}

/* " at TIME" is left out. */
static void
shorten(struct gp_slice told, struct gp_buf *out)
{
	size_t flaws = count_flaws(told);
	while (told.ptr) {
		struct gp_slice line = gp_slice_cut(&told, '\n');
		if (!gp_slice_starts(line, GP_SLICE("failure ")))
			continue;
		line = gp_slice_drop(line, strlen("failure "));
		for (size_t words = 0; words < 5; words++) {
			gp_buf_put_str(out, words > 0 ? " " : "");
			gp_buf_put(out, gp_slice_cut(&line, ' '));
		}
		gp_buf_printf(out, ", %zu flaws", flaws);
	}
}

static void
try_one(const char *suite, const struct outcome *o)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_buf got = GP_BUF_INIT(4096);
	struct teller t = {};
	struct gp_ingest_listener listener = teller_listener(&t);
	struct gp_ingest_mail mail;
	struct gp_slice path = gp_arena_printf(&arena, "%s/%s", suite, o->file);
	assert_int_equal(gp_ingest_mail_read(gp_suite_read(path.ptr, &arena), &arena, &mail), 0);
	for (size_t i = 0; i < mail.len; i++) {
		const struct gp_ingest_candidate *c = &mail.candidates[i];
		if (c->kind == GP_INGEST_FEEDBACK || gp_ingest_failure_tells(c->octets, &arena))
			assert_int_equal(gp_ingest_failure_read(c, mail.header, &listener, &arena),
					 0);
	}
	shorten(gp_buf_slice(&t.out), &got);
	if (!gp_slice_eq(gp_buf_slice(&got), gp_slice_str(o->told)))
		fail_msg("%s: '%.*s'", o->file, GP_SLICE_FMT(gp_buf_slice(&got)));
	gp_buf_free(&got);
	gp_buf_free(&t.out);
	gp_arena_free(&arena);
}

static void
reports_of_failures(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(failures); i++)
		try_one("dmarc-ruf-parsedmarc", &failures[i]);
	gp_suite_tell("dmarc-ruf-parsedmarc", "what failed, from where, of which domain",
		      GP_ARRAY_LEN(failures), GP_ARRAY_LEN(failures));
}

static void
complaints_of_readers(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(complaints); i++)
		try_one("dsn-sisimai", &complaints[i]);
	gp_suite_tell("dsn-sisimai", "complaints as ARF, type, source, domain",
		      GP_ARRAY_LEN(complaints), GP_ARRAY_LEN(complaints));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reports_of_failures),
		cmocka_unit_test(complaints_of_readers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
