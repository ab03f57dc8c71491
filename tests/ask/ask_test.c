/* SPDX-License-Identifier: Apache-2.0 */
/* A role's conversation with resolver; the test is the resolver. */
#include "../unit.h"

#include "ipc/answer.h"
#include "ipc/channel.h"
#include "ipc/role.h"
#include "procs/ask/ask.h"

enum { OPEN_MAX = 3, HEARD_MAX = 8 };

struct waiting {
	struct asker asker;
	unsigned answers, good;
	bool asks_again, again_taken, forgets;
};

static const uint64_t seed[2] = {1, 2};
static const struct gp_dns_question question = {{"host.test", 9}, GP_DNS_A};

static struct gp_loop *loop;
static struct event *guard;
static struct {
	struct gp_channel *channel;
	uint64_t tickets[HEARD_MAX];
	size_t len;
} resolver;

/* --- who asks --- */

static void
on_answer(struct asker *a, const struct gp_dns_answer *answer)
{
	struct waiting *w = gp_container_of(a, struct waiting, asker);
	assert_slice(answer->name, "host.test");
	assert_int_equal(answer->type, GP_DNS_A);
	w->answers++;
	w->good += answer->status == GP_DNS_OK && answer->records_len == 1;
	if (w->asks_again)
		w->again_taken = ask_resolver(a, &question);
	if (w->forgets)
		ask_forget(a);
}

/* The supervisor's clock for a peer that stays away; there is none here. */
void
gp_role_peer_lost(enum gp_role_id role)
{
	assert_int_equal(role, GP_ROLE_RESOLVER);
}

enum gp_log_level
gp_role_loss_level(void)
{
	return GP_LOG_WARNING;
}

static void
ask(struct waiting *w)
{
	assert_true(ask_resolver(&w->asker, &question));
}

/* --- resolver --- */

static void
on_question(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	assert_int_equal(m->type, GP_MSG_RESOLVE);
	assert_int_equal(m->resolve.type, GP_DNS_A);
	assert_slice(m->resolve.name, "host.test");
	assert_true(resolver.len < HEARD_MAX);
	resolver.tickets[resolver.len++] = m->resolve.ticket;
}

static void
on_end(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c, (void)why;
	resolver.channel = NULL;
}

static void
begin_resolver(void)
{
	static const struct gp_channel_owner owner = {on_question, on_end, NULL};
	const struct ask_setup setup = {loop, seed, GP_PERMIT_RESOLVER_TO_RELAY, OPEN_MAX};
	int fds[2];
	assert_int_equal(gp_channel_pair(fds), 0);
	gp_channel_free(resolver.channel);
	resolver.len = 0;
	resolver.channel = gp_channel_new(loop, fds[1], GP_PERMIT_RELAY_TO_RESOLVER, &owner);
	assert_non_null(resolver.channel);
	ask_connect(&setup, fds[0]);
}

static void
end_resolver(void)
{
	resolver.channel = gp_channel_free(resolver.channel);
}

static void
say(uint64_t ticket)
{
	struct gp_arena arena = GP_ARENA_INIT(4096);
	const struct gp_dns_record record = {.type = GP_DNS_A, .address = {192, 0, 2, 1}};
	const struct gp_dns_answer answer = {.name = question.name,
					     .canonical = question.name,
					     .type = GP_DNS_A,
					     .status = GP_DNS_OK,
					     .records = &record,
					     .records_len = 1};
	struct gp_message m = {.type = GP_MSG_ANSWER, .fd = -1};
	assert_int_equal(gp_answer_pack(&answer, ticket, &arena, &m.answer), 0);
	assert_true(gp_channel_send(resolver.channel, &m));
	gp_arena_free(&arena);
}

static void
on_guard(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	gp_loop_stop(loop);
}

/* Turns of the loop until nothing has happened for a little while. */
static void
settle(void)
{
	gp_timer_set(guard, 20);
	assert_int_equal(gp_loop_run(loop), 0);
}

