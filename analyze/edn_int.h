/* edn_int.h -- what the files of edn*.c share. */
#ifndef FAULTLINE_EDN_INT_H
#define FAULTLINE_EDN_INT_H

#include "edn.h"

enum { EDN_WINDOW = 1 << 16, EDN_BLOCK = 1 << 16, EDN_NONE = -1 };

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) unsigned char bytes[];
};

struct edn_reader {
    edn_source *read;
    void *ctx;
    bool flat, flat_open, begun;
    char flat_end;
    const unsigned char *p, *end; /* not consumed yet */
    int64_t line;
    size_t bytes; /* of the value being read */
    struct block *arena;
    char *token; /* being collected */
    size_t token_n, token_cap;
    struct edn *stack; /* items of collections that are not closed yet */
    size_t stack_n, stack_cap;
    enum edn_read state; /* EDN_VALUE: all is well */
    char err[EDN_ERR_LEN];
    unsigned char window[EDN_WINDOW];
};

/* The next byte, without and with taking it; EDN_NONE at the end, after an error, and beyond EDN_BYTES_MAX of one
 * value. */
int edn_peek(struct edn_reader *r);
int edn_take(struct edn_reader *r);
bool edn_blank(int c);
/* Does an atom end before it? */
bool edn_delimiter(int c);
/* Notes the first error; returns false. */
bool edn_bad(struct edn_reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Memory until the next value. */
void *edn_room(struct edn_reader *r, size_t n);

/* ---- edn_atom.c: each takes an atom that begins at the next byte ---- */

void edn_word(struct edn_reader *r); /* up to a delimiter, into r->token */
bool edn_string(struct edn_reader *r, struct edn *v);
bool edn_character(struct edn_reader *r, struct edn *v);
bool edn_atom(struct edn_reader *r, struct edn *v); /* number, keyword, symbol, nil, true, false */

#endif
