// Verbs that need no engine.
#pragma once
#include <stdbool.h>

#define FOR_THE_ENGINE (-1)

// Does what the words ask for and returns the exit status; or, when that is the engine's, leaves
// all as it was and returns FOR_THE_ENGINE.
int run_verb(char **words, char **environment);
