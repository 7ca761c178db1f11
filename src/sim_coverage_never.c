/* What a campaign cannot reach whatever the seed, and why: so that nobody waits for it, and a kind of record that is
 * neither reached nor listed here stands out (tests/test_campaign.sh). */
#include "sim_coverage_int.h"

#include <string.h>

static const struct {
    const char *kind, *reason;
} never[] = {
    {"trace.lost overflow", "a trace in memory loses nothing"},
    {"trace.lost io_error", "a trace in memory loses nothing"},
    {"trace.clock", "for runs on several hosts: one clock is enough here"},
    {"node.out", "what processes print, in real time"},
    {"node.exit hung", "a replica in this process cannot hang alone"},
    {"node.stop exit", "other programs: ours ends by a signal, an assertion or its disk"},
    {"node.stop error", "other programs: ours ends by a signal, an assertion or its disk"},
    {"node.stop assert", "only a defect does that"},
    {"op.return stopped", "only a run that ends early leaves operations open: after a violation"},
    {"op.extra unknown_mid", "only a defect answers what nobody asked"},
    {"op.return fail", "no request is too large, and the table of answers does not fill up"},
    {"req.reply overload", "no request is too large, and the table of answers does not fill up"},
    {"op.return late", "other simulators: ours has op.extra late"},
    {"read.local", "reads that ask nobody are unsafe: not in a campaign that must not fail"},
    {"net.bad not_json", "only a defect sends what is no message, or to nobody"},
    {"net.bad not_object", "only a defect sends what is no message, or to nobody"},
    {"net.bad missing_field", "only a defect sends what is no message, or to nobody"},
    {"net.bad bad_type", "only a defect sends what is no message, or to nobody"},
    {"net.bad bad_value", "only a defect sends what is no message, or to nobody"},
    {"net.bad too_big", "only a defect sends what is no message, or to nobody"},
    {"net.bad unknown_dst", "only a defect sends what is no message, or to nobody"},
    {"net.bad empty", "only a defect sends what is no message, or to nobody"},
    {"net.drop unknown_dst", "every replica says hello before anybody writes to it"},
    {"net.drop socket_full", "no load fills the 4 MB of a socket before its replica goes on"},
    {"net.drop oversize", "only a defect sends more than a datagram holds"},
    {"msg.bad not_object", "damage by the network leaves no JSON; only another program's text would be half right"},
    {"msg.bad missing_field", "damage by the network leaves no JSON; only another program's text would be half right"},
    {"msg.bad bad_type", "damage by the network leaves no JSON; only another program's text would be half right"},
    {"msg.bad bad_value", "damage by the network leaves no JSON; only another program's text would be half right"},
    {"msg.bad unknown_type", "damage by the network leaves no JSON; only another program's text would be half right"},
    {"msg.bad too_big", "damage by the network leaves no JSON; only another program's text would be half right"},
    {"msg.bad unknown_source", "on real addresses alone"},
    {"msg.bad bad_seal", "on real addresses alone"},
    {"msg.bad replayed", "on real addresses alone"},
    {"msg.ignore forged", "nobody sends in the name of another, or what is for another"},
    {"msg.ignore wrong_dst", "nobody sends in the name of another, or what is for another"},
    {"msg.ignore old_round", "other programs: ours ignores such a message for another reason, or takes it"},
    {"log.reject stale_term", "other programs: ours has msg.ignore stale_term"},
    {"vote.deny not_member", "other programs: ours has msg.ignore not_member"},
    {"log.truncate recovery", "other programs: ours says in node.start what it has found"},
    {"term.change recovered", "other programs: ours says in node.start what it has found"},
    {"req.drop overload", "other programs: ours answers each request, or ignores it (msg.ignore)"},
    {"req.drop no_leader", "other programs: ours answers each request, or ignores it (msg.ignore)"},
    {"req.drop malformed", "other programs: ours answers each request, or ignores it (msg.ignore)"},
    {"req.reply deadline", "other programs: ours holds a request and then redirects it"},
    {"req.reply known_member", "the administrator of a scenario knows no addresses"},
    {"req.reply unexpected", "the administrator of a scenario knows no addresses"},
};

const char *coverage_never(const char *kind)
{
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (strcmp(never[i].kind, kind) == 0)
            return never[i].reason;
    return NULL;
}
