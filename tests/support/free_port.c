#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../src/udp.h"
#include "free_port.h"

unsigned free_port(int family)
{
    static unsigned char given[UINT16_MAX + 1];
    struct address at = {.n = family == AF_INET6 ? sizeof at.at.v6 : sizeof at.at.v4};
    at.at.any.sa_family = (sa_family_t)family;
    if (family == AF_INET6)
        at.at.v6.sin6_addr = in6addr_loopback;
    else
        at.at.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (;;) {
        struct udp u;
        char err[UDP_ERR_LEN];
        if (!udp_open_at(&u, &at, err))
            return 0;
        unsigned port = udp_port(&u);
        udp_close(&u);
        if (!given[port]++)
            return port;
    }
}
