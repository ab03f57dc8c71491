/* SPDX-License-Identifier: Apache-2.0 */
/* The queue, as the dashboard asks for it and shows it. */
#include "../unit.h"

#include "ipc/values.h"
#include "procs/web/flow.h"

enum { BODY_MAX = 4 * 1024 * 1024 };

static void
queries(void **state)
{
	static const struct {
		const char *query;
		bool good, all;
	} cases[] = {
		{"", true, true},
		{"domain=a.test&older=60", true, false},
		{"id=00000000001", true, false},
		{"x=y", true, true},
		{"older=0", true, true},
		{"id=1", false, false},
		{"id=zzzzzzzzzzz", false, false},
		{"older=1h", false, false},
		{"older=99999999999", false, false},
		{"sender=a&sender=b", false, false},
		{"sender=%", false, false},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(16 * 1024);
		struct gp_msg_queue_request r;
		const char *why = flow_read_query(gp_slice_str(cases[i].query), &arena, &r);
		if (!why != cases[i].good)
			fail_msg("%s: %s", cases[i].query, why ? why : "taken");
		assert_int_equal(r.verb, GP_QUEUE_SHOW);
		assert_true(!cases[i].good || r.all == cases[i].all);
		gp_arena_free(&arena);
	}
}

static void
forms_of_actions(void **state)
{
	static const struct {
		const char *form;
		uint8_t verb; /* 0: refused */
	} cases[] = {
		{"action=retry&id=00000000001", GP_QUEUE_RETRY},
		{"id=00000000001&action=hold", GP_QUEUE_HOLD},
		{"action=release&id=00000000001&again=x", GP_QUEUE_RELEASE},
		{"action=drop&id=00000000001&again=00000000001", GP_QUEUE_DROP},
		{"action=bounce&id=00000000001&again=00000000001", GP_QUEUE_BOUNCE},
		{"action=bounce&id=00000000001", 0},
		{"action=drop&id=00000000001&again=00000000002", 0},
		{"action=drop&id=&again=", 0},
		{"action=retry", 0},
		{"action=Retry&id=00000000001", 0},
		{"action=cat&id=00000000001", 0},
		{"action=retry&action=drop&id=00000000001", 0},
		{"", 0},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct gp_arena arena = GP_ARENA_INIT(16 * 1024);
		struct gp_msg_queue_request r;
		const char *why = flow_read_action(gp_slice_str(cases[i].form), &arena, &r);
		if (!why != (cases[i].verb != 0) || (!why && r.verb != cases[i].verb))
			fail_msg("%s: %s", cases[i].form, why ? why : "taken");
		assert_false(r.all);
		gp_arena_free(&arena);
	}
}

/* What was answered, with a NUL behind it; the caller frees it. */
static const char *
text_of(struct reply *r)
{
	assert_true(gp_buf_put_char(&r->body, '\0'));
	return gp_buf_slice(&r->body).ptr;
}

static struct gp_message
a_flow(void)
{
	static const struct gp_flow_moment moments[] = {{.accepted = 3}};
	static const struct gp_flow_destination destinations[] = {
		{.key = GP_SLICE("maildir:/srv/alice"), .tasks = 1, .standing = 2},
		{.key = GP_SLICE("mx:b.test"), .tasks = 9, .standing = 200}};
	static const struct gp_flow_deferral deferrals[] = {
		{.time_ms = 1000,
		 .id = 1,
		 .rcpt = GP_SLICE("bob@b.test"),
		 .remote = GP_SLICE("mx\x1b[2J.b.test"),
		 .reply = {.code = 451,
			   .enhanced_class = 4,
			   .text = GP_SLICE("<bob@b.test> \"\xff")}},
		{.rcpt = GP_SLICE("nobody")}};
	return (struct gp_message){.type = GP_MSG_FLOW,
				   .flow = {.moments = moments,
					    .moments_len = GP_ARRAY_LEN(moments),
					    .destinations = destinations,
					    .destinations_len = GP_ARRAY_LEN(destinations),
					    .deferrals = deferrals,
					    .deferrals_len = GP_ARRAY_LEN(deferrals)}};
}

