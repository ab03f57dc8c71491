/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PIECE = 64 << 10,
	/* Not waiting for whoever writes to a pipe. */
	READING = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
};

static const char from[] = "From ";
enum { FROM_LEN = sizeof(from) - 1 };

/* --- mboxes --- */

struct mbox {
	const struct places_listener *l;
	int fd;
	const char *name;
	uint64_t start; /* of the mail that was found last */
	uint64_t mails;
	/* The line that is being looked at. */
	uint64_t line_len; /* without a CR at its front */
	bool matches;      /* follows an empty one, and is "From " so far */
};

static int
tell_mail(struct mbox *m, uint64_t end)
{
	char name[PATH_MAX + 32];
	const struct reader_request request = {m->start, end - m->start};
	snprintf(name, sizeof(name), "%s, mail %lu", m->name, (unsigned long)++m->mails);
	int fd = fcntl(m->fd, F_DUPFD_CLOEXEC, 0);
	m->start = end;
	return fd < 0 ? -errno : m->l->file(m->l->context, fd, &request, name);
}

/* Whether octet c ends "From " at the front of a line that follows an empty one. */
static bool
begins_mail(struct mbox *m, char c)
{
	if (c == '\n') {
		m->matches = m->line_len == 0;
		m->line_len = 0;
		return false;
	}
	if (c == '\r' && m->line_len == 0)
		return false;
	m->matches = m->matches && m->line_len < FROM_LEN && c == from[m->line_len];
	m->line_len++;
	return m->matches && m->line_len == FROM_LEN;
}

static int
tell_mbox(struct mbox *m, uint64_t size)
{
	char piece[PIECE];
	uint64_t at = 0;
	int r = 0;
	while (r == 0 && at < size) {
		ssize_t n = pread(m->fd, piece, sizeof(piece), (off_t)at);
		if (n <= 0)
			break;
		for (ssize_t i = 0; r == 0 && i < n; i++) {
			if (begins_mail(m, piece[i]))
				r = tell_mail(m, at + (uint64_t)i + 1 - FROM_LEN);
		}
		at += (uint64_t)n;
	}
	return r == 0 ? tell_mail(m, at) : r;
}

/* --- files --- */

static int
tell_file(const struct places_listener *l, int fd, const struct stat *st, const char *name)
{
	char begins[FROM_LEN];
	if (!S_ISREG(st->st_mode)) {
		close(fd);
		return l->unreadable(l->context, name, "it is no file");
	}
	const struct reader_request all = {0, (uint64_t)st->st_size};
	if (pread(fd, begins, FROM_LEN, 0) != FROM_LEN || memcmp(begins, from, FROM_LEN) != 0)
		return l->file(l->context, fd, &all, name);
	struct mbox m = {.l = l, .fd = fd, .name = name};
	int r = tell_mbox(&m, all.length);
	close(fd);
	return r;
}

/* A file without a name has what can be read once only. */
static int
tell_input(const struct places_listener *l)
{
	const char *folder = getenv("TMPDIR");
	char piece[PIECE];
	struct stat st;
	ssize_t n = 0;
	int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	bool good = fd >= 0;
	while (good && (n = read(STDIN_FILENO, piece, sizeof(piece))) > 0)
		good = write(fd, piece, (size_t)n) == n;
	if (good && n == 0 && fstat(fd, &st) == 0)
		return tell_file(l, fd, &st, "standard input");
	int r = l->unreadable(l->context, "standard input", strerror(errno));
	if (fd >= 0)
		close(fd);
	return r;
}

/* --- folders --- */

static int
walk(const char *path, const struct places_listener *l, int depth);

