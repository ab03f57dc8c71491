/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/figures/scan_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "core/finding/finding.h"
#include "ipc/values.h"
#include "procs/figures/scans.h"
#include "sys/log.h"
#include "sys/small_file.h"

static struct {
	int fd; /* -1: there is none */
	uint64_t seed;
	bool read; /* what follows is of the file */
	struct gp_arena arena;
	struct scans *scans; /* NULL: nothing is in it */
} self = {.fd = -1, .arena = GP_ARENA_INIT(SCANS_ARENA_MAX)};

static void
forget(void)
{
	self.read = false;
	self.scans = scans_free(self.scans);
	gp_arena_free(&self.arena);
	self.arena = GP_ARENA_INIT(SCANS_ARENA_MAX);
}

void
scan_file_take(int fd, uint64_t seed)
{
	if (self.fd >= 0)
		close(self.fd);
	self.fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	self.seed = seed;
	forget();
}

/* 0 or -errno. */
static int
read_file(void)
{
	struct gp_slice text = gp_slice("", 0);
	struct stat st = {};
	int r = self.fd >= 0 ? gp_file_stat(self.fd, &st) : 0;
	if (r == 0 && self.fd >= 0)
		r = gp_file_read_open(self.fd, SCANS_FILE_MAX, &self.arena, &text);
	if (r == 0 && text.len > 0)
		self.scans = scans_new(text, st.st_mtim.tv_sec, self.seed);
	if (r == 0 && text.len > 0 && !self.scans)
		r = -ENOMEM;
	if (r < 0)
		forget();
	self.read = r == 0;
	return r;
}

/* 0 or -errno; 1: there is no such severity. */
static int
write_answer(const struct gp_msg_figures_wanted *q, struct gp_buf *json)
{
	const struct scans_wish wish = {q->severity, q->text, q->start};
	struct gp_arena arena = GP_ARENA_INIT(SCANS_ARENA_MAX);
	if (q->severity > 1 + GP_SEVERITY_CRITICAL)
		return 1;
	int r = self.read ? 0 : read_file();
	if (r == 0 && self.scans)
		r = scans_write(self.scans, &wish, &arena, json);
	else if (r == 0)
		gp_buf_put_str(json, "{\"configured\":true}");
	gp_arena_free(&arena);
	return r;
}

uint8_t
scan_file_answer(const struct gp_msg_figures_wanted *q, struct gp_buf *json)
{
	int r = write_answer(q, json);
	if (r > 0)
		return GP_FIGURES_MALFORMED;
	if (r < 0)
		gp_error("scan_results_not_read", GP_FS("reason", strerror(-r)));
	return r == 0 && !json->failed ? GP_FIGURES_OK : GP_FIGURES_FAILED;
}
