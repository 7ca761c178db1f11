/* sim_replica.h -- replicas that are no replicas, for the simulator's tests: the test program starts itself as one. */
#ifndef FAULTLINE_TEST_SIM_REPLICA_H
#define FAULTLINE_TEST_SIM_REPLICA_H

/* argv: PROGRAM sim-replica KIND PORT ID OTHER...; never returns when argv[1] is "sim-replica", else does nothing.
 * Kinds:
 *   echo        0000 is always the leader and answers from its memory, the others redirect to it
 *   hostile     as echo, but 0001 crashes at once, 0002 ignores SIGTERM, 0003 prints without end, 0004 sends garbage,
 *               0005 never says hello, 0006 answers what nobody asked
 *   deaf        says hello and does nothing more
 *   lying       as echo, but gets are answered with what nobody ever wrote
 *   returning   as echo; prints FAULTLINE_BOOT and its arguments, and 0004 ends by itself at its second start */
void sim_replica_main(int argc, char **argv);

#endif
