/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/dns/record.h"
#include "procs/resolver/network.h"
#include "procs/resolver/resolver.h"

enum {
	IMPATIENT_MS = 40, /* the time limit of a question where that is the test */
	PATIENT_MS = 60 * 1000,
};

/* --- the network: what was asked, and what the test makes of it ---------------------------- */

/* Responses to "q.test" A, and to another question. */
#define RESPONSE(name) \
	"\0\0\x81\x80\0\1\0\1\0\0\0\0" name "\0\1\0\1\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xc0\0\2\1"
#define BYTES(lit)                      \
	{                               \
		"" lit, sizeof(lit) - 1 \
	}
static const struct gp_slice good = BYTES(RESPONSE("\1q\4test\0"));
static const struct gp_slice foreign = BYTES(RESPONSE("\1x\4test\0"));

static struct {
	struct network_query *asked[QUERIES_MAX + 1]; /* NULL: answered or cancelled */
	size_t asked_len, cancelled;
	int refuse;   /* what network_ask returns */
	bool at_once; /* answer inside network_ask */
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

static void
give(size_t i, struct gp_slice packet, bool secure)
{
	struct network_query *q = network.asked[i];
	struct network_result result = {
		.packet = packet, .secure = secure, .trouble = packet.len > 0 ? NULL : "trouble"};
	assert_non_null(q);
	network.asked[i] = NULL;
	q->done(q, &result);
}

int
network_ask(struct network *n, const char *name, uint16_t type, struct network_query *q)
{
	(void)n, (void)name, (void)type;
	if (network.refuse < 0)
		return network.refuse;
	q->id = (int)network.asked_len;
	network.asked[network.asked_len++] = q;
	if (network.at_once)
		give(network.asked_len - 1, good, false);
	return 0;
}

void
network_cancel(struct network *n, struct network_query *q)
{
	(void)n;
	assert_ptr_equal(network.asked[q->id], q);
	network.asked[q->id] = NULL;
	network.cancelled++;
}

/* --- a peer, and a resolver between both --------------------------------------------------- */

struct heard {
	uint64_t ticket;
	uint8_t status;
	bool secure;
	size_t records;
};

static struct {
	struct gp_loop *loop;
	struct resolver *resolver;
	struct gp_channel *peer;
	struct heard heard[QUERIES_MAX + 10];
	size_t heard_len, wanted;
} rig;

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	assert_int_equal(m->type, GP_MSG_ANSWER);
	rig.heard[rig.heard_len++] = (struct heard){m->answer.ticket, m->answer.status,
						    m->answer.secure, m->answer.records_len};
	if (rig.heard_len == rig.wanted)
		gp_loop_stop(rig.loop);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)c;
	fail_msg("the resolver closed: %s", why);
}

static int
set_up_with(uint64_t query_ms, bool for_strangers)
{
	static const struct gp_config config;
	static const uint64_t seed[2];
	struct gp_channel_owner owner = {.on_message = on_message, .on_close = on_close};
	int fds[2];
	memset(&rig, 0, sizeof(rig));
	rig.loop = gp_loop_new();
	rig.resolver = resolver_new(rig.loop, query_ms);
	assert_int_equal(gp_channel_pair(fds), 0);
	resolver_add_peer(rig.resolver, fds[0], for_strangers);
	rig.peer = gp_channel_new(rig.loop, fds[1], GP_PERMIT_RESOLVER_TO_RELAY, &owner);
	assert_int_equal(resolver_open(rig.resolver, &config, seed), 0);
	resolver_start(rig.resolver);
	return 0;
}

static int
set_up(void **state)
{
	(void)state;
	return set_up_with(PATIENT_MS, false);
}

static int
set_up_for_strangers(void **state)
{
	(void)state;
	return set_up_with(PATIENT_MS, true);
}

static int
set_up_impatient(void **state)
{
	(void)state;
	return set_up_with(IMPATIENT_MS, false);
}

static int
tear_down(void **state)
{
	(void)state;
	resolver_free(rig.resolver);
	gp_channel_free(rig.peer);
	gp_loop_free(rig.loop);
	return 0;
}

static void
ask(uint64_t ticket)
{
	struct gp_message m = {.type = GP_MSG_RESOLVE, .fd = -1};
	m.resolve = (struct gp_msg_resolve){ticket, GP_DNS_A, GP_SLICE("q.test")};
	assert_true(gp_channel_send(rig.peer, &m));
}

static void
stop_loop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	gp_loop_stop(arg);
}

