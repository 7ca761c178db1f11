#include "minimal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "explain_int.h"

enum { THINGS_MAX = 200, RUNS_MAX = 80, PATH_BYTES = 4096 };
enum { GONE = 0, STILL = 1 }; /* what simulate says */

struct thing {
    bool lost; /* a datagram; else a fault */
    int64_t number;
    char name[32], words[120];
};

struct search {
    const char *dir;
    char program[PATH_BYTES + 32];
    struct thing thing[THINGS_MAX];
    size_t n;
    unsigned runs;
    int trouble; /* the status of a simulate that said neither */
};

/* ---- what there is ---- */

static void take(struct search *s, struct db *db, bool lost, const char *sql, const struct explain_facts *f)
{
    sqlite3_stmt *q = db_prepare(db, sql);
    db_bind_int(db, q, ":run", f->run_id);
    db_bind_int(db, q, ":t", f->t);
    while (s->n < THINGS_MAX && db_row(db, q)) {
        struct thing *t = &s->thing[s->n++];
        const char *words = (const char *)sqlite3_column_text(q, 1);
        *t = (struct thing){.lost = lost, .number = sqlite3_column_int64(q, 0)};
        snprintf(t->name, sizeof t->name, "%s%" PRId64, lost ? "d:" : "F", t->number);
        snprintf(t->words, sizeof t->words, "%.119s", words ? words : "");
    }
    db_done(db, q);
}

/* Faults first, the last before the violation first; of what was lost only what no fault explains. */
static void collect(struct search *s, struct db *db, const struct explain_facts *f)
{
    take(s, db, false,
         "SELECT f, kind || coalesce(' of ' || node, '') || printf(' at %.1f ms', t_begin / 1e6) FROM faults"
         " WHERE run_id = :run AND kind <> 'restart' AND t_begin <= :t ORDER BY t_begin DESC LIMIT 100",
         f);
    take(s, db, true,
         "SELECT d, printf('%s from %s to %s at %.1f ms', coalesce(min(type), 'datagram'), src, dst, min(t_in) / 1e6)"
         " FROM messages WHERE run_id = :run AND fate = 'dropped' AND why = 'loss' AND fault_id IS NULL AND t_in <= :t"
         " GROUP BY d ORDER BY min(t_in) DESC LIMIT 100",
         f);
}

/* ---- runs ---- */

static void find_program(char path[PATH_BYTES + 32])
{
    char self[PATH_BYTES];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(self, '/');
    int dir = slash ? (int)(slash - self) : 0;
    snprintf(path, PATH_BYTES + 32, "%.*s/simulate", dir, self);
    if (access(path, X_OK) != 0)
        snprintf(path, PATH_BYTES + 32, "%.*s/faultline-simulate", dir, self);
}

/* Is the violation gone without the things that are marked? */
static bool gone(struct search *s, const bool *undo)
{
    const char *argv[2 * THINGS_MAX + 4];
    size_t n = 0;
    int status = 0;
    if (s->trouble != 0 || s->runs >= RUNS_MAX)
        return false;
    s->runs++;
    argv[n++] = s->program;
    for (size_t i = 0; i < s->n; i++)
        if (undo[i]) {
            argv[n++] = s->thing[i].lost ? "--deliver" : "--without";
            argv[n++] = s->thing[i].name;
        }
    argv[n++] = s->dir;
    argv[n] = NULL;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (null >= 0)
            dup2(null, STDOUT_FILENO);
        execv(s->program, (char *const *)(uintptr_t)argv); /* execv() changes nothing of it (POSIX) */
        _exit(EXIT_INTERNAL);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        s->trouble = EXIT_INTERNAL;
    else if (WEXITSTATUS(status) != GONE && WEXITSTATUS(status) != STILL)
        s->trouble = WEXITSTATUS(status);
    return s->trouble == 0 && WEXITSTATUS(status) == GONE;
}

/* One alone. */
static bool single(struct search *s, bool *undo)
{
    memset(undo, 0, THINGS_MAX * sizeof *undo);
    for (size_t i = 0; i < s->n && s->runs < RUNS_MAX / 2; i++) {
        undo[i] = true;
        if (gone(s, undo))
            return true;
        undo[i] = false;
    }
    return false;
}

/* All of a kind, or of both; then chunks of that which need not be undone are put back, until none can be. */
static bool several(struct search *s, bool *undo)
{
    bool found = false;
    for (int kinds = 0; kinds < 3 && !found; kinds++) {
        for (size_t i = 0; i < s->n; i++)
            undo[i] = kinds == 2 || s->thing[i].lost == (kinds == 1);
        found = gone(s, undo);
    }
    for (size_t size = (s->n + 1) / 2; found && size > 0; size /= 2)
        for (size_t from = 0; from < s->n; from += size) {
            bool less[THINGS_MAX], any = false;
            memcpy(less, undo, sizeof less);
            for (size_t i = from; i < s->n && i < from + size; i++) {
                any |= less[i];
                less[i] = false;
            }
            if (any && gone(s, less))
                memcpy(undo, less, sizeof less);
        }
    return found;
}

/* ---- telling ---- */

static void tell(const struct search *s, const bool *undo)
{
    for (size_t i = 0; i < s->n; i++)
        if (undo[i]) {
            printf("  %s%-8s ", s->thing[i].lost ? "lost " : "fault ", s->thing[i].name);
            cli_print(stdout, s->thing[i].words);
            putchar('\n');
        }
}

int explain_minimal(struct db *db, const char *dir)
{
    static struct search s;
    struct explain_facts f;
    bool undo[THINGS_MAX] = {false};
    char path[PATH_BYTES];
    s = (struct search){.dir = dir};
    find_program(s.program);
    int64_t v = explain_worst_of(db, 0);
    if (v == 0 || !explain_facts(db, v, &f)) {
        puts("no violation to explain");
        return EXIT_PASSED;
    }
    snprintf(path, sizeof path, "%.4000s/scenario.json", dir);
    if (access(path, R_OK) != 0)
        return cli_fail(
            EXIT_DATA, "explain",
            "%s: no scenario.json: only a run of simulate in virtual time can be had again without something", dir);
    collect(&s, db, &f);
    if (db->failed)
        return cli_fail(db->status, "explain", "%s", db->err);
    bool alone = single(&s, undo), found = alone || several(&s, undo);
    if (s.trouble != 0)
        return cli_fail(s.trouble == 2 ? EXIT_DATA : s.trouble, "explain", "%s cannot have %s again", s.program, dir);
    printf("V%" PRId64 "  ", v);
    cli_print(stdout, f.title);
    printf("\n%s\n", !found  ? "  happens without any of the faults and losses that could be undone, too"
                     : alone ? "  does not happen without"
                             : "  does not happen when all of these are undone; fewer of them are not enough");
    if (found)
        tell(&s, undo);
    printf("%u runs tried, with %zu faults and losses before it%s\n", s.runs, s.n,
           s.runs >= RUNS_MAX || (!alone && s.n > RUNS_MAX / 2) ? "; there may be a smaller set: not all were tried"
                                                                : "");
    return found ? EXIT_PASSED : EXIT_UNDECIDED;
}
