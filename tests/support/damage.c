/* damage.c -- see damage.h. */
#include "damage.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct damaged damage_read(const struct fixture *fx, const char *name)
{
    struct damaged f = {.text = NULL};
    snprintf(f.path, sizeof f.path, "%s/%s", fx->dir, name);
    FILE *in = fopen(f.path, "r");
    assert_non_null(in);
    f.text = malloc(1 << 20);
    assert_non_null(f.text);
    f.n = fread(f.text, 1, 1 << 20, in);
    fclose(in);
    return f;
}

/* Writes the file without line `line` (from 0), or only up to it. False when it has no such line. */
bool damage_write(const struct damaged *f, size_t line, bool cut)
{
    const char *at = f->text, *end = f->text + f->n;
    for (size_t i = 0; i < line && at < end; i++)
        at = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
    if (at == end)
        return false;
    const char *next = (const char *)memchr(at, '\n', (size_t)(end - at)) + 1;
    FILE *out = fopen(f->path, "w");
    assert_non_null(out);
    fwrite(f->text, 1, (size_t)(at - f->text), out);
    if (!cut)
        fwrite(next, 1, (size_t)(end - next), out);
    assert_int_equal(fclose(out), 0);
    return true;
}

static void write_whole(const struct damaged *f)
{
    FILE *out = fopen(f->path, "w");
    assert_non_null(out);
    fwrite(f->text, 1, f->n, out);
    assert_int_equal(fclose(out), 0);
}

static int one_file(struct raft_trace *rt, const char *name, size_t first, size_t every)
{
    struct damaged f = damage_read(&rt->fx, name);
    int variants = 0;
    for (size_t line = first; damage_write(&f, line, line % 2 == 0); line += every, variants++) {
        enum verdict worst;
        db_close(&rt->fx.db);
        unlink(rt->fx.path);
        fixture_load(&rt->fx);
        assert_true(check_all(&rt->fx.db, &(struct check_options){0}, &worst));
        if (worst == VERDICT_FAIL)
            fail_msg("%s, line %zu %s: %s", name, line + 1, line % 2 == 0 ? "and all after" : "lost",
                     fixture_rows(&rt->fx, "SELECT \"check\", title FROM violations"));
    }
    write_whole(&f);
    free(f.text);
    return variants;
}

void damage_in_turn(struct raft_trace *rt, size_t every)
{
    struct dirent **entries;
    int n = scandir(rt->fx.dir, &entries, NULL, alphasort), variants = 0;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        size_t len = strlen(entries[i]->d_name);
        if (len > 6 && strcmp(entries[i]->d_name + len - 6, ".jsonl") == 0)
            variants += one_file(rt, entries[i]->d_name, (size_t)i % every, every);
        free(entries[i]);
    }
    free(entries);
    assert_true(variants > 40);
}
