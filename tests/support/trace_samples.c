#include "trace_samples.h"

#include <string.h>

struct sample {
    bool full;
    int64_t number;
    const char *text;
    char word[64];
    const char *strs[2];
    struct trace_strs groups[2];
    struct trace_entry ents[2];
    struct trace_count counts[2];
};

static const char *first_word(struct sample *m, const char *words)
{
    size_t n = strcspn(words, " ");
    memcpy(m->word, words, n);
    m->word[n] = '\0';
    return m->word;
}

#define STR(k)      r.k = m->text;
#define OSTR(k)     r.k = m->full ? m->text : NULL;
#define OVAL(k)     r.k = m->full ? m->text : NULL;
#define INT(k)      r.k = m->number;
#define OINT(k)     r.k = (struct trace_opt){m->full, m->number};
#define BOOL(k)     r.k = m->full;
#define OBOOL(k)    r.k = (struct trace_opt){m->full, 1};
#define FLAG(k)     r.k = m->full;
#define STRS(k)     r.k = (struct trace_strs){m->strs, m->full ? 2 : 0};
#define GROUPS(k)   r.k = (struct trace_groups){m->groups, m->full ? 2 : 0};
#define ENTS(k)     r.k = (struct trace_ents){m->ents, m->full ? 2 : 0};
#define COUNTS(k)   r.k = (struct trace_counts){m->counts, m->full ? 2 : 0};
#define OJSON(k)    r.k = m->full ? "{\"a\":[1,2.5,null],\"b\":{\"c\":\"d\"}}" : NULL;
#define WHY(words)  r.why = first_word(m, words);
#define OWHY(words) r.why = m->full ? first_word(m, words) : NULL;
#define PLAIN(c_name, ev, fields)                                                                                      \
    static void sample_##c_name(struct trace_writer *w, struct sample *m)                                              \
    {                                                                                                                  \
        struct trace_rec_##c_name r;                                                                                   \
        fields trace_put_##c_name(w, &r);                                                                              \
    }
#define RAFT(c_name, ev, fields)                                                                                       \
    static void sample_##c_name(struct trace_writer *w, struct sample *m)                                              \
    {                                                                                                                  \
        struct trace_rec_##c_name r;                                                                                   \
        fields trace_put_##c_name(w, &r);                                                                              \
    }
#include "../../trace/records.def"
#undef PLAIN
#undef RAFT

void trace_samples_write(struct trace_writer *w, bool full, const char *text)
{
    struct sample m = {.full = full, .number = SAMPLE_INT, .text = text, .strs = {text, "0001"}};
    m.groups[0] = m.groups[1] = (struct trace_strs){m.strs, 2};
    m.ents[0] = (struct trace_entry){SAMPLE_INT, 1, 0xfedcba9876543210u};
    m.ents[1] = (struct trace_entry){SAMPLE_INT + 1, 1, 0};
    m.counts[0] = (struct trace_count){"0000", SAMPLE_INT};
    m.counts[1] = (struct trace_count){"another", 0};
#define PLAIN(c_name, ev, fields) sample_##c_name(w, &m);
#define RAFT(c_name, ev, fields)  sample_##c_name(w, &m);
#include "../../trace/records.def"
}
