/* check_out_github.c -- for GitHub's runners: workflow commands that become annotations, and a summary in Markdown.
 *
 * GitHub shows ten errors of a step: nine are for classes, the tenth says how many more there are. The summary goes to
 * the file that GITHUB_STEP_SUMMARY names, which may have 1 MiB. (docs.github.com, "Workflow commands for GitHub
 * Actions") */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "check_out.h"
#include "cli.h"
#include "explain_class.h"

enum { ANNOTATIONS = 9, SUMMARY_BYTES = 1000000 };

/* "%", CR and LF are escaped everywhere, ':' and ',' in properties. Other control characters go out visible. */
static void escaped(FILE *f, const char *s, bool property)
{
    const char *end = s + strlen(s);
    for (size_t n; s < end; s += n) {
        n = cli_printable((const unsigned char *)s, (size_t)(end - s));
        if (n == 1 && (*s == '%' || (property && (*s == ':' || *s == ','))))
            fprintf(f, "%%%02X", (unsigned)(unsigned char)*s);
        else if (n > 0)
            fwrite(s, 1, n, f);
        else
            fprintf(f, *s == '\n' || *s == '\r' ? "%%%02X" : "\\x%02X", (unsigned)(unsigned char)*s);
        n = n > 0 ? n : 1;
    }
}

/* Nothing in a cell of a table can be taken for markup. */
static void cell(FILE *f, const char *s)
{
    const char *end = s != NULL ? s + strlen(s) : NULL;
    for (size_t n; s < end; s += n) {
        n = cli_printable((const unsigned char *)s, (size_t)(end - s));
        if (n == 1 && strchr("\\`*_{}[]<>()#+-.!|~&$", *s) != NULL)
            fputc('\\', f);
        if (n > 0)
            fwrite(s, 1, n, f);
        else
            fputc(' ', f);
        n = n > 0 ? n : 1;
    }
}

static void github_run(struct check_out *out, const struct check_result *r)
{
    classes_add(&out->classes, r, out->ran);
}

static void annotate(struct check_out *out, const struct check_class *c)
{
    FILE *f = out->f;
    bool light = strcmp(c->severity, "COST") == 0 || strcmp(c->severity, "LIVE") == 0;
    fputs(light ? "::warning " : "::error ", f);
    /* GitHub links files of the repository only: the scenario is one, the trace is not. */
    if (c->scenario != NULL) {
        fputs("file=", f);
        escaped(f, c->scenario, true);
        fputc(',', f);
    }
    fputs("title=", f);
    escaped(f, c->check, true);
    fputc(' ', f);
    escaped(f, c->class, true);
    fputs("::", f);
    escaped(f, c->title, false);
    if (out->classes.runs > 1)
        fprintf(f, " (%" PRId64 " of %" PRId64 " runs)", c->runs, out->classes.runs);
    if (c->rerun != NULL) {
        fputs("%0Aagain: ", f);
        escaped(f, c->rerun, false);
    }
    if (c->file != NULL) {
        fputs("%0Afirst wrong step: ", f);
        escaped(f, c->file, false);
        fprintf(f, ":%" PRId64, c->line);
    }
    fputc('\n', f);
}

static char *section(struct check_out *out, const struct check_class *c)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    if (f == NULL)
        abort();
    const struct violation_class *about = class_find(c->class);
    fputs("| ", f);
    cell(f, c->check);
    fputs(" | ", f);
    cell(f, c->class);
    fprintf(f, " | %" PRId64 " | ", c->runs);
    cell(f, c->title);
    if (about != NULL) {
        fputs(" ", f);
        cell(f, about->says);
    }
    fputs(" | ", f);
    cell(f, baseline_knows(out->baseline, c->check, c->class) ? "known" : "new");
    fputs(" | ", f);
    cell(f, c->rerun);
    fputs(" |\n", f);
    fclose(f);
    return text;
}

/* Cut between rows where it would be too long. */
static void summary(struct check_out *out)
{
    const char *path = getenv("GITHUB_STEP_SUMMARY");
    FILE *f = path != NULL && *path != '\0' ? fopen(path, "a") : NULL;
    if (f == NULL)
        return;
    const struct check_classes *all = &out->classes;
    fprintf(f, "### Faultline: %s\n\n%" PRId64 " runs, %" PRId64 " passed, %" PRId64 " undecided\n\n",
            all->n > 0 ? "violations" : "no violation", all->runs, all->passed, all->undecided);
    if (all->n > 0)
        fputs("| check | class | runs | what | since | again |\n|---|---|---|---|---|---|\n", f);
    size_t used = 1000, i = 0;
    for (; i < all->n; i++) {
        char *text = section(out, &all->v[i]);
        used += strlen(text);
        if (used <= SUMMARY_BYTES)
            fputs(text, f);
        free(text);
        if (used > SUMMARY_BYTES)
            break;
    }
    if (i < all->n)
        fprintf(f, "\n%zu more classes are left out: a summary may have 1 MiB\n", all->n - i);
    fputc('\n', f);
    fclose(f);
}

static void github_end(struct check_out *out)
{
    const struct check_classes *all = &out->classes;
    size_t shown = 0, fresh = 0;
    for (size_t i = 0; i < all->n; i++)
        fresh += !baseline_knows(out->baseline, all->v[i].check, all->v[i].class);
    for (size_t i = 0; i < all->n && shown < ANNOTATIONS; i++) {
        if (baseline_knows(out->baseline, all->v[i].check, all->v[i].class))
            continue;
        annotate(out, &all->v[i]);
        shown++;
    }
    if (fresh > shown)
        fprintf(out->f,
                "::error title=%zu more::%zu more classes of violations; all are in the summary and in --format json\n",
                fresh - shown, fresh - shown);
    if (all->n > fresh) {
        fprintf(out->f, "::notice title=known::%zu classes of violations that the baseline has:", all->n - fresh);
        for (size_t i = 0; i < all->n; i++) {
            const struct check_class *c = &all->v[i];
            if (!baseline_knows(out->baseline, c->check, c->class))
                continue;
            fputc(' ', out->f);
            escaped(out->f, c->check, false);
            fputc(' ', out->f);
            escaped(out->f, c->class, false);
        }
        fputc('\n', out->f);
    }
    if (all->undecided > 0) {
        fprintf(out->f, "::%s title=undecided::%" PRId64 " of %" PRId64 " runs could not be decided, first ",
                out->unknown_ok ? "notice" : "warning", all->undecided, all->runs);
        escaped(out->f, all->first_undecided, false);
        fputc('\n', out->f);
    }
    summary(out);
}

const struct check_format check_github = {"github", github_run, github_end};
