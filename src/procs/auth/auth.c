/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/auth/auth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/map.h"
#include "core/config/value.h"
#include "core/oauth/token.h"
#include "core/sasl/server.h"
#include "ipc/values.h"
#include "procs/auth/accounts.h"
#include "procs/auth/dashboard.h"
#include "procs/auth/dovecot.h"
#include "procs/auth/issuer.h"
#include "procs/auth/quota.h"
#include "procs/auth/throttle.h"
#include "sys/clock.h"
#include "sys/log.h"
#include "sys/password.h"

enum {
	SLOW_MS = 2000,             /* a check that is so late is worth a line */
	DOVECOT_MS = 30 * 1000,     /* Dovecot makes who fails wait 2 s, and more under load */
	ISSUER_WAIT_MS = 30 * 1000, /* names are resolved first */
	ASKED_TURN_MS = 20,         /* until one looks again whether another's answer is there */
	SEQUENCE_BITS = 20,         /* of a heap's key, below the milliseconds */
};

enum state { AT_CLIENT, WAITING, AT_DOVECOT, AT_ISSUER, DELAYED };

struct peer {
	struct gp_list link;
	struct auth *auth;
	struct gp_channel *channel;
	bool web; /* it hears who may see the dashboard */
	struct gp_list exchanges;
	struct gp_map by_ticket;
};

struct exchange {
	struct gp_list link;
	struct gp_heap_node due; /* WAITING: not before this; AT_DOVECOT, AT_ISSUER: not after
				    this; DELAYED: the result */
	struct peer *peer;
	uint64_t ticket;
	uint8_t state; /* enum state */
	struct throttle_who who;
	struct gp_arena arena;
	struct gp_sasl sasl;
	int check;                 /* WAITING: the event that asks for it; 0: the response itself */
	struct gp_slice response;  /* of SCRAM, which proves by it */
	uint64_t ready_ms;         /* WAITING: when nothing but its turn was missing */
	uint64_t late_ms, took_ms; /* of its checks, for the log */
	uint32_t asked_id;         /* AT_DOVECOT, AT_ISSUER */
	uint8_t result;            /* DELAYED: enum gp_auth_result */
};

struct auth {
	struct gp_loop *loop;
	const struct gp_config *config;
	struct accounts *accounts;
	struct throttle *throttle;
	struct quota *quota;
	struct dovecot *dovecot; /* NULL: passwords are checked here */
	struct issuer *issuer;
	uint32_t asked_ids;
	struct gp_oauth_keys *keys; /* NULL: no tokens */
	uint64_t seed[2];
	struct gp_list peers;
	size_t peers_len;
	struct gp_heap due;
	struct event *timer;
	uint32_t sequence;
	size_t waiting;
};

static uint64_t
now_ms(const struct auth *a)
{
	return gp_loop_now_ms(a->loop);
}

static struct gp_slice
ticket_slice(const uint64_t *ticket)
{
	return gp_slice((const char *)ticket, sizeof(*ticket));
}

/* --- when it is whose turn --- */

static void
set_timer(struct auth *a)
{
	const struct gp_heap_node *first = gp_heap_first(&a->due);
	if (!first) {
		event_del(a->timer);
		return;
	}
	uint64_t when = first->key >> SEQUENCE_BITS, now = now_ms(a);
	gp_timer_set(a->timer, when > now ? when - now : 0);
}

/* False: no memory. Those of one millisecond come in the order of this call. */
static bool
put_off(struct exchange *x, enum state state, uint64_t when_ms)
{
	struct auth *a = x->peer->auth;
	uint64_t low = a->sequence++ & ((1u << SEQUENCE_BITS) - 1);
	a->waiting -= x->state == WAITING;
	a->waiting += state == WAITING;
	x->state = (uint8_t)state;
	if (!gp_heap_set(&a->due, &x->due, when_ms << SEQUENCE_BITS | low))
		return false;
	set_timer(a);
	return true;
}

