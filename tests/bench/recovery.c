#include "recovery.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../src/store.h"
#include "members.h"

#define ANSWER_NS UINT64_C(60000000000) /* a replica that is not back after that long has failed */

/* The log: the no-op of term 1 and then puts to LOAD_KEYS keys. */
struct written {
    uint64_t next, entries;
    char mid[24], key[LOAD_TEXT + 1], value[LOAD_TEXT + 1];
};

static bool next_entry(void *ctx, struct entry *e)
{
    struct written *w = ctx;
    if (w->next > w->entries)
        return false;
    uint64_t i = w->next++;
    *e =
        (struct entry){.index = i, .term = 1, .op = ENTRY_NOOP, .client = NODE_NONE, .mid = "", .key = "", .value = ""};
    if (i > 1) {
        snprintf(w->mid, sizeof w->mid, "R%015llX", (unsigned long long)i);
        snprintf(w->key, sizeof w->key, "BENCHKEY%024llX", (unsigned long long)(i % LOAD_KEYS));
        snprintf(w->value, sizeof w->value, "%032llX", (unsigned long long)i);
        e->op = ENTRY_PUT;
        e->client = (node_id)(0x1000 + i % LOAD_CLIENTS_MAX);
        e->mid = w->mid;
        e->key = w->key;
        e->value = w->value;
    }
    e->hash = entry_hash(e);
    return true;
}

/* A store of replica 0000 that holds all of the log and none of it applied, as a replica leaves it that is killed. */
static bool build(struct recovery *out, const char *dir, char err[LOAD_ERR_LEN])
{
    struct store *s;
    struct store_found found;
    char words[STORE_ERR_LEN];
    if (store_open(&s, &(struct store_options){.dir = dir, .id = 0, .cluster = "faultline"}, &found, words) !=
            STORE_OPENED ||
        !store_restored(s, words)) {
        snprintf(err, LOAD_ERR_LEN, "%.250s", words);
        return false;
    }
    struct written w = {.next = 1, .entries = out->entries};
    const struct raft_restored restored = {.term = 1, .voted = 0, .next_entry = next_entry, .ctx = &w};
    const struct raft_config config = {.id = 0,
                                       .election_min_us = 1000000,
                                       .election_max_us = 2000000,
                                       .heartbeat_us = 500000,
                                       .retry_us = 50000,
                                       .hold_us = 1000000,
                                       .hold_max = 16,
                                       .append_bytes = 60000,
                                       .chunk_bytes = 1000,
                                       .restored = &restored,
                                       .seed = 1};
    struct raft_effects fx = {0};
    struct raft *core = raft_new(&config, 0, &fx);
    uint64_t begin = load_now_ns();
    bool well =
        core && store_save(s, &(struct store_change){.core = core, .kv = found.kv, .vote = true, .appended_from = 1});
    out->build_s = (double)(load_now_ns() - begin) / 1e9;
    if (!well)
        snprintf(err, LOAD_ERR_LEN, "%.250s", core ? store_error(s) : "no core");
    raft_effects_free(&fx);
    raft_free(core);
    kv_free(found.kv);
    store_close(s);
    return well;
}

/* Asks for its status until it tells it; false: it does not, or has fewer entries. */
static bool ask_status(struct members *m, uint64_t entries, char err[LOAD_ERR_LEN])
{
    static const char question[] = "{\"src\":\"1000\",\"dst\":\"0000\",\"leader\":\"FFFF\",\"type\":\"status\","
                                   "\"MID\":\"BENCHRECOVERY000\"}";
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(m->port[0]), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval wait = {.tv_usec = 10000};
    char answer[4096] = "";
    uint64_t begin = load_now_ns();
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ssize_t n = -1;
    while (n <= 0 && fd >= 0 && !load_interrupted && !process_gone(m->pid[0]) && load_now_ns() - begin < ANSWER_NS) {
        (void)sendto(fd, question, sizeof question - 1, 0, (struct sockaddr *)&to, sizeof to);
        n = recv(fd, answer, sizeof answer - 1, 0);
    }
    if (fd >= 0)
        close(fd);
    const char *last = strstr(answer, "\"last\":");
    if (last && strtoull(last + strlen("\"last\":"), NULL, 10) >= entries)
        return true;
    members_blame(m, 0, n > 0 ? "the replica lacks entries" : "the replica is not back", err);
    return false;
}

bool recovery_measure(struct recovery *out, uint64_t entries, const char *program, const char *parent,
                      char err[LOAD_ERR_LEN])
{
    struct members m;
    *out = (struct recovery){.entries = entries};
    bool well = members_prepare(&m, 1, parent, err) && build(out, m.dir, err);
    char file[PROCESS_PATH + 16], listen[32];
    snprintf(file, sizeof file, "%s/0000.db", m.dir);
    snprintf(listen, sizeof listen, "127.0.0.1:%u", m.port[0]);
    struct stat st = {0};
    (void)stat(file, &st);
    out->file_bytes = (uint64_t)st.st_size;
    const char *const argv[] = {program, "--trace", "off", "--data", m.dir, "--listen", listen, "0000", NULL};
    uint64_t begin = load_now_ns();
    well = well && members_launch(&m, 0, argv, err) && ask_status(&m, entries, err);
    out->seconds = (double)(load_now_ns() - begin) / 1e9;
    if (!well)
        out->entries = 0;
    members_stop(&m);
    return well;
}
