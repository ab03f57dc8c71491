/* SPDX-License-Identifier: Apache-2.0 */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "network.h"

enum { PATIENT_MS = 60 * 1000, IMPATIENT_MS = 30, LATE_MS = 1000 };

/* --- a queue, and those who order ---------------------------------------------------------- */

static struct {
	struct gp_loop *loop;
	struct queue *queue;
	struct queue_job *jobs[QUEUE_MAX + 1];
	uint8_t results[QUEUE_MAX + 1]; /* enum gp_fetch_result; 0: none yet */
} rig;

static int
set_up(void **state)
{
	(void)state;
	memset(&network, 0, sizeof(network));
	memset(&rig, 0, sizeof(rig));
	rig.loop = gp_loop_new();
	rig.queue = queue_new(rig.loop, NULL, false);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	queue_free(rig.queue);
	gp_loop_free(rig.loop);
	return 0;
}

static void
on_done(void *ctx, const struct https_answer *a)
{
	*(uint8_t *)ctx = (uint8_t)a->result;
}

static struct gp_msg_fetch
order_for(const char *host)
{
	static const struct gp_fetch_address addresses[] = {
		{{"\x08\x08\x08\x08", 4}}, {{"\x0a\x00\x00\x01", 4}}, {{"\x08\x08\x04\x04", 4}}};
	return (struct gp_msg_fetch){.kind = GP_FETCH_GET_TEXT,
				     .time_max_ms = PATIENT_MS,
				     .host = gp_slice_str(host),
				     .path = GP_SLICE("/"),
				     .addresses = addresses,
				     .addresses_len = GP_ARRAY_LEN(addresses)};
}

/* What it says when it refuses, else NULL. */
static const char *
add(size_t i, const struct gp_msg_fetch *order)
{
	struct https_answer why;
	rig.jobs[i] = queue_add(rig.queue, order, &why);
	if (rig.jobs[i]) {
		rig.jobs[i]->done = on_done;
		rig.jobs[i]->ctx = &rig.results[i];
	}
	rig.results[i] = rig.jobs[i] ? 0 : (uint8_t)why.result;
	return rig.jobs[i] ? NULL : why.reason;
}

static void
order(size_t i, const char *host)
{
	struct gp_msg_fetch o = order_for(host);
	assert_null(add(i, &o));
}

/* --- the tests ------------------------------------------------------------------------------- */

static void
private_addresses_are_left_out(void **state)
{
	(void)state;
	order(0, "a.test");
	network_run(rig.loop, 1);
	assert_int_equal(network.started_len, 1);
	const struct https_request *q = network.started[0];
	assert_string_equal(q->host, "a.test");
	assert_int_equal(q->addresses_len, 2);
	assert_slice(q->addresses[1].octets, "\x08\x08\x04\x04");
	assert_in_range(q->time_max_ms, PATIENT_MS / 2, PATIENT_MS);
	network_end(0, GP_FETCH_OK, "");
	assert_int_equal(rig.results[0], GP_FETCH_OK);
}

static void
an_order_has_an_end(void **state)
{
	struct gp_msg_fetch o = order_for("a.test");
	(void)state;
	o.time_max_ms = 24 * 60 * PATIENT_MS;
	assert_null(add(0, &o));
	network_run(rig.loop, 1);
	assert_in_range(network.started[0]->time_max_ms, 1, QUEUE_TIME_MAX_MS);
}

static void
one_at_a_time_to_a_host(void **state)
{
	(void)state;
	order(0, "a.test");
	order(1, "A.test");
	order(2, "b.test");
	order(3, "a.test");
	network_run(rig.loop, 1);
	assert_int_equal(network.started_len, 2);
	assert_string_equal(network.started[1]->host, "b.test");
	network_end(0, GP_FETCH_OK, "");
	assert_int_equal(network.started_len, 3);
	assert_string_equal(network.started[2]->host, "A.test");
	queue_cancel(rig.jobs[1]);
	assert_int_equal(network.cancelled, 1);
	assert_int_equal(network.started_len, 4);
}

static void
the_line_moves_on_past_a_busy_host(void **state)
{
	char host[] = "a00.test";
	(void)state;
	for (size_t i = 0; i <= QUEUE_RUNNING_MAX; i++) {
		host[1] = (char)('0' + i / 10);
		host[2] = (char)('0' + i % 10);
		order(i, host);
	}
	network_run(rig.loop, 1);
	assert_int_equal(network.started_len, QUEUE_RUNNING_MAX);
	network_end(7, GP_FETCH_OK, "");
	assert_int_equal(network.started_len, QUEUE_RUNNING_MAX + 1);
}

