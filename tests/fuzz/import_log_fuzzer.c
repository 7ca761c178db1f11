/* A libFuzzer target: any bytes as a history in the format of analyze/import_jepsen.c (see import_any()). */
#include "../support/import_any.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    import_any(ANY_LOG, bytes, n);
    return 0;
}
