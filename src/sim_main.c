/* simulate: arguments, the run directory, one run, the verdict. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "sim_dir.h"
#include "sim_report.h"
#include "sim_run.h"
#include "trace.h"

enum { PASSED = 0, USAGE = 64, BAD_DATA = 65, NO_INPUT = 66, INTERNAL = 70, IO_ERROR = 74 };
enum { REPLICA_ARGS_MAX = 32 };

static const char help[] =
    "simulate runs a replicated key-value store on a hostile network, with clients, and judges it.\n"
    "\n"
    "  simulate --replica build/replica tests/scenarios/simple-1.json\n"
    "  simulate --replica ./3700kvstore --check --seed 7 tests/scenarios/lossy-partition-kill.json\n"
    "  simulate --replica build/replica --reads local --check tests/scenarios/stale-read.json\n"
    "\n"
    "usage: simulate [options] SCENARIO      SCENARIO: a JSON file, or JSON text; see --help-scenario\n"
    "\n"
    "  --replica PROGRAM    run processes of PROGRAM: PROGRAM [args] UDP-PORT ID OTHER-ID...   (required)\n"
    "  --replica-arg ARG    an argument for it, before the port; may be repeated\n"
    "  --data               the replicas keep their state on disk: makes data/ in the run directory and adds --data "
    "DIR\n"
    "                       to the arguments of each\n"
    "  --reads POLICY       sets FAULTLINE_READS=POLICY for the replicas (index or local, for ours)\n"
    "  --seed N             of all random choices; default: the scenario's, else a random one. Always printed.\n"
    "                       Real processes in real time: the same seed gives the same choices, not the same run.\n"
    "  --out DIR            the run directory; default runs/NAME-SEED (.2, .3 ... when taken), with a link "
    "runs/latest\n"
    "  --force              replace the run that is in DIR; nothing else in it is removed\n"
    "  --check              then run `analyze` on it; its verdict counts too\n"
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

struct options {
    const char *command[REPLICA_ARGS_MAX + 2]; /* the replica's program and arguments, NULL-terminated */
    size_t n_command;
    const char *reads, *out, *scenario;
    bool has_seed, data, force, check, bodies, silence, quiet;
    uint64_t seed;
};

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
    O_SILENCE,
    O_QUIET,
    O_HELP,
    O_SCENARIO,
    O_VERSION
};

/* The status after what was asked for has been printed. */
static int printed(void)
{
    return fflush(stdout) == 0 ? PASSED : IO_ERROR;
}

static int print_version(void)
{
    printf("simulate %s, trace schema %s %d, jansson %s\n", FAULTLINE_VERSION, TRACE_SCHEMA, TRACE_VERSION,
           jansson_version_str());
    return printed();
}

