/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost-supervisor: opens what the roles need, starts them, connects them with each other,
 * starts again what dies, reloads on SIGHUP, ends all on SIGTERM in an order that loses nothing. It
 * parses its operator's configuration and nothing else.
 *
 * An instance's life: start_instance, ready, on_role_close, on_role_end, and after a pause
 * start_instance again. The end: stop_stage(0), smtpd takes no more mail; (1), spool and
 * relay let deliveries end, and reports hears of them; (2), the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "procs/supervisor/reload.h"
#include "procs/supervisor/tell.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	RESTART_FIRST_MS = 100,
	RESTART_MAX_MS = 30 * 1000,
	/* A role that lived this long did not die of its start. */
	LIVED_LONG_MS = 10 * 1000,
	STOP_STAGE_MS = 30 * 1000,
	/* How often watched files are looked at: a new password counts that soon. */
	WATCH_MS = 2 * 1000,
	/* How long a role may live without its control channel. */
	ORPHAN_MS = 5 * 1000,
	/* How often roles are asked whether they are there, and how often one may stay silent. By
	   count, not by the clock, which may have gone on while all of us stood still. */
	PING_MS = 5 * 1000,
	SILENT_MAX = 6,
	/* How often certificates, keys and secrets are looked at. */
	TLS_LOOK_MS = 60 * 1000,
};

static struct supervisor self;

/* --- starting --- */

_Noreturn static void
become_role(const struct instance *in, int control)
{
	char name[64];
	char *argv[] = {name, NULL};
	char *envp[] = {NULL};
	int exe = self.role_fds[in->spec->id];
	snprintf(name, sizeof(name), "gatepost-%s", gp_role_name(in->spec->id));
	if (identity_is_privileged() &&
	    gp_sandbox_drop_identity(in->identity.uid, in->identity.gid) < 0)
		_exit(126);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* dup2 clears close-on-exec; on itself it would not. */
	if (control == GP_ROLE_CONTROL_FD ? fcntl(control, F_SETFD, 0) < 0
					  : dup2(control, GP_ROLE_CONTROL_FD) < 0)
		_exit(126);
	fexecve(exe, argv, envp);
	_exit(127);
}

static void
on_role_message(void *ctx, struct gp_channel *c, struct gp_message *m);
static void
on_role_close(void *ctx, struct gp_channel *c, const char *why);

static bool
spawn(struct instance *in)
{
	int fds[2];
	if (gp_channel_pair(fds) < 0)
		return false;
	pid_t pid = fork();
	if (pid == 0)
		become_role(in, fds[1]);
	close(fds[1]);
	if (pid < 0) {
		close(fds[0]);
		return false;
	}
	in->pid = pid;
	struct gp_channel_owner owner = {on_role_message, on_role_close, in};
	in->control = gp_channel_new(self.loop, fds[0], GP_PERMIT_ROLE_TO_SUPERVISOR, &owner);
	return in->control != NULL;
}

static void
start_instance(struct instance *in)
{
	in->started_ms = gp_clock_monotonic_ms();
	in->started_wall_ms = gp_clock_wall_ms();
	in->starts++;
	in->ready = false;
	in->silent = 0;
	if (!spawn(in)) {
		gp_error("cannot_start_role", GP_FS("role", gp_role_name(in->spec->id)),
			 GP_FS("reason", strerror(errno)));
		gp_timer_set(in->again, RESTART_FIRST_MS);
		return;
	}
	bool ok = tell_config(&self, in) && tell_resources(&self, in);
	if (ok)
		tell_peers(&self, in);
	struct gp_message start = {.type = GP_MSG_START};
	if (!ok || !tell(in, start, -1))
		gp_error("cannot_start_role", GP_FS("role", gp_role_name(in->spec->id)));
	gp_debug("role_started", GP_FS("of", gp_role_name(in->spec->id)),
		 GP_FN("worker", in->index), GP_FN("pid", (uint64_t)in->pid));
}

