/* How fast the replica is, against itself without a trace, and against etcd and Redis where they are installed: the
 * same clients, keys and values, on this machine, in one run. Everything is a real process on loopback.
 *
 * Kinds that are compared with each other closely run at the same time and take turns under load, so that what else
 * happens on the machine meets them alike. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc_client.h"
#include "recovery.h"
#include "resp_client.h"
#include "results.h"
#include "udp_client.h"

enum { ROUNDS = 3, RECOVERY_ENTRIES = 1000000, MEMORY_CLIENTS = 64 };
static const unsigned clients_of[] = {1, 8, 64};
#define CLIENT_STEPS (sizeof clients_of / sizeof *clients_of)

/* etcd's clients share connections; one is best for few clients, several for many. */
static const unsigned etcd_connections[CLIENT_STEPS] = {1, 1, 8};

struct bench {
    const char *replica, *json, *only; /* only: what to measure, NULL = all */
    const char *disk, *ram;            /* directories that are on a disk and in memory */
    bool quick;
    double warm_s, measure_s;
    unsigned rounds;
    struct results results;
};

static void interrupted(int sig)
{
    (void)sig;
    load_interrupted = 1;
}

static bool wanted(const struct bench *b, const char *part)
{
    return !load_interrupted && (!b->only || strcmp(b->only, part) == 0);
}

static void complain(const char *what, const char *err)
{
    fprintf(stderr, "bench_replica: %s: %s\n", what, err);
}

static struct cell *new_cell(struct bench *b, const struct cell *like)
{
    if (b->results.n == RESULTS_MAX)
        abort();
    struct cell *c = &b->results.cell[b->results.n++];
    *c = *like;
    return c;
}

/* ---- our own replicas ---- */

static bool replica_round(const struct bench *b, struct cell *c, struct members *m, char err[LOAD_ERR_LEN])
{
    struct udp_client *u = udp_client_new(m->port, m->n);
    if (!u) {
        snprintf(err, LOAD_ERR_LEN, "no socket for the clients");
        return false;
    }
    const struct load_server server = udp_client_server(u);
    bool well = cell_round(c, m, &server, b->warm_s, b->measure_s, err);
    if (udp_client_retries(u) > 0)
        fprintf(stderr, "bench_replica: %llu requests were asked again for want of an answer\n",
                (unsigned long long)udp_client_retries(u));
    m->leader = udp_client_leader(u);
    udp_client_free(u);
    return well;
}

/* Two groups of a kind, with and without a trace, in turns. */
static bool replicas(struct bench *b, unsigned n, const char *storage, enum load_op op, const char *reads)
{
    struct members m[2];
    char err[LOAD_ERR_LEN];
    bool well = true;
    for (unsigned k = 0; k < 2; k++) {
        const struct replica_kind kind = {.program = b->replica,
                                          .reads = *reads ? reads : "lease",
                                          .durable = strcmp(storage, "disk") == 0,
                                          .traced = k == 0,
                                          .compact = true};
        if (well)
            well = members_start_replicas(&m[k], n, &kind, b->disk, err);
        else
            m[k] = (struct members){0};
    }
    for (unsigned s = 0; well && s < CLIENT_STEPS; s++) {
        struct cell *c[2];
        for (unsigned k = 0; k < 2; k++)
            c[k] = new_cell(b, &(struct cell){.system = "faultline",
                                              .storage = storage,
                                              .reads = reads,
                                              .members = n,
                                              .clients = clients_of[s],
                                              .traced = k == 0,
                                              .op = op});
        for (unsigned i = 0; well && i < 2 * b->rounds; i++)
            well = replica_round(b, c[i % 2], &m[i % 2], err);
        for (unsigned k = 0; well && k < 2; k++)
            results_row(c[k]);
    }
    if (!well)
        complain("replicas", err);
    members_stop(&m[0]);
    members_stop(&m[1]);
    return well;
}

/* What a replica's resident memory grows by for each entry that it must keep. */
static bool memory_of_entries(struct bench *b)
{
    struct members m;
    char err[LOAD_ERR_LEN];
    const struct replica_kind kind = {.program = b->replica, .reads = "lease", .compact = false};
    struct cell c = {.members = 3, .clients = MEMORY_CLIENTS, .op = LOAD_PUT};
    bool well = members_start_replicas(&m, 3, &kind, b->disk, err) && replica_round(b, &c, &m, err);
    if (well) {
        uint64_t before = process_rss(m.pid[m.leader]), warm = c.load.all;
        well = replica_round(b, &c, &m, err);
        if (well && c.load.all > warm)
            b->results.bytes_per_entry = (double)(process_rss(m.pid[m.leader]) - before) / (double)(c.load.all - warm);
    }
    if (!well)
        complain("memory of entries", err);
    members_stop(&m);
    return well;
}

/* ---- others ---- */

