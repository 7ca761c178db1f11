/* diff_streams.h -- a run as sequences that can be compared with those of another run, whatever the time of day or the
 * interleaving: elections, entries, commits and applications of each replica; operations of each client; messages of
 * each link. An event is a hash of its coordinates (term, index, operation, sides of a message): what they are not, the
 * time, message ids, and request ids, differs between any two runs. */
#ifndef FAULTLINE_DIFF_STREAMS_H
#define FAULTLINE_DIFF_STREAMS_H

#include "db.h"

enum diff_level { DIFF_RAFT, DIFF_CLIENT, DIFF_NET, DIFF_LEVELS };

struct diff_event {
    uint64_t h;
    int64_t rec, t; /* rec: the record that tells of it, 0 = none; t in ns */
};

struct diff_stream {
    char *name; /* "0003 elections"; equal in both runs. Owned */
    struct diff_event *v;
    size_t n, room;
};

struct diff_streams {
    struct diff_stream *s;
    size_t n, room;
    int64_t t_end; /* of the run */
};

/* Reads the run's streams of one level. On a database error db->failed is set. */
void diff_streams_read(struct diff_streams *out, struct db *db, int64_t run_id, enum diff_level level);
void diff_streams_free(struct diff_streams *s);

/* The first place at which two sets of streams part: the earliest of the first differences of all streams. Where a
 * stream only ends because its run does, nothing differs. */
struct diff_parting {
    const char *stream;                       /* NULL: they do not part. Of a's or b's streams */
    const struct diff_event *a, *b;           /* what differs; NULL: nothing (more) there */
    const struct diff_event *a_last, *b_last; /* the last common ones before, NULL = none */
    int64_t t;                                /* the earlier of the two */
    size_t aligned;                           /* events in common before it, or all */
};
struct diff_parting diff_part(const struct diff_streams *a, const struct diff_streams *b);

#endif