static void
on_start_again(evutil_socket_t fd, short what, void *arg)
{
	struct instance *in = arg;
	(void)fd, (void)what;
	if (in->pid > 0)
		kill(in->pid, SIGKILL); /* see on_role_close */
	else if (!self.stopping)
		start_instance(in);
}

/* --- stopping --- */

static bool
stage_is_empty(unsigned stage)
{
	for (size_t i = 0; i < self.instances_len; i++) {
		if (self.instances[i].pid > 0 && self.instances[i].spec->stop_stage == stage)
			return false;
	}
	return true;
}

static void
stop_stage(unsigned stage)
{
	struct gp_message stop = {.type = GP_MSG_STOP};
	self.stop_stage = stage;
	for (size_t i = 0; i < self.instances_len; i++) {
		struct instance *in = &self.instances[i];
		if (in->spec->stop_stage == stage && in->control && !tell(in, stop, -1))
			kill(in->pid, SIGKILL);
	}
	gp_timer_set(self.stop_timer, STOP_STAGE_MS);
}

static void
advance_stop(void)
{
	while (self.stop_stage < STOP_STAGES && stage_is_empty(self.stop_stage)) {
		if (self.stop_stage + 1 == STOP_STAGES) {
			gp_loop_stop(self.loop);
			return;
		}
		stop_stage(self.stop_stage + 1);
	}
}

/* Said to all, and sent, before the first is told to go: nobody takes it for a fault that it
 * went. */
static void
tell_all_of_the_end(void)
{
	const struct gp_message ending = {.type = GP_MSG_ENDING};
	for (size_t i = 0; i < self.instances_len; i++) {
		struct gp_channel *control = self.instances[i].control;
		if (control && tell(&self.instances[i], ending, -1))
			gp_channel_flush(control);
	}
}

static void
begin_stop(int exit_code)
{
	if (self.stopping)
		return;
	self.stopping = true;
	self.exit_code = exit_code;
	gp_info("stopping", GP_FN("roles", self.instances_len));
	/* Who comes now is refused by the kernel, instead of waiting for nobody. */
	resources_unlisten(&self.resources);
	tell_all_of_the_end();
	stop_stage(0);
	advance_stop();
}

static void
on_stop_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	for (size_t i = 0; i < self.instances_len; i++) {
		struct instance *in = &self.instances[i];
		if (in->pid <= 0 || in->spec->stop_stage != self.stop_stage)
			continue;
		gp_warning("role_killed", GP_FS("of", gp_role_name(in->spec->id)),
			   GP_FS("reason", "did not stop in time"));
		kill(in->pid, SIGKILL);
	}
}

/* --- watching --- */

static void
announce_when_ready(void)
{
	for (size_t i = 0; i < self.instances_len; i++) {
		if (!self.instances[i].ready)
			return;
	}
	if (!self.announced) {
		self.announced = true;
		gp_info("ready", GP_F("hostname", self.config.value->hostname),
			GP_FN("listeners", self.config.value->listens_len),
			GP_FN("workers", self.workers));
	}
}

static void
on_role_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct instance *in = ctx;
	(void)c;
	bool is_news = in->silent > 1 || m->type == GP_MSG_READY;
	in->silent = 0;
	gp_assert(m->type == GP_MSG_READY || m->type == GP_MSG_PONG);
	if (m->type == GP_MSG_READY) {
		in->ready = true;
		announce_when_ready();
	}
	if (is_news)
		tell_of_roles(&self);
}

/*
 * A role that hangs keeps those waiting who asked it something: they learn of an end, not of
 * silence. One that waits for its disk is left alone: it goes on when the disk does, no signal
 * would reach it before, and to begin anew would only give the disk more to do.
 */
