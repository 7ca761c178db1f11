/* bench_load.c -- how fast a run of a million records becomes a database, and is checked.
 *
 * bench_load [RECORDS] [DIR]: with DIR the traces and the database are kept there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../analyze/check.h"
#include "../../analyze/load.h"
#include "load_floor.h"
#include "trace.h"

enum { REPLICAS = 5, LEADER = 0, KEYS = 50 };

/* Five replicas behind a simulator serving one client operation after the other; two datagrams in a hundred are lost,
 * one is duplicated. */
struct world {
    struct trace_writer *sim, *replica[REPLICAS];
    struct trace_state state[REPLICAS];
    char id[REPLICAS][8];
    int64_t t, d, records, mid[REPLICAS], random;
    char value[KEYS][32];
};

static int64_t chance(struct world *w)
{
    w->random = (int64_t)((uint64_t)w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407));
    return (int64_t)((uint64_t)w->random >> 33) % 100;
}

static struct trace_writer *open_writer(const char *dir, const char *node)
{
    char err[TRACE_ERR_LEN];
    struct trace_writer *t = trace_writer_open(
        &(struct trace_writer_options){.dir = dir, .node = node, .boot = 1, .buffer_bytes = 4 << 20}, err);
    if (t == NULL) {
        fprintf(stderr, "%s\n", err);
        exit(1);
    }
    static const char *const peers[] = {"0000", "0001", "0002", "0003", "0004"};
    trace_put_trace_open(t, &(struct trace_rec_trace_open){.schema = TRACE_SCHEMA,
                                                           .v = TRACE_VERSION,
                                                           .run = "bench",
                                                           .clk = "virtual",
                                                           .pid = 1,
                                                           .impl = "bench",
                                                           .peers = {peers, REPLICAS}});
    return t;
}

static void at(struct world *w, struct trace_writer *t, int64_t ns)
{
    w->t += ns;
    trace_set_time(t, w->t);
}

static void counted(struct world *w, struct trace_writer *t)
{
    w->records++;
    if ((w->records & 1023) == 0)
        trace_flush(t);
}

/* The datagram from `src` to `dst` through the simulator. True when it got through. */
static bool cross(struct world *w, const char *src, const char *dst, const char *type, const char *mid, int64_t term)
{
    int64_t d = ++w->d, luck = chance(w);
    at(w, w->sim, 20000);
    trace_set_cause(w->sim, 0);
    int64_t in = trace_put_net_in(w->sim, &(struct trace_rec_net_in){.d = d,
                                                                     .src = src,
                                                                     .dst = dst,
                                                                     .ty = type,
                                                                     .mid = mid,
                                                                     .sz = 180,
                                                                     .h = "0123456789abcdef",
                                                                     .term = TRACE_OPT(term),
                                                                     .ld = "0000"});
    trace_set_cause(w->sim, in);
    at(w, w->sim, 300000);
    counted(w, w->sim);
    counted(w, w->sim);
    if (luck < 2) {
        trace_put_net_drop(w->sim,
                           &(struct trace_rec_net_drop){.d = d, .cp = 1, .src = src, .dst = dst, .why = "loss"});
        return false;
    }
    trace_put_net_out(w->sim, &(struct trace_rec_net_out){.d = d, .cp = 1, .src = src, .dst = dst, .dly = 300000});
    if (luck == 2) {
        trace_put_net_dup(w->sim, &(struct trace_rec_net_dup){.d = d, .cp = 2});
        trace_put_net_drop(w->sim,
                           &(struct trace_rec_net_drop){.d = d, .cp = 2, .src = src, .dst = dst, .why = "loss"});
        w->records += 2;
    }
    return true;
}

static void send_to(struct world *w, int from, const char *to, const char *type, const char *mid, const char *key)
{
    struct trace_writer *t = w->replica[from];
    at(w, t, 2000);
    trace_set_state(t, &w->state[from]);
    trace_put_msg_send(t, &(struct trace_rec_msg_send){.to = to,
                                                       .ty = type,
                                                       .mid = mid,
                                                       .mterm = TRACE_OPT(1),
                                                       .key = key,
                                                       .pi = TRACE_OPT(w->state[from].li - 1),
                                                       .pt = TRACE_OPT(1),
                                                       .lci = TRACE_OPT(w->state[from].ci)});
    counted(w, t);
}

static void receive(struct world *w, int node, const char *from, const char *type, const char *mid)
{
    struct trace_writer *t = w->replica[node];
    at(w, t, 5000);
    trace_set_state(t, &w->state[node]);
    for (int i = 0; i < REPLICAS; i++) {
        if (strcmp(from, w->id[i]) == 0)
            trace_observe_lc(t, trace_lc(w->replica[i]));
    }
    trace_set_cause(t, 0);
    trace_set_cause(t, trace_put_msg_recv(t, &(struct trace_rec_msg_recv){.from = from,
                                                                          .ty = type,
                                                                          .mid = mid,
                                                                          .mterm = TRACE_OPT(1),
                                                                          .pi = TRACE_OPT(w->state[node].li),
                                                                          .pt = TRACE_OPT(1)}));
    counted(w, t);
}

