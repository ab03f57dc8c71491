/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports that are attacks, and reports as others have collected them, each read in a process of
 * its own: what comes of it, and what it costs at most. `intake_suite_test --table` prints the
 * table of docs/reports-mails.md.
 */
#include "../suite.h"

#include <dirent.h>
#include <jansson.h>
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

/* Of each folder what reports come in: archives and mails. What comes of documents without them
 * ingest_samples_test tells. */
static const struct {
	const char *suite, *folder, *begin;
} folders[] = {
	{"attack-reports", "files", ""},
	{"dmarc-rua-parsedmarc", "aggregate", ""},
	{"dmarc-rua-parsedmarc", "extract_report", ""},
	{"dmarc-ruf-parsedmarc", ".", ""},
	{"dsn-sisimai", "bsd", "arf-"},
	{"tlsrpt-parsedmarc", ".", ""},
};

/* "N kept, N lost | the first flaw by which one was lost, else the first". */
static void
summarize(struct gp_slice told, const struct gp_intake_result *result, char out[TOLD_MAX])
{
	size_t lost = 0;
	struct gp_slice why = gp_slice_str(result->why);
	while (told.ptr) {
		struct gp_slice line = gp_slice_cut(&told, '\n');
		bool is_lost = gp_slice_starts(line, GP_SLICE("lost 0: "));
		bool is_flaw = is_lost || gp_slice_starts(line, GP_SLICE("flaw 0: "));
		if (is_flaw && (why.len == 0 || (is_lost && lost == 0)))
			why = gp_slice_drop(line, strlen("flaw 0: "));
		lost += is_lost;
	}
	int n = snprintf(out, TOLD_MAX, "%zu kept", result->reports - lost);
	if (lost > 0)
		n += snprintf(out + n, (size_t)(TOLD_MAX - n), ", %zu lost", lost);
	snprintf(out + n, (size_t)(TOLD_MAX - n), " | %.*s", GP_SLICE_FMT(why));
}

