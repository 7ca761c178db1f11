#include "wire_mutate.h"

#include <stdbool.h>
#include <string.h>

static size_t splice(char *bytes, size_t n, size_t room, size_t at, size_t cut, const char *with, size_t len)
{
    if (cut > n - at)
        cut = n - at;
    if (n - cut + len > room)
        return n;
    memmove(bytes + at + len, bytes + at + cut, n - at - cut);
    memcpy(bytes + at, with, len);
    return n - cut + len;
}

/* A value that follows a colon or comma becomes something odd. */
static size_t odd_value(char *bytes, size_t n, size_t room, size_t from, struct rng *rng)
{
    static const char *const odd[] = {"-1",
                                      "9007199254740992",
                                      "18446744073709551616",
                                      "1e5",
                                      "0",
                                      "1",
                                      "null",
                                      "true",
                                      "\"FFFF\"",
                                      "\"0001\"",
                                      "[]",
                                      "{}",
                                      "\"\"",
                                      "9007199254740991",
                                      "2",
                                      "\"put\""};
    size_t at = from;
    while (at < n && bytes[at] != ':' && bytes[at] != ',')
        at++;
    if (at + 1 >= n)
        return n;
    size_t end = at + 1;
    while (end < n && !strchr(",:}]", bytes[end]))
        end++;
    const char *with = odd[rng_below(rng, sizeof odd / sizeof *odd)];
    return splice(bytes, n, room, at + 1, end - at - 1, with, strlen(with));
}

/* White space between fields, or something at the beginning or end of a string: mostly it stays a message. */
static size_t harmless(char *bytes, size_t n, size_t room, size_t from, struct rng *rng)
{
    static const char *const insides[] = {"a",        "\\/",  "\\n",  "\\u0041", "\\u00e9", "\\u20AC", "\\ud83d\\ude00",
                                          "\xc3\xa9", "\\\\", "\\\"", "}",       "[",       " "};
    bool space = rng_below(rng, 2);
    size_t at = from;
    while (at < n && (space ? bytes[at] != ':' && bytes[at] != ',' : bytes[at] != '"'))
        at++;
    if (at == n)
        return n;
    const char *with = space ? " " : insides[rng_below(rng, sizeof insides / sizeof *insides)];
    return splice(bytes, n, room, at + 1, 0, with, strlen(with));
}

static size_t mutate_once(char *bytes, size_t n, size_t room, struct rng *rng)
{
    /* clang-format off */
    static const char *const tokens[] = {"\"", "\\", "{", "}", "[", "]", ",", ":", "\\u0000", "\\u12", "\xff", "\xf0\x9f", "null", "\"src\":\"0001\",", "[1,\"noop\"],", "\n", "-", ".", " ", "\\/", "\\n", "\\u00e9", "\\u20AC", "\\ud83d\\ude00", "\\ud83d", "\xc3\xa9", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "==", "0", "[1,\"conf\",\"FFFF\",\"\",\"0001\"],", ",\"ok\":true"};
    /* clang-format on */
    size_t at = n ? rng_below(rng, n) : 0;
    char c = (char)rng_below(rng, 256);
    const char *token = tokens[rng_below(rng, sizeof tokens / sizeof *tokens)];
    switch (rng_below(rng, 11)) {
    case 0:
        if (n)
            bytes[at] = (char)(bytes[at] ^ (1 << rng_below(rng, 8)));
        return n;
    case 1:
        return splice(bytes, n, room, at, 1, &c, 1);
    case 2:
        return splice(bytes, n, room, at, 1 + rng_below(rng, 8), "", 0);
    case 3:
        return splice(bytes, n, room, at, 0, token, strlen(token));
    case 4:
        return rng_below(rng, 4) ? n : at; /* cut short */
    case 5: {
        char piece[32];
        size_t len = n - at < sizeof piece ? n - at : sizeof piece;
        memcpy(piece, bytes + at, len);
        return splice(bytes, n, room, n ? rng_below(rng, n) : 0, 0, piece, len);
    }
    case 6:
        return harmless(bytes, n, room, at, rng);
    case 7:
        c = (char)('0' + rng_below(rng, 'z' - '0'));
        return splice(bytes, n, room, at, 1, &c, 1);
    default:
        return odd_value(bytes, n, room, at, rng);
    }
}

size_t wire_mutate(char *bytes, size_t n, size_t room, struct rng *rng)
{
    for (uint64_t times = 1 + rng_below(rng, 4); times > 0; times--)
        n = mutate_once(bytes, n, room, rng);
    return n;
}
