/* SPDX-License-Identifier: Apache-2.0 */
#include "procs/maildir/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "core/message/downgrade.h"
#include "core/message/header.h"
#include "procs/maildir/folders.h"

enum {
	CHUNK = 64 * 1024,   /* octets read or written at once */
	HOST_MAX = 100,      /* octets of the host's name in a file's */
	FILE_NAME_MAX = 255, /* NAME_MAX of every file system in use */
	NAME_TRIES = 8, /* names that are taken: another host of this name, or a clock set back */
	HEADER_ARENA_MAX = 4 * 1024 * 1024,
	/* What a chunk and a header that was held back make (core/message/downgrade.h). */
	LINES_MAX = 2 * CHUNK + 2 * GP_HEADER_SIZE_MAX,
};

struct file_name {
	char s[FILE_NAME_MAX + 1];
};

/* Where a delivery's file is, as long as it may have to be taken back. */
enum place {
	NOWHERE,
	IN_TMP,
	IN_NEW,
};

/* What is final, beside 0 (so far so good) and -errno. */
enum verdict {
	VERDICT_LOOP = 1,
	VERDICT_NAME,
	VERDICT_BINARY,
};

struct delivery {
	struct gp_folder *tmp, *new_;
	struct file_name name;
	enum place place;
	int fd;          /* of the file, until it is synced; -1: none */
	uint64_t now_us; /* when it was begun */
	uint64_t size;   /* octets written */
	int error;       /* 0, -errno, or enum verdict */
};

struct gp_maildir {
	const struct gp_maildir_files *files;
	struct gp_folders folders;
	struct gp_syncer syncer;
	struct delivery deliveries[GP_MAILDIR_BATCH_MAX];
	size_t deliveries_len;
	char host[HOST_MAX + 1];
	uint32_t pid;
	uint64_t counter;               /* files named in this object's life */
	size_t chunk_len;               /* octets that wait in chunk */
	bool cr;                        /* the last octet seen was a CR, not written yet */
	struct gp_downgrade *downgrade; /* of a binary message that is being written, else NULL */
	struct gp_buf lines;            /* that it has made */
	char chunk[CHUNK];              /* on the way to the file */
	char input[CHUNK];              /* from a descriptor */
};

/* A slash would leave the folder, a colon ends the name where flags begin, a comma where fields do.
 */
static void
set_host(struct gp_maildir *md, struct gp_slice host)
{
	host = gp_slice_take(host, HOST_MAX);
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		md->host[i] = gp_ascii_is_alnum(c) || c == '.' || c == '-' ? c : '_';
	}
}

struct gp_maildir *
gp_maildir_new(const struct gp_maildir_files *files, struct gp_slice hostname, uint32_t pid,
	       const uint64_t seed[2])
{
	struct gp_maildir *md = calloc(1, sizeof(*md));
	if (!md)
		return NULL;
	md->files = files;
	md->syncer.files = files;
	md->pid = pid;
	set_host(md, hostname);
	gp_folders_init(&md->folders, files, seed);
	return md;
}

struct gp_maildir *
gp_maildir_free(struct gp_maildir *md)
{
	if (!md)
		return NULL;
	gp_maildir_reset(md);
	gp_folders_free(&md->folders);
	free(md);
	return NULL;
}

/*
 * Names
 */

/* Unique by time, process, count and host, as the Maildir convention has it; the size lets readers
 * do without a stat, and is known only when the file has been written. */
static struct file_name
make_name(struct gp_maildir *md, uint64_t now_us, const uint64_t *size)
{
	struct file_name name;
	int len = snprintf(name.s, sizeof(name.s), "%llu.M%06lluP%uQ%llu.%s",
			   (unsigned long long)(now_us / 1000000),
			   (unsigned long long)(now_us % 1000000), md->pid,
			   (unsigned long long)md->counter++, md->host);
	if (size)
		len += snprintf(name.s + len, sizeof(name.s) - (size_t)len, ",S=%llu",
				(unsigned long long)*size);
	gp_assert(len > 0 && (size_t)len < sizeof(name.s));
	return name;
}

static int
create_file(struct gp_maildir *md, struct delivery *d)
{
	int fd = -EEXIST;
	for (int i = 0; i < NAME_TRIES && fd == -EEXIST; i++) {
		d->name = make_name(md, d->now_us, NULL);
		fd = md->files->create(d->tmp->fd, d->name.s);
	}
	if (fd < 0)
		return fd;
	d->fd = fd;
	d->place = IN_TMP;
	return 0;
}

