/* SPDX-License-Identifier: Apache-2.0 */
#include "spool/record.h"

#include <string.h>

#include "base/crc32c.h"

static const uint64_t segment_magic = 0x0a4c4f4f50535047; /* "GPSPOOL\n" */

enum {
	HEADER_CRC_AT = 12,
	HEAD_CRC_AT = 8,
	HEAD_CRC_FROM = 12,
};

/* A buffer over memory of the caller: for records of a fixed length. */
static struct gp_buf
fixed_buf(char *at, size_t len)
{
	return (struct gp_buf){.ptr = at, .cap = len, .max = len};
}

static uint32_t
header_crc(struct gp_slice h)
{
	uint32_t crc = gp_crc32c(0, gp_slice_take(h, HEADER_CRC_AT));
	return gp_crc32c(crc, gp_slice_drop(h, HEADER_CRC_AT + 4));
}

static void
header_copy_write(char *at, const struct gp_segment_header *h)
{
	struct gp_buf b = fixed_buf(at, GP_SEGMENT_HEADER);
	gp_write_u64(&b, segment_magic);
	gp_write_u32(&b, GP_SEGMENT_FORMAT);
	gp_write_u32(&b, 0);
	gp_write_u64(&b, h->sequence);
	gp_write_u64(&b, h->mark);
	gp_write_u64(&b, h->prev_sequence);
	gp_write_u64(&b, h->prev_end);
	gp_write_u64(&b, h->created_ms);
	gp_write_u64(&b, 0);
	gp_assert(!b.failed && b.len == GP_SEGMENT_HEADER);

	struct gp_buf crc = fixed_buf(at + HEADER_CRC_AT, 4);
	gp_write_u32(&crc, header_crc(gp_slice(at, GP_SEGMENT_HEADER)));
}

void
gp_segment_header_write(struct gp_buf *out, const struct gp_segment_header *h)
{
	char *at = gp_buf_reserve(out, GP_SEGMENT_START);
	if (!at)
		return;
	memset(at, 0, GP_SEGMENT_START);
	header_copy_write(at, h);
	header_copy_write(at + GP_SEGMENT_COPY, h);
	gp_buf_advance(out, GP_SEGMENT_START);
}

static int
header_copy_read(struct gp_slice copy, struct gp_segment_header *ret)
{
	copy = gp_slice_take(copy, GP_SEGMENT_HEADER);
	struct gp_reader r = gp_reader(copy);
	uint64_t magic = gp_read_u64(&r);
	uint32_t version = gp_read_u32(&r);
	uint32_t crc = gp_read_u32(&r);
	*ret = (struct gp_segment_header){
		.sequence = gp_read_u64(&r),
	};
	ret->mark = gp_read_u64(&r);
	ret->prev_sequence = gp_read_u64(&r);
	ret->prev_end = gp_read_u64(&r);
	ret->created_ms = gp_read_u64(&r);
	gp_read_u64(&r);
	if (!gp_read_end(&r) || magic != segment_magic)
		return 1;
	if (version != GP_SEGMENT_FORMAT)
		return GP_STORE_VERSION;
	return crc == header_crc(copy) ? 0 : 1;
}

int
gp_segment_header_read(struct gp_slice first, struct gp_segment_header *ret)
{
	int a = header_copy_read(first, ret);
	if (a == 0)
		return 0;
	int b = header_copy_read(gp_slice_drop(first, GP_SEGMENT_COPY), ret);
	/* One copy of an unknown version beside a broken one is more likely that than damage. */
	return b == 0 ? 0 : GP_MAX(a, b);
}

uint64_t
gp_record_size(uint64_t meta_len, uint64_t body_len)
{
	uint64_t size = GP_RECORD_HEAD + meta_len + body_len;
	return (size + GP_RECORD_ALIGN - 1) / GP_RECORD_ALIGN * GP_RECORD_ALIGN;
}

static uint32_t
head_crc(struct gp_slice head, const struct gp_record_place *place, struct gp_slice meta)
{
	char where[16];
	struct gp_buf b = fixed_buf(where, sizeof(where));
	gp_write_u64(&b, place->sequence);
	gp_write_u64(&b, place->offset);
	uint32_t crc = gp_crc32c(0, gp_slice(where, sizeof(where)));
	crc = gp_crc32c(crc, gp_slice_drop(head, HEAD_CRC_FROM));
	return gp_crc32c(crc, meta);
}

