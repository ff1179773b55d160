/* What the tests of policies share. */
#ifndef PZ_POLICY_FIXTURE_H
#define PZ_POLICY_FIXTURE_H

#include "kit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "policy/decide.h"

#define TEST_NOW_MS INT64_C(1355140800000) /* 2012-12-10T12:00:00Z */

struct pz_policy_document *parse(const char *text);

struct pz_policy_request *request_of(const char *json);

/* Effect of one document, by its index and without. */
enum pz_policy_effect effect_of(const char *text, const char *json);

#endif