static int
publish_file(struct gp_maildir *md, struct delivery *d)
{
	int r = -EEXIST;
	for (int i = 0; i < NAME_TRIES && r == -EEXIST; i++) {
		struct file_name name = make_name(md, d->now_us, &d->size);
		r = md->files->publish(d->tmp->fd, d->name.s, d->new_->fd, name.s);
		if (r == 0) {
			d->name = name;
			d->place = IN_NEW;
			d->new_->dirty = true;
		}
	}
	return r;
}

/*
 * Content
 */

static int
flush_chunk(struct gp_maildir *md, struct delivery *d)
{
	int r = md->files->write(d->fd, gp_slice(md->chunk, md->chunk_len));
	d->size += md->chunk_len;
	md->chunk_len = 0;
	return r;
}

static int
put_octets(struct gp_maildir *md, struct delivery *d, struct gp_slice s)
{
	while (s.len > 0) {
		struct gp_slice part = gp_slice_take(s, CHUNK - md->chunk_len);
		memcpy(md->chunk + md->chunk_len, part.ptr, part.len);
		md->chunk_len += part.len;
		s = gp_slice_drop(s, part.len);
		int r = md->chunk_len == CHUNK ? flush_chunk(md, d) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* CRLF becomes LF, also where a piece of the body ends in between; any other CR stays. */
static int
put_lines(struct gp_maildir *md, struct delivery *d, struct gp_slice s)
{
	int r = 0;
	while (r == 0 && s.len > 0) {
		if (md->cr && s.ptr[0] != '\n')
			r = put_octets(md, d, GP_SLICE("\r"));
		ptrdiff_t at = gp_slice_find(s, '\r');
		md->cr = at >= 0;
		struct gp_slice line = gp_slice_take(s, at < 0 ? s.len : (size_t)at);
		if (r == 0)
			r = put_octets(md, d, line);
		s = gp_slice_drop(s, line.len + md->cr);
	}
	return r;
}

/* An address as a field's value. It was checked when it came in; should that fail one day, it still
 * makes no line of its own. */
static int
put_address(struct gp_maildir *md, struct delivery *d, struct gp_slice address)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < address.len; i++) {
		unsigned char c = (unsigned char)address.ptr[i];
		char shown = c < ' ' || c == 127 ? '?' : (char)c;
		r = put_octets(md, d, gp_slice(&shown, 1));
	}
	return r;
}

static int
put_trace(struct gp_maildir *md, struct delivery *d, const struct gp_maildir_delivery *what)
{
	int r = put_octets(md, d, GP_SLICE("Return-Path: <"));
	if (r == 0)
		r = put_address(md, d, what->sender);
	if (r == 0)
		r = put_octets(md, d, GP_SLICE(">\nDelivered-To: "));
	if (r == 0)
		r = put_address(md, d, what->recipient);
	return r < 0 ? r : put_octets(md, d, GP_SLICE("\n"));
}

/* Lines that have been made of a piece. */
static int
put_converted(struct gp_maildir *md, struct delivery *d, int fault)
{
	int r = put_lines(md, d, gp_buf_slice(&md->lines));
	gp_buf_clear(&md->lines);
	if (r < 0 || fault == GP_DOWNGRADE_FINE)
		return r;
	return fault == GP_DOWNGRADE_NO_MEMORY ? -ENOMEM : VERDICT_BINARY;
}

static int
put_message(struct gp_maildir *md, struct delivery *d, struct gp_slice s)
{
	if (!md->downgrade)
		return put_lines(md, d, s);
	int r = 0;
	while (r == 0 && s.len > 0) {
		struct gp_slice piece = gp_slice_take(s, CHUNK);
		r = put_converted(md, d, gp_downgrade_feed(md->downgrade, piece, &md->lines));
		s = gp_slice_drop(s, piece.len);
	}
	return r;
}

static int
put_descriptor(struct gp_maildir *md, struct delivery *d, int fd, uint64_t size)
{
	int r = 0;
	for (uint64_t at = 0; r == 0 && at < size;) {
		size_t want = (size_t)GP_MIN(size - at, (uint64_t)CHUNK);
		ssize_t n = md->files->read_at(fd, md->input, want, at);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		r = put_message(md, d, gp_slice(md->input, (size_t)n));
		at += (uint64_t)n;
	}
	return r;
}

static int
put_body(struct gp_maildir *md, struct delivery *d, const struct gp_maildir_delivery *what)
{
	int r = what->body_fd >= 0 ? put_descriptor(md, d, what->body_fd, what->body_size)
				   : put_message(md, d, what->body);
	if (r == 0 && md->downgrade)
		r = put_converted(md, d, gp_downgrade_end(md->downgrade, &md->lines));
	if (r == 0 && md->cr)
		r = put_octets(md, d, GP_SLICE("\r"));
	return r;
}

