/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost-spool: keeps the queue's directory and its schedule. The turn of its loop is in run_turn
 * below: sync once, answer those who waited, hand out what is due. Its one directory is all that it
 * can touch.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "procs/dkim/signing.h"
#include "procs/sandboxes.h"
#include "procs/spool/spool.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	SCRATCH_MAX = 64 * 1024 * 1024,
	SPACE_CHECK_MS = 1000,
	RATE_MS = 60 * 1000,
	/* How long leases may stay out after the word to stop. */
	STOP_GRACE_MS = 10 * 1000,
};

struct spool spool = {.scratch = {.max = SCRATCH_MAX}};

static struct gp_loop_hook turn;
static struct event *wake, *space_timer, *stop_timer;

uint64_t
spool_now_ms(void)
{
	return gp_clock_wall_ms();
}

bool
spool_rate_take(struct spool_rate *rate, unsigned max)
{
	uint64_t now = gp_loop_now_ms(spool.env->loop);
	if (now - rate->began_ms >= RATE_MS)
		*rate = (struct spool_rate){.began_ms = now};
	return rate->taken++ < max;
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	/* Only for the turn's end that follows. */
	(void)fd, (void)what, (void)arg;
}

static void
wake_in(uint64_t ms)
{
	gp_timer_set(wake, ms);
}

/* --- the journal --- */

static struct journal_settings
journal_settings(void)
{
	const struct gp_config *cfg = spool.env->config;
	return (struct journal_settings){cfg->journal.size, cfg->journal.lifetime};
}

struct journal_now
spool_journal_now(void)
{
	return (struct journal_now){spool_now_ms(), gp_store_next_id(spool.store)};
}

/* Mail goes on without one. */
static void
open_journal(struct gp_role_env *env)
{
	struct journal_settings settings = journal_settings();
	int r = journal_open(gp_io_posix(), env->dirs[0].fd, &settings, spool_journal_now(),
			     &spool.journal);
	if (r < 0)
		gp_error("journal_not_kept", GP_FS("at", "open"), GP_FS("reason", strerror(-r)));
}

static void
close_journal(void)
{
	journal_run(spool.journal, true, spool_journal_now());
	spool.journal = journal_close(spool.journal);
}

/* --- the turn --- */

static void
stop_when_idle(void)
{
	if (!spool.stopping || delivery_leases() > 0)
		return;
	close_journal();
	int r = gp_store_close(spool.store);
	spool.store = NULL;
	if (r < 0)
		gp_error("close_failed", GP_FS("reason", strerror(-r)));
	gp_loop_at_end_remove(&turn);
	gp_loop_stop(spool.env->loop);
}

/* Gives space back when nothing waits for the disk. True: there is more to do. */
static bool
reclaim(void)
{
	int r = gp_store_reclaim(spool.store);
	if (r < 0)
		gp_error("reclaim_failed", GP_FS("reason", strerror(-r)));
	return r == GP_STORE_MORE;
}

/* All that came in is on disk, or is not in the queue; who waits for that hears it, and all that is
 * in the queue has its tasks. */
static void
settle(void)
{
	int r = gp_store_sync(spool.store);
	if (r < 0)
		gp_error("sync_failed", GP_FS("reason", strerror(-r)));
	journal_synced(spool.journal, r == 0);
	intake_synced(r == 0);
	letters_synced(r == 0);
	if (gp_store_fatal(spool.store)) {
		/* What is on disk is all that can be known: start again from there. */
		gp_error("store_unusable", GP_FS("reason", strerror(-r)));
		gp_log_flush();
		exit(1);
	}
	bounce_synced();
}

static void
run_turn(struct gp_loop_hook *hook)
{
	(void)hook;
	bool more = control_run();
	settle();
	journal_run(spool.journal, false, spool_journal_now());
	signatures_run();
	more = schedule_run() || more;
	more = reclaim() || gp_store_dirty(spool.store) || more;
	uint64_t now = spool_now_ms(), next = schedule_next_ms();
	if (more || next <= now)
		wake_in(0);
	else if (next != UINT64_MAX)
		wake_in(GP_MIN(next - now, (uint64_t)60 * 1000));
	stop_when_idle();
}