/* Turns the loop until so many answers were heard in all, or for `ms`. */
static void
run(size_t wanted, unsigned ms)
{
	struct event *end = evtimer_new(gp_loop_base(rig.loop), stop_loop, rig.loop);
	struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	evtimer_add(end, &wait);
	rig.wanted = wanted;
	assert_true(gp_loop_run(rig.loop) >= 0);
	event_free(end);
	assert_int_equal(rig.heard_len, wanted);
}

static void
assert_heard(size_t i, uint64_t ticket, uint8_t status, bool secure)
{
	const struct heard *h = &rig.heard[i];
	assert_true(i < rig.heard_len);
	assert_int_equal(h->ticket, ticket);
	assert_int_equal(h->status, status);
	assert_int_equal(h->secure, secure);
	assert_int_equal(h->records, status == GP_DNS_OK ? 1 : 0);
}

/* --- the tests ---------------------------------------------------------------------------- */

static void
answers_go_to_their_questions(void **state)
{
	(void)state;
	for (uint64_t ticket = 0; ticket < 4; ticket++)
		ask(ticket);
	run(0, 10);
	assert_int_equal(network.asked_len, 4);
	give(2, good, true);
	give(0, foreign, true);
	give(3, gp_slice("", 0), false);
	give(1, good, false);
	run(4, 1000);
	assert_heard(0, 2, GP_DNS_OK, true);
	assert_heard(1, 0, GP_DNS_SERVFAIL, false);
	assert_heard(2, 3, GP_DNS_SERVFAIL, false);
	assert_heard(3, 1, GP_DNS_OK, false);
}

static void
an_answer_may_come_at_once(void **state)
{
	(void)state;
	network.at_once = true;
	ask(1);
	run(1, 1000);
	assert_heard(0, 1, GP_DNS_OK, false);
}

static void
a_question_may_fail_to_be_asked(void **state)
{
	(void)state;
	network.refuse = -EIO;
	ask(1);
	run(1, 1000);
	assert_heard(0, 1, GP_DNS_SERVFAIL, false);
}

static void
silence_ends(void **state)
{
	(void)state;
	ask(1);
	run(0, IMPATIENT_MS / 2);
	ask(2);
	run(1, 1000);
	assert_heard(0, 1, GP_DNS_TIMEOUT, false);
	assert_int_equal(network.cancelled, 1);
	run(2, 1000);
	assert_heard(1, 2, GP_DNS_TIMEOUT, false);
	assert_int_equal(network.cancelled, 2);
}

static void
a_crowd_is_refused_until_there_is_room(void **state)
{
	(void)state;
	for (uint64_t ticket = 0; ticket <= QUERIES_MAX; ticket++)
		ask(ticket);
	run(1, 1000);
	assert_heard(0, QUERIES_MAX, GP_DNS_SERVFAIL, false);
	assert_int_equal(network.asked_len, QUERIES_MAX);
	give(5, good, false);
	ask(QUERIES_MAX + 1);
	run(2, 1000);
	run(2, 10);
	assert_heard(1, 5, GP_DNS_OK, false);
	assert_int_equal(network.asked_len, QUERIES_MAX + 1);
}

static void
strangers_leave_room_for_our_own(void **state)
{
	(void)state;
	for (uint64_t ticket = 0; ticket <= STRANGERS_MAX; ticket++)
		ask(ticket);
	run(1, 1000);
	assert_heard(0, STRANGERS_MAX, GP_DNS_SERVFAIL, false);
	assert_int_equal(network.asked_len, STRANGERS_MAX);
	give(5, good, false);
	ask(STRANGERS_MAX + 1);
	run(2, 1000);
	run(2, 10);
	assert_int_equal(network.asked_len, STRANGERS_MAX + 1);
}

static void
a_peer_that_goes_takes_its_questions_along(void **state)
{
	(void)state;
	ask(1);
	ask(2);
	run(0, 10);
	rig.peer = gp_channel_free(rig.peer);
	run(0, 10);
	assert_int_equal(network.cancelled, 2);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(answers_go_to_their_questions),
		WITH_RIG(an_answer_may_come_at_once),
		WITH_RIG(a_question_may_fail_to_be_asked),
		cmocka_unit_test_setup_teardown(silence_ends, set_up_impatient, tear_down),
		WITH_RIG(a_crowd_is_refused_until_there_is_room),
		cmocka_unit_test_setup_teardown(strangers_leave_room_for_our_own,
						set_up_for_strangers, tear_down),
		WITH_RIG(a_peer_that_goes_takes_its_questions_along),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
