/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/figures/history.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipc/values.h"
#include "procs/figures/audits.h"
#include "procs/figures/figures.h"
#include "sys/log.h"
#include "sys/small_file.h"

static int history = -1; /* -1: there is none */

void
history_take(int fd)
{
	if (history >= 0)
		close(history);
	history = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
}

static bool
is_there(void)
{
	struct stat st;
	return history >= 0 && gp_file_stat(history, &st) == 0 && st.st_size > 0;
}

/* 0; 1: it was written meanwhile; -errno. */
static int
read_history(struct gp_slice domain, struct gp_buf *json)
{
	struct gp_arena arena = GP_ARENA_INIT(FIGURES_ARENA_MAX);
	struct gp_auditdb *db = gp_auditdb_open(history);
	gp_buf_clear(json);
	int r = db ? audits_write(db, domain, &arena, json) : -EIO;
	if (db && gp_auditdb_is_torn(db))
		r = 1;
	gp_auditdb_close(db);
	gp_arena_free(&arena);
	return r;
}

uint8_t
history_answer(struct gp_slice domain, struct gp_buf *json)
{
	if (!is_there()) {
		gp_buf_put_str(json, "{\"configured\":true}");
		return json->failed ? GP_FIGURES_FAILED : GP_FIGURES_OK;
	}
	/* An audit is written once in a while: a second look is enough. */
	int r = read_history(domain, json);
	if (r == 1)
		r = read_history(domain, json);
	if (r != 0)
		gp_error("audits_not_read",
			 GP_FS("reason", r > 0 ? "an audit is being written" : strerror(-r)));
	return r == 0 && !json->failed ? GP_FIGURES_OK : GP_FIGURES_FAILED;
}
