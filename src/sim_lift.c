#include "sim_lift.h"

#include <ctype.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace.h"

struct sim_lift {
    char *path, *run, *node;
    unsigned boot;
    int64_t epoch, wall_us;
    int fd;       /* -1: not opened yet */
    bool refused; /* the file is somebody else's, or cannot be made */
    bool whole;   /* the replica writes the envelope itself */
    int64_t seq, lc;
    struct trace_state state;
};

static char *copy(const char *text)
{
    char *s = strdup(text);
    if (!s)
        abort();
    return s;
}

struct sim_lift *sim_lift_new(const char *dir, const char *node, unsigned boot, int64_t epoch, int64_t wall_us)
{
    struct sim_lift *l = calloc(1, sizeof *l);
    size_t room = strlen(dir) + strlen(node) + 32;
    const char *slash = strrchr(dir, '/');
    if (!l)
        abort();
    *l = (struct sim_lift){.path = malloc(room),
                           .run = copy(slash ? slash + 1 : dir),
                           .node = copy(node),
                           .boot = boot,
                           .epoch = epoch,
                           .wall_us = wall_us,
                           .fd = -1,
                           .state.role = 'F'};
    if (!l->path)
        abort();
    snprintf(l->path, room, "%s/%s.%u.jsonl", dir, node, boot);
    return l;
}

/* ---- writing ---- */

static void write_line(struct sim_lift *l, const char *text)
{
    size_t n = strlen(text);
    char *line = malloc(n + 1);
    if (!line)
        abort();
    memcpy(line, text, n);
    line[n] = '\n';
    for (size_t done = 0; done <= n;) {
        ssize_t w = write(l->fd, line + done, n + 1 - done);
        if (w <= 0) {
            l->refused = true; /* the disk is full: the file ends here, perhaps torn, and the loader sees that */
            break;
        }
        done += (size_t)w;
    }
    free(line);
}

/* n b s t lc ev: in the order that the format's quick reader expects. */
static json_t *envelope(struct sim_lift *l, int64_t t, const char *ev)
{
    l->seq++;
    l->lc++;
    return json_pack("{s:s, s:I, s:I, s:I, s:I, s:s}", "n", l->node, "b", (json_int_t)l->boot, "s", (json_int_t)l->seq,
                     "t", (json_int_t)t, "lc", (json_int_t)l->lc, "ev", ev);
}

static void write_record(struct sim_lift *l, json_t *record)
{
    char *text = json_dumps(record, JSON_COMPACT | JSON_PRESERVE_ORDER);
    if (!text)
        abort();
    write_line(l, text);
    free(text);
    json_decref(record);
}

static void write_header(struct sim_lift *l, int64_t t)
{
    json_t *r = envelope(l, t, "trace.open");
    json_t *fields =
        json_pack("{s:s, s:i, s:s, s:I, s:I, s:s, s:i, s:s, s:[]}", "schema", TRACE_SCHEMA, "v", TRACE_VERSION, "run",
                  l->run, "wall_us", (json_int_t)l->wall_us, "epoch_ns", (json_int_t)l->epoch, "clk", "mono", "pid", 0,
                  "impl", "printed by the replica", "peers");
    if (!r || !fields)
        abort();
    json_object_update(r, fields);
    json_decref(fields);
    write_record(l, r);
}

static bool open_file(struct sim_lift *l, int64_t t)
{
    if (l->fd >= 0 || l->refused)
        return !l->refused;
    l->fd = open(l->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_APPEND, 0644);
    l->refused = l->fd < 0;
    if (!l->refused && !l->whole)
        write_header(l, t);
    return !l->refused;
}

/* ---- what the line says ---- */

static int64_t number(const json_t *line, const char *key, int64_t otherwise)
{
    const json_t *v = json_object_get(line, key);
    return json_is_integer(v) ? (int64_t)json_integer_value(v) : otherwise;
}

