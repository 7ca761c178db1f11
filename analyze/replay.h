/* replay.h -- one pass over the records of a run, shared by the Raft rules (R) and the trace checks (T).
 *
 * The pass keeps, for each replica and boot, the state that its records imply (term, role, log, commit, applied, votes
 * and acknowledgements received) and judges each record against it. Rule numbers are those of the catalogue in
 * check_raft.c. A rule that lacks what it needs is silent here and says so in `rule_state.unknown`. */
#ifndef FAULTLINE_REPLAY_H
#define FAULTLINE_REPLAY_H

#include "check.h"

enum rule {
    RULE_R1,
    RULE_R2,
    RULE_R3,
    RULE_R4,
    RULE_R5,
    RULE_R6,
    RULE_R7,
    RULE_R8,
    RULE_R9,
    RULE_R9b,
    RULE_R9c,
    RULE_R10,
    RULE_R10b,
    RULE_R11,
    RULE_R12,
    RULE_R13,
    RULE_R14,
    RULE_R15,
    RULE_R16,
    RULE_R17,
    RULE_R18,
    RULE_R19,
    RULE_R20,
    RULE_R21,
    RULE_R22,
    RULE_R23,
    RULE_R24,
    RULE_R25,
    RULE_R26,
    RULE_R27,
    RULE_R28,
    RULE_R29,
    RULE_R30,
    RULE_R31,
    RULE_R31b,
    RULE_R32,
    RULE_R33,
    RULE_R34,
    RULE_R35,
    RULE_R36,
    RULE_R37,
    RULE_R38,
    RULE_R39,
    RULE_R40,
    RULE_R41,
    RULE_R42,
    RULE_R43,
    RULE_R44,
    RULE_R45,
    RULE_R46,
    RULE_R48,
    RULE_R49,
    RULE_R50,
    RULE_R51,
    RULE_R52,
    RULE_R53,
    RULE_R54,
    RULE_R55,
    RULE_R56,
    RULE_R57,
    RULE_R58,
    RULE_R59,
    RULE_R60,
    RULE_R63,
    RULE_R65,
    RULE_R66,
    RULE_T1,
    RULE_T2,
    RULE_T4,
    RULE_T5,
    RULES
};

enum { CLASSES_KEPT = 4, FINDING_EVIDENCE = 6 };

struct evidence {
    const char *part; /* witness, cause, enabler (check.h) */
    int64_t rec;
    char *note; /* owned, NULL = none */
};

/* Everything that broke one rule in the same way; described by the first case. */
struct finding {
    const char *class; /* fingerprint: static text */
    int64_t count;
    int64_t rec, t;   /* the first wrong record */
    const char *node; /* owned by the replay */
    char *title;      /* owned */
    struct evidence ev[FINDING_EVIDENCE];
    size_t n_ev;
    int64_t *recs; /* the wrong record of every case, in order */
    size_t n_recs, room;
};

struct rule_state {
    int64_t examined; /* records judged */
    struct finding found[CLASSES_KEPT];
    size_t n_found;
    char unknown[200]; /* why something could not be judged; "" = nothing like that */
};

/* The state of every rule after the replay, indexed by enum rule; made at the first call for a run and kept in
 * c->shared. NULL on a database error. */
const struct rule_state *replay_rules(struct check_run *c);
/* Stores what the rule found, one violation for each class, and says what the verdict is: fail when there was
 * something, unknown when records are missing or something could not be judged (words in c->note), else pass. */
enum verdict replay_answer(struct check_run *c, enum rule rule);
/* Replicas whose records are missing, in full or in part, in words; "" = none. Valid until the checks are done. */
const char *replay_incomplete(struct check_run *c);
/* True when no replica left a record. */
bool replay_black_box(struct check_run *c);

#endif
