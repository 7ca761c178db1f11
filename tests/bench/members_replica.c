/* Replicas that talk to each other directly, without the simulator. */
#include <stdio.h>

#include "members.h"
#include "udp_client.h"

static bool launch(struct members *m, unsigned i, const struct replica_kind *kind, char err[LOAD_ERR_LEN])
{
    char address[MEMBERS_MAX][64], id[8], trace[PROCESS_PATH + 16];
    const char *argv[32];
    unsigned n = 0;
    snprintf(id, sizeof id, "%04X", i);
    snprintf(trace, sizeof trace, "%s/trace", m->dir);
    argv[n++] = kind->program;
    argv[n++] = "--trace";
    argv[n++] = kind->traced ? trace : "off";
    argv[n++] = "--reads";
    argv[n++] = kind->reads;
    if (kind->durable) {
        argv[n++] = "--data";
        argv[n++] = m->dir;
    }
    if (!kind->compact) {
        argv[n++] = "--compact-entries";
        argv[n++] = "0";
        argv[n++] = "--compact-bytes";
        argv[n++] = "0";
    }
    for (unsigned j = 0; j < m->n; j++) {
        int skip = j == i ? 5 : 0; /* "ID=" is for the others only */
        snprintf(address[j], sizeof address[j], "%04X=127.0.0.1:%u", j, m->port[j]);
        argv[n++] = j == i ? "--listen" : "--peer";
        argv[n++] = address[j] + skip;
    }
    argv[n++] = id;
    argv[n] = NULL;
    return members_launch(m, i, argv, err);
}

bool members_start_replicas(struct members *m, unsigned n, const struct replica_kind *kind, const char *parent,
                            char err[LOAD_ERR_LEN])
{
    if (!members_prepare(m, n, parent, err))
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!launch(m, i, kind, err))
            return false;
    /* A put that is answered proves a leader; the client then knows which. */
    struct udp_client *u = udp_client_new(m->port, n);
    if (!u) {
        snprintf(err, LOAD_ERR_LEN, "no socket for the clients");
        return false;
    }
    static struct load_result ignored;
    const struct load_server server = udp_client_server(u);
    bool well = closed_loop(&server, &(struct load){.op = LOAD_PUT, .clients = 1}, &ignored, err);
    m->leader = udp_client_leader(u);
    udp_client_free(u);
    for (unsigned i = 0; i < n; i++) /* that it ended says more than that nobody answered */
        if (process_gone(m->pid[i])) {
            members_blame(m, i, "a replica ended", err);
            return false;
        }
    return well;
}