/* Its turn in the line of checks is there, and it is off the heap. */
static void
stop_waiting(struct exchange *x)
{
	gp_assert(x->state == WAITING);
	x->peer->auth->waiting--;
	x->state = AT_CLIENT;
}

static void
free_exchange(struct exchange *x)
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

/* --- what is said --- */

static void
free_peer(struct peer *p)
{
	gp_list_each (it, &p->exchanges)
		free_exchange(gp_container_of(it, struct exchange, link));
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

/* A peer that does not read has filled its queue: its exchanges are lost with it. */
static void
say(struct peer *p, const struct gp_message *m)
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

/* As the file says, else as the configuration does. */
static struct quota_limits
limits_of_user(const struct auth *a, const struct gp_user *user)
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
	const struct quota_limits limits = limits_of_user(a, user);
	ret->hourly = limits.hourly;
	ret->daily = limits.daily;
}

/* Says the result, and ends the exchange. */
static void
end(struct exchange *x, uint8_t result)
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
	say(x->peer, &m);
	free_exchange(x);
}

static void
end_because(struct exchange *x, uint8_t result, const char *reason)
{
	x->sasl.reason = reason;
	end(x, result);
}

static void
challenge(struct exchange *x)
{
	const struct gp_message m = {
		.type = GP_MSG_AUTH_CHALLENGE,
		.fd = -1,
		.auth_challenge = {.ticket = x->ticket, .challenge = x->sasl.challenge}};
	x->state = AT_CLIENT;
	say(x->peer, &m);
}

/* --- what an exchange comes to --- */

