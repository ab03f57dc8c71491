/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/body.h"

#include <errno.h>

/* Takes the hashes that are complete by now, and sets where the next one will be. */
static void
take_complete(struct gp_dkim_body_way *way)
{
	struct gp_dkim_body *b = way->body;
	for (size_t i = 0; i < b->hashes_len; i++) {
		struct gp_dkim_body_hash *h = &b->hashes[i];
		if (h->canon != way->canon.canon || h->known)
			continue;
		if (h->length == way->hashed) {
			h->known = true;
			b->failed |= gp_dkim_hash_peek(way->hash, &h->digest) < 0;
		} else if (way->next == way->hashed || h->length < way->next) {
			way->next = h->length;
		}
	}
}

static void
on_octets(struct gp_dkim_sink *sink, struct gp_slice octets)
{
	struct gp_dkim_body_way *way = gp_container_of(sink, struct gp_dkim_body_way, sink);
	while (octets.len > 0) {
		if (way->next == way->hashed)
			take_complete(way);
		uint64_t wanted = way->next - way->hashed;
		if (wanted == 0)
			return;
		struct gp_slice part = gp_slice_take(octets, (size_t)GP_MIN(octets.len, wanted));
		gp_dkim_hash_feed(way->hash, part);
		way->hashed += part.len;
		octets = gp_slice_drop(octets, part.len);
	}
}

/* A body that is shorter than l= counts as a whole, as one without l= does. */
static void
take_rest(struct gp_dkim_body_way *way)
{
	struct gp_dkim_body *b = way->body;
	struct gp_dkim_digest whole = {};
	b->failed |= gp_dkim_hash_end(way->hash, &whole) < 0;
	for (size_t i = 0; i < b->hashes_len; i++) {
		struct gp_dkim_body_hash *h = &b->hashes[i];
		if (h->canon == way->canon.canon && !h->known)
			h->digest = whole;
	}
}

void
gp_dkim_body_init(struct gp_dkim_body *b)
{
	b->hashes_len = 0;
	b->ended = b->failed = false;
	for (size_t i = 0; i < GP_DKIM_CANONS; i++) {
		struct gp_dkim_body_way *way = &b->ways[i];
		way->sink.put = on_octets;
		way->body = b;
		gp_dkim_canon_body_init(&way->canon, (uint8_t)i, &way->sink);
		way->hash = NULL;
		way->hashed = way->next = 0;
	}
}

void
gp_dkim_body_free(struct gp_dkim_body *b)
{
	for (size_t i = 0; i < GP_DKIM_CANONS; i++)
		b->ways[i].hash = gp_dkim_hash_free(b->ways[i].hash);
	b->hashes_len = 0;
}

int
gp_dkim_body_want(struct gp_dkim_body *b, uint8_t canon, uint64_t length, size_t *ret)
{
	for (*ret = 0; *ret < b->hashes_len; ++*ret) {
		const struct gp_dkim_body_hash *h = &b->hashes[*ret];
		if (h->canon == canon && h->length == length)
			return 0;
	}
	if (b->hashes_len == GP_DKIM_BODY_HASHES_MAX)
		return 1;
	struct gp_dkim_body_way *way = &b->ways[canon];
	if (!way->hash)
		way->hash = gp_dkim_hash_new();
	if (!way->hash)
		return -ENOMEM;
	b->hashes[b->hashes_len++] = (struct gp_dkim_body_hash){.canon = canon, .length = length};
	return 0;
}

void
gp_dkim_body_feed(struct gp_dkim_body *b, struct gp_slice piece)
{
	gp_assert(!b->ended);
	for (size_t i = 0; i < GP_DKIM_CANONS; i++) {
		if (b->ways[i].hash)
			gp_dkim_canon_body_feed(&b->ways[i].canon, piece);
	}
}

int
gp_dkim_body_end(struct gp_dkim_body *b)
{
	gp_assert(!b->ended);
	b->ended = true;
	for (size_t i = 0; i < GP_DKIM_CANONS; i++) {
		if (!b->ways[i].hash)
			continue;
		gp_dkim_canon_body_end(&b->ways[i].canon);
		take_rest(&b->ways[i]);
	}
	return b->failed ? -ENOMEM : 0;
}

uint64_t
gp_dkim_body_size(const struct gp_dkim_body *b, uint8_t canon)
{
	gp_assert(b->ended && b->ways[canon].hash);
	return b->ways[canon].canon.size;
}
