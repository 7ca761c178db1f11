/* abort() in a replica's code must end that replica alone. A process that catches SIGABRT and does not return from the
 * handler goes on (C11 7.22.4.1); abort() is called between two statements of ours, so nothing of ours is half done
 * outside of the replica. What the replica holds is given up, not freed: it may be in any state. */
#include "sim_virtual_int.h"

#include <stdlib.h>

/* The handler takes no context. Set only while a replica's code runs. */
static struct virtual *guarded;

static void aborted(int sig)
{
    struct virtual *v = guarded;
    guarded = NULL;
    if (v)
        siglongjmp(v->escape, sig);
}

void virtual_abort_open(struct virtual *v)
{
    struct sigaction action = {.sa_handler = aborted, .sa_flags = SA_NODEFER};
    sigemptyset(&action.sa_mask);
    sigaction(SIGABRT, &action, &v->aborted);
}

void virtual_abort_close(struct virtual *v)
{
    sigaction(SIGABRT, &v->aborted, NULL);
}

bool virtual_abort_guard(struct virtual *v, void (*body)(void *ctx), void *ctx)
{
    if (sigsetjmp(v->escape, 0) != 0)
        return false;
    guarded = v;
    body(ctx);
    guarded = NULL;
    return true;
}