/* The answer waits as long as the next attempt has to. */
static void
fail(struct exchange *x)
{
	struct auth *a = x->peer->auth;
	uint64_t due = throttle_failed(a->throttle, &x->who, now_ms(a));
	x->result = GP_AUTH_BAD;
	if (due <= now_ms(a) || !put_off(x, DELAYED, due))
		end(x, GP_AUTH_BAD);
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

/* Stands in line for a check. */
static void
stand_in_line(struct exchange *x, int check)
{
	struct auth *a = x->peer->auth;
	x->check = check;
	x->who.account = x->sasl.user;
	x->ready_ms = now_ms(a);
	if (a->waiting >= AUTH_WAITING_MAX ||
	    count_waiting_of_source(a, &x->who) >= AUTH_WAITING_SOURCE_MAX)
		end_because(x, GP_AUTH_TEMPORARY, "too many are waiting");
	else if (!put_off(x, WAITING, now_ms(a)))
		end_because(x, GP_AUTH_TEMPORARY, "out of memory");
}

static void
take_event(struct exchange *x, int event)
{
	switch (event) {
	case GP_SASL_CHALLENGE:
		challenge(x);
		break;
	case GP_SASL_CHECK_PASSWORD:
	case GP_SASL_CHECK_TOKEN:
	case GP_SASL_FETCH_KEYS:
		stand_in_line(x, event);
		break;
	case GP_SASL_DONE:
		/* The name that was said: what failed before was counted for it. */
		throttle_succeeded(x->peer->auth->throttle, &x->who);
		end(x, GP_AUTH_OK);
		break;
	case GP_SASL_FAILED:
		if (x->sasl.malformed)
			end(x, GP_AUTH_MALFORMED);
		else
			fail(x);
		break;
	default:
		end_because(x, GP_AUTH_TEMPORARY, "out of memory");
	}
}

/* --- checks --- */

/* Whose the token is; a name that cannot be one of ours is nobody's. */
static int
take_owner(struct exchange *x, struct gp_slice owner)
{
	struct gp_slice user;
	int r = gp_user_name_parse(owner, &x->arena, &user);
	return r < 0 ? r : gp_sasl_verdict(&x->sasl, r == 0 ? &user : NULL);
}

static int
check_token(struct exchange *x)
{
	const struct auth *a = x->peer->auth;
	const struct gp_oauth_demand demand = {.issuer = a->config->auth.oauth.issuer,
					       .audience = a->config->auth.oauth.audience,
					       .user_claim = a->config->auth.oauth.user_claim,
					       .now_s = gp_clock_wall_ms() / 1000};
	struct gp_slice owner;
	const char *why;
	int r = a->keys ? gp_oauth_check(a->keys, &demand, x->sasl.secret, &x->arena, &owner, &why)
			: 1;
	return r == 0 ? take_owner(x, owner) : r < 0 ? r : gp_sasl_verdict(&x->sasl, NULL);
}

static int
check(struct exchange *x)
{
	struct auth *a = x->peer->auth;
	struct gp_sasl *s = &x->sasl;
	struct gp_scram_keys keys;
	switch (x->check) {
	case GP_SASL_CHECK_PASSWORD:
		return gp_sasl_verdict(s, accounts_check(a->accounts, s->user, s->secret) ? &s->user
											  : NULL);
	case GP_SASL_CHECK_TOKEN:
		return check_token(x);
	case GP_SASL_FETCH_KEYS:
		if (accounts_keys(a->accounts, s->user, &x->arena, &keys) < 0)
			return -ENOMEM;
		return gp_sasl_use_keys(s, &keys);
	default:
		return gp_sasl_step(s, x->response);
	}
}

/* --- those who are asked --- */

static bool
is_asked(const struct exchange *x)
{
	return x->state == AT_DOVECOT || x->state == AT_ISSUER;
}

/* Whether another attempt at this account or from this source is with them: while it is, nobody
 * knows yet what this one may do. */
static bool
has_to_wait(const struct auth *a, const struct exchange *x)
{
	bool found = false;
	for (uint32_t i = 0; !found && i < a->due.len; i++) {
		const struct exchange *other =
			gp_container_of(a->due.nodes[i], struct exchange, due);
		struct gp_slice account = other->who.account;
		found = is_asked(other) &&
			(throttle_same_source(&other->who, &x->who) ||
			 (account.len > 0 && gp_slice_eq(account, x->who.account)));
	}
	return found;
}

static bool
ask_dovecot(struct exchange *x)
{
	struct auth *a = x->peer->auth;
	struct gp_buf client = GP_BUF_INIT(64);
	gp_ip_write(&client, x->who.address, x->who.address_len);
	bool asked = dovecot_ask(a->dovecot, x->asked_id, x->sasl.user, x->sasl.secret,
				 gp_buf_slice(&client));
	gp_buf_free(&client);
	return asked && put_off(x, AT_DOVECOT, now_ms(a) + DOVECOT_MS);
}

static bool
ask_issuer(struct exchange *x)
{
	struct auth *a = x->peer->auth;
	return issuer_ask(a->issuer, x->asked_id, x->sasl.secret) &&
	       put_off(x, AT_ISSUER, now_ms(a) + ISSUER_WAIT_MS);
}

/* False: the issuer has to be asked. */
static bool
take_known(struct exchange *x)
{
	struct gp_slice owner = issuer_known(x->peer->auth->issuer, x->sasl.secret);
	if (owner.len == 0)
		return false;
	stop_waiting(x);
	take_event(x, take_owner(x, owner));
	return true;
}

/* Has the check made by somebody else: Dovecot, or the issuer of tokens. */
static void
ask(struct exchange *x)
{
	struct auth *a = x->peer->auth;
	bool token = x->check == GP_SASL_CHECK_TOKEN;
	if (token && take_known(x))
		return;
	if (has_to_wait(a, x)) {
		if (!put_off(x, WAITING, now_ms(a) + ASKED_TURN_MS))
			end_because(x, GP_AUTH_TEMPORARY, "out of memory");
		return;
	}
	x->asked_id = ++a->asked_ids;
	if (!(token ? ask_issuer(x) : ask_dovecot(x)))
		end_because(x, GP_AUTH_TEMPORARY,
			    token ? "the issuer cannot be asked" : "Dovecot cannot be reached");
}

/* Whose exchange it is, off the heap; NULL: it is over. */
static struct exchange *
take_asked(struct auth *a, enum state state, uint32_t id)
{
	for (uint32_t i = 0; i < a->due.len; i++) {
		struct exchange *x = gp_container_of(a->due.nodes[i], struct exchange, due);
		if (x->state != state || x->asked_id != id)
			continue;
		gp_heap_remove(&a->due, &x->due);
		x->state = AT_CLIENT;
		return x;
	}
	return NULL;
}

static void
on_dovecots_answer(void *ctx, uint32_t id, enum dovecot_answer answer, struct gp_slice user)
{
	struct exchange *x = take_asked(ctx, AT_DOVECOT, id);
	if (!x)
		return;
	struct gp_slice name = x->sasl.user;
	if (answer == DOVECOT_NO) {
		take_event(x, gp_sasl_verdict(&x->sasl, NULL));
		return;
	}
	/* It may know the user by another name, as by one with a domain. */
	if (answer == DOVECOT_TROUBLE ||
	    (user.len > 0 && gp_user_name_parse(user, &x->arena, &name) != 0))
		end_because(x, GP_AUTH_TEMPORARY, "Dovecot could not find out");
	else
		take_event(x, gp_sasl_verdict(&x->sasl, &name));
}

static void
on_issuers_answer(void *ctx, uint32_t id, enum issuer_answer answer, struct gp_slice user)
{
	struct exchange *x = take_asked(ctx, AT_ISSUER, id);
	if (!x)
		return;
	if (answer == ISSUER_TROUBLE)
		end_because(x, GP_AUTH_TEMPORARY, "the issuer could not be asked");
	else
		take_event(x, answer == ISSUER_YES ? take_owner(x, user)
						   : gp_sasl_verdict(&x->sasl, NULL));
}

static void
on_dovecot_lost(void *ctx)
{
	struct auth *a = ctx;
	for (uint32_t i = 0; i < a->due.len;) {
		struct exchange *x = gp_container_of(a->due.nodes[i], struct exchange, due);
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): off the heap before it is freed */
		bool lost = x->state == AT_DOVECOT;
		/* The end takes it out, and moves others. */
		if (lost)
			end_because(x, GP_AUTH_TEMPORARY, "Dovecot has gone");
		i = lost ? 0 : i + 1;
	}
}

