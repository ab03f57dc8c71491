/* SPDX-License-Identifier: Apache-2.0 */
#include "simdisk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SECTOR = 512,
	FILES_MAX = 4096,
	FDS_MAX = 512,
	NAMES_MAX = 1024,
};

struct bytes {
	char *ptr;
	uint64_t size;
};

struct pending {
	struct pending *next;
	bool resize; /* else a write of at most one sector */
	uint64_t offset, len;
	char data[SECTOR];
};

struct name {
	char s[GP_IO_NAME_MAX];
	int object;
	bool folder;
};

struct name_op {
	struct name_op *next;
	bool link; /* else unlink */
	struct name name;
};

struct names {
	struct name *list;
	size_t len;
};

struct object {
	bool is_dir;
	bool recovered; /* opened by GP_IO_WRITE */
	/* file */
	struct bytes durable, cache;
	struct pending *writes, **writes_end;
	/* directory */
	struct names durable_names, now_names;
	struct name_op *ops, **ops_end;
};

struct fd {
	int object; /* -1: closed */
	bool direct;
};

struct sim {
	struct object *objects[FILES_MAX];
	int objects_len;
	struct fd fds[FDS_MAX];
	int root;
	uint64_t count, cut_at;
	bool cut;
	struct {
		uint64_t left;
		int err;
		bool stick;
	} fail[SIM_OPS];
	bool ignore[SIM_SYNCS];
	uint64_t syncs[SIM_SYNCS];
	uint64_t space;
	uint64_t rng;
};

static void *
must(void *p)
{
	if (!p)
		abort();
	return p;
}

static bool
coin(struct sim *d)
{
	d->rng = d->rng * 6364136223846793005u + 1442695040888963407u;
	return d->rng >> 63;
}

/* bytes */

static void
bytes_resize(struct bytes *b, uint64_t size)
{
	if (size != b->size) {
		b->ptr = must(realloc(b->ptr, size + 1));
		if (size > b->size)
			memset(b->ptr + b->size, 0, size - b->size);
	}
	b->size = size;
}

static struct bytes
bytes_copy(const struct bytes *b)
{
	struct bytes c = {};
	bytes_resize(&c, b->size);
	if (b->size > 0)
		memcpy(c.ptr, b->ptr, b->size);
	return c;
}

static void
apply_write(struct bytes *b, const struct pending *p)
{
	if (p->resize)
		bytes_resize(b, p->offset);
	else if (p->offset < b->size)
		memcpy(b->ptr + p->offset, p->data, GP_MIN(p->len, b->size - p->offset));
}

/* names */

static struct name *
names_find(struct names *n, const char *s)
{
	for (size_t i = 0; i < n->len; i++)
		if (strcmp(n->list[i].s, s) == 0)
			return &n->list[i];
	return NULL;
}

static void
names_apply(struct names *n, const struct name_op *op)
{
	struct name *at = names_find(n, op->name.s);
	if (at)
		*at = n->list[--n->len];
	if (op->link) {
		gp_assert(n->len < NAMES_MAX);
		n->list = must(reallocarray(n->list, n->len + 1, sizeof(*n->list)));
		n->list[n->len++] = op->name;
	}
}

static struct names
names_copy(const struct names *n)
{
	struct names c = {.len = n->len};
	c.list = must(calloc(n->len + 1, sizeof(*c.list)));
	if (n->len > 0)
		memcpy(c.list, n->list, n->len * sizeof(*c.list));
	return c;
}

/* objects */

static int
object_new(struct sim *d, bool is_dir)
{
	gp_assert(d->objects_len < FILES_MAX);
	struct object *o = must(calloc(1, sizeof(*o)));
	o->is_dir = is_dir;
	o->writes_end = &o->writes;
	o->ops_end = &o->ops;
	d->objects[d->objects_len] = o;
	return d->objects_len++;
}

