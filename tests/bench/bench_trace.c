/* What tracing costs, and what reading costs. Prints lines of `name value unit`. Processor time of this process, in
 * user and in system mode, and the best of a few rounds: what else runs on the machine then hardly counts. Files go
 * below $TMPDIR or /tmp. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../trace/trace_parse_int.h"

enum { RECORDS = 200000, LINES = 100000, ROUNDS = 5 };

static char dir[4096], path[4200];

static void die(const char *what)
{
    fprintf(stderr, "bench_trace: %s\n", what);
    exit(1);
}

static struct trace_writer *open_writer(bool mapped)
{
    char err[TRACE_ERR_LEN];
    unlink(path);
    struct trace_writer *w =
        trace_writer_open(&(struct trace_writer_options){.dir = dir, .node = "0003", .boot = 1, .mapped = mapped}, err);
    if (w == NULL)
        die(err);
    return w;
}

/* What one request costs a leader: it arrives, its entry is appended, sent on. */
static void emit(struct trace_writer *w, int64_t i)
{
    const struct trace_entry entry = {i, 3, 0x9e3779b97f4a7c15u};
    const int64_t request = i / 3;
    trace_set_time(w, 4516414562 + request * 1000);
    trace_set_state(w, &(struct trace_state){
                           .term = 3, .role = 'L', .ci = request, .ai = request, .li = request + 4 + (i % 3 > 0)});
    switch (i % 3) {
    case 0:
        trace_set_cause(w, 0);
        trace_set_cause(w,
                        trace_put_msg_recv(w, &(struct trace_rec_msg_recv){.from = "0017",
                                                                           .ty = "put",
                                                                           .mid = "K8Q2ZL0P4M7B9XTA",
                                                                           .key = "Q0W9E8R7T6Y5U4I3O2P1A0S9D8F7G6H5"}));
        break;
    case 1:
        trace_put_log_append(w, &(struct trace_rec_log_append){.idx = i,
                                                               .eterm = 3,
                                                               .op = "put",
                                                               .h = "9e3779b97f4a7c15",
                                                               .key = "Q0W9E8R7T6Y5U4I3O2P1A0S9D8F7G6H5",
                                                               .val = "d41d8cd98f00b204e9800998ecf8427e",
                                                               .req = "K8Q2ZL0P4M7B9XTA",
                                                               .cli = "0017"});
        break;
    default:
        trace_put_msg_send(w, &(struct trace_rec_msg_send){.to = "FFFF",
                                                           .ty = "app",
                                                           .mid = "0003-1-48213",
                                                           .mterm = TRACE_OPT(3),
                                                           .pi = TRACE_OPT(i - 1),
                                                           .pt = TRACE_OPT(3),
                                                           .lci = TRACE_OPT(i - 4),
                                                           .ents = {&entry, 1},
                                                           .round = TRACE_OPT(i)});
    }
}

static void report(const char *name, double value, const char *unit)
{
    printf("%-24s %10.2f %s\n", name, value, unit);
}

static int64_t cpu_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static double per(int64_t from, int64_t n)
{
    return (double)(cpu_ns() - from) / (double)n;
}

static double emit_ns(int records_per_flush, bool mapped)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct trace_writer *w = open_writer(mapped);
        int64_t from = cpu_ns();
        for (int64_t i = 0; i < RECORDS; i++) {
            emit(w, i);
            if (i % records_per_flush == 0)
                trace_flush(w);
        }
        trace_flush(w);
        double ns = per(from, RECORDS);
        if (trace_lost(w) != 0)
            die("records were lost");
        trace_writer_close(w);
        best = round == 0 || ns < best ? ns : best;
    }
    return best;
}

