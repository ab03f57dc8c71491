/* SPDX-License-Identifier: Apache-2.0 */
/* The store's functions, on the simulated disk where nothing goes wrong, and on a real one. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "simdisk.h"
#include "spool/store.h"

enum { NOW = 1700000000 };
static const uint64_t now_ms = (uint64_t)NOW * 1000;

static const struct gp_store_settings small = {
	.segment_size = 64 << 10,
	.batch_size = 64 << 10,
	.free_min = 4096,
	.seed = {11, 22},
};

struct fixture {
	struct sim *disk;
	struct gp_store *store;
	struct gp_store_report report;
	struct gp_arena arena;
};

static void
open_store(struct fixture *f)
{
	assert_int_equal(gp_store_open(sim_io(f->disk), sim_root(f->disk), &small, now_ms,
				       &f->store, &f->report),
			 0);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->disk = sim_new();
	f->arena = GP_ARENA_INIT(64 << 20);
	open_store(f);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	gp_store_free(f->store);
	sim_free(f->disk);
	gp_arena_free(&f->arena);
	free(f);
	return 0;
}

static void
reopen(struct fixture *f)
{
	assert_int_equal(gp_store_close(f->store), 0);
	open_store(f);
}

static const struct gp_rcpt two[] = {
	{.address = GP_SLICE("alice@example.org"),
	 .orcpt = GP_SLICE("rfc822;alice@example.org"),
	 .notify = GP_NOTIFY_FAILURE},
	{.address = GP_SLICE("\"a\nb\"@example.net"), .forwarded = true},
};

static const struct gp_envelope envelope = {
	.sender = GP_SLICE("bob@example.com"),
	.forwarder = GP_SLICE("SRS0=H7NPARLC=RA=example.com=bob@example.org"),
	.envid = GP_SLICE("QQ314159"),
	.ret = GP_RET_HDRS,
	.flags = GP_ENVELOPE_8BITMIME,
	.arrival_ms = (uint64_t)NOW * 1000,
	.client_addr = GP_SLICE("192.0.2.1"),
	.client_helo = GP_SLICE("mail.example.com"),
	.rcpts = two,
	.rcpts_len = 2,
};

static struct gp_queued *
append(struct fixture *f, struct gp_slice body)
{
	uint64_t id;
	struct gp_queued *q;
	struct gp_store_body b = {.slices = &body, .slices_len = 1};
	assert_int_equal(gp_store_ids(f->store, 1, now_ms, &id), 0);
	assert_int_equal(gp_store_append(f->store, id, &envelope, &b, 0, &q), 0);
	assert_int_equal(q->id, id);
	return q;
}

#define assert_slice(a, b)                                           \
	do {                                                         \
		struct gp_slice a_ = (a), b_ = (b);                  \
		assert_int_equal(a_.len, b_.len);                    \
		if (a_.len > 0)                                      \
			assert_memory_equal(a_.ptr, b_.ptr, a_.len); \
	} while (0)

static struct gp_stored
read_back(struct fixture *f, const struct gp_queued *q)
{
	struct gp_stored m;
	gp_arena_reset(&f->arena);
	assert_int_equal(gp_store_read(f->store, q, &f->arena, &m), 0);
	return m;
}

static void
assert_envelope(const struct gp_envelope *e)
{
	assert_slice(e->sender, envelope.sender);
	assert_slice(e->forwarder, envelope.forwarder);
	assert_slice(e->envid, envelope.envid);
	assert_slice(e->client_addr, envelope.client_addr);
	assert_slice(e->client_helo, envelope.client_helo);
	assert_int_equal(e->ret, envelope.ret);
	assert_int_equal(e->flags, envelope.flags);
	assert_int_equal(e->arrival_ms, envelope.arrival_ms);
	assert_int_equal(e->rcpts_len, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_slice(e->rcpts[i].address, two[i].address);
		assert_slice(e->rcpts[i].orcpt, two[i].orcpt);
		assert_int_equal(e->rcpts[i].notify, two[i].notify);
		assert_int_equal(e->rcpts[i].forwarded, two[i].forwarded);
	}
}

static void
what_was_appended_reads_back_equal(void **state)
{
	struct fixture *f = *state;
	struct gp_slice body = GP_SLICE("Subject: x\r\n\r\nhello\r\n");
	struct gp_queued *q = append(f, body);
	uint64_t id = q->id;
	for (int life = 0; life < 3; life++) {
		struct gp_stored m = read_back(f, q);
		assert_envelope(&m.envelope);
		assert_slice(m.body, body);
		assert_int_equal(q->pending_len, 2);
		assert_int_equal(q->next_ms, envelope.arrival_ms);
		assert_int_equal(m.states[1].last.kind, 0);
		assert_int_equal(gp_store_sync(f->store), 0);
		m = read_back(f, q);
		assert_slice(m.body, body);
		reopen(f);
		q = gp_store_find(f->store, id);
		assert_non_null(q);
	}
}

static struct gp_rcpt_change
deferred(uint32_t rcpt, uint32_t attempts, uint64_t next_ms)
{
	return (struct gp_rcpt_change){
		.rcpt = rcpt,
		.state = {.last = {.kind = GP_OUTCOME_DEFERRED,
				   .reply = GP_REPLY(451, 4, 7, 1, "later\nplease"),
				   .remote = GP_SLICE("mx.example.net [192.0.2.7]:25"),
				   .remote_said = true},
			  .attempts = attempts,
			  .next_ms = next_ms,
			  .last_ms = now_ms + 5},
	};
}

static struct gp_rcpt_change
final(uint32_t rcpt, enum gp_outcome_kind kind)
{
	return (struct gp_rcpt_change){
		.rcpt = rcpt,
		.state = {.last = {.kind = (uint8_t)kind, .reply = GP_REPLY(250, 2, 0, 0, "ok")},
			  .attempts = 1},
	};
}

static void
outcomes_are_absolute_and_survive(void **state)
{
	struct fixture *f = *state;
	struct gp_queued *q = append(f, GP_SLICE("body"));
	uint64_t id = q->id;
	struct gp_rcpt_change c = deferred(1, 3, now_ms + 300000);
	assert_int_equal(gp_store_outcome(f->store, q, &c, 1), 0);
	assert_int_equal(q->next_ms, now_ms);
	c = final(0, GP_OUTCOME_RELAYED);
	assert_int_equal(gp_store_outcome(f->store, q, &c, 1), 0);
	assert_int_equal(q->pending_len, 1);
	assert_int_equal(q->next_ms, now_ms + 300000);
	/* a final recipient stays final; places rise */
	assert_int_equal(gp_store_outcome(f->store, q, &c, 1), -EINVAL);
	for (int life = 0; life < 2; life++) {
		struct gp_stored m = read_back(f, q);
		assert_int_equal(m.states[0].last.kind, GP_OUTCOME_RELAYED);
		assert_int_equal(m.states[1].last.kind, GP_OUTCOME_DEFERRED);
		assert_int_equal(m.states[1].attempts, 3);
		assert_int_equal(m.states[1].next_ms, now_ms + 300000);
		assert_int_equal(m.states[1].last_ms, now_ms + 5);
		assert_int_equal(m.states[1].last.reply.code, 451);
		assert_slice(m.states[1].last.reply.text, GP_SLICE("later\nplease"));
		assert_slice(m.states[1].last.remote, GP_SLICE("mx.example.net [192.0.2.7]:25"));
		assert_true(m.states[1].last.remote_said);
		assert_int_equal(gp_queued_due_ms(q, 0), UINT64_MAX);
		reopen(f);
		q = gp_store_find(f->store, id);
		assert_non_null(q);
		assert_int_equal(q->pending_len, 1);
		assert_int_equal(q->next_ms, now_ms + 300000);
	}
	c = final(1, GP_OUTCOME_DELIVERED);
	assert_int_equal(gp_store_outcome(f->store, q, &c, 1), GP_STORE_FINISHED);
	assert_null(gp_store_find(f->store, id));
	reopen(f);
	assert_null(gp_store_find(f->store, id));
	assert_int_equal(gp_store_stats(f->store).live_size, 0);
}

