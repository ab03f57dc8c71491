/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost-reports: counts what sessions and messages came to, and tells the domains that want to
 * know. Start with reports.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "procs/figures/history.h"
#include "procs/figures/scan_file.h"
#include "procs/figures/serve.h"
#include "procs/reports/names.h"
#include "procs/reports/received.h"
#include "procs/reports/refused_mail.h"
#include "procs/reports/reports.h"
#include "procs/reports/sane.h"
#include "procs/sandboxes.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	SYNC_MS = 1000,      /* how long a count may wait for the disk */
	LOOK_MS = 60 * 1000, /* the clock may be set: how long none of it is believed */
	FAILURE_MS = 24 * 60 * 60 * 1000, /* a failure report is tried as long as others */
	/* At a stop: for what is on its way, which would be tried again; and for who tells of
	   results, which would be lost: relay has 15 s. */
	JOBS_GRACE_MS = 5000,
	STOP_GRACE_MS = 20'000,
	/* Until a server is looked for again: one that is lost, one that was away already. */
	LOST_MS = 1000,
	AWAY_MS = 10 * 1000,
	WHERE_MAX = 1024, /* octets of where others' reports are */
	SPREAD = 6,       /* reports start within this part of a period: 4 hours of a day */
};

struct reports reports;

static struct gp_role role;
static struct event *sync_timer, *due_timer, *grace_timer, *again_timer, *forget_timer;
static struct gp_loop_hook lost_hook;
static uint64_t
	ended[STORE_COUNTED]; /* the period that was under way when others were ended last */
static bool losing;           /* counts, and the log said so */
static bool jobs_waited;      /* long enough for what is on its way at a stop */

uint64_t
reports_now_s(void)
{
	return gp_clock_wall_ms() / 1000;
}

uint64_t
reports_interval_s(enum store_kind kind)
{
	const struct gp_config *cfg = reports.env->config;
	uint64_t ms = kind == STORE_TLS     ? cfg->reports.tls_interval
		      : kind == STORE_DMARC ? cfg->reports.dmarc_interval
					    : FAILURE_MS;
	return GP_MAX(ms / 1000, 1ull);
}

static void
complain(int error)
{
	if (!losing)
		gp_error("reports_not_kept", GP_FS("reason", strerror(-error)));
	losing = true;
}

/* --- counting --- */

static struct store_period
current_period(enum store_kind kind)
{
	uint64_t interval_s = reports_interval_s(kind), now_s = reports_now_s();
	uint64_t start_s = now_s - now_s % interval_s;
	return (struct store_period){start_s, start_s + interval_s - 1};
}

static bool
is_sane(const struct gp_message *m)
{
	switch (m->type) {
	case GP_MSG_TLS_RESULT:
		return sane_tls(&m->tls_result);
	case GP_MSG_DMARC_RESULT:
		return sane_dmarc(&m->dmarc_result);
	case GP_MSG_DMARC_FAILURE:
		return sane_failure(&m->dmarc_failure.incident);
	case GP_MSG_REPORT_OVER_LIMIT:
		return sane_over_limit(&m->report_over_limit);
	default:
		gp_unreachable("permit table and handler differ");
	}
}

static int
count(const struct gp_message *m)
{
	struct store_period period;
	if (m->type == GP_MSG_REPORT_OVER_LIMIT)
		return received_over_limit(&m->report_over_limit, reports.env->seed);
	if (m->type == GP_MSG_DMARC_FAILURE)
		return failures_take(&m->dmarc_failure.incident);
	if (m->type == GP_MSG_TLS_RESULT) {
		period = current_period(STORE_TLS);
		return store_count_tls(reports.store, &period, &m->tls_result);
	}
	period = current_period(STORE_DMARC);
	return store_count_dmarc(reports.store, &period, &m->dmarc_result);
}

