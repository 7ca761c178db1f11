/* What a campaign cannot reach whatever the seed, and why: so that nobody waits for it, and a kind of record that is
 * neither reached nor listed here stands out (tests/test_campaign.sh). */
#include "sim_coverage_int.h"

#include <string.h>

static const struct {
    const char *kind, *reason;
} never[] = {
    {"", ""},
};

const char *coverage_never(const char *kind)
{
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (strcmp(never[i].kind, kind) == 0)
            return never[i].reason;
    return NULL;
}
