/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/marks.h"

#include <errno.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/map.h"
#include "cli/audit/mark.h"
#include "cli/audit/seen.h"
#include "core/targets/special.h"
#include "procs/fetch/https.h"
#include "sys/small_file.h"

enum {
	PORT_HTTPS = 443,
	ADDRESSES_MAX = 8,
	FILES_MAX = 8192, /* that are known at a time: each of the domains under way has two */
	FILE_ARENA_MAX = HTTPS_BODY_MAX + 16 * 1024,
	AUTHORITIES_MAX = 32 << 20,
};

/* A file, for all who want it. It is in one of the lists of its owner. */
struct file {
	struct gp_list link;
	struct audit_marks *marks;
	struct gp_list wants; /* struct audit_mark_want */
	struct gp_arena arena;
	struct gp_slice key; /* "HOST PATH TYPE" */
	struct https_request request;
	struct gp_fetch_address addresses[ADDRESSES_MAX];
	struct gp_posture_file result;
	bool under_way, over;
};

struct audit_marks {
	struct https *https;
	bool private;
	struct gp_map by_key;
	struct gp_list waiting, under_way, kept; /* kept: the oldest first */
	struct event later;                      /* to start what there was no memory for */
	size_t under_way_len, kept_len;
};

/* --- its life --- */

static void
on_later(evutil_socket_t fd, short what, void *arg);

struct audit_marks *
audit_marks_open(struct event_base *base, const char *authorities, bool private)
{
	struct gp_arena arena = GP_ARENA_INIT(2 * (size_t)AUTHORITIES_MAX);
	struct https_options options = {.port = PORT_HTTPS};
	uint64_t seed[2];
	struct audit_marks *m = calloc(1, sizeof(*m));
	int r = m && getrandom(seed, sizeof(seed), 0) == sizeof(seed) ? 0 : -ENOMEM;
	if (r == 0 && authorities)
		r = gp_file_read(gp_slice_str(authorities), AUTHORITIES_MAX, &arena, &options.ca);
	if (r == 0)
		r = https_new(base, &options, &m->https);
	gp_arena_free(&arena);
	if (r < 0) {
		fprintf(stderr, "gatepost audit: HTTPS: %s\n", strerror(-r));
		free(m);
		return NULL;
	}
	m->private = private;
	m->by_key = gp_map(FILES_MAX, seed);
	event_assign(&m->later, base, -1, 0, on_later, m);
	gp_list_init(&m->waiting);
	gp_list_init(&m->under_way);
	gp_list_init(&m->kept);
	return m;
}

static void
free_file(struct file *f)
{
	if (f->under_way)
		https_cancel(f->marks->https, &f->request);
	if (gp_map_get(&f->marks->by_key, f->key) == f)
		(void)gp_map_remove(&f->marks->by_key, f->key);
	gp_list_remove(&f->link);
	gp_arena_free(&f->arena);
	free(f);
}

static void
free_files(struct gp_list *list)
{
	gp_list_each (it, list)
		free_file(gp_container_of(it, struct file, link));
}

void
audit_marks_close(struct audit_marks *m)
{
	if (!m)
		return;
	event_del(&m->later);
	free_files(&m->waiting);
	free_files(&m->under_way);
	free_files(&m->kept);
	gp_map_free(&m->by_key);
	https_free(m->https);
	free(m);
}

/* --- what came of a file --- */

/* A file of a stranger may take some of what a domain has for its answers. */
static void
hand_over(const struct file *f, const struct audit_mark_want *w)
{
	struct gp_arena *arena = w->of->arena;
	*w->ret = (struct gp_posture_file){.outcome = f->result.outcome,
					   .why = gp_arena_dup(arena, f->result.why),
					   .text = gp_arena_dup(arena, f->result.text)};
}

static void
read_mark(struct audit_mark_files *f)
{
	struct gp_arena arena = GP_ARENA_INIT(AUDIT_MARK_ARENA);
	struct gp_posture_mark mark;
	if (f->bimi.certificate.outcome == GP_POSTURE_FETCHED &&
	    audit_mark_read(f->bimi.certificate.text, &arena, &mark)) {
		f->mark = mark;
		f->mark.names = gp_arena_dup(f->arena, mark.names);
		f->mark.logo = gp_arena_dup(f->arena, mark.logo);
		f->bimi.mark = &f->mark;
	}
	gp_arena_free(&arena);
}

static void
keep(struct file *f)
{
	struct audit_marks *m = f->marks;
	gp_list_remove(&f->link);
	gp_list_append(&m->kept, &f->link);
	if (m->kept_len < AUDIT_MARKS_KEPT_MAX)
		m->kept_len++;
	else
		free_file(gp_container_of(m->kept.next, struct file, link));
}

static void
start_more(struct audit_marks *m);

/* Who is told may end, or begin, to wait for others. */
static void
finish(struct file *f)
{
	struct audit_marks *m = f->marks;
	struct gp_list *item;
	m->under_way_len--;
	f->over = true;
	f->under_way = false;
	struct gp_list ready;
	gp_list_init(&ready);
	while ((item = gp_list_pop(&f->wants))) {
		struct audit_mark_want *w = gp_container_of(item, struct audit_mark_want, link);
		hand_over(f, w);
		if (--w->of->open == 0)
			gp_list_append(&ready, &w->link);
	}
	keep(f);
	start_more(m);
	while ((item = gp_list_pop(&ready))) {
		struct audit_mark_want *w = gp_container_of(item, struct audit_mark_want, link);
		read_mark(w->of);
		w->of->ready(w->of);
	}
}

