#include "sim_undo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "sim_case.h"
#include "sim_decide.h"
#include "sim_record.h"
#include "sim_save.h"

enum { GONE = 0, STILL = 1, NOTHING = 2, USAGE = 64, BAD_DATA = 65, IO_ERROR = 74 };

struct undo {
    const struct sim_options *o;
    struct sim_case_of of;
    struct sim_case c;         /* as it was, then as it is to be */
    struct sim_result was, is; /* results must not be moved */
    struct sim_failure failed; /* as it was */
    char scratch[SIM_PATH_MAX];
};

static bool number_of(const char *text, const char *prefix, int64_t *n)
{
    char *end;
    size_t skip = strlen(prefix);
    if (strncmp(text, prefix, skip) != 0 || text[skip] < '1' || text[skip] > '9')
        return false;
    *n = strtoll(text + skip, &end, 10);
    return *end == '\0';
}

/* ---- faults ---- */

/* The last fault of kind `whole` before fault `f` that hit the same replica: what `f` is a part of. 0: there is none,
 * or `f` is not of kind `part` (NULL: any). */
static int64_t whole_of(const struct sim_tape *sim, int64_t f, const char *part, const char *whole)
{
    int64_t found = 0;
    size_t at = 0;
    char node[8] = "";
    for (int pass = 0; pass < 2; pass++, at = 0)
        for (json_t *r; (r = sim_record_next(sim, &at, "fault.begin")); json_decref(r)) {
            int64_t number = sim_record_int(r, "f");
            if (pass == 0 && number == f && (!part || strcmp(sim_record_text(r, "kind"), part) == 0))
                snprintf(node, sizeof node, "%s", sim_record_text(r, "node"));
            else if (pass == 1 && *node && number < f && strcmp(sim_record_text(r, "kind"), whole) == 0 &&
                     strcmp(sim_record_text(r, "node"), node) == 0)
                found = number;
        }
    return found;
}

static const struct sim_fault_done *find(const struct sim_result *r, int64_t f)
{
    for (size_t i = 0; i < r->n_faults; i++)
        if (r->faults[i].first <= f && f <= r->faults[i].last)
            return &r->faults[i];
    return NULL;
}

static bool leave_out(struct undo *u, const char *text)
{
    int64_t f = 0;
    const struct sim_fault_done *done = number_of(text, "F", &f) ? find(&u->was, f) : NULL;
    if (!done)
        done = find(&u->was, whole_of(u->was.tapes.first, f, "restart", "kill"));
    if (!done)
        done = find(&u->was, whole_of(u->was.tapes.first, f, NULL, "replace"));
    if (!done) {
        fprintf(stderr,
                "simulate: --without %.40s: the run has no such fault; F1 is the first, analyze timeline has all\n",
                text);
        return false;
    }
    printf("without %s: %s, %.6f s after the first request could be made\n", text, done->name,
           (double)done->begin / SIM_SECOND);
    sim_case_give(&u->c, "leave_out", done->name, 1);
    return true;
}

/* ---- datagrams ---- */

/* Why it did not arrive, as in net.drop; "": it did. */
static void why_lost(const struct sim_tape *sim, int64_t d, char why[32])
{
    size_t at = 0;
    *why = '\0';
    for (json_t *r; (r = sim_record_next(sim, &at, "net.drop")); json_decref(r))
        if (sim_record_int(r, "d") == d)
            snprintf(why, 32, "%s", sim_record_text(r, "why"));
}

static bool deliver(struct undo *u, const char *text)
{
    int64_t d = 0;
    char why[32] = "", name[SIM_DECIDE_NAME];
    if (number_of(text, "d:", &d))
        why_lost(u->was.tapes.first, d, why);
    if (!*why || strcmp(why, "dead") == 0 || strcmp(why, "unknown_dst") == 0) {
        fprintf(stderr, "simulate: --deliver %.40s: %s\n", text,
                *why ? "the replica that it was for did not run; undo the fault that stopped it"
                     : "the run has lost no such datagram; net.drop in sim.1.jsonl has all, as d");
        return false;
    }
    for (const char *line = u->was.datagrams; line && *line; line = strchr(line, '\n') + 1) {
        char *end;
        if (strtoll(line, &end, 10) != d)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(end + 1, "\n"), end + 1);
        printf("deliver %s: %s, lost by %s\n", text, name, why);
        sim_case_give(&u->c, "deliver", name, 1);
    }
    return true;
}

/* ---- both ---- */

static bool change(struct undo *u)
{
    bool well = true;
    for (size_t i = 0; i < u->o->n_undo; i++)
        well = (u->o->undo[i].deliver ? deliver : leave_out)(u, u->o->undo[i].what) && well;
    return well;
}

static void say(const char *what, const struct sim_failure *f)
{
    printf("%s: %s%s%s%s%s", what, f->status == 0 ? "passed" : f->class, *f->first ? ", first " : "", f->first,
           *f->title ? ": " : "", f->title);
    putchar('\n');
}

static int compare(struct undo *u, char **argv)
{
    struct sim_failure now;
    char err[SIM_CONFIG_ERR];
    int rc = sim_case_run(&u->c, &u->of, &u->is);
    if (rc != 0) {
        fprintf(stderr, "simulate: the changed run cannot be made\n");
        return rc;
    }
    sim_case_judge(&u->is, u->scratch, NULL, &now);
    say("as changed", &now);
    if (now.status >= USAGE)
        return now.status;
    bool still = sim_failure_still(&now, &u->failed);
    puts(still                ? "the violation still happens"
         : now.status == GONE ? "the violation is gone"
                              : "the violation is gone; what is there now is another one");
    if (u->o->out && (rc = sim_case_keep(&u->c, &u->of, &u->is, &now, argv, NULL, err)) != 0) {
        fprintf(stderr, "simulate: %s\n", err);
        return rc;
    }
    return fflush(stdout) != 0 ? IO_ERROR : still ? STILL : GONE;
}

static int undo(struct undo *u, char **argv)
{
    int rc = sim_case_run(&u->c, &u->of, &u->was);
    if (rc != 0) {
        fprintf(stderr, "simulate: %s cannot be run again\n", u->o->replay);
        return rc;
    }
    sim_case_judge(&u->was, u->scratch, NULL, &u->failed);
    say("as it was", &u->failed);
    if (u->failed.status == 0 || u->failed.status >= USAGE) {
        fprintf(stderr, "simulate: the run in %s does not fail when it is made again: is this the same build?\n",
                u->o->replay);
        return u->failed.status == 0 ? NOTHING : u->failed.status;
    }
    return change(u) ? compare(u, argv) : USAGE;
}

int sim_undo(struct sim_options *o, char **argv, const char *version)
{
    static struct undo u; /* too large for the stack */
    static char err[SIM_CONFIG_ERR];
    struct sim_saved saved;
    u.o = o;
    u.of = (struct sim_case_of){.o = o, .version = version};
    int rc = sim_save_load(o->replay, o, &saved, err);
    if (rc == 0)
        rc = sim_case_load(&u.c, o, err);
    if (rc != 0)
        fprintf(stderr, "simulate: %s\n", err);
    else if (!sim_case_scratch(u.scratch))
        rc = IO_ERROR;
    else {
        rc = undo(&u, argv);
        rmdir(u.scratch);
    }
    sim_result_free(&u.was);
    sim_result_free(&u.is);
    sim_case_free(&u.c);
    json_decref(saved.run);
    return rc;
}
