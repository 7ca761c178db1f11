/* import_any.c -- see import_any.h. */
#include "import_any.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../analyze/cli.h"
#include "../../analyze/db.h"
#include "../../analyze/export.h"
#include "../../analyze/history_load.h"
#include "../../analyze/import_int.h"
#include "../../analyze/lin.h"
#include "../../trace/trace.h"

typedef bool importer(struct import *m, struct input *in, const char *seen, size_t n);

static struct db db;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n", what, db.err);
    abort();
}

/* One database for all rounds: made once, emptied after each. */
static void empty_database(void)
{
    if (db.h == NULL) {
        char path[] = "/tmp/faultline-fuzz-XXXXXX";
        int fd = mkstemp(path);
        must(fd >= 0 && db_create(&db, path) && db_exec(&db, db_embedded("indexes.sql")), "database");
        close(fd);
        unlink(path); /* SQLite keeps it open */
        return;
    }
    must(db_exec(&db,
                 "DELETE FROM records; DELETE FROM ops; DELETE FROM faults; DELETE FROM sources; DELETE FROM nodes;"
                 "DELETE FROM boots; DELETE FROM runs; DELETE FROM edges"),
         "emptying");
}

/* False: refused, with words. */
static bool read_history(struct import *m, importer *read, const void *bytes, size_t n)
{
    char err[INPUT_ERR_LEN];
    struct input *nothing = input_open("/dev/null", err);
    must(nothing != NULL, "/dev/null");
    m->shown = "bytes";
    m->last_t = -1;
    m->file = mem_grow(NULL, 1, sizeof *m->file);
    m->file[0] = (struct import_file){.shown = "bytes"};
    m->n_files = 1;
    bool ok = read(m, nothing, bytes, n) && import_settle(m);
    input_close(nothing);
    must(ok == (m->status == 0) && ok == (m->err[0] == '\0'), "a refusal has words");
    snprintf(m->run, sizeof m->run, "run");
    return ok;
}

static void judge(void)
{
    struct history h;
    struct lin_report r;
    history_init(&h);
    must(history_load(&h, &db, 1), "loading");
    must(lin_judge(&r, &h, &(struct lin_options){.deadline_ns = (int64_t)trace_mono_ns() + 2000000}), "judging");
    lin_report_free(&r);
    history_free(&h);
}

/* The export's text; owned. */
static char *exported(export_fn *write, size_t *n)
{
    char *text = NULL;
    struct export e = {.db = &db, .run_id = 1, .from = INT64_MIN, .to = INT64_MAX, .out = open_memstream(&text, n)};
    must(e.out != NULL, "memory");
    write(&e);
    must(!db.failed && (e.status == 0 || e.status == EXIT_USAGE), "exporting");
    fclose(e.out);
    return text;
}

void import_any(enum import_any format, const uint8_t *bytes, size_t n)
{
    static importer *const importers[] = {
        [ANY_EDN] = import_edn, [ANY_LOG] = import_log, [ANY_JSON] = import_json, [ANY_COURSE] = import_course};
    static export_fn *const others[] = {export_porcupine, export_shiviz,   export_chrome,
                                        export_otlp,      export_etcd_tla, export_csv};
    struct import_options o = {.from = IMPORT_ANY};
    struct import_result r = {.runs = 0};
    struct import m = {.o = &o};
    if (read_history(&m, importers[format], bytes, n)) {
        empty_database();
        import_store(&m, &db, &r);
        must(!db.failed, "storing");
        judge();
        size_t len;
        for (size_t i = 0; i < sizeof others / sizeof *others; i++)
            free(exported(others[i], &len));
        char *back = exported(export_jepsen, &len);
        struct import again = {.o = &o};
        must(read_history(&again, import_edn, back, len), again.err);
        import_forget(&again);
        free(back);
    }
    import_forget(&m);
}
