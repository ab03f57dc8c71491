/* SPDX-License-Identifier: Apache-2.0 */
#include "core/zone/axfr.h"

#include <string.h>

enum {
	HEADER_LEN = 12,
	TYPE_SOA = 6,
	TYPE_AXFR = 252,
	CLASS_IN = 1,
	RCODE_REFUSED = 5,
	RCODE_NOTAUTH = 9,
	FLAG_RESPONSE = 0x8000,
	FLAG_TRUNCATED = 0x0200,
	MASK_OPCODE = 0x7800,
	MASK_RCODE = 0x000f,
};

static int
wrong(struct gp_axfr *t, const char *why)
{
	t->why = why;
	return GP_AXFR_WRONG;
}

void
gp_axfr_init(struct gp_axfr *t, const struct gp_name *zone, uint16_t id)
{
	*t = (struct gp_axfr){.zone = *zone, .id = id};
}

static void
put_u16(struct gp_buf *out, unsigned value)
{
	gp_buf_put_char(out, (char)(value >> 8));
	gp_buf_put_char(out, (char)value);
}

/* RFC 5936 section 2.1: one question, and nothing else. */
bool
gp_axfr_query(const struct gp_axfr *t, struct gp_buf *out)
{
	put_u16(out, HEADER_LEN + t->zone.len + 4u);
	put_u16(out, t->id);
	put_u16(out, 0); /* a query of opcode 0, without any flag */
	put_u16(out, 1);
	for (int i = 0; i < 3; i++)
		put_u16(out, 0);
	gp_buf_put(out, gp_name_wire(&t->zone));
	put_u16(out, TYPE_AXFR);
	put_u16(out, CLASS_IN);
	return !out->failed;
}

/* --- messages --- */

/* Latches by `at`: beyond the end everything is 0, and stays so. */
static uint64_t
take(struct gp_axfr *t, size_t octets)
{
	struct gp_slice raw = gp_slice_take(gp_slice_drop(t->message, t->at), octets);
	uint64_t value = 0;
	t->at += octets;
	for (size_t i = 0; i < octets && raw.len == octets; i++)
		value = value << 8 | (uint8_t)raw.ptr[i];
	return value;
}

static bool
is_past_end(const struct gp_axfr *t)
{
	return t->at > t->message.len;
}

static bool
take_name(struct gp_axfr *t, struct gp_name *ret)
{
	return !is_past_end(t) && gp_name_from_message(t->message, &t->at, ret);
}

static const char *
why_not(uint64_t flags)
{
	switch (flags & MASK_RCODE) {
	case 0:
		return NULL;
	case RCODE_REFUSED:
		return "the server refuses to transfer it";
	case RCODE_NOTAUTH:
		return "the server does not have the zone";
	default:
		return "the server fails to transfer it";
	}
}

/* RFC 5936 section 2.2.2: the question stands in the first message, and may in the others. */
static bool
read_questions(struct gp_axfr *t, uint64_t count)
{
	struct gp_name name;
	if (count > 1 || (count == 0 && !t->begun))
		return false;
	if (count == 0)
		return true;
	return take_name(t, &name) && gp_name_eq(&name, &t->zone) && take(t, 2) == TYPE_AXFR &&
	       take(t, 2) == CLASS_IN;
}

int
gp_axfr_message(struct gp_axfr *t, struct gp_slice message)
{
	t->octets += message.len;
	t->message = message;
	t->at = 0;
	if (t->octets > GP_AXFR_OCTETS_MAX)
		return wrong(t, "the zone is larger than is read");
	uint64_t id = take(t, 2), flags = take(t, 2), questions = take(t, 2);
	t->left = (unsigned)take(t, 2);
	(void)take(t, 4); /* further sections, which nothing is read from */
	if (is_past_end(t) || !(flags & FLAG_RESPONSE) || (flags & MASK_OPCODE))
		return wrong(t, "the answer is no DNS message");
	if (id != t->id)
		return wrong(t, "the answer is to another question");
	const char *why = why_not(flags);
	if (why)
		return wrong(t, why);
	if (flags & FLAG_TRUNCATED || !read_questions(t, questions))
		return wrong(t, "the answer is malformed");
	/* Without a record a message could be followed by others without end. */
	return t->left > 0 ? 0 : wrong(t, "the answer has no records");
}

/* --- records --- */

struct head {
	uint64_t class;
	struct gp_axfr_record record;
};

static bool
read_head(struct gp_axfr *t, struct head *ret)
{
	struct gp_axfr_record *r = &ret->record;
	if (!take_name(t, &r->owner))
		return false;
	r->type = (uint16_t)take(t, 2);
	ret->class = take(t, 2);
	(void)take(t, 4); /* TTL */
	r->len = (size_t)take(t, 2);
	r->at = t->at;
	t->at += r->len;
	return !is_past_end(t);
}

/* RFC 1035 section 3.3.13: two names, and then the serial number and four more. */
static bool
read_serial(const struct gp_axfr *t, const struct gp_axfr_record *soa, uint32_t *ret)
{
	struct gp_axfr c = *t;
	struct gp_name name;
	c.message = gp_slice_take(t->message, soa->at + soa->len);
	c.at = soa->at;
	if (!take_name(&c, &name) || !take_name(&c, &name))
		return false;
	*ret = (uint32_t)take(&c, 4);
	(void)take(&c, 16);
	return c.at == c.message.len;
}

/* RFC 5936 section 2.2: the zone's SOA record comes first, and the same one last. */
static int
take_soa(struct gp_axfr *t, const struct gp_axfr_record *soa)
{
	uint32_t serial;
	if (!gp_name_eq(&soa->owner, &t->zone) || !read_serial(t, soa, &serial))
		return wrong(t, "its SOA record is malformed");
	if (!t->begun) {
		t->begun = true;
		t->serial = serial;
		return GP_AXFR_RECORD;
	}
	if (serial != t->serial)
		return wrong(t, "the zone changed while it was transferred");
	t->ended = true;
	return t->left == 0 ? GP_AXFR_END : wrong(t, "there are records behind its end");
}

/* Are the last labels of the name those of the zone? */
static bool
is_within(const struct gp_name *name, const struct gp_name *zone)
{
	size_t at = 0;
	while (name->len - at > zone->len)
		at += 1u + name->octets[at];
	return name->len - at == zone->len &&
	       memcmp(name->octets + at, zone->octets, zone->len) == 0;
}

int
gp_axfr_next(struct gp_axfr *t, struct gp_axfr_record *ret)
{
	struct head head;
	if (t->ended)
		return t->why ? GP_AXFR_WRONG : GP_AXFR_END;
	while (t->left > 0) {
		t->left--;
		if (++t->records > GP_AXFR_RECORDS_MAX)
			return wrong(t, "the zone has more records than are read");
		if (!read_head(t, &head) || head.class != CLASS_IN)
			return wrong(t, "a record is malformed");
		if (!t->begun && head.record.type != TYPE_SOA)
			return wrong(t, "it does not begin with its SOA record");
		if (head.record.type == TYPE_SOA) {
			int r = take_soa(t, &head.record);
			if (r != GP_AXFR_RECORD)
				return r;
		}
		*ret = head.record;
		if (is_within(&ret->owner, &t->zone))
			return GP_AXFR_RECORD;
	}
	return GP_AXFR_MORE;
}
