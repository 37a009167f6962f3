// Descriptors on the event loop of the thread that asks: a callback instead of a blocking poll(2).
// libuv allows one handle for each descriptor of a loop, so the descriptor is the name of its
// watch.
#include "addon.h"
#include <cerrno>
#include <poll.h>
#include <unordered_map>
#include <uv.h>

namespace {

struct Watch {
    uv_poll_t handle;
    napi_env env;
    Napi::FunctionReference callback;
    Napi::AsyncContext context;
    napi_async_cleanup_hook_handle cleanup = nullptr;
};

struct Watches {
    std::unordered_map<int, Watch *> of;
};

int ToUv(int events) {
    return (events & POLLIN ? UV_READABLE : 0) | (events & POLLOUT ? UV_WRITABLE : 0) |
           (events & POLLPRI ? UV_PRIORITIZED : 0) | (events & POLLRDHUP ? UV_DISCONNECT : 0);
}

int FromUv(int status, int events) {
    if (status < 0)
        return POLLERR;
    return (events & UV_READABLE ? POLLIN : 0) | (events & UV_WRITABLE ? POLLOUT : 0) |
           (events & UV_PRIORITIZED ? POLLPRI : 0) | (events & UV_DISCONNECT ? POLLRDHUP : 0);
}

void OnEvent(uv_poll_t *handle, int status, int events) {
    Watch *watch = static_cast<Watch *>(handle->data);
    Napi::Env env(watch->env);
    Napi::HandleScope scope(env);
    Napi::Value ready = Napi::Number::New(env, FromUv(status, events));
    // Not of the watch: the callback may end it.
    Napi::Function callback = watch->callback.Value();
    callback.MakeCallback(env.Global(), {ready}, watch->context);
    if (env.IsExceptionPending())
        napi_fatal_exception(env, env.GetAndClearPendingException().Value());
}

void OnClosed(uv_handle_t *handle) {
    Watch *watch = static_cast<Watch *>(handle->data);
    napi_remove_async_cleanup_hook(watch->cleanup);
    delete watch;
}

void Close(Watch *watch) {
    uv_close(reinterpret_cast<uv_handle_t *>(&watch->handle), OnClosed);
}

// The thread ends: nobody will ask any more.
void OnCleanup(napi_async_cleanup_hook_handle, void *data) {
    Watch *watch = static_cast<Watch *>(data);
    if (!uv_is_closing(reinterpret_cast<uv_handle_t *>(&watch->handle)))
        Close(watch);
}

Watch *Find(Napi::Env env, int fd) {
    auto &watches = env.GetInstanceData<Watches>()->of;
    auto found = watches.find(fd);
    if (found != watches.end())
        return found->second;
    Throw(env, EBADF, "uv_poll");
    return nullptr;
}

Napi::Value StartWatch(Arguments info) {
    Napi::Env env = info.Env();
    int fd = ToInt(info[0]), events = ToInt(info[1]);
    if (Failed(info))
        return env.Undefined();
    if (!info[2].IsFunction()) {
        Napi::TypeError::New(env, "A function was expected").ThrowAsJavaScriptException();
        return env.Undefined();
    }
    auto &watches = env.GetInstanceData<Watches>()->of;
    if (watches.count(fd) != 0)
        return Throw(env, EEXIST, "uv_poll");
    uv_loop_t *loop = nullptr;
    if (napi_get_uv_event_loop(env, &loop) != napi_ok)
        return Throw(env, EINVAL, "napi_get_uv_event_loop");
    Watch *watch = new Watch{
        {}, env, Napi::Persistent(info[2].As<Napi::Function>()), Napi::AsyncContext(env, "tsrun")};
    watch->handle.data = watch;
    if (int error = uv_poll_init(loop, &watch->handle, fd); error < 0) {
        delete watch;
        return Throw(env, -error, "uv_poll_init");
    }
    napi_add_async_cleanup_hook(env, OnCleanup, watch, &watch->cleanup);
    if (int error = uv_poll_start(&watch->handle, ToUv(events), OnEvent); error < 0) {
        Close(watch);
        return Throw(env, -error, "uv_poll_start");
    }
    watches[fd] = watch;
    return env.Undefined();
}

Napi::Value ChangeWatch(Arguments info) {
    int fd = ToInt(info[0]), events = ToInt(info[1]);
    Watch *watch = Failed(info) ? nullptr : Find(info.Env(), fd);
    if (watch == nullptr)
        return info.Env().Undefined();
    if (int error = uv_poll_start(&watch->handle, ToUv(events), OnEvent); error < 0)
        Throw(info.Env(), -error, "uv_poll_start");
    return info.Env().Undefined();
}

Napi::Value HoldLoop(Arguments info) {
    int fd = ToInt(info[0]);
    bool on = ToBool(info[1]);
    Watch *watch = Failed(info) ? nullptr : Find(info.Env(), fd);
    if (watch == nullptr)
        return info.Env().Undefined();
    auto *handle = reinterpret_cast<uv_handle_t *>(&watch->handle);
    on ? uv_ref(handle) : uv_unref(handle);
    return info.Env().Undefined();
}

Napi::Value EndWatch(Arguments info) {
    int fd = ToInt(info[0]);
    Watch *watch = Failed(info) ? nullptr : Find(info.Env(), fd);
    if (watch == nullptr)
        return info.Env().Undefined();
    info.Env().GetInstanceData<Watches>()->of.erase(fd);
    Close(watch);
    return info.Env().Undefined();
}

} // namespace

void DefineWatch(Napi::Object exports) {
    exports.Env().SetInstanceData(new Watches);
    Define(exports, "watch", StartWatch);
    Define(exports, "changeWatch", ChangeWatch);
    Define(exports, "holdLoop", HoldLoop);
    Define(exports, "endWatch", EndWatch);
}
