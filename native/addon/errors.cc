// Errors of system calls, in the form that Node gives them.
#include "addon.h"
#include <cctype>
#include <cerrno>
#include <cstring>

// A table of our own: strerrorname_np is in glibc 2.32 and later only.
const char *ErrorName(int error) {
    // clang-format off
#define NAME(code) case code: return #code;
    switch (error) {
    NAME(EPERM) NAME(ENOENT) NAME(ESRCH) NAME(EINTR) NAME(EIO) NAME(ENXIO) NAME(E2BIG)
    NAME(ENOEXEC) NAME(EBADF) NAME(ECHILD) NAME(EAGAIN) NAME(ENOMEM) NAME(EACCES) NAME(EFAULT)
    NAME(ENOTBLK) NAME(EBUSY) NAME(EEXIST) NAME(EXDEV) NAME(ENODEV) NAME(ENOTDIR) NAME(EISDIR)
    NAME(EINVAL) NAME(ENFILE) NAME(EMFILE) NAME(ENOTTY) NAME(ETXTBSY) NAME(EFBIG) NAME(ENOSPC)
    NAME(ESPIPE) NAME(EROFS) NAME(EMLINK) NAME(EPIPE) NAME(EDOM) NAME(ERANGE) NAME(EDEADLK)
    NAME(ENAMETOOLONG) NAME(ENOSYS) NAME(ENOTEMPTY) NAME(ELOOP) NAME(ENODATA) NAME(EPROTO)
    NAME(EOVERFLOW) NAME(EBADFD) NAME(ELIBBAD) NAME(EUSERS) NAME(ENOTSOCK) NAME(EDESTADDRREQ)
    NAME(EMSGSIZE) NAME(EPROTOTYPE) NAME(ENOPROTOOPT) NAME(EPROTONOSUPPORT) NAME(EOPNOTSUPP)
    NAME(EAFNOSUPPORT) NAME(EADDRINUSE) NAME(EADDRNOTAVAIL) NAME(ENETDOWN) NAME(ENETUNREACH)
    NAME(ECONNABORTED) NAME(ECONNRESET) NAME(ENOBUFS) NAME(EISCONN) NAME(ENOTCONN)
    NAME(ETOOMANYREFS) NAME(ETIMEDOUT) NAME(ECONNREFUSED) NAME(EALREADY) NAME(EINPROGRESS)
    NAME(ESTALE) NAME(EUCLEAN) NAME(EDQUOT) NAME(ECANCELED) NAME(ENOKEY)
    default: return "UNKNOWN";
    }
#undef NAME
    // clang-format on
}

Napi::Value ThrowMessage(Napi::Env env, int error, const char *call, const std::string &message) {
    if (env.IsExceptionPending())
        return env.Undefined();
    Napi::Error thrown = Napi::Error::New(env, message);
    thrown.Set("errno", Napi::Number::New(env, -error));
    thrown.Set("code", Napi::String::New(env, ErrorName(error)));
    thrown.Set("syscall", Napi::String::New(env, call));
    thrown.ThrowAsJavaScriptException();
    return env.Undefined();
}

Napi::Value Throw(Napi::Env env, int error, const char *call, const std::string &path) {
    std::string text = strerror(error);
    if (text.size() > 1 && islower(text[1]))
        text[0] = tolower(text[0]);
    std::string message = std::string(ErrorName(error)) + ": " + text + ", " + call;
    if (!path.empty())
        message += " '" + path + "'";
    return ThrowMessage(env, error, call, message);
}
