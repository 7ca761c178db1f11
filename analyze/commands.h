/* commands.h -- the commands of analyze: one file and one row of the table in main.c each. */
#ifndef FAULTLINE_COMMANDS_H
#define FAULTLINE_COMMANDS_H

/* Each gets its own arguments, argv[0] being the command's name, and returns an exit status (cli.h). */
int cmd_load(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_timeline(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_sql(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_schema(int argc, char **argv);
/* analyze RUN: load if needed, check, explain the worst. */
int cmd_verdict(int argc, char **argv);

#endif
