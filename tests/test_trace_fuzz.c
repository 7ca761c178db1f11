/* The scanner against jansson, on mutated lines: what it accepts, jansson accepts with the same result. Seeded: every
 * run tries the same lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "../src/rng.h"
#include "../trace/trace_parse_int.h"
#include "support/trace_file.h"
#include "support/trace_samples.h"

enum { LINES_MAX = 512, LINE_ROOM = 8192, MUTATED = 240000 };

struct corpus {
    char *text;
    struct trace_text line[LINES_MAX];
    size_t n;
};

/* Every record of the catalogue, with and without its optional fields, with plain, escaped and non-ASCII strings. */
static void corpus_make(struct corpus *c)
{
    struct trace_file t;
    size_t n;
    trace_file_open(&t, 0);
    trace_samples_write(t.w, true, "0003");
    trace_set_state(t.w, &(struct trace_state){.term = 12, .role = 'L', .ci = 345, .ai = 340, .li = 350});
    trace_set_cause(t.w, 3);
    trace_set_time(t.w, 4516414562);
    trace_samples_write(t.w, true, "a\"\\\n\x01/\xC3\xA9\xF0\x9F\x98\x80");
    trace_samples_write(t.w, false, "");
    trace_file_finish(&t);
    c->text = trace_file_text(t.path, &n);
    trace_file_remove(&t);
    c->n = 0;
    for (char *p = c->text, *end; (end = strchr(p, '\n')) != NULL; p = end + 1) {
        assert_true(c->n < LINES_MAX);
        c->line[c->n++] = (struct trace_text){p, (size_t)(end - p)};
    }
}

/* ---- mutations: each changes line[0..n) in place, room permitting, and returns the new length ---- */

static size_t splice(char *line, size_t n, size_t at, size_t cut, const char *with, size_t len)
{
    if (n - cut + len > LINE_ROOM)
        return n;
    memmove(line + at + len, line + at + cut, n - at - cut);
    memcpy(line + at, with, len);
    return n - cut + len;
}

static size_t flip_a_byte(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    (void)c;
    line[rng_below(rng, n)] = (char)rng_below(rng, 256);
    return n;
}

static size_t put_something_special(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    static const char *const special[] = {
        "\"",
        "\\",
        ",",
        ":",
        "{",
        "}",
        "[",
        "]",
        " ",
        "\t",
        "\n",
        "\r",
        "0",
        "-",
        "1.5",
        "1e5",
        "1E+400",
        "-0",
        "00",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "123456789012345678",
        "1234567890123456789",
        "null",
        "true",
        "false",
        "\\u0041",
        "\\u0000",
        "\\ud83d\\ude00",
        "\\ud83d",
        "\\ude00",
        "\\ud83d\\u0041",
        "\\x",
        "\\/",
        "\xC3\xA9",
        "\xC3",
        "\xED\xA0\x80",
        "\xF4\x90\x80\x80",
        "\xF0\x9F\x98\x80",
        "\x7f",
        "\x1f",
    };
    (void)c;
    const char *s = special[rng_below(rng, sizeof special / sizeof special[0])];
    return splice(line, n, rng_below(rng, n + 1), 0, s, strlen(s));
}

static size_t change_a_digit(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    (void)c;
    size_t at = rng_below(rng, n);
    for (size_t i = 0; i < n; i++, at = (at + 1) % n)
        if (line[at] >= '0' && line[at] <= '9') {
            line[at] = (char)('0' + rng_below(rng, 10));
            break;
        }
    return n;
}

static size_t change_a_letter(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    (void)c;
    size_t at = rng_below(rng, n);
    for (size_t i = 0; i < n; i++, at = (at + 1) % n)
        if (line[at] >= 'a' && line[at] <= 'z') {
            line[at] = (char)('a' + rng_below(rng, 26));
            break;
        }
    return n;
}

static size_t put_a_nul(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    (void)c;
    return splice(line, n, rng_below(rng, n + 1), 0, "\0", 1);
}

static size_t delete_a_piece(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    (void)c;
    size_t at = rng_below(rng, n), len = 1 + rng_below(rng, rng_below(rng, 4) == 0 ? n - at : 3);
    return len > n - at ? n : splice(line, n, at, len, "", 0);
}

static size_t repeat_a_piece(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    (void)c;
    size_t at = rng_below(rng, n), len = 1 + rng_below(rng, n - at);
    char piece[LINE_ROOM];
    memcpy(piece, line + at, len);
    return splice(line, n, rng_below(rng, n + 1), 0, piece, len);
}

static size_t cut_off(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    (void)c;
    (void)line;
    return 1 + rng_below(rng, n);
}

