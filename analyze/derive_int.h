/* derive_int.h -- what the files of derive*.c share. */
#ifndef FAULTLINE_DERIVE_INT_H
#define FAULTLINE_DERIVE_INT_H

#include "load_int.h"

#define NONE INT64_MIN /* an integer that is not there: NULL in the database */

struct derive {
    struct load *l;
    struct msgs *msgs;
    struct ops *ops;
    struct logs *logs;
    struct leads *leads;
    struct faults *faults;
    struct reads *reads;
    void (**handler)(struct context *); /* by index into trace_record_types */
};

/* One row of the table of handlers. Several handlers of one event run in the order of the files below. */
struct handler {
    const char *ev;
    void (*fn)(struct context *);
};

struct msgs *msgs_new(struct load *l);
void msgs_input(struct context *c); /* before every record that has no cause: what its boot handled is done */
void msgs_end(struct msgs *m);
void msgs_free(struct msgs *m);
void msg_send(struct context *c);
void msg_recv(struct context *c);
void msg_ignore(struct context *c);
void net_in(struct context *c);
void net_bad(struct context *c);
void net_dup(struct context *c);
void net_out(struct context *c);
void net_drop(struct context *c);

struct ops *ops_new(struct load *l);
void ops_end(struct ops *o);
void ops_free(struct ops *o);
void op_invoke(struct context *c);
void op_try(struct context *c);
void op_return(struct context *c);

struct logs *logs_new(struct load *l);
void logs_end(struct logs *g);
void logs_free(struct logs *g);
void log_append(struct context *c);
void log_truncate(struct context *c);
void log_commit(struct context *c);
void log_apply(struct context *c);
void log_sync(struct context *c);
void log_start(struct context *c);    /* node.start: what the crash took */
void log_snapshot(struct context *c); /* snap.install */

struct leads *leads_new(struct load *l);
void leads_end(struct leads *g);
void leads_free(struct leads *g);
void lead_role(struct context *c);
void lead_wire(struct context *c);  /* net.in of a node that records no roles */
void lead_state(struct context *c); /* an input record whose state shows a role that no role.change told */
/* The node's process ended. */
void lead_down(struct context *c, struct node *node, const char *why);

struct reads *reads_new(struct load *l);
void reads_free(struct reads *g);
void read_sent(struct context *c);      /* msg.send: an append opens a round */
void read_answered(struct context *c);  /* msg.recv: its answer */
void read_confirmed(struct context *c); /* read.confirm */
void read_leased(struct context *c);    /* lease.grant */
void read_answer(struct context *c);    /* read.serve, read.local */

struct faults *faults_new(struct load *l);
void faults_end(struct faults *f);
void faults_free(struct faults *f);
void fault_begin(struct context *c);
void fault_end(struct context *c);
void node_exit(struct context *c);
void node_stop(struct context *c);
void trace_closed(struct context *c);
void trace_confessed(struct context *c); /* trace.lost */
/* faults.fault_id of fault number f; NONE when there was no fault.begin. */
int64_t fault_id(const struct faults *f, int64_t number);

void nodes_store(struct load *l); /* rows of `nodes`, and findings about black boxes */

/* ---- rows ---- */

static inline void bind_int(sqlite3_stmt *q, int i, int64_t v)
{
    if (v == NONE)
        sqlite3_bind_null(q, i);
    else
        sqlite3_bind_int64(q, i, v);
}

/* Borrowed until db_step(). */
static inline void bind_text(sqlite3_stmt *q, int i, const char *p, size_t n)
{
    if (p == NULL)
        sqlite3_bind_null(q, i);
    else
        sqlite3_bind_text64(q, i, p, n, SQLITE_STATIC, SQLITE_UTF8);
}

static inline void bind_name(sqlite3_stmt *q, int i, const struct name *s)
{
    bind_text(q, i, s != NULL ? s->text : NULL, s != NULL ? s->n : 0);
}

/* An owned copy of a field's text, NULL when it is missing. */
static inline char *field_copy(const struct trace_record *r, const char *key)
{
    struct trace_text t = trace_find_text(r, key);
    return t.p != NULL ? mem_text(t.p, t.n) : NULL;
}

static inline int64_t field_int(const struct trace_record *r, const char *key)
{
    int64_t v;
    return trace_find_int(r, key, &v) ? v : NONE;
}

static inline const struct name *field_name(struct load *l, const struct trace_record *r, const char *key)
{
    struct trace_text t = trace_find_text(r, key);
    return t.p != NULL ? names_get(&l->names, t.p, t.n) : NULL;
}

/* The value of a record: "val", or "#<vh>:<vl>" where a long one was written as hash and length. Owned, NULL = none. */
char *field_value(const struct trace_record *r);

#endif
