/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a turn: what is registered runs after the events, work before sending. */
#include "unit.h"

#include <string.h>

#include "sys/loop.h"

static struct gp_loop *loop;
static char said[64];

/* A hook that says its letter, and may leave. */
struct letter {
	struct gp_loop_hook hook;
	char letter;
	bool once;
};

static void
say(char c)
{
	size_t n = strlen(said);
	assert_true(n + 1 < sizeof(said));
	said[n] = c;
}

static void
say_letter(struct gp_loop_hook *hook)
{
	struct letter *l = gp_container_of(hook, struct letter, hook);
	say(l->letter);
	if (l->once)
		gp_loop_at_end_remove(hook);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	say(*(const char *)arg);
}

static void
on_last(evutil_socket_t fd, short what, void *arg)
{
	on_event(fd, what, arg);
	gp_loop_stop(loop);
}

static int
set_up(void **state)
{
	(void)state;
	memset(said, 0, sizeof(said));
	loop = gp_loop_new();
	return loop ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	loop = gp_loop_free(loop);
	return 0;
}

static void
work_comes_before_sending(void **state)
{
	(void)state;
	struct letter s = {.hook.run = say_letter, .letter = 's'};
	struct letter w = {.hook.run = say_letter, .letter = 'w'},
		      x = {.hook.run = say_letter, .letter = 'x'};
	struct event *e = evtimer_new(gp_loop_base(loop), on_last, "e");
	gp_loop_at_end(loop, GP_LOOP_SEND, &s.hook);
	gp_loop_at_end(loop, GP_LOOP_WORK, &w.hook);
	gp_loop_at_end(loop, GP_LOOP_WORK, &x.hook);
	gp_timer_set(e, 1);
	assert_int_equal(gp_loop_run(loop), 0);
	/* What was left from before the first turn is done before anybody waits. */
	assert_string_equal(said, "wxsewxs");
	event_free(e);
}

static void
all_events_of_a_turn_come_before_its_end(void **state)
{
	(void)state;
	struct letter w = {.hook.run = say_letter, .letter = 'w'};
	struct event *a = evtimer_new(gp_loop_base(loop), on_event, "a");
	struct event *b = evtimer_new(gp_loop_base(loop), on_event, "b");
	struct event *c = evtimer_new(gp_loop_base(loop), on_event, "c");
	struct event *last = evtimer_new(gp_loop_base(loop), on_last, "z");
	gp_loop_at_end(loop, GP_LOOP_WORK, &w.hook);
	event_active(a, EV_TIMEOUT, 0);
	event_active(b, EV_TIMEOUT, 0);
	event_active(c, EV_TIMEOUT, 0);
	gp_timer_set(last, 20);
	assert_int_equal(gp_loop_run(loop), 0);
	assert_string_equal(said, "wabcwzw");
	event_free(a);
	event_free(b);
	event_free(c);
	event_free(last);
}

static void
a_hook_may_leave_while_it_runs(void **state)
{
	(void)state;
	struct letter a = {.hook.run = say_letter, .letter = 'a', .once = true};
	struct letter b = {.hook.run = say_letter, .letter = 'b'};
	struct event *e = evtimer_new(gp_loop_base(loop), on_last, "e");
	gp_loop_at_end(loop, GP_LOOP_WORK, &a.hook);
	gp_loop_at_end(loop, GP_LOOP_WORK, &b.hook);
	gp_timer_set(e, 1);
	assert_int_equal(gp_loop_run(loop), 0);
	assert_string_equal(said, "abeb");
	gp_loop_at_end_remove(&a.hook); /* twice does no harm */
	event_free(e);
}

static void
stopping_in_the_end_of_a_turn_waits_for_nobody(void **state)
{
	(void)state;
	assert_true(gp_loop_now_ms(loop) > 0);
	struct event *e = evtimer_new(gp_loop_base(loop), on_last, "e");
	gp_timer_set(e, 0);
	assert_int_equal(gp_loop_run(loop), 0);
	/* And it can be run again. */
	gp_timer_set(e, 0);
	assert_int_equal(gp_loop_run(loop), 0);
	assert_string_equal(said, "ee");
	event_free(e);
	assert_null(gp_loop_free(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(work_comes_before_sending, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_events_of_a_turn_come_before_its_end, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_hook_may_leave_while_it_runs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopping_in_the_end_of_a_turn_waits_for_nobody,
						set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
