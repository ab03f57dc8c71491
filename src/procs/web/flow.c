/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/web/flow.h"

#include "base/id.h"
#include "core/dns/name.h"
#include "core/identity/visible.h"
#include "core/smtp/outcome.h"
#include "ipc/values.h"
#include "procs/web/form.h"

enum {
	ARENA_MAX = 4 * 1024 * 1024, /* of the visible texts of one message of spool's */
	MOMENT_S = 10,
	ADDRESS_MAX = 512, /* as the question to spool has it */
	SECONDS_MAX = 10 * 366 * 24 * 60 * 60,
};

struct writer {
	struct gp_json *j;
	struct gp_arena *arena;
	bool addresses;
};

/* --- requests --- */

static const char *
read_selectors(const struct form *form, struct gp_msg_queue_request *ret)
{
	struct gp_slice id = form_value(form, "id"), older = form_value(form, "older");
	uint64_t older_s = 0;
	ret->sender = form_value(form, "sender");
	ret->recipient = form_value(form, "recipient");
	ret->domain = form_value(form, "domain");
	if (id.len > 0 && !gp_id_parse(id, &ret->id))
		return "id= is no id of a message.";
	if (older.len > 0 && !gp_slice_u64(older, SECONDS_MAX, &older_s))
		return "older= is no number of seconds.";
	if (ret->sender.len > ADDRESS_MAX || ret->recipient.len > ADDRESS_MAX)
		return "That is no address.";
	if (ret->domain.len > GP_DNS_NAME_TEXT_MAX)
		return "domain= is no name of a domain.";
	ret->older_ms = older_s * 1000;
	return NULL;
}

const char *
flow_read_query(struct gp_slice query, struct gp_arena *arena, struct gp_msg_queue_request *ret)
{
	struct form form;
	*ret = (struct gp_msg_queue_request){.verb = GP_QUEUE_SHOW, .limit = FLOW_MESSAGES_MAX + 1};
	if (form_parse(query, arena, &form) != 0)
		return "The query cannot be read.";
	const char *why = read_selectors(&form, ret);
	ret->all = ret->id == 0 && ret->sender.len == 0 && ret->recipient.len == 0 &&
		   ret->domain.len == 0 && ret->older_ms == 0;
	return why;
}

const char *
flow_read_action(struct gp_slice body, struct gp_arena *arena, struct gp_msg_queue_request *ret)
{
	static const struct {
		const char *name;
		uint8_t verb;
	} actions[] = {
		{"retry", GP_QUEUE_RETRY},   {"hold", GP_QUEUE_HOLD}, {"release", GP_QUEUE_RELEASE},
		{"bounce", GP_QUEUE_BOUNCE}, {"drop", GP_QUEUE_DROP},
	};
	struct form form;
	*ret = (struct gp_msg_queue_request){};
	if (form_parse(body, arena, &form) != 0)
		return "The form cannot be read.";
	struct gp_slice action = form_value(&form, "action"), id = form_value(&form, "id");
	for (size_t i = 0; i < GP_ARRAY_LEN(actions); i++) {
		if (gp_slice_eq(action, gp_slice_str(actions[i].name)))
			ret->verb = actions[i].verb;
	}
	bool ends = ret->verb == GP_QUEUE_BOUNCE || ret->verb == GP_QUEUE_DROP;
	if (ret->verb == 0)
		return "action= is retry, hold, release, bounce or drop.";
	if (!gp_id_parse(id, &ret->id))
		return "id= is no id of a message.";
	if (ends && !gp_slice_eq(id, form_value(&form, "again")))
		return "This ends the message for good: again= must be its id once more.";
	return NULL;
}

/* --- texts --- */

/* What strangers wrote, so that nothing hides in it; empty: null. */
static void
put(struct writer *w, const char *name, struct gp_slice text)
{
	struct gp_slice shown = gp_visible(text, w->arena);
	if (shown.len > 0)
		gp_json_text(w->j, name, shown);
	else
		gp_json_null(w->j, name);
}

/* Seconds since 1970; 0: null. */
static void
put_time(struct writer *w, const char *name, uint64_t ms)
{
	if (ms > 0)
		gp_json_number(w->j, name, (int64_t)(ms / 1000));
	else
		gp_json_null(w->j, name);
}

static void
put_id(struct writer *w, uint64_t id)
{
	gp_json_str(w->j, "id", gp_id_text(id).s);
}

/* --- what goes on --- */

