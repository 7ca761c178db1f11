/* sql.c -- analyze sql: queries of the user's, or named ones, that can read everything and change nothing. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "commands.h"
#include "mem.h"
#include "queries.h"
#include "table.h"
#include "trace.h"

static const char help[] = "usage: analyze sql DB|RUN \"SELECT ...\" | -f FILE | -n NAME | .schema [TABLE] | .tables\n"
                           "Runs queries on a database, read-only.\n"
                           "\n"
                           "  analyze sql runs/7 \"SELECT node, count(*) FROM records GROUP BY node\"\n"
                           "  analyze sql runs/7 -n stale-reads --format csv\n"
                           "  analyze sql runs/7 -n why-leader -p node=0000 -p term=3\n"
                           "\n"
                           "  -n, --name NAME    a named query; --list shows them\n"
                           "  --list             the named queries, and what they answer\n"
                           "  -f, --file FILE    statements from a file, - for standard input\n"
                           "  -p, --param N=V    value of the parameter :N\n"
                           "  --format FORMAT    " TABLE_FORMATS " (default table);\n"
                           "                     json of several statements is an array of their arrays\n"
                           "  --timeout TIME     give up after that long (500ms, 10s, 5m; default 10s)\n"
                           "\n"
                           "Exit status: 0, 2 when the time ran out, 64 for an error in the SQL.\n";

struct options {
    const char *where, *text, *file, *name;
    const char *param[32];
    size_t n_params;
    bool list;
    enum table_format format;
    int64_t timeout_ns;
};

/* ---- guards ---- */

