/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/domain/keyring_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/replace_file.h"
#include "sys/small_file.h"

static int
fail(const char *path, int error)
{
	fprintf(stderr, "gatepost domain: %s: %s\n", path, strerror(-error));
	return GP_EXIT_ERROR;
}

int
keyring_file_read(struct keyring_file *f, const struct gp_config *cfg, struct gp_slice domain,
		  struct gp_arena *arena)
{
	struct gp_slice text;
	unsigned line;
	*f = (struct keyring_file){.folder = -1, .ring = {.domain = domain}};
	struct gp_slice path = gp_arena_printf(arena, "%.*s/dkim/%.*s.keys",
					       GP_SLICE_FMT(cfg->state), GP_SLICE_FMT(domain));
	if (!path.ptr)
		return fail("memory", -ENOMEM);
	f->path = path.ptr;
	int r = gp_file_read(path, GP_KEYRING_TEXT_MAX, arena, &text);
	if (r == -ENOENT)
		return GP_EXIT_OK;
	if (r < 0)
		return fail(f->path, r);
	f->there = true;
	if (gp_keyring_parse(text, &f->ring, &line) == 0 && gp_slice_eq(f->ring.domain, domain))
		return GP_EXIT_OK;
	fprintf(stderr, "gatepost domain: %s:%u: this is no file of the domain's keys\n", f->path,
		line);
	return GP_EXIT_ERROR;
}

/* A folder that we make as root is its parent's owner's: whoever runs the gateway must read it.
 * Returns 0 or -errno. */
static int
make_folder(const char *path, mode_t mode, const char *parent)
{
	struct stat owner;
	if (mkdir(path, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	if (!parent || geteuid() != 0)
		return 0;
	if (stat(parent, &owner) < 0 || chown(path, owner.st_uid, owner.st_gid) < 0)
		return -errno;
	return 0;
}

/* Returns the folder's descriptor, locked; or -errno. */
static int
lock_folder(const struct gp_config *cfg, struct gp_arena *arena)
{
	const char *state = gp_arena_str(arena, cfg->state);
	const char *path = gp_arena_printf(arena, "%.*s/dkim", GP_SLICE_FMT(cfg->state)).ptr;
	if (!state || !path)
		return -ENOMEM;
	int r = make_folder(state, 0755, NULL);
	if (r == 0)
		r = make_folder(path, 0700, state);
	int fd = r == 0 ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (r == 0 && (fd < 0 || flock(fd, LOCK_EX) < 0))
		r = -errno;
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

int
keyring_file_open(struct keyring_file *f, const struct gp_config *cfg, struct gp_slice domain,
		  struct gp_arena *arena)
{
	*f = (struct keyring_file){.folder = -1};
	int folder = lock_folder(cfg, arena);
	if (folder < 0)
		return fail(cfg->state.ptr, folder);
	int code = keyring_file_read(f, cfg, domain, arena);
	f->folder = folder;
	return code;
}

void
keyring_file_close(struct keyring_file *f)
{
	if (f->folder >= 0)
		close(f->folder);
	f->folder = -1;
}

int
keyring_file_write(struct keyring_file *f)
{
	struct stat like;
	struct gp_buf text = GP_BUF_INIT(GP_KEYRING_TEXT_MAX);
	gp_keyring_write(&text, &f->ring);
	int r = text.failed ? -EFBIG : fstat(f->folder, &like) < 0 ? -errno : 0;
	like.st_mode = 0600;
	if (r == 0)
		r = gp_cli_replace_file(f->folder, strrchr(f->path, '/') + 1, gp_buf_slice(&text),
					&like);
	gp_buf_free(&text);
	return r < 0 ? fail(f->path, r) : GP_EXIT_OK;
}