static void
many_outcomes_are_folded(void **state)
{
	struct fixture *f = *state;
	struct gp_queued *q = append(f, GP_SLICE("body"));
	for (uint32_t i = 1; i <= 100; i++) {
		struct gp_rcpt_change c = deferred(i % 2, i, now_ms + i);
		assert_int_equal(gp_store_outcome(f->store, q, &c, 1), 0);
		struct gp_stored m = read_back(f, q);
		assert_int_equal(m.states[i % 2].attempts, i);
		assert_int_equal(m.states[1 - i % 2].attempts, i - 1);
	}
	uint64_t id = q->id;
	reopen(f);
	struct gp_stored m = read_back(f, gp_store_find(f->store, id));
	assert_int_equal(m.states[0].attempts, 100);
	assert_int_equal(m.states[1].attempts, 99);
}

static void
flags_and_drop(void **state)
{
	struct fixture *f = *state;
	struct gp_queued *q = append(f, GP_SLICE("body"));
	uint64_t id = q->id;
	assert_int_equal(gp_store_set_flags(f->store, q, GP_QUEUED_HELD | GP_QUEUED_USER), 0);
	reopen(f);
	q = gp_store_find(f->store, id);
	assert_int_equal(q->flags, GP_QUEUED_HELD | GP_QUEUED_USER);
	assert_int_equal(gp_store_drop(f->store, q), 0);
	assert_null(gp_store_next(f->store, NULL));
	reopen(f);
	assert_null(gp_store_next(f->store, NULL));
}

