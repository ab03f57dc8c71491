/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatepost-fetch: speaks HTTPS for the others. Start with fetch.c; queue.h says who waits for whom,
 * https.h how a request is made, reach.h what may be asked for at all.
 */
#include <unistd.h>

#include "ipc/role.h"
#include "procs/fetch/fetch.h"
#include "procs/sandboxes.h"
#include "sys/log.h"

static struct fetch *fetch;
static struct gp_sandbox sandbox;

static int
prepare(struct gp_role_env *env)
{
	sandbox = fetch_sandbox;
	sandbox.dial_port = (uint16_t)env->config->fetch.port;
	int r = fetch_new(env->loop, env->config, env->seed, &fetch);
	for (size_t i = 0; i < env->dirs_len; i++) {
		if (r == 0)
			fetch_use_folder(fetch, env->dirs[i].fd);
		close(env->dirs[i].fd);
	}
	/* Its files are open; the sandbox knows no folder. */
	env->dirs_len = 0;
	return r;
}

static int
start(struct gp_role_env *env)
{
	(void)env;
	return 0;
}

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	(void)env, (void)index;
	fetch_add_peer(fetch, fd,
		       role == GP_ROLE_REPORTS ? GP_PERMIT_REPORTS_TO_FETCH
		       : role == GP_ROLE_AUTH  ? GP_PERMIT_AUTH_TO_FETCH
					       : GP_PERMIT_RELAY_TO_FETCH);
}

/* The authorities, and where the sandbox lets it connect to, are settled before the start. */
static void
on_reload(struct gp_role_env *env, const struct gp_config *old)
{
	const struct gp_config *now = env->config;
	if (gp_slice_eq(old->fetch.ca, now->fetch.ca) && old->fetch.port == now->fetch.port &&
	    old->fetch.private_addresses == now->fetch.private_addresses)
		return;
	gp_info("fetch_renewed", GP_FS("reason", "the fetch settings changed"));
	gp_loop_stop(env->loop);
}

static const struct gp_role role = {
	.id = GP_ROLE_FETCH,
	.sandbox = &sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = on_peer,
	.on_reload = on_reload,
};

int
main(void)
{
	/* Nothing is freed: to end itself well the library wants to look at signals, which the
	 * sandbox does not let it, and the kernel closes what is open. */
	return gp_role_main(&role);
}
