/* One primary and two replicas of Redis, in memory only. It is no consensus: WAIT tells that a copy exists elsewhere,
 * and nothing more. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "members.h"

bool members_start_redis(struct members *m, const char *parent, char err[LOAD_ERR_LEN])
{
    if (!members_prepare(m, 3, parent, err))
        return false;
    char first[16];
    snprintf(first, sizeof first, "%u", m->port[0]);
    for (unsigned i = 0; i < m->n; i++) {
        char port[16];
        snprintf(port, sizeof port, "%u", m->port[i]);
        const char *const argv[] = {"redis-server",
                                    "--port",
                                    port,
                                    "--bind",
                                    "127.0.0.1",
                                    "--save",
                                    "",
                                    "--appendonly",
                                    "no",
                                    "--dir",
                                    m->dir,
                                    "--repl-diskless-sync-delay",
                                    "0",
                                    i > 0 ? "--replicaof" : NULL,
                                    "127.0.0.1",
                                    first,
                                    NULL};
        if (!members_launch(m, i, argv, err))
            return false;
    }
    char answer[4096];
    for (int i = 0; i < 200 && !load_interrupted; i++) {
        if (members_ask_tcp(m->port[0], "INFO replication\r\nQUIT\r\n", answer, sizeof answer) &&
            strstr(answer, "slave0:") && strstr(answer, "slave1:") && !strstr(answer, "state=wait") &&
            !strstr(answer, "state=send"))
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    members_blame(m, 1, "the replicas of redis are not in step", err);
    return false;
}
