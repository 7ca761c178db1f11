/* told.c -- see told.h. */
#include "told.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../analyze/explain.h"
#include "../../analyze/explain_class.h"

/* The directory of a test is never the same: "RUN" stands for it. */
static void print_without(FILE *out, const char *text, const char *dir)
{
    size_t n = strlen(dir);
    for (const char *p = text; *p != '\0';) {
        if (n > 0 && strncmp(p, dir, n) == 0) {
            fputs("RUN", out);
            p += n;
        } else {
            fputc(*p++, out);
        }
    }
}

static char *story(struct db *db, int64_t v, const char *title, const char *dir)
{
    char *plain = NULL, *text = NULL;
    size_t n;
    FILE *out = open_memstream(&plain, &n);
    assert_non_null(out);
    assert_true(explain_violation(db, v, EXPLAIN_DEPTH, out));
    fclose(out);
    out = open_memstream(&text, &n);
    assert_non_null(out);
    fprintf(out, "== %s\n", title);
    print_without(out, plain, dir);
    fputs("\n", out);
    fclose(out);
    free(plain);
    return text;
}

static char *read_all(const char *path)
{
    char *text = NULL;
    size_t n = 0;
    FILE *f = fopen(path, "r"), *out = open_memstream(&text, &n);
    assert_non_null(out);
    for (int c; f != NULL && (c = fgetc(f)) != EOF;)
        fputc(c, out);
    if (f != NULL)
        fclose(f);
    fclose(out);
    return text;
}

void told(struct db *db, const char *check, const char *title, const char *dir)
{
    char path[300];
    snprintf(path, sizeof path, "tests/told/%s.txt", program_invocation_short_name);
    sqlite3_stmt *q = db_prepare(db, "SELECT violation_id, fingerprint FROM violations WHERE \"check\" = :check"
                                     " ORDER BY violation_id LIMIT 1");
    db_bind_text(db, q, ":check", check);
    assert_true(db_row(db, q));
    int64_t v = sqlite3_column_int64(q, 0);
    if (class_find((const char *)sqlite3_column_text(q, 1)) == NULL)
        fail_msg("class %s is not in the table of classes", (const char *)sqlite3_column_text(q, 1));
    db_done(db, q);
    char *text = story(db, v, title, dir), *known = read_all(path);
    if (strstr(known, text) == NULL) {
        const char *mode = getenv("FAULTLINE_TOLD");
        FILE *f = mode != NULL && strcmp(mode, "write") == 0 ? fopen(path, "a") : NULL;
        if (f == NULL)
            fail_msg("%s has no such story (FAULTLINE_TOLD=write adds it):\n%s", path, text);
        fputs(text, f);
        assert_int_equal(fclose(f), 0);
    }
    free(text);
    free(known);
}
