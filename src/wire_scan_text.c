/* wire_scan_text.c -- for the scanner: JSON strings (RFC 8259 §7), unescaped where they stand. */
#include "wire_int.h"

/* Bytes of the well-formed UTF-8 character of more than one byte at `p` (Unicode 15, table 3-7), 0: none. The text ends
 * with a NUL, so nothing is read beyond it. */
static size_t utf8_length(const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    unsigned low = 0x80, high = 0xbf;
    size_t n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return n;
}

static bool hex4(const char *p, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < 4; i++) {
        char c = p[i];
        unsigned v;
        if (c >= '0' && c <= '9')
            v = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            v = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            v = (unsigned)(c - 'A') + 10;
        else
            return false;
        *out = *out << 4 | v;
    }
    return true;
}

/* \uXXXX at `*p` becomes one to three bytes at `*to`. No NUL, and no surrogates: pairs of them are rare. */
static bool unescape_code(char **p, char **to)
{
    unsigned c;
    char *o = *to;
    if (!hex4(*p + 2, &c) || c == 0 || (c >= 0xd800 && c <= 0xdfff))
        return false;
    if (c < 0x80) {
        *o++ = (char)c;
    } else {
        if (c < 0x800) {
            *o++ = (char)(0xc0 | c >> 6);
        } else {
            *o++ = (char)(0xe0 | c >> 12);
            *o++ = (char)(0x80 | (c >> 6 & 63));
        }
        *o++ = (char)(0x80 | (c & 63));
    }
    *p += 6;
    *to = o;
    return true;
}

static bool unescape(char **p, char **to)
{
    static const char meaning[128] = {
        ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t'};
    unsigned char c = (unsigned char)(*p)[1];
    if (c == 'u')
        return unescape_code(p, to);
    if (c >= sizeof meaning || !meaning[c])
        return false;
    *(*to)++ = meaning[c];
    *p += 2;
    return true;
}

/* The rest of the string that begins at `from`, from `p` on, where something is not plain ASCII. */
static char *scan_odd(char **at, char *from, char *p, size_t *n)
{
    for (char *to = p;;) {
        unsigned char c = (unsigned char)*p;
        if (c == '"') {
            *to = '\0';
            *n = (size_t)(to - from);
            *at = p + 1;
            return from;
        }
        if (c < 0x20)
            return NULL;
        if (c == '\\') {
            if (!unescape(&p, &to))
                return NULL;
            continue;
        }
        if (c < 0x80) {
            *to++ = *p++;
            continue;
        }
        size_t length = utf8_length(p);
        if (length == 0)
            return NULL;
        memmove(to, p, length);
        to += length;
        p += length;
    }
}

char *wire_scan_string(char **at, size_t *n)
{
    const uint64_t tops = UINT64_C(0x8080808080808080);
    char *p = *at;
    if (*p != '"')
        return NULL;
    /* The text ends with NULs, which stop this. */
    char *from = ++p;
    uint64_t v = wire_load8(p), odd;
    while ((odd = wire_odd_bytes(v) | (v & tops)) == 0)
        v = wire_load8(p += 8);
    p += (size_t)__builtin_ctzll(odd) / 8;
    if (*p != '"')
        return scan_odd(at, from, p, n);
    *p = '\0';
    *n = (size_t)(p - from);
    *at = p + 1;
    return from;
}
