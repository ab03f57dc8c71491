/* SPDX-License-Identifier: Apache-2.0 */
/* Channels over real socket pairs: what arrives, and what ends a channel and nothing else. */
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "ipc/channel.h"
#include "prng.h"

enum {
	TURNS_MAX = 100000,
	BIG = 300 * 1024, /* travels in a memfd */
	PACKET = 8 + GP_CHANNEL_INLINE,
};

static struct gp_loop *loop;
static struct event *guard;

/* One end and what it has seen. */
struct end {
	struct gp_channel *c;
	size_t heard;
	uint64_t last;   /* ticket */
	size_t last_len; /* of its body */
	bool in_order;
	bool take_fd;
	int taken;
	size_t free_after; /* the handler frees the channel at this message; 0: never */
	bool echo;
	uint64_t charge; /* for each message */
	const char *why; /* of the close */
};

static char body[4 << 20];

static struct gp_message
commit(uint64_t ticket, size_t len, int fd)
{
	return (struct gp_message){
		.type = GP_MSG_COMMIT,
		.fd = fd,
		.commit = {.ticket = ticket, .body = gp_slice(body, GP_MIN(len, 2u << 20))},
	};
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct end *e = ctx;
	assert_ptr_equal(c, e->c);
	uint64_t ticket = m->type == GP_MSG_COMMIT ? m->commit.ticket : m->committed.ticket;
	e->in_order = e->in_order && ticket == e->last + 1;
	e->last = ticket;
	if (m->type == GP_MSG_COMMIT)
		e->last_len = m->commit.body.len;
	e->heard++;
	if (e->take_fd) {
		e->taken = m->fd;
		m->fd = -1;
	}
	if (e->echo) {
		struct gp_message back = {.type = GP_MSG_COMMITTED,
					  .fd = -1,
					  .committed = {.ticket = ticket, .result = 1}};
		assert_true(gp_channel_send(c, &back));
	}
	gp_channel_charge(e->charge);
	if (e->heard == e->free_after)
		e->c = gp_channel_free(c);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	struct end *e = ctx;
	assert_ptr_equal(c, e->c);
	assert_null(e->why);
	e->why = why;
	e->c = NULL;
}

static void
open_end(struct end *e, int fd, gp_permit permit)
{
	struct gp_channel_owner owner = {on_message, on_close, e};
	*e = (struct end){.in_order = true, .taken = -1};
	e->c = gp_channel_new(loop, fd, permit, &owner);
	assert_non_null(e->c);
}

static void
open_pair(struct end *smtpd, struct end *spool)
{
	int fds[2];
	assert_int_equal(gp_channel_pair(fds), 0);
	open_end(smtpd, fds[0], GP_PERMIT_SPOOL_TO_SMTPD);
	open_end(spool, fds[1], GP_PERMIT_SMTPD_TO_SPOOL);
}

/* A channel whose other end the test writes itself. */
static int
open_raw(struct end *spool)
{
	int fds[2];
	assert_int_equal(gp_channel_pair(fds), 0);
	open_end(spool, fds[1], GP_PERMIT_SMTPD_TO_SPOOL);
	return fds[0];
}

static void
close_end(struct end *e)
{
	e->c = gp_channel_free(e->c);
	if (e->taken >= 0)
		close(e->taken);
}

static void
on_guard(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	gp_loop_stop(loop);
}

/* Turns of the loop until nothing has happened for a little while. */
static void
settle(void)
{
	gp_timer_set(guard, 30);
	gp_loop_run(loop);
}

static void
turn_until(const size_t *count, size_t wanted)
{
	for (int i = 0; i < 1000 && *count < wanted; i++)
		settle();
	assert_int_equal(*count, wanted);
}