static size_t join_with_another_line(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    struct trace_text other = c->line[rng_below(rng, c->n)];
    size_t from = rng_below(rng, other.n), at = rng_below(rng, n);
    return splice(line, n, at, n - at, other.p + from, other.n - from);
}

/* Where a comma of the line's own level stands; 0 when it is not found. */
static size_t a_comma(struct rng *rng, const char *line, size_t n)
{
    size_t commas[64], count = 0;
    int depth = 0;
    bool inside = false;
    for (size_t i = 0; i < n && count < 64; i++) {
        if (line[i] == '"' && (i == 0 || line[i - 1] != '\\'))
            inside = !inside;
        if (inside)
            continue;
        depth += (line[i] == '{' || line[i] == '[') - (line[i] == '}' || line[i] == ']');
        if (line[i] == ',' && depth == 1)
            commas[count++] = i;
    }
    return count == 0 ? 0 : commas[rng_below(rng, count)];
}

/* Takes a field out and puts it, or a copy of it, before another: other orders, and duplicate keys. */
static size_t move_a_field(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    (void)c;
    size_t from = a_comma(rng, line, n), end = from + 1;
    bool inside = false;
    int depth = 0;
    if (from == 0)
        return n;
    for (; end < n && (inside || depth > 0 || (line[end] != ',' && line[end] != '}')); end++) {
        if (line[end] == '"' && line[end - 1] != '\\')
            inside = !inside;
        if (!inside)
            depth += (line[end] == '{' || line[end] == '[') - (line[end] == '}' || line[end] == ']');
    }
    char field[LINE_ROOM];
    size_t len = end - from;
    memcpy(field, line + from, len);
    if (rng_below(rng, 4) != 0)
        n = splice(line, n, from, len, "", 0);
    size_t to = a_comma(rng, line, n);
    return to == 0 ? n : splice(line, n, to, 0, field, len);
}

static size_t put_a_field(struct rng *rng, const struct corpus *c, char *line, size_t n)
{
    static const char *const fields[] = {
        ",\"x\":1",
        ",\"x\":\"\\u0041\\/\\ud83d\\ude00\"",
        ",\"term\":1",
        ",\"role\":\"L\"",
        ",\"c\":1",
        ",\"c\":0",
        ",\"s\":2",
        ",\"ci\":1",
        ",\"x\":1.25",
        ",\"why\":\"loss\"",
        ",\"a\":{\"b\":1,\"b\":2}",
        ",\"a\":{\"b\":1,\"c\":[2, 3]}",
        ",\"a\":{\"\\u0062\":1,\"b\":2}",
        ",\"a\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
        ",\"\":0",
        ",\"k\xC3\xA9\":0",
        ",\"k\":null",
        ",\"b\\\"\":true",
        ",\"a\":[1.5e3,-0,0.1e-7,{}]",
        ",\"x\":-0",
        ",\"x\":123456789012345678",
        ",\"x\":9223372036854775807",
        ",\"x\":9223372036854775808",
        ",\"a\":[123456789012345678901]",
        ",\"a\":[1e999]",
        ",\"a\":[\"\\u0000\"]",
        ",\"term\":1,\"role\":\"L\",\"ci\":3,\"ai\":2,\"li\":4",
    };
    (void)c;
    const char *s = fields[rng_below(rng, sizeof fields / sizeof fields[0])];
    size_t at = a_comma(rng, line, n);
    return at == 0 ? n : splice(line, n, at, 0, s, strlen(s));
}

static size_t (*const mutations[])(struct rng *, const struct corpus *, char *, size_t) = {
    flip_a_byte,  put_something_special,  put_a_nul,      delete_a_piece,  repeat_a_piece,
    cut_off,      join_with_another_line, change_a_digit, change_a_letter, change_a_letter,
    move_a_field, move_a_field,           put_a_field,    put_a_field,     put_a_field,
};

/* ---- comparison ---- */