/* In a child, so that what it costs is its own. */
static void
read_file(const char *path, int to)
{
	struct gp_arena file = GP_ARENA_INIT(4 << 20), arena = GP_ARENA_INIT(ARENA_MAX);
	struct teller t = {};
	struct gp_ingest_listener listener = teller_listener(&t);
	struct gp_intake_result result;
	struct gp_intake intake = teller_intake(&listener);
	char line[TOLD_MAX] = "";
	FILE *f = fopen(path, "re");
	char *text = gp_arena_alloc(&file, GP_SUITE_FILE_MAX);
	assert_true(f && text);
	size_t len = fread(text, 1, GP_SUITE_FILE_MAX, f);
	assert_int_equal(gp_intake_read(&intake, gp_slice(text, len), &arena, &result), 0);
	gp_aggregate_free(intake.aggregate);
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

/* The suite's own word; "" where it says nothing. */
static const char *
wanted_of(const json_t *cases, const char *suite, const char *file)
{
	size_t i;
	json_t *one;
	json_array_foreach(cases, i, one)
	{
		const char *name = json_string_value(json_object_get(one, "file"));
		if (strcmp(suite, "attack-reports") == 0 &&
		    strcmp(name + strlen("files/"), file) == 0)
			return json_string_value(json_object_get(one, "expect"));
	}
	return "";
}

/* What leaves a choice has one. */
static bool
is_as_wanted(const char *wanted, const char *told)
{
	bool kept = told[0] != '0';
	if (strcmp(wanted, "reject") == 0)
		return !kept;
	if (strcmp(wanted, "accept-flagged") == 0)
		return kept && !gp_slice_ends_nocase(gp_slice_str(told), GP_SLICE("| "));
	if (strncmp(wanted, "accept", strlen("accept")) == 0 && !strstr(wanted, "-or-"))
		return kept;
	return true;
}

/* As LC_ALL=C sorts. */
static int
by_octets(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
has_report(const struct dirent *e)
{
	struct gp_slice name = gp_slice_str(e->d_name);
	return gp_slice_ends_nocase(name, GP_SLICE(".gz")) ||
	       gp_slice_ends_nocase(name, GP_SLICE(".zip")) ||
	       gp_slice_ends_nocase(name, GP_SLICE(".eml"));
}

static void
try_folder(size_t i, const json_t *cases, struct gp_buf *table, struct cost *most)
{
	char folder[PATH_MAX];
	struct dirent **files;
	size_t tried = 0;
	snprintf(folder, sizeof(folder), "%s/%s/%s", suites(), folders[i].suite, folders[i].folder);
	int len = scandir(folder, &files, has_report, by_octets);
	assert_true(len > 0);
	for (int j = 0; j < len; j++) {
		char path[PATH_MAX + NAME_MAX + 2], told[TOLD_MAX];
		const char *file = files[j]->d_name;
		const char *wanted = wanted_of(cases, folders[i].suite, file);
		snprintf(path, sizeof(path), "%s/%s", folder, file);
		if (strncmp(file, folders[i].begin, strlen(folders[i].begin)) == 0) {
			struct rusage usage = run(path, told);
			keep_cost(path, &usage, most);
			if (!is_as_wanted(wanted, told))
				fail_msg("%s: wanted: %s; %s", path, wanted, told);
			gp_buf_printf(table, "| %s | %s | %s |\n", file, wanted, told);
			tried++;
		}
		free(files[j]);
	}
	free(files);
	snprintf(folder, sizeof(folder), "archives and mails%s%s",
		 folders[i].folder[0] == '.' ? "" : " in ",
		 folders[i].folder[0] == '.' ? "" : folders[i].folder);
	gp_suite_tell(folders[i].suite, folder, tried, tried);
}

static void
put_table(struct gp_buf *table)
{
	struct gp_arena arena = GP_ARENA_INIT(4 << 20);
	struct cost most = {};
	struct gp_slice text = gp_suite_read("attack-reports/cases.json", &arena);
	json_t *cases = json_loadb(text.ptr, text.len, 0, NULL);
	assert_true(json_array_size(cases) > 0);
	for (size_t i = 0; i < GP_ARRAY_LEN(folders); i++) {
		if (i == 0 || strcmp(folders[i].suite, folders[i - 1].suite) != 0)
			gp_buf_printf(table,
				      "\n## %s\n\n| sample | wanted | outcome | told of it |\n"
				      "|---|---|---|---|\n",
				      folders[i].suite);
		try_folder(i, cases, table, &most);
	}
	print_message("at most %ld ms, %ld KiB\n", most.cpu_ms, most.rss_kib);
	assert_false(table->failed);
	json_decref(cases);
	gp_arena_free(&arena);
}

/* The page names what comes of every sample. */
static void
samples(void **state)
{
	(void)state;
	struct gp_buf table = GP_BUF_INIT(1 << 20), page = GP_BUF_INIT(1 << 20);
	FILE *f = fopen(GP_TESTS_DIR "/../docs/reports-mails.md", "re");
	char *to = gp_buf_reserve(&page, 1 << 18);
	assert_true(f && to);
	gp_buf_advance(&page, fread(to, 1, 1 << 18, f));
	fclose(f);
	put_table(&table);
	size_t head = page.len - GP_MIN(page.len, table.len);
	if (!gp_slice_eq(gp_slice_drop(gp_buf_slice(&page), head), gp_buf_slice(&table)))
		fail_msg("docs/reports-mails.md says otherwise than intake_suite_test --table");
	gp_buf_free(&table);
	gp_buf_free(&page);
}

static void
print_table(void **state)
{
	(void)state;
	struct gp_buf table = GP_BUF_INIT(1 << 20);
	put_table(&table);
	fprintf(stderr, "%.*s", GP_SLICE_FMT(gp_buf_slice(&table)));
	gp_buf_free(&table);
}

/* Plain documents too: what they cost. */
static void
attacks_cost_little(void **state)
{
	(void)state;
	struct cost most = {};
	struct dirent **files;
	char folder[PATH_MAX];
	snprintf(folder, sizeof(folder), "%s/attack-reports/files", suites());
	int len = scandir(folder, &files, NULL, by_octets);
	assert_true(len > 2);
	for (int i = 0; i < len; i++) {
		char path[PATH_MAX + NAME_MAX + 2], told[TOLD_MAX];
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]->d_name);
		if (files[i]->d_name[0] != '.') {
			struct rusage usage = run(path, told);
			keep_cost(path, &usage, &most);
		}
		free(files[i]);
	}
	free(files);
	gp_suite_tell("attack-reports", "time and memory", (size_t)len - 2, (size_t)len - 2);
	print_message("at most %ld ms, %ld KiB\n", most.cpu_ms, most.rss_kib);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples),
		cmocka_unit_test(attacks_cost_little),
	};
	const struct CMUnitTest tables[] = {cmocka_unit_test(print_table)};
	if (argc > 1 && strcmp(argv[1], "--table") == 0)
		return cmocka_run_group_tests(tables, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