static size_t
open_fds(void)
{
	size_t n = 0;
	DIR *d = opendir("/proc/self/fd");
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* --- what arrives --- */

static void
messages_arrive_in_order(void **state)
{
	(void)state;
	enum { MANY = 10000 };
	struct end smtpd, spool;
	open_pair(&smtpd, &spool);
	spool.echo = true;
	for (uint64_t i = 1; i <= MANY; i++) {
		struct gp_message m = commit(i, i % 100, -1);
		assert_true(gp_channel_send(smtpd.c, &m));
	}
	assert_true(gp_channel_backlog(smtpd.c) > 0);
	turn_until(&smtpd.heard, MANY);
	assert_int_equal(spool.heard, MANY);
	assert_true(spool.in_order && smtpd.in_order);
	assert_int_equal(gp_channel_backlog(smtpd.c), 0);
	close_end(&smtpd);
	close_end(&spool);
}

static void
large_messages_travel_beside(void **state)
{
	(void)state;
	static const size_t sizes[] = {GP_CHANNEL_INLINE - 200,
				       GP_CHANNEL_INLINE - 40,
				       GP_CHANNEL_INLINE,
				       GP_CHANNEL_INLINE + 1,
				       BIG,
				       2u << 20};
	struct end smtpd, spool;
	open_pair(&smtpd, &spool);
	size_t before = open_fds();
	for (size_t i = 0; i < GP_ARRAY_LEN(sizes); i++) {
		struct gp_message m = commit(i + 1, sizes[i], -1);
		assert_true(gp_channel_send(smtpd.c, &m));
		turn_until(&spool.heard, i + 1);
		assert_int_equal(spool.last_len, sizes[i]);
	}
	assert_int_equal(open_fds(), before);
	close_end(&smtpd);
	close_end(&spool);
}

static void
descriptors_come_along(void **state)
{
	(void)state;
	static const size_t sizes[] = {10, BIG};
	for (size_t i = 0; i < GP_ARRAY_LEN(sizes); i++) {
		struct end smtpd, spool;
		char octets[4] = "";
		open_pair(&smtpd, &spool);
		spool.take_fd = true;
		int fd = memfd_create("staged", MFD_CLOEXEC);
		assert_int_equal(write(fd, "abc", 3), 3);
		struct gp_message m = commit(1, sizes[i], fd);
		assert_true(gp_channel_send(smtpd.c, &m));
		turn_until(&spool.heard, 1);
		assert_true(spool.taken >= 0);
		assert_int_equal(pread(spool.taken, octets, 3, 0), 3);
		assert_string_equal(octets, "abc");
		assert_true(fcntl(spool.taken, F_GETFD) & FD_CLOEXEC);
		close_end(&smtpd);
		close_end(&spool);
	}
}

static void
descriptors_that_nobody_takes_are_closed(void **state)
{
	(void)state;
	struct end smtpd, spool;
	open_pair(&smtpd, &spool);
	size_t before = open_fds();
	for (uint64_t i = 1; i <= 100; i++) {
		struct gp_message m = commit(i, i % 2 ? 10 : BIG, memfd_create("x", MFD_CLOEXEC));
		assert_true(gp_channel_send(smtpd.c, &m));
	}
	turn_until(&spool.heard, 100);
	assert_int_equal(open_fds(), before);
	close_end(&smtpd);
	close_end(&spool);
}

/* --- caps on what waits --- */

static void
what_cannot_be_sent_leaves_nothing_behind(void **state)
{
	(void)state;
	static struct gp_rcpt rcpts[9000];
	struct end smtpd, spool;
	open_pair(&smtpd, &spool);
	size_t before = open_fds();
	for (size_t i = 0; i < GP_ARRAY_LEN(rcpts); i++)
		rcpts[i] = (struct gp_rcpt){.address = gp_slice(body, 1000)};
	struct gp_message m = commit(1, 10, memfd_create("x", MFD_CLOEXEC));
	m.commit.envelope.rcpts = rcpts;
	m.commit.envelope.rcpts_len = GP_ARRAY_LEN(rcpts);
	assert_false(gp_channel_send(smtpd.c, &m));
	assert_int_equal(gp_channel_backlog(smtpd.c), 0);
	m = commit(1, 10, -1);
	assert_true(gp_channel_send(smtpd.c, &m));
	turn_until(&spool.heard, 1);
	assert_null(smtpd.why);
	assert_int_equal(open_fds(), before);
	close_end(&smtpd);
	close_end(&spool);
}

/* The other end of a channel reads nothing; sends until it is refused, and says how often. */
static size_t
send_until_refused(struct end *e, size_t len, bool with_fd)
{
	size_t n = 0;
	for (bool ok = true; ok && n < 10u << 20; n++) {
		struct gp_message m = commit(n, len, with_fd ? dup(0) : -1);
		ok = gp_channel_send(e->c, &m);
	}
	return n - 1;
}

static void
a_peer_that_does_not_read_costs_no_more_than_the_cap(void **state)
{
	(void)state;
	static const size_t sizes[] = {1000, 2u << 20};
	for (size_t i = 0; i < GP_ARRAY_LEN(sizes); i++) {
		struct end spool, smtpd;
		size_t before = open_fds();
		int raw = open_raw(&spool), fds[2];
		assert_int_equal(gp_channel_pair(fds), 0);
		open_end(&smtpd, fds[0], 0);
		size_t n = send_until_refused(&spool, sizes[i], false);
		assert_true(n * sizes[i] <= GP_CHANNEL_QUEUE_MAX);
		assert_true(gp_channel_backlog(spool.c) <= GP_CHANNEL_QUEUE_MAX);
		assert_true(open_fds() - before <= GP_CHANNEL_QUEUE_FDS_MAX + 8);
		settle();
		assert_non_null(spool.why); /* it has lost its channel */
		assert_null(smtpd.why);     /* and nobody else */
		close(raw);
		close(fds[1]);
		close_end(&smtpd);
		settle();
		assert_int_equal(open_fds(), before);
	}
}

static void
descriptors_that_wait_are_counted(void **state)
{
	(void)state;
	struct end spool;
	size_t before = open_fds();
	int raw = open_raw(&spool);
	assert_int_equal(send_until_refused(&spool, 10, true), GP_CHANNEL_QUEUE_FDS_MAX);
	assert_int_equal(gp_channel_backlog_fds(spool.c), GP_CHANNEL_QUEUE_FDS_MAX);
	/* Messages without one still go, and nothing is lost. */
	struct gp_message m = commit(1, 10, -1);
	assert_true(gp_channel_send(spool.c, &m));
	settle();
	assert_null(spool.why);
	close_end(&spool);
	close(raw);
	assert_int_equal(open_fds(), before);
}

static void
what_a_message_costs_counts_for_the_turn(void **state)
{
	(void)state;
	enum { MANY = 250, BATCH = 16 };
	static const struct {
		uint64_t charge;
		size_t heard; /* in a turn, at most */
	} cases[] = {{0, MANY}, {16u << 20, BATCH}, {UINT64_MAX, BATCH}, {600u << 10, 2 * BATCH}};
	for (size_t i = 0; i < GP_ARRAY_LEN(cases); i++) {
		struct end smtpd, spool;
		open_pair(&smtpd, &spool);
		spool.charge = cases[i].charge;
		for (uint64_t k = 1; k <= MANY; k++) {
			struct gp_message m = commit(k, 10, -1);
			assert_true(gp_channel_send(smtpd.c, &m));
		}
		smtpd.c = gp_channel_free(smtpd.c); /* sends all of them now */
		event_base_loop(gp_loop_base(loop), EVLOOP_ONCE);
		assert_int_equal(spool.heard, cases[i].heard);
		turn_until(&spool.heard, MANY);
		close_end(&spool);
	}
}

/* --- the end of a channel --- */

static void
the_peer_closes(void **state)
{
	(void)state;
	struct end smtpd, spool;
	open_pair(&smtpd, &spool);
	struct gp_message m = commit(1, BIG, -1);
	assert_true(gp_channel_send(smtpd.c, &m));
	close_end(&smtpd); /* what was queued still arrives */
	settle();
	assert_int_equal(spool.heard, 1);
	assert_string_equal(spool.why, "closed");
}

static void
the_handler_may_free_its_channel(void **state)
{
	(void)state;
	struct end smtpd, spool;
	size_t before = open_fds();
	open_pair(&smtpd, &spool);
	spool.free_after = 3;
	for (uint64_t i = 1; i <= 40; i++) {
		struct gp_message m = commit(i, 10, memfd_create("x", MFD_CLOEXEC));
		assert_true(gp_channel_send(smtpd.c, &m));
	}
	settle();
	assert_int_equal(spool.heard, 3);
	assert_null(spool.why);
	assert_non_null(smtpd.why);
	assert_int_equal(open_fds(), before);
}

static void
only_the_channel_of_the_rule_breaker_ends(void **state)
{
	(void)state;
	struct end good, good_spool, bad, bad_spool;
	open_pair(&good, &good_spool);
	open_pair(&bad, &bad_spool);
	struct gp_message ready = {.type = GP_MSG_READY, .fd = -1}, m = commit(1, 10, -1);
	assert_true(gp_channel_send(bad.c, &ready));
	assert_true(gp_channel_send(bad.c, &m)); /* too late */
	assert_true(gp_channel_send(good.c, &m));
	settle();
	assert_string_equal(bad_spool.why, "message not permitted");
	assert_int_equal(bad_spool.heard, 0);
	assert_non_null(bad.why);
	assert_int_equal(good_spool.heard, 1);
	assert_null(good_spool.why);
	close_end(&good);
	close_end(&good_spool);
}

static void
a_permit_may_be_taken_away(void **state)
{
	(void)state;
	struct end smtpd, spool;
	open_pair(&smtpd, &spool);
	struct gp_message m = commit(1, 10, -1);
	assert_true(gp_channel_send(smtpd.c, &m));
	settle();
	gp_channel_permit(spool.c, 0);
	assert_true(gp_channel_send(smtpd.c, &m));
	settle();
	assert_int_equal(spool.heard, 1);
	assert_string_equal(spool.why, "message not permitted");
	settle();
	assert_non_null(smtpd.why);
}

/* --- frames that nobody of ours would send --- */

struct frame {
	const char *what;
	uint16_t type, flags;
	uint32_t len;   /* as the header claims */
	size_t payload; /* octets that follow */
	size_t packet;  /* the packet is cut to so many; 0: whole */
	size_t file;    /* size of the first descriptor's file */
	size_t fds;
	bool pipe; /* the first descriptor is a pipe */
	const char *why;
};

enum { STAGE = GP_MSG_STAGE_WANTED, COMMIT = GP_MSG_COMMIT, SPILLED = 1 };

static const struct frame frames[] = {
	{"a good one", STAGE, 0, 8, 8, .why = NULL},
	{"a header cut off", STAGE, 0, 8, 8, .packet = 7, .why = "malformed frame"},
	{"one octet", STAGE, 0, 8, 8, .packet = 1, .why = "malformed frame"},
	{"a payload cut off", STAGE, 0, 8, 7, .why = "malformed frame"},
	{"octets left over", STAGE, 0, 8, 9, .why = "malformed frame"},
	{"a short length", STAGE, 0, 7, 7, .why = "malformed message"},
	{"a length over the type's cap", STAGE, 0, 17, 17, .why = "malformed frame"},
	{"the greatest length", STAGE, 0, UINT32_MAX, 8, .why = "malformed frame"},
	{"unknown flags", STAGE, 2, 8, 8, .why = "malformed frame"},
	{"all flags", STAGE, 0xffff, 8, 8, .why = "malformed frame"},
	{"type 0", 0, 0, 0, 0, .why = "message not permitted"},
	{"an unknown type", GP_MSG_COUNT, 0, 0, 0, .why = "message not permitted"},
	{"type 63", 63, 0, 0, 0, .why = "message not permitted"},
	{"type 64", 64, 0, 0, 0, .why = "message not permitted"},
	{"the greatest type", 0xffff, 0, 0, 0, .why = "message not permitted"},
	{"a message of the other end", GP_MSG_SPACE, 0, 1, 1, .why = "message not permitted"},
	{"a descriptor where none belongs", STAGE, 0, 8, 8, .fds = 1, .why = "malformed message"},
	{"two descriptors", STAGE, 0, 8, 8, .fds = 2, .why = "malformed frame"},
	{"three descriptors", STAGE, 0, 8, 8, .fds = 3, .why = "truncated frame"},
	{"a hundred descriptors", STAGE, 0, 8, 8, .fds = 100, .why = "truncated frame"},
	{"beside, but no descriptor", COMMIT, SPILLED, BIG, 0, .why = "bad spilled payload"},
	{"beside, and inline too", COMMIT, SPILLED, BIG, 8, .file = BIG, .fds = 1,
	 .why = "bad spilled payload"},
	{"beside, though small", COMMIT, SPILLED, 100, 0, .file = 100, .fds = 1,
	 .why = "bad spilled payload"},
	{"beside, the file too short", COMMIT, SPILLED, BIG, 0, .file = BIG - 1, .fds = 1,
	 .why = "bad spilled payload"},
	{"beside, the file too long", COMMIT, SPILLED, BIG, 0, .file = BIG + 1, .fds = 1,
	 .why = "bad spilled payload"},
	{"beside, the file empty", COMMIT, SPILLED, BIG, 0, .fds = 1, .why = "bad spilled payload"},
	{"beside, in a pipe", COMMIT, SPILLED, BIG, 0, .fds = 1, .pipe = true,
	 .why = "bad spilled payload"},
	{"beside, and only zeroes", COMMIT, SPILLED, BIG, 0, .file = BIG, .fds = 1,
	 .why = "malformed message"},
	{"beside, over the cap", COMMIT, SPILLED, 9 << 20, 0, .file = 9 << 20, .fds = 1,
	 .why = "malformed frame"},
	{"longer than any packet", COMMIT, 0, PACKET, PACKET, .why = "truncated frame"},
};

static void
send_raw(int fd, struct gp_slice packet, const int *fds, size_t fds_len)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(100 * sizeof(int))];
	} control = {};
	struct iovec iov = {(void *)(uintptr_t)packet.ptr, packet.len};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	if (fds_len > 0) {
		h.msg_control = control.space;
		h.msg_controllen = CMSG_SPACE(fds_len * sizeof(int));
		struct cmsghdr *cm = CMSG_FIRSTHDR(&h);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(fds_len * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, fds_len * sizeof(int));
	}
	assert_int_equal(sendmsg(fd, &h, 0), packet.len);
}

