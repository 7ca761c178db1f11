/* cli.h -- what all commands of analyze share: exit statuses, opening what the user named, printing safely. */
#ifndef FAULTLINE_CLI_H
#define FAULTLINE_CLI_H

#include <stdbool.h>
#include <stdio.h>
#include "db.h"

enum {
    EXIT_PASSED = 0,
    EXIT_VIOLATION = 1,
    EXIT_UNDECIDED = 2,
    EXIT_USAGE = 64,
    EXIT_DATA = 65,
    EXIT_NOINPUT = 66,
    EXIT_INTERNAL = 70,
    EXIT_CANTCREATE = 73,
    EXIT_IO = 74
};

/* Words on stderr, "analyze COMMAND: ...", or "analyze: ..." for the command "" and the one-command form ("verdict");
 * returns `status`, so that callers can `return cli_fail(...)`. */
int cli_fail(int status, const char *command, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* What getopt_long() returned '?' or ':' for, in words of ours (set opterr = 0 before): its own print what the user
 * wrote raw. `longs` are the command's. Returns EXIT_USAGE. */
struct option;
int cli_bad_option(const char *command, int argc, char *const *argv, const struct option *longs);

/* RUN and DB may be given wherever the other is: a run directory means its RUN/run.db, loaded first when missing or
 * older than its traces (messages on stderr). Opens it into *db. 0, or an exit status after having said why. `path_out`
 * (of size `n`), when not NULL, gets the database's path. */
int cli_open(struct db *db, const char *command, const char *run_or_db, bool writable, char *path_out, size_t n);

/* May FILE be written as FILE.tmp and renamed? Only what is absent or a plain file: a rename would put a file in the
 * place of a device, a pipe or a link (/dev/null, /dev/stdout), so these are written themselves. */
bool cli_renames(const char *path);

/* Prints text of unknown origin: control characters, escape sequences and invalid UTF-8 come out as \xNN. */
void cli_print(FILE *f, const char *s);
void cli_printn(FILE *f, const char *p, size_t n);
/* Bytes of the UTF-8 character at p that is safe to print; 0 when it is a control character, a mark that reorders text,
 * or no UTF-8. */
size_t cli_printable(const unsigned char *p, size_t n);

/* Has the user asked for colour, or is it a terminal that wants it (NO_COLOR, TERM)? `when`: auto, always, never. */
bool cli_color(const char *when, FILE *f);

#endif
