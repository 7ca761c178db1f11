/* sim_swarm.h -- a scenario for each seed: which faults, how strong, how many replicas and clients, how they are set
 * up.
 *
 * Swarm testing (Groce et al. 2012): runs that each leave most faults out and have few of them strongly find more than
 * runs that have a little of everything. Faults come in the first half of the load; the second half must show progress.
 */
#ifndef FAULTLINE_SIM_SWARM_H
#define FAULTLINE_SIM_SWARM_H

#include <stdint.h>

/* The scenario of this seed as JSON text, always the same; the caller's. Aborts on out of memory. */
char *sim_swarm(uint64_t seed);

#endif
