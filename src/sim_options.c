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

const char sim_options_help[] =
    "simulate runs a replicated key-value store on a hostile network, with clients, and judges it.\n"
    "\n"
    "  simulate --check --seed 7 tests/scenarios/lossy-partition-kill.json\n"
    "  simulate --replica build/replica tests/scenarios/simple-1.json\n"
    "  simulate --replica ./3700kvstore --check --seed 7 tests/scenarios/lossy-partition-kill.json\n"
    "  simulate --replica build/replica --data --check tests/scenarios/kill9.json\n"
    "  simulate --replica build/replica --reads local --check tests/scenarios/stale-read.json\n"
    "\n"
    "usage: simulate [options] SCENARIO      SCENARIO: a JSON file, or JSON text; see --help-scenario\n"
    "\n"
    "  --replica PROGRAM    run processes of PROGRAM in real time: PROGRAM [args] UDP-PORT ID OTHER-ID...\n"
    "                       Without it our own replicas run in this process, in virtual time: the same seed gives\n"
    "                       the same traces, byte for byte\n"
    "  --replica-arg ARG    an argument for the replica, before the port; may be repeated\n"
    "  --data               the replicas keep their state on disk: with --replica, makes data/ in the run directory "
    "and adds\n"
    "                       --data DIR to the arguments of each; without, on a disk in memory. As \"durable\": true in "
    "the scenario\n"
    "  --reads POLICY       sets FAULTLINE_READS=POLICY for the replicas (lease, index or local, for ours)\n"
    "  --seed N             of all random choices; default: the scenario's, else a random one. Always printed.\n"
    "                       With --replica, in real time, the same seed gives the same choices, not the same run.\n"
    "  --out DIR            the run directory; default runs/NAME-SEED (.2, .3 ... when taken), with a link "
    "runs/latest\n"
    "  --force              replace the run that is in DIR; nothing else in it is removed\n"
    "  --check              then run `analyze` on it; its verdict counts too\n"
    "  --replay DIR         in place of SCENARIO: the run in DIR again, with its seed and decisions.jsonl, which may "
    "be\n"
    "                       edited; virtual time only\n"
    "  --decisions FILE     what chance would decide is given by FILE (a decisions.jsonl) as far as it stands there\n"
    "  --trace WHEN         always (the default), fail: write traces only of a run that fails, off: never; virtual "
    "time "
    "only\n"
    "  --verify             run twice and compare all traces; virtual time only\n"
    "  --go-on              do not end the run when replicas break a rule of Raft that is checked on the way\n"
    "  --seeds A..B         a campaign: a run for each of these seeds, in virtual time, on all cores, each checked; of "
    "those\n"
    "                       that fail the same way, a line, and some directories: DIR/SEED, default DIR "
    "runs/NAME-A-to-B\n"
    "  --swarm              in place of SCENARIO: each seed makes its own, with few faults but strong ones, a group of "
    "1 to 7,\n"
    "                       its own load and options of the replicas; it is in run.json, to be edited\n"
    "    --jobs N           in so many processes; default: one for each core\n"
    "    --stop             begin no seed after the lowest that fails\n"
    "    --no-check         do not run `analyze check` on each: the oracle and the clients alone judge, much faster\n"
    "    --replicas-black-box  judge by what crosses the network and what clients see alone\n"
    "  --bodies             record datagrams whole\n"
    "  --silence            do not show what the replicas print (it is recorded all the same)\n"
    "  --quiet              of the simulator's own output the verdict only; --check still prints its own\n"
    "  --help, --help-scenario, --version\n"
    "\n"
    "Where the course's simulator is blind, this one sees: a replica that ends by itself is noticed and fails the run; "
    "an\n"
    "unknown leader is an incorrect message, not a crash; an empty datagram or one that is not UTF-8, for which the "
    "course\n"
    "ends the replica, is recorded and counted as incorrect. A replica for which there is a message before its hello "
    "is\n"
    "taken for dead, as there.\n"
    "\n"
    "A PROGRAM that is a shell script should `exec` the replica: if the simulator is killed, only the process that it\n"
    "started itself dies with it.\n"
    "\n"
    "exit status: 0 passed; 1 a correctness check failed, or analyze found a violation; 2 undecided, or no progress "
    "after\n"
    "the last fault; 64 usage; 65 bad scenario; 66 cannot open; 70 internal error; 73 cannot create; 74 I/O error;\n"
    "128 + N ended by signal N (130: interrupted)\n";

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
    if (o->replay && optind != argc)
        return usage("--replay takes the scenario from the run's directory, not also from ", argv[optind]);
    if (o->swarm && (optind != argc || o->replay || program))
        return usage("--swarm makes its own scenario of each seed, in virtual time: no SCENARIO, --replay or --replica",
                     "");
    if (!o->replay && !o->swarm && optind + 1 != argc)
        return usage(optind == argc ? "which scenario?" : "one scenario at a time, not also ",
                     optind == argc ? "" : argv[optind + 1]);
    if ((o->jobs || o->no_check || o->black_box || o->stop) && !o->seeds)
        return usage("--jobs, --no-check, --replicas-black-box and --stop go with --seeds", "");
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
