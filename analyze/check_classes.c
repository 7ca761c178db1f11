#include "check_classes.h"

#include <stdlib.h>
#include <string.h>

#include "check_out.h"
#include "mem.h"
#include "pairmap.h"
#include "report_text.h"

static char *copy(const char *s)
{
    return s != NULL ? mem_text(s, strlen(s)) : NULL;
}

static char *column(sqlite3_stmt *q, int i)
{
    return copy((const char *)sqlite3_column_text(q, i));
}

static struct check_class *class_of(struct check_classes *all, const struct check_result *r, sqlite3_stmt *q)
{
    const char *check = (const char *)sqlite3_column_text(q, 0), *class = (const char *)sqlite3_column_text(q, 1);
    for (size_t i = 0; i < all->n; i++) {
        if (strcmp(all->v[i].check, check) == 0 && strcmp(all->v[i].class, class) == 0)
            return &all->v[i];
    }
    all->v = vector_grow(all->v, &all->room, all->n, sizeof *all->v);
    struct check_class *c = &all->v[all->n++];
    *c = (struct check_class){.check = copy(check),
                              .class = copy(class),
                              .severity = column(q, 2),
                              .title = column(q, 3),
                              .file = column(q, 5),
                              .line = sqlite3_column_int64(q, 6),
                              .first_name = copy(r->name),
                              .scenario = copy(r->info->scenario),
                              .rerun = copy(r->info->rerun),
                              .smallest = INT64_MAX};
    return c;
}

void classes_add(struct check_classes *all, const struct check_result *r, const struct check_options *ran)
{
    char ids[REPORT_IDS];
    report_ids(ran, ids);
    int64_t records = db_int(r->db, "SELECT count(*) FROM records", 0);
    sqlite3_stmt *q = db_prepare(
        r->db, "SELECT v.\"check\", v.fingerprint, v.severity, v.title, count(*),"
               " (SELECT path FROM sources s WHERE s.source_id = x.source_id), x.line, min(v.violation_id)"
               " FROM violations v LEFT JOIN records x ON x.id = v.first_bad_rec WHERE v.run_id = :run AND " REPORT_RAN
               " GROUP BY v.\"check\", v.fingerprint ORDER BY 8");
    db_bind_int(r->db, q, ":run", r->run_id);
    db_bind_text(r->db, q, ":ids", ids);
    while (db_row(r->db, q)) {
        struct check_class *c = class_of(all, r, q);
        c->runs++;
        c->violations += sqlite3_column_int64(q, 4);
        if (records < c->smallest) {
            c->smallest = records;
            free(c->smallest_name);
            c->smallest_name = copy(r->name);
        }
    }
    db_done(r->db, q);
    struct report_counts n = report_count(r->db, r->run_id, ran);
    all->runs++;
    all->passed += n.fail == 0 && n.unknown == 0;
    if (n.fail == 0 && n.unknown > 0 && all->undecided++ == 0)
        all->first_undecided = copy(r->name);
}

void classes_free(struct check_classes *all)
{
    for (size_t i = 0; i < all->n; i++) {
        struct check_class *c = &all->v[i];
        char *const texts[] = {c->check,         c->class, c->severity, c->title, c->first_name,
                               c->smallest_name, c->file,  c->scenario, c->rerun};
        for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
            free(texts[k]);
    }
    free(all->v);
    free(all->first_undecided);
}
