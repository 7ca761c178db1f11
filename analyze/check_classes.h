/* check_classes.h -- the violations of many runs, by class: a class is what was done wrong, whoever did it. */
#ifndef FAULTLINE_CHECK_CLASSES_H
#define FAULTLINE_CHECK_CLASSES_H

#include <stddef.h>
#include <stdint.h>

struct check_options;
struct check_result;

struct check_class {
    char *check, *class, *severity, *title; /* of the first */
    char *first_name, *smallest_name;       /* runs: the first, and the one with the fewest records */
    char *file;                             /* where its first wrong step stands; NULL: nowhere */
    char *scenario, *rerun;                 /* of the first; NULL: not known */
    int64_t line, runs, violations, smallest;
};

struct check_classes {
    struct check_class *v;
    size_t n, room;
    int64_t runs, passed, undecided;
    char *first_undecided;
};

/* Takes account of one run. */
void classes_add(struct check_classes *all, const struct check_result *r, const struct check_options *ran);
void classes_free(struct check_classes *all);

#endif
