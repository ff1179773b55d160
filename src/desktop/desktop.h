/*
 * Questions for a person as notifications of the desktop (org.freedesktop.Notifications), where a
 * session bus has such a service that shows actions.
 * @spec page 9, 11.3 and 11.4; page 14 PRM-4
 */
#ifndef PZ_DESKTOP_DESKTOP_H
#define PZ_DESKTOP_DESKTOP_H

#include "net/loop.h"
#include "prompt/prompt.h"

struct pz_desktop;

/** Address of the session bus of this process: an existing UNIX socket. @param out of `size` bytes.
 * @return false: there is no such bus */
bool pz_desktop_bus_address(char *out, size_t size);

/**
 * Shows questions on the desktop, now and when its notification service comes. Nothing waits for
 * the bus; a lost one is searched again each minute.
 * @param loop, prompts borrowed for its life
 * @param address of the bus; copied
 * @return NULL: out of memory
 */
struct pz_desktop *
pz_desktop_new(struct pz_loop *loop, const char *address, struct pz_prompts *prompts);
/** Takes its notifications away. Before the prompts end. NULL is fine. */
void pz_desktop_free(struct pz_desktop *desktop);

#endif
