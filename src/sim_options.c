#include "sim_options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { USAGE = 64, NO_INPUT = 66, JOBS_MAX = 256 };

static int usage(const char *text, const char *what)
{
    fprintf(stderr, "simulate: %s%s\nTry: simulate --help\n", text, what);
    return USAGE;
}

static bool parse_seed(const char *text, uint64_t *seed)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long v = strtoull(text, &end, 10);
    *seed = v;
    return errno == 0 && *end == '\0' && v <= INT64_MAX;
}

static bool parse_trace(const char *text, struct sim_options *o)
{
    static const char *const words[] = {
        [SIM_TRACE_ALWAYS] = "always", [SIM_TRACE_FAIL] = "fail", [SIM_TRACE_OFF] = "off"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0) {
            o->trace = i;
            return true;
        }
    return false;
}

static bool parse_seeds(const char *text, struct sim_options *o)
{
    char from[32];
    const char *dots = strstr(text, "..");
    if (!dots || (size_t)(dots - text) >= sizeof from)
        return false;
    snprintf(from, sizeof from, "%.*s", (int)(dots - text), text);
    return parse_seed(from, &o->seed_from) && parse_seed(dots + 2, &o->seed_to) && o->seed_from <= o->seed_to;
}

/* "60", "60s", "5m" */
static bool parse_seconds(const char *text, double *seconds)
{
    char *unit;
    *seconds = strtod(text, &unit);
    if (*unit == 'm' && unit[1] == '\0')
        *seconds *= 60;
    else if (*unit != '\0' && strcmp(unit, "s") != 0)
        return false;
    return unit != text && *seconds > 0 && *seconds <= 86400;
}

enum {
    O_REPLICA = 1,
    O_ARG,
    O_DATA,
    O_READS,
    O_SEED,
    O_OUT,
    O_FORCE,
    O_CHECK,
    O_BODIES,
    O_REPLAY,
    O_DECISIONS,
    O_VERIFY,
    O_GO_ON,
    O_TRACE,
    O_SEEDS,
    O_SWARM,
    O_JOBS,
    O_NO_CHECK,
    O_BLACK_BOX,
    O_STOP,
    O_COVERAGE,
    O_MUTATE,
    O_SHRINK,
    O_BUDGET,
    O_WITHOUT,
    O_DELIVER,
    O_SILENCE,
    O_QUIET,
    O_HELP,
    O_SCENARIO,
    O_VERSION
};

