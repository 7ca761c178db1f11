/* edn.h -- reading EDN, the notation of Clojure's data (github.com/edn-format/edn), as far as histories need it: one
 * value at a time, of bounded depth and size, whatever the bytes.
 *
 * Tags (#inst "...", #jepsen.history.Op{...}) are skipped, their value is kept; #_ discards, ; begins a comment. */
#ifndef FAULTLINE_EDN_H
#define FAULTLINE_EDN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { EDN_DEPTH_MAX = 64, EDN_BYTES_MAX = 8 << 20, EDN_ERR_LEN = 160 };

enum edn_kind {
    EDN_NIL,
    EDN_TRUE,
    EDN_FALSE,
    EDN_INT,    /* fits 64 bits: `i` */
    EDN_NUMBER, /* any other: text only */
    EDN_STRING,
    EDN_KEYWORD,
    EDN_SYMBOL,
    EDN_CHAR,
    EDN_VECTOR,
    EDN_LIST,
    EDN_SET,
    EDN_MAP
};

struct edn {
    enum edn_kind kind;
    int64_t line; /* where it begins, from 1 */
    int64_t i;
    const char *text; /* string: decoded; keyword: without its colon; other atoms: as written. A NUL follows */
    size_t n;
    const struct edn *item; /* of a vector, list, set; of a map: key, value, key, value ... */
    size_t items;
};

enum edn_read { EDN_VALUE, EDN_END, EDN_BAD, EDN_IO };

struct edn_reader;

/* Where the bytes come from: as read(2). */
typedef ssize_t edn_source(void *ctx, void *to, size_t n);
/* `flat`: a vector or list that is the first thing of the input is not a value but a wrapping of values. NULL without
 * memory. */
struct edn_reader *edn_open(edn_source *read, void *ctx, bool flat);
/* Goes on with a text of its own, whose first line has this number; the text is borrowed. */
void edn_text(struct edn_reader *r, const char *p, size_t n, int64_t line);
void edn_close(struct edn_reader *r); /* NULL allowed */

/* The next value, valid until the next call. EDN_BAD and EDN_IO are final: edn_error() has words, edn_line() the line.
 */
enum edn_read edn_next(struct edn_reader *r, const struct edn **v);
const char *edn_error(const struct edn_reader *r);
int64_t edn_line(const struct edn_reader *r);

/* The value of a keyword in a map, NULL when it is not there or `map` is none. */
const struct edn *edn_get(const struct edn *map, const char *keyword);
bool edn_is(const struct edn *v, const char *keyword);
/* Writes the value as EDN (strings in quotes) into `out`, at most `n` bytes and a NUL; returns the bytes that all of it
 * needs, like snprintf. */
size_t edn_print(const struct edn *v, char *out, size_t n);

#endif
