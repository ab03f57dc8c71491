/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/figures/scan_file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ipc/values.h"
#include "procs/figures/scans.h"
#include "sys/log.h"
#include "sys/small_file.h"

static struct {
	int fd; /* -1: there is none */
	uint64_t seed;
	struct gp_buf answer; /* empty: not read yet */
} self = {.fd = -1, .answer = GP_BUF_INIT(4 << 20)};

void
scan_file_take(int fd, uint64_t seed)
{
	if (self.fd >= 0)
		close(self.fd);
	self.fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	self.seed = seed;
	gp_buf_free(&self.answer);
	gp_buf_clear(&self.answer);
}

/* 0 or -errno. */
static int
read_file(void)
{
	struct gp_arena arena = GP_ARENA_INIT(SCANS_ARENA_MAX);
	struct gp_slice text = gp_slice("", 0);
	struct stat st = {};
	int r = self.fd >= 0 ? gp_file_stat(self.fd, &st) : 0;
	if (r == 0 && self.fd >= 0)
		r = gp_file_read_open(self.fd, SCANS_FILE_MAX, &arena, &text);
	gp_buf_clear(&self.answer);
	if (r == 0 && text.len == 0)
		gp_buf_put_str(&self.answer, "{\"configured\":true}");
	else if (r == 0)
		r = scans_write(text, st.st_mtim.tv_sec, self.seed, &arena, &self.answer);
	if (r < 0)
		gp_buf_clear(&self.answer);
	gp_arena_free(&arena);
	return r;
}

uint8_t
scan_file_answer(struct gp_buf *json)
{
	int r = self.answer.len > 0 ? 0 : read_file();
	if (r < 0)
		gp_error("scan_results_not_read", GP_FS("reason", strerror(-r)));
	gp_buf_put(json, gp_buf_slice(&self.answer));
	return r == 0 && json->len > 0 && !json->failed ? GP_FIGURES_OK : GP_FIGURES_FAILED;
}
