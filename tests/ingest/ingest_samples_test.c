/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports that others wrote, and hostile ones: what comes of each, and within which time and
 * memory. `ingest_samples_test --table` prints the table of docs/reports-samples.md.
 */
#include "../suite.h"
#include "told.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <zlib.h>

#include "core/ingest/aggregate.h"
#include "core/ingest/tls.h"

enum {
	FILES_MAX = 256,
	DOCUMENT_MAX = 20 << 20,
	RSS_MAX_KB = 64 << 10, /* of a reader, for any file */
	CPU_MAX_S = 2,
	FLAWS_MAX = 16, /* kinds, of a document */
};

static const char *const folders[] = {
	"attack-reports/files",
	"dmarc-rua-parsedmarc",
	"dmarc-rua-parsedmarc/aggregate",
	"dmarc-rua-parsedmarc/aggregate_invalid",
	"dmarc-rua-parsedmarc/extract_report",
	"dmarc-rua-viewer",
	"dmarc-xsd",
	"tlsrpt-parsedmarc",
	"tlsrpt-viewer",
};

static const char *
root(void)
{
	const char *path = getenv("GATEPOST_SUITES");
	return path ? path : GP_TESTS_DIR "/../../shared/suites";
}

/* --- one sample --- */

struct sample {
	char path[512];
	const char *folder, *file;
	struct gp_slice document;
	bool json;
};

static bool
ends(const char *name, const char *suffix)
{
	return gp_slice_ends_nocase(gp_slice_str(name), gp_slice_str(suffix));
}

/* The one member of a gzip file; false: it is broken, or none. */
static bool
inflate_whole(struct gp_slice gz, struct gp_buf *out)
{
	z_stream z = {.next_in = (void *)gz.ptr, .avail_in = (unsigned)gz.len};
	int r = inflateInit2(&z, 16 + MAX_WBITS);
	while (r == Z_OK && out->len < DOCUMENT_MAX) {
		z.next_out = (void *)gp_buf_reserve(out, 1 << 16);
		z.avail_out = 1 << 16;
		assert_non_null(z.next_out);
		r = inflate(&z, Z_NO_FLUSH);
		gp_buf_advance(out, (1 << 16) - z.avail_out);
	}
	bool good = r == Z_STREAM_END && z.avail_in == 0;
	inflateEnd(&z);
	return good;
}

static void
read_file(const char *path, struct gp_buf *out)
{
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	size_t n;
	do {
		char *to = gp_buf_reserve(out, 1 << 16);
		assert_non_null(to);
		n = fread(to, 1, 1 << 16, f);
		gp_buf_advance(out, n);
	} while (n > 0);
	fclose(f);
}

/* --- what comes of it --- */

/* Flaws by their kind: what the sample itself says is none of ours to print. */
struct flaw {
	char why[96];
	bool record, lost;
	size_t times;
};

struct outcome {
	uint64_t heads, rows, policies, failures, lost;
	struct flaw flaws[FLAWS_MAX];
	size_t flaws_len;
};

static int
take_head(void *context, const struct gp_ingest_head *head)
{
	(void)head;
	((struct outcome *)context)->heads++;
	return 0;
}

static int
take_row(void *context, const struct gp_ingest_row *row)
{
	(void)row;
	((struct outcome *)context)->rows++;
	return 0;
}

static int
take_policy(void *context, const struct gp_ingest_tls_policy *policy)
{
	(void)policy;
	((struct outcome *)context)->policies++;
	return 0;
}

static int
take_failure(void *context, const struct gp_ingest_tls_failure *failure)
{
	(void)failure;
	((struct outcome *)context)->failures++;
	return 0;
}

/* Behind a colon stands what was read, but for expat's words. */
static struct gp_slice
kind_of(const char *why)
{
	struct gp_slice s = gp_slice_str(why);
	ptrdiff_t colon = gp_slice_find(s, ':');
	bool own = colon < 0 || gp_slice_starts(s, GP_SLICE("the XML breaks off"));
	return gp_slice_take(s, own ? sizeof(((struct flaw *)0)->why) - 1 : (size_t)colon);
}

static int
take_flaw(void *context, uint64_t record, bool lost, const char *why)
{
	struct outcome *o = context;
	struct gp_slice kind = kind_of(why);
	size_t i = 0;
	o->lost += lost && record == 0;
	while (i < o->flaws_len &&
	       (o->flaws[i].record != (record > 0) || o->flaws[i].lost != lost ||
		!gp_slice_eq(gp_slice_str(o->flaws[i].why), kind)))
		i++;
	assert_true(i < FLAWS_MAX);
	if (i == o->flaws_len) {
		o->flaws[o->flaws_len++] = (struct flaw){.record = record > 0, .lost = lost};
		memcpy(o->flaws[i].why, kind.ptr, kind.len);
	}
	o->flaws[i].times++;
	return 0;
}

