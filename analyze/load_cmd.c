/* load_cmd.c -- analyze load. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "commands.h"
#include "load.h"

static const char help[] =
    "usage: analyze load PATH... [-o DB] [options]\n"
    "Loads traces into an SQLite database.\n"
    "\n"
    "  analyze load runs/7                          into runs/7/run.db\n"
    "  analyze load a.jsonl b.jsonl -o both.db      single files\n"
    "  analyze load old.jsonl.gz -o old.db          gzip and zstd are read as they are\n"
    "\n"
    "PATH is a run directory (all *.jsonl in it, *.jsonl.gz and *.jsonl.zst too), a file, or - for standard input.\n"
    "\n"
    "  -o, --output DB  the database; for one run directory RUN/run.db unless given\n"
    "  --append         add the run to the database instead of replacing it\n"
    "  --run NAME       name of the run, for traces that do not tell, or to tell two apart\n"
    "  --strict         refuse traces of which records are missing (exit status 65)\n"
    "  -f, --force      go on where two files hold the same boot of a node, or are of different runs\n"
    "  --quiet          no progress and no summary\n"
    "\n"
    "Exit status: 0 loaded, 64 usage, 65 bad data, 66 no input, 73 cannot create, 74 I/O error, 130 interrupted.\n";

/* "30,154" */
static const char *grouped(int64_t n, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;
    for (int i = 0; i < len; i++) {
        out[at++] = digits[i];
        if (i + 1 < len && (len - i - 1) % 3 == 0 && digits[i] != '-')
            out[at++] = ',';
    }
    out[at] = '\0';
    return out;
}

static void summary(const struct load_result *r)
{
    char records[32];
    printf("loaded   %s records from %lld file%s, %.1f MB, %.1f s of trace   ", grouped(r->records, records),
           (long long)r->sources, r->sources == 1 ? "" : "s", (double)r->bytes / 1e6, r->lasts_s);
    if (r->findings_loss == 0 && r->findings_error == 0) {
        puts("complete: no gaps, no torn lines");
        return;
    }
    printf("%lld finding%s: analyze sql ", (long long)(r->findings_loss + r->findings_error),
           r->findings_loss + r->findings_error == 1 ? "" : "s");
    cli_print(stdout, r->path);
    puts(" -n findings");
}

int cmd_load(int argc, char **argv)
{
    enum { APPEND = 256, RUN, STRICT, QUIET, HELP };
    static const struct option longs[] = {
        {"output", required_argument, NULL, 'o'}, {"append", no_argument, NULL, APPEND},
        {"run", required_argument, NULL, RUN},    {"strict", no_argument, NULL, STRICT},
        {"force", no_argument, NULL, 'f'},        {"quiet", no_argument, NULL, QUIET},
        {"help", no_argument, NULL, HELP},        {NULL, 0, NULL, 0}};
    struct load_options o = {.paths = NULL};
    int opt;
    optind = 1;
    opterr = 0;
    while ((opt = getopt_long(argc, argv, "o:fh", longs, NULL)) != -1) {
        switch (opt) {
        case 'o':
            o.out = optarg;
            break;
        case 'f':
            o.force = true;
            break;
        case APPEND:
            o.append = true;
            break;
        case RUN:
            o.run = optarg;
            break;
        case STRICT:
            o.strict = true;
            break;
        case QUIET:
            o.quiet = true;
            break;
        case 'h':
        case HELP:
            fputs(help, stdout);
            return EXIT_PASSED;
        default:
            return cli_bad_option("load", argc, argv, longs);
        }
    }
    o.paths = (const char *const *)&argv[optind];
    o.n_paths = (size_t)(argc - optind);
    if (o.n_paths == 0)
        return cli_fail(EXIT_USAGE, "load", "what? (see analyze load --help)");
    for (size_t i = 0; i < o.n_paths; i++) {
        if (strcmp(o.paths[i], "-") == 0 && isatty(STDIN_FILENO)) {
            fputs(help, stderr);
            return EXIT_USAGE;
        }
    }
    struct load_result r;
    int status = load_run(&o, &r);
    if (status == 0 && !o.quiet)
        summary(&r);
    return status;
}