static void
who_waits_too_long_is_told(void **state)
{
	struct gp_msg_fetch hasty = order_for("a.test");
	(void)state;
	hasty.time_max_ms = IMPATIENT_MS;
	order(0, "a.test");
	assert_null(add(1, &hasty));
	network_run(rig.loop, IMPATIENT_MS / 2);
	assert_int_equal(rig.results[1], 0);
	network_run(rig.loop, 2 * IMPATIENT_MS);
	assert_int_equal(rig.results[1], GP_FETCH_NO_ROOM);
	assert_int_equal(network.started_len, 1);
	assert_int_equal(network.cancelled, 0);
}

/* Behind one that took most of the time: only what the line took is no timeout of the host. */
static void
who_runs_late_is_told(void **state)
{
	struct gp_msg_fetch hasty = order_for("a.test");
	(void)state;
	hasty.time_max_ms = LATE_MS;
	assert_null(add(0, &hasty));
	assert_null(add(1, &hasty));
	network_run(rig.loop, LATE_MS * 5 / 8);
	network_end(0, GP_FETCH_TIMEOUT, "");
	assert_int_equal(rig.results[0], GP_FETCH_TIMEOUT);
	assert_int_equal(network.started_len, 2);
	network_end(1, GP_FETCH_TIMEOUT, "");
	assert_int_equal(rig.results[1], GP_FETCH_NO_ROOM);
}

static void
what_may_not_be_asked_is_refused(void **state)
{
	static const struct gp_fetch_address private = {{"\x0a\x00\x00\x01", 4}};
	struct gp_msg_fetch o = order_for("a.test");
	(void)state;
	o.addresses = &private;
	o.addresses_len = 1;
	assert_string_equal(add(0, &o), "no address that we may connect to");
	assert_int_equal(rig.results[0], GP_FETCH_REFUSED);
	o = order_for("a_b/c");
	assert_string_equal(add(0, &o), "not a host name");
	assert_int_equal(rig.results[0], GP_FETCH_REFUSED);
}

static void
a_request_may_fail_to_start(void **state)
{
	(void)state;
	network.refuse = -ENOMEM;
	order(0, "a.test");
	order(1, "b.test");
	network_run(rig.loop, 1);
	assert_int_equal(rig.results[0], GP_FETCH_NO_ROOM);
	assert_int_equal(rig.results[1], GP_FETCH_NO_ROOM);
}

static void
a_crowd_is_refused_until_there_is_room(void **state)
{
	struct gp_msg_fetch o = order_for("a.test");
	(void)state;
	for (size_t i = 0; i < QUEUE_MAX; i++)
		order(i, "a.test");
	assert_string_equal(add(QUEUE_MAX, &o), "too many requests");
	assert_int_equal(rig.results[QUEUE_MAX], GP_FETCH_NO_ROOM);
	queue_cancel(rig.jobs[5]);
	assert_null(add(QUEUE_MAX, &o));
}

static void
bodies_have_a_limit_together(void **state)
{
	static char body[1 << 20];
	struct gp_msg_fetch o = order_for("a.test");
	size_t n = QUEUE_OCTETS_MAX / sizeof(body);
	(void)state;
	o.kind = GP_FETCH_POST;
	o.media_type = GP_SLICE("a/b");
	o.body = gp_slice(body, sizeof(body));
	for (size_t i = 0; i < n; i++)
		assert_null(add(i, &o));
	assert_string_equal(add(n, &o), "too many requests");
	queue_cancel(rig.jobs[0]);
	assert_null(add(n, &o));
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(private_addresses_are_left_out),
		WITH_RIG(an_order_has_an_end),
		WITH_RIG(one_at_a_time_to_a_host),
		WITH_RIG(the_line_moves_on_past_a_busy_host),
		WITH_RIG(who_waits_too_long_is_told),
		WITH_RIG(who_runs_late_is_told),
		WITH_RIG(what_may_not_be_asked_is_refused),
		WITH_RIG(a_request_may_fail_to_start),
		WITH_RIG(a_crowd_is_refused_until_there_is_room),
		WITH_RIG(bodies_have_a_limit_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