static void
send_frame(int to, const struct frame *f)
{
	static char packet[2 * PACKET];
	int fds[100], pipe_fds[2] = {-1, -1};
	memcpy(packet, &f->type, 2);
	memcpy(packet + 2, &f->flags, 2);
	memcpy(packet + 4, &f->len, 4);
	memset(packet + 8, 0, f->payload);
	for (size_t i = 0; i < f->fds; i++)
		fds[i] = memfd_create("x", MFD_CLOEXEC);
	if (f->fds > 0)
		assert_int_equal(ftruncate(fds[0], (off_t)f->file), 0);
	if (f->pipe) {
		close(fds[0]);
		assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
		fds[0] = pipe_fds[0];
	}
	send_raw(to, gp_slice(packet, f->packet ? f->packet : 8 + f->payload), fds, f->fds);
	for (size_t i = 0; i < f->fds; i++)
		close(fds[i]);
	if (f->pipe)
		close(pipe_fds[1]);
}

static void
bad_frames_end_their_channel_and_nothing_else(void **state)
{
	(void)state;
	struct end good, good_spool;
	open_pair(&good, &good_spool);
	size_t before = open_fds();
	for (size_t i = 0; i < GP_ARRAY_LEN(frames); i++) {
		const struct frame *f = &frames[i];
		struct end spool;
		int raw = open_raw(&spool);
		send_frame(raw, f);
		struct gp_message m = commit(i + 1, 10, -1);
		assert_true(gp_channel_send(good.c, &m));
		settle();
		if (!f->why != !spool.why || (f->why && strcmp(f->why, spool.why) != 0))
			fail_msg("%s: %s", f->what, spool.why ? spool.why : "taken");
		assert_int_equal(good_spool.heard, i + 1);
		assert_null(good_spool.why);
		close_end(&spool);
		close(raw);
		if (open_fds() != before)
			fail_msg("%s: left a descriptor open", f->what);
	}
	close_end(&good);
	close_end(&good_spool);
}

