/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/traffic/send_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

/* Octet by octet, so that nothing behind the line is taken from whoever reads on. */
static int
read_line(int fd, struct gp_buf *ret)
{
	char c = '\0';
	ssize_t n = 0;
	gp_buf_clear(ret);
	while ((n = read(fd, &c, 1)) == 1 && c != '\n' && gp_buf_put_char(ret, c))
		;
	if (n < 0)
		return -errno;
	struct gp_slice line = gp_buf_slice(ret);
	if (gp_slice_ends_nocase(line, GP_SLICE("\r")))
		gp_buf_truncate(ret, line.len - 1);
	return ret->failed ? -EFBIG : ret->len == 0 ? -ENODATA : 0;
}

int
gp_send_secret_read(const char *file, struct gp_buf *ret)
{
	if (strcmp(file, "-") == 0)
		return read_line(STDIN_FILENO, ret);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = read_line(fd, ret);
	close(fd);
	return r;
}

int
gp_send_secret_ask(const char *user, struct gp_buf *ret)
{
	struct termios shown, hidden;
	sigset_t keys, before;
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return -errno;
	int r = tcgetattr(fd, &shown) < 0 ? -errno : 0;
	if (r < 0) {
		close(fd);
		return r;
	}
	/* Interrupts wait until the terminal shows again what is typed. */
	sigemptyset(&keys);
	sigaddset(&keys, SIGINT);
	sigaddset(&keys, SIGQUIT);
	sigaddset(&keys, SIGTSTP);
	sigprocmask(SIG_BLOCK, &keys, &before);
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(fd, TCSAFLUSH, &hidden);
	dprintf(fd, "Password of %s: ", user);
	r = read_line(fd, ret);
	dprintf(fd, "\n");
	tcsetattr(fd, TCSAFLUSH, &shown);
	sigprocmask(SIG_SETMASK, &before, NULL);
	close(fd);
	return r;
}
