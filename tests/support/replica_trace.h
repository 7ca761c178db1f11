/* replica_trace.h -- for tests: a whole trace file, parsed, to ask questions of. Anything that fails here fails the
 * test. */
#ifndef FAULTLINE_TEST_REPLICA_TRACE_H
#define FAULTLINE_TEST_REPLICA_TRACE_H

#include <jansson.h>
#include <stdint.h>

struct replica_trace {
    json_t **v; /* one object a record, in order */
    size_t n;
};

/* Reads the file with the library's reader and demands what any trace must have: every line whole and of a known
 * record with its fields and a known reason, sequence numbers without a gap, time that does not go back, a Lamport
 * clock that grows, causes that are earlier inputs. Free it with replica_trace_free(). */
struct replica_trace replica_trace_read(const char *path);
/* The same, but the last line may be torn: SIGKILL can end a write(2) at the border of a page. */
struct replica_trace replica_trace_read_killed(const char *path);
void replica_trace_free(struct replica_trace *t);

/* The first record from number `from` (an index of `v`) on whose event is `ev`, and whose `key` is `value` unless key
 * is NULL; NULL when there is none. `*at` (unless NULL) becomes its index. */
const json_t *replica_trace_find(const struct replica_trace *t, size_t from, const char *ev, const char *key,
                                 const char *value, size_t *at);
size_t replica_trace_count(const struct replica_trace *t, const char *ev, const char *key, const char *value);

/* A field, which must be there. */
int64_t replica_trace_int(const json_t *record, const char *key);
const char *replica_trace_text(const json_t *record, const char *key);

#endif
