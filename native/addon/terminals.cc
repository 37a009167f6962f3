// Terminals: settings and window size.
#include "addon.h"
#include <cerrno>
#include <cstring>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace {

Napi::Value IsTerminal(Arguments info) {
    int fd = ToInt(info[0]);
    return Failed(info) ? info.Env().Undefined() : Napi::Boolean::New(info.Env(), isatty(fd) == 1);
}

Napi::Value RawMode(Arguments info) {
    int fd = ToInt(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    termios before;
    if (tcgetattr(fd, &before) < 0)
        return Throw(info.Env(), errno, "tcgetattr");
    termios raw = before;
    cfmakeraw(&raw);
    // Newlines are made complete here, not by the terminal that is shown (plainNewlines).
    raw.c_oflag |= OPOST;
    if (Restarting([&] { return tcsetattr(fd, TCSANOW, &raw); }) < 0)
        return Throw(info.Env(), errno, "tcsetattr");
    return FromBytes(info.Env(), &before, sizeof before);
}

Napi::Value PlainNewlines(Arguments info) {
    int fd = ToInt(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    termios settings;
    if (tcgetattr(fd, &settings) < 0)
        return Throw(info.Env(), errno, "tcgetattr");
    settings.c_oflag &= ~static_cast<tcflag_t>(ONLCR);
    if (Restarting([&] { return tcsetattr(fd, TCSANOW, &settings); }) < 0)
        return Throw(info.Env(), errno, "tcsetattr");
    return info.Env().Undefined();
}

Napi::Value RestoreTerminal(Arguments info) {
    int fd = ToInt(info[0]);
    Napi::Uint8Array bytes = ToBytes(info[1]);
    if (Failed(info))
        return info.Env().Undefined();
    termios settings;
    if (bytes.ByteLength() != sizeof settings)
        return Throw(info.Env(), EINVAL, "tcsetattr");
    memcpy(&settings, bytes.Data(), sizeof settings);
    if (Restarting([&] { return tcsetattr(fd, TCSANOW, &settings); }) < 0)
        return Throw(info.Env(), errno, "tcsetattr");
    return info.Env().Undefined();
}

Napi::Value GetWindowSize(Arguments info) {
    int fd = ToInt(info[0]);
    if (Failed(info))
        return info.Env().Undefined();
    winsize size = {};
    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return Throw(info.Env(), errno, "ioctl");
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("rows", Napi::Number::New(info.Env(), size.ws_row));
    result.Set("columns", Napi::Number::New(info.Env(), size.ws_col));
    return result;
}

Napi::Value SetWindowSize(Arguments info) {
    int fd = ToInt(info[0]);
    winsize size = {};
    size.ws_row = static_cast<unsigned short>(ToUint(info[1]));
    size.ws_col = static_cast<unsigned short>(ToUint(info[2]));
    if (!Failed(info) && ioctl(fd, TIOCSWINSZ, &size) < 0)
        Throw(info.Env(), errno, "ioctl");
    return info.Env().Undefined();
}

} // namespace

void DefineTerminals(Napi::Object exports) {
    Define(exports, "isTerminal", IsTerminal);
    Define(exports, "rawMode", RawMode);
    Define(exports, "plainNewlines", PlainNewlines);
    Define(exports, "restoreTerminal", RestoreTerminal);
    Define(exports, "getWindowSize", GetWindowSize);
    Define(exports, "setWindowSize", SetWindowSize);
}
