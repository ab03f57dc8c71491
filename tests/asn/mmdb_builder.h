/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A writer of MaxMind DB files for tests: prefixes and what is said of them, in records of 24, 28
 * or 32 bits.
 *
 *     struct mmdb_builder b;
 *     mmdb_begin(&b, 6, 28);
 *     mmdb_put(&b, "\x20\x01\x0d\xb8", 32, mmdb_asn(&b, 64500, "Example"));
 *     mmdb_end(&b, "Test-ASN", &file);
 */
#pragma once

#include "base/wire.h"

enum { MMDB_NODES_MAX = 1024, MMDB_NONE = UINT32_MAX, MMDB_LEAF = 1u << 31 };

struct mmdb_builder {
	uint8_t ip_version, record_bits;
	uint32_t nodes[MMDB_NODES_MAX][2]; /* MMDB_NONE, a node, or MMDB_LEAF and a place in data */
	uint32_t len;
	struct gp_buf data;
};

static inline void
mmdb_begin(struct mmdb_builder *b, uint8_t ip_version, uint8_t record_bits)
{
	b->ip_version = ip_version;
	b->record_bits = record_bits;
	b->nodes[0][0] = b->nodes[0][1] = MMDB_NONE;
	b->len = 1;
	b->data = GP_BUF_INIT(1 << 20);
}

static inline void
mmdb_octets(struct gp_buf *to, uint64_t v, unsigned octets)
{
	while (octets-- > 0)
		gp_write_u8(to, (uint8_t)(v >> (8 * octets)));
}

static inline void
mmdb_text(struct gp_buf *to, const char *s)
{
	size_t len = strlen(s);
	mmdb_octets(to, 2 << 5 | GP_MIN(len, 29u), 1);
	if (len >= 29)
		mmdb_octets(to, len - 29, 1);
	gp_buf_put_str(to, s);
}

static inline void
mmdb_uint32(struct gp_buf *to, uint32_t v)
{
	mmdb_octets(to, 6 << 5 | 4, 1);
	mmdb_octets(to, v, 4);
}

/* The place of a value. */
static inline uint32_t
mmdb_asn(struct mmdb_builder *b, uint32_t number, const char *organization)
{
	uint32_t at = (uint32_t)b->data.len;
	mmdb_octets(&b->data, 7 << 5 | 2, 1);
	mmdb_text(&b->data, "autonomous_system_number");
	mmdb_uint32(&b->data, number);
	mmdb_text(&b->data, "autonomous_system_organization");
	mmdb_text(&b->data, organization);
	return at;
}

/* bits: of the prefix, 16 octets of which stand there in a tree of IPv6, else 4. */
static inline void
mmdb_put(struct mmdb_builder *b, const char *prefix, unsigned bits, uint32_t place)
{
	uint32_t node = 0;
	for (unsigned i = 0; i < bits; i++) {
		uint32_t *to = &b->nodes[node][(uint8_t)prefix[i / 8] >> (7 - i % 8) & 1];
		if (i + 1 == bits) {
			*to = MMDB_LEAF | place;
			return;
		}
		if (*to == MMDB_NONE) {
			gp_assert(b->len < MMDB_NODES_MAX);
			b->nodes[b->len][0] = b->nodes[b->len][1] = MMDB_NONE;
			*to = b->len++;
		}
		node = *to;
	}
}

static inline uint32_t
mmdb_record(const struct mmdb_builder *b, uint32_t to)
{
	return to == MMDB_NONE ? b->len : to & MMDB_LEAF ? b->len + 16 + (to & ~MMDB_LEAF) : to;
}

static inline void
mmdb_metadata(const struct mmdb_builder *b, const char *type, struct gp_buf *to)
{
	gp_buf_put_str(to, "\xab\xcd\xefMaxMind.com");
	mmdb_octets(to, 7 << 5 | 7, 1);
	mmdb_text(to, "binary_format_minor_version");
	mmdb_octets(to, 5 << 5, 1);
	mmdb_text(to, "binary_format_major_version");
	mmdb_octets(to, 5 << 5 | 1, 1);
	mmdb_octets(to, 2, 1);
	mmdb_text(to, "build_epoch"); /* uint64: an extended type */
	mmdb_octets(to, 8, 1);
	mmdb_octets(to, 2, 1);
	mmdb_octets(to, 1'700'000'000, 8);
	mmdb_text(to, "database_type");
	mmdb_text(to, type);
	mmdb_text(to, "ip_version");
	mmdb_octets(to, 5 << 5 | 1, 1);
	mmdb_octets(to, b->ip_version, 1);
	mmdb_text(to, "node_count");
	mmdb_uint32(to, b->len);
	mmdb_text(to, "record_size");
	mmdb_octets(to, 5 << 5 | 1, 1);
	mmdb_octets(to, b->record_bits, 1);
}

/* The file, behind what is in `to`; the builder is empty then. */
static inline void
mmdb_end(struct mmdb_builder *b, const char *type, struct gp_buf *to)
{
	for (uint32_t i = 0; i < b->len; i++) {
		uint32_t left = mmdb_record(b, b->nodes[i][0]);
		uint32_t right = mmdb_record(b, b->nodes[i][1]);
		unsigned octets = b->record_bits == 32 ? 4 : 3;
		mmdb_octets(to, b->record_bits == 28 ? left & 0xffffff : left, octets);
		if (b->record_bits == 28)
			mmdb_octets(to, (left >> 24) << 4 | right >> 24, 1);
		mmdb_octets(to, b->record_bits == 28 ? right & 0xffffff : right, octets);
	}
	mmdb_octets(to, 0, 8);
	mmdb_octets(to, 0, 8);
	gp_buf_put(to, gp_buf_slice(&b->data));
	mmdb_metadata(b, type, to);
	gp_buf_free(&b->data);
}
