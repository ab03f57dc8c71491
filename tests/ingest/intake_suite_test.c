/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports that are attacks, and reports as others have collected them, each read in a process of
 * its own: what comes of it, and what it costs at most.
 */
#include "../suite.h"

#include <dirent.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "core/ingest/intake.h"
#include "teller.h"

enum {
	ARENA_MAX = 64 << 20,
	CPU_MAX_MS = 1000,
	RSS_MAX_KIB = 64 * 1024,
	TOLD_MAX = 200, /* octets of a summary */
};

/* A sanitizer costs more than what it looks at. */
#ifndef __has_feature
#define __has_feature(x) 0 /* gcc 12 has none */
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { MEASURED = false };
#else
enum { MEASURED = true };
#endif

/* What comes of archives and mails. What comes of plain documents their readers' tests tell; here
 * they are read for what it costs. */
static const struct wanted {
	const char *file, *told;
} archives_and_mails[] = {
	{"gz-bad-crc.xml.gz", "0 kept: it is damaged"},
	{"gz-bomb-256M.gz", "0 kept: so much comes out of so little that it is no report"},
	{"gz-double.xml.gz.gz", "0 kept: it is an archive within an archive"},
	{"gz-reserved-flags.xml.gz", "0 kept: it is damaged"},
	{"gz-trailing-garbage.xml.gz", "1 kept: octets stand behind its end"},
	{"gz-truncated.xml.gz", "0 kept: it is cut off"},
	{"gz-two-members.xml.gz", "1 kept"},
	{"zip-absolute.zip", "1 kept"},
	{"zip-bad-crc.zip", "0 kept: its size or its checksum is another than it says"},
	{"zip-bad-offset.zip", "0 kept: its directory leads to where no file is"},
	{"zip-bomb-1entry-128M.zip", "0 kept: so much comes out of so little that it is no report"},
	{"zip-bzip2.zip", "0 kept: it is packed by a method that no report needs"},
	{"zip-dir-only.zip", "0 kept: there is no file in it"},
	{"zip-empty.zip", "0 kept: there is no file in it"},
	{"zip-encrypted-flag.zip", "0 kept: it is encrypted"},
	{"zip-many-entries.zip", "0 kept: there are too many files in it"},
	{"zip-nested.zip", "0 kept: it is an archive within an archive"},
	{"zip-overlap-200x4M.zip", "0 kept: there are too many files in it"},
	{"zip-readme-first.zip", "1 kept: there are files in it besides the report"},
	{"zip-stored.zip", "1 kept"},
	{"zip-zip64.zip", "1 kept"},
	{"mail-base64-junk.eml", "1 kept"},
	{"mail-base64-no-pad.eml", "1 kept"},
	{"mail-base64-one-line.eml", "1 kept"},
	{"mail-gz.eml", "1 kept"},
	{"mail-many-parts.eml", "0 kept: there is no report in this mail"},
	{"mail-nested-rfc822.eml", "1 kept"},
	{"mail-no-filename.eml", "1 kept"},
	{"mail-octet-stream.eml", "1 kept"},
	{"mail-rfc2231-name.eml", "1 kept"},
	{"mail-text-xml.eml", "1 kept"},
	{"mail-tlsrpt-domain-mismatch.eml", "1 kept"},
	{"mail-two-attachments.eml", "2 kept"},
	{"base.xml.gz", "1 kept"},
	{"base.zip", "1 kept"},
	{"records-100k-tiny.xml.gz", "0 kept: so much comes out of so little that it is no report"},
};

/* As they were collected, by parsedmarc. */
static const struct wanted collected[] = {
	{"dmarc-rua-parsedmarc/aggregate/mimecast-weird-gzip.eml", "1 kept"},
	{"dmarc-rua-parsedmarc/aggregate/twilight.eml", "1 kept"},
	{"dmarc-rua-parsedmarc/aggregate/Report domain- borschow.com Submitter- google.com "
	 "Report-ID- 949348866075514174.eml",
	 "1 kept"},
	{"dmarc-rua-parsedmarc/aggregate/"
	 "estadocuenta1.infonacot.gob.mx!example.com!1536853302!1536939702!2940.xml.zip",
	 "1 kept"},
	{"dmarc-rua-parsedmarc/aggregate/"
	 "fastmail.com!example.com!1516060800!1516147199!102675056.xml.gz",
	 "1 kept"},
	{"dmarc-rua-parsedmarc/extract_report/nice-input.xml.gz", "1 kept"},
	{"dmarc-rua-parsedmarc/extract_report/nice-input.xml.zip", "1 kept"},
	{"tlsrpt-parsedmarc/google.com_smtp_tls_report.eml", "1 kept"},
};

/* "N kept", with the last flaw by which one was lost, or why nothing was found. */
static void
summarize(struct gp_slice told, const struct gp_intake_result *result, char out[TOLD_MAX])
{
	size_t lost = 0;
	struct gp_slice why = {};
	while (told.ptr) {
		struct gp_slice line = gp_slice_cut(&told, '\n');
		bool is_lost = gp_slice_starts(line, GP_SLICE("lost 0: "));
		bool is_flaw = gp_slice_starts(line, GP_SLICE("flaw 0: "));
		lost += is_lost;
		if (is_lost || (is_flaw && why.len == 0))
			why = gp_slice_drop(line, strlen("lost 0: "));
	}
	if (result->why)
		why = gp_slice_str(result->why);
	snprintf(out, TOLD_MAX, "%zu kept%s%.*s", result->reports - lost, why.len > 0 ? ": " : "",
		 GP_SLICE_FMT(why));
}

