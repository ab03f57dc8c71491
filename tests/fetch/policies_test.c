/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "network.h"
#include "procs/fetch/policies.h"

#define POLICY "version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: 86400\n"

static struct {
	struct gp_loop *loop;
	struct queue *queue;
	struct policies *policies;
	struct policy_ask asks[4];
	struct policy_news heard[4]; /* without what it points to */
	size_t heard_len;
} rig;

static int
set_up(void **state)
{
	static const uint64_t seed[2] = {1, 2};
	(void)state;
	memset(&network, 0, sizeof(network));
	memset(&rig, 0, sizeof(rig));
	rig.loop = gp_loop_new();
	rig.queue = queue_new(rig.loop, NULL, false);
	rig.policies = policies_new(rig.queue, seed);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	queue_free(rig.queue);
	policies_free(rig.policies);
	gp_loop_free(rig.loop);
	return 0;
}

static void
on_done(struct policy_ask *ask, const struct policy_news *news)
{
	(void)ask;
	rig.heard[rig.heard_len++] = *news;
	if (news->kept)
		assert_slice(news->kept->text, POLICY);
}

/* Of domain a.test, with an address. */
static int
ask(size_t i, const char *id, struct policy_news *ret)
{
	static const struct gp_fetch_address address = {{"\x08\x08\x08\x08", 4}};
	struct gp_msg_policy q = {.record = GP_MTASTS_RECORD_OK,
				  .id = gp_slice_str(id),
				  .domain = GP_SLICE("a.test"),
				  .addresses = &address,
				  .addresses_len = 1};
	rig.asks[i].done = on_done;
	return policies_ask(rig.policies, &q, &rig.asks[i], ret);
}

static void
assert_heard(size_t i, uint8_t action, uint8_t failure)
{
	assert_true(i < rig.heard_len);
	assert_int_equal(rig.heard[i].action, action);
	assert_int_equal(rig.heard[i].failure, failure);
	assert_int_equal(rig.heard[i].kept != NULL, action == GP_MTASTS_APPLY);
}

static void
one_fetch_answers_all(void **state)
{
	struct policy_news news;
	(void)state;
	assert_int_equal(ask(0, "1", &news), 1);
	assert_int_equal(ask(1, "1", &news), 1);
	assert_int_equal(ask(2, "2", &news), 1);
	assert_int_equal(ask(3, "1", &news), 1);
	gp_list_remove(&rig.asks[3].link);
	network_run(rig.loop, 1);
	assert_int_equal(network.started_len, 1);
	assert_string_equal(network.started[0]->host, "mta-sts.a.test");
	assert_string_equal(network.started[0]->path, "/.well-known/mta-sts.txt");
	network_end(0, GP_FETCH_OK, POLICY);
	assert_int_equal(rig.heard_len, 3);
	for (size_t i = 0; i < 3; i++)
		assert_heard(i, GP_MTASTS_APPLY, GP_MTASTS_FETCHED);
	assert_int_equal(ask(0, "1", &news), 0);
	assert_int_equal(news.action, GP_MTASTS_APPLY);
	/* The fetch was made for the other id, so this one is still to come. */
	assert_int_equal(ask(0, "2", &news), 1);
}

