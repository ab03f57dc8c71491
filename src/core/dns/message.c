/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dns/message.h"

#include <errno.h>
#include <string.h>

#include "core/dns/name.h"

enum {
	CLASS_IN = 1,
	RCODE_NOERROR = 0,
	RCODE_NXDOMAIN = 3,
	FLAG_RESPONSE = 0x8000,
	FLAG_TRUNCATED = 0x0200,
	MASK_OPCODE = 0x7800,
	MASK_RCODE = 0x000f,
	RECORD_LEN_MIN = 11, /* the root as owner, type, class, TTL, length, no data */
	TLSA_LEN_MIN = 3,    /* usage, selector, matching type (RFC 6698 section 2.1) */
	DS_LEN_MIN = 4,      /* key tag, algorithm, digest type (RFC 4034 section 5.1) */
	DNSKEY_LEN_MIN = 4,  /* flags, protocol, algorithm (RFC 4034 section 2.1) */
	DNSKEY_PROTOCOL = 3, /* none else is a key (RFC 4034 section 2.1.2) */
	CAA_LEN_MIN = 2,     /* flags, the tag's length (RFC 8659 section 4.1) */
};

/* A place in a message, network byte order. Latches: past the end everything is 0. */
struct cursor {
	struct gp_slice message;
	size_t at;
	bool failed;
};

static struct gp_slice
take(struct cursor *c, size_t n)
{
	struct gp_slice taken = gp_slice_take(gp_slice_drop(c->message, c->at), n);
	if (c->failed || taken.len < n) {
		c->failed = true;
		return gp_slice("", 0);
	}
	c->at += n;
	return taken;
}

static uint16_t
take_u16(struct cursor *c)
{
	struct gp_slice raw = take(c, 2);
	return c->failed ? 0 : (uint16_t)((uint8_t)raw.ptr[0] << 8 | (uint8_t)raw.ptr[1]);
}

static uint8_t
take_u8(struct cursor *c)
{
	struct gp_slice raw = take(c, 1);
	return c->failed ? 0 : (uint8_t)raw.ptr[0];
}

static void
take_name(struct cursor *c, struct gp_name *ret)
{
	*ret = (struct gp_name){.len = 1};
	if (!c->failed && !gp_name_from_message(c->message, &c->at, ret))
		c->failed = true;
}

/* The rest of the data, copied. */
static int
parse_data(struct cursor *c, size_t len, struct gp_arena *arena, struct gp_dns_record *ret)
{
	struct gp_slice raw = take(c, len);
	if (c->failed)
		return 1;
	ret->data = gp_arena_dup(arena, raw);
	return ret->data.ptr ? 0 : -ENOMEM;
}

static int
parse_target(struct cursor *c, struct gp_arena *arena, struct gp_dns_record *ret)
{
	struct gp_name name;
	take_name(c, &name);
	return c->failed ? 1 : gp_name_to_text(&name, arena, &ret->name);
}

static int
parse_address(struct cursor *c, size_t len, struct gp_dns_record *ret)
{
	struct gp_slice raw = take(c, len);
	if (c->failed)
		return 1;
	memcpy(ret->address, raw.ptr, len);
	return 0;
}

/* One character-string or more (RFC 1035 section 3.3.14), joined without anything between. The
 * cursor ends with the data, so no string can reach beyond it. */
static int
parse_strings(struct cursor *c, size_t len, struct gp_arena *arena, struct gp_dns_record *ret)
{
	size_t end = c->at + len, used = 0;
	char *text = gp_arena_alloc(arena, len);
	if (!text)
		return -ENOMEM;
	do {
		struct gp_slice part = take(c, take_u8(c));
		if (c->failed)
			return 1;
		memcpy(text + used, part.ptr, part.len);
		used += part.len;
	} while (c->at < end);
	ret->data = gp_slice(text, used);
	return 0;
}

static int
parse_mx(struct cursor *c, struct gp_arena *arena, struct gp_dns_record *ret)
{
	ret->preference = take_u16(c);
	return parse_target(c, arena, ret);
}

static int
parse_tlsa(struct cursor *c, size_t len, struct gp_arena *arena, struct gp_dns_record *ret)
{
	if (len < TLSA_LEN_MIN)
		return 1;
	ret->usage = take_u8(c);
	ret->selector = take_u8(c);
	ret->matching = take_u8(c);
	return parse_data(c, len - TLSA_LEN_MIN, arena, ret);
}

