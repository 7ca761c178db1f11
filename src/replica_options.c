#include "replica_options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replica.h"
#include "wire.h"

const char options_help[] =
    "usage: replica [OPTION]... PORT ID [PEER]...\n"
    "\n"
    "One replica of a key-value store kept consistent by Raft. PORT is the UDP port of 127.0.0.1 that carries all its\n"
    "traffic; ID and PEERs are four upper-case hex digits each, up to 21 of them together.\n"
    "\n"
    "  --trace DIR|off        where traces go: DIR/RUN/ID.BOOT.jsonl (default: traces; environment FAULTLINE_TRACE)\n"
    "  --reads index|local    how a get is answered (default: index; environment FAULTLINE_READS). index: after a "
    "quorum\n"
    "                         has confirmed the leader. local: from the leader's own state, without asking anybody.\n"
    "                         UNSAFE: a leader that has been deposed and does not know it answers with old values.\n"
    "  --heartbeat-ms N       a leader is never silent for longer (default: 500)\n"
    "  --election-ms MIN-MAX  a follower that hears no leader for a random time between these stands (default: "
    "1500-2500)\n"
    "  --retry-ms N           what was not acknowledged is sent again after this long (default: 50)\n"
    "  --seed N               of the random times (default: a new one each time; it is in the trace)\n"
    "  --help, --version      print this, or the version, and end\n"
    "\n"
    "Environment: FAULTLINE_RUN (name of the run; default: the parent's process number and start time), "
    "FAULTLINE_BOOT\n"
    "(number of this start, from 1; default: the next that is free), FAULTLINE_EPOCH_NS (the CLOCK_MONOTONIC time "
    "that\n"
    "trace times count from; default: when the parent started), FAULTLINE_TRACE_STRICT=1 (end rather than run without "
    "a\n"
    "complete trace), FAULTLINE_TRACE_HASH_EVERY (digest of the state after each N entries; default: 256, 0: never).\n"
    "\n"
    "Exit status: 0 ended by SIGTERM or SIGINT; 64 usage; 70 internal error; 73 trace cannot be created; 74 I/O "
    "error.\n";

/* ---- values ---- */

/* A decimal number without sign, between the bounds, up to `end` (a character that must follow). */
static bool number_until(const char *s, char end, uint64_t min, uint64_t max, uint64_t *out, const char **rest)
{
    char *stop;
    if (*s < '0' || *s > '9')
        return false;
    errno = 0;
    unsigned long long v = strtoull(s, &stop, 10);
    if (errno != 0 || *stop != end || v < min || v > max)
        return false;
    *out = v;
    *rest = stop;
    return true;
}

static bool number(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
    const char *rest;
    return number_until(s, '\0', min, max, out, &rest);
}

#define MS_MAX (24 * 60 * 60 * 1000)

static bool milliseconds(const char *s, uint64_t *us)
{
    if (!number(s, 1, MS_MAX, us))
        return false;
    *us *= 1000;
    return true;
}

/* ---- options: each returns false when its value makes no sense ---- */

static bool set_trace(struct options *o, const char *v)
{
    o->trace_dir = strcmp(v, "off") == 0 ? NULL : v;
    return *v != '\0';
}

static bool set_reads(struct options *o, const char *v)
{
    bool local = strcmp(v, "local") == 0;
    o->core.reads = local ? RAFT_READS_LOCAL : RAFT_READS_INDEX;
    return local || strcmp(v, "index") == 0;
}

static bool set_heartbeat(struct options *o, const char *v)
{
    return milliseconds(v, &o->core.heartbeat_us);
}

static bool set_retry(struct options *o, const char *v)
{
    return milliseconds(v, &o->core.retry_us);
}

static bool set_election(struct options *o, const char *v)
{
    uint64_t min, max;
    const char *rest;
    if (!number_until(v, '-', 1, MS_MAX, &min, &rest) && !number_until(v, ',', 1, MS_MAX, &min, &rest))
        return false;
    if (!number(rest + 1, min, MS_MAX, &max))
        return false;
    o->core.election_min_us = min * 1000;
    o->core.election_max_us = max * 1000;
    return true;
}

static bool set_seed(struct options *o, const char *v)
{
    o->seed_given = true;
    return number(v, 0, INT64_MAX, &o->core.seed);
}

static bool set_run(struct options *o, const char *v)
{
    o->run = v;
    for (const char *p = v; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '/')
            return false;
    return *v != '\0' && strcmp(v, ".") != 0 && strcmp(v, "..") != 0 && strlen(v) <= 200;
}

static bool set_boot(struct options *o, const char *v)
{
    uint64_t n;
    if (!number(v, 1, INT32_MAX, &n))
        return false;
    o->boot = (int64_t)n;
    return true;
}

static bool set_epoch(struct options *o, const char *v)
{
    o->epoch_given = true;
    return number(v, 0, INT64_MAX, &o->epoch_ns);
}

static bool set_strict(struct options *o, const char *v)
{
    o->strict = strcmp(v, "1") == 0;
    return o->strict || strcmp(v, "0") == 0;
}

static bool set_hash_every(struct options *o, const char *v)
{
    uint64_t n;
    if (!number(v, 0, INT32_MAX, &n))
        return false;
    o->hash_every = (unsigned)n;
    return true;
}

