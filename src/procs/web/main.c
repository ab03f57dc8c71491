/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost-web: serves the MTA-STS policies of our domains by HTTPS. Reads no file, dials nobody,
 * has no key. Start with session.c. */
#include <unistd.h>

#include "procs/sandboxes.h"
#include "procs/web/http.h"
#include "procs/web/web.h"

struct web web;

/* Without web.policy_listen there is nothing to do. */
static bool
is_idle(const struct gp_role_env *env)
{
	return env->listens_len == 0;
}

static const struct gp_config *
config(void)
{
	return web.env->config;
}

/* libmicrohttpd makes its epoll instance while that is still allowed. */
static int
prepare(struct gp_role_env *env)
{
	web.env = env;
	int r = http_start(gp_loop_base(env->loop), config);
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
	if (is_idle(env))
		return 0;
	int r = listener_start(env);
	return r == 0 ? tls_start(env, &tls_owner) : r;
}

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	(void)index;
	gp_assert(role == GP_ROLE_SIGNER);
	if (is_idle(env))
		close(fd);
	else
		tls_connect(env, fd);
}

static void
on_reload(struct gp_role_env *env, const struct gp_config *old)
{
	(void)old;
	if (!is_idle(env))
		tls_configure();
}

static const struct gp_role role = {
	.id = GP_ROLE_WEB,
	.sandbox = &web_sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = on_peer,
	.on_reload = on_reload,
};

int
main(void)
{
	return gp_role_main(&role);
}
