/* client_main.c -- the client program: arguments, one request, and what its exit status says about it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "client.h"
#include "client_options.h"
#include "client_show.h"
#include "seal.h"

#define EX_REFUSED 1
#define EX_UNKNOWN 2

/* Standard input, as far as could ever fit: one byte more is refused later. NULL: with words on stderr. */
static char *read_value(void)
{
    char *text = malloc(DATAGRAM_MAX + 2);
    if (!text)
        abort();
    size_t n = fread(text, 1, DATAGRAM_MAX + 1, stdin);
    text[n] = '\0';
    const char *wrong = ferror(stdin)                            ? "cannot be read"
                        : strlen(text) != n                      ? "has a NUL byte: values are text"
                        : n <= DATAGRAM_MAX && !kv_is_text(text) ? "is not UTF-8: values are text"
                                                                 : NULL;
    if (!wrong)
        return text;
    fprintf(stderr, "kv: the value on standard input %s\n", wrong);
    free(text);
    return NULL;
}

static int status_of(enum client_result result, const struct kv_options *o, const struct message *answer)
{
    switch (result) {
    case CLIENT_OK:
        return EX_OK;
    case CLIENT_REFUSED:
        fprintf(stderr, "kv: refused: ");
        kv_show_text(stderr, answer->why ? answer->why : "it does not fit", true);
        fprintf(stderr, "\n");
        return EX_REFUSED;
    case CLIENT_UNKNOWN:
        fprintf(stderr, "kv: no answer within %llu ms: it may have taken effect, or may yet\n",
                (unsigned long long)o->timeout_ms);
        return EX_UNKNOWN;
    case CLIENT_NO_LEADER:
        fprintf(stderr, "kv: servers answered, but none of them led within %llu ms: nothing was done\n",
                (unsigned long long)o->timeout_ms);
        return EX_UNAVAILABLE;
    case CLIENT_UNAVAILABLE:
        fprintf(stderr, "kv: no server answered within %llu ms: are they running, at these addresses%s?\n",
                (unsigned long long)o->timeout_ms, o->key_file ? ", with this key and cluster name" : "");
        return EX_UNAVAILABLE;
    case CLIENT_TOO_LARGE:
        fprintf(stderr, "kv: key and value do not fit into a datagram\n");
        return EX_REFUSED;
    }
    return EX_SOFTWARE;
}

static int ask(struct client *c, const struct kv_options *o)
{
    struct message request = {.type = o->command,
                              .key = o->key,
                              .value = o->value,
                              .change = o->change,
                              .node = o->node,
                              .address = o->address},
                   answer;
    char *typed = NULL;
    if (o->command == MESSAGE_PUT && strcmp(o->value, "-") == 0) {
        request.value = typed = read_value();
        if (!typed)
            return EX_DATAERR;
    }
    int status = status_of(client_ask(c, &request, o->timeout_ms, &answer), o, &answer);
    if (status == EX_OK && o->command == MESSAGE_GET) {
        kv_show_text(stdout, answer.value ? answer.value : "", isatty(STDOUT_FILENO));
        putchar('\n');
    }
    free(typed);
    return status;
}

static int show_status(struct client *c, const struct kv_options *o)
{
    const struct client_server *servers;
    unsigned n = client_status(c, o->timeout_ms, &servers), answered = 0;
    for (unsigned i = 0; i < n; i++)
        answered += servers[i].answered;
    if (!answered)
        return status_of(CLIENT_UNAVAILABLE, o, NULL);
    if (o->json)
        kv_show_json(servers, n);
    else
        kv_show_table(servers, n);
    return EX_OK;
}

int main(int argc, char **argv)
{
    struct kv_options o;
    char err[KV_ERR_LEN], client_err[CLIENT_ERR_LEN];
    signal(SIGPIPE, SIG_IGN);
    if (!kv_options_parse(&o, argc, argv, getenv, err)) {
        fprintf(stderr, "kv: %s\n", err);
        return EX_USAGE;
    }
    if (o.help || o.version) {
        fputs(o.help ? kv_help : "faultline-kv " FAULTLINE_VERSION "\n", stdout);
        return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
    }
    unsigned char key[SEAL_KEY_BYTES];
    if (o.key_file && !seal_read_key(o.key_file, o.cluster, key, client_err)) {
        fprintf(stderr, "kv: %s\n", client_err);
        return EX_NOINPUT;
    }
    const struct client_options co = {.key = o.key_file ? key : NULL, .servers = o.servers, .n_servers = o.n_servers};
    struct client *c = client_new(&co, client_err);
    if (!c) {
        fprintf(stderr, "kv: %s\n", client_err);
        return EX_UNAVAILABLE;
    }
    int status = o.command == MESSAGE_STATUS ? show_status(c, &o) : ask(c, &o);
    client_free(c);
    if (fflush(stdout) != 0 && status == EX_OK) {
        fprintf(stderr, "kv: cannot write to standard output\n");
        status = EX_IOERR;
    }
    return status;
}
