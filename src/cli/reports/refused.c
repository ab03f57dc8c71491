/* SPDX-License-Identifier: Apache-2.0 */
/* `gatepost reports refused`: mail whose reports were refused, listed, and given back as it
   came. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/reports/reports.h"
#include "cli/reports/told.h"
#include "cli/reports/words.h"
#include "reportdb/refused.h"

enum { ARENA_MAX = 64 << 20 };

static int
complain(const char *of, int error)
{
	fprintf(stderr, "gatepost reports: %s: %s\n", of, strerror(-error));
	return GP_EXIT_ERROR;
}

/* --- the list --- */

static void
print_json(const struct gp_refused_mail *m)
{
	json_t *o = json_pack("{s:I, s:b, s:s, s:I}", "number", (json_int_t)m->number,
			      "authenticated", m->authenticated, "received",
			      reports_time_text(m->received_s).s, "size", (json_int_t)m->size);
	json_object_set_new(o, "file", told_text(m->file));
	json_object_set_new(o, "why", told_text(m->why));
	json_dumpf(o, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

static int
print_list(const struct reports_options *o, struct gp_refused *q, struct gp_arena *arena)
{
	struct gp_refused_mail *list;
	size_t len, shown = 0;
	int r = gp_refused_list(q, arena, &list, &len);
	if (r < 0)
		return complain("the mails", r);
	for (size_t i = 0; i < len && shown < o->max; i++) {
		const struct gp_refused_mail *m = &list[i];
		if (m->authenticated == o->unauthenticated)
			continue;
		shown++;
		if (o->json)
			print_json(m);
		else
			printf("%6" PRIu64 "  %s %9" PRIu64 "  %.*s: %.*s\n", m->number,
			       reports_time_text(m->received_s).s, m->size, GP_SLICE_FMT(m->file),
			       GP_SLICE_FMT(m->why));
	}
	return fflush(stdout) == 0 ? GP_EXIT_OK : GP_EXIT_ERROR;
}

/* --- mails --- */

static int
write_piece(void *context, struct gp_slice octets)
{
	return fwrite(octets.ptr, 1, octets.len, context) == octets.len ? 0 : -EIO;
}

static int
write_mail(struct gp_refused *q, uint64_t number, FILE *out, const char *name)
{
	int r = gp_refused_tell(q, number, write_piece, out);
	bool whole = fflush(out) == 0;
	if (r == 1) {
		fprintf(stderr, "gatepost reports: there is no mail %" PRIu64 "\n", number);
		return GP_EXIT_BAD;
	}
	return r < 0 || !whole ? complain(name, r < 0 ? r : -EIO) : GP_EXIT_OK;
}

/* A new file, for us alone to read: a stranger's mail is in it. */
static int
write_file(struct gp_refused *q, uint64_t number, int folder, const char *name)
{
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		int error = -errno;
		if (fd >= 0)
			close(fd);
		return complain(name, error);
	}
	int code = write_mail(q, number, out, name);
	if (fclose(out) != 0 && code == GP_EXIT_OK)
		code = complain(name, -EIO);
	return code;
}

static int
write_one(const struct reports_options *o, struct gp_refused *q)
{
	uint64_t number;
	if (!gp_slice_u64(gp_slice_str(o->operands[0]), INT64_MAX, &number)) {
		fprintf(stderr, "gatepost reports: %s is neither a number nor all\n",
			o->operands[0]);
		return GP_EXIT_USAGE;
	}
	if (o->output && strcmp(o->output, "-") != 0)
		return write_file(q, number, AT_FDCWD, o->output);
	/* What it says to a terminal is nobody's business. */
	if (isatty(STDOUT_FILENO)) {
		fputs("gatepost reports: a stranger's mail does not go to a terminal: name a file "
		      "by -o\n",
		      stderr);
		return GP_EXIT_USAGE;
	}
	return write_mail(q, number, stdout, "standard output");
}

/* Each as NUMBER.eml; what is there already stays. */
static int
write_all(const struct reports_options *o, struct gp_refused *q, struct gp_arena *arena)
{
	struct gp_refused_mail *list;
	size_t len;
	int r = gp_refused_list(q, arena, &list, &len);
	if (r < 0)
		return complain("the mails", r);
	if (mkdir(o->output, 0700) < 0 && errno != EEXIST)
		return complain(o->output, -errno);
	int folder = open(o->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC), code = GP_EXIT_OK;
	if (folder < 0)
		return complain(o->output, -errno);
	for (size_t i = len; i > 0 && code == GP_EXIT_OK; i--) {
		char name[32];
		if (list[i - 1].authenticated == o->unauthenticated)
			continue;
		snprintf(name, sizeof(name), "%" PRIu64 ".eml", list[i - 1].number);
		if (faccessat(folder, name, F_OK, 0) < 0)
			code = write_file(q, list[i - 1].number, folder, name);
	}
	close(folder);
	return code;
}

/* --- the database --- */

static int
find_path(const struct reports_options *o, struct gp_arena *arena, const char **ret)
{
	const struct gp_config *config;
	int code = reports_refused_path(o, arena, &config, ret);
	if (code != GP_EXIT_OK || *ret)
		return code;
	fprintf(stderr, "gatepost reports: the mails are not in a server's database: -c names the "
			"configuration\n");
	return GP_EXIT_USAGE;
}

static int
complain_of_database(const char *path, int error)
{
	if (error == -ENOENT)
		fprintf(stderr,
			"gatepost reports: %s is not there: the gateway makes it, for what is "
			"mailed to it\n",
			path);
	else
		fprintf(stderr, "gatepost reports: %s: %s\n", path, gp_refused_why(error));
	return GP_EXIT_ERROR;
}

int
reports_refused(const struct reports_options *o)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_refused *q = NULL;
	const char *path = NULL;
	int code = find_path(o, &arena, &path);
	int r = code == GP_EXIT_OK ? gp_refused_open(path, GP_REFUSED_READ, &q) : 0;
	if (r < 0)
		code = complain_of_database(path, r);
	else if (code == GP_EXIT_OK && o->operands_len == 0)
		code = print_list(o, q, &arena);
	else if (code == GP_EXIT_OK && strcmp(o->operands[0], "all") == 0)
		code = write_all(o, q, &arena);
	else if (code == GP_EXIT_OK)
		code = write_one(o, q);
	gp_refused_close(q);
	gp_arena_free(&arena);
	return code;
}
