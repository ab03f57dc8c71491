/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scan/targets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cli/command.h"

/* One of the two lists. */
struct reading {
	struct scan_targets *to;
	const char *command;
	bool optout;
	const char *file;
	uint64_t line;
};

static int
add_line(const struct reading *reading, struct gp_slice line, struct gp_targets_line *ret_wrong)
{
	if (reading->optout)
		return gp_optout_add_line(&reading->to->optout, line, ret_wrong);
	return gp_targets_add_line(&reading->to->list, line, ret_wrong);
}

static int
complain(const struct reading *reading, const char *why)
{
	fprintf(stderr, "%s: %s:%llu: %s\n", reading->command, reading->file,
		(unsigned long long)reading->line, why);
	return GP_EXIT_USAGE;
}

/* The text is of whoever called, and not to act on his terminal either. */
static int
complain_text(const struct reading *reading, const struct gp_targets_line *wrong)
{
	struct gp_slice text = gp_slice_take(wrong->wrong, 100);
	fprintf(stderr, "%s: ", reading->command);
	if (reading->line > 0)
		fprintf(stderr, "%s:%llu: ", reading->file, (unsigned long long)reading->line);
	fputc('\'', stderr);
	for (size_t i = 0; i < text.len; i++)
		fputc(text.ptr[i] < ' ' && text.ptr[i] >= 0 ? '?' : text.ptr[i], stderr);
	fprintf(stderr, "' %s\n", wrong->why);
	return GP_EXIT_USAGE;
}

static int
take_line(const struct reading *reading, struct gp_slice line)
{
	struct gp_targets_line wrong;
	int r = add_line(reading, line, &wrong);
	if (r == 0)
		return GP_EXIT_OK;
	if (r > 0)
		return complain_text(reading, &wrong);
	fprintf(stderr, "%s: %s\n", reading->command,
		r == -E2BIG ? "these are more targets than can be walked" : strerror(-r));
	return r == -E2BIG ? GP_EXIT_USAGE : GP_EXIT_ERROR;
}

static int
read_lines(struct reading *reading, FILE *file)
{
	static char line[SCAN_LINE_MAX];
	int code = GP_EXIT_OK;
	while (code == GP_EXIT_OK && fgets(line, sizeof(line), file)) {
		struct gp_slice text = gp_slice_str(line);
		reading->line++;
		bool whole = text.len + 1 < sizeof(line) || text.ptr[text.len - 1] == '\n';
		code = whole ? take_line(reading, text)
			     : complain(reading, "the line is too long to be read");
	}
	if (code == GP_EXIT_OK && ferror(file))
		code = complain(reading, "cannot be read on");
	return code;
}

static int
read_file(struct reading *reading, const char *name)
{
	bool standard = strcmp(name, "-") == 0;
	FILE *file = standard ? stdin : fopen(name, "re");
	reading->file = standard ? "standard input" : name;
	reading->line = 0;
	if (!file) {
		fprintf(stderr, "%s: %s: %s\n", reading->command, name, strerror(errno));
		return GP_EXIT_USAGE;
	}
	int code = read_lines(reading, file);
	if (!standard)
		fclose(file);
	return code;
}

static int
read_optouts(struct scan_targets *to, const struct scan_target_options *o)
{
	struct reading reading = {.to = to, .command = o->command, .optout = true};
	int code = GP_EXIT_OK;
	FILE *standing = fopen(SCAN_OPT_OUT, "re");
	if (standing) {
		reading.file = SCAN_OPT_OUT;
		code = read_lines(&reading, standing);
		fclose(standing);
	} else if (errno != ENOENT) {
		/* It may have somebody who is not to be scanned. */
		fprintf(stderr, "%s: %s: %s\n", o->command, SCAN_OPT_OUT, strerror(errno));
		return GP_EXIT_USAGE;
	}
	for (size_t i = 0; i < o->optouts_len && code == GP_EXIT_OK; i++)
		code = read_file(&reading, o->optouts[i]);
	gp_optout_sort(&to->optout);
	return code;
}

static int
read_targets(struct scan_targets *to, const struct scan_target_options *o)
{
	struct reading reading = {.to = to, .command = o->command};
	int code = GP_EXIT_OK;
	for (size_t i = 0; i < o->operands_len && code == GP_EXIT_OK; i++) {
		reading.line = 0;
		code = strcmp(o->operands[i], "-") == 0
			       ? read_file(&reading, "-")
			       : take_line(&reading, gp_slice_str(o->operands[i]));
	}
	for (size_t i = 0; i < o->files_len && code == GP_EXIT_OK; i++)
		code = read_file(&reading, o->files[i]);
	return code;
}

int
scan_targets_read(struct scan_targets *ret, const struct scan_target_options *o,
		  struct gp_arena *arena)
{
	uint64_t seed[2];
	*ret = (struct scan_targets){};
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		return GP_EXIT_ERROR;
	gp_optout_init(&ret->optout, arena, seed);
	if (gp_targets_init(&ret->list, arena, o->ports, o->ports_len) < 0)
		return GP_EXIT_ERROR;
	int code = read_optouts(ret, o);
	if (code == GP_EXIT_OK)
		code = read_targets(ret, o);
	return code;
}

void
scan_targets_free(struct scan_targets *t)
{
	gp_optout_free(&t->optout);
}
