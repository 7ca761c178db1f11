#include "sim_replica.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { KEYS_MAX = 4096, DATAGRAM = 65507 };

struct replica {
    int fd;
    const char *kind, *id;
    char **others;
    int n_others;
    struct {
        char key[40], value[40];
    } map[KEYS_MAX];
    int n_map, answers;
};

static void send_json(const struct replica *r, json_t *o)
{
    char *text = json_dumps(o, JSON_COMPACT);
    if (!text || send(r->fd, text, strlen(text), 0) < 0)
        _exit(3);
    free(text);
    json_decref(o);
}

static void say_hello(const struct replica *r)
{
    send_json(r, json_pack("{s:s, s:s, s:s, s:s}", "src", r->id, "dst", "FFFF", "leader", "FFFF", "type", "hello"));
}

static char *value_of(struct replica *r, const char *key)
{
    int i = 0;
    while (i < r->n_map && strcmp(r->map[i].key, key) != 0)
        i++;
    if (i == KEYS_MAX)
        _exit(4);
    if (i == r->n_map) {
        snprintf(r->map[i].key, sizeof r->map[i].key, "%s", key);
        r->n_map++;
    }
    return r->map[i].value;
}

static void answer(const struct replica *r, const char *client, const char *type, const char *mid, const char *value)
{
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "src", r->id, "dst", client, "leader", "0000", "type", type, "MID", mid);
    if (value)
        json_object_set_new(o, "value", json_string(value));
    if (strcmp(r->kind, "lying") == 0) /* a clock that no run can reach */
        json_object_set_new(o, "lc", json_integer((INT64_C(1) << 52) + 5));
    send_json(r, o);
}

static void replicate(const struct replica *r)
{
    for (int i = 0; i < r->n_others; i++)
        send_json(r, json_pack("{s:s, s:s, s:s, s:s, s:i}", "src", r->id, "dst", r->others[i], "leader", "0000", "type",
                               "copy", "term", 1));
}

static void serve(struct replica *r, const json_t *m)
{
    const char *type = json_string_value(json_object_get(m, "type")),
               *mid = json_string_value(json_object_get(m, "MID"));
    const char *src = json_string_value(json_object_get(m, "src")), *key = json_string_value(json_object_get(m, "key"));
    if (!type || !mid || !src || !key)
        return;
    if (strcmp(r->id, "0000") != 0) {
        answer(r, src, "redirect", mid, NULL);
        return;
    }
    char *value = value_of(r, key);
    if (strcmp(type, "put") == 0) {
        snprintf(value, sizeof r->map[0].value, "%s", json_string_value(json_object_get(m, "value")));
        replicate(r);
        answer(r, src, "ok", mid, NULL);
    } else
        answer(r, src, "ok", mid, strcmp(r->kind, "lying") == 0 ? "nobody wrote this" : value);
}

/* Answers of each wrong sort to the first client: one nobody asked for, one of an unknown type, one without a MID. */
static void answer_wrongly(const struct replica *r)
{
    char client[8];
    snprintf(client, sizeof client, "%04X", (unsigned)r->n_others + 1 + 16);
    answer(r, client, "ok", "AAAAAAAAAAAAAAAA", "");
    answer(r, client, "hurray", "AAAAAAAAAAAAAAAA", NULL);
    send_json(r, json_pack("{s:s, s:s, s:s, s:s}", "src", r->id, "dst", client, "leader", "0000", "type", "ok"));
}

static void send_garbage(const struct replica *r)
{
    static char big[DATAGRAM];
    memset(big, '[', sizeof big);
    static const char *const texts[] = {
        "not json",
        "[1, 2]",
        "{}",
        "{\"src\": 4, \"dst\": \"0000\", \"leader\": \"FFFF\", \"type\": \"x\"}",
        "\xff\xfe",
        "{\"src\": \"0004\", \"dst\": \"zzzz\", \"leader\": \"FFFF\", \"type\": \"x\"}",
        "{\"src\": \"0004\", \"dst\": \"0ABC\", \"leader\": \"FFFF\", \"type\": \"x\"}",
        "{\"src\": \"0003\", \"dst\": \"0000\", \"leader\": \"1234\", \"type\": \"x\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        send(r->fd, texts[i], strlen(texts[i]), 0);
    send(r->fd, big, sizeof big, 0);
    send(r->fd, "", 0, 0);
}

static bool is(const struct replica *r, const char *id)
{
    return strcmp(r->kind, "hostile") == 0 && strcmp(r->id, id) == 0;
}

static void be_hostile(struct replica *r)
{
    if (is(r, "0001"))
        abort();
    if (is(r, "0003"))
        for (;;)
            printf("%0200d\n", 0);
    if (is(r, "0004"))
        send_garbage(r);
    if (is(r, "0005"))
        for (;;)
            pause();
    if (is(r, "0006"))
        answer_wrongly(r);
}

static void introduce_itself(const struct replica *r, char **argv)
{
    const char *boot = getenv("FAULTLINE_BOOT");
    if (strcmp(r->kind, "returning") != 0)
        return;
    printf("boot %s of", boot ? boot : "?");
    for (char **arg = argv + 3; *arg; arg++)
        printf(" %s", *arg);
    printf("\n");
    fflush(stdout);
    if (boot && strcmp(boot, "2") == 0 && strcmp(r->id, "0004") == 0)
        exit(5);
}

void sim_replica_main(int argc, char **argv)
{
    static struct replica r;
    static char bytes[DATAGRAM + 1];
    if (argc < 5 || strcmp(argv[1], "sim-replica") != 0)
        return;
    r.kind = argv[2];
    r.id = argv[4];
    r.others = argv + 5;
    r.n_others = argc - 5;
    introduce_itself(&r, argv);
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[3])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    r.fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (connect(r.fd, (struct sockaddr *)&to, sizeof to) != 0)
        _exit(2);
    if (is(&r, "0002") || strcmp(r.kind, "stubborn") == 0)
        signal(SIGTERM, SIG_IGN); /* before its hello: who hears that may rely on it */
    if (!is(&r, "0005"))
        say_hello(&r);
    be_hostile(&r);
    for (;;) {
        ssize_t n = recv(r.fd, bytes, DATAGRAM, 0);
        json_t *m = n > 0 && strcmp(r.kind, "deaf") != 0 ? json_loadb(bytes, (size_t)n, 0, NULL) : NULL;
        if (m)
            serve(&r, m);
        json_decref(m);
    }
}
