/* trace_put.c -- the writers of all records, made from records.def. */
#include "trace_writer_int.h"

#define KEY(k) PUT_LITERAL(c, ",\"" k "\":")

/* A user's value: short ones as they are, long ones as hash and length, so that a record stays small. */
static void put_value(struct trace_cursor *c, const char *key, size_t key_n, const char *value)
{
    if (value == NULL)
        return;
    size_t n = strnlen(value, TRACE_VALUE_MAX + 1);
    if (n <= TRACE_VALUE_MAX) {
        put_bytes(c, key, key_n);
        trace_fmt_str(c, value);
        return;
    }
    n += strlen(value + n);
    KEY("vh");
    trace_fmt_hash(c, trace_hash(value, n));
    KEY("vl");
    trace_fmt_u64(c, n);
}

#define STR(k)                                                                                                         \
    KEY(#k);                                                                                                           \
    trace_fmt_str(c, r->k);
#define OSTR(k)                                                                                                        \
    if (r->k != NULL && r->k[0] != '\0') {                                                                             \
        KEY(#k);                                                                                                       \
        trace_fmt_str(c, r->k);                                                                                        \
    }
#define OVAL(k) put_value(c, ",\"" #k "\":", sizeof(",\"" #k "\":") - 1, r->k);
#define INT(k)                                                                                                         \
    KEY(#k);                                                                                                           \
    trace_fmt_i64(c, r->k);
#define OINT(k)                                                                                                        \
    if (r->k.set) {                                                                                                    \
        KEY(#k);                                                                                                       \
        trace_fmt_i64(c, r->k.v);                                                                                      \
    }
#define BOOL(k)                                                                                                        \
    KEY(#k);                                                                                                           \
    trace_fmt_bool(c, r->k);
#define OBOOL(k)                                                                                                       \
    if (r->k.set) {                                                                                                    \
        KEY(#k);                                                                                                       \
        trace_fmt_bool(c, r->k.v != 0);                                                                                \
    }
#define FLAG(k)                                                                                                        \
    if (r->k) {                                                                                                        \
        KEY(#k);                                                                                                       \
        trace_fmt_bool(c, true);                                                                                       \
    }
#define STRS(k)                                                                                                        \
    KEY(#k);                                                                                                           \
    trace_fmt_strs(c, &r->k);
#define GROUPS(k)                                                                                                      \
    if (r->k.n > 0) {                                                                                                  \
        KEY(#k);                                                                                                       \
        trace_fmt_groups(c, &r->k);                                                                                    \
    }
#define ENTS(k)                                                                                                        \
    if (r->k.n > 0) {                                                                                                  \
        KEY(#k);                                                                                                       \
        trace_fmt_ents(c, &r->k);                                                                                      \
    }
#define COUNTS(k)                                                                                                      \
    if (r->k.n > 0) {                                                                                                  \
        KEY(#k);                                                                                                       \
        trace_fmt_counts(c, &r->k);                                                                                    \
    }
#define OJSON(k)                                                                                                       \
    if (r->k != NULL && r->k[0] != '\0') {                                                                             \
        KEY(#k);                                                                                                       \
        trace_fmt_json(c, r->k);                                                                                       \
    }
#define WHY(words)  STR(why)
#define OWHY(words) OSTR(why)

#define RECORD(c_name, event, is_raft, ...)                                                                            \
    static void fields_##c_name(struct trace_cursor *c, const void *rec)                                               \
    {                                                                                                                  \
        const struct trace_rec_##c_name *r = rec;                                                                      \
        __VA_ARGS__                                                                                                    \
    }                                                                                                                  \
    EVENT_LINKAGE(c_name)                                                                                              \
    const struct trace_event trace_event_##c_name = {.text = ",\"ev\":\"" event "\"",                                  \
                                                     .n = sizeof(",\"ev\":\"" event "\"") - 1,                         \
                                                     .raft = is_raft,                                                  \
                                                     .fields = fields_##c_name};                                       \
    int64_t trace_put_##c_name(struct trace_writer *w, const struct trace_rec_##c_name *r)                             \
    {                                                                                                                  \
        return trace_writer_put(w, &trace_event_##c_name, r);                                                          \
    }
#define EVENT_LINKAGE(c_name)        extern const struct trace_event trace_event_##c_name;
#define PLAIN(c_name, event, fields) RECORD(c_name, event, false, fields)
#define RAFT(c_name, event, fields)  RECORD(c_name, event, true, fields)
#include "records.def"
