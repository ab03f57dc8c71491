/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/auth/check.h"

#include <errno.h>

#include "core/config/value.h"
#include "core/oauth/token.h"
#include "procs/auth/accounts.h"
#include "sys/clock.h"
#include "sys/log.h"

enum {
	SLOW_MS = 2000,             /* a check that is so late is worth a line */
	DOVECOT_MS = 30 * 1000,     /* Dovecot makes who fails wait 2 s, and more under load */
	ISSUER_WAIT_MS = 30 * 1000, /* names are resolved first */
	ASKED_TURN_MS = 20,         /* until one looks again whether another's answer is there */
};

/* --- checks that are made here --- */

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
	return asked && exchange_put_off(x, AT_DOVECOT, gp_loop_now_ms(a->loop) + DOVECOT_MS);
}

static bool
ask_issuer(struct exchange *x)
{
	struct auth *a = x->peer->auth;
	return issuer_ask(a->issuer, x->asked_id, x->sasl.secret) &&
	       exchange_put_off(x, AT_ISSUER, gp_loop_now_ms(a->loop) + ISSUER_WAIT_MS);
}

/* False: the issuer has to be asked. */
static bool
take_known(struct exchange *x)
{
	struct gp_slice owner = issuer_known(x->peer->auth->issuer, x->sasl.secret);
	if (owner.len == 0)
		return false;
	exchange_stop_waiting(x);
	exchange_go_on(x, take_owner(x, owner));
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
		if (!exchange_put_off(x, WAITING, gp_loop_now_ms(a->loop) + ASKED_TURN_MS))
			exchange_end_because(x, GP_AUTH_TEMPORARY, "out of memory");
		return;
	}
	x->asked_id = ++a->asked_ids;
	if (!(token ? ask_issuer(x) : ask_dovecot(x)))
		exchange_end_because(x, GP_AUTH_TEMPORARY,
				     token ? "the issuer cannot be asked"
					   : "Dovecot cannot be reached");
}

/* Whose exchange it is, off the heap; NULL: it is over. */
static struct exchange *
take_asked(struct auth *a, enum exchange_state state, uint32_t id)
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

void
check_dovecots_answer(void *ctx, uint32_t id, enum dovecot_answer answer, struct gp_slice user)
{
	struct exchange *x = take_asked(ctx, AT_DOVECOT, id);
	if (!x)
		return;
	struct gp_slice name = x->sasl.user;
	if (answer == DOVECOT_NO) {
		exchange_go_on(x, gp_sasl_verdict(&x->sasl, NULL));
		return;
	}
	/* It may know the user by another name, as by one with a domain. */
	if (answer == DOVECOT_TROUBLE ||
	    (user.len > 0 && gp_user_name_parse(user, &x->arena, &name) != 0))
		exchange_end_because(x, GP_AUTH_TEMPORARY, "Dovecot could not find out");
	else
		exchange_go_on(x, gp_sasl_verdict(&x->sasl, &name));
}

void
check_issuers_answer(void *ctx, uint32_t id, enum issuer_answer answer, struct gp_slice user)
{
	struct exchange *x = take_asked(ctx, AT_ISSUER, id);
	if (!x)
		return;
	if (answer == ISSUER_TROUBLE)
		exchange_end_because(x, GP_AUTH_TEMPORARY, "the issuer could not be asked");
	else
		exchange_go_on(x, answer == ISSUER_YES ? take_owner(x, user)
						       : gp_sasl_verdict(&x->sasl, NULL));
}

void
check_dovecot_lost(void *ctx)
{
	struct auth *a = ctx;
	for (uint32_t i = 0; i < a->due.len;) {
		struct exchange *x = gp_container_of(a->due.nodes[i], struct exchange, due);
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): off the heap before it is freed */
		bool lost = x->state == AT_DOVECOT;
		/* The end takes it out, and moves others. */
		if (lost)
			exchange_end_because(x, GP_AUTH_TEMPORARY, "Dovecot has gone");
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
	uint64_t now = gp_loop_now_ms(a->loop), when;
	enum throttle_answer answer = throttle_ask(a->throttle, &x->who, now, &when);
	if (answer == THROTTLE_LOCKED) {
		exchange_end_because(x, GP_AUTH_LOCKED, "too many failures");
		return;
	}
	if (answer == THROTTLE_WAIT) {
		x->ready_ms = when;
		if (!exchange_put_off(x, WAITING, when))
			exchange_end_because(x, GP_AUTH_TEMPORARY, "out of memory");
		return;
	}
	x->late_ms = now - GP_MIN(now, x->ready_ms);
	if (x->late_ms > AUTH_LATE_MS) {
		exchange_end_because(x, GP_AUTH_TEMPORARY, "too much to check");
		return;
	}
	if (x->late_ms > SLOW_MS)
		gp_warning("auth_slow", GP_FN("late_ms", x->late_ms), GP_FN("waiting", a->waiting));
	if (has_to_be_asked(x)) {
		ask(x);
		return;
	}
	exchange_stop_waiting(x);
	uint64_t begin = gp_clock_monotonic_ms();
	int event = check(x);
	x->took_ms += gp_clock_monotonic_ms() - begin;
	exchange_go_on(x, event);
}

void
check_due(evutil_socket_t fd, short what, void *arg)
{
	struct auth *a = arg;
	bool checked = false;
	(void)fd, (void)what;
	for (struct gp_heap_node *n; !checked && (n = gp_heap_first(&a->due));) {
		struct exchange *x = gp_container_of(n, struct exchange, due);
		if (n->key >> EXCHANGE_SEQUENCE_BITS > gp_loop_now_ms(a->loop))
			break;
		gp_heap_remove(&a->due, n);
		checked = x->state == WAITING;
		if (x->state == WAITING)
			take_turn(x);
		else if (x->state == AT_DOVECOT)
			exchange_end_because(x, GP_AUTH_TEMPORARY, "Dovecot does not answer");
		else if (x->state == AT_ISSUER)
			exchange_end_because(x, GP_AUTH_TEMPORARY, "the issuer does not answer");
		else
			exchange_end(x, x->result);
	}
	exchange_set_timer(a);
}
