#include "sim_save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BAD_DATA = 65, NO_INPUT = 66, IO_ERROR = 74 };

static int failed(char err[512], const char *path)
{
    snprintf(err, 512, "%.400s: %s", path, strerror(errno));
    return IO_ERROR;
}

static int write_file(const char *dir, const char *name, const char *bytes, size_t n, mode_t mode, char err[512])
{
    char path[SIM_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!f)
        return failed(err, path);
    bool written = fwrite(bytes, 1, n, f) == n;
    written = fclose(f) == 0 && written;
    return written ? 0 : failed(err, path);
}

static int write_scenario(const struct sim_config *c, const char *dir, char err[512])
{
    char path[SIM_PATH_MAX + 32];
    json_t *named = json_copy(c->scenario);
    json_object_set_new(named, "name", json_string(c->name));
    snprintf(path, sizeof path, "%s/scenario.json", dir);
    int rc = json_dump_file(named, path, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0 ? 0 : failed(err, path);
    json_decref(named);
    return rc;
}

int sim_save(const struct sim_result *r, const struct sim_config *c, const char *dir, char err[512])
{
    char self[SIM_PATH_MAX], script[SIM_PATH_MAX + 200];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    int len = snprintf(script, sizeof script,
                       "#!/bin/sh\n# The same run again; SIMULATE names another build of it.\n"
                       "exec \"${SIMULATE:-%s}\" --replay \"$(dirname \"$0\")\" \"$@\"\n",
                       strpbrk(self, "\"$`\\") ? "simulate" : self);
    int rc = write_scenario(c, dir, err);
    if (rc == 0 && r->decisions)
        rc = write_file(dir, "decisions.jsonl", r->decisions, r->n_decisions, 0666, err);
    if (rc == 0)
        rc = write_file(dir, "rerun.sh", script, (size_t)len, 0777, err);
    if (rc == 0 && !sim_tapes_write(&r->tapes, dir, err))
        rc = IO_ERROR;
    return rc;
}

static bool take_args(const json_t *args, struct sim_options *o)
{
    size_t i;
    const json_t *arg;
    json_array_foreach(args, i, arg)
    {
        if (!json_is_string(arg) || o->n_command > SIM_REPLICA_ARGS_MAX)
            return false;
        o->command[o->n_command++] = json_string_value(arg);
    }
    return true;
}

int sim_save_load(const char *dir, struct sim_options *o, struct sim_saved *saved, char err[512])
{
    char path[SIM_PATH_MAX + 32];
    *saved = (struct sim_saved){.run = NULL};
    if (strlen(dir) >= SIM_PATH_MAX) {
        snprintf(err, 512, "--replay: the name of the directory is too long");
        return NO_INPUT;
    }
    snprintf(path, sizeof path, "%s/run.json", dir);
    if (access(path, R_OK) != 0) {
        snprintf(err, 512, "%.400s: %s; --replay takes the directory of a run", path, strerror(errno));
        return NO_INPUT;
    }
    saved->run = json_load_file(path, 0, NULL);
    const json_t *seed = json_object_get(saved->run, "seed"), *args = json_object_get(saved->run, "replica_args");
    if (!json_is_integer(seed) || !json_is_array(args) || (o->n_command == 1 && !take_args(args, o))) {
        snprintf(err, 512, "%.400s: not of a run in virtual time, which alone can be had again", path);
        return BAD_DATA;
    }
    if (!o->has_seed)
        o->seed = (uint64_t)json_integer_value(seed);
    o->has_seed = true;
    if (!o->reads)
        o->reads = json_string_value(json_object_get(saved->run, "reads"));
    o->go_on = o->go_on || json_is_true(json_object_get(saved->run, "go_on"));
    o->data = o->data || json_is_true(json_object_get(saved->run, "data"));
    snprintf(saved->scenario, sizeof saved->scenario, "%s/scenario.json", dir);
    o->scenario = saved->scenario;
    snprintf(saved->decisions, sizeof saved->decisions, "%s/decisions.jsonl", dir);
    if (!o->decisions && access(saved->decisions, R_OK) == 0)
        o->decisions = saved->decisions;
    return 0;
}