/* In a child, so that what it costs is its own. */
static void
read_file(const char *path, int to)
{
	struct gp_arena file = GP_ARENA_INIT(4 << 20), arena = GP_ARENA_INIT(ARENA_MAX);
	struct teller t = {};
	struct gp_ingest_listener listener = teller_listener(&t);
	struct gp_intake_result result;
	struct gp_intake intake = {
		.caps = GP_INTAKE_CAPS_STRANGERS,
		.seed = 7,
		.listener = &listener,
		.begin = teller_begin,
		.end = teller_end,
	};
	char line[TOLD_MAX] = "";
	FILE *f = fopen(path, "re");
	char *text = gp_arena_alloc(&file, GP_SUITE_FILE_MAX);
	assert_true(f && text);
	size_t len = fread(text, 1, GP_SUITE_FILE_MAX, f);
	assert_int_equal(gp_intake_read(&intake, gp_slice(text, len), &arena, &result), 0);
	summarize(gp_buf_slice(&t.out), &result, line);
	assert_int_equal(write(to, line, sizeof(line)), sizeof(line));
	fclose(f);
	gp_buf_free(&t.out);
	gp_arena_free(&arena);
	gp_arena_free(&file);
}

static struct rusage
run(const char *path, char told[TOLD_MAX])
{
	int ends[2], status = 0;
	struct rusage usage;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		read_file(path, ends[1]);
		_exit(0);
	}
	assert_int_equal(wait4(child, &status, 0, &usage), child);
	close(ends[1]);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("%s: ended by %x", path, (unsigned)status);
	assert_int_equal(read(ends[0], told, TOLD_MAX), TOLD_MAX);
	close(ends[0]);
	return usage;
}

struct cost {
	long cpu_ms, rss_kib;
};

static long
cpu_ms(const struct rusage *u)
{
	return (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000 +
	       (u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1000;
}

/* Keeps the highest of all in *most. */
static void
keep_cost(const char *path, const struct rusage *u, struct cost *most)
{
	if (MEASURED && (cpu_ms(u) > CPU_MAX_MS || u->ru_maxrss > RSS_MAX_KIB))
		fail_msg("%s: %ld ms, %ld KiB", path, cpu_ms(u), u->ru_maxrss);
	most->cpu_ms = GP_MAX(most->cpu_ms, cpu_ms(u));
	most->rss_kib = GP_MAX(most->rss_kib, u->ru_maxrss);
}

/* Skips the test when they are not there. */
static const char *
suites(void)
{
	const char *root = getenv("GATEPOST_SUITES");
	if (!root)
		root = GP_TESTS_DIR "/../../shared/suites";
	if (access(root, R_OK) != 0) {
		print_message("%s is not there: set GATEPOST_SUITES\n", root);
		skip();
	}
	return root;
}

static void
try_all(const char *folder, const struct wanted *all, size_t len, struct cost *most)
{
	for (size_t i = 0; i < len; i++) {
		char path[PATH_MAX], told[TOLD_MAX];
		snprintf(path, sizeof(path), "%s%s%s", suites(), folder, all[i].file);
		struct rusage usage = run(path, told);
		if (strcmp(told, all[i].told) != 0)
			fail_msg("%s: %s", all[i].file, told);
		keep_cost(path, &usage, most);
	}
}

static void
attacks_in_archives_and_mails(void **state)
{
	(void)state;
	struct cost most = {};
	size_t len = GP_ARRAY_LEN(archives_and_mails);
	try_all("/attack-reports/files/", archives_and_mails, len, &most);
	gp_suite_tell("attack-reports", "archives and mails", len, len);
	print_message("at most %ld ms, %ld KiB\n", most.cpu_ms, most.rss_kib);
}

static void
attacks_cost_little(void **state)
{
	(void)state;
	struct cost most = {};
	size_t len = 0;
	char folder[PATH_MAX];
	snprintf(folder, sizeof(folder), "%s/attack-reports/files", suites());
	DIR *d = opendir(folder);
	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d)) {
		char path[PATH_MAX + NAME_MAX + 2], told[TOLD_MAX];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		struct rusage usage = run(path, told);
		keep_cost(path, &usage, &most);
		len++;
	}
	closedir(d);
	gp_suite_tell("attack-reports", "time and memory", len, len);
	print_message("at most %ld ms, %ld KiB\n", most.cpu_ms, most.rss_kib);
}

static void
as_they_were_collected(void **state)
{
	(void)state;
	struct cost most = {};
	try_all("/", collected, GP_ARRAY_LEN(collected), &most);
	gp_suite_tell("dmarc-rua-parsedmarc", "archives and mails", GP_ARRAY_LEN(collected) - 1,
		      GP_ARRAY_LEN(collected) - 1);
	gp_suite_tell("tlsrpt-parsedmarc", "mail", 1, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attacks_in_archives_and_mails),
		cmocka_unit_test(attacks_cost_little),
		cmocka_unit_test(as_they_were_collected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
