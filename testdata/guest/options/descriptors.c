// Opens descriptors of all kinds in the directory it is run in, closes some, and prints their numbers. With an argument it uses
// descriptors that are closed.
// build: gcc -O0 -g
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int opener(const char *name) { return open(name, O_RDWR | O_CREAT, 0600); }

static void inet(void) {
    int s = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in sa = {.sin_family = AF_INET};
    sa.sin_addr.s_addr = inet_addr("127.0.0.1");
    bind(s, (void *)&sa, sizeof sa);
    listen(s, 1);
    socklen_t n = sizeof sa;
    getsockname(s, (void *)&sa, &n);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    connect(client, (void *)&sa, sizeof sa);
    accept(s, 0, 0);
    socket(AF_INET, SOCK_DGRAM, 0);
    socket(AF_INET6, SOCK_DGRAM, 0);
}

static void local(void) {
    struct sockaddr_un su = {.sun_family = AF_UNIX, .sun_path = "/tmp/gogrind-descriptors"};
    unlink(su.sun_path);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(s, (void *)&su, sizeof su);
    unlink(su.sun_path);
    int pair[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);

    // A descriptor that comes in a message.
    char data = 0, control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec io = {&data, 1};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &pair[0], sizeof(int));
    sendmsg(pair[0], &m, 0);
    recvmsg(pair[1], &m, 0);
}

int main(int argc, char **argv) {
    int a = opener("file"), p[2];
    pipe(p);
    if (argc > 1) {
        write(p[1], "x", 1);
        close(p[0]);
        read(p[0], p, 1);
        close(p[0]);
        close(777);
        close(-1);
        dup2(a, -1);
        return 0;
    }
    pipe2(p, O_CLOEXEC);
    inet();
    local();
    int d = dup(a);
    dup2(a, 200);
    fcntl(a, F_DUPFD, 210);
    epoll_create1(0);
    eventfd(0, 0);
    memfd_create("name", 0);
    close(d);
    close(p[0]);
    printf("%d %d %d\n", a, p[1], d);
    return 0;
}
