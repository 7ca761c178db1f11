/* main.c -- analyze: the table of commands. */
#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli.h"
#include "commands.h"
#include "load.h"
#include "trace.h"

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *args;
    const char *help;
};

static const struct command commands[] = {
    {.name = "load", .run = cmd_load, .args = "PATH... [-o DB]", .help = "load traces into a database"},
    {.name = "check", .run = cmd_check, .args = "DB|RUN...", .help = "run the checks; exit 1 on a violation"},
    {.name = "explain",
     .run = cmd_explain,
     .args = "DB|RUN [WHAT]",
     .help = "the causes of a violation, operation, value, record or election"},
    {.name = "timeline",
     .run = cmd_timeline,
     .args = "DB|RUN",
     .help = "a stretch of a run, with a column for each replica"},
    {.name = "diff", .run = cmd_diff, .args = "RUN RUN", .help = "where two runs part, and what followed from it"},
    {.name = "sql", .run = cmd_sql, .args = "DB|RUN QUERY", .help = "ask the database, in SQL or by a query's name"},
    {.name = "report", .run = cmd_report, .args = "DB|RUN|RUNS", .help = "one HTML page about a run, or about many"},
    {.name = "stat",
     .run = cmd_stat,
     .args = "DB|RUN",
     .help = "what is in a run: nodes, loss, faults, latencies, completeness"},
    {.name = "export",
     .run = cmd_export,
     .args = "DB|RUN --to X",
     .help = "a run for ShiViz, Perfetto, OpenTelemetry, Jepsen, Porcupine, TLC"},
    {.name = "import",
     .run = cmd_import,
     .args = "FILE... -o DB",
     .help = "histories of Jepsen, Porcupine, Maelstrom into a database"},
    {.name = "schema", .run = cmd_schema, .args = "", .help = "the tables of a database, and the records of a trace"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *f)
{
    fputs("usage: analyze RUN              load if needed, check, explain the worst violation\n"
          "       analyze COMMAND ...\n\n"
          "Finds out what went wrong in a run of replicas, and why.\n\n"
          "  analyze runs/latest\n"
          "  analyze check runs/latest --format junit -o junit.xml\n"
          "  analyze sql runs/latest -n stale-reads\n\n",
          f);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(f, "  %-9s %-16s %s\n", commands[i].name, commands[i].args, commands[i].help);
    fputs("  help      COMMAND          the same as analyze COMMAND --help\n\n"
          "RUN is a directory of traces, DB a database made from one; either will do.\n"
          "Exit status: 0 passed, 1 a violation, 2 undecided, 64 and above: could not do it.\n",
          f);
}

static void version(void)
{
    printf("analyze %s\ntraces: schema %s %d\ndatabases: schema %d\nSQLite %s, jansson %s\n", FAULTLINE_VERSION,
           TRACE_SCHEMA, TRACE_VERSION, DB_SCHEMA_VERSION, sqlite3_libversion(), JANSSON_VERSION);
}

static const struct command *find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* Edit distance (Levenshtein 1966); names longer than the table are far from everything. */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 16 };
    int row[LONGEST + 1];
    size_t n = strlen(b);
    if (strlen(a) > LONGEST || n > LONGEST)
        return LONGEST;
    for (size_t k = 0; k <= n; k++)
        row[k] = (int)k;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t k = 1; k <= n; k++) {
            int change = diagonal + (a[i - 1] != b[k - 1]);
            int drop = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;
            diagonal = row[k];
            row[k] = change < drop ? change : drop;
        }
    }
    return row[n];
}

static int unknown(const char *name)
{
    const struct command *nearest = &commands[0];
    for (int i = 1; i < COMMANDS; i++) {
        if (distance(name, commands[i].name) < distance(name, nearest->name))
            nearest = &commands[i];
    }
    if (distance(name, nearest->name) <= 2)
        return cli_fail(EXIT_USAGE, "", "%s is neither a command nor a run; did you mean %s?", name, nearest->name);
    return cli_fail(EXIT_USAGE, "", "%s is neither a command nor a run (see analyze --help)", name);
}

/* Whatever a command made of it, a result that could not be written is none. */
static int written(int status)
{
    if (status < EXIT_USAGE && (fflush(stdout) != 0 || ferror(stdout)))
        return cli_fail(EXIT_IO, "", "cannot write the result to standard output");
    return status;
}

static int dispatch(int argc, char **argv)
{
    struct stat st;
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* else each allocation of SQLite's takes a lock, to be counted */
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || (strcmp(name, "help") == 0 && argc == 2)) {
        usage(stdout);
        return EXIT_PASSED;
    }
    if (strcmp(name, "--version") == 0) {
        version();
        return EXIT_PASSED;
    }
    const struct command *c = find(name);
    if (c != NULL)
        return c->run(argc - 1, argv + 1);
    if (strcmp(name, "help") == 0) {
        char dashes[] = "--help";
        char *args[] = {argv[2], dashes, NULL};
        if (strcmp(argv[2], "help") == 0 || argv[2][0] == '-') {
            usage(stdout);
            return EXIT_PASSED;
        }
        c = find(argv[2]);
        return c != NULL ? c->run(2, args) : unknown(argv[2]);
    }
    /* Options before the run belong to the verdict too. */
    if (name[0] == '-' || stat(name, &st) == 0)
        return cmd_verdict(argc, argv);
    if (strchr(name, '/') != NULL)
        return cli_fail(EXIT_NOINPUT, "", "cannot open %s: %s", name, strerror(errno));
    return unknown(name);
}

int main(int argc, char **argv)
{
    return written(dispatch(argc, argv));
}
