/* trace_room.h -- internal: bytes to the end of a file without a system call, through a mapping of room made ahead.
 *
 * What is stored into a shared mapping of a file is in the kernel's page cache, as what write(2) took is, and outlives
 * the process as that does. It costs a fifth: a page is made once, many at a time, not looked up for each record. The
 * room is filled with zeros by write(2), so that a full disk says so there and not by SIGBUS; those that are not used
 * stand at the end of the file until it is closed, and after kill -9 (README.md, "Files"). */
#ifndef FAULTLINE_TRACE_ROOM_H
#define FAULTLINE_TRACE_ROOM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_room {
    int fd;            /* borrowed */
    char *window;      /* where the file is mapped from byte `at` on; NULL: there is no room, and there will be none */
    int64_t at;
    int64_t used, end; /* bytes of the file that are ours; its size, zeros from `used` on */
    volatile sig_atomic_t broken; /* the window is not the file any more */
};

/* `fd`: an empty regular file, open for reading and appending (O_RDWR | O_APPEND). False: it cannot be mapped. */
bool trace_room_open(struct trace_room *r, int fd);
/* Stores bytes in order: after kill -9 the file has the first so many of them. Returns how many it took; fewer than `n`:
 * there is no more room, close it and go on with write(2). */
size_t trace_room_append(struct trace_room *r, const char *bytes, size_t n);
/* Cuts off what is not used. Does nothing when there is no room. */
void trace_room_close(struct trace_room *r);
/* For the handler of SIGBUS, which a store raises when somebody has cut the file, or the disk fails: true when `at` is
 * in the window, which then takes the store and leads nowhere; the append under way takes nothing more. */
bool trace_room_fault(struct trace_room *r, const void *at);

#endif