/* -1: go on with the options; else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
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
        {"silence", no_argument, NULL, O_SILENCE},
        {"quiet", no_argument, NULL, O_QUIET},
        {"help", no_argument, NULL, O_HELP},
        {"help-scenario", no_argument, NULL, O_SCENARIO},
        {"version", no_argument, NULL, O_VERSION},
        {NULL, 0, NULL, 0},
    };
    const char *args[REPLICA_ARGS_MAX];
    size_t n_args = 0;
    const char *program = NULL;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case O_REPLICA:
            program = optarg;
            break;
        case O_ARG:
            if (n_args == REPLICA_ARGS_MAX)
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
        case O_SILENCE:
            o->silence = true;
            break;
        case O_QUIET:
            o->quiet = true;
            break;
        case O_HELP:
            fputs(help, stdout);
            return printed();
        case O_SCENARIO:
            fputs(sim_config_help, stdout);
            return printed();
        case O_VERSION:
            return print_version();
        default:
            fprintf(stderr, "Try: simulate --help\n");
            return USAGE;
        }
    }
    if (optind + 1 != argc)
        return usage(optind == argc ? "which scenario?" : "one scenario at a time, not also ",
                     optind == argc ? "" : argv[optind + 1]);
    if (!program)
        return usage("--replica PROGRAM is required: runs of our own replica in virtual time are not available yet",
                     "");
    o->scenario = argv[optind];
    o->command[o->n_command++] = program;
    for (size_t i = 0; i < n_args; i++)
        o->command[o->n_command++] = args[i];
    return -1;
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

/* PROGRAM without a slash means the file of that name here, if there is one, before the one in PATH. */
static int find_program(struct options *o, char path[SIM_PATH_MAX])
{
    const char *program = o->command[0];
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

static void random_seed(uint64_t *seed)
{
    uint32_t r;
    if (getrandom(&r, sizeof r, 0) != (ssize_t)sizeof r)
        r = (uint32_t)trace_mono_ns();
    *seed = r;
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

/* The line that makes the same choices again; the caller's. */
static char *rerun_line(const struct options *o, const char *self)
{
    char seed[32], *text = NULL;
    size_t n;
    FILE *line = open_memstream(&text, &n);
    if (!line)
        abort();
    snprintf(seed, sizeof seed, "%" PRIu64, o->seed);
    add_word(line, self);
    add_word(line, "--replica");
    add_word(line, o->command[0]);
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
    add_word(line, "--seed");
    add_word(line, seed);
    add_word(line, o->scenario);
    if (fclose(line) != 0)
        abort();
    return text;
}

static json_t *describe(const struct options *o, const struct sim_config *c, int argc, char **argv, const char *rerun)
{
    char cwd[SIM_PATH_MAX] = "";
    json_t *command = json_array();
    for (int i = 0; i < argc; i++)
        json_array_append_new(command, json_string(argv[i]));
    if (!getcwd(cwd, sizeof cwd))
        cwd[0] = '\0';
    json_t *run = json_pack("{s:s, s:s, s:I, s:b, s:O, s:o, s:s, s:s, s:{s:s, s:s, s:i}}", "schema", "faultline-run/1",
                            "name", c->name, "seed", (json_int_t)o->seed, "data", o->data, "scenario", c->scenario,
                            "command", command, "rerun", rerun, "cwd", cwd, "versions", "simulate", FAULTLINE_VERSION,
                            "jansson", jansson_version_str(), "trace", TRACE_VERSION);
    if (!run) { /* words that are not UTF-8 */
        json_decref(command);
        run = json_pack("{s:s, s:s, s:I, s:O}", "schema", "faultline-run/1", "name", c->name, "seed",
                        (json_int_t)o->seed, "scenario", c->scenario);
    }
    return run;
}

/* `analyze RUN`, beside ourselves. Its exit status, or 70. */
static int run_analyze(const char *shown)
{
    char self[SIM_PATH_MAX], path[SIM_PATH_MAX + 32];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    snprintf(path, sizeof path, "%.*s/analyze", slash ? (int)(slash - self) : 0, self);
    if (access(path, X_OK) != 0)
        snprintf(path, sizeof path, "%.*s/faultline-analyze", slash ? (int)(slash - self) : 0, self);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGPIPE, SIG_DFL);
        signal(SIGXFSZ, SIG_DFL);
        execl(path, path, shown, (char *)NULL);
        fprintf(stderr, "simulate: cannot run %s: %s\n", path, strerror(errno));
        _exit(INTERNAL);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
        fprintf(stderr, "simulate: cannot run %s: %s\n", path, strerror(errno));
        return INTERNAL;
    }
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    fprintf(stderr, "simulate: %s was ended by signal %d\n", path, WTERMSIG(status));
    return INTERNAL;
}

/* A tool's error outweighs a violation, that outweighs the lack of a verdict. */
static int worse(int a, int b)
{
    if (a >= USAGE || b >= USAGE)
        return a > b ? a : b;
    return a == 1 || b == 1 ? 1 : a > b ? a : b;
}

static void print_verdict(const struct sim_config *c, const struct sim_result *r, int status, const char *shown,
                          const char *rerun)
{
    unsigned failed = 0, applied = 0;
    for (int i = 0; i < SIM_CHECKS; i++) {
        applied += r->verdict.check[i].applies;
        failed += r->verdict.check[i].applies && !r->verdict.check[i].passed;
    }
    printf("\n%s: %s", c->name, sim_report_verdict(status));
    if (failed)
        printf(", %u of %u correctness checks failed", failed, applied);
    else
        printf(", all %u correctness checks passed", applied);
    printf("%s    run directory %s\n", r->no_progress ? ", no progress after the last fault" : "", shown);
    if (status != PASSED)
        printf("again: %s\n", rerun);
}

struct session {
    struct options o;
    struct sim_config c;
    json_t *run;
    struct sim_dir dir;
    char *rerun;
};

