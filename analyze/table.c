/* table.c -- see table.h. */
#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "json_out.h"
#include "mem.h"

enum { CELL_MAX = 1000 };      /* bytes of a value that a table shows; the other formats show all */
enum { ROWS_MEASURED = 1000 }; /* as many rows decide the widths of a table; later ones are printed as they come */

struct cell {
    char *text; /* as printed */
    int width;
    bool right;
};

struct table {
    FILE *out;
    enum table_format format;
    bool safe; /* machine formats go to a terminal: escape there too */
    int columns;
    char **name;
    int *width;
    struct cell *row; /* of a table: those not yet printed */
    int n_rows;
    bool measured;
    long long count;
};

bool table_format_named(const char *word, enum table_format *f)
{
    static const char *const words[] = {
        [TABLE_TABLE] = "table", [TABLE_CSV] = "csv", [TABLE_TSV] = "tsv",    [TABLE_JSON] = "json",
        [TABLE_JSONL] = "jsonl", [TABLE_MD] = "md",   [TABLE_VALUE] = "value"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(words[i], word) == 0) {
            *f = (enum table_format)i;
            return true;
        }
    }
    return false;
}

/* ---- cells ---- */

/* Columns that UTF-8 text takes, as far as counting characters tells. */
static int width_of(const char *s)
{
    int n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void put_cut(FILE *f, const char *p, size_t n)
{
    size_t shown = n;
    if (n > CELL_MAX) {
        shown = CELL_MAX;
        while (shown > 0 && ((unsigned char)p[shown] & 0xc0) == 0x80)
            shown--;
    }
    cli_printn(f, p, shown);
    if (shown < n)
        fprintf(f, "\xe2\x80\xa6(+%zu bytes)", n - shown);
}

static struct cell cell_of(sqlite3_stmt *q, int i)
{
    struct cell c = {.text = NULL};
    size_t n;
    FILE *f = open_memstream(&c.text, &n);
    if (f == NULL)
        return (struct cell){.text = mem_text("?", 1), .width = 1};
    int type = sqlite3_column_type(q, i);
    c.right = type == SQLITE_INTEGER || type == SQLITE_FLOAT;
    if (type == SQLITE_NULL)
        fputs("NULL", f);
    else if (type == SQLITE_BLOB)
        fprintf(f, "(%d bytes)", sqlite3_column_bytes(q, i));
    else
        put_cut(f, (const char *)sqlite3_column_text(q, i), (size_t)sqlite3_column_bytes(q, i));
    fclose(f);
    c.width = width_of(c.text);
    return c;
}

static void pad(FILE *out, int n)
{
    for (int i = 0; i < n; i++)
        fputc(' ', out);
}

static void print_line(const struct table *t, const struct cell *row)
{
    for (int i = 0; i < t->columns; i++) {
        int space = t->width[i] - row[i].width;
        if (row[i].right)
            pad(t->out, space);
        fputs(row[i].text, t->out);
        if (i + 1 < t->columns)
            pad(t->out, (row[i].right ? 0 : space > 0 ? space : 0) + 2);
    }
    fputc('\n', t->out);
}

static void print_measured(struct table *t)
{
    t->measured = true;
    for (int i = 0; i < t->columns; i++) {
        fputs(t->name[i], t->out);
        if (i + 1 < t->columns)
            pad(t->out, t->width[i] - width_of(t->name[i]) + 2);
    }
    fputc('\n', t->out);
    for (int i = 0; i < t->columns; i++) {
        for (int k = 0; k < t->width[i]; k++)
            fputc('-', t->out);
        fputs(i + 1 < t->columns ? "  " : "\n", t->out);
    }
    for (int r = 0; r < t->n_rows; r++) {
        print_line(t, &t->row[r * t->columns]);
        for (int i = 0; i < t->columns; i++)
            free(t->row[r * t->columns + i].text);
    }
    t->n_rows = 0;
}

static void table_table_row(struct table *t, sqlite3_stmt *q)
{
    struct cell *row = &t->row[t->n_rows * t->columns];
    for (int i = 0; i < t->columns; i++) {
        row[i] = cell_of(q, i);
        if (!t->measured && row[i].width > t->width[i])
            t->width[i] = row[i].width;
    }
    if (t->measured) {
        print_line(t, row);
        for (int i = 0; i < t->columns; i++)
            free(row[i].text);
    } else if (++t->n_rows == ROWS_MEASURED) {
        print_measured(t);
    }
}

/* ---- machine formats ---- */

static void put_raw(const struct table *t, const char *p, size_t n)
{
    if (t->safe)
        cli_printn(t->out, p, n);
    else
        fwrite(p, 1, n, t->out);
}

static void put_csv(const struct table *t, const char *p, size_t n)
{
    bool quote = n == 0;
    for (size_t i = 0; i < n; i++)
        quote = quote || p[i] == ',' || p[i] == '"' || p[i] == '\n' || p[i] == '\r';
    if (!quote) {
        put_raw(t, p, n);
        return;
    }
    fputc('"', t->out);
    for (size_t i = 0, plain = 0; i <= n; i++) { /* whole pieces: a byte alone is no UTF-8 */
        if (i < n && p[i] != '"' && p[i] != '\n')
            continue;
        put_raw(t, p + plain, i - plain);
        if (i < n)
            fputs(p[i] == '"' ? "\"\"" : "\n", t->out);
        plain = i + 1;
    }
    fputc('"', t->out);
}

static void put_tsv(const struct table *t, const char *p, size_t n)
{
    static const char from[] = "\t\n\r\\", to[] = "tnr\\";
    for (size_t i = 0, plain = 0; i <= n; i++) {
        const char *special = i < n && p[i] != '\0' ? strchr(from, p[i]) : NULL;
        if (i < n && special == NULL)
            continue;
        put_raw(t, p + plain, i - plain);
        if (special != NULL)
            fprintf(t->out, "\\%c", to[special - from]);
        plain = i + 1;
    }
}

static void put_json_value(FILE *out, sqlite3_stmt *q, int i)
{
    switch (sqlite3_column_type(q, i)) {
    case SQLITE_NULL:
        fputs("null", out);
        break;
    case SQLITE_INTEGER:
        fprintf(out, "%" PRId64, (int64_t)sqlite3_column_int64(q, i));
        break;
    case SQLITE_FLOAT: {
        const char *text = (const char *)sqlite3_column_text(q, i);
        fputs(strpbrk(text, "In") != NULL ? "null" : text, out); /* JSON has no infinity */
        break;
    }
    case SQLITE_BLOB: {
        const unsigned char *p = sqlite3_column_blob(q, i);
        fputc('"', out);
        for (int k = 0; k < sqlite3_column_bytes(q, i); k++)
            fprintf(out, "%02x", p[k]);
        fputc('"', out);
        break;
    }
    default:
        json_out(out, (const char *)sqlite3_column_text(q, i), (size_t)sqlite3_column_bytes(q, i));
    }
}

static void put_md(const struct table *t, const char *p, size_t n)
{
    for (size_t i = 0, plain = 0; i <= n; i++) {
        if (i < n && p[i] != '|')
            continue;
        cli_printn(t->out, p + plain, i - plain);
        if (i < n)
            fputs("\\|", t->out);
        plain = i + 1;
    }
}

static void object_row(struct table *t, sqlite3_stmt *q)
{
    if (t->format == TABLE_JSON)
        fputs(t->count == 0 ? "[\n" : ",\n", t->out);
    for (int i = 0; i < t->columns; i++) {
        fputs(i == 0 ? "{" : ",", t->out);
        json_out(t->out, t->name[i], strlen(t->name[i]));
        fputc(':', t->out);
        put_json_value(t->out, q, i);
    }
    fputc('}', t->out);
    if (t->format == TABLE_JSONL)
        fputc('\n', t->out);
}

static void text_row(struct table *t, sqlite3_stmt *q)
{
    static const struct {
        const char *sep, *end;
        void (*put)(const struct table *, const char *, size_t);
    } how[] = {[TABLE_CSV] = {",", "\n", put_csv},
               [TABLE_TSV] = {"\t", "\n", put_tsv},
               [TABLE_MD] = {" | ", " |\n", put_md},
               [TABLE_VALUE] = {"|", "\n", put_raw}};
    if (t->format == TABLE_MD)
        fputs("| ", t->out);
    for (int i = 0; i < t->columns; i++) {
        if (i > 0)
            fputs(how[t->format].sep, t->out);
        if (sqlite3_column_type(q, i) != SQLITE_NULL)
            how[t->format].put(t, (const char *)sqlite3_column_text(q, i), (size_t)sqlite3_column_bytes(q, i));
        else if (t->format == TABLE_MD)
            fputs("NULL", t->out);
    }
    fputs(how[t->format].end, t->out);
}

static void header(struct table *t)
{
    if (t->format == TABLE_MD)
        fputs("| ", t->out);
    for (int i = 0; i < t->columns; i++) {
        if (t->format == TABLE_CSV) {
            if (i > 0)
                fputc(',', t->out);
            put_csv(t, t->name[i], strlen(t->name[i]));
        } else if (t->format == TABLE_TSV) {
            if (i > 0)
                fputc('\t', t->out);
            put_tsv(t, t->name[i], strlen(t->name[i]));
        } else {
            put_md(t, t->name[i], strlen(t->name[i]));
            fputs(i + 1 < t->columns ? " | " : " |\n|", t->out);
        }
    }
    for (int i = 0; i < t->columns && t->format == TABLE_MD; i++)
        fputs(" --- |", t->out);
    fputc('\n', t->out);
}

struct table *table_new(FILE *out, enum table_format f, sqlite3_stmt *q)
{
    struct table *t = mem_new(sizeof *t);
    *t = (struct table){.out = out, .format = f, .safe = isatty(fileno(out)), .columns = sqlite3_column_count(q)};
    t->name = mem_new((size_t)t->columns * sizeof(char *) + 1);
    t->width = mem_new((size_t)t->columns * sizeof(int) + 1);
    for (int i = 0; i < t->columns; i++) {
        const char *name = sqlite3_column_name(q, i);
        char *safe = NULL;
        size_t n;
        FILE *s = open_memstream(&safe, &n);
        if (s != NULL) {
            cli_print(s, name != NULL ? name : "?");
            fclose(s);
        }
        t->name[i] = safe;
        t->width[i] = width_of(safe);
    }
    if (f == TABLE_TABLE)
        t->row = mem_new((size_t)t->columns * (ROWS_MEASURED + 1) * sizeof *t->row + 1);
    if (f == TABLE_CSV || f == TABLE_TSV || f == TABLE_MD)
        header(t);
    return t;
}

void table_row(struct table *t, sqlite3_stmt *q)
{
    if (t->format == TABLE_TABLE)
        table_table_row(t, q);
    else if (t->format == TABLE_JSON || t->format == TABLE_JSONL)
        object_row(t, q);
    else
        text_row(t, q);
    t->count++;
}

long long table_end(struct table *t)
{
    long long count = t->count;
    if (t->format == TABLE_TABLE && !t->measured)
        print_measured(t);
    if (t->format == TABLE_JSON)
        fputs(count > 0 ? "\n]\n" : "[]\n", t->out);
    for (int i = 0; i < t->columns; i++)
        free(t->name[i]);
    free(t->name);
    free(t->width);
    free(t->row);
    free(t);
    return count;
}
