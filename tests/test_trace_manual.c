/* trace/README.md documents exactly what trace/records.def lists: every record, every field in its order, whether it is
 * optional, every word of `why`; and its examples work. Run from the top of the source tree, as `make test` does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "support/spawn.h"
#include "support/trace_file.h"

#define MANUAL "trace/README.md"

static char *manual_text;

static int setup(void **state)
{
    size_t n;
    (void)state;
    manual_text = trace_file_text(MANUAL, &n);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(manual_text);
    return 0;
}

/* ---- the sections of the records ---- */

/* Cuts the next line off *text; NULL at the end. Changes the text. */
static char *next_line(char **text)
{
    char *line = *text, *end;
    if (*line == '\0')
        return NULL;
    end = strchr(line, '\n');
    if (end == NULL) {
        *text = line + strlen(line);
    } else {
        *end = '\0';
        *text = end + 1;
    }
    return line;
}

/* `key` with its mark for optional fields, from "`key` ?, `key`: text". Returns what is behind it, NULL when there is
 * none. */
static char *next_key(char *p, char **key, bool *optional)
{
    if (*p != '`')
        return NULL;
    char *end = strchr(p + 1, '`');
    assert_non_null(end);
    *key = p + 1;
    *end++ = '\0';
    *optional = strncmp(end, " ?", 2) == 0;
    return end + (*optional ? 2 : 0);
}

static bool has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = words; (p = strstr(p, word)) != NULL; p++)
        if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
            return true;
    return false;
}

/* "`word` meaning; `word` meaning; a remark": all words of the field, and no others. */
static void check_words(const char *ev, const char *words, char *text)
{
    size_t wanted = 1, found = 0;
    for (const char *p = words; *p != '\0'; p++)
        wanted += *p == ' ';
    for (char *part = strtok(text, ";"); part != NULL; part = strtok(NULL, ";")) {
        char *p = part + strspn(part, " "), *word;
        bool optional;
        if (next_key(p, &word, &optional) == NULL)
            continue;
        if (!has_word(words, word))
            fail_msg("%s: %s explains why = \"%s\", which records.def does not have", MANUAL, ev, word);
        found++;
    }
    if (found != wanted)
        fail_msg("%s: %s explains %zu of the %zu words of why: %s", MANUAL, ev, found, wanted, words);
}

/* "- `key`, `key` ?: text" against the catalogue from field *k on. */
static void check_bullet(const struct trace_record_type *type, size_t *k, char *line)
{
    char *p = line + 2, *key;
    bool optional;
    const struct trace_field_type *field = NULL;
    while ((p = next_key(p, &key, &optional)) != NULL) {
        if (*k == type->n_fields || strcmp(type->fields[*k].key, key) != 0)
            fail_msg("%s: %s: field \"%s\" where records.def has \"%s\"", MANUAL, type->ev, key,
                     *k == type->n_fields ? "no more" : type->fields[*k].key);
        field = &type->fields[(*k)++];
        if (field->optional != optional)
            fail_msg("%s: %s: is \"%s\" optional or not?", MANUAL, type->ev, key);
        if (strncmp(p, ", ", 2) != 0)
            break;
        p += 2;
    }
    if (p == NULL || strncmp(p, ": ", 2) != 0 || p[2] == '\0')
        fail_msg("%s: %s: a field without explanation: %s", MANUAL, type->ev, line);
    if (field->words != NULL)
        check_words(type->ev, field->words, p + 2);
}

static void every_record_field_and_reason_is_in_the_manual_and_nothing_else(void **state)
{
    (void)state;
    char *text = strstr(manual_text, "\n## Records\n");
    assert_non_null(text);
    text += strlen("\n## Records\n");
    char *copy = strdup(text), *rest = copy;
    const struct trace_record_type *type = NULL;
    size_t k = 0, sections = 0;
    bool explained = true;
    bool *seen = calloc(trace_record_types_n, sizeof *seen);
    assert_non_null(seen);
    for (;;) {
        char *line = next_line(&rest), *ev;
        bool optional;
        if ((line == NULL || line[0] == '#') && type != NULL) {
            if (k < type->n_fields)
                fail_msg("%s: %s lacks field \"%s\"", MANUAL, type->ev, type->fields[k].key);
            if (!explained)
                fail_msg("%s: %s is not explained", MANUAL, type->ev);
            type = NULL;
        }
        if (line == NULL)
            break;
        if (strncmp(line, "#### ", 5) == 0) {
            char *marks = next_key(line + 5, &ev, &optional);
            assert_non_null(marks);
            type = trace_record_type_find(ev, strlen(ev));
            if (type == NULL)
                fail_msg("%s: record \"%s\" is not in records.def", MANUAL, ev);
            if (seen[type - trace_record_types])
                fail_msg("%s: two sections for %s", MANUAL, ev);
            if (type->raft != (strstr(marks, "*state*") != NULL))
                fail_msg("%s: does %s carry state or not?", MANUAL, ev);
            seen[type - trace_record_types] = true;
            sections++;
            k = 0;
            explained = false;
        } else if (type != NULL && strncmp(line, "- ", 2) == 0) {
            check_bullet(type, &k, line);
        } else if (type != NULL && line[0] != '\0') {
            explained = true;
        }
    }
    for (size_t i = 0; i < trace_record_types_n; i++)
        if (!seen[i])
            fail_msg("%s has no section for %s", MANUAL, trace_record_types[i].ev);
    assert_int_equal(sections, trace_record_types_n);
    free(seen);
    free(copy);
}