static void
on_answer(struct https_request *q, const struct https_answer *a)
{
	struct file *f = gp_container_of(q, struct file, request);
	f->result.outcome = audit_seen_fetch((uint8_t)a->result);
	f->result.why = a->status != 0
				? gp_arena_printf(&f->arena, "status %u: %s", a->status, a->reason)
				: gp_arena_dup(&f->arena, gp_slice_str(a->reason));
	if (a->result == GP_FETCH_OK)
		f->result.text = gp_arena_dup(&f->arena, a->body);
	if (f->arena.failed)
		f->result = (struct gp_posture_file){.why = GP_SLICE("no memory")};
	finish(f);
}

static void
start_more(struct audit_marks *m)
{
	const struct timeval a_second = {.tv_sec = 1};
	while (m->under_way_len < AUDIT_MARKS_AT_ONCE && !gp_list_empty(&m->waiting)) {
		struct file *f = gp_container_of(m->waiting.next, struct file, link);
		if (https_start(m->https, &f->request) < 0) {
			event_add(&m->later, &a_second);
			return;
		}
		f->under_way = true;
		m->under_way_len++;
		gp_list_remove(&f->link);
		gp_list_append(&m->under_way, &f->link);
	}
}

static void
on_later(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	start_more(arg);
}

/* --- a domain's files --- */

static void
take_addresses(struct file *f, const struct gp_answers *answers, struct gp_slice host,
	       uint16_t type)
{
	struct gp_dns_answer answer;
	size_t len = type == GP_DNS_A ? 4 : 16;
	if (!gp_answers_find(answers, host, type, &answer))
		return;
	for (size_t i = 0; i < answer.records_len; i++) {
		const uint8_t *octets = answer.records[i].address;
		const struct gp_special *special = gp_special_of(octets, len);
		if (f->request.addresses_len == ADDRESSES_MAX ||
		    (special && (special->never || !f->marks->private)))
			continue;
		f->addresses[f->request.addresses_len++].octets =
			gp_arena_dup(&f->arena, gp_slice((const char *)octets, len));
	}
}

/* NULL: no memory. */
static struct file *
make_file(struct audit_marks *m, const struct gp_posture_place *at, const char *type,
	  const struct gp_answers *answers)
{
	struct file *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->marks = m;
	f->arena = GP_ARENA_INIT(FILE_ARENA_MAX);
	gp_list_init(&f->link);
	gp_list_init(&f->wants);
	f->key = gp_arena_printf(&f->arena, "%.*s %.*s %s", GP_SLICE_FMT(at->host),
				 GP_SLICE_FMT(at->path), type);
	f->request = (struct https_request){
		.host = gp_arena_printf(&f->arena, "%.*s", GP_SLICE_FMT(at->host)).ptr,
		.path = gp_arena_printf(&f->arena, "%.*s", GP_SLICE_FMT(at->path)).ptr,
		.addresses = f->addresses,
		.wanted = type,
		.time_max_ms = AUDIT_MARKS_TIME_MAX_MS,
		.done = on_answer,
	};
	take_addresses(f, answers, at->host, GP_DNS_AAAA);
	take_addresses(f, answers, at->host, GP_DNS_A);
	if (f->arena.failed || !gp_map_set(&m->by_key, f->key, f)) {
		free_file(f);
		return NULL;
	}
	return f;
}

/* 0: it waits, or *w->ret is known. */
static int
want(struct audit_marks *m, struct audit_mark_want *w, const struct gp_posture_place *at,
     const char *type, const struct gp_answers *answers)
{
	struct gp_arena *arena = w->of->arena;
	struct gp_slice key = gp_arena_printf(arena, "%.*s %.*s %s", GP_SLICE_FMT(at->host),
					      GP_SLICE_FMT(at->path), type);
	struct file *f = key.ptr ? gp_map_get(&m->by_key, key) : NULL;
	if (!f && key.ptr) {
		f = make_file(m, at, type, answers);
		if (f && f->request.addresses_len == 0) {
			w->ret->why = GP_SLICE("its host has no address that may be asked");
			free_file(f);
			return 0;
		}
		if (f)
			gp_list_append(&m->waiting, &f->link);
	}
	if (!f)
		return -ENOMEM;
	if (f->over) {
		hand_over(f, w);
	} else {
		gp_list_append(&f->wants, &w->link);
		w->of->open++;
	}
	return 0;
}

int
audit_marks_follow(struct audit_marks *m, struct audit_mark_files *f,
		   const struct gp_posture_facts *facts, const struct gp_answers *answers,
		   struct gp_arena *arena)
{
	const struct {
		const struct gp_posture_place *at;
		const char *type;
		struct gp_posture_file *ret;
	} files[] = {{&facts->bimi.logo, "image/svg+xml", &f->bimi.logo},
		     {&facts->bimi.certificate, "", &f->bimi.certificate}};
	size_t wanted = 0;
	int r = 0;
	static_assert(GP_ARRAY_LEN(files) == GP_ARRAY_LEN(f->wants));
	f->arena = arena;
	for (size_t i = 0; i < GP_ARRAY_LEN(files) && r == 0; i++) {
		f->wants[i].of = f;
		f->wants[i].ret = files[i].ret;
		gp_list_init(&f->wants[i].link);
		if (files[i].at->host.len == 0)
			continue;
		wanted++;
		r = want(m, &f->wants[i], files[i].at, files[i].type, answers);
	}
	if (r < 0 || wanted == 0)
		return r;
	start_more(m);
	if (f->open == 0)
		read_mark(f);
	return f->open == 0 ? AUDIT_MARKS_READY : AUDIT_MARKS_WAIT;
}

void
audit_marks_end(struct audit_mark_files *f)
{
	for (size_t i = 0; i < GP_ARRAY_LEN(f->wants); i++) {
		if (f->wants[i].of)
			gp_list_remove(&f->wants[i].link);
	}
}