static const struct setting {
    const char *option, *variable; /* NULL: not settable so */
    bool (*set)(struct options *o, const char *value);
    const char *wanted;
} settings[] = {
    {.option = "--trace", .variable = "FAULTLINE_TRACE", .set = set_trace, .wanted = "a directory, or off"},
    {.option = "--reads", .variable = "FAULTLINE_READS", .set = set_reads, .wanted = "index or local"},
    {.option = "--heartbeat-ms", .set = set_heartbeat, .wanted = "milliseconds, 1 or more"},
    {.option = "--election-ms", .set = set_election, .wanted = "MIN-MAX in milliseconds, such as 1500-2500"},
    {.option = "--retry-ms", .set = set_retry, .wanted = "milliseconds, 1 or more"},
    {.option = "--seed", .set = set_seed, .wanted = "a number below 2^63"},
    {.variable = "FAULTLINE_RUN",
     .set = set_run,
     .wanted = "the name of a directory without its path: no /, no control characters, 200 bytes at most"},
    {.variable = "FAULTLINE_BOOT", .set = set_boot, .wanted = "a number, 1 or more"},
    {.variable = "FAULTLINE_EPOCH_NS", .set = set_epoch, .wanted = "nanoseconds of CLOCK_MONOTONIC"},
    {.variable = "FAULTLINE_TRACE_STRICT", .set = set_strict, .wanted = "0 or 1"},
    {.variable = "FAULTLINE_TRACE_HASH_EVERY", .set = set_hash_every, .wanted = "a number"},
};
#define N_SETTINGS (sizeof settings / sizeof *settings)

__attribute__((format(printf, 2, 3))) static bool wrong(char err[OPTIONS_ERR_LEN], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err, OPTIONS_ERR_LEN, format, args);
    va_end(args);
    /* What was quoted may hold anything; it goes to a terminal. */
    for (char *p = err; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return false;
}

static bool from_environment(struct options *o, options_env *env, char err[OPTIONS_ERR_LEN])
{
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const struct setting *s = &settings[i];
        const char *value = s->variable ? env(s->variable) : NULL;
        if (value && *value && !s->set(o, value))
            return wrong(err, "%s='%.60s': give %s", s->variable, value, s->wanted);
    }
    return true;
}

/* An option and its value as "--name value" or "--name=value". */
static bool from_option(struct options *o, char **argv, int *at, char err[OPTIONS_ERR_LEN])
{
    const char *arg = argv[*at];
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
        return o->help = true;
    if (strcmp(arg, "--version") == 0)
        return o->version = true;
    size_t n = strcspn(arg, "=");
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const struct setting *s = &settings[i];
        if (!s->option || strlen(s->option) != n || strncmp(s->option, arg, n) != 0)
            continue;
        const char *value = arg[n] ? arg + n + 1 : argv[++*at];
        if (!value)
            return wrong(err, "%s needs a value: %s", s->option, s->wanted);
        return s->set(o, value) || wrong(err, "%s '%.60s': give %s", s->option, value, s->wanted);
    }
    return wrong(err, "unknown option '%.60s'; --help lists the options", arg);
}

static bool group_member(struct options *o, const char *text, node_id *id, char err[OPTIONS_ERR_LEN])
{
    if (!wire_node_parse(text, id) || *id == NODE_NONE)
        return wrong(err, "'%.20s' is no id: give four upper-case hex digits, not FFFF", text);
    bool taken = id != &o->core.id && *id == o->core.id;
    for (unsigned i = 0; i < o->core.n_peers; i++)
        taken = taken || o->peer_ids[i] == *id;
    return !taken || wrong(err, "id %s is there twice: name every member of the group once", text);
}

static bool positions(struct options *o, int argc, char **argv, char err[OPTIONS_ERR_LEN])
{
    uint64_t port;
    if (argc < 2)
        return wrong(err, "PORT and ID are missing; --help tells more");
    if (!number(argv[0], 1, UINT16_MAX, &port))
        return wrong(err, "'%.20s' is no UDP port: give a number from 1 to 65535", argv[0]);
    o->port = (uint16_t)port;
    if (!group_member(o, argv[1], &o->core.id, err))
        return false;
    if (argc - 1 > RAFT_MEMBERS_MAX)
        return wrong(err, "%d replicas: a group has at most %d", argc - 1, RAFT_MEMBERS_MAX);
    for (int i = 2; i < argc; i++) {
        node_id id;
        if (!group_member(o, argv[i], &id, err))
            return false;
        o->peer_ids[o->core.n_peers++] = id;
    }
    return true;
}

bool options_parse(struct options *o, int argc, char **argv, options_env *env, char err[OPTIONS_ERR_LEN])
{
    *o = (struct options){.core = {.id = NODE_NONE,
                                   .peers = o->peer_ids,
                                   .election_min_us = 1500000,
                                   .election_max_us = 2500000,
                                   .heartbeat_us = 500000,
                                   .retry_us = 50000,
                                   .hold_us = 10000000,
                                   .hold_max = 1024,
                                   .append_bytes = RAFT_ENTRY_BYTES_MAX,
                                   .reads = RAFT_READS_INDEX},
                          .trace_dir = "traces",
                          .hash_every = REPLICA_HASH_EVERY};
    if (!from_environment(o, env, err))
        return false;
    int at = 1;
    for (; at < argc && argv[at][0] == '-' && argv[at][1] != '\0'; at++) {
        if (strcmp(argv[at], "--") == 0) {
            at++;
            break;
        }
        if (!from_option(o, argv, &at, err))
            return false;
        if (o->help || o->version)
            return true;
    }
    if (!positions(o, argc - at, argv + at, err))
        return false;
    if (o->core.heartbeat_us >= o->core.election_min_us)
        return wrong(
            err, "a heartbeat each %llu ms is too rare for an election timeout of %llu ms: make --heartbeat-ms smaller",
            (unsigned long long)o->core.heartbeat_us / 1000, (unsigned long long)o->core.election_min_us / 1000);
    return true;
}