/* "L", "leader", "Leader": the format knows roles by one letter. */
static char role_of(const json_t *v)
{
    const char *s = json_string_value(v);
    int c = s ? toupper((unsigned char)*s) : 0;
    return c && strchr("FPCLO", c) ? (char)c : 0;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The state after the event: what the line says, else what follows from the event and the state before. */
static void follow(struct sim_lift *l, const json_t *line, const char *ev)
{
    struct trace_state *s = &l->state;
    char role = role_of(json_object_get(line, "role"));
    if (strcmp(ev, "role.change") == 0 && role_of(json_object_get(line, "new")))
        s->role = role_of(json_object_get(line, "new"));
    else if (strcmp(ev, "commit.advance") == 0)
        s->ci = number(line, "new", s->ci);
    else if (strcmp(ev, "apply") == 0)
        s->ai = number(line, "idx", s->ai);
    else if (strcmp(ev, "log.append") == 0)
        s->li = number(line, "idx", s->li + 1);
    else if (strcmp(ev, "log.truncate") == 0)
        s->li = larger(number(line, "from", s->li + 1) - 1, 0);
    s->role = role ? role : s->role;
    s->term = number(line, "term", s->term);
    s->ci = number(line, "ci", s->ci);
    s->ai = number(line, "ai", s->ai);
    s->li = number(line, "li", s->li);
}

/* Where the replica gives no hash of a command, one is made of its words, so that the same command has the same. */
static void add_hash(json_t *record, const char *ev)
{
    static const char *const words[] = {"op", "req", "key", "val"};
    if ((strcmp(ev, "log.append") != 0 && strcmp(ev, "apply") != 0) || json_object_get(record, "h"))
        return;
    json_t *command = json_array();
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        json_t *v = json_object_get(record, words[i]);
        json_array_append_new(command, v ? json_incref(v) : json_null());
    }
    char *text = json_dumps(command, JSON_COMPACT);
    char hex[17];
    if (!text)
        abort();
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)trace_hash(text, strlen(text)));
    json_object_set_new(record, "h", json_string(hex));
    free(text);
    json_decref(command);
}

static void lift(struct sim_lift *l, int64_t t, const json_t *line, const struct trace_record_type *type)
{
    static const char *const ours[] = {"n", "b", "s", "t", "lc", "ev", "c", "term", "role", "ci", "ai", "li"};
    char before[2] = {l->state.role, 0};
    follow(l, line, type->ev);
    char role[2] = {l->state.role, 0};
    json_t *r = envelope(l, t, type->ev), *fields = json_copy((json_t *)(uintptr_t)line);
    if (!r || !fields)
        abort();
    if (type->raft) {
        json_object_set_new(r, "term", json_integer(l->state.term));
        json_object_set_new(r, "role", json_string(role));
        json_object_set_new(r, "ci", json_integer(l->state.ci));
        json_object_set_new(r, "ai", json_integer(l->state.ai));
        json_object_set_new(r, "li", json_integer(l->state.li));
    }
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        json_object_del(fields, ours[i]);
    if (strcmp(type->ev, "role.change") == 0) {
        json_object_set_new(fields, "new", json_string(role));
        char old[2] = {role_of(json_object_get(fields, "old")), 0};
        json_object_set_new(fields, "old", json_string(*old ? old : before));
    }
    add_hash(fields, type->ev);
    json_object_update(r, fields);
    json_decref(fields);
    write_record(l, r);
}

/* ---- a line ---- */

/* What only the simulator may say. */
static bool is_ours(const char *ev)
{
    return strncmp(ev, "net.", 4) == 0 || strncmp(ev, "fault.", 6) == 0 || strncmp(ev, "op.", 3) == 0 ||
           strcmp(ev, "node.out") == 0 || strcmp(ev, "node.exit") == 0;
}

/* Has it the whole envelope, of this very process? */
static bool is_whole(const struct sim_lift *l, const json_t *line)
{
    const char *node = json_string_value(json_object_get(line, "n"));
    return node && strcmp(node, l->node) == 0 && number(line, "b", 0) == (int64_t)l->boot && number(line, "s", 0) > 0 &&
           json_is_integer(json_object_get(line, "t")) && json_is_integer(json_object_get(line, "lc"));
}

bool sim_lift_line(struct sim_lift *l, int64_t t, int64_t lc, const char *text)
{
    if (*text != '{' || l->refused)
        return false;
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const char *ev = json_string_value(json_object_get(line, "ev"));
    const struct trace_record_type *type = ev ? trace_record_type_find(ev, strlen(ev)) : NULL;
    bool whole = type && is_whole(l, line);
    if (type && l->fd < 0)
        l->whole = whole;
    bool taken = type && !is_ours(ev) && l->whole == whole;
    l->lc = larger(l->lc, lc);
    if (taken && (taken = open_file(l, t))) {
        if (whole)
            write_line(l, text);
        else
            lift(l, t, line, type);
    }
    json_decref(line);
    return taken;
}

void sim_lift_free(struct sim_lift *l, int64_t t, bool clean)
{
    if (!l)
        return;
    if (l->fd >= 0 && clean && !l->whole && !l->refused) {
        json_t *r = envelope(l, t, "trace.close");
        if (!r)
            abort();
        json_object_set_new(r, "records", json_integer(l->seq));
        json_object_set_new(r, "lost", json_integer(0));
        write_record(l, r);
    }
    if (l->fd >= 0)
        close(l->fd);
    free(l->path);
    free(l->run);
    free(l->node);
    free(l);
}
