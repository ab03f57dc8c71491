/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"

static int
fail(void)
{
	fprintf(stderr, "gatepost audit: %s\n", strerror(errno));
	return GP_EXIT_ERROR;
}

/* The child: never returns. */
static void
be_child(int (*run)(void *context), void *context, const sigset_t *mask, pid_t parent)
{
	/* It may have ended before this. */
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0 || getppid() != parent ||
	    sigprocmask(SIG_SETMASK, mask, NULL) < 0)
		_exit(GP_EXIT_ERROR);
	int code = run(context);
	if (fflush(NULL) != 0)
		code = fail();
	_exit(code);
}

static int
wait_for(pid_t child, const sigset_t *signals)
{
	int status = 0, number;
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (sigwait(signals, &number) == 0 && number != SIGCHLD)
			(void)kill(child, number);
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "gatepost audit: what looks at the domains was killed by signal %d\n",
		WTERMSIG(status));
	return GP_EXIT_ERROR;
}

int
audit_child_run(int (*run)(void *context), void *context)
{
	sigset_t signals, before;
	pid_t self = getpid();
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	/* Who started us may ignore it, and then it does not come. */
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR || sigprocmask(SIG_BLOCK, &signals, &before) < 0)
		return fail();
	pid_t child = fork();
	if (child == 0)
		be_child(run, context, &before, self);
	int code = child < 0 ? fail() : wait_for(child, &signals);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return code;
}