/* The kernel's part of it: the same bytes in as many writes, ready-made. */
static double write_ns(size_t record_bytes, int records_per_flush)
{
    char *bytes = calloc(1, record_bytes * (size_t)records_per_flush);
    double best = 0;
    if (bytes == NULL)
        die("out of memory");
    for (int round = 0; round < ROUNDS; round++) {
        unlink(path);
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
        int64_t from = cpu_ns();
        for (int64_t i = 0; i < RECORDS; i += records_per_flush)
            if (write(fd, bytes, record_bytes * (size_t)records_per_flush) < 0)
                die("write failed");
        double ns = per(from, RECORDS);
        close(fd);
        best = round == 0 || ns < best ? ns : best;
    }
    free(bytes);
    return best;
}

typedef bool parser(const char *, size_t, struct trace_scratch *, struct trace_record *, bool *, char *);

static double parse_ns(parser *parse, const struct trace_text *line, size_t n)
{
    static struct trace_record rec;
    struct trace_scratch *s = trace_scratch_new();
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char err[TRACE_ERR_LEN];
        bool suspect;
        int64_t from = cpu_ns();
        for (size_t i = 0; i < n; i++)
            if (!parse(line[i].p, line[i].n, s, &rec, &suspect, err) || suspect)
                die("a line of the writer was not accepted");
        double ns = per(from, (int64_t)n);
        best = round == 0 || ns < best ? ns : best;
    }
    trace_scratch_free(s);
    return best;
}

static double read_file_ns(int64_t *records, uint64_t *bytes)
{
    static struct trace_record rec;
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char err[TRACE_ERR_LEN];
        size_t n;
        int64_t from = cpu_ns();
        struct trace_reader *r = trace_reader_open(path, err);
        if (r == NULL)
            die(err);
        *records = 0;
        while (trace_reader_next(r, &rec, &n, err) == TRACE_READ_RECORD)
            ++*records;
        *bytes = trace_reader_size(r);
        if (trace_reader_offset(r) != *bytes)
            die("the file was not read to its end");
        double ns = per(from, *records);
        trace_reader_close(r);
        best = round == 0 || ns < best ? ns : best;
    }
    return best;
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(dir, sizeof dir, "%s/bench-trace-XXXXXX", tmp != NULL && tmp[0] != '\0' ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL)
        die("cannot make a directory for the files");
    snprintf(path, sizeof path, "%s/0003.1.jsonl", dir);

    double each = emit_ns(1, false), fourth = emit_ns(4, false), as_replica = emit_ns(4, true),
           tenth = emit_ns(10, false), never = emit_ns(1000, false);
    int64_t records;
    uint64_t bytes;
    double file = read_file_ns(&records, &bytes);

    struct trace_text *line = calloc(LINES, sizeof *line);
    char *text = malloc(bytes);
    FILE *f = fopen(path, "rb");
    if (line == NULL || text == NULL || f == NULL || fread(text, 1, bytes, f) != bytes)
        die("cannot read the file back");
    fclose(f);
    const char *p = text;
    size_t size = 0;
    for (size_t i = 0; i < LINES; i++) {
        const char *end = memchr(p, '\n', (size_t)(text + bytes - p));
        line[i] = (struct trace_text){p, (size_t)(end - p)};
        size += line[i].n + 1;
        p = end + 1;
    }
    size /= LINES;
    double fast = parse_ns(trace_scan, line, LINES), slow = parse_ns(trace_parse_reference, line, LINES);

    report("record_size", (double)size, "bytes");
    report("emit_flush_each", each, "ns/record");
    report("emit_flush_each_4", fourth, "ns/record");
    report("emit_mapped_each_4", as_replica, "ns/record"); /* what a replica does: 4.0 records an input in real runs */
    report("emit_flush_each_10", tenth, "ns/record");
    report("emit_flush_each_1000", never, "ns/record");
    report("write_only_each_4", write_ns(size, 4), "ns/record");
    report("read_file", 1e3 / file, "million_records/s");
    report("parse_scanner", 1e3 / fast, "million_records/s");
    report("parse_jansson", 1e3 / slow, "million_records/s");
    report("scanner_to_jansson", slow / fast, "times");

    unlink(path);
    rmdir(dir);
    free(text);
    free(line);
    return 0;
}
