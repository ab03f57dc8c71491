/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/config/value.h"
#include "procs/supervisor/supervisor.h"
#include "sys/address.h"
#include "sys/log.h"

enum {
	BACKLOG = 4096,
	/* Roles whose supervisor was killed end by themselves, but not before us: how often, and
	   how far apart, an address that is in use is looked at. */
	IN_USE_TRIES = 30,
	IN_USE_PAUSE_MS = 100,
};

static int
complain(const char *what, const char *path, int error)
{
	gp_error(what, GP_FS("path", path), GP_FS("reason", strerror(-error)));
	return error;
}

/* Makes the folder and those above it; only the last gets an owner. What would not be its owner's
 * is not made: a supervisor that is not root any more gives nothing away. Returns a descriptor or
 * -errno. */
static int
open_folder(const char *path, mode_t mode, const struct identity *owner)
{
	char part[4096];
	size_t len = strlen(path);
	bool make = !owner || geteuid() == 0 || geteuid() == owner->uid;
	if (len == 0 || len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; make && i <= len; i++) {
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
	if (error < 0)
		return complain("cannot_open_folder", path, error);
	if (flock(r->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	error = -errno;
	gp_error("state_in_use", GP_FS("path", path),
		 GP_FS("reason", error == -EWOULDBLOCK ? "another gateway runs on this folder"
						       : strerror(-error)));
	return error;
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

static bool
has_root(const struct resources *r, struct gp_slice path)
{
	for (size_t i = 0; i < r->mail_roots_len; i++) {
		if (gp_slice_eq(path, gp_slice_str(r->mail_roots[i].path)))
			return true;
	}
	return false;
}

static bool
take_over_root(struct resources *r, struct resources *old, struct gp_slice path)
{
	for (size_t i = 0; i < old->mail_roots_len; i++) {
		struct gp_role_dir *dir = &old->mail_roots[i];
		if (dir->fd < 0 || !gp_slice_eq(path, gp_slice_str(dir->path)))
			continue;
		r->mail_roots[r->mail_roots_len++] = *dir;
		dir->fd = -1;
		return true;
	}
	return false;
}

static int
open_root(struct resources *r, struct gp_slice path, const struct identity *owner)
{
	struct gp_role_dir *dir = &r->mail_roots[r->mail_roots_len];
	snprintf(dir->path, sizeof(dir->path), "%.*s", GP_SLICE_FMT(path));
	dir->fd = open_folder(dir->path, 0750, owner);
	if (dir->fd < 0)
		return complain("cannot_open_folder", dir->path, dir->fd);
	r->mail_roots_len++;
	return 0;
}

/* True when one of them was not taken over: the new set is smaller. */
static bool
close_roots(struct resources *old)
{
	bool any = false;
	for (size_t i = 0; i < old->mail_roots_len; i++) {
		if (old->mail_roots[i].fd < 0)
			continue;
		close(old->mail_roots[i].fd);
		any = true;
	}
	return any;
}

int
resources_reroot(struct resources *r, const struct gp_config *cfg, const struct identity *owner,
		 bool *ret_changed)
{
	struct resources old = *r;
	int error = 0;
	*ret_changed = false;
	r->mail_roots_len = 0;
	/* One folder that cannot be had does not cost the others. */
	for (size_t i = 0; i < cfg->domains_len; i++) {
		const struct gp_deliver *d = &cfg->domains[i].deliver;
		struct gp_slice root = fixed_part(d->target);
		if (d->kind != GP_DELIVER_MAILDIR || has_root(r, root))
			continue;
		int failed = 0;
		if (r->mail_roots_len == GP_ROLE_DIRS_MAX)
			failed = complain("too_many_mail_roots", cfg->state.ptr, -E2BIG);
		else if (!take_over_root(r, &old, root))
			failed = open_root(r, root, owner);
		else
			continue;
		*ret_changed = *ret_changed || failed == 0;
		error = error == 0 ? failed : error;
	}
	*ret_changed = close_roots(&old) || *ret_changed;
	return error;
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
	l->tls = want->tls;
	l->fd = gp_socket_listen(&a, BACKLOG, true);
	if (l->fd < 0)
		return complain("cannot_listen", l->address, l->fd);
	r->listen_workers[r->listens_len++] = worker;
	return 0;
}

/* Two gateways of one user could share an address, and each would get half of the mail. Looked at
 * before our own sockets are there, all of which share. */
static int
check_address_is_free(const struct gp_listen *want)
{
	struct gp_sockaddr a;
	char address[128];
	snprintf(address, sizeof(address), "%.*s", GP_SLICE_FMT(want->address));
	if (gp_sockaddr_parse(want->address, 0, &a) < 0)
		return complain("bad_listen_address", address, -EINVAL);
	int r = gp_socket_is_free(&a);
	for (int i = 1; r == -EADDRINUSE && i < IN_USE_TRIES; i++) {
		struct timespec pause = {.tv_nsec = IN_USE_PAUSE_MS * 1000 * 1000};
		nanosleep(&pause, NULL);
		r = gp_socket_is_free(&a);
	}
	return r < 0 ? complain("cannot_listen", address, r) : 0;
}

static bool
take_over(struct resources *r, struct resources *old, const struct gp_listen *want, unsigned worker)
{
	for (size_t i = 0; i < old->listens_len; i++) {
		struct gp_role_listen *l = &old->listens[i];
		if (l->fd < 0 || old->listen_workers[i] != worker || l->service != want->service ||
		    l->tls != want->tls || !gp_slice_eq(gp_slice_str(l->address), want->address))
			continue;
		r->listens[r->listens_len] = *l;
		r->listen_workers[r->listens_len++] = worker;
		l->fd = -1;
		return true;
	}
	return false;
}

static void
close_web(struct gp_role_listen *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

void
resources_unlisten(struct resources *r)
{
	for (size_t i = 0; i < r->listens_len; i++) {
		if (r->listens[i].fd >= 0)
			close(r->listens[i].fd);
	}
	r->listens_len = 0;
	close_web(&r->dashboard);
	close_web(&r->web_policies);
}

/* Binds it to `want` in place of what it was; empty: to nothing. */
static int
relisten_web(struct gp_role_listen *l, struct gp_slice want, struct gp_role_listen as,
	     bool *changed)
{
	struct gp_sockaddr a;
	if (want.len == 0 ? l->fd < 0 : l->fd >= 0 && gp_slice_eq(gp_slice_str(l->address), want))
		return 0;
	close_web(l);
	*l = as;
	*changed = true;
	if (want.len == 0)
		return 0;
	snprintf(l->address, sizeof(l->address), "%.*s", GP_SLICE_FMT(want));
	if (gp_sockaddr_parse(want, 0, &a) < 0)
		return complain("bad_listen_address", l->address, -EINVAL);
	l->fd = gp_socket_listen(&a, BACKLOG, false);
	return l->fd < 0 ? complain("cannot_listen", l->address, l->fd) : 0;
}

int
resources_relisten_web(struct resources *r, const struct gp_config *cfg, bool *ret_changed)
{
	const struct gp_role_listen policies = {
		.fd = -1, .service = GP_SERVICE_POLICIES, .tls = GP_LISTEN_IMPLICIT};
	bool local = cfg->web.listen.len > 0 && gp_endpoint_is_loopback(cfg->web.listen);
	const struct gp_role_listen dashboard = {.fd = -1,
						 .service = GP_SERVICE_DASHBOARD,
						 .tls = local ? GP_LISTEN_CLEAR
							      : GP_LISTEN_IMPLICIT};
	*ret_changed = false;
	int first = relisten_web(&r->web_policies, cfg->web.policy_listen, policies, ret_changed);
	int second = relisten_web(&r->dashboard, cfg->web.listen, dashboard, ret_changed);
	return first < 0 ? first : second;
}

int
resources_relisten(struct resources *r, const struct gp_config *cfg, unsigned workers)
{
	struct resources old = *r;
	int error = 0;
	old.dashboard.fd = old.web_policies.fd = -1; /* they stay */
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
	struct identity spool, fetch, reports, maildir;
	bool changed;
	*r = (struct resources){
		.dashboard.fd = -1, .web_policies.fd = -1, .control = -1, .lock = -1};
	memcpy(r->watched, watched_files, sizeof(r->watched));
	if (identity_of("spool", cfg->user, &spool) < 0 ||
	    identity_of("fetch", cfg->user, &fetch) < 0 ||
	    identity_of("reports", cfg->user, &reports) < 0 ||
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
		error = open_state_folder(cfg, "mta-sts", &fetch, &r->policies);
	if (error == 0)
		error = open_state_folder(cfg, "reports", &reports, &r->reports);
	if (error == 0)
		error = resources_reroot(r, cfg, &maildir, &changed);
	for (size_t i = 0; i < WATCHED_FILES; i++)
		watched_file_renew(&r->watched[i], cfg);
	if (error == 0)
		error = open_control(r, cfg);
	for (size_t i = 0; error == 0 && i < cfg->listens_len; i++)
		error = check_address_is_free(&cfg->listens[i]);
	const struct gp_listen web[] = {{.address = cfg->web.listen},
					{.address = cfg->web.policy_listen}};
	for (size_t i = 0; error == 0 && i < GP_ARRAY_LEN(web); i++)
		error = web[i].address.len > 0 ? check_address_is_free(&web[i]) : 0;
	if (error == 0)
		error = resources_relisten(r, cfg, workers);
	if (error == 0)
		error = resources_relisten_web(r, cfg, &changed);
	return error;
}
