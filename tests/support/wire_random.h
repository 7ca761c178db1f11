/* wire_random.h -- for tests: random messages with hostile strings, and the comparison of messages by content. */
#ifndef FAULTLINE_TEST_WIRE_RANDOM_H
#define FAULTLINE_TEST_WIRE_RANDOM_H

#include "../../src/rng.h"
#include "../../src/wire.h"

#define WIRE_RANDOM_ENTRIES 12
#define WIRE_RANDOM_MEMBERS 22
#define WIRE_RANDOM_DATA    100

/* Memory of one random message: it must not move while the message is used. */
struct wire_random {
    struct message m;
    struct entry entry[WIRE_RANDOM_ENTRIES];
    const struct entry *entries[WIRE_RANDOM_ENTRIES];
    struct status status;
    struct member_status members[WIRE_RANDOM_MEMBERS];
    unsigned char data[WIRE_RANDOM_DATA];
    char text[WIRE_RANDOM_MEMBERS + 1][3][256];
};

/* A message of this type that the wire must carry unchanged: every field that the type has is drawn, bounds and
 * control characters, quotes, and characters of two to four bytes more often than chance would; the others are zero. */
void wire_random(struct wire_random *r, enum message_type type, struct rng *rng);

/* Equal in every field that the type has on the wire, and entries with equal index and hash too. */
bool wire_equal(const struct message *a, const struct message *b);

#endif
