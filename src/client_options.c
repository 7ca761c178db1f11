#include "client_options.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

const char kv_help[] =
    "usage: kv [OPTION]... get KEY\n"
    "       kv [OPTION]... put KEY VALUE      (VALUE -: from standard input)\n"
    "       kv [OPTION]... status [--json]\n"
    "       kv [OPTION]... add ID=HOST:PORT   take a replica that runs with --join into the group\n"
    "       kv [OPTION]... remove ID          out of the group\n"
    "       kv [OPTION]... transfer [ID]      make this member the leader, or whoever is fit\n"
    "\n"
    "Asks replicas that run with --listen. A request is sent again until it is answered, and takes effect once.\n"
    "\n"
    "  --server HOST:PORT[,HOST:PORT]...  some of the members; the others are learned from them (environment\n"
    "                                     FAULTLINE_SERVER)\n"
    "  --key-file FILE                    the group's secret (environment FAULTLINE_KEY_FILE)\n"
    "  --cluster NAME                     the group's name (default: faultline; environment FAULTLINE_CLUSTER)\n"
    "  --timeout-ms N                     give up after this long (default: 5000; add, remove, transfer: 60000)\n"
    "  --json                             status as JSON\n"
    "  --help, --version                  print this, or the version, and end\n"
    "\n"
    "Exit status: 0 done; 1 refused, nothing was done; 2 no answer in time, it may have taken effect; 64 usage; 65 "
    "the\n"
    "value is no text; 66 the key cannot be read; 69 no server answered, or none led: nothing was done; 74 output\n"
    "error.\n";

__attribute__((format(printf, 2, 3))) static bool wrong(char err[KV_ERR_LEN], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err, KV_ERR_LEN, format, args);
    va_end(args);
    for (char *p = err; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return false;
}

bool kv_is_text(const char *s)
{
    json_t *text = json_string(s);
    json_decref(text);
    return text != NULL;
}

/* ---- options ---- */

static bool set_servers(struct kv_options *o, const char *v)
{
    size_t n = strlen(v);
    struct address_text at;
    if (n >= sizeof o->storage)
        return false;
    memcpy(o->storage, v, n + 1);
    o->n_servers = 0;
    for (char *one = o->storage, *next; one; one = next) {
        next = strchr(one, ',');
        if (next)
            *next++ = '\0';
        if (o->n_servers == CLIENT_SERVERS_MAX || !address_split(one, &at))
            return false;
        o->servers[o->n_servers++] = one;
    }
    return true;
}

static bool set_key_file(struct kv_options *o, const char *v)
{
    o->key_file = v;
    return *v != '\0';
}

static bool set_cluster(struct kv_options *o, const char *v)
{
    o->cluster = v;
    return *v != '\0';
}

#define TIMEOUT_MAX_MS (24 * 60 * 60 * 1000)

static bool set_timeout(struct kv_options *o, const char *v)
{
    char *stop;
    errno = 0;
    unsigned long long n = strtoull(v, &stop, 10);
    o->timeout_ms = n;
    return *v >= '0' && *v <= '9' && errno == 0 && *stop == '\0' && n >= 1 && n <= TIMEOUT_MAX_MS;
}

static const struct setting {
    const char *option, *variable;
    bool (*set)(struct kv_options *o, const char *value);
    const char *wanted;
} settings[] = {
    {"--server", "FAULTLINE_SERVER", set_servers, "HOST:PORT, more of them after commas"},
    {"--key-file", "FAULTLINE_KEY_FILE", set_key_file, "a file"},
    {"--cluster", "FAULTLINE_CLUSTER", set_cluster, "a name"},
    {"--timeout-ms", NULL, set_timeout, "milliseconds, 1 or more"},
};
#define N_SETTINGS (sizeof settings / sizeof *settings)

static bool from_option(struct kv_options *o, char **argv, int *at, char err[KV_ERR_LEN])
{
    const char *arg = argv[*at];
    if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0)
        return o->help = true;
    if (strcmp(arg, "--version") == 0)
        return o->version = true;
    if (strcmp(arg, "--json") == 0)
        return o->json = true;
    size_t n = strcspn(arg, "=");
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const struct setting *s = &settings[i];
        if (strlen(s->option) != n || strncmp(s->option, arg, n) != 0)
            continue;
        const char *value = arg[n] ? arg + n + 1 : argv[++*at];
        if (!value)
            return wrong(err, "%s needs a value: %s", s->option, s->wanted);
        return s->set(o, value) || wrong(err, "%s '%.60s': give %s", s->option, value, s->wanted);
    }
    return wrong(err, "unknown option '%.60s'; --help lists the options", arg);
}

/* ---- commands ---- */

