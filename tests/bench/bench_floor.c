/* bench_floor.c -- what the pattern of a put costs without doing anything: client -> A -> B -> A -> client, one
 * datagram each over loopback UDP, three processes. No replica of three members can be faster on this machine; how near
 * ours comes is the figure to look at beside bench_replica's. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_BYTES = 165, APPEND_BYTES = 275, ACK_BYTES = 171, ANSWER_BYTES = 90, SECONDS = 2 };

static int open_socket(struct sockaddr_in *at)
{
    socklen_t n = sizeof *at;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, (struct sockaddr *)at, n) != 0 || getsockname(fd, (struct sockaddr *)at, &n) != 0) {
        perror("bench_floor: socket");
        exit(1);
    }
    return fd;
}

static void give(int fd, const struct sockaddr_in *to, const char *bytes, size_t n)
{
    if (sendto(fd, bytes, n, 0, (const struct sockaddr *)to, sizeof *to) < 0)
        perror("bench_floor: sendto");
}

/* A leader that does nothing: what comes from the follower answers the client, all else goes to the follower. */
static void lead(int fd, const struct sockaddr_in *follower, const struct sockaddr_in *client)
{
    static char bytes[2048];
    for (;;) {
        struct sockaddr_in from;
        socklen_t n = sizeof from;
        if (recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &n) <= 0)
            continue;
        if (from.sin_port == follower->sin_port)
            give(fd, client, bytes, ANSWER_BYTES);
        else
            give(fd, follower, bytes, APPEND_BYTES);
    }
}

static void follow(int fd, const struct sockaddr_in *leader)
{
    static char bytes[2048];
    for (;;)
        if (recv(fd, bytes, sizeof bytes, 0) > 0)
            give(fd, leader, bytes, ACK_BYTES);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* `n` requests under way at once, for SECONDS. Requests per second. */
static double load(int fd, const struct sockaddr_in *leader, int n)
{
    static char bytes[2048];
    unsigned long done = 0;
    double start = now(), end = start + SECONDS;
    for (int i = 0; i < n; i++)
        give(fd, leader, bytes, REQUEST_BYTES);
    while (now() < end && recv(fd, bytes, sizeof bytes, 0) > 0) {
        done++;
        give(fd, leader, bytes, REQUEST_BYTES);
    }
    double seconds = now() - start;
    for (int i = 0; i < n; i++) /* what is still under way */
        if (recv(fd, bytes, sizeof bytes, 0) <= 0)
            break;
    return (double)done / seconds;
}

int main(void)
{
    struct sockaddr_in leader, follower, client;
    int leader_fd = open_socket(&leader), follower_fd = open_socket(&follower), client_fd = open_socket(&client);
    struct timeval patience = {.tv_sec = 1};
    setsockopt(client_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    pid_t a = fork();
    if (a == 0)
        lead(leader_fd, &follower, &client);
    pid_t b = a > 0 ? fork() : -1;
    if (b == 0)
        follow(follower_fd, &leader);
    if (a < 0 || b < 0) {
        perror("bench_floor: fork");
        return 1;
    }
    static const int under_way[] = {1, 8, 64};
    printf("requests under way   requests/s   us each\n");
    for (size_t i = 0; i < sizeof under_way / sizeof *under_way; i++) {
        double rate = load(client_fd, &leader, under_way[i]);
        printf("%18d %12.0f %9.1f\n", under_way[i], rate, 1e6 / rate);
    }
    kill(a, SIGKILL);
    kill(b, SIGKILL);
    waitpid(a, NULL, 0);
    waitpid(b, NULL, 0);
    return 0;
}