/* Names of people, ids and servers' words are for those who may see them. */
static void
addresses_are_for_admins(void **state)
{
	static const char *const private[] = {"alice", "bob@", "\"reason\"", "\"id\""};
	(void)state;
	for (int admin = 0; admin < 2; admin++) {
		struct reply r = {.body = GP_BUF_INIT(BODY_MAX)};
		struct flow_answer a = {.verb = GP_QUEUE_FLOW, .addresses = admin};
		struct gp_message m = a_flow(), done = {.type = GP_MSG_QUEUE_DONE,
							.queue_done = {.result = GP_QUEUE_OK}};
		flow_hear(&a, &m, &r);
		flow_hear(&a, &done, &r);
		const char *text = text_of(&r);
		assert_int_equal(r.status, 200);
		for (size_t i = 0; i < GP_ARRAY_LEN(private); i++)
			assert_int_equal(strstr(text, private[i]) != NULL, admin);
		assert_non_null(strstr(text, "\"accepted\":3"));
		assert_non_null(strstr(text, "\"domain\":\"b.test\""));
		assert_null(strchr(text, '\x1b'));
		gp_buf_free(&r.body);
	}
}

/* As many entries, then an end. */
static struct reply
answer_of(uint8_t verb, unsigned entries, uint8_t result)
{
	struct reply r = {.body = GP_BUF_INIT(BODY_MAX)};
	struct flow_answer a = {.verb = verb, .addresses = true};
	for (unsigned i = 0; i < entries; i++) {
		struct gp_message m = {.type = GP_MSG_QUEUE_ENTRY, .queue_entry = {.id = i}};
		flow_hear(&a, &m, &r);
	}
	struct gp_message m = {.type = GP_MSG_QUEUE_DONE,
			       .queue_done = {.result = result, .count = 1}};
	flow_hear(&a, &m, &r);
	return r;
}

static void
ends(void **state)
{
	static const struct {
		uint8_t verb;
		unsigned entries;
		uint8_t result;
		int status;
		const char *has;
	} cases[] = {
		{GP_QUEUE_SHOW, 0, GP_QUEUE_OK, 200,
		 "{\"messages\":[],\"more\":false,\"partly\":false}"},
		{GP_QUEUE_SHOW, 1, GP_QUEUE_PARTLY, 200, "\"more\":false,\"partly\":true"},
		{GP_QUEUE_SHOW, 100, GP_QUEUE_OK, 200, "\"more\":false"},
		{GP_QUEUE_SHOW, 101, GP_QUEUE_OK, 200, "\"more\":true"},
		{GP_QUEUE_SHOW, 0, GP_QUEUE_NOT_FOUND, 404, "error"},
		{GP_QUEUE_SHOW, 1, GP_QUEUE_ERROR, 503, "error"},
		{GP_QUEUE_DROP, 0, GP_QUEUE_OK, 200, "{\"count\":1,\"under_way\":0}"},
		{GP_QUEUE_DROP, 0, GP_QUEUE_REFUSED, 503, "error"},
	};
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct reply r = answer_of(cases[i].verb, cases[i].entries, cases[i].result);
		assert_int_equal(r.status, cases[i].status);
		const char *text = text_of(&r);
		if (!strstr(text, cases[i].has))
			fail_msg("case %zu: %.300s", i, text);
		gp_buf_free(&r.body);
	}
}

static void
nobody_answers(void **state)
{
	struct reply r = {.body = GP_BUF_INIT(BODY_MAX)};
	struct flow_answer a = {.verb = GP_QUEUE_SHOW};
	struct gp_message m = {.type = GP_MSG_QUEUE_ENTRY};
	(void)state;
	flow_hear(&a, &m, &r);
	flow_hear(&a, NULL, &r);
	assert_int_equal(r.status, 503);
	assert_null(strstr(text_of(&r), "messages"));
	gp_buf_free(&r.body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queries),
		cmocka_unit_test(forms_of_actions),
		cmocka_unit_test(addresses_are_for_admins),
		cmocka_unit_test(ends),
		cmocka_unit_test(nobody_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
