/* kv_group.h -- for tests: replica processes that talk directly over loopback, with their state on disk, and the client
 * program. Anything that fails here fails the test; time limits only end a test that would hang. */
#ifndef FAULTLINE_TEST_KV_GROUP_H
#define FAULTLINE_TEST_KV_GROUP_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#define KV_GROUP_MAX 4
#define KV_OUT       65536

struct kv_group {
    unsigned n;     /* members at the start: ids 0001, 0002, ... */
    char dir[4096]; /* NNNN.out, data/, traces/, key */
    char at[KV_GROUP_MAX][64];
    pid_t pid[KV_GROUP_MAX]; /* 0: not running */
    bool sealed;             /* with a key, DIR/key */
    char key_file[4200];
    char out[KV_OUT]; /* what the client printed last */
};

/* Addresses and directories; false: this machine has no such loopback interface. `family`: AF_INET or AF_INET6. */
bool kv_group_init(struct kv_group *g, unsigned n, int family, bool sealed);
/* Starts replica `i`, a member at the start or (`join`) one that waits to be added. */
void kv_group_start(struct kv_group *g, unsigned i, bool join);
/* Ends it by the signal and returns the status of waitpid(). */
int kv_group_end(struct kv_group *g, unsigned i, int sig);
/* Kills what runs, and removes the directory. */
void kv_group_clean(struct kv_group *g);

/* Runs the client with these words, after --server with all addresses and --timeout-ms; its exit status. */
int kv_run(struct kv_group *g, const char *const *words);
#define KV(g, ...) kv_run((g), (const char *const[]){__VA_ARGS__, NULL})
/* `status --json`; the caller's. */
json_t *kv_status(struct kv_group *g);
/* Waits until somebody leads, and `n` replicas at least have applied what the leader has committed. Returns which
 * leads. */
unsigned kv_settled(struct kv_group *g, unsigned n);
/* How many records msg.bad with that reason the traces of replica `i` hold. */
unsigned kv_refused(const struct kv_group *g, unsigned i, const char *why);

#endif
