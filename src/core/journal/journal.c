/* SPDX-License-Identifier: Apache-2.0 */
#include "core/journal/journal.h"

#include <errno.h>

#include "base/crc32c.h"
#include "base/wire.h"

enum { FRAME = 8, CRC_AT = 4 }; /* size and checksum */

/* --- writing --- */

static void
write_text(struct gp_buf *b, struct gp_slice s)
{
	gp_write_bytes(b, gp_slice_take(s, GP_JOURNAL_TEXT_MAX));
}

static void
write_client(struct gp_buf *b, const struct gp_journal_entry *e)
{
	gp_write_u8(b, e->origin);
	write_text(b, e->client);
	write_text(b, e->helo);
	write_text(b, e->user);
	write_text(b, e->sender);
	write_text(b, e->message_id);
}

static void
write_reply(struct gp_buf *b, const struct gp_journal_entry *e)
{
	write_text(b, e->rcpt);
	gp_write_u16(b, e->reply.code);
	gp_write_u8(b, e->reply.enhanced_class);
	gp_write_u16(b, e->reply.enhanced_subject);
	gp_write_u16(b, e->reply.enhanced_detail);
	write_text(b, e->reply.text);
}

static void
write_arrived(struct gp_buf *b, const struct gp_journal_entry *e)
{
	size_t len = GP_MIN(e->rcpts_len, (size_t)GP_JOURNAL_RCPTS_MAX);
	write_client(b, e);
	write_text(b, e->tls);
	write_text(b, e->results);
	gp_write_u64(b, e->size);
	gp_write_u32(b, e->rcpts_all);
	gp_write_u8(b, (uint8_t)len);
	for (size_t i = 0; i < len; i++)
		write_text(b, e->rcpts[i]);
}

static void
write_outcome(struct gp_buf *b, const struct gp_journal_entry *e)
{
	write_reply(b, e);
	gp_write_u8(b, e->outcome);
	write_text(b, e->remote);
	gp_write_u32(b, e->attempts);
	gp_write_u64(b, e->next_ms);
}

static void
write_payload(struct gp_buf *b, const struct gp_journal_entry *e)
{
	gp_write_u8(b, e->kind);
	gp_write_u64(b, e->time_ms);
	gp_write_u64(b, e->id);
	switch (e->kind) {
	case GP_JOURNAL_BEGAN:
		break;
	case GP_JOURNAL_LOST:
		gp_write_u64(b, e->count);
		break;
	case GP_JOURNAL_ARRIVED:
		write_arrived(b, e);
		break;
	case GP_JOURNAL_OUTCOME:
		write_outcome(b, e);
		break;
	case GP_JOURNAL_REFUSED:
		write_client(b, e);
		write_reply(b, e);
		break;
	case GP_JOURNAL_ANSWERS:
		gp_write_bytes(b, e->answers);
		break;
	default:
		gp_unreachable("a kind that nobody writes");
	}
}

static void
put_u32(char *to, uint32_t v)
{
	for (size_t i = 0; i < sizeof(v); i++)
		to[i] = (char)(v >> (8 * i));
}

bool
gp_journal_write(struct gp_buf *out, const struct gp_journal_entry *entry)
{
	size_t start = out->len;
	if (out->failed)
		return false;
	gp_write_u64(out, 0); /* the frame, when it is known */
	write_payload(out, entry);
	if (out->failed) {
		gp_buf_truncate(out, start);
		out->failed = false;
		return false;
	}
	char *frame = out->ptr + out->head + start;
	struct gp_slice payload = gp_slice(frame + FRAME, out->len - start - FRAME);
	gp_assert(payload.len <= GP_JOURNAL_ENTRY_MAX);
	put_u32(frame, (uint32_t)payload.len);
	put_u32(frame + CRC_AT, gp_crc32c(0, payload));
	return true;
}

/* --- reading --- */

static struct gp_slice
read_text(struct gp_reader *r)
{
	return gp_read_bytes(r, GP_JOURNAL_TEXT_MAX);
}