static bool readable_pragma(const char *name, const char *value)
{
    static const char *const about[] = {"table_info",      "table_xinfo", "table_list",       "index_list",
                                        "index_info",      "index_xinfo", "foreign_key_list", "function_list",
                                        "integrity_check", "quick_check"};
    static const char *const plain[] = {"user_version",   "application_id",  "page_count",
                                        "page_size",      "schema_version",  "encoding",
                                        "collation_list", "compile_options", "freelist_count"};
    for (size_t i = 0; i < sizeof about / sizeof *about; i++) {
        if (strcasecmp(name, about[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (strcasecmp(name, plain[i]) == 0)
            return value == NULL;
    }
    return false;
}

static int authorize(void *unused, int action, const char *a, const char *b, const char *database, const char *trigger)
{
    (void)unused;
    (void)database;
    (void)trigger;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return b != NULL && strcasecmp(b, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_PRAGMA:
        return a != NULL && readable_pragma(a, b) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_CREATE_TABLE:
        return SQLITE_OK; /* json_each() and the like declare a table this way; a real one fails: the file is read-only
                           */
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
        return a != NULL && strcmp(a, "sqlite_master") == 0 ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static int out_of_time(void *deadline)
{
    return (int64_t)trace_mono_ns() > *(const int64_t *)deadline;
}

/* ---- statements ---- */

/* Is `given` ("node=0000") of the parameter of that name (":node")? */
static bool is_param(const char *given, const char *name)
{
    size_t n = strcspn(given, "=");
    return strncmp(name + 1, given, n) == 0 && name[1 + n] == '\0';
}

static void bind_params(const struct options *o, sqlite3_stmt *q)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(q); i++) {
        const char *name = sqlite3_bind_parameter_name(q, i);
        for (size_t k = 0; name != NULL && k < o->n_params; k++) {
            if (is_param(o->param[k], name))
                sqlite3_bind_text(q, i, strchr(o->param[k], '=') + 1, -1, SQLITE_STATIC);
        }
    }
}

static int sql_error(struct db *db, int rc, const struct options *o)
{
    if (rc == SQLITE_INTERRUPT)
        return cli_fail(EXIT_UNDECIDED, "sql", "stopped after %.1f s; more with --timeout",
                        (double)o->timeout_ns / 1e9);
    if (rc == SQLITE_AUTH || rc == SQLITE_READONLY)
        return cli_fail(EXIT_USAGE, "sql", "%s: this command only reads; sqlite3 can do the rest",
                        sqlite3_errmsg(db->h));
    return cli_fail(EXIT_USAGE, "sql", "%s", sqlite3_errmsg(db->h));
}

/* Reads all statements before the first is run: how many they are, and whether each -p is a parameter of one. What
 * cannot be prepared is left to the run, which says why. */
static int look_ahead(struct db *db, const char *sql, const char *end, const struct options *o, int *statements)
{
    bool used[sizeof o->param / sizeof *o->param] = {false};
    char known[512] = "";
    *statements = 0;
    while (sql < end) {
        sqlite3_stmt *q = NULL;
        if (sqlite3_prepare_v2(db->h, sql, (int)(end - sql), &q, &sql) != SQLITE_OK)
            return 0;
        *statements += q != NULL;
        for (int i = 1; i <= sqlite3_bind_parameter_count(q); i++) {
            const char *name = sqlite3_bind_parameter_name(q, i);
            size_t have = strlen(known);
            if (name == NULL)
                continue;
            snprintf(known + have, sizeof known - have, "%s%s", have > 0 ? ", " : "", name + 1);
            for (size_t k = 0; k < o->n_params; k++)
                used[k] = used[k] || is_param(o->param[k], name);
        }
        sqlite3_finalize(q);
    }
    for (size_t k = 0; k < o->n_params; k++) {
        if (!used[k])
            return cli_fail(EXIT_USAGE, "sql", "-p %s: the query has no such parameter; %s%s", o->param[k],
                            known[0] != '\0' ? "it has " : "it has none", known);
    }
    return 0;
}

static int run_statements(struct db *db, const char *sql, size_t n, const struct options *o)
{
    const char *end = sql + n;
    bool printed = false;
    int statements, wrong = look_ahead(db, sql, end, o, &statements);
    if (wrong != 0)
        return wrong;
    bool list = o->format == TABLE_JSON && statements > 1; /* an array of the results' arrays */
    while (sql < end) {
        sqlite3_stmt *q = NULL;
        int rc = sqlite3_prepare_v2(db->h, sql, (int)(end - sql), &q, &sql);
        if (rc != SQLITE_OK)
            return sql_error(db, rc, o);
        if (q == NULL)
            continue;
        bind_params(o, q);
        if (printed && o->format == TABLE_TABLE)
            putchar('\n');
        if (list)
            fputs(printed ? "," : "[", stdout);
        printed = true;
        struct table *t = table_new(stdout, o->format, q);
        while ((rc = sqlite3_step(q)) == SQLITE_ROW)
            table_row(t, q);
        table_end(t);
        int status = rc == SQLITE_DONE ? 0 : sql_error(db, rc, o);
        sqlite3_finalize(q);
        if (status != 0)
            return status;
    }
    if (list)
        puts("]");
    if (fflush(stdout) != 0 || ferror(stdout))
        return cli_fail(EXIT_IO, "sql", "cannot write: %s", strerror(errno));
    return 0;
}

/* ".schema" and ".tables" of the sqlite3 shell. */
static int dot_command(struct db *db, const struct options *o)
{
    struct options plain = *o;
    const char *rest = o->text + strcspn(o->text, " ");
    rest += strspn(rest, " ");
    char param[256];
    snprintf(param, sizeof param, "t=%s", rest);
    plain.format = TABLE_VALUE;
    plain.param[0] = param;
    plain.n_params = *rest != '\0';
    static const char schema[] = "SELECT sql || ';' FROM sqlite_master WHERE sql IS NOT NULL"
                                 " AND (:t IS NULL OR name = :t OR tbl_name = :t) ORDER BY type DESC, rowid";
    static const char tables[] =
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'"
        " ORDER BY name";
    if (strncmp(o->text, ".schema", 7) == 0)
        return run_statements(db, schema, strlen(schema), &plain);
    if (strcmp(o->text, ".tables") == 0)
        return run_statements(db, tables, strlen(tables), &plain);
    return cli_fail(EXIT_USAGE, "sql", "%s: only .schema and .tables are known here", o->text);
}

static char *read_all(const char *path, size_t *n)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *text = NULL;
    size_t room = 0, got;
    *n = 0;
    if (f == NULL)
        return NULL;
    do {
        room = room > 0 ? room * 2 : 4096;
        text = mem_grow(text, room + 1, 1);
        got = fread(text + *n, 1, room - *n, f);
        *n += got;
    } while (got > 0);
    text[*n] = '\0';
    if (f != stdin)
        fclose(f);
    return text;
}

static int run(struct db *db, const struct options *o)
{
    int64_t deadline = (int64_t)trace_mono_ns() + o->timeout_ns;
    struct named_query q;
    size_t n;
    sqlite3_set_authorizer(db->h, authorize, NULL);
    sqlite3_progress_handler(db->h, 1000, out_of_time, &deadline);
    if (o->name != NULL) {
        if (!query_find("queries.sql", o->name, &q))
            return cli_fail(EXIT_USAGE, "sql", "no query is named %s; analyze sql --list shows them", o->name);
        return run_statements(db, q.sql, q.n, o);
    }
    if (o->file != NULL) {
        char *text = read_all(o->file, &n);
        if (text == NULL)
            return cli_fail(EXIT_NOINPUT, "sql", "cannot open %s: %s", o->file, strerror(errno));
        int status = run_statements(db, text, n, o);
        free(text);
        return status;
    }
    return o->text[0] == '.' ? dot_command(db, o) : run_statements(db, o->text, strlen(o->text), o);
}

/* ---- arguments ---- */

static void list(void)
{
    struct named_query q;
    const char *at = NULL;
    while (query_next("queries.sql", &at, &q))
        printf("%-18s %-4s %s\n", q.name, q.id, q.help);
}

static int64_t time_of(const char *s)
{
    static const struct {
        const char *unit;
        double ns;
    } units[] = {{"ms", 1e6}, {"s", 1e9}, {"", 1e9}, {"m", 60e9}, {"h", 3600e9}};
    char *end;
    double v = strtod(s, &end);
    for (size_t i = 0; end != s && v > 0 && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) == 0 && v * units[i].ns < 9e18)
            return (int64_t)(v * units[i].ns);
    }
    return 0;
}

