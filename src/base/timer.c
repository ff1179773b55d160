/*
 * Pairing heap: start is O(1), stop and taking the earliest are O(log n) amortised, and the links
 * live in the timers. Children are merged pairwise without recursion, so a chain of any length
 * cannot exhaust the stack.
 */
#include "base/timer.h"

#include <stddef.h>

/* Makes the later of two roots the first child of the earlier; both are alone in their lists. */
static struct pz_timer *
meld(struct pz_timer *a, struct pz_timer *b)
{
	if (b->due_us < a->due_us) {
		struct pz_timer *swap = a;
		a = b;
		b = swap;
	}
	b->prev = a;
	b->sibling = a->child;
	if (b->sibling)
		b->sibling->prev = b;
	a->child = b;
	return a;
}

/* Takes the next root off a list of siblings. */
static struct pz_timer *
take(struct pz_timer **list)
{
	struct pz_timer *t = *list;

	*list = t->sibling;
	t->sibling = t->prev = NULL;
	return t;
}

/* One heap out of a list of siblings: pairs from left to right, then all from right to left. */
static struct pz_timer *
meld_list(struct pz_timer *list)
{
	struct pz_timer *pairs = NULL, *root = NULL;

	while (list) {
		struct pz_timer *t = take(&list);
		if (list)
			t = meld(t, take(&list));
		t->sibling = pairs; /* pushed, so the list of pairs is in reverse */
		pairs = t;
	}
	while (pairs) {
		struct pz_timer *t = take(&pairs);
		root = root ? meld(root, t) : t;
	}
	return root;
}

void
pz_timer_init(struct pz_timer *timer, pz_timer_fn fn, void *arg)
{
	*timer = (struct pz_timer){.fn = fn, .arg = arg};
}

void
pz_timer_start(struct pz_timers *timers, struct pz_timer *timer, uint64_t due_us)
{
	pz_timer_stop(timers, timer);
	timer->due_us = due_us;
	timer->child = timer->sibling = timer->prev = NULL;
	timer->active = true;
	timers->root = timers->root ? meld(timers->root, timer) : timer;
}

void
pz_timer_stop(struct pz_timers *timers, struct pz_timer *timer)
{
	struct pz_timer *rest;

	if (!timer->active)
		return;
	rest = meld_list(timer->child);
	if (timers->root == timer) {
		timers->root = rest;
	} else {
		if (timer->prev->child == timer)
			timer->prev->child = timer->sibling;
		else
			timer->prev->sibling = timer->sibling;
		if (timer->sibling)
			timer->sibling->prev = timer->prev;
		if (rest)
			timers->root = meld(timers->root, rest);
	}
	timer->child = timer->sibling = timer->prev = NULL;
	timer->active = false;
}

uint64_t
pz_timers_next_us(const struct pz_timers *timers)
{
	return timers->root ? timers->root->due_us : UINT64_MAX;
}

void
pz_timers_run(struct pz_timers *timers, uint64_t now_us)
{
	while (timers->root && timers->root->due_us <= now_us) {
		struct pz_timer *t = timers->root;
		pz_timer_stop(timers, t);
		if (t->fn)
			t->fn(t, t->arg); /* may free t */
	}
}
