/* The tests of scan_test.c on the code for machines without SSE2, which takes the place of the
 * library's. */
#undef __SSE2__
#include "wire/scan.c"

#include "wire/scan_test.c"