/* Larger than batch and segment: slices and a file, one after the other. */
static void
a_large_body_from_a_file(void **state)
{
	struct fixture *f = *state;
	size_t len = 3 << 20;
	char *big = malloc(len);
	for (size_t i = 0; i < len; i++)
		big[i] = (char)(i * 7 + (i >> 9));
	struct gp_slice head[] = {GP_SLICE("Received: x\r\n"), GP_SLICE(""), GP_SLICE("A: b\r\n")};
	struct gp_store_body b = {
		.slices = head,
		.slices_len = 3,
		.fd = sim_put(f->disk, "staged", gp_slice(big, len)),
		.fd_at = 100,
		.fd_len = len - 100,
	};
	uint64_t id;
	struct gp_queued *q;
	assert_int_equal(gp_store_ids(f->store, 1, now_ms, &id), 0);
	assert_int_equal(gp_store_append(f->store, id, &envelope, &b, 0, &q), 0);
	struct gp_queued *next = append(f, GP_SLICE("behind it"));
	assert_int_equal(gp_store_sync(f->store), 0);
	uint64_t next_id = next->id;
	reopen(f);
	struct gp_stored m = read_back(f, gp_store_find(f->store, id));
	assert_int_equal(m.body.len, len - 100 + 19);
	assert_memory_equal(m.body.ptr, "Received: x\r\nA: b\r\n", 19);
	assert_memory_equal(m.body.ptr + 19, big + 100, len - 100);

	int fd = sim_put(f->disk, "copy", GP_SLICE("DKIM\r\n"));
	assert_int_equal(gp_store_copy_body(f->store, gp_store_find(f->store, id), fd, 6), 0);
	uint64_t size;
	const char *copy = sim_file(f->disk, NULL, "copy", &size);
	assert_int_equal(size, 6 + 19 + len - 100);
	assert_memory_equal(copy, "DKIM\r\nReceived: x\r\n", 6 + 13);
	assert_memory_equal(copy + 6 + 19, big + 100, len - 100);
	m = read_back(f, gp_store_find(f->store, next_id));
	assert_slice(m.body, GP_SLICE("behind it"));
	free(big);
}

/* A file shorter than announced is the caller's mistake, and costs nothing. */
static void
a_short_staged_file_is_refused(void **state)
{
	struct fixture *f = *state;
	struct gp_store_body b = {
		.fd = sim_put(f->disk, "staged", GP_SLICE("abc")),
		.fd_len = 100,
	};
	uint64_t id;
	assert_int_equal(gp_store_ids(f->store, 1, now_ms, &id), 0);
	assert_int_equal(gp_store_append(f->store, id, &envelope, &b, 0, NULL), -ENODATA);
	assert_null(gp_store_find(f->store, id));
	append(f, GP_SLICE("next"));
	assert_int_equal(gp_store_sync(f->store), 0);
}

static bool
none(void *arg, size_t i)
{
	(void)arg;
	(void)i;
	return false;
}

