/* sim_analyze.h -- the program `analyze`, which stands beside our own: simulator and analyzer share nothing but the
 * traces. */
#ifndef FAULTLINE_SIM_ANALYZE_H
#define FAULTLINE_SIM_ANALYZE_H

#include <stdint.h>

/* `analyze DIR`: its report goes where our output goes. Its exit status, or 70 after words on stderr. */
int sim_analyze_show(const char *dir);

/* What `analyze check` found in a run. */
struct sim_judgement {
    int status;     /* 0 passed, 1 a violation, 2 undecided, 64 and up: no verdict */
    char class[96]; /* of the first rule of Raft that was broken, else of the worst violation; of what is undecided,
                     * "undecided: " and its check */
    char rule[16];  /* its check */
    char title[200];
    char first_rule[16]; /* of Raft, R1 ..., whose violation came first; "": none is violated */
    char worst[96];      /* class of the worst violation, */
    char check[16];      /* and its check */
    char checks[512];    /* all that are violated: each after and before a line feed */
    char classes[2048];  /* of all violations: each after and before a line feed */
    int64_t t;           /* ns since the epoch of the run, when both that and one of the worst class had happened */
};

void sim_analyze_judge(const char *dir, struct sim_judgement *j);
/* `analyze DIR`, its report into the file DIR/NAME. Its exit status, or 70. */
int sim_analyze_write(const char *dir, const char *name);

#endif
