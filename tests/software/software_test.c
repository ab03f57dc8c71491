/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What servers said, and who they are: each in recorded/ (which were run) and in written.txt (which
 * were not) must come out as the product that it names, ahead of all others. And how clues are
 * weighed.
 */
#include "../unit.h"

#include <dirent.h>
#include <errno.h>

#include "base/buf.h"
#include "core/software/print.h"
#include "recorded.h"

enum {
	FILE_MAX = 1 << 16,
	WEIGHT_WANTED = 600, /* that the right one has, */
	LEAD_WANTED = 150,   /* and how far it is ahead */
};

static struct recorded
from_text(const char *text, struct gp_arena *arena)
{
	struct recorded record;
	assert_true(recorded_read(gp_slice_str(text), arena, &record));
	return record;
}

static struct gp_software
find(const struct recorded *record, struct gp_arena *arena)
{
	struct gp_software software;
	assert_int_equal(gp_software_find(&record->observed, arena, &software), 0);
	return software;
}

static struct gp_slice
read_file(const char *name, struct gp_arena *arena)
{
	struct gp_slice path = gp_arena_printf(arena, GP_TESTS_DIR "/software/%s", name);
	char *text = gp_arena_alloc(arena, FILE_MAX);
	FILE *f = fopen(path.ptr, "re");
	assert_true(f && text);
	size_t len = fread(text, 1, FILE_MAX, f);
	fclose(f);
	return gp_slice(text, len);
}

/* It is the product, ahead of the next one by at least `lead`. */
static void
check(const char *file, const struct recorded *record, unsigned weight, unsigned lead)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_software software = find(record, &arena);
	if (software.len == 0 ||
	    !gp_slice_eq(record->product, gp_slice_str(software.items[0].name)))
		fail_msg("%s: %.*s is taken for %s", file, GP_SLICE_FMT(record->product),
			 software.len > 0 ? software.items[0].name : "nobody");
	const struct gp_software_candidate *best = &software.items[0];
	assert_slice(best->version, gp_arena_str(&arena, record->version));
	unsigned next = software.len > 1 ? software.items[1].weight : 0;
	if (best->weight < weight || best->weight < next + lead)
		fail_msg("%s: %s has %u, and %s has %u", file, best->name, best->weight,
			 software.len > 1 ? software.items[1].name : "nobody", next);
	assert_slice(record->belied, software.belied ? software.belied : "");
	gp_arena_free(&arena);
}

/* What is asked without consent is enough. */
static void
check_recorded(const char *name)
{
	static const uint8_t rare[] = {
		GP_SOFTWARE_LONG, GP_SOFTWARE_NOOP, GP_SOFTWARE_VRFY, GP_SOFTWARE_EXPN,
		GP_SOFTWARE_RSET, GP_SOFTWARE_MAIL, GP_SOFTWARE_RCPT,
	};
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct gp_slice file = gp_arena_printf(&arena, "recorded/%s", name);
	struct recorded record = from_text(read_file(file.ptr, &arena).ptr, &arena);
	check(name, &record, WEIGHT_WANTED, LEAD_WANTED);
	for (size_t i = 0; i < GP_ARRAY_LEN(rare); i++)
		record.observed.replies[rare[i]] = (struct gp_slice){};
	check(name, &record, WEIGHT_WANTED, LEAD_WANTED);
	gp_arena_free(&arena);
}

static void
recorded_servers_are_known(void **state)
{
	DIR *folder = opendir(GP_TESTS_DIR "/software/recorded");
	size_t count = 0;
	(void)state;
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (!gp_slice_ends_nocase(gp_slice_str(entry->d_name), GP_SLICE(".txt")))
			continue;
		check_recorded(entry->d_name);
		count++;
	}
	closedir(folder);
	print_message("%zu recorded servers\n", count);
	assert_true(count > 0);
}

