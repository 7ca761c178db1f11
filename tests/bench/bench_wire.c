/* What a datagram costs to write and to read, by hand and with jansson, which is the reference for reading. Processor
 * time of this process, the best of a few rounds. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../src/wire_int.h"

enum { ROUNDS = 5, BYTES = 2000000 };

static struct wire_decoder *decoder;
static char bytes[DATAGRAM_MAX];
static size_t n_bytes;
static const struct message *message;
static json_t *tree; /* the datagram as jansson holds it */

static void die(const char *what)
{
    fprintf(stderr, "bench_wire: %s\n", what);
    exit(1);
}

static double cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double best_ns(void (*work)(void))
{
    double best = 0;
    unsigned times = BYTES / (unsigned)n_bytes;
    for (int round = 0; round < ROUNDS; round++) {
        double from = cpu_ns();
        for (unsigned i = 0; i < times; i++)
            work();
        double ns = (cpu_ns() - from) / times;
        best = round == 0 || ns < best ? ns : best;
    }
    return best;
}

static void encode(void)
{
    static char out[DATAGRAM_MAX];
    if (wire_encode(message, out, sizeof out) != n_bytes)
        die("encoded otherwise");
}

/* Without jansson's own encoder of messages there is none to measure; the least it would do is to make the objects and
 * to write them. */
static void encode_jansson(void)
{
    static char out[DATAGRAM_MAX];
    json_t *copy = json_deep_copy(tree);
    if (json_dumpb(copy, out, sizeof out, JSON_COMPACT) == 0)
        die("jansson did not encode");
    json_decref(copy);
}

static void decode(void)
{
    struct message m;
    struct wire_refusal refusal;
    if (!wire_decode(decoder, bytes, n_bytes, &m, &refusal))
        die("refused");
}

static void decode_jansson(void)
{
    struct message m;
    struct wire_refusal refusal;
    if (!wire_decode_json(decoder, bytes, n_bytes, &m, &refusal))
        die("refused");
}

static void row(const char *name)
{
    tree = json_loadb(bytes, n_bytes, 0, NULL);
    if (!tree)
        die("jansson did not decode");
    double d = best_ns(decode), dj = best_ns(decode_jansson);
    if (message) {
        double e = best_ns(encode), ej = best_ns(encode_jansson);
        printf("%-22s %6zu %9.0f %9.0f %6.1fx %9.0f %9.0f %6.1fx\n", name, n_bytes, e, ej, ej / e, d, dj, dj / d);
    } else {
        printf("%-22s %6zu %9s %9s %7s %9.0f %9.0f %6.1fx\n", name, n_bytes, "", "", "", d, dj, dj / d);
    }
    json_decref(tree);
}

static void row_of(const char *name, const struct message *m)
{
    message = m;
    n_bytes = wire_encode(m, bytes, sizeof bytes);
    row(name);
}

/* What a program in Python writes with json.dumps(). */
static void row_of_text(const char *name, const char *text)
{
    message = NULL;
    n_bytes = strlen(text);
    memcpy(bytes, text, n_bytes);
    row(name);
}

int main(void)
{
    enum { MANY = 16 };
    static struct entry entry[MANY];
    static const struct entry *entries[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        entry[i] = (struct entry){.index = 100001 + i,
                                  .term = 3,
                                  .op = ENTRY_PUT,
                                  .client = 0x17,
                                  .mid = "K8Q2ZL0P4M7B9XTA",
                                  .key = "Q0W9E8R7T6Y5U4I3O2P1A0S9D8F7G6H5",
                                  .value = "d41d8cd98f00b204e9800998ecf8427e"};
        entry[i].hash = entry_hash(&entry[i]);
        entries[i] = &entry[i];
    }
    const struct message put = {.type = MESSAGE_PUT,
                                .src = 0x17,
                                .dst = 3,
                                .leader = 3,
                                .mid = "K8Q2ZL0P4M7B9XTA",
                                .key = entry[0].key,
                                .value = entry[0].value};
    struct message get = put, app = {.type = MESSAGE_APP_REQ,
                                     .src = 3,
                                     .dst = 1,
                                     .leader = 3,
                                     .mid = "0003-1-48213",
                                     .lc = 345678,
                                     .term = 3,
                                     .prev_index = 100000,
                                     .prev_term = 3,
                                     .commit = 99998,
                                     .round = 1234,
                                     .sent_us = 45164145,
                                     .n_entries = 1,
                                     .entries = entries};
    const struct message res = {.type = MESSAGE_APP_RES,
                                .src = 1,
                                .dst = 3,
                                .leader = 3,
                                .mid = "0001-1-38213",
                                .re = "0003-1-48213",
                                .lc = 345680,
                                .term = 3,
                                .round = 1234,
                                .sent_us = 45164145,
                                .ok = true,
                                .match = 100001};
    get.type = MESSAGE_GET;
    decoder = wire_decoder_new();
    if (!decoder)
        die("out of memory");
    printf("%-22s %6s %9s %9s %7s %9s %9s %7s\n", "nanoseconds", "bytes", "encode", "jansson", "ratio", "decode",
           "jansson", "ratio");
    row_of("get", &get);
    row_of("put", &put);
    row_of("app_req, 1 entry", &app);
    app.n_entries = MANY;
    row_of("app_req, 16 entries", &app);
    row_of("app_res", &res);
    static unsigned char chunk[32768];
    for (size_t i = 0; i < sizeof chunk; i++)
        chunk[i] = (unsigned char)(i * 167);
    const struct message snap = {.type = MESSAGE_SNAP_REQ,
                                 .src = 3,
                                 .dst = 1,
                                 .leader = 3,
                                 .mid = "0003-1-48214",
                                 .size = 10000000,
                                 .conf = "0001,0002,0003",
                                 .data = chunk,
                                 .n_data = sizeof chunk};
    row_of("snap_req, 32 KiB", &snap);
    row_of_text("put of Python's json",
                "{\"src\": \"0017\", \"dst\": \"0003\", \"leader\": \"0003\", \"type\": \"put\", \"MID\": "
                "\"K8Q2ZL0P4M7B9XTA\", "
                "\"key\": \"Q0W9E8R7T6Y5U4I3O2P1A0S9D8F7G6H5\", \"value\": \"d41d8cd98f00b204e9800998ecf8427e\"}");
    wire_decoder_free(decoder);
    return 0;
}
