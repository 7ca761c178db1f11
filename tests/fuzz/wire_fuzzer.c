/* A libFuzzer target: any bytes as a datagram, read by the scanner and by jansson (see wire_check()). `make fuzz` runs
 * it from the datagrams in tests/fuzz/wire/, one of each type. */
#include <stdio.h>
#include <stdlib.h>

#include "../support/wire_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static struct wire_check check;
    const char *wrong;
    if (!check.scanner && !wire_check_begin(&check))
        abort();
    if (wire_check(&check, (const char *)bytes, n, &wrong) == WIRE_WRONG) {
        fprintf(stderr, "%s\n", wrong);
        abort();
    }
    return 0;
}