/* As octets, whatever the locale is. */
static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
named(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static bool
is_folder(const char *path, const char *name)
{
	char full[PATH_MAX];
	struct stat st;
	int n = snprintf(full, sizeof(full), "%s/%s", path, name);
	return n < (int)sizeof(full) && lstat(full, &st) == 0 && S_ISDIR(st.st_mode);
}

struct folder {
	const struct places_listener *l;
	int fd;
	int depth;
	const char *path;
	/* The path of what is in it: its own, once for all, and behind that a name. */
	char full[PATH_MAX];
	size_t prefix;
};

/* What the folder says is a file is read without being asked for more: most are small. */
static int
tell_small(const struct folder *f, const struct dirent *e)
{
	static char octets[READER_SMALL + 1]; /* too large for a stack that is cleared each time */
	const struct places_listener *l = f->l;
	struct stat st;
	int fd = openat(f->fd, e->d_name, READING);
	if (fd < 0)
		return l->unreadable(l->context, f->full, strerror(errno));
	ssize_t n = pread(fd, octets, sizeof(octets), 0);
	struct gp_slice all = gp_slice(octets, n > 0 ? (size_t)n : 0);
	if (n >= 0 && n < (ssize_t)sizeof(octets) &&
	    !gp_slice_starts(all, gp_slice(from, FROM_LEN))) {
		close(fd);
		return l->octets(l->context, all, f->full);
	}
	if (fstat(fd, &st) < 0)
		st = (struct stat){};
	return tell_file(l, fd, &st, f->full);
}

static int
tell_entry(struct folder *f, const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	struct stat st;
	if (len >= sizeof(f->full) - f->prefix)
		return f->l->unreadable(f->l->context, f->path, "a name in it is too long");
	memcpy(f->full + f->prefix, e->d_name, len + 1);
	if (e->d_type == DT_REG)
		return tell_small(f, e);
	if (e->d_type == DT_DIR)
		return walk(f->full, f->l, f->depth + 1);
	/* Not all file systems say; and what came or went meanwhile is none of ours. */
	if (e->d_type != DT_UNKNOWN || lstat(f->full, &st) < 0 ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return 0;
	return walk(f->full, f->l, f->depth + 1);
}

/* Of a Maildir its folders count, not what servers keep beside them, nor what is on its way into
 * it; of what is hidden those with mails in them alone (Maildir++: .Sent beside cur). */
static bool
counts(const char *path, const char *name, bool maildir)
{
	char mails[NAME_MAX + sizeof("/cur")];
	if (name[0] != '.')
		return !maildir || (is_folder(path, name) && strcmp(name, "tmp") != 0);
	int n = snprintf(mails, sizeof(mails), "%s/cur", name);
	return maildir && n < (int)sizeof(mails) && is_folder(path, mails);
}

/* In the order of names, so that the same folder is told of alike. */
static int
tell_folder(int fd, const char *path, const struct places_listener *l, int depth)
{
	struct folder f = {.l = l, .fd = fd, .depth = depth, .path = path};
	struct dirent **list;
	if (depth == PLACES_DEPTH_MAX)
		return l->unreadable(l->context, path, "it is too deep");
	f.prefix = (size_t)snprintf(f.full, sizeof(f.full), "%s/", path);
	if (f.prefix >= sizeof(f.full))
		return l->unreadable(l->context, path, "its path is too long");
	int len = scandirat(fd, ".", &list, named, by_name);
	if (len < 0)
		return errno == ENOMEM ? -ENOMEM : l->unreadable(l->context, path, strerror(errno));
	bool maildir = is_folder(path, "cur") && is_folder(path, "new");
	int r = 0;
	for (int i = 0; i < len; i++) {
		if (r == 0 && counts(path, list[i]->d_name, maildir))
			r = tell_entry(&f, list[i]);
		free(list[i]);
	}
	free(list);
	return r;
}

static int
walk(const char *path, const struct places_listener *l, int depth)
{
	int fd = open(path, READING);
	struct stat st;
	if (fd < 0)
		return l->unreadable(l->context, path, strerror(errno));
	if (fstat(fd, &st) < 0)
		st = (struct stat){};
	if (!S_ISDIR(st.st_mode))
		return tell_file(l, fd, &st, path);
	int r = tell_folder(fd, path, l, depth);
	close(fd);
	return r;
}

int
places_walk(const char *path, const struct places_listener *listener)
{
	return strcmp(path, "-") == 0 ? tell_input(listener) : walk(path, listener, 0);
}