/* faultline-trace(5) lists the same records. */
static void the_manual_page_names_every_record_and_no_other(void **state)
{
    (void)state;
    size_t n, named = 0;
    char *page = trace_file_text("trace/faultline-trace.5", &n), *rest = strstr(page, "\n.SH RECORDS\n"), *line;
    assert_non_null(rest);
    rest += strlen("\n.SH RECORDS\n");
    while ((line = next_line(&rest)) != NULL && strncmp(line, ".SH ", 4) != 0) {
        if (strncmp(line, ".B ", 3) != 0)
            continue;
        if (trace_record_type_find(line + 3, strlen(line + 3)) == NULL)
            fail_msg("trace/faultline-trace.5: record \"%s\" is not in records.def", line + 3);
        named++;
    }
    assert_int_equal(named, trace_record_types_n);
    free(page);
}

/* "[text](#anchor)" leads somewhere: headings in lower case, spaces as '-', other punctuation gone. */
static void links_within_the_manual_lead_to_headings(void **state)
{
    (void)state;
    int links = 0;
    for (const char *p = manual_text; (p = strstr(p, "](#")) != NULL; links++) {
        p += 3;
        size_t n = strcspn(p, ")");
        bool found = false;
        for (const char *h = manual_text; !found && (h = strstr(h, "\n#")) != NULL;) {
            char anchor[256];
            size_t len = 0;
            h += 1 + strspn(h + 1, "#");
            for (h++; *h != '\n' && *h != '\0' && len < sizeof anchor; h++) {
                if (*h == ' ')
                    anchor[len++] = '-';
                else if (*h >= 'A' && *h <= 'Z')
                    anchor[len++] = (char)(*h - 'A' + 'a');
                else if ((*h >= 'a' && *h <= 'z') || (*h >= '0' && *h <= '9') || *h == '-' || *h == '_')
                    anchor[len++] = *h;
            }
            found = len == n && memcmp(anchor, p, n) == 0;
        }
        if (!found)
            fail_msg("%s: no heading for #%.*s", MANUAL, (int)n, p);
    }
    assert_true(links > 10);
}

/* ---- the examples ---- */

/* Saves the first block of the language to a file. */
static void save_example(const char *language, const char *path)
{
    char fence[32];
    snprintf(fence, sizeof fence, "\n```%s\n", language);
    const char *from = strstr(manual_text, fence);
    assert_non_null(from);
    from += strlen(fence);
    const char *end = strstr(from, "\n```\n");
    assert_non_null(end);
    trace_file_save(path, from, (size_t)(end + 1 - from));
}

static void run(const char *command)
{
    char out[8192];
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    int status = spawn_run(argv, 60, out, sizeof out);
    if (status != 0)
        fail_msg("exit status %d: %s\n%s", status, command, out);
}

/* The same sanitizers and the same compiler as the library, else it does not link. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZE "-fsanitize=address,undefined"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZE "-fsanitize=address,undefined"
#endif
#endif
#ifndef SANITIZE
#define SANITIZE ""
#endif
#ifdef __clang__
#define COMPILER "clang"
#else
#define COMPILER "cc"
#endif

/* libtrace.a, trace.h and records.def are all that another program needs: copied to a place of their own, the manual's
 * example compiles strictly, links (without jansson: it only writes), and its trace is whole. */
static void the_c_example_is_a_program_of_its_own_that_writes_a_trace(void **state)
{
    (void)state;
    char dir[4096], library[4200], path[4200], command[20000];
    int64_t lost;
    spawn_tempdir(dir, sizeof dir);
    spawn_path("libtrace.a", library, sizeof library);
    snprintf(path, sizeof path, "%s/example.c", dir);
    save_example("c", path);
    snprintf(command, sizeof command,
             "cp trace/trace.h trace/records.def '%s' && cp '%s' '%s' && cd '%s' && " COMPILER
             " -std=c11 -Wall -Wextra -Wpedantic -Werror " SANITIZE
             " -I. -o example example.c libtrace.a && ./example a/run",
             dir, library, dir, dir);
    run(command);
    snprintf(path, sizeof path, "%s/a/run/0001.1.jsonl", dir);
    assert_int_equal(trace_file_check(path, false, &lost), 5);
    assert_int_equal(lost, 0);
    spawn_remove(dir);
}

/* A library shares its names with the program that it is linked into. */
static void the_library_defines_only_names_of_its_own(void **state)
{
    (void)state;
    char library[4200], command[8000];
    spawn_path("libtrace.a", library, sizeof library);
    snprintf(
        command, sizeof command,
        "nm -g --defined-only '%s' | awk 'NF == 3 && $3 ~ /^trace_/ { own++ } NF == 3 && $3 !~ /^(trace_|__)/ { print; "
        "foreign = 1 } END { exit foreign || own < 50 }'",
        library);
    run(command);
}

