/* check.h -- a check is a row of the catalogue and a function with three answers (or "skipped": nothing to look at).
 *
 * Checks read the tables that load filled and write nothing but violations and their evidence, through the calls
 * below. Absence of evidence is not a verdict: a check whose records are missing answers VERDICT_SKIPPED, and one
 * that looked but could not decide VERDICT_UNKNOWN, with words in `note`. */
#ifndef FAULTLINE_CHECK_H
#define FAULTLINE_CHECK_H

#include "db.h"

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_UNKNOWN, VERDICT_SKIPPED };

struct check_run;

struct check {
    const char *id;              /* "C1", "R13", "T2" */
    const char *title;           /* a few words: "one leader per term" */
    const char *severity;        /* class of a violation: LIN-STALE, LIN-LOST, SMS, ES, LM, LC, DUR, CONF, LIVE, TRACE ... */
    const char *help;            /* the rule in one or two sentences, with its source */
    enum verdict (*run)(struct check_run *c);
    const char *needs;           /* events without which it has nothing to look at, with spaces between; of "a|b" one is
                                  * enough. NULL or "": it says itself what it lacks */
};

/* Each family of checks exports its table; check.c lists the families. Sorted by id within a family. */
extern const struct check check_client[];     /* C1 to C4: check_client.c */
extern const size_t check_client_n;
extern const struct check check_wire[];       /* C5 to C7: check_wire.c */
extern const size_t check_wire_n;
extern const struct check check_session[];    /* C8 to C11: check_session.c, check_sequential.c */
extern const size_t check_session_n;
extern const struct check check_raft[];       /* R1 to R66: check_raft.c */
extern const size_t check_raft_n;
extern const struct check check_live[];       /* R61, R62: check_live.c */
extern const size_t check_live_n;
extern const struct check check_trace[];      /* T1 to T5: check_trace.c */
extern const size_t check_trace_n;
/* The checks that are files of checks/, in order of their names: check_sql.c. NULL past the end. */
const struct check *check_sql_at(size_t i);

/* One per run and check_all(): what the first of several checks worked out for the others (the replay of all records
 * is made once). `release`, when set, is called with `data` after the last check of the run. */
struct check_shared {
    void *data;
    void (*release)(void *data);
    void *history; /* the same for what clients did and saw: check_history.c */
    void (*release_history)(void *history);
};

/* What a check function gets. */
struct check_run {
    struct db *db;
    int64_t run_id;
    const struct check *check;
    int64_t deadline_ns;         /* trace_mono_ns() after which a search must give up with VERDICT_UNKNOWN */
    int64_t examined;            /* out: how many things were looked at (keys, terms, records) */
    char note[256];              /* out: why skipped or unknown; or a remark */
    int64_t violations;          /* counted by check_violation() */
    bool incomplete;             /* out: something could not be decided; check_answer() then says unknown, not pass */
    int64_t searched_ns;         /* out: time spent in searches, taken from the budget that all checks share */
    struct check_shared *shared; /* of this run; never NULL */
};

struct violation {
    int64_t t;                   /* ns: when the first wrong thing happened */
    const char *node, *key;      /* NULL when it has none */
    const char *title;           /* one line for people: "stale read of k3, 346.4 ms old" */
    const char *fingerprint;     /* the class, stable across runs: "deposed-leader-local-read" */
    int64_t first_bad_rec;       /* records.id of the first wrong step, 0 = unknown */
};
/* Stores it and returns its violation_id. */
int64_t check_violation(struct check_run *c, const struct violation *v);
/* Adds one step of evidence, in order. part: witness, cause, enabler, lost_message, fault. Ids are 0 when absent;
 * `note` is one line for people, NULL when the record speaks for itself. */
void check_evidence(struct check_run *c, int64_t violation_id, const char *part, int64_t rec, int64_t op_id, int64_t msg_id,
                    int64_t fault_id, const char *note);

/* SQL condition on a row of messages: of a kind whose higher term deposes its receiver. A PreVote asks about a term
 * that does not exist yet, and deposes nobody (dissertation §9.6). */
#define CHECK_DEPOSES "replace(lower(coalesce(type, '')), '_', '') NOT LIKE 'prevote%'"

/* True when at least one record of this event was loaded. For deciding VERDICT_SKIPPED. */
bool check_has_event(struct check_run *c, const char *ev);
enum { CHECK_EVENT = 64 };
/* Are all of c->check->needs there? If not, the first that is missing is in `lacks`. */
bool check_has_needs(struct check_run *c, char lacks[CHECK_EVENT]);
/* The first word of `list`, up to one of `stops`, cut to fit; what follows it is returned, NULL at the end. */
const char *check_next_word(const char *list, const char *stops, char word[CHECK_EVENT]);
/* Ends a check: fail when violations were stored, else pass; unknown when `incomplete`. */
enum verdict check_answer(struct check_run *c);

/* "pass", "fail", "unknown", "skipped": the words of the table and of all output. */
const char *verdict_word(enum verdict v);

#define CHECK_BUDGET_NS INT64_C(30000000000)

struct check_options {
    const char *only, *skip;     /* comma-separated ids, or letters for whole families ("C1,R"); NULL = all / none */
    int64_t budget_ns;           /* for all searches together; 0 = CHECK_BUDGET_NS */
};
/* False when an item of such a list names no check; the item's text is then in `bad`. */
bool check_list_ok(const char *list, char *bad, size_t size);
/* Runs the chosen checks on every run of the database, replacing earlier results. Verdict of the whole: fail over
 * unknown over pass over skipped. False on a database error (db->err). */
bool check_all(struct db *db, const struct check_options *o, enum verdict *worst);
/* Is there a check that has not run on a run of this database, as it was not chosen, or ended before it could? Who tells
 * of the run as a whole runs all then: what was not looked at is not told as good. */
bool check_due(struct db *db);
/* Is the check among those that the options choose? NULL = all are. */
bool check_chosen(const struct check_options *o, const char *id);
const struct check *check_find(const char *id);
/* The catalogue, family by family. */
const struct check *check_at(size_t i);       /* NULL past the end */

#endif