/* --- turns --- */

/* Whether it is not for us to check. */
static bool
has_to_be_asked(const struct exchange *x)
{
	const struct auth *a = x->peer->auth;
	if (x->check == GP_SASL_CHECK_TOKEN)
		return issuer_is_had(a->issuer);
	return a->dovecot && x->check == GP_SASL_CHECK_PASSWORD;
}

/* Its turn has come. */
static void
take_turn(struct exchange *x)
{
	struct auth *a = x->peer->auth;
	uint64_t now = now_ms(a), when;
	enum throttle_answer answer = throttle_ask(a->throttle, &x->who, now, &when);
	if (answer == THROTTLE_LOCKED) {
		end_because(x, GP_AUTH_LOCKED, "too many failures");
		return;
	}
	if (answer == THROTTLE_WAIT) {
		x->ready_ms = when;
		if (!put_off(x, WAITING, when))
			end_because(x, GP_AUTH_TEMPORARY, "out of memory");
		return;
	}
	x->late_ms = now - GP_MIN(now, x->ready_ms);
	if (x->late_ms > AUTH_LATE_MS) {
		end_because(x, GP_AUTH_TEMPORARY, "too much to check");
		return;
	}
	if (x->late_ms > SLOW_MS)
		gp_warning("auth_slow", GP_FN("late_ms", x->late_ms), GP_FN("waiting", a->waiting));
	if (has_to_be_asked(x)) {
		ask(x);
		return;
	}
	stop_waiting(x);
	uint64_t begin = gp_clock_monotonic_ms();
	int event = check(x);
	x->took_ms += gp_clock_monotonic_ms() - begin;
	take_event(x, event);
}

