/* The course's configuration files: every default and every bound. */
#include "sim_config_int.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "trace.h"

enum { REQUESTS_MAX = 900000, PACKETS_MAX = 900000, PACKETS_MAX_SHARED = 1000000000 };
static const double WAIT_START = 5.0, WAIT_END = 2.0;

const char *const sim_metric_names[SIM_METRICS] = {
    [SIM_TOTAL_MSGS] = "total_msgs",
    [SIM_FAILURES] = "failures",
    [SIM_DUPLICATES] = "duplicates",
    [SIM_MEDIAN_LATENCY] = "median_latency",
};

static const char hex[] = "0123456789ABCDEF";

const char *sim_id(unsigned number, char out[SIM_ID_LEN])
{
    for (unsigned i = 0; i < SIM_ID_LEN - 1; i++)
        out[i] = hex[number >> (12 - 4 * i) & 0xF];
    out[SIM_ID_LEN - 1] = '\0';
    return out;
}

int sim_id_index(const char *id, unsigned first, unsigned count)
{
    unsigned number = 0;
    if (!id || strlen(id) != SIM_ID_LEN - 1)
        return -1;
    for (const char *p = id; *p; p++) {
        const char *digit = strchr(hex, *p);
        if (!digit)
            return -1;
        number = number * 16 + (unsigned)(digit - hex);
    }
    return number >= first && number - first < count ? (int)(number - first) : -1;
}

/* What is quoted, keys and names, may hold anything; it goes to a terminal. C1 controls are two bytes in UTF-8. */
static void harmless(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
        else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
            p[0] = p[1] = '?';
}

static void add_line(char *buffer, const char *file, const char *key, const char *text)
{
    size_t used = strlen(buffer);
    snprintf(buffer + used, SIM_CONFIG_ERR - used, "%s%s: %s%s%s", used ? "\n" : "", file, key, *key ? ": " : "", text);
    harmless(buffer + used + (used ? 1 : 0));
}

void config_problem(struct reading *r, const char *key, const char *format, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    add_line(r->err, r->file, key, text);
    r->bad = true;
}

static const char *type_name(const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "nothing known";
}

double config_number(struct reading *r, const json_t *o, const char *key, const char *path, double min, double max,
                     double fallback)
{
    const json_t *v = json_object_get(o, key);
    if (!v)
        return fallback;
    if (!json_is_number(v)) {
        config_problem(r, path, "must be a number, not %s", type_name(v));
        return fallback;
    }
    double x = json_number_value(v);
    if (x < min || x > max) {
        config_problem(r, path, "%.6g is not between %.6g and %.6g", x, min, max);
        return fallback;
    }
    return x;
}

int64_t config_integer(struct reading *r, const json_t *o, const char *key, const char *path, int64_t min, int64_t max,
                       int64_t fallback)
{
    const json_t *v = json_object_get(o, key);
    if (!v)
        return fallback;
    if (!json_is_integer(v)) {
        config_problem(r, path, "must be an integer, not %s", type_name(v));
        return fallback;
    }
    int64_t x = json_integer_value(v);
    if (x >= min && x <= max)
        return x;
    if (max == INT64_MAX)
        config_problem(r, path, "%" PRId64 " is less than %" PRId64, x, min);
    else
        config_problem(r, path, "%" PRId64 " is not between %" PRId64 " and %" PRId64, x, min, max);
    return fallback;
}

/* Levenshtein distance of two short words. */
static unsigned distance(const char *a, const char *b)
{
    enum { WORD = 48 };
    size_t n = strlen(b);
    if (n >= WORD || strlen(a) >= WORD)
        return WORD;
    unsigned row[WORD];
    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= n; j++) {
            unsigned above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            diagonal = above;
        }
    }
    return row[n];
}

