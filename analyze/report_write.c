/* report_write.c -- text of unknown origin as HTML and as JSON inside HTML. */
#include "report_int.h"

#include <string.h>

#include "cli.h"
#include "queries.h"

enum { TEXT_SHOWN = 2000 };

void html(FILE *f, const char *s)
{
    static const struct {
        char c;
        const char *as;
    } escapes[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    size_t n = s != NULL ? strlen(s) : 0;
    for (size_t at = 0; at < n;) {
        size_t i = 0, len = cli_printable((const unsigned char *)s + at, n - at);
        while (i < sizeof escapes / sizeof *escapes && escapes[i].c != s[at])
            i++;
        if (i < sizeof escapes / sizeof *escapes)
            fputs(escapes[i].as, f);
        else if (len > 0)
            fwrite(s + at, 1, len, f);
        else
            fprintf(f, "\\x%02x", (unsigned char)s[at]);
        at += len > 0 ? len : 1;
    }
}

/* Inside <script>, "</script" and "<!--" end or change what follows, and U+2028 and U+2029 once were line ends in
 * JavaScript (HTML standard, "Restrictions for contents of script elements"; ECMA-262 before 2019). */
static size_t json_safe(FILE *f, const unsigned char *p, size_t n)
{
    if (p[0] == '<' || p[0] == '>' || p[0] == '&') {
        fprintf(f, "\\u%04x", p[0]);
        return 1;
    }
    if (n >= 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) {
        fprintf(f, "\\u20%02x", p[2] == 0xa8 ? 0x28 : 0x29);
        return 3;
    }
    return 0;
}

void json_raw(FILE *f, const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    for (size_t i = 0; i < n;) {
        size_t done = json_safe(f, p + i, n - i);
        if (done == 0)
            fputc(p[i], f);
        i += done > 0 ? done : 1;
    }
}

void json_str(FILE *f, const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t all = n;
    if (n > TEXT_SHOWN) {
        n = TEXT_SHOWN;
        while (n > TEXT_SHOWN - 4 && (p[n] & 0xc0) == 0x80)
            n--;
    }
    fputc('"', f);
    for (size_t i = 0; i < n;) {
        size_t done = json_safe(f, p + i, n - i);
        if (done > 0) {
            i += done;
            continue;
        }
        size_t len = cli_printable(p + i, n - i);
        if (len > 0) {
            if (p[i] == '"' || p[i] == '\\')
                fputc('\\', f);
            fwrite(p + i, 1, len, f);
        } else if (p[i] < 0x80) {
            fprintf(f, "\\u%04x", p[i]);
        } else if (n - i >= 3 && p[i] >= 0xe1 && p[i] <= 0xef && (p[i + 1] & 0xc0) == 0x80) {
            /* A mark that reorders text, as its number: the page shows it instead of obeying it. */
            fprintf(f, "\\u%04x", (p[i] & 0x0fu) << 12 | (p[i + 1] & 0x3fu) << 6 | (p[i + 2] & 0x3fu));
            len = 3;
        } else {
            fputs("\\ufffd", f);
        }
        i += len > 0 ? len : 1;
    }
    if (n < all)
        fprintf(f, "\u2026(+%zu bytes)", all - n);
    fputc('"', f);
}

void json_text(FILE *f, const char *s)
{
    if (s == NULL)
        fputs("null", f);
    else
        json_str(f, s, strlen(s));
}

void json_column_int(FILE *f, sqlite3_stmt *q, int i)
{
    if (sqlite3_column_type(q, i) == SQLITE_NULL)
        fputs("null", f);
    else
        fprintf(f, "%lld", (long long)sqlite3_column_int64(q, i));
}

void json_column_text(FILE *f, sqlite3_stmt *q, int i)
{
    json_text(f, (const char *)sqlite3_column_text(q, i));
}

sqlite3_stmt *report_query(const struct report *r, const char *name)
{
    struct named_query q;
    char sql[4096];
    if (!query_find("report.sql", name, &q) || q.n >= sizeof sql)
        return NULL;
    snprintf(sql, sizeof sql, "%.*s", (int)q.n, q.sql);
    sqlite3_stmt *statement = db_prepare(r->db, sql);
    if (strstr(sql, ":run") != NULL)
        db_bind_int(r->db, statement, ":run", r->run_id);
    return statement;
}