static bool same_text(struct trace_text a, struct trace_text b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The reference writes values anew, so that "\/" becomes "/": the JSON must be equal, not the bytes. */
static bool same_json(struct trace_text a, struct trace_text b)
{
    if (same_text(a, b))
        return true;
    json_t *x = json_loadb(a.p, a.n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    json_t *y = json_loadb(b.p, b.n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    bool same = x != NULL && y != NULL && json_equal(x, y) == 1;
    json_decref(x);
    json_decref(y);
    return same;
}

static const char *difference(const struct trace_record *a, const struct trace_record *b)
{
    if (!same_text(a->node, b->node) || !same_text(a->ev, b->ev))
        return "node or event";
    if (a->boot != b->boot || a->seq != b->seq || a->t != b->t || a->lc != b->lc || a->cause != b->cause)
        return "envelope";
    if (a->has_state != b->has_state ||
        (a->has_state && (a->term != b->term || a->commit != b->commit || a->applied != b->applied ||
                          a->last != b->last || a->role != b->role)))
        return "state";
    if (a->type != b->type)
        return "type";
    if (a->n_fields != b->n_fields)
        return "number of fields";
    for (size_t i = 0; i < a->n_fields; i++) {
        const struct trace_field *f = &a->field[i], *g = &b->field[i];
        if (!same_text(f->key, g->key) || f->kind != g->kind || !same_json(f->raw, g->raw))
            return "field";
        if ((f->kind == TRACE_INT && f->i != g->i) || (f->kind == TRACE_STRING && !same_text(f->text, g->text)))
            return "value of a field";
    }
    return same_json(a->body, b->body) ? NULL : "body";
}

struct pair {
    struct trace_scratch *scratch[2];
    struct trace_record *rec[2];
    size_t scanned, accepted, refused, suspect;
};

static void compare(struct pair *p, const char *text, size_t n)
{
    char err[2][TRACE_ERR_LEN];
    bool suspect[2];
    char *line = malloc(n); /* of exact size: AddressSanitizer sees the first byte read too many */
    assert_non_null(line);
    memcpy(line, text, n);
    bool good = trace_parse_reference(line, n, p->scratch[1], p->rec[1], &suspect[1], err[1]);
    if (trace_scan(line, n, p->scratch[0], p->rec[0], &suspect[0], err[0])) {
        p->scanned++;
        const char *what = !good ? "refusal"
                           : suspect[0] != suspect[1] || (suspect[0] && strcmp(err[0], err[1]) != 0)
                               ? "suspicion"
                               : difference(p->rec[0], p->rec[1]);
        if (what != NULL)
            fail_msg("%s: %s / %s\n%.*s", what, err[0], err[1], (int)n, line);
    }
    p->accepted += good;
    p->refused += !good;
    p->suspect += good && suspect[1];
    assert_int_equal(trace_parse(line, n, p->scratch[0], p->rec[0], &suspect[0], err[0]), good);
    free(line);
}

static int setup(void **state)
{
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    for (int i = 0; i < 2; i++) {
        p->scratch[i] = trace_scratch_new();
        p->rec[i] = malloc(sizeof *p->rec[i]);
        assert_non_null(p->scratch[i]);
        assert_non_null(p->rec[i]);
    }
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;
    for (int i = 0; i < 2; i++) {
        trace_scratch_free(p->scratch[i]);
        free(p->rec[i]);
    }
    free(p);
    return 0;
}

/* trace/trace.h: "The fast scanner takes the shape that the writer produces". */
static void the_scanner_takes_every_line_of_the_writer(void **state)
{
    struct pair *p = *state;
    struct corpus c;
    corpus_make(&c);
    assert_int_equal(c.n, 3 * trace_record_types_n + 1); /* and trace.close */
    for (size_t i = 0; i < c.n; i++) {
        compare(p, c.line[i].p, c.line[i].n);
        if (p->scanned != i + 1)
            fail_msg("declined: %.*s", (int)c.line[i].n, c.line[i].p);
    }
    assert_int_equal(p->refused + p->suspect, 0);
    free(c.text);
}

static void on_mutated_lines_the_scanner_and_jansson_agree(void **state)
{
    struct pair *p = *state;
    struct corpus c;
    struct rng rng;
    char line[LINE_ROOM];
    corpus_make(&c);
    rng_seed(&rng, 5);
    for (int i = 0; i < MUTATED; i++) {
        struct trace_text from = c.line[rng_below(&rng, c.n)];
        size_t n = from.n;
        memcpy(line, from.p, n);
        for (uint64_t changes = 1 + (rng_below(&rng, 3) == 0); changes > 0 && n > 0; changes--)
            n = mutations[rng_below(&rng, sizeof mutations / sizeof mutations[0])](&rng, &c, line, n);
        if (n > 0)
            compare(p, line, n);
    }
    print_message("%zu lines accepted (%zu by the scanner, %zu suspect), %zu refused\n", p->accepted, p->scanned,
                  p->suspect, p->refused);
    /* All the ways through are trodden often, else the test would prove little. */
    assert_true(p->scanned > MUTATED / 10);
    assert_true(p->accepted - p->scanned > MUTATED / 50);
    assert_true(p->refused > MUTATED / 4);
    assert_true(p->suspect > MUTATED / 50);
    free(c.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_scanner_takes_every_line_of_the_writer, setup, teardown),
        cmocka_unit_test_setup_teardown(on_mutated_lines_the_scanner_and_jansson_agree, setup, teardown),
    };
    return cmocka_run_group_tests_name("trace fuzz", tests, NULL, NULL);
}
