/* Faults of single replicas: killed and started again, paused, slow, with a wrong clock. */
#include "sim_config_int.h"

#include <signal.h>
#include <string.h>

enum { ALL_EVERY_MAX = 1000000, MILLION = 1000000 };
static const double RATE_MIN = 0.1, RATE_MAX = 10;

static void read_signal(struct one_fault *f, struct sim_fault *out)
{
    char path[CONFIG_PATH];
    const json_t *sig = json_object_get(f->o, "signal");
    const char *name = json_string_value(sig);
    json_int_t number = json_integer_value(sig);
    out->sig = SIGKILL;
    if (number == SIGTERM || (name && strcmp(name, "TERM") == 0))
        out->sig = SIGTERM;
    else if (sig && number != SIGKILL && (!name || strcmp(name, "KILL") != 0))
        config_problem(f->r, config_path(f, "signal", path), "must be \"KILL\" (9) or \"TERM\" (15)");
}

/* Kill number `i` of a series: its fault is `first`, later, and for everybody when its turn has come. */
static void add_kill(struct one_fault *f, struct sim_fault first, int64_t i, int64_t every, int64_t all_every)
{
    first.begin += i * every;
    first.end = first.begin + first.restart_max; /* it is over when the replica is back */
    if (all_every > 0 && (i + 1) % all_every == 0)
        first.target = SIM_TARGET_ALL;
    *config_add_fault(f->c) = first;
}

static void add_kills(struct one_fault *f, struct sim_fault kill)
{
    char path[CONFIG_PATH];
    if (json_object_get(f->o, "at"))
        config_problem(f->r, config_path(f, "at", path), "is of one kill; with every, give begin and end");
    kill.begin = config_time(f, "begin");
    int64_t end = config_time(f, "end"), every = config_every(f);
    int64_t all_every = config_integer(f->r, f->o, "all_every", config_path(f, "all_every", path), 1, ALL_EVERY_MAX, 0);
    if (f->r->bad)
        return;
    if (end < kill.begin)
        config_problem(f->r, config_path(f, "end", path), "must not be earlier than begin");
    else if ((end - kill.begin) / every >= SIM_REPEATS_MAX)
        config_problem(f->r, config_path(f, "every", path), "makes more than %d kills between begin and end",
                       SIM_REPEATS_MAX);
    else
        for (int64_t i = 0; kill.begin + i * every <= end; i++)
            add_kill(f, kill, i, every, all_every);
}

void config_kill(struct one_fault *f)
{
    char path[CONFIG_PATH];
    struct sim_fault kill = {.kind = SIM_KILL};
    config_target(f, &kill, true);
    read_signal(f, &kill);
    kill.restarts = config_span(f->r, f->o, "restart_after_ms", config_path(f, "restart_after_ms", path),
                                &kill.restart_min, &kill.restart_max);
    if (config_trigger(f, kill, false))
        return;
    if (json_object_get(f->o, "every")) {
        add_kills(f, kill);
        return;
    }
    static const char *const of_series[] = {"begin", "end", "all_every"};
    for (size_t i = 0; i < sizeof of_series / sizeof *of_series; i++)
        if (json_object_get(f->o, of_series[i]))
            config_problem(f->r, config_path(f, of_series[i], path), "goes with every; one kill has its time in at");
    kill.begin = config_time(f, "at");
    add_kill(f, kill, 0, 0, 0);
}

void config_pause(struct one_fault *f)
{
    struct sim_fault pause = {.kind = SIM_PAUSE};
    config_target(f, &pause, false);
    config_add_band(f, pause);
}

void config_slow(struct one_fault *f)
{
    char path[CONFIG_PATH];
    struct sim_fault slow = {.kind = SIM_SLOW};
    config_target(f, &slow, false);
    if (!config_span(f->r, f->o, "ms", config_path(f, "ms", path), &slow.q.work_min, &slow.q.work_max) ||
        slow.q.work_max == 0)
        config_problem(f->r, config_path(f, "ms", path), "[min, max] longer than 0: how long each input takes it");
    config_add_band(f, slow);
}

void config_clock(struct one_fault *f)
{
    char path[CONFIG_PATH];
    struct sim_fault clock = {.kind = SIM_CLOCK, .ppm_min = MILLION, .ppm_max = MILLION};
    const json_t *rate = json_object_get(f->o, "rate"), *low = json_array_get(rate, 0), *high = json_array_get(rate, 1);
    double a = json_number_value(low), b = json_number_value(high);
    config_target(f, &clock, false);
    if (rate && (json_array_size(rate) != 2 || a < RATE_MIN || b < a || b > RATE_MAX))
        config_problem(f->r, config_path(f, "rate", path), "must be [min, max], %g <= min <= max <= %g", RATE_MIN,
                       RATE_MAX);
    else if (rate) {
        clock.ppm_min = (int64_t)(a * MILLION);
        clock.ppm_max = (int64_t)(b * MILLION);
    }
    config_span(f->r, f->o, "jump_ms", config_path(f, "jump_ms", path), &clock.jump_min, &clock.jump_max);
    if (!rate && clock.jump_max == 0)
        config_problem(f->r, f->path, "a clock that is wrong has a rate or jumps: rate, jump_ms");
    config_add_band(f, clock);
}
