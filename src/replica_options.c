#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "replica.h"
#include "replica_options_int.h"

const char options_help[] =
    "usage: replica [OPTION]... PORT ID [PEER]...\n"
    "       replica [OPTION]... --listen HOST:PORT [--peer ID=HOST:PORT]... ID\n"
    "\n"
    "One replica of a key-value store kept consistent by Raft. PORT is the UDP port of 127.0.0.1 that carries all its\n"
    "traffic, a simulated network; ID and PEERs are four upper-case hex digits each, up to 21 of them together. With\n"
    "--listen replicas and clients talk directly, over UDP.\n"
    "\n"
    "  --data DIR             keep term, vote, log and state durably in DIR/ID.db (default: in memory only)\n"
    "  --cluster NAME         the group's name; stores of another are refused (default: faultline)\n"
    "  --reads POLICY         how a get is answered (default: lease). lease: at once while a quorum's promise not to\n"
    "                         elect another leader lasts, else as with index. index: after a quorum has confirmed the\n"
    "                         leader. local: from the leader's own state, without asking anybody. UNSAFE: a leader\n"
    "                         that has been deposed and does not know it answers with old values.\n"
    "  --drift-ppm N          no two clocks of the group drift apart by more, in millionths; shortens leases "
    "(default:\n"
    "                         1000)\n"
    "  --compact-entries N    the log is replaced by a snapshot when it holds that many applied entries (default:\n"
    "                         50000; 0: never)\n"
    "  --compact-bytes N      or that many bytes of them (default: 67108864; 0: any number)\n"
    "  --heartbeat-ms N       a leader is never silent for longer (default: 500)\n"
    "  --election-ms MIN-MAX  a follower that hears no leader for a random time between these stands (default:\n"
    "                         1500-2500)\n"
    "  --retry-ms N           what was not acknowledged is sent again after this long (default: 50)\n"
    "  --listen HOST:PORT     talk to replicas and clients directly, through this UDP port; an IPv6 address stands in\n"
    "                         brackets. Anybody who can reach it can read and write, unless there is a key\n"
    "  --peer ID=HOST:PORT    a member of the group, and where it listens; once for each. Our own ID: where the "
    "others\n"
    "                         reach us (default: what --listen says)\n"
    "  --join                 not a member yet: wait until the group, named by --peer, takes us in (kv add)\n"
    "  --datagram-bytes N     appends and snapshots are cut to datagrams of this size; a longer entry goes alone\n"
    "                         (default: 1400 when an address is not of this machine, else 65507)\n"
    "  --key-file FILE        authenticate every datagram with the secret in FILE: 64 hex digits, or 32 bytes or more\n"
    "                         of anything; the same for all replicas and clients, readable by its owner only\n"
    "  --trace DIR|off        where traces go: DIR/RUN/ID.BOOT.jsonl (default: traces)\n"
    "  --seed N               of the random times (default: a new one each time; it is in the trace)\n"
    "  --help, --version      print this, or the version, and end\n"
    "\n"
    "Environment: FAULTLINE_TRACE, FAULTLINE_READS, FAULTLINE_DATA, FAULTLINE_CLUSTER, FAULTLINE_KEY_FILE (as the\n"
    "options), FAULTLINE_RUN (name of the run; default: the parent's process number and start time), FAULTLINE_BOOT\n"
    "(number of this start, from 1; default: the next that is free; with --data the store counts), FAULTLINE_EPOCH_NS\n"
    "(the CLOCK_MONOTONIC time that trace times count from; default: when the parent started, 0 with --listen),\n"
    "FAULTLINE_TRACE_STRICT=1 (end rather than run without a complete trace), FAULTLINE_TRACE_HASH_EVERY (digest of\n"
    "the state after each N entries; default: 256, 0: never).\n"
    "\n"
    "Exit status: 0 ended by SIGTERM or SIGINT; 64 usage; 65 the store is damaged or not ours; 66 the store cannot be\n"
    "opened, or the key not be read; 70 internal error; 73 trace cannot be created, or the store is in use; 74 I/O\n"
    "error: nothing was acknowledged that is not durable.\n";

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

bool options_number(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
    const char *rest;
    return number_until(s, '\0', min, max, out, &rest);
}

#define MS_MAX (24 * 60 * 60 * 1000)

static bool milliseconds(const char *s, uint64_t *us)
{
    if (!options_number(s, 1, MS_MAX, us))
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
    static const char *const words[] = {
        [RAFT_READS_INDEX] = "index", [RAFT_READS_LEASE] = "lease", [RAFT_READS_LOCAL] = "local"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(v, words[i]) == 0) {
            o->core.reads = (enum raft_reads)i;
            return true;
        }
    return false;
}

static bool set_data(struct options *o, const char *v)
{
    o->data_dir = v;
    return *v != '\0';
}

#define CLUSTER_MAX 200

