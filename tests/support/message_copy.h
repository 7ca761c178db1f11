/* message_copy.h -- for tests: a message that outlives what it was made of. */
#ifndef FAULTLINE_TESTS_MESSAGE_COPY_H
#define FAULTLINE_TESTS_MESSAGE_COPY_H

#include "../../src/message.h"

/* All of the message, its entries, texts and data too, in one allocation: the caller's, to be freed. */
struct message *message_copy(const struct message *m);

#endif
