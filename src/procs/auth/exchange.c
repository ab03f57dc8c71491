/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/auth/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "core/config/value.h"
#include "procs/auth/accounts.h"
#include "sys/log.h"
#include "sys/password.h"

/* --- who is there --- */

static struct gp_slice
ticket_slice(const uint64_t *ticket)
{
	return gp_slice((const char *)ticket, sizeof(*ticket));
}

struct exchange *
exchange_find(const struct peer *p, uint64_t ticket)
{
	return gp_map_get(&p->by_ticket, ticket_slice(&ticket));
}

struct exchange *
exchange_new(struct peer *p, const struct gp_msg_auth_begin *m)
{
	struct exchange *x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->peer = p;
	x->ticket = m->ticket;
	x->arena = GP_ARENA_INIT(GP_SASL_ARENA_MAX);
	x->sasl.reason = "";
	x->who.address_len = (uint8_t)m->address.len;
	memcpy(x->who.address, m->address.ptr, m->address.len);
	if (!gp_map_set(&p->by_ticket, ticket_slice(&x->ticket), x)) {
		free(x);
		return NULL;
	}
	gp_list_append(&p->exchanges, &x->link);
	return x;
}

void
exchange_free(struct exchange *x)
{
	struct auth *a = x->peer->auth;
	a->waiting -= x->state == WAITING;
	gp_heap_remove(&a->due, &x->due);
	gp_map_remove(&x->peer->by_ticket, ticket_slice(&x->ticket));
	gp_list_remove(&x->link);
	if (x->sasl.secret.len > 0)
		gp_wipe((void *)x->sasl.secret.ptr, x->sasl.secret.len);
	gp_arena_free(&x->arena);
	free(x);
}

/* --- when it is whose turn --- */

void
exchange_set_timer(struct auth *a)
{
	const struct gp_heap_node *first = gp_heap_first(&a->due);
	if (!first) {
		event_del(a->timer);
		return;
	}
	uint64_t when = first->key >> EXCHANGE_SEQUENCE_BITS, now = gp_loop_now_ms(a->loop);
	gp_timer_set(a->timer, when > now ? when - now : 0);
}

bool
exchange_put_off(struct exchange *x, enum exchange_state state, uint64_t when_ms)
{
	struct auth *a = x->peer->auth;
	uint64_t low = a->sequence++ & ((1u << EXCHANGE_SEQUENCE_BITS) - 1);
	a->waiting -= x->state == WAITING;
	a->waiting += state == WAITING;
	x->state = (uint8_t)state;
	if (!gp_heap_set(&a->due, &x->due, when_ms << EXCHANGE_SEQUENCE_BITS | low))
		return false;
	exchange_set_timer(a);
	return true;
}

void
exchange_stop_waiting(struct exchange *x)
{
	gp_assert(x->state == WAITING);
	x->peer->auth->waiting--;
	x->state = AT_CLIENT;
}

/* --- what is said --- */

void
peer_say(struct peer *p, const struct gp_message *m)
{
	if (!gp_channel_send(p->channel, m))
		gp_error("answer_lost", GP_FS("reason", "a peer does not read"));
}

static void
log_end(const struct exchange *x, uint8_t result)
{
	static const char *const events[] = {
		[GP_AUTH_OK] = "auth_ok",
		[GP_AUTH_BAD] = "auth_failed",
		[GP_AUTH_MALFORMED] = "auth_malformed",
		[GP_AUTH_TEMPORARY] = "auth_not_checked",
		[GP_AUTH_LOCKED] = "auth_locked",
		[GP_AUTH_UNKNOWN] = "auth_unknown_mechanism",
	};
	struct gp_buf address = GP_BUF_INIT(64);
	gp_ip_write(&address, x->who.address, x->who.address_len);
	const char *mechanism =
		x->sasl.setup.mechanism ? gp_sasl_mechanism_name(x->sasl.setup.mechanism) : "";
	gp_info(events[result], GP_F("user", x->sasl.user), GP_FS("mechanism", mechanism),
		GP_F("client", gp_buf_slice(&address)), GP_FS("reason", x->sasl.reason),
		GP_FN("late_ms", x->late_ms), GP_FN("took_ms", x->took_ms));
	gp_buf_free(&address);
}

struct quota_limits
user_limits(const struct auth *a, const struct gp_user *user)
{
	const struct gp_config *c = a->config;
	return (struct quota_limits){
		.hourly = user && user->hourly > 0 ? user->hourly : c->submission.hourly,
		.daily = user && user->daily > 0 ? user->daily : c->submission.daily};
}