static void
written_servers_are_known(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	char *text = gp_arena_str(&arena, read_file("written.txt", &arena));
	(void)state;
	for (char *end; text; text = end) {
		end = strstr(text, "\n\n");
		if (end) {
			*end = '\0';
			end += strlen("\n\n");
		}
		struct recorded record = from_text(text, &arena);
		if (record.product.len > 0)
			check("written.txt", &record, GP_SOFTWARE_WEIGHT_MIN, 1);
	}
	gp_arena_free(&arena);
}

/* Each product stands in one of them. */
static void
every_print_has_its_test(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 22);
	struct gp_buf all = GP_BUF_INIT(1 << 20);
	DIR *folder = opendir(GP_TESTS_DIR "/software/recorded");
	(void)state;
	assert_non_null(folder);
	gp_buf_put(&all, read_file("written.txt", &arena));
	for (struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		struct gp_slice file = gp_arena_printf(&arena, "recorded/%s", entry->d_name);
		gp_buf_put(&all, read_file(file.ptr, &arena));
	}
	closedir(folder);
	gp_buf_put_char(&all, '\0');
	assert_false(all.failed || arena.failed);
	for (size_t i = 0; i < gp_prints_len; i++) {
		struct gp_slice line =
			gp_arena_printf(&arena, "product: %s\n", gp_prints[i].product);
		if (!strstr(gp_buf_slice(&all).ptr, line.ptr))
			fail_msg("no test has %s", gp_prints[i].product);
	}
	gp_buf_free(&all);
	gp_arena_free(&arena);
}

static void
behaviour_outranks_the_greeting(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct recorded record =
		from_text("greeting: 220 mx.test ESMTP Postfix\n"
			  "ehlo: 250-mx.test Hello probe.example [192.0.2.1]\n"
			  "ehlo: 250-SIZE 1000\n"
			  "ehlo: 250 HELP\n"
			  "unknown: 500 unrecognized command\n"
			  "malformed: 501 Syntactically invalid EHLO argument(s)\n",
			  &arena);
	(void)state;
	struct gp_software software = find(&record, &arena);
	assert_string_equal(software.items[0].name, "Exim");
	assert_string_equal(software.belied, "Postfix");
	assert_slice(software.claim, "220 mx.test ESMTP Postfix");
	for (size_t i = 1; i < software.len; i++)
		assert_string_not_equal(software.items[i].name, "Postfix");
	gp_arena_free(&arena);
}

static void
a_claim_alone_is_weak(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct recorded record = from_text("greeting: 220 mx.test ESMTP Postfix\n", &arena);
	(void)state;
	struct gp_software software = find(&record, &arena);
	assert_int_equal(software.len, 1);
	assert_string_equal(software.items[0].name, "Postfix");
	assert_int_equal(software.items[0].weight, 400);
	assert_slice(software.items[0].evidence, "greeting: 220 mx.test ESMTP Postfix");
	gp_arena_free(&arena);
}

static void
a_pause_is_between_lines(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct recorded record = from_text("pause: 6000\ngreeting: 220-mx.test\n", &arena);
	(void)state;
	assert_int_equal(find(&record, &arena).len, 0);
	record = from_text("pause: 6000\ngreeting: 220-mx.test\ngreeting: 220 mx.test\n", &arena);
	struct gp_software software = find(&record, &arena);
	assert_int_equal(software.len, 1);
	assert_string_equal(software.items[0].name, "postscreen");
	assert_slice(software.items[0].evidence, "greeting: 220-mx.test");
	gp_arena_free(&arena);
}

static void
nothing_said_is_nobody(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct recorded record = from_text("# nothing\n", &arena);
	(void)state;
	struct gp_software software = find(&record, &arena);
	assert_int_equal(software.len, 0);
	assert_null(software.belied);
	record = from_text("greeting: 554 go away\nunknown:421 bye\n", &arena);
	assert_int_equal(find(&record, &arena).len, 0);
	gp_arena_free(&arena);
}

