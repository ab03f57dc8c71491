/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/fetch/queue.h"

#include <stdlib.h>
#include <string.h>

#include "procs/fetch/reach.h"

/* What an order takes beside its body: host, path, media type, addresses. */
enum { ORDER_MAX = 8 * 1024 };

struct queue {
	struct gp_loop *loop;
	struct https *https;
	bool private_addresses;
	struct gp_list waiting, running;
	size_t len, running_len, octets;
};

/* --- what is asked for --- */

static bool
may_dial(const struct queue *q, struct gp_slice octets)
{
	if (q->private_addresses)
		return octets.len == 4 || octets.len == 16;
	return reach_is_global(octets);
}

/* NULL: nothing. */
static const char *
what_is_wrong(const struct gp_msg_fetch *order)
{
	if (order->kind != GP_FETCH_GET_TEXT && order->kind != GP_FETCH_POST)
		return "neither a GET nor a POST";
	if (!reach_host_valid(order->host))
		return "not a host name";
	if (!reach_path_valid(order->path))
		return "not a path";
	if (order->kind == GP_FETCH_POST && !reach_media_type_valid(order->media_type))
		return "not a media type";
	return NULL;
}

static bool
is_full(const struct queue *q, const struct gp_msg_fetch *order)
{
	return q->len == QUEUE_MAX || q->octets + order->body.len > QUEUE_OCTETS_MAX;
}

static struct https_answer
refused(const char *reason)
{
	return (struct https_answer){.result = GP_FETCH_REFUSED, .reason = reason};
}

static struct https_answer
no_room(const char *reason)
{
	return (struct https_answer){.result = GP_FETCH_NO_ROOM, .reason = reason};
}

static void
copy_addresses(const struct queue *q, struct queue_job *j, const struct gp_msg_fetch *order)
{
	struct gp_fetch_address *list =
		gp_arena_array(&j->arena, order->addresses_len, sizeof(*list));
	for (size_t i = 0; list && i < order->addresses_len; i++) {
		struct gp_slice octets = order->addresses[i].octets;
		if (may_dial(q, octets))
			list[j->request.addresses_len++].octets = gp_arena_dup(&j->arena, octets);
	}
	j->request.addresses = list;
}

static void
copy_order(const struct queue *q, struct queue_job *j, const struct gp_msg_fetch *order)
{
	struct https_request *r = &j->request;
	j->arena = GP_ARENA_INIT(ORDER_MAX + order->body.len);
	r->host = gp_arena_str(&j->arena, order->host);
	r->path = gp_arena_str(&j->arena, order->path);
	copy_addresses(q, j, order);
	if (order->kind != GP_FETCH_POST)
		return;
	r->media_type = gp_arena_str(&j->arena, order->media_type);
	r->body = gp_arena_dup(&j->arena, order->body);
}

/* --- the line --- */

static void
free_job(struct queue_job *j)
{
	struct queue *q = j->queue;
	gp_list_remove(&j->link);
	q->len--;
	q->running_len -= j->running;
	q->octets -= j->request.body.len;
	if (j->timer)
		event_free(j->timer);
	gp_arena_free(&j->arena);
	free(j);
}

static void
end_job(struct queue_job *j, const struct https_answer *a)
{
	j->done(j->ctx, a);
	free_job(j);
}

static void
run_line(struct queue *q);

/* Those before it took most of its time: that it ran out is not the host's doing. */
static bool
ran_late(const struct queue_job *j)
{
	return j->request.time_max_ms < j->time_max_ms / 2;
}

static void
on_done(struct https_request *r, const struct https_answer *a)
{
	struct queue_job *j = gp_container_of(r, struct queue_job, request);
	struct queue *q = j->queue;
	const struct https_answer late = no_room("its turn came too late");
	end_job(j, a->result == GP_FETCH_TIMEOUT && ran_late(j) ? &late : a);
	run_line(q);
}

