/* SPDX-License-Identifier: Apache-2.0 */
/* gzip and zip: what comes out, and what is refused why. */
#include "pack.h"

#include <errno.h>

#include "core/ingest/archive.h"

#define S GP_SLICE
#define REPORT S("<feedback>something</feedback>")

struct got {
	struct gp_buf text;
	size_t pieces, stop_after; /* 0: never */
	bool short_piece;          /* one of fewer octets was not the last */
};

static bool
take(void *context, struct gp_slice piece)
{
	struct got *g = context;
	assert_true(piece.len > 0 && piece.len <= GP_ARCHIVE_PIECE);
	assert_false(g->short_piece);
	g->short_piece = piece.len < GP_ARCHIVE_PIECE;
	g->pieces++;
	assert_true(gp_buf_put(&g->text, piece));
	return g->pieces != g->stop_after;
}

static const struct gp_archive_caps strangers = {GP_ARCHIVE_STRANGERS_OCTETS,
						 GP_ARCHIVE_STRANGERS_RATIO};

static int
read_with(struct gp_slice octets, const struct gp_archive_caps *caps, struct got *g,
	  struct gp_archive_result *ret)
{
	struct gp_arena arena = GP_ARENA_INIT(GP_ARCHIVE_ARENA_MAX);
	struct gp_archive_sink sink = {g, take};
	g->text = GP_BUF_INIT(32 << 20);
	int r = gp_archive_read(octets, caps, &sink, &arena, ret);
	if (r == GP_ARCHIVE_READ)
		assert_int_equal(ret->octets, g->text.len);
	gp_arena_free(&arena);
	return r;
}

/* Refused, with the reason; or read: the text, and the oddity where there is one. */
static void
expect(const char *what, struct gp_buf *archive, const char *text, const char *why)
{
	struct got g = {};
	struct gp_archive_result result;
	int r = read_with(gp_buf_slice(archive), &strangers, &g, &result);
	if (r != (text ? GP_ARCHIVE_READ : GP_ARCHIVE_REFUSED))
		fail_msg("%s: outcome %d, %s", what, r, result.why ? result.why : "");
	if (!result.why != !why || (why && strcmp(result.why, why) != 0))
		fail_msg("%s: '%s', wanted '%s'", what, result.why ? result.why : "",
			 why ? why : "");
	if (text)
		assert_slice(gp_buf_slice(&g.text), text);
	gp_buf_free(&g.text);
	gp_buf_free(archive);
}

static const struct {
	const char *what;
	struct gp_slice behind; /* the octets that follow the member */
	size_t cut;             /* octets off the end */
	size_t flip;            /* this octet from the end, from 1, becomes another */
	const char *text, *why;
} gzips[] = {
	{"plain", S(""), 0, 0, "<feedback>something</feedback>", NULL},
	{"Mimecast's line end", S("\r\n"), 0, 0, "<feedback>something</feedback>", NULL},
	{"padding of tapes", S("\0\0\0\0"), 0, 0, "<feedback>something</feedback>", NULL},
	{"junk", S("junk"), 0, 0, "<feedback>something</feedback>", "octets stand behind its end"},
	{"a member cut off", S("\x1F\x8B\x08"), 0, 0, NULL, "it is cut off"},
	{"a member of no method", S("\x1F\x8B\x07\0\0\0\0\0\0\0"), 0, 0, NULL, "it is damaged"},
	{"cut off in its trailer", S(""), 3, 0, NULL, "it is cut off"},
	{"cut off in its text", S(""), 12, 0, NULL, "it is cut off"},
	{"another checksum", S(""), 0, 8, NULL, "it is damaged"},
	{"another size", S(""), 0, 4, NULL, "it is damaged"},
};

static void
gzip_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(gzips); i++) {
		struct gp_buf b = GP_BUF_INIT(GP_PACK_MAX);
		pack_deflate(&b, REPORT, GP_PACK_GZIP);
		gp_buf_put(&b, gzips[i].behind);
		gp_buf_truncate(&b, b.len - gzips[i].cut);
		if (gzips[i].flip > 0)
			b.ptr[b.head + b.len - gzips[i].flip] ^= 1;
		expect(gzips[i].what, &b, gzips[i].text, gzips[i].why);
	}
}

static void
gzip_of_several_members(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(GP_PACK_MAX);
	pack_deflate(&b, S("<feed"), GP_PACK_GZIP);
	pack_deflate(&b, S(""), GP_PACK_GZIP);
	pack_deflate(&b, S("back/>"), GP_PACK_GZIP);
	expect("three members", &b, "<feedback/>", NULL);
}

static void
gzip_with_a_reserved_flag(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(GP_PACK_MAX);
	pack_deflate(&b, REPORT, GP_PACK_GZIP);
	b.ptr[b.head + 3] ^= (char)0x80;
	expect("reserved flag", &b, NULL, "it is damaged");
}