int sim_options_parse(int argc, char **argv, struct sim_options *o)
{
    static const struct option names[] = {
        {"replica", required_argument, NULL, O_REPLICA},
        {"replica-arg", required_argument, NULL, O_ARG},
        {"data", no_argument, NULL, O_DATA},
        {"reads", required_argument, NULL, O_READS},
        {"seed", required_argument, NULL, O_SEED},
        {"out", required_argument, NULL, O_OUT},
        {"force", no_argument, NULL, O_FORCE},
        {"check", no_argument, NULL, O_CHECK},
        {"bodies", no_argument, NULL, O_BODIES},
        {"replay", required_argument, NULL, O_REPLAY},
        {"decisions", required_argument, NULL, O_DECISIONS},
        {"verify", no_argument, NULL, O_VERIFY},
        {"go-on", no_argument, NULL, O_GO_ON},
        {"trace", required_argument, NULL, O_TRACE},
        {"seeds", required_argument, NULL, O_SEEDS},
        {"swarm", no_argument, NULL, O_SWARM},
        {"jobs", required_argument, NULL, O_JOBS},
        {"no-check", no_argument, NULL, O_NO_CHECK},
        {"replicas-black-box", no_argument, NULL, O_BLACK_BOX},
        {"stop", no_argument, NULL, O_STOP},
        {"coverage", no_argument, NULL, O_COVERAGE},
        {"mutate", no_argument, NULL, O_MUTATE},
        {"shrink", required_argument, NULL, O_SHRINK},
        {"budget", required_argument, NULL, O_BUDGET},
        {"without", required_argument, NULL, O_WITHOUT},
        {"deliver", required_argument, NULL, O_DELIVER},
        {"silence", no_argument, NULL, O_SILENCE},
        {"quiet", no_argument, NULL, O_QUIET},
        {"help", no_argument, NULL, O_HELP},
        {"help-scenario", no_argument, NULL, O_SCENARIO},
        {"version", no_argument, NULL, O_VERSION},
        {NULL, 0, NULL, 0},
    };
    const char *args[SIM_REPLICA_ARGS_MAX];
    size_t n_args = 0;
    const char *program = NULL;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case O_REPLICA:
            program = optarg;
            break;
        case O_ARG:
            if (n_args == SIM_REPLICA_ARGS_MAX)
                return usage("too many --replica-arg", "");
            args[n_args++] = optarg;
            break;
        case O_DATA:
            o->data = true;
            break;
        case O_READS:
            o->reads = optarg;
            break;
        case O_SEED:
            o->has_seed = parse_seed(optarg, &o->seed);
            if (!o->has_seed)
                return usage("--seed takes a number from 0 to 9223372036854775807, not ", optarg);
            break;
        case O_OUT:
            o->out = optarg;
            break;
        case O_FORCE:
            o->force = true;
            break;
        case O_CHECK:
            o->check = true;
            break;
        case O_BODIES:
            o->bodies = true;
            break;
        case O_REPLAY:
            o->replay = optarg;
            break;
        case O_DECISIONS:
            o->decisions = optarg;
            break;
        case O_VERIFY:
            o->verify = true;
            break;
        case O_GO_ON:
            o->go_on = true;
            break;
        case O_TRACE:
            if (!parse_trace(optarg, o))
                return usage("--trace takes always, fail or off, not ", optarg);
            break;
        case O_SEEDS:
            o->seeds = parse_seeds(optarg, o);
            if (!o->seeds)
                return usage("--seeds takes A..B with A <= B, such as 1..1000, not ", optarg);
            break;
        case O_SWARM:
            o->swarm = true;
            break;
        case O_JOBS:
            o->jobs = (unsigned)strtoul(optarg, NULL, 10);
            if (o->jobs < 1 || o->jobs > JOBS_MAX)
                return usage("--jobs takes a number of processes from 1 to 256, not ", optarg);
            break;
        case O_NO_CHECK:
            o->no_check = true;
            break;
        case O_BLACK_BOX:
            o->black_box = true;
            break;
        case O_STOP:
            o->stop = true;
            break;
        case O_COVERAGE:
            o->coverage = true;
            break;
        case O_MUTATE:
            o->coverage = o->mutate = true;
            break;
        case O_SHRINK:
            o->shrink = true;
            o->replay = optarg;
            break;
        case O_BUDGET:
            if (!parse_seconds(optarg, &o->budget))
                return usage("--budget takes a time such as 60s or 5m, not ", optarg);
            break;
        case O_WITHOUT:
        case O_DELIVER:
            if (o->n_undo == SIM_UNDO_MAX)
                return usage("too many --without and --deliver", "");
            o->undo[o->n_undo++] = (struct sim_undone){.deliver = c == O_DELIVER, .what = optarg};
            break;
        case O_SILENCE:
            o->silence = true;
            break;
        case O_QUIET:
            o->quiet = true;
            break;
        case O_HELP:
            o->help = true;
            return 0;
        case O_SCENARIO:
            o->help_scenario = true;
            return 0;
        case O_VERSION:
            o->version = true;
            return 0;
        default:
            fprintf(stderr, "Try: simulate --help\n");
            return USAGE;
        }
    }
    if (o->n_undo > 0 && (o->replay || o->seeds || program || o->verify || o->decisions || optind + 1 != argc))
        return usage("--without and --deliver take the directory of one run in virtual time: simulate --without F3 RUN",
                     "");
    if (o->n_undo > 0)
        o->replay = argv[optind++];
    if (o->shrink && (o->seeds || program || o->verify || o->decisions || o->has_seed))
        return usage("--shrink takes the directory of one run in virtual time, and of the others --out, --force, "
                     "--budget, --jobs and --quiet",
                     "");
    if (o->budget > 0 && !o->shrink)
        return usage("--budget goes with --shrink", "");
    if (o->replay && optind != argc)
        return usage("--replay takes the scenario from the run's directory, not also from ", argv[optind]);
    if (o->swarm && (optind != argc || o->replay || program))
        return usage("--swarm makes its own scenario of each seed, in virtual time: no SCENARIO, --replay or --replica",
                     "");
    if (!o->replay && !o->swarm && optind + 1 != argc)
        return usage(optind == argc ? "which scenario?" : "one scenario at a time, not also ",
                     optind == argc ? "" : argv[optind + 1]);
    if (((o->jobs && !o->shrink) || o->no_check || o->black_box || o->stop || o->coverage) && !o->seeds)
        return usage(
            "--jobs, --no-check, --replicas-black-box, --stop, --coverage and --mutate go with --seeds, --jobs with "
            "--shrink too",
            "");
    if (o->seeds && (program || o->replay || o->has_seed || o->verify || o->check))
        return usage("--seeds goes without --replica, --replay, --seed and --verify, and checks unless --no-check", "");
    if (program && (o->replay || o->decisions || o->verify || o->go_on || o->trace != SIM_TRACE_ALWAYS))
        return usage("--replay, --decisions, --verify, --go-on and --trace are for virtual time: not with --replica",
                     "");
    if (o->trace != SIM_TRACE_ALWAYS && (o->check || o->verify || o->seeds))
        return usage("--trace fail and off go without --check, --verify and --seeds", "");
    o->scenario = o->replay || o->swarm ? NULL : argv[optind];
    o->in_process = program == NULL;
    o->command[o->n_command++] = program;
    for (size_t i = 0; i < n_args; i++)
        o->command[o->n_command++] = args[i];
    return 0;
}

