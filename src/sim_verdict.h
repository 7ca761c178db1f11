/* sim_verdict.h -- the figures that the course's simulator prints, its correctness checks and its performance tiers,
 * with its definitions. Arithmetic only. */
#ifndef FAULTLINE_SIM_VERDICT_H
#define FAULTLINE_SIM_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "sim_config.h"

struct sim_stats {
    int64_t total_msgs;             /* datagrams between replicas, before loss; n - 1 for a broadcast */
    int64_t total_drops;            /* of these, lost to drops and partitions */
    int64_t gets, puts;             /* requests made */
    int64_t failed_to_generate_get; /* gets that became puts because the client had no key */
    int64_t get_before_any_put;     /* of these, where it had not sent any put either: no replica could have helped */
    int64_t acked_gets, acked_puts;
    int64_t failed_gets, failed_puts; /* fail answers */
    int64_t unanswered_gets, unanswered_puts;
    int64_t redirects;    /* redirect and fail answers */
    int64_t duplicates;   /* answers to a MID that had been answered ok */
    int64_t incorrect;    /* malformed messages, unexpected MIDs, wrong values */
    int64_t wrong_values; /* of these, wrong values */
    unsigned died, killed;
    int64_t *latency; /* ns, one for each accepted answer */
    size_t n_latency, latency_room;
    /* beyond the course */
    int64_t duplicated, late, forged; /* copies made by the network; answers after the client had given up; false src */
    int64_t last_ok;                  /* when an operation last succeeded, ns since the epoch; 0: none ever did */
    int64_t longest_gap, gap_at;      /* longest time without a success while there was load, and its end */
    unsigned restarted;               /* replicas that said hello again after a kill */
    int64_t longest_restart;          /* of these, from start to hello, ns */
    int64_t ok_after_faults;          /* operations that succeeded after the last fault had ended */
};

void sim_stats_free(struct sim_stats *s);
void sim_stats_latency(struct sim_stats *s, int64_t ns);
int64_t sim_stats_failures(const struct sim_stats *s);
/* Sorts the samples. sorted[n / 2], as the course has it; -1 when there are none. */
int64_t sim_stats_median(struct sim_stats *s);
int64_t sim_stats_mean(const struct sim_stats *s); /* -1 when there are none */

enum { SIM_CHECKS = 7, SIM_TIERS = 4 };
extern const char *const sim_tier_names[SIM_TIERS];

struct sim_check {
    const char *name;
    bool applies, passed;
    char words[160];
};
struct sim_tier {
    double value;
    int tier;
}; /* value: messages, answers or seconds */

struct sim_verdict {
    struct sim_check check[SIM_CHECKS];
    bool correct; /* all checks that apply passed */
    bool safe;    /* those of them passed that no lack of progress can explain (1 and 2) */
    bool scored;  /* there are benchmarks */
    struct sim_tier tier[SIM_METRICS];
};

/* Sorts the samples of `s`. */
void sim_verdict_make(const struct sim_config *c, struct sim_stats *s, struct sim_verdict *v);

#endif
