/* schema.c -- analyze schema: the database's tables, and the trace format's records. */
#include <inttypes.h>
#include <getopt.h>
#include <string.h>

#include "cli.h"
#include "commands.h"
#include "trace.h"

static const char help[] =
    "usage: analyze schema [--sql | --events | --json-schema | --lnav]\n"
    "Prints the database schema, the catalogue of trace records, a JSON Schema of one trace line, or a log format for\n"
    "lnav.\n"
    "\n"
    "  analyze schema --sql\n"
    "  analyze schema --events\n"
    "  analyze schema --json-schema >trace.schema.json\n"
    "\n"
    "  --sql          tables, views and indexes (the default)\n"
    "  --events       each event: its fields, ? = optional, and the reasons of \"why\"\n"
    "  --json-schema  JSON Schema 2020-12\n"
    "  --lnav         for ~/.lnav/formats/installed/faultline.json; then: lnav runs/7/*.jsonl\n";

/* Indexed by trace_field_type.type. */
static const struct {
    const char *words, *schema;
} types[128] = {
    ['s'] = {"string", "{\"type\":\"string\"}"},
    ['v'] = {"value", "{\"type\":\"string\"}"},
    ['i'] = {"int", "{\"type\":\"integer\"}"},
    ['b'] = {"bool", "{\"type\":\"boolean\"}"},
    ['S'] = {"[string]", "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"},
    ['G'] = {"[[string]]", "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}"},
    ['E'] = {"[[index, term, hash]]", "{\"type\":\"array\",\"items\":{\"type\":\"array\"}}"},
    ['C'] = {"{name: int}", "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}"},
    ['j'] = {"JSON", "{}"},
};

