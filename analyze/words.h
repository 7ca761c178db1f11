/* words.h -- what a record says, as a sentence for people. */
#ifndef FAULTLINE_WORDS_H
#define FAULTLINE_WORDS_H

#include <stdio.h>
#include "trace.h"

/* The columns of a record that words may use; -1 = not there. */
struct words_context {
    const char *ev;
    int64_t term, ci, ai, li;
    char role; /* 0 = not there */
};

/* Writes the sentence, without node and time and without '\n'. Text of the trace is written as it is: what reaches a
 * terminal must go through cli_print(). */
void words_of_record(FILE *out, const struct words_context *c, const struct trace_record *body);
/* The i-th of the sentences that this file knows, for programs that expand them themselves: of records `ev`, when their
 * field ty is `ty` (NULL: any) and their field ok is true (1) or false (0; -1: any). What stands in braces and brackets
 * is explained in words.c. The first that fits a record is its sentence. False past the last. */
struct words_template {
    const char *ev, *ty, *words;
    int ok;
};
bool words_template(size_t i, struct words_template *t);
/* A sentence of the caller's for the same: what stands in braces and brackets in the template is explained in words.c.
 */
void words_expand(FILE *out, const struct words_context *c, const struct trace_record *body, const char *words);
/* "leader" for 'L'. */
const char *words_role(char role);

#endif
