/* SPDX-License-Identifier: Apache-2.0 */
/* gatepost-relay: passes mail on to other servers. One a core. Reads no file, asks no DNS itself.
 */
#include <errno.h>
#include <string.h>

#include "core/config/value.h"
#include "procs/relay/relay.h"
#include "procs/sandboxes.h"
#include "procs/tell/tell.h"
#include "sys/log.h"

enum {
	/* How long deliveries may go on after the word to stop: spool has 10 s. */
	STOP_GRACE_MS = 15'000,
	SELF_ARENA_MAX = 1024 * 1024,
};

struct relay relay = {.arena = {.max = SELF_ARENA_MAX}};

static struct event *grace;

/* How MX hosts that are us are known (by our name, and by the addresses that we listen on), and
   what TLS has to be like. */
static int
apply_config(struct gp_role_env *env)
{
	const struct gp_config *cfg = env->config;
	struct gp_arena fresh = {.max = SELF_ARENA_MAX};
	struct gp_mx_endpoint *endpoints =
		gp_arena_array(&fresh, cfg->listens_len, sizeof(*endpoints));
	struct gp_slice *name = gp_arena_new(&fresh, struct gp_slice);
	struct gp_demands *demands = gp_demands_new(cfg, env->seed);
	size_t n = 0;
	if (!endpoints || !name || !demands) {
		gp_demands_free(demands);
		gp_arena_free(&fresh);
		return -ENOMEM;
	}
	for (size_t i = 0; i < cfg->listens_len; i++) {
		struct gp_endpoint at;
		const char *why;
		if (gp_endpoint_parse(cfg->listens[i].address, 25, &fresh, &at, &why) != 0)
			continue;
		struct gp_mx_endpoint *e = &endpoints[n];
		e->address_len = (uint8_t)gp_ip_parse(at.host, e->address);
		e->port = at.port;
		static const uint8_t any[16];
		e->prefix_len = memcmp(e->address, any, e->address_len) == 0
					? 0
					: (uint8_t)(e->address_len * 8);
		n += e->address_len > 0;
	}
	*name = gp_arena_dup(&fresh, cfg->hostname);
	gp_arena_free(&relay.arena);
	gp_demands_free(relay.demands);
	relay.demands = demands;
	relay.arena = fresh;
	relay.self = (struct gp_mx_self){
		.names = name, .names_len = 1, .endpoints = endpoints, .endpoints_len = n};
	return 0;
}

static int
prepare(struct gp_role_env *env)
{
	return secure_prepare(env->config);
}

static int
start(struct gp_role_env *env)
{
	relay.env = env;
	return apply_config(env);
}

static void
on_reload(struct gp_role_env *env, const struct gp_config *old)
{
	(void)old;
	if (apply_config(env) < 0)
		gp_role_reload_failed();
	login_reload(env->config);
	relay.reloaded_ms = gp_loop_now_ms(env->loop);
	connection_close_idle();
}

static void
on_deliver(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	delivery_start(m);
}

static void
on_spool_gone(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	/* What is under way goes on to its end; its outcomes meet nobody, and the spool's next run
	 * delivers again what it had not heard of. */
	gp_log(gp_role_loss_level(), "spool_lost", GP_FS("reason", why));
	relay.spool = NULL;
	gp_role_peer_lost(GP_ROLE_SPOOL);
	relay_check_stop();
}

static void
on_peer(struct gp_role_env *env, enum gp_role_id role, unsigned index, int fd)
{
	static const struct gp_channel_owner owner = {on_deliver, on_spool_gone, NULL};
	(void)index;
	if (role == GP_ROLE_RESOLVER) {
		lookup_connect(env, fd);
		return;
	}
	if (role == GP_ROLE_FETCH) {
		policies_connect(env, fd);
		return;
	}
	if (role == GP_ROLE_REPORTS) {
		tell_connect(env, fd, GP_PERMIT_REPORTS_TO_RELAY);
		return;
	}
	gp_assert(role == GP_ROLE_SPOOL);
	gp_channel_free(relay.spool);
	relay.spool_run++;
	relay.spool = gp_channel_new(env->loop, fd, GP_PERMIT_SPOOL_TO_RELAY, &owner);
	if (!relay.spool)
		gp_error("spool_lost", GP_FS("reason", "out of memory"));
}

void
relay_check_stop(void)
{
	/* As long as spool is there, what it has handed out may still be on its way here. */
	if (relay.stopping && !relay.spool && delivery_count() == 0)
		gp_loop_stop(relay.env->loop);
}

static void
on_grace_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	gp_loop_stop(relay.env->loop);
}

static void
on_stop(struct gp_role_env *env)
{
	if (relay.stopping)
		return;
	relay.stopping = true;
	connection_close_idle();
	grace = evtimer_new(gp_loop_base(env->loop), on_grace_over, NULL);
	if (grace)
		gp_timer_set(grace, STOP_GRACE_MS);
	relay_check_stop();
}

static const struct gp_role role = {
	.id = GP_ROLE_RELAY,
	.sandbox = &relay_sandbox,
	.prepare = prepare,
	.start = start,
	.on_peer = on_peer,
	.on_secret = login_take,
	.on_reload = on_reload,
	.on_stop = on_stop,
};

int
main(void)
{
	return gp_role_main(&role);
}
