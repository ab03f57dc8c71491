/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "procs/supervisor/supervisor.h"
#include "sys/address.h"
#include "sys/log.h"

enum { BACKLOG = 4096 };

static int
complain(const char *what, const char *path, int error)
{
	gp_error(what, GP_FS("path", path), GP_FS("reason", strerror(-error)));
	return error;
}

/* Makes the folder and those above it; only the last gets an owner. Returns a descriptor or -errno.
 */
static int
open_folder(const char *path, mode_t mode, const struct identity *owner)
{
	char part[4096];
	size_t len = strlen(path);
	if (len == 0 || len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		bool last = path[i] == '\0';
		if (mkdir(part, last ? mode : 0755) == 0) {
			if (last && owner && geteuid() == 0 &&
			    chown(part, owner->uid, owner->gid) < 0)
				return -errno;
		} else if (errno != EEXIST) {
			return -errno;
		}
	}
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
open_state_folder(const struct gp_config *cfg, const char *name, const struct identity *owner,
		  struct gp_role_dir *ret)
{
	snprintf(ret->path, sizeof(ret->path), "%.*s/%s", GP_SLICE_FMT(cfg->state), name);
	ret->fd = open_folder(ret->path, 0700, owner);
	return ret->fd < 0 ? complain("cannot_open_folder", ret->path, ret->fd) : 0;
}

/* Two gateways on one spool would lose mail: the second must not start. */
static int
lock_state(struct resources *r, const struct gp_config *cfg)
{
	char path[4096];
	snprintf(path, sizeof(path), "%.*s", GP_SLICE_FMT(cfg->state));
	int dir = open_folder(path, 0755, NULL);
	if (dir < 0)
		return complain("cannot_open_folder", path, dir);
	r->lock = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int error = r->lock < 0 ? -errno : 0;
	close(dir);
	if (error == 0 && flock(r->lock, LOCK_EX | LOCK_NB) < 0)
		error = -errno;
	return error < 0 ? complain("state_in_use", path, error) : 0;
}

/* The template up to the folder before the first placeholder: "/var/mail/{domain}/{local}" gives
 * "/var/mail". */
static struct gp_slice fixed_part(struct gp_slice template)
{
	ptrdiff_t brace = gp_slice_find(template, '{');
	if (brace < 0)
		return template;
	struct gp_slice head = gp_slice_take(template, (size_t)brace);
	ptrdiff_t slash = gp_slice_rfind(head, '/');
	return gp_slice_take(head, slash > 0 ? (size_t)slash : 0);
}

static int
open_mail_roots(struct resources *r, const struct gp_config *cfg, const struct identity *owner)
{
	for (size_t i = 0; i < cfg->domains_len; i++) {
		const struct gp_deliver *d = &cfg->domains[i].deliver;
		struct gp_slice root = fixed_part(d->target);
		bool known = d->kind != GP_DELIVER_MAILDIR;
		for (size_t k = 0; !known && k < r->mail_roots_len; k++)
			known = gp_slice_eq(root, gp_slice_str(r->mail_roots[k].path));
		if (known)
			continue;
		if (r->mail_roots_len == GP_ROLE_DIRS_MAX)
			return complain("too_many_mail_roots", cfg->state.ptr, -E2BIG);
		struct gp_role_dir *dir = &r->mail_roots[r->mail_roots_len++];
		snprintf(dir->path, sizeof(dir->path), "%.*s", GP_SLICE_FMT(root));
		dir->fd = open_folder(dir->path, 0750, owner);
		if (dir->fd < 0)
			return complain("cannot_open_folder", dir->path, dir->fd);
	}
	return 0;
}

static int
open_control(struct resources *r, const struct gp_config *cfg)
{
	struct gp_sockaddr a;
	char path[4096];
	snprintf(path, sizeof(path), "unix:%.*s/control", GP_SLICE_FMT(cfg->state));
	if (gp_sockaddr_parse(gp_slice_str(path), 0, &a) < 0)
		return complain("path_too_long", path, -ENAMETOOLONG);
	unlink(path + strlen("unix:"));
	mode_t before = umask(0177);
	r->control = gp_socket_listen_packets(&a, 64);
	umask(before);
	return r->control < 0 ? complain("cannot_listen", path, r->control) : 0;
}

/* A socket of each worker's own: the kernel spreads the connections, and no worker wakes for
 * another's. */
static int
listen_on(struct resources *r, const struct gp_listen *want, unsigned worker)
{
	struct gp_sockaddr a;
	struct gp_role_listen *l = &r->listens[r->listens_len];
	if (r->listens_len == GP_ROLE_LISTENS_MAX)
		return complain("too_many_listeners", want->address.ptr, -E2BIG);
	snprintf(l->address, sizeof(l->address), "%.*s", GP_SLICE_FMT(want->address));
	if (gp_sockaddr_parse(want->address, 0, &a) < 0)
		return complain("bad_listen_address", l->address, -EINVAL);
	l->service = want->service;
	l->fd = gp_socket_listen(&a, BACKLOG, true);
	if (l->fd < 0)
		return complain("cannot_listen", l->address, l->fd);
	r->listen_workers[r->listens_len++] = worker;
	return 0;
}

static bool
take_over(struct resources *r, struct resources *old, const struct gp_listen *want, unsigned worker)
{
	for (size_t i = 0; i < old->listens_len; i++) {
		struct gp_role_listen *l = &old->listens[i];
		if (l->fd < 0 || old->listen_workers[i] != worker || l->service != want->service ||
		    !gp_slice_eq(gp_slice_str(l->address), want->address))
			continue;
		r->listens[r->listens_len] = *l;
		r->listen_workers[r->listens_len++] = worker;
		l->fd = -1;
		return true;
	}
	return false;
}

void
resources_unlisten(struct resources *r)
{
	for (size_t i = 0; i < r->listens_len; i++) {
		if (r->listens[i].fd >= 0)
			close(r->listens[i].fd);
	}
	r->listens_len = 0;
}

int
resources_relisten(struct resources *r, const struct gp_config *cfg, unsigned workers)
{
	struct resources old = *r;
	int error = 0;
	r->listens_len = 0;
	/* One address that cannot be had does not cost the others. */
	for (size_t i = 0; i < cfg->listens_len; i++) {
		int failed = 0;
		for (unsigned w = 0; failed == 0 && w < workers; w++) {
			if (!take_over(r, &old, &cfg->listens[i], w))
				failed = listen_on(r, &cfg->listens[i], w);
		}
		error = error == 0 ? failed : error;
	}
	resources_unlisten(&old);
	r->listens_missing = error != 0;
	return error;
}

void
resources_raise_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int
resources_open(struct resources *r, const struct gp_config *cfg, unsigned workers)
{
	struct identity spool, maildir;
	*r = (struct resources){.users.fd = -1, .control = -1, .lock = -1};
	if (identity_of("spool", cfg->user, &spool) < 0 ||
	    identity_of("maildir", cfg->user, &maildir) < 0) {
		gp_error("no_user", GP_F("user", cfg->user),
			 GP_FS("reason",
			       "started as root, and neither gatepost-ROLE nor this user exists; "
			       "make one, or name another with the key `user`"));
		return -ENOENT;
	}
	int error = lock_state(r, cfg);
	if (error == 0)
		error = open_state_folder(cfg, "spool", &spool, &r->spool);
	if (error == 0)
		error = open_mail_roots(r, cfg, &maildir);
	users_file_renew(&r->users, cfg->users.file);
	if (error == 0)
		error = open_control(r, cfg);
	if (error == 0)
		error = resources_relisten(r, cfg, workers);
	return error;
}
