/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/traffic/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[GP_LOAD_OUTCOMES] = {
	[GP_LOAD_ACCEPTED] = "accepted", [GP_LOAD_REFUSED] = "refused",
	[GP_LOAD_PARTIAL] = "partial",   [GP_LOAD_DOUBTFUL] = "doubtful",
	[GP_LOAD_FAILED] = "failed",
};

const char *
gp_load_outcome_name(enum gp_load_outcome outcome)
{
	gp_assert(outcome < GP_LOAD_OUTCOMES);
	return names[outcome];
}

int
gp_ledger_write(int fd, const struct gp_mark *mark, enum gp_load_outcome outcome,
		struct gp_slice text)
{
	char line[GP_LEDGER_LINE_MAX];
	int n = snprintf(line, sizeof(line) - 1, "%s-%010llu-%llu %s %.*s", mark->run,
			 (unsigned long long)mark->number, (unsigned long long)mark->time_us,
			 gp_load_outcome_name(outcome), GP_SLICE_FMT(text));
	size_t len = GP_MIN((size_t)n, sizeof(line) - 2);
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ')
			line[i] = '?';
	}
	line[len++] = '\n';
	ssize_t written = write(fd, line, len);
	if (written < 0)
		return -errno;
	return (size_t)written == len ? 0 : -ENOSPC;
}

bool
gp_ledger_parse(struct gp_slice line, struct gp_mark *ret_mark, enum gp_load_outcome *ret_outcome)
{
	struct gp_slice mark = gp_slice_cut(&line, ' ');
	struct gp_slice word = gp_slice_cut(&line, ' ');
	for (unsigned i = 0; i < GP_LOAD_OUTCOMES; i++) {
		if (gp_slice_eq(word, gp_slice_str(names[i]))) {
			*ret_outcome = (enum gp_load_outcome)i;
			return gp_mark_parse(mark, ret_mark);
		}
	}
	return false;
}

static void
audit_line(struct gp_slice line, struct gp_mark_book *book, struct gp_ledger_result *result)
{
	struct gp_mark mark;
	enum gp_load_outcome outcome;
	if (!gp_ledger_parse(line, &mark, &outcome) || outcome != GP_LOAD_ACCEPTED)
		return;
	result->accepted++;
	const struct gp_mark_run *run = gp_mark_book_find(book, gp_slice_str(mark.run));
	if (run && gp_mark_run_seen(run, mark.number) > 0)
		return;
	if (result->missing++ == 0) {
		struct gp_slice text = gp_slice_cut(&line, ' ');
		memcpy(result->first_missing, text.ptr, text.len);
	}
}

int
gp_ledger_audit(const char *path, struct gp_mark_book *book, struct gp_ledger_result *ret)
{
	char line[GP_LEDGER_LINE_MAX + 1];
	FILE *f = fopen(path, "re");
	*ret = (struct gp_ledger_result){};
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		struct gp_slice s = gp_slice_str(line);
		audit_line(gp_slice_cut(&s, '\n'), book, ret);
	}
	int r = ferror(f) ? -EIO : 0;
	fclose(f);
	return r;
}