/* An empty packet cannot be told from the end; it may carry descriptors. */
static void
an_empty_packet_is_the_end(void **state)
{
	(void)state;
	struct end spool;
	size_t before = open_fds();
	int raw = open_raw(&spool), fd = memfd_create("x", MFD_CLOEXEC);
	send_raw(raw, gp_slice("", 0), &fd, 1);
	close(fd);
	settle();
	assert_string_equal(spool.why, "closed");
	close(raw);
	assert_int_equal(open_fds(), before);
}

static void
noise_is_survived(void **state)
{
	(void)state;
	struct prng random = {7};
	size_t before = open_fds();
	for (int i = 0; i < 300; i++) {
		struct end spool;
		char packet[64];
		int raw = open_raw(&spool);
		for (int k = 0; k < 20; k++) {
			size_t len = 1 + prng_below(&random, sizeof(packet));
			for (size_t at = 0; at < len; at++)
				packet[at] = (char)prng_next(&random);
			packet[0] = (char)prng_below(&random, GP_MSG_COUNT + 2);
			if (len > 1)
				packet[1] = 0;
			send_raw(raw, gp_slice(packet, len), &raw, prng_below(&random, 2));
		}
		gp_timer_set(guard, 1);
		gp_loop_run(loop);
		assert_non_null(spool.why);
		close(raw);
	}
	assert_int_equal(open_fds(), before);
}

