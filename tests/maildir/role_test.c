/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executable itself, in its sandbox: this test is its supervisor and its spool. The path of
 * gatepost-maildir is the first argument.
 */
#include "ipc/role.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/policy/policy.h"
#include "unit.h"

static const char *executable;

/* What came from the role: the last message of each kind, as text. */
static struct {
	char root[64];
	struct gp_loop *loop;
	struct gp_channel *control, *spool;
	pid_t pid;
	int readies, answers, closes;
	char outcomes[8192]; /* "lease: code c.s.d kind, ..." a line each */
	struct event *impatience;
} self;

static void
write_outcomes(const struct gp_message *m)
{
	size_t at = strlen(self.outcomes);
	for (size_t i = 0; i < m->outcomes.outcomes_len; i++) {
		const struct gp_outcome *o = &m->outcomes.outcomes[i];
		int n = snprintf(self.outcomes + at, sizeof(self.outcomes) - at,
				 "%llu: %u %u.%u.%u\n", (unsigned long long)m->outcomes.lease,
				 o->reply.code, o->reply.enhanced_class, o->reply.enhanced_subject,
				 o->reply.enhanced_detail);
		at += (size_t)n;
	}
}

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	(void)ctx, (void)c;
	if (m->type == GP_MSG_READY)
		self.readies++;
	if (m->type == GP_MSG_OUTCOMES) {
		self.answers++;
		write_outcomes(m);
	}
	gp_loop_stop(self.loop);
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	(void)ctx, (void)why;
	self.closes++;
	if (c == self.control)
		self.control = NULL;
	else
		self.spool = NULL;
	gp_loop_stop(self.loop);
}

static const struct gp_channel_owner owner = {.on_message = on_message, .on_close = on_close};

static void
on_impatience(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	fail_msg("the role says nothing");
}

/* Turns of the loop until the counter has this value. */
static void
wait_for(const int *counter, int value)
{
	while (*counter < value)
		assert_int_equal(gp_loop_run(self.loop), 0);
}

static void
tell(struct gp_channel *c, struct gp_message m)
{
	assert_true(gp_channel_send(c, &m));
}

