/* SPDX-License-Identifier: Apache-2.0 */
#include "core/asn/mmdb.h"

#include "base/wire.h"

enum {
	VALUES_MAX = 1024,        /* of one map, in it or below */
	METADATA_MAX = 128 << 10, /* as the format has it */
	SEPARATOR = 16,           /* octets between tree and data */
	SIZE_1 = 29,
	SIZE_2,
	SIZE_3, /* sizes of values that have octets of their own */
};

/* Those that are looked at; of the others only their size counts. */
enum type {
	EXTENDED = 0, /* it is in the next octet */
	POINTER = 1,
	TEXT = 2,
	UINT16 = 5,
	UINT32 = 6,
	MAP = 7,
	UINT64 = 9,
	ARRAY = 11,
	BOOLEAN = 14,
};

/* --- values --- */

struct head {
	unsigned type;
	uint32_t size; /* octets, members, or where a pointer points */
};

static uint32_t
read_big_endian(struct gp_reader *r, size_t octets)
{
	struct gp_slice raw = gp_read_raw(r, octets);
	uint32_t v = 0;
	for (size_t i = 0; i < raw.len; i++)
		v = v << 8 | (uint8_t)raw.ptr[i];
	return v;
}

/* Three bits of the pointer are in its control octet, unless it has four octets beside. */
static uint32_t
read_pointer(struct gp_reader *r, uint32_t bits)
{
	static const uint32_t bases[] = {0, 2048, 526'336, 0};
	uint32_t octets = 1 + (bits >> 3), high = bits & 7;
	uint32_t low = read_big_endian(r, octets);
	return bases[octets - 1] + (octets < 4 ? high << (8 * octets) | low : low);
}

static struct head
read_head(struct gp_reader *r)
{
	uint8_t control = gp_read_u8(r);
	struct head h = {.type = control >> 5, .size = control & 0x1f};
	if (h.type == POINTER) {
		h.size = read_pointer(r, h.size);
		return h;
	}
	if (h.type == EXTENDED)
		h.type = 7u + gp_read_u8(r);
	if (h.size == SIZE_1)
		h.size = 29 + read_big_endian(r, 1);
	else if (h.size == SIZE_2)
		h.size = 285 + read_big_endian(r, 2);
	else if (h.size == SIZE_3)
		h.size = 65'821 + read_big_endian(r, 3);
	return h;
}

/* Reads on behind a value. What it points to is somewhere else, so nothing is followed. */
static void
skip(struct gp_reader *r)
{
	uint64_t left = 1;
	for (unsigned seen = 0; left > 0 && !r->failed; seen++, left--) {
		struct head h = read_head(r);
		if (h.type == MAP)
			left += 2ull * h.size;
		else if (h.type == ARRAY)
			left += h.size;
		else if (h.type != POINTER && h.type != BOOLEAN)
			(void)gp_read_raw(r, h.size);
		r->failed = r->failed || seen == VALUES_MAX;
	}
}

/* Reads a value's head, that of what it points to where it is a pointer; the reader goes on there.
 * A pointer to a pointer is not allowed: it stays one, and so is nothing that is looked for. */
static struct head
read_value(struct gp_slice data, struct gp_reader *r)
{
	struct head h = read_head(r);
	if (h.type == POINTER && !r->failed) {
		*r = gp_reader(gp_slice_drop(data, h.size));
		h = read_head(r);
	}
	return h;
}

/* Reads a key of a map, and stands behind it: its text may be elsewhere. */
static struct gp_slice
read_key(struct gp_slice data, struct gp_reader *r)
{
	struct gp_reader text = *r;
	bool here = read_head(r).type != POINTER;
	struct head h = read_value(data, &text);
	struct gp_slice key = gp_read_raw(&text, h.size);
	if (here)
		*r = text;
	r->failed = r->failed || text.failed || h.type != TEXT;
	return key;
}

/* Where a member of a map begins, and what is behind it; empty: there is none. data: where pointers
 * count from. */
static struct gp_slice
find_member(struct gp_slice data, struct gp_slice value, struct gp_slice name)
{
	struct gp_reader r = gp_reader(value);
	struct head map = read_value(data, &r);
	if (map.type != MAP || map.size > VALUES_MAX)
		return GP_SLICE("");
	for (uint32_t i = 0; i < map.size && !r.failed; i++) {
		bool wanted = gp_slice_eq(read_key(data, &r), name);
		if (wanted && !r.failed)
			return r.rest;
		skip(&r);
	}
	return GP_SLICE("");
}

static bool
find_text(struct gp_slice data, struct gp_slice value, struct gp_slice name, struct gp_slice *ret)
{
	struct gp_reader r = gp_reader(find_member(data, value, name));
	struct head h = read_value(data, &r);
	*ret = gp_read_raw(&r, h.size);
	return h.type == TEXT && !r.failed;
}

static bool
find_number(struct gp_slice data, struct gp_slice value, struct gp_slice name, uint64_t *ret)
{
	struct gp_reader r = gp_reader(find_member(data, value, name));
	struct head h = read_value(data, &r);
	if ((h.type != UINT16 && h.type != UINT32 && h.type != UINT64) || h.size > sizeof(*ret))
		return false;
	uint32_t low = GP_MIN(h.size, 4u);
	*ret = (uint64_t)read_big_endian(&r, h.size - low) << (8 * low);
	*ret |= read_big_endian(&r, low);
	return !r.failed;
}

bool
gp_mmdb_text(const struct gp_mmdb *db, struct gp_slice value, struct gp_slice name,
	     struct gp_slice *ret)
{
	return find_text(db->data, value, name, ret);
}

bool
gp_mmdb_number(const struct gp_mmdb *db, struct gp_slice value, struct gp_slice name, uint64_t *ret)
{
	return find_number(db->data, value, name, ret);
}

/* --- the tree --- */

/* A node is two records; of 28 bits, their upper halves of an octet share the one in the middle. */
static uint32_t
record_at(const struct gp_mmdb *db, uint32_t node, bool right)
{
	size_t octets = db->record_bits / 4u;
	struct gp_reader r = gp_reader(gp_slice_drop(db->tree, node * octets));
	if (db->record_bits != 28) {
		(void)gp_read_raw(&r, right ? octets / 2 : 0);
		return read_big_endian(&r, octets / 2);
	}
	uint32_t left_low = read_big_endian(&r, 3), middle = gp_read_u8(&r);
	uint32_t right_low = read_big_endian(&r, 3);
	return right ? (middle & 0xf) << 24 | right_low : (middle >> 4) << 24 | left_low;
}

/* As its bits are walked: how many of the 128 come first that are not in the tree. */
static bool
place_of(const struct gp_mmdb *db, const uint8_t address[16], uint8_t ret[16], unsigned *ret_skip)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool four = memcmp(address, mapped, sizeof(mapped)) == 0;
	memcpy(ret, address, 16);
	if (four)
		memset(ret, 0, sizeof(mapped));
	*ret_skip = db->ip_version == 4 ? 96 : 0;
	return four || db->ip_version == 6;
}