static int
read_sample(const struct sample *s, struct outcome *o)
{
	struct gp_ingest_listener listener = {.context = o,
					      .head = take_head,
					      .row = take_row,
					      .tls_policy = take_policy,
					      .tls_failure = take_failure,
					      .flaw = take_flaw};
	if (s->json)
		return gp_ingest_tls_read(s->document, 1, &listener);
	struct gp_aggregate *a = gp_aggregate_new(&listener, 1'000'000);
	assert_non_null(a);
	int r = gp_aggregate_feed(a, s->document);
	if (r == 0)
		r = gp_aggregate_end(a);
	gp_aggregate_free(a);
	return r;
}

/* In a process of its own, so that its memory is its own. */
static void
check_cost(const struct sample *s)
{
	pid_t child = fork();
	if (child == 0) {
		struct outcome o = {};
		struct rusage used;
		mallopt(M_PERTURB, 0); /* meson's, which fills what nobody uses */
		int r = read_sample(s, &o);
		getrusage(RUSAGE_SELF, &used);
		_exit(r != 0 || used.ru_utime.tv_sec >= CPU_MAX_S ||
		      (used.ru_maxrss > RSS_MAX_KB && !TOLD_SANITIZED));
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	if (status != 0)
		fail_msg("%s: over its time or memory", s->path);
}

/* --- what was wanted --- */

/* The suite's own word; "" where it says nothing. */
static const char *
wanted_of(const json_t *cases, const struct sample *s)
{
	size_t i;
	json_t *one;
	json_array_foreach(cases, i, one)
	{
		const char *file = json_string_value(json_object_get(one, "file"));
		if (strcmp(s->folder, "attack-reports/files") == 0 && ends(file, s->file) &&
		    strlen(file) == strlen("files/") + strlen(s->file))
			return json_string_value(json_object_get(one, "expect"));
	}
	return "";
}

static bool
lost_record(const struct outcome *o)
{
	for (size_t i = 0; i < o->flaws_len; i++) {
		if (o->flaws[i].record && o->flaws[i].lost)
			return true;
	}
	return false;
}

/* To reject is to say so; what stood before a break may be kept. What leaves a choice has one. */
static bool
is_as_wanted(const char *wanted, const struct outcome *o)
{
	struct gp_slice w = gp_slice_str(wanted);
	if (gp_slice_eq(w, GP_SLICE("reject")))
		return o->flaws_len > 0;
	if (gp_slice_eq(w, GP_SLICE("reject-record")))
		return lost_record(o);
	if (gp_slice_eq(w, GP_SLICE("accept-flagged")))
		return o->heads == 1 && o->flaws_len > 0;
	if (w.len == 0)
		return o->heads + o->lost == 1;
	if (gp_slice_starts(w, GP_SLICE("lenient-accept")) ||
	    (gp_slice_starts(w, GP_SLICE("accept")) && !strstr(wanted, "-or-")))
		return o->heads == 1;
	return strstr(wanted, "-or-") != NULL;
}

/* 1: xmllint finds the XML well-formed; 0: it does not; -1: there is no xmllint. */
static int
is_well_formed(const struct sample *s)
{
	pid_t child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execlp("xmllint", "xmllint", "--noout", "--nonet", s->path, NULL);
		_exit(127);
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	return !WIFEXITED(status) || WEXITSTATUS(status) == 127 ? -1 : WEXITSTATUS(status) == 0;
}

/* --- the table --- */

static void
put_outcome(struct gp_buf *out, const struct sample *s, const struct outcome *o)
{
	if (o->lost > 0)
		gp_buf_put_str(out, "not kept");
	else if (s->json)
		gp_buf_printf(out, "kept; policies: %llu, failures: %llu",
			      (unsigned long long)o->policies, (unsigned long long)o->failures);
	else
		gp_buf_printf(out, "kept; records: %llu", (unsigned long long)o->rows);
	gp_buf_put_str(out, " | ");
	for (size_t i = 0; i < o->flaws_len; i++) {
		const struct flaw *f = &o->flaws[i];
		gp_buf_printf(out, "%s%s%s%s", i > 0 ? "; " : "", f->record ? "record: " : "",
			      f->why, f->record && f->lost ? " (left out)" : "");
		if (f->times > 1)
			gp_buf_printf(out, " (%zu)", f->times);
	}
	gp_buf_put_str(out, " |\n");
}

static void
try_sample(const struct sample *s, const char *wanted, struct gp_buf *table)
{
	static const char *const lint[] = {"no xmllint", "no", "yes"};
	struct outcome o = {};
	int well_formed = s->json || ends(s->file, ".gz") ? -2 : is_well_formed(s);
	assert_int_equal(read_sample(s, &o), 0);
	check_cost(s);
	if (!is_as_wanted(wanted, &o))
		fail_msg("%s: wanted: %s", s->path, wanted);
	if (well_formed == 0 && o.flaws_len == 0 && strcmp(wanted, "accept") != 0)
		fail_msg("%s: it is broken, and nobody says so", s->path);
	gp_buf_printf(table, "| %s | %s | %s | ", s->file, wanted,
		      well_formed == -2 ? "" : lint[well_formed + 1]);
	put_outcome(table, s, &o);
}

/* Documents alone; what they come in is another test's. False: it is none. */
static bool
open_sample(const char *folder, const char *file, struct gp_buf *octets, struct gp_buf *whole,
	    struct sample *ret)
{
	bool json = ends(file, ".json") || ends(file, ".json.gz");
	if (!json && !ends(file, ".xml") && !ends(file, ".xml.gz"))
		return false;
	*ret = (struct sample){.folder = folder, .file = file, .json = json};
	int n = snprintf(ret->path, sizeof(ret->path), "%s/%s/%s", root(), folder, file);
	assert_in_range(n, 1, sizeof(ret->path) - 1);
	read_file(ret->path, octets);
	ret->document = gp_buf_slice(octets);
	if (!ends(file, ".gz"))
		return true;
	bool good = inflate_whole(gp_buf_slice(octets), whole);
	ret->document = gp_buf_slice(whole);
	return good;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t
list_files(const char *folder, char *files[FILES_MAX])
{
	char path[512];
	size_t len = 0;
	int n = snprintf(path, sizeof(path), "%s/%s", root(), folder);
	assert_in_range(n, 1, sizeof(path) - 1);
	DIR *dir = opendir(path);
	if (!dir) {
		print_message("%s is not there: set GATEPOST_SUITES\n", path);
		skip();
	}
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		assert_true(len < FILES_MAX);
		files[len++] = strdup(e->d_name);
	}
	closedir(dir);
	qsort(files, len, sizeof(files[0]), by_name);
	return len;
}

static size_t
try_folder(const char *folder, const json_t *cases, struct gp_buf *table)
{
	char *files[FILES_MAX];
	size_t len = list_files(folder, files), tried = 0;
	for (size_t i = 0; i < len; i++) {
		struct gp_buf octets = GP_BUF_INIT(DOCUMENT_MAX), whole = GP_BUF_INIT(DOCUMENT_MAX);
		struct sample s;
		if (open_sample(folder, files[i], &octets, &whole, &s)) {
			try_sample(&s, wanted_of(cases, &s), table);
			tried++;
		}
		gp_buf_free(&octets);
		gp_buf_free(&whole);
		free(files[i]);
	}
	return tried;
}

/* The suite that a folder is of; none behind the last. */
static struct gp_slice
suite_of(size_t i)
{
	struct gp_slice path = gp_slice_str(i < GP_ARRAY_LEN(folders) ? folders[i] : "");
	return gp_slice_cut(&path, '/');
}

static void
put_heading(struct gp_buf *table, struct gp_slice suite)
{
	gp_buf_printf(table,
		      "\n## %.*s\n\n"
		      "| sample | wanted | well-formed | outcome | told of it |\n"
		      "|---|---|---|---|---|\n",
		      GP_SLICE_FMT(suite));
}

static void
put_table(struct gp_buf *table)
{
	struct gp_arena arena = GP_ARENA_INIT(4 << 20);
	struct gp_slice text = gp_suite_read("attack-reports/cases.json", &arena);
	json_t *cases = json_loadb(text.ptr, text.len, 0, NULL);
	assert_true(json_array_size(cases) > 0);
	for (size_t i = 0, tried = 0; i < GP_ARRAY_LEN(folders); i++) {
		if (tried == 0)
			put_heading(table, suite_of(i));
		tried += try_folder(folders[i], cases, table);
		if (gp_slice_eq(suite_of(i), suite_of(i + 1)))
			continue;
		char name[64];
		snprintf(name, sizeof(name), "%.*s", GP_SLICE_FMT(suite_of(i)));
		gp_suite_tell(name, "documents", tried, tried);
		tried = 0;
	}
	assert_false(table->failed);
	json_decref(cases);
	gp_arena_free(&arena);
}

/* The page names what comes of every sample; without xmllint its own column cannot be made. */
static void
samples(void **state)
{
	(void)state;
	struct gp_buf table = GP_BUF_INIT(1 << 20), page = GP_BUF_INIT(1 << 20);
	put_table(&table);
	read_file(GP_TESTS_DIR "/../docs/reports-samples.md", &page);
	gp_buf_put_char(&table, '\0');
	gp_buf_put_char(&page, '\0');
	const char *made = gp_buf_slice(&table).ptr;
	if (strstr(made, "no xmllint"))
		print_message("xmllint is not there: the page is not compared\n");
	else if (!strstr(gp_buf_slice(&page).ptr, made))
		fail_msg("docs/reports-samples.md says otherwise than ingest_samples_test --table");
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

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(samples)};
	const struct CMUnitTest tables[] = {cmocka_unit_test(print_table)};
	if (argc > 1 && strcmp(argv[1], "--table") == 0)
		return cmocka_run_group_tests(tables, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
