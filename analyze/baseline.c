#include "baseline.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "mem.h"
#include "report_text.h"

struct baseline {
    json_t *doc;
    struct known {
        const char *check, *class; /* of the document */
    } * v;
    size_t n, room;
};

static void add(struct baseline *b, const char *check, const char *class)
{
    if (check == NULL || class == NULL || baseline_knows(b, check, class))
        return;
    b->v = mem_grow(b->v, b->n + 1, sizeof *b->v);
    b->v[b->n++] = (struct known){check, class};
}

struct baseline *baseline_read(const char *path, int *status, char err[400])
{
    json_error_t e;
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        *status = EXIT_NOINPUT;
        snprintf(err, 400, "--baseline: cannot open %.300s", path);
        return NULL;
    }
    json_t *doc = json_loadf(f, 0, &e);
    fclose(f);
    const char *schema = json_string_value(json_object_get(doc, "schema"));
    if (schema == NULL || strncmp(schema, "faultline-check/", strlen("faultline-check/")) != 0) {
        *status = EXIT_DATA;
        if (doc == NULL)
            snprintf(err, 400, "--baseline: %.200s:%d: %.100s", path, e.line, e.text);
        else
            snprintf(err, 400, "--baseline: %.200s is not what `analyze check --format json` writes", path);
        json_decref(doc);
        return NULL;
    }
    struct baseline *b = mem_new(sizeof *b);
    b->doc = doc;
    size_t i, k;
    json_t *run, *v;
    json_array_foreach(json_object_get(doc, "runs"), i, run)
    {
        json_array_foreach(json_object_get(run, "violations"), k, v)
        {
            add(b, json_string_value(json_object_get(v, "check")), json_string_value(json_object_get(v, "class")));
        }
    }
    return b;
}

void baseline_free(struct baseline *b)
{
    if (b == NULL)
        return;
    json_decref(b->doc);
    free(b->v);
    free(b);
}

bool baseline_knows(const struct baseline *b, const char *check, const char *class)
{
    for (size_t i = 0; b != NULL && i < b->n; i++) {
        if (strcmp(b->v[i].check, check) == 0 && strcmp(b->v[i].class, class) == 0)
            return true;
    }
    return false;
}

void baseline_count(const struct baseline *b, struct db *db, int64_t run_id, const struct check_options *ran,
                    int64_t *known, int64_t *all)
{
    char ids[REPORT_IDS];
    report_ids(ran, ids);
    sqlite3_stmt *q = db_prepare(db, "SELECT \"check\", fingerprint, count(*) FROM violations WHERE run_id = :run AND"
                                     " " REPORT_RAN " GROUP BY 1, 2");
    db_bind_int(db, q, ":run", run_id);
    db_bind_text(db, q, ":ids", ids);
    *known = *all = 0;
    while (db_row(db, q)) {
        int64_t n = sqlite3_column_int64(q, 2);
        *all += n;
        if (baseline_knows(b, (const char *)sqlite3_column_text(q, 0), (const char *)sqlite3_column_text(q, 1)))
            *known += n;
    }
    db_done(db, q);
}

bool baseline_at(const struct baseline *b, size_t i, const char **check, const char **class)
{
    if (b == NULL || i >= b->n)
        return false;
    *check = b->v[i].check;
    *class = b->v[i].class;
    return true;
}
