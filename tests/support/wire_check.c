#include "wire_check.h"
#include "wire_random.h"

bool wire_check_begin(struct wire_check *c)
{
    *c = (struct wire_check){
        .scanner = wire_decoder_new(), .reference = wire_decoder_new(), .again = wire_decoder_new()};
    return c->scanner && c->reference && c->again;
}

void wire_check_end(struct wire_check *c)
{
    wire_decoder_free(c->scanner);
    wire_decoder_free(c->reference);
    wire_decoder_free(c->again);
}

/* `m` is written as `bytes`: from there it must come back, the short way. */
static const char *what_does_not_come_back(struct wire_check *c, const struct message *m, const char *bytes, size_t n)
{
    struct message back = {.src = NODE_NONE};
    if (!wire_scan(c->again, bytes, n, &back))
        return "the scanner does not understand what was encoded";
    return wire_equal(m, &back) ? NULL : "it is another message after encoding";
}

enum wire_verdict wire_check(struct wire_check *c, const char *bytes, size_t n, const char **wrong)
{
    static char one[DATAGRAM_MAX], two[DATAGRAM_MAX];
    struct message scanned = {.src = NODE_NONE}, m;
    bool accepted = wire_decode(c->reference, bytes, n, &m, &c->refusal);
    c->scanned = n <= DATAGRAM_MAX && wire_scan(c->scanner, bytes, n, &scanned);
    *wrong = NULL;
    if (c->scanned) {
        /* wire_decode() has trusted the scanner: ask jansson. */
        struct wire_refusal refusal = {.src = NODE_NONE};
        m = (struct message){.src = NODE_NONE, .dst = NODE_NONE, .leader = NODE_NONE};
        if (!accepted)
            *wrong = "the scanner accepts, but not wire_decode()";
        else if (!wire_decode_json(c->reference, bytes, n, &m, &refusal))
            *wrong = "the scanner accepts what jansson refuses";
        else if (!wire_equal(&m, &scanned))
            *wrong = "the scanner reads another message than jansson";
    }
    if (!accepted && !*wrong)
        return WIRE_REFUSED;
    if (!*wrong) {
        /* Escapes may be longer than what they were in the datagram. */
        size_t len = wire_encode(&m, one, sizeof one);
        if (c->scanned && (wire_encode(&scanned, two, sizeof two) != len || memcmp(one, two, len) != 0))
            *wrong = "the scanner's message is encoded otherwise";
        else if (len > 0)
            *wrong = what_does_not_come_back(c, &m, one, len);
        else if (n < DATAGRAM_MAX / 6)
            *wrong = "it cannot be encoded";
    }
    return *wrong ? WIRE_WRONG : WIRE_ACCEPTED;
}
