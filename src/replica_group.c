/* replica_group.c -- who belongs to the group and where they are, as the command line says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "replica_options_int.h"
#include "seal.h"
#include "wire.h"

bool options_add_member(struct options *o, const char *text)
{
    char id[NODE_TEXT];
    struct address_text address;
    struct option_member *m = &o->members[o->n_members];
    if (o->n_members == RAFT_MEMBERS_MAX || strlen(text) < NODE_TEXT || text[4] != '=')
        return false;
    snprintf(id, sizeof id, "%.4s", text);
    m->address = text + NODE_TEXT;
    if (!wire_node_parse(id, &m->id) || m->id == NODE_NONE || !address_split(m->address, &address))
        return false;
    for (unsigned i = 0; i < o->n_members; i++)
        if (o->members[i].id == m->id || strcmp(o->members[i].address, m->address) == 0)
            return false;
    o->n_members++;
    return true;
}

static bool group_member(struct options *o, const char *text, node_id *id, char err[OPTIONS_ERR_LEN])
{
    if (!wire_node_parse(text, id) || *id == NODE_NONE)
        return options_wrong(err, "'%.20s' is no id: give four upper-case hex digits, not FFFF", text);
    bool taken = id != &o->core.id && *id == o->core.id;
    for (unsigned i = 0; i < o->core.n_peers; i++)
        taken = taken || o->peer_ids[i] == *id;
    return !taken || options_wrong(err, "id %s is there twice: name every member of the group once", text);
}

/* ---- PORT ID PEER... ---- */

static bool simulated(struct options *o, int argc, char **argv, char err[OPTIONS_ERR_LEN])
{
    uint64_t port;
    if (o->n_members)
        return options_wrong(err,
                             "--peer needs --listen HOST:PORT; on a simulated network peers are named by their ids");
    if (o->key_file)
        return options_wrong(err, "--key-file needs --listen HOST:PORT: the simulated network has to read datagrams");
    if (argc < 2)
        return options_wrong(err, "PORT and ID are missing; --help tells more");
    if (!options_number(argv[0], 1, UINT16_MAX, &port))
        return options_wrong(err, "'%.20s' is no UDP port: give a number from 1 to 65535", argv[0]);
    o->port = (uint16_t)port;
    o->core.fixed = !o->core.joining; /* the network knows the group, and nobody says who is added where */
    if (!group_member(o, argv[1], &o->core.id, err))
        return false;
    if (argc - 1 > RAFT_MEMBERS_MAX)
        return options_wrong(err, "%d replicas: a group has at most %d", argc - 1, RAFT_MEMBERS_MAX);
    for (int i = 2; i < argc; i++) {
        node_id id;
        if (!group_member(o, argv[i], &id, err))
            return false;
        o->peer_ids[o->core.n_peers++] = id;
    }
    return true;
}

/* ---- --listen HOST:PORT --peer ID=HOST:PORT... ID ---- */

static int by_id(const void *a, const void *b)
{
    const struct option_member *m = a, *n = b;
    return (m->id > n->id) - (m->id < n->id);
}

/* Equal at all members, whatever the order of their options. */
static void write_conf(struct options *o, struct option_member *all, unsigned n)
{
    char *at = o->conf;
    qsort(all, n, sizeof *all, by_id);
    for (unsigned i = 0; i < n; i++) {
        char id[NODE_TEXT];
        wire_node_text(all[i].id, id);
        at += sprintf(at, "%s%s=%s", i ? "," : "", id, all[i].address);
    }
    o->core.conf = o->conf;
}

static bool direct(struct options *o, int argc, char **argv, char err[OPTIONS_ERR_LEN])
{
    struct option_member all[RAFT_MEMBERS_MAX + 1];
    struct address_text at;
    unsigned n = 0;
    if (argc != 1)
        return options_wrong(
            err, "with --listen there is one argument, our own ID; name the others with --peer ID=HOST:PORT");
    if (!group_member(o, argv[0], &o->core.id, err))
        return false;
    const char *own = o->listen;
    for (unsigned i = 0; i < o->n_members; i++)
        if (o->members[i].id == o->core.id) {
            own = o->members[i].address;
        } else {
            o->peer_ids[o->core.n_peers++] = o->members[i].id;
            all[n++] = o->members[i];
        }
    if (n >= RAFT_MEMBERS_MAX)
        return options_wrong(err, "%u replicas: a group has at most %d", n + 1, RAFT_MEMBERS_MAX);
    (void)address_split(own, &at);
    if (!o->core.joining) {
        if (n && address_names_any(&at))
            return options_wrong(
                err, "nobody can send to %.60s: say with --peer %s=HOST:PORT where the others reach us", own, argv[0]);
        all[n++] = (struct option_member){.id = o->core.id, .address = own};
    }
    write_conf(o, all, n);
    return true;
}

static bool leaves_the_machine(const struct options *o)
{
    struct address_text at;
    bool leaves = o->listen && address_split(o->listen, &at) && !address_names_loopback(&at);
    for (unsigned i = 0; i < o->n_members; i++)
        leaves = leaves || (address_split(o->members[i].address, &at) && !address_names_loopback(&at));
    return leaves;
}

bool options_group(struct options *o, int argc, char **argv, char err[OPTIONS_ERR_LEN])
{
    if (!(o->listen ? direct(o, argc, argv, err) : simulated(o, argc, argv, err)))
        return false;
    if (!o->datagram_bytes)
        o->datagram_bytes = leaves_the_machine(o) ? DATAGRAM_NETWORK : DATAGRAM_MAX;
    size_t rest = o->datagram_bytes - DATAGRAM_REST - (o->key_file ? SEAL_OVERHEAD : 0), conf = strlen(o->conf);
    o->core.append_bytes = rest < RAFT_ENTRY_BYTES_MAX ? rest : RAFT_ENTRY_BYTES_MAX;
    /* Three bytes are four in base64. A long configuration must not leave nothing. */
    size_t data = rest > conf + 64 ? rest - conf : 64;
    o->core.chunk_bytes = (data < RAFT_ENTRY_BYTES_MAX ? data : RAFT_ENTRY_BYTES_MAX) / 4 * 3;
    return true;
}
