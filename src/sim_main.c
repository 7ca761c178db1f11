/* simulate: what was asked for. */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include "sim_campaign.h"
#include "sim_config.h"
#include "sim_one.h"
#include "sim_options.h"
#include "sim_shrink.h"
#include "sim_undo.h"
#include "trace.h"

enum { PASSED = 0, IO_ERROR = 74 };

/* What was asked for instead of a run. */
static int print(const struct sim_options *o)
{
    static const char *const scenario_help[] = {sim_config_help, sim_config_help_faults, sim_config_help_nodes, NULL};
    if (o->version)
        printf("simulate %s, trace schema %s %d, jansson %s\n", FAULTLINE_VERSION, TRACE_SCHEMA, TRACE_VERSION,
               jansson_version_str());
    else
        for (const char *const *part = o->help ? sim_options_help : scenario_help; *part; part++)
            fputs(*part, stdout);
    return fflush(stdout) == 0 && !ferror(stdout) ? PASSED : IO_ERROR;
}

int main(int argc, char **argv)
{
    static struct sim_options o;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    int rc = sim_options_parse(argc, argv, &o);
    if (rc)
        return rc;
    if (o.help || o.help_scenario || o.version)
        return print(&o);
    if (o.shrink)
        return sim_shrink(&o, argv, FAULTLINE_VERSION);
    if (o.n_undo > 0)
        return sim_undo(&o, argv, FAULTLINE_VERSION);
    return o.seeds ? sim_campaign(&o, argv, FAULTLINE_VERSION) : sim_one(&o, argv, FAULTLINE_VERSION);
}
