/* wire_check.h -- for tests: the scanner against jansson, and decoding against encoding. */
#ifndef FAULTLINE_TEST_WIRE_CHECK_H
#define FAULTLINE_TEST_WIRE_CHECK_H

#include "../../src/wire_int.h"

struct wire_check {
    struct wire_decoder *scanner, *reference, *again;
    struct wire_refusal refusal; /* of the last datagram that was refused */
    bool scanned;                /* the last one was understood by the scanner */
};

bool wire_check_begin(struct wire_check *c); /* false: out of memory */
void wire_check_end(struct wire_check *c);

enum wire_verdict { WIRE_REFUSED, WIRE_ACCEPTED, WIRE_WRONG };

/* Decodes any bytes. What the scanner accepts, jansson must accept, as the same message; what is accepted must be
 * encoded to the same bytes however it was read, and those bytes must be read by the scanner as the same message again.
 * WIRE_WRONG: something of that is not so, and `wrong` says what. */
enum wire_verdict wire_check(struct wire_check *c, const char *bytes, size_t n, const char **wrong);

#endif
