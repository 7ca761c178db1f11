/* trace_text.h -- internal: what the writer and the scanner both need to know about JSON text.
 *
 * The rules are RFC 8259's, narrowed to what jansson accepts (it is the reference): strict UTF-8, no control characters
 * in strings, no lone surrogates, no duplicate keys. */
#ifndef FAULTLINE_TRACE_TEXT_H
#define FAULTLINE_TRACE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Whether none of the eight bytes at p needs a second look inside a JSON string: ASCII, no control character, no quote,
 * no backslash. Exact when it says yes; when it says no, one of them does. */
static inline bool trace_plain_8(const char *p)
{
    const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
    uint64_t x, quote, slash;
    memcpy(&x, p, 8);
    quote = x ^ (ones * '"');
    slash = x ^ (ones * '\\');
    return ((x | (x - ones * 0x20) | (quote - ones) | (slash - ones)) & highs) == 0;
}

static inline bool trace_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* How many bytes from p are plain; the count never passes `end`. */
static inline size_t trace_plain_run(const char *p, const char *end)
{
    const char *from = p;
    while (end - p >= 8 && trace_plain_8(p))
        p += 8;
    while (p < end && trace_plain(*p))
        p++;
    return (size_t)(p - from);
}

/* Length of the UTF-8 sequence of two to four bytes at p, 0 when it is not a valid one (overlong, surrogate, too big,
 * cut off). */
size_t trace_utf8_length(const char *p, const char *end);

/* `p` is the first byte inside a JSON string. Returns its closing quote, or NULL when the string is not valid. Sets
 * *escaped when there is a backslash in it. */
const char *trace_string_end(const char *p, const char *end, bool *escaped);

/* Decodes the inside of a string that trace_string_end() accepted. `out` has room for `n` bytes, which always
 * suffices; returns the bytes written. */
size_t trace_string_decode(const char *p, size_t n, char *out);

/* Returns the end of the JSON value at p, or NULL when it is not valid JSON or too unusual to be sure without jansson:
 * nested deeper than 16, over 32 keys in one object, escapes in keys, integers over 18 digits, large exponents.
 * Whitespace inside arrays and objects is accepted, before and after the value it is not. */
const char *trace_value_end(const char *p, const char *end);

#endif
