/* story.h -- an explanation under construction: steps in time order, one of them the first wrong one, and remarks.
 *
 * Everything reads the database given to story_new(); nothing is written to it. Text of the trace is kept as it is and
 * made safe when printed. Aborts on out of memory. */
#ifndef FAULTLINE_STORY_H
#define FAULTLINE_STORY_H

#include "db.h"
#include <stdio.h>

struct story;

struct story *story_new(struct db *db, int64_t run_id);
void story_free(struct story *s); /* NULL allowed */

/* A record as a step; `words` NULL = as the record says. A record that is in the story already keeps its words. */
void story_record(struct story *s, int64_t rec, const char *words, ...) __attribute__((format(printf, 3, 4)));
/* The same, with what the record says before the note: "votes for 0001 in term 2: the second vote". */
void story_note(struct story *s, int64_t rec, const char *note);
/* The step of this record (added when missing) is the first wrong one: it gets ">". */
void story_wrong(struct story *s, int64_t rec);
/* A step that no single record is: at time `t` ns, `who` did something. */
void story_step(struct story *s, int64_t t, const char *who, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The fault as a step at its begin, with its end. Once, however often it is named. */
void story_fault(struct story *s, int64_t fault_id);
/* The records from which `rec` followed, along the causal edges, at most `depth` of them back. What the network did is
 * left out where sender or receiver tell the same. */
void story_chain(struct story *s, int64_t rec, int depth);
/* A remark under the steps. */
void story_remark(struct story *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
size_t story_steps(const struct story *s);

/* A step as it is shown. Texts are the story's, of unknown origin, and not made safe. */
struct story_line {
    int64_t t, rec; /* ns; records.id, 0 = no single record */
    const char *who, *words;
    const char *where; /* "0003.1:1462  run7/0003.1.jsonl:1462", NULL = no record */
    bool wrong;        /* the first wrong step */
};
/* The steps in order of time: the i-th, or false past the last. Nothing may be added after the first call. */
bool story_line(struct story *s, size_t i, struct story_line *line);
/* The i-th remark; NULL past the last. */
const char *story_remark_at(const struct story *s, size_t i);
void story_print(struct story *s, FILE *out);

/* Of a record: its sentence (words.h), to be freed. NULL when there is no such record. */
char *story_words(struct db *db, int64_t rec);

#endif
