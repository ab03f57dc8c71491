/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/auth/auth.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/oauth/token.h"
#include "procs/auth/accounts.h"
#include "procs/auth/check.h"
#include "procs/auth/dashboard.h"
#include "sys/log.h"
#include "sys/password.h"

/* --- peers --- */

static void
free_peer(struct peer *p)
{
	gp_list_each (it, &p->exchanges)
		exchange_free(gp_container_of(it, struct exchange, link));
	gp_map_free(&p->by_ticket);
	gp_list_remove(&p->link);
	p->auth->peers_len--;
	free(p);
}

static void
drop_peer(struct peer *p, const char *why)
{
	gp_error("peer_dropped", GP_FS("reason", why));
	gp_channel_free(p->channel);
	free_peer(p);
}

/* --- what is heard --- */

/* Whether the configuration has what the mechanism needs. */
static bool
is_offered(const struct gp_config *c, uint8_t mechanism)
{
	switch (mechanism) {
	case GP_SASL_PLAIN:
	case GP_SASL_LOGIN:
		return c->users.file.len > 0 || c->auth.dovecot.len > 0;
	case GP_SASL_SCRAM_SHA_256:
	case GP_SASL_SCRAM_SHA_256_PLUS:
		return c->users.file.len > 0;
	case GP_SASL_OAUTHBEARER:
	case GP_SASL_XOAUTH2:
		return c->auth.oauth.jwks.len > 0 || c->auth.oauth.introspection_url.len > 0;
	default:
		return false;
	}
}

static void
begin(struct exchange *x, const struct gp_msg_auth_begin *m)
{
	const struct auth *a = x->peer->auth;
	char nonce[GP_NONCE_SIZE];
	uint8_t mechanism = gp_sasl_mechanism(m->mechanism);
	if (!is_offered(a->config, mechanism)) {
		exchange_end_because(x, GP_AUTH_UNKNOWN, "no such mechanism");
		return;
	}
	gp_nonce(nonce);
	const struct gp_sasl_setup setup = {.mechanism = mechanism,
					    .nonce = gp_slice_str(nonce),
					    .tls_exporter = m->tls_exporter,
					    .tls_server_end_point = m->tls_server_end_point};
	exchange_go_on(
		x, gp_sasl_begin(&x->sasl, &setup, m->has_initial ? &m->initial : NULL, &x->arena));
}

static void
refuse(struct peer *p, uint64_t ticket)
{
	const struct gp_message m = {.type = GP_MSG_AUTH_RESULT,
				     .fd = -1,
				     .auth_result = {.ticket = ticket,
						     .result = GP_AUTH_TEMPORARY,
						     .reason = GP_SLICE("too many exchanges")}};
	peer_say(p, &m);
}

static void
take_begin(struct peer *p, const struct gp_msg_auth_begin *m)
{
	if ((m->address.len != 4 && m->address.len != 16) || exchange_find(p, m->ticket)) {
		drop_peer(p, "an exchange that cannot be");
		return;
	}
	struct exchange *x = p->by_ticket.len < AUTH_EXCHANGES_MAX ? exchange_new(p, m) : NULL;
	if (x)
		begin(x, m);
	else
		refuse(p, m->ticket);
}

/* A response to SCRAM proves something once the user is known: it stands in line, so that guesses
 * cannot be made side by side. */
static void
step(struct exchange *x, struct gp_slice response)
{
	if (!x->sasl.scram || x->sasl.user.len == 0) {
		exchange_go_on(x, gp_sasl_step(&x->sasl, response));
		return;
	}
	x->response = gp_arena_dup(&x->arena, response);
	if (x->arena.failed)
		exchange_end_because(x, GP_AUTH_TEMPORARY, "out of memory");
	else
		exchange_stand_in_line(x, 0);
}

static void
take_step(struct peer *p, const struct gp_msg_auth_step *m)
{
	struct exchange *x = exchange_find(p, m->ticket);
	if (!x || x->state != AT_CLIENT)
		drop_peer(p, "an answer to nothing");
	else
		step(x, m->response);
}

static void
take_quota_wanted(struct peer *p, const struct gp_msg_quota_wanted *m)
{
	static const uint8_t results[] = {[QUOTA_TAKEN] = GP_QUOTA_TAKEN,
					  [QUOTA_HOURLY] = GP_QUOTA_HOURLY,
					  [QUOTA_DAILY] = GP_QUOTA_DAILY,
					  [QUOTA_UNKNOWN] = GP_QUOTA_UNKNOWN};
	struct auth *a = p->auth;
	const struct quota_limits limits = user_limits(a, accounts_find(a->accounts, m->user));
	enum quota_answer answer =
		quota_take(a->quota, m->user, &limits, m->recipients, gp_loop_now_ms(a->loop));
	const struct gp_message reply = {.type = GP_MSG_QUOTA,
					 .fd = -1,
					 .quota = {.ticket = m->ticket, .result = results[answer]}};
	peer_say(p, &reply);
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct peer *p = ctx;
	struct exchange *x;
	(void)c;
	switch (m->type) {
	case GP_MSG_AUTH_BEGIN:
		take_begin(p, &m->auth_begin);
		break;
	case GP_MSG_AUTH_STEP:
		take_step(p, &m->auth_step);
		break;
	case GP_MSG_AUTH_CANCEL:
		/* Its result may be on the way. */
		x = exchange_find(p, m->auth_cancel.ticket);
		if (x)
			exchange_free(x);
		break;
	case GP_MSG_QUOTA_WANTED:
		take_quota_wanted(p, &m->quota_wanted);
		break;
	default:
		gp_unreachable("the permit lets nothing else in");
	}
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	struct peer *p = ctx;
	(void)c, (void)why;
	free_peer(p);
}

