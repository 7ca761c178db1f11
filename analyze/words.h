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
/* "leader" for 'L'. */
const char *words_role(char role);

#endif
