#include "members.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

bool members_prepare(struct members *m, unsigned n, const char *parent, char err[LOAD_ERR_LEN])
{
    *m = (struct members){.n = n};
    if (!process_tempdir(parent, m->dir)) {
        m->dir[0] = '\0';
        snprintf(err, LOAD_ERR_LEN, "cannot make a directory below %.200s", parent);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        m->port[i] = process_free_port();
        m->peer_port[i] = process_free_port();
    }
    return true;
}

bool members_launch(struct members *m, unsigned i, const char *const *argv, char err[LOAD_ERR_LEN])
{
    char log[PROCESS_PATH + 16];
    snprintf(log, sizeof log, "%s/log.%u", m->dir, i);
    m->pid[i] = process_start(argv, log);
    if (m->pid[i] > 0)
        return true;
    snprintf(err, LOAD_ERR_LEN, "cannot start %.200s", argv[0]);
    return false;
}

void members_blame(const struct members *m, unsigned i, const char *what, char err[LOAD_ERR_LEN])
{
    char log[PROCESS_PATH + 16], tail[LOAD_ERR_LEN / 2] = "";
    snprintf(log, sizeof log, "%s/log.%u", m->dir, i);
    FILE *f = fopen(log, "r");
    if (f) {
        if (fseek(f, -(long)sizeof tail + 1, SEEK_END) != 0)
            rewind(f);
        tail[fread(tail, 1, sizeof tail - 1, f)] = '\0';
        fclose(f);
    }
    snprintf(err, LOAD_ERR_LEN, "%.80s; it printed: %s", what, tail);
}

bool members_ask_tcp(uint16_t port, const char *question, char *answer, size_t room)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval wait = {.tv_sec = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    size_t n = 0, length = strlen(question);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, question, length, MSG_NOSIGNAL) == (ssize_t)length) {
        ssize_t got;
        while (n + 1 < room && (got = recv(fd, answer + n, room - 1 - n, 0)) > 0)
            n += (size_t)got;
    }
    answer[n] = '\0';
    if (fd >= 0)
        close(fd);
    return n > 0;
}

double members_cpu_s(const struct members *m)
{
    double s = 0;
    for (unsigned i = 0; i < m->n; i++)
        s += process_cpu_s(m->pid[i]);
    return s;
}

void members_stop(struct members *m)
{
    for (unsigned i = 0; i < m->n; i++)
        process_stop(m->pid[i]);
    if (m->dir[0])
        process_remove(m->dir);
    *m = (struct members){0};
}
