/* trace_catalogue.c -- records.def as data. */
#include "trace.h"

#include <string.h>

#define FIELD_TYPE(k, t, o) {.key = #k, .type = (t), .optional = (o)},
#define STR(k) FIELD_TYPE(k, 's', false)
#define OSTR(k) FIELD_TYPE(k, 's', true)
#define OVAL(k) FIELD_TYPE(k, 'v', true)
#define INT(k) FIELD_TYPE(k, 'i', false)
#define OINT(k) FIELD_TYPE(k, 'i', true)
#define BOOL(k) FIELD_TYPE(k, 'b', false)
#define OBOOL(k) FIELD_TYPE(k, 'b', true)
#define FLAG(k) FIELD_TYPE(k, 'b', true)
#define STRS(k) FIELD_TYPE(k, 'S', false)
#define GROUPS(k) FIELD_TYPE(k, 'G', true)
#define ENTS(k) FIELD_TYPE(k, 'E', true)
#define COUNTS(k) FIELD_TYPE(k, 'C', true)
#define OJSON(k) FIELD_TYPE(k, 'j', true)
#define WHY(w) {.key = "why", .type = 's', .optional = false, .words = (w)},
#define OWHY(w) {.key = "why", .type = 's', .optional = true, .words = (w)},

#define PLAIN(c_name, ev, list) static const struct trace_field_type fields_##c_name[] = {list};
#define RAFT(c_name, ev, list) static const struct trace_field_type fields_##c_name[] = {list};
#include "records.def"
#undef PLAIN
#undef RAFT

#define TYPE(c_name, name, is_raft)                                                                                    \
    {.ev = (name), .raft = (is_raft), .fields = fields_##c_name, .n_fields = sizeof fields_##c_name / sizeof *fields_##c_name},
#define PLAIN(c_name, name, list) TYPE(c_name, name, false)
#define RAFT(c_name, name, list) TYPE(c_name, name, true)
const struct trace_record_type trace_record_types[] = {
#include "records.def"
};
const size_t trace_record_types_n = sizeof trace_record_types / sizeof *trace_record_types;

const struct trace_record_type *trace_record_type_find(const char *ev, size_t len)
{
    for (size_t i = 0; i < trace_record_types_n; i++) {
        const char *name = trace_record_types[i].ev;
        if (strncmp(name, ev, len) == 0 && name[len] == '\0')
            return &trace_record_types[i];
    }
    return NULL;
}
