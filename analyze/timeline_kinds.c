/* timeline_kinds.c -- what each kind of record is in the timeline: its mark, in whose column, and a few words (words.c
 * says what stands in braces and brackets). The last row is for all others. */
#include "timeline_int.h"

#include <fnmatch.h>
#include <string.h>

enum { SHOWN, QUIET };

static const struct timeline_kind table[] = {
    {"role.change", NULL, SHOWN, TIMELINE_AT_NODE, "$", "{old:role} -> {new:role}[ ({why})]"},
    {"term.change", NULL, SHOWN, TIMELINE_AT_NODE, "$", "term {old} -> {term}[ ({why})]"},
    {"leader.change", NULL, QUIET, TIMELINE_AT_NODE, "*", "takes {new|nobody} for the leader"},
    {"vote.grant", NULL, SHOWN, TIMELINE_AT_NODE, "V",
     "vote for {cand}, term {cterm}[, only asked beforehand{pre:no}]"},
    {"vote.deny", NULL, SHOWN, TIMELINE_AT_NODE, "n", "no vote for {cand}, term {cterm} ({why})"},
    {"vote.count", NULL, QUIET, TIMELINE_AT_NODE, "*", "{have} of {need} votes, now of {from}"},
    {"timer.set", NULL, QUIET, TIMELINE_AT_NODE, "t", "{tm} timer set for {at:ms} ({why})"},
    {"timer.fire", NULL, SHOWN, TIMELINE_AT_NODE, "T", "{tm} timer"},
    {"log.reject", NULL, SHOWN, TIMELINE_AT_NODE, "n", "append refused: no entry {pi} of term {pt} ({why})"},
    {"log.truncate", NULL, SHOWN, TIMELINE_AT_NODE, "-", "removes entries {from} to {old_last} ({why})"},
    {"commit.advance", NULL, SHOWN, TIMELINE_AT_NODE, "c", "commit {old} -> {new} ({why})"},
    {"disk.sync", NULL, SHOWN, TIMELINE_AT_NODE, "d",
     "stored: {what}[ up to {upto}][, term {pterm}][, vote {pvote}][, error {err}]"},
    {"peer.state", NULL, QUIET, TIMELINE_AT_NODE, "*", "{peer}: next {next}, match {match}"},
    {"state.hash", NULL, QUIET, TIMELINE_AT_NODE, "*", "state after {at}: {h}"},
    {"req.reply", NULL, SHOWN, TIMELINE_AT_NODE, "!", "{res} to {cli}: {op}[ {key}][ = {val}]"},
    {"req.redirect", NULL, SHOWN, TIMELINE_AT_NODE, "!", "redirects {cli} to {to} ({why})"},
    {"read.local", NULL, SHOWN, TIMELINE_AT_NODE, "*", "read.local {key}[ = {val}] at {at}, policy {policy}"},
    {"read.index", NULL, SHOWN, TIMELINE_AT_NODE, "*", "read index {idx}, round {round}"},
    {"read.confirm", NULL, SHOWN, TIMELINE_AT_NODE, "*", "round {round} confirmed by {have}"},
    {"read.serve", NULL, SHOWN, TIMELINE_AT_NODE, "*",
     "read {key}[ = {val}] at {at}[, round {round}][, lease until {lease:ms}]"},
    {"lease.grant", NULL, QUIET, TIMELINE_AT_NODE, "*", "lease until {until:ms}"},
    {"msg.recv", "app_req", SHOWN, TIMELINE_AT_NODE, "R", "app_req from {from}, term {mterm}[, {ents:count} entries]"},
    {"msg.recv", "app_res", SHOWN, TIMELINE_AT_NODE, "R", "app_res from {from}, term {mterm}, ok {ok}[, up to {mi}]"},
    {"msg.recv", "vote_res", SHOWN, TIMELINE_AT_NODE, "R", "vote_res from {from}, term {mterm}, ok {ok}"},
    {"msg.recv", "prevote_res", SHOWN, TIMELINE_AT_NODE, "R", "prevote_res from {from}, term {mterm}, ok {ok}"},
    {"msg.recv", NULL, SHOWN, TIMELINE_AT_NODE, "R", "{ty} from {from}[, term {mterm}][ {key}]"},
    {"msg.ignore", NULL, SHOWN, TIMELINE_AT_NODE, "n", "ignores it ({why})"},
    {"net.in", NULL, SHOWN, TIMELINE_AT_SRC, "S", "{ty|datagram}[, term {term}], to {dst}"},
    {"net.out", NULL, SHOWN, TIMELINE_AT_DST, "R", "datagram d:{d} from {src}"},
    {"net.dup", NULL, QUIET, TIMELINE_NOWHERE, "", "d:{d} is doubled"},
    {"net.drop", NULL, SHOWN, TIMELINE_AT_DST, "x", "d:{d} from {src} is lost ({why}[, F{f}])"},
    {"fault.begin", NULL, SHOWN, TIMELINE_NOWHERE, "", "F{f} begins: {kind}[ {node}][ {groups}][ {links}]"},
    {"fault.end", NULL, SHOWN, TIMELINE_NOWHERE, "", "F{f} ends: {kind}[ {node}]"},
    {"op.invoke", NULL, QUIET, TIMELINE_NOWHERE, "", "op:{op} {f} {key}[ = {val}]"},
    {"op.try", NULL, SHOWN, TIMELINE_NOWHERE, "", NULL},
    {"op.return", NULL, SHOWN, TIMELINE_NOWHERE, "", "op:{op} {res}[ {val}][ by {by}][ ({why})]"},
    {"trace.open", NULL, QUIET, TIMELINE_AT_NODE, "*", NULL},
    {"trace.close", NULL, QUIET, TIMELINE_AT_NODE, "*", NULL},
    {"trace.clock", NULL, QUIET, TIMELINE_AT_NODE, "*", NULL},
    {"node.start", NULL, SHOWN, TIMELINE_AT_NODE, "$", NULL},
    {"node.stop", NULL, SHOWN, TIMELINE_AT_NODE, "X", NULL},
    {"", NULL, SHOWN, TIMELINE_AT_NODE, "*", NULL},
};

const struct timeline_kind *timeline_kind(const char *ev, struct trace_text ty)
{
    const struct timeline_kind *k = table;
    while (k->ev[0] != '\0' && (strcmp(k->ev, ev) != 0 || (k->ty != NULL && !trace_text_is(ty, k->ty))))
        k++;
    return k;
}

bool timeline_fits(const char *patterns, const char *name)
{
    while (*patterns != '\0') {
        char one[128];
        size_t n = strcspn(patterns, ",");
        snprintf(one, sizeof one, "%.*s", (int)n, patterns);
        if (n > 0 && n < sizeof one && fnmatch(one, name, 0) == 0)
            return true;
        patterns += n + (patterns[n] == ',');
    }
    return false;
}

int timeline_column(const struct timeline_columns *c, const char *name, size_t n)
{
    for (int i = 0; i < c->n; i++) {
        if (strlen(c->name[i]) == n && memcmp(c->name[i], name, n) == 0)
            return i;
    }
    return -1;
}