/* A program that reads needs jansson too, found with pkg-config. */
static void another_program_reads_a_trace_with_the_library(void **state)
{
    static const char source[] =
        "#include <stdio.h>\n"
        "#include \"trace.h\"\n"
        "int main(int argc, char **argv)\n"
        "{\n"
        "    static struct trace_record r;\n"
        "    char err[TRACE_ERR_LEN];\n"
        "    size_t bytes;\n"
        "    struct trace_reader *in = argc == 2 ? trace_reader_open(argv[1], err) : NULL;\n"
        "    while (in != NULL && trace_reader_next(in, &r, &bytes, err) == TRACE_READ_RECORD)\n"
        "        printf(\"%.*s;\", (int)r.ev.n, r.ev.p);\n"
        "    trace_reader_close(in);\n"
        "    return 0;\n"
        "}\n";
    (void)state;
    struct trace_file t;
    char library[4200], path[4200], command[20000], out[1024];
    spawn_path("libtrace.a", library, sizeof library);
    trace_file_open(&t, 0);
    trace_file_header(t.w);
    trace_put_note(t.w, &(struct trace_rec_note){.text = "x"});
    trace_file_finish(&t);
    snprintf(path, sizeof path, "%s/reader.c", t.dir);
    trace_file_save(path, source, sizeof source - 1);
    snprintf(command, sizeof command,
             "cp trace/trace.h trace/records.def '%s' && cd '%s' && " COMPILER " -std=c11 -Wall -Werror " SANITIZE
             " -I. -o reader reader.c '%s' $(pkg-config --libs jansson)",
             t.dir, t.dir, library);
    run(command);
    snprintf(path, sizeof path, "%s/reader", t.dir);
    const char *argv[] = {path, t.path, NULL};
    assert_int_equal(spawn_run(argv, 60, out, sizeof out), 0);
    assert_string_equal(out, "trace.open;note;trace.close;");
    trace_file_remove(&t);
}

static void the_python_example_writes_records_that_are_sound(void **state)
{
    (void)state;
    char dir[4096], path[4200], command[20000], err[TRACE_ERR_LEN], out[64];
    const char *has_python[] = {"/bin/sh", "-c", "command -v python3", NULL};
    size_t bytes;
    if (spawn_run(has_python, 10, out, sizeof out) != 0) {
        print_message("no python3 here: the example was not run\n");
        skip();
    }
    spawn_tempdir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/example.py", dir);
    save_example("python", path);
    snprintf(command, sizeof command,
             "FAULTLINE_TRACE='%s' FAULTLINE_RUN=. FAULTLINE_BOOT=2 FAULTLINE_EPOCH_NS=1 python3 '%s'", dir, path);
    run(command);
    snprintf(path, sizeof path, "%s/0001.2.jsonl", dir);
    struct trace_record *r = malloc(sizeof *r);
    struct trace_reader *in = trace_reader_open(path, err);
    assert_non_null(r);
    assert_non_null(in);
    assert_int_equal(trace_reader_next(in, r, &bytes, err), TRACE_READ_RECORD);
    assert_string_equal(err, "");
    assert_true(r->type != NULL && r->has_state && r->role == 'L' && r->t > 0 && r->boot == 2);
    assert_int_equal(trace_reader_next(in, r, &bytes, err), TRACE_READ_END);
    trace_reader_close(in);
    free(r);
    spawn_remove(dir);
}

/* The three lines at the top are what the reader takes without a doubt. */
static void the_sample_lines_are_sound_records(void **state)
{
    (void)state;
    char dir[4096], path[4200], err[TRACE_ERR_LEN];
    size_t bytes;
    int records = 0;
    spawn_tempdir(dir, sizeof dir);
    snprintf(path, sizeof path, "%s/sample.jsonl", dir);
    save_example("json", path);
    struct trace_record *r = malloc(sizeof *r);
    struct trace_reader *in = trace_reader_open(path, err);
    assert_non_null(r);
    assert_non_null(in);
    while (trace_reader_next(in, r, &bytes, err) == TRACE_READ_RECORD) {
        assert_string_equal(err, "");
        assert_true(r->type != NULL && r->has_state);
        records++;
    }
    assert_int_equal(records, 3);
    assert_int_equal(trace_reader_offset(in), trace_reader_size(in));
    trace_reader_close(in);
    free(r);
    spawn_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_field_and_reason_is_in_the_manual_and_nothing_else),
        cmocka_unit_test(the_manual_page_names_every_record_and_no_other),
        cmocka_unit_test(links_within_the_manual_lead_to_headings),
        cmocka_unit_test(the_c_example_is_a_program_of_its_own_that_writes_a_trace),
        cmocka_unit_test(the_library_defines_only_names_of_its_own),
        cmocka_unit_test(another_program_reads_a_trace_with_the_library),
        cmocka_unit_test(the_python_example_writes_records_that_are_sound),
        cmocka_unit_test(the_sample_lines_are_sound_records),
    };
    return cmocka_run_group_tests_name("trace manual", tests, setup, teardown);
}