static int
write_message(struct gp_maildir *md, struct delivery *d, const struct gp_maildir_delivery *what)
{
	md->chunk_len = 0;
	md->cr = false;
	md->lines = GP_BUF_INIT(LINES_MAX);
	md->downgrade = what->binary ? gp_downgrade_new() : NULL;
	int r = what->binary && !md->downgrade ? -ENOMEM : put_trace(md, d, what);
	if (r == 0)
		r = put_body(md, d, what);
	md->downgrade = gp_downgrade_free(md->downgrade);
	gp_buf_free(&md->lines);
	return r != 0 ? r : flush_chunk(md, d);
}

/*
 * Loops: a message that was in this mailbox before, and came back.
 */

static bool
has_delivered_to(struct gp_slice message, struct gp_slice recipient)
{
	struct gp_arena arena = GP_ARENA_INIT(HEADER_ARENA_MAX);
	struct gp_header h;
	bool found = false;
	/* A header over the splitter's limits was refused at the door. */
	if (gp_header_split(message, &arena, &h) == 0) {
		size_t i = gp_header_find(&h, GP_SLICE("Delivered-To"), 0);
		for (; i < h.fields_len && !found;
		     i = gp_header_find(&h, GP_SLICE("Delivered-To"), i + 1))
			found = gp_slice_eq_nocase(gp_slice_trim(gp_header_value(&h, i)),
						   recipient);
	}
	gp_arena_free(&arena);
	return found;
}

/* As much of the message's front as may be header. */
static int
read_front(struct gp_maildir *md, int fd, uint64_t size, struct gp_buf *front)
{
	size_t want = (size_t)GP_MIN(size, (uint64_t)GP_MAILDIR_HEADER_MAX);
	while (front->len < want) {
		char *to = gp_buf_reserve(front, want - front->len);
		if (!to)
			return -ENOMEM;
		ssize_t n = md->files->read_at(fd, to, want - front->len, front->len);
		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		gp_buf_advance(front, (size_t)n);
	}
	return 0;
}

static int
check_loop(struct gp_maildir *md, const struct gp_maildir_delivery *what)
{
	if (what->body_fd < 0)
		return has_delivered_to(what->body, what->recipient) ? VERDICT_LOOP : 0;
	struct gp_buf front = GP_BUF_INIT(GP_MAILDIR_HEADER_MAX);
	int r = read_front(md, what->body_fd, what->body_size, &front);
	if (r == 0 && has_delivered_to(gp_buf_slice(&front), what->recipient))
		r = VERDICT_LOOP;
	gp_buf_free(&front);
	return r;
}

/*
 * Batches
 */

static int
open_subfolder(struct gp_maildir *md, const struct gp_maildir_delivery *what, const char *folder,
	       const char *name, struct gp_folder **ret)
{
	struct gp_slice path = gp_arena_printf(&md->folders.arena, "%.*s/%s%s",
					       GP_SLICE_FMT(what->mailbox), folder, name);
	if (!path.ptr)
		return -ENOMEM;
	return gp_folders_get(&md->folders, what->root_fd, what->root, path, ret);
}

/* Readers expect all three, so cur/ is made with the others. folder: "" or "NAME/". */
static int
open_folder(struct gp_maildir *md, const struct gp_maildir_delivery *what, const char *folder,
	    struct delivery *d)
{
	struct gp_folder *cur;
	int r = open_subfolder(md, what, folder, "tmp", &d->tmp);
	if (r == 0)
		r = open_subfolder(md, what, folder, "new", &d->new_);
	if (r == 0 && d->new_->parent)
		r = open_subfolder(md, what, folder, "cur", &cur);
	return r;
}

/* The mailbox itself is there before any folder in it. */
static int
open_mailbox(struct gp_maildir *md, const struct gp_maildir_delivery *what, struct delivery *d)
{
	int r = open_folder(md, what, "", d);
	return r == 0 && what->junk ? open_folder(md, what, ".Junk/", d) : r;
}

static int
start_delivery(struct gp_maildir *md, const struct gp_maildir_delivery *what, struct delivery *d)
{
	if (!gp_folder_path_safe(what->mailbox))
		return VERDICT_NAME;
	int r = check_loop(md, what);
	if (r == 0)
		r = open_mailbox(md, what, d);
	if (r == 0)
		r = create_file(md, d);
	return r == 0 ? write_message(md, d, what) : r;
}