void config_spelling(struct reading *r, const json_t *o, const char *path, const char *const *known)
{
    void *at;
    for (at = json_object_iter((json_t *)(uintptr_t)o); at; at = json_object_iter_next((json_t *)(uintptr_t)o, at)) {
        const char *key = json_object_iter_key(at), *near = NULL;
        for (const char *const *k = known; *k; k++) {
            unsigned d = distance(key, *k);
            if (d == 0) {
                near = NULL;
                break;
            }
            if (d <= 2 && strlen(*k) > 3)
                near = *k;
        }
        if (!near)
            continue;
        char full[200], text[200];
        snprintf(full, sizeof full, "%s%s%.100s", path, *path ? "." : "", key);
        snprintf(text, sizeof text, "is not a key of a scenario and is ignored; did you mean %s?", near);
        add_line(r->warnings, r->file, full, text);
    }
}

struct sim_fault *config_add_fault(struct sim_config *c)
{
    struct sim_fault *grown = realloc(c->faults, (c->n_faults + 1) * sizeof *grown);
    if (!grown)
        abort();
    c->faults = grown;
    grown[c->n_faults] = (struct sim_fault){0};
    return &grown[c->n_faults++];
}

static void read_events(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    static const struct {
        const char *name;
        enum sim_fault_kind kind;
    } types[] = {
        {"kill_leader", SIM_KILL_LEADER}, {"kill_non_leader", SIM_KILL_NON_LEADER},
        {"part_easy", SIM_PART_EASY},     {"part_hard", SIM_PART_HARD},
        {"part_end", SIM_PART_END},
    };
    const json_t *events = json_object_get(scenario, "events");
    if (!events)
        return;
    if (!json_is_array(events)) {
        config_problem(r, "events", "must be a list, not %s", type_name(events));
        return;
    }
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *e = json_array_get(events, i);
        char path[64], key[80];
        snprintf(path, sizeof path, "events[%zu]", i);
        if (!json_is_object(e)) {
            config_problem(r, path, "must be an object, not %s", type_name(e));
            continue;
        }
        const char *type = json_string_value(json_object_get(e, "type"));
        size_t k = 0;
        while (k < sizeof types / sizeof *types && (!type || strcmp(type, types[k].name) != 0))
            k++;
        if (k == sizeof types / sizeof *types) {
            snprintf(key, sizeof key, "%s.type", path);
            config_problem(r, key, "%s; it is one of kill_leader, kill_non_leader, part_easy, part_hard, part_end",
                           type ? "no such event" : "missing");
            continue;
        }
        snprintf(key, sizeof key, "%s.time", path);
        if (!json_object_get(e, "time")) {
            config_problem(r, key, "missing (seconds after start_wait)");
            continue;
        }
        double time = config_number(r, e, "time", key, 0, (double)c->lifetime / SIM_SECOND, 0);
        struct sim_fault *f = config_add_fault(c);
        f->kind = types[k].kind;
        f->origin = -1 - (int)i;
        f->begin = f->end = (int64_t)(time * SIM_SECOND);
    }
}

static void read_benchmarks(struct reading *r, const json_t *tests, struct sim_config *c)
{
    const json_t *benchmarks = json_object_get(tests, "benchmarks");
    if (!json_is_object(benchmarks)) {
        config_problem(r, "tests.benchmarks", "%s", benchmarks ? "must be an object" : "missing");
        return;
    }
    for (int m = 0; m < SIM_METRICS; m++) {
        char path[64];
        snprintf(path, sizeof path, "tests.benchmarks.%s", sim_metric_names[m]);
        const json_t *three = json_object_get(benchmarks, sim_metric_names[m]);
        if (!three) {
            config_problem(r, path,
                           "missing: all four metrics must be there, or the course's simulator stops when it scores");
            continue;
        }
        bool good = json_is_array(three) && json_array_size(three) == 3;
        for (size_t i = 0; good && i < 3; i++) {
            good = json_is_number(json_array_get(three, i));
            c->tests.tier[m][i] = json_number_value(json_array_get(three, i));
        }
        if (!good)
            config_problem(r, path, "must be a list of three numbers");
    }
    static const char *const known[] = {"total_msgs", "failures", "duplicates", "median_latency", NULL};
    config_spelling(r, benchmarks, "tests.benchmarks", known);
}