static void
put_moments(struct writer *w, const struct gp_msg_flow *f)
{
	gp_json_number(w->j, "moment_s", MOMENT_S);
	gp_json_open(w->j, "moments", '[');
	for (size_t i = 0; i < f->moments_len; i++) {
		const struct gp_flow_moment *m = &f->moments[i];
		gp_json_open(w->j, NULL, '{');
		gp_json_number(w->j, "accepted", m->accepted);
		gp_json_number(w->j, "refused", m->refused);
		gp_json_number(w->j, "delivered", m->delivered);
		gp_json_number(w->j, "deferred", m->deferred);
		gp_json_number(w->j, "failed", m->failed);
		gp_json_close(w->j, '}');
	}
	gp_json_close(w->j, ']');
}

static void
put_ages(struct writer *w, const struct gp_msg_flow *f)
{
	static const int64_t up_to_s[] = {300, 3600, 4 * 3600, 24 * 3600};
	gp_json_open(w->j, "ages", '[');
	for (size_t i = 0; i < f->ages_len; i++) {
		const struct gp_flow_age *a = &f->ages[i];
		gp_json_open(w->j, NULL, '{');
		if (i < GP_ARRAY_LEN(up_to_s))
			gp_json_number(w->j, "up_to_s", up_to_s[i]);
		else
			gp_json_null(w->j, "up_to_s");
		gp_json_number(w->j, "held", a->held);
		gp_json_number(w->j, "active", a->active);
		gp_json_number(w->j, "ready", a->ready);
		gp_json_number(w->j, "waiting", a->waiting);
		gp_json_close(w->j, '}');
	}
	gp_json_close(w->j, ']');
}

/* A mailbox's destination is its path, in which its owner's name stands. */
static struct gp_slice
destination_name(const struct writer *w, struct gp_slice key)
{
	const struct gp_slice maildir = GP_SLICE("maildir:");
	return !w->addresses && gp_slice_starts(key, maildir) ? GP_SLICE("maildir") : key;
}

static void
put_destinations(struct writer *w, const struct gp_msg_flow *f)
{
	static const char *const standings[] = {"new", "answers", "silent"};
	gp_json_open(w->j, "destinations", '[');
	for (size_t i = 0; i < f->destinations_len; i++) {
		const struct gp_flow_destination *d = &f->destinations[i];
		gp_json_open(w->j, NULL, '{');
		put(w, "destination", destination_name(w, d->key));
		gp_json_number(w->j, "tasks", d->tasks);
		gp_json_number(w->j, "active", d->active);
		put_time(w, "oldest", d->oldest_ms);
		put_time(w, "rests_until", d->rests_until_ms);
		gp_json_str(w->j, "standing",
			    d->standing < GP_ARRAY_LEN(standings) ? standings[d->standing] : NULL);
		gp_json_close(w->j, '}');
	}
	gp_json_close(w->j, ']');
	gp_json_number(w->j, "destinations_more", f->destinations_more);
}

static void
put_reply(struct writer *w, const struct gp_reply *r)
{
	char status[32];
	snprintf(status, sizeof(status), "%u.%u.%u", r->enhanced_class, r->enhanced_subject,
		 r->enhanced_detail);
	gp_json_number(w->j, "code", r->code);
	gp_json_str(w->j, "status", r->enhanced_class > 0 ? status : NULL);
	if (w->addresses)
		put(w, "reason", r->text);
}

static void
put_deferrals(struct writer *w, const struct gp_msg_flow *f)
{
	gp_json_open(w->j, "deferrals", '[');
	for (size_t i = 0; i < f->deferrals_len; i++) {
		const struct gp_flow_deferral *d = &f->deferrals[i];
		ptrdiff_t at = gp_slice_rfind(d->rcpt, '@');
		gp_json_open(w->j, NULL, '{');
		put_time(w, "time", d->time_ms);
		put(w, "domain", at >= 0 ? gp_slice_drop(d->rcpt, (size_t)at + 1) : GP_SLICE(""));
		put(w, "remote", d->remote);
		put_reply(w, &d->reply);
		gp_json_number(w->j, "attempts", d->attempts);
		if (w->addresses) {
			put_id(w, d->id);
			put(w, "recipient", d->rcpt);
		}
		gp_json_close(w->j, '}');
	}
	gp_json_close(w->j, ']');
}

static void
put_flow(struct writer *w, const struct gp_msg_flow *f)
{
	gp_json_open(w->j, NULL, '{');
	put_time(w, "time", f->now_ms);
	gp_json_number(w->j, "messages", (int64_t)f->messages);
	gp_json_number(w->j, "octets", (int64_t)f->octets);
	gp_json_number(w->j, "looked_at", (int64_t)f->looked_at);
	put_time(w, "oldest", f->oldest_ms);
	gp_json_bool(w->j, "full", f->full);
	gp_json_number(w->j, "connections", f->connections);
	gp_json_number(w->j, "active", f->active);
	gp_json_number(w->j, "moment_under_way_ms", f->moment_ms);
	put_moments(w, f);
	put_ages(w, f);
	put_destinations(w, f);
	put_deferrals(w, f);
	gp_json_close(w->j, '}');
}