static bool set_cluster(struct options *o, const char *v)
{
    o->cluster = v;
    for (const char *p = v; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return *v != '\0' && strlen(v) <= CLUSTER_MAX;
}

static bool set_drift(struct options *o, const char *v)
{
    uint64_t n;
    if (!options_number(v, 0, 500000, &n))
        return false;
    o->core.drift_ppm = (unsigned)n;
    return true;
}

static bool set_compact_entries(struct options *o, const char *v)
{
    return options_number(v, 0, INT64_MAX, &o->core.compact_entries);
}

static bool set_compact_bytes(struct options *o, const char *v)
{
    return options_number(v, 0, INT64_MAX, &o->core.compact_bytes);
}

static bool set_listen(struct options *o, const char *v)
{
    struct address_text at;
    o->listen = v;
    return address_split(v, &at);
}

static bool set_join(struct options *o, const char *v)
{
    (void)v;
    return o->core.joining = true;
}

static bool set_datagram(struct options *o, const char *v)
{
    uint64_t n;
    if (!options_number(v, DATAGRAM_LEAST, DATAGRAM_MAX, &n))
        return false;
    o->datagram_bytes = (size_t)n;
    return true;
}

static bool set_key_file(struct options *o, const char *v)
{
    o->key_file = v;
    return *v != '\0';
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
    if (!options_number(rest + 1, min, MS_MAX, &max))
        return false;
    o->core.election_min_us = min * 1000;
    o->core.election_max_us = max * 1000;
    return true;
}

static bool set_seed(struct options *o, const char *v)
{
    o->seed_given = true;
    return options_number(v, 0, INT64_MAX, &o->core.seed);
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
    if (!options_number(v, 1, INT32_MAX, &n))
        return false;
    o->boot = (int64_t)n;
    return true;
}

static bool set_epoch(struct options *o, const char *v)
{
    o->epoch_given = true;
    return options_number(v, 0, INT64_MAX, &o->epoch_ns);
}

static bool set_strict(struct options *o, const char *v)
{
    o->strict = strcmp(v, "1") == 0;
    return o->strict || strcmp(v, "0") == 0;
}

static bool set_hash_every(struct options *o, const char *v)
{
    uint64_t n;
    if (!options_number(v, 0, INT32_MAX, &n))
        return false;
    o->hash_every = (unsigned)n;
    return true;
}

static const struct setting {
    const char *option, *variable; /* NULL: not settable so */
    bool (*set)(struct options *o, const char *value);
    const char *wanted; /* NULL: it takes no value */
} settings[] = {
    {.option = "--trace", .variable = "FAULTLINE_TRACE", .set = set_trace, .wanted = "a directory, or off"},
    {.option = "--reads", .variable = "FAULTLINE_READS", .set = set_reads, .wanted = "lease, index or local"},
    {.option = "--data", .variable = "FAULTLINE_DATA", .set = set_data, .wanted = "a directory"},
    {.option = "--cluster",
     .variable = "FAULTLINE_CLUSTER",
     .set = set_cluster,
     .wanted = "a name of at most 200 bytes without control characters"},
    {.option = "--drift-ppm", .set = set_drift, .wanted = "a number from 0 to 500000"},
    {.option = "--compact-entries", .set = set_compact_entries, .wanted = "a number of entries, or 0"},
    {.option = "--compact-bytes", .set = set_compact_bytes, .wanted = "a number of bytes, or 0"},
    {.option = "--listen", .set = set_listen, .wanted = "HOST:PORT, or [IPV6]:PORT"},
    {.option = "--peer", .set = options_add_member, .wanted = "ID=HOST:PORT, each ID and address once, up to 21"},
    {.option = "--join", .set = set_join},
    {.option = "--datagram-bytes", .set = set_datagram, .wanted = "a number from 548 to 65507"},
    {.option = "--key-file", .variable = "FAULTLINE_KEY_FILE", .set = set_key_file, .wanted = "a file"},
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

bool options_wrong(char err[OPTIONS_ERR_LEN], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err, OPTIONS_ERR_LEN, format, args);
    va_end(args);
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
            return options_wrong(err, "%s='%.60s': give %s", s->variable, value, s->wanted);
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
        if (!s->wanted)
            return (!arg[n] || options_wrong(err, "%s takes no value", s->option)) && s->set(o, "");
        const char *value = arg[n] ? arg + n + 1 : argv[++*at];
        if (!value)
            return options_wrong(err, "%s needs a value: %s", s->option, s->wanted);
        return s->set(o, value) || options_wrong(err, "%s '%.60s': give %s", s->option, value, s->wanted);
    }
    return options_wrong(err, "unknown option '%.60s'; --help lists the options", arg);
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
                                   .reads = RAFT_READS_LEASE,
                                   .drift_ppm = 1000,
                                   .compact_entries = 50000,
                                   .compact_bytes = 64 << 20},
                          .cluster = "faultline",
                          .trace_dir = "traces",
                          .hash_every = REPLICA_HASH_EVERY};
    if (!from_environment(o, env, err))
        return false;
    const char *usual_key = o->key_file;
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
    if (!o->listen && o->key_file == usual_key)
        o->key_file = NULL; /* it is for the other form; only who asks for it here is told so */
    if (!options_group(o, argc - at, argv + at, err))
        return false;
    if (o->core.heartbeat_us >= o->core.election_min_us)
        return options_wrong(
            err, "a heartbeat each %llu ms is too rare for an election timeout of %llu ms: make --heartbeat-ms smaller",
            (unsigned long long)o->core.heartbeat_us / 1000, (unsigned long long)o->core.election_min_us / 1000);
    return true;
}
