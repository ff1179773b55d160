/* Intrusive doubly linked list. A node is in at most one list; a zeroed node is in none. */
#ifndef PZ_BASE_LIST_H
#define PZ_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct pz_list {
	struct pz_list *next, *prev;
};

/** The struct that contains the node. */
#define PZ_CONTAINER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void
pz_list_init(struct pz_list *head)
{
	head->next = head->prev = head;
}

static inline bool
pz_list_is_empty(const struct pz_list *head)
{
	return head->next == head;
}

/** True when the node is in a list. */
static inline bool
pz_list_is_linked(const struct pz_list *node)
{
	return node->next != NULL;
}

static inline void
pz_list_append(struct pz_list *head, struct pz_list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/** Takes the node out of its list; does nothing when it is in none. */
static inline void
pz_list_remove(struct pz_list *node)
{
	if (node->next == NULL)
		return;
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = NULL;
}

/** First node or NULL. */
static inline struct pz_list *
pz_list_first(const struct pz_list *head)
{
	return head->next == head ? NULL : head->next;
}

/** Iterates; the current node may be removed. */
#define PZ_LIST_EACH(head, node, tmp)                                                              \
	for (struct pz_list *node = (head)->next, *tmp = node->next; node != (head);               \
	     node = tmp, tmp = node->next)

#endif