static void read_tests(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    const json_t *tests = json_object_get(scenario, "tests");
    c->tests.present = tests != NULL;
    if (!tests && c->clients.shared)
        return;
    if (!json_is_object(tests)) {
        config_problem(r, "tests", "%s", tests ? "must be an object" : "missing");
        return;
    }
    static const char *const known[] = {"benchmarks",
                                        "maximum_get_fail_fraction",
                                        "maximum_put_fail_fraction",
                                        "maximum_get_generation_fail_fraction",
                                        "maximum_appends_batched_fraction",
                                        NULL};
    config_spelling(r, tests, "tests", known);
    if (c->clients.shared && !json_object_get(tests, "benchmarks"))
        c->tests.present = false; /* nothing to score, but bounds for the checks */
    else
        read_benchmarks(r, tests, c);
    const struct {
        const char *key, *path;
        double *at;
    } fractions[] = {
        {"maximum_get_fail_fraction", "tests.maximum_get_fail_fraction", &c->tests.max_get_fail},
        {"maximum_put_fail_fraction", "tests.maximum_put_fail_fraction", &c->tests.max_put_fail},
        {"maximum_get_generation_fail_fraction", "tests.maximum_get_generation_fail_fraction",
         &c->tests.max_get_generation_fail},
        {"maximum_appends_batched_fraction", "tests.maximum_appends_batched_fraction", &c->tests.max_batched},
    };
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++)
        *fractions[i].at = config_number(r, tests, fractions[i].key, fractions[i].path, 0, 1, *fractions[i].at);
}

/* Any JSON value is a seed: an integer is itself, anything else is hashed. */
static void read_seed(const json_t *scenario, struct sim_config *c)
{
    const json_t *seed = json_object_get(scenario, "seed");
    if (!seed || json_is_null(seed))
        return;
    c->has_seed = true;
    if (json_is_integer(seed)) {
        c->seed = (uint64_t)json_integer_value(seed) & INT64_MAX;
        return;
    }
    char *text = json_dumps(seed, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    if (!text)
        abort();
    c->seed = trace_hash(text, strlen(text)) & INT64_MAX;
    free(text);
}

static bool is_shared(const json_t *scenario)
{
    const char *mode = json_string_value(json_object_get(json_object_get(scenario, "clients"), "mode"));
    return mode && strcmp(mode, "shared") == 0;
}

static int by_begin(const void *a, const void *b)
{
    const struct sim_fault *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return 0;
}

/* Stable: events of one instant keep their order. */
static void sort_faults(struct sim_config *c)
{
    for (size_t i = 1; i < c->n_faults; i++) {
        struct sim_fault f = c->faults[i];
        size_t j = i;
        for (; j > 0 && by_begin(&c->faults[j - 1], &f) > 0; j--)
            c->faults[j] = c->faults[j - 1];
        c->faults[j] = f;
    }
}

static void read_scenario(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    static const char *const known[] = {"lifetime",   "replicas", "requests", "tests",       "seed",    "mix",
                                        "start_wait", "end_wait", "drops",    "max_packets", "events",  "name",
                                        "clients",    "network",  "faults",   "schedule",    "replica", NULL};
    config_spelling(r, scenario, "", known);
    c->clients.shared = is_shared(scenario);
    static const char *const required[] = {"lifetime", "replicas", "requests"};
    bool rate = json_object_get(json_object_get(scenario, "clients"), "rate") != NULL;
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!json_object_get(scenario, required[i]) && !(i == 2 && c->clients.shared && rate))
            config_problem(r, required[i], "missing");
    int64_t seconds =
        config_integer(r, scenario, "lifetime", "lifetime", SIM_LIFETIME_MIN, INT64_MAX, SIM_LIFETIME_MIN);
    if (seconds > 86400) {
        config_problem(r, "lifetime", "%" PRId64 " is more than a day (86400)", seconds);
        seconds = SIM_LIFETIME_MIN;
    }
    double lifetime = (double)seconds;
    c->lifetime = seconds * SIM_SECOND;
    c->replicas =
        (unsigned)config_integer(r, scenario, "replicas", "replicas", c->clients.shared ? 1 : 3, SIM_REPLICAS_MAX, 3);
    c->requests = config_integer(r, scenario, "requests", "requests", 0, REQUESTS_MAX, 0);
    c->mix = config_number(r, scenario, "mix", "mix", 0, 1, 0.8);
    c->start_wait =
        (int64_t)(config_number(r, scenario, "start_wait", "start_wait", 0, lifetime, WAIT_START) * SIM_SECOND);
    c->end_wait = (int64_t)(config_number(r, scenario, "end_wait", "end_wait", 0, lifetime, WAIT_END) * SIM_SECOND);
    c->network.loss = config_number(r, scenario, "drops", "drops", 0, 1, 0);
    c->max_packets = config_integer(r, scenario, "max_packets", "max_packets", c->requests,
                                    c->clients.shared ? PACKETS_MAX_SHARED : PACKETS_MAX,
                                    c->clients.shared ? PACKETS_MAX_SHARED : 20000);
    read_seed(scenario, c);
    read_tests(r, scenario, c);
    read_events(r, scenario, c);
    config_ours(r, scenario, c);
    sort_faults(c);
}

