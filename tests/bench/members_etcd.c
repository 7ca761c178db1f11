/* Three members of etcd, with its defaults: every write is on stable storage (WAL, fdatasync) before it is answered. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "members.h"

/* Which of them says in its metrics that it leads; -1: none does yet. */
static int find_leader(const struct members *m)
{
    static char answer[1 << 20];
    for (unsigned i = 0; i < m->n; i++)
        if (members_ask_tcp(m->port[i], "GET /metrics HTTP/1.0\r\n\r\n", answer, sizeof answer) &&
            strstr(answer, "\netcd_server_is_leader 1\n"))
            return (int)i;
    return -1;
}

bool members_start_etcd(struct members *m, const char *parent, char err[LOAD_ERR_LEN])
{
    if (!members_prepare(m, 3, parent, err))
        return false;
    char all[256];
    snprintf(all, sizeof all, "m0=http://127.0.0.1:%u,m1=http://127.0.0.1:%u,m2=http://127.0.0.1:%u", m->peer_port[0],
             m->peer_port[1], m->peer_port[2]);
    for (unsigned i = 0; i < m->n; i++) {
        char name[16], data[PROCESS_PATH + 16], client[64], peer[64];
        snprintf(name, sizeof name, "m%u", i);
        snprintf(data, sizeof data, "%s/m%u", m->dir, i);
        snprintf(client, sizeof client, "http://127.0.0.1:%u", m->port[i]);
        snprintf(peer, sizeof peer, "http://127.0.0.1:%u", m->peer_port[i]);
        const char *const argv[] = {"etcd",  "--name",
                                    name,    "--data-dir",
                                    data,    "--listen-client-urls",
                                    client,  "--advertise-client-urls",
                                    client,  "--listen-peer-urls",
                                    peer,    "--initial-advertise-peer-urls",
                                    peer,    "--initial-cluster",
                                    all,     "--initial-cluster-token",
                                    "bench", NULL};
        if (!members_launch(m, i, argv, err))
            return false;
    }
    for (int i = 0; i < 200 && !load_interrupted; i++) {
        int leader = find_leader(m);
        if (leader >= 0) {
            m->leader = (unsigned)leader;
            return true;
        }
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    members_blame(m, 0, "etcd elected no leader", err);
    return false;
}
