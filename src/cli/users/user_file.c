/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/users/user_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/replace_file.h"
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

/* With the old one's owner, and what others may do with it. */
static int
replace(struct user_file *f, struct gp_slice text)
{
	struct stat old;
	bool there = stat(f->path, &old) == 0;
	if (!there && errno != ENOENT)
		return -errno;
	const char *slash = strrchr(f->path, '/');
	return gp_cli_replace_file(f->folder, slash ? slash + 1 : f->path, text,
				   there ? &old : NULL);
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