static bool
is_busy(const struct queue *q, const char *host)
{
	for (const struct gp_list *it = q->running.next; it != &q->running; it = it->next) {
		const struct queue_job *j = gp_container_of(it, struct queue_job, link);
		if (strcasecmp(j->request.host, host) == 0)
			return true;
	}
	return false;
}

static void
run_job(struct queue_job *j)
{
	struct queue *q = j->queue;
	uint64_t now_ms = gp_loop_now_ms(q->loop);
	/* One millisecond: 0 would be no limit. */
	j->request.time_max_ms = j->deadline_ms > now_ms ? (uint32_t)(j->deadline_ms - now_ms) : 1;
	evtimer_del(j->timer);
	if (https_start(q->https, &j->request) < 0) {
		const struct https_answer answer = no_room("out of memory");
		end_job(j, &answer);
		return;
	}
	j->running = true;
	q->running_len++;
	gp_list_remove(&j->link);
	gp_list_append(&q->running, &j->link);
}

static void
run_line(struct queue *q)
{
	gp_list_each (it, &q->waiting) {
		struct queue_job *j = gp_container_of(it, struct queue_job, link);
		if (q->running_len == QUEUE_RUNNING_MAX)
			return;
		if (!is_busy(q, j->request.host))
			run_job(j);
	}
}

/* In the line: its time is over, or (at once) it is looked at for the first time. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct queue_job *j = arg;
	struct queue *q = j->queue;
	(void)fd, (void)what;
	uint64_t now_ms = gp_loop_now_ms(q->loop);
	if (j->deadline_ms <= now_ms) {
		const struct https_answer answer = no_room("it was never its turn");
		end_job(j, &answer);
		return;
	}
	gp_timer_set(j->timer, j->deadline_ms - now_ms);
	run_line(q);
}

struct queue_job *
queue_add(struct queue *q, const struct gp_msg_fetch *order, struct https_answer *ret_why)
{
	const char *wrong = what_is_wrong(order);
	bool full = is_full(q, order);
	struct queue_job *j = wrong || full ? NULL : calloc(1, sizeof(*j));
	*ret_why = wrong  ? refused(wrong)
		   : full ? no_room("too many requests")
			  : no_room("out of memory");
	if (!j)
		return NULL;
	copy_order(q, j, order);
	j->queue = q;
	j->request.done = on_done;
	j->time_max_ms = GP_MIN(order->time_max_ms, (uint32_t)QUEUE_TIME_MAX_MS);
	j->deadline_ms = gp_loop_now_ms(q->loop) + j->time_max_ms;
	j->timer = evtimer_new(gp_loop_base(q->loop), on_timer, j);
	gp_list_append(&q->waiting, &j->link);
	q->len++;
	q->octets += j->request.body.len;
	bool failed = !j->timer || j->arena.failed;
	if (failed || j->request.addresses_len == 0) {
		if (!failed)
			*ret_why = refused("no address that we may connect to");
		free_job(j);
		return NULL;
	}
	gp_timer_set(j->timer, 0);
	return j;
}

void
queue_cancel(struct queue_job *j)
{
	struct queue *q = j->queue;
	if (j->running)
		https_cancel(q->https, &j->request);
	free_job(j);
	run_line(q);
}

/* --- the beginning and the end --- */

struct queue *
queue_new(struct gp_loop *loop, struct https *https, bool private_addresses)
{
	struct queue *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	q->loop = loop;
	q->https = https;
	q->private_addresses = private_addresses;
	gp_list_init(&q->waiting);
	gp_list_init(&q->running);
	return q;
}

struct queue *
queue_free(struct queue *q)
{
	struct gp_list *link;
	if (!q)
		return NULL;
	while ((link = gp_list_pop(&q->waiting)))
		free_job(gp_container_of(link, struct queue_job, link));
	while ((link = gp_list_pop(&q->running))) {
		struct queue_job *j = gp_container_of(link, struct queue_job, link);
		https_cancel(q->https, &j->request);
		free_job(j);
	}
	free(q);
	return NULL;
}