/* A text that hardly shrinks: octets of a generator. */
static void
put_noise(struct gp_buf *b, size_t len)
{
	uint32_t x = 1;
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		gp_buf_put_char(b, (char)('a' + (x >> 24) % 26));
	}
}

static void
pieces_are_full_however_it_is_cut(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, GP_ARCHIVE_PIECE - 1, GP_ARCHIVE_PIECE,
				       GP_ARCHIVE_PIECE + 1, 5 * GP_ARCHIVE_PIECE + 7};
	for (size_t i = 0; i < GP_ARRAY_LEN(sizes); i++) {
		struct gp_buf text = GP_BUF_INIT(GP_PACK_MAX), gz = GP_BUF_INIT(GP_PACK_MAX),
			      zip = GP_BUF_INIT(GP_PACK_MAX), stored = GP_BUF_INIT(GP_PACK_MAX);
		put_noise(&text, sizes[i]);
		struct gp_slice s = gp_buf_slice(&text);
		pack_deflate(&gz, gp_slice_take(s, s.len / 3), GP_PACK_GZIP);
		pack_deflate(&gz, gp_slice_drop(s, s.len / 3), GP_PACK_GZIP);
		pack_zip(&zip, &(struct pack_file){.name = "r.xml", .text = s}, 1);
		pack_zip(&stored, &(struct pack_file){.name = "r", .text = s, .stored = true}, 1);
		struct gp_buf *all[] = {&gz, &zip, &stored};
		for (size_t j = 0; j < GP_ARRAY_LEN(all); j++) {
			struct got g = {};
			struct gp_archive_result result;
			assert_int_equal(read_with(gp_buf_slice(all[j]), &strangers, &g, &result),
					 0);
			assert_true(gp_slice_eq(gp_buf_slice(&g.text), s));
			gp_buf_free(&g.text);
			gp_buf_free(all[j]);
		}
		gp_buf_free(&text);
	}
}

static void
the_sink_ends_it(void **state)
{
	(void)state;
	struct gp_buf text = GP_BUF_INIT(GP_PACK_MAX), gz = GP_BUF_INIT(GP_PACK_MAX);
	put_noise(&text, 3 * GP_ARCHIVE_PIECE);
	pack_deflate(&gz, gp_buf_slice(&text), GP_PACK_GZIP);
	struct got g = {.stop_after = 2};
	struct gp_archive_result result;
	assert_int_equal(read_with(gp_buf_slice(&gz), &strangers, &g, &result), GP_ARCHIVE_STOPPED);
	assert_int_equal(g.pieces, 2);
	gp_buf_free(&g.text);
	gp_buf_free(&gz);
	gp_buf_free(&text);
}

/* size octets of zeros behind a tag */
static void
pack_bomb(struct gp_buf *gz, struct gp_buf *zip, size_t size)
{
	struct gp_buf text = GP_BUF_INIT(64 << 20);
	char *zeros = gp_buf_reserve(&text, size);
	assert_non_null(zeros);
	memset(zeros, 0, size);
	memcpy(zeros, "<a>", 3);
	gp_buf_advance(&text, size);
	pack_deflate(gz, gp_buf_slice(&text), GP_PACK_GZIP);
	pack_zip(zip, &(struct pack_file){.name = "r", .text = gp_buf_slice(&text)}, 1);
	gp_buf_free(&text);
}

static const struct {
	size_t size;
	struct gp_archive_caps caps;
	const char *why; /* NULL: it is read */
	uint64_t octets_max;
} bombs[] = {
	{GP_ARCHIVE_RATIO_FROM, {1 << 20, 200}, NULL, GP_ARCHIVE_RATIO_FROM},
	{GP_ARCHIVE_RATIO_FROM + 1,
	 {1 << 20, 200},
	 "so much comes out of so little that it is no report",
	 GP_ARCHIVE_RATIO_FROM},
	{30 << 20,
	 {1 << 20, 200},
	 "so much comes out of so little that it is no report",
	 GP_ARCHIVE_RATIO_FROM},
	{2 << 20, {1 << 20, 2000}, "more comes out of it than is allowed", 1 << 20},
	{1 << 20, {1 << 20, 2000}, NULL, 1 << 20},
	{(1 << 20) + 1, {1 << 20, 2000}, "more comes out of it than is allowed", 1 << 20},
};