static int
set_up(void **state)
{
	(void)state;
	loop = gp_loop_new();
	guard = loop ? evtimer_new(gp_loop_base(loop), on_guard, NULL) : NULL;
	/* libevent opens what it needs, and the first channel its buffers. */
	settle();
	return guard ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	event_free(guard);
	gp_loop_free(loop);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_arrive_in_order),
		cmocka_unit_test(large_messages_travel_beside),
		cmocka_unit_test(descriptors_come_along),
		cmocka_unit_test(descriptors_that_nobody_takes_are_closed),
		cmocka_unit_test(what_cannot_be_sent_leaves_nothing_behind),
		cmocka_unit_test(a_peer_that_does_not_read_costs_no_more_than_the_cap),
		cmocka_unit_test(descriptors_that_wait_are_counted),
		cmocka_unit_test(what_a_message_costs_counts_for_the_turn),
		cmocka_unit_test(the_peer_closes),
		cmocka_unit_test(the_handler_may_free_its_channel),
		cmocka_unit_test(only_the_channel_of_the_rule_breaker_ends),
		cmocka_unit_test(a_permit_may_be_taken_away),
		cmocka_unit_test(bad_frames_end_their_channel_and_nothing_else),
		cmocka_unit_test(an_empty_packet_is_the_end),
		cmocka_unit_test(noise_is_survived),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