static void
look_after(struct instance *in)
{
	const struct gp_message ping = {.type = GP_MSG_PING};
	if (!in->ready || !in->control)
		return;
	if (in->silent >= SILENT_MAX && !process_waits_for_disk(in->pid)) {
		gp_error("role_hangs", GP_FS("of", gp_role_name(in->spec->id)),
			 GP_FN("worker", in->index));
		kill(in->pid, SIGKILL);
		return;
	}
	/* Once is enough for one that does not answer. */
	if (in->silent++ == 0 && !tell(in, ping, -1))
		kill(in->pid, SIGKILL);
	if (in->silent == 2)
		tell_of_roles(&self);
}

static void
on_ping_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	gp_timer_set(self.ping_timer, PING_MS);
	for (size_t i = 0; !self.stopping && i < self.instances_len; i++)
		look_after(&self.instances[i]);
}

static void
on_role_close(void *ctx, struct gp_channel *c, const char *why)
{
	struct instance *in = ctx;
	(void)c;
	in->control = NULL;
	/* It ends by itself when its channel is gone. One that does not, or that broke the rules,
	   would go on out of reach: neither reload nor stop could be told to it. */
	if (strcmp(why, "closed") != 0 && in->pid > 0)
		kill(in->pid, SIGKILL);
	else
		gp_timer_set(in->again, ORPHAN_MS);
}

static void
on_role_end(struct instance *in, int status)
{
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	in->pid = 0;
	in->ready = false;
	in->control = gp_channel_free(in->control);
	if (self.stopping) {
		if (!clean)
			gp_warning("role_ended_badly", GP_FS("of", gp_role_name(in->spec->id)),
				   GP_FN("status", (uint64_t)status));
		advance_stop();
		return;
	}
	uint64_t lived = gp_clock_monotonic_ms() - in->started_ms;
	in->failures = lived >= LIVED_LONG_MS ? 0 : in->failures + 1;
	uint64_t pause = clean ? 0 : (uint64_t)RESTART_FIRST_MS << GP_MIN(in->failures, 9u);
	pause = GP_MIN(pause, (uint64_t)RESTART_MAX_MS);
	if (!clean)
		gp_error("role_died", GP_FS("of", gp_role_name(in->spec->id)),
			 GP_FN("worker", in->index),
			 GP_FN("signal", WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0),
			 GP_FN("exit", WIFEXITED(status) ? (uint64_t)WEXITSTATUS(status) : 0),
			 GP_FN("again_in_ms", pause));
	gp_timer_set(in->again, pause);
	tell_of_roles(&self);
}

static void
on_sigchld(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	for (size_t i = 0; i < self.instances_len; i++) {
		struct instance *in = &self.instances[i];
		int status;
		if (in->pid > 0 && waitpid(in->pid, &status, WNOHANG) == in->pid)
			on_role_end(in, status);
	}
}

/* --- signals and timers --- */

static void
on_watch_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	if (!self.stopping)
		reload_files(&self);
	gp_timer_set(self.watch_timer, WATCH_MS);
}

/* Whoever renews certificates need not know that we are here. */
static void
on_tls_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	if (!self.stopping)
		reload_certificates(&self);
	gp_timer_set(self.tls_timer, TLS_LOOK_MS);
}

static void
on_sighup(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	if (!self.stopping)
		reload(&self);
}

static void
on_sigterm(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	begin_stop(0);
}

/* --- the beginning --- */

/* The roles' executables lie beside this one. */
static int
open_executables(void)
{
	ssize_t n = readlink("/proc/self/exe", self.role_dir, sizeof(self.role_dir) - 1);
	ptrdiff_t slash = gp_slice_rfind(gp_slice(self.role_dir, n > 0 ? (size_t)n : 0), '/');
	if (slash < 0)
		return -ENOENT;
	self.role_dir[slash] = '\0';
	for (size_t i = 0; i < role_specs_len; i++) {
		char path[4200];
		enum gp_role_id id = role_specs[i].id;
		snprintf(path, sizeof(path), "%s/gatepost-%s", self.role_dir, gp_role_name(id));
		self.role_fds[id] = open(path, O_PATH | O_CLOEXEC);
		if (self.role_fds[id] < 0) {
			gp_error("role_missing", GP_FS("path", path),
				 GP_FS("reason", strerror(errno)));
			return -errno;
		}
	}
	return 0;
}

