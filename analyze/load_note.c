/* load_note.c -- what was found wrong while loading: rows of load_stats. */
#include "load_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void load_note(struct load *l, enum severity sev, const char *name, const char *node, int64_t source, int64_t line,
               int64_t value, const char *fmt, ...)
{
    struct notes *s = &l->notes;
    struct finding_row *rest = NULL;
    int same = 0;
    for (size_t i = s->n; i > 0 && same < NOTES_PER_NAME && rest == NULL; i--) {
        struct finding_row *x = &s->row[i - 1];
        if (strcmp(x->name, name) != 0 || x->source != source || x->severity != sev)
            continue;
        same++;
        if (x->rest)
            rest = x;
    }
    if (rest != NULL) {
        rest->value += value;
        return;
    }
    if (s->n == s->room) {
        s->room = s->room > 0 ? s->room * 2 : 64;
        s->row = mem_grow(s->row, s->room, sizeof *s->row);
    }
    char note[TRACE_ERR_LEN];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(note, sizeof note, fmt, ap);
    va_end(ap);
    bool is_rest = same == NOTES_PER_NAME;
    if (is_rest)
        snprintf(note, sizeof note, "more of the same: value is their sum");
    s->row[s->n++] = (struct finding_row){.severity = sev,
                                          .name = name,
                                          .source = source,
                                          .value = value,
                                          .line = is_rest ? 0 : line,
                                          .rest = is_rest,
                                          .note = mem_text(note, strlen(note)),
                                          .node = node != NULL ? mem_text(node, strlen(node)) : NULL};
}

bool load_noted(const struct load *l, const char *name, const char *node, enum severity sev)
{
    for (size_t i = 0; i < l->notes.n; i++) {
        const struct finding_row *x = &l->notes.row[i];
        if (x->severity == sev && (name == NULL || strcmp(x->name, name) == 0) &&
            (node == NULL || (x->node != NULL && strcmp(x->node, node) == 0)))
            return true;
    }
    return false;
}

void load_notes_store(struct load *l)
{
    static const char *const severities[] = {[SEV_INFO] = "info", [SEV_LOSS] = "data_loss", [SEV_ERROR] = "error"};
    struct db *db = &l->db;
    int64_t first_source = db_int(db, "SELECT max(source_id) FROM sources", 0) - (int64_t)l->n_sources;
    sqlite3_stmt *q =
        db_prepare(db, "INSERT INTO load_stats(run_id, source_id, node, name, severity, value, line, note)"
                       " VALUES (:run, :source, :node, :name, :severity, :value, :line, :note)");
    for (size_t i = 0; i < l->notes.n && !db->failed; i++) {
        const struct finding_row *x = &l->notes.row[i];
        db_bind_int(db, q, ":run", l->run_id);
        if (x->source != 0)
            db_bind_int(db, q, ":source", first_source + x->source);
        db_bind_text(db, q, ":node", x->node);
        db_bind_text(db, q, ":name", x->name);
        db_bind_text(db, q, ":severity", severities[x->severity]);
        db_bind_int(db, q, ":value", x->value);
        if (x->line != 0)
            db_bind_int(db, q, ":line", x->line);
        db_bind_text(db, q, ":note", x->note);
        db_run(db, q);
    }
    db_done(db, q);
}

void load_notes_free(struct load *l)
{
    for (size_t i = 0; i < l->notes.n; i++) {
        free(l->notes.row[i].node);
        free(l->notes.row[i].note);
    }
    free(l->notes.row);
}