/* 0, an exit status, or -1 when there is nothing left to do. */
static int read_options(int argc, char **argv, struct options *o)
{
    enum { LIST = 256, FORMAT, TIMEOUT, HELP };
    static const struct option longs[] = {
        {"name", required_argument, NULL, 'n'},      {"list", no_argument, NULL, LIST},
        {"file", required_argument, NULL, 'f'},      {"param", required_argument, NULL, 'p'},
        {"format", required_argument, NULL, FORMAT}, {"timeout", required_argument, NULL, TIMEOUT},
        {"help", no_argument, NULL, HELP},           {NULL, 0, NULL, 0}};
    int opt;
    optind = 1;
    opterr = 0;
    while ((opt = getopt_long(argc, argv, "n:f:p:h", longs, NULL)) != -1) {
        switch (opt) {
        case 'n':
            o->name = optarg;
            break;
        case 'f':
            o->file = optarg;
            break;
        case 'p':
            if (strchr(optarg, '=') == NULL || o->n_params == sizeof o->param / sizeof *o->param)
                return cli_fail(EXIT_USAGE, "sql", "-p %s: write NAME=VALUE, at most 32 times", optarg);
            o->param[o->n_params++] = optarg;
            break;
        case LIST:
            o->list = true;
            break;
        case FORMAT:
            if (!table_format_named(optarg, &o->format))
                return cli_fail(EXIT_USAGE, "sql", "--format %s: the formats are " TABLE_FORMATS, optarg);
            break;
        case TIMEOUT:
            o->timeout_ns = time_of(optarg);
            if (o->timeout_ns == 0)
                return cli_fail(EXIT_USAGE, "sql", "--timeout %s is no time; write 500ms, 10s or 5m", optarg);
            break;
        case 'h':
        case HELP:
            fputs(help, stdout);
            return -1;
        default:
            return cli_bad_option("sql", argc, argv, longs);
        }
    }
    if (o->list)
        return 0;
    if (optind < argc)
        o->where = argv[optind++];
    if (optind < argc)
        o->text = argv[optind++];
    if (o->where == NULL)
        return cli_fail(EXIT_USAGE, "sql", "which database? (see analyze sql --help)");
    if (optind < argc || (o->text != NULL) + (o->file != NULL) + (o->name != NULL) != 1)
        return cli_fail(EXIT_USAGE, "sql", "one query: \"SELECT ...\", -f FILE or -n NAME (see analyze sql --help)");
    return 0;
}

int cmd_sql(int argc, char **argv)
{
    struct options o = {.format = TABLE_TABLE, .timeout_ns = INT64_C(10000000000)};
    int status = read_options(argc, argv, &o);
    if (status != 0)
        return status < 0 ? EXIT_PASSED : status;
    if (o.list) {
        list();
        return EXIT_PASSED;
    }
    struct db db;
    status = cli_open(&db, "sql", o.where, false, NULL, 0);
    if (status != 0)
        return status;
    status = run(&db, &o);
    db_close(&db);
    return status;
}
