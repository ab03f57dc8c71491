/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are opened here, and read by one role alone. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ipc/values.h"
#include "procs/supervisor/supervisor.h"
#include "sys/log.h"

const struct watched_file watched_files[WATCHED_FILES] = {
	{"no_users", GP_MSG_USERS, NEEDS_USERS, .fd = -1},
	{"no_asn_database", GP_MSG_ASN_DATABASE, NEEDS_ASN_DATABASE, .fd = -1},
	{"no_audit_database", GP_MSG_AUDIT_DATABASE, NEEDS_AUDIT_DATABASE, .fd = -1},
	{"no_scan_results", GP_MSG_SCAN_RESULTS, NEEDS_SCAN_RESULTS, .fd = -1},
};

static struct gp_slice
path_of(const struct watched_file *w, const struct gp_config *cfg)
{
	switch (w->message) {
	case GP_MSG_USERS:
		return cfg->users.file;
	case GP_MSG_ASN_DATABASE:
		return cfg->reports.asn_database;
	case GP_MSG_AUDIT_DATABASE:
		return cfg->web.audit_database;
	case GP_MSG_SCAN_RESULTS:
		return cfg->web.scan_results;
	default:
		gp_unreachable("no such file");
	}
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Who takes the file away wants nobody to go by it any more. */
static int
open_nothing(const struct watched_file *w, struct gp_slice path)
{
	gp_warning(w->missing, GP_F("path", path), GP_FS("reason", strerror(errno)));
	return memfd_create("missing", MFD_CLOEXEC);
}

bool
watched_file_renew(struct watched_file *w, const struct gp_config *cfg)
{
	struct gp_slice path = path_of(w, cfg);
	struct stat now = {};
	if (path.len == 0) {
		if (w->fd >= 0)
			close(w->fd);
		w->fd = -1;
		w->known = false;
		return false;
	}
	/* A path that is no file would keep us waiting, or be nothing to read. */
	int fd = open(path.ptr, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &now) < 0)
		now = (struct stat){};
	if (w->known && is_same(&now, &w->seen)) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	if (fd < 0)
		fd = open_nothing(w, path);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = fd;
	w->seen = now;
	w->known = true;
	return fd >= 0;
}