/* All results that are due, and one check: what else has come is seen in between. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct auth *a = arg;
	bool checked = false;
	(void)fd, (void)what;
	for (struct gp_heap_node *n; !checked && (n = gp_heap_first(&a->due));) {
		struct exchange *x = gp_container_of(n, struct exchange, due);
		if (n->key >> SEQUENCE_BITS > now_ms(a))
			break;
		gp_heap_remove(&a->due, n);
		checked = x->state == WAITING;
		if (x->state == WAITING)
			take_turn(x);
		else if (x->state == AT_DOVECOT)
			end_because(x, GP_AUTH_TEMPORARY, "Dovecot does not answer");
		else if (x->state == AT_ISSUER)
			end_because(x, GP_AUTH_TEMPORARY, "the issuer does not answer");
		else
			end(x, x->result);
	}
	set_timer(a);
}

/* --- what is heard --- */

static struct exchange *
find_exchange(const struct peer *p, uint64_t ticket)
{
	return gp_map_get(&p->by_ticket, ticket_slice(&ticket));
}

static struct exchange *
new_exchange(struct peer *p, const struct gp_msg_auth_begin *m)
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
		end_because(x, GP_AUTH_UNKNOWN, "no such mechanism");
		return;
	}
	gp_nonce(nonce);
	const struct gp_sasl_setup setup = {.mechanism = mechanism,
					    .nonce = gp_slice_str(nonce),
					    .tls_exporter = m->tls_exporter,
					    .tls_server_end_point = m->tls_server_end_point};
	take_event(x,
		   gp_sasl_begin(&x->sasl, &setup, m->has_initial ? &m->initial : NULL, &x->arena));
}

static void
refuse(struct peer *p, uint64_t ticket)
{
	const struct gp_message m = {.type = GP_MSG_AUTH_RESULT,
				     .fd = -1,
				     .auth_result = {.ticket = ticket,
						     .result = GP_AUTH_TEMPORARY,
						     .reason = GP_SLICE("too many exchanges")}};
	say(p, &m);
}

static void
take_begin(struct peer *p, const struct gp_msg_auth_begin *m)
{
	if ((m->address.len != 4 && m->address.len != 16) || find_exchange(p, m->ticket)) {
		drop_peer(p, "an exchange that cannot be");
		return;
	}
	struct exchange *x = p->by_ticket.len < AUTH_EXCHANGES_MAX ? new_exchange(p, m) : NULL;
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
		take_event(x, gp_sasl_step(&x->sasl, response));
		return;
	}
	x->response = gp_arena_dup(&x->arena, response);
	if (x->arena.failed)
		end_because(x, GP_AUTH_TEMPORARY, "out of memory");
	else
		stand_in_line(x, 0);
}

static void
take_step(struct peer *p, const struct gp_msg_auth_step *m)
{
	struct exchange *x = find_exchange(p, m->ticket);
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
	const struct quota_limits limits = limits_of_user(a, accounts_find(a->accounts, m->user));
	enum quota_answer answer = quota_take(a->quota, m->user, &limits, m->recipients, now_ms(a));
	const struct gp_message reply = {.type = GP_MSG_QUOTA,
					 .fd = -1,
					 .quota = {.ticket = m->ticket, .result = results[answer]}};
	say(p, &reply);
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
		x = find_exchange(p, m->auth_cancel.ticket);
		if (x)
			free_exchange(x);
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
	const struct dovecot_owner owner = {on_dovecots_answer, on_dovecot_lost, a};
	const struct issuer_owner issuer_owner = {on_issuers_answer, a};
	bool ask = config->auth.dovecot.len > 0;
	read_keys(a);
	a->accounts = accounts_new(seed);
	a->throttle = throttle_new(&limits, seed);
	a->quota = quota_new(seed);
	a->timer = evtimer_new(gp_loop_base(loop), on_timer, a);
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
