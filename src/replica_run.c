#include "replica_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire.h"

/* When process `pid` started, in clock ticks since the host did; 0 when it cannot be told. Its name, the second field,
 * may hold spaces and parentheses: fields are counted from the last one. */
static unsigned long long start_ticks(long pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    const char *p = strrchr(text, ')');
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p ? strtoull(p, NULL, 10) : 0;
}

/* The whole group must agree on it without talking, so it is what all of them see: their parent. */
static void from_parent(struct run *run, const struct options *o)
{
    long pid = getppid();
    unsigned long long ticks = start_ticks(pid);
    if (ticks == 0) { /* the parent is in another process namespace */
        pid = getpid();
        ticks = start_ticks(pid);
    }
    if (o->run)
        snprintf(run->name, sizeof run->name, "%s", o->run);
    else
        snprintf(run->name, sizeof run->name, "%ld-%llu", pid, ticks);
    run->epoch_ns = o->epoch_ns; /* without a simulator 0, the host's own, as nobody has the same parent for long */
    if (!o->epoch_given && !o->listen) {
        long hz = sysconf(_SC_CLK_TCK);
        uint64_t since_boot = hz > 0 ? (uint64_t)ticks * (UINT64_C(1000000000) / (uint64_t)hz) : 0;
        /* The ticks go on while the host sleeps, CLOCK_MONOTONIC does not: then its own zero is the epoch. */
        run->epoch_ns = since_boot <= trace_mono_ns() ? since_boot : 0;
    }
}

static bool trace_exists(const char *dir, const char *node, int64_t boot)
{
    char path[4096 + 64];
    int n = snprintf(path, sizeof path, "%s/%s.%lld.jsonl", dir, node, (long long)boot);
    return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

enum run_opened run_open(struct run *run, const struct options *o, char err[TRACE_ERR_LEN])
{
    char dir[4096], node[NODE_TEXT];
    *run = (struct run){.boot = o->boot ? o->boot : o->boot_least ? o->boot_least : 1};
    from_parent(run, o);
    if (run->epoch_ns > trace_mono_ns()) {
        snprintf(err, TRACE_ERR_LEN,
                 "FAULTLINE_EPOCH_NS lies in the future: give a CLOCK_MONOTONIC time that has passed");
        return RUN_BAD_EPOCH;
    }
    if (!o->trace_dir)
        return RUN_OPENED;
    int n = snprintf(dir, sizeof dir, "%s/%s", o->trace_dir, run->name);
    if (n < 0 || (size_t)n >= sizeof dir) {
        snprintf(err, TRACE_ERR_LEN, "the name of the trace directory is too long");
        return RUN_UNTRACED;
    }
    wire_node_text(o->core.id, node);
    for (;; run->boot++) {
        bool exists = trace_exists(dir, node, run->boot);
        if (exists && o->boot) {
            snprintf(err, TRACE_ERR_LEN, "%.400s/%s.%lld.jsonl exists: FAULTLINE_BOOT must grow with each start", dir,
                     node, (long long)o->boot);
            return RUN_BOOT_TAKEN;
        }
        if (exists)
            continue;
        const struct trace_writer_options w = {
            .dir = dir, .node = node, .boot = run->boot, .strict = o->strict, .mapped = true};
        run->trace = trace_writer_open(&w, err);
        if (run->trace)
            return RUN_OPENED;
        if (!trace_exists(dir, node, run->boot)) /* else another process was faster */
            return RUN_UNTRACED;
    }
}
