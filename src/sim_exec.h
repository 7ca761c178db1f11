/* sim_exec.h -- the replica processes: started in a process group of their own, read without blocking, ended for sure.
 */
#ifndef FAULTLINE_SIM_EXEC_H
#define FAULTLINE_SIM_EXEC_H

#include <stdbool.h>
#include <sys/types.h>
#include "sim_lines.h"

enum sim_proc_state { SIM_PROC_NONE, SIM_PROC_RUNNING, SIM_PROC_ENDED };

struct sim_proc {
    enum sim_proc_state state;
    pid_t pid;  /* also its process group */
    int out[2]; /* reading ends of its stdout and stderr; -1 when closed */
    struct sim_lines lines[2];
    int status; /* of waitpid(), once ENDED */
};

struct sim_variable {
    const char *name, *value;
};

/* Starts argv (NULL-terminated) with stdin from /dev/null and `variables` (ended by a NULL name) added to the
 * environment. It has a session and process group of its own, default signals, no descriptor of ours, and dies with us.
 * False with words in `err` when it cannot be started. */
bool sim_proc_start(struct sim_proc *p, const char *const *argv, const struct sim_variable *variables, int64_t now,
                    char err[256]);
/* Sends a signal to its whole group. */
void sim_proc_signal(const struct sim_proc *p, int sig);
/* True once, when the process has ended: its status is set and what was left of its group is killed. */
bool sim_proc_reap(struct sim_proc *p);
/* Reads what there is on stream `fd` (1 or 2), at most 64 KiB; closes it at its end. */
void sim_proc_read(struct sim_proc *p, int fd, int64_t now, sim_line_fn *fn, void *ctx);
/* Reads the rest without waiting, then closes both streams. */
void sim_proc_drain(struct sim_proc *p, int fd, int64_t now, sim_line_fn *fn, void *ctx);

#endif
