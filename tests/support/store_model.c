#include "store_model.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ELECTION_US 1000000

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

/* ---- entries ---- */

void model_make(struct model_entry *m, uint64_t index, uint64_t term, unsigned flavour)
{
    uint64_t h = (index + flavour * 1000003) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 29;
    m->e =
        (struct entry){.index = index, .term = term, .op = ENTRY_PUT, .mid = m->mid, .key = m->key, .value = m->value};
    m->mid[0] = m->key[0] = m->value[0] = '\0';
    if (h % 31 == 0) {
        m->e.op = ENTRY_NOOP;
        m->e.client = NODE_NONE;
    } else {
        m->e.client = (node_id)(0x0100 + h % 3);
        /* A request that was seen before, with the same client when that falls so, and a key of its own. */
        uint64_t of = h % 13 == 0 && index > 9 ? index - 9 : index;
        snprintf(m->mid, sizeof m->mid, "M%llu-%u", (unsigned long long)of, flavour);
        snprintf(m->key, sizeof m->key, h % 13 ? "k%llu" : "only'%llu", (unsigned long long)(h >> 8) % 200);
        snprintf(
            m->value, sizeof m->value, "%llu \u20ac %.*s", (unsigned long long)index, (int)(h >> 16) % 300,
            "......................................................................................................"
            "......................................................................................................"
            "......................................................................................................");
    }
    m->e.hash = entry_hash(&m->e);
}

/* ---- the follower ---- */

static void start(struct model *m, const struct raft_restored *restored, struct kv *kv)
{
    static const node_id peers[] = {MODEL_LEADER, 0x000C};
    struct raft_config cfg = {.id = MODEL_ID,
                              .peers = peers,
                              .n_peers = 2,
                              .election_min_us = ELECTION_US,
                              .election_max_us = ELECTION_US,
                              .heartbeat_us = 1000,
                              .retry_us = 1000,
                              .hold_us = 1000,
                              .hold_max = 10,
                              .append_bytes = RAFT_ENTRY_BYTES_MAX,
                              .chunk_bytes = 1000,
                              .restored = restored};
    *m = (struct model){.now_us = 1, .kv = kv};
    m->core = raft_new(&cfg, m->now_us, &m->fx);
    must(m->core && m->kv, "model");
}

void model_init(struct model *m)
{
    start(m, NULL, kv_new());
}

void model_restore(struct model *m, const struct store_found *found)
{
    start(m, &found->core, found->kv);
}

void model_free(struct model *m)
{
    raft_free(m->core);
    raft_effects_free(&m->fx);
    kv_free(m->kv);
}

static void step(struct model *m, struct message *message)
{
    message->src = MODEL_LEADER;
    message->dst = MODEL_ID;
    message->leader = MODEL_LEADER;
    snprintf(message->mid, sizeof message->mid, "L-%llu", (unsigned long long)++m->now_us);
    raft_step(m->core, &(struct raft_event){.type = RAFT_EVENT_MESSAGE, .now_us = m->now_us, .message = message},
              &m->fx);
    while (kv_applied(m->kv) < raft_brief(m->core).applied)
        kv_apply(m->kv, raft_entry(m->core, kv_applied(m->kv) + 1));
}

uint64_t model_term_at(const struct model *m, uint64_t index)
{
    uint64_t base_term;
    return index == raft_base(m->core, &base_term) ? base_term : raft_entry(m->core, index)->term;
}

void model_append_these(struct model *m, uint64_t term, uint64_t prev, const struct entry *const *entries, size_t n,
                        uint64_t commit)
{
    struct message message = {.type = MESSAGE_APP_REQ,
                              .term = term,
                              .prev_index = prev,
                              .prev_term = model_term_at(m, prev),
                              .commit = commit,
                              .n_entries = n,
                              .entries = entries};
    step(m, &message);
    must(raft_brief(m->core).term == term && raft_brief(m->core).last >= prev + n, "the core did not append");
}

void model_append(struct model *m, uint64_t term, uint64_t prev, size_t n, unsigned flavour, uint64_t commit)
{
    struct model_entry *made = calloc(n + 1, sizeof *made);
    const struct entry **entries = calloc(n + 1, sizeof *entries);
    must(made && entries, "memory");
    for (size_t i = 0; i < n; i++) {
        model_make(&made[i], prev + 1 + i, term, flavour);
        entries[i] = &made[i].e;
    }
    size_t some = n < MESSAGE_ENTRIES_MAX ? n : MESSAGE_ENTRIES_MAX;
    model_append_these(m, term, prev, entries, some, commit);
    bool voted = m->fx.persist_vote;
    uint64_t truncated = m->fx.truncated_from, appended = m->fx.appended_from;
    for (size_t done = some; done < n; done += some) {
        some = n - done < MESSAGE_ENTRIES_MAX ? n - done : MESSAGE_ENTRIES_MAX;
        model_append_these(m, term, prev + done, entries + done, some, commit);
    }
    m->fx.persist_vote = voted; /* as if it had been one step */
    m->fx.truncated_from = truncated;
    m->fx.appended_from = appended;
    free(entries);
    free(made);
}

void model_vote(struct model *m, uint64_t term)
{
    struct message message = {
        .type = MESSAGE_VOTE_REQ, .term = term, .last_index = raft_brief(m->core).last + 1, .last_term = term - 1};
    m->now_us += 2 * ELECTION_US; /* a follower that heard its leader lately does not listen */
    step(m, &message);
}

struct store_change model_change(const struct model *m)
{
    return (struct store_change){.core = m->core,
                                 .kv = m->kv,
                                 .vote = m->fx.persist_vote,
                                 .truncated_from = m->fx.truncated_from,
                                 .appended_from = m->fx.appended_from};
}

struct kv *model_kv(uint64_t applied)
{
    struct kv *kv = kv_new();
    struct model_entry m;
    must(kv, "memory");
    for (uint64_t i = 1; i <= applied; i++) {
        model_make(&m, i, 1, 0);
        kv_apply(kv, &m.e);
    }
    return kv;
}

/* ---- files ---- */

char *model_dir(void)
{
    char *dir = strdup("/tmp/faultline-store-XXXXXX");
    must(dir && mkdtemp(dir), "mkdtemp");
    return dir;
}

void model_remove(char *dir)
{
    DIR *d = opendir(dir);
    must(d, dir);
    for (struct dirent *e; (e = readdir(d));) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] != '.')
            must(unlink(path) == 0, path);
    }
    closedir(d);
    must(rmdir(dir) == 0, dir);
    free(dir);
}

unsigned char *model_bytes(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    *n = 0;
    if (!f)
        return NULL;
    unsigned char *bytes = malloc(64 << 20);
    must(bytes, "memory");
    *n = fread(bytes, 1, 64 << 20, f);
    fclose(f);
    return bytes;
}
