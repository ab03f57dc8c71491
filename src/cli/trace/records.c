/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/trace/records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/control.h"
#include "ipc/channel.h"

enum {
	FILES_MAX = 512,
	PIECE = 256 * 1024,
	ENTRY_ARENA_MAX = 64 * 1024, /* the list of one entry */
};

struct gp_records {
	struct gp_loop *loop;
	struct {
		int fd;
		uint8_t kind;
	} files[FILES_MAX];
	size_t files_len;
	struct gp_arena *arena;
	struct gp_slice why; /* the answer was bad */
	bool done;
};

/* --- the conversation --- */

static void
on_message(void *ctx, struct gp_channel *c, struct gp_message *m)
{
	struct gp_records *r = ctx;
	(void)c;
	if (m->type == GP_MSG_JOURNAL_FILE && r->files_len < FILES_MAX) {
		r->files[r->files_len].kind = m->journal_file.kind;
		r->files[r->files_len++].fd = m->fd;
		m->fd = -1;
	} else if (m->type == GP_MSG_QUEUE_DONE) {
		r->done = true;
		if (m->queue_done.result != GP_QUEUE_OK)
			r->why = gp_arena_dup(r->arena, m->queue_done.text);
		gp_loop_stop(r->loop);
	}
}

static void
on_close(void *ctx, struct gp_channel *c, const char *why)
{
	struct gp_records *r = ctx;
	(void)c;
	if (!r->done)
		r->why = gp_slice_str(why);
	gp_loop_stop(r->loop);
}

static int
ask(struct gp_records *r, int fd)
{
	struct gp_channel_owner owner = {on_message, on_close, r};
	struct gp_message m = {.type = GP_MSG_QUEUE_REQUEST,
			       .fd = -1,
			       .queue_request = {.verb = GP_QUEUE_JOURNAL}};
	r->loop = gp_loop_new();
	if (!r->loop) {
		close(fd);
		return -ENOMEM;
	}
	struct gp_channel *c = gp_channel_new(r->loop, fd, GP_PERMIT_SPOOL_TO_COMMAND, &owner);
	int rc = c && gp_channel_send(c, &m) ? gp_loop_run(r->loop) : -ENOMEM;
	/* A channel whose end was told is gone already. */
	if (c && r->done)
		gp_channel_free(c);
	gp_loop_free(r->loop);
	if (rc < 0)
		return rc;
	return r->done && r->why.len == 0 ? 0 : -EPROTO;
}

int
gp_records_open(const struct gp_config *cfg, struct gp_arena *arena, struct gp_records **ret,
		struct gp_slice *ret_why)
{
	struct gp_control control;
	*ret = NULL;
	*ret_why = GP_SLICE("out of memory");
	struct gp_records *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->arena = arena;
	int rc = gp_control_connect(cfg, &control);
	if (rc < 0)
		*ret_why = gp_arena_printf(arena, "%s: %s; is the gateway running?", control.path,
					   strerror(-rc));
	else
		rc = ask(r, control.fd);
	if (rc == -EPROTO)
		*ret_why = gp_arena_printf(arena, "the gateway gave no journal: %.*s",
					   GP_SLICE_FMT(r->why));
	if (rc < 0)
		gp_records_close(r);
	else
		*ret = r;
	return rc;
}

struct gp_records *
gp_records_close(struct gp_records *r)
{
	for (size_t i = 0; r && i < r->files_len; i++)
		close(r->files[i].fd);
	free(r);
	return NULL;
}

/* --- reading --- */

static int
read_file(int fd, struct gp_buf *text)
{
	char *to = gp_buf_reserve(text, PIECE);
	for (off_t at = 0; to; to = gp_buf_reserve(text, PIECE)) {
		ssize_t n = pread(fd, to, PIECE, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		gp_buf_advance(text, (size_t)n);
		at += n;
	}
	return -EFBIG;
}

static bool
walk_file(struct gp_slice file, bool (*each)(void *ctx, const struct gp_journal_entry *e),
	  void *ctx)
{
	struct gp_arena arena = GP_ARENA_INIT(ENTRY_ARENA_MAX);
	struct gp_journal_entry e;
	bool more = true;
	while (more && gp_journal_read(&file, &arena, &e) == 0) {
		more = each(ctx, &e);
		gp_arena_reset(&arena);
	}
	gp_arena_free(&arena);
	return more;
}

int
gp_records_walk(struct gp_records *r, enum gp_journal_file_kind kind,
		bool (*each)(void *ctx, const struct gp_journal_entry *e), void *ctx)
{
	bool more = true;
	int rc = 0;
	for (size_t i = 0; more && rc == 0 && i < r->files_len; i++) {
		struct gp_buf text = GP_BUF_INIT((size_t)GP_JOURNAL_FILE_MAX + 2 * PIECE);
		if (r->files[i].kind != kind)
			continue;
		rc = read_file(r->files[i].fd, &text);
		if (rc == 0)
			more = walk_file(gp_buf_slice(&text), each, ctx);
		gp_buf_free(&text);
	}
	return rc;
}

struct gp_journal_entry
gp_records_copy(const struct gp_journal_entry *e, struct gp_arena *arena)
{
	struct gp_journal_entry copy = *e;
	struct gp_slice *const texts[] = {&copy.client,  &copy.helo,       &copy.user,
					  &copy.sender,  &copy.message_id, &copy.tls,
					  &copy.results, &copy.rcpt,       &copy.reply.text,
					  &copy.remote,  &copy.answers};
	for (size_t i = 0; i < GP_ARRAY_LEN(texts); i++)
		*texts[i] = gp_arena_dup(arena, *texts[i]);
	struct gp_slice *rcpts = gp_arena_array(arena, e->rcpts_len, sizeof(*rcpts));
	for (size_t i = 0; rcpts && i < e->rcpts_len; i++)
		rcpts[i] = gp_arena_dup(arena, e->rcpts[i]);
	copy.rcpts = rcpts;
	copy.rcpts_len = rcpts ? e->rcpts_len : 0;
	return copy;
}