/* --- messages --- */

static void
put_rcpt(struct writer *w, const struct gp_queue_rcpt *r)
{
	static const char *const states[] = {"new", "delivered", "relayed", "deferred", "failed"};
	bool pending = r->state == 0 || r->state == GP_OUTCOME_DEFERRED;
	gp_json_open(w->j, NULL, '{');
	put(w, "address", r->address);
	gp_json_str(w->j, "state", r->state < GP_ARRAY_LEN(states) ? states[r->state] : NULL);
	gp_json_number(w->j, "attempts", r->attempts);
	put_time(w, "next", pending ? r->next_ms : 0);
	put(w, "reason", r->text);
	put(w, "remote", r->remote);
	gp_json_bool(w->j, "forwarded", r->forwarded);
	gp_json_close(w->j, '}');
}

static const char *
state_of(const struct gp_msg_queue_entry *e)
{
	if (e->held)
		return "held";
	if (e->active)
		return "active";
	return e->attempts > 0 ? "deferred" : "new";
}

static void
put_entry(struct writer *w, const struct gp_msg_queue_entry *e)
{
	gp_json_open(w->j, NULL, '{');
	put_id(w, e->id);
	gp_json_str(w->j, "state", state_of(e));
	put_time(w, "arrival", e->arrival_ms);
	put_time(w, "next", e->held || e->active ? 0 : e->next_ms);
	gp_json_number(w->j, "size", (int64_t)e->size);
	gp_json_number(w->j, "attempts", e->attempts);
	gp_json_number(w->j, "pending", e->pending);
	put(w, "sender", e->sender);
	put(w, "client", e->client_addr);
	gp_json_open(w->j, "recipients", '[');
	for (size_t i = 0; i < e->rcpts_len; i++)
		put_rcpt(w, &e->rcpts[i]);
	gp_json_close(w->j, ']');
	gp_json_close(w->j, '}');
}

/* --- an answer --- */

/* Each message of the list; one above the most is not told, but that there are more. */
static void
hear_entry(struct flow_answer *a, struct writer *w, const struct gp_msg_queue_entry *e,
	   struct reply *r)
{
	if (a->messages++ == 0) {
		a->json = reply_json(r);
		gp_json_open(&a->json, NULL, '{');
		gp_json_open(&a->json, "messages", '[');
	}
	if (a->messages <= FLOW_MESSAGES_MAX)
		put_entry(w, e);
}

static void
end_list(struct flow_answer *a, const struct gp_msg_queue_done *done, struct reply *r)
{
	if (a->messages == 0) {
		a->json = reply_json(r);
		gp_json_open(&a->json, NULL, '{');
		gp_json_open(&a->json, "messages", '[');
	}
	gp_json_close(&a->json, ']');
	gp_json_bool(&a->json, "more", a->messages > FLOW_MESSAGES_MAX);
	gp_json_bool(&a->json, "partly", done->result == GP_QUEUE_PARTLY);
	gp_json_close(&a->json, '}');
}

static void
hear_end(struct flow_answer *a, const struct gp_msg_queue_done *done, struct reply *r)
{
	if (done->result == GP_QUEUE_NOT_FOUND) {
		reply_refuse(r, 404, "There is no such message in the queue any more.");
	} else if (done->result != GP_QUEUE_OK && done->result != GP_QUEUE_PARTLY) {
		reply_refuse(r, 503,
			     "The queue could not do that. The log of the role spool says why.");
	} else if (a->verb == GP_QUEUE_SHOW) {
		end_list(a, done, r);
	} else if (a->verb != GP_QUEUE_FLOW) {
		struct gp_json j = reply_json(r);
		gp_json_open(&j, NULL, '{');
		gp_json_number(&j, "count", (int64_t)done->count);
		gp_json_number(&j, "under_way", (int64_t)done->under_way);
		gp_json_close(&j, '}');
	}
}

void
flow_hear(struct flow_answer *a, const struct gp_message *m, struct reply *r)
{
	struct gp_arena arena = GP_ARENA_INIT(ARENA_MAX);
	struct writer w = {.j = &a->json, .arena = &arena, .addresses = a->addresses};
	if (!m) {
		reply_refuse(r, 503, "The queue cannot be asked now. Try again.");
	} else if (m->type == GP_MSG_FLOW) {
		a->json = reply_json(r);
		put_flow(&w, &m->flow);
	} else if (m->type == GP_MSG_QUEUE_ENTRY) {
		hear_entry(a, &w, &m->queue_entry, r);
	} else {
		hear_end(a, &m->queue_done, r);
	}
	if (arena.failed)
		r->body.failed = true;
	gp_arena_free(&arena);
}