/* What the user may send as: as the file says, or its own name where that is an address. */
static void
add_rights(const struct auth *a, struct gp_slice name, struct gp_arena *arena,
	   struct gp_msg_auth_result *ret)
{
	const struct gp_user *user = accounts_find(a->accounts, name);
	const struct gp_slice *from = user ? user->from : NULL;
	size_t len = user ? user->from_len : 0;
	if (!user && gp_user_parse_from(name, arena, &from, &len))
		len = 0;
	struct gp_auth_address *list = gp_arena_array(arena, len, sizeof(*list));
	for (size_t i = 0; list && i < len; i++)
		list[i].address = from[i];
	ret->from = list;
	ret->from_len = list ? len : 0;
	const struct quota_limits limits = user_limits(a, user);
	ret->hourly = limits.hourly;
	ret->daily = limits.daily;
}

void
exchange_end(struct exchange *x, uint8_t result)
{
	struct gp_message m = {.type = GP_MSG_AUTH_RESULT, .fd = -1};
	struct gp_msg_auth_result *r = &m.auth_result;
	r->ticket = x->ticket;
	r->result = result;
	if (result == GP_AUTH_OK) {
		r->user = x->sasl.user;
		add_rights(x->peer->auth, r->user, &x->arena, r);
	} else {
		r->reason = gp_slice_str(x->sasl.reason);
	}
	log_end(x, result);
	peer_say(x->peer, &m);
	exchange_free(x);
}

void
exchange_end_because(struct exchange *x, uint8_t result, const char *reason)
{
	x->sasl.reason = reason;
	exchange_end(x, result);
}

static void
challenge(struct exchange *x)
{
	const struct gp_message m = {
		.type = GP_MSG_AUTH_CHALLENGE,
		.fd = -1,
		.auth_challenge = {.ticket = x->ticket, .challenge = x->sasl.challenge}};
	x->state = AT_CLIENT;
	peer_say(x->peer, &m);
}

/* --- what an exchange comes to --- */

/* The answer waits as long as the next attempt has to. */
static void
fail(struct exchange *x)
{
	struct auth *a = x->peer->auth;
	uint64_t due = throttle_failed(a->throttle, &x->who, gp_loop_now_ms(a->loop));
	x->result = GP_AUTH_BAD;
	if (due <= gp_loop_now_ms(a->loop) || !exchange_put_off(x, DELAYED, due))
		exchange_end(x, GP_AUTH_BAD);
}

static size_t
count_waiting_of_source(const struct auth *a, const struct throttle_who *who)
{
	size_t n = 0;
	for (uint32_t i = 0; i < a->due.len; i++) {
		const struct exchange *x = gp_container_of(a->due.nodes[i], struct exchange, due);
		n += x->state == WAITING && throttle_same_source(&x->who, who);
	}
	return n;
}

void
exchange_stand_in_line(struct exchange *x, int check)
{
	struct auth *a = x->peer->auth;
	x->check = check;
	x->who.account = x->sasl.user;
	x->ready_ms = gp_loop_now_ms(a->loop);
	if (a->waiting >= AUTH_WAITING_MAX ||
	    count_waiting_of_source(a, &x->who) >= AUTH_WAITING_SOURCE_MAX)
		exchange_end_because(x, GP_AUTH_TEMPORARY, "too many are waiting");
	else if (!exchange_put_off(x, WAITING, gp_loop_now_ms(a->loop)))
		exchange_end_because(x, GP_AUTH_TEMPORARY, "out of memory");
}

void
exchange_go_on(struct exchange *x, int event)
{
	switch (event) {
	case GP_SASL_CHALLENGE:
		challenge(x);
		break;
	case GP_SASL_CHECK_PASSWORD:
	case GP_SASL_CHECK_TOKEN:
	case GP_SASL_FETCH_KEYS:
		exchange_stand_in_line(x, event);
		break;
	case GP_SASL_DONE:
		/* The name that was said: what failed before was counted for it. */
		throttle_succeeded(x->peer->auth->throttle, &x->who);
		exchange_end(x, GP_AUTH_OK);
		break;
	case GP_SASL_FAILED:
		if (x->sasl.malformed)
			exchange_end(x, GP_AUTH_MALFORMED);
		else
			fail(x);
		break;
	default:
		exchange_end_because(x, GP_AUTH_TEMPORARY, "out of memory");
	}
}