static void append(struct world *w, int node, int64_t idx, const char *key, const char *val, const char *req)
{
    struct trace_writer *t = w->replica[node];
    w->state[node].li = idx;
    trace_set_state(t, &w->state[node]);
    trace_put_log_append(t, &(struct trace_rec_log_append){.idx = idx,
                                                           .eterm = 1,
                                                           .op = "put",
                                                           .h = "00ffee00ffee00ff",
                                                           .key = key,
                                                           .val = val,
                                                           .req = req,
                                                           .cli = "0010"});
    at(w, t, 100000);
    trace_put_disk_sync(
        t, &(struct trace_rec_disk_sync){.what = "log", .upto = TRACE_OPT(idx), .uptot = TRACE_OPT(1), .us = 100});
    w->records++;
    counted(w, t);
}

static void commit(struct world *w, int node, int64_t upto, const char *why)
{
    struct trace_writer *t = w->replica[node];
    struct trace_state *s = &w->state[node];
    if (upto <= s->ci)
        return;
    int64_t old = s->ci;
    s->ci = upto;
    trace_set_state(t, s);
    trace_put_commit_advance(t, &(struct trace_rec_commit_advance){.old = old, .new = upto, .why = why});
    counted(w, t);
    while (s->ai < s->ci) {
        s->ai++;
        trace_set_state(t, s);
        trace_put_apply(t, &(struct trace_rec_apply){.idx = s->ai, .eterm = 1, .op = "put", .h = "00ffee00ffee00ff"});
        counted(w, t);
    }
}

static void operation(struct world *w, int64_t n)
{
    char op[32], mid[48], val[32], key[16], m[48];
    bool write = n % 2 == 0;
    int k = (int)(n / 2 % KEYS);
    snprintf(op, sizeof op, "0010:%" PRId64, n);
    snprintf(mid, sizeof mid, "0010:%" PRId64 "#1", n);
    snprintf(val, sizeof val, "0010.%" PRId64, n);
    snprintf(key, sizeof key, "k%d", k);

    at(w, w->sim, 1000000);
    trace_set_cause(w->sim, 0);
    trace_put_op_invoke(
        w->sim, &(struct trace_rec_op_invoke){
                    .op = op, .cli = "0010", .f = write ? "put" : "get", .key = key, .val = write ? val : NULL});
    trace_put_op_try(w->sim, &(struct trace_rec_op_try){.op = op, .att = 1, .mid = mid, .to = "0000"});
    w->records += 2;
    if (!cross(w, "0010", "0000", write ? "put" : "get", mid, 1)) {
        trace_put_op_return(w->sim, &(struct trace_rec_op_return){.op = op, .res = "info", .why = "unanswered"});
        counted(w, w->sim);
        return;
    }
    receive(w, LEADER, "0010", write ? "put" : "get", mid);
    if (write)
        append(w, LEADER, w->state[LEADER].li + 1, key, val, mid);
    int64_t idx = w->state[LEADER].li;
    for (int i = 1; i < REPLICAS; i++) {
        snprintf(m, sizeof m, "0000-1-%" PRId64, ++w->mid[LEADER]);
        send_to(w, LEADER, w->id[i], "app_req", m, NULL);
        if (!cross(w, "0000", w->id[i], "app_req", m, 1))
            continue;
        receive(w, i, "0000", "app_req", m);
        while (w->state[i].li < idx)
            append(w, i, w->state[i].li + 1, key, val, mid);
        commit(w, i, w->state[LEADER].ci, "leader_commit");
        snprintf(m, sizeof m, "%s-1-%" PRId64, w->id[i], ++w->mid[i]);
        send_to(w, i, "0000", "app_res", m, NULL);
        if (cross(w, w->id[i], "0000", "app_res", m, 1))
            receive(w, LEADER, w->id[i], "app_res", m);
    }
    commit(w, LEADER, idx, "quorum");
    if (write)
        snprintf(w->value[k], sizeof w->value[k], "%s", val);
    trace_put_req_reply(
        w->replica[LEADER],
        &(struct trace_rec_req_reply){
            .req = mid, .cli = "0010", .op = write ? "put" : "get", .res = "ok", .key = key, .val = w->value[k]});
    counted(w, w->replica[LEADER]);
    send_to(w, LEADER, "0010", "ok", mid, key);
    bool answered = cross(w, "0000", "0010", "ok", mid, 1);
    trace_put_op_return(w->sim, &(struct trace_rec_op_return){.op = op,
                                                              .res = answered ? "ok" : "info",
                                                              .by = answered ? "0000" : NULL,
                                                              .val = write || !answered ? NULL : w->value[k]});
    counted(w, w->sim);
}

