/* The tests of scan_test.c on the code for machines without SSE2, which replaces the library's
 * code. */
#undef __SSE2__
#include "wire/scan.c"

#include "wire/scan_test.c"
