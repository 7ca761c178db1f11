/* sim_shrink.h -- `simulate --shrink RUN`: makes a run that fails as small as it can be while it fails the same way: a
 * violation of the same class, and the same rule of Raft broken first. Delta debugging (Zeller and Hildebrandt,
 * "Simplifying and Isolating Failure-Inducing Input", 2002) over faults, operations and single decisions; fewer
 * replicas, clients and keys, less time, a plainer network.
 *
 * Where another seed fails the same way without operations, or with fewer replicas, that run is shrunk in place of the
 * first. */
#ifndef FAULTLINE_SIM_SHRINK_H
#define FAULTLINE_SIM_SHRINK_H

#include "sim_options.h"

/* The exit status, after words on stdout: 0 a run directory was made, of a run that fails the same way; 2 the run did
 * not fail when it was made again; 128 + N signal N came: the smallest run so far was written; 64 and up. */
int sim_shrink(struct sim_options *o, char **argv, const char *version);

#endif