static int
parse_ds(struct cursor *c, size_t len, struct gp_arena *arena, struct gp_dns_record *ret)
{
	if (len < DS_LEN_MIN)
		return 1;
	ret->key_tag = take_u16(c);
	ret->algorithm = take_u8(c);
	ret->digest_type = take_u8(c);
	return parse_data(c, len - DS_LEN_MIN, arena, ret);
}

static int
parse_dnskey(struct cursor *c, size_t len, struct gp_arena *arena, struct gp_dns_record *ret)
{
	if (len < DNSKEY_LEN_MIN)
		return 1;
	ret->key_flags = take_u16(c);
	if (take_u8(c) != DNSKEY_PROTOCOL)
		return 1;
	ret->algorithm = take_u8(c);
	return parse_data(c, len - DNSKEY_LEN_MIN, arena, ret);
}

bool
gp_dns_is_caa_tag(struct gp_slice tag)
{
	for (size_t i = 0; i < tag.len; i++) {
		if (!gp_ascii_is_alnum(tag.ptr[i]))
			return false;
	}
	return tag.len > 0 && tag.len <= UINT8_MAX;
}

/* The value is what the tag leaves of the data (RFC 8659 section 4.1). */
static int
parse_caa(struct cursor *c, size_t len, struct gp_arena *arena, struct gp_dns_record *ret)
{
	if (len < CAA_LEN_MIN)
		return 1;
	ret->flags = take_u8(c);
	struct gp_slice tag = take(c, take_u8(c));
	if (c->failed || !gp_dns_is_caa_tag(tag))
		return 1;
	ret->tag = gp_arena_dup(arena, tag);
	if (!ret->tag.ptr)
		return -ENOMEM;
	return parse_data(c, len - CAA_LEN_MIN - tag.len, arena, ret);
}

static int
parse_rdata(struct cursor *c, size_t len, struct gp_arena *arena, struct gp_dns_record *ret)
{
	switch (ret->type) {
	case GP_DNS_A:
		return parse_address(c, 4, ret);
	case GP_DNS_AAAA:
		return parse_address(c, 16, ret);
	case GP_DNS_CNAME:
	case GP_DNS_NS:
	case GP_DNS_PTR:
		return parse_target(c, arena, ret);
	case GP_DNS_MX:
		return parse_mx(c, arena, ret);
	case GP_DNS_TXT:
	case GP_DNS_SPF:
		return parse_strings(c, len, arena, ret);
	case GP_DNS_TLSA:
		return parse_tlsa(c, len, arena, ret);
	case GP_DNS_DS:
		return parse_ds(c, len, arena, ret);
	case GP_DNS_DNSKEY:
		return parse_dnskey(c, len, arena, ret);
	case GP_DNS_CAA:
		return parse_caa(c, len, arena, ret);
	default:
		return 1;
	}
}

int
gp_dns_rdata_parse(struct gp_slice message, size_t at, size_t len, uint16_t type,
		   struct gp_arena *arena, struct gp_dns_record *ret)
{
	/* Nothing behind the data may be read, so the message ends there; names may lead back. */
	if (at > message.len || len > message.len - at)
		return 1;
	struct cursor c = {.message = gp_slice_take(message, at + len), .at = at};
	*ret = (struct gp_dns_record){.type = type};
	int rc = parse_rdata(&c, len, arena, ret);
	if (rc != 0)
		return rc;
	return c.at == at + len ? 0 : 1;
}

bool
gp_dns_message_ttl(struct gp_slice message, uint32_t *ret_s)
{
	struct cursor c = {.message = message};
	struct gp_name name;
	take(&c, 4); /* id and flags */
	uint16_t questions = take_u16(&c), answers = take_u16(&c), authorities = take_u16(&c);
	take(&c, 2);
	for (uint16_t i = 0; i < questions && !c.failed; i++) {
		take_name(&c, &name);
		take(&c, 4);
	}
	uint16_t count = answers > 0 ? answers : authorities;
	*ret_s = UINT32_MAX;
	for (uint16_t i = 0; i < count && !c.failed; i++) {
		take_name(&c, &name);
		take(&c, 4);
		uint32_t high = take_u16(&c), ttl_s = high << 16 | take_u16(&c);
		take(&c, take_u16(&c));
		*ret_s = GP_MIN(*ret_s, ttl_s);
	}
	return count > 0 && !c.failed;
}

/* A record of the answer section that may belong to the answer. */
struct entry {
	struct gp_name owner;
	uint16_t type;
	size_t at, len; /* of its data */
};

