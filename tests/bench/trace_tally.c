#include "trace_tally.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../trace/trace.h"

/* The trace of member `i`, open, and how much is written in it so far; -1: there is none. */
static int open_trace(const struct members *m, unsigned i, uint64_t *size)
{
    char pattern[PROCESS_PATH + 32], err[TRACE_ERR_LEN];
    snprintf(pattern, sizeof pattern, "%s/trace/*/%04X.1.jsonl", m->dir, i);
    glob_t found;
    int fd = -1;
    *size = 0;
    if (glob(pattern, 0, NULL, &found) == 0) {
        fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
        struct trace_reader *r = trace_reader_open(found.gl_pathv[0], err);
        if (r)
            *size = trace_reader_size(r);
        trace_reader_close(r);
        globfree(&found);
    }
    return fd;
}

void trace_tally_skip(struct trace_tally *t, const struct members *m)
{
    for (unsigned i = 0; i < m->n; i++) {
        int fd = open_trace(m, i, &t->from[i]);
        if (fd >= 0)
            close(fd);
    }
}

/* Is the message of this record for another replica? Answers to clients are left out, as the course's simulator leaves
 * them out. */
static bool between_replicas(const char *record, const char *end)
{
    const char *line_end = memchr(record, '\n', (size_t)(end - record));
    size_t n = (size_t)((line_end ? line_end : end) - record);
    static const char *const answers[] = {"\"ty\":\"ok\"", "\"ty\":\"redirect\"", "\"ty\":\"fail\""};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (memmem(record, n, answers[i], strlen(answers[i])))
            return false;
    return true;
}

static void count(struct trace_tally *t, const char *at, const char *end)
{
    static const char event[] = "\"ev\":\"";
    t->bytes += (uint64_t)(end - at);
    while ((at = memmem(at, (size_t)(end - at), event, sizeof event - 1)) != NULL) {
        at += sizeof event - 1;
        t->records++;
        if (end - at > 9 && memcmp(at, "msg.send\"", 9) == 0)
            t->messages += between_replicas(at, end);
        t->syncs += end - at > 10 && memcmp(at, "disk.sync\"", 10) == 0;
    }
}

void trace_tally_add(struct trace_tally *t, const struct members *m)
{
    for (unsigned i = 0; i < m->n; i++) {
        uint64_t size;
        int fd = open_trace(m, i, &size);
        if (fd < 0)
            continue;
        void *text = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
        if (text != MAP_FAILED) {
            count(t, (const char *)text + t->from[i], (const char *)text + size);
            munmap(text, size);
        }
        t->from[i] = size;
        close(fd);
    }
}
