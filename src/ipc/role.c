/* SPDX-License-Identifier: Apache-2.0 */
#include "ipc/role.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/log.h"
#include "sys/small_file.h"

/* The image holds the files that the configuration names too. */
enum { IMAGE_MAX = 4 * GP_CONFIG_TEXT_MAX };
enum { EARLY_PEERS_MAX = 64 };
/* Longer than the longest pause before the supervisor starts a role again. */
enum { PEER_MISSING_MS = 60 * 1000 };

/* What may come before start, and after. */
static const gp_permit permit_before =
	GP_PERMIT_SUPERVISOR_TO_ROLE &
	~(GP_PERMIT(GP_MSG_ENDING) | GP_PERMIT(GP_MSG_STOP) | GP_PERMIT(GP_MSG_PING));
static const gp_permit permit_after =
	GP_PERMIT(GP_MSG_CONFIG) | GP_PERMIT(GP_MSG_PEER) | GP_PERMIT(GP_MSG_KEY) |
	GP_PERMIT(GP_MSG_DKIM_KEYS) | GP_PERMIT(GP_MSG_SECRET) | GP_PERMIT(GP_MSG_USERS) |
	GP_PERMIT(GP_MSG_ASN_DATABASE) | GP_PERMIT(GP_MSG_AUDIT_DATABASE) |
	GP_PERMIT(GP_MSG_SCAN_RESULTS) | GP_PERMIT(GP_MSG_ROLES) | GP_PERMIT(GP_MSG_ENDING) |
	GP_PERMIT(GP_MSG_STOP) | GP_PERMIT(GP_MSG_PING);

static struct {
	const struct gp_role *role;
	struct gp_role_env env;
	struct gp_channel *control;
	/* The configuration in force, and the one before or after it. */
	struct gp_config configs[2];
	struct gp_arena arenas[2];
	unsigned current;
	bool started;
	bool ending; /* with all the others */
	/* Peers that came before start: their channels open when the role is ready to listen. */
	struct {
		enum gp_role_id role;
		unsigned index;
		int fd;
	} early[EARLY_PEERS_MAX];
	size_t early_len;
	struct event *missing[GP_ROLE_COUNT]; /* timers of peers that were lost */
	int exit_code;
} self = {.arenas = {{.max = GP_CONFIG_ARENA_MAX}, {.max = GP_CONFIG_ARENA_MAX}}};

const char *
gp_role_name(enum gp_role_id id)
{
	static const char *const names[GP_ROLE_COUNT] = {
		[GP_ROLE_SUPERVISOR] = "supervisor",
		[GP_ROLE_SMTPD] = "smtpd",
		[GP_ROLE_RESOLVER] = "resolver",
		[GP_ROLE_SPOOL] = "spool",
		[GP_ROLE_RELAY] = "relay",
		[GP_ROLE_MAILDIR] = "maildir",
		[GP_ROLE_FETCH] = "fetch",
		[GP_ROLE_SIGNER] = "signer",
		[GP_ROLE_AUTH] = "auth",
		[GP_ROLE_REPORTS] = "reports",
		[GP_ROLE_INGEST] = "ingest",
		[GP_ROLE_WEB] = "web",
		[GP_ROLE_COMMAND] = "command",
	};
	return id > 0 && id < GP_ROLE_COUNT ? names[id] : "?";
}

static void
die(const char *event, int error)
{
	gp_error(event, GP_FS("reason", strerror(-error)));
	self.exit_code = 1;
	gp_loop_stop(self.env.loop);
}

static int
read_config(int fd, struct gp_buf *text)
{
	struct stat st;
	if (gp_file_stat(fd, &st) < 0 || st.st_size < 0 || st.st_size > IMAGE_MAX)
		return -EINVAL;
	size_t size = (size_t)st.st_size;
	char *to = gp_buf_reserve(text, size);
	if (!to)
		return -ENOMEM;
	for (size_t at = 0; at < size;) {
		ssize_t n = pread(fd, to + at, size - at, (off_t)at);
		if (n <= 0)
			return -EIO;
		at += (size_t)n;
	}
	gp_buf_advance(text, size);
	return 0;
}

void
gp_role_reload_failed(void)
{
	gp_error("reload_failed", GP_FS("reason", "out of memory"));
	gp_log_flush();
	exit(1);
}

static int
take_config(const struct gp_message *m)
{
	struct gp_role_env *env = &self.env;
	unsigned next = env->config ? !self.current : self.current;
	struct gp_buf text = GP_BUF_INIT(IMAGE_MAX);
	struct gp_config *fresh = &self.configs[next];
	struct gp_complaints none;
	int r = read_config(m->fd, &text);
	if (r == 0)
		r = gp_config_parse(gp_buf_slice(&text), GP_SLICE("image"), NULL,
				    &self.arenas[next], fresh, &none);
	gp_buf_free(&text);
	if (r != 0)
		return r < 0 ? r : -EINVAL;
	const struct gp_config *old = env->config;
	env->config = fresh;
	gp_log_setup(gp_role_name(self.role->id), fresh->log.json,
		     (enum gp_log_level)fresh->log.level);
	if (!old) {
		env->worker = m->config.worker;
		env->workers = m->config.workers;
		env->seed[0] = m->config.seed0;
		env->seed[1] = m->config.seed1;
		return 0;
	}
	if (self.role->on_reload)
		self.role->on_reload(env, old);
	gp_arena_free(&self.arenas[self.current]);
	self.current = next;
	return 0;
}

