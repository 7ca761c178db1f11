/* Priority-based schedules, after PCT (Burckhardt et al., ASPLOS 2010) and PCTCP (Ozkan et al., OOPSLA 2018), on
 * deliveries in time: every link has a priority, and what crosses a link of lower priority takes twice as long for each
 * step down, so that it is overtaken by all that crosses links of higher ones, and by timers. At depth - 1 points,
 * counted in copies sent, the link that sends just then falls to the lowest priority for good. The delay of the lowest
 * is bounded: unlike in PCT nothing waits for ever, because timers would run for ever meanwhile. */
#include "sim_net.h"

#include <stdio.h>

enum { LEVELS = 10, LOWEST = LEVELS };           /* 0 is the highest priority */
static const int64_t LEAST = SIM_SECOND / 10000; /* 0.1 ms; the lowest: 0.1 s */

void sim_net_schedule(struct sim_net *net, unsigned depth, int64_t steps)
{
    net->pct = depth;
    net->pct_steps = steps < 1 ? 1 : steps;
}

static int64_t change_point(const struct sim_net *net, unsigned i)
{
    char name[16];
    snprintf(name, sizeof name, "%u", i);
    return sim_decide_between(net->decider, "change", name, 1, net->pct_steps);
}

static bool changes_now(struct sim_net *net)
{
    bool now = false;
    net->pct_sent++;
    for (unsigned i = 1; i < net->pct; i++) {
        if (net->pct_sent == 1)
            net->pct_change[i] = change_point(net, i);
        now |= net->pct_sent == net->pct_change[i];
    }
    return now;
}

int64_t sim_net_priority_delay(struct sim_net *net, unsigned from, unsigned to)
{
    if (net->pct == 0)
        return 0;
    signed char *level = &net->pct_level[from][to];
    if (*level == 0) { /* not drawn yet: kept with 1 added */
        char name[16];
        snprintf(name, sizeof name, "%02u>%02u", from, to);
        *level = (signed char)(1 + sim_decide_between(net->decider, "priority", name, 0, LEVELS - 1));
    }
    if (changes_now(net))
        *level = 1 + LOWEST;
    /* Clients are in a hurry: theirs differ less. */
    bool client = from == SIM_CLIENTS_END || to == SIM_CLIENTS_END;
    return LEAST << (client ? (*level - 1) / 2 : *level - 1);
}
