/* seal.h -- datagrams that only holders of the group's key can make, and that count once.
 *
 * A sealed datagram is
 *
 *   "FLS1", kind (1 byte), session (8), counter (8, big endian), payload, tag (32)
 *
 * where tag = HMAC-SHA-256 over all before it (libsodium's crypto_auth_hmacsha256), under a key derived from the secret
 * and the group's name. It is not encrypted. Each process draws a session at random when it starts, and counts its
 * datagrams.
 *
 * Replay. A receiver keeps, for each session, the highest counter and which of the SEAL_WINDOW below it have come: a
 * datagram is taken once, and not at all when it is older. Whether a session that it does not know is alive it cannot
 * tell from the datagram, which may have been recorded before the receiver started. So it drops that datagram and
 * answers with a challenge, a random nonce; the sender, if it lives, answers with a proof, the nonce under a new
 * counter; the receiver takes what has counters above the proof's. What was dropped is sent again by those who wait for
 * an answer, as after any loss. A nonce is good for one proof, so recorded proofs are worth nothing. No clocks are
 * compared.
 *
 * What is left to an attacker who can see and send datagrams: to hold them back or lose them, to read them, and to
 * deliver one to another member than it was meant for (who then ignores it: `dst` is in the payload).
 *
 * A client (SEAL_CLIENT) challenges nobody: that an answer bears the random MID of its question proves it fresh.
 *
 * One thread per struct seal. */
#ifndef FAULTLINE_SEAL_H
#define FAULTLINE_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#define SEAL_KEY_BYTES 32
#define SEAL_OVERHEAD  53
#define SEAL_WINDOW    1024
/* The longest challenge or proof. */
#define SEAL_REPLY_MAX (SEAL_OVERHEAD + 24)
#define SEAL_ERR_LEN   400
/* The least a secret may have. */
#define SEAL_SECRET_MIN 32

/* Reads the secret (64 hex digits, white space around them; or SEAL_SECRET_MIN bytes or more of anything) and derives
 * the key of this group. False, with one line in `err`: the file cannot be read, others than its owner may read or
 * write it, or it is too short. */
bool seal_read_key(const char *file, const char *cluster, unsigned char key[SEAL_KEY_BYTES], char err[SEAL_ERR_LEN]);

enum seal_side { SEAL_REPLICA, SEAL_CLIENT };

struct seal;
/* A new session. Aborts when there is no memory or no randomness. */
struct seal *seal_new(const unsigned char key[SEAL_KEY_BYTES], enum seal_side side);
void seal_free(struct seal *s); /* NULL is allowed */

/* Seals `n` bytes into `out`, which has room for SEAL_OVERHEAD more. Returns the length. */
size_t seal_wrap(struct seal *s, const void *payload, size_t n, unsigned char *out);

enum seal_opened {
    SEAL_PAYLOAD, /* *payload, *payload_n: within `bytes` */
    SEAL_REPLY,   /* send `reply`, of *reply_n bytes, back to where the datagram came from */
    SEAL_NOTHING, /* a proof, or a challenge that is not ours; or what its session's proof overtook: dropped */
    SEAL_BAD,     /* not sealed with our key, or altered */
    SEAL_REPLAYED /* sealed with our key, but taken or dropped before, or too old to tell */
};
enum seal_opened seal_open(struct seal *s, const void *bytes, size_t n, const char **payload, size_t *payload_n,
                           unsigned char reply[SEAL_REPLY_MAX], size_t *reply_n);

#endif