static void
ids_rise_for_ever(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0, first;
	for (int life = 0; life < 3; life++) {
		for (int i = 0; i < 70000; i++) {
			assert_int_equal(gp_store_ids(f->store, 65536, now_ms, &first), 0);
			assert_true(first > last);
			last = first + 65535;
		}
		/* not even a clean end: the clock stands still, the file system forgets */
		f->store = gp_store_free(f->store);
		struct sim *old = f->disk;
		f->disk = sim_after_cut(old, none, NULL);
		sim_free(old);
		open_store(f);
	}
	assert_true(last >= now_ms * 1000 << 12);
	assert_int_equal(gp_store_ids(f->store, 0, now_ms, &first), -EINVAL);
	assert_int_equal(gp_store_ids(f->store, 65537, now_ms, &first), -EINVAL);
}

static void
one_sync_for_many(void **state)
{
	struct fixture *f = *state;
	uint64_t before = sim_syncs(f->disk, SIM_SYNC_TAIL);
	assert_false(gp_store_dirty(f->store));
	assert_int_equal(gp_store_sync(f->store), 0);
	assert_int_equal(sim_syncs(f->disk, SIM_SYNC_TAIL), before);
	for (int i = 0; i < 50; i++)
		append(f, GP_SLICE("body"));
	assert_true(gp_store_dirty(f->store));
	assert_int_equal(gp_store_sync(f->store), 0);
	assert_int_equal(sim_syncs(f->disk, SIM_SYNC_TAIL), before + 1);
	assert_false(gp_store_dirty(f->store));
}

static void
walk_meets_everything(void **state)
{
	struct fixture *f = *state;
	uint64_t sum = 0;
	char body[9000] = "x";
	for (int i = 0; i < 40; i++)
		sum += append(f, gp_slice(body, sizeof(body)))->id;
	assert_true(gp_store_stats(f->store).segments > 3);
	for (int life = 0; life < 2; life++) {
		uint64_t found = 0;
		for (struct gp_queued *q = gp_store_next(f->store, NULL); q;
		     q = gp_store_next(f->store, q))
			found += q->id;
		assert_int_equal(found, sum);
		reopen(f);
		assert_int_equal(f->report.messages, 40);
	}
}

static void
run_reclaim(struct fixture *f)
{
	int rc;
	do
		rc = gp_store_reclaim(f->store);
	while (rc == GP_STORE_MORE);
	assert_int_equal(rc, 0);
}

static void
space_comes_back(void **state)
{
	struct fixture *f = *state;
	char body[9000] = "x";
	struct gp_queued *keep = append(f, GP_SLICE("keep me"));
	uint64_t id = keep->id;
	struct gp_rcpt_change c = deferred(0, 7, now_ms + 9);
	assert_int_equal(gp_store_outcome(f->store, keep, &c, 1), 0);
	for (int i = 0; i < 100; i++) {
		struct gp_queued *q = append(f, gp_slice(body, sizeof(body)));
		assert_int_equal(gp_store_drop(f->store, q), 0);
		assert_int_equal(gp_store_sync(f->store), 0);
		run_reclaim(f);
		assert_true(gp_store_stats(f->store).total_size < 256 << 10);
	}
	assert_true(gp_store_stats(f->store).moved > 0);
	for (int life = 0; life < 2; life++) {
		struct gp_stored m = read_back(f, gp_store_find(f->store, id));
		assert_slice(m.body, GP_SLICE("keep me"));
		assert_int_equal(m.states[0].attempts, 7);
		reopen(f);
		assert_int_equal(f->report.messages, 1);
	}
}

static void
limits_are_answers(void **state)
{
	struct fixture *f = *state;
	struct gp_envelope e = envelope;
	struct gp_store_body b = {};
	uint64_t id;
	assert_int_equal(gp_store_ids(f->store, 1, now_ms, &id), 0);
	e.rcpts_len = 0;
	assert_int_equal(gp_store_append(f->store, id, &e, &b, 0, NULL), -EINVAL);
	e.rcpts = calloc(10001, sizeof(*e.rcpts));
	e.rcpts_len = 10001;
	assert_int_equal(gp_store_append(f->store, id, &e, &b, 0, NULL), GP_STORE_TOO_BIG);
	e.rcpts_len = 10000;
	struct gp_queued *q;
	assert_int_equal(gp_store_append(f->store, id, &e, &b, 0, &q), 0);
	assert_int_equal(gp_store_append(f->store, id, &e, &b, 0, NULL), -EINVAL);
	assert_int_equal(q->pending_len, 10000);
	free((void *)e.rcpts);
}

/* Leaves no free octet. */
static void
fill_up(struct sim *d, uint64_t space)
{
	struct gp_io io = sim_io(d);
	uint64_t left;
	assert_int_equal(io.ops->free_space(io.ctx, sim_root(d), &left), 0);
	sim_space(d, space - left);
}

