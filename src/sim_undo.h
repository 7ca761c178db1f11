/* sim_undo.h -- `simulate --without F3 --deliver d:1316 RUN`: the run of a directory again, with a fault left out or a
 * lost datagram delivered, and everything else as it was as far as it can be: decisions of chance are keyed by the
 * names of what they are about. */
#ifndef FAULTLINE_SIM_UNDO_H
#define FAULTLINE_SIM_UNDO_H

#include "sim_options.h"

/* The exit status, after words on stdout: 0 the violation is gone, 1 it still happens, 2 the run did not fail to begin
 * with; 64 and up, 64 also when the run has no such fault or lost datagram. */
int sim_undo(struct sim_options *o, char **argv, const char *version);

#endif