/* `name`, or the file's name, with nothing in it that means something in a path. */
static void set_name(struct reading *r, const json_t *scenario, struct sim_config *c)
{
    const json_t *given = json_object_get(scenario, "name");
    if (given && (!json_is_string(given) || !*json_string_value(given)))
        config_problem(r, "name", "must be a string that is not empty");
    const char *slash = strrchr(r->file, '/');
    const char *base = json_is_string(given) ? json_string_value(given) : slash ? slash + 1 : r->file;
    size_t n = strlen(base);
    if (!given && n > 5 && strcmp(base + n - 5, ".json") == 0)
        n -= 5;
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    size_t used = 0;
    for (size_t i = 0; i < n && used + 1 < sizeof c->name; i++, used++)
        c->name[used] = strchr(plain, base[i]) && (base[i] != '.' || i > 0) ? base[i] : '_';
    c->name[used] = '\0';
}

static json_t *parse(const char *arg, const char **file, char err[SIM_CONFIG_ERR], enum sim_config_result *result)
{
    json_error_t je;
    const char *text = arg + strspn(arg, " \t\r\n");
    json_t *root = NULL;
    *result = SIM_CONFIG_BAD;
    if (*text == '{') {
        *file = "scenario";
        root = json_loads(text, 0, &je);
    } else {
        *file = arg;
        FILE *f = fopen(arg, "re");
        struct stat st;
        if (!f || fstat(fileno(f), &st) != 0 || S_ISDIR(st.st_mode)) {
            snprintf(err, SIM_CONFIG_ERR, "%s: cannot open: %s", arg, strerror(f ? EISDIR : errno));
            if (f)
                fclose(f);
            harmless(err);
            *result = SIM_CONFIG_UNREADABLE;
            return NULL;
        }
        root = json_loadf(f, 0, &je);
        fclose(f);
    }
    if (!root)
        snprintf(err, SIM_CONFIG_ERR, "%s:%d:%d: not JSON: %s", *file, je.line, je.column, je.text);
    else if (!json_is_object(root)) {
        snprintf(err, SIM_CONFIG_ERR, "%s: a scenario is an object, not %s", *file, type_name(root));
        json_decref(root);
        root = NULL;
    }
    harmless(err);
    return root;
}

enum sim_config_result sim_config_load(const char *arg, struct sim_config *c, char err[SIM_CONFIG_ERR],
                                       char warnings[SIM_CONFIG_ERR])
{
    *c = (struct sim_config){
        .tests = {.max_get_fail = 0.5, .max_put_fail = 0.5, .max_get_generation_fail = 0.1, .max_batched = 0.5}};
    err[0] = warnings[0] = '\0';
    struct reading r = {.err = err, .warnings = warnings};
    enum sim_config_result result;
    c->scenario = parse(arg, &r.file, err, &result);
    if (!c->scenario)
        return result;
    set_name(&r, c->scenario, c);
    read_scenario(&r, c->scenario, c);
    if (!r.bad)
        return SIM_CONFIG_OK;
    sim_config_free(c);
    return SIM_CONFIG_BAD;
}

void sim_config_free(struct sim_config *c)
{
    json_decref(c->scenario);
    free(c->faults);
    free(c->triggers);
    *c = (struct sim_config){0};
}
