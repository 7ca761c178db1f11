/* read_proof.c -- see read_proof.h. */
#include "read_proof.h"

#include <stdio.h>
#include <string.h>

static double ms(int64_t ns)
{
    return (double)ns / 1e6;
}

static void of_lease(sqlite3_stmt *q, struct read_proof *p)
{
    int64_t t = sqlite3_column_int64(q, 6), since = sqlite3_column_int64(q, 2), until = sqlite3_column_int64(q, 3);
    bool known = sqlite3_column_type(q, 2) != SQLITE_NULL;
    const unsigned char *by = sqlite3_column_text(q, 4);
    int n =
        snprintf(p->words, sizeof p->words, "it rested on a lease until %.1f ms, %s %.1f ms", ms(until),
                 t <= until ? "which lasted another" : "which was over for", ms(t <= until ? until - t : t - until));
    if (known && n > 0 && (size_t)n < sizeof p->words)
        snprintf(p->words + n, sizeof p->words - (size_t)n, ", from appends sent %.1f ms before, which %.120s answered",
                 ms(t - since), by != NULL && *by != '\0' ? (const char *)by : "nobody");
    else if (n > 0 && (size_t)n < sizeof p->words)
        snprintf(p->words + n, sizeof p->words - (size_t)n, ", which no record grants");
}

static void of_round(sqlite3_stmt *q, struct read_proof *p)
{
    int64_t t = sqlite3_column_int64(q, 6), since = sqlite3_column_int64(q, 2);
    const unsigned char *by = sqlite3_column_text(q, 4);
    int n = snprintf(p->words, sizeof p->words, "it rested on round %lld", (long long)sqlite3_column_int64(q, 1));
    if (n > 0 && sqlite3_column_type(q, 2) != SQLITE_NULL)
        n += snprintf(p->words + n, sizeof p->words - (size_t)n, ", sent %.1f ms before", ms(t - since));
    if (by != NULL && n > 0 && (size_t)n < sizeof p->words)
        snprintf(p->words + n, sizeof p->words - (size_t)n, ", which %.120s answered",
                 *by != '\0' ? (const char *)by : "nobody");
}

bool read_proof(struct db *db, int64_t rec, struct read_proof *p)
{
    memset(p, 0, sizeof *p);
    sqlite3_stmt *q = db_prepare(db, "SELECT proof, round, t_proof, t_until, confirmed_by, proof_rec, t FROM reads"
                                     " WHERE rec = :rec");
    db_bind_int(db, q, ":rec", rec);
    bool found = db_row(db, q);
    if (found) {
        const char *kind = (const char *)sqlite3_column_text(q, 0);
        p->rec = sqlite3_column_int64(q, 5);
        if (strcmp(kind, "lease") == 0)
            of_lease(q, p);
        else if (strcmp(kind, "round") == 0)
            of_round(q, p);
        else
            snprintf(p->words, sizeof p->words, "it rested on nothing: nobody was asked");
    }
    db_done(db, q);
    return found;
}
