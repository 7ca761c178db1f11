/* import_cmd.c -- analyze import. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "import.h"

static const char help[] =
    "usage: analyze import FILE... -o DB [options]\n"
    "Makes a database of the histories of other programs; then analyze check DB judges them.\n"
    "\n"
    "  analyze import store/latest/history.edn -o h.db\n"
    "  analyze import --from porcupine c10-bad.txt etcd_*.log -o p.db     a run for each file\n"
    "  analyze import --from porcupine --field op=Type operations.json -o ops.db\n"
    "\n"
    "FILE may be compressed (gzip, zstd), or - for standard input.\n"
    "\n"
    "  --from FORMAT       guessed unless given:\n"
    "    jepsen, maelstrom   history.edn, history.txt, jepsen.log; operations of a nemesis become faults\n"
    "    porcupine           the same with a :key of its own, logs of words (etcd_000.log), and JSON of Porcupine's\n"
    "                        Operation {ClientId, Input, Call, Output, Return}: all such files make one run\n"
    "    jsonl               {\"client\":1,\"f\":\"write\",\"key\":\"k\",\"value\":7,\"call\":NS,\"ret\":NS or null} a "
    "line\n"
    "    course              what the course's simulator prints: no operations, but a timeline to search\n"
    "  -o, --output DB     the database\n"
    "  --append            add the runs to the database instead of replacing it\n"
    "  --run NAME          name of the run; from the file's name unless given\n"
    "  --independent WHEN  values are pairs [key value]: yes, no or auto (when all are)\n"
    "  --failed-cas HOW    a failed cas shows that the value was another (reads), or tells nothing (nothing);\n"
    "                      auto: reads, unless some failed for another reason\n"
    "  --field WHAT=NAME   the field of Input that holds op, key, value or old\n"
    "  --quiet             no summary\n"
    "\n"
    "Exit status: 0 imported, 64 usage, 65 bad data, 66 no input, 73 cannot create, 74 I/O error.\n";

static int field(const char *arg, struct import_options *o)
{
    static const char *const names[] = {"op", "key", "value", "old"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t n = strlen(names[i]);
        if (strncmp(arg, names[i], n) == 0 && arg[n] == '=' && arg[n + 1] != '\0') {
            o->fields[i] = arg + n + 1;
            return 0;
        }
    }
    return cli_fail(EXIT_USAGE, "import", "--field %s: it is op=NAME, key=NAME, value=NAME or old=NAME", arg);
}

static int choice(const char *option, const char *arg, const char *yes, const char *no, enum import_choice *c)
{
    if (strcmp(arg, yes) == 0)
        *c = CHOICE_YES;
    else if (strcmp(arg, no) == 0)
        *c = CHOICE_NO;
    else if (strcmp(arg, "auto") != 0)
        return cli_fail(EXIT_USAGE, "import", "%s %s: it is %s, %s or auto", option, arg, yes, no);
    return 0;
}

static void summary(const struct import_result *r)
{
    printf("imported %lld operations in %lld run%s (%lld of unknown outcome, %lld failed), %lld faults\n",
           (long long)r->ops, (long long)r->runs, r->runs == 1 ? "" : "s", (long long)r->unknown, (long long)r->failed,
           (long long)r->faults);
    if (r->not_understood > 0)
        printf("%lld operations are none of get, put, del, cas and append: their keys are not judged\n",
               (long long)r->not_understood);
    fputs("next     analyze ", stdout);
    cli_print(stdout, r->path);
    putchar('\n');
}

int cmd_import(int argc, char **argv)
{
    enum { APPEND = 256, RUN, FROM, INDEPENDENT, FAILED_CAS, FIELD, QUIET };
    static const struct option longs[] = {{"output", required_argument, NULL, 'o'},
                                          {"append", no_argument, NULL, APPEND},
                                          {"run", required_argument, NULL, RUN},
                                          {"from", required_argument, NULL, FROM},
                                          {"independent", required_argument, NULL, INDEPENDENT},
                                          {"failed-cas", required_argument, NULL, FAILED_CAS},
                                          {"field", required_argument, NULL, FIELD},
                                          {"quiet", no_argument, NULL, QUIET},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    struct import_options o = {.paths = NULL};
    int opt, status = 0;
    optind = 1;
    opterr = 0;
    while (status == 0 && (opt = getopt_long(argc, argv, "o:h", longs, NULL)) != -1) {
        switch (opt) {
        case 'o':
            o.out = optarg;
            break;
        case APPEND:
            o.append = true;
            break;
        case RUN:
            o.run = optarg;
            break;
        case FROM:
            if (!import_family_named(optarg, &o.from))
                status =
                    cli_fail(EXIT_USAGE, "import",
                             "--from %s: the formats are jepsen, maelstrom, porcupine, jsonl, course and auto", optarg);
            break;
        case INDEPENDENT:
            status = choice("--independent", optarg, "yes", "no", &o.independent);
            break;
        case FAILED_CAS:
            status = choice("--failed-cas", optarg, "reads", "nothing", &o.failed_cas_reads);
            break;
        case FIELD:
            status = field(optarg, &o);
            break;
        case QUIET:
            o.quiet = true;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_PASSED;
        default:
            return cli_bad_option("import", argc, argv, longs);
        }
    }
    if (status != 0)
        return status;
    o.paths = (const char *const *)&argv[optind];
    o.n_paths = (size_t)(argc - optind);
    if (o.n_paths == 0)
        return cli_fail(EXIT_USAGE, "import", "which histories? (see analyze import --help)");
    struct import_result r;
    status = import_run(&o, &r);
    if (status == 0 && !o.quiet)
        summary(&r);
    return status;
}