struct section {
	struct entry *entries;
	size_t len, max;
};

/* Asked types and aliases are kept, the rest (signatures) is stepped over. */
static void
parse_entry(struct cursor *c, uint16_t type, struct section *s)
{
	struct entry e;
	take_name(c, &e.owner);
	e.type = take_u16(c);
	uint16_t class = take_u16(c);
	take(c, 4); /* TTL: the resolver keeps the cache */
	e.len = take_u16(c);
	e.at = c->at;
	take(c, e.len);
	bool wanted = class == CLASS_IN && (e.type == type || e.type == GP_DNS_CNAME);
	if (!c->failed && wanted && s->len < s->max)
		s->entries[s->len++] = e;
}

static int
parse_section(struct cursor *c, uint16_t type, size_t count, struct gp_arena *arena,
	      struct section *ret)
{
	/* The count is a claim; what is left of the message bounds it. */
	size_t possible = GP_MIN(count, (c->message.len - c->at) / RECORD_LEN_MIN);
	ret->max = GP_MIN(possible, (size_t)GP_DNS_RECORDS_MAX + GP_DNS_CNAMES_MAX);
	ret->len = 0;
	ret->entries = gp_arena_array(arena, ret->max, sizeof(*ret->entries));
	if (!ret->entries)
		return -ENOMEM;
	for (size_t i = 0; i < count && !c->failed; i++)
		parse_entry(c, type, ret);
	return c->failed ? 1 : 0;
}

static const struct entry *
find_entry(const struct section *s, const struct gp_name *owner, uint16_t type)
{
	for (size_t i = 0; i < s->len; i++) {
		const struct entry *e = &s->entries[i];
		if (e->type == type && gp_name_eq(&e->owner, owner))
			return e;
	}
	return NULL;
}

/* Moves *name along the aliases; 1 when there are too many, as in a loop. */
static int
follow_aliases(struct gp_slice message, const struct section *s, struct gp_name *name)
{
	for (size_t n = 0; n <= GP_DNS_CNAMES_MAX; n++) {
		const struct entry *e = find_entry(s, name, GP_DNS_CNAME);
		if (!e)
			return 0;
		struct cursor c = {gp_slice_take(message, e->at + e->len), e->at, false};
		take_name(&c, name);
		if (c.failed || c.at != e->at + e->len)
			return 1;
	}
	return 1;
}