static void
forget_pending(struct object *o)
{
	for (struct pending *p = o->writes, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	for (struct name_op *p = o->ops, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	o->writes = NULL;
	o->writes_end = &o->writes;
	o->ops = NULL;
	o->ops_end = &o->ops;
}

static void
object_free(struct object *o)
{
	forget_pending(o);
	free(o->durable.ptr);
	free(o->cache.ptr);
	free(o->durable_names.list);
	free(o->now_names.list);
	free(o);
}

struct sim *
sim_new(void)
{
	struct sim *d = must(calloc(1, sizeof(*d)));
	for (int i = 0; i < FDS_MAX; i++)
		d->fds[i].object = -1;
	d->root = object_new(d, true);
	d->fds[0].object = d->root;
	d->cut_at = UINT64_MAX;
	d->space = UINT64_MAX;
	d->rng = 1;
	return d;
}

struct sim *
sim_free(struct sim *d)
{
	if (!d)
		return NULL;
	for (int i = 0; i < d->objects_len; i++)
		object_free(d->objects[i]);
	free(d);
	return NULL;
}

int
sim_root(const struct sim *d)
{
	(void)d;
	return 0;
}

uint64_t
sim_count(const struct sim *d)
{
	return d->count;
}

void
sim_cut_at(struct sim *d, uint64_t at)
{
	d->cut_at = at;
}

bool
sim_is_cut(const struct sim *d)
{
	return d->cut;
}

void
sim_fail(struct sim *d, enum sim_op op, uint64_t n, int err, bool stick)
{
	d->fail[op].left = n;
	d->fail[op].err = err;
	d->fail[op].stick = stick;
}

void
sim_ignore(struct sim *d, enum sim_sync kind)
{
	d->ignore[kind] = true;
}

uint64_t
sim_syncs(const struct sim *d, enum sim_sync kind)
{
	return d->syncs[kind];
}

void
sim_space(struct sim *d, uint64_t size)
{
	d->space = size;
}

void
sim_seed(struct sim *d, uint64_t seed)
{
	d->rng = seed;
}

static int
injected(struct sim *d, enum sim_op op)
{
	if (d->cut)
		return -EIO;
	if (d->fail[op].left == 0 || --d->fail[op].left > 0)
		return 0;
	if (d->fail[op].stick)
		d->fail[op].left = 1;
	return -d->fail[op].err;
}

/* A mutating operation: 0 go on, 1 go on and then the power is gone, or an error. */
static int
mutate(struct sim *d, enum sim_op op)
{
	int rc = injected(d, op);
	if (rc < 0)
		return rc;
	return d->count++ == d->cut_at ? 1 : 0;
}

static int
done(struct sim *d, int cut, int rc)
{
	if (!cut)
		return rc;
	d->cut = true;
	return -EIO;
}

static int
fd_new(struct sim *d, int object, bool direct)
{
	for (int i = 1; i < FDS_MAX; i++) {
		if (d->fds[i].object < 0) {
			d->fds[i] = (struct fd){object, direct};
			return i;
		}
	}
	return -EMFILE;
}

static struct object *
object_of(struct sim *d, int fd)
{
	gp_assert(fd >= 0 && fd < FDS_MAX && d->fds[fd].object >= 0);
	return d->objects[d->fds[fd].object];
}

static void
name_op(struct object *dir, bool link, const char *s, int object, bool folder)
{
	struct name_op *op = must(calloc(1, sizeof(*op)));
	op->link = link;
	op->name.object = object;
	op->name.folder = folder;
	snprintf(op->name.s, sizeof(op->name.s), "%s", s);
	names_apply(&dir->now_names, op);
	*dir->ops_end = op;
	dir->ops_end = &op->next;
}

static int
sim_open(void *io, int dirfd, const char *name, enum gp_io_open how)
{
	struct sim *d = io;
	struct object *dir = object_of(d, dirfd);
	struct name *found = names_find(&dir->now_names, name);
	if (how != GP_IO_CREATE) {
		int rc = injected(d, SIM_OPEN);
		if (rc < 0 || !found)
			return rc < 0 ? rc : -ENOENT;
		d->objects[found->object]->recovered |= how == GP_IO_WRITE;
		return fd_new(d, found->object, how == GP_IO_DIRECT);
	}
	int cut = mutate(d, SIM_OPEN);
	if (cut < 0)
		return cut;
	if (found)
		return done(d, cut, -EEXIST);
	int object = object_new(d, false);
	name_op(dir, true, name, object, false);
	return done(d, cut, fd_new(d, object, false));
}

static int
sim_open_dir(void *io, int dirfd, const char *name)
{
	struct sim *d = io;
	struct object *dir = object_of(d, dirfd);
	struct name *found = names_find(&dir->now_names, name);
	if (found)
		return d->cut ? -EIO : fd_new(d, found->object, false);
	int cut = mutate(d, SIM_OPEN);
	if (cut < 0)
		return cut;
	int object = object_new(d, true);
	name_op(dir, true, name, object, true);
	return done(d, cut, fd_new(d, object, false));
}

static void
sim_close(void *io, int fd)
{
	struct sim *d = io;
	gp_assert(fd > 0 && d->fds[fd].object >= 0);
	d->fds[fd].object = -1;
}

static void
add_write(struct object *o, const struct pending *like)
{
	struct pending *p = must(calloc(1, sizeof(*p)));
	*p = *like;
	p->next = NULL;
	*o->writes_end = p;
	o->writes_end = &p->next;
	apply_write(&o->cache, p);
}

static void
resize(struct object *o, uint64_t size)
{
	if (o->cache.size != size)
		add_write(o, &(struct pending){.resize = true, .offset = size});
}

static int
sim_pwrite(void *io, int fd, struct gp_slice data, uint64_t offset)
{
	struct sim *d = io;
	struct object *o = object_of(d, fd);
	int cut = mutate(d, SIM_WRITE);
	if (cut < 0) {
		/* A short write: part of it came through before the error. */
		if (!d->cut && coin(d))
			data.len /= 2;
		else
			return cut;
	}
	if (offset + data.len > o->cache.size)
		resize(o, offset + data.len);
	while (data.len > 0) {
		struct pending p = {.offset = offset};
		p.len = GP_MIN(data.len, SECTOR - offset % SECTOR);
		memcpy(p.data, data.ptr, p.len);
		if (memcmp(o->cache.ptr + offset, p.data, p.len) != 0)
			add_write(o, &p);
		offset += p.len;
		data = gp_slice_drop(data, p.len);
	}
	return cut < 0 ? cut : done(d, cut, 0);
}

static int64_t
read_bytes(const struct bytes *b, char *to, size_t len, uint64_t offset)
{
	if (offset >= b->size)
		return 0;
	len = (size_t)GP_MIN(len, b->size - offset);
	memcpy(to, b->ptr + offset, len);
	return (int64_t)len;
}

static int64_t
sim_pread(void *io, int fd, char *to, size_t len, uint64_t offset)
{
	struct sim *d = io;
	struct object *o = object_of(d, fd);
	int rc = injected(d, SIM_READ);
	if (rc < 0)
		return rc;
	if (!d->fds[fd].direct)
		return read_bytes(&o->cache, to, len, offset);
	gp_assert(offset % GP_IO_ALIGN == 0 && len % GP_IO_ALIGN == 0);
	struct bytes disk = bytes_copy(&o->durable);
	for (const struct pending *p = o->writes; p; p = p->next)
		apply_write(&disk, p);
	int64_t n = read_bytes(&disk, to, len, offset);
	free(disk.ptr);
	return n;
}

static int
sync_object(struct sim *d, struct object *o, enum sim_op op, enum sim_sync kind)
{
	d->syncs[kind]++;
	int rc = injected(d, op);
	if (d->cut)
		return -EIO;
	if (rc == 0 && d->ignore[kind])
		return 0;
	if (rc == 0 && d->count++ == d->cut_at)
		return done(d, 1, 0);
	/* Names are a journal's: what it could not write it keeps. */
	if (rc < 0 && o->is_dir)
		return rc;
	/* Pages are given up; some of them may have come through. */
	for (const struct pending *p = o->writes; p; p = p->next)
		if (rc == 0 || coin(d))
			apply_write(&o->durable, p);
	for (const struct name_op *p = o->ops; p; p = p->next)
		names_apply(&o->durable_names, p);
	forget_pending(o);
	return rc;
}

static bool
in_root(const struct sim *d, int object)
{
	const struct names *n = &d->objects[d->root]->now_names;
	for (size_t i = 0; i < n->len; i++)
		if (n->list[i].object == object)
			return true;
	return false;
}

static int
sim_fdatasync(void *io, int fd)
{
	struct sim *d = io;
	struct object *o = object_of(d, fd);
	enum sim_sync kind = SIM_SYNC_TAIL;
	if (!in_root(d, d->fds[fd].object))
		kind = SIM_SYNC_QUARANTINE_DATA;
	else if (o->recovered)
		kind = SIM_SYNC_RECOVERED;
	return sync_object(d, o, SIM_DATASYNC, kind);
}

static int
sim_fsync_dir(void *io, int dirfd)
{
	struct sim *d = io;
	struct object *o = object_of(d, dirfd);
	enum sim_sync kind = SIM_SYNC_NONE;
	if (d->fds[dirfd].object != d->root)
		kind = SIM_SYNC_QUARANTINE_NAME;
	for (const struct name_op *p = o->ops; p && kind == SIM_SYNC_NONE; p = p->next) {
		if (p->name.folder)
			kind = SIM_SYNC_QUARANTINE_DIR;
		else if (strlen(p->name.s) == 16)
			kind = p->link ? SIM_SYNC_CREATED : SIM_SYNC_UNLINKED;
	}
	return sync_object(d, o, SIM_DIRSYNC, kind);
}

static int
sim_ftruncate(void *io, int fd, uint64_t size)
{
	struct sim *d = io;
	int cut = mutate(d, SIM_TRUNCATE);
	if (cut < 0)
		return cut;
	resize(object_of(d, fd), size);
	return done(d, cut, 0);
}

static uint64_t
used(const struct sim *d)
{
	uint64_t size = 0;
	const struct names *n = &d->objects[d->root]->now_names;
	for (size_t i = 0; i < n->len; i++)
		size += d->objects[n->list[i].object]->cache.size;
	return size;
}

static int
sim_free_space(void *io, int dirfd, uint64_t *ret_free)
{
	struct sim *d = io;
	(void)dirfd;
	uint64_t size = used(d);
	*ret_free = d->space > size ? d->space - size : 0;
	return d->cut ? -EIO : 0;
}

static int
sim_fallocate(void *io, int fd, uint64_t size)
{
	struct sim *d = io;
	struct object *o = object_of(d, fd);
	int cut = mutate(d, SIM_ALLOCATE);
	if (cut < 0)
		return cut;
	uint64_t free_size = 0;
	(void)sim_free_space(d, 0, &free_size);
	if (size > o->cache.size && size - o->cache.size > free_size)
		return done(d, cut, -ENOSPC);
	if (size > o->cache.size)
		resize(o, size);
	return done(d, cut, 0);
}

static int
sim_unlink(void *io, int dirfd, const char *name)
{
	struct sim *d = io;
	struct object *dir = object_of(d, dirfd);
	if (d->cut)
		return -EIO;
	if (!names_find(&dir->now_names, name))
		return -ENOENT;
	int cut = mutate(d, SIM_UNLINK);
	if (cut < 0)
		return cut;
	name_op(dir, false, name, 0, false);
	return done(d, cut, 0);
}

static int
sim_list(void *io, int dirfd, int (*each)(void *arg, const char *name), void *arg)
{
	struct sim *d = io;
	const struct names *n = &object_of(d, dirfd)->now_names;
	for (size_t i = 0; i < n->len; i++) {
		int rc = d->cut ? -EIO : each(arg, n->list[i].s);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
sim_size(void *io, int fd, uint64_t *ret_size)
{
	struct sim *d = io;
	*ret_size = object_of(d, fd)->cache.size;
	return d->cut ? -EIO : 0;
}

struct gp_io
sim_io(struct sim *d)
{
	static const struct gp_io_ops ops = {
		.open = sim_open,
		.open_dir = sim_open_dir,
		.close = sim_close,
		.pwrite = sim_pwrite,
		.pread = sim_pread,
		.fdatasync = sim_fdatasync,
		.fsync_dir = sim_fsync_dir,
		.ftruncate = sim_ftruncate,
		.fallocate = sim_fallocate,
		.unlink = sim_unlink,
		.list = sim_list,
		.size = sim_size,
		.free_space = sim_free_space,
	};
	return (struct gp_io){.ops = &ops, .ctx = d};
}

size_t
sim_pending(const struct sim *d)
{
	size_t n = 0;
	for (int i = 0; i < d->objects_len; i++) {
		for (const struct pending *p = d->objects[i]->writes; p; p = p->next)
			n++;
		for (const struct name_op *p = d->objects[i]->ops; p; p = p->next)
			n++;
	}
	return n;
}

/* One object of the disk after a cut; *at counts the pending operations passed. */
static void
survive(struct object *to, const struct object *from, bool (*pick)(void *arg, size_t i), void *arg,
	size_t *at)
{
	to->durable = bytes_copy(&from->durable);
	to->durable_names = names_copy(&from->durable_names);
	for (const struct pending *p = from->writes; p; p = p->next)
		if (pick(arg, (*at)++))
			apply_write(&to->durable, p);
	for (const struct name_op *p = from->ops; p; p = p->next)
		if (pick(arg, (*at)++))
			names_apply(&to->durable_names, p);
	to->cache = bytes_copy(&to->durable);
	to->now_names = names_copy(&to->durable_names);
}

struct sim *
sim_after_cut(const struct sim *d, bool (*pick)(void *arg, size_t i), void *arg)
{
	struct sim *after = sim_new();
	size_t at = 0;
	after->space = d->space;
	after->rng = d->rng;
	memcpy(after->ignore, d->ignore, sizeof(after->ignore));
	for (int i = 0; i < d->objects_len; i++) {
		int object = i == d->root ? i : object_new(after, d->objects[i]->is_dir);
		gp_assert(object == i);
		survive(after->objects[i], d->objects[i], pick, arg, &at);
	}
	return after;
}

struct sim *
sim_after_kill(const struct sim *d)
{
	struct sim *after = sim_new();
	after->count = d->count;
	after->space = d->space;
	after->rng = d->rng;
	memcpy(after->ignore, d->ignore, sizeof(after->ignore));
	for (int i = 0; i < d->objects_len; i++) {
		const struct object *from = d->objects[i];
		int object = i == d->root ? i : object_new(after, from->is_dir);
		struct object *to = after->objects[object];
		to->durable = bytes_copy(&from->durable);
		to->cache = bytes_copy(&from->durable);
		to->durable_names = names_copy(&from->durable_names);
		to->now_names = names_copy(&from->durable_names);
		for (const struct pending *p = from->writes; p; p = p->next)
			add_write(to, p);
		/* What a failed sync gave up is still in the cache. */
		free(to->cache.ptr);
		to->cache = bytes_copy(&from->cache);
		for (const struct name_op *p = from->ops; p; p = p->next)
			name_op(to, p->link, p->name.s, p->name.object, p->name.folder);
	}
	return after;
}

static struct object *
folder_of(struct sim *d, const char *folder)
{
	struct object *root = d->objects[d->root];
	if (!folder)
		return root;
	struct name *n = names_find(&root->now_names, folder);
	return n ? d->objects[n->object] : NULL;
}

static struct object *
file_of(struct sim *d, const char *folder, const char *name)
{
	struct object *dir = folder_of(d, folder);
	struct name *n = dir ? names_find(&dir->now_names, name) : NULL;
	return n ? d->objects[n->object] : NULL;
}

const char *
sim_file(struct sim *d, const char *folder, const char *name, uint64_t *ret_size)
{
	struct object *o = file_of(d, folder, name);
	if (!o)
		return NULL;
	*ret_size = o->cache.size;
	return o->cache.ptr;
}

/* What the cache shows becomes what is durable. */
static struct object *
settled(struct sim *d, const char *name)
{
	struct object *o = file_of(d, NULL, name);
	gp_assert(o);
	forget_pending(o);
	free(o->durable.ptr);
	o->durable = bytes_copy(&o->cache);
	return o;
}

void
sim_flip(struct sim *d, const char *name, uint64_t offset, uint8_t bits)
{
	struct object *o = settled(d, name);
	gp_assert(offset < o->cache.size);
	o->cache.ptr[offset] = (char)((uint8_t)o->cache.ptr[offset] ^ bits);
	o->durable.ptr[offset] = o->cache.ptr[offset];
}

void
sim_shorten(struct sim *d, const char *name, uint64_t size)
{
	struct object *o = settled(d, name);
	bytes_resize(&o->cache, size);
	bytes_resize(&o->durable, size);
}

int
sim_put(struct sim *d, const char *name, struct gp_slice content)
{
	struct object *root = d->objects[d->root];
	if (names_find(&root->now_names, name))
		name_op(root, false, name, 0, false);
	int object = object_new(d, false);
	name_op(root, true, name, object, false);
	struct object *o = d->objects[object];
	bytes_resize(&o->cache, content.len);
	if (content.len > 0)
		memcpy(o->cache.ptr, content.ptr, content.len);
	o->durable = bytes_copy(&o->cache);
	for (const struct name_op *p = root->ops; p; p = p->next)
		names_apply(&root->durable_names, p);
	forget_pending(root);
	return fd_new(d, object, false);
}

const char *
sim_name(struct sim *d, const char *folder, size_t i)
{
	struct object *dir = folder_of(d, folder);
	return dir && i < dir->now_names.len ? dir->now_names.list[i].s : NULL;
}
