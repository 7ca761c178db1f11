/* sim_analyze.h -- the program `analyze`, which stands beside our own: simulator and analyzer share nothing but the
 * traces. */
#ifndef FAULTLINE_SIM_ANALYZE_H
#define FAULTLINE_SIM_ANALYZE_H

#include <stdbool.h>

/* `analyze DIR`: its report goes where our output goes. Its exit status, or 70 after words on stderr. */
int sim_analyze_show(const char *dir);

/* What `analyze check` found in a run. */
struct sim_judgement {
    int status;     /* 0 passed, 1 a violation, 2 undecided, 64 and up: no verdict */
    char class[96]; /* of the worst violation; "" when there is none */
    char rule[16];  /* the check whose violation came first in time */
    char title[200];
};

/* Without the traces of the replicas, with `black_box`: only what crossed the network and what clients saw. */
void sim_analyze_judge(const char *dir, bool black_box, struct sim_judgement *j);

#endif
