/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include <stdlib.h>

void
gp_heap_free(struct gp_heap *h)
{
	free(h->nodes);
	*h = (struct gp_heap){};
}

static void
place(struct gp_heap *h, uint32_t i, struct gp_heap_node *node)
{
	h->nodes[i] = node;
	node->at = i + 1;
}

static void
sift_up(struct gp_heap *h, uint32_t i)
{
	struct gp_heap_node *node = h->nodes[i];
	while (i > 0 && h->nodes[(i - 1) / 2]->key > node->key) {
		place(h, i, h->nodes[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	place(h, i, node);
}

static void
sift_down(struct gp_heap *h, uint32_t i)
{
	struct gp_heap_node *node = h->nodes[i];
	for (;;) {
		uint32_t child = 2 * i + 1;
		if (child >= h->len)
			break;
		if (child + 1 < h->len && h->nodes[child + 1]->key < h->nodes[child]->key)
			child++;
		if (h->nodes[child]->key >= node->key)
			break;
		place(h, i, h->nodes[child]);
		i = child;
	}
	place(h, i, node);
}

static bool
grow(struct gp_heap *h)
{
	uint32_t cap = h->cap > 0 ? h->cap * 2 : 64;
	if (cap <= h->cap)
		return false;
	struct gp_heap_node **nodes = reallocarray(h->nodes, cap, sizeof(*nodes));
	if (!nodes)
		return false;
	h->nodes = nodes;
	h->cap = cap;
	return true;
}

bool
gp_heap_set(struct gp_heap *h, struct gp_heap_node *node, uint64_t key)
{
	if (node->at == 0) {
		if (h->len == h->cap && !grow(h))
			return false;
		place(h, h->len++, node);
	}
	node->key = key;
	sift_up(h, node->at - 1);
	sift_down(h, node->at - 1);
	return true;
}

void
gp_heap_remove(struct gp_heap *h, struct gp_heap_node *node)
{
	if (node->at == 0)
		return;
	uint32_t i = node->at - 1;
	gp_assert(i < h->len && h->nodes[i] == node);
	struct gp_heap_node *last = h->nodes[--h->len];
	node->at = 0;
	if (last == node)
		return;
	place(h, i, last);
	sift_up(h, i);
	sift_down(h, last->at - 1);
}
