// What init tells the runtime: messages on the sync socket, and why an op failed.
#pragma once
#include "sys.h"

// Ops return 0, or what one of these returns (a negative errno).
// The runtime prints "CALL ABOUT: what errno means".
int fail(long error, const char *call, const char *about);
// As fail, with the text of the kernel for a file system that could not be made.
int fail_with(long error, const char *call, const char *about, const char *detail);
// A text that says everything.
int refuse(int error, const char *text);
// For a text that the caller made by `failure_text`.
struct text;
struct text *failure_text(void);
int fail_as_written(long error, bool complete);

// Which op the next messages are about.
void report_about(uint32_t op_index);
// kind: MSG_*; fd: sent along, or -1.
int send_message(uint32_t kind, uint32_t value, int fd);
void send_warning(int error);
_Noreturn void die(int error);
// Waits for `go`. Does not return when the runtime is gone.
int wait_for_go(void);
void close_sync(void);
// -1 when it is closed.
int sync_descriptor(void);
int move_sync_from(int end);
