/* pack.c -- see pack.h. */
#include "pack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <zlib.h>
#include <zstd.h>

size_t pack(const void *p, size_t n, bool zstd, void *to, size_t room)
{
    if (zstd) {
        size_t got = ZSTD_compress(to, room, p, n, 3);
        assert_false(ZSTD_isError(got));
        return got;
    }
    z_stream z = {.next_in = (Bytef *)(uintptr_t)p, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)room};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t got = room - z.avail_out;
    deflateEnd(&z);
    return got;
}