static int
take_listen(struct gp_message *m)
{
	struct gp_role_env *env = &self.env;
	if (env->listens_len == GP_ROLE_LISTENS_MAX)
		return -E2BIG;
	struct gp_role_listen *l = &env->listens[env->listens_len++];
	*l = (struct gp_role_listen){
		.fd = m->fd, .service = m->listen.service, .tls = m->listen.tls};
	snprintf(l->address, sizeof(l->address), "%.*s", GP_SLICE_FMT(m->listen.address));
	m->fd = -1;
	return 0;
}

static int
take_directory(struct gp_message *m)
{
	struct gp_role_env *env = &self.env;
	if (env->dirs_len == GP_ROLE_DIRS_MAX)
		return -E2BIG;
	struct gp_role_dir *d = &env->dirs[env->dirs_len++];
	*d = (struct gp_role_dir){.fd = m->fd};
	snprintf(d->path, sizeof(d->path), "%.*s", GP_SLICE_FMT(m->directory.path));
	m->fd = -1;
	return 0;
}

static int
enter_sandbox(void)
{
	struct gp_sandbox_dir dirs[GP_ROLE_DIRS_MAX];
	for (size_t i = 0; i < self.env.dirs_len; i++)
		dirs[i] = (struct gp_sandbox_dir){self.env.dirs[i].fd,
						  self.role->sandbox->dir_access};
	return gp_sandbox_enter(self.role->sandbox, dirs, self.env.dirs_len);
}

static void
on_peer_missing(evutil_socket_t fd, short what, void *arg)
{
	struct event **timer = arg;
	(void)fd, (void)what;
	gp_error("peer_missing",
		 GP_FS("peer", gp_role_name((enum gp_role_id)(timer - self.missing))));
	self.exit_code = 1;
	gp_loop_stop(self.env.loop);
}

void
gp_role_peer_lost(enum gp_role_id role)
{
	gp_assert(role > 0 && role < GP_ROLE_COUNT);
	if (self.ending)
		return;
	struct event **timer = &self.missing[role];
	if (!*timer)
		*timer = evtimer_new(gp_loop_base(self.env.loop), on_peer_missing, timer);
	if (*timer)
		gp_timer_set(*timer, PEER_MISSING_MS);
}

enum gp_log_level
gp_role_loss_level(void)
{
	return self.ending ? GP_LOG_DEBUG : GP_LOG_WARNING;
}

static int
take_ending(void)
{
	self.ending = true;
	for (size_t i = 0; i < GP_ARRAY_LEN(self.missing); i++) {
		if (self.missing[i])
			event_del(self.missing[i]);
	}
	return 0;
}

static int
take_peer(struct gp_message *m)
{
	if (m->peer.role == 0 || m->peer.role >= GP_ROLE_COUNT)
		return -EPROTO;
	enum gp_role_id role = (enum gp_role_id)m->peer.role;
	if (self.missing[role])
		event_del(self.missing[role]);
	int fd = m->fd;
	if (!self.started && self.early_len == EARLY_PEERS_MAX)
		return -E2BIG;
	m->fd = -1;
	if (self.started) {
		self.role->on_peer(&self.env, role, m->peer.index, fd);
		return 0;
	}
	self.early[self.early_len].role = role;
	self.early[self.early_len].index = m->peer.index;
	self.early[self.early_len++].fd = fd;
	return 0;
}

/*
 * Woken by one octet, a process of ours shall not push away the one that runs: when its turn comes
 * more has arrived, and a turn does it all at once (sched(7)). On an idle core nothing waits. A
 * kernel that says no costs speed only.
 */
static void
prefer_batches(void)
{
	const struct sched_param none = {};
	(void)sched_setscheduler(0, SCHED_BATCH, &none);
}

static int
take_key(const struct gp_message *m)
{
	if (!self.role->on_key)
		return -EPROTO;
	self.role->on_key(&self.env, m->key.path, m->key.round, m->fd);
	return 0;
}

static int
take_dkim_keys(const struct gp_message *m)
{
	if (!self.role->on_dkim_keys)
		return -EPROTO;
	self.role->on_dkim_keys(&self.env, &m->dkim_keys, m->fd);
	return 0;
}

static int
take_secret(const struct gp_message *m)
{
	if (!self.role->on_secret)
		return -EPROTO;
	self.role->on_secret(&self.env, m->secret.kind, m->fd);
	return 0;
}