void
gp_record_head_write(char *head, const struct gp_record_place *place, const struct gp_record *r,
		     struct gp_slice meta)
{
	gp_assert(meta.len == r->meta_len);
	struct gp_buf b = fixed_buf(head, GP_RECORD_HEAD);
	gp_write_u64(&b, place->mark);
	gp_write_u32(&b, 0);
	gp_write_u32(&b, r->body_crc);
	gp_write_u32(&b, r->type);
	gp_write_u32(&b, r->meta_len);
	gp_write_u64(&b, r->body_len);
	gp_write_u64(&b, r->id);
	gp_write_u64(&b, r->synced);
	gp_assert(!b.failed && b.len == GP_RECORD_HEAD);

	struct gp_buf crc = fixed_buf(head + HEAD_CRC_AT, 4);
	gp_write_u32(&crc, head_crc(gp_slice(head, GP_RECORD_HEAD), place, meta));
}

bool
gp_record_head_read(struct gp_slice head, uint64_t mark, struct gp_record *ret)
{
	struct gp_reader r = gp_reader(gp_slice_take(head, GP_RECORD_HEAD));
	uint64_t found = gp_read_u64(&r);
	gp_read_u32(&r);
	*ret = (struct gp_record){};
	ret->body_crc = gp_read_u32(&r);
	uint32_t type = gp_read_u32(&r);
	ret->meta_len = gp_read_u32(&r);
	ret->body_len = gp_read_u64(&r);
	ret->id = gp_read_u64(&r);
	ret->synced = gp_read_u64(&r);
	if (!gp_read_end(&r) || found != mark || type == 0 || type >= GP_RECORD_TYPES)
		return false;
	ret->type = (uint8_t)type;
	return ret->meta_len <= GP_META_MAX && ret->body_len <= UINT64_MAX / 4 &&
	       (type == GP_RECORD_MESSAGE || ret->body_len == 0);
}

bool
gp_record_head_good(struct gp_slice head, const struct gp_record_place *place, struct gp_slice meta)
{
	head = gp_slice_take(head, GP_RECORD_HEAD);
	struct gp_reader r = gp_reader(gp_slice_drop(head, HEAD_CRC_AT));
	uint32_t crc = gp_read_u32(&r);
	return !r.failed && head.len == GP_RECORD_HEAD && crc == head_crc(head, place, meta);
}

enum {
	STATE_REMOTE_SAID = 1,
	STATE_REMOTE_DSN = 2,
};

static void
state_write(struct gp_buf *out, const struct gp_rcpt_state *s)
{
	const struct gp_outcome *o = &s->last;
	gp_write_u8(out, o->kind);
	gp_write_u8(out, (uint8_t)((o->remote_said ? STATE_REMOTE_SAID : 0) |
				   (o->remote_dsn ? STATE_REMOTE_DSN : 0)));
	gp_write_u32(out, s->attempts);
	gp_write_u64(out, s->next_ms);
	gp_write_u64(out, s->last_ms);
	gp_write_u16(out, o->reply.code);
	gp_write_u8(out, o->reply.enhanced_class);
	gp_write_u16(out, o->reply.enhanced_subject);
	gp_write_u16(out, o->reply.enhanced_detail);
	gp_write_bytes(out, gp_slice_take(o->reply.text, GP_TEXT_MAX));
	gp_write_bytes(out, gp_slice_take(o->remote, GP_REMOTE_MAX));
}

static void
state_read(struct gp_reader *r, struct gp_rcpt_state *s)
{
	struct gp_outcome *o = &s->last;
	o->kind = gp_read_u8(r);
	uint8_t bits = gp_read_u8(r);
	o->remote_said = bits & STATE_REMOTE_SAID;
	o->remote_dsn = bits & STATE_REMOTE_DSN;
	s->attempts = gp_read_u32(r);
	s->next_ms = gp_read_u64(r);
	s->last_ms = gp_read_u64(r);
	o->reply.code = gp_read_u16(r);
	o->reply.enhanced_class = gp_read_u8(r);
	o->reply.enhanced_subject = gp_read_u16(r);
	o->reply.enhanced_detail = gp_read_u16(r);
	o->reply.text = gp_read_bytes(r, GP_TEXT_MAX);
	o->remote = gp_read_bytes(r, GP_REMOTE_MAX);
	if (o->kind > GP_OUTCOME_FAILED)
		r->failed = true;
}

/* The least octets that a recipient, or a change, takes: how many there can be in what is left. */
enum {
	STATE_MIN = 2 + 4 + 8 + 8 + 2 + 1 + 2 + 2 + 4 + 4,
	RCPT_MIN = 4 + 4 + 1 + STATE_MIN,
	CHANGE_MIN = 4 + STATE_MIN,
};

/* Bits beside the values of an octet: an envelope without a forwarder is written as it was before
   there were any. */
enum {
	META_HAS_FORWARDER = 0x80, /* with ret: it stands behind the client */
	META_FORWARDED = 0x80,     /* with notify */
};

