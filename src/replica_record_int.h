/* replica_record_int.h -- what the files that write a replica's records share; nobody else includes it. */
#ifndef FAULTLINE_REPLICA_RECORD_INT_H
#define FAULTLINE_REPLICA_RECORD_INT_H

#include <stdio.h>
#include <string.h>

#include "replica_int.h"
#include "trace.h"

/* The words of the trace (replica_words.c); why_word(WHY_NONE) is NULL. */
const char *role_word(enum raft_role role);
const char *timer_word(enum raft_timer timer);
const char *op_word(enum entry_op op);
const char *why_word(enum raft_why why);

struct name {
    char text[NODE_TEXT];
};

static inline struct name name_of(node_id id)
{
    struct name n;
    wire_node_text(id, n.text);
    return n;
}

static inline const char *or_null(const char *s)
{
    return s && *s ? s : NULL;
}

static inline const char *known(const struct name *n, node_id id)
{
    return id == NODE_NONE ? NULL : n->text;
}

static inline int64_t ns(uint64_t us)
{
    return us > INT64_MAX / 1000 ? INT64_MAX : (int64_t)(us * 1000);
}

/* A time of the core as one of the trace. */
static inline uint64_t since_epoch(const struct replica *rep, uint64_t us)
{
    uint64_t t = (uint64_t)ns(us);
    return t > rep->epoch_ns ? t - rep->epoch_ns : 0;
}

static inline struct trace_opt opt_if(bool set, uint64_t v)
{
    return (struct trace_opt){.set = set, .v = set ? (int64_t)v : 0};
}

struct ids {
    char text[RAFT_MEMBERS_MAX * (NODE_TEXT + 1)];
};

/* The voters of a configuration: their ids, with spaces between, and no addresses. */
static inline struct ids ids_of(const char *conf)
{
    struct ids ids = {""};
    char *to = ids.text;
    for (const char *at = conf; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        size_t n = strcspn(at, ",=");
        if (to + n + 2 > ids.text + sizeof ids.text)
            break;
        if (to > ids.text)
            *to++ = ' ';
        memcpy(to, at, n);
        to[n] = 0;
        to += n;
    }
    return ids;
}

static inline void set_state(struct replica *rep, const struct raft_brief *b)
{
    trace_set_state(rep->trace, &(struct trace_state){.term = (int64_t)b->term,
                                                      .ci = (int64_t)b->commit,
                                                      .ai = (int64_t)b->applied,
                                                      .li = (int64_t)b->last,
                                                      .role = *role_word(b->role)});
}

#endif