static int
take_users(const struct gp_message *m)
{
	if (!self.role->on_users)
		return -EPROTO;
	self.role->on_users(&self.env, m->fd);
	return 0;
}

static int
take_asn_database(const struct gp_message *m)
{
	if (!self.role->on_asn_database)
		return -EPROTO;
	self.role->on_asn_database(&self.env, m->fd);
	return 0;
}

static int
take_audit_database(const struct gp_message *m)
{
	if (!self.role->on_audit_database)
		return -EPROTO;
	self.role->on_audit_database(&self.env, m->fd);
	return 0;
}

static int
take_scan_results(const struct gp_message *m)
{
	if (!self.role->on_scan_results)
		return -EPROTO;
	self.role->on_scan_results(&self.env, m->fd);
	return 0;
}

static int
take_roles(const struct gp_message *m)
{
	if (!self.role->on_roles)
		return -EPROTO;
	self.role->on_roles(&self.env, &m->roles);
	return 0;
}

static int
take_start(void)
{
	if (self.started || !self.env.config)
		return -EPROTO;
	self.started = true;
	gp_channel_permit(self.control, permit_after);
	prefer_batches();
	int r = self.role->prepare ? self.role->prepare(&self.env) : 0;
	if (r == 0)
		r = enter_sandbox();
	if (r == 0)
		r = self.role->start(&self.env);
	for (size_t i = 0; r == 0 && i < self.early_len; i++)
		self.role->on_peer(&self.env, self.early[i].role, self.early[i].index,
				   self.early[i].fd);
	struct gp_message ready = {.type = GP_MSG_READY, .fd = -1};
	if (r == 0 && !gp_channel_send(self.control, &ready))
		r = -ENOMEM;
	return r;
}

/* Said at the end of a turn, so that it tells of one that came to its end. */
static int
take_ping(void)
{
	const struct gp_message pong = {.type = GP_MSG_PONG, .fd = -1};
	return gp_channel_send(self.control, &pong) ? 0 : -ENOMEM;
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	int r = 0;
	(void)ctx, (void)c;
	switch (m->type) {
	case GP_MSG_CONFIG:
		r = take_config(m);
		break;
	case GP_MSG_LISTEN:
		r = take_listen(m);
		break;
	case GP_MSG_DIRECTORY:
		r = take_directory(m);
		break;
	case GP_MSG_PEER:
		r = take_peer(m);
		break;
	case GP_MSG_USERS:
		r = take_users(m);
		break;
	case GP_MSG_ASN_DATABASE:
		r = take_asn_database(m);
		break;
	case GP_MSG_AUDIT_DATABASE:
		r = take_audit_database(m);
		break;
	case GP_MSG_SCAN_RESULTS:
		r = take_scan_results(m);
		break;
	case GP_MSG_KEY:
		r = take_key(m);
		break;
	case GP_MSG_DKIM_KEYS:
		r = take_dkim_keys(m);
		break;
	case GP_MSG_SECRET:
		r = take_secret(m);
		break;
	case GP_MSG_ROLES:
		r = take_roles(m);
		break;
	case GP_MSG_START:
		r = take_start();
		break;
	case GP_MSG_PING:
		r = take_ping();
		break;
	case GP_MSG_ENDING:
		r = take_ending();
		break;
	case GP_MSG_STOP:
		if (self.role->on_stop)
			self.role->on_stop(&self.env);
		else
			gp_loop_stop(self.env.loop);
		break;
	default:
		r = -EPROTO;
	}
	if (r < 0)
		die("role_failed", r);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c, (void)why;
	/* Without its supervisor a role has no future: the next start brings a new set. */
	self.control = NULL;
	gp_loop_stop(self.env.loop);
}

static void
ignore_signals(void)
{
	/* A terminal's Ctrl-C and the service manager's SIGTERM reach every process: the supervisor
	 * alone decides. */
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2};
	for (size_t i = 0; i < GP_ARRAY_LEN(signals); i++)
		signal(signals[i], SIG_IGN);
}

int
gp_role_main(const struct gp_role *role)
{
	self.role = role;
	gp_log_setup(gp_role_name(role->id), false, GP_LOG_INFO);
	ignore_signals();
	self.env.loop = gp_loop_new();
	if (!self.env.loop)
		return 1;
	struct gp_channel_owner owner = {.on_message = on_message, .on_close = on_close};
	self.control = gp_channel_new(self.env.loop, GP_ROLE_CONTROL_FD, permit_before, &owner);
	if (!self.control) {
		fprintf(stderr, "gatepost-%s: is started by `gatepost serve`, not by hand\n",
			gp_role_name(role->id));
		return 1;
	}
	gp_channel_first(self.control);
	if (gp_loop_run(self.env.loop) < 0)
		self.exit_code = 1;
	gp_channel_free(self.control);
	return self.exit_code;
}