void
gp_message_meta_write(struct gp_buf *out, const struct gp_envelope *e,
		      const struct gp_rcpt_state *states, uint8_t flags)
{
	gp_write_u8(out, flags);
	gp_write_u8(out, (e->ret & ~META_HAS_FORWARDER) |
				 (e->forwarder.len > 0 ? META_HAS_FORWARDER : 0));
	gp_write_u8(out, e->flags);
	gp_write_u64(out, e->arrival_ms);
	gp_write_bytes(out, e->sender);
	gp_write_bytes(out, e->envid);
	gp_write_bytes(out, e->client_addr);
	gp_write_bytes(out, e->client_helo);
	if (e->forwarder.len > 0)
		gp_write_bytes(out, e->forwarder);
	gp_write_u32(out, (uint32_t)e->rcpts_len);
	struct gp_rcpt_state untried = {.next_ms = e->arrival_ms};
	for (size_t i = 0; i < e->rcpts_len; i++) {
		gp_write_bytes(out, e->rcpts[i].address);
		gp_write_bytes(out, e->rcpts[i].orcpt);
		gp_write_u8(out, (e->rcpts[i].notify & ~META_FORWARDED) |
					 (e->rcpts[i].forwarded ? META_FORWARDED : 0));
		state_write(out, states ? &states[i] : &untried);
	}
}

bool
gp_message_meta_read(struct gp_slice meta, struct gp_arena *arena, struct gp_message_meta *ret)
{
	struct gp_reader r = gp_reader(meta);
	*ret = (struct gp_message_meta){};
	struct gp_envelope *e = &ret->envelope;
	ret->flags = gp_read_u8(&r);
	uint8_t ret_bits = gp_read_u8(&r);
	e->ret = ret_bits & ~META_HAS_FORWARDER;
	e->flags = gp_read_u8(&r);
	e->arrival_ms = gp_read_u64(&r);
	e->sender = gp_read_bytes(&r, GP_META_MAX);
	e->envid = gp_read_bytes(&r, GP_META_MAX);
	e->client_addr = gp_read_bytes(&r, GP_META_MAX);
	e->client_helo = gp_read_bytes(&r, GP_META_MAX);
	if (ret_bits & META_HAS_FORWARDER)
		e->forwarder = gp_read_bytes(&r, GP_META_MAX);
	size_t n = gp_read_u32(&r);
	if (r.failed || n == 0 || n > r.rest.len / RCPT_MIN)
		return false;

	struct gp_rcpt *rcpts = gp_arena_array(arena, n, sizeof(*rcpts));
	ret->states = gp_arena_array(arena, n, sizeof(*ret->states));
	if (!rcpts || !ret->states)
		return false;
	for (size_t i = 0; i < n; i++) {
		rcpts[i].address = gp_read_bytes(&r, GP_META_MAX);
		rcpts[i].orcpt = gp_read_bytes(&r, GP_META_MAX);
		uint8_t bits = gp_read_u8(&r);
		rcpts[i].notify = bits & ~META_FORWARDED;
		rcpts[i].forwarded = bits & META_FORWARDED;
		state_read(&r, &ret->states[i]);
	}
	e->rcpts = rcpts;
	e->rcpts_len = n;
	return gp_read_end(&r);
}

void
gp_outcome_meta_write(struct gp_buf *out, const struct gp_outcome_meta *o)
{
	gp_write_u64(out, o->prev_sequence);
	gp_write_u64(out, o->prev_offset);
	gp_write_u8(out, o->flags);
	gp_write_u32(out, (uint32_t)o->len);
	for (size_t i = 0; i < o->len; i++) {
		gp_write_u32(out, o->changes[i].rcpt);
		state_write(out, &o->changes[i].state);
	}
}

bool
gp_outcome_meta_read(struct gp_slice meta, struct gp_arena *arena, struct gp_outcome_meta *ret)
{
	struct gp_reader r = gp_reader(meta);
	*ret = (struct gp_outcome_meta){};
	ret->prev_sequence = gp_read_u64(&r);
	ret->prev_offset = gp_read_u64(&r);
	ret->flags = gp_read_u8(&r);
	ret->len = gp_read_u32(&r);
	if (r.failed || ret->len > r.rest.len / CHANGE_MIN)
		return false;
	ret->changes = gp_arena_array(arena, ret->len, sizeof(*ret->changes));
	if (!ret->changes)
		return false;
	for (size_t i = 0; i < ret->len; i++) {
		ret->changes[i].rcpt = gp_read_u32(&r);
		state_read(&r, &ret->changes[i].state);
	}
	return gp_read_end(&r);
}
