/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/users/user_password.h"

#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "cli/command.h"
#include "sys/password.h"

/* One line from standard input, without its end; octet by octet, so that nothing stays in a buffer
 * of stdio. Of one that is too long there is more than a password may have. False: there is none.
 */
static bool
read_line(struct user_password *p)
{
	char c = '\0';
	ssize_t n = 0;
	p->len = 0;
	while ((n = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		if (p->len < sizeof(p->text))
			p->text[p->len++] = c;
	}
	if (n == 1 && p->len > 0 && p->text[p->len - 1] == '\r')
		p->len--;
	return n == 1 || p->len > 0;
}

/* Of the terminal, for who ends us while it is quiet. */
static struct termios before;

static void
on_end(int sig)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
	raise(sig); /* once more, and now as if there were no handler */
}

static void
see_to_end(void)
{
	static const int ends[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
	const struct sigaction action = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND};
	for (size_t i = 0; i < GP_ARRAY_LEN(ends); i++) {
		struct sigaction was;
		if (sigaction(ends[i], NULL, &was) == 0 && was.sa_handler == SIG_DFL)
			sigaction(ends[i], &action, NULL);
	}
}

static bool
prompt(const char *text, struct user_password *p)
{
	struct termios quiet;
	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return false;
	see_to_end();
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	/* First, as it throws away what was typed before: nobody answers a question that is not yet
	 * asked. */
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
		return false;
	fputs(text, stderr);
	bool read = read_line(p);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	return read;
}

static const char *
ask_twice(struct user_password *p)
{
	struct user_password again;
	bool read = prompt("Password: ", p) && prompt("Once more: ", &again);
	bool same = read && gp_slice_eq(user_password_slice(p), user_password_slice(&again));
	user_password_forget(&again);
	return !read ? "no password was given" : same ? NULL : "these were two passwords";
}

int
user_password_ask(struct user_password *ret)
{
	const char *why = isatty(STDIN_FILENO) ? ask_twice(ret)
			  : read_line(ret)     ? NULL
					       : "no password on standard input";
	if (!why && !gp_password_valid(user_password_slice(ret)))
		why = "a password is 1 to 1,024 octets of UTF-8 without control characters";
	if (!why)
		return GP_EXIT_OK;
	fprintf(stderr, "gatepost user: %s\n", why);
	return GP_EXIT_USAGE;
}

void
user_password_forget(struct user_password *p)
{
	gp_wipe(p, sizeof(*p));
}