static void
failures_have_their_kinds(void **state)
{
	static const struct {
		enum gp_fetch_result result;
		const char *body;
		enum gp_mtasts_failure failure;
	} cases[] = {
		{GP_FETCH_OK, "mode: none", GP_MTASTS_POLICY_INVALID},
		{GP_FETCH_CONNECT_FAILED, "", GP_MTASTS_FETCH_ERROR},
		{GP_FETCH_TLS_FAILED, "", GP_MTASTS_WEBPKI_INVALID},
		{GP_FETCH_TIMEOUT, "", GP_MTASTS_FETCH_ERROR},
		{GP_FETCH_BROKEN, "", GP_MTASTS_FETCH_ERROR},
		{GP_FETCH_REDIRECT, "", GP_MTASTS_FETCH_ERROR},
		{GP_FETCH_HTTP_STATUS, "", GP_MTASTS_FETCH_ERROR},
		{GP_FETCH_BAD_CONTENT, "", GP_MTASTS_POLICY_INVALID},
		{GP_FETCH_TOO_LARGE, "", GP_MTASTS_POLICY_INVALID},
	};
	struct policy_news news;
	char id[] = "a";
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++, id[0]++) {
		rig.heard_len = 0;
		assert_int_equal(ask(0, id, &news), 1);
		network_run(rig.loop, 1);
		network_end(i, cases[i].result, cases[i].body);
		assert_heard(0, GP_MTASTS_DO_NOTHING, (uint8_t)cases[i].failure);
		/* It is remembered, and not tried again at once. */
		assert_int_equal(ask(0, id, &news), 0);
		assert_int_equal(news.failure, cases[i].failure);
	}
}

static void
what_was_not_tried_is_not_remembered(void **state)
{
	struct policy_news news;
	(void)state;
	assert_int_equal(ask(0, "1", &news), 1);
	network_run(rig.loop, 1);
	network_end(0, GP_FETCH_NO_ROOM, "");
	assert_heard(0, GP_MTASTS_FETCH, GP_MTASTS_FETCHED);
	assert_int_equal(ask(0, "1", &news), 1);
	network_run(rig.loop, 1);
	network_end(1, GP_FETCH_OK, POLICY);
	/* What is kept holds on. */
	assert_int_equal(ask(0, "2", &news), 1);
	network_run(rig.loop, 1);
	network_end(2, GP_FETCH_NO_ROOM, "");
	assert_heard(2, GP_MTASTS_APPLY, GP_MTASTS_FETCHED);
}

static void
a_crowd_is_not_the_domains_fault(void **state)
{
	static const struct gp_fetch_address address = {{"\x08\x08\x08\x08", 4}};
	const struct gp_msg_fetch other = {.kind = GP_FETCH_GET_TEXT,
					   .time_max_ms = 1000,
					   .host = GP_SLICE("other.test"),
					   .path = GP_SLICE("/"),
					   .addresses = &address,
					   .addresses_len = 1};
	struct queue_job *jobs[QUEUE_MAX];
	struct https_answer why;
	struct policy_news news;
	(void)state;
	for (size_t i = 0; i < QUEUE_MAX; i++)
		assert_non_null(jobs[i] = queue_add(rig.queue, &other, &why));
	assert_int_equal(ask(0, "1", &news), 0);
	assert_int_equal(news.action, GP_MTASTS_FETCH);
	assert_int_equal(news.failure, GP_MTASTS_FETCHED);
	assert_string_equal(news.reason, "too many requests");
	queue_cancel(jobs[0]);
	assert_int_equal(ask(0, "1", &news), 1);
}

/* Unlike a crowd: it has been looked at, and there is nothing to be had. */
static void
a_private_policy_host_is_a_failure(void **state)
{
	static const struct gp_fetch_address private = {{"\x0a\x00\x00\x01", 4}};
	const struct gp_msg_policy q = {.record = GP_MTASTS_RECORD_OK,
					.id = GP_SLICE("1"),
					.domain = GP_SLICE("a.test"),
					.addresses = &private,
					.addresses_len = 1};
	struct policy_news news;
	(void)state;
	assert_int_equal(policies_ask(rig.policies, &q, &rig.asks[0], &news), 0);
	assert_int_equal(news.action, GP_MTASTS_DO_NOTHING);
	assert_int_equal(news.failure, GP_MTASTS_FETCH_ERROR);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(one_fetch_answers_all),
		WITH_RIG(failures_have_their_kinds),
		WITH_RIG(what_was_not_tried_is_not_remembered),
		WITH_RIG(a_crowd_is_not_the_domains_fault),
		WITH_RIG(a_private_policy_host_is_a_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
