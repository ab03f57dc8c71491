/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost-resolver: asks the DNS for the others. Holds nothing worth stealing. */
#include <errno.h>
#include <unistd.h>

#include "ipc/role.h"
#include "procs/resolver/resolver.h"
#include "procs/sandboxes.h"
#include "sys/log.h"

static struct resolver *resolver;

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	(void)index;
	if (!resolver)
		resolver = resolver_new(env->loop, QUERY_TIME_MS);
	if (resolver)
		resolver_add_peer(resolver, fd, role == GP_ROLE_SMTPD || role == GP_ROLE_WEB);
	else
		close(fd);
}

static int
prepare(struct gp_role_env *env)
{
	if (!resolver)
		resolver = resolver_new(env->loop, QUERY_TIME_MS);
	return resolver ? resolver_open(resolver, env->config, env->seed) : -ENOMEM;
}

static int
start(struct gp_role_env *env)
{
	(void)env;
	resolver_start(resolver);
	return 0;
}

/* New settings need files, which are out of reach by now: the next process has them from the start.
 */
static void
on_reload(struct gp_role_env *env, const struct gp_config *old)
{
	const struct gp_config *now = env->config;
	if (gp_slice_eq(old->dns.server, now->dns.server) &&
	    gp_slice_eq(old->dns.answers, now->dns.answers) &&
	    gp_slice_eq(old->dns.trust_anchor, now->dns.trust_anchor))
		return;
	gp_info("resolver_renewed", GP_FS("reason", "the dns settings changed"));
	gp_loop_stop(env->loop);
}

static const struct gp_role role = {
	.id = GP_ROLE_RESOLVER,
	.sandbox = &resolver_sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = on_peer,
	.on_reload = on_reload,
};

int
main(void)
{
	int code = gp_role_main(&role);
	resolver_free(resolver);
	return code;
}