static int
collect(struct gp_slice message, const struct section *s, const struct gp_name *owner,
	struct gp_arena *arena, struct gp_dns_answer *ret)
{
	struct gp_dns_record *records = gp_arena_array(arena, s->len, sizeof(*records));
	if (!records)
		return -ENOMEM;
	ret->records = records;
	for (size_t i = 0; i < s->len && ret->records_len < GP_DNS_RECORDS_MAX; i++) {
		const struct entry *e = &s->entries[i];
		if (e->type != ret->type || !gp_name_eq(&e->owner, owner))
			continue;
		int rc = gp_dns_rdata_parse(message, e->at, e->len, e->type, arena,
					    &records[ret->records_len++]);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static bool
parse_question(struct cursor *c, size_t count, const struct gp_name *name, uint16_t type)
{
	struct gp_name asked;
	if (count != 1)
		return false;
	take_name(c, &asked);
	uint16_t asked_type = take_u16(c);
	uint16_t class = take_u16(c);
	return !c->failed && asked_type == type && class == CLASS_IN && gp_name_eq(&asked, name);
}

static uint8_t
status_of(uint16_t flags, size_t records_len)
{
	switch (flags & MASK_RCODE) {
	case RCODE_NOERROR:
		return records_len > 0 ? GP_DNS_OK : GP_DNS_NODATA;
	case RCODE_NXDOMAIN:
		return GP_DNS_NXDOMAIN;
	default:
		return GP_DNS_SERVFAIL;
	}
}

/* Aliases and records of a message whose header and question are good. */
static int
parse_answers(struct cursor *c, size_t count, struct gp_name *name, struct gp_arena *arena,
	      struct gp_dns_answer *ret)
{
	struct section s;
	int rc = parse_section(c, ret->type, count, arena, &s);
	if (rc == 0 && ret->type != GP_DNS_CNAME)
		rc = follow_aliases(c->message, &s, name);
	if (rc == 0)
		rc = gp_name_to_text(name, arena, &ret->canonical);
	if (rc == 0)
		rc = collect(c->message, &s, name, arena, ret);
	return rc;
}

int
gp_dns_message_parse(struct gp_slice message, const struct gp_dns_question *question,
		     struct gp_arena *arena, struct gp_dns_answer *ret)
{
	struct cursor c = {.message = message};
	struct gp_name name;
	*ret = (struct gp_dns_answer){.type = question->type};
	if (!gp_name_from_text(question->name, &name))
		return 1;
	if (gp_name_to_text(&name, arena, &ret->name) < 0)
		return -ENOMEM;
	take(&c, 2); /* the id was matched by whoever sent the question */
	uint16_t flags = take_u16(&c);
	size_t questions = take_u16(&c);
	size_t answers = take_u16(&c);
	take(&c, 4); /* counts of the sections that are not looked at */
	if (c.failed || (flags & (FLAG_RESPONSE | FLAG_TRUNCATED | MASK_OPCODE)) != FLAG_RESPONSE ||
	    !parse_question(&c, questions, &name, question->type))
		return 1;
	int rc = parse_answers(&c, answers, &name, arena, ret);
	if (rc != 0)
		return rc;
	ret->status = status_of(flags, ret->records_len);
	if (ret->status != GP_DNS_OK)
		ret->records_len = 0;
	return 0;
}

static void
put_u8(struct gp_buf *out, uint8_t v)
{
	gp_buf_put_char(out, (char)v);
}

static void
put_u16(struct gp_buf *out, uint16_t v)
{
	put_u8(out, (uint8_t)(v >> 8));
	put_u8(out, (uint8_t)v);
}

static void
put_name(struct gp_buf *out, struct gp_slice text)
{
	struct gp_name name;
	bool good = gp_name_from_text(text, &name);
	gp_assert(good);
	gp_buf_put(out, gp_name_wire(&name));
}

/* Where the character-strings were cut is not kept: it has no meaning (RFC 7208 section 3.3). */
static void
put_strings(struct gp_buf *out, struct gp_slice text)
{
	do {
		struct gp_slice part = gp_slice_take(text, UINT8_MAX);
		put_u8(out, (uint8_t)part.len);
		gp_buf_put(out, part);
		text = gp_slice_drop(text, part.len);
	} while (text.len > 0);
}

static void
put_tlsa(struct gp_buf *out, const struct gp_dns_record *r)
{
	put_u8(out, r->usage);
	put_u8(out, r->selector);
	put_u8(out, r->matching);
	gp_buf_put(out, r->data);
}

static void
put_ds(struct gp_buf *out, const struct gp_dns_record *r)
{
	put_u16(out, r->key_tag);
	put_u8(out, r->algorithm);
	put_u8(out, r->digest_type);
	gp_buf_put(out, r->data);
}

static void
put_dnskey(struct gp_buf *out, const struct gp_dns_record *r)
{
	put_u16(out, r->key_flags);
	put_u8(out, DNSKEY_PROTOCOL);
	put_u8(out, r->algorithm);
	gp_buf_put(out, r->data);
}

static void
put_caa(struct gp_buf *out, const struct gp_dns_record *r)
{
	put_u8(out, r->flags);
	put_u8(out, (uint8_t)r->tag.len);
	gp_buf_put(out, r->tag);
	gp_buf_put(out, r->data);
}

bool
gp_dns_rdata_write(struct gp_buf *out, const struct gp_dns_record *record)
{
	switch (record->type) {
	case GP_DNS_A:
		gp_buf_put(out, gp_slice((const char *)record->address, 4));
		break;
	case GP_DNS_AAAA:
		gp_buf_put(out, gp_slice((const char *)record->address, 16));
		break;
	case GP_DNS_MX:
		put_u16(out, record->preference);
		put_name(out, record->name);
		break;
	case GP_DNS_CNAME:
	case GP_DNS_NS:
	case GP_DNS_PTR:
		put_name(out, record->name);
		break;
	case GP_DNS_TXT:
	case GP_DNS_SPF:
		put_strings(out, record->data);
		break;
	case GP_DNS_TLSA:
		put_tlsa(out, record);
		break;
	case GP_DNS_DS:
		put_ds(out, record);
		break;
	case GP_DNS_DNSKEY:
		put_dnskey(out, record);
		break;
	case GP_DNS_CAA:
		put_caa(out, record);
		break;
	default:
		gp_assert_failed("a type of record.h", __FILE__, __LINE__);
	}
	return !out->failed;
}
