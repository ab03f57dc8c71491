/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/audit/follow.h"

#include "cli/command.h"

int
audit_follow_open(struct audit_follow *f, const struct audit_options *o, struct event_base *base,
		  struct gp_asks *dns)
{
	const struct audit_rcpts_options rcpts = {.base = base,
						  .dns = dns,
						  .helo = o->helo,
						  .authorities = o->authorities,
						  .private = o->private,
						  .rate = o->probe_rate,
						  .optouts = o->optouts,
						  .optouts_len = o->optouts_len};
	*f = (struct audit_follow){};
	if (!o->hosts)
		return GP_EXIT_OK;
	f->marks = audit_marks_open(base, o->authorities, o->private);
	if (f->marks && o->rcpt)
		f->rcpts = audit_rcpts_open(&rcpts);
	return f->marks && (f->rcpts || !o->rcpt) ? GP_EXIT_OK : GP_EXIT_ERROR;
}

void
audit_follow_close(struct audit_follow *f)
{
	audit_marks_close(f->marks);
	audit_rcpts_close(f->rcpts);
}

static void
tell_if_whole(struct audit_followed *d)
{
	if (!d->marks_open && !d->rcpts_open)
		d->ready(d);
}

static void
on_marks(struct audit_mark_files *files)
{
	struct audit_followed *d = gp_container_of(files, struct audit_followed, marks);
	d->marks_open = false;
	tell_if_whole(d);
}

static void
on_rcpts(struct audit_rcpt_wants *wants)
{
	struct audit_followed *d = gp_container_of(wants, struct audit_followed, rcpts);
	d->rcpts_open = false;
	tell_if_whole(d);
}

int
audit_follow(struct audit_follow *f, struct audit_followed *d, const struct gp_posture_facts *facts,
	     const struct gp_answers *answers, struct gp_arena *arena,
	     struct gp_posture_query *query)
{
	int r = AUDIT_MARKS_NONE;
	if (d->begun || !f->marks)
		return AUDIT_FOLLOW_NOTHING;
	d->begun = true;
	d->marks.ready = on_marks;
	d->rcpts.ready = on_rcpts;
	if (f->rcpts && facts->dmarc.rua)
		d->rcpts_open = audit_rcpts_follow(f->rcpts, &d->rcpts, facts->dmarc.rua, arena);
	r = audit_marks_follow(f->marks, &d->marks, facts, answers, arena);
	if (r < 0)
		return r;
	d->marks_open = r == AUDIT_MARKS_WAIT;
	if (r != AUDIT_MARKS_NONE)
		query->bimi = &d->marks.bimi;
	query->mailboxes = d->rcpts.mailboxes;
	query->mailboxes_len = d->rcpts.len;
	if (d->marks_open || d->rcpts_open)
		return AUDIT_FOLLOW_WAIT;
	return r != AUDIT_MARKS_NONE || d->rcpts.len > 0 ? AUDIT_FOLLOW_AGAIN
							 : AUDIT_FOLLOW_NOTHING;
}

void
audit_follow_end(struct audit_followed *d)
{
	audit_marks_end(&d->marks);
	audit_rcpts_end(&d->rcpts);
}
