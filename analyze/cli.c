/* cli.c -- what all commands of analyze share. */
#include "cli.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "load.h"

int cli_fail(int status, const char *command, const char *fmt, ...)
{
    char words[8192];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(words, sizeof words, fmt, ap);
    va_end(ap);
    bool named = *command != '\0' && strcmp(command, "verdict") != 0;
    fprintf(stderr, "analyze%s%s: ", named ? " " : "", named ? command : "");
    cli_print(stderr, words);
    fputc('\n', stderr);
    return status;
}

int cli_bad_option(const char *command, int argc, char *const *argv, const struct option *longs)
{
    const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
    bool named = *command != '\0' && strcmp(command, "verdict") != 0;
    const char *help[] = {named ? " " : "", named ? command : ""};
    size_t n = strcspn(word, "=");
    const struct option *o = NULL, *begins = NULL;
    int same = 0;
    for (size_t i = 0; strncmp(word, "--", 2) == 0 && longs[i].name != NULL; i++) {
        if (strncmp(longs[i].name, word + 2, n - 2) != 0)
            continue;
        begins = &longs[i];
        same++;
        if (longs[i].name[n - 2] == '\0')
            o = &longs[i];
    }
    if (o == NULL && same == 1)
        o = begins;
    /* A cluster of short options is not done with yet: the word before it may be a long one. */
    if (optopt != 0 && (o == NULL || o->val != optopt))
        return cli_fail(EXIT_USAGE, command, "option -%c is unknown or needs a value (see analyze%s%s --help)", optopt,
                        help[0], help[1]);
    if (o == NULL)
        return cli_fail(EXIT_USAGE, command, "option %s is %s (see analyze%s%s --help)", word,
                        same > 1 ? "short for several" : "unknown", help[0], help[1]);
    return cli_fail(EXIT_USAGE, command, "option --%s %s (see analyze%s%s --help)", o->name,
                    o->has_arg == required_argument ? "needs a value" : "takes no value", help[0], help[1]);
}

int cli_open(struct db *db, const char *command, const char *run_or_db, bool writable, char *path_out, size_t n)
{
    char path[4096];
    struct stat st;
    *db = (struct db){.h = NULL};
    if (stat(run_or_db, &st) == 0 && S_ISDIR(st.st_mode)) {
        size_t len = strlen(run_or_db);
        while (len > 1 && run_or_db[len - 1] == '/')
            len--;
        snprintf(path, sizeof path, "%.*s/run.db", (int)len, run_or_db);
        if (load_needed(run_or_db, path)) {
            struct load_options o = {.paths = &run_or_db, .n_paths = 1};
            int status = load_run(&o, NULL);
            if (status != 0)
                return status;
        }
    } else {
        const char *slash = strrchr(run_or_db, '/');
        if (load_is_trace(slash != NULL ? slash + 1 : run_or_db) && cli_renames(run_or_db) &&
            access(run_or_db, F_OK) == 0)
            return cli_fail(EXIT_USAGE, command,
                            "%s is one trace; analyze load %s -o X.db makes a database of it, and analyze X.db tells"
                            " about it",
                            run_or_db, run_or_db);
        snprintf(path, sizeof path, "%s", run_or_db);
    }
    if (path_out != NULL)
        snprintf(path_out, n, "%s", path);
    if (!db_open(db, path, writable)) {
        db_close(db);
        return cli_fail(db->status, command, "%s", db->err);
    }
    return 0;
}

/* Bytes of the well-formed UTF-8 sequence at p that is no control character, 0 when there is none (Unicode 15, table
 * 3-7; C1 controls and U+2028, U+2029, and the marks that reorder text count as controls: they fool a reader). */
size_t cli_printable(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return p[0] >= 0x20 && p[0] != 0x7f;
    size_t len = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
    if (len == 0 || len > n)
        return 0;
    uint32_t c = p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3f);
    }
    static const uint32_t least[] = {[2] = 0x80, [3] = 0x800, [4] = 0x10000};
    bool overlong = c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff);
    bool control =
        c < 0xa0 || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e || c == 0x200f;
    return overlong || control ? 0 : len;
}

void cli_printn(FILE *f, const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    for (size_t i = 0; i < n;) {
        size_t len = cli_printable(u + i, n - i);
        if (len > 0) {
            fwrite(u + i, 1, len, f);
            i += len;
        } else {
            fprintf(f, "\\x%02x", u[i++]);
        }
    }
}

void cli_print(FILE *f, const char *s)
{
    cli_printn(f, s, strlen(s));
}

bool cli_renames(const char *path)
{
    struct stat st;
    return lstat(path, &st) != 0 || S_ISREG(st.st_mode);
}

bool cli_color(const char *when, FILE *f)
{
    if (strcmp(when, "always") == 0)
        return true;
    if (strcmp(when, "auto") != 0)
        return false;
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(fileno(f)) && (no == NULL || *no == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}
