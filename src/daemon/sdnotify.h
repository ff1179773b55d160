/* systemd's readiness protocol: one datagram to $NOTIFY_SOCKET. @spec sd_notify(3) "Notes" */
#ifndef PZ_DAEMON_SDNOTIFY_H
#define PZ_DAEMON_SDNOTIFY_H

#include <stdint.h>

/** Sends e.g. "READY=1\nSTATUS=...". Does nothing when not run by systemd; failures are ignored. */
void pz_daemon_notify(const char *state);

/** Half of WatchdogSec in microseconds when this process is watched, else 0. @spec
 * sd_watchdog_enabled(3) */
uint64_t pz_daemon_watchdog_us(void);

#endif
