/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A doubly linked list threaded through its members. The head is a link too; an empty list points
 * to itself. A link that is in no list points to itself after gp_list_init or gp_list_remove, so
 * removing twice is harmless.
 */
#pragma once

struct gp_list {
	struct gp_list *prev, *next;
};

static inline void
gp_list_init(struct gp_list *l)
{
	l->prev = l->next = l;
}

static inline bool
gp_list_empty(const struct gp_list *l)
{
	return l->next == l;
}

/* Puts `item` behind `at`; behind the head is the front of the list. */
static inline void
gp_list_insert(struct gp_list *at, struct gp_list *item)
{
	item->prev = at;
	item->next = at->next;
	at->next->prev = item;
	at->next = item;
}

static inline void
gp_list_append(struct gp_list *head, struct gp_list *item)
{
	gp_list_insert(head->prev, item);
}

static inline void
gp_list_remove(struct gp_list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	gp_list_init(item);
}

/* The first member's link, taken off the list; NULL when empty. */
static inline struct gp_list *
gp_list_pop(struct gp_list *head)
{
	if (gp_list_empty(head))
		return NULL;
	struct gp_list *first = head->next;
	head->next = first->next;
	first->next->prev = head;
	gp_list_init(first);
	return first;
}

/* The body may remove `it`, and nothing else. */
#define gp_list_each(it, head)                                                       \
	for (struct gp_list *it = (head)->next, *it##_next = it->next; it != (head); \
	     it = it##_next, it##_next = it->next)