static int
memory_file(const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void
connect_spool(void)
{
	int fds[2];
	assert_int_equal(gp_channel_pair(fds), 0);
	self.spool = gp_channel_new(self.loop, fds[0], GP_PERMIT_MAILDIR_TO_SPOOL, &owner);
	tell(self.control, (struct gp_message){.type = GP_MSG_PEER,
					       .fd = fds[1],
					       .peer = {.role = GP_ROLE_SPOOL}});
}

static void
spawn(void)
{
	int fds[2];
	assert_int_equal(gp_channel_pair(fds), 0);
	self.pid = fork();
	if (self.pid == 0) {
		dup2(fds[1], GP_ROLE_CONTROL_FD);
		/* The search for leaks needs calls that the sandbox forbids. */
		setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
		execl(executable, executable, NULL);
		_exit(127);
	}
	close(fds[1]);
	self.control = gp_channel_new(self.loop, fds[0], GP_PERMIT_ROLE_TO_SUPERVISOR, &owner);
}

static int
set_up(void **state)
{
	(void)state;
	memset(&self, 0, sizeof(self));
	snprintf(self.root, sizeof(self.root), "/tmp/gatepost-role-XXXXXX");
	assert_non_null(mkdtemp(self.root));
	self.loop = gp_loop_new();
	self.impatience = evtimer_new(gp_loop_base(self.loop), on_impatience, NULL);
	evtimer_add(self.impatience, &(struct timeval){.tv_sec = 20});
	spawn();
	tell(self.control,
	     (struct gp_message){
		     .type = GP_MSG_CONFIG,
		     .fd = memory_file("hostname: mx.example.org\n"
				       "state: /nowhere\n"
				       "listen:\n"
				       "  - {address: \"127.0.0.1:2525\", service: inbound}\n"),
		     .config = {.workers = 1, .seed0 = 1}});
	tell(self.control,
	     (struct gp_message){.type = GP_MSG_DIRECTORY,
				 .fd = open(self.root, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
				 .directory = {.path = gp_slice_str(self.root)}});
	tell(self.control, (struct gp_message){.type = GP_MSG_START, .fd = -1});
	wait_for(&self.readies, 1);
	connect_spool();
	return 0;
}

static int
remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static int
tear_down(void **state)
{
	(void)state;
	int status = 0;
	tell(self.control, (struct gp_message){.type = GP_MSG_STOP, .fd = -1});
	int closes = self.closes + (self.spool ? 2 : 1);
	wait_for(&self.closes, closes);
	assert_int_equal(waitpid(self.pid, &status, 0), self.pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	event_free(self.impatience);
	gp_loop_free(self.loop);
	nftw(self.root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* DELIVER to a mailbox below the root, or at an absolute path. */
static struct gp_message
mail(uint64_t lease, const char *mailbox, const struct gp_rcpt *rcpts, size_t rcpts_len)
{
	static char paths[8][256];
	char *path = paths[lease % 8];
	snprintf(path, sizeof(paths[0]), "%s%s%s", mailbox[0] == '/' ? "" : self.root,
		 mailbox[0] == '/' ? "" : "/", mailbox);
	struct gp_slice body = GP_SLICE("Subject: x\r\n\r\nHello\r\n");
	return (struct gp_message){
		.type = GP_MSG_DELIVER,
		.fd = -1,
		.deliver = {.lease = lease,
			    .id = 4711,
			    .envelope = {.sender = GP_SLICE("alice@example.com"),
					 .rcpts = rcpts,
					 .rcpts_len = rcpts_len},
			    .route = {.transport = GP_TRANSPORT_MAILDIR,
				      .mailbox = gp_slice_str(path)},
			    .body_size = body.len,
			    .body = body},
	};
}

static int
mails_in(const char *mailbox)
{
	char path[512];
	int n = 0;
	snprintf(path, sizeof(path), "%s/%s/new", self.root, mailbox);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));)
		n += e->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

static const struct gp_rcpt bob[] = {{.address = GP_SLICE("bob@example.org")},
				     {.address = GP_SLICE("bob+x@example.org")}};

static void
delivers_what_came_in_one_turn(void **state)
{
	(void)state;
	tell(self.spool, mail(1, "example.org/bob", bob, 2));
	struct gp_message large = mail(2, "example.org/eve", bob, 1);
	const char *text = "Subject: y\r\n\r\nfrom a descriptor\r\n";
	large.fd = memory_file(text);
	large.deliver.body = GP_SLICE("");
	large.deliver.body_size = strlen(text);
	tell(self.spool, large);
	struct gp_message looping = mail(3, "example.org/bob", bob, 1);
	looping.deliver.body = GP_SLICE("Delivered-To: bob@example.org\r\n\r\n");
	looping.deliver.body_size = looping.deliver.body.len;
	tell(self.spool, looping);
	wait_for(&self.answers, 3);
	assert_string_equal(self.outcomes,
			    "1: 250 2.0.0\n1: 250 2.0.0\n2: 250 2.0.0\n3: 554 5.4.6\n");
	assert_int_equal(mails_in("example.org/bob"), 2);
	assert_int_equal(mails_in("example.org/eve"), 1);
}

/* More recipients than a batch holds. */
static void
answers_for_all_of_many(void **state)
{
	(void)state;
	static struct gp_rcpt many[150];
	for (size_t i = 0; i < GP_ARRAY_LEN(many); i++)
		many[i] = bob[i % 2];
	tell(self.spool, mail(1, "box", many, GP_ARRAY_LEN(many)));
	wait_for(&self.answers, 1);
	assert_int_equal(mails_in("box"), GP_ARRAY_LEN(many));
}

static void
stays_below_its_roots(void **state)
{
	(void)state;
	tell(self.spool, mail(1, "/tmp/elsewhere/bob", bob, 1));
	tell(self.spool, mail(2, "../gatepost-escape", bob, 1));
	tell(self.spool, mail(3, "", bob, 1));
	wait_for(&self.answers, 3);
	assert_string_equal(self.outcomes, "1: 451 4.3.5\n2: 550 5.1.3\n3: 550 5.1.3\n");
}

/* A message that says two things at once ends that channel, and the role goes on with the next. */
static void
outlives_a_bad_peer(void **state)
{
	(void)state;
	struct gp_message bad[3] = {mail(1, "box", bob, 1), mail(2, "box", bob, 1),
				    mail(3, "box", bob, 0)};
	bad[0].deliver.route.transport = GP_TRANSPORT_SMTP;
	bad[1].deliver.body_size++;
	for (size_t i = 0; i < GP_ARRAY_LEN(bad); i++) {
		tell(self.spool, bad[i]);
		wait_for(&self.closes, (int)i + 1);
		connect_spool();
	}
	tell(self.spool, mail(4, "box", bob, 1));
	wait_for(&self.answers, 1);
	assert_string_equal(self.outcomes, "4: 250 2.0.0\n");
}

int
main(int argc, char **argv)
{
	assert(argc == 2);
	executable = argv[1];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(delivers_what_came_in_one_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(answers_for_all_of_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stays_below_its_roots, set_up, tear_down),
		cmocka_unit_test_setup_teardown(outlives_a_bad_peer, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