static void
read_client(struct gp_reader *r, struct gp_journal_entry *e)
{
	e->origin = gp_read_u8(r);
	e->client = read_text(r);
	e->helo = read_text(r);
	e->user = read_text(r);
	e->sender = read_text(r);
	e->message_id = read_text(r);
	r->failed = r->failed || e->origin < GP_JOURNAL_STRANGER || e->origin > GP_JOURNAL_OURS;
}

static void
read_reply(struct gp_reader *r, struct gp_journal_entry *e)
{
	e->rcpt = read_text(r);
	e->reply.code = gp_read_u16(r);
	e->reply.enhanced_class = gp_read_u8(r);
	e->reply.enhanced_subject = gp_read_u16(r);
	e->reply.enhanced_detail = gp_read_u16(r);
	e->reply.text = read_text(r);
}

static int
read_arrived(struct gp_reader *r, struct gp_arena *arena, struct gp_journal_entry *e)
{
	read_client(r, e);
	e->tls = read_text(r);
	e->results = read_text(r);
	e->size = gp_read_u64(r);
	e->rcpts_all = gp_read_u32(r);
	size_t len = gp_read_u8(r);
	r->failed = r->failed || len > GP_JOURNAL_RCPTS_MAX;
	struct gp_slice *rcpts = r->failed ? NULL : gp_arena_array(arena, len, sizeof(*rcpts));
	if (!rcpts)
		return r->failed ? 0 : -ENOMEM;
	for (size_t i = 0; i < len; i++)
		rcpts[i] = read_text(r);
	e->rcpts = rcpts;
	e->rcpts_len = len;
	return 0;
}

static void
read_outcome(struct gp_reader *r, struct gp_journal_entry *e)
{
	read_reply(r, e);
	e->outcome = gp_read_u8(r);
	e->remote = read_text(r);
	e->attempts = gp_read_u32(r);
	e->next_ms = gp_read_u64(r);
	r->failed =
		r->failed || e->outcome < GP_OUTCOME_DELIVERED || e->outcome > GP_OUTCOME_FAILED;
}

/* 0, 1: it is not of this form, or -ENOMEM */
static int
read_payload(struct gp_slice payload, struct gp_arena *arena, struct gp_journal_entry *e)
{
	struct gp_reader r = gp_reader(payload);
	int rc = 0;
	*e = (struct gp_journal_entry){.kind = gp_read_u8(&r)};
	e->time_ms = gp_read_u64(&r);
	e->id = gp_read_u64(&r);
	switch (e->kind) {
	case GP_JOURNAL_BEGAN:
		break;
	case GP_JOURNAL_LOST:
		e->count = gp_read_u64(&r);
		break;
	case GP_JOURNAL_ARRIVED:
		rc = read_arrived(&r, arena, e);
		break;
	case GP_JOURNAL_OUTCOME:
		read_outcome(&r, e);
		break;
	case GP_JOURNAL_REFUSED:
		read_client(&r, e);
		read_reply(&r, e);
		break;
	case GP_JOURNAL_ANSWERS:
		e->answers = gp_read_bytes(&r, GP_JOURNAL_ANSWERS_MAX);
		break;
	default:
		return 1;
	}
	return rc < 0 ? rc : !gp_read_end(&r);
}

int
gp_journal_read(struct gp_slice *file, struct gp_arena *arena, struct gp_journal_entry *ret)
{
	struct gp_reader r = gp_reader(*file);
	size_t size = gp_read_u32(&r);
	uint32_t crc = gp_read_u32(&r);
	struct gp_slice payload = gp_read_raw(&r, GP_MIN(size, (size_t)GP_JOURNAL_ENTRY_MAX));
	if (r.failed || size > GP_JOURNAL_ENTRY_MAX || gp_crc32c(0, payload) != crc)
		return 1;
	int rc = read_payload(payload, arena, ret);
	if (rc == 0)
		*file = r.rest;
	return rc;
}
