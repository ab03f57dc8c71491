/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/traffic/send_secret.h"

/* A packet: a mail, whose descriptor goes along; or the wish to have all stored, without one, which
 * is answered by an octet. */
struct packet {
	struct reader_request request;
	char name[IMAP_MAIL_NAME_MAX];
};

enum { SOCKET_FD = 3, EXIT_LOST = 1 };

union control {
	struct cmsghdr header;
	char octets[CMSG_SPACE(sizeof(int))];
};

/* --- the fetcher --- */

static int
send_packet(int socket, const struct packet *p, int fd)
{
	union control control = {};
	struct iovec part = {(void *)p, sizeof(*p)};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	if (fd >= 0) {
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	return sendmsg(socket, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int
hand_over(void *context, int fd, const struct reader_request *request, const char *name)
{
	const int *socket = context;
	struct packet p = {.request = *request};
	snprintf(p.name, sizeof(p.name), "%s", name);
	int r = send_packet(*socket, &p, fd);
	close(fd);
	return r;
}

static int
have_stored(void *context)
{
	const int *socket = context;
	const struct packet none = {};
	char answer;
	int r = send_packet(*socket, &none, -1);
	if (r < 0)
		return r;
	return read(*socket, &answer, 1) == 1 ? 0 : -EPIPE;
}

/* Returns its exit code: what is wrong is on standard error. */
static int
fetch(const struct imap_options *o, const char *password_file)
{
	int socket = SOCKET_FD;
	const struct imap_listener listener = {&socket, hand_over, have_stored};
	struct imap_options with = *o;
	struct gp_buf secret = GP_BUF_INIT(GP_SEND_SECRET_MAX);
	const char *given = getenv(FETCHER_PASSWORD);
	int r = password_file ? gp_send_secret_read(password_file, &secret) : given ? 0 : -ENODATA;
	if (r == 0 && !password_file)
		gp_buf_put_str(&secret, given);
	gp_buf_put_char(&secret, '\0');
	if (r < 0) {
		fprintf(stderr, "gatepost reports: the password: %s: %s\n",
			password_file ? password_file : FETCHER_PASSWORD,
			password_file
				? strerror(-r)
				: "it is not in the environment, and there is no --password-file");
		return EXIT_LOST;
	}
	with.password = gp_buf_slice(&secret).ptr;
	signal(SIGPIPE, SIG_IGN);
	return imap_walk(&with, &listener) == 0 ? 0 : EXIT_LOST;
}

/* --- who listens --- */

/* 1; 0: it has ended; -errno. *ret_fd: -1: none came along. */
static int
hear_packet(int socket, struct packet *ret, int *ret_fd)
{
	union control control = {};
	struct iovec part = {ret, sizeof(*ret)};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	if (n <= 0)
		return n < 0 ? -errno : 0;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	*ret_fd = -1;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	ret->name[sizeof(ret->name) - 1] = '\0';
	return n == sizeof(*ret) ? 1 : -EPROTO;
}

static int
hear_all(int socket, const struct imap_listener *l)
{
	struct packet p = {};
	int fd = -1, r;
	while ((r = hear_packet(socket, &p, &fd)) > 0) {
		if (fd >= 0)
			r = l->file(l->context, fd, &p.request, p.name);
		else
			r = l->store(l->context);
		if (r == 0 && fd < 0 && send(socket, "", 1, MSG_NOSIGNAL) < 0)
			return 0;
		if (r < 0)
			return r;
	}
	return r;
}

static void
forget_password(void)
{
	char *text = getenv(FETCHER_PASSWORD);
	if (text)
		explicit_bzero(text, strlen(text));
	unsetenv(FETCHER_PASSWORD);
}

int
fetcher_walk(const struct imap_options *o, const char *password_file,
	     const struct imap_listener *listener)
{
	int pair[2], status = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		/* Not the database. */
		if (dup2(pair[1], SOCKET_FD) < 0)
			_exit(EXIT_LOST);
		closefrom(SOCKET_FD + 1);
		_exit(fetch(o, password_file));
	}
	int r = pid < 0 ? -errno : 0;
	forget_password();
	close(pair[1]);
	if (r == 0)
		r = hear_all(pair[0], listener);
	close(pair[0]);
	if (pid < 0)
		return r;
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	if (r == 0 && WIFSIGNALED(status))
		fputs("gatepost reports: what reads from the server crashed\n", stderr);
	return r < 0 ? r : status != 0;
}