static void
bombs_are_defused(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(bombs); i++) {
		struct gp_buf both[2] = {GP_BUF_INIT(GP_PACK_MAX), GP_BUF_INIT(GP_PACK_MAX)};
		pack_bomb(&both[0], &both[1], bombs[i].size);
		for (size_t j = 0; j < 2; j++) {
			struct got g = {};
			struct gp_archive_result result;
			int r = read_with(gp_buf_slice(&both[j]), &bombs[i].caps, &g, &result);
			assert_int_equal(r, bombs[i].why ? GP_ARCHIVE_REFUSED : GP_ARCHIVE_READ);
			if (bombs[i].why)
				assert_string_equal(result.why, bombs[i].why);
			assert_true(g.text.len <= bombs[i].octets_max);
			gp_buf_free(&g.text);
			gp_buf_free(&both[j]);
		}
	}
}

/* A bomb in front of which noise stands: its ratio is that of what was read so far. */
static void
noise_behind_a_bomb_does_not_help_it(void **state)
{
	(void)state;
	struct gp_buf gz = GP_BUF_INIT(GP_PACK_MAX), zip = GP_BUF_INIT(GP_PACK_MAX);
	pack_bomb(&gz, &zip, 4 << 20);
	put_noise(&gz, 1 << 20);
	expect("noise behind", &gz, NULL, "so much comes out of so little that it is no report");
	gp_buf_free(&zip);
}

static void
archives_within_archives(void **state)
{
	(void)state;
	struct gp_buf inner = GP_BUF_INIT(GP_PACK_MAX), zip = GP_BUF_INIT(GP_PACK_MAX);
	pack_deflate(&inner, REPORT, GP_PACK_GZIP);
	pack_zip(&zip, &(struct pack_file){.name = "r.xml", .text = gp_buf_slice(&inner)}, 1);
	expect("gzip in zip", &zip, NULL, "it is an archive within an archive");
	struct gp_buf twice = GP_BUF_INIT(GP_PACK_MAX);
	pack_deflate(&twice, gp_buf_slice(&inner), GP_PACK_GZIP);
	expect("gzip in gzip", &twice, NULL, "it is an archive within an archive");
	gp_buf_free(&inner);
}

#define TEXT "<feedback>something</feedback>"

static const struct {
	const char *what;
	struct pack_file files[4]; /* until one has no name */
	const char *text, *why;
} zips[] = {
	{"plain", {{"r.xml", S(TEXT)}}, TEXT, NULL},
	{"stored", {{"r.xml", S(TEXT), .stored = true}}, TEXT, NULL},
	{"written in one go", {{"r.xml", S(TEXT), .sizes_behind = true}}, TEXT, NULL},
	{"a path", {{"/etc/passwd", S(TEXT)}}, TEXT, NULL},
	{"a way out", {{"../../r.xml", S(TEXT)}}, TEXT, NULL},
	{"no name", {{"", S(TEXT)}}, TEXT, NULL},
	{"brackets", {{"[a] b.xml", S(TEXT)}}, TEXT, NULL},
	{"JSON", {{"r", S("{}")}}, "{}", NULL},
	/* one file is the one that counts, whatever it is: its reader will say */
	{"a text alone", {{"r", S("text")}}, "text", NULL},
	{"a folder before it", {{"r/", S("")}, {"r/r.xml", S(TEXT)}}, TEXT, NULL},
	{"a note before it",
	 {{"README", S("Hello")}, {"r.xml", S(TEXT)}},
	 TEXT,
	 "there are files in it besides the report"},
	{"a page after it",
	 {{"r.xml", S(TEXT)}, {"r.html", S("<html>")}},
	 TEXT,
	 "there are files in it besides the report"},
	{"no file", {{NULL}}, NULL, "there is no file in it"},
	{"folders alone", {{"r/", S("")}}, NULL, "there is no file in it"},
	{"an empty file", {{"r.xml", S("")}}, NULL, "there is no file in it"},
	{"two reports",
	 {{"r.xml", S(TEXT)}, {"s.xml", S(TEXT)}},
	 NULL,
	 "more than one of the files in it may be a report"},
	{"a report and an archive",
	 {{"r.xml", S(TEXT)}, {"s.gz", S("\x1F\x8B\x08")}},
	 NULL,
	 "more than one of the files in it may be a report"},
	{"two notes",
	 {{"r", S("a")}, {"s", S("b")}},
	 NULL,
	 "none of the files in it can be read as a report"},
	{"encrypted", {{"r.xml", S(TEXT), .flags = 1}}, NULL, "it is encrypted"},
	{"bzip2",
	 {{"r.xml", S(TEXT), .method = 12}},
	 NULL,
	 "it is packed by a method that no report needs"},
	{"a checksum's lie",
	 {{"r.xml", S(TEXT), .crc_lie = 1}},
	 NULL,
	 "its size or its checksum is another than it says"},
	{"a size's lie, more",
	 {{"r.xml", S(TEXT), .size_lie = 1}},
	 NULL,
	 "its size or its checksum is another than it says"},
	{"a size's lie, less",
	 {{"r.xml", S(TEXT), .size_lie = (uint32_t)-1}},
	 NULL,
	 "its size or its checksum is another than it says"},
	{"beyond the file",
	 {{"r.xml", S(TEXT), .packed_lie = 1 << 16, .sizes_behind = true}},
	 NULL,
	 "its directory leads to where no file is"},
	{"a place's lie",
	 {{"r.xml", S(TEXT), .at_lie = 1}},
	 NULL,
	 "its directory leads to where no file is"},
	{"a place far away",
	 {{"r.xml", S(TEXT), .at_lie = UINT32_MAX}},
	 NULL,
	 "its directory leads to where no file is"},
	{"two sizes",
	 {{"r.xml", S(TEXT), .front_lie = 1}},
	 NULL,
	 "its directory says otherwise than its file"},
	{"larger than 4 GiB",
	 {{"r.xml", S(TEXT), .size_lie = UINT32_MAX - sizeof(TEXT) + 1}},
	 NULL,
	 "it is larger than any report"},
	{"a stream cut off",
	 {{"r.xml", S(TEXT), .packed_lie = (uint32_t)-4, .sizes_behind = true}},
	 NULL,
	 "it is cut off"},
	{"a stream that is none",
	 {{"r.xml", S("\xFF\xFF\xFF"), .stored = true, .method = Z_DEFLATED}},
	 NULL,
	 "it is damaged"},
};