/* --- the whole --- */

static struct throttle_limits
limits_of(const struct gp_config *c)
{
	return (struct throttle_limits){.account = c->auth.failures,
					.source = c->auth.failures_per_source,
					.network = c->auth.failures_per_network,
					.delay_ms = c->auth.delay,
					.lock_ms = c->auth.lock};
}

/* The issuer's keys, in place of those before. A set that is none is the operator's mistake: tokens
 * are refused until it is mended. */
static void
read_keys(struct auth *a)
{
	struct gp_slice jwks = a->config->auth.oauth.jwks;
	const char *why = NULL;
	a->keys = gp_oauth_keys_free(a->keys);
	if (jwks.len == 0)
		return;
	a->keys = gp_oauth_keys_new(jwks, &why);
	if (!a->keys)
		gp_error("oauth_keys_not_read", GP_FS("reason", why));
}

struct auth *
auth_new(struct gp_loop *loop, const struct gp_config *config, const uint64_t seed[2])
{
	struct auth *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	const struct throttle_limits limits = limits_of(config);
	a->loop = loop;
	a->config = config;
	memcpy(a->seed, seed, sizeof(a->seed));
	gp_list_init(&a->peers);
	const struct dovecot_owner owner = {check_dovecots_answer, check_dovecot_lost, a};
	const struct issuer_owner issuer_owner = {check_issuers_answer, a};
	bool ask = config->auth.dovecot.len > 0;
	read_keys(a);
	a->accounts = accounts_new(seed);
	a->throttle = throttle_new(&limits, seed);
	a->quota = quota_new(seed);
	a->timer = evtimer_new(gp_loop_base(loop), check_due, a);
	a->dovecot = ask ? dovecot_new(loop, config->auth.dovecot, &owner) : NULL;
	a->issuer = issuer_new(loop, config, seed, &issuer_owner);
	bool good = a->accounts && a->throttle && a->quota && a->timer && a->issuer &&
		    (a->dovecot || !ask);
	return good ? a : auth_free(a);
}

struct auth *
auth_free(struct auth *a)
{
	if (!a)
		return NULL;
	gp_list_each (it, &a->peers) {
		struct peer *p = gp_container_of(it, struct peer, link);
		gp_channel_free(p->channel);
		free_peer(p);
	}
	if (a->timer)
		event_free(a->timer);
	gp_heap_free(&a->due);
	throttle_free(a->throttle);
	quota_free(a->quota);
	accounts_free(a->accounts);
	dovecot_free(a->dovecot);
	issuer_free(a->issuer);
	gp_oauth_keys_free(a->keys);
	free(a);
	return NULL;
}

void
auth_reload(struct auth *a, const struct gp_config *config)
{
	const struct throttle_limits limits = limits_of(config);
	a->config = config;
	throttle_limit(a->throttle, &limits);
	read_keys(a);
	issuer_reload(a->issuer, config);
}

void
auth_read_users(struct auth *a, int fd)
{
	accounts_read(a->accounts, fd);
	gp_list_each (it, &a->peers) {
		const struct peer *p = gp_container_of(it, struct peer, link);
		if (p->web)
			dashboard_tell(a->accounts, p->channel);
	}
}

void
auth_read_secret(struct auth *a, int fd)
{
	issuer_read_secret(a->issuer, fd);
}

void
auth_connect(struct auth *a, enum gp_role_id role, int fd)
{
	issuer_connect(a->issuer, role, fd);
}

void
auth_add_peer(struct auth *a, int fd, gp_permit permit)
{
	struct peer *p = a->peers_len < AUTH_PEERS_MAX ? calloc(1, sizeof(*p)) : NULL;
	if (!p) {
		gp_error("peer_refused", GP_FS("reason", "too many, or no memory"));
		close(fd);
		return;
	}
	const struct gp_channel_owner owner = {on_message, on_close, p};
	p->auth = a;
	gp_list_init(&p->exchanges);
	p->by_ticket = gp_map(AUTH_EXCHANGES_MAX, a->seed);
	gp_list_append(&a->peers, &p->link);
	a->peers_len++;
	p->web = permit == GP_PERMIT_WEB_TO_AUTH;
	p->channel = gp_channel_new(a->loop, fd, permit, &owner);
	if (!p->channel)
		free_peer(p);
	else if (p->web)
		dashboard_tell(a->accounts, p->channel);
}
