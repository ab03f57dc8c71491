/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost-smtpd: speaks SMTP with strangers. One a core. Reads no file, dials nobody. */
#include <errno.h>

#include "procs/sandboxes.h"
#include "procs/smtpd/checks.h"
#include "procs/smtpd/reporters.h"
#include "procs/smtpd/smtpd.h"
#include "procs/tell/tell.h"
#include "sys/log.h"

enum {
	/* How long transactions may go on after the word to stop. */
	STOP_GRACE_MS = 5000,
};

struct smtpd smtpd;

static struct event *grace;

static int
apply_config(struct gp_role_env *env)
{
	const struct gp_config *cfg = env->config;
	struct gp_policy *fresh = gp_policy_new(cfg, env->seed);
	if (!fresh)
		return -ENOMEM;
	if (checks_configure(cfg, env->seed) < 0) {
		gp_policy_free(fresh);
		return -ENOMEM;
	}
	auth_configure(cfg, env->seed);
	seal_configure(cfg);
	gp_policy_free(smtpd.policy);
	smtpd.policy = fresh;
	smtpd.setup = (struct gp_smtp_server_setup){
		.hostname = cfg->hostname,
		.limits = &cfg->limits,
		.greet_wait_ms = cfg->greet_wait,
		.chunking = true,
		.binarymime = true,
		.requiretls_offered = true,
	};
	smtpd.relay_setup = (struct gp_smtp_server_setup){
		.hostname = cfg->hostname,
		.limits = &cfg->relay_limits,
		.chunking = true,
		.binarymime = true,
		.requiretls_offered = true,
	};
	return 0;
}

static int
prepare(struct gp_role_env *env)
{
	(void)env;
	int r = tls_prepare();
	if (r == 0)
		r = signing_prepare();
	return r == 0 ? srs_prepare() : r;
}

static const struct tls_owner tls_owner = {
	.permit = GP_PERMIT_SIGNER_TO_SMTPD,
	.settled = smtpd_open_when_ready,
	.signed_for = session_signed,
	.heard = dkim_heard,
	.lost = dkim_lost,
};

static int
start(struct gp_role_env *env)
{
	smtpd.env = env;
	gp_list_init(&smtpd.sessions);
	checks_start(env->loop);
	int r = apply_config(env);
	if (r == 0)
		r = reporters_start(env->seed);
	if (r == 0)
		r = listener_start(env);
	if (r == 0)
		r = dkim_start(env);
	return r == 0 ? tls_start(env, &tls_owner) : r;
}

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	(void)index;
	if (role == GP_ROLE_SIGNER) {
		tls_connect(env, fd);
		return;
	}
	if (role == GP_ROLE_AUTH) {
		auth_connect(env, fd);
		return;
	}
	if (role == GP_ROLE_RESOLVER) {
		checks_connect(env, fd);
		return;
	}
	if (role == GP_ROLE_REPORTS) {
		tell_connect(env, fd, GP_PERMIT_REPORTS_TO_SMTPD);
		return;
	}
	gp_assert(role == GP_ROLE_SPOOL);
	store_connect(env, fd);
}

void
smtpd_open_when_ready(void)
{
	if (!smtpd.stopping && store_began() && tls_settled() && dkim_settled())
		listener_open();
}

void
smtpd_session_gone(void)
{
	if (smtpd.stopping && smtpd.sessions_len == 0)
		gp_loop_stop(smtpd.env->loop);
}

static void
shut_down_sessions(bool now)
{
	gp_list_each (it, &smtpd.sessions) {
		session_shutdown((struct session *)it, now);
	}
}

static void
on_grace_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	shut_down_sessions(true);
}

static void
on_reload(struct gp_role_env *env, const struct gp_config *old)
{
	(void)old;
	if (apply_config(env) < 0)
		gp_role_reload_failed();
	srs_reload(env->config);
	tls_configure();
}

static void
on_stop(struct gp_role_env *env)
{
	if (smtpd.stopping)
		return;
	smtpd.stopping = true;
	listener_stop();
	shut_down_sessions(false);
	grace = evtimer_new(gp_loop_base(env->loop), on_grace_over, NULL);
	if (grace)
		gp_timer_set(grace, STOP_GRACE_MS);
	smtpd_session_gone();
}

static const struct gp_role role = {
	.id = GP_ROLE_SMTPD,
	.sandbox = &smtpd_sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = on_peer,
	.on_secret = srs_take,
	.on_reload = on_reload,
	.on_stop = on_stop,
};

int
main(void)
{
	return gp_role_main(&role);
}
