/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost-web: serves the dashboard, and the MTA-STS policies of our domains, and takes TLS
 * reports that are posted. Dials nobody, has no key, checks no password. Start with session.c. */
#include <errno.h>
#include <unistd.h>

#include "core/sasl/crypto.h"
#include "procs/sandboxes.h"
#include "procs/web/figures.h"
#include "procs/web/http.h"
#include "procs/web/passwords.h"
#include "procs/web/posting.h"
#include "procs/web/queue.h"
#include "procs/web/verification.h"
#include "procs/web/web.h"
#include "sys/clock.h"
#include "sys/password.h"

struct web web;

static struct dashboard dashboard;

/* Without web.listen and web.policy_listen there is nothing to do. */
static bool
is_idle(const struct gp_role_env *env)
{
	return env->listens_len == 0;
}

static void
on_users(const struct gp_dashboard_user *users, size_t len)
{
	signin_know(dashboard.signin, users, len);
}

/* libmicrohttpd makes its epoll instance, and libcrypto sets itself up, while that is still
 * allowed. */
static int
prepare(struct gp_role_env *env)
{
	struct gp_sha256 sum;
	web.env = env;
	int r = gp_password_setup();
	/* Its roles may be known already. */
	dashboard.config = env->config;
	dashboard.signin = r == 0 ? signin_new() : NULL;
	dashboard.started_ms = gp_clock_monotonic_ms();
	if (!dashboard.signin)
		return r < 0 ? r : -ENOMEM;
	r = http_start(gp_loop_base(env->loop), &dashboard);
	if (r == 0)
		r = gp_hmac_sha256(GP_SLICE("x"), GP_SLICE("x"), &sum);
	return r == 0 ? tls_prepare() : r;
}

static const struct tls_owner tls_owner = {
	.permit = GP_PERMIT_SIGNER_TO_WEB,
	.settled = listener_open,
	.signed_for = session_signed,
};

static int
start(struct gp_role_env *env)
{
	gp_list_init(&web.sessions);
	passwords_start(on_users);
	figures_start();
	queue_start();
	if (is_idle(env))
		return 0;
	int r = posting_start(gp_loop_base(env->loop), env->seed);
	if (r == 0)
		r = listener_start(env);
	return r == 0 ? tls_start(env, &tls_owner) : r;
}

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	(void)index;
	gp_assert(role == GP_ROLE_SIGNER || role == GP_ROLE_AUTH || role == GP_ROLE_REPORTS ||
		  role == GP_ROLE_SPOOL || role == GP_ROLE_INGEST || role == GP_ROLE_RESOLVER);
	if (is_idle(env))
		close(fd);
	else if (role == GP_ROLE_SIGNER)
		tls_connect(env, fd);
	else if (role == GP_ROLE_AUTH)
		passwords_connect(env, fd);
	else if (role == GP_ROLE_SPOOL)
		queue_connect(env, fd);
	else if (role == GP_ROLE_INGEST)
		posting_connect(env, fd);
	else if (role == GP_ROLE_RESOLVER)
		verification_connect(env, fd);
	else
		figures_connect(env, fd);
}

static void
on_roles(struct gp_role_env *env, const struct gp_msg_roles *roles)
{
	(void)env;
	dashboard.roles_len = roles->states_len;
	for (size_t i = 0; i < roles->states_len; i++)
		dashboard.roles[i] = roles->states[i];
}

static void
on_reload(struct gp_role_env *env, const struct gp_config *old)
{
	(void)old;
	dashboard.config = env->config;
	if (!is_idle(env))
		tls_configure();
}

static const struct gp_role role = {
	.id = GP_ROLE_WEB,
	.sandbox = &web_sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = on_peer,
	.on_roles = on_roles,
	.on_reload = on_reload,
};

int
main(void)
{
	return gp_role_main(&role);
}