static int
make_instances(void)
{
	for (size_t i = 0; i < role_specs_len; i++) {
		unsigned n = role_specs[i].per_core ? self.workers : 1;
		for (unsigned k = 0; k < n; k++) {
			struct instance *in = &self.instances[self.instances_len++];
			*in = (struct instance){.spec = &role_specs[i], .index = k};
			in->again = evtimer_new(gp_loop_base(self.loop), on_start_again, in);
			if (!in->again || identity_of(gp_role_name(in->spec->id),
						      self.config.value->user, &in->identity) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

static int
watch_signals(void)
{
	static const struct {
		int number;
		event_callback_fn run;
	} signals[] = {{SIGCHLD, on_sigchld},
		       {SIGTERM, on_sigterm},
		       {SIGINT, on_sigterm},
		       {SIGHUP, on_sighup}};
	for (size_t i = 0; i < GP_ARRAY_LEN(signals); i++) {
		struct event *e = evsignal_new(gp_loop_base(self.loop), signals[i].number,
					       signals[i].run, NULL);
		if (!e || evsignal_add(e, NULL) < 0)
			return -ENOMEM;
	}
	self.stop_timer = evtimer_new(gp_loop_base(self.loop), on_stop_timer, NULL);
	self.tls_timer = evtimer_new(gp_loop_base(self.loop), on_tls_timer, NULL);
	self.watch_timer = evtimer_new(gp_loop_base(self.loop), on_watch_timer, NULL);
	self.ping_timer = evtimer_new(gp_loop_base(self.loop), on_ping_timer, NULL);
	if (!self.stop_timer || !self.tls_timer || !self.watch_timer || !self.ping_timer)
		return -ENOMEM;
	gp_timer_set(self.tls_timer, TLS_LOOK_MS);
	gp_timer_set(self.watch_timer, WATCH_MS);
	gp_timer_set(self.ping_timer, PING_MS);
	return 0;
}

static unsigned
count_workers(const struct gp_config *cfg)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = cfg->workers > 0 ? cfg->workers : (unsigned)GP_MAX(cores, 1L);
	return GP_MIN(n, (unsigned)WORKERS_MAX);
}

static int
begin(void)
{
	int r = configuration_load(&self.config, self.config_path);
	if (r < 0)
		return 2;
	const struct gp_config *cfg = self.config.value;
	gp_log_setup("supervisor", cfg->log.json, (enum gp_log_level)cfg->log.level);
	self.tls_files = configuration_tls_files(cfg);
	self.workers = count_workers(cfg);
	resources_raise_files();
	signal(SIGPIPE, SIG_IGN);
	self.loop = gp_loop_new();
	if (!self.loop || open_executables() < 0 ||
	    resources_open(&self.resources, cfg, self.workers) < 0 || make_instances() < 0 ||
	    watch_signals() < 0)
		return 4;
	r = identity_settle(cfg->user);
	if (r < 0) {
		gp_error("cannot_drop_root", GP_FS("reason", strerror(-r)));
		return 4;
	}
	for (size_t i = 0; i < self.instances_len; i++)
		start_instance(&self.instances[i]);
	return 0;
}

int
main(int argc, char **argv)
{
	self.config_path = "/etc/gatepost/gatepost.yaml";
	for (int c; (c = getopt(argc, argv, "c:")) != -1;) {
		if (c != 'c')
			return 2;
		self.config_path = optarg;
	}
	int code = begin();
	if (code != 0) {
		gp_log_flush();
		return code;
	}
	if (gp_loop_run(self.loop) < 0)
		self.exit_code = 4;
	gp_info("stopped", GP_FN("exit", (uint64_t)self.exit_code));
	gp_log_flush();
	return self.exit_code;
}