static int simulate(struct session *s, struct sim_result *result, char err[512])
{
    const struct options *o = &s->o;
    const struct sim_config *c = &s->c;
    if (!o->quiet) {
        printf("%s: %u replicas of %s, %.0f s, seed %" PRIu64 ", run directory %s\n", c->name, c->replicas,
               o->command[0], (double)(c->start_wait + c->lifetime + c->end_wait) / SIM_SECOND, o->seed, s->dir.shown);
        printf("again: %s\n", s->rerun);
        fflush(stdout);
    }
    char data[SIM_PATH_MAX + 8];
    int rc = sim_dir_write(s->dir.path, s->run, err);
    if (rc == 0 && o->data)
        rc = sim_dir_data(&s->dir, data, err);
    if (rc)
        return rc;
    return sim_run(&(struct sim_plan){.cfg = c,
                                      .seed = o->seed,
                                      .command = o->command,
                                      .data = o->data ? data : NULL,
                                      .reads = o->reads,
                                      .dir = s->dir.path,
                                      .version = FAULTLINE_VERSION,
                                      .argv = s->rerun,
                                      .bodies = o->bodies,
                                      .quiet = o->quiet,
                                      .silent = o->silence || o->quiet},
                   result, err);
}

/* After the run: report, run.json, analyze. */
static int conclude(struct session *s, struct sim_result *r)
{
    char err[512];
    int status = sim_report_status(r), verdict = status;
    if (!s->o.quiet) {
        fputc('\n', stdout);
        sim_report_print(stdout, &s->c, r);
    }
    if (r->records_lost > 0) {
        fprintf(stderr, "simulate: %" PRId64 " trace records could not be written to %s\n", r->records_lost,
                s->dir.shown);
        status = IO_ERROR;
    }
    if (r->trace_cut) {
        fprintf(stderr, "simulate: the end of the trace could not be written to %s: is the disk full?\n", s->dir.shown);
        status = IO_ERROR;
    }
    if (r->end == SIM_ENDED_SIGNAL)
        status = 128 + (int)r->signal;
    sim_report_json(s->run, &s->c, r, status);
    if (sim_dir_write(s->dir.path, s->run, err) != 0) {
        fprintf(stderr, "simulate: %s\n", err);
        status = IO_ERROR;
    }
    print_verdict(&s->c, r, verdict, s->dir.shown, s->rerun);
    if (s->o.check && r->end != SIM_ENDED_SIGNAL) {
        fputc('\n', stdout);
        int found = run_analyze(s->dir.shown);
        if (found != PASSED && verdict == PASSED)
            printf("again: %s\n", s->rerun);
        status = worse(status, found);
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        status = worse(status, IO_ERROR);
    return status;
}

static int prepare(struct session *s, int argc, char **argv)
{
    static char err[SIM_CONFIG_ERR], warnings[SIM_CONFIG_ERR], program[SIM_PATH_MAX];
    int rc = find_program(&s->o, program);
    if (rc)
        return rc;
    enum sim_config_result loaded = sim_config_load(s->o.scenario, &s->c, err, warnings);
    if (*warnings && !s->o.quiet)
        fprintf(stderr, "%s\n", warnings);
    if (loaded != SIM_CONFIG_OK) {
        fprintf(stderr, "simulate: bad scenario\n%s\nTry: simulate --help-scenario\n", err);
        return loaded == SIM_CONFIG_UNREADABLE ? NO_INPUT : BAD_DATA;
    }
    if (!s->o.has_seed) {
        if (s->c.has_seed)
            s->o.seed = s->c.seed;
        else
            random_seed(&s->o.seed);
    }
    s->rerun = rerun_line(&s->o, argv[0]);
    s->run = describe(&s->o, &s->c, argc, argv, s->rerun);
    rc = sim_dir_make(s->o.out, s->c.name, s->o.seed, s->o.force, &s->dir, err);
    if (*err)
        fprintf(stderr, "simulate: %s\n", err);
    return rc;
}

int main(int argc, char **argv)
{
    static struct session s = {.dir.lock = -1};
    static struct sim_result result;
    char err[512];
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    int rc = parse_options(argc, argv, &s.o);
    if (rc >= 0)
        return rc;
    rc = prepare(&s, argc, argv);
    if (rc == 0) {
        rc = simulate(&s, &result, err);
        if (rc)
            fprintf(stderr, "simulate: %s\n", err);
        else
            rc = conclude(&s, &result);
    }
    sim_stats_free(&result.stats);
    sim_dir_release(&s.dir);
    json_decref(s.run);
    free(s.rerun);
    sim_config_free(&s.c);
    return rc;
}
