/*
 * Relays or a hub that lie about what they pass on (page 15 "A hop"). Only a program that is linked
 * with the options of CMakeLists.txt has them.
 */
#ifndef PZ_SIM_LIAR_H
#define PZ_SIM_LIAR_H

#include "world.h"

/* X(name, what it does). The last two are told where a scenario asks for them. */
#define LIES(X)                                                                                    \
	X(DROP, "a piece does not arrive")                                                         \
	X(HOLD, "it arrives together with a later one")                                            \
	X(DOUBLE, "it arrives twice")                                                              \
	X(REORDER, "it arrives before an earlier one")                                             \
	X(ALTER, "a byte of it is changed")                                                        \
	X(CUT, "the beginning arrives, and then nothing")                                          \
	X(SWAP, "it arrives in another channel")                                                   \
	X(MAKE_UP, "bytes arrive that were not sent")                                              \
	X(KEEP_OPEN, "a channel stays open whose other half is gone")                              \
	X(CREDIT, "more, less or none of the credit")                                              \
	X(ANSWER, "an open is accepted that goes nowhere, or in place of another one")             \
	X(NAME, "a link is said to come from another device")                                      \
	X(MISLEAD, "it leads to another device than asked for, also back")                         \
	X(OPEN, "links without an opener, with bytes of others in them: liar_act")                 \
	X(SPEAK, "its own messages have the name of another device")

enum lie {
#define X(name, text) LIE_##name,
	LIES(X)
#undef X
		LIE_COUNT,
	LIE_CHOSEN = LIE_OPEN, /* those before it are told by chance */
};

/** From now on this node lies as well. What about, and how often, chance decides with the first
 * one. */
void liar_begin(struct world *world, struct sim_node *node);
/** All liars tell this one, too. */
void liar_must_tell(enum lie lie);
/** Whether this node lies. */
bool liar_is(const struct sim_node *node);
/** Liars that run open a channel by themselves. */
void liar_act(void);
/** All are honest again; what they kept open ends. */
void liar_end(struct world *world);

#endif
