/* The test API: get42 and listenFor42 (page 7, 9.1). */
#ifndef PZ_SERVICE_API_TEST_H
#define PZ_SERVICE_API_TEST_H

#include "base/env.h"
#include "service/service.h"

/**
 * The test service. get42 answers "42 " + its parameter (strings as they are, other values as JSON,
 * nothing when absent); listenAttr.listenFor42 sends onEvent {msg: "42"} once and is done, with
 * {"repeat": true} also every second until it is removed.
 * @param env borrowed for the service's life
 * @param out untouched on failure
 * Errors: LIMIT_MEMORY, CRYPTO.
 * @spec page 7, 9.1
 */
enum pz_err pz_service_test_new(const struct pz_env *env, struct pz_service **out,
				struct pz_errinfo *info) PZ_MUST_USE;

#endif
