/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/pdf.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PATH_LEN = 1024,
	PIECE = 64 * 1024,
	OPEN_FOLDERS = 8,
	EXIT_LOST = 126, /* of a child that did not come so far */
};

static bool
complain(const char *what, const char *why)
{
	fprintf(stderr, "gatepost audit: %s: %s\n", what, why);
	return false;
}

/* --- before the audit --- */

static bool
find_program(struct audit_pdf *p)
{
	static const char *const names[] = {"chromium", "chromium-browser", "google-chrome"};
	struct gp_slice all = gp_slice_str(getenv("PATH"));
	while (all.ptr) {
		struct gp_slice folder = gp_slice_cut(&all, ':');
		for (size_t i = 0; folder.len > 0 && i < GP_ARRAY_LEN(names); i++) {
			int len = snprintf(p->program, sizeof(p->program), "%.*s/%s",
					   GP_SLICE_FMT(folder), names[i]);
			if (len > 0 && (size_t)len < sizeof(p->program) &&
			    access(p->program, X_OK) == 0)
				return true;
		}
	}
	return complain("--pdf", "there is no chromium; install it, or print the page that "
				 "--format html makes");
}

static const char *
temporary(void)
{
	const char *place = getenv("TMPDIR");
	return place && place[0] == '/' ? place : "/tmp";
}

static FILE *
open_page(const struct audit_pdf *p)
{
	char path[PATH_LEN];
	snprintf(path, sizeof(path), "%s/page.html", p->folder);
	FILE *page = fopen(path, "wxe");
	if (page)
		setvbuf(page, NULL, _IOFBF, 0); /* now: it looks what the file is */
	return page;
}

bool
audit_pdf_open(struct audit_pdf *p, const char *path)
{
	*p = (struct audit_pdf){.path = path};
	if (!find_program(p))
		return false;
	int len = snprintf(p->folder, sizeof(p->folder), "%s/gatepost-pdf-XXXXXX", temporary());
	if (len < 0 || (size_t)len >= sizeof(p->folder) || !mkdtemp(p->folder)) {
		p->folder[0] = '\0';
		return complain(temporary(), strerror(errno));
	}
	FILE *page = open_page(p);
	if (!page)
		return complain(p->folder, strerror(errno));
	audit_copy_begin(&p->copy, page, FINDINGS_HTML);
	return true;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st, (void)kind, (void)at;
	return remove(path);
}

void
audit_pdf_close(struct audit_pdf *p)
{
	if (p->copy.out)
		fclose(p->copy.out);
	audit_copy_free(&p->copy);
	if (p->folder[0] != '\0')
		(void)nftw(p->folder, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS);
	*p = (struct audit_pdf){};
}

/* --- the program --- */

/* In the child, which has no way to tell of what fails but to end. */
static void
become_nobody(const struct audit_pdf *p)
{
	const struct passwd *nobody = getpwnam("nobody");
	char page[PATH_LEN];
	snprintf(page, sizeof(page), "%s/page.html", p->folder);
	/* Where that is not permitted the options alone keep it from speaking. */
	(void)unshare(CLONE_NEWNET);
	if (!nobody || chown(p->folder, nobody->pw_uid, nobody->pw_gid) < 0 ||
	    chown(page, nobody->pw_uid, nobody->pw_gid) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid) < 0 ||
	    setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) < 0)
		_exit(EXIT_LOST);
}

static void
redirect(const char *folder)
{
	char path[PATH_LEN];
	snprintf(path, sizeof(path), "%s/log", folder);
	int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in < 0 || out < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0)
		_exit(EXIT_LOST);
}