static void
zip_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(zips); i++) {
		struct gp_buf b = GP_BUF_INIT(GP_PACK_MAX);
		size_t len = 0;
		while (len < GP_ARRAY_LEN(zips[i].files) && zips[i].files[len].name)
			len++;
		pack_zip(&b, zips[i].files, len);
		expect(zips[i].what, &b, zips[i].text, zips[i].why);
	}
}

static const struct pack_file good = {"r.xml", S(TEXT)};

static void
zip_ends(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(GP_PACK_MAX);
	pack_zip(&b, &good, 1);
	gp_buf_put(&b, S("\r\njunk"));
	expect("junk behind", &b, TEXT, NULL);
	b = GP_BUF_INIT(GP_PACK_MAX);
	pack_zip(&b, &good, 1);
	gp_buf_truncate(&b, b.len - 1);
	expect("cut off", &b, NULL, "its directory is missing: it is cut off, perhaps");
	b = GP_BUF_INIT(GP_PACK_MAX);
	pack_zip(&b, &good, 1);
	b.ptr[b.head + b.len - 6] ^= 1; /* where the directory is */
	expect("elsewhere", &b, NULL, "its directory is damaged");
}

static void
zip_of_many_files(void **state)
{
	(void)state;
	struct pack_file files[GP_ARCHIVE_MEMBERS_MAX + 1];
	for (size_t i = 0; i < GP_ARRAY_LEN(files); i++)
		files[i] = (struct pack_file){.name = "note", .text = S("note")};
	files[GP_ARCHIVE_MEMBERS_MAX - 1] = good;
	struct gp_buf b = GP_BUF_INIT(GP_PACK_MAX);
	pack_zip(&b, files, GP_ARCHIVE_MEMBERS_MAX);
	expect("100 files", &b, TEXT, "there are files in it besides the report");
	b = GP_BUF_INIT(GP_PACK_MAX);
	pack_zip(&b, files, GP_ARCHIVE_MEMBERS_MAX + 1);
	expect("101 files", &b, NULL, "there are too many files in it");
}

static void
memory_runs_out(void **state)
{
	(void)state;
	struct gp_buf b = GP_BUF_INIT(GP_PACK_MAX);
	pack_deflate(&b, REPORT, GP_PACK_GZIP);
	for (size_t room = 0;; room += 4096) {
		struct got g = {.text = GP_BUF_INIT(1024)};
		struct gp_arena arena = GP_ARENA_INIT(room);
		struct gp_archive_sink sink = {&g, take};
		struct gp_archive_result result;
		int r = gp_archive_read(gp_buf_slice(&b), &strangers, &sink, &arena, &result);
		gp_buf_free(&g.text);
		gp_arena_free(&arena);
		if (r == GP_ARCHIVE_READ)
			break;
		assert_int_equal(r, -ENOMEM);
		assert_true(room < GP_ARCHIVE_ARENA_MAX);
	}
	gp_buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_forms),
		cmocka_unit_test(gzip_of_several_members),
		cmocka_unit_test(gzip_with_a_reserved_flag),
		cmocka_unit_test(pieces_are_full_however_it_is_cut),
		cmocka_unit_test(the_sink_ends_it),
		cmocka_unit_test(bombs_are_defused),
		cmocka_unit_test(noise_behind_a_bomb_does_not_help_it),
		cmocka_unit_test(archives_within_archives),
		cmocka_unit_test(zip_forms),
		cmocka_unit_test(zip_ends),
		cmocka_unit_test(zip_of_many_files),
		cmocka_unit_test(memory_runs_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
