/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/reports/imap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/reports/imap_progress.h"
#include "cli/reports/imap_reply.h"
#include "cli/reports/imap_wire.h"

enum { COMMAND_MAX = 2048 };

struct walk {
	const struct imap_options *o;
	const struct imap_listener *l;
	struct imap_wire *wire;
	uint64_t left; /* mails that this run may have */
	bool can_move, can_expunge;
	uint32_t validity, next; /* of the folder */
	struct imap_progress progress;
	/* What a search found. */
	uint32_t from, to;
	uint32_t *found; /* IMAP_WINDOW of them */
	size_t found_len;
	/* The batch: what is done with once it is stored. */
	uint32_t batch[IMAP_BATCH];
	size_t batch_len;
	/* The mail that is being fetched. */
	uint32_t uid;
	bool came;
};

/* --- commands --- */

static int
say(struct walk *w, struct gp_buf *command, const struct imap_ear *ear)
{
	int r = command->failed ? imap_wire_fail(w->wire, "no memory")
				: imap_wire_command(w->wire, gp_buf_slice(command), ear);
	gp_buf_free(command);
	return r;
}

/* A name as a quoted string (RFC 3501 section 4.3). */
static void
put_quoted(struct gp_buf *out, const char *name)
{
	gp_buf_put_char(out, '"');
	for (; *name; name++) {
		if (*name == '"' || *name == '\\')
			gp_buf_put_char(out, '\\');
		gp_buf_put_char(out, *name);
	}
	gp_buf_put_char(out, '"');
}

/* VERB SET REST, for all of the batch. */
static struct gp_buf
of_batch(const struct walk *w, const char *verb)
{
	struct gp_buf out = GP_BUF_INIT(COMMAND_MAX);
	gp_buf_printf(&out, "UID %s ", verb);
	for (size_t i = 0; i < w->batch_len; i++)
		gp_buf_printf(&out, "%s%u", i > 0 ? "," : "", w->batch[i]);
	return out;
}

/* --- its beginning --- */

static int
hear_capabilities(void *context, struct gp_slice rest)
{
	struct walk *w = context;
	/* RFC 6851, RFC 4315 */
	w->can_move = w->can_move || imap_reply_capable(rest, GP_SLICE("MOVE"));
	w->can_expunge = w->can_expunge || imap_reply_capable(rest, GP_SLICE("UIDPLUS"));
	return 0;
}

static int
hear_folder(void *context, struct gp_slice rest)
{
	struct walk *w = context;
	(void)imap_reply_code(rest, GP_SLICE("UIDVALIDITY"), &w->validity);
	(void)imap_reply_code(rest, GP_SLICE("UIDNEXT"), &w->next);
	return 0;
}

static int
open_folder(struct walk *w)
{
	const struct imap_ear capabilities = {w, hear_capabilities, -1, 0};
	const struct imap_ear folder = {w, hear_folder, -1, 0};
	struct gp_buf command = GP_BUF_INIT(COMMAND_MAX);
	int r = imap_wire_command(w->wire, GP_SLICE("CAPABILITY"), &capabilities);
	if (r != 0)
		return r;
	/* EXAMINE lets a server change nothing (section 6.3.2). */
	gp_buf_put_str(&command, w->o->progress ? "EXAMINE " : "SELECT ");
	put_quoted(&command, w->o->url.folder);
	r = say(w, &command, &folder);
	if (r == 0 && (w->validity == 0 || w->next == 0))
		r = imap_wire_fail(w->wire, "the server does not say how its mails are numbered");
	return r;
}

static int
open_progress(struct walk *w)
{
	const char *path = w->o->progress;
	int r = path ? imap_progress_read(path, &w->o->url, &w->progress) : 0;
	if (r > 0)
		return imap_wire_fail(w->wire, "%s is of another folder, or something else", path);
	if (r < 0)
		return imap_wire_fail(w->wire, "%s: %s", path, strerror(-r));
	/* Other numbers: all are new (section 2.3.1.1). */
	if (w->progress.validity != w->validity)
		w->progress = (struct imap_progress){.validity = w->validity};
	return 0;
}

/* --- a mail --- */

static int
hear_mail(void *context, struct gp_slice rest)
{
	struct walk *w = context;
	uint32_t uid;
	if (imap_reply_fetch(rest, &uid))
		w->came = w->came || uid == w->uid;
	return 0;
}

/* Into a file without a name, whose descriptor is *ret; -1: it has gone meanwhile. One octet more
   than may be is asked for, to tell the mails that are larger. */
static int
fetch(struct walk *w, int *ret, uint64_t *ret_octets)
{
	const char *folder = getenv("TMPDIR");
	uint32_t ask = (uint32_t)GP_MIN(w->o->size_max, (uint64_t)UINT32_MAX - 1) + 1;
	struct gp_buf command = GP_BUF_INIT(COMMAND_MAX);
	int fd = open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	const struct imap_ear ear = {w, hear_mail, fd, ask};
	*ret = -1;
	if (fd < 0)
		return imap_wire_fail(w->wire, "a temporary file: %s", strerror(errno));
	gp_buf_printf(&command, "UID FETCH %u (UID BODY.PEEK[]<0.%u>)", w->uid, ask);
	w->came = false;
	int r = say(w, &command, &ear);
	off_t octets = lseek(fd, 0, SEEK_END);
	if (r == 0 && octets > 0 && !w->came)
		r = imap_wire_fail(w->wire, "the server sends another mail than was asked for");
	if (r != 0 || octets <= 0) {
		close(fd);
		return r;
	}
	*ret = fd;
	*ret_octets = (uint64_t)octets;
	return 0;
}

