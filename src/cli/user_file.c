/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/user_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/options.h"
#include "sys/password.h"
#include "sys/small_file.h"

static int
fail(const char *path, int error)
{
	fprintf(stderr, "gatepost user: %s: %s\n", path, strerror(-error));
	return GP_EXIT_ERROR;
}

/* The path of the file, from the configuration. */
static int
find_path(struct user_file *f, const char *config)
{
	struct gp_config cfg;
	struct gp_complaints complaints;
	int rc = gp_cli_config(config, &f->arena, &cfg, &complaints);
	gp_cli_print_complaints(&complaints);
	if (rc != GP_EXIT_OK)
		return rc;
	if (cfg.users.file.len == 0) {
		fprintf(stderr, "gatepost user: the configuration names no file of users; add "
				"`users: {file: users}`\n");
		return GP_EXIT_USAGE;
	}
	/* The file itself is replaced, not a link to it. */
	char *path = gp_arena_str(&f->arena, cfg.users.file);
	char *real = path ? realpath(path, NULL) : NULL;
	f->path = real ? gp_arena_str(&f->arena, gp_slice_str(real)) : path;
	free(real);
	return f->path ? GP_EXIT_OK : fail("memory", -ENOMEM);
}

static int
lock_folder(struct user_file *f)
{
	ptrdiff_t slash = gp_slice_rfind(gp_slice_str(f->path), '/');
	const char *folder =
		slash < 0 ? "." : gp_arena_str(&f->arena, gp_slice(f->path, (size_t)slash + 1));
	if (!folder)
		return fail("memory", -ENOMEM);
	f->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->folder < 0 || flock(f->folder, LOCK_EX) < 0)
		return fail(folder, -errno);
	return GP_EXIT_OK;
}

static int
read_users(struct user_file *f)
{
	uint64_t seed[2];
	gp_random(seed, sizeof(seed));
	int r = gp_file_read(gp_slice_str(f->path), GP_USERS_TEXT_MAX, &f->arena, &f->text);
	if (r == -ENOENT)
		r = 0;
	if (r == 0)
		r = gp_users_parse(f->text, gp_slice_str(f->path), seed, &f->arena, &f->users,
				   &f->complaints);
	return r < 0 ? fail(f->path, r) : GP_EXIT_OK;
}

int
user_file_open(struct user_file *f, const char *config)
{
	*f = (struct user_file){.folder = -1, .arena = GP_ARENA_INIT(GP_CONFIG_ARENA_MAX)};
	if (gp_password_setup() < 0)
		return fail("no randomness", -EIO);
	int rc = find_path(f, config);
	if (rc == GP_EXIT_OK)
		rc = lock_folder(f);
	return rc == GP_EXIT_OK ? read_users(f) : rc;
}

void
user_file_close(struct user_file *f)
{
	gp_users_free(&f->users);
	gp_arena_free(&f->arena);
	if (f->folder >= 0)
		close(f->folder);
}

/* Whose the old file is, and what others may do with it. */
static int
keep_owner(struct user_file *f, int fd)
{
	struct stat old;
	if (stat(f->path, &old) < 0)
		return errno == ENOENT ? 0 : -errno;
	bool same = old.st_uid == geteuid() && old.st_gid == getegid();
	if (!same && fchown(fd, old.st_uid, old.st_gid) < 0)
		return -errno;
	return fchmod(fd, old.st_mode & 07777) < 0 ? -errno : 0;
}

static int
write_all(int fd, struct gp_slice text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);
		if (n < 0)
			return -errno;
		text = gp_slice_drop(text, (size_t)n);
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* The new file lies beside the old one until it is whole and on disk. */
static int
replace(struct user_file *f, struct gp_slice text)
{
	char *beside = gp_arena_str(&f->arena, gp_arena_printf(&f->arena, "%s.new", f->path));
	if (!beside)
		return -ENOMEM;
	/* One that is there is what a crash left: we hold the lock. */
	if (unlink(beside) < 0 && errno != ENOENT)
		return -errno;
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = keep_owner(f, fd);
	if (r == 0)
		r = write_all(fd, text);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(beside, f->path) < 0)
		r = -errno;
	if (r < 0)
		unlink(beside);
	else if (fsync(f->folder) < 0)
		r = -errno;
	return r;
}

int
user_file_write(struct user_file *f, const struct gp_user *user)
{
	struct gp_buf text = GP_BUF_INIT(GP_USERS_TEXT_MAX);
	gp_users_write_with(&text, f->text, user);
	int r = text.failed ? -EFBIG : replace(f, gp_buf_slice(&text));
	gp_buf_free(&text);
	return r < 0 ? fail(f->path, r) : GP_EXIT_OK;
}