/* Messages stop before the disk is full; what drains the queue goes on to the end. */
static void
a_full_disk_still_drains(void **state)
{
	struct fixture *f = *state;
	static uint64_t ids[1000];
	char body[9000] = "x";
	struct gp_slice slice = gp_slice(body, sizeof(body));
	struct gp_store_body b = {.slices = &slice, .slices_len = 1};
	size_t n = 0;
	int rc;
	sim_space(f->disk, 600 << 10);
	for (;; n++) {
		assert_int_equal(gp_store_ids(f->store, 1, now_ms, &ids[n]), 0);
		rc = gp_store_append(f->store, ids[n], &envelope, &b, 0, NULL);
		if (rc != 0)
			break;
	}
	assert_int_equal(rc, GP_STORE_FULL);
	assert_int_equal(gp_store_sync(f->store), 0);
	assert_true(gp_store_full(f->store, 9000, now_ms + 5000));
	assert_true(n > 30);
	fill_up(f->disk, 600 << 10); /* somebody else took the rest */
	reopen(f);
	for (size_t i = 0; i < n; i++) {
		struct gp_queued *q = gp_store_find(f->store, ids[i]);
		struct gp_rcpt_change c = deferred(0, 1, now_ms + 9);
		assert_int_equal(gp_store_outcome(f->store, q, &c, 1), 0);
	}
	assert_int_equal(gp_store_sync(f->store), 0);
	sim_space(f->disk, 600 << 10);
	for (size_t i = 0; i < n; i++) {
		struct gp_rcpt_change c[2] = {final(0, GP_OUTCOME_DELIVERED),
					      final(1, GP_OUTCOME_DELIVERED)};
		assert_int_equal(gp_store_outcome(f->store, gp_store_find(f->store, ids[i]), c, 2),
				 GP_STORE_FINISHED);
		assert_int_equal(gp_store_sync(f->store), 0);
		run_reclaim(f);
	}
	assert_false(gp_store_full(f->store, 9000, now_ms + 9000));
	append(f, slice);
	assert_int_equal(gp_store_sync(f->store), 0);
}

static void
another_format_is_refused_untouched(void **state)
{
	struct fixture *f = *state;
	append(f, GP_SLICE("body"));
	assert_int_equal(gp_store_close(f->store), 0);
	f->store = NULL;
	sim_flip(f->disk, "0000000000000001", 8, 3);
	sim_flip(f->disk, "0000000000000001", 2048 + 8, 3);
	uint64_t count = sim_count(f->disk);
	assert_int_equal(gp_store_open(sim_io(f->disk), sim_root(f->disk), &small, now_ms,
				       &f->store, &f->report),
			 GP_STORE_VERSION);
	assert_int_equal(sim_count(f->disk), count);
}

/* What is damaged is put aside with all its octets, though the disk refuses a read once. */
static void
a_passing_error_costs_quarantine_nothing(void **state)
{
	struct fixture *f = *state;
	static const char text[] = "the only copy of these octets";
	append(f, gp_slice_str(text));
	assert_int_equal(gp_store_sync(f->store), 0);
	reopen(f);
	struct gp_queued *q = gp_store_next(f->store, NULL);
	assert_non_null(q);
	sim_fail(f->disk, SIM_READ, 1, EIO, false);
	assert_int_equal(gp_store_quarantine(f->store, q), 0);
	assert_int_equal(gp_store_stats(f->store).messages, 0);
	uint64_t size;
	const char *name = sim_name(f->disk, "quarantine", 0);
	assert_non_null(name);
	const char *bytes = sim_file(f->disk, "quarantine", name, &size);
	assert_non_null(memmem(bytes, size, text, strlen(text)));
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_was_appended_reads_back_equal),
		T(outcomes_are_absolute_and_survive),
		T(many_outcomes_are_folded),
		T(flags_and_drop),
		T(a_large_body_from_a_file),
		T(a_short_staged_file_is_refused),
		T(ids_rise_for_ever),
		T(one_sync_for_many),
		T(walk_meets_everything),
		T(space_comes_back),
		T(limits_are_answers),
		T(a_full_disk_still_drains),
		T(another_format_is_refused_untouched),
		T(a_passing_error_costs_quarantine_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
