/* SPDX-License-Identifier: Apache-2.0 */
/* Many who ask at once, of a network that answers when the test wants it to. */
#include "../unit.h"

#include <event2/event.h>

#include "cli/asks.h"
#include "cli/command.h"
#include "procs/resolver/network.h"

enum {
	NAMES = 500,
	ASKERS = 4,
};

static struct {
	struct network_query *asked[NAMES]; /* in their order; NULL: answered or cancelled */
	size_t len, cancelled, depth, depth_max;
	bool at_once; /* answers from within network_ask() */
} network;

int
network_new(struct event_base *base, const struct gp_config *config, unsigned sockets,
	    struct network **ret)
{
	(void)base, (void)config, (void)sockets;
	memset(&network, 0, sizeof(network));
	*ret = (struct network *)&network;
	return 0;
}

struct network *
network_free(struct network *n)
{
	(void)n;
	return NULL;
}

bool
network_validates(const struct network *n)
{
	(void)n;
	return false;
}

static void
answer(size_t i)
{
	struct network_query *q = network.asked[i];
	const struct network_result result = {.trouble = "no server"};
	assert_non_null(q);
	network.asked[i] = NULL;
	q->done(q, &result);
}

int
network_ask(struct network *n, const char *name, uint16_t type, struct network_query *q)
{
	(void)n, (void)name, (void)type;
	assert_true(network.len < NAMES);
	network.asked[network.len++] = q;
	network.depth++;
	network.depth_max = GP_MAX(network.depth_max, network.depth);
	if (network.at_once)
		answer(network.len - 1);
	network.depth--;
	return 0;
}

void
network_cancel(struct network *n, struct network_query *q)
{
	(void)n;
	for (size_t i = 0; i < network.len; i++) {
		if (network.asked[i] == q)
			network.asked[i] = NULL;
	}
	network.cancelled++;
}

/* --- those who ask --- */

struct asker {
	struct gp_ask ask;
	struct gp_arena arena;
	unsigned ready;
};

static struct {
	struct event_base *base;
	struct gp_asks dns;
	struct asker askers[ASKERS];
} t;

static void
on_ready(struct gp_ask *ask)
{
	gp_container_of(ask, struct asker, ask)->ready++;
}

static void
begin(size_t under_way_max, double per_s)
{
	const struct gp_asks_options options = {.command = "test",
						.resolver = "127.0.0.1:53",
						.answers_max = NAMES,
						.under_way_max = under_way_max,
						.per_s = per_s};
	t.base = event_base_new();
	assert_int_equal(gp_asks_open(&t.dns, t.base, &options), GP_EXIT_OK);
	for (size_t i = 0; i < GP_ARRAY_LEN(t.askers); i++) {
		t.askers[i] = (struct asker){.arena = GP_ARENA_INIT(1 << 22)};
		assert_int_equal(
			gp_ask_init(&t.askers[i].ask, &t.dns, &t.askers[i].arena, on_ready), 0);
	}
}

static void
end(void)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(t.askers); i++) {
		gp_ask_end(&t.askers[i].ask);
		gp_arena_free(&t.askers[i].arena);
	}
	gp_asks_close(&t.dns);
	event_base_free(t.base);
}

static void
ask(size_t asker, size_t len)
{
	static char names[NAMES][16];
	struct gp_dns_question questions[NAMES];
	for (size_t i = 0; i < len; i++) {
		snprintf(names[i], sizeof(names[i]), "n%zu.test", i);
		questions[i] = (struct gp_dns_question){gp_slice_str(names[i]), GP_DNS_A};
	}
	assert_int_equal(gp_ask_for(&t.askers[asker].ask, questions, len), 0);
}

static void
turn(void)
{
	assert_true(event_base_loop(t.base, EVLOOP_NONBLOCK) >= 0);
}

static void
test_so_many_are_under_way_and_no_more(void **state)
{
	(void)state;
	begin(3, 0);
	for (size_t i = 0; i < ASKERS; i++)
		ask(i, 2);
	assert_int_equal(network.len, 3);
	answer(1);
	assert_int_equal(network.len, 4);
	answer(0);
	answer(2);
	for (size_t i = 3; i < 2 * ASKERS; i++)
		answer(i);
	turn();
	for (size_t i = 0; i < ASKERS; i++)
		assert_int_equal(t.askers[i].ready, 1);
	assert_int_equal(t.dns.counts.asked, 2 * ASKERS);
	assert_int_equal(t.dns.counts.answered, 2 * ASKERS);
	end();
}

/* One that gets no answer keeps what was free, and the others go on in what is left. */
static void
test_nobody_has_it_all(void **state)
{
	(void)state;
	begin(8, 0);
	ask(0, 6);
	assert_int_equal(network.len, 4);
	ask(1, 2);
	assert_int_equal(network.len, 5);
	answer(4);
	assert_int_equal(network.len, 6);
	answer(5);
	turn();
	assert_int_equal(t.askers[1].ready, 1);
	assert_int_equal(t.askers[0].ready, 0);
	/* As one is answered, the next of them is asked. */
	answer(0);
	answer(1);
	assert_int_equal(network.len, 8);
	answer(2);
	answer(3);
	answer(6);
	answer(7);
	turn();
	assert_int_equal(t.askers[0].ready, 1);
	end();
}

/* Answers of a cache come while the question is asked: one by one, and not one within the other. */
static void
test_answers_at_once_do_not_nest(void **state)
{
	(void)state;
	begin(2, 0);
	network.at_once = true;
	ask(0, NAMES);
	assert_int_equal(network.len, NAMES);
	assert_int_equal(network.depth_max, 1);
	assert_int_equal(t.askers[0].ready, 0);
	turn();
	assert_int_equal(t.askers[0].ready, 1);
	end();
}

static void
test_the_rate_holds_them_back(void **state)
{
	(void)state;
	begin(0, 40);
	network.at_once = true;
	ask(0, 12); /* a burst of ten, and 50 ms for two more */
	assert_int_equal(network.len, 10);
	while (t.askers[0].ready == 0)
		assert_true(event_base_loop(t.base, EVLOOP_ONCE) >= 0);
	assert_int_equal(network.len, 12);
	end();
}

static void
test_who_ends_makes_room(void **state)
{
	(void)state;
	begin(1, 0);
	ask(0, 4);
	ask(1, 1);
	gp_ask_end(&t.askers[0].ask);
	assert_int_equal(network.cancelled, 1);
	assert_int_equal(t.dns.under_way, 0);
	turn();
	assert_int_equal(network.len, 2);
	answer(1);
	turn();
	assert_int_equal(t.askers[1].ready, 1);
	end();
}

static void
test_nothing_to_ask(void **state)
{
	(void)state;
	begin(0, 0);
	ask(0, 0);
	assert_int_equal(t.askers[0].ready, 0);
	turn();
	assert_int_equal(t.askers[0].ready, 1);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_so_many_are_under_way_and_no_more),
		cmocka_unit_test(test_nobody_has_it_all),
		cmocka_unit_test(test_answers_at_once_do_not_nest),
		cmocka_unit_test(test_the_rate_holds_them_back),
		cmocka_unit_test(test_who_ends_makes_room),
		cmocka_unit_test(test_nothing_to_ask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