bool
gp_mmdb_find(const struct gp_mmdb *db, const uint8_t address[16], struct gp_slice *ret)
{
	uint8_t octets[16];
	unsigned bit;
	uint32_t node = 0;
	if (!place_of(db, address, octets, &bit))
		return false;
	for (; bit < 128 && node < db->nodes; bit++)
		node = record_at(db, node, octets[bit / 8] >> (7 - bit % 8) & 1);
	/* What is no node is a place in the data, counted from the separator; the first is none. */
	if (node < db->nodes || node - db->nodes < SEPARATOR)
		return false;
	*ret = gp_slice_drop(db->data, node - db->nodes - SEPARATOR);
	return ret->len > 0;
}

/* --- the file --- */

/* What is behind the last marker. */
static bool
find_metadata(struct gp_slice file, size_t *ret_before, struct gp_slice *ret)
{
	const struct gp_slice marker = GP_SLICE("\xab\xcd\xefMaxMind.com");
	struct gp_slice end = gp_slice_drop(file, file.len - GP_MIN(file.len, METADATA_MAX));
	for (size_t at = end.len; at-- > 0;) {
		struct gp_slice rest = gp_slice_drop(end, at);
		if (gp_slice_starts(rest, marker)) {
			*ret = gp_slice_drop(rest, marker.len);
			*ret_before = file.len - rest.len;
			return true;
		}
	}
	return false;
}

static const char *
take_metadata(struct gp_slice metadata, struct gp_mmdb *ret)
{
	uint64_t major, bits, version, nodes;
	if (!find_number(metadata, metadata, GP_SLICE("binary_format_major_version"), &major) ||
	    !find_number(metadata, metadata, GP_SLICE("record_size"), &bits) ||
	    !find_number(metadata, metadata, GP_SLICE("ip_version"), &version) ||
	    !find_number(metadata, metadata, GP_SLICE("node_count"), &nodes) ||
	    !find_number(metadata, metadata, GP_SLICE("build_epoch"), &ret->built_s) ||
	    !find_text(metadata, metadata, GP_SLICE("database_type"), &ret->type))
		return "its metadata is not complete";
	if (major != 2)
		return "it is of another version of the format";
	if ((bits != 24 && bits != 28 && bits != 32) || (version != 4 && version != 6) ||
	    nodes > UINT32_MAX)
		return "its metadata makes no sense";
	ret->record_bits = (uint8_t)bits;
	ret->ip_version = (uint8_t)version;
	ret->nodes = (uint32_t)nodes;
	return NULL;
}

const char *
gp_mmdb_open(struct gp_slice file, struct gp_mmdb *ret)
{
	struct gp_slice metadata;
	size_t before;
	*ret = (struct gp_mmdb){};
	if (!find_metadata(file, &before, &metadata))
		return "it is no MaxMind DB, or its end is missing";
	const char *why = take_metadata(metadata, ret);
	if (why)
		return why;
	uint64_t tree = (uint64_t)ret->nodes * (ret->record_bits / 4u);
	if (before < SEPARATOR || tree > before - SEPARATOR)
		return "a part of it is missing";
	ret->tree = gp_slice_take(file, tree);
	ret->data = gp_slice_drop(gp_slice_take(file, before), tree + SEPARATOR);
	return NULL;
}