/* --- the conversation --- */

static void
each_question_has_its_answer(void **state)
{
	struct waiting a = {}, b = {};
	(void)state;
	ask_init(&a.asker, on_answer);
	ask_init(&b.asker, on_answer);
	begin_resolver();
	ask(&a);
	ask(&b);
	ask(&a);
	settle();
	assert_int_equal(resolver.len, 3);
	say(resolver.tickets[2]);
	say(resolver.tickets[1]);
	settle();
	assert_int_equal(a.good, 1);
	assert_true(ask_waits(&a.asker));
	assert_int_equal(b.good, 1);
	assert_false(ask_waits(&b.asker));
	/* Said twice, it is nobody's. */
	say(resolver.tickets[1]);
	say(resolver.tickets[0]);
	settle();
	assert_int_equal(a.good, 2);
	assert_int_equal(b.answers, 1);
	assert_false(ask_waits(&a.asker));
}

static void
who_forgets_hears_nothing(void **state)
{
	struct waiting a = {}, b = {.forgets = true};
	(void)state;
	ask_init(&a.asker, on_answer);
	ask_init(&b.asker, on_answer);
	begin_resolver();
	ask(&a);
	ask(&b);
	ask(&b);
	settle();
	ask_forget(&a.asker);
	for (size_t i = 0; i < resolver.len; i++)
		say(resolver.tickets[i]);
	settle();
	assert_int_equal(a.answers, 0);
	assert_int_equal(b.answers, 1);
	assert_false(ask_waits(&b.asker));
}

static void
no_more_than_the_cap_is_asked(void **state)
{
	struct waiting a = {};
	(void)state;
	ask_init(&a.asker, on_answer);
	assert_false(ask_resolver(&a.asker, &question));
	begin_resolver();
	for (size_t i = 0; i < OPEN_MAX; i++)
		ask(&a);
	assert_false(ask_resolver(&a.asker, &question));
	settle();
	say(resolver.tickets[0]);
	settle();
	ask(&a);
	ask_forget(&a.asker);
}

/* --- its end --- */

static void
what_is_open_fails_when_it_dies(void **state)
{
	struct waiting a = {.asks_again = true}, b = {.forgets = true};
	(void)state;
	ask_init(&a.asker, on_answer);
	ask_init(&b.asker, on_answer);
	begin_resolver();
	ask(&a);
	ask(&b);
	ask(&b);
	settle();
	end_resolver();
	settle();
	assert_int_equal(a.answers, 1);
	assert_int_equal(b.answers, 1);
	assert_int_equal(a.good + b.good, 0);
	/* Nobody is asked in between. */
	assert_false(a.again_taken);
}

/* The new one may be there before the end of the old one was seen, which may still speak. */
static void
what_is_open_fails_when_it_is_replaced(void **state)
{
	struct waiting a = {};
	(void)state;
	ask_init(&a.asker, on_answer);
	begin_resolver();
	ask(&a);
	settle();
	uint64_t old = resolver.tickets[0];
	begin_resolver();
	assert_int_equal(a.answers, 1);
	assert_int_equal(a.good, 0);
	ask(&a);
	settle();
	assert_int_not_equal(resolver.tickets[0], old);
	say(old);
	settle();
	assert_int_equal(a.answers, 1);
	say(resolver.tickets[0]);
	settle();
	assert_int_equal(a.good, 1);
}

static int
setup(void **state)
{
	(void)state;
	loop = gp_loop_new();
	guard = loop ? evtimer_new(gp_loop_base(loop), on_guard, NULL) : NULL;
	return guard ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	end_resolver();
	ask_disconnect();
	event_free(guard);
	loop = gp_loop_free(loop);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_question_has_its_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(who_forgets_hears_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(no_more_than_the_cap_is_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_open_fails_when_it_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_open_fails_when_it_is_replaced, setup,
						teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