static bool etcd(struct bench *b, const char *parent, const char *storage, enum load_op op)
{
    struct members m;
    char err[LOAD_ERR_LEN];
    bool well = members_start_etcd(&m, parent, err);
    for (unsigned s = 0; well && s < CLIENT_STEPS; s++) {
        struct cell *c = new_cell(
            b,
            &(struct cell){
                .system = "etcd", .storage = storage, .reads = "", .members = 3, .clients = clients_of[s], .op = op});
        struct grpc_client *g = grpc_client_new(m.port[m.leader], etcd_connections[s]);
        const struct load_server server = grpc_client_server(g);
        for (unsigned i = 0; well && i < b->rounds; i++)
            well = g && cell_round(c, &m, &server, b->warm_s, b->measure_s, err);
        grpc_client_free(g);
        if (well)
            results_row(c);
    }
    if (!well)
        complain("etcd", err);
    members_stop(&m);
    return well;
}

static bool redis(struct bench *b)
{
    struct members m;
    char err[LOAD_ERR_LEN];
    bool well = members_start_redis(&m, b->disk, err);
    for (unsigned s = 0; well && s < 2 * CLIENT_STEPS; s++) {
        struct cell *c = new_cell(b, &(struct cell){.system = "redis",
                                                    .storage = "memory",
                                                    .reads = "",
                                                    .members = 3,
                                                    .clients = clients_of[s % CLIENT_STEPS],
                                                    .op = s < CLIENT_STEPS ? LOAD_PUT : LOAD_GET});
        struct resp_client *r = resp_client_new(m.port[0], c->clients);
        const struct load_server server = resp_client_server(r);
        for (unsigned i = 0; well && i < b->rounds; i++)
            well = r && cell_round(c, &m, &server, b->warm_s, b->measure_s, err);
        resp_client_free(r);
        if (well)
            results_row(c);
    }
    if (!well)
        complain("redis", err);
    members_stop(&m);
    return well;
}

/* ---- all of it ---- */

static bool others(struct bench *b)
{
    bool well = true;
    if (!process_found("etcd"))
        printf("etcd is not installed (Debian: etcd-server): not compared\n");
    else if (wanted(b, "etcd"))
        well = etcd(b, b->disk, "disk", LOAD_PUT) && etcd(b, b->ram, "ram", LOAD_PUT) &&
               (b->quick || etcd(b, b->ram, "ram", LOAD_GET));
    if (!process_found("redis-server"))
        printf("redis is not installed (Debian: redis-server): not compared\n");
    else if (well && wanted(b, "redis"))
        well = redis(b);
    return well;
}

static bool ours(struct bench *b)
{
    static const char *const storages[] = {"memory", "disk"};
    bool well = true;
    for (unsigned n = 3; n <= (b->quick ? 3 : 5); n += 2)
        for (unsigned k = 0; k < 2; k++)
            if (well && wanted(b, storages[k]))
                well = replicas(b, n, storages[k], LOAD_PUT, "");
    if (well && wanted(b, "get"))
        well = replicas(b, 3, "memory", LOAD_GET, "lease") && replicas(b, 3, "memory", LOAD_GET, "index");
    if (well && wanted(b, "entries"))
        well = memory_of_entries(b);
    return well;
}

static bool recovery(struct bench *b)
{
    char err[LOAD_ERR_LEN];
    if (!wanted(b, "recovery"))
        return true;
    if (recovery_measure(&b->results.recovery, b->quick ? RECOVERY_ENTRIES / 10 : RECOVERY_ENTRIES, b->replica, b->disk,
                         err))
        return true;
    complain("recovery", err);
    return false;
}

int main(int argc, char **argv)
{
    static struct bench b = {.warm_s = 0.3, .measure_s = 1, .rounds = ROUNDS, .ram = "/dev/shm"};
    const char *tmp = getenv("TMPDIR");
    b.disk = tmp && *tmp ? tmp : "/tmp";
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--quick") == 0) {
            b.quick = true;
            continue;
        }
        if (value && strcmp(argv[i], "--replica") == 0)
            b.replica = value;
        else if (value && strcmp(argv[i], "--json") == 0)
            b.json = value;
        else if (value && strcmp(argv[i], "--only") == 0)
            b.only = value;
        else {
            fprintf(stderr,
                    "usage: %s --replica PROGRAM [--json FILE] [--quick] [--only "
                    "memory|disk|get|entries|recovery|etcd|redis]\n",
                    argv[0]);
            return 64;
        }
        i++;
    }
    if (!b.replica) {
        fprintf(stderr, "bench_replica: which replica? --replica PROGRAM\n");
        return 64;
    }
    if (b.quick) {
        b.rounds = 1;
        b.measure_s = 0.5;
    }
    sigaction(SIGINT, &(struct sigaction){.sa_handler = interrupted}, NULL);
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = interrupted}, NULL);
    results_heading();
    bool well = ours(&b) && others(&b) && recovery(&b);
    results_ratios(&b.results);
    if (b.json && !results_json(&b.results, b.json)) {
        fprintf(stderr, "bench_replica: cannot write %s\n", b.json);
        return 73;
    }
    return well ? 0 : 1;
}
