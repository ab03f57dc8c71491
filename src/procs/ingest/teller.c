/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/ingest/wire.h"
#include "procs/ingest/ingest.h"

enum { FULL = 256 * 1024 };

struct teller {
	struct gp_told_writer told; /* first: its `empty` is given this alone */
	struct gp_channel *channel;
	uint64_t last; /* ticket */
};

static int
say(struct teller *t, const struct gp_message *m)
{
	if (!t->channel)
		return -EPIPE;
	return gp_channel_send(t->channel, m) ? 0 : -ENOMEM;
}

static int
empty(struct gp_told_writer *w)
{
	struct teller *t = gp_container_of(w, struct teller, told);
	struct gp_message m = {.type = GP_MSG_REPORT_TOLD, .fd = -1};
	m.report_told.frames = gp_buf_slice(&w->out);
	int r = w->out.len > 0 ? say(t, &m) : 0;
	gp_buf_consume(&w->out, w->out.len);
	return r;
}

struct teller *
teller_new(void)
{
	struct teller *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->told = gp_told_writer(INGEST_FRAMES_MAX, FULL, empty);
	return t;
}

void
teller_connect(struct teller *t, struct gp_channel *channel)
{
	t->channel = channel;
}

int
teller_begin(struct teller *t, struct gp_slice file, bool authenticated, uint64_t *ret)
{
	struct gp_message m = {.type = GP_MSG_REPORT_BEGIN, .fd = -1};
	m.report_begin.ticket = *ret = ++t->last;
	m.report_begin.file = file;
	m.report_begin.authenticated = authenticated;
	/* Of one that was given up in its middle; and reports passes over what it need not hear. */
	gp_buf_consume(&t->told.out, t->told.out.len);
	gp_told_writer_forget(&t->told);
	return say(t, &m);
}

int
teller_keep_mail(struct teller *t, struct gp_message *m, uint64_t *ret)
{
	m->report_mail.ticket = *ret = ++t->last;
	if (t->channel)
		return say(t, m);
	if (m->fd >= 0)
		close(m->fd);
	return -EPIPE;
}

struct gp_ingest_listener
teller_listener(struct teller *t)
{
	return gp_told_listener(&t->told);
}

int
teller_end(struct teller *t, const char *refused)
{
	struct gp_message m = {.type = GP_MSG_REPORT_END, .fd = -1};
	m.report_end.refused = gp_slice_str(refused);
	int r = empty(&t->told);
	return r == 0 ? say(t, &m) : r;
}