static int
take_mail(struct walk *w)
{
	char name[IMAP_MAIL_NAME_MAX];
	struct reader_request all = {};
	int fd;
	int r = fetch(w, &fd, &all.length);
	if (r != 0 || fd < 0)
		return r;
	snprintf(name, sizeof(name), "%s%s, UID %u of %s", w->o->url.server, w->o->url.folder,
		 w->uid, w->o->url.user);
	if (all.length <= w->o->size_max)
		w->batch[w->batch_len++] = w->uid;
	return w->l->file(w->l->context, fd, &all, name);
}

/* --- what is done --- */

static int
mark_seen(struct walk *w)
{
	struct gp_buf command = of_batch(w, "STORE");
	gp_buf_put_str(&command, " +FLAGS.SILENT (\\Seen)");
	return say(w, &command, NULL);
}

/* Without UIDPLUS mails stay, as \Deleted: to expunge would take those of others along. */
static int
move(struct walk *w)
{
	struct gp_buf command = of_batch(w, w->can_move ? "MOVE" : "COPY");
	gp_buf_put_char(&command, ' ');
	put_quoted(&command, w->o->move);
	int r = say(w, &command, NULL);
	if (r != 0 || w->can_move)
		return r;
	command = of_batch(w, "STORE");
	gp_buf_put_str(&command, " +FLAGS.SILENT (\\Deleted)");
	r = say(w, &command, NULL);
	if (r != 0 || !w->can_expunge)
		return r;
	command = of_batch(w, "EXPUNGE");
	return say(w, &command, NULL);
}

static int
remember(struct walk *w, uint32_t last)
{
	w->progress.last = last;
	int r = imap_progress_write(w->o->progress, &w->o->url, &w->progress);
	return r < 0 ? imap_wire_fail(w->wire, "%s: %s", w->o->progress, strerror(-r)) : 0;
}

/* Stored first: a mail that is marked is one whose data is safe. */
static int
end_batch(struct walk *w, uint32_t last)
{
	int r = w->l->store(w->l->context);
	if (r == 0 && w->o->progress)
		r = remember(w, last);
	else if (r == 0 && w->batch_len > 0)
		r = w->o->move ? move(w) : mark_seen(w);
	w->batch_len = 0;
	return r;
}

/* --- all mails --- */

static int
hear_found(void *context, struct gp_slice rest)
{
	struct walk *w = context;
	uint32_t uid;
	int r = 0;
	if (!gp_slice_eq_nocase(gp_slice_take(rest, 6), GP_SLICE("SEARCH")))
		return 0;
	while ((r = imap_reply_search(&rest, &uid)) > 0) {
		if (uid < w->from || uid > w->to || w->found_len == IMAP_WINDOW)
			return imap_wire_fail(w->wire, "the server finds what cannot be");
		w->found[w->found_len++] = uid;
	}
	return r < 0 ? imap_wire_fail(w->wire, "the server says what it may not") : 0;
}

static int
by_number(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
	return (one > other) - (one < other);
}

static int
search(struct walk *w)
{
	const struct imap_ear ear = {w, hear_found, -1, 0};
	struct gp_buf command = GP_BUF_INIT(COMMAND_MAX);
	w->found_len = 0;
	gp_buf_printf(&command, "UID SEARCH UID %u:%u UNDELETED%s", w->from, w->to,
		      w->o->progress || w->o->move ? "" : " UNSEEN");
	int r = say(w, &command, &ear);
	qsort(w->found, w->found_len, sizeof(*w->found), by_number);
	return r;
}

static int
walk_window(struct walk *w)
{
	int r = search(w);
	for (size_t i = 0; r == 0 && i < w->found_len && w->left > 0; i++) {
		w->uid = w->found[i];
		w->left--;
		r = take_mail(w);
		if (r == 0 && w->batch_len == IMAP_BATCH)
			r = end_batch(w, w->uid);
	}
	if (r != 0 || w->found_len == 0)
		return r;
	return end_batch(w, w->left > 0 ? w->to : w->uid);
}

static int
walk_folder(struct walk *w)
{
	int r = open_folder(w);
	if (r == 0)
		r = open_progress(w);
	uint64_t from = (uint64_t)w->progress.last + 1;
	for (; r == 0 && from < w->next && w->left > 0; from += IMAP_WINDOW) {
		w->from = (uint32_t)from;
		w->to = (uint32_t)GP_MIN(from + IMAP_WINDOW, (uint64_t)w->next) - 1;
		r = walk_window(w);
	}
	/* All is done: how the server takes its leave is of no interest. */
	if (r == 0)
		(void)imap_wire_command(w->wire, GP_SLICE("LOGOUT"), NULL);
	return r;
}

int
imap_walk(const struct imap_options *o, const struct imap_listener *listener)
{
	const struct imap_login login = {o->url.server, o->url.user, o->password, o->authorities};
	struct walk w = {.o = o, .l = listener, .left = o->mails_max};
	w.wire = imap_wire_new();
	w.found = calloc(IMAP_WINDOW, sizeof(*w.found));
	int r = w.wire && w.found ? imap_wire_open(w.wire, &login) : -ENOMEM;
	if (r == 0)
		r = walk_folder(&w);
	if (r < 0)
		fprintf(stderr, "gatepost reports: %s: %s\n", o->url.server, strerror(-r));
	if (r > 0)
		fprintf(stderr, "gatepost reports: %s: %s\n", o->url.server, imap_wire_why(w.wire));
	free(w.found);
	imap_wire_free(w.wire);
	return r;
}
