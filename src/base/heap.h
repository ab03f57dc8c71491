/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A binary min-heap of pointers to nodes embedded in their owners: the schedule. Key ties come out
 * in no particular order. A node knows its place, so it can be moved or removed in O(log n).
 */
#pragma once

struct gp_heap_node {
	uint64_t key;
	uint32_t at; /* 1-based place in the heap; 0: in none */
};

struct gp_heap {
	struct gp_heap_node **nodes;
	uint32_t len, cap;
};

/* Frees the heap's own memory; the nodes still in it are their owners', and keep a stale place. */
void
gp_heap_free(struct gp_heap *h);

/* Adds the node, or moves it when it is in the heap already. False: no memory (a move never fails).
 */
[[nodiscard]] bool
gp_heap_set(struct gp_heap *h, struct gp_heap_node *node, uint64_t key);

/* Takes the node out; harmless when it is in no heap. */
void
gp_heap_remove(struct gp_heap *h, struct gp_heap_node *node);

/* The node with the least key, or NULL. */
static inline struct gp_heap_node *
gp_heap_first(const struct gp_heap *h)
{
	return h->len > 0 ? h->nodes[0] : NULL;
}