bool
reports_count(const struct gp_message *m)
{
	if (!is_sane(m))
		return false;
	int r = count(m);
	if (r < 0)
		complain(r);
	else if (r == 1)
		gp_debug("result_not_counted",
			 GP_F("domain", m->type == GP_MSG_TLS_RESULT
						? m->tls_result.domain
						: m->dmarc_result.policy.domain));
	if (!evtimer_pending(sync_timer, NULL))
		gp_timer_set(sync_timer, SYNC_MS);
	return true;
}

static void
on_sync_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	int r = store_sync(reports.store);
	if (!received_sync())
		gp_timer_set(sync_timer, SYNC_MS);
	if (r < 0)
		complain(r);
	else
		losing = false;
}

/* --- what is due --- */

void
reports_wake(void)
{
	gp_timer_set(due_timer, 0);
}

static void
end_periods(enum store_kind kind, uint64_t now_s)
{
	uint64_t interval_s = reports_interval_s(kind);
	if (now_s / interval_s == ended[kind])
		return;
	int r = store_end_periods(reports.store, kind, now_s, interval_s / SPREAD);
	if (r == 0)
		r = store_sync(reports.store);
	if (r < 0)
		complain(r);
	else
		ended[kind] = now_s / interval_s;
}

/* Others are heard between the slices. */
static void
on_forget_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	uint64_t wait_ms = reports.stopping ? 0 : received_forget(reports.env->config);
	if (wait_ms > 0)
		gp_timer_set(forget_timer, wait_ms);
}

static void
on_due_timer(evutil_socket_t fd, short what, void *arg)
{
	uint64_t now_s = reports_now_s(), next_s;
	(void)fd, (void)what, (void)arg;
	if (reports.stopping)
		return;
	for (int kind = 0; kind < STORE_COUNTED; kind++)
		end_periods((enum store_kind)kind, now_s);
	failures_tell_left_out(now_s);
	if (!evtimer_pending(forget_timer, NULL))
		gp_timer_set(forget_timer, 0);
	jobs_run();
	next_s = store_next_s(reports.store);
	for (int kind = 0; kind < STORE_COUNTED; kind++) {
		uint64_t interval_s = reports_interval_s((enum store_kind)kind);
		next_s = GP_MIN(next_s, now_s - now_s % interval_s + interval_s);
	}
	/* When all jobs are under way, the one that ends first wakes us. */
	uint64_t wait_s = next_s > now_s ? next_s - now_s : 1;
	gp_timer_set(due_timer, GP_MIN(wait_s * 1000, (uint64_t)LOOK_MS));
}

/* --- the role --- */

static void
end(void)
{
	int r = store_sync(reports.store);
	received_end();
	if (r < 0)
		complain(r);
	gp_loop_stop(reports.env->loop);
}

void
reports_check_stop(void)
{
	/* All that tellers have told is read when they are seen to be gone. Spool goes before
	 * relay does, or both at once. */
	if (reports.stopping && (jobs_count() == 0 || jobs_waited) && !peers_has(GP_ROLE_SPOOL) &&
	    !peers_tell() && !figures_serve_asked())
		end();
}

/* What is still under way is tried again after the next start. */
static void
on_grace_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	if (jobs_waited) {
		end();
		return;
	}
	jobs_waited = true;
	gp_timer_set(grace_timer, STOP_GRACE_MS - JOBS_GRACE_MS);
	reports_check_stop();
}

static void
on_stop(struct gp_role_env *env)
{
	(void)env;
	reports.stopping = true;
	gp_timer_set(grace_timer, JOBS_GRACE_MS);
	reports_check_stop();
}

/* In the sandbox nobody connects to a server that has the reports of others, so it takes a new
 * process. Reports under way are tried again by it. */
static void
on_again_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	gp_info("reports_renewed",
		GP_FS("reason", "to connect to the database of others' reports"));
	end();
}

static void
check_lost(struct gp_loop_hook *hook)
{
	bool away = received_away(), lost = received_lost() || figures_serve_lost();
	(void)hook;
	if ((away || lost) && !evtimer_pending(again_timer, NULL))
		gp_timer_set(again_timer, lost ? LOST_MS : AWAY_MS);
}