static void
close_file(struct gp_maildir *md, struct delivery *d)
{
	if (d->fd >= 0)
		md->files->close(d->fd);
	d->fd = -1;
}

/* Takes back what a delivery that came to nothing has left. */
static void
take_back(struct gp_maildir *md, struct delivery *d)
{
	close_file(md, d);
	if (d->place != NOWHERE)
		(void)md->files->remove(d->place == IN_NEW ? d->new_->fd : d->tmp->fd, d->name.s);
	d->place = NOWHERE;
}

int
gp_maildir_begin(struct gp_maildir *md, const struct gp_maildir_delivery *what, uint64_t now_us)
{
	if (md->deliveries_len == GP_MAILDIR_BATCH_MAX)
		return -ENOBUFS;
	struct delivery *d = &md->deliveries[md->deliveries_len];
	*d = (struct delivery){.fd = -1, .now_us = now_us};
	d->error = start_delivery(md, what, d);
	if (d->error != 0)
		take_back(md, d);
	return (int)md->deliveries_len++;
}

size_t
gp_maildir_begun(const struct gp_maildir *md)
{
	return md->deliveries_len;
}

static void
sync_contents(struct gp_maildir *md, struct delivery *end)
{
	struct gp_sync_item items[GP_MAILDIR_BATCH_MAX];
	size_t n = 0;
	for (struct delivery *d = md->deliveries; d < end; d++) {
		if (d->error == 0)
			items[n++] = (struct gp_sync_item){.fd = d->fd};
	}
	gp_sync_files(&md->syncer, items, n);
	const struct gp_sync_item *item = items;
	for (struct delivery *d = md->deliveries; d < end; d++) {
		if (d->error == 0)
			d->error = item++->error;
		close_file(md, d);
	}
}

/* One pass over all for each step, as a sync costs about the same for many as for one. */
void
gp_maildir_commit(struct gp_maildir *md)
{
	struct delivery *end = md->deliveries + md->deliveries_len;
	sync_contents(md, end);
	for (struct delivery *d = md->deliveries; d < end; d++) {
		if (d->error == 0)
			d->error = publish_file(md, d);
	}
	gp_folders_sync(&md->folders, &md->syncer);
	for (struct delivery *d = md->deliveries; d < end; d++) {
		if (d->error == 0)
			d->error = gp_folder_error(d->new_);
		if (d->error != 0)
			take_back(md, d);
		d->place = NOWHERE;
	}
}

void
gp_maildir_reset(struct gp_maildir *md)
{
	for (size_t i = 0; i < md->deliveries_len; i++)
		take_back(md, &md->deliveries[i]);
	md->deliveries_len = 0;
	gp_folders_reset(&md->folders);
}

static struct gp_reply
reply_for(int error)
{
	switch (error) {
	case 0:
		return GP_REPLY(250, 2, 0, 0, "In the mailbox");
	case VERDICT_LOOP:
		return GP_REPLY(554, 5, 4, 6, "Mail loop: the message was in this mailbox before");
	case VERDICT_BINARY:
		return GP_REPLY(554, 5, 6, 1, "The message is binary, and its parts do not say so");
	case VERDICT_NAME:
	case -ENAMETOOLONG:
		return GP_REPLY(550, 5, 1, 3, "No mailbox can have this name");
	case -ENOSPC:
		return GP_REPLY(452, 4, 3, 1, "No space left for mail");
	case -EDQUOT:
		return GP_REPLY(452, 4, 2, 2, "The mailbox is over its quota");
	case -EACCES:
	case -EPERM:
	case -ELOOP:
	case -EXDEV:
	case -ENOTDIR:
		return GP_REPLY(451, 4, 2, 0, "The mailbox's folder cannot be used");
	case -EROFS:
		return GP_REPLY(451, 4, 3, 5, "Mailboxes are read only at present");
	default:
		return GP_REPLY(451, 4, 3, 0, "The mailbox cannot be written at present");
	}
}

struct gp_outcome
gp_maildir_outcome(const struct gp_maildir *md, size_t number)
{
	gp_assert(number < md->deliveries_len);
	struct gp_outcome o = {.reply = reply_for(md->deliveries[number].error)};
	if (gp_reply_positive(&o.reply))
		o.kind = GP_OUTCOME_DELIVERED;
	else
		o.kind = gp_reply_transient(&o.reply) ? GP_OUTCOME_DEFERRED : GP_OUTCOME_FAILED;
	return o;
}

int
gp_maildir_errno(const struct gp_maildir *md, size_t number)
{
	gp_assert(number < md->deliveries_len);
	return GP_MAX(0, -md->deliveries[number].error);
}