/* Of each reply the heaviest clue counts, and another reply takes weight away. */
static void
clues_are_weighed(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct recorded record = from_text("unknown: 500 5.5.2 Error: command not recognized\n"
					   "noop: 250 2.0.0 Ok\n",
					   &arena);
	(void)state;
	assert_int_equal(find(&record, &arena).items[0].weight, 895); /* 1 - 0.15 * 0.7 */
	record = from_text("unknown: 500 5.5.2 Error: command not recognized\n"
			   "noop: 250 Whatever\n",
			   &arena);
	assert_int_equal(find(&record, &arena).items[0].weight, 425); /* 0.85 * 0.5 */
	gp_arena_free(&arena);
}

static void
evidence_is_printable_and_bounded(void **state)
{
	static const char controls[500] = "220 x ESMTP Postfix";
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct recorded record = from_text("greeting: 220 \033[31mx ESMTP Exim 4.96 x\n", &arena);
	(void)state;
	struct gp_software software = find(&record, &arena);
	assert_slice(software.items[0].evidence, "greeting: 220 <U+001B>[31mx ESMTP Exim 4.96 x");
	for (unsigned i = 0; i < GP_SOFTWARE_FIELDS; i++)
		record.observed.replies[i] =
			gp_arena_printf(&arena,
					"250 * Hello %0500d [x]\n500 unrecognized command\n"
					"501 Syntactically invalid EHLO argument(s)",
					1);
	software = find(&record, &arena);
	assert_true(software.items[0].evidence.len <= GP_SOFTWARE_EVIDENCE_MAX);
	record.observed = (struct gp_software_observed){
		.replies[GP_SOFTWARE_GREETING] = gp_slice(controls, sizeof(controls)),
	};
	software = find(&record, &arena);
	assert_true(software.items[0].evidence.len > 0);
	assert_true(software.items[0].evidence.len <= GP_SOFTWARE_EVIDENCE_MAX);
	gp_arena_free(&arena);
}

static void
only_the_beginning_of_a_reply_counts(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct recorded record = {};
	(void)state;
	record.observed.replies[GP_SOFTWARE_UNKNOWN] = gp_arena_printf(
		&arena, "500-%0*d\n500 unrecognized command", GP_SOFTWARE_TEXT_MAX, 1);
	assert_int_equal(find(&record, &arena).len, 0);
	gp_arena_free(&arena);
}

static void
a_version_without_end_is_none(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20);
	struct recorded record = {};
	(void)state;
	record.observed.replies[GP_SOFTWARE_GREETING] =
		gp_arena_printf(&arena, "220 x ESMTP Exim %0500d x", 1);
	struct gp_software software = find(&record, &arena);
	assert_string_equal(software.items[0].name, "Exim");
	assert_slice(software.items[0].version, "");
	gp_arena_free(&arena);
}

static void
without_memory_it_says_so(void **state)
{
	struct gp_arena arena = GP_ARENA_INIT(1 << 20), small = GP_ARENA_INIT(0);
	struct recorded record = from_text("greeting: 220 x ESMTP Postfix\n", &arena);
	struct gp_software software;
	(void)state;
	int r = 0;
	for (; small.max < 1 << 20; small.max += 512) {
		r = gp_software_find(&record.observed, &small, &software);
		gp_arena_free(&small);
		small = GP_ARENA_INIT(small.max);
		if (r == 0)
			break;
		assert_int_equal(r, -ENOMEM);
	}
	assert_true(r == 0 && small.max > 0);
	gp_arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_servers_are_known),
		cmocka_unit_test(written_servers_are_known),
		cmocka_unit_test(every_print_has_its_test),
		cmocka_unit_test(behaviour_outranks_the_greeting),
		cmocka_unit_test(a_claim_alone_is_weak),
		cmocka_unit_test(a_pause_is_between_lines),
		cmocka_unit_test(nothing_said_is_nobody),
		cmocka_unit_test(clues_are_weighed),
		cmocka_unit_test(evidence_is_printable_and_bounded),
		cmocka_unit_test(only_the_beginning_of_a_reply_counts),
		cmocka_unit_test(a_version_without_end_is_none),
		cmocka_unit_test(without_memory_it_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
