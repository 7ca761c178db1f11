/* wire.h -- struct message <-> one JSON datagram.
 *
 * With clients (and in hello): exactly the fields of the course's protocol. A fail may also say "why", for a person.
 * After the common src, dst, leader, type, MID an administrator's client has
 *
 *   change       op node address            op: "add", "remove", "transfer"; address only with "add", "" allowed;
 *                                           node "FFFF" only with "transfer": to whoever is fit
 *   status                                  and its answer:
 *   status_res   term role boot commit applied first last keys lease_ms durable members
 *                                           members: [[id,address,state,match,next,silent_ms], ...], at most 22
 *
 * and replicas have, after lc and term too,
 *
 *   prevote_req, vote_req   lli llt                      the candidate's tail; "xfer":true when the leader asked for it
 *   prevote_res, vote_res   re ok
 *   app_req                 pi pt lci round ts ents      ents: [[term,"put",client,mid,key,value], [term,"noop"],
 *                                                               [term,"conf",client,mid,members], ...]
 *   app_res                 re ok round ts mi            or, with "ok":false, hint hterm in place of mi
 *   snap_req                ts si st off size digest conf data    digest: 16 lower-case hex digits; data: base64
 *   snap_res                re ts si st off
 *   transfer
 *
 * A conf entry that the group made itself, and only that, has client "FFFF" and mid "". Members are the text of
 * message.h, kept as it is: whether it makes sense is the core's to say.
 *
 * Ids are strings of exactly four upper-case hex digits; integers are 0 to WIRE_INT_MAX. Fields that a type does not
 * have are ignored. Neither direction touches anything but its arguments. */
#ifndef FAULTLINE_WIRE_H
#define FAULTLINE_WIRE_H

#include "message.h"

/* The greatest integer that every JSON reader keeps exact. */
#define WIRE_INT_MAX ((UINT64_C(1) << 53) - 1)

/* Four digits and a NUL. */
#define NODE_TEXT 5
void wire_node_text(node_id id, char out[NODE_TEXT]);
/* False unless `text` is exactly four upper-case hex digits: two spellings of one id would be two addresses to the
 * network, which compares them as text. */
bool wire_node_parse(const char *text, node_id *id);

/* The `type` on the wire, such as "app_req". */
const char *wire_type_name(enum message_type type);
/* Is it one of the messages between replicas? Those carry a Lamport clock and a MID of the sender's making. */
bool wire_between_replicas(enum message_type type);

/* Writes the datagram, without a NUL, into `out` of `room` bytes (DATAGRAM_MAX is always enough for what the core
 * sends). Returns its length, or 0 when it does not fit: `out` then holds nothing of use. */
size_t wire_encode(const struct message *m, char *out, size_t room);

/* Why a datagram is not a message. */
struct wire_refusal {
    const char *why;  /* a reason of the record msg.bad; static */
    const char *what; /* the field, or what is wrong with the text; static; never NULL */
    node_id src;      /* who claims to have sent it; NODE_NONE when that cannot be told */
};

/* Memory of decoded messages, used again by each decode. */
struct wire_decoder;
struct wire_decoder *wire_decoder_new(void);    /* NULL: out of memory */
void wire_decoder_free(struct wire_decoder *d); /* NULL is allowed */

/* Decodes one datagram of `n` bytes; `bytes` need not live longer than the call. On success fills `m`, whose strings,
 * entries, data and status belong to `d` until its next decode; entries have their index (prev_index + 1 + k) and hash.
 * On failure fills `refusal`; `m` is then undefined. Any bytes are allowed. */
bool wire_decode(struct wire_decoder *d, const void *bytes, size_t n, struct message *m, struct wire_refusal *refusal);

#endif
