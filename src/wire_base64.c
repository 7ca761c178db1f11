/* wire_base64.c -- bytes in JSON: base64 (RFC 4648 §4), read strictly, so that equal bytes are equal text. */
#include "wire_int.h"

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void wire_base64_encode(const unsigned char *p, size_t n, char *out)
{
    for (; n >= 3; n -= 3, p += 3) {
        unsigned v = (unsigned)p[0] << 16 | (unsigned)p[1] << 8 | p[2];
        *out++ = digits[v >> 18];
        *out++ = digits[(v >> 12) & 63];
        *out++ = digits[(v >> 6) & 63];
        *out++ = digits[v & 63];
    }
    if (n == 0)
        return;
    unsigned v = (unsigned)p[0] << 16 | (n == 2 ? (unsigned)p[1] << 8 : 0);
    out[0] = digits[v >> 18];
    out[1] = digits[(v >> 12) & 63];
    out[2] = n == 2 ? digits[(v >> 6) & 63] : '=';
    out[3] = '=';
}

/* By the digit; 64: none. */
/* clang-format off */
static const unsigned char values[128] = {
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 62, 64, 64, 64, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 64, 64, 64, 64, 64, 64,
    64, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
    15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 64, 64, 64, 64, 64,
    64, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
    41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 64, 64, 64, 64, 64,
};
/* clang-format on */

static unsigned value_of(char c)
{
    return (unsigned char)c < sizeof values ? values[(unsigned char)c] : 64;
}

bool wire_base64_decode(const char *text, size_t n, unsigned char *out, size_t *n_out)
{
    unsigned char *to = out;
    if (n % 4 != 0)
        return false;
    for (; n > 0; n -= 4, text += 4) {
        unsigned a = value_of(text[0]), b = value_of(text[1]), c = value_of(text[2]), d = value_of(text[3]);
        unsigned padding = n > 4 || text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
        if (padding > 0)
            d = 0;
        if (padding > 1)
            c = 0;
        if ((a | b | c | d) > 63 || (padding == 2 && b & 15) || (padding == 1 && c & 3))
            return false;
        *to++ = (unsigned char)(a << 2 | b >> 4);
        if (padding < 2)
            *to++ = (unsigned char)((b & 15) << 4 | c >> 2);
        if (padding < 1)
            *to++ = (unsigned char)((c & 3) << 6 | d);
    }
    *n_out = (size_t)(to - out);
    return true;
}
