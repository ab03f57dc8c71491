/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/maildir/folders.h"

#include <errno.h>

#include "procs/maildir/writer.h"

enum {
	OPEN_MAX = GP_MAILDIR_BATCH_MAX * (GP_MAILDIR_DEPTH_MAX + 4),
	ARENA_MAX = 64 * 1024 * 1024,
};

void
gp_folders_init(struct gp_folders *f, const struct gp_maildir_files *files, const uint64_t seed[2])
{
	*f = (struct gp_folders){
		.files = files,
		.arena = GP_ARENA_INIT(ARENA_MAX),
		.open = gp_map(OPEN_MAX, seed),
		.known_arena = GP_ARENA_INIT(ARENA_MAX),
		.known = gp_map(GP_MAILDIR_KNOWN_MAX, seed),
		.seed = {seed[0], seed[1]},
	};
}

void
gp_folders_free(struct gp_folders *f)
{
	gp_folders_reset(f);
	gp_map_free(&f->open);
	gp_map_free(&f->known);
	gp_arena_free(&f->arena);
	gp_arena_free(&f->known_arena);
}

static bool
component_safe(struct gp_slice c)
{
	return c.len > 0 && c.len <= GP_MAILDIR_NAME_MAX && !gp_slice_eq(c, GP_SLICE(".")) &&
	       !gp_slice_eq(c, GP_SLICE("..")) && gp_slice_find(c, 0) < 0;
}

bool
gp_folder_path_safe(struct gp_slice path)
{
	size_t depth = 0;
	/* A slash at the end is an empty component too, which cutting does not show. */
	if (path.len == 0 || path.ptr[path.len - 1] == '/')
		return false;
	while (path.len > 0) {
		if (!component_safe(gp_slice_cut(&path, '/')) || ++depth > GP_MAILDIR_DEPTH_MAX)
			return false;
	}
	return true;
}

static struct gp_slice
key_of(struct gp_arena *arena, struct gp_slice root, struct gp_slice path)
{
	return gp_arena_printf(arena, "%.*s%c%.*s", GP_SLICE_FMT(root), 0, GP_SLICE_FMT(path));
}

/* What cannot be remembered is only synced once more. */
static void
remember(struct gp_folders *f, struct gp_slice key)
{
	if (gp_map_get(&f->known, key))
		return;
	struct gp_slice copy = gp_arena_dup(&f->known_arena, key);
	if (copy.ptr && gp_map_set(&f->known, copy, f))
		return;
	gp_map_free(&f->known);
	gp_arena_free(&f->known_arena);
	f->known = gp_map(GP_MAILDIR_KNOWN_MAX, f->seed);
	f->known_arena = GP_ARENA_INIT(ARENA_MAX);
}

static int
add(struct gp_folders *f, struct gp_slice key, struct gp_folder *parent, int fd,
    struct gp_folder **ret)
{
	struct gp_folder *folder = gp_arena_new(&f->arena, struct gp_folder);
	if (folder)
		*folder = (struct gp_folder){.path = key, .parent = parent, .fd = fd};
	if (!folder || !gp_map_set(&f->open, key, folder)) {
		f->files->close(fd);
		return -ENOMEM;
	}
	*ret = folder;
	return 0;
}

static int
enter(struct gp_folders *f, struct gp_folder *parent, struct gp_slice name)
{
	char *text = gp_arena_str(&f->arena, name);
	if (!text)
		return -ENOMEM;
	int r = f->files->make_dir(parent->fd, text);
	if (r < 0 && r != -EEXIST)
		return r;
	parent->dirty = true;
	return f->files->open_dir(parent->fd, text);
}

/* In one step where the path was used before; -ENOENT and the like lead to the long way. */
static int
open_known(struct gp_folders *f, int root_fd, struct gp_slice path)
{
	char *text = gp_arena_str(&f->arena, path);
	return text ? f->files->open_below(root_fd, text) : -ENOMEM;
}

/* From the root on, folder by folder, without following links; makes what is missing. */
static int
open_stepwise(struct gp_folders *f, int root_fd, struct gp_slice root, struct gp_slice path,
	      struct gp_folder **ret_parent)
{
	ptrdiff_t slash = gp_slice_rfind(path, '/');
	struct gp_slice above = gp_slice_take(path, slash < 0 ? 0 : (size_t)slash);
	struct gp_slice name = gp_slice_drop(path, (size_t)(slash + 1));
	if (path.len == 0)
		return f->files->open_dir(root_fd, ".");
	int r = gp_folders_get(f, root_fd, root, above, ret_parent);
	return r < 0 ? r : enter(f, *ret_parent, name);
}

int
gp_folders_get(struct gp_folders *f, int root_fd, struct gp_slice root, struct gp_slice path,
	       struct gp_folder **ret)
{
	struct gp_slice key = key_of(&f->arena, root, path);
	if (!key.ptr)
		return -ENOMEM;
	*ret = gp_map_get(&f->open, key);
	if (*ret)
		return 0;
	struct gp_folder *parent = NULL;
	int fd = -ENOENT;
	if (path.len > 0 && gp_map_get(&f->known, key))
		fd = open_known(f, root_fd, path);
	if (fd == -ENOENT || fd == -ENOSYS)
		fd = open_stepwise(f, root_fd, root, path, &parent);
	return fd < 0 ? fd : add(f, key, parent, fd, ret);
}

/* The dirty ones in `ret`, which has room for all that are open. */
static size_t
collect_dirty(const struct gp_folders *f, struct gp_folder **ret)
{
	const struct gp_map_entry *e;
	size_t n = 0;
	for (size_t at = 0; (e = gp_map_next(&f->open, &at));) {
		struct gp_folder *folder = e->value;
		if (folder->dirty)
			ret[n++] = folder;
	}
	return n;
}

static void
sync_dirty(struct gp_folders *f, struct gp_syncer *syncer)
{
	struct gp_folder **dirty =
		gp_arena_array(&f->arena, f->open.len, sizeof(struct gp_folder *));
	struct gp_sync_item *items = gp_arena_array(&f->arena, f->open.len, sizeof(*items));
	size_t n = dirty && items ? collect_dirty(f, dirty) : 0;
	for (size_t i = 0; i < n; i++)
		items[i].fd = dirty[i]->fd;
	gp_sync_folders(syncer, items, n);
	for (size_t i = 0; i < n; i++) {
		dirty[i]->error = items[i].error;
		dirty[i]->dirty = false;
	}
}

void
gp_folders_sync(struct gp_folders *f, struct gp_syncer *syncer)
{
	const struct gp_map_entry *e;
	sync_dirty(f, syncer);
	for (size_t at = 0; (e = gp_map_next(&f->open, &at));) {
		struct gp_folder *folder = e->value;
		/* Without memory for the sync there was none. */
		if (folder->dirty)
			folder->error = -ENOMEM;
	}
	for (size_t at = 0; (e = gp_map_next(&f->open, &at));) {
		const struct gp_folder *folder = e->value;
		if (folder->parent && gp_folder_error(folder->parent) == 0)
			remember(f, folder->path);
	}
}

int
gp_folder_error(const struct gp_folder *folder)
{
	for (; folder; folder = folder->parent) {
		if (folder->error < 0)
			return folder->error;
	}
	return 0;
}

void
gp_folders_reset(struct gp_folders *f)
{
	const struct gp_map_entry *e;
	for (size_t at = 0; (e = gp_map_next(&f->open, &at));)
		f->files->close(((struct gp_folder *)e->value)->fd);
	gp_map_free(&f->open);
	f->open = gp_map(OPEN_MAX, f->seed);
	gp_arena_reset(&f->arena);
}
