/* sim_analyze.h -- the program `analyze`, which stands beside our own: simulator and analyzer share nothing but the
 * traces. */
#ifndef FAULTLINE_SIM_ANALYZE_H
#define FAULTLINE_SIM_ANALYZE_H

/* `analyze DIR`: its report goes where our output goes. Its exit status, or 70 after words on stderr. */
int sim_analyze_show(const char *dir);

/* What `analyze check` found in a run. */
struct sim_judgement {
    int status;     /* 0 passed, 1 a violation, 2 undecided, 64 and up: no verdict */
    char class[96]; /* of the first rule of Raft that was broken, else of the worst violation; of what is undecided,
                     * "undecided: " and its check */
    char rule[16];  /* its check */
    char title[200];
};

void sim_analyze_judge(const char *dir, struct sim_judgement *j);
/* `analyze DIR`, its report into the file DIR/NAME. Its exit status, or 70. */
int sim_analyze_write(const char *dir, const char *name);

#endif