static int64_t generate(const char *dir, int64_t records)
{
    struct world *w = calloc(1, sizeof *w);
    if (w == NULL)
        abort();
    w->random = 1;
    w->sim = open_writer(dir, "sim");
    for (int i = 0; i < REPLICAS; i++) {
        snprintf(w->id[i], sizeof w->id[i], "%04d", i);
        w->replica[i] = open_writer(dir, w->id[i]);
        w->state[i] = (struct trace_state){.term = 1, .role = i == LEADER ? 'L' : 'F'};
    }
    trace_set_state(w->replica[LEADER], &w->state[LEADER]);
    trace_put_role_change(w->replica[LEADER],
                          &(struct trace_rec_role_change){.old = "C", .new = "L", .why = "quorum_votes"});
    for (int64_t n = 1; w->records < records; n++)
        operation(w, n);
    for (int i = 0; i < REPLICAS; i++)
        trace_writer_close(w->replica[i]);
    trace_writer_close(w->sim);
    int64_t n = w->records;
    free(w);
    return n;
}

static double now(void)
{
    return (double)trace_mono_ns() / 1e9;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* Runs `job` in a child; its exit status, seconds, CPU seconds and peak memory in MB. */
static int measured(int (*job)(const char *), const char *arg, double *seconds, double *cpu, double *mb)
{
    double start = now();
    struct rusage used;
    int status = 0;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(job(arg));
    if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
        return 1;
    *seconds = now() - start;
    *cpu = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
    *mb = (double)used.ru_maxrss / 1024;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int load_job(const char *dir)
{
    return load_run(&(struct load_options){.paths = &dir, .n_paths = 1, .quiet = true}, NULL);
}

static int check_job(const char *dir)
{
    char path[4200];
    struct db db;
    enum verdict v;
    snprintf(path, sizeof path, "%s/run.db", dir);
    bool ok = db_open(&db, path, true) && check_all(&db, &(struct check_options){.only = NULL}, &v);
    if (!ok)
        fprintf(stderr, "%s\n", db.err);
    db_close(&db);
    return ok ? 0 : 1;
}

static double size_mb(const char *dir, const char *name)
{
    char path[4200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &st) == 0 ? (double)st.st_size / 1e6 : 0;
}

static double traces_mb(const char *dir)
{
    double sum = size_mb(dir, "sim.1.jsonl");
    for (int i = 0; i < REPLICAS; i++) {
        char name[32];
        snprintf(name, sizeof name, "%04d.1.jsonl", i);
        sum += size_mb(dir, name);
    }
    return sum;
}

static int shell(const char *command)
{
    return system(command) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    int64_t records = argc > 1 ? strtoll(argv[1], NULL, 10) : 1000000;
    char dir[4096], command[9000];
    double seconds, cpu, mb, import_s, import_cpu, floor_s, floor_cpu, unused;
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/bench-load-XXXXXX", tmp != NULL ? tmp : "/tmp");
    if (argc > 2)
        snprintf(dir, sizeof dir, "%s", argv[2]);
    else if (mkdtemp(dir) == NULL)
        return 1;

    double start = now();
    records = generate(dir, records);
    printf("generate %9" PRId64 " records in %6.2f s\n", records, now() - start);
    if (measured(load_job, dir, &seconds, &cpu, &mb) != 0)
        return 1;
    printf("load     %9.0f records/s, %.2f s (CPU %.2f s), peak memory %.0f MB (indexes and edges included)\n",
           (double)records / seconds, seconds, cpu, mb);
    printf("database %9.0f MB, %.2f times the %.0f MB of its traces\n", size_mb(dir, "run.db"),
           size_mb(dir, "run.db") / traces_mb(dir), traces_mb(dir));
    if (measured(load_floor, dir, &floor_s, &floor_cpu, &unused) != 0)
        return 1;
    printf("SQLite itself, the same rows and indexes: %.2f s (CPU %.2f s); load takes %.2f times its CPU\n", floor_s,
           floor_cpu, cpu / floor_cpu);

    snprintf(command, sizeof command,
             "command -v sqlite3 >/dev/null && sqlite3 -csv %s/run.db 'SELECT * FROM records' >%s/records.csv", dir,
             dir);
    if (shell(command) == 0) {
        snprintf(command, sizeof command,
                 "sqlite3 %s/import.db 'PRAGMA journal_mode=OFF' 'PRAGMA synchronous=OFF'"
                 " 'CREATE TABLE records(id,run_id,node,boot,seq,t,lc,ev,cause,term,role,c,a,l,source_id,line,body)'"
                 " '.import --csv %s/records.csv records' >/dev/null",
                 dir, dir);
        if (measured(shell, command, &import_s, &import_cpu, &unused) == 0)
            printf("sqlite3 .import of the same rows, no index, nothing derived: %.2f s (CPU %.2f s);"
                   " load takes %.1f times its CPU\n",
                   import_s, import_cpu, cpu / import_cpu);
    }
    double check_s, check_cpu;
    if (measured(check_job, dir, &check_s, &check_cpu, &mb) != 0)
        return 1;
    printf("check    %9.0f records/s, %.2f s (CPU %.2f s, %.2f of load's), peak memory %.0f MB\n",
           (double)records / check_s, check_s, check_cpu, check_cpu / cpu, mb);
    if (argc > 2)
        return 0;
    snprintf(command, sizeof command, "rm -r %s", dir);
    return shell(command);
}
