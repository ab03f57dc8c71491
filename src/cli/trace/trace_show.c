/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <stdio.h>

#include "base/id.h"
#include "cli/trace/trace.h"
#include "cli/traffic/tool_report.h"
#include "core/identity/visible.h"
#include "core/message/date.h"

static const char *
outcome_name(uint8_t outcome)
{
	static const char *const names[] = {"?", "delivered", "relayed", "deferred", "failed"};
	return outcome < GP_ARRAY_LEN(names) ? names[outcome] : "?";
}

static const char *
origin_name(uint8_t origin)
{
	static const char *const names[] = {"?", "stranger", "network", "user", "ours"};
	return origin < GP_ARRAY_LEN(names) ? names[origin] : "?";
}

/* --- text --- */

static struct gp_date_text
time_text(uint64_t ms)
{
	return gp_date_stamp(ms / 1000);
}

static void
print(struct gp_arena *arena, const char *before, struct gp_slice s, const char *after)
{
	struct gp_slice shown = gp_visible(s, arena);
	printf("%s%.*s%s", before, GP_SLICE_FMT(shown), after);
}

/* "from <a> by [192.0.2.1] who said helo, with the login alice" */
static void
print_client(const struct gp_journal_entry *e, struct gp_arena *arena)
{
	if (e->origin == GP_JOURNAL_OURS) {
		printf("of our own, from <>");
		return;
	}
	print(arena, "from <", e->sender, ">");
	print(arena, " by [", e->client, "]");
	print(arena, " as ", e->helo, "");
	if (e->user.len > 0)
		print(arena, ", with the login ", e->user, "");
	else if (e->origin == GP_JOURNAL_NETWORK)
		printf(", of relay_networks");
}

static void
print_reply(const struct gp_reply *r, struct gp_arena *arena)
{
	printf("%u %u.%u.%u", r->code, r->enhanced_class, r->enhanced_subject, r->enhanced_detail);
	print(arena, " ", r->text, "\n");
}

static void
print_refusal(const struct gp_journal_entry *e, struct gp_arena *arena)
{
	printf("%s  refused  ", time_text(e->time_ms).s);
	print_client(e, arena);
	if (e->rcpt.len > 0)
		print(arena, " to <", e->rcpt, ">");
	printf(": ");
	print_reply(&e->reply, arena);
}

static void
print_outcome(const struct gp_journal_entry *e, struct gp_arena *arena)
{
	printf("    %s  %-9s  ", time_text(e->time_ms).s, outcome_name(e->outcome));
	print(arena, "", e->rcpt, "");
	if (e->remote.len > 0)
		print(arena, " by ", e->remote, "");
	printf(", attempt %u: ", e->attempts);
	print_reply(&e->reply, arena);
	if (e->next_ms > 0)
		printf("        next attempt at %s\n", time_text(e->next_ms).s);
}

static void
print_arrival(const struct gp_journal_entry *e, struct gp_arena *arena)
{
	printf("%s  ", time_text(e->time_ms).s);
	print_client(e, arena);
	if (e->tls.len > 0)
		print(arena, " over ", e->tls, "");
	if (e->size > 0)
		printf(", %llu octets", (unsigned long long)e->size);
	printf("\n");
	if (e->message_id.len > 0)
		print(arena, "    Message-ID ", e->message_id, "\n");
	if (e->results.len > 0)
		print(arena, "    ", e->results, "\n");
	for (size_t i = 0; i < e->rcpts_len; i++)
		print(arena, i == 0 ? "    to " : ", ", e->rcpts[i], "");
	if (e->rcpts_all > e->rcpts_len)
		printf(" and %zu more", e->rcpts_all - e->rcpts_len);
	printf("\n");
}

void
trace_print_text(const struct traced *t, struct gp_arena *arena)
{
	if (t->came.kind == GP_JOURNAL_REFUSED) {
		print_refusal(&t->came, arena);
		return;
	}
	if (t->came.id != 0)
		printf("%s  ", gp_id_text(t->came.id).s);
	if (t->came.kind == GP_JOURNAL_ARRIVED)
		print_arrival(&t->came, arena);
	else
		printf("came before the journal begins\n");
	for (const struct trace_event *event = t->events; event; event = event->next)
		print_outcome(&event->e, arena);
}

/* --- JSON --- */

/* What is no UTF-8 comes out visibly. */
static json_t *
json_text(struct gp_slice s)
{
	enum { ARENA_MAX = 64 * 1024 };
	json_t *text = json_stringn(s.ptr ? s.ptr : "", s.len);
	if (text)
		return text;
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct gp_slice shown = gp_visible(s, &arena);
	text = json_stringn(shown.ptr ? shown.ptr : "", shown.len);
	gp_arena_free(&arena);
	return text;
}

static json_t *
json_reply(const struct gp_reply *r)
{
	char status[32];
	snprintf(status, sizeof(status), "%u.%u.%u", r->enhanced_class, r->enhanced_subject,
		 r->enhanced_detail);
	return json_pack("{s:i, s:s, s:o}", "code", (int)r->code, "status", status, "text",
			 json_text(r->text));
}

static json_t *
json_outcome(const struct gp_journal_entry *e)
{
	return json_pack("{s:I, s:s, s:o, s:o, s:i, s:I, s:o}", "time",
			 (json_int_t)(e->time_ms / 1000), "outcome", outcome_name(e->outcome),
			 "recipient", json_text(e->rcpt), "remote", json_text(e->remote),
			 "attempts", (int)e->attempts, "next", (json_int_t)(e->next_ms / 1000),
			 "reply", json_reply(&e->reply));
}

static json_t *
json_came(const struct gp_journal_entry *e)
{
	json_t *rcpts = json_array();
	for (size_t i = 0; i < e->rcpts_len; i++)
		json_array_append_new(rcpts, json_text(e->rcpts[i]));
	if (e->kind == GP_JOURNAL_REFUSED && e->rcpt.len > 0)
		json_array_append_new(rcpts, json_text(e->rcpt));
	return json_pack("{s:s, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:i}", "id",
			 e->id != 0 ? gp_id_text(e->id).s : "", "time",
			 (json_int_t)(e->time_ms / 1000), "origin", origin_name(e->origin),
			 "client", json_text(e->client), "helo", json_text(e->helo), "user",
			 json_text(e->user), "sender", json_text(e->sender), "message_id",
			 json_text(e->message_id), "tls", json_text(e->tls), "results",
			 json_text(e->results), "size", (json_int_t)e->size, "recipients", rcpts,
			 "recipients_all", (int)e->rcpts_all);
}

bool
trace_print_json(const struct traced *t)
{
	json_t *o = json_came(&t->came), *outcomes = json_array();
	for (const struct trace_event *event = t->events; event; event = event->next)
		json_array_append_new(outcomes, json_outcome(&event->e));
	json_object_set_new(o, "outcomes", outcomes);
	if (t->came.kind == GP_JOURNAL_REFUSED)
		json_object_set_new(o, "refused", json_reply(&t->came.reply));
	return gp_tool_json_print(o);
}
