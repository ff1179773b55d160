/* What each unit test begins with: cmocka, and the headers that it needs before it. */
#ifndef PZ_KIT_TEST_H
#define PZ_KIT_TEST_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "base/err.h"

/** Fails unless the call succeeds; the message has the name of the error. */
#define assert_ok(expr) assert_string_equal(pz_err_name(expr), "OK")

#endif