/* The child: never returns. */
static void
become_program(const struct audit_pdf *p)
{
	char profile[PATH_LEN], pdf[PATH_LEN], url[PATH_LEN], home[PATH_LEN];
	snprintf(profile, sizeof(profile), "--user-data-dir=%s/profile", p->folder);
	snprintf(pdf, sizeof(pdf), "--print-to-pdf=%s/page.pdf", p->folder);
	snprintf(url, sizeof(url), "file://%s/page.html", p->folder);
	snprintf(home, sizeof(home), "HOME=%s", p->folder);
	char *const argv[] = {
		(char *)p->program,
		"--headless",
		"--disable-gpu",
		"--no-first-run",
		"--disable-background-networking",
		"--disable-component-update",
		"--disable-extensions",
		"--disable-sync",
		"--host-resolver-rules=MAP * ~NOTFOUND",
		"--no-pdf-header-footer",
		profile,
		pdf,
		url,
		NULL,
	};
	char *const environment[] = {home, "PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
	(void)setsid(); /* so that all that it starts can be ended */
	if (geteuid() == 0)
		become_nobody(p);
	redirect(p->folder);
	if (chdir(p->folder) == 0)
		execve(p->program, argv, environment);
	_exit(EXIT_LOST);
}

/* Returns what waitpid() says; -1: it took too long. */
static int
wait_for(pid_t child)
{
	int status = -1, fd = pidfd_open(child, 0);
	struct pollfd ended = {.fd = fd, .events = POLLIN};
	bool in_time = fd >= 0 && poll(&ended, 1, AUDIT_PDF_WAIT_MS) == 1;
	if (fd >= 0)
		close(fd);
	/* What it has started is in its session; where it has ended, nobody is left. */
	(void)kill(-child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return in_time ? status : -1;
}

static bool
print_page(const struct audit_pdf *p)
{
	char why[80];
	pid_t child = fork();
	if (child < 0)
		return complain(p->program, strerror(errno));
	if (child == 0)
		become_program(p);
	int status = wait_for(child);
	if (status == 0)
		return true;
	if (status == -1)
		return complain(p->program, "it did not come to an end");
	snprintf(why, sizeof(why), "it failed, with %s %d",
		 WIFEXITED(status) ? "exit status" : "signal",
		 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return complain(p->program, why);
}

/* --- its result --- */

/* What a program made that is not ours: only a file, of so much, that begins as a PDF does. */
static int
open_result(const struct audit_pdf *p)
{
	static const char magic[] = "%PDF-";
	char path[PATH_LEN], begin[sizeof(magic) - 1];
	struct stat st;
	snprintf(path, sizeof(path), "%s/page.pdf", p->folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool good = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_size <= AUDIT_PDF_MAX &&
		    pread(fd, begin, sizeof(begin), 0) == (ssize_t)sizeof(begin) &&
		    memcmp(begin, magic, sizeof(begin)) == 0;
	if (good)
		return fd;
	if (fd >= 0)
		close(fd);
	complain(p->program, "it made no PDF");
	return -1;
}

static bool
copy(int from, int to)
{
	char piece[PIECE];
	ssize_t n;
	while ((n = read(from, piece, sizeof(piece))) > 0) {
		for (ssize_t at = 0, m; at < n; at += m) {
			m = write(to, piece + at, (size_t)(n - at));
			if (m < 0)
				return false;
		}
	}
	return n == 0 && fsync(to) == 0;
}

static bool
put_in_place(const struct audit_pdf *p, int from)
{
	char path[PATH_LEN];
	int len = snprintf(path, sizeof(path), "%s.new", p->path);
	if (len < 0 || (size_t)len >= sizeof(path))
		return complain(p->path, strerror(ENAMETOOLONG));
	int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool good = to >= 0 && copy(from, to) && rename(path, p->path) == 0;
	if (!good) {
		complain(p->path, strerror(errno));
		unlink(path);
	}
	if (to >= 0)
		close(to);
	return good;
}

bool
audit_pdf_end(struct audit_pdf *p)
{
	int r = audit_copy_end(&p->copy);
	return r == 0 || complain(p->folder, strerror(-r));
}

bool
audit_pdf_print(const struct audit_pdf *p)
{
	int fd = print_page(p) ? open_result(p) : -1;
	bool good = fd >= 0 && put_in_place(p, fd);
	if (fd >= 0)
		close(fd);
	return good;
}