static void
on_space_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	intake_tell_space();
	intake_check_stages();
	journal_run(spool.journal, true, spool_journal_now());
	gp_timer_set(space_timer, SPACE_CHECK_MS);
}

static int
open_store(struct gp_role_env *env)
{
	struct gp_store_settings settings = {.seed = {env->seed[0], env->seed[1]}};
	struct gp_store_report report;
	uint64_t began = gp_clock_monotonic_ms();
	if (env->dirs_len != 1)
		return -EINVAL;
	int r = gp_store_open(gp_io_posix(), env->dirs[0].fd, &settings, spool_now_ms(),
			      &spool.store, &report);
	if (r == GP_STORE_VERSION) {
		gp_error("spool_of_other_version", GP_FS("path", env->dirs[0].path));
		return -EPROTO;
	}
	if (r < 0)
		return r;
	gp_info("recovered", GP_FN("messages", report.messages), GP_FN("segments", report.segments),
		GP_FN("records", report.records), GP_FN("torn_tail", report.tail_size),
		GP_FN("ms", gp_clock_monotonic_ms() - began));
	if (report.damaged > 0)
		gp_error("damage_quarantined", GP_FN("places", report.damaged),
			 GP_FN("octets", report.damaged_size));
	return 0;
}

static void
on_grace_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	/* What is still out will be delivered again: the spool only knows what it was told. */
	gp_warning("leases_abandoned", GP_FN("leases", delivery_leases()));
	close_journal();
	(void)gp_store_close(spool.store);
	gp_loop_at_end_remove(&turn);
	gp_loop_stop(spool.env->loop);
}

static struct event *
new_timer(event_callback_fn run)
{
	return evtimer_new(gp_loop_base(spool.env->loop), run, NULL);
}

static int
prepare(struct gp_role_env *env)
{
	(void)env;
	delivery_prepare();
	return signing_prepare();
}

static int
start(struct gp_role_env *env)
{
	spool.env = env;
	spool.policy = gp_policy_new(env->config, env->seed);
	wake = new_timer(on_wake);
	space_timer = new_timer(on_space_timer);
	stop_timer = new_timer(on_grace_over);
	if (!spool.policy || !wake || !space_timer || !stop_timer)
		return -ENOMEM;
	int r = open_store(env);
	if (r == 0)
		r = schedule_start();
	if (r == 0)
		open_journal(env);
	for (size_t i = 0; r == 0 && i < env->listens_len; i++)
		r = control_start(env->listens[i].fd);
	if (r < 0)
		return r;
	turn.run = run_turn;
	gp_loop_at_end(env->loop, GP_LOOP_WORK, &turn);
	gp_timer_set(space_timer, 0);
	return 0;
}

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	(void)env;
	if (role == GP_ROLE_SMTPD)
		intake_connect(index, fd);
	else if (role == GP_ROLE_REPORTS)
		letters_connect(fd);
	else if (role == GP_ROLE_SIGNER)
		signatures_connect(fd);
	else if (role == GP_ROLE_WEB)
		control_connect(fd);
	else
		delivery_connect(role, index, fd);
}

static void
on_reload(struct gp_role_env *env, const struct gp_config *old)
{
	struct gp_policy *fresh = gp_policy_new(env->config, env->seed);
	(void)old;
	if (!fresh)
		gp_role_reload_failed();
	/* What is not in the queue for certain has no tasks yet, and must not be given any. */
	settle();
	gp_policy_free(spool.policy);
	spool.policy = fresh;
	struct journal_settings settings = journal_settings();
	journal_configure(spool.journal, &settings);
	schedule_reload();
}

static void
on_stop(struct gp_role_env *env)
{
	(void)env;
	if (spool.stopping)
		return;
	spool.stopping = true;
	gp_timer_set(stop_timer, STOP_GRACE_MS);
	wake_in(0);
}

static const struct gp_role role = {
	.id = GP_ROLE_SPOOL,
	.sandbox = &spool_sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = on_peer,
	.on_reload = on_reload,
	.on_stop = on_stop,
};

int
main(void)
{
	return gp_role_main(&role);
}
