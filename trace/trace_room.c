/* trace_room.c -- see trace_room.h. */
#include "trace_room.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    AHEAD =
        1
        << 17, /* bytes of room made at a time: enough for large pages of the cache; not much to look at after a kill */
    WINDOW = 1 << 22, /* bytes mapped at a time */
    PIECE = 1 << 16   /* bytes stored at a time, at most */
};

/* True when bytes up to `need` of the file are there. */
static bool lengthen(struct trace_room *r, int64_t need)
{
    static const char zeros[AHEAD];
    while (r->end < need) {
        ssize_t n = write(r->fd, zeros, sizeof zeros);
        if (n > 0)
            r->end += n;
        else if (n == 0 || errno != EINTR)
            return false;
    }
    return true;
}

static void unmap(struct trace_room *r)
{
    if (r->window != NULL)
        munmap(r->window, WINDOW);
    r->window = NULL;
}

/* Maps the file from the page on that `used` is in, beyond its end too: it will come to that. */
static bool map(struct trace_room *r)
{
    unmap(r);
    r->at = r->used - r->used % sysconf(_SC_PAGESIZE);
    void *window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, r->at);
    r->window = window == MAP_FAILED ? NULL : window;
    return r->window != NULL;
}

bool trace_room_open(struct trace_room *r, int fd)
{
    struct stat st;
    *r = (struct trace_room){.fd = fd};
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size != 0)
        return false;
    if (map(r) && lengthen(r, 1))
        return true;
    trace_room_close(r);
    return false;
}

static inline void store_8(char *to, const char *from)
{
    memcpy(to, from, 8);
    atomic_signal_fence(memory_order_seq_cst);
}

/* Eight bytes at a time, one after the other whatever the compiler thinks. */
static void store(char *to, const char *from, size_t n)
{
    for (; n >= 32; to += 32, from += 32, n -= 32) {
        store_8(to, from);
        store_8(to + 8, from + 8);
        store_8(to + 16, from + 16);
        store_8(to + 24, from + 24);
    }
    for (; n > 0; n--) {
        *to++ = *from++;
        atomic_signal_fence(memory_order_seq_cst);
    }
}

size_t trace_room_append(struct trace_room *r, const char *bytes, size_t n)
{
    size_t done = 0;
    while (r->window != NULL && done < n) {
        size_t piece = n - done < PIECE ? n - done : PIECE;
        if (!lengthen(r, r->used + (int64_t)piece) || (r->used + (int64_t)piece > r->at + WINDOW && !map(r)))
            break;
        store(r->window + (r->used - r->at), bytes + done, piece);
        if (r->broken)
            break;
        done += piece;
        r->used += (int64_t)piece;
    }
    return done;
}

void trace_room_close(struct trace_room *r)
{
    struct stat st;
    bool made = r->window != NULL || r->end > 0;
    unmap(r);
    r->at = 0;
    if (made && fstat(r->fd, &st) == 0 && st.st_size > r->used)
        (void)!ftruncate(r->fd, r->used); /* else the zeros stay, which readers know */
    r->end = 0;
}

bool trace_room_fault(struct trace_room *r, const void *at)
{
    const char *p = at;
    if (r->window == NULL || p < r->window || p >= r->window + WINDOW)
        return false;
    r->broken = 1;
    return mmap(r->window, WINDOW, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
           MAP_FAILED;
}
