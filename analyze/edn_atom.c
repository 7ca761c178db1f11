/* edn_atom.c -- strings, characters, numbers, keywords and symbols. */
#include "edn_int.h"

#include <stdio.h>
#include <string.h>

#include "mem.h"

static void token_add(struct edn_reader *r, int c)
{
    if (r->token_n + 1 >= r->token_cap) {
        r->token_cap = r->token_cap > 0 ? r->token_cap * 2 : 256;
        r->token = mem_grow(r->token, r->token_cap, 1);
    }
    r->token[r->token_n++] = (char)c;
}

static void token_end(struct edn_reader *r, struct edn *v)
{
    char *text = edn_room(r, r->token_n + 1);
    if (r->token_n > 0)
        memcpy(text, r->token, r->token_n);
    text[r->token_n] = '\0';
    v->text = text;
    v->n = r->token_n;
}

static void add_utf8(struct edn_reader *r, unsigned c)
{
    if (c < 0x80) {
        token_add(r, (int)c);
    } else if (c < 0x800) {
        token_add(r, (int)(0xc0 | c >> 6));
        token_add(r, (int)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        token_add(r, (int)(0xe0 | c >> 12));
        token_add(r, (int)(0x80 | (c >> 6 & 0x3f)));
        token_add(r, (int)(0x80 | (c & 0x3f)));
    } else {
        token_add(r, (int)(0xf0 | c >> 18));
        token_add(r, (int)(0x80 | (c >> 12 & 0x3f)));
        token_add(r, (int)(0x80 | (c >> 6 & 0x3f)));
        token_add(r, (int)(0x80 | (c & 0x3f)));
    }
}

static int hex(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : EDN_NONE;
}

static bool four_digits(struct edn_reader *r, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++) {
        int d = hex(edn_take(r));
        if (d == EDN_NONE)
            return edn_bad(r, "\\u needs four hexadecimal digits");
        *out = *out << 4 | (unsigned)d;
    }
    return true;
}

static bool escape(struct edn_reader *r);

/* After "\u": UTF-16, as Java prints it. A half of a pair that stands alone becomes U+FFFD. */
static bool unicode(struct edn_reader *r)
{
    unsigned c, low;
    if (!four_digits(r, &c))
        return false;
    while (c >= 0xd800 && c < 0xdc00 && edn_peek(r) == '\\') {
        edn_take(r);
        if (edn_peek(r) != 'u') {
            add_utf8(r, 0xfffd);
            return escape(r);
        }
        edn_take(r);
        if (!four_digits(r, &low))
            return false;
        if (low >= 0xdc00 && low < 0xe000) {
            add_utf8(r, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
            return true;
        }
        add_utf8(r, 0xfffd);
        c = low;
    }
    add_utf8(r, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
    return true;
}

/* After a backslash. */
static bool escape(struct edn_reader *r)
{
    int c = edn_take(r);
    switch (c) {
    case 't':
        token_add(r, '\t');
        return true;
    case 'n':
        token_add(r, '\n');
        return true;
    case 'r':
        token_add(r, '\r');
        return true;
    case 'b':
        token_add(r, '\b');
        return true;
    case 'f':
        token_add(r, '\f');
        return true;
    case '\\':
    case '"':
        token_add(r, c);
        return true;
    case 'u':
        return unicode(r);
    default:
        return edn_bad(r, "a string has an escape that EDN does not know");
    }
}

bool edn_string(struct edn_reader *r, struct edn *v)
{
    int64_t began = r->line;
    edn_take(r);
    r->token_n = 0;
    for (;;) {
        int c = edn_take(r);
        if (c == EDN_NONE)
            return edn_bad(r, "the string of line %lld has no end", (long long)began);
        if (c == '"')
            break;
        if (c == '\\' ? !escape(r) : (token_add(r, c), false))
            return false;
    }
    v->kind = EDN_STRING;
    token_end(r, v);
    return true;
}

void edn_word(struct edn_reader *r)
{
    r->token_n = 0;
    while (!edn_delimiter(edn_peek(r)))
        token_add(r, edn_take(r));
}

/* [+-]digits[N], else anything that begins like a number. */
static void number(struct edn_reader *r, struct edn *v)
{
    size_t n = r->token_n, i = 0;
    const char *t = r->token;
    bool negative = t[0] == '-';
    int64_t sum = 0;
    bool fits = true;
    i += t[0] == '-' || t[0] == '+';
    if (n > i + 1 && t[n - 1] == 'N')
        n--;
    for (; i < n && fits; i++) {
        fits =
            t[i] >= '0' && t[i] <= '9' && !__builtin_mul_overflow(sum, 10, &sum) &&
            !(negative ? __builtin_sub_overflow(sum, t[i] - '0', &sum) : __builtin_add_overflow(sum, t[i] - '0', &sum));
    }
    v->kind = fits ? EDN_INT : EDN_NUMBER;
    v->i = fits ? sum : 0;
    if (fits) { /* one spelling for one number */
        char text[24];
        int len = snprintf(text, sizeof text, "%lld", (long long)sum);
        r->token_n = 0;
        for (int k = 0; k < len; k++)
            token_add(r, text[k]);
    }
    token_end(r, v);
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

bool edn_atom(struct edn_reader *r, struct edn *v)
{
    static const struct {
        const char *word;
        enum edn_kind kind;
    } words[] = {{"nil", EDN_NIL}, {"true", EDN_TRUE}, {"false", EDN_FALSE}};
    edn_word(r);
    size_t n = r->token_n;
    const char *t = r->token;
    if (n == 0)
        return edn_bad(r, "unexpected byte 0x%02x", (unsigned)(edn_peek(r) & 0xff));
    if (digit(t[0]) || (n > 1 && (t[0] == '-' || t[0] == '+') && digit(t[1]))) {
        number(r, v);
        return true;
    }
    v->kind = EDN_SYMBOL;
    if (t[0] == ':') {
        v->kind = EDN_KEYWORD;
        r->token_n--;
        memmove(r->token, r->token + 1, r->token_n);
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (n == strlen(words[i].word) && memcmp(t, words[i].word, n) == 0)
            v->kind = words[i].kind;
    }
    token_end(r, v);
    return true;
}

bool edn_character(struct edn_reader *r, struct edn *v)
{
    r->token_n = 0;
    token_add(r, edn_take(r));
    int c = edn_take(r);
    if (c == EDN_NONE)
        return edn_bad(r, "a character is missing after \\");
    token_add(r, c);
    while (!edn_delimiter(edn_peek(r)))
        token_add(r, edn_take(r));
    v->kind = EDN_CHAR;
    token_end(r, v);
    return true;
}