static void print_sql(void)
{
    static const char *const files[] = {"schema.sql", "views.sql", "indexes.sql"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        printf("%s%s", i > 0 ? "\n" : "", db_embedded(files[i]));
}

static void print_events(void)
{
    puts("every record: n string, b int, s int, t int (ns), lc int, ev string, c int ?");
    puts("records marked R also: term int, role string, ci int, ai int, li int (the state after the event)\n");
    for (size_t i = 0; i < trace_record_types_n; i++) {
        const struct trace_record_type *r = &trace_record_types[i];
        printf("%-16s %c", r->ev, r->raft ? 'R' : ' ');
        for (size_t k = 0; k < r->n_fields; k++) {
            const struct trace_field_type *f = &r->fields[k];
            printf("%s%s %s%s", k > 0 ? ", " : " ", f->key, types[(unsigned char)f->type & 127].words,
                   f->optional ? " ?" : "");
            if (f->words != NULL)
                printf(" (%s)", f->words);
        }
        putchar('\n');
    }
}

static void print_words(const char *words)
{
    const char *sep = "";
    fputs("{\"enum\":[", stdout);
    while (*words != '\0') {
        size_t n = strcspn(words, " ");
        if (n > 0)
            printf("%s\"%.*s\"", sep, (int)n, words);
        sep = ",";
        words += n + (words[n] == ' ');
    }
    fputs("]}", stdout);
}

/* What one event demands beyond the envelope. */
static void print_event_schema(const struct trace_record_type *r)
{
    static const char *const state[] = {"term", "role", "ci", "ai", "li"};
    printf("    {\"if\":{\"properties\":{\"ev\":{\"const\":\"%s\"}}},\"then\":{\"properties\":{", r->ev);
    for (size_t k = 0; k < r->n_fields; k++) {
        printf("%s\"%s\":", k > 0 ? "," : "", r->fields[k].key);
        if (r->fields[k].words != NULL)
            print_words(r->fields[k].words);
        else
            fputs(types[(unsigned char)r->fields[k].type & 127].schema, stdout);
    }
    fputs("},\"required\":[", stdout);
    const char *sep = "";
    for (size_t k = 0; r->raft && k < sizeof state / sizeof *state; k++) {
        printf("%s\"%s\"", sep, state[k]);
        sep = ",";
    }
    for (size_t k = 0; k < r->n_fields; k++) {
        if (r->fields[k].optional)
            continue;
        printf("%s\"%s\"", sep, r->fields[k].key);
        sep = ",";
    }
    fputs("]}}", stdout);
}

static void print_json_schema(void)
{
    printf("{\n  \"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\n  \"title\":\"faultline trace record, "
           "version %d\",\n"
           "  \"type\":\"object\",\n"
           "  \"required\":[\"n\",\"b\",\"s\",\"t\",\"lc\",\"ev\"],\n"
           "  \"properties\":{\n"
           "    "
           "\"n\":{\"type\":\"string\"},\"b\":{\"type\":\"integer\",\"minimum\":1},\"s\":{\"type\":\"integer\","
           "\"minimum\":1},\n"
           "    "
           "\"t\":{\"type\":\"integer\"},\"lc\":{\"type\":\"integer\"},\"ev\":{\"type\":\"string\"},\"c\":{\"type\":"
           "\"integer\"},\n"
           "    "
           "\"term\":{\"type\":\"integer\"},\"role\":{\"enum\":[\"F\",\"P\",\"C\",\"L\",\"O\"]},\"ci\":{\"type\":"
           "\"integer\"},\n"
           "    \"ai\":{\"type\":\"integer\"},\"li\":{\"type\":\"integer\"}\n  },\n  \"allOf\":[\n",
           TRACE_VERSION);
    for (size_t i = 0; i < trace_record_types_n; i++) {
        print_event_schema(&trace_record_types[i]);
        puts(i + 1 < trace_record_types_n ? "," : "");
    }
    puts("  ]\n}");
}

/* ---- lnav ---- */

/* lnav's kind of a field. */
static const char *lnav_kind(char type)
{
    return type == 'i' ? "integer" : type == 'b' ? "boolean" : type == 's' || type == 'v' ? "string" : "json";
}

/* Is this the first record type that has the field? */
static bool is_first(size_t record, const char *key)
{
    for (size_t i = 0; i < record; i++) {
        for (size_t k = 0; k < trace_record_types[i].n_fields; k++) {
            if (strcmp(trace_record_types[i].fields[k].key, key) == 0)
                return false;
        }
    }
    return true;
}

/* A format for lnav (docs.lnav.org, "Log Formats"): one line a record, times since the epoch of the run. */
static void print_lnav(void)
{
    fputs("{\n"
          "  \"$schema\": \"https://lnav.org/schemas/format-v1.schema.json\",\n"
          "  \"faultline_trace\": {\n"
          "    \"title\": \"Faultline trace\",\n"
          "    \"description\": \"Records of replicas and of the simulator, one JSON object a line\",\n"
          "    \"json\": true,\n"
          "    \"file-pattern\": \"[A-Za-z0-9_-]+\\\\.[0-9]+\\\\.jsonl\",\n"
          "    \"timestamp-field\": \"t\",\n"
          "    \"timestamp-divisor\": 1000000000,\n"
          "    \"level-field\": \"ev\",\n"
          "    \"level\": {\n"
          "      \"error\": \"^(trace\\\\.lost|net\\\\.bad|msg\\\\.bad|node\\\\.exit)$\",\n"
          "      \"warning\": \"^(net\\\\.drop|fault\\\\.begin|log\\\\.truncate|log\\\\.reject|role\\\\.change)$\",\n"
          "      \"debug\": \"^(timer\\\\.|net\\\\.|state\\\\.hash)\"\n"
          "    },\n"
          "    \"body-field\": \"ev\",\n"
          "    \"line-format\": [\n"
          "      {\"field\": \"t\", \"min-width\": 13, \"align\": \"right\"}, \" \", {\"field\": \"n\", \"min-width\": 4}, \" \",\n"
          "      {\"field\": \"role\", \"default-value\": \"-\"}, \" \", {\"field\": \"term\", \"min-width\": 3, \"default-value\": \"\"}, \" \",\n"
          "      {\"field\": \"ev\", \"min-width\": 14}\n"
          "    ],\n"
          "    \"value\": {\n",
          stdout);
    static const char *const envelope[][2] = {{"n", "string"},  {"b", "integer"},  {"s", "integer"}, {"t", "integer"},
                                              {"lc", "integer"}, {"ev", "string"},  {"c", "integer"}, {"term", "integer"},
                                              {"role", "string"}, {"ci", "integer"}, {"ai", "integer"}};
    for (size_t i = 0; i < sizeof envelope / sizeof *envelope; i++)
        printf("      \"%s\": {\"kind\": \"%s\"%s},\n", envelope[i][0], envelope[i][1],
               strcmp(envelope[i][0], "n") == 0 ? ", \"identifier\": true" : "");
    for (size_t i = 0; i < trace_record_types_n; i++) {
        const struct trace_record_type *r = &trace_record_types[i];
        for (size_t k = 0; k < r->n_fields; k++) {
            bool own = strcmp(r->fields[k].key, "term") != 0 && is_first(i, r->fields[k].key);
            for (size_t e = 0; own && e < k; e++)
                own = strcmp(r->fields[e].key, r->fields[k].key) != 0;
            if (own)
                printf("      \"%s\": {\"kind\": \"%s\"},\n", r->fields[k].key, lnav_kind(r->fields[k].type));
        }
    }
    fputs("      \"li\": {\"kind\": \"integer\"}\n    }\n  }\n}\n", stdout);
}

int cmd_schema(int argc, char **argv)
{
    static const struct option longs[] = {{"sql", no_argument, NULL, 's'},
                                          {"events", no_argument, NULL, 'e'},
                                          {"json-schema", no_argument, NULL, 'j'},
                                          {"lnav", no_argument, NULL, 'l'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    int opt;
    void (*print)(void) = print_sql;
    optind = 1;
    opterr = 0;
    while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (opt) {
        case 's':
            print = print_sql;
            break;
        case 'e':
            print = print_events;
            break;
        case 'j':
            print = print_json_schema;
            break;
        case 'l':
            print = print_lnav;
            break;
        case 'h':
            fputs(help, stdout);
            return EXIT_PASSED;
        default:
            return cli_bad_option("schema", argc, argv, longs);
        }
    }
    if (optind < argc)
        return cli_fail(EXIT_USAGE, "schema", "%s is too much (see analyze schema --help)", argv[optind]);
    print();
    return fflush(stdout) == 0 ? EXIT_PASSED : cli_fail(EXIT_IO, "schema", "cannot write");
}
