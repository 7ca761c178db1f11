/* import.c -- files to a database, whole or not at all. */
#include "import_int.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "db_file.h"

bool import_family_named(const char *word, enum import_family *f)
{
    static const char *const words[] = {[IMPORT_ANY] = "auto",
                                        [IMPORT_JEPSEN] = "jepsen",
                                        [IMPORT_MAELSTROM] = "maelstrom",
                                        [IMPORT_PORCUPINE] = "porcupine",
                                        [IMPORT_JSONL] = "jsonl",
                                        [IMPORT_COURSE] = "course"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i], word) == 0) {
            *f = (enum import_family)i;
            return true;
        }
    }
    return false;
}

static void cut_ending(char *name, const char *ending)
{
    size_t n = strlen(name), e = strlen(ending);
    if (n > e && strcmp(name + n - e, ending) == 0)
        name[n - e] = '\0';
}

/* etcd_000.log: "etcd_000"; store/lin-kv/20240101/history.edn: "20240101". */
static void name_run(const char *path, char *out, size_t n)
{
    static const char *const endings[] = {".gz", ".zst", ".edn", ".txt", ".log", ".jsonl", ".json"};
    char full[PATH_MAX];
    if (strcmp(path, "-") == 0) {
        snprintf(out, n, "stdin");
        return;
    }
    if (realpath(path, full) == NULL)
        snprintf(full, sizeof full, "%s", path);
    char *base = strrchr(full, '/');
    base = base != NULL ? base + 1 : full;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        cut_ending(base, endings[i]);
    bool plain = strcmp(base, "history") == 0 || strcmp(base, "jepsen") == 0 || strcmp(base, "operations") == 0;
    if (plain && base > full + 1) {
        base[-1] = '\0';
        char *dir = strrchr(full, '/');
        if (dir != NULL && dir[1] != '\0')
            base = dir + 1;
    }
    snprintf(out, n, "%.200s", base);
}

static bool is_there(struct db *db, const char *name)
{
    sqlite3_stmt *q = db_prepare(db, "SELECT 1 FROM runs WHERE name = :name");
    db_bind_text(db, q, ":name", name);
    bool yes = db_row(db, q);
    db_done(db, q);
    return yes;
}

/* Two files of one name are two runs all the same; a name that the user gave must be free. */
static bool name_is_free(struct import *m, struct db *db)
{
    char plain[sizeof m->run - 24];
    name_run(m->file[0].shown, plain, sizeof plain);
    if (m->o->run != NULL)
        snprintf(plain, sizeof plain, "%s", m->o->run);
    snprintf(m->run, sizeof m->run, "%s", plain);
    for (int i = 2; is_there(db, m->run); i++) {
        if (m->o->run != NULL && i == 2 && m->o->n_paths == 1)
            return import_fail(m, EXIT_DATA, "run %s is in the database already: give it another name with --run",
                               m->run);
        snprintf(m->run, sizeof m->run, "%s-%d", plain, i);
    }
    return !db->failed;
}

/* Reads the files from `first` on that make one run; returns the number of the next. */
static size_t one_run(struct import *m, size_t first)
{
    size_t i = first;
    do
        import_file(m, m->o->paths[i++]);
    while (m->status == 0 && m->json && i < m->o->n_paths);
    return i;
}

static void fill(const struct import_options *o, struct db *db, struct import_result *r, int *status)
{
    for (size_t i = 0; i < o->n_paths && *status == 0 && !db->failed;) {
        struct import m = {.o = o, .last_t = -1};
        i = one_run(&m, i);
        if (m.status == 0 && import_settle(&m) && name_is_free(&m, db))
            import_store(&m, db, r);
        if (m.status != 0)
            *status = cli_fail(m.status, "import", "%s", m.err);
        import_forget(&m);
    }
    if (*status != 0 || db->failed)
        return;
    db_exec(db, db_embedded("indexes.sql"));
    db_exec(db, "PRAGMA analysis_limit=1000; ANALYZE");
}

int import_run(const struct import_options *o, struct import_result *r)
{
    struct import_result own;
    struct db_file f;
    struct db db = {.h = NULL};
    int status = 0;
    r = r != NULL ? r : &own;
    *r = (struct import_result){.runs = 0};
    if (o->out == NULL || *o->out == '\0')
        return cli_fail(EXIT_USAGE, "import", "-o DB is needed: the database to make");
    snprintf(r->path, sizeof r->path, "%s", o->out);
    bool append = o->append && db_kind(r->path) != DB_ABSENT;
    if (!db_file_target("import", r->path, sizeof r->path, false, &status) ||
        !db_file_begin(&f, &db, "import", r->path, append, &status))
        return status;
    if (!db.failed)
        fill(o, &db, r, &status);
    if (status == 0 && db.failed)
        status = cli_fail(db.status, "import", "%s", db.err);
    db_file_end(&f, &db, "import", &status);
    return status;
}