/* errno says why not. */
static bool is_program(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0 || access(path, X_OK) != 0)
        return false;
    errno = EACCES;
    return S_ISREG(st.st_mode);
}

/* Looks through PATH. */
static bool in_path(const char *program, char path[SIM_PATH_MAX])
{
    const char *at = getenv("PATH");
    while (at && *at) {
        size_t n = strcspn(at, ":");
        int len = snprintf(path, SIM_PATH_MAX, "%.*s/%s", n ? (int)n : 1, n ? at : ".", program);
        if (len < SIM_PATH_MAX && is_program(path))
            return true;
        at += n + (at[n] == ':');
    }
    return false;
}

int sim_options_find_program(struct sim_options *o, char path[SIM_PATH_MAX])
{
    const char *program = o->command[0];
    if (o->in_process)
        return 0;
    bool plain = !strchr(program, '/');
    snprintf(path, SIM_PATH_MAX, "%s%s", plain ? "./" : "", program);
    if (is_program(path) || (plain && *program && in_path(program, path))) {
        o->command[0] = path;
        return 0;
    }
    fprintf(stderr, "simulate: cannot run %s: %s%s\n", program, plain ? "neither here nor in PATH: " : "",
            strerror(errno));
    return NO_INPUT;
}

/* Adds a word as a shell would need it. */
static void add_word(FILE *line, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,+@%";
    bool quote = !*word || word[strspn(word, plain)];
    if (ftell(line) > 0)
        fputc(' ', line);
    if (!quote) {
        fputs(word, line);
        return;
    }
    fputc('\'', line);
    for (const char *p = word; *p; p++)
        fputs(*p == '\'' ? "'\\''" : (char[]){*p, '\0'}, line);
    fputc('\'', line);
}

char *sim_options_rerun(const struct sim_options *o, const char *self)
{
    char seed[32], *text = NULL;
    size_t n;
    FILE *line = open_memstream(&text, &n);
    if (!line)
        abort();
    snprintf(seed, sizeof seed, "%" PRIu64, o->seed);
    add_word(line, self);
    if (!o->in_process) {
        add_word(line, "--replica");
        add_word(line, o->command[0]);
    }
    for (size_t i = 1; i < o->n_command; i++) {
        add_word(line, "--replica-arg");
        add_word(line, o->command[i]);
    }
    if (o->data)
        add_word(line, "--data");
    if (o->reads) {
        add_word(line, "--reads");
        add_word(line, o->reads);
    }
    if (o->go_on)
        add_word(line, "--go-on");
    if (o->decisions && !o->replay) {
        add_word(line, "--decisions");
        add_word(line, o->decisions);
    }
    if (o->replay) {
        add_word(line, "--replay");
        add_word(line, o->replay);
    } else {
        add_word(line, "--seed");
        add_word(line, seed);
        add_word(line, o->swarm ? "--swarm" : o->scenario);
    }
    if (fclose(line) != 0)
        abort();
    return text;
}
