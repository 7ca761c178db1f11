/* trace_catalogue.c -- records.def as data. */
#include "trace.h"

#include <string.h>

#define STR(k)        {.key = #k, .type = 's'},
#define OSTR(k)       {.key = #k, .type = 's', .optional = true},
#define OVAL(k)       {.key = #k, .type = 'v', .optional = true},
#define INT(k)        {.key = #k, .type = 'i'},
#define OINT(k)       {.key = #k, .type = 'i', .optional = true},
#define BOOL(k)       {.key = #k, .type = 'b'},
#define OBOOL(k)      {.key = #k, .type = 'b', .optional = true},
#define FLAG(k)       {.key = #k, .type = 'b', .optional = true},
#define STRS(k)       {.key = #k, .type = 'S'},
#define GROUPS(k)     {.key = #k, .type = 'G', .optional = true},
#define ENTS(k)       {.key = #k, .type = 'E', .optional = true},
#define COUNTS(k)     {.key = #k, .type = 'C', .optional = true},
#define OJSON(k)      {.key = #k, .type = 'j', .optional = true},
#define WHY(allowed)  {.key = "why", .type = 's', .words = allowed},
#define OWHY(allowed) {.key = "why", .type = 's', .optional = true, .words = allowed},

#define PLAIN(c_name, event, fields) static const struct trace_field_type fields_of_##c_name[] = {fields};
#define RAFT(c_name, event, fields)  static const struct trace_field_type fields_of_##c_name[] = {fields};
#include "records.def"
#undef PLAIN
#undef RAFT

#define TYPE(c_name, event, is_raft)                                                                                   \
    {.ev = event,                                                                                                      \
     .raft = is_raft,                                                                                                  \
     .fields = fields_of_##c_name,                                                                                     \
     .n_fields = sizeof fields_of_##c_name / sizeof fields_of_##c_name[0]},
#define PLAIN(c_name, event, fields) TYPE(c_name, event, false)
#define RAFT(c_name, event, fields)  TYPE(c_name, event, true)
const struct trace_record_type trace_record_types[] = {
#include "records.def"
};

const size_t trace_record_types_n = sizeof trace_record_types / sizeof trace_record_types[0];

const struct trace_record_type *trace_record_type_find(const char *ev, size_t len)
{
    for (size_t i = 0; i < trace_record_types_n; i++) {
        const struct trace_record_type *type = &trace_record_types[i];
        if (strlen(type->ev) == len && memcmp(type->ev, ev, len) == 0)
            return type;
    }
    return NULL;
}
