// What the files of the addon share: reading arguments, throwing, and the lists of functions.
#pragma once
#include <cerrno>
#include <cstdint>
#include <napi.h>
#include <string>
#include <vector>

using Arguments = const Napi::CallbackInfo &;

// -- arguments.cc: a wrong type leaves a JavaScript exception pending; ask Failed() after reading
// all of them.
bool Failed(Arguments info);
Napi::Value Field(Napi::Value object, const char *name);
Napi::Value Element(Napi::Value array, uint32_t index);
uint32_t Length(Napi::Value array);
int ToInt(Napi::Value value);
uint32_t ToUint(Napi::Value value);
uint64_t ToUint64(Napi::Value value);
bool ToBool(Napi::Value value);
std::string ToText(Napi::Value value);
std::vector<int> ToInts(Napi::Value value);
std::vector<std::string> ToTexts(Napi::Value value);
Napi::Uint8Array ToBytes(Napi::Value value);
Napi::Value FromBytes(Napi::Env env, const void *data, size_t length);
Napi::Value FromInts(Napi::Env env, const std::vector<int> &values);

// -- errors.cc
// Throws what a failed system call is in Node: `code`, `errno` (negative), `syscall`, `path` when
// there is one.
Napi::Value Throw(Napi::Env env, int error, const char *call, const std::string &path = "");
// The same with a message of its own.
Napi::Value ThrowMessage(Napi::Env env, int error, const char *call, const std::string &message);
const char *ErrorName(int error);

// -- descriptors.cc
struct pollfd;
// poll(2) that goes on after a signal for what is left of the time; 0 or an error number.
int PollUntil(pollfd *entries, size_t count, int timeout);

// Makes the call again as long as a signal interrupts it.
template <typename Call> auto Restarting(Call call) {
    decltype(call()) result;
    do
        result = call();
    while (result == -1 && errno == EINTR);
    return result;
}

template <typename Function>
void Define(Napi::Object exports, const char *name, Function function) {
    exports.Set(name, Napi::Function::New(exports.Env(), function, name));
}

void DefineSpawn(Napi::Object exports);
void DefineProcesses(Napi::Object exports);
void DefineDescriptors(Napi::Object exports);
void DefineMessages(Napi::Object exports);
void DefineSignals(Napi::Object exports);
void DefineTerminals(Napi::Object exports);
void DefineSeccomp(Napi::Object exports);
void DefineBpf(Napi::Object exports);
void DefineBus(Napi::Object exports);
void DefineWatch(Napi::Object exports);
