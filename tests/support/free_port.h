/* free_port.h -- for tests: a UDP port of the loopback interface that nobody uses just now. */
#ifndef FAULTLINE_TEST_FREE_PORT_H
#define FAULTLINE_TEST_FREE_PORT_H

/* `family`: AF_INET or AF_INET6; 0 when the machine has no such interface. Ports of one process differ. */
unsigned free_port(int family);

#endif