static bool read_member(struct kv_options *o, const char *text)
{
    return wire_node_parse(text, &o->node) && o->node != NODE_NONE;
}

static bool take_get(struct kv_options *o, char **args)
{
    o->key = args[0];
    return kv_is_text(o->key);
}

static bool take_put(struct kv_options *o, char **args)
{
    o->key = args[0];
    o->value = args[1];
    return kv_is_text(o->key) && kv_is_text(o->value);
}

static bool take_nothing(struct kv_options *o, char **args)
{
    (void)o;
    (void)args;
    return true;
}

static bool take_add(struct kv_options *o, char **args)
{
    char id[NODE_TEXT];
    struct address_text at;
    snprintf(id, sizeof id, "%.4s", args[0]);
    o->change = CHANGE_ADD;
    if (strlen(args[0]) < NODE_TEXT || args[0][4] != '=' || !read_member(o, id))
        return false;
    o->address = args[0] + NODE_TEXT;
    return address_split(o->address, &at);
}

static bool take_remove(struct kv_options *o, char **args)
{
    o->change = CHANGE_REMOVE;
    return read_member(o, args[0]);
}

static bool take_transfer(struct kv_options *o, char **args)
{
    o->change = CHANGE_TRANSFER;
    return !args[0] || read_member(o, args[0]);
}

static const struct command {
    const char *name;
    enum message_type type;
    int min, max;
    bool (*take)(struct kv_options *o, char **args);
    const char *wanted;
    uint64_t timeout_ms;
} commands[] = {
    {"get", MESSAGE_GET, 1, 1, take_get, "KEY, in UTF-8", 5000},
    {"put", MESSAGE_PUT, 2, 2, take_put, "KEY and VALUE, in UTF-8", 5000},
    {"status", MESSAGE_STATUS, 0, 0, take_nothing, "nothing more", 5000},
    {"add", MESSAGE_CHANGE, 1, 1, take_add, "ID=HOST:PORT, the ID as four upper-case hex digits", 60000},
    {"remove", MESSAGE_CHANGE, 1, 1, take_remove, "the ID of a member, four upper-case hex digits", 60000},
    {"transfer", MESSAGE_CHANGE, 0, 1, take_transfer, "the ID of a member, four upper-case hex digits, or nothing",
     60000},
};
#define N_COMMANDS (sizeof commands / sizeof *commands)

static bool take_command(struct kv_options *o, int n, char **args, char err[KV_ERR_LEN])
{
    if (n == 0)
        return wrong(err, "what shall I do? get, put, status, add, remove or transfer; --help tells more");
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const struct command *c = &commands[i];
        if (strcmp(args[0], c->name) != 0)
            continue;
        o->command = c->type;
        if (!o->timeout_ms)
            o->timeout_ms = c->timeout_ms;
        return (n - 1 >= c->min && n - 1 <= c->max && c->take(o, args + 1)) ||
               wrong(err, "%s: give %s", c->name, c->wanted);
    }
    return wrong(err, "unknown command '%.60s': get, put, status, add, remove or transfer", args[0]);
}

static bool from_environment(struct kv_options *o, char *(*env)(const char *name), char err[KV_ERR_LEN])
{
    for (size_t i = 0; i < N_SETTINGS; i++) {
        const struct setting *s = &settings[i];
        const char *value = s->variable ? env(s->variable) : NULL;
        if (value && *value && !s->set(o, value))
            return wrong(err, "%s='%.60s': give %s", s->variable, value, s->wanted);
    }
    return true;
}

bool kv_options_parse(struct kv_options *o, int argc, char **argv, char *(*env)(const char *name), char err[KV_ERR_LEN])
{
    /* Options may stand behind the command, but after its KEY and VALUE only those that cannot be meant as such. */
    int at = 1, n = 0;
    char *words[4] = {NULL};
    *o = (struct kv_options){.cluster = "faultline", .node = NODE_NONE};
    if (!from_environment(o, env, err))
        return false;
    bool options = true;
    for (; at < argc; at++) {
        bool data = n > 0 && n < 3 && (strcmp(words[0], "put") == 0 || (n < 2 && strcmp(words[0], "get") == 0));
        if (options && !data && strcmp(argv[at], "--") == 0) {
            options = false;
        } else if (options && !data && argv[at][0] == '-' && argv[at][1] != '\0') {
            if (!from_option(o, argv, &at, err))
                return false;
            if (o->help || o->version)
                return true;
        } else if (n == 3) {
            return wrong(err, "'%.60s' is one word too many", argv[at]);
        } else {
            words[n++] = argv[at];
        }
    }
    if (!take_command(o, n, words, err))
        return false;
    return o->n_servers || wrong(err, "no server: give --server HOST:PORT, or set FAULTLINE_SERVER");
}
