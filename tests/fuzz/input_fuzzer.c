/* A libFuzzer target: any bytes as a file that may be compressed: an end is an end, in bounded memory. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../analyze/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static char to[70000];
    char path[64], err[INPUT_ERR_LEN];
    int fd = memfd_create("bytes", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct input *in = input_open(path, err);
    if (in == NULL)
        abort();
    size_t total = 0;
    ssize_t got;
    while (total < (1 << 22) && (got = input_read(in, to, 1 + total % sizeof to)) != 0) {
        if (got < 0)
            abort();
        total += (size_t)got;
    }
    if (total < (1 << 22) && (input_read(in, to, 1) != 0 || (!input_compressed(in) && total != n)))
        abort();
    input_close(in);
    close(fd);
    return 0;
}
