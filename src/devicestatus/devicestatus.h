/*
 * The device status API over /proc, /sys and /etc (page 7, 9.2).
 * @spec page 14 DSC-3
 */
#ifndef PZ_DEVICESTATUS_DEVICESTATUS_H
#define PZ_DEVICESTATUS_DEVICESTATUS_H

#include "base/env.h"
#include "service/service.h"

/**
 * The device status service. Network identifiers (MAC, IP, SSID) are given to callers of the own
 * zone only.
 * @param env borrowed for the service's life
 * @param root where /proc, /sys and /etc are looked up: "/" in the daemon, a fake tree in tests.
 * Copied. IP addresses come from the kernel for "/", else from no source.
 * @param out untouched on failure
 * Errors: LIMIT_MEMORY, CRYPTO.
 * @spec page 7, 9.2; page 14 SRV-5
 */
enum pz_err
pz_service_devicestatus_new(const struct pz_env *env, const char *root, struct pz_service **out,
			    struct pz_errinfo *info) PZ_MUST_USE;

#endif
