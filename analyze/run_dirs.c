#include "run_dirs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "load.h"
#include "mem.h"
#include "pairmap.h"

enum { DEEPEST = 3 };

bool run_dirs_is_run(const char *dir)
{
    struct dirent *e;
    bool found = false;
    DIR *d = opendir(dir);
    while (d != NULL && !found && (e = readdir(d)) != NULL)
        found = strcmp(e->d_name, "run.db") == 0 || load_is_trace(e->d_name);
    if (d != NULL)
        closedir(d);
    return found;
}

void run_dirs_add(struct run_dirs *all, const char *path)
{
    all->path = vector_grow(all->path, &all->room, all->n, sizeof *all->path);
    all->path[all->n++] = mem_text(path, strlen(path));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void find(struct run_dirs *all, const char *dir, int depth)
{
    if (run_dirs_is_run(dir)) {
        run_dirs_add(all, dir);
        return;
    }
    struct dirent **e;
    size_t len = strlen(dir);
    while (len > 1 && dir[len - 1] == '/')
        len--;
    int n = depth > 0 ? scandir(dir, &e, NULL, by_name) : -1;
    for (int i = 0; i < n; i++) {
        char path[4096];
        struct stat st;
        int size = snprintf(path, sizeof path, "%.*s/%s", (int)len, dir, e[i]->d_name);
        if (e[i]->d_name[0] != '.' && size < (int)sizeof path && lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
            find(all, path, depth - 1);
        free(e[i]);
    }
    if (n >= 0)
        free(e);
}

void run_dirs_find(struct run_dirs *all, const char *dir)
{
    find(all, dir, DEEPEST);
}

void run_dirs_free(struct run_dirs *all)
{
    for (size_t i = 0; i < all->n; i++)
        free(all->path[i]);
    free(all->path);
}
