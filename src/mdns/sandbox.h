/* The rights that a process drops before it reads strangers' packets. @spec page 14 PLT-2 and
 * SRV-10 */
#ifndef PZ_MDNS_SANDBOX_H
#define PZ_MDNS_SANDBOX_H

#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PZ_HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define PZ_HAS_SANITIZER 1
#endif
#endif
#ifndef PZ_HAS_SANITIZER
#define PZ_HAS_SANITIZER 0
#endif

/**
 * Closes every descriptor above `keep`, gives up gaining rights, lets no core file be written and
 * starts no other process, ends with its parent, and bounds its memory. What a kernel does not
 * support is skipped. Not in builds with a sanitizer, where memory is not bounded.
 */
void pz_mdns_sandbox_begin(int keep);

/**
 * From now on the system calls fail (EPERM) that a running responder does not need: no file is
 * opened, no socket made, no program run, no process signalled. To be called when its sockets are
 * open.
 * @return false: this kernel or this machine has no such filter, and everything continues without
 */
bool pz_mdns_sandbox_seal(void);

#endif
