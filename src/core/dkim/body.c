/* SPDX-License-Identifier: Apache-2.0 */
#include "core/dkim/body.h"

#include <errno.h>

static void
on_octets(struct gp_dkim_sink *sink, struct gp_slice octets)
{
	struct gp_dkim_body_way *way = gp_container_of(sink, struct gp_dkim_body_way, sink);
	for (size_t i = 0; i < way->body->hashes_len; i++) {
		struct gp_dkim_body_hash *h = &way->body->hashes[i];
		if (h->canon != way->canon.canon || h->left == 0)
			continue;
		struct gp_slice part = gp_slice_take(octets, (size_t)GP_MIN(octets.len, h->left));
		gp_dkim_hash_feed(h->hash, part);
		h->left -= part.len;
	}
}

void
gp_dkim_body_init(struct gp_dkim_body *b)
{
	*b = (struct gp_dkim_body){};
	for (size_t i = 0; i < GP_DKIM_CANONS; i++) {
		b->ways[i].sink.put = on_octets;
		b->ways[i].body = b;
		b->ways[i].canon = gp_dkim_canon_body((uint8_t)i, &b->ways[i].sink);
	}
}

void
gp_dkim_body_free(struct gp_dkim_body *b)
{
	for (size_t i = 0; i < b->hashes_len; i++)
		b->hashes[i].hash = gp_dkim_hash_free(b->hashes[i].hash);
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
	struct gp_dkim_hash *hash = gp_dkim_hash_new();
	if (!hash)
		return -ENOMEM;
	b->hashes[b->hashes_len++] = (struct gp_dkim_body_hash){
		.canon = canon, .length = length, .left = length, .hash = hash};
	b->ways[canon].used = true;
	return 0;
}

void
gp_dkim_body_feed(struct gp_dkim_body *b, struct gp_slice piece)
{
	gp_assert(!b->ended);
	for (size_t i = 0; i < GP_DKIM_CANONS; i++) {
		if (b->ways[i].used)
			gp_dkim_canon_body_feed(&b->ways[i].canon, piece);
	}
}

int
gp_dkim_body_end(struct gp_dkim_body *b)
{
	gp_assert(!b->ended);
	b->ended = true;
	for (size_t i = 0; i < GP_DKIM_CANONS; i++) {
		if (b->ways[i].used)
			gp_dkim_canon_body_end(&b->ways[i].canon);
	}
	for (size_t i = 0; i < b->hashes_len; i++) {
		int r = gp_dkim_hash_end(b->hashes[i].hash, &b->hashes[i].digest);
		if (r < 0)
			return r;
	}
	return 0;
}

uint64_t
gp_dkim_body_size(const struct gp_dkim_body *b, uint8_t canon)
{
	gp_assert(b->ended && b->ways[canon].used);
	return b->ways[canon].canon.size;
}