/* What others report: as they come, and for the dashboard. By the store's VFS, which takes a path
 * as it is. */
static void
open_received(const struct gp_role_env *env)
{
	char path[WHERE_MAX];
	struct gp_slice url = env->config->reports.received_database;
	/* Mail of people is in them, as it came. */
	mode_t mask = umask(077);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/refused.db", env->dirs[0].fd);
	refused_mail_open(path);
	if (url.len > 0)
		snprintf(path, sizeof(path), "%.*s", GP_SLICE_FMT(url));
	else
		snprintf(path, sizeof(path), "/proc/self/fd/%d/received.db", env->dirs[0].fd);
	if (url.len > 0)
		role.sandbox = &reports_server_sandbox;
	received_open(path, env->seed);
	/* What it writes now opens all that it will ever open. */
	(void)received_forget(env->config);
	figures_serve_open(path);
	(void)umask(mask);
}

static int
prepare(struct gp_role_env *env)
{
	int r = env->dirs_len == 1 ? store_open(env->dirs[0].fd, &reports.store) : -EINVAL;
	if (r == 0)
		open_received(env);
	if (r == 0)
		r = signing_prepare();
	if (r == 0)
		r = failures_prepare();
	for (size_t i = 0; i < env->dirs_len; i++)
		close(env->dirs[i].fd);
	/* Its files are open; the sandbox knows no folder. */
	env->dirs_len = 0;
	return r;
}

static int
start(struct gp_role_env *env)
{
	reports.env = env;
	sync_timer = evtimer_new(gp_loop_base(env->loop), on_sync_timer, NULL);
	due_timer = evtimer_new(gp_loop_base(env->loop), on_due_timer, NULL);
	grace_timer = evtimer_new(gp_loop_base(env->loop), on_grace_over, NULL);
	again_timer = evtimer_new(gp_loop_base(env->loop), on_again_timer, NULL);
	forget_timer = evtimer_new(gp_loop_base(env->loop), on_forget_timer, NULL);
	if (!sync_timer || !due_timer || !grace_timer || !again_timer || !forget_timer)
		return -ENOMEM;
	lost_hook.run = check_lost;
	gp_loop_at_end(env->loop, GP_LOOP_WORK, &lost_hook);
	reports_wake();
	return names_start(env);
}

static void
on_asn_database(struct gp_role_env *env, int fd)
{
	(void)env;
	figures_serve_asn(fd);
}

static void
on_audit_database(struct gp_role_env *env, int fd)
{
	(void)env;
	history_take(fd);
}

static void
on_scan_results(struct gp_role_env *env, int fd)
{
	scan_file_take(fd, env->seed[0]);
}

static void
on_reload(struct gp_role_env *env, const struct gp_config *old)
{
	if (!gp_slice_eq(old->reports.received_database, env->config->reports.received_database)) {
		gp_info("reports_renewed",
			GP_FS("reason", "the database of others' reports is another"));
		end();
		return;
	}
	if (env->config->reports.asn_database.len == 0)
		figures_serve_asn(-1);
	if (env->config->web.audit_database.len == 0)
		history_take(-1);
	if (env->config->web.scan_results.len == 0)
		scan_file_take(-1, 0);
	memset(ended, 0, sizeof(ended));
	reports_wake();
	names_wake();
}

static struct gp_role role = {
	.id = GP_ROLE_REPORTS,
	.sandbox = &reports_sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = peers_connect,
	.on_asn_database = on_asn_database,
	.on_audit_database = on_audit_database,
	.on_scan_results = on_scan_results,
	.on_reload = on_reload,
	.on_stop = on_stop,
};

int
main(void)
{
	/* The database is not closed: that would remove the write-ahead log, which takes a call
	 * that the sandbox does not have. The next process goes on with it. */
	return gp_role_main(&role);
}
